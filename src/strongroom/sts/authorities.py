"""Authorities: which tenant the first segment of a path means."""

from __future__ import annotations

import re
from collections.abc import Mapping

from strongroom.core.aadsts import refuse
from strongroom.core.identity import Tenant
from strongroom.core.installation import Installation
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Target
from strongroom.flow.world import World

ADFS = "adfs"
"""The alias that lets clients use an authority of any name without instance discovery (reference clients.md R4)."""
MULTI_TENANT = frozenset({"common", "organizations"})
_TENANT_NAME = re.compile(r"[A-Za-z0-9.-]{1,253}", re.ASCII)


def authority_target(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Resolve a path of the token service: it is about no resource, and anyone may ask."""
    return Target("", params)


def is_tenant_name(text: str) -> bool:
    """Tell whether *text* could name a tenant at all: a GUID, a domain, or one of the words."""
    return _TENANT_NAME.fullmatch(text) is not None


def find_tenant(world: World, name: str, *, error: str | None = None) -> Tenant:
    """
    Find the tenant that a path names by GUID, by verified domain or by the alias.

    *error* is the word for programs where it is another one than the token endpoint's.

    Raises:
        Invalid: AADSTS900023, it cannot be a tenant's name; 90002, there is none of that name.
    """
    if not is_tenant_name(name):
        raise refuse(900023, tenant=name, error=error)
    tenant = known_tenant(world, name)
    if tenant is None:
        raise refuse(90002, tenant=name, error=error)
    return tenant


def known_tenant(world: World, name: str) -> Tenant | None:
    """Find the tenant that a path names, if it names one."""
    return world.view.tenant(_first_tenant(world) if name.lower() == ADFS else name.lower())


def _first_tenant(world: World) -> str:
    return next(iter(world.view.all(Installation))).tenant
