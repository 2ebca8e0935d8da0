"""A file applied to an instance: every request with the operator's own token, through every step of the service."""

from __future__ import annotations

import json
import secrets as chance
from pathlib import Path
from typing import Any

import pytest

from strongroom.cli.seed import show
from strongroom.cli.seed.export import write_yaml
from strongroom.cli.seed.reading import Invalid
from tests import seeding
from tests.flow.seeds import fresh, group, name, settled, steps
from tests.plugins import canary
from tests.world import Simulation

__all__ = ["fresh"]


EXAMPLE = Path("examples/seed")


# ---- the whole ------------------------------------------------------------------------------------------------------


def test_the_example(fresh: Simulation) -> None:
    """The example is applied, a second time it changes nothing, and an export of what it made is as it is too."""
    text = (EXAMPLE / "shop.yaml").read_text(encoding="utf-8")
    value = chance.token_hex(12)
    canary.remember(value)
    how: dict[str, Any] = {"folder": EXAMPLE, "environment": {"SHOP_API_KEY": value}}
    plan, outcome = seeding.apply(fresh, text, **how)
    settled(outcome)
    assert len(plan.changes) == 33
    told = (fresh.folder / "credentials").read_text(encoding="utf-8").splitlines()
    for line in told:
        canary.remember(json.loads(line)["password"])
    assert len(told) == 2
    again = seeding.plan(fresh, text, **how)
    assert (steps(again), again.unchanged) == ([], 33)
    made = seeding.export(fresh)
    assert [one.partition(":")[0] for one in made.left_out] == [
        f"the {noun} of vault shop-archive"
        for noun in ("secrets", "keys", "certificate contacts", "certificate issuers", "certificates")
    ]  # fmt: skip
    assert steps(seeding.plan(fresh, write_yaml(made.document))) == []
    assert value not in write_yaml(made.document)


@pytest.mark.parametrize("values", [False, True])
def test_an_export_says_what_stays_behind(values: bool) -> None:  # noqa: FBT001  a parameter of the test
    """Whoever keeps an export as a copy is told in its first lines what it is no copy of."""
    first = [line for line in write_yaml({"version": 1}, values=values).splitlines() if line.startswith("#")]
    told = " ".join(line.removeprefix("# ") for line in first)
    assert "their private keys are not" in told
    assert "Private CAs, ACME accounts, guardrails, audit sinks" in told


def test_export_can_be_json(world: Simulation) -> None:
    """An export is the same in JSON, and `apply` takes it as well."""
    made = seeding.export(world)
    assert seeding.load(write_yaml(made.document)) == json.loads(json.dumps(made.document))
    assert steps(seeding.plan(world, made.document)) == []


# ---- changes --------------------------------------------------------------------------------------------------------


def test_a_vault_changes_where_the_file_says_so(world: Simulation) -> None:
    """What the file says of a vault becomes so, the rest stays, and its fixed parts are told beforehand."""
    vault = name("v")
    first = {
        "name": vault,
        "enableRbacAuthorization": True,
        "tags": {"a": "1"},
        "softDeleteRetentionInDays": 20,
        "networkAcls": {"defaultAction": "Deny", "ipRules": ["203.0.113.7", "2001:db8::/64"]},
    }
    settled(seeding.apply(world, group([first]))[1])
    second = {"name": vault.upper(), "tags": {"b": "2"}, "networkAcls": {"ipRules": ["203.0.113.7/32"]}}
    otherwise = group([second])
    otherwise["resourceGroups"][0]["name"] = "DEFAULT"
    plan, outcome = seeding.apply(world, otherwise)
    settled(outcome)
    assert list(show.plan_lines(plan)) == [
        f"~ vault {vault}",
        "    tags: a=1 -> b=2",
        "    networkAcls.ipRules: 203.0.113.7/32, 2001:db8::/64 -> 203.0.113.7/32",
    ]
    made = world.view.vault_by_name(vault)
    assert made is not None
    assert made.network_acls is not None
    assert (made.tags, made.retention_days, made.network_acls.default_action) == ({"b": "2"}, 20, "Deny")
    assert made.network_acls.ip_rules == ("203.0.113.7/32",)
    never = seeding.plan(world, group([{"name": vault, "softDeleteRetentionInDays": 21}]))
    assert (steps(never), len(never.impossible)) == ([], 1)


def test_members_are_those_of_the_file(world: Simulation) -> None:
    """Who is not named is taken out of a group, and who is named comes in; groups that say no members keep theirs."""
    people = [f"{name('u')}@strongroom.localhost" for _ in range(3)]
    team = name("team")
    users = [{"userPrincipalName": one, "password": {"generate": {"length": 24}}} for one in people]

    def file(*members: str) -> dict[str, Any]:
        return {
            "version": 1,
            "users": users,
            "groups": [{"displayName": team, "members": [{"user": one} for one in members]}],
        }

    settled(seeding.apply(world, file(*people[:2]))[1])
    plan, outcome = seeding.apply(world, file(people[1].upper(), people[2]))
    settled(outcome)
    assert steps(plan) == [f"change members of group {team}"]
    assert steps(seeding.plan(world, file(people[2], people[1]))) == []
    assert steps(seeding.plan(world, {"version": 1, "groups": [{"displayName": team}]})) == []
    for line in (world.folder / "credentials").read_text(encoding="utf-8").splitlines():
        canary.remember(json.loads(line)["password"])


def test_an_application_changes(world: Simulation) -> None:
    """Of an application's parts each can change; an app role that stays keeps its id, one that goes is gone."""
    app = name("app")

    def file(roles: list[str], **more: object) -> dict[str, Any]:
        said = [{"value": one, "displayName": one, "description": one, "allowedMemberTypes": ["User"]} for one in roles]
        return {"version": 1, "applications": [{"displayName": app, "appRoles": said, "servicePrincipal": {}, **more}]}

    def role_ids() -> dict[str, str]:
        with seeding.session(world) as session:
            (found,) = (one for one in session.graph_pages("/applications") if one["displayName"] == app)
        return {role["value"]: role["id"] for role in found["appRoles"]}

    settled(seeding.apply(world, file(["A.Read", "B.Read"], redirectUris={"web": ["https://a.example/x"]}))[1])
    before = role_ids()
    changed = file(["B.Read", "C.Read"], redirectUris={"spa": ["https://b.example/y"]}, notes="n")
    plan, outcome = seeding.apply(world, changed)
    settled(outcome)
    assert steps(plan) == [f"change application {app}"]
    after = role_ids()
    assert after.keys() == {"B.Read", "C.Read"}
    assert after["B.Read"] == before["B.Read"]
    assert steps(seeding.plan(world, changed)) == []


def test_rights_change(world: Simulation) -> None:
    """An assignment's condition and description can change, and a custom role's actions; both keep their ids."""
    role, identity = name("role"), name("id")

    def file(actions: list[str], description: str) -> dict[str, Any]:
        return {
            **group(identities=[{"name": identity}]),
            "roleDefinitions": [{"name": role, "dataActions": actions}],
            "roleAssignments": [
                {
                    "principal": {"identity": f"default/{identity}"},
                    "role": role,
                    "scope": {"resourceGroup": "DEFAULT"},
                    "description": description,
                }
            ],
            "denyAssignments": [
                {
                    "name": role,
                    "scope": {"subscription": True},
                    "dataActions": actions,
                    "principals": [{"identity": f"default/{identity}"}],
                    "description": description,
                }
            ],
        }

    get, update = (f"Microsoft.KeyVault/vaults/secrets/{word}/action" for word in ("getSecret", "update"))
    settled(seeding.apply(world, file([get], "one"))[1])
    plan, outcome = seeding.apply(world, file([get, update], "two"))
    settled(outcome)
    assert [change.act for change in plan.changes] == ["change"] * 3
    assert steps(seeding.plan(world, file([update, get], "two"))) == []


def test_networks_and_where_they_are(world: Simulation) -> None:
    """Networks, endpoints and what the operator says of them are made, changed, and removed with their lists."""
    network, endpoint = name("net"), name("pe")
    subnets = [{"name": "one", "addressPrefixes": ["10.1.1.0/24"]}, {"name": "two", "addressPrefixes": ["10.1.2.0/24"]}]

    def file(subnets: list[dict[str, Any]], ranges: list[str]) -> dict[str, Any]:
        return {
            **group(
                virtualNetworks=[{"name": network, "addressPrefixes": ["10.1.0.0/16"], "subnets": subnets}],
                privateEndpoints=[
                    {
                        "name": endpoint,
                        "subnet": f"default/{network}/one",
                        "connection": {"name": "c", "vault": world.vault.name},
                    }
                ],
            ),
            "networkMaps": [{"virtualNetwork": f"default/{network}", "ranges": ranges}],
        }

    settled(seeding.apply(world, file(subnets, ["198.51.100.1"]))[1])
    plan, outcome = seeding.apply(world, file(subnets[:1], ["198.51.100.0/24"]))
    settled(outcome)
    assert steps(plan) == [f"change virtual network default/{network}", f"change network map default/{network}"]
    gone = {**group(virtualNetworks=[], privateEndpoints=[]), "networkMaps": []}
    plan, outcome = seeding.apply(world, gone, prune=True)
    settled(outcome)
    assert f"delete private endpoint default/{endpoint}" in steps(plan)
    assert world.ask("GET", "http://control/network-maps", link=seeding.Link.CONTROL, host="control").json == {
        "value": []
    }


def test_what_leads_nowhere_is_exported_too(world: Simulation) -> None:
    """An endpoint of a deleted vault, a rule for a subnet that is no more, an application of elsewhere: as they are."""
    deleted, vault, network, gone, endpoint = name("v"), name("v"), name("net"), name("net"), name("pe")
    foreign, nobody = (f"11111111-2222-4333-8444-{number:012}" for number in (1, 2))
    rule = {"subnet": f"default/{gone}/one", "ignoreMissingVnetServiceEndpoint": True}
    policy = {"principal": {"objectId": nobody}, "application": foreign, "permissions": {"secrets": ["get"]}}
    subnets = [{"name": "one", "addressPrefixes": ["10.9.1.0/24"]}]
    file = group(
        [
            {"name": deleted},
            {"name": vault, "networkAcls": {"virtualNetworkRules": [rule]}, "accessPolicies": [policy]},
        ],
        virtualNetworks=[
            {"name": one, "addressPrefixes": ["10.9.0.0/16"], "subnets": subnets} for one in (network, gone)
        ],
        privateEndpoints=[
            {"name": endpoint, "subnet": f"default/{network}/one", "connection": {"name": "c", "vault": deleted}}
        ],
    )
    settled(seeding.apply(world, file)[1])
    with seeding.reaching(world) as reach:
        reach.session.arm("DELETE", reach.find("vault", deleted)["id"], api_version="2024-11-01")
        reach.session.arm("DELETE", reach.resource("virtualNetwork", f"default/{gone}"), api_version="2024-05-01")
    made = seeding.export(world)
    assert steps(seeding.plan(world, made.document)) == []
    text = write_yaml(made.document)
    assert f"/virtualnetworks/{gone}/subnets/one" in text
    assert foreign in text


def test_locks(fresh: Simulation) -> None:
    """Locks come after what they hold, hold what the file changes later, and go before everything else."""
    world = fresh
    vault, home = name("v"), name("rg")
    inside = {"name": vault, "enableRbacAuthorization": True}
    place: dict[str, Any] = {"name": home, "location": "local", "vaults": [inside]}
    keep = {"name": "keep #1", "scope": {"vault": vault}, "level": "CanNotDelete", "notes": "It is needed."}
    fixed = {"name": "fixed", "scope": {"resourceGroup": home}, "level": "ReadOnly"}
    file: dict[str, Any] = {"version": 1, "locks": [fixed, keep], "resourceGroups": [place]}
    plan, outcome = seeding.apply(world, file)
    settled(outcome)
    assert steps(plan)[-2:] == [
        f"create lock fixed at resource group {home}",
        f"create lock keep #1 at vault {vault}",
    ]
    assert steps(seeding.plan(world, file)) == []
    assert keep in seeding.export(world).document["locks"]

    inside["tags"] = {"a": "b"}
    (failed,) = seeding.apply(world, file)[1].failed
    assert "take the lock away" in failed.message
    del inside["tags"]

    keep["notes"], fixed["level"] = "It is still needed.", "CanNotDelete"
    plan, outcome = seeding.apply(world, file)
    settled(outcome)
    assert len(plan.changes) == 2
    place["vaults"], file["locks"] = [], []
    assert steps(seeding.plan(world, file)) == []
    plan, outcome = seeding.apply(world, file, prune=True)
    settled(outcome)
    assert steps(plan)[:3] == [
        f"delete lock fixed at resource group {home}",
        f"delete lock keep #1 at vault {vault}",
        f"delete vault {vault}",
    ]


def test_what_can_be_locked(world: Simulation) -> None:
    """A lock is on anything of a subscription, by its name, and tells of its owners."""
    app, net = name("app"), name("net")
    file = {
        **group(virtualNetworks=[{"name": net, "addressPrefixes": ["10.9.0.0/16"]}]),
        "applications": [{"displayName": app}],
        "locks": [
            {"name": name("l"), "scope": {"subscription": True}, "level": "CanNotDelete", "owners": [app]},
            {"name": name("l"), "scope": {"virtualNetwork": f"default/{net}"}, "level": "CanNotDelete"},
        ],
    }
    settled(seeding.apply(world, file)[1])
    assert steps(seeding.plan(world, file)) == []
    made = seeding.export(world).document["locks"]
    assert all(one in made for one in file["locks"])
    settled(seeding.apply(world, {"version": 1, "locks": []}, prune=True)[1])
    assert "locks" not in seeding.export(world).document


def test_names_that_have_to_be_quoted(fresh: Simulation) -> None:
    """A group's name may have brackets: in paths they are quoted, and in ids they are as they stand."""
    home, net = "a(b)", name("net")
    subnet = {"name": "main", "addressPrefixes": ["10.9.1.0/24"]}
    vault = {"name": name("v"), "networkAcls": {"virtualNetworkRules": [_rule(f"{home}/{net}/main")]}}
    file = {
        "version": 1,
        "resourceGroups": [
            {
                "name": home,
                "location": "local",
                "identities": [{"name": "runner"}],
                "virtualNetworks": [{"name": net, "addressPrefixes": ["10.9.0.0/16"], "subnets": [subnet]}],
                "vaults": [vault],
            }
        ],
        "networkMaps": [{"virtualNetwork": f"{home}/{net}", "ranges": ["192.0.2.0/24"]}],
        "roleDefinitions": [{"name": "R", "actions": ["*/read"], "assignableScopes": [{"resourceGroup": home}]}],
        "roleAssignments": [
            {"principal": {"identity": f"{home}/runner"}, "role": "Reader", "scope": {"resourceGroup": home}}
        ],
        "locks": [{"name": "keep", "level": "CanNotDelete", "scope": {"virtualNetwork": f"{home}/{net}"}}],
    }
    settled(seeding.apply(fresh, file)[1])
    assert steps(seeding.plan(fresh, file)) == []
    assert steps(seeding.plan(fresh, write_yaml(seeding.export(fresh).document))) == []


def _rule(subnet: str) -> dict[str, Any]:
    return {"subnet": subnet, "ignoreMissingVnetServiceEndpoint": True}


def test_tenants_are_the_operators(world: Simulation) -> None:
    """A tenant is made over the control socket; without it the file is refused before anything is done."""
    domain = f"{name('t')}.example"
    file = {"version": 1, "tenants": [{"domain": domain, "displayName": "Other", "subscription": True}]}
    with pytest.raises(Invalid, match="are the instance operator's"):
        seeding.plan(world, file, operator=False)
    settled(seeding.apply(world, file)[1])
    told = [json.loads(line) for line in (world.folder / "credentials").read_text(encoding="utf-8").splitlines()]
    (made,) = (one for one in told if one.get("tenant") == domain)
    canary.remember(made["password"])
    assert made["userPrincipalName"] == f"admin@{domain}"
    renamed = {"version": 1, "tenants": [{"domain": domain, "displayName": "Renamed"}]}
    settled(seeding.apply(world, renamed)[1])
    assert steps(seeding.plan(world, renamed)) == []
    assert steps(seeding.plan(world, {"version": 1, "tenants": []}, prune=True)) == []
