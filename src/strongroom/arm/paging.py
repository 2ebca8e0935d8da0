"""
Paging: `$top` and `$skiptoken`.

`$top` is the length of a page, and the list goes on behind `nextLink`, as Key Vault's provider has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.flow.call import Call
from strongroom.flow.paging import PLACE, next_link, open_place
from strongroom.http import json
from strongroom.http.message import Response

ItemT = TypeVar("ItemT")

_CARRIED = ("api-version", "$top", "$filter", "$expand")
_TOKEN_NAMES = (PLACE, "$skipToken")
_TOP_DIGITS = 9


def page(
    call: Call, items: Iterable[ItemT], *, key: Callable[[ItemT], str], show: Callable[[ItemT], dict[str, Any]]
) -> Response:
    """
    Answer with one page of *items* in the order of *key*, which is different for each of them.

    A page ends sooner than `$top` where it would be longer than `ARM_PAGE_BYTES`: a thousand networks of three thousand
    subnets each, in one answer, would hold up every other request for as long as it is written.

    Raises:
        Invalid: `$top` is no positive number, or the skip token was not issued for this listing to this caller.
    """
    after, limit = opened(call)
    rest = sorted((item for item in items if after is None or key(item) > after), key=key)
    shown: list[msgspec.Raw] = []
    size = 0
    for item in rest[:limit]:
        written = json.encode(show(item))
        size += len(written)
        if shown and size > limits.ARM_PAGE_BYTES:
            break
        shown.append(msgspec.Raw(written))
    return continued(call, shown, key(rest[len(shown) - 1]) if len(rest) > len(shown) else None)


def opened(call: Call) -> tuple[str | None, int]:
    """
    Read where a listing begins, or None for its start, and how long a page may be.

    Raises:
        Invalid: see `page`.
    """
    return open_place(call, *_bound(call), names=_TOKEN_NAMES, code="InvalidSkipToken"), _limit(call)


def continued(call: Call, shown: Sequence[object], after: str | None, *, link: str = "nextLink") -> Response:
    """Answer with a page, and with where the list goes on: behind the place *after*, if it does."""
    answer: dict[str, object] = {"value": shown}
    if after is not None:
        answer[link] = next_link(call, after, *_bound(call), carried=_CARRIED)
    return json.response(answer)


def _limit(call: Call) -> int:
    top = call.query.get("$top")
    if top is None:
        return limits.ARM_PAGE_DEFAULT
    if not (top.isascii() and top.isdigit() and len(top) <= _TOP_DIGITS and int(top) > 0):
        raise Invalid("The value of the query parameter $top must be a positive integer.", code="InvalidTopValue")
    return min(int(top), limits.ARM_PAGE_MAX)


def _bound(call: Call) -> tuple[str, str]:
    return call.target.scope.lower(), call.query.get("$filter", "")
