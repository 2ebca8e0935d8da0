"""The threat model's page, and the tests that cite it."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_spec = importlib.util.spec_from_file_location("tested_by", ROOT / "docs" / "tested_by.py")
assert _spec
assert _spec.loader
tested_by = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tested_by)

# Invented ids, put together here so that they are not citations themselves.
ROWS = """
| {id}-1 | Tested, and says so already. | `tests/old.py` | |
| {id}-2 | Was open. | | **open** |
| {id}-3 | Comes later. | | later: some day |
| {id}-4 | Nobody said anything. | | |
""".format(id="SEC-ODD")


def test_the_page_says_what_the_tests_cite(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The column "tested by" is up to date, and no test cites a requirement that does not exist."""
    monkeypatch.setattr(sys, "argv", ["tested_by.py"])

    assert tested_by.main() == 0, capsys.readouterr().err


def test_requirements_are_numbered_without_gaps_and_once() -> None:
    """An id means one requirement, for ever."""
    page = tested_by.PAGE.read_text(encoding="utf-8")
    ids = re.findall(r"^\| (SEC-[A-Z]+-\d+) \|", page, flags=re.MULTILINE)

    assert len(ids) > 50
    assert len(ids) == len(set(ids))
    for area in {name.rsplit("-", 1)[0] for name in ids}:
        numbers = [int(name.rsplit("-", 1)[1]) for name in ids if name.rsplit("-", 1)[0] == area]
        assert numbers == list(range(1, len(numbers) + 1)), area


def test_every_row_is_understood() -> None:
    """A row that is malformed would silently drop out of every check on this page."""
    page = tested_by.PAGE.read_text(encoding="utf-8")

    assert len(tested_by.requirements(page)) == len(re.findall(r"^\| *SEC-", page, flags=re.MULTILINE))


def test_every_requirement_is_tested_or_accounted_for() -> None:
    """A requirement has a test, or is open, or says when it comes or why it cannot be tested."""
    page = tested_by.PAGE.read_text(encoding="utf-8")
    cited = tested_by.citations()

    for requirement, status in tested_by.requirements(page).items():
        accounted = status == tested_by.OPEN or status.startswith(("later: ", "why not: "))
        assert accounted or requirement in cited, requirement


def test_the_column_is_written_from_the_citations() -> None:
    """A citation replaces what stood there and closes what was open; without one, silence becomes open."""
    odd = "SEC-ODD"
    cited = {f"{odd}-1": ["tests/a.py", "tests/b.py"], f"{odd}-2": ["tests/a.py"]}

    assert tested_by.with_citations(ROWS, cited).splitlines()[1:] == [
        f"| {odd}-1 | Tested, and says so already. | `tests/a.py`<br>`tests/b.py` | |",
        f"| {odd}-2 | Was open. | `tests/a.py` | |",
        f"| {odd}-3 | Comes later. | | later: some day |",
        f"| {odd}-4 | Nobody said anything. | | **open** |",
    ]
