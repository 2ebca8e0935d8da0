"""What the tests of the command line share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.crypto.x509 import make_authority
from tests.cli.fake_service import FakeService, fake_service


@pytest.fixture
def data() -> Iterator[Path]:
    """Give a data directory with a CA; short, since the path of a socket must be."""
    directory = Path(tempfile.mkdtemp(prefix="sr-"))
    (directory / "ca.pem").write_bytes(make_authority("localhost", now=1_800_000_000).certificate)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def service(data: Path) -> Iterator[FakeService]:
    """Run a fake service in the data directory."""
    with fake_service(data) as running:
        yield running
