"""`strongroom role` and `identity`: transcripts of an Owner, of who was given a role, and of who may not give one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.operators import Operator
from tests.live import Service
from tests.plugins.canary import remember

USER_ROLE = "Key Vault Secrets User"
USER_ROLE_ID = "4633458b-17de-408a-b874-0445c86b69e6"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of its own."""
    with Service(tmp_path_factory.mktemp("roles") / "data") as service:
        remember(service.first["clientSecret"])
        yield service


@pytest.fixture
def operator(live: Service, tmp_path: Path) -> Operator:
    """Be the first application, which owns the subscription."""
    return Operator.of_environment(live, tmp_path / "config")


def vault_of(live: Service) -> str:
    """Give the first vault's name."""
    return live.first["vaultUri"].removeprefix("https://").partition(".")[0]


def made_application(operator: Operator, name: str, tmp_path: Path) -> tuple[dict[str, Any], Operator]:
    """Make an application, and be it."""
    made = operator.json("app", "create", name, "--secret")
    remember(made["clientSecret"])
    other = Operator.of_environment(operator.service, tmp_path / name)
    other.environment |= {"STRONGROOM_CLIENT_ID": made["clientId"], "STRONGROOM_CLIENT_SECRET": made["clientSecret"]}
    return made, other


def secrets_of(live: Service, made: dict[str, Any]) -> int:
    """List the vault's secrets as an application; the status."""
    client = live.client()
    live_first, live.first = live.first, {**live.first, **made}
    try:
        return client.ask("GET", f"{live.first['vaultUri']}secrets?api-version=7.4", token=client.token()).status_code
    finally:
        live.first = live_first
        client.close()


def test_a_role_is_given_and_taken_back(live: Service, operator: Operator, tmp_path: Path) -> None:
    """The vault answers 200 while it is held, and 403 before and after; giving it twice is no fault."""
    made, _ = made_application(operator, "Reader app", tmp_path)
    where = ("--vault", vault_of(live))
    assert secrets_of(live, made) == 403
    given = operator.json("role", "assign", USER_ROLE, "Reader app", *where)
    assert given["properties"]["principalId"] == made["servicePrincipalId"]
    assert secrets_of(live, made) == 200
    again = operator.run("role", "assign", USER_ROLE_ID, made["clientId"], *where)
    assert (again.returncode, "already" in again.stderr) == (0, True)

    listed = operator.json("role", "assignments", *where, "--principal", "Reader app")
    assert [(one["roleName"], one["principalName"], one["name"]) for one in listed] == [
        (USER_ROLE, "Reader app", given["name"])
    ]
    assert "--yes" in operator.fails(2, "role", "unassign", USER_ROLE, "Reader app", *where)
    assert operator.json("role", "unassign", USER_ROLE, "Reader app", *where, "--yes")["ids"] == [given["id"]]
    assert secrets_of(live, made) == 403
    assert "is not given" in operator.fails(1, "role", "unassign", USER_ROLE, "Reader app", *where, "--yes")


def test_a_right_for_the_whole_subscription_has_to_be_said(operator: Operator, tmp_path: Path) -> None:
    """Leaving the place out gives nothing; naming it twice neither."""
    made, _ = made_application(operator, "Somewhere", tmp_path)
    assert "--subscription" in operator.fails(2, "role", "assign", "Reader", made["clientId"])
    both = ("--vault", "a", "--resource-group", "default")
    assert "exclude" in operator.fails(2, "role", "assign", "Reader", made["clientId"], *both)
    assert "--vault" in operator.fails(
        2, "role", "assign", "Reader", made["clientId"], "-g", "default", "--secret", "a"
    )
    subscription = operator.service.first["subscriptionId"]
    given = operator.json("role", "assign", "Reader", made["clientId"], "--subscription", subscription)
    assert given["properties"]["scope"] == f"/subscriptions/{subscription}"
    elsewhere = operator.fails(1, "role", "unassign", "Reader", made["clientId"], "-g", "default", "--yes")
    assert f"but at /subscriptions/{subscription}" in elsewhere


def test_scopes_of_every_size(live: Service, operator: Operator, tmp_path: Path) -> None:
    """A group, a vault and one secret of it are named as people know them."""
    made, _ = made_application(operator, "Scoped", tmp_path)
    group = operator.json("role", "assign", "Reader", "Scoped", "--resource-group", "default")
    secret = operator.json("role", "assign", USER_ROLE, "Scoped", "--vault", vault_of(live), "--secret", "one")
    vault = secret["properties"]["scope"].removesuffix("/secrets/one")
    assert vault.startswith(group["properties"]["scope"])
    below = operator.json("role", "assign", "Reader", "Scoped", "--scope", vault)
    assert below["properties"]["scope"] == vault
    found = operator.json("role", "assignments", "--principal", made["servicePrincipalId"], "--role", "reader")
    assert {one["name"] for one in found} == {group["name"], below["name"]}


def test_a_role_by_a_group_is_found_through_it(operator: Operator, tmp_path: Path) -> None:
    """Only if that is asked for."""
    made_application(operator, "In a group", tmp_path)
    operator.json("group", "create", "Auditors")
    operator.done("group", "add-member", "Auditors", "In a group")
    operator.json("role", "assign", "Reader", "Auditors", "-g", "default")
    principal = ("role", "assignments", "--principal", "In a group")
    assert operator.json(*principal) == []
    assert [one["principalName"] for one in operator.json(*principal, "--through-groups")] == ["Auditors"]
    assert "--principal" in operator.fails(2, "role", "assignments", "--through-groups")


def test_a_role_under_a_condition(live: Service, operator: Operator, tmp_path: Path) -> None:
    """It is kept with it; the same role under another condition is not taken for the same."""
    made_application(operator, "Conditional", tmp_path)
    condition = "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'one'"
    line = ("role", "assign", USER_ROLE, "Conditional", "--vault", vault_of(live))
    given = operator.json(*line, "--condition", condition, "--description", "one alone")
    assert (given["properties"]["condition"], given["properties"]["description"]) == (condition, "one alone")
    assert operator.json(*line, "--condition", condition)["name"] == given["name"]
    assert "another condition" in operator.fails(1, *line)
    assert operator.fails(1, *line, "--condition", "nonsense")


def test_a_role_that_is_not_is_told_with_those_that_are_alike(operator: Operator) -> None:
    """Whoever mistypes a name gets the right one told."""
    told = operator.fails(1, "role", "assign", "Key Vault Secret User", "anybody", "-g", "default")
    assert USER_ROLE in told
    assert [one["name"] for one in operator.json("role", "list", "--name", USER_ROLE.lower())] == [USER_ROLE_ID]
    assert operator.json("role", "list", "--custom") == []


def test_somebody_who_may_not_give_roles_is_refused(live: Service, operator: Operator, tmp_path: Path) -> None:
    """A Reader reads the assignments, with ids for the names that it may not read, and gives none: exit code 4."""
    made, reader = made_application(operator, "Only a reader", tmp_path)
    operator.json("role", "assign", "Reader", "Only a reader", "--subscription", live.first["subscriptionId"])
    listed = reader.json("role", "assignments", "--principal", made["servicePrincipalId"])
    assert [(one["roleName"], one["principalName"]) for one in listed] == [("Reader", made["servicePrincipalId"])]
    told = reader.fails(4, "role", "assign", "Owner", made["servicePrincipalId"], "-g", "default")
    assert "strongroom explain" in told


# ---- identities -----------------------------------------------------------------------------------------------------


def test_an_identity_from_its_making_to_its_end(operator: Operator) -> None:
    """It is found by name and ids, may be given a role, and is deleted for good."""
    made = operator.json("identity", "create", "runner")
    properties = made["properties"]
    for name in ("runner", properties["clientId"], properties["principalId"]):
        assert operator.json("identity", "show", name)["id"] == made["id"]
    names = [line.split()[0] for line in operator.done("identity", "list", "-g", "default").splitlines()]
    assert names == ["Name", "default", "runner"]
    given = operator.json("role", "assign", "Reader", "runner", "-g", "default")
    assert given["properties"]["principalId"] == properties["principalId"]
    assert "already" in operator.fails(1, "identity", "create", "runner")
    assert operator.json("identity", "delete", "runner", "--yes")["id"] == made["id"]
    assert "there is no identity" in operator.fails(1, "identity", "show", "runner")


def test_a_federated_credential_of_an_identity(operator: Operator) -> None:
    """It says who may be the identity, is not overwritten, and is removed."""
    operator.json("identity", "create", "deployer")
    words = ("--name", "from-ci", "--issuer", "https://ci.example", "--subject", "repo:shop:main")
    made = operator.json("identity", "federated", "add", "deployer", *words)
    assert made["properties"]["audiences"] == ["api://AzureADTokenExchange"]
    assert "already" in operator.fails(1, "identity", "federated", "add", "deployer", *words)
    listed = operator.json("identity", "federated", "list", "deployer")
    assert [one["properties"]["subject"] for one in listed] == ["repo:shop:main"]
    assert operator.json("identity", "federated", "remove", "deployer", "from-ci", "--yes")["id"] == listed[0]["id"]
    assert operator.json("identity", "federated", "list", "deployer") == []
    operator.fails(1, "identity", "federated", "remove", "deployer", "from-ci", "--yes")
