"""
Long-running operations, as clients of the management plane follow them (reference operations.md section 5).

Here every operation is done when its answer comes. Where Azure's is not, the answer has Azure's form all the same: 202,
or a resource with `Azure-AsyncOperation`, so that a client's own poller sees an end it knows. Nothing is stored for it:
an operation's id is its outcome, sealed together with who may ask and where. To another caller, in another subscription
or place, altered, or too late, it is the same as an id of nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from strongroom.arm.documents import Document, timestamp
from strongroom.core import limits
from strongroom.core.errors import NotFound
from strongroom.core.identity import Caller
from strongroom.crypto.context import bind
from strongroom.crypto.handles import open_handle, seal_handle
from strongroom.crypto.protocol import RootKey, Unsealable
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Header, Response

_PURPOSE = "async-operation"
_PATH_CHARS = "/-._~()"
_POLL_SOON: Header = (b"retry-after", b"1")
"""Without it the official clients wait ten seconds or thirty."""


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a provider's operations are asked about.

    Attributes:
        path: the template of what stands before.
        resource_type: the type of resource that it is, whose api-versions count.
        statuses: the segment before the id where the answer is the operation's status.
        results: the segment before the id where the answer is what the operation gave; empty if there is none.
        tells_status: whether an accepted change is followed by its status too, or by its result alone.
    """

    path: str
    resource_type: str
    statuses: str = "operationStatuses"
    results: str = "operationResults"
    tells_status: bool = False


KEY_VAULT_PLACE = Place(
    "/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{location}", "Microsoft.KeyVault/locations"
)
NETWORK_PLACE = Place(
    "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}",
    "Microsoft.Network/locations",
    statuses="operations",
    tells_status=True,
)
RESOURCES_PLACE = Place("/subscriptions/{subscription}", "Microsoft.Resources", results="operationresults")
MANAGEMENT_PLACE = Place(
    "/providers/Microsoft.Management",
    "Microsoft.Management",
    statuses="operationResults",
    results="",
    tells_status=True,
)


class Outcome(msgspec.Struct, frozen=True):
    """How an operation ended: it succeeded, or its own request was refused."""

    started: int
    ended: int
    result: Document | None = None
    """The document that it gave, if it gave one: a short one, since the id has it in it."""


# ---- answering what takes long in Azure -----------------------------------------------------------------------------


def accepted(call: Call, place: Place, result: Document | None = None, **where: str) -> Response:
    """
    Answer 202 to a change that has been made, with where to ask for its outcome.

    *where* fills the place's template, beside the path's own parameters; *result* is what the last answer is to be, and
    must stay well below `HANDLE_CHARS`.
    """
    operation, parent = _new_id(call, place, result, where)
    headers = [_POLL_SOON]
    if place.results:
        headers.append((b"location", _url(call, f"{parent}/{place.results}/{operation}")))
    if place.tells_status:
        headers.append((b"azure-asyncoperation", _url(call, f"{parent}/{place.statuses}/{operation}")))
    return Response(202, headers=headers, content_type=None)


def followed(call: Call, place: Place, response: Response, **where: str) -> Response:
    """Add to the answer to a change where its status can be asked for."""
    operation, parent = _new_id(call, place, None, where)
    response.headers += [_POLL_SOON, (b"azure-asyncoperation", _url(call, f"{parent}/{place.statuses}/{operation}"))]
    return response


# ---- answering those who ask ----------------------------------------------------------------------------------------


async def get_status(call: Call) -> Response:
    """Say how an operation of the caller's own ended."""
    outcome = _outcome(call)
    path = call.request.path.decode("ascii")
    status: Document = {
        "id": path,
        "name": call.params["operation"],
        "status": "Succeeded",
        "startTime": timestamp(outcome.started),
        "endTime": timestamp(outcome.ended),
    }
    return json.response(status if outcome.result is None else {**status, "properties": outcome.result})


async def get_result(call: Call) -> Response:
    """Answer with what an operation of the caller's own gave; nothing, if it gave nothing."""
    outcome = _outcome(call)
    if outcome.result is None:
        # No 204: Terraform's poller takes an empty 200 alone for an end without a document.
        return Response(200, content_type=None)
    return json.response(outcome.result)


def _outcome(call: Call) -> Outcome:
    outcome = open_id(call.world.keys, call.identity, call.target.scope, call.params["operation"])
    if outcome is None or call.now >= outcome.ended + limits.ASYNC_OPERATION_S:
        raise NotFound("The operation was not found, or ended too long ago.", code="OperationNotFound")
    return outcome


# ---- ids ------------------------------------------------------------------------------------------------------------


def seal_id(keys: RootKey, caller: Caller, parent: str, outcome: Outcome) -> str:
    """Make the id by which *caller* alone may ask, below the path *parent*, how an operation ended."""
    return seal_handle(keys, _PURPOSE, _context(caller, parent), json.encode(outcome))


def open_id(keys: RootKey, caller: Caller, parent: str, operation: str) -> Outcome | None:
    """Read an id that came back: None for what `seal_id` did not make for this caller and this path."""
    try:
        return json.decode(open_handle(keys, _PURPOSE, _context(caller, parent), operation), Outcome)
    except Unsealable:
        return None


def _new_id(call: Call, place: Place, result: Document | None, where: dict[str, str]) -> tuple[str, str]:
    """Make an operation's id, and say what stands before it in a path."""
    parent = place.path.format_map({**call.params, **where})
    outcome = Outcome(call.now, call.world.now(), result)
    return seal_id(call.world.keys, call.identity, parent, outcome), parent


def _context(caller: Caller, parent: str) -> bytes:
    return bind(caller.tenant, caller.oid, caller.appid, parent.lower())


def _url(call: Call, path: str) -> bytes:
    version = quote(call.api_version, safe="")
    return f"{call.base}{quote(path, safe=_PATH_CHARS)}?api-version={version}".encode("ascii")
