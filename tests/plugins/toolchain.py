"""
Leave out the tests of a program that is missing: `@pytest.mark.toolchain("go")`.

They are not selected, rather than skipped: in the CI a skip is a failure, and a compiler is more than a project in
Python may ask of every machine. What was left out is said when the tests have been collected. What the CI installs
itself is another matter: where STRONGROOM_NO_SKIPS is set such a test stays, and fails for want of its program.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.plugins.no_skips import VARIABLE

_ROOT = Path(__file__).resolve().parents[2]
_CACHE = _ROOT / ".cache"
AZ = _CACHE / "azure-cli" / "bin" / "az"
AZMCP = _ROOT / "tests" / "sdk" / "dotnet" / "node_modules" / "@azure" / "mcp-linux-x64" / "dist" / "azmcp"
INSTALLED_BY_MAKE = {"az": (AZ, "make azure-cli"), "azmcp": (AZMCP, "make dotnet")}
"""Where make puts a program, and by which target: it is looked for there alone, since tests want that version."""
AZURERM = _CACHE / "azurerm" / "terraform-provider-azurerm"
BUILT_BY_HAND = {"azurerm": AZURERM}
"""The same for what takes a quarter of an hour to build, which the CI goes without."""
INSTALLED_BY_CI = {
    "openssl": "apt-get install openssl",
    "softhsm2-util": "apt-get install softhsm2",
    "pebble": "apt-get install pebble",
    "pebble-challtestsrv": "apt-get install pebble",
}
"""What `.ci/run` installs from the system's packages, and tests may not go without there."""

_left_out: pytest.StashKey[set[str]] = pytest.StashKey()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests whose program is not there."""
    missing: set[str] = set()
    kept, deselected = [], []
    for item in items:
        absent = {program for program in _wanted(item) if not _is_there(program) and not _is_demanded(program)}
        missing |= absent
        (deselected if absent else kept).append(item)
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = kept
    config.stash[_left_out] = missing


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail where a program is missing that has to be there."""
    for program in _wanted(item):
        if not _is_there(program):
            by = INSTALLED_BY_CI.get(program) or INSTALLED_BY_MAKE[program][1]
            pytest.fail(f"there is no {program}, and {VARIABLE} is set: {by}", pytrace=False)


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say which toolchains are missing."""
    return [f"left out: tests that need {program}" for program in sorted(config.stash.get(_left_out, set()))]


def _wanted(item: pytest.Item) -> set[str]:
    return {program for mark in item.iter_markers("toolchain") for program in mark.args}


def _is_there(program: str) -> bool:
    if program in INSTALLED_BY_MAKE:
        return INSTALLED_BY_MAKE[program][0].is_file()
    if program in BUILT_BY_HAND:
        return BUILT_BY_HAND[program].is_file()
    return shutil.which(program) is not None


def _is_demanded(program: str) -> bool:
    return program in INSTALLED_BY_MAKE.keys() | INSTALLED_BY_CI.keys() and bool(os.environ.get(VARIABLE))
