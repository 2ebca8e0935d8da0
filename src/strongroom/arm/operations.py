"""
The table of the management plane's operations, made of one table for each provider.

Literal segments match in any case, as ARM's do (`make_surface(..., case_insensitive=True)`). Rows of one resource ask
for the resource's own ARM action at the scope in the path; lists are open to every principal of the tenant and show
what its rights let it see. The api-version is read in `rows`, because ARM's versions are each provider's own (reference
section 3.1).
"""

from __future__ import annotations

import re

from strongroom.arm.async_operations import ASYNC_OPERATION_ROWS, ASYNC_OPERATION_TYPES
from strongroom.arm.container_operations import CONTAINER_ROWS, CONTAINER_TYPES
from strongroom.arm.deployment_operations import DEPLOYMENT_ROWS, DEPLOYMENT_TYPES
from strongroom.arm.event_operations import EVENT_ROWS, EVENT_TYPES
from strongroom.arm.explain_operations import EXPLAIN_ROWS, EXPLAIN_TYPES
from strongroom.arm.identity_operations import IDENTITY_ROWS, IDENTITY_TYPES
from strongroom.arm.insights_operations import INSIGHTS_ROWS, INSIGHTS_TYPES
from strongroom.arm.key_operations import KEY_ROWS, KEY_TYPES
from strongroom.arm.lock_operations import LOCK_ROWS, LOCK_TYPES
from strongroom.arm.network_operations import NETWORK_ROWS, NETWORK_TYPES
from strongroom.arm.policy_operations import POLICY_ROWS, POLICY_TYPES
from strongroom.arm.provider_operations import PROVIDER_TYPES, provider_rows
from strongroom.arm.rights_operations import RIGHTS_ROWS, RIGHTS_TYPES
from strongroom.arm.secret_operations import SECRET_ROWS, SECRET_TYPES
from strongroom.arm.tag_operations import TAG_ROWS, TAG_TYPES
from strongroom.arm.vault_operations import VAULT_ROWS, VAULT_TYPES
from strongroom.core.echo import RESOURCE_TYPE, shown
from strongroom.core.errors import NotFound
from strongroom.flow.operation import Op
from strongroom.http.routing import split_path

_ROWS: tuple[Op, ...] = (
    *CONTAINER_ROWS,
    *TAG_ROWS,
    *VAULT_ROWS,
    *SECRET_ROWS,
    *KEY_ROWS,
    *IDENTITY_ROWS,
    *RIGHTS_ROWS,
    *LOCK_ROWS,
    *EXPLAIN_ROWS,
    *POLICY_ROWS,
    *NETWORK_ROWS,
    *INSIGHTS_ROWS,
    *EVENT_ROWS,
    *DEPLOYMENT_ROWS,
    *ASYNC_OPERATION_ROWS,
)

SERVED_TYPES: tuple[str, ...] = (
    *VAULT_TYPES,
    *SECRET_TYPES,
    *KEY_TYPES,
    *NETWORK_TYPES,
    *RIGHTS_TYPES,
    *LOCK_TYPES,
    *IDENTITY_TYPES,
    *CONTAINER_TYPES,
    *TAG_TYPES,
    *EXPLAIN_TYPES,
    *INSIGHTS_TYPES,
    *EVENT_TYPES,
    *DEPLOYMENT_TYPES,
    *POLICY_TYPES,
    *ASYNC_OPERATION_TYPES,
    *PROVIDER_TYPES,
)

CATALOG, _PROVIDER_ROWS = provider_rows(SERVED_TYPES, _ROWS)

OPERATIONS: tuple[Op, ...] = (*_ROWS, *_PROVIDER_ROWS)

_EMPTY_PARENT = re.compile(rb"(/providers/[^/]+)//", re.IGNORECASE)

_ENCODED_SLASH = re.compile(rb"\A/%2f(?=subscriptions|providers)", re.IGNORECASE)


def respelled(_method: str, path: bytes) -> bytes:
    """
    Write a path as its row has it.

    Azure's SDKs leave an empty segment where a resource has no parent, `/providers/X//y`, and write a whole scope, its
    first slash too, behind a slash of their own: `/%2Fsubscriptions%2F...`.
    """
    return _EMPTY_PARENT.sub(rb"\1/", _ENCODED_SLASH.sub(b"/", path))


def unserved(path: bytes) -> NotFound:
    """Say that nothing of the kind is served at a path, and what is: of the namespace that it names, if it is one."""
    segments = split_path(path)
    folded = [segment.lower() for segment in segments]
    namespaces = ", ".join(provider.namespace for provider in CATALOG.providers)
    if "providers" not in folded[:-1]:
        return NotFound(
            f"The path is not one of this service's. It has these resource namespaces: {namespaces}.", code="NotFound"
        )
    place = len(folded) - 1 - folded[::-1].index("providers")
    kinds = segments[place + 2 :: 2]
    try:
        provider = CATALOG.find(segments[place + 1])
    except NotFound as unknown:
        return unknown
    kind = "/".join(kinds)
    # Such as a subscription's diagnostic settings: "could not be found" beside a list that has it helps nobody.
    is_elsewhere = kind.lower() in {one.lower() for one in provider.types}
    found = "is served at other scopes than this one, in" if is_elsewhere else "could not be found in"
    return NotFound(
        f"The resource type '{shown(kind, RESOURCE_TYPE)}' {found} the namespace"
        f" '{provider.namespace}'. This service has these resource types of it: {', '.join(provider.types)}; and these"
        f" resource namespaces: {namespaces}.",
        code="InvalidResourceType",
    )
