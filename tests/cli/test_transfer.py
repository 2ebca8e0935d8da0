"""`strongroom import` and `strongroom send` as an operator types them, against live services and a KV engine."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.cli.transfer.files import read_dotenv, read_json
from tests.cli.in_process import run_in_process
from tests.kv_engine import KvEngine, serving
from tests.live import STRONGROOM, Service, clean_environment
from tests.plugins import canary

KV_TOKEN = "bao-token-of-the-transcript"
canary.remember(KV_TOKEN)
_TIMEOUT_S = 90


class Operator:
    """Somebody who works with one instance, signed in as its first application by the environment."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.vault = service.first["vaultName"]
        self.environment = clean_environment() | {
            "STRONGROOM_CLIENT_ID": service.first["clientId"],
            "STRONGROOM_CLIENT_SECRET": service.first["clientSecret"],
            "STRONGROOM_TENANT_ID": service.first["tenantId"],
        }

    def __call__(self, *words: str, before: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours for this instance, as a process where another command begins the line."""
        words = (*words, "--vault", self.vault, "--data", str(self.service.data))
        environment = self.environment | more
        if not before:
            return run_in_process(*words, environment=environment)
        return subprocess.run(
            [*before, STRONGROOM, *words],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )

    def report(self, *words: str, before: tuple[str, ...] = (), **more: str) -> Any:
        """Run it with `--json`, and give the report."""
        ended = self(*words, "--json", before=before, **more)
        assert ended.stdout, ended.stderr
        return json.loads(ended.stdout)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask the vault itself."""
        client = self.service.client()
        try:
            url = f"{self.service.first['vaultUri'].rstrip('/')}/{path}?api-version=7.4"
            answer = client.ask(method, url, token=client.token(), json=body)
        finally:
            client.close()
        assert answer.is_success, answer.text
        return answer.json()

    def values(self, name: str) -> list[str]:
        """Read the values of a secret's versions, the oldest first."""
        file = self.service.data.parent / f"values-{os.urandom(4).hex()}.json"
        assert self("send", "json", str(file), "--only", name).returncode == 0
        found = [version.value for version in read_json(file).read(name).versions]
        file.unlink()
        return found


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run the instance that secrets go to."""
    with Service(tmp_path_factory.mktemp("here") / "data") as service:
        yield Operator(service)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run the instance that stands for Azure, reached under Azure's names."""
    with Service(tmp_path_factory.mktemp("there") / "data") as service:
        operator = Operator(service)
        for value in ("az-1", "az-2"):
            body = {
                "value": value,
                "contentType": "text/plain",
                "tags": {"v": value},
                "attributes": {"exp": 4_000_000_000},
            }
            operator.ask("PUT", "secrets/from-azure", body)
            _next_second()
        old = operator.ask("PUT", "secrets/half", {"value": "half-1"})["id"].rpartition("/")[2]
        _next_second()
        operator.ask("PUT", "secrets/half", {"value": "half-2"})
        operator.ask("PATCH", f"secrets/half/{old}", {"attributes": {"enabled": False}})
        yield operator


def _through(there: Operator) -> tuple[str, ...]:
    """Begin a command line for which Azure's names are that instance."""
    return (STRONGROOM, "run", "--data", str(there.service.data), "--")


def _next_second() -> None:
    """Let a vault's time go on: it counts whole seconds, and that is the order of versions."""
    time.sleep(1.01 - time.time() % 1)


def _outcomes(report: Any) -> dict[str, tuple[str, int]]:
    return {one["source"]: (one["outcome"], one["versions"]) for one in report["secrets"]}


def test_from_azure_with_the_users_own_credential(here: Operator, there: Operator) -> None:
    """azure-identity signs in, versions and attributes come along, what is not told is said, and once is enough."""
    url = f"https://{there.vault}.vault.azure.net"

    rehearsed = here.report("import", "azure", url, "--dry-run", before=_through(there))
    assert rehearsed["dryRun"]
    assert _outcomes(rehearsed) == {"from-azure": ("copied", 2), "half": ("copied", 1)}
    assert here.report("import", "azure", url, "--dry-run", before=_through(there)) == rehearsed

    report = here.report("import", "azure", url, before=_through(there))
    assert report["secrets"] == rehearsed["secrets"]
    [half] = [one for one in report["secrets"] if one["source"] == "half"]
    assert "is disabled, so its value is not told" in half["reason"]
    assert here.values("from-azure") == ["az-1", "az-2"]
    newest = here.ask("GET", "secrets/from-azure")
    assert (newest["contentType"], newest["tags"]) == ("text/plain", {"v": "az-2"})
    assert newest["attributes"]["exp"] == 4_000_000_000

    again = here("import", "azure", url, before=_through(there))
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "2 unchanged")

    there.ask("PUT", "secrets/from-azure", {"value": "az-3"})
    assert _outcomes(here.report("import", "azure", url, before=_through(there)))["from-azure"] == ("continued", 1)
    assert here.values("from-azure") == ["az-1", "az-2", "az-3"]


def test_to_azure_and_a_conflict(here: Operator, there: Operator) -> None:
    """The way out is the same way; another secret of that name is left alone."""
    here.ask("PUT", "secrets/goes-out", {"value": "out-1"})
    there.ask("PUT", "secrets/taken", {"value": "theirs"})
    here.ask("PUT", "secrets/taken", {"value": "ours"})
    url = f"https://{there.vault}.vault.azure.net"

    ended = here("send", "azure", url, "--only", "goes-out", "--only", "taken", before=_through(there))

    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == "1 copied, 1 conflict"
    assert "another secret of that name; --add writes" in ended.stdout
    assert there.ask("GET", "secrets/goes-out")["value"] == "out-1"
    assert there.ask("GET", "secrets/taken")["value"] == "theirs"


def test_from_another_strongroom(here: Operator, there: Operator, tmp_path: Path) -> None:
    """Signed in there under a name, and here by the environment: two instances, two tokens."""
    secret_file = tmp_path / "secret"
    secret_file.write_text(there.service.first["clientSecret"])
    there.ask("PUT", "secrets/between", {"value": "between-1"})
    config = {"STRONGROOM_CONFIG": str(tmp_path / "config")}
    signed_in = subprocess.run(
        [
            *(STRONGROOM, "login", "--data", str(there.service.data), "--name", "there"),
            *("--service-principal", there.service.first["clientId"], "--secret-file", str(secret_file)),
        ],
        check=False, capture_output=True, text=True, env=clean_environment() | config, timeout=_TIMEOUT_S,
    )  # fmt: skip
    assert signed_in.returncode == 0, signed_in.stderr

    words = ("import", "strongroom", there.vault, "--from-account", "there", "--only", "between")
    assert _outcomes(here.report(*words, **config)) == {"between": ("copied", 1)}
    assert here.ask("GET", "secrets/between")["value"] == "between-1"
    assert "no account is remembered" in here("import", "strongroom", "v", "--from-account", "x", **config).stderr


def test_from_openbao_and_back(here: Operator, tmp_path: Path) -> None:
    """Fields are secrets; a token comes from a file or the environment; what goes out comes in again."""
    engine = KvEngine(KV_TOKEN)
    engine.put("app/db", user="kv-user", password="kv-1")
    engine.put("app/db", user="kv-user", password="kv-2")
    token_file = tmp_path / "token"
    token_file.write_text(f"{KV_TOKEN}\n")
    with serving(engine) as address:
        options = ("--address", address, "--token-file", str(token_file))
        # A proxy is not for what is sent in the clear.
        ended = here("import", "openbao", *options, HTTP_PROXY="http://127.0.0.1:9")
        assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "2 copied"), ended.stderr
        assert here.values("app-db-password") == ["kv-1", "kv-2"]
        assert here.ask("GET", "secrets/app-db-user")["tags"] == {"original-name": "app/db/user"}

        sent = here("send", "openbao", "--path", "out", "--only", "app-db-*", BAO_ADDR=address, BAO_TOKEN=KV_TOKEN)
        assert sent.returncode == 0, sent.stderr
        assert [one["value"] for one in engine.versions["out/app-db-password"]] == ["kv-1", "kv-2"]

        refused = here("import", "openbao", "--address", address, VAULT_TOKEN="wrong")
        assert refused.returncode == 1
        assert "permission denied" in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("openbao",), "no address"),
        (("openbao", "--address", "http://bao.example"), "begins with https://"),
        (("openbao", "--address", "https://bao.example"), "no token"),
        (("azure", "https://v.example"), "is no vault of Azure"),
        (("azure", "https://v.vault.azure.net", "--credential", "x"), "no such credential"),
        (("dotenv", "/nowhere/.env"), "cannot be read"),
        (("openbao", "--address", "https://me:pass@bao.example"), "no user, password or query"),
    ],
)
def test_what_cannot_be_is_said(here: Operator, words: tuple[str, ...], told: str) -> None:
    """Before anything is asked."""
    ended = here("import", *words)

    assert ended.returncode in {1, 2}
    assert told in ended.stderr


def test_from_a_dotenv_file_and_out_again(here: Operator, tmp_path: Path) -> None:
    """Names change and come back; values are in no output; a file that is there is not written over."""
    value = "dotenv-value-of-the-transcript"
    canary.remember(value)
    file, out = tmp_path / ".env", tmp_path / "out.env"
    file.write_text(f"MY_KEY='{value}'\nBROKEN\n")

    ended = here("import", "dotenv", str(file), "--report", str(tmp_path / "report.json"))
    assert ended.returncode == 0, ended.stderr
    assert "1 copied, 1 skipped" in ended.stdout
    report = tmp_path / "report.json"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert value not in report.read_text() + ended.stdout + ended.stderr

    assert here("send", "dotenv", str(out), "--only", "MY-KEY").returncode == 0
    assert read_dotenv(out).read("MY_KEY").versions[0].value == value
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "is not written over" in here("send", "dotenv", str(out)).stderr

    lost = here("import", "dotenv", str(file), "--report", str(tmp_path / "no" / "report.json"))
    assert (lost.returncode, "1 unchanged, 1 skipped" in lost.stdout) == (1, True)
    assert "cannot be written" in lost.stderr


def test_everything_out_and_in_again(here: Operator, there: Operator, tmp_path: Path) -> None:
    """A JSON file carries a vault whole: what was sent is what another vault has then."""
    file = tmp_path / "vault.json"
    for value in ("whole-1", "whole-2"):
        here.ask("PUT", "secrets/whole", {"value": value})
        _next_second()
    assert here("send", "json", str(file)).returncode == 0
    ended = there("import", "json", str(file), "--only", "whole")
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "1 copied"), ended.stderr
    assert there.values("whole") == ["whole-1", "whole-2"]


def test_an_interrupted_import_goes_on(here: Operator, tmp_path: Path) -> None:
    """Killed at any moment and started again, it leaves each version once."""
    secrets = [
        {"name": f"many-{index:02}", "versions": [{"value": f"{index}-{version}"} for version in range(3)]}
        for index in range(20)
    ]
    file = tmp_path / "many.json"
    file.write_text(json.dumps({"secrets": secrets}))
    line = [STRONGROOM, "import", "json", str(file), "--vault", here.vault, "--data", str(here.service.data)]

    for wanted in (5, 12):
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=here.environment)
        while process.poll() is None and sum("many-" in one["id"] for one in _listed(here)) < wanted:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()

    report = here.report("import", "json", str(file))
    assert {one["outcome"] for one in report["secrets"]} <= {"copied", "continued", "unchanged"}
    assert here.values("many-07") == ["7-0", "7-1", "7-2"]
    out = tmp_path / "out.json"
    assert here("send", "json", str(out), "--only", "many-*").returncode == 0
    assert [
        {"name": one["name"], "versions": [{"value": version["value"]} for version in one["versions"]]}
        for one in json.loads(out.read_text())["secrets"]
    ] == secrets


def _listed(here: Operator) -> list[Any]:
    found: list[Any] = here.ask("GET", "secrets")["value"]
    return found
