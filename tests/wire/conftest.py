"""What the tests of the wire share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.listening import Loop, Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Listen, and stop at the end."""
    loop = Loop()
    made = Server(loop, tmp_path)
    yield made
    made.close()
    loop.close()
