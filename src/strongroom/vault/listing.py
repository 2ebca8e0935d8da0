"""Listing a vault's objects: pages of what the caller may see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from strongroom.core import limits
from strongroom.core.lifecycle import State, state_of
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.flow import authorization
from strongroom.flow.call import Call
from strongroom.store import ObjectState, Page
from strongroom.vault.paging import Paging, read_paging

Row = tuple[StoredObject, StoredVersion]


async def list_page(
    call: Call, collection: Collection, state: ObjectState, fits: Callable[[Row], bool] | None = None
) -> tuple[list[Row], str | None]:
    """
    Read a page of objects with their latest versions, and the link to the next one, or None; with *fits*, of those.

    Raises:
        Invalid: `maxresults` or the skip token is not right.
    """
    vault = call.the_vault
    paging = read_paging(call, collection.value, state.value)
    shows = authorization.what_shows(call.world, call.identity, call.op.requires, vault, call.verdict)
    if shows is None and fits is None:
        page = await call.world.store.objects(vault.id, collection, state, after=paging.after, limit=paging.limit)
    else:
        page = await _shown(call, collection, state, paging, shows, fits)
    rows = [row for row in page.rows if state_of(row[0], call.now) is not State.ABSENT]
    return rows, paging.next_link(page.rows[-1][0].key) if page.more else None


async def list_versions(call: Call, collection: Collection, name: str) -> tuple[list[Row], str | None]:
    """
    Read a page of an object's versions in the order of their ids, and the link to the next one, or None.

    Chance makes the ids, so their order says nothing of age, as in Azure: what relies on another is to fail here too.
    What is deleted, or was never there, has none, and that is no error: programs ask so whether there is something.

    Raises:
        Invalid: `maxresults` or the skip token is not right.
    """
    vault, store = call.the_vault, call.world.store
    paging = read_paging(call, collection.value, "versions", name.lower())
    stored = await store.object(vault.id, collection, name)
    if stored is None or state_of(stored, call.now) is not State.ACTIVE:
        return [], None
    page = await store.versions_by_id(vault.id, collection, name, after=paging.after or "", limit=paging.limit)
    return [(stored, row) for row in page.rows], paging.next_link(page.rows[-1].version) if page.more else None


async def _shown(
    call: Call,
    collection: Collection,
    state: ObjectState,
    paging: Paging,
    shows: Callable[[str], bool] | None,
    fits: Callable[[Row], bool] | None,
) -> Page[Row]:
    """Read a page of what a list shows. It is full before there is a next one: a gap would tell that something is."""
    vault, after, more = call.the_vault, paging.after, True
    rows: list[Row] = []
    while more and len(rows) <= paging.limit:
        page = await call.world.store.objects(vault.id, collection, state, after=after, limit=limits.PAGE_MAX)
        rows += [
            one
            for one in page.rows
            if (shows is None or shows(f"{vault.scope}/{collection}/{one[0].name}")) and (fits is None or fits(one))
        ]
        after, more = page.rows[-1][0].key if page.rows else after, page.more
        # Whoever waits is served between two pieces, however many there are of them.
        await asyncio.sleep(0)
    call.judge_again()
    return Page(tuple(rows[: paging.limit]), more=len(rows) > paging.limit)
