"""What was acknowledged is there, whenever and however often the service is killed."""

from __future__ import annotations

import random
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.live import Client, Service

ROUNDS = 10
SERIES = 5
"""Fifty kills in all, in five instances."""
WRITERS = 4
VERSION = "api-version=7.4"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Make an instance; it is started and killed by the test."""
    made = Service(tmp_path / "data")
    yield made
    if made._process is not None and made._process.poll() is None:
        made.kill()


class Writer(threading.Thread):
    """Sets secrets one after the other until the service is gone, and remembers what was acknowledged."""

    def __init__(self, service: Service, token: str, acknowledged: dict[str, str]) -> None:
        super().__init__()
        self._service = service
        # Made here, since it takes longer than some rounds last, and nothing is written meanwhile.
        self._client = service.client()
        self._token = token
        self._acknowledged = acknowledged
        self.unexpected: list[str] = []
        self.begun = threading.Event()
        """The first of this one's writes was acknowledged, or it has ended without."""

    def run(self) -> None:
        """Write until the connection breaks."""
        try:
            while True:
                name, value = f"s-{secrets.token_hex(8)}", secrets.token_hex(32)
                url = f"{self._service.first['vaultUri']}secrets/{name}?{VERSION}"
                answer = self._client.ask("PUT", url, token=self._token, json={"value": value})
                if answer.status_code != 200:
                    self.unexpected.append(answer.text)
                    return
                self._acknowledged[name] = value
                self.begun.set()
        except httpx.TransportError:
            # The service was killed: what was under way is unknown, and counts as not written.
            return
        finally:
            self.begun.set()
            self._client.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("series", range(SERIES))
def test_no_acknowledged_write_is_lost(
    service: Service, series: int, record_property: Callable[[str, object], None]
) -> None:
    """After kill -9 during writes every acknowledged secret is there, and store and journal verify."""
    seed = secrets.randbits(32)
    record_property("seed", seed)
    sys.stdout.write(f"seed {seed}, series {series}\n")
    chance = random.Random(seed)  # noqa: S311  moments, not secrets
    acknowledged: dict[str, str] = {}
    for _ in range(ROUNDS):
        service.start()
        client = service.client()
        token = client.token()
        client.close()
        writers = [Writer(service, token, acknowledged) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        # From here on, however long that took: a service that is killed before anything is written shows nothing.
        for writer in writers:
            assert writer.begun.wait(60)
        time.sleep(chance.uniform(0.0, 0.3))
        service.kill()
        for writer in writers:
            writer.join()
            assert not writer.unexpected
    service.start()
    client = service.client()
    lost = _missing(client, service, acknowledged)
    client.close()
    assert service.stop() == 0
    assert len(acknowledged) > ROUNDS
    assert lost == []
    assert "carries its seal" in service.command("verify", "--data", str(service.data)).stdout
    assert "as they were written" in service.command("audit", "verify", "--data", str(service.data)).stdout
    _check_audit(service, acknowledged)


def _missing(client: Client, service: Service, acknowledged: dict[str, str]) -> list[str]:
    token = client.token()
    base = service.first["vaultUri"]
    return [
        name
        for name, value in acknowledged.items()
        if client.ask("GET", f"{base}secrets/{name}?{VERSION}", token=token).json().get("value") != value
    ]


def _check_audit(service: Service, acknowledged: dict[str, str]) -> None:
    """Check that every acknowledged write has its entry, exactly once, and no entry has a value."""
    journal = "".join(path.read_text() for path in sorted((service.data / "audit").glob("*.jsonl")))
    assert journal, "the journal's files are where the test looks"
    for name, value in acknowledged.items():
        uri = f'"id":"{service.first["vaultUri"]}secrets/{name}/'
        written = [line for line in journal.splitlines() if uri in line and '"SecretSet"' in line]
        assert len(written) == 1, (name, len(written))
        assert value not in journal
