"""When something is due of a certificate by itself, in lives that chance makes (reference sections 4.5 and 8)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from strongroom.core import certificate_limits
from strongroom.core.certificate_life import (
    DAY_S,
    Event,
    action_time,
    after_renewal_failed,
    as_if_new,
    due_now,
    dues,
    next_due,
    step_delay,
)
from strongroom.core.certificate_policies import GivenPolicy, read_policy
from strongroom.core.certificates import (
    CertificateAttributes,
    CertificateUpkeep,
    CertificateVersionBody,
    IssuerParameters,
    LifetimeAction,
    LifetimeActionType,
    Pending,
    PendingStatus,
)
from strongroom.core.keys import KeyType, PublicParts

NOW = 1_790_000_000
VERSION = "0" * 32
RENEW, WRITE = LifetimeActionType.AUTO_RENEW, LifetimeActionType.EMAIL_CONTACTS


def upkeep(action: LifetimeAction | None, *, enabled: bool = True) -> CertificateUpkeep:
    """Make what a certificate keeps that was just issued."""
    policy = read_policy(GivenPolicy(subject="CN=a", issuer="Self", validity_months=1200, enabled=enabled), None, NOW)
    return CertificateUpkeep(replace(policy, lifetime_actions=() if action is None else (action,)))


def body(nbf: int, exp: int, created: int, *, enabled: bool = True) -> CertificateVersionBody:
    """Make a version that was issued."""
    return CertificateVersionBody(CertificateAttributes(created, created, enabled, nbf, exp), cer=b"der")


def pending(step_at: int | None, status: PendingStatus = PendingStatus.IN_PROGRESS) -> Pending:
    """Make an operation."""
    return Pending(
        VERSION, "1" * 32, IssuerParameters("Self"), b"", NOW, KeyType.EC, PublicParts(), status=status, step_at=step_at
    )


def some_life(chance: random.Random) -> tuple[LifetimeAction, int, int, int]:
    """Make an action with the dates of a version: from an hour to a hundred years, issued or imported late."""
    life = chance.choice([3600, DAY_S, 7 * DAY_S, 90 * DAY_S, 398 * DAY_S, 100 * 365 * DAY_S])
    life += chance.randrange(life)
    nbf = NOW - chance.choice([0, 600, life // 2, life - 1])
    created = chance.choice([NOW, nbf + 600])
    kind = chance.choice([RENEW, WRITE])
    if chance.random() < 0.5:
        return LifetimeAction(kind, chance.randint(1, 99)), nbf, nbf + life, created
    return LifetimeAction(kind, None, chance.randint(1, 1200 * 27)), nbf, nbf + life, created


@pytest.mark.parametrize("seed", range(40))
def test_everything_that_is_due_comes_once_and_in_its_time(seed: int) -> None:
    """
    From issue to end: each event once, none before its time, none before the version was made.

    Whoever looks when `due_at` says, and does what comes first, comes to an end.
    """
    chance = random.Random(seed)  # noqa: S311  the test's name says what to run again
    for _ in range(25):
        action, nbf, exp, created = some_life(chance)
        kept, version = upkeep(action), body(nbf, exp, created)
        done: list[Event] = []
        now = created
        while (at := next_due(kept, VERSION, version)) is not None:
            assert len(done) < 4
            # The service can have been down.
            now = max(now, at) + chance.choice([0, 0, 15, 400 * DAY_S])
            due = due_now(kept, VERSION, version, now)
            assert due is not None
            assert created <= due.at <= now or due.at == exp
            done.append(due.event)
            noted = (VERSION, exp)
            match due.event:
                case Event.RENEW:
                    assert due.at >= action_time(action, nbf, exp, created)
                    # A version of its own follows.
                    break
                case Event.WRITE:
                    kept = replace(kept, acted=noted)
                case Event.NEAR_EXPIRY:
                    kept = replace(kept, near_expiry=noted)
                case _:
                    kept = replace(kept, expired=noted)
        assert len(set(done)) == len(done)
        if action.type is WRITE:
            assert set(done) == {Event.WRITE, Event.NEAR_EXPIRY, Event.EXPIRED}
        else:
            assert done[-1] is Event.RENEW


@pytest.mark.parametrize("seed", range(40))
def test_no_issuer_is_asked_without_end(seed: int) -> None:
    """Whatever life it gives: between two renewals lies an hour, or a quarter of what the version has to live."""
    chance = random.Random(seed)  # noqa: S311  the test's name says what to run again
    for _ in range(25):
        action, nbf, exp, created = some_life(chance)
        action = replace(action, type=RENEW)
        at = next(one.at for one in dues(upkeep(action), VERSION, body(nbf, exp, created)) if one.event is Event.RENEW)
        assert at - created >= min(certificate_limits.RENEWAL_RETRY_S, max(exp - created, 0) // 4)
        assert at >= nbf + (exp - nbf) // 100 or at >= exp - (action.days_before_expiry or 0) * DAY_S


def test_a_step_comes_before_everything_else() -> None:
    """What a renewal is about to replace is not near its expiry any more."""
    kept = replace(upkeep(LifetimeAction(RENEW, 80)), pending=pending(NOW))
    version = body(NOW - 100 * DAY_S, NOW + DAY_S, NOW - 100 * DAY_S)
    assert [one.event for one in dues(kept, VERSION, version)] == [Event.STEP, Event.NEAR_EXPIRY, Event.EXPIRED]
    due = due_now(kept, VERSION, version, NOW)
    assert due is not None
    assert due.event is Event.STEP


def test_a_renewal_comes_before_what_is_told() -> None:
    """After years, too."""
    version = body(NOW, NOW + 365 * DAY_S, NOW)
    due = due_now(upkeep(LifetimeAction(RENEW, 80)), VERSION, version, NOW + 3 * 365 * DAY_S)
    assert due is not None
    assert due.event is Event.RENEW


def test_what_is_disabled_or_not_issued_has_steps_alone() -> None:
    """A certificate that was put out of use stays so; one that nobody merges has nothing that is due."""
    kept = upkeep(LifetimeAction(RENEW, 80))
    disabled = body(NOW, NOW + 365 * DAY_S, NOW, enabled=False)
    assert next_due(kept, VERSION, disabled) is None
    unissued = CertificateVersionBody(CertificateAttributes(NOW, NOW, enabled=False))
    assert next_due(replace(kept, pending=pending(None)), VERSION, unissued) is None
    assert next_due(replace(kept, pending=pending(NOW + 5)), VERSION, unissued) == NOW + 5


def test_an_operation_that_has_ended_does_not_keep_from_renewal() -> None:
    """One that failed stands until the next one begins."""
    kept = replace(upkeep(LifetimeAction(RENEW, 80)), pending=pending(None, PendingStatus.FAILED))
    events = [one.event for one in dues(kept, VERSION, body(NOW, NOW + 365 * DAY_S, NOW))]
    assert events == [Event.RENEW, Event.NEAR_EXPIRY, Event.EXPIRED]


def test_the_times_of_lifetime_actions() -> None:
    """A part of the life, or days before its end; the default where those are more than the life has."""
    exp = NOW + 100 * DAY_S
    assert action_time(LifetimeAction(RENEW, 80), NOW, exp, NOW) == NOW + 80 * DAY_S
    assert action_time(LifetimeAction(RENEW, None, 30), NOW, exp, NOW) == NOW + 70 * DAY_S
    assert action_time(LifetimeAction(RENEW, None, 99), NOW, exp, NOW) == NOW + DAY_S
    assert action_time(LifetimeAction(RENEW, None, 100), NOW, exp, NOW) == NOW + 80 * DAY_S
    assert action_time(LifetimeAction(RENEW, 10), NOW, exp, NOW + 50 * DAY_S) == NOW + 50 * DAY_S


def test_a_certificate_is_near_its_expiry_thirty_days_before() -> None:
    """Or when it is made, if that is later."""
    kept, exp = upkeep(None), NOW + 365 * DAY_S
    assert next_due(kept, VERSION, body(NOW, exp, NOW)) == exp - certificate_limits.NEAR_EXPIRY_S
    assert next_due(kept, VERSION, body(NOW, NOW + DAY_S, NOW)) == NOW


def test_delays_double_up_to_their_longest() -> None:
    """Of steps, and of renewals, whose count ends with the first success."""
    longest = certificate_limits.STEP_RETRY_MAX_S
    assert [step_delay(one) for one in (1, 2, 6, 7, 1000)] == [60, 120, 1920, longest, longest]
    kept = upkeep(None)
    pauses = []
    for _ in range(7):
        kept = after_renewal_failed(kept, NOW)
        pauses.append((kept.retry_at or 0) - NOW)
    assert pauses == [3600, 7200, 14_400, 28_800, 57_600, DAY_S, DAY_S]
    assert as_if_new(kept) == upkeep(None)
    kept, pauses = upkeep(None), []
    for _ in range(5):
        kept = after_renewal_failed(kept, NOW, was_issued=True)
        pauses.append((kept.retry_at or 0) - NOW)
    first, most = certificate_limits.UNWANTED_RETRY_S, certificate_limits.UNWANTED_RETRY_MAX_S
    assert pauses == [first, 2 * first, 4 * first, most, most]
