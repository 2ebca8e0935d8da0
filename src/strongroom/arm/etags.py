"""
Entity tags: `If-Match` and `If-None-Match` on rows whose resource shows an etag (`arm.rows`).

They are asked before the handler runs and once more inside the commit, of the record as it is then: of two clients that
read the same state one is refused. Tags compare as weak ones do, since Azure's network provider shows weak ones and
takes them back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.arm.network_documents import etag
from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import PreconditionFailed
from strongroom.core.networks import EndpointConnection, Perimeter, PrivateEndpoint, VirtualNetwork
from strongroom.core.records import Record, tenant_partition, vault_partition
from strongroom.flow.call import Call, Change
from strongroom.resources.network_names import find_subnet, record_id
from strongroom.store import Transaction

_CONDITIONS = (b"if-match", b"if-none-match")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the record is whose etag a resource shows; its id is empty if it cannot be there at all."""

    kind: type[Record]
    partition: str
    id: str
    part: str = ""
    """The subnet of it that the request is about."""


Tagged = Callable[[Call], Place]
"""Says, by the path of a call, where the record is."""


def in_group(kind: type[VirtualNetwork | PrivateEndpoint | Perimeter], parameter: str, part: str = "") -> Tagged:
    """Make the `Tagged` of a resource of a group, whose name is in this parameter, or of a part of it."""

    def place(call: Call) -> Place:
        params = call.params
        name = record_id(params["subscription"], params["group"], params[parameter])
        return Place(kind, tenant_partition(call.identity.tenant), name, params.get(part, ""))

    return place


def of_connection(call: Call) -> Place:
    """Say where a vault's connection is: `Tagged`."""
    vault = call.world.view.vault_by_name(call.params["vault"])
    if vault is None or vault.tenant != call.identity.tenant or vault.scope.lower() != call.target.scope.lower():
        return Place(EndpointConnection, "", "")
    return Place(EndpointConnection, vault_partition(vault.id), call.params["connection"].lower())


def match(call: Call, tagged: Tagged) -> None:
    """
    Let the conditions in a call's headers decide: refuse it now, or when it commits.

    Raises:
        PreconditionFailed: one of them does not hold.
    """
    if not any(name in call.request.headers for name in _CONDITIONS):
        return
    place = tagged(call)
    _judge(call, place, call.world.view.get(place.kind, place.partition, place.id))

    def matched(change: Change) -> Change:
        async def judged(tx: Transaction) -> object:
            _judge(call, place, await tx.record(place.kind, place.partition, place.id))
            return await change(tx)

        return judged

    call.around = (*call.around, matched)


def _judge(call: Call, place: Place, record: Record | None) -> None:
    if isinstance(record, VirtualNetwork) and place.part and find_subnet(record, place.part) is None:
        record = None
    tag = None if record is None else etag(record)
    scope = shown(call.target.scope, RESOURCE_ID)
    wanted = call.request.headers.get(b"if-match")
    if wanted is not None and not _names(wanted, tag):
        raise PreconditionFailed(
            f"The resource {scope} that the if-match header is about does not exist."
            if tag is None
            else f"Etag provided in if-match header does not match etag {tag} of resource {scope} in NRP data store.",
        )
    unwanted = call.request.headers.get(b"if-none-match")
    if unwanted is not None and _names(unwanted, tag):
        raise PreconditionFailed(f"The if-none-match header does not allow that resource {scope} is as it is.")


def _names(header: bytes, tag: str | None) -> bool:
    """Tell whether a header's list names a tag, or anything at all by `*`; what cannot be read names nothing."""
    if tag is None:
        return False
    listed = [one.strip() for one in header.decode("latin-1").split(",")]
    return "*" in listed or _opaque(tag) in map(_opaque, listed)


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')
