"""
Leave out the tests in networks of their own where the machine allows none: `@pytest.mark.namespaces`.

They are not selected, rather than skipped: in the CI a skip is a failure, and root is more than a project in Python may
ask of every machine. What was left out is said when the tests have been collected.
"""

import pytest

from tests.namespaces import allowed

_left_out: pytest.StashKey[int] = pytest.StashKey()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect them, if there are any and a first try shows that they cannot run."""
    wanting = [item for item in items if item.get_closest_marker("namespaces")]
    if not wanting or allowed():
        return
    config.stash[_left_out] = len(wanting)
    config.hook.pytest_deselected(items=wanting)
    items[:] = [item for item in items if item not in wanting]


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say that they are missing."""
    count = config.stash.get(_left_out, 0)
    return [f"left out: {count} tests that need network namespaces"] if count else []
