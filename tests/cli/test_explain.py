"""`strongroom explain` and `who-can` as processes, on a service that runs; and the hint of a run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.in_process import run_in_process
from tests.live import STRONGROOM, Client, Service, clean_environment
from tests.plugins.canary import plant

ARM = "https://management.azure.com"
PROGRAM = """
import json, os, sys, urllib.error, urllib.request
def ask(url, headers, body=None, method=None):
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        return urllib.request.urlopen(request, timeout=30).read()
    except urllib.error.HTTPError as error:
        print(error.code)
        sys.exit(0)
endpoint = os.environ["IDENTITY_ENDPOINT"] + "?api-version=2019-08-01&resource=https://vault.azure.net"
token = json.loads(ask(endpoint, {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}))["access_token"]
url = f"https://{os.environ['KEY_VAULT_NAME']}.vault.azure.net/secrets/db?api-version=7.4"
ask(url, {"Authorization": f"Bearer {token}", "x-ms-client-request-id": "mine-1"})
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service, with an identity that has no rights."""
    with Service(tmp_path_factory.mktemp("explained") / "data") as service:
        client = service.client()
        answer = client.ask(
            "PUT",
            f"{identity_of(service)}?api-version=2023-01-31",
            token=client.token(ARM),
            json={"location": "local"},
        )
        assert answer.status_code == 201, answer.text
        client.close()
        yield service


@pytest.fixture
def client(live: Service) -> Iterator[Client]:
    """Ask it over HTTPS."""
    client = live.client()
    yield client
    client.close()


def identity_of(service: Service) -> str:
    """Give the URL of the identity that has no rights."""
    first = service.first
    group = f"/subscriptions/{first['subscriptionId']}/resourceGroups/default"
    path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/newcomer"
    return f"{first['armUri']}{path}"


def resource_of(service: Service) -> str:
    """Give the ARM id of that identity."""
    return identity_of(service).removeprefix(service.first["armUri"])


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return run_in_process(*words, "--data", str(service.data))


def run(service: Service, *options: str, program: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    """Run a program that reads a secret as the newcomer."""
    words = [
        "run",
        "--data",
        str(service.data),
        "--identity",
        "newcomer",
        *options,
        "--",
        sys.executable,
        "-c",
        program,
    ]
    return subprocess.run(
        [STRONGROOM, *words], capture_output=True, text=True, env=clean_environment(), timeout=60, check=False
    )


def vault_of(service: Service) -> str:
    """Give the first vault's name."""
    return re.split(r"[/.]", service.first["vaultUri"])[2]


def test_from_a_refusal_to_the_right(live: Service, client: Client) -> None:
    """A test run's 403 prints how to ask; what is answered there says why and what would allow it; and that does."""
    refused = run(live)
    assert (refused.returncode, refused.stdout) == (0, "403\n")
    (hint,) = refused.stderr.splitlines()
    assert hint.startswith(f"strongroom: 403 for GET /secrets/db on {vault_of(live)} (ForbiddenByRbac). Why: ")
    asked = shlex.split(hint.partition("Why: ")[2])
    assert asked[:2] == ["strongroom", "explain"]
    explained = live.command(*asked[1:], check=False)
    assert explained.returncode == 1, explained.stderr
    assert "was answered 403 ForbiddenByRbac. As things are now:" in explained.stdout
    assert "No: 403 ForbiddenByRbac, by the permission." in explained.stdout
    before, _, after = explained.stdout.partition("\nTo allow it:\n")
    assert [line.split()[0] for line in before.splitlines() if line.startswith("  ")] == [
        "vault", "operation", "firewall", "principal", "permission"
    ]  # fmt: skip
    first = shlex.split(next(line for line in after.splitlines() if line.strip().startswith("az ")))
    assert first[:4] == ["az", "role", "assignment", "create"]
    wanted = dict(zip(first[4::2], first[5::2], strict=True))
    assert wanted["--scope"].endswith("/secrets/db")
    give(live, client, wanted)
    allowed = live.command(*asked[1:], check=False)
    assert (allowed.returncode, "Yes.\n" in allowed.stdout) == (0, True)
    found = run(live)
    assert (found.stdout, found.stderr) == ("404\n", "")


def give(live: Service, client: Client, wanted: dict[str, str]) -> None:
    """Do what `az role assignment create` does."""
    arm, token = live.first["armUri"], client.token(ARM)
    scope = wanted["--scope"]
    roles = client.ask(
        "GET",
        f"{arm}{scope}/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01"
        f"&$filter=roleName%20eq%20'{wanted['--role'].replace(' ', '%20')}'",
        token=client.token(ARM),
    )
    (role,) = roles.json()["value"]
    answer = client.ask(
        "PUT",
        f"{arm}{scope}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-0000000000e1"
        "?api-version=2022-04-01",
        token=token,
        json={"properties": {"roleDefinitionId": role["id"], "principalId": wanted["--assignee-object-id"]}},
    )
    assert answer.status_code == 201, answer.text


def test_by_the_clients_own_id(live: Service, client: Client) -> None:
    """A request is found by the id that its client gave it as well as by ours."""
    token = client.token()
    answer = client.ask(
        "GET",
        f"{live.first['vaultUri']}secrets/none?api-version=7.4",
        token=token,
        headers={"x-ms-client-request-id": "theirs-7"},
    )
    assert answer.status_code == 404
    for request in ("theirs-7", answer.headers["x-ms-request-id"]):
        explained = command(live, "explain", "--request", request, "--json")
        assert explained.returncode == 0, explained.stderr
        assert json.loads(explained.stdout)["question"]["object"] == "none"


def test_quiet(live: Service) -> None:
    """`--quiet` says nothing of a 403, and the program's own output is its own either way."""
    refused = run(live, "--quiet", program=PROGRAM.replace("/secrets/db", "/secrets/elsewhere"))
    assert (refused.stdout, refused.stderr) == ("403\n", "")


def test_by_words(live: Service) -> None:
    """A question is put in words, and answered with an exit code for scripts."""
    secret = f"https://{vault_of(live)}.vault.azure.net/secrets/other"
    asked = ["explain", "--principal", resource_of(live), "--operation", "get-secret"]
    refused = command(live, *asked, "--object", secret, "--from", "203.0.113.9")
    assert refused.returncode == 1
    assert refused.stdout.startswith("May ")
    assert " do SecretGet on other in " in refused.stdout
    same = command(live, *asked, "--vault", vault_of(live), "--object-name", "other", "--json")
    assert json.loads(same.stdout)["refusal"]["step"] == "permission"
    administrator = command(
        live, "explain", "--principal", live.first["clientId"], "--operation", "SecretList", "--vault", vault_of(live)
    )
    assert administrator.returncode == 0


def test_who_can(live: Service) -> None:
    """Everybody who can is printed, with what it is through."""
    words = ["who-can", "--operation", "SecretGet", "--vault", vault_of(live), "--object-name", "other"]
    printed = command(live, *words)
    assert printed.returncode == 0
    assert live.first["objectId"] in printed.stdout
    assert "direct: Key Vault Administrator, /subscriptions/" in printed.stdout
    listed = json.loads(command(live, *words, "--json").stdout)
    assert live.first["objectId"] in {one["principalId"] for one in listed}
    assert all(one["allowed"] and one["role"] for one in listed)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["explain"], 2, "--principal"),
        (["explain", "--principal", "x"], 2, "--operation"),
        (["explain", "--principal", "x", "--operation", "SecretGet"], 2, "--object"),
        (["explain", "--principal", "x", "--operation", "SecretGet", "--object", "u", "--vault", "v"], 2, "--object"),
        (["explain", "--request", "r", "--principal", "x"], 2, "--request"),
        (["explain", "--request", "no-such-request"], 1, "has no request with this id"),
        (["explain", "--request", "bad\nid"], 2, "printable"),
        (["explain", "--request", "x" * 129], 2, "128"),
        (["explain", "--principal", "x", "--operation", "SecretGet", "--vault", "none-such"], 1, "object"),
        (["explain", "--principal", "x", "--operation", "Eat", "--vault", "none-such"], 1, "operation on a vault"),
        (["who-can"], 2, "--operation"),
        (["who-can", "--operation", "SecretGet", "--object", "https://example.org/secrets/a"], 1, "of this instance"),
    ],
)
def test_what_cannot_be_asked(live: Service, words: list[str], code: int, said: str) -> None:
    """A question that is none says what is wrong with it."""
    refused = command(live, *words)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert said in refused.stderr


def test_a_request_of_nobody(live: Service, client: Client) -> None:
    """A request without a good token has nobody to explain it about; the journal's reason is told, and no token."""
    url = f"{live.first['vaultUri']}secrets/a?api-version=7.4"
    answer = client.ask("GET", url, token=plant())
    assert answer.status_code == 401
    refused = command(live, "explain", "--request", answer.headers["x-ms-request-id"])
    assert refused.returncode == 1
    assert "nobody had proved who asked" in refused.stderr


def test_a_request_to_another_surface(live: Service, client: Client) -> None:
    """What was no request to a vault is not explained, and what the journal says of it is told."""
    url = f"{live.first['armUri']}/subscriptions/{live.first['subscriptionId']}?api-version=2022-12-01"
    answer = client.ask("GET", url, token=client.token(ARM))
    assert answer.status_code == 200
    refused = command(live, "explain", "--request", answer.headers["x-ms-request-id"], "--json")
    assert refused.returncode == 1
    assert "SubscriptionGet: 200 OK" in refused.stderr


def test_no_service(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without a service there is nobody to ask."""
    empty = tmp_path_factory.mktemp("none")
    words = [STRONGROOM, "who-can", "--operation", "SecretGet", "--vault", "v", "--data", str(empty)]
    refused = subprocess.run(words, capture_output=True, text=True, env=clean_environment(), timeout=60, check=False)
    assert refused.returncode == 3
