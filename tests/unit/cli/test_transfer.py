"""Transfers of secrets: what is compared, what is written, and that going on is the same as having gone through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.cli.transfer.histories import History, Standing, Version, compare
from strongroom.cli.transfer.naming import Named, Unusable, name_all, vault_name_of
from strongroom.cli.transfer.report import Outcome
from strongroom.cli.transfer.transfer import SecretFault, Terms, TransferEnded, transfer


class Place:
    """A place of secrets in memory, that may fail after so many writes."""

    title = "memory"
    is_whole = False

    def __init__(self, secrets: dict[str, History] | None = None, *, writes: int | None = None) -> None:
        self.secrets = dict(secrets or {})
        self.writes = writes
        self.interrupts = False

    def listed(self) -> tuple[Sequence[Named], Sequence[Unusable]]:
        """Name everything."""
        return [Named(name, name) for name in sorted(self.secrets)], []

    def notes(self) -> Iterable[str]:
        """Say nothing."""
        return ()

    def read(self, original: str) -> History:
        """Read one."""
        return self.secrets[original]

    def find(self, name: str) -> History | None:
        """Find one."""
        return self.secrets.get(name)

    def write(self, name: str, version: Version) -> None:
        """Write one, or fail."""
        if self.writes == 0:
            if self.interrupts:
                raise KeyboardInterrupt
            raise TransferEnded("the destination does not answer")
        if self.writes is not None:
            self.writes -= 1
        before = self.secrets.get(name, History(()))
        self.secrets[name] = History((*before.versions, version), before.unread)

    def finish(self) -> None:
        """Do nothing."""


def _ignore() -> None:
    return None


def _history(*values: str) -> History:
    return History(tuple(Version(value, tags={"at": str(place)}) for place, value in enumerate(values)))


def test_a_destination_lacks_what_comes_after_what_it_has() -> None:
    """An interrupted transfer goes on with the next version."""
    source = _history("a", "b", "c")

    assert compare(source, None) == (Standing.ABSENT, source.versions)
    assert compare(source, History(source.versions[:2])) == (Standing.BEHIND, source.versions[2:])
    assert compare(source, source) == (Standing.SAME, ())


@pytest.mark.parametrize(
    "other",
    [
        _history("x"),
        _history("a", "b", "c", "d"),
        History(_history("a").versions, ("version 2 is disabled",)),
        History((Version("a", content_type="text/plain", tags={"at": "0"}),)),
        History((Version("a", tags={"at": "0"}, expires=1),)),
        History((Version("a", tags={"at": "0"}, enabled=False),)),
    ],
)
def test_another_history_is_left_alone(other: History) -> None:
    """What is not the beginning of the source's history is another secret: any attribute counts."""
    assert compare(_history("a", "b", "c"), other)[0] is Standing.DIFFERENT


def test_versions_of_one_second_have_no_order() -> None:
    """A list may give the versions of one second in another order than they were written in."""
    source = _history("a", "b", "c")
    swapped = History((source.versions[1], source.versions[0]))

    assert compare(source, swapped) == (Standing.BEHIND, source.versions[2:])


def test_marks_do_not_run_into_each_other() -> None:
    """Where one text ends and the next begins counts."""
    assert Version("ab", content_type="c").mark != Version("a", content_type="bc").mark


def test_a_value_is_in_no_text_about_a_version() -> None:
    """A version may be shown without its value."""
    assert "hush" not in repr(Version("hush"))


def test_a_conflict_writes_nothing_unless_it_may_add() -> None:
    """Another secret of that name stays as it is; with `add` the newest version comes on top."""
    source, kept = Place({"db": _history("a", "b")}), Place({"db": _history("x")})

    report = transfer(source, kept, Terms(), _ignore)
    assert [line.outcome for line in report.lines] == [Outcome.CONFLICT]
    assert report.troubled
    assert kept.secrets["db"] == _history("x")

    report = transfer(source, kept, Terms(add=True), _ignore)
    assert [(line.outcome, line.versions) for line in report.lines] == [(Outcome.CONTINUED, 1)]
    assert [one.value for one in kept.secrets["db"].versions] == ["x", "b"]

    report = transfer(source, kept, Terms(add=True), _ignore)
    assert [line.outcome for line in report.lines] == [Outcome.UNCHANGED]


def test_a_rehearsal_writes_nothing_and_tells_what_would_be() -> None:
    """`--dry-run` reads and compares, and the destination is as before."""
    destination = Place({"b": _history("x")})

    report = transfer(Place({"a": _history("1", "2"), "b": _history("y")}), destination, Terms(rehearsal=True), _ignore)

    assert [(line.outcome, line.versions) for line in report.lines] == [(Outcome.COPIED, 2), (Outcome.CONFLICT, 0)]
    assert destination.secrets == {"b": _history("x")}


def test_one_secret_that_cannot_be_read_holds_up_no_other() -> None:
    """A refusal about one secret is told, and the others are copied."""

    class Refusing(Place):
        def read(self, original: str) -> History:
            if original == "b":
                raise SecretFault("403 ForbiddenByRbac")
            return super().read(original)

    destination = Place()
    report = transfer(Refusing({name: _history(name) for name in "abc"}), destination, Terms(), _ignore)

    assert [line.outcome for line in report.lines] == [Outcome.COPIED, Outcome.FAILED, Outcome.COPIED]
    assert sorted(destination.secrets) == ["a", "c"]


def test_an_interruption_is_a_report() -> None:
    """Control-C ends between two versions; what was not tried is told."""
    destination = Place(writes=2)
    destination.interrupts = True

    report = transfer(Place({name: _history(name) for name in "abcd"}), destination, Terms(), _ignore)

    assert [line.outcome for line in report.lines] == [Outcome.COPIED, Outcome.COPIED, *[Outcome.NOT_TRIED] * 2]
    assert sorted(destination.secrets) == ["a", "b"]


class File(Place):
    """A place that is a file, which cannot be written at the end."""

    title = "file"
    is_whole = True

    def finish(self) -> None:
        """Fail."""
        raise TransferEnded("the disk is full")


def test_a_file_that_did_not_come_to_be_has_nothing() -> None:
    """Neither where it ended before, nor where it could not be written: nothing is said to be copied."""
    secrets = {**{name: _history(name) for name in "abc"}, "d": History((), ("version 1 is disabled",))}
    for destination, reason in ((File(), "the disk is full"), (File(writes=1), "the destination does not answer")):
        report = transfer(Place(secrets), destination, Terms(), _ignore)
        outcomes = [(line.outcome, line.versions) for line in report.lines]
        assert outcomes[:3] == [(Outcome.NOT_TRIED, 0)] * 3
        assert report.lines[0].reason == f"{reason}; nothing is written"
        assert report.troubled


def test_what_is_no_text_is_a_fault_of_its_secret() -> None:
    """JSON can say half of a character, which nothing can be sent of; the others are brought over."""
    destination = Place()
    tagged = History((Version("v", tags={"t": "\udc00"}),))
    report = transfer(Place({"a": _history("\ud800"), "b": tagged, "c": _history("c")}), destination, Terms(), _ignore)
    assert [line.outcome for line in report.lines] == [Outcome.FAILED, Outcome.FAILED, Outcome.COPIED]
    assert list(destination.secrets) == ["c"]


@pytest.mark.parametrize("terms", [Terms(newest_only=True), Terms(add=True)])
def test_an_older_value_does_not_pass_for_the_newest(terms: Terms) -> None:
    """Where the newest is disabled or deleted, the one before it is not what the secret is."""
    source = Place({"a": History(_history("old").versions, ("version 2 is disabled",), is_newest_unread=True)})
    destination = Place({"a": _history("other")})
    [line] = transfer(source, destination, terms, _ignore).lines
    assert (line.outcome, line.reason) == (Outcome.SKIPPED, "version 2 is disabled")
    assert destination.secrets == {"a": _history("other")}


_SECRETS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.lists(st.sampled_from(["1", "2", "3"]), min_size=1, max_size=4).map(lambda values: _history(*values)),
    max_size=4,
)


@given(_SECRETS, st.lists(st.integers(0, 5), max_size=6))
def test_going_on_is_the_same_as_having_gone_through(secrets: dict[str, History], ends: list[int]) -> None:
    """However often it breaks off, and wherever: a last run leaves what one run would have left, each version once."""
    destination = Place()
    for writes in ends:
        destination.writes = writes
        transfer(Place(secrets), destination, Terms(), _ignore)
    destination.writes = None
    report = transfer(Place(secrets), destination, Terms(), _ignore)

    assert not report.troubled
    assert destination.secrets == secrets
    again = transfer(Place(secrets), destination, Terms(), _ignore)
    assert {line.outcome for line in again.lines} <= {Outcome.UNCHANGED}


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("DATABASE_URL", "DATABASE-URL"),
        ("app/db/pass.word", "app-db-pass-word"),
        ("_x_", "x"),
        ("é", ""),
        ("-x-", "-x-"),
    ],
)
def test_a_name_that_no_vault_takes_changes(original: str, name: str) -> None:
    """Whatever is no letter, digit or hyphen is a hyphen."""
    assert vault_name_of(original) == name


def test_names_that_would_be_one_are_not_taken() -> None:
    """Neither of two secrets becomes a version of the other; a vault's names have no case."""
    named, unusable = name_all(["A_B", "a-b", "c", "é", "x" * 128, "y" * 127])

    assert [one.name for one in named] == ["c", "y" * 127]
    assert {one.original for one in unusable} == {"A_B", "a-b", "é", "x" * 128}


def test_only_what_was_asked_for_is_taken() -> None:
    """Patterns are the shell's, without case."""
    destination = Place()

    transfer(
        Place({name: _history("1") for name in ("app-db", "App-x", "web")}),
        destination,
        Terms(only=("app-*",)),
        _ignore,
    )

    assert sorted(destination.secrets) == ["App-x", "app-db"]
