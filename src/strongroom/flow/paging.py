"""
Paging: `maxresults` and `$skiptoken` (reference operations.md section 5).

A skip token is sealed together with what it was issued for: tenant, vault, listing and caller. It opens for nothing
else (pitfalls "Paths, handles, parsing").
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.crypto.context import bind
from strongroom.crypto.handles import open_handle, seal_handle
from strongroom.crypto.protocol import Unsealable
from strongroom.flow.call import Call

_PURPOSE = "skip-token"
_CARRIED = ("api-version", "maxresults")


@dataclass(frozen=True, slots=True)
class Paging:
    """Where a page starts and how long it may be."""

    call: Call
    listing: tuple[str, ...]
    after: str | None
    limit: int

    def next_link(self, after: str) -> str:
        """Make the link to the page that follows *after*; of the origin that was asked, as the clients insist."""
        token = seal_handle(self.call.world.keys, _PURPOSE, _context(self.call, self.listing), after.encode())
        path = quote(self.call.request.path.decode("ascii"), safe="/%-")
        carried = "&".join(f"{name}={quote(self.call.query[name])}" for name in _CARRIED if name in self.call.query)
        return f"{self.call.base}{path}?{carried}&$skiptoken={token}"


def read_paging(call: Call, *listing: str) -> Paging:
    """
    Read a listing's paging parameters; *listing* names what is listed.

    Raises:
        Invalid: `maxresults` is not 1 to 25, or the skip token was not issued for this listing to this caller.
    """
    given, limit = call.query.get("maxresults"), limits.PAGE_DEFAULT
    if given is not None:
        if not (given.isascii() and given.isdigit() and len(given) < 4 and 1 <= int(given) <= limits.PAGE_MAX):
            raise Invalid(f"maxresults must be between 1 and {limits.PAGE_MAX}.")
        limit = int(given)
    token = call.query.get("$skiptoken")
    if token is None:
        return Paging(call, listing, None, limit)
    try:
        after = open_handle(call.world.keys, _PURPOSE, _context(call, listing), token).decode()
    except Unsealable:
        raise Invalid("The $skiptoken is not valid for this request.") from None
    return Paging(call, listing, after, limit)


def _context(call: Call, listing: tuple[str, ...]) -> bytes:
    vault, caller = call.the_vault, call.identity
    return bind(caller.tenant, caller.oid, caller.appid, vault.id, call.op.name, *listing)
