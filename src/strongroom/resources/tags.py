"""
Tags of subscriptions, resource groups and resources, by a right of their own (`Microsoft.Resources/tags`).

Whoever may tag changes nothing else of a resource. Names of tags are compared without case, as ARM compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from strongroom.core.errors import Invalid, NotFound
from strongroom.core.networks import Perimeter, PrivateEndpoint, VirtualNetwork
from strongroom.core.resources import Machine, ResourceGroup, Subscription, UserAssignedIdentity
from strongroom.core.vaults import Vault
from strongroom.resources.scopes import Scope, confirm
from strongroom.resources.tracked import check_tags
from strongroom.store import Transaction

Tagged = (
    Subscription | ResourceGroup | Vault | UserAssignedIdentity | Machine | VirtualNetwork | PrivateEndpoint | Perimeter
)
"""What can have tags."""


class TagOperation(StrEnum):
    """How a PATCH changes tags."""

    MERGE = "Merge"
    REPLACE = "Replace"
    DELETE = "Delete"


def tagged_at(scope: Scope) -> Tagged:
    """
    Give what is tagged at a scope.

    Raises:
        Invalid: nothing there has tags.
    """
    resource = scope.resource
    if not isinstance(resource, Tagged) or resource.scope != scope.path:
        raise Invalid(
            "Tags are of subscriptions, resource groups and tracked resources; this scope is none of them.",
            code="TagsNotSupportedForResourceType",
        )
    return resource


async def change_tags(
    tx: Transaction, scope: Scope, operation: TagOperation, tags: Mapping[str, str], *, now: int, by: str
) -> Tagged:
    """
    Change the tags of what is at a scope, as they are now.

    Raises:
        NotFound: it is gone.
        Invalid: the tags that it would have.
    """
    known = tagged_at(scope)
    await confirm(tx, scope)
    current = await tx.record(type(known), known.partition, known.id)
    if current is None:
        raise NotFound(f"The resource '{scope.path}' was not found.", code="ResourceNotFound")
    changed: Tagged = replace(current, tags=check_tags(apply(operation, current.tags, tags)))
    if isinstance(changed, Vault):
        changed = replace(changed, updated=now, updated_by=by)
    await tx.put(changed)
    return changed


def apply(operation: TagOperation, there: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """
    Give the tags there would be.

    To delete a tag takes its name, and its value if one is given: another value is another tag.
    """
    if operation is TagOperation.REPLACE:
        return dict(given)
    names = {name.casefold(): name for name in there}
    result = dict(there)
    for name, value in check_tags(given).items():
        known = names.get(name.casefold())
        if operation is TagOperation.MERGE:
            result[name if known is None else known] = value
        elif known is not None and value in {"", there[known]}:
            del result[known]
    return result
