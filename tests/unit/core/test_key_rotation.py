"""Rotation policies: durations, what a policy may say, and when what it says is due (reference section 5.1)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.key_rotation import (
    DAY_S,
    DEFAULT_NOTIFY,
    Due,
    Duration,
    Event,
    GivenAction,
    RotationPolicy,
    Trigger,
    Upkeep,
    expiry_of_new,
    moved,
    next_due,
    parse_duration,
    read_policy,
    retry_delay,
    rotation_time,
)
from strongroom.core.keys import KeyAttributes

NOW = int(datetime(2026, 1, 31, 10, 30, 15, tzinfo=UTC).timestamp())


def at(year: int, month: int, day: int) -> int:
    """Give a day's moment at the time of day of `NOW`."""
    return int(datetime(year, month, day, 10, 30, 15, tzinfo=UTC).timestamp())


def duration(text: str) -> Duration:
    """Read a duration that is one."""
    found = parse_duration(text)
    assert found is not None
    return found


# ---- durations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "months", "days"),
    [
        ("P18M", 18, 0),
        ("P90D", 0, 90),
        ("P2Y", 24, 0),
        ("P1Y6M", 18, 0),
        ("P1Y2M3W4D", 14, 25),
        ("P4W", 0, 28),
        ("P36500D", 0, 36_500),
        ("P100Y", 1200, 0),
    ],
)
def test_a_duration_is_whole_months_and_days(text: str, months: int, days: int) -> None:
    """Years are months, weeks are days, and the text stays as it was given."""
    assert parse_duration(text) == Duration(text, months, days)


@pytest.mark.parametrize(
    "text",
    [
        "", "P", "P0D", "P0Y0M", "90D", "p90d", "P90", "PT1H", "P1DT1H", "P1.5D", "P-1D", "-P1D", "P1D2M", "P 1D",
        "P1D ", "P1D\n", "P٣D", "P36501D", "P100Y1D", "P99999Y", "P100000D", "P1Y1Y",
    ],
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: str) -> None:
    """No times of day, fractions, signs, other orders or digits; not nothing, and not more than the limit."""
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "sign", "there"),
    [
        ("P1M", 1, at(2026, 2, 28)),
        ("P25M", 1, at(2028, 2, 29)),
        ("P2M", -1, at(2025, 11, 30)),
        ("P2Y", 1, at(2028, 1, 31)),
        ("P1M1D", 1, at(2026, 3, 1)),
        ("P30D", -1, at(2026, 1, 1)),
    ],
)
def test_months_are_the_calendars(text: str, sign: int, there: int) -> None:
    """The day stays what it is, or the last of its month; days come after months, and the time of day stays."""
    assert moved(NOW, duration(text), sign) == there


def test_a_longer_duration_ends_no_sooner_and_keeps_its_length() -> None:
    """For any moment: days are exact, months are as long as months are, and a later start does not end earlier."""
    for seed in range(2000):
        print("seed", seed)  # noqa: T201  pytest shows it with a failure, and with it the case can be made again
        chance = random.Random(seed)  # noqa: S311  reproducible, and no secret
        moment = chance.randrange(0, at(8999, 1, 1))
        months, days = chance.randrange(1200), chance.randrange(1, 400)
        span = Duration("", months, days)
        end = moved(moment, span)
        assert moved(moment, Duration("", days=days)) == moment + days * DAY_S
        assert 28 * months <= (end - moment) // DAY_S - days <= 31 * months
        assert moved(moment + chance.randrange(DAY_S * 40), span) >= end - DAY_S * 3
        arrived, began = datetime.fromtimestamp(end - days * DAY_S, UTC), datetime.fromtimestamp(moment, UTC)
        assert (arrived.year * 12 + arrived.month) - (began.year * 12 + began.month) == months
        assert arrived.timetz() == began.timetz()
        assert arrived.day in {began.day, 28, 29, 30}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_moment_beyond_the_calendar_moves_by_days(sign: int) -> None:
    """An expiry can be any number, and nothing breaks at one that no calendar reaches."""
    assert moved(2**52, duration("P1M"), sign) == 2**52 + sign * 30 * DAY_S
    assert moved(0, duration("P100Y"), -1) < 0


# ---- what a policy may say ------------------------------------------------------------------------------------------


def rotate(*, after: str | None = None, before: str | None = None, kind: str | None = "Rotate") -> GivenAction:
    """Give a lifetime action."""
    return GivenAction(kind, after, before)


def notify(before: str | None) -> GivenAction:
    """Give the other lifetime action."""
    return GivenAction("Notify", None, before)


def test_limits_hold_to_the_day() -> None:
    """At the limit it is taken, one day past it is not."""
    longest, shortest = limits.ROTATION_DURATION_DAYS, limits.KEY_EXPIRY_TIME_DAYS
    assert parse_duration(f"P{longest}D") is not None
    assert parse_duration(f"P{longest + 1}D") is None
    assert read_policy([], f"P{shortest}D", None, NOW).expiry_time is not None
    with pytest.raises(Invalid):
        read_policy([], f"P{shortest - 1}D", None, NOW)


def test_a_policy_without_actions_is_the_default() -> None:
    """Nobody can remove the notification."""
    assert read_policy([], None, None, NOW) == RotationPolicy(NOW, NOW, None, None, DEFAULT_NOTIFY)


def test_a_policy_keeps_when_it_was_first_set() -> None:
    """It is replaced as a whole but for that."""
    first = read_policy([rotate(after="P30D")], "P90D", None, NOW)
    second = read_policy([notify("P10D")], None, first, NOW + 5)
    assert second == RotationPolicy(NOW, NOW + 5, None, None, duration("P10D"))


@pytest.mark.parametrize("word", ["Rotate", "rotate", "ROTATE"])
def test_the_case_of_a_type_does_not_matter(word: str) -> None:
    """Data plane and management plane spell it differently."""
    policy = read_policy([rotate(after="P30D", kind=word)], None, None, NOW)
    assert policy.rotate == Trigger(after_create=duration("P30D"))


def test_an_empty_trigger_is_none() -> None:
    """Tools write the one that they do not mean as an empty text, and so the expiry."""
    policy = read_policy([rotate(after="P30D", before="")], "", None, NOW)
    assert policy.rotate == Trigger(after_create=duration("P30D"))
    assert policy.expiry_time is None


@pytest.mark.parametrize(
    ("action", "expiry"),
    [
        (rotate(after="P7D"), None),
        (rotate(after="P21D"), "P28D"),
        (rotate(before="P7D"), "P28D"),
        (rotate(before="P21D"), "P28D"),
        (rotate(after="P11M"), "P1Y"),
        (rotate(after="P18M"), "P2Y"),
        (notify("P1D"), None),
        (notify("P36500D"), "P28D"),
    ],
)
def test_a_policy_at_its_limits_is_taken(action: GivenAction, expiry: str | None) -> None:
    """Seven days from both ends, 28 days to live."""
    policy = read_policy([action], expiry, None, NOW)
    assert policy.rotate is not None or policy.notify.text == action.before_expiry


SEVEN_AFTER = "the action Rotate must be at least 7 days after creation."
SEVEN_BEFORE = "the action Rotate must be at least 7 days before expiry."
ONE_TRIGGER = "the action {} must have one trigger: timeAfterCreate or timeBeforeExpiry."
NO_DURATION = (
    "{} must be an ISO 8601 duration of whole years, months, weeks or days, such as P90D, of at most 36500 days."
)
WRONG_TYPE = "the type of a lifetime action must be Rotate or Notify."
REFUSED: list[tuple[list[GivenAction], str | None, str]] = [
    ([rotate(after="P6D")], None, SEVEN_AFTER),
    ([rotate(after="P22D")], "P28D", SEVEN_BEFORE),
    ([rotate(before="P6D")], "P28D", SEVEN_BEFORE),
    ([rotate(before="P22D")], "P28D", SEVEN_AFTER),
    ([rotate(after="P12M")], "P1Y", SEVEN_BEFORE),
    ([], "P27D", "expiryTime must be at least 28 days."),
    ([rotate(before="P30D")], None, "the action Rotate with the trigger timeBeforeExpiry needs an expiryTime."),
    ([rotate()], None, ONE_TRIGGER.format("Rotate")),
    ([rotate(after="P30D", before="P30D")], "P90D", ONE_TRIGGER.format("Rotate")),
    ([notify(None)], None, ONE_TRIGGER.format("Notify")),
    ([GivenAction("Notify", "P30D", None)], None, "the action Notify can only have the trigger timeBeforeExpiry."),
    ([rotate(after="P9D"), rotate(after="P9D")], None, "a policy has at most one lifetime action of the type Rotate."),
    ([notify("P9D"), notify("P8D")], None, "a policy has at most one lifetime action of the type Notify."),
    ([rotate(after="P9D", kind=None)], None, WRONG_TYPE),
    ([rotate(after="P9D", kind="Delete")], None, WRONG_TYPE),
    ([rotate(after="9 days")], None, NO_DURATION.format("timeAfterCreate")),
    ([notify("P36501D")], None, NO_DURATION.format("timeBeforeExpiry")),
    ([], "PT720H", NO_DURATION.format("expiryTime")),
]


@pytest.mark.parametrize(("actions", "expiry", "sentence"), REFUSED)
def test_a_policy_that_breaks_a_rule_is_refused(actions: list[GivenAction], expiry: str | None, sentence: str) -> None:
    """In one sentence that says which."""
    with pytest.raises(Invalid) as refused:
        read_policy(actions, expiry, None, NOW)
    assert refused.value.message == f"The key rotation policy is invalid: {sentence}"
    assert refused.value.code == "BadParameter"


# ---- when -----------------------------------------------------------------------------------------------------------

VERSION = "f" * 32
YEARLY = read_policy([rotate(after="P1Y")], "P18M", None, NOW)
BEFORE = read_policy([rotate(before="P1M"), notify("P20D")], "P90D", None, NOW)
EXPIRING = KeyAttributes(NOW, NOW, exp=at(2026, 5, 31))


def test_a_key_without_an_expiry_and_a_policy_is_never_due() -> None:
    """Most keys are like this."""
    assert next_due(Upkeep(), VERSION, KeyAttributes(NOW, NOW)) is None


def test_rotation_is_counted_from_the_versions_making() -> None:
    """Whether or not it expires."""
    assert next_due(Upkeep(YEARLY), VERSION, KeyAttributes(NOW, NOW)) == Due(at(2027, 1, 31), Event.ROTATE)


def test_rotation_is_counted_back_from_the_versions_expiry() -> None:
    """A month is the calendar's: May 31 less a month is April 30."""
    assert rotation_time(BEFORE, EXPIRING) == at(2026, 4, 30)
    assert rotation_time(BEFORE, KeyAttributes(NOW, NOW)) is None


def test_no_version_is_rotated_in_its_first_days() -> None:
    """However soon it expires: else one that is made due would be rotated over and over."""
    soon = KeyAttributes(NOW, NOW, exp=NOW + 60)
    assert rotation_time(BEFORE, soon) == NOW + limits.ROTATION_MARGIN_DAYS * DAY_S


def test_events_come_one_after_the_other() -> None:
    """Rotation, near expiry, expiry: each at its own time, and what was noted not again."""
    upkeep = Upkeep(BEFORE)
    first = next_due(upkeep, VERSION, EXPIRING)
    assert first == Due(at(2026, 4, 30), Event.ROTATE)
    upkeep = replace(upkeep, policy=replace(BEFORE, rotate=None))
    assert next_due(upkeep, VERSION, EXPIRING) == Due(at(2026, 5, 11), Event.NEAR_EXPIRY)
    noted = (VERSION, at(2026, 5, 31))
    upkeep = replace(upkeep, near_expiry=noted)
    assert next_due(upkeep, VERSION, EXPIRING) == Due(at(2026, 5, 31), Event.EXPIRED)
    assert next_due(replace(upkeep, expired=noted), VERSION, EXPIRING) is None


def test_a_key_without_a_policy_is_near_its_expiry_thirty_days_before() -> None:
    """That much policy every key has."""
    assert next_due(Upkeep(), VERSION, EXPIRING) == Due(at(2026, 5, 1), Event.NEAR_EXPIRY)


def test_what_was_noted_of_one_version_or_expiry_is_not_of_another() -> None:
    """A postponed expiry comes near again, and so does that of the next version."""
    upkeep = Upkeep(near_expiry=(VERSION, at(2026, 5, 31)), expired=(VERSION, at(2026, 5, 31)))
    later = replace(EXPIRING, exp=at(2026, 8, 31))
    for version, attributes in ((VERSION, later), ("e" * 32, EXPIRING)):
        due = next_due(upkeep, version, attributes)
        assert due is not None
        assert due.event is Event.NEAR_EXPIRY


def test_of_what_is_due_at_once_rotation_is_first() -> None:
    """What it replaces is not near its expiry any more."""
    policy = replace(BEFORE, rotate=Trigger(before_expiry=duration("P20D")))
    due = next_due(Upkeep(policy), VERSION, EXPIRING)
    assert due is not None
    assert due.event is Event.ROTATE


def test_a_disabled_and_a_managed_key_are_left_alone() -> None:
    """Nothing comes alive behind a name that was put out of use; a certificate's key is its certificate's."""
    assert next_due(Upkeep(BEFORE), VERSION, replace(EXPIRING, enabled=False)) is None
    assert next_due(Upkeep(BEFORE), VERSION, EXPIRING, managed=True) is None


def test_a_rotation_that_failed_waits_and_notices_do_not() -> None:
    """Its next try can be after the expiry, which is noted on time all the same."""
    upkeep = Upkeep(BEFORE, failures=1, retry_at=at(2026, 7, 1))
    assert next_due(upkeep, VERSION, EXPIRING) == Due(at(2026, 5, 11), Event.NEAR_EXPIRY)
    assert next_due(replace(upkeep, retry_at=5), VERSION, EXPIRING) == Due(at(2026, 4, 30), Event.ROTATE)


def test_tries_come_further_and_further_apart() -> None:
    """From a minute to a day."""
    assert retry_delay(1) == limits.ROTATION_RETRY_S
    assert [retry_delay(n) for n in (1, 2, 3, 11, 12, 10**9)] == [60, 120, 240, 61_440, DAY_S, DAY_S]


def test_a_new_version_expires_as_the_policy_says() -> None:
    """Or never."""
    assert expiry_of_new(YEARLY, NOW) == at(2027, 7, 31)
    assert expiry_of_new(None, NOW) is None
    assert expiry_of_new(replace(YEARLY, expiry_time=None), NOW) is None
