"""`strongroom env` and `strongroom hosts`, against a fake service on a real control socket."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from strongroom.cli.env import LIFETIME_S
from strongroom.cli.main import main
from tests.cli.fake_service import CLIENT_SECRET, IDENTITY_HEADER, OWN_HOSTS, PORT, VAULT, FakeService


def test_a_shell_can_evaluate_it(
    service: FakeService, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed sets the variables in a POSIX shell, and clears the shell's own identity."""
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", "/real.pem")
    assert main(["env", "--data", str(service.data)]) == 0
    printed = capsys.readouterr().out
    seen = subprocess.run(
        ["sh", "-euc", f"{printed}\nenv"], capture_output=True, text=True, check=True, env=dict(os.environ)
    ).stdout.splitlines()
    assert f"IDENTITY_HEADER={IDENTITY_HEADER}" in seen
    assert f"KEY_VAULT_URL=https://{VAULT}.vault.localhost:{PORT}" in seen
    assert f"AZURE_AUTHORITY_HOST=https://login.localhost:{PORT}" in seen
    assert not [line for line in seen if line.startswith(("AZURE_CLIENT_CERTIFICATE_PATH", "KEY_VAULT_NAME"))]


def test_json_is_one_object(service: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` gives the same as one object, for scripts."""
    assert main(["env", "--data", str(service.data), "--json", "--service-principal"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["AZURE_TENANT_ID"], made["AZURE_CLIENT_SECRET"]) == ("adfs", CLIENT_SECRET)
    assert Path(made["SSL_CERT_FILE"]).read_bytes().startswith((service.data / "ca.pem").read_bytes())


def test_the_credential_is_asked_for_a_working_day(service: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing says when a shell is done, so its credential is asked to last longer than a run's, and is not revoked."""
    main(["env", "--data", str(service.data)])
    assert service.runs == [{"identity": None, "servicePrincipal": False, "lifetimeSeconds": LIFETIME_S}]
    assert service.ended == []


def test_the_files_are_the_owners(service: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
    """Who could write the bundles would decide whom the shell trusts."""
    main(["env", "--data", str(service.data)])
    directory = service.data / "env"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert not [file for file in directory.iterdir() if b"PRIVATE KEY" in file.read_bytes()]


def test_hosts_prints_every_own_name(service: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, with the address of this machine."""
    assert main(["hosts", "--data", str(service.data)]) == 0
    assert capsys.readouterr().out == f"127.0.0.1 {' '.join(OWN_HOSTS)}\n"


@pytest.mark.parametrize(("listening", "reached"), [("::1", "::1"), ("::", "::1"), ("192.0.2.7", "192.0.2.7")])
def test_hosts_name_what_is_listened_on(
    service: FakeService, capsys: pytest.CaptureFixture[str], listening: str, reached: str
) -> None:
    """The names are where the main listener is: on a machine that has IPv6 alone, or where it is one address."""
    facts = json.loads((service.data / "run.json").read_text())
    (service.data / "run.json").write_text(json.dumps({**facts, "address": listening}))
    assert main(["hosts", "--data", str(service.data)]) == 0
    assert capsys.readouterr().out == f"{reached} {' '.join(OWN_HOSTS)}\n"
    assert main(["hosts", "--data", str(service.data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["address"] == reached


def test_hosts_writes_once(service: FakeService, tmp_path: Path) -> None:
    """`--write` adds a block, keeps the file's mode and everything in it, and does nothing the second time."""
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    file.chmod(0o644)
    line = ["hosts", "--data", str(service.data), "--write", "--hosts-file", str(file)]
    assert main(line) == 0
    written = file.read_text()
    assert written.startswith("127.0.0.1 localhost\n")
    assert f"127.0.0.1 {' '.join(OWN_HOSTS)}\n" in written
    assert main(line) == 0
    assert file.read_text() == written
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_hosts_that_are_not_ours_to_write(
    service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the right to write, the message says how to get it, and the file stays."""
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")

    def refuse(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # The suite may run as root, whom no mode keeps out.
    monkeypatch.setattr("strongroom.cli.hosts._overwrite", refuse)
    assert main(["hosts", "--data", str(service.data), "--write", "--hosts-file", str(file)]) == 1
    assert "sudo strongroom hosts --write" in capsys.readouterr().err
    assert file.read_text() == "127.0.0.1 localhost\n"
