"""`strongroom init` and `serve` on directories where something is in the way: what they say, keep and mend."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from strongroom.app import certificates, open_instance
from strongroom.config import DEFAULT_PORT, load
from strongroom.crypto import x509
from strongroom.crypto.context import bind
from tests.live import STRONGROOM, Service, clean_environment
from tests.plugins.canary import remember

SHOWN = re.compile(r"^  app +(\S+)  secret (\S+)\s*$\n^  user +(\S+)  password (\S+)\s*$", re.MULTILINE)
NAMES = ("*.vault.localhost", "login.localhost", "management.localhost", "graph.localhost")


# ---- the server's certificate ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Make an instance, to be started by each test, in a directory whose name has a blank."""
    return Service(tmp_path_factory.mktemp("pair") / "its data")


def write(service: Service, pair: x509.ServerCertificate) -> None:
    """Put a pair where the server's is."""
    (service.data / "server.pem").write_bytes(pair.certificate)
    (service.data / "server.key").write_bytes(pair.private_key)


def own_authority(service: Service) -> x509.Authority:
    """Open the instance's own authority, as who has the root key can."""

    async def opened() -> x509.Authority:
        async with open_instance(load(service.data, environment={})) as instance:
            made = instance.installation
            key = instance.keys.open(certificates.CA_PURPOSE, bind(made.domain), made.sealed_ca_key)
            return x509.Authority(made.ca_certificate, key)

    return asyncio.run(opened())


def lose_certificate(service: Service) -> None:
    """Take the certificate away."""
    (service.data / "server.pem").unlink()


def lose_key(service: Service) -> None:
    """Take the key away."""
    (service.data / "server.key").unlink()


def blank_certificate(service: Service) -> None:
    """Write what is no PEM."""
    (service.data / "server.pem").write_bytes(b"\xff\x00 no certificate")


def cut_key(service: Service) -> None:
    """Leave half a key."""
    key = service.data / "server.key"
    key.write_bytes(key.read_bytes()[:100])


def renew_half(service: Service) -> None:
    """Leave a renewal as a crash between its two files does: the new key, the old certificate."""
    pair = x509.issue_leaf(own_authority(service), NAMES, now=int(time.time()))
    (service.data / "server.key").write_bytes(pair.private_key)


def other_authority(service: Service) -> None:
    """Write a pair for the same names that another authority issued."""
    now = int(time.time())
    write(service, x509.issue_leaf(x509.make_authority("localhost", now=now), NAMES, now=now))


def other_names(service: Service) -> None:
    """Write a pair of the own authority for other names."""
    write(service, x509.issue_leaf(own_authority(service), ("elsewhere.localhost",), now=int(time.time())))


TAMPERINGS = (
    lose_certificate, lose_key, blank_certificate, cut_key, renew_half, other_authority, other_names,
)  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
def test_a_pair_that_cannot_be_served_is_issued_anew(service: Service, tamper: Callable[[Service], None]) -> None:
    """SEC-NAME-12: whatever is in the files of certificate and key, a start serves a good one, verified by name."""
    tamper(service)
    with service:
        client = service.client()
        assert client.ask("GET", f"{service.first['vaultUri']}healthstatus").status_code == 200
        client.close()


def test_a_good_pair_is_kept(service: Service) -> None:
    """A start issues nothing while what it issued last is there and young."""
    with service:
        pass
    before = [(service.data / name).read_bytes() for name in ("server.pem", "server.key")]
    with service:
        pass
    assert [(service.data / name).read_bytes() for name in ("server.pem", "server.key")] == before


def test_a_pair_that_cannot_be_replaced_is_said(tmp_path: Path) -> None:
    """What is in the way of the certificate is named, and ends the start with 1 and no traceback."""
    service = Service(tmp_path / "data")
    (service.data / "server.key").unlink()
    (service.data / "server.key").mkdir()

    result = service.command("serve", "--data", str(service.data), check=False)

    assert (result.returncode, result.stdout) == (1, "")
    assert "Traceback" not in result.stderr
    assert "server.key" in result.stderr


# ---- the first secrets ----------------------------------------------------------------------------------------------


@contextmanager
def taken_port() -> Iterator[int]:
    """Listen on a port of loopback for the length of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        yield port


def failing_start(service: Service, port: int, *, terminal: bool) -> tuple[int, str]:
    """Serve a new directory with a managed identity port that is taken, to the end; exit code and output."""
    line = [STRONGROOM, "serve", "--data", str(service.data), "--port", str(service.port)]
    environment = {**clean_environment(), "STRONGROOM_MANAGED_IDENTITY_PORT": str(port)}
    ours, theirs = os.openpty() if terminal else os.pipe()
    with subprocess.Popen(line, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        pieces = []
        try:
            while piece := os.read(ours, 65_536):
                pieces.append(piece)
        except OSError:
            # How a terminal ends on Linux: whoever wrote to it is gone.
            assert terminal
        os.close(ours)
        return process.wait(60), b"".join(pieces).decode("utf-8").replace("\r\n", "\n")


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "no terminal"])
def test_the_first_secrets_outlive_a_start_that_failed(tmp_path: Path, *, terminal: bool) -> None:
    """SEC-BOOT-1, SEC-BOOT-2: a first start that fails later has handed its secrets over, once, and they work."""
    service = Service(tmp_path / "data", initialise=False)
    file = service.data / "first-secrets.json"
    with taken_port() as port:
        code, output = failing_start(service, port, terminal=terminal)
    shown = SHOWN.findall(output)

    assert code == 1
    assert "managed_identity_port" in output
    assert (len(shown), file.exists()) == ((1, False) if terminal else (0, True))
    if terminal:
        client_id, secret, _, password = shown[0]
    else:
        facts = json.loads(file.read_bytes())
        client_id, secret, password = facts["clientId"], facts["clientSecret"], facts["userPassword"]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert not {secret, password} & set(output.split())
    for text in (secret, password):
        remember(text)
    assert_later_start(service, client_id, secret, password, says_where=not terminal)


def assert_later_start(service: Service, client_id: str, secret: str, password: str, *, says_where: bool) -> None:
    """Start again: no secret is shown, the file is named as long as it is there, and the secret signs in."""
    with service:
        run = json.loads((service.data / "run.json").read_bytes())
        service.first = {**run, "clientId": client_id, "clientSecret": secret}
        client = service.client()
        assert client.token()
        client.close()
    said = service.output.read_text()
    assert not {secret, password} & set(said.split())
    assert (str(service.data / "first-secrets.json") in said) == says_where


def test_an_instance_whose_secrets_nobody_took_is_none(tmp_path: Path) -> None:
    """SEC-BOOT-1: if standard output takes nothing, `init` fails, and the next one makes the instance."""
    data = tmp_path / "data"
    reader, writer = os.pipe()
    os.close(reader)
    failed = subprocess.run(
        [STRONGROOM, "init", "--data", str(data)],
        stdout=writer, stderr=subprocess.PIPE, env=clean_environment(), timeout=60, check=False,
    )  # fmt: skip
    os.close(writer)
    assert failed.returncode == 1
    assert b"no instance was made" in failed.stderr

    made = Service(data, initialise=False).command("init", "--data", str(data), "--json")
    assert json.loads(made.stdout)["clientId"]


def test_what_was_only_counted_is_recorded_at_a_stop(service: Service) -> None:
    """SEC-FLOW-6: attempts beyond the quota are a count in the journal, those of the last seconds too."""
    with service:
        client = service.client()
        for _ in range(60):
            assert client.ask("GET", f"{service.first['vaultUri']}secrets?api-version=7.4").status_code == 401
        client.close()
    told = service.command("audit", "tail", "--lines", "200", "--data", str(service.data)).stdout
    entries = [json.loads(line) for line in told.splitlines()]
    attempts = [entry for entry in entries if entry["operationName"] == "Authentication"]
    counted = sum(entry["properties"].get("count", 0) for entry in attempts)
    listed = sum("count" not in entry["properties"] for entry in attempts)
    assert counted > 0
    assert counted + listed >= 60


def given_away() -> range:
    """Tell which ports the system gives to whoever connects or asks for any."""
    told = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest, highest = told.read_text().split() if told.exists() else ("49152", "65535")
    return range(int(lowest), int(highest) + 1)


def test_an_ephemeral_service_has_the_directory_that_is_named(tmp_path: Path) -> None:
    """Where scripts find run.json: DIR is made, on a free port, and gone at the end; one that has something stays."""
    place = tmp_path / "new"
    line = [sys.executable, "-m", "strongroom", "serve", "--data", str(place), "--ephemeral"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, env=clean_environment())
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Strongroom ")
        facts = json.loads((place / "run.json").read_text())
        assert facts["port"] != DEFAULT_PORT
        # It is settled a while before it is listened on, so it is none that somebody is given meanwhile.
        assert facts["port"] not in given_away()
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert (process.returncode, place.exists()) == (0, False)

    place.mkdir(mode=0o700)
    (place / "mine").touch()
    refused = subprocess.run(line, capture_output=True, text=True, check=False, env=clean_environment())
    assert (refused.returncode, "is not empty" in refused.stderr) == (1, True)
    assert [path.name for path in place.iterdir()] == ["mine"]


def test_commands_reach_an_instance_behind_another_port(tmp_path: Path) -> None:
    """Where URLs have `public_port`, which may be forwarded elsewhere, commands here connect to what is listened on."""
    place = tmp_path / "data"
    environment = clean_environment() | {"XDG_CONFIG_HOME": str(tmp_path / "config"), "STRONGROOM_PUBLIC_PORT": "443"}
    process = subprocess.Popen(
        [sys.executable, "-m", "strongroom", "serve", "--data", str(place), "--ephemeral"],
        stdout=subprocess.PIPE,
        env=environment,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().endswith(b".vault.localhost\n")
        first = json.loads((place / "first-secrets.json").read_text())
        remember(first["clientSecret"])
        remember(first["userPassword"])
        environment["STRONGROOM_CLIENT_SECRET"] = first["clientSecret"]
        for line in (["login", "--service-principal", first["clientId"]], ["doctor"]):
            done = subprocess.run(
                [sys.executable, "-m", "strongroom", *line, "--data", str(place)],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
            )
            assert done.returncode == 0, done.stdout + done.stderr
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_start_says_what_to_do_next_as_it_can_be_done(service: Service) -> None:
    """From a checkout that is `make setup`, which brings the clients, and this environment's own Python; as typed."""
    service.start()
    service.stop()
    said = service.output.read_text()
    *_, line = [line for line in said.splitlines() if line.startswith("  next")]
    assert "make setup && " in line
    assert line.endswith(f"-- {sys.executable} examples/quickstart.py")
    # From here on an operator gets by; the command is one that there is.
    assert f" login --data '{service.data}'  " in said
    assert shlex.split(line)[shlex.split(line).index("--data") + 1] == str(service.data)
    assert service.command("login", "--help").returncode == 0
