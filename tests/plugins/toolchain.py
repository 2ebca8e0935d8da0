"""
Leave out the tests of a language whose toolchain is missing: `@pytest.mark.toolchain("go")`.

They are not selected, rather than skipped: in the CI a skip is a failure, and a compiler is more than a project in
Python may ask of every machine. What was left out is said when the tests have been collected.
"""

import shutil

import pytest

_left_out: pytest.StashKey[set[str]] = pytest.StashKey()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests whose program is not on the path."""
    missing: set[str] = set()
    kept, deselected = [], []
    for item in items:
        programs = {program for mark in item.iter_markers("toolchain") for program in mark.args}
        absent = {program for program in programs if shutil.which(program) is None}
        missing |= absent
        (deselected if absent else kept).append(item)
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = kept
    config.stash[_left_out] = missing


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say which toolchains are missing."""
    return [f"left out: tests that need {program}" for program in sorted(config.stash.get(_left_out, set()))]
