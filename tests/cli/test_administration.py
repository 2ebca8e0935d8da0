"""The operator's commands, as processes, on a service that runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from itertools import chain

import pytest

from strongroom.cli.main import main
from tests.cli.fake_service import FakeService
from tests.live import Client, Service


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service."""
    with Service(tmp_path_factory.mktemp("administered") / "data") as service:
        yield service


@pytest.fixture
def client(live: Service) -> Iterator[Client]:
    """Ask it over HTTPS."""
    client = live.client()
    yield client
    client.close()


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return service.command(*words, "--data", str(service.data), check=False)


def keys(service: Service) -> dict[str, list[str]]:
    """List the signing keys by what they do."""
    found: dict[str, list[str]] = {"next": [], "signs": [], "trusted": []}
    for key in json.loads(command(service, "signing-keys", "list", "--json").stdout):
        found[key["state"]].append(key["kid"])
    return found


def secrets_status(service: Service, client: Client, token: str) -> int:
    """Use a token at the first vault."""
    return client.ask("GET", f"{service.first['vaultUri']}secrets?api-version=7.4", token=token).status_code


# ---- signing keys ---------------------------------------------------------------------------------------------------


def test_keys_are_listed_for_people(live: Service) -> None:
    """A line for each key, with what it does, its term and its tenant."""
    lines = command(live, "signing-keys", "list").stdout.splitlines()

    assert lines[0].split("  ")[0] == "kid"
    assert [line.split()[1] for line in lines[1:]] == ["signs", "next"]
    assert all(line.endswith(live.first["tenantId"]) for line in lines[1:])


def test_the_next_key_takes_over(live: Service, client: Client) -> None:
    """SEC-TOKEN-3: `signing-keys roll` overlaps: tokens of the old key stay good."""
    before, old = keys(live), client.token()
    printed = command(live, "signing-keys", "roll", "--tenant", live.first["tenantId"], "--json")
    after = keys(live)

    assert printed.returncode == 0
    assert after["signs"] == before["next"]
    assert before["signs"][0] in after["trusted"]
    assert sorted(key["kid"] for key in json.loads(printed.stdout)) == sorted(chain(*after.values()))
    assert secrets_status(live, client, old) == 200


def test_a_key_is_revoked(live: Service, client: Client) -> None:
    """SEC-TOKEN-3: `signing-keys revoke` does not overlap: its tokens are refused, and new ones are good."""
    before, old = keys(live), client.token()
    result = command(live, "signing-keys", "revoke", before["signs"][0])

    assert result.returncode == 0
    assert before["signs"][0] in result.stdout
    assert before["signs"][0] not in chain(*keys(live).values())
    assert secrets_status(live, client, old) == 401
    assert secrets_status(live, client, client.token()) == 200


@pytest.mark.parametrize(
    "words", [("signing-keys", "revoke", "-no-such-key"), ("signing-keys", "roll", "--tenant", "nobody.example")]
)
def test_what_the_service_refuses_is_said(live: Service, words: tuple[str, ...]) -> None:
    """A key or tenant that there is not ends the command with 1 and the service's own sentence; nothing changes."""
    before = keys(live)
    result = command(live, *words)

    assert (result.returncode, result.stdout) == (1, "")
    assert "the service refuses: There is no" in result.stderr
    assert keys(live) == before


# ---- who may --------------------------------------------------------------------------------------------------------

COMMANDS = [("signing-keys", "list"), ("signing-keys", "roll"), ("signing-keys", "revoke", "a-key")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_only_the_owner_of_the_socket_may(
    service: FakeService,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """SEC-BOOT-7: whom the control socket does not let in is told to be the service's user, and gets nothing."""

    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # The suite may run as root, whom no mode keeps out.
    monkeypatch.setattr("strongroom.cli.control._Connection.connect", refuse)
    assert main([*words, "--data", str(service.data)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "run this as the user who runs the service" in said.err
