"""What happens to certificates by itself: commands over a Transaction that look again whether it is still due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from strongroom.core.certificate_life import Due, Event, after_renewal_failed, due_now, set_right
from strongroom.core.certificates import CertificateUpkeep
from strongroom.core.errors import Tampered
from strongroom.core.events import expired, near_expiry
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.objects import lifecycle
from strongroom.objects.certificate_rows import Certificate, certificate_of, scheduled, upkeep_of
from strongroom.store import ObjectState, Reader, Store, Transaction

_logger = logging.getLogger("strongroom.upkeep")
_READ_AT_ONCE = 200


async def look_again(reader: Reader, candidate: StoredObject, now: int) -> tuple[Certificate, Due | None] | None:
    """Read what is due of a certificate by now; None if it is no longer there, or deleted."""
    found = await lifecycle.look_again(reader, candidate, now)
    if found is None:
        return None
    certificate = certificate_of(*found)
    return certificate, due_now(certificate.upkeep, certificate.version, certificate.body, now)


async def still_due(tx: Transaction, seen: Certificate, event: Event, now: int) -> Certificate | None:
    """Read inside a change the certificate of which something was due; None if it is no more."""
    found = await look_again(tx, seen.stored, now)
    if found is None:
        return None
    certificate, due = found
    return certificate if certificate.version == seen.version and due is not None and due.event is event else None


async def note(tx: Transaction, vault: Vault, seen: Certificate, event: Event, now: int) -> Certificate | None:
    """Keep that something was told of a version, and announce it; None if it was before, or does not hold any more."""
    certificate = await still_due(tx, seen, event, now)
    if certificate is None:
        return None
    own, version = certificate.body.attributes, certificate.version
    noted, upkeep = (version, own.exp or 0), certificate.upkeep
    if event is Event.NEAR_EXPIRY:
        upkeep = replace(upkeep, near_expiry=noted)
        tx.announce(near_expiry(vault, certificate.stored, version, nbf=own.nbf, exp=own.exp, now=now))
    elif event is Event.EXPIRED:
        upkeep = replace(upkeep, expired=noted)
        tx.announce(expired(vault, certificate.stored, version, nbf=own.nbf, exp=own.exp, now=now))
    else:
        upkeep = replace(upkeep, acted=noted)
    return await _put(tx, certificate, upkeep)


async def postpone_renewal(tx: Transaction, seen: Certificate, now: int) -> Certificate | None:
    """Have a renewal that could not begin tried again later; None if the certificate was changed or gone meanwhile."""
    certificate = await still_due(tx, seen, Event.RENEW, now)
    if certificate is None:
        return None
    return await _put(tx, certificate, after_renewal_failed(certificate.upkeep, now))


async def _put(tx: Transaction, certificate: Certificate, upkeep: CertificateUpkeep) -> Certificate:
    stored = scheduled(certificate.stored, certificate.body, upkeep)
    await tx.put_object(stored)
    return replace(certificate, stored=stored)


# ---- a clock that was ahead -----------------------------------------------------------------------------------------


async def set_all_right(store: Store, vaults: Iterable[str], now: int, *, lease: str) -> int:
    """
    Have no certificate wait for a time that a clock which was ahead has named; the number of them.

    Raises:
        StoreFault: it cannot be committed now.
    """
    number = 0
    for vault in vaults:
        after, more = None, True
        try:
            while more:
                page = await store.objects(
                    vault, Collection.CERTIFICATES, ObjectState.ACTIVE, after=after, limit=_READ_AT_ONCE
                )
                late = [stored for stored, _ in page.rows if set_right(upkeep_of(stored), now) != upkeep_of(stored)]
                if late:
                    number += (await store.commit(partial(_set_right, late, now), lease=lease)).result
                after, more = page.rows[-1][0].key if page.rows else after, page.more
                await asyncio.sleep(0)
        except Tampered as fault:
            _logger.error("certificates of the vault %s may wait for long: %s", vault, fault)  # noqa: TRY400  it says all
    return number


async def _set_right(late: Sequence[StoredObject], now: int, tx: Transaction) -> int:
    number = 0
    for seen in late:
        stored = await tx.object(seen.vault, seen.collection, seen.name)
        if stored == seen:
            latest = certificate_of(stored, await lifecycle.latest_version(tx, stored)).body
            await tx.put_object(scheduled(stored, latest, set_right(upkeep_of(stored), now)))
            number += 1
    return number
