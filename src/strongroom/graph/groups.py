"""Handlers of /groups and of their members."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from strongroom.core.errors import Invalid
from strongroom.core.identity import Group
from strongroom.core.records import tenant_partition
from strongroom.directory import groups as directory
from strongroom.flow.call import Call
from strongroom.graph import render
from strongroom.graph.changes import read_change
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_group
from strongroom.graph.odata import collection, entity
from strongroom.graph.owners import add_owners
from strongroom.graph.references import objects, parse_reference, reference_handlers
from strongroom.graph.wire import GroupBody, ReferenceBody, clearing, refuse_later, require
from strongroom.http.message import Response
from strongroom.store import Transaction

_EQ = frozenset({Operator.EQ})
_TEXT = _EQ | {Operator.STARTS_WITH}
FILTERS: Mapping[str, Filterable[Group]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "displayName": Filterable(lambda one: one.display_name, _TEXT),
    "mailEnabled": Filterable(lambda _: False, _EQ),
    "mailNickname": Filterable(lambda one: one.mail_nickname, _TEXT),
    "securityEnabled": Filterable(lambda _: True, _EQ),
}


async def list_groups(call: Call) -> Response:
    """List the tenant's groups."""
    records = call.world.view.all(Group, tenant_partition(call.identity.tenant))
    return collection(call, "groups", records, FILTERS, "Group", render.group)


async def get_group(call: Call) -> Response:
    """Get one group."""
    return entity(call, "groups", render.group(find_group(call)))


async def create_group(call: Call) -> Response:
    """Make a security group, with its first members if they are given."""
    body = await call.body(GroupBody)
    refuse_later(body, GroupBody.LATER)
    display_name = require(body.display_name, "displayName", "Group")
    mail_nickname = require(body.mail_nickname, "mailNickname", "Group")
    for name, value in (("mailEnabled", body.mail_enabled), ("securityEnabled", body.security_enabled)):
        if value is None:
            raise Invalid(f"A value is required for property '{name}' of resource 'Group'.")
    _refuse_mail(body)
    members = [parse_reference(reference) for reference in body.members]
    owners = tuple(map(parse_reference, body.owners))

    async def change(tx: Transaction) -> Group:
        made = await directory.create_group(
            tx,
            call.identity.tenant,
            display_name=display_name,
            mail_nickname=mail_nickname,
            description=clearing(body.description),
            now=call.now,
            entropy=call.world.entropy,
        )
        for member in members:
            await directory.add_member(tx, call.world.view, made.tenant, made.id, member)
        await add_owners(tx, made, owners)
        return made

    made = await call.commit(change, lambda one: {"groupId": one.id})
    return entity(call, "groups", render.group(made), status=201)


async def update_group(call: Call) -> Response:
    """Change a group, and add members if they are given."""
    found = find_group(call)
    body = await read_change(call, GroupBody, render.group(found))
    refuse_later(body, (*GroupBody.LATER, "owners"))
    _refuse_mail(body)
    call.properties["groupId"] = found.id
    wanted = directory.GroupChange(body.display_name, body.mail_nickname, clearing(body.description))
    members = [parse_reference(reference) for reference in body.members]

    async def change(tx: Transaction) -> None:
        await directory.update_group(tx, found.tenant, found.id, wanted)
        for member in members:
            await directory.add_member(tx, call.world.view, found.tenant, found.id, member)

    await call.commit(change)
    return Response(204, content_type=None)


async def delete_group(call: Call) -> Response:
    """Delete a group; its members stay."""
    found = find_group(call)
    call.properties["groupId"] = found.id
    await call.commit(lambda tx: directory.delete_group(tx, found.tenant, found.id, now=call.now))
    return Response(204, content_type=None)


def _members_of(call: Call) -> Collection[str]:
    found = find_group(call)
    return call.world.view.members_of(found.tenant, found.id)


list_member_references, get_member_reference = reference_handlers(_members_of)


async def list_members(call: Call) -> Response:
    """List a group's direct members."""
    return objects(call, _members_of(call))


async def list_transitive_members(call: Call) -> Response:
    """List everything inside a group, each once, groups among them."""
    found = find_group(call)
    view = call.world.view
    inside: dict[str, None] = {}
    ahead = [found.id]
    while ahead:
        for member in view.members_of(found.tenant, ahead.pop()):
            if member not in inside:
                inside[member] = None
                ahead.append(member)
    return objects(call, inside)


async def add_member(call: Call) -> Response:
    """Put a principal into a group."""
    found = find_group(call)
    member = parse_reference((await call.body(ReferenceBody)).odata_id)
    call.properties.update(groupId=found.id, memberId=member)
    await call.commit(lambda tx: directory.add_member(tx, call.world.view, found.tenant, found.id, member))
    return Response(204, content_type=None)


async def remove_member(call: Call) -> Response:
    """Take a principal out of a group."""
    found = find_group(call)
    member = call.params["member"].lower()
    call.properties.update(groupId=found.id, memberId=member)
    await call.commit(lambda tx: directory.remove_member(tx, found.tenant, found.id, member))
    return Response(204, content_type=None)


def _refuse_mail(body: GroupBody) -> None:
    """
    Refuse groups that are no security groups.

    Raises:
        Invalid: the group is to receive mail, or to be nothing that rights can be given to.
    """
    if body.mail_enabled or body.security_enabled is False:
        raise Invalid("Only security groups without mail are supported: mailEnabled false and securityEnabled true.")
