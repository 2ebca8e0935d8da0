"""`strongroom init`, `audit` and `verify`, on real data directories."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from strongroom.cli.main import main
from strongroom.crypto.software import SoftwareRootKey
from strongroom.journal import Entry, Journal, encode

FIELDS = {
    *("tenantId", "subscriptionId", "resourceGroup", "vaultName", "vaultUri", "authority", "armUri", "graphUri"),
    *("clientId", "clientSecret", "objectId", "userName", "userPassword", "caFile"),
}


@pytest.fixture
def instance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Initialise an instance, with three entries in its journal."""
    data = tmp_path / "data"
    assert main(["init", "--data", str(data), "--json"]) == 0
    capsys.readouterr()
    record(data, "SecretGet", "SecretSet", "SecretDelete")
    return data


def record(data: Path, *operations: str) -> None:
    """Append entries to the journal as the service does."""
    keys = SoftwareRootKey.load(data / "root.key")
    journal = Journal.open(data / "audit", keys.tag, "node", lambda: 1_800_000_000.0)
    for operation in operations:
        journal.append(encode(Entry(time=1_800_000_000.0, operation=operation, status=200)))
    journal.close()


def test_init_prints_what_a_client_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`init --json` prints one object with exactly the fields of the interface: SEC-BOOT-1."""
    assert main(["init", "--data", str(tmp_path / "data"), "--domain", "Corp.Example", "--port", "9443", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert set(facts) == FIELDS
    assert facts["authority"] == "https://login.corp.example:9443"
    assert facts["vaultUri"] == f"https://{facts['vaultName']}.vault.corp.example:9443/"
    assert Path(facts["caFile"]).read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")


def test_init_says_the_same_to_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--json` each line has a name and its value, and what is shown only once is marked."""
    assert main(["init", "--data", str(tmp_path / "data")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == FIELDS
    assert sum(line.endswith("(shown this once)") for line in lines) == 2


def test_a_second_init_is_refused(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An instance is not made anew over the old one, and its secrets are not shown again: SEC-BOOT-2."""
    assert main(["init", "--data", str(instance)]) == 1
    said = capsys.readouterr()
    assert (said.out, "initialised already" in said.err) == ("", True)


def test_settings_that_cannot_be_are_all_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every fault is reported at once, as wrong usage."""
    assert main(["init", "--data", str(tmp_path), "--domain", "not a domain", "--port", "70000"]) == 2
    said = capsys.readouterr().err
    assert "domain" in said
    assert "port" in said


def test_a_directory_that_others_can_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message is the remedy."""
    tmp_path.chmod(0o755)
    assert main(["init", "--data", str(tmp_path)]) == 1
    assert f"chmod 700 {tmp_path}" in capsys.readouterr().err


def test_tail_prints_the_newest_entries(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object a line, the newest last, as many as asked."""
    assert main(["audit", "tail", "--data", str(instance), "-n", "2"]) == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["operationName"] for entry in entries][-2:] == ["SecretSet", "SecretDelete"]
    assert len(entries) == 2


def test_tail_goes_on_with_what_comes(instance: Path) -> None:
    """With `-f` an entry appears as it is made, and Control-C is how it ends."""
    line = [sys.executable, "-m", "strongroom", "audit", "tail", "-f", "-n", "1", "--data", str(instance)]
    # A suite that a shell runs in the background ignores Control-C, and would have its children ignore it too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert json.loads(process.stdout.readline())["operationName"] == "SecretDelete"
        record(instance, "SecretPurge")
        assert json.loads(process.stdout.readline())["operationName"] == "SecretPurge"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
        watchdog.cancel()


def test_a_whole_journal_verifies(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Entries that are as they were written are counted."""
    assert main(["audit", "verify", "--data", str(instance)]) == 0
    assert "as they were written" in capsys.readouterr().out


def test_an_altered_journal_does_not(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One altered byte is found, said and 1."""
    (file,) = [file for file in (instance / "audit").rglob("*") if b"SecretSet" in file.read_bytes()]
    file.write_bytes(file.read_bytes().replace(b"SecretSet", b"SecretGet"))
    assert main(["audit", "verify", "--data", str(instance)]) == 1
    assert capsys.readouterr().err


@pytest.mark.parametrize("words", [("audit", "tail"), ("audit", "verify"), ("audit", "checkpoint"), ("hosts",)])
def test_a_directory_that_cannot_be_looked_into_is_said(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """What the system says of it is told in a sentence, whoever asks: here of a name that is too long for it."""
    assert main([*words, "--data", f"/{'a' * 300}"]) == 1
    assert "name too long" in capsys.readouterr().err


def test_a_missing_checkpoint_is_said(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint that cannot be read is no reason to judge without it."""
    line = ["audit", "verify", "--data", str(instance), "--checkpoint", str(instance / "none")]
    assert main(line) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_whole_store_verifies(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row of a new instance carries its seal."""
    assert main(["verify", "--data", str(instance)]) == 0
    assert capsys.readouterr().out == "every row of the store carries its seal\n"


def test_an_altered_store_does_not(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row that somebody took out of the file is missed: SEC-BOOT-17."""
    database = sqlite3.connect(instance / "strongroom.db")
    removed = database.execute("DELETE FROM records WHERE id = (SELECT id FROM records LIMIT 1)").rowcount
    assert removed
    database.commit()
    database.close()
    assert main(["verify", "--data", str(instance)]) == 1
    assert "not as it was written" in capsys.readouterr().err


def test_a_root_key_that_others_can_read_is_refused(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says what to do with the file, and the key stays unused."""
    (instance / "root.key").chmod(0o644)
    assert main(["verify", "--data", str(instance)]) == 1
    assert "chmod 600" in capsys.readouterr().err
