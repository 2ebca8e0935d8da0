"""Handlers of /identity/conditionalAccess: policies and named locations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import msgspec

from strongroom.core import limits
from strongroom.core.conditional_access import AccessPolicy, NamedNetwork, check_ranges
from strongroom.core.errors import Invalid
from strongroom.core.guids import new_guid, parse_guid
from strongroom.core.records import Record, tenant_partition
from strongroom.directory import conditional_access as directory
from strongroom.directory.principals import no_such_object
from strongroom.flow.call import Call
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.odata import collection, entity
from strongroom.graph.policy_body import AccessPolicyBody, merged, read_policy, render_policy
from strongroom.graph.render import instant
from strongroom.graph.wire import Name, Wire, require
from strongroom.http.message import Response

R = TypeVar("R", bound=Record)
POLICIES = "identity/conditionalAccess/policies"
LOCATIONS = "identity/conditionalAccess/namedLocations"
_IP_LOCATION = "#microsoft.graph.ipNamedLocation"

_EQ = frozenset({Operator.EQ})
_NAME = _EQ | {Operator.STARTS_WITH}
FILTERS: Mapping[str, Filterable[AccessPolicy]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "displayName": Filterable(lambda one: one.display_name, _NAME),
    "state": Filterable(lambda one: one.state.value, _EQ),
}
LOCATION_FILTERS: Mapping[str, Filterable[NamedNetwork]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "displayName": Filterable(lambda one: one.display_name, _NAME),
    "isTrusted": Filterable(lambda one: one.trusted, _EQ),
}


class IpRangeBody(Wire):
    """A range of addresses, of either version whatever its type says."""

    cidr_address: Annotated[str, msgspec.Meta(max_length=64)]


class NamedLocationBody(Wire):
    """A named location to be made or changed; its id and times are only ever answered."""

    display_name: Name | None = None
    is_trusted: bool | None = None
    ip_ranges: Annotated[tuple[IpRangeBody, ...], msgspec.Meta(max_length=limits.NETWORK_RANGES)] | None = None
    id: Any = None
    created_date_time: Any = None
    modified_date_time: Any = None


# ---- policies -------------------------------------------------------------------------------------------------------


async def list_policies(call: Call) -> Response:
    """List the tenant's policies."""
    found = call.world.view.all(AccessPolicy, tenant_partition(call.identity.tenant))
    return collection(call, POLICIES, found, FILTERS, "ConditionalAccessPolicy", render_policy)


async def get_policy(call: Call) -> Response:
    """Get one policy."""
    return entity(call, POLICIES, render_policy(_find(call, AccessPolicy, "policy")))


async def create_policy(call: Call) -> Response:
    """Make a policy. It counts for whatever is asked from then on."""
    body = await call.body(AccessPolicyBody)
    wanted = read_policy(
        body,
        policy_id=new_guid(call.world.entropy),
        tenant=call.identity.tenant,
        created=call.now,
        modified=call.now,
    )
    call.properties["conditionalAccessPolicy"] = wanted.id
    made = await call.commit(lambda tx: directory.create_policy(tx, wanted))
    return entity(call, POLICIES, render_policy(made), status=201)


async def update_policy(call: Call) -> Response:
    """Change what the body names of a policy."""
    found = _find(call, AccessPolicy, "policy")
    body = await call.body(AccessPolicyBody)

    def change(policy: AccessPolicy) -> AccessPolicy:
        whole = merged(policy, body)
        return read_policy(whole, policy_id=policy.id, tenant=policy.tenant, created=policy.created, modified=call.now)

    call.properties["conditionalAccessPolicy"] = found.id
    await call.commit(lambda tx: directory.update_policy(tx, found.tenant, found.id, change))
    return Response(204, content_type=None)


async def delete_policy(call: Call) -> Response:
    """Remove a policy."""
    found = _find(call, AccessPolicy, "policy")
    call.properties["conditionalAccessPolicy"] = found.id
    await call.commit(lambda tx: directory.delete_policy(tx, found.tenant, found.id))
    return Response(204, content_type=None)


# ---- named locations ------------------------------------------------------------------------------------------------


async def list_locations(call: Call) -> Response:
    """List the tenant's named locations."""
    found = call.world.view.all(NamedNetwork, tenant_partition(call.identity.tenant))
    return collection(call, LOCATIONS, found, LOCATION_FILTERS, "NamedLocation", _render)


async def get_location(call: Call) -> Response:
    """Get one named location."""
    return entity(call, LOCATIONS, _render(_find(call, NamedNetwork, "location")))


async def create_location(call: Call) -> Response:
    """Make a named location of IP ranges; locations by country are not known here."""
    body = await call.body(NamedLocationBody)
    if body.odata_type != _IP_LOCATION:
        raise Invalid(f"The '@odata.type' of a named location is '{_IP_LOCATION}'.", code="BadRequest")
    wanted = NamedNetwork(
        new_guid(call.world.entropy),
        call.identity.tenant,
        require(body.display_name, "displayName", "namedLocation"),
        check_ranges(_ranges(body.ip_ranges)),
        bool(body.is_trusted),
        call.now,
        call.now,
    )
    call.properties["namedLocationId"] = wanted.id
    made = await call.commit(lambda tx: directory.create_network(tx, wanted))
    return entity(call, LOCATIONS, _render(made), status=201)


async def update_location(call: Call) -> Response:
    """Change what the body names of a location. It counts for whatever is asked from then on."""
    found = _find(call, NamedNetwork, "location")
    body = await call.body(NamedLocationBody)
    if body.odata_type not in {None, _IP_LOCATION}:
        raise Invalid("The type of a named location cannot be changed.", code="BadRequest")
    ranges = check_ranges(_ranges(body.ip_ranges)) if body.ip_ranges is not None else None

    def change(network: NamedNetwork) -> NamedNetwork:
        return replace(
            network,
            display_name=body.display_name or network.display_name,
            ranges=network.ranges if ranges is None else ranges,
            trusted=network.trusted if body.is_trusted is None else body.is_trusted,
            modified=call.now,
        )

    call.properties["namedLocationId"] = found.id
    await call.commit(lambda tx: directory.update_network(tx, found.tenant, found.id, change))
    return Response(204, content_type=None)


async def delete_location(call: Call) -> Response:
    """Remove a named location that no policy names."""
    found = _find(call, NamedNetwork, "location")
    call.properties["namedLocationId"] = found.id
    await call.commit(lambda tx: directory.delete_network(tx, found.tenant, found.id))
    return Response(204, content_type=None)


def _ranges(bodies: tuple[IpRangeBody, ...] | None) -> tuple[str, ...]:
    return tuple(one.cidr_address for one in bodies or ())


def _render(record: NamedNetwork) -> dict[str, Any]:
    return {
        "@odata.type": _IP_LOCATION,
        "id": record.id,
        "displayName": record.display_name,
        "createdDateTime": instant(record.created),
        "modifiedDateTime": instant(record.modified),
        "isTrusted": record.trusted,
        "ipRanges": [
            {
                "@odata.type": f"#microsoft.graph.iPv{6 if ':' in text else 4}CidrRange",
                "cidrAddress": text,
            }
            for text in record.ranges
        ],
    }


def _find(call: Call, kind: type[R], name: str) -> R:
    key = call.params[name]
    identifier = parse_guid(key)
    found = call.world.view.get(kind, tenant_partition(call.identity.tenant), identifier) if identifier else None
    if found is None:
        raise no_such_object(key)
    return found
