"""Handlers of the owners of applications, service principals and groups, and of what somebody owns."""

from __future__ import annotations

from collections.abc import Callable, Collection

from strongroom.core.directory_roles import OWNED_APPLICATIONS
from strongroom.core.identity import Application, Group, PrincipalType, ServicePrincipal
from strongroom.directory.relations import Owned, add_owner, remove_owner
from strongroom.flow.call import Call
from strongroom.flow.operation import Handler
from strongroom.graph.objects import find_application, find_group, find_principal, find_service_principal
from strongroom.graph.references import objects, parse_reference, reference_handlers
from strongroom.graph.wire import ReferenceBody
from strongroom.http.message import Response
from strongroom.store import Transaction

KINDS: dict[type[Owned], Callable[[Call], Owned]] = {
    Application: find_application,
    ServicePrincipal: find_service_principal,
    Group: find_group,
}


def owner_handlers(kind: type[Owned]) -> tuple[Handler, Handler, Handler, Handler, Handler]:
    """Make the handlers that list, add and remove the owners of objects of a kind, and refer to all or one of them."""
    find = KINDS[kind]

    def owners_of(call: Call) -> Collection[str]:
        found = find(call)
        return call.world.view.owners_of(found.tenant, found.id)

    async def list_owners(call: Call) -> Response:
        return objects(call, owners_of(call))

    async def add(call: Call) -> Response:
        found = find(call)
        owner = parse_reference((await call.body(ReferenceBody)).odata_id)
        call.properties.update(objectId=found.id, principalId=owner)
        await call.commit(lambda tx: add_owner(tx, found.tenant, kind, found.id, owner))
        return Response(204, content_type=None)

    async def remove(call: Call) -> Response:
        found = find(call)
        owner = call.params["member"].lower()
        call.properties.update(objectId=found.id, principalId=owner)
        await call.commit(lambda tx: remove_owner(tx, found.tenant, found.id, owner))
        return Response(204, content_type=None)

    return list_owners, add, remove, *reference_handlers(owners_of)


async def list_owned_objects(call: Call) -> Response:
    """List what a user or service principal owns; without an id in the path, what the caller does."""
    owner = find_principal(call)
    return objects(call, call.world.view.owned_by(call.identity.tenant, owner))


def owners_of_new(call: Call, references: tuple[str, ...]) -> tuple[str, ...]:
    """
    Say who owns what a caller makes: whom it names, and a user itself, or an application that may only have its own.

    Raises:
        Invalid: a reference is none.
    """
    is_creators = call.identity.kind is PrincipalType.USER or call.permit.assignment == OWNED_APPLICATIONS
    return (*map(parse_reference, references), *((call.identity.oid,) if is_creators else ()))


async def add_owners(tx: Transaction, made: Owned, owners: tuple[str, ...]) -> None:
    """
    Give something new its owners: each once.

    Raises:
        Invalid, NotFound: see `add_owner`.
    """
    for owner in dict.fromkeys(owners):
        await add_owner(tx, made.tenant, type(made), made.id, owner)
