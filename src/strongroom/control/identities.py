"""Managed identities, as the operator names them."""

from __future__ import annotations

from strongroom.core.echo import RESOURCE_ID, RESOURCE_NAME, shown
from strongroom.core.errors import Conflict, NotFound
from strongroom.core.identity import ServicePrincipal
from strongroom.core.resources import Machine, UserAssignedIdentity
from strongroom.view import View

Identity = UserAssignedIdentity | Machine
"""What stands behind a managed identity in ARM: a resource of its own, or the machine that it is the identity of."""


def find_identity(view: View, name: str) -> Identity:
    """
    Find a managed identity by its name, which is its machine's if it is one's own, its ARM id or its client id.

    Raises:
        NotFound: there is none.
        Conflict: a name means more than one.
    """
    wanted = name.casefold()
    by_id = wanted.startswith("/")
    every: list[Identity] = [
        *view.all(UserAssignedIdentity),
        *(machine for machine in view.all(Machine) if machine.principal_id is not None),
    ]
    found = [one for one in every if wanted in (one.scope.casefold(), one.name.casefold(), one.client_id)]
    if not found:
        wanted_name = shown(name, RESOURCE_ID if by_id else RESOURCE_NAME)
        known = ", ".join(sorted({one.name for one in every})) or "none"
        raise NotFound(f"There is no managed identity named '{wanted_name}'. There is: {known}.")
    if len(found) > 1:
        raise Conflict(
            f"Several managed identities are named '{name}': {', '.join(sorted(one.scope for one in found))}."
        )
    return found[0]


def require_identity_principal(view: View, identity: Identity) -> ServicePrincipal:
    """
    Find an identity's principal.

    Raises:
        NotFound: it is gone or disabled.
    """
    principal = view.principal(identity.tenant, identity.principal_id or "")
    if not isinstance(principal, ServicePrincipal) or not principal.enabled:
        raise NotFound(f"The managed identity '{identity.name}' has no enabled principal.")
    return principal
