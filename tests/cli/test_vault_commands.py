"""`strongroom vault` and `strongroom network-rule`, as an operator types them at a real service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.operators import Operator
from tests.live import Service
from tests.plugins.canary import remember

SUBNET = "/subscriptions/{}/resourceGroups/default/providers/Microsoft.Network/virtualNetworks/net/subnets/one"


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run a service, and be its first application."""
    folder = tmp_path_factory.mktemp("vaults")
    with Service(folder / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        yield Operator.of_environment(service, folder / "config")


def test_a_vaults_life(operator: Operator) -> None:
    """Made, shown, changed, deleted, recovered, deleted and purged: each step is seen by the next."""
    made = operator.json(
        "vault", "create", "life", "--retention-days", "7", "--tag", "team=red", "--for-deployment", "--access-policies"
    )
    properties = made["properties"]
    assert (properties["softDeleteRetentionInDays"], properties["enabledForDeployment"], made["tags"]) == (
        7, True, {"team": "red"},
    )  # fmt: skip
    assert properties["enableRbacAuthorization"] is False
    assert "already: strongroom vault update" in operator.fails(1, "vault", "create", "LIFE")
    changed = operator.json("vault", "update", "Life", "--rbac", "--tag", "team=blue", "--tag", "a=b")
    assert changed["properties"]["enableRbacAuthorization"] is True
    assert changed["tags"] == {"team": "blue", "a": "b"}
    assert operator.json("vault", "update", "life", "--no-tags", "--no-for-deployment")["tags"] == {}
    assert operator.json("vault", "show", "life")["properties"]["enabledForDeployment"] is False
    operator.done("vault", "update", "life", "--tag", "kept=yes")
    told = operator.fails(2, "vault", "delete", "life")
    assert "add --yes" in told
    assert "strongroom vault recover life" in operator.run("vault", "delete", "life", "--yes").stderr
    assert [one["name"] for one in operator.json("vault", "list-deleted")] == ["life"]
    back = operator.json("vault", "recover", "life")
    assert (back["properties"]["softDeleteRetentionInDays"], back["tags"]) == (7, {"kept": "yes"})
    assert operator.json("vault", "list-deleted") == []
    operator.done("vault", "delete", "life", "--yes")
    assert "add --yes" in operator.fails(2, "vault", "purge", "life")
    operator.done("vault", "purge", "life", "--yes")
    assert "there is no deleted vault called life" in operator.fails(1, "vault", "purge", "life", "--yes")
    assert operator.json("vault", "list-deleted") == []


def test_tables(operator: Operator) -> None:
    """A header and a line for each in a list; a line for each fact of one; nothing is cut off where nobody looks."""
    first = operator.service.first
    lines = operator.done("vault", "list").splitlines()
    assert lines[0].split() == ["name", "group", "location", "sku", "permissions", "network"]
    (line,) = [one for one in lines if one.startswith(first["vaultName"])]
    assert line.split() == [first["vaultName"], "default", "local", "standard", "roles", "everybody"]
    shown = operator.done("vault", "show", first["vaultName"])
    assert first["vaultUri"] in shown
    nothing = operator.run("vault", "list-deleted")
    assert (nothing.stdout, nothing.stderr) == ("", "none\n")


def test_a_question_at_a_terminal(operator: Operator) -> None:
    """What cannot simply be undone is asked for there, and anything but yes does nothing."""
    operator.done("vault", "create", "asked")
    question = "Delete the vault asked, with all that is in it? [y/N]"
    code, shown = operator.at_terminal("vault", "delete", "asked", types={question: "n"})
    assert (code, "nothing was done" in shown) == (1, True), shown
    operator.done("vault", "show", "asked")
    code, shown = operator.at_terminal("vault", "delete", "asked", types={question: "y"})
    assert code == 0, shown
    assert "asked is deleted" in shown


def test_names_that_are_near(operator: Operator) -> None:
    """A name that nothing has is told with those that are like it; what cannot be a name is wrong usage."""
    name = operator.service.first["vaultName"]
    assert f"there is {name}" in operator.fails(1, "vault", "show", f"{name}x")
    assert "none" in operator.fails(1, "vault", "list", "-g", "none")
    assert "cannot be a vault's name" in operator.fails(2, "vault", "create", "a.b")
    assert "is no tag" in operator.fails(2, "vault", "create", "tagged", "--tag", "x")
    assert "say what is to be changed" in operator.fails(2, "vault", "update", name)
    assert "there is no resource group called none" in operator.fails(1, "vault", "create", "in-none", "-g", "none")


def test_a_vaults_firewall(operator: Operator) -> None:
    """Addresses and settings come and go; a rule that has no effect is told of, one that is not there is refused."""
    operator.done("vault", "create", "walled")
    added = operator.run("network-rule", "add", "walled", "--ip", "203.0.113.0/24", "--ip", "198.51.100.7", "--json")
    assert added.returncode == 0, added.stderr
    assert "--default-action Deny" in added.stderr
    (rules,) = operator.json("network-rule", "add", "walled", "--default-action", "Deny", "--bypass", "None")
    assert (rules["defaultAction"], rules["bypass"]) == ("Deny", "None")
    assert [one["value"] for one in rules["ipRules"]] == ["203.0.113.0/24", "198.51.100.7/32"]
    table = operator.done("network-rule", "list", "walled").splitlines()
    assert [line.split() for line in table if line.startswith("address")] == [
        ["address", "203.0.113.0/24"], ["address", "198.51.100.7/32"],
    ]  # fmt: skip
    assert "there is no rule for the address" in operator.fails(
        1, "network-rule", "remove", "walled", "--ip", "10.0.0.1"
    )
    (rules,) = operator.json("network-rule", "remove", "walled", "--ip", "198.51.100.7")
    assert [one["value"] for one in rules["ipRules"]] == ["203.0.113.0/24"]
    assert "say which rules" in operator.fails(2, "network-rule", "add", "walled")
    # What the service says of a rule that cannot be is told, and nothing is changed.
    assert "10.0.0.0/33" in operator.fails(1, "network-rule", "add", "walled", "--ip", "10.0.0.0/33")
    # This machine is outside now, and the refusal says which rule would let it in.
    told = operator.fails(4, "secret", "list", "walled")
    assert "strongroom network-rule add walled --ip 127.0.0.1" in told


def test_subnets(operator: Operator) -> None:
    """A subnet is let in by its id, and out again whatever the case."""
    service = operator.service
    subnet = SUBNET.format(service.first["subscriptionId"])
    client = service.client()
    token = client.token("https://management.azure.com")
    network = {
        "location": "local",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
            "subnets": [{
                "name": "one",
                "properties": {
                    "addressPrefix": "10.1.0.0/24", "serviceEndpoints": [{"service": "Microsoft.KeyVault"}],
                },
            }],
        },
    }  # fmt: skip
    url = f"{service.first['armUri']}{subnet.removesuffix('/subnets/one')}?api-version=2024-05-01"
    assert client.ask("PUT", url, token=token, json=network).status_code in {200, 201}
    client.close()
    operator.done("vault", "create", "netted")
    (rules,) = operator.json("network-rule", "add", "netted", "--subnet", subnet)
    assert [one["id"].lower() for one in rules["virtualNetworkRules"]] == [subnet.lower()]
    (again,) = operator.json("network-rule", "add", "netted", "--subnet", subnet.upper(), "--default-action", "Deny")
    assert len(again["virtualNetworkRules"]) == 1
    (rules,) = operator.json("network-rule", "remove", "netted", "--subnet", subnet.upper())
    assert rules["virtualNetworkRules"] == []


def test_access_policies(operator: Operator) -> None:
    """Given, replaced and taken away; a template gives what Azure's does, and a word that is none is refused."""
    who = operator.service.first["objectId"]
    operator.done("vault", "create", "by-policies", "--access-policies")
    operator.done("access-policies", "set", "by-policies", who, "--secret", "get", "--secret", "list")
    (policy,) = operator.json("access-policies", "list", "by-policies")
    assert {word.lower() for word in policy["permissions"]["secrets"]} == {"get", "list"}
    (policy,) = operator.json("access-policies", "set", "by-policies", who.upper(), "--key", "get")
    assert "secrets" not in policy["permissions"]
    templates = operator.json("access-policies", "templates")
    name = next(name for name, words in templates.items() if words.get("secrets"))
    (policy,) = operator.json("access-policies", "set", "by-policies", who, "--template", name.upper())
    assert len(policy["permissions"]["secrets"]) == len(templates[name]["secrets"])
    assert "there is no template" in operator.fails(2, "access-policies", "set", "by-policies", who, "--template", "x")
    assert "say what is given" in operator.fails(2, "access-policies", "set", "by-policies", who)
    assert "fly" in operator.fails(1, "access-policies", "set", "by-policies", who, "--secret", "fly")
    assert operator.json("access-policies", "remove", "by-policies", who) == []
    assert "has no policy there" in operator.fails(1, "access-policies", "remove", "by-policies", who)
    by_roles = operator.run("access-policies", "set", operator.service.first["vaultName"], who, "--secret", "get")
    assert "count for nothing" in by_roles.stderr
