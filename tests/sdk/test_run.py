"""Official clients under `strongroom run`, with Azure's names: nothing in them is for Strongroom's sake."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live import START_S, Service
from tests.sdk.conftest import EXAMPLES, PROGRAMS, Live

GO = Path(__file__).parent / "go"

CURL = r"""
set -eu
token=$(curl -sSf -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" \
    "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=https://vault.azure.net" |
    sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sSf -X PUT "$VAULT_URL/secrets/by-curl?api-version=7.4" -H "Authorization: Bearer $token" \
    -H 'Content-Type: application/json' -d '{"value": "a value"}'
"""


def require_done(result: subprocess.CompletedProcess[str]) -> None:
    """Demand that a program came to its end."""
    assert (result.returncode, result.stdout.split()[-1:]) == (0, ["done"]), result.stderr


@pytest.mark.parametrize("example", ["quickstart.py", "quickstart_async.py"])
def test_the_examples_run_as_they_are(live: Live, example: str) -> None:
    """A program as anyone writes it for Azure sets, gets, deletes and purges a secret."""
    result = live.run([sys.executable, EXAMPLES / example])
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


@pytest.mark.parametrize("client", ["secrets_sync", "secrets_aio"])
@pytest.mark.parametrize(
    ("credential", "options"),
    [
        ("default", ()),
        ("identity", ()),
        ("environment", ("--service-principal",)),
        ("default", ("--service-principal",)),
    ],
)
def test_every_operation_on_a_secret(
    live: Live, canary: str, client: str, credential: str, options: tuple[str, ...]
) -> None:
    """azure-keyvault-secrets does all it can, as the managed identity and as the environment's service principal."""
    name = f"{client}-{credential}-{len(options)}".replace("_", "-")
    require_done(live.run([sys.executable, PROGRAMS / f"{client}.py", credential, name], *options, VALUE=canary))


def test_curl_by_hand(live: Live) -> None:
    """The managed identity endpoint gives a token to curl, and the vault takes it."""
    result = live.run(["sh", "-c", CURL])
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["id"].startswith(
        f"https://{live.facts['vaultName']}.vault.azure.net/secrets/by-curl/"
    )


def test_a_vault_without_a_role_refuses_as_azure_does(live: Live, canary: str) -> None:
    """A new vault opens to nobody by itself: the identity is refused, as the client's own error says it."""
    made = live.run(
        [sys.executable, PROGRAMS / "make_vault.py", "sr-no-role"],
        "--service-principal",
        GROUP=live.facts["resourceGroup"],
    )
    require_done(made)
    tried = live.run(
        [sys.executable, PROGRAMS / "try_secret.py"], VALUE=canary, VAULT_URL="https://sr-no-role.vault.azure.net"
    )
    told = json.loads(tried.stdout)
    assert (told["status"], told["error"]) == (403, "HttpResponseError"), tried.stderr
    assert "ForbiddenByRbac" in str(told)


def test_a_vault_made_during_a_run_answers_to_its_own_name(live: Live) -> None:
    """Its Azure name is not in the run's certificate; its own name is in the instance's, and works at once."""
    url = f"https://sr-made-now.vault.localhost:{live.facts['port']}/secrets?api-version=7.4"
    result = live.run(
        ["sh", "-euc", f'"$0" "$1" sr-made-now; curl -sS -o /dev/null -w "%{{http_code}}" "{url}"', sys.executable,
         PROGRAMS / "make_vault.py"],
        "--service-principal",
        GROUP="default",
    )  # fmt: skip
    assert result.stdout.split() == ["done", "401"], result.stderr


def test_a_vault_that_is_not_there_is_refused_by_the_relay(live: Live, canary: str) -> None:
    """A real vault of that name would not be reached, and the client's error says why: SEC-NAME-8."""
    tried = live.run(
        [sys.executable, PROGRAMS / "try_secret.py"], VALUE=canary, VAULT_URL="https://somebodys-real.vault.azure.net"
    )
    told = json.loads(tried.stdout)
    assert told["error"] == "ServiceRequestError", tried.stderr
    assert "Not served by Strongroom: somebodys-real.vault.azure.net" in told["message"]


def test_the_credential_ends_with_the_run(live: Live) -> None:
    """After the program ended, neither its header nor a token it got opens anything: SEC-BOOT-6."""
    code = """
import json, os, httpx
answer = httpx.get(os.environ["IDENTITY_ENDPOINT"], headers={"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]},
    params={"api-version": "2019-08-01", "resource": "https://vault.azure.net"})
headers = {"Authorization": "Bearer " + answer.json()["access_token"]}
url = os.environ["VAULT_URL"] + "/secrets?api-version=7.4"
assert httpx.get(url, headers=headers).status_code == 200
print(json.dumps([os.environ["IDENTITY_ENDPOINT"], os.environ["IDENTITY_HEADER"], headers]))
"""
    endpoint, header, headers = json.loads(live.run([sys.executable, "-c", code]).stdout)
    asked = httpx.get(
        endpoint,
        headers={"X-IDENTITY-HEADER": header},
        params={"api-version": "2019-08-01", "resource": "https://vault.azure.net"},
    )
    assert asked.status_code == 401
    socket = httpx.HTTPTransport(uds=live.facts["controlSocket"])
    with httpx.Client(transport=socket) as client:
        url = f"http://{live.facts['vaultName']}.vault.azure.net/secrets?api-version=7.4"
        assert client.get(url, headers=headers).status_code == 401


def test_an_identity_that_is_not_there_is_said(live: Live) -> None:
    """The service's own word reaches the user, and names what there is."""
    result = live.run(["true"], "--identity", "nobody")
    assert result.returncode == 1
    assert "nobody" in result.stderr
    assert "default" in result.stderr


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Make a directory with a path so short that a socket in a directory of it has a name."""
    with tempfile.TemporaryDirectory(prefix="sr") as name:
        yield Path(name)


def test_an_ephemeral_service_leaves_nothing(tmp_path: Path, short_path: Path) -> None:
    """`serve --ephemeral` serves from a temporary directory on a free port, and is gone with it."""
    place, log = short_path, tmp_path / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "strongroom", "serve", "--ephemeral"],
            stdout=output,
            stderr=output,
            env={**os.environ, "TMPDIR": str(place)},
        )
    try:
        deadline = time.monotonic() + START_S
        while not (found := list(place.glob("*/run.json"))):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        result = Live(Service(found[0].parent, initialise=False)).run([sys.executable, EXAMPLES / "quickstart.py"])
        assert result.returncode == 0, result.stderr + log.read_text()
        process.terminate()
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert list(place.iterdir()) == []


@pytest.fixture(scope="module")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fetch and compile the Go clients, which is what takes their time, and give the program."""
    program = tmp_path_factory.mktemp("go") / "quickstart"
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=GO, check=True, timeout=580)
    return program


@pytest.mark.slow
@pytest.mark.toolchain("go")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("endpoint", ["app-service", "azure-ml", "cloud-shell", "workload-identity"])
def test_a_program_in_go(live: Live, go_program: Path, endpoint: str) -> None:
    """
    The Go clients set, get, delete and purge a secret, with DefaultAzureCredential: clients.md section 0.

    IMDS is not among the endpoints: these clients ask 169.254.169.254 whatever their environment says.
    """
    result = live.run([go_program], "--endpoint", endpoint)
    assert (result.returncode, result.stdout.splitlines()[-1:]) == (0, ["purged"]), result.stderr
