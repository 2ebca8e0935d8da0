"""
Turn skipped tests into failures where STRONGROOM_NO_SKIPS is set, as the CI does.

A test that needs node or nginx skips itself on a developer's machine that has none. In the CI the same skip would be a
promise that nobody checked, so there it fails and says why. Expected failures are not skips and stay what they are.
"""

import os
from collections.abc import Generator

import pytest

VARIABLE = "STRONGROOM_NO_SKIPS"


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn *report* into a failure if it is a skip."""
    if not report.skipped or hasattr(report, "wasxfail") or not os.environ.get(VARIABLE):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: skipped, and {VARIABLE} is set. {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse a test that skipped itself, or that a mark skipped."""
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse a module that skipped itself whole."""
    report = yield
    _refuse(report)
    return report
