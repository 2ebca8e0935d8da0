"""Handlers of /directoryObjects, and of what an object is a member of."""

from __future__ import annotations

from strongroom.core.echo import WORD, shown
from strongroom.core.errors import Invalid
from strongroom.core.guids import parse_guid
from strongroom.core.identity import Application, Group, ServicePrincipal, User
from strongroom.directory.principals import no_such_object
from strongroom.flow.call import Call
from strongroom.graph import render
from strongroom.graph.objects import find_object, find_principal
from strongroom.graph.odata import context, entity, show
from strongroom.graph.references import objects
from strongroom.graph.wire import CheckMemberGroupsBody, GetByIdsBody, MemberObjectsBody
from strongroom.http import json
from strongroom.http.message import Response

OTHER_TYPES = frozenset(
    {
        "administrativeunit",
        "device",
        "directoryobject",
        "directoryobjectpartnerreference",
        "directoryrole",
        "orgcontact",
    }
)
"""Types that clients ask for besides, of which there are no objects here; the third is every type."""
TYPES = {"user": User, "group": Group, "serviceprincipal": ServicePrincipal, "application": Application}


async def get_object(call: Call) -> Response:
    """Get an object of whatever kind."""
    found = find_object(call, call.params["id"])
    if found is None:
        raise no_such_object(call.params["id"])
    return entity(call, "directoryObjects", render.directory_object(call.world.view, found))


async def get_by_ids(call: Call) -> Response:
    """Get several objects at once; ids that mean nothing here are left out, as in Graph."""
    body = await call.body(GetByIdsBody)
    names = {name.lower() for name in body.types}
    for name in body.types:
        if name.lower() not in TYPES.keys() | OTHER_TYPES:
            raise Invalid(f"'{shown(name, WORD)}' is not a type of directory object.")
    every = not names or "directoryobject" in names
    wanted = tuple(kind for name, kind in TYPES.items() if every or name in names)
    found = [find_object(call, one) for one in dict.fromkeys(map(str.lower, body.ids))]
    value = [
        show(call, "directoryObjects", render.directory_object(call.world.view, one))
        for one in found
        if one is not None and isinstance(one, wanted)
    ]
    return json.response({"@odata.context": context(call, "directoryObjects"), "value": value})


async def get_member_groups(call: Call) -> Response:
    """Tell the ids of every group an object is in, directly or not."""
    raw = await call.raw_body()
    if raw.strip():
        # All groups here are security groups, so both values of the one argument mean the same.
        json.decode(raw, MemberObjectsBody)
    groups = call.world.view.groups_of(call.identity.tenant, find_principal(call))
    return json.response({"@odata.context": context(call, "Collection(Edm.String)"), "value": sorted(groups)})


async def check_member_groups(call: Call) -> Response:
    """Tell which of some groups an object is in, directly or not."""
    body = await call.body(CheckMemberGroupsBody)
    groups = call.world.view.groups_of(call.identity.tenant, find_principal(call))
    asked = [parse_guid(group) for group in body.group_ids]
    value = [group for group in dict.fromkeys(asked) if group in groups]
    return json.response({"@odata.context": context(call, "Collection(Edm.String)"), "value": value})


async def list_member_of(call: Call) -> Response:
    """List the groups that an object is in directly."""
    return objects(call, call.world.view.direct_groups_of(call.identity.tenant, find_principal(call)))


async def list_transitive_member_of(call: Call) -> Response:
    """List the groups that an object is in, directly or not."""
    return objects(call, call.world.view.groups_of(call.identity.tenant, find_principal(call)))
