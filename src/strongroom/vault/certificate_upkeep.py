"""
What certificates do without being asked: their operations go on, they are renewed, and their expiry is told.

    a certificate that is due ─┬─ step: ask the issuer ─────> commit (`certificate_issuance`)
                               ├─ renewal: key, request ────> commit (still due?) ─> its first step at once
                               ├─ e-mail to the contacts ───> commit (still due?), the letter in it
                               └─ near expiry, expired ─────> commit (still due?), the event in it

A certificate that was due several times while the service was down is renewed once, since a new version's time begins
when it is made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from strongroom.core.certificate_guardrails import judge_certificate
from strongroom.core.certificate_life import Due, Event, next_due
from strongroom.core.errors import Failure
from strongroom.core.guardrails import judge_secret
from strongroom.core.mail import Notice, NoticeKind
from strongroom.core.objects import StoredObject
from strongroom.core.vaults import Vault
from strongroom.flow import audit
from strongroom.flow.guardrails import guardrails_of
from strongroom.flow.world import World
from strongroom.journal import Entry
from strongroom.objects import certificates
from strongroom.objects.certificate_inventory import certificate_facts
from strongroom.objects.certificate_renewal import look_again, note, postpone_renewal, still_due
from strongroom.objects.certificate_rows import Certificate
from strongroom.objects.keys import Unclaimed
from strongroom.store import Transaction
from strongroom.vault.certificate_issuance import Outcome, make_step, work_key
from strongroom.vault.certificate_requests import draw_up, envelope_of, facts_of_new
from strongroom.vault.key_upkeep import allowed, guard
from strongroom.vault.upkeep import FAILED, LEASE, OVERTAKEN, entry_of, hold, put_off

WAITING = "waiting"
"""Counts operations that an issuer has in hand."""
_AT_ONCE = 2 * len(Event)
"""A renewal can be followed by its step, and by all that is due of the new version."""


async def look_after_certificate(
    world: World, node: str, vault: Vault, stored: StoredObject, done: Counter[str]
) -> None:
    """
    Do what is due of one certificate, and count it.

    Raises:
        Unavailable, StoreFault: nothing can be committed now, or another node has taken over.
    """
    for number in range(_AT_ONCE):
        found = await look_again(world.store, stored, world.now())
        if found is None:
            return
        certificate, due = found
        if due is None:
            if not number:
                # Its row says otherwise: it was written under other rules. It must not stand before all others.
                later = next_due(certificate.upkeep, certificate.version, certificate.body)
                await put_off(world, stored, later)
            return
        if due.event is Event.STEP and world.background.find(work_key(vault, stored)) is not None:
            # The task that the request left behind is about to make it.
            return
        done[await _do(world, node, vault, certificate, due)] += 1


async def _do(world: World, node: str, vault: Vault, certificate: Certificate, due: Due) -> str:
    if due.event is Event.STEP:
        await hold(world, node)
        return _COUNTED[await make_step(world, vault, certificate.stored, lease=LEASE)]
    if due.event is Event.RENEW:
        return await _renew(world, node, vault, certificate)
    return await _tell(world, vault, certificate, due.event)


_COUNTED = {
    Outcome.ISSUED: Event.STEP,
    Outcome.CANCELLED: Event.STEP,
    Outcome.FAILED: FAILED,
    Outcome.LATER: WAITING,
    Outcome.OVERTAKEN: OVERTAKEN,
}


# ---- renewal --------------------------------------------------------------------------------------------------------


async def _renew(world: World, node: str, vault: Vault, seen: Certificate) -> str:
    """Begin to renew a certificate, or note why that cannot be done now and try again later; what it comes to."""
    try:
        return Event.RENEW if await _begin(world, node, vault, seen) else OVERTAKEN
    except Failure as failure:
        await hold(world, node)
        await _postpone(world, vault, seen, failure)
        return FAILED


async def _begin(world: World, node: str, vault: Vault, seen: Certificate) -> bool:
    """Draw up the next version, with the tags of the one before (section 4.5)."""
    policy, name, before = seen.upkeep.policy, seen.stored.name, seen.body
    async with Unclaimed() as unclaimed:
        pending = await draw_up(world, vault, name, policy, unclaimed)
        # However long that took, unless another node has taken over meanwhile.
        await hold(world, node)
        now = world.now()
        pending = replace(pending, is_renewal=True, tags=before.tags, preserve_order=before.preserve_order, step_at=now)

        async def change(tx: Transaction) -> Certificate | None:
            certificate = await still_due(tx, seen, Event.RENEW, now)
            if certificate is None or certificate.upkeep.policy != policy:
                return None
            key, secret = facts_of_new(policy, now)
            guard(world, vault, key, "renewal")
            guardrails = guardrails_of(world.view)
            allowed(judge_secret(guardrails, vault, secret), "renewal")
            facts = certificate_facts(world.view, vault, policy, now)
            allowed(judge_certificate(guardrails, vault, facts), "renewal")
            begun = await certificates.begin(
                tx,
                vault,
                lambda: envelope_of(world, vault),
                name,
                policy,
                pending,
                now=now,
                entropy=world.entropy,
            )
            unclaimed.claim()
            return begun

        return (await world.store.commit(change, lease=LEASE)).result is not None


async def _postpone(world: World, vault: Vault, seen: Certificate, failure: Failure) -> None:
    now = world.now()

    async def change(tx: Transaction) -> Certificate | None:
        found = await postpone_renewal(tx, seen, now)
        if found is not None:
            expires = found.body.attributes.exp
            notice = Notice(NoticeKind.NOT_RENEWED, found.stored.name, found.version, expires, failure.message)
            await world.mail.write(tx, vault, notice)
        return found

    def entry(found: Certificate | None) -> Entry | None:
        return _entry(world, vault, found, Event.RENEW, failure) if found is not None else None

    await audit.commit_apart(world, change, entry, lease=LEASE)


# ---- what is told ---------------------------------------------------------------------------------------------------

_NOTICES = {Event.WRITE: NoticeKind.NEAR_EXPIRY, Event.EXPIRED: NoticeKind.EXPIRED}


async def _tell(world: World, vault: Vault, seen: Certificate, event: Event) -> str:
    """Tell once of a version that it is near its expiry or past it; what it comes to."""
    now = world.now()

    async def change(tx: Transaction) -> Certificate | None:
        found = await note(tx, vault, seen, event, now)
        if found is not None and event in _NOTICES:
            notice = Notice(_NOTICES[event], found.stored.name, found.version, found.body.attributes.exp)
            await world.mail.write(tx, vault, notice)
        return found

    def entry(found: Certificate | None) -> Entry | None:
        # A letter is no operation that the journal has a name for.
        return _entry(world, vault, found, event) if found is not None and event is not Event.WRITE else None

    told = await audit.commit_apart(world, change, entry, lease=LEASE)
    return event if told is not None else OVERTAKEN


def _entry(world: World, vault: Vault, found: Certificate, event: Event, failure: Failure | None = None) -> Entry:
    """Say what happened to a certificate by itself."""
    properties = dict[str, object]()
    if found.body.cer is not None:
        from strongroom.crypto.certificates.facts import told_properties  # noqa: PLC0415  costly to import

        properties["certificateProperties"] = told_properties(found.body.cer)
    return entry_of(world, vault, event, found.stored, found.version, properties, failure)
