"""Tables, JSON and questions of the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote import asking
from strongroom.cli.remote.near import naming, not_found
from strongroom.cli.remote.output import progress, show, show_one
from strongroom.cli.remote.refusals import Refused

COLUMNS = {"name": "name", "inner": "a.b", "made": lambda row: len(row["name"]), "flag": "flag", "many": "many"}
ROW = {"name": "one", "a": {"b": "two"}, "flag": True, "many": ["x", "y"]}


def test_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """A header, a line for each, and nothing at the end of a line; what is not there is empty."""
    assert show([ROW, {"name": "x" * 300}], COLUMNS, as_json=False) == Exit.OK
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == list(COLUMNS)
    assert first.split() == ["one", "two", "3", "yes", "x,", "y"]
    assert second.split() == ["x" * 300, "300"]
    assert header == header.rstrip()


def test_a_table_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Says so beside standard output."""
    show([], COLUMNS, as_json=False)
    assert capsys.readouterr() == ("", "none\n")
    show([], COLUMNS, as_json=True)
    assert capsys.readouterr() == ("[]\n", "")


def test_one_thing(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each fact that there is."""
    show_one({"name": "one", "flag": False}, COLUMNS, as_json=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["name", "one"], ["made", "3"], ["flag", "no"],
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["[bold]x[/bold]", ":smile:", "a\x1b[31mb", "a\nb", "\u202eabc", "\x9b1m"])
def test_a_value_is_text(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """It is no markup, no second line and no escape, in a table or as JSON."""
    show([{"name": text}], {"name": "name"}, as_json=False)
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 2
    assert all(line.isprintable() for line in shown.splitlines())
    if text.isprintable():
        assert text in shown
    show_one({"name": text}, {"name": "name"}, as_json=True)
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == {"name": text}


def test_progress_is_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere there is none."""
    with progress("work", 2) as step:
        step()
    assert capsys.readouterr() == ("", "")


def test_a_question_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can answer it, so it is wrong usage; said beforehand, it is not asked."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(Halt, match="--yes") as halt:
        asking.confirm("Do it?", yes=False)
    assert halt.value.exit_code == Exit.USAGE
    asking.confirm("Do it?", yes=True)


def test_a_file_that_is_too_long(tmp_path: Path) -> None:
    """At the limit it is read, one byte past it is not."""
    file = tmp_path / "value"
    file.write_bytes(b"x" * asking._MOST_BYTES)
    assert len(asking.read_value("Value", file)) == asking._MOST_BYTES
    file.write_bytes(b"x" * (asking._MOST_BYTES + 1))
    with pytest.raises(Halt, match="is longer than"):
        asking.read_value("Value", file)


def test_names_that_are_near() -> None:
    """Those that are like it; all, if they are few; none of many that are not."""
    many = [f"other-{number}" for number in range(20)]
    assert str(not_found("vault", "prod", ["prod-1", *many])).endswith("; there is prod-1")
    assert str(not_found("vault", "zzz", ["a", "b"])).endswith("; there are a, b")
    assert str(not_found("vault", "zzz", many)) == "there is no vault called zzz, as far as you may see"


def test_who_may_not_list_is_told_what_the_service_said() -> None:
    """The 404 stays, and so does one of something that has that name."""
    missing = Refused(404, "NotFound", "not there", surface="vault")

    def may_not() -> list[str]:
        raise Refused(403, "Forbidden", "no", surface="vault")

    for names in (may_not, lambda: ["A"]):
        with pytest.raises(Refused) as refused, naming("secret", "a", names):
            raise missing
        assert refused.value is missing
