"""What every test of the suite is run with."""

import os
import secrets

from hypothesis import settings

pytest_plugins = [
    "tests.plugins.no_skips",
    "tests.plugins.canary",
    "tests.plugins.toolchain",
    "tests.plugins.namespaces",
]

# In the CI the examples follow from the test alone, so a red build is the change's own. Everywhere else they are
# random, and a failure prints the line that brings it back. The time of one example says nothing on a shared machine.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "random")

# The same holds for what is compared with second evaluators (`tests/properties/oracle/`). It is set here, before there
# are further processes, so that all of a run have the same seed.
os.environ.setdefault("STRONGROOM_ORACLE_SEED", "1" if os.environ.get("CI") else str(secrets.randbelow(10**9)))


def pytest_report_header() -> list[str]:
    """Say from what random examples are made."""
    return [
        f"hypothesis settings: {settings.get_current_profile_name()}, {settings().max_examples} examples",
        f"second evaluators: STRONGROOM_ORACLE_SEED={os.environ['STRONGROOM_ORACLE_SEED']}",
    ]
