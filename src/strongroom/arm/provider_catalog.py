"""
What this service's resource providers have: their types and actions, taken from the rows and nowhere else.

Types are what the rows' tables name; actions are what the rows ask for, beside those that `core.known_actions` knows of
a provider that is not served whole yet: a custom role may name them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from strongroom.arm.documents import TYPES, Document
from strongroom.core.api_versions import arm_versions
from strongroom.core.echo import RESOURCE_TYPE, shown
from strongroom.core.errors import NotFound
from strongroom.core.known_actions import CONTROL_ACTIONS, DATA_ACTIONS
from strongroom.core.permissions import ControlAction
from strongroom.core.records import Record
from strongroom.flow.operation import Op
from strongroom.resources.moves import Movable

ALWAYS = frozenset(
    {"microsoft.authorization", "microsoft.management", "microsoft.resources", "strongroom.authorization"}
)
"""Providers that every subscription uses, without being registered for them: `RegistrationFree`."""
_TRACKED = frozenset(name.lower() for name in TYPES.values())
_MOVABLE = frozenset(TYPES[kind].lower() for kind in get_args(Movable))
_MOVES = ("CrossResourceGroupResourceMove", "CrossSubscriptionResourceMove")
_HAS = ("SupportsTags", "SupportsLocation")
_VERBS = {"read": "Read", "write": "Create or update", "delete": "Delete"}


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a provider's, on the control plane or, with *data*, on that of its resources."""

    name: str
    data: bool = False

    def show(self, namespace: str) -> Document:
        """Write it as a provider's list of operations has it."""
        return {
            "name": self.name,
            "isDataAction": self.data,
            "display": self._display(namespace),
            "origin": "user,system",
        }

    def show_for_roles(self) -> Document:
        """Write it as `providerOperations` has it."""
        display = self._display("")
        return {
            "name": self.name,
            "displayName": display["operation"],
            "description": display["description"],
            "origin": "user,system",
            "properties": None,
            "isDataAction": self.data,
        }

    def resource_type(self) -> str:
        """Give the type of resource that it is about, below the provider; empty for the provider itself."""
        parts = self.name.split("/")[1:-1]
        if self.name.endswith("/action") and parts:
            parts = parts[:-1]
        return "/".join(parts)

    def _display(self, namespace: str) -> Document:
        kind = self.resource_type() or "resource provider"
        last, word = self.name.split("/")[-2:]
        operation = f"{_VERBS.get(word, last)} {kind}"
        return {"provider": namespace, "resource": kind, "operation": operation, "description": f"{operation}."}


@dataclass(frozen=True, slots=True)
class Provider:
    """One resource provider, as far as it is served."""

    namespace: str
    types: tuple[str, ...]
    """Below the namespace."""
    actions: tuple[Action, ...]

    @property
    def is_free(self) -> bool:
        """Tell whether it is there without registration."""
        return self.namespace.lower() in ALWAYS

    @property
    def kinds(self) -> tuple[type[Record], ...]:
        """Name the kinds of resource that it has."""
        return tuple(kind for kind, name in TYPES.items() if name.partition("/")[0] == self.namespace)

    def show_type(self, name: str, region: str, *, aliases: bool = False) -> Document:
        """Write one of its types."""
        kind = f"{self.namespace}/{name}".lower()
        capabilities = (*(_MOVES if kind in _MOVABLE else ()), *(_HAS if kind in _TRACKED else ()))
        shown_type: Document = {
            "resourceType": name,
            "locations": [] if self.is_free else [region],
            "apiVersions": list(reversed(arm_versions(self.namespace))),
            "capabilities": ", ".join(capabilities) or "None",
        }
        return {**shown_type, "aliases": []} if aliases else shown_type

    def show(self, region: str, *, subscription: str = "", registered: bool = True, aliases: bool = False) -> Document:
        """Write it, as *subscription* has it or, without one, as the tenant sees it."""
        document: Document = {
            "id": f"{subscription}/providers/{self.namespace}",
            "namespace": self.namespace,
            "resourceTypes": [self.show_type(name, region, aliases=aliases) for name in self.types],
        }
        if subscription:
            document["registrationPolicy"] = "RegistrationFree" if self.is_free else "RegistrationRequired"
            document["registrationState"] = "Registered" if registered else "Unregistered"
        return document

    def show_operations(self, *, types: bool) -> Document:
        """Write its actions, as roles name them; those of its types only with *types*."""
        by_type: dict[str, list[Document]] = {}
        for action in self.actions:
            by_type.setdefault(action.resource_type(), []).append(action.show_for_roles())
        own = by_type.pop("", [])
        below = [{"name": name, "displayName": name, "operations": found} for name, found in sorted(by_type.items())]
        return {
            "id": f"/providers/Microsoft.Authorization/providerOperations/{self.namespace}",
            "type": "Microsoft.Authorization/providerOperations",
            "name": self.namespace,
            "displayName": self.namespace,
            "resourceTypes": below if types else [],
            "operations": own,
        }


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every provider that is served, in order of namespace."""

    providers: tuple[Provider, ...]

    def find(self, namespace: str) -> Provider:
        """
        Find a provider by its namespace, in any case.

        Raises:
            NotFound: `InvalidResourceNamespace`.
        """
        for provider in self.providers:
            if provider.namespace.lower() == namespace.lower():
                return provider
        served = ", ".join(provider.namespace for provider in self.providers)
        raise NotFound(
            f"The resource namespace '{shown(namespace, RESOURCE_TYPE)}' is invalid. This service has these resource"
            f" namespaces: {served}.",
            code="InvalidResourceNamespace",
        )


def make_catalog(types: Iterable[str], operations: Iterable[Op]) -> Catalog:
    """Put together the providers that have *types*, with what *operations* ask for."""
    below: dict[str, list[str]] = {}
    for name in types:
        namespace, _, kind = name.partition("/")
        below.setdefault(namespace, []).append(kind)
    asked = {op.requires.action for op in operations if isinstance(op.requires, ControlAction)}
    asked |= {f"{namespace}/{word}/action" for namespace in below for word in ("register", "unregister")}
    actions = [Action(name) for name in sorted({*asked, *CONTROL_ACTIONS}, key=str.lower)]
    actions += [Action(name, data=True) for name in sorted(DATA_ACTIONS, key=str.lower)]
    return Catalog(
        tuple(
            Provider(
                namespace,
                tuple(dict.fromkeys([*sorted(kinds), "operations"])),
                tuple(one for one in actions if one.name.partition("/")[0].lower() == namespace.lower()),
            )
            for namespace, kinds in sorted(below.items())
        )
    )
