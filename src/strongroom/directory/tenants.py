"""Tenants: who exists and who vouches for them."""

from __future__ import annotations

import re
from collections.abc import Callable

from strongroom.core.errors import Conflict, Invalid, NameTaken
from strongroom.core.first_party import FIRST_PARTY
from strongroom.core.guids import new_guid
from strongroom.core.identity import ServicePrincipal, Tenant
from strongroom.store import Transaction

_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+", re.ASCII
)


async def create_tenant(
    tx: Transaction, *, display_name: str, domains: tuple[str, ...], now: int, entropy: Callable[[int], bytes]
) -> Tenant:
    """
    Make a tenant with its verified domains, the first of which is its default, and its principals of Azure's resources.

    Raises:
        Conflict: another tenant has one of the domains.
        Invalid: a domain is not a domain name of two labels or more.
    """
    lowered = tuple(domain.lower() for domain in domains)
    for domain in lowered:
        if _DOMAIN.fullmatch(domain) is None:
            raise Invalid(f"'{domain}' is not a domain name.")
    if not lowered:
        raise Invalid("A tenant needs a domain.")
    tenant = Tenant(new_guid(entropy), display_name, lowered, now)
    try:
        await tx.put(tenant)
    except NameTaken as taken:
        raise Conflict(f"Another tenant has the domain '{taken.name.removeprefix('domain:')}'.") from None
    for app_id, party in FIRST_PARTY.items():
        await tx.put(ServicePrincipal(new_guid(entropy), tenant.id, app_id, party.display_name, now))
    return tenant
