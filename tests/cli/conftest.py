"""What the tests of the command line share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.crypto.x509 import make_authority
from tests.cli.fake_service import FakeService, fake_service
from tests.cli.operators import Operator, first_application


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


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Be the first application of a service that tests share which leave alone what is not theirs."""
    with first_application(tmp_path_factory.mktemp("operator")) as found:
        yield found


@pytest.fixture(scope="session")
def vault(operator: Operator) -> str:
    """Name the first vault."""
    return operator.service.first["vaultName"]
