"""`strongroom app`, `sp`, `user` and `group`: transcripts of an administrator, and of somebody without rights."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.assertions import make_signer
from tests.cli.operators import Operator
from tests.live import Service
from tests.plugins.canary import remember

DOMAIN = "strongroom.localhost"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of its own."""
    with Service(tmp_path_factory.mktemp("principals") / "data") as service:
        remember(service.first["clientSecret"])
        yield service


@pytest.fixture
def operator(live: Service, tmp_path: Path) -> Operator:
    """Be the first application, which administers the tenant."""
    return Operator.of_environment(live, tmp_path / "config")


def signs_in(live: Service, made: dict[str, Any], tmp_path: Path) -> Operator:
    """Be an application by a secret that was made."""
    remember(made["clientSecret"])
    other = Operator.of_environment(live, tmp_path / "other")
    other.environment |= {"STRONGROOM_CLIENT_ID": made["clientId"], "STRONGROOM_CLIENT_SECRET": made["clientSecret"]}
    return other


def table(text: str) -> list[str]:
    """Read the first column of a table, without its title."""
    return [line.split("  ")[0].strip() for line in text.splitlines()[1:]]


# ---- applications ---------------------------------------------------------------------------------------------------


def test_an_application_from_its_making_to_its_end(live: Service, operator: Operator, tmp_path: Path) -> None:
    """Made with a service principal and a secret that works, listed, shown and deleted, it signs in no more."""
    made = operator.json("app", "create", "Shop", "--secret", "--days", "10")
    assert made["tenantId"] == live.first["tenantId"]
    shop = signs_in(live, made, tmp_path)
    assert shop.json("whoami")["objectId"] == made["servicePrincipalId"]

    assert "Shop" in table(operator.done("app", "list"))
    assert table(operator.done("app", "list", "--name", "Sho")) == ["Shop"]
    for name in ("Shop", made["clientId"], made["objectId"]):
        assert operator.json("app", "show", name)["servicePrincipalId"] == made["servicePrincipalId"]
    assert made["clientSecret"] not in operator.done("app", "show", "Shop", "--json")

    assert "add --yes" in operator.fails(2, "app", "delete", "Shop")
    assert "deleted Shop" in operator.run("app", "delete", "Shop", "--yes").stderr
    assert "strongroom app list" in operator.fails(1, "app", "show", "Shop")
    shop.fails(4, "sp", "list")


def test_a_secret_into_a_file(operator: Operator, live: Service, tmp_path: Path) -> None:
    """It is its owner's alone, in no output, overwrites nothing, and is not left where no secret came."""
    made = operator.json("app", "create", "Filed")
    file = tmp_path / "secret"
    told = operator.json("app", "credential", "add", "Filed", "--name", "second", "--secret-file", str(file))
    secret = file.read_text().strip()
    remember(secret)
    assert told["secretFile"] == str(file)
    assert "clientSecret" not in told
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    signs_in(live, {**made, "clientSecret": secret}, tmp_path).json("whoami")

    assert "nothing is overwritten" in operator.fails(
        2, "app", "credential", "add", "Filed", "--secret-file", str(file)
    )
    other = tmp_path / "other-secret"
    operator.fails(1, "app", "credential", "add", made["clientId"], "--name", "a" * 3000, "--secret-file", str(other))
    assert not other.exists()
    assert operator.fails(1, "app", "credential", "add", "Filed", "--secret-file", "/nowhere/secret")
    for days in ("0", "36501"):
        operator.fails(2, "app", "credential", "add", "Filed", "--days", days)


def test_credentials_are_listed_and_removed_one_by_one(operator: Operator, live: Service, tmp_path: Path) -> None:
    """Removing one ends what it is good for, and no other's."""
    first = operator.json("app", "create", "Two secrets", "--secret")
    second = operator.json("app", "credential", "add", first["clientId"], "--name", "second")
    remember(second["clientSecret"])
    listed = operator.json("app", "credential", "list", "Two secrets")
    assert len(listed) == 2
    assert {(one["id"], one["kind"], one["name"]) for one in listed} == {
        (first["credentialId"], "secret", None), (second["credentialId"], "secret", "second"),
    }  # fmt: skip
    operator.done("app", "credential", "remove", "Two secrets", first["credentialId"], "--yes")
    assert signs_in(live, {**first, "clientSecret": second["clientSecret"]}, tmp_path).json("whoami")
    assert signs_in(live, first, tmp_path).fails(4, "whoami")
    assert "strongroom app credential list" in operator.fails(
        1, "app", "credential", "remove", "Two secrets", first["credentialId"], "--yes"
    )


def test_certificates_and_federated_credentials_are_removed_too(live: Service, operator: Operator) -> None:
    """One certificate of two goes, the other stays; a federated credential goes by the same command."""
    made = operator.json("app", "create", "Other proofs")
    client = live.client()
    token = client.token("https://graph.microsoft.com")
    url = f"{live.first['graphUri']}/v1.0/applications/{made['objectId']}"
    keys = [
        {"type": "AsymmetricX509Cert", "usage": "Verify", "key": make_signer(now=int(time.time()), name=name).base64}
        for name in ("one", "two")
    ]
    assert client.ask("PATCH", url, token=token, json={"keyCredentials": keys}).status_code == 204
    wanted = {"name": "from-ci", "issuer": "https://ci.example", "subject": "repo:shop",
              "audiences": ["api://AzureADTokenExchange"]}  # fmt: skip
    made_federated = client.ask("POST", f"{url}/federatedIdentityCredentials", token=token, json=wanted)
    assert made_federated.status_code == 201, made_federated.text
    client.close()

    listed = operator.json("app", "credential", "list", "Other proofs")
    assert [one["kind"] for one in listed] == ["certificate", "certificate", "federated"]
    for one in (listed[0], listed[2]):
        operator.done("app", "credential", "remove", "Other proofs", one["id"], "--yes")
    assert operator.json("app", "credential", "list", "Other proofs") == [listed[1]]


def test_a_name_that_two_have_is_refused_with_their_ids(operator: Operator) -> None:
    """Nothing is done to either."""
    ids = [operator.json("app", "create", "Twin", "--no-service-principal")["objectId"] for _ in range(2)]
    told = operator.fails(1, "app", "delete", "Twin", "--yes")
    assert all(one in told for one in ids)
    assert len(operator.json("app", "list", "--name", "Twin")) == 2


def test_somebody_without_rights_is_refused(live: Service, operator: Operator, tmp_path: Path) -> None:
    """Exit code 4, with how to find out why; the application is not made."""
    nobody = signs_in(live, operator.json("app", "create", "Nobody", "--secret"), tmp_path)
    told = nobody.fails(4, "app", "create", "More")
    assert "403" in told
    assert operator.json("app", "list", "--name", "More") == []


# ---- service principals ---------------------------------------------------------------------------------------------


def test_a_service_principal_is_disabled_and_enabled(live: Service, operator: Operator, tmp_path: Path) -> None:
    """While it is disabled it gets no token."""
    worker = signs_in(live, operator.json("app", "create", "Worker", "--secret"), tmp_path)
    worker.json("whoami")
    assert operator.json("sp", "disable", "Worker")["accountEnabled"] is False
    worker.fails(4, "whoami")
    assert operator.json("sp", "show", "Worker")["accountEnabled"] is False
    operator.done("sp", "enable", "Worker")
    worker.json("whoami")


def test_a_service_principal_is_made_and_deleted(operator: Operator) -> None:
    """An application without one gets it; those of services that every tenant has are listed only if asked for."""
    made = operator.json("app", "create", "Bare", "--no-service-principal")
    assert "servicePrincipalId" not in made
    acting = operator.json("sp", "create", "Bare")
    assert acting["appId"] == made["clientId"]
    assert "Microsoft Graph" not in table(operator.done("sp", "list"))
    assert {"Bare", "Microsoft Graph"} <= set(table(operator.done("sp", "list", "--all")))
    assert operator.json("sp", "delete", made["clientId"], "--yes")["deleted"] is True
    operator.fails(1, "sp", "show", "Bare")


# ---- users ----------------------------------------------------------------------------------------------------------


def test_a_user_from_its_making_to_its_end(operator: Operator) -> None:
    """The password is made, shown once, and nowhere else; a reset makes another."""
    made = operator.json("user", "create", "ann", "--display-name", "Ann Arbor")
    remember(made["userPassword"])
    assert made["userName"] == f"ann@{DOMAIN}"
    for name in (made["userName"], "Ann Arbor", made["objectId"]):
        assert operator.json("user", "show", name)["id"] == made["objectId"]
    assert f"ann@{DOMAIN}" in table(operator.done("user", "list", "--name", "Ann"))

    assert "--yes" in operator.fails(2, "user", "reset-password", "Ann Arbor")
    again = operator.json("user", "reset-password", "Ann Arbor", "--yes", "--no-must-change")
    remember(again["userPassword"])
    assert again["userPassword"] != made["userPassword"]

    operator.done("user", "disable", "Ann Arbor")
    assert operator.json("user", "show", "Ann Arbor")["accountEnabled"] is False
    operator.done("user", "enable", "Ann Arbor")
    assert operator.json("user", "delete", made["userName"], "--yes")["id"] == made["objectId"]
    operator.fails(1, "user", "show", made["userName"])


def test_a_password_from_a_file(operator: Operator, tmp_path: Path) -> None:
    """It is repeated nowhere, and one that is too weak is refused."""
    password = "Tr7-kept-in-a-file-Uk"
    remember(password)
    made = operator.json("user", "create", f"bob@{DOMAIN}", "--password-file", "-", stdin=f"{password}\n")
    assert set(made) == {"userName", "name", "objectId"}
    assert "complexity" in operator.fails(1, "user", "create", "eve", "--password-file", "-", stdin="weak\n")
    both = ("--password-file", "-", "--secret-file", str(tmp_path / "a"))
    assert "not both" in operator.fails(2, "user", "create", "eve", *both)


def test_a_domain_that_is_not_the_tenants_is_told_with_those_that_are(operator: Operator) -> None:
    """No request is made that cannot succeed."""
    assert DOMAIN in operator.fails(1, "user", "create", "ann@elsewhere.example")


def test_at_a_terminal_a_deletion_is_asked_about(operator: Operator) -> None:
    """Anything but yes does nothing."""
    remember(operator.json("user", "create", "kay")["userPassword"])
    code, shown = operator.at_terminal("user", "delete", f"kay@{DOMAIN}", types={"[y/N]": "n"})
    assert (code, "nothing was done" in shown) == (1, True)
    code, shown = operator.at_terminal("user", "delete", f"kay@{DOMAIN}", types={"[y/N]": "y"})
    assert (code, "deleted" in shown) == (0, True)


# ---- groups ---------------------------------------------------------------------------------------------------------


def test_a_group_and_its_members(operator: Operator) -> None:
    """Users, service principals and groups are put into it by their names, and taken out."""
    remember(operator.json("user", "create", "gil")["userPassword"])
    worker = operator.json("app", "create", "Grouped")
    made = operator.json("group", "create", "Readers of all", "--description", "who read")
    operator.json("group", "create", "Inner")
    for member in (f"gil@{DOMAIN}", worker["clientId"], "Inner"):
        operator.done("group", "add-member", "Readers of all", member)
    operator.done("group", "add-member", "Inner", "Grouped")
    members = operator.json("group", "members", made["id"])
    assert {(one["displayName"]) for one in members} == {"gil", "Grouped", "Inner"}
    lines = operator.done("group", "members", "Readers of all").splitlines()
    assert [line.split()[0] for line in lines] == ["Name", f"gil@{DOMAIN}", "Grouped", "Inner"]
    assert [line.split()[-1] for line in lines] == ["Type", "User", "ServicePrincipal", "Group"]

    operator.fails(1, "group", "add-member", "Readers of all", f"gil@{DOMAIN}")
    assert operator.json("group", "remove-member", "Readers of all", f"gil@{DOMAIN}")["removed"] is True
    operator.fails(1, "group", "remove-member", "Readers of all", f"gil@{DOMAIN}")
    assert "Readers of all" in table(operator.done("group", "list", "--name", "Readers"))
    operator.done("group", "delete", "Readers of all", "--yes")
    operator.fails(1, "group", "show", "Readers of all")


def test_a_member_that_is_nobody_is_told(operator: Operator) -> None:
    """With the commands that show who there is."""
    operator.json("group", "create", "Empty")
    told = operator.fails(1, "group", "add-member", "Empty", "nobody@nowhere")
    assert "strongroom user list" in told
