"""
Paging: `$top` and `$skiptoken`.

A skip token is sealed with the listing and the caller it was issued for; it opens for nothing else (pitfalls.md "Paths,
handles, parsing"). `$top` is the length of a page, and the list goes on behind `nextLink`, as Key Vault's provider has
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import quote

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.crypto.context import bind
from strongroom.crypto.handles import open_handle, seal_handle
from strongroom.crypto.protocol import Unsealable
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response

ItemT = TypeVar("ItemT")

_PURPOSE = "arm-skip-token"
_CARRIED = ("api-version", "$top", "$filter")
_TOKEN_NAMES = ("$skiptoken", "$skipToken")
_TOP_DIGITS = 9


def page(
    call: Call, items: Iterable[ItemT], *, key: Callable[[ItemT], str], show: Callable[[ItemT], dict[str, Any]]
) -> Response:
    """
    Answer with one page of *items* in the order of *key*, which is different for each of them.

    Raises:
        Invalid: `$top` is no positive number, or the skip token was not issued for this listing to this caller.
    """
    limit, after = _limit(call), _after(call)
    rest = sorted((item for item in items if after is None or key(item) > after), key=key)
    shown = rest[:limit]
    answer: dict[str, Any] = {"value": [show(item) for item in shown]}
    if len(rest) > limit:
        answer["nextLink"] = _next_link(call, key(shown[-1]))
    return json.response(answer)


def _limit(call: Call) -> int:
    top = call.query.get("$top")
    if top is None:
        return limits.ARM_PAGE_DEFAULT
    if not (top.isascii() and top.isdigit() and len(top) <= _TOP_DIGITS and int(top) > 0):
        raise Invalid("The value of the query parameter $top must be a positive integer.", code="InvalidTopValue")
    return min(int(top), limits.ARM_PAGE_MAX)


def _after(call: Call) -> str | None:
    token = next((call.query[name] for name in _TOKEN_NAMES if name in call.query), None)
    if token is None:
        return None
    try:
        return open_handle(call.world.keys, _PURPOSE, _context(call), token).decode()
    except Unsealable:
        raise Invalid("The $skiptoken is not valid for this request.", code="InvalidSkipToken") from None


def _next_link(call: Call, after: str) -> str:
    token = seal_handle(call.world.keys, _PURPOSE, _context(call), after.encode())
    path = quote(call.request.path.decode("ascii"), safe="/%-._~()")
    carried = "".join(f"{name}={quote(call.query[name], safe='')}&" for name in _CARRIED if name in call.query)
    return f"{call.base}{path}?{carried}$skiptoken={token}"


def _context(call: Call) -> bytes:
    caller = call.identity
    scope = call.target.scope.lower()
    return bind(caller.tenant, caller.oid, caller.appid, call.op.name, scope, call.query.get("$filter", ""))
