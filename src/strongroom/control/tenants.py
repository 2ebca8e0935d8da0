"""Which tenant the operator means."""

from __future__ import annotations

from strongroom.core.errors import Conflict, NotFound
from strongroom.core.identity import Tenant
from strongroom.view import View


def require_tenant(view: View, named: str | None) -> Tenant:
    """
    Find the tenant with this id or domain; where there is only one it need not be named.

    Raises:
        Conflict: none is named and there are several.
        NotFound: there is no such tenant.
    """
    tenants = view.tenants()
    known = ", ".join(sorted(f"{tenant.id} ({tenant.domains[0]})" for tenant in tenants))
    if named is None:
        if len(tenants) != 1:
            raise Conflict(f"There are several tenants; name one: {known}.")
        return tenants[0]
    found = view.tenant(named)
    if found is None:
        raise NotFound(f"There is no such tenant. There is: {known}.")
    return found
