"""What every test of the suite is run with."""

import gc
import os
import secrets
import sys
from collections.abc import Generator

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.plugins.no_skips",
    "tests.plugins.canary",
    "tests.plugins.toolchain",
    "tests.plugins.namespaces",
]

# The suite starts some hundred processes of ours. Where the environment forbids to keep what was compiled, as images of
# containers like to do, each of them would compile the whole source again, and each process of the tests all tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# In the CI the examples follow from the test alone, so a red build is the change's own. Everywhere else they are
# random, and a failure prints the line that brings it back. The time of one example says nothing on a shared machine.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "random")

# The same holds for what is compared with second evaluators (`tests/properties/oracle/`). It is set here, before there
# are further processes, so that all of a run have the same seed.
os.environ.setdefault("STRONGROOM_ORACLE_SEED", "1" if os.environ.get("CI") else str(secrets.randbelow(10**9)))


def pytest_xdist_auto_num_workers() -> int:
    """Run more tests at once than there are processors: many wait, for processes, connections and time."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + (processors + 1) // 2


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: twenty thousand tests stay to the end, and are not looked at again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_report_header() -> list[str]:
    """Say from what random examples are made."""
    return [
        f"hypothesis settings: {settings.get_current_profile_name()}, {settings().max_examples} examples",
        f"second evaluators: STRONGROOM_ORACLE_SEED={os.environ['STRONGROOM_ORACLE_SEED']}",
    ]
