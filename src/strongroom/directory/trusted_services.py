"""
Trusted services: which service principal is one of Azure's, for which operations, by the operator's word.

    add --> firewalls whose bypass says AzureServices let the principal do the named operations
    remove, or the principal is deleted --> it is as any other caller with its next request
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from strongroom.core.errors import Conflict, Invalid, NameTaken, NotFound
from strongroom.core.guids import new_guid
from strongroom.core.identity import ServicePrincipal
from strongroom.core.networks import TrustedService
from strongroom.core.records import INSTANCE
from strongroom.core.trusted_services import SERVICES, find_service
from strongroom.directory.principals import require_service_principal
from strongroom.store import Transaction


def make_trusted_service(
    principal: ServicePrincipal,
    service: str,
    operations: Iterable[str],
    *,
    known: frozenset[str],
    now: int,
    entropy: Callable[[int], bytes],
) -> TrustedService:
    """
    Make a service principal one of Azure's trusted services; `add_trusted_service` makes it count.

    *known* are the names of the operations there are.

    Raises:
        Invalid: there is no such service, or no such operation, or none is named.
    """
    name = find_service(service)
    if name is None:
        raise Invalid(f"That is none of the trusted services. They are: {', '.join(SERVICES)}.")
    wanted = tuple(sorted(set(operations)))
    if not wanted or not known.issuperset(wanted):
        raise Invalid(f"A service is trusted for named operations. They are: {', '.join(sorted(known))}.")
    return TrustedService(
        new_guid(entropy), principal.tenant, principal.id, name, wanted, now, flag=SERVICES[name].flag
    )


async def add_trusted_service(tx: Transaction, made: TrustedService) -> None:
    """
    Let a trusted service count.

    Raises:
        NotFound: the principal is gone.
        Conflict: the principal is one already.
    """
    await require_service_principal(tx, made.tenant, made.principal)
    try:
        await tx.put(made)
    except NameTaken:
        raise Conflict("This service principal is a trusted service already. Remove that first.") from None


async def remove_trusted_service(tx: Transaction, record_id: str) -> None:
    """
    Let a service principal be as any other.

    Raises:
        NotFound: there is no such trusted service.
    """
    found = await tx.record(TrustedService, INSTANCE, record_id)
    if found is None:
        raise NotFound("There is no such trusted service.")
    await tx.remove(found)


async def remove_trust_in(tx: Transaction, tenant: str, principal: str | None = None) -> None:
    """Remove what makes a principal a trusted service, or every principal of a tenant, as it is deleted."""
    for one in await tx.records(TrustedService, INSTANCE):
        if one.tenant == tenant and principal in {None, one.principal}:
            await tx.remove(one)
