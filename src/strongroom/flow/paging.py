"""
Paging: where a listing goes on, in a skip token that its client carries back (reference operations.md section 5).

A skip token is sealed together with what it was issued for: the caller, the operation, and whatever else the surface
says makes the listing. It opens for nobody and nothing else (pitfalls "Paths, handles, parsing"). How long a page is
and what its parameters are called differs from surface to surface, and stays there.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from strongroom.core.errors import Invalid
from strongroom.crypto.context import bind
from strongroom.crypto.handles import open_handle, seal_handle
from strongroom.crypto.protocol import Unsealable
from strongroom.flow.call import Call

PLACE = "$skiptoken"
"""The parameter that carries it, as every surface writes it."""
_PURPOSE = "skip-token"
_PATH_CHARS = "/%-._~()"
"""What a path keeps as it came: it is the client's own, still encoded."""


def open_place(call: Call, *bound: str, names: Iterable[str] = (PLACE,), code: str = "") -> str | None:
    """
    Read the place after which the client's listing goes on, or None if it begins.

    *bound* is what the listing is of, besides caller and operation; *names* are the parameter's, the first given one
    counts.

    Raises:
        Invalid: the token was not issued for this listing to this caller.
    """
    token = next((call.query[name] for name in names if name in call.query), None)
    if token is None:
        return None
    try:
        return open_handle(call.world.keys, _PURPOSE, _context(call, bound), token).decode("utf-8")
    except Unsealable:
        raise Invalid(f"The {PLACE} is not valid for this request.", code=code) from None


def next_link(call: Call, after: str, *bound: str, carried: Iterable[str]) -> str:
    """
    Make the link to the page that follows the place *after*; of the origin that was asked, as the clients insist.

    *carried* names the query parameters that the link takes along.
    """
    token = seal_handle(call.world.keys, _PURPOSE, _context(call, bound), after.encode("utf-8"))
    path = quote(call.request.path, safe=_PATH_CHARS)
    taken = [f"{quote(name, safe='$')}={quote(call.query[name], safe='')}" for name in carried if name in call.query]
    return f"{call.base}{path}?{'&'.join([*taken, f'{PLACE}={token}'])}"


def _context(call: Call, bound: tuple[str, ...]) -> bytes:
    caller = call.identity
    return bind(caller.tenant, caller.oid, caller.appid, call.op.name, *bound)
