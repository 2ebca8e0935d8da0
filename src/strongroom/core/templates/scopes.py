"""
Where a deployment is, and the ids that follow from it.

    /                                                    the tenant
    /providers/Microsoft.Management/managementGroups/m   a management group
    /subscriptions/s                                     a subscription
    /subscriptions/s/resourceGroups/g                    a resource group
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from strongroom.core.templates.faults import TemplateFault


class ScopeKind(StrEnum):
    """What a scope is, as the schema of a template names it."""

    TENANT = "tenant"
    MANAGEMENT_GROUP = "managementGroup"
    SUBSCRIPTION = "subscription"
    GROUP = "resourceGroup"


_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)(?:/resourceGroups/([^/]+))?", re.IGNORECASE)
_MANAGEMENT_GROUP = re.compile(r"/providers/Microsoft\.Management/managementGroups/([^/]+)", re.IGNORECASE)
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,99}(?:/[A-Za-z][A-Za-z0-9.]{0,99}){1,9}")
_NAME = re.compile(r"[^/\x00-\x1f?#%\\<>]{1,260}")
_GROUP_TYPE = "microsoft.resources/resourcegroups"


@dataclass(frozen=True, slots=True)
class Place:
    """A scope that can be deployed at."""

    path: str
    kind: ScopeKind
    subscription: str = ""
    group: str = ""
    management_group: str = ""

    @property
    def prefix(self) -> str:
        """What ids begin with: the path, or nothing for the tenant."""
        return "" if self.kind is ScopeKind.TENANT else self.path

    def deployment(self, name: str) -> str:
        """Give the id of a deployment here."""
        return f"{self.prefix}/providers/Microsoft.Resources/deployments/{name}"


def parse_place(path: str) -> Place | None:
    """Read a scope; None if it is none that can be deployed at."""
    if path in ("", "/"):
        return Place("/", ScopeKind.TENANT)
    match = _SUBSCRIPTION.fullmatch(path)
    if match is not None:
        kind = ScopeKind.GROUP if match[2] else ScopeKind.SUBSCRIPTION
        return Place(path, kind, match[1], match[2] or "")
    match = _MANAGEMENT_GROUP.fullmatch(path)
    return None if match is None else Place(path, ScopeKind.MANAGEMENT_GROUP, management_group=match[1])


def resource_path(resource_type: str, names: str) -> str:
    """
    Give what an id has behind its scope: `/providers/A.B/c/{name}/d/{name}`.

    Raises:
        TemplateFault: it is no type, no name, or there are not as many names as types.
    """
    if _TYPE.fullmatch(resource_type) is None:
        raise TemplateFault(f"The type '{resource_type[:128]}' is not a valid resource type")
    namespace, *types = resource_type.split("/")
    given = names.split("/")
    if len(given) != len(types) or not all(_NAME.fullmatch(one) and one not in (".", "..") for one in given):
        raise TemplateFault(
            f"The template resource '{names[:128]}' of type '{resource_type[:128]}' has incorrect segment lengths. A"
            " nested resource type must have identical number of segments as its resource name"
        )
    steps = "".join(f"/{kind}/{name}" for kind, name in zip(types, given, strict=True))
    return f"/providers/{namespace}{steps}"


def resource_id(scope: str, resource_type: str, names: str) -> str:
    """Give the id of a resource in a scope, whose path has no slash at its end."""
    if resource_type.lower() == _GROUP_TYPE:
        resource_path(resource_type, names)
        return f"{scope}/resourceGroups/{names}"
    return f"{scope}{resource_path(resource_type, names)}"


def type_and_names(resource: str) -> tuple[str, str]:
    """Give the type and the names of what an id is of: `A.B/c/d` and `x/y`; of a resource group, its own."""
    _, mark, rest = resource.rpartition("/providers/")
    if not mark:
        match = _SUBSCRIPTION.fullmatch(resource)
        if match is not None and match[2]:
            return "Microsoft.Resources/resourceGroups", match[2]
        return "Microsoft.Resources/subscriptions", resource.rpartition("/")[2]
    namespace, *steps = rest.split("/")
    return "/".join([namespace, *steps[::2]]), "/".join(steps[1::2])
