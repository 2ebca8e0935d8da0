"""Two tenants side by side in one service, by the real commands and over HTTPS."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cli.in_process import run_in_process
from tests.live import STRONGROOM, Client, Service, clean_environment
from tests.plugins.canary import remember

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
DOMAIN = "second.example"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of its own: a second tenant is one that others would have to name."""
    with Service(tmp_path_factory.mktemp("tenants") / "data") as service:
        yield service


@pytest.fixture(scope="module")
def client(live: Service) -> Iterator[Client]:
    """Ask it over HTTPS."""
    client = live.client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def second(live: Service) -> dict[str, Any]:
    """Make the second tenant, with a subscription, and let its users sign in by password."""
    done = command(live, "tenants", "create", DOMAIN, "--name", "Second", "--subscription", "--json")
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    remember(made["userPassword"])
    for tenant in (DOMAIN, live.first["tenantId"]):
        assert command(live, "sign-in", "--password-grant", "--tenant", tenant).returncode == 0
    return made


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return run_in_process(*words, "--data", str(service.data))


def sign_in(client: Client, live: Service, authority: str, user: dict[str, Any], audience: str) -> httpx.Response:
    """Sign in by password at an authority of the service."""
    return client.ask(
        "POST",
        f"{live.first['authority']}/{authority}/oauth2/v2.0/token",
        data={
            "grant_type": "password",
            "client_id": AZURE_CLI,
            "username": user["userName"],
            "password": user["userPassword"],
            "scope": f"{audience}/.default",
        },
    )


def test_they_are_listed(live: Service, second: dict[str, Any]) -> None:
    """The oldest first, for people and for programs."""
    lines = command(live, "tenants", "list").stdout.splitlines()
    assert lines[1] == f"{second['tenantId']}  Second  {DOMAIN}"
    listed = json.loads(command(live, "tenants", "list", "--json").stdout)
    assert [one["tenantId"] for one in listed] == [live.first["tenantId"], second["tenantId"]]
    assert listed[1]["subscriptionIds"] == [second["subscriptionId"]]


def test_each_users_own_tenant_signs_them_in(live: Service, client: Client, second: dict[str, Any]) -> None:
    """At its own authority, and at `organizations` by the domain of the name; never at the other's."""
    graph = "https://graph.microsoft.com"
    for authority in (DOMAIN, second["tenantId"], "organizations"):
        answer = sign_in(client, live, authority, second, graph)
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        told = client.ask("GET", f"{live.first['graphUri']}/v1.0/organization", token=token).json()["value"]
        assert [one["id"] for one in told] == [second["tenantId"]]
    assert sign_in(client, live, live.first["tenantId"], second, graph).status_code == 400
    assert sign_in(client, live, DOMAIN, live.first, graph).status_code == 400


def test_neither_reaches_what_is_the_others(live: Service, client: Client, second: dict[str, Any]) -> None:
    """SEC-TENANT-2: the second's administrator owns its subscription and reads no secret of the first's."""
    arm = sign_in(client, live, DOMAIN, second, "https://management.azure.com").json()["access_token"]
    url = f"{live.first['armUri']}/subscriptions?api-version=2022-12-01"
    listed = client.ask("GET", url, token=arm).json()["value"]
    assert [one["subscriptionId"] for one in listed] == [second["subscriptionId"]]
    vault = sign_in(client, live, DOMAIN, second, "https://vault.azure.net").json()["access_token"]
    secrets = f"{live.first['vaultUri']}secrets?api-version=7.4"
    assert client.ask("GET", secrets, token=vault).status_code == 401
    assert client.ask("GET", secrets, token=client.token()).status_code == 200


def test_the_other_commands_want_one_named(live: Service, second: dict[str, Any]) -> None:
    """Where there are several, each says so, and which there are; then it works on the one that is named."""
    for words in (("sign-in",), ("signing-keys", "roll"), ("recover",)):
        refused = command(live, *words)
        assert refused.returncode == 1
        assert second["tenantId"] in refused.stderr
    told = json.loads(command(live, "sign-in", "--tenant", DOMAIN, "--json").stdout)
    assert told["tenantId"] == second["tenantId"]
    recovered = command(live, "recover", "--tenant", DOMAIN, "--json")
    assert json.loads(recovered.stdout)["subscriptionIds"] == [second["subscriptionId"]]


def test_what_one_is_called(live: Service, second: dict[str, Any]) -> None:
    """Its name, a domain more, and one less; one that is in use stays."""
    tenant = str(second["tenantId"])
    assert command(live, "tenants", "rename", DOMAIN, "Renamed").stdout == f"{tenant}  Renamed  {DOMAIN}\n"
    added = command(live, "tenants", "add-domain", tenant, "third.example")
    assert added.stdout == f"{tenant}  Renamed  {DOMAIN} third.example\n"
    kept = command(live, "tenants", "remove-domain", tenant, DOMAIN)
    assert (kept.returncode, kept.stdout) == (1, "")
    assert "in use" in kept.stderr
    assert command(live, "tenants", "remove-domain", "third.example", "third.example").returncode == 0


def test_a_taken_domain_makes_nothing(live: Service, second: dict[str, Any]) -> None:
    """The refusal says which."""
    refused = command(live, "tenants", "create", DOMAIN)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert DOMAIN in refused.stderr
    assert command(live, "tenants", "create").returncode == 2


def test_nobody_takes_the_password(live: Service) -> None:
    """SEC-BOOT-1: the command fails and says what to do, and the password goes nowhere else."""
    read, write = os.pipe()
    os.close(read)
    failed = subprocess.run(
        [STRONGROOM, "tenants", "create", "unheard.example", "--data", str(live.data)],
        stdout=write,
        stderr=subprocess.PIPE,
        env=clean_environment(),
        text=True,
        check=False,
        timeout=60,
    )
    os.close(write)
    assert failed.returncode == 1
    assert "strongroom recover --tenant unheard.example" in failed.stderr


def test_people_are_told_once(live: Service) -> None:
    """Line by line, with a mark at what is shown once."""
    lines = command(live, "tenants", "create", "people.example", "--user", "root").stdout.splitlines()
    told = dict(line.split(maxsplit=1) for line in lines)
    assert told["userName"] == "root@people.example"
    assert told["userPassword"].endswith("(shown this once)")
    remember(told["userPassword"].split()[0])


def test_an_empty_one_is_removed(live: Service, second: dict[str, Any]) -> None:
    """One that is not says what it has."""
    made = command(live, "tenants", "create", "brief.example", "--json")
    remember(json.loads(made.stdout)["userPassword"])
    assert command(live, "tenants", "remove", "brief.example").stdout.startswith("brief.example is removed")
    kept = command(live, "tenants", "remove", str(second["tenantId"]))
    assert (kept.returncode, "1 subscriptions" in kept.stderr) == (1, True)
