"""What the benchmark makes of its rounds: the table for people and the file for programs. No speed is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.measure import Better, Measure, compare, table, write_results

ROUNDS = [(30.0, 10.0), (20.0, 10.0), (50.0, 20.0)]


def test_a_ratio_is_of_medians_and_its_spread_of_rounds() -> None:
    """One slow round moves neither median, and shows in the spread."""
    measure = compare("x", ROUNDS, better="lower")
    assert (measure.measured, measure.limit, measure.ratio) == (30.0, 10.0, 3.0)
    assert measure.spread == (2.0, 3.0)


@pytest.mark.parametrize(
    ("better", "target", "verdict"),
    [
        ("lower", 3.0, "reached"),
        ("lower", 2.9, "missed"),
        ("higher", 3.0, "reached"),
        ("higher", 3.1, "missed"),
        ("lower", None, ""),
    ],
)
def test_a_target_is_reached_at_it_and_missed_one_step_past_it(
    better: Better, target: float | None, verdict: str
) -> None:
    """Which side is good is the measure's own; without a target there is no verdict."""
    assert compare("x", ROUNDS, better=better, target=target).verdict == verdict


def test_the_file_is_a_list_with_six_members_each(tmp_path: Path) -> None:
    """Programs find exactly name, measured, limit, ratio, target and better; a target that is none is null."""
    write_results(
        [compare("a", ROUNDS, better="lower", target=2.0), compare("b", ROUNDS, better="higher")], tmp_path / "r.json"
    )
    assert json.loads((tmp_path / "r.json").read_text()) == [
        {"name": "a", "measured": 30.0, "limit": 10.0, "ratio": 3.0, "target": 2.0, "better": "lower"},
        {"name": "b", "measured": 30.0, "limit": 10.0, "ratio": 3.0, "target": None, "better": "higher"},
    ]


def test_the_table_says_all_of_it_in_one_line_each() -> None:
    """People read the same numbers, which way is good, and whether the target was reached."""
    measures: list[Measure] = [compare("the name", ROUNDS, better="lower", target=2.0)]
    header, _, line = table(measures).splitlines()
    assert header.split() == ["what", "measured", "limit", "ratio", "rounds", "from", "to", "target"]
    assert line.split() == ["the", "name", "30", "10", "3.00", "2.00", "3.00", "<=", "2", "missed"]
