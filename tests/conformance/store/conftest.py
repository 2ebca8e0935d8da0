"""One database per test, on every backend. Tests here are coroutines."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from tests.conformance.store.backends import BACKENDS, LASTING, Backend


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine on an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(params=list(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Make an empty database of each backend in turn."""
    return BACKENDS[request.param](tmp_path)


@pytest.fixture(params=LASTING)
def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Make an empty database of each backend that keeps what it is told."""
    return BACKENDS[request.param](tmp_path)
