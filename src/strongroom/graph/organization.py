"""Handlers of /organization and /domains: what the caller's tenant is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.core.guids import parse_guid
from strongroom.core.identity import Tenant
from strongroom.directory.principals import no_such_object
from strongroom.flow.call import Call
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.odata import collection, entity
from strongroom.graph.render import instant
from strongroom.http.message import Response


@dataclass(frozen=True, slots=True)
class _Domain:
    """A verified domain; its name is its id."""

    id: str
    default: bool


_EQ = frozenset({Operator.EQ})
TENANT_FILTERS: Mapping[str, Filterable[Tenant]] = {"id": Filterable(lambda one: one.id, _EQ)}
DOMAIN_FILTERS: Mapping[str, Filterable[_Domain]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "isDefault": Filterable(lambda one: one.default, _EQ),
    "isVerified": Filterable(lambda _: True, _EQ),
}


async def list_organizations(call: Call) -> Response:
    """List the caller's tenant, which is the one there is."""
    return collection(call, "organization", [_tenant(call)], TENANT_FILTERS, "Organization", _organization)


async def get_organization(call: Call) -> Response:
    """Get the caller's tenant by its id."""
    tenant = _tenant(call)
    if parse_guid(call.params["organization"]) != tenant.id:
        raise no_such_object(call.params["organization"])
    return entity(call, "organization", _organization(tenant))


async def list_domains(call: Call) -> Response:
    """List the tenant's domains."""
    return collection(call, "domains", _domains(_tenant(call)), DOMAIN_FILTERS, "Domain", _domain)


async def get_domain(call: Call) -> Response:
    """Get one of the tenant's domains."""
    name = call.params["domain"]
    found = next((one for one in _domains(_tenant(call)) if one.id == name.lower()), None)
    if found is None:
        raise no_such_object(name)
    return entity(call, "domains", _domain(found))


def _tenant(call: Call) -> Tenant:
    tenant = call.world.view.tenant(call.identity.tenant)
    if tenant is None:
        raise no_such_object(call.identity.tenant)
    return tenant


def _domains(tenant: Tenant) -> list[_Domain]:
    return [_Domain(name, name == tenant.domains[0]) for name in tenant.domains]


def _organization(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "deletedDateTime": None,
        "createdDateTime": instant(tenant.created),
        "displayName": tenant.display_name,
        "tenantType": "AAD",
        "assignedPlans": [],
        "verifiedDomains": [
            {"capabilities": "", "isDefault": one.default, "isInitial": one.default, "name": one.id, "type": "Managed"}
            for one in _domains(tenant)
        ],
    }


def _domain(one: _Domain) -> dict[str, Any]:
    return {
        "id": one.id,
        "authenticationType": "Managed",
        "isAdminManaged": True,
        "isDefault": one.default,
        "isInitial": one.default,
        "isRoot": True,
        "isVerified": True,
        "supportedServices": [],
    }
