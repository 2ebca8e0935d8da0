"""
How many random cases are compared, and from which seed: the same for every test against a second evaluator.

    STRONGROOM_ORACLE_CASES   how many cases each test compares; `make soak` sets a million
    STRONGROOM_ORACLE_SEED    a number that all of them follow from; without one every run has its own, but the CI

The seed is in the header of the run and in the message of every mismatch.
"""

from __future__ import annotations

import os
from random import Random

CASES = int(os.environ.get("STRONGROOM_ORACLE_CASES", "50000"))
SEED = int(os.environ["STRONGROOM_ORACLE_SEED"])
"""Set by `tests/conftest.py`, so that all processes of a run have the same."""
SLICES = 4
"""How many tests share the cases, so that they can run side by side."""
ENOUGH = 10_000
"""Cases of one test from which on it is told how often each kind of answer came: of few nothing can be said."""
TIME_S = 120 + CASES // 100
"""What one of them may take on a busy machine."""


def chance_of(name: str, place: int) -> Random:
    """Give the chance that everything in one slice of a comparison follows from."""
    return Random(f"{SEED}/{name}/{place}")  # noqa: S311  it is no secret, and has to come again


def same_chance(name: str) -> Random:
    """Give chance that is the same in every run, for what is to be found out always."""
    return Random(name)  # noqa: S311  it is no secret, and has to come again


def origin(name: str, place: int) -> str:
    """Say how to have the same cases again."""
    return f"again with STRONGROOM_ORACLE_SEED={SEED} STRONGROOM_ORACLE_CASES={CASES}: {name}, slice {place}"
