"""Paging: `maxresults` and `$skiptoken` (reference operations.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.flow.call import Call
from strongroom.flow.paging import next_link, open_place

_CARRIED = ("api-version", "maxresults", "includePending")


@dataclass(frozen=True, slots=True)
class Paging:
    """Where a page starts and how long it may be."""

    call: Call
    listing: tuple[str, ...]
    after: str | None
    limit: int

    def next_link(self, after: str) -> str:
        """Make the link to the page that follows *after*."""
        return next_link(self.call, after, *self.listing, carried=_CARRIED)


def read_paging(call: Call, *listing: str) -> Paging:
    """
    Read a listing's paging parameters; *listing* names what is listed of the vault.

    Raises:
        Invalid: `maxresults` is not 1 to 25, or the skip token was not issued for this listing to this caller.
    """
    given, limit = call.query.get("maxresults"), limits.PAGE_DEFAULT
    if given is not None:
        if not (given.isascii() and given.isdigit() and len(given) < 4 and 1 <= int(given) <= limits.PAGE_MAX):
            raise Invalid(f"maxresults must be between 1 and {limits.PAGE_MAX}.")
        limit = int(given)
    bound = (call.the_vault.id, *listing)
    return Paging(call, bound, open_place(call, *bound), limit)
