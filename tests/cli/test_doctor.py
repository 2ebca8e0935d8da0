"""`strongroom doctor` on a directory without an instance, a stopped one, a running one, and ones that are not well."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.cli.doctor.trust import VARIABLES
from tests.cli.in_process import run_in_process
from tests.live import Service


def findings(service: Service, code: int) -> dict[str, dict[str, Any]]:
    """Run it, and give what each check found."""
    result = run_in_process("doctor", "--data", str(service.data), "--json")
    assert result.returncode == code, result.stdout + result.stderr
    assert result.stderr == ""
    told = json.loads(result.stdout)
    assert told["data"] == str(service.data)
    return {one["check"]: one for one in told["checks"]}


def states(found: dict[str, dict[str, Any]], state: str) -> set[str]:
    """List the checks that found a state, but those that tell of this machine alone."""
    machine = {"clock: network time", "names", "disk: data", "disk: journal"}
    return {name for name, one in found.items() if one["state"] == state} - machine


@pytest.fixture(autouse=True)
def _plain_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no variable of the shell that runs the tests have a say."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Make an instance, to be started by some of the tests."""
    return Service(tmp_path_factory.mktemp("doctor") / "data")


def snapshot(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Take down what lies in a directory, with modes and owners."""
    return {
        str(path.relative_to(directory)): (
            stat.S_IMODE(path.lstat().st_mode),
            path.lstat().st_uid,
            path.read_bytes() if path.is_file() and path.name != "lock" else b"",
        )
        for path in sorted(directory.rglob("*"))
    }


def test_where_there_is_no_instance_it_says_how_to_make_one(tmp_path: Path) -> None:
    """No directory is no problem, and none is made."""
    service = Service(tmp_path / "none", initialise=False)
    found = findings(service, 0)
    assert found["data directory"]["fix"] == f"strongroom init --data {service.data}"
    assert found["store"]["state"] == "unknown"
    assert not service.data.exists()


def test_a_stopped_instance_is_looked_at_and_nothing_is_changed(service: Service) -> None:
    """What the service has to be asked for is unknown; the rest is told, and every file is as it was."""
    before = snapshot(service.data)
    found = findings(service, 0)
    assert snapshot(service.data) == before
    assert found["service"]["state"] == "unknown"
    assert states(found, "problem") == set()
    assert states(found, "warning") == {"root key"}
    assert {"store", "administrators", "first application", "certificate", "authority"} <= states(found, "ok")


def test_a_running_instance_is_not_disturbed_and_is_well(service: Service) -> None:
    """SEC-BOOT-9: its certificate is verified with its ca.pem; the root key beside the data is all there is to say."""
    with service:
        found = findings(service, 0)
        client = service.client()
        assert client.token()
        client.close()
    assert states(found, "problem") == set()
    assert states(found, "unknown") == set()
    assert states(found, "warning") == {"root key"}
    assert "development protection" in found["root key"]["seen"]
    wanted = {"service", "health", "trust: ca.pem", "port: main listener", "port: managed identity", "journal"}
    assert wanted | {"clock: service", "clock: records", "process"} <= states(found, "ok")


def test_a_shell_that_trusts_something_else_is_told(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-NAME-1: a variable of the shell that the instance's authority is missing in is a warning with the mend."""
    with service:
        monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(service.data / "server.key"))
        without = findings(service, 0)["trust: NODE_EXTRA_CA_CERTS"]
        monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(service.data / "ca.pem"))
        within = findings(service, 0)["trust: NODE_EXTRA_CA_CERTS"]
    assert (without["state"], within["state"]) == ("warning", "ok")
    assert without["fix"] == f'eval "$(strongroom env --data {service.data})"'


def test_a_service_that_was_killed_is_told(service: Service) -> None:
    """It left run.json behind, and its port is free."""
    with service:
        service.kill()
    found = findings(service, 0)
    assert found["service"]["state"] == "warning"
    assert found["port: main listener"]["state"] == "ok"
    (service.data / "run.json").unlink()


@pytest.fixture
def harmed(service: Service) -> Iterator[Path]:
    """Give the data directory, and put modes and files back afterwards."""
    kept = snapshot(service.data)
    yield service.data
    for name, (mode, _, content) in kept.items():
        path = service.data / name
        if not path.exists():
            # A socket, which a stop takes away.
            continue
        if path.is_file():
            path.chmod(0o600)
            if path.read_bytes() != content:
                path.write_bytes(content)
        path.chmod(mode)
    service.data.chmod(0o700)


def test_a_root_key_that_others_can_read_is_a_problem(service: Service, harmed: Path) -> None:
    """Exit code 1, and the command that mends it."""
    (harmed / "root.key").chmod(0o644)
    found = findings(service, 1)
    assert found["root key"]["state"] == "problem"
    assert found["root key"]["fix"] == f"chmod 600 {harmed / 'root.key'}"
    assert found["store"]["state"] == "problem"


def test_a_directory_that_others_can_enter_is_a_problem(service: Service, harmed: Path) -> None:
    """As the service itself would refuse it."""
    harmed.chmod(0o755)
    assert findings(service, 1)["data directory"]["fix"] == f"chmod 700 {harmed}"


def test_a_port_that_is_taken_is_a_problem(service: Service) -> None:
    """Who has it is told."""
    with socket.create_server(("127.0.0.1", service.port)):
        found = findings(service, 1)["port: main listener"]
    assert found["state"] == "problem"
    assert f"(process {os.getpid()})" in found["seen"]


def test_a_journal_that_was_altered_is_a_problem(service: Service, harmed: Path) -> None:
    """The newest file's chain is walked along, as `audit verify` does with all of them."""
    with service:
        pass
    file = max((harmed / "audit").glob("*.jsonl"))
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"seq":3', b'"seq":4', 1))
    found = findings(service, 1)["journal"]
    file.write_bytes(content)
    assert (found["state"], found["fix"]) == ("problem", f"strongroom audit verify --data {harmed}")


def test_a_store_that_is_none_is_a_problem(service: Service, harmed: Path) -> None:
    """It is told as what it is, and the checks go on."""
    database = harmed / "strongroom.db"
    content = database.read_bytes()
    database.write_bytes(b"no database" * 1000)
    found = findings(service, 1)
    database.write_bytes(content)
    assert found["store"]["state"] == "problem"
    assert found["journal"]["state"] == "ok"


def test_a_store_is_left_as_it_is(service: Service, harmed: Path) -> None:
    """Its mode is told and not set, and an empty one stays empty: nothing is mended behind the operator's back."""
    database = harmed / "strongroom.db"
    database.chmod(0o644)
    for _ in range(2):
        assert findings(service, 1)["files"]["fix"] == f"chmod go= {database}"
    database.chmod(0o600)
    content = database.read_bytes()
    database.write_bytes(b"")
    found = findings(service, 1)["store"]
    size = database.stat().st_size
    database.write_bytes(content)
    assert (found["state"], size) == ("problem", 0)


def test_settings_that_cannot_be_are_a_problem(service: Service, harmed: Path) -> None:
    """All their faults are told, and the other checks go on with the defaults."""
    (harmed / "config.toml").write_text('port = "many"\nnone = 1\n', encoding="utf-8")
    found = findings(service, 1)["settings"]
    assert "port must be a whole number" in found["seen"]
    assert "no setting 'none'" in found["seen"]


def test_people_get_a_line_for_each_check(service: Service) -> None:
    """Without --json what is wrong stands out, with its fix below it."""
    result = service.command("doctor", "--data", str(service.data))
    assert "\nWARNING  root key: a file beside the data" in result.stdout
    assert "\n         fix: " in result.stdout
    assert "problems: 0" in result.stdout.splitlines()[-1]
