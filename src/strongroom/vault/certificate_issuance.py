"""
The issuance of certificates: what goes on after the request that began it was answered, and after a restart.

    draw up: key, request ──> commit (inProgress, step due) ──> step ─┬─ Issued, accepted ──> commit: all three objects
                                                     ^                ├─ Refused, not accepted ──> commit: failed
                                                     │                ├─ cancellation asked for ──> commit: cancelled
                                                     └── later, again ┴─ Waiting, or nobody reached: counted

Whatever is needed for the next step is in the store, so it does not matter who makes it: the task that the request
left behind, or the job that looks after certificates (`certificate_upkeep`). What a step gives counts only if the
operation is where it was; a certificate of which that is not so is let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from strongroom.core import certificate_limits
from strongroom.core.certificate_guardrails import CertificateFacts, judge_certificate
from strongroom.core.certificate_issuers import CertificateIssuer
from strongroom.core.certificate_life import is_under_way, step_delay
from strongroom.core.certificates import SELF, UNKNOWN, CertificateAttributes, Pending, PendingStatus
from strongroom.core.errors import Failure, Throttled, Unavailable
from strongroom.core.guardrails import Effect, SecretFacts, judge_key, judge_secret
from strongroom.core.issuance import Issued, Refused, Step, Waiting, Wanted
from strongroom.core.mail import Notice, NoticeKind
from strongroom.core.names import Surface
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.flow import audit, log
from strongroom.flow.guardrails import AUDITED, guardrails_of
from strongroom.flow.world import Silence, World
from strongroom.journal import Entry
from strongroom.objects import certificates
from strongroom.objects.certificate_inventory import pending_facts
from strongroom.objects.certificate_links import LinkedVersion
from strongroom.objects.certificate_rows import Certificate, held_pending, open_pending, spec_of_pending, upkeep_of
from strongroom.objects.key_inventory import facts_of
from strongroom.store import Transaction
from strongroom.vault.certificate_requests import HANDED_S, draw_up, envelope_of, made_version
from strongroom.vault.issuers import issuing
from strongroom.vault.key_upkeep import allowed

__all__ = ["draw_up", "issue_in_background", "let_go_in_background", "make_step"]

ENROLL, RENEW = "CertificateEnroll", "CertificateRenew"
"""What the end of an operation is called in the journal: nobody asks for it."""
ISSUER_ERROR = "Certificate issuer error"
_QUICK_S = 5
"""An issuer that wants to be asked again as soon as this is asked by the same task."""
_LATE_S = 0.05
_QUICK_STEPS = 24
"""So often at most: then the job goes on."""


_Change = Callable[[Pending], Pending]


class Outcome(StrEnum):
    """What a step came to."""

    ISSUED = "issued"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LATER = "later"
    OVERTAKEN = "overtaken"
    """Somebody else made it, or the operation is no more."""


# ---- one step -------------------------------------------------------------------------------------------------------


async def make_step(world: World, vault: Vault, stored: StoredObject, *, lease: str | None = None) -> Outcome:
    """
    Make the next step of a certificate's operation, which is under way.

    Raises:
        Unavailable, StoreFault: nothing can be committed now; what the issuer cannot do is dealt with.
    """
    pending = upkeep_of(stored).pending
    if pending is None or not is_under_way(pending):
        return Outcome.OVERTAKEN
    if lease is not None and (until := _silent_until(world, vault, pending)) is not None:
        return await _note(world, vault, stored, lambda was: replace(was, step_at=until), lease, Outcome.LATER)
    try:
        step = await _ask(world, vault, stored, pending)
    except (Unavailable, Throttled) as failure:
        if isinstance(failure, Unavailable):
            _note_silence(world, vault, pending)
        return await _not_reached(world, vault, stored, pending, failure, lease)
    except Failure as failure:
        step = Refused(failure.message, ISSUER_ERROR)
    if step is None:
        return await _end(world, vault, stored, PendingStatus.CANCELLED, None, lease)
    if isinstance(step, Issued):
        return await _complete(world, vault, stored, pending, step, lease)
    if isinstance(step, Waiting) and world.now() - pending.began > certificate_limits.ISSUANCE_S:
        days = certificate_limits.ISSUANCE_S // 86_400
        step = Refused(f"The issuer did not issue the certificate within {days} days.", ISSUER_ERROR)
    if isinstance(step, Refused):
        return await _end(world, vault, stored, PendingStatus.FAILED, step, lease)
    return await _wait(world, vault, stored, step, lease)


def _silent_until(world: World, vault: Vault, pending: Pending) -> int | None:
    """
    Say until when an issuer is left alone that did not answer a moment ago; None if it may be asked.

    The job asks one after the other, so a thousand operations at a CA that hangs would keep all else that is due
    waiting for hours. One is asked in its time, and speaks for them all.
    """
    found = issuing(world, vault, pending.issuer.name)
    if pending.issuer.name == SELF or isinstance(found, Refused):
        return None
    named, issuer = found
    silence, now = world.silences.get(_account(named)), world.now()
    # A clock that was ahead, and is set right, leaves nobody out for long.
    if (
        silence is None
        or silence.issuer is not issuer
        or not silence.since <= now < silence.since + certificate_limits.SILENCE_S
    ):
        return None
    return silence.since + certificate_limits.SILENCE_S


def _note_silence(world: World, vault: Vault, pending: Pending) -> None:
    found = issuing(world, vault, pending.issuer.name)
    if pending.issuer.name == SELF or isinstance(found, Refused):
        return
    named, issuer = found
    if len(world.silences) >= certificate_limits.SILENCES:
        world.silences.clear()
    world.silences[_account(named)] = Silence(issuer, world.now())


def _account(named: CertificateIssuer) -> str:
    """Name an account at a provider, whichever vaults' issuers do."""
    return f"{named.provider.casefold()}\0{named.account_id or ''}"


async def _ask(world: World, vault: Vault, stored: StoredObject, pending: Pending) -> Step | None:
    """Ask the issuer to issue; None once it has let go of what is not wanted any more."""
    if pending.cancellation_requested:
        await _let_go(world, vault, stored.name, pending)
        return None
    disallowed = _disallowed(world, vault, stored, pending)
    if disallowed is not None:
        # What proves to an issuer whose names they are, such as a record in DNS, is not left behind.
        await _let_go(world, vault, stored.name, pending)
        return disallowed
    if pending.issuer.name == SELF:
        from strongroom.crypto.certificates.issuing import issue_to_itself  # noqa: PLC0415  costly to import
        from strongroom.crypto.certificates.signing import held_signing_key  # noqa: PLC0415

        held = held_pending(envelope_of(world, vault), vault, stored.name, pending)
        signing = held_signing_key(world.protections.of(pending.key_type), held)
        return Issued((await issue_to_itself(signing, pending.x509, world.now()),))
    found = issuing(world, vault, pending.issuer.name)
    if isinstance(found, Refused):
        return found
    named, issuer = found
    return await issuer.step(_wanted(world, vault, stored.name, pending, named.account_id), pending.state)


def _disallowed(world: World, vault: Vault, stored: StoredObject, pending: Pending) -> Refused | None:
    """Refuse what guardrails deny by now: while it waited, its issuer may have become another provider's."""
    found = judge_certificate(guardrails_of(world.view), vault, _facts(world, vault, stored, pending))
    reasons = [f"'{one.guardrail}: {one.reason}'" for one in found if one.effect is Effect.DENY]
    if not reasons:
        return None
    return Refused(f"The certificate was disallowed by policy. Reasons: {', '.join(reasons)}.")


def _facts(
    world: World, vault: Vault, stored: StoredObject, pending: Pending, issued: CertificateAttributes | None = None
) -> CertificateFacts:
    return pending_facts(world.view, vault, upkeep_of(stored).policy, pending, world.now(), version=issued)


async def _let_go(world: World, vault: Vault, name: str, pending: Pending) -> None:
    """
    Tell the issuer that a certificate is not wanted any more.

    Raises:
        Unavailable, Throttled: it cannot be reached now.
    """
    if pending.issuer.name in {SELF, UNKNOWN}:
        return
    found = issuing(world, vault, pending.issuer.name)
    if not isinstance(found, Refused):
        named, issuer = found
        await issuer.cancel(_wanted(world, vault, name, pending, named.account_id), pending.state)


def _wanted(world: World, vault: Vault, name: str, pending: Pending, account_id: str | None) -> Wanted:
    return Wanted(
        pending.request_id,
        vault.id,
        vault.tenant,
        name,
        pending.csr,
        pending.x509,
        pending.issuer,
        world.now(),
        account_id,
    )


# ---- what comes of it -----------------------------------------------------------------------------------------------


async def _not_reached(
    world: World, vault: Vault, stored: StoredObject, pending: Pending, failure: Failure, lease: str | None
) -> Outcome:
    """Count that nobody could be reached, and try again later, but not for ever."""
    failures = pending.failures + 1
    if failures >= certificate_limits.STEP_FAILURES:
        if pending.cancellation_requested:
            return await _end(world, vault, stored, PendingStatus.CANCELLED, None, lease)
        refused = Refused(f"The issuer could not be reached in {failures} attempts: {failure.message}", ISSUER_ERROR)
        return await _end(world, vault, stored, PendingStatus.FAILED, refused, lease)
    until = world.now() + step_delay(failures)
    return await _note(
        world, vault, stored, lambda was: replace(was, failures=failures, step_at=until), lease, Outcome.LATER
    )


async def _wait(world: World, vault: Vault, stored: StoredObject, step: Waiting, lease: str | None) -> Outcome:
    # While the same task goes on, the job leaves the step to it.
    until = step.until + HANDED_S if lease is None and step.until - world.now() <= _QUICK_S else step.until

    def waits(was: Pending) -> Pending:
        return replace(was, state=step.state, step_at=until, details=step.details or was.details, failures=0)

    return await _note(world, vault, stored, waits, lease, Outcome.LATER)


async def _note(
    world: World, vault: Vault, stored: StoredObject, change: _Change, lease: str | None, outcome: Outcome
) -> Outcome:
    """Note where an operation is, which is nothing that the journal has to tell."""
    committed = await world.store.commit(
        lambda tx: certificates.step_pending(tx, vault, stored, change, world.now()), lease=lease
    )
    return Outcome.OVERTAKEN if committed.result is None else outcome


async def _end(
    world: World,
    vault: Vault,
    stored: StoredObject,
    status: PendingStatus,
    refused: Refused | None,
    lease: str | None,
) -> Outcome:
    """End an operation without a version. Its key stays, for what is issued all the same can be merged."""
    code, message = (refused.code, refused.message) if refused is not None else (None, None)
    was_issued = refused is not None and refused.was_issued

    def ended(was: Pending) -> Pending:
        return replace(
            was, status=status, details=None, error_code=code, error_message=message, state=b"", step_at=None
        )

    async def change(tx: Transaction) -> Certificate | None:
        found = await certificates.step_pending(tx, vault, stored, ended, world.now(), was_issued=was_issued)
        if found is not None and _pending(found).is_renewal:
            own = found.body.attributes
            reason = message or "The renewal was cancelled."
            notice = Notice(NoticeKind.NOT_RENEWED, stored.name, found.stored.latest, own.exp, reason)
            await world.mail.write(tx, vault, notice)
        return found

    found = await audit.commit_apart(
        world, change, lambda made: _entry(world, vault, made) if made is not None else None, lease=lease
    )
    if found is None:
        return Outcome.OVERTAKEN
    return Outcome.FAILED if status is PendingStatus.FAILED else Outcome.CANCELLED


async def _complete(
    world: World, vault: Vault, stored: StoredObject, pending: Pending, issued: Issued, lease: str | None
) -> Outcome:
    """Accept what was issued, and put the version with its key and its secret."""
    envelope, now = envelope_of(world, vault), world.now()
    try:
        chain = accepted(pending, issued.chain, now)
    except Failure as failure:
        refused = Refused(f"What the issuer gave is not accepted: {failure.message}", ISSUER_ERROR, was_issued=True)
        return await _end(world, vault, stored, PendingStatus.FAILED, refused, lease)
    platform = world.protections.of(pending.key_type).platform
    body, linked = made_version(pending, chain, open_pending(envelope, vault, pending), platform, now)

    audits = list[str]()

    async def change(tx: Transaction) -> Certificate | None:
        facts = _facts(world, vault, stored, pending, body.attributes)
        audits[:] = _judged(world, vault, facts, linked, "renewal" if pending.is_renewal else "issuance")
        made = await certificates.complete(
            tx, vault, envelope, stored, body, linked, now=now, entropy=world.entropy
        )  # fmt: skip
        if made is not None and pending.is_renewal:
            notice = Notice(NoticeKind.RENEWED, made.stored.name, made.version, made.body.attributes.exp)
            await world.mail.write(tx, vault, notice)
        return made

    def entry(made: Certificate | None) -> Entry | None:
        return _entry(world, vault, made, audits) if made is not None else None

    try:
        found = await audit.commit_apart(world, change, entry, lease=lease)
    except Failure as failure:
        if isinstance(failure, Unavailable):
            raise
        # Somebody has taken the name of its key or its secret, or a guardrail is against what was issued.
        refused = Refused(failure.message, was_issued=True)
        return await _end(world, vault, stored, PendingStatus.FAILED, refused, lease)
    return Outcome.OVERTAKEN if found is None else Outcome.ISSUED


def _judged(world: World, vault: Vault, facts: CertificateFacts, linked: LinkedVersion, noun: str) -> list[str]:
    """
    Ask the guardrails about what was issued, whose time may be another than was asked for; what is only to be noted.

    Raises:
        Forbidden: innererror `DisallowedByPolicy`.
    """
    own, rules = linked.secret.attributes, guardrails_of(world.view)
    found = (
        *judge_certificate(rules, vault, facts),
        *judge_key(rules, vault, facts_of(linked.key)),
        *judge_secret(rules, vault, SecretFacts(own.created, own.exp)),
    )
    return allowed(found, noun)


def accepted(pending: Pending, given: tuple[bytes, ...], now: int) -> tuple[bytes, ...]:
    """
    Judge certificates that came for an operation, the leaf first in what is given back.

    Raises:
        Invalid: see `crypto.certificates.chains`.
    """
    from strongroom.crypto.certificates.chains import Held, ordered_chain, read_certificates  # noqa: PLC0415  costly to import

    held = Held(spec_of_pending(pending), pending.parts)
    return ordered_chain(read_certificates(given), held, now, keep_order=pending.preserve_order is True)


def _pending(certificate: Certificate) -> Pending:
    pending = certificate.upkeep.pending
    if pending is None:
        msg = "an operation that was just noted is not there"
        raise RuntimeError(msg)
    return pending


def _entry(world: World, vault: Vault, made: Certificate, audits: Sequence[str] = ()) -> Entry:
    """Say how an operation ended. It has no identity: nobody asked at that moment."""
    pending, properties = _pending(made), dict[str, object]()
    if audits:
        properties[AUDITED] = list(audits)
    if pending.status is PendingStatus.COMPLETED and made.body.cer is not None:
        from strongroom.crypto.certificates.facts import told_properties  # noqa: PLC0415  costly to import

        properties["certificateProperties"] = told_properties(made.body.cer)
    base = world.hosts.url(Surface.VAULT, vault.name)
    return Entry(
        time=world.clock(),
        operation=RENEW if pending.is_renewal else ENROLL,
        status=200 if pending.error_code is None else 400,
        resource_id=vault.scope,
        description=pending.error_message or "",
        object_uri=f"{base}/certificates/{made.stored.name}/{pending.version}",
        error_code=pending.error_code,
        properties=properties,
    )


# ---- at once --------------------------------------------------------------------------------------------------------


def work_key(vault: Vault, stored: StoredObject) -> str:
    """Name the task that makes a certificate's steps, by which the job sees that there is one."""
    return f"certificate {vault.id} {stored.key}"


def issue_in_background(world: World, vault: Vault, stored: StoredObject) -> None:
    """Have the steps of an operation that are due made at once; what does not come to be of that, the job does."""
    key = work_key(vault, stored)
    work = world.background.find(key)
    if isinstance(work, _Issuance):
        # It may have looked already.
        work.again = True
    else:
        world.background.reserve(key, _Issuance(world, vault, stored.name))
        world.background.start(key)


def let_go_in_background(world: World, vault: Vault, name: str, pending: Pending) -> None:
    """Have the issuer told that an operation which is forgotten is not wanted any more, if it can be reached now."""
    if is_under_way(pending) and pending.issuer.name not in {SELF, UNKNOWN}:
        key = f"certificate operation {pending.request_id}"
        world.background.reserve(key, _LettingGo(world, vault, name, pending=pending))
        world.background.start(key)


@dataclass(slots=True)
class _Background:
    """What `flow.background` runs: it belongs to nobody, since it goes on without whoever asked for it."""

    world: World
    vault: Vault
    name: str
    tenant: str = field(default="", init=False)
    owner: str = field(default="", init=False)
    stopping: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def run(self) -> None:
        if self.stopping.is_set():
            return
        try:
            await self.work()
        except Exception as error:  # noqa: BLE001  the job does what this could not
            log.background_failed(ENROLL, error)

    async def work(self) -> None:
        raise NotImplementedError

    def cancel(self) -> None:
        self.interrupt()

    def interrupt(self) -> None:
        self.stopping.set()


@dataclass(slots=True)
class _Issuance(_Background):
    """Makes the steps that an issuer lets follow each other at once."""

    again: bool = field(default=True, init=False)
    """True if somebody has changed the operation since it was read."""

    async def work(self) -> None:
        while self.again:
            self.again = False
            await self._steps()

    async def _steps(self) -> None:
        for _ in range(_QUICK_STEPS):
            pause = await self._step()
            if pause is None:
                return
            try:
                async with asyncio.timeout(pause):
                    await self.stopping.wait()
            except TimeoutError:
                continue
            return

    async def _step(self) -> float | None:
        """Make the step that is due; how long to wait for the next one, or None if that is the job's."""
        stored = await self._read()
        if stored is None or _handed_at(stored) > self.world.now():
            return None
        if await make_step(self.world, self.vault, stored) is not Outcome.LATER:
            return None
        stored = await self._read()
        if stored is None:
            return None
        pause = _handed_at(stored) - self.world.now()
        # A timer can be early by a little, and then nothing would be due yet.
        return (pause + _LATE_S if pause > 0 else 0.0) if pause <= _QUICK_S else None

    async def _read(self) -> StoredObject | None:
        stored = await self.world.store.object(self.vault.id, Collection.CERTIFICATES, self.name)
        return stored if stored is not None and stored.deleted is None and _step_at(stored) is not None else None


def _step_at(stored: StoredObject) -> int | None:
    pending = upkeep_of(stored).pending
    return pending.step_at if pending is not None else None


def _handed_at(stored: StoredObject) -> int:
    """Say from when on the task may make a step, which the job makes only later."""
    return (_step_at(stored) or 0) - HANDED_S


@dataclass(slots=True)
class _LettingGo(_Background):
    pending: Pending = field(kw_only=True)

    async def work(self) -> None:
        await _let_go(self.world, self.vault, self.name, self.pending)
