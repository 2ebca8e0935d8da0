"""What the checks of `strongroom doctor` see, as tests share it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from strongroom.cli.doctor.finding import State

DATA = Path("/data of mine")
US, THEM = 1000, 1001
NOW = 1_800_000_000
OK, WARNING, PROBLEM, UNKNOWN = State.OK, State.WARNING, State.PROBLEM, State.UNKNOWN


@pytest.fixture
def unused() -> int:
    """Find a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
