"""What every test of the suite is run with."""

import os

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


def pytest_report_header() -> str:
    """Say with which settings hypothesis looks for examples."""
    return f"hypothesis settings: {settings.get_current_profile_name()}, {settings().max_examples} examples"
