"""A file applied to an instance: every request with the operator's own token, through every step of the service."""

from __future__ import annotations

import json
import secrets as chance
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.cli.outcome import Exit
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.seed import show
from strongroom.cli.seed.apply import Outcome
from strongroom.cli.seed.export import write_yaml
from strongroom.cli.seed.plan import Plan
from strongroom.cli.seed.reading import Invalid
from tests import seeding
from tests.plugins import canary
from tests.world import Principal, Simulation

EXAMPLE = Path("examples/seed")
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"


def name(prefix: str = "a") -> str:
    """Make a name that nothing else has."""
    return f"{prefix}-{chance.token_hex(5)}"


def steps(plan: Plan) -> list[str]:
    """Give a plan's steps."""
    return [f"{change.act.value} {show.call(change.item)}" for change in plan.changes]


def settled(outcome: Outcome) -> Outcome:
    """See that everything was done."""
    assert not outcome.failed, outcome.failed
    assert not outcome.untried
    return outcome


def group(vaults: object = None, **members: object) -> dict[str, Any]:
    """Make a file of one resource group."""
    lists = members if vaults is None else {"vaults": vaults, **members}
    return {"version": 1, "resourceGroups": [{"name": "default", "location": "local", **lists}]}


def secret_file(world: Simulation, *secrets: dict[str, Any]) -> dict[str, Any]:
    """Make a file of secrets in the first vault."""
    return group([{"name": world.vault.name, "secrets": list(secrets)}])


def read(world: Simulation, secret: str) -> Any:
    """Read a secret as the administrator."""
    token = world.token(world.administrator)
    answer = world.ask("GET", f"{world.vault_url}/secrets/{secret}?api-version=7.4", token=token)
    if answer.status == 200:
        canary.remember(answer.json["value"])
    return answer.json


def key_of(world: Simulation, key: str) -> Any:
    """Look at a key as the administrator."""
    token = world.token(world.administrator)
    return world.ask("GET", f"{world.vault_url}/keys/{key}?api-version=7.4", token=token).json


# ---- the whole ------------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Simulation]:
    """Make an instance that nothing was done to."""
    simulation = Simulation(tmp_path)
    yield simulation
    simulation.close()


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


# ---- secrets --------------------------------------------------------------------------------------------------------


def test_a_made_value_is_kept(world: Simulation) -> None:
    """A value is made once; applied again it stays, whatever else of the secret changes."""
    secret = name("s")
    settled(seeding.apply(world, secret_file(world, {"name": secret, "value": {"generate": {}}}))[1])
    value = read(world, secret)["value"]
    assert len(value) == 32
    changed = {"name": secret, "value": {"generate": {"length": 50}}, "tags": {"a": "b"}, "enabled": True}
    plan, outcome = seeding.apply(world, secret_file(world, changed))
    settled(outcome)
    assert [one.name for one in plan.changes[0].differences] == ["tags"]
    after = read(world, secret)
    assert (after["value"], after["tags"]) == (value, {"a": "b"})


def test_a_value_of_the_environment_is_compared(world: Simulation) -> None:
    """Another value is a new version with the attributes of the old one; the same value is nothing to do."""
    secret, old, new = name("s"), chance.token_hex(16), chance.token_hex(16)
    canary.remember(old)
    canary.remember(new)
    full = {"name": secret, "value": {"env": "V"}, "contentType": "text", "expires": "2030-01-01T00:00:00Z"}
    settled(seeding.apply(world, secret_file(world, full), environment={"V": old})[1])
    short = secret_file(world, {"name": secret, "value": {"env": "V"}})
    assert steps(seeding.plan(world, short, environment={"V": old})) == []
    plan, outcome = seeding.apply(world, short, environment={"V": new})
    settled(outcome)
    assert list(show.plan_lines(plan)) == [f"~ secret {world.vault.name}/{secret}", "    value: changed"]
    after = read(world, secret)
    assert (after["value"], after["contentType"], after["attributes"]["exp"]) == (new, "text", 1893456000)


def test_a_disabled_secret_is_left_as_it_is(world: Simulation) -> None:
    """Nobody can read a disabled secret, so its value cannot be compared; it stays until it is enabled."""
    secret, value = name("s"), chance.token_hex(16)
    canary.remember(value)
    file = secret_file(world, {"name": secret, "value": {"env": "V"}, "enabled": False})
    settled(seeding.apply(world, file, environment={"V": value})[1])
    assert steps(seeding.plan(world, file, environment={"V": "another-value"})) == []


def test_there_is_nothing_to_keep(world: Simulation) -> None:
    """A file that keeps a value which is not there is not valid, and the line is told."""
    file = secret_file(world, {"name": name("s"), "value": {"keep": True}})
    with seeding.reaching(world) as reach:
        wanted = seeding.read_wanted(seeding.read_document(json.dumps(file).encode()), reach)
        (fault,) = seeding.missing(seeding.compare(wanted, reach, prune=False), reach)
    assert fault.message == "there is no value to keep: say where it comes from instead of `keep: true`"


def test_a_key_is_made_once(world: Simulation) -> None:
    """A vault makes a key that is not there; applied again it stays, and only what is said of it changes."""
    key = name("k")
    said = {
        "name": key,
        "type": "EC",
        "curve": "P-256",
        "operations": ["sign"],
        "rotationPolicy": {"rotateAfter": "P90D"},
    }
    file = group([{"name": world.vault.name, "keys": [said]}])
    plan, outcome = seeding.apply(world, file)
    settled(outcome)
    assert steps(plan) == [f"create key {world.vault.name}/{key}"]
    assert steps(seeding.plan(world, file)) == []
    made = key_of(world, key)
    changed = {**said, "tags": {"a": "b"}, "rotationPolicy": {"rotateAfter": "P60D", "expiresAfter": "P1Y"}}
    plan, outcome = seeding.apply(world, group([{"name": world.vault.name, "keys": [changed]}]))
    settled(outcome)
    assert [one.name for one in plan.changes[0].differences] == ["tags", "rotationPolicy"]
    after = key_of(world, key)
    assert (after["key"]["kid"], after["tags"]) == (made["key"]["kid"], {"a": "b"})
    vaults = [one for group in seeding.export(world).document["resourceGroups"] for one in group.get("vaults", ())]
    written = [one for vault in vaults for one in vault.get("keys", ()) if one["name"] == key]
    assert written == [changed]


def test_a_key_keeps_its_kind(world: Simulation) -> None:
    """Another kind, size or curve would be another key: the plan says that it cannot be."""
    key = name("k")
    settled(seeding.apply(world, group([{"name": world.vault.name, "keys": [{"name": key, "type": "EC"}]}]))[1])
    plan = seeding.plan(world, group([{"name": world.vault.name, "keys": [{"name": key, "type": "oct"}]}]))
    assert [item.name for item, _ in plan.impossible] == [f"{world.vault.name}/{key}"]


def test_a_client_secret_is_put_where_it_is_needed(world: Simulation) -> None:
    """A client secret is made once and goes into a vault, where it signs in; nothing else has it."""
    app, secret = name("app"), name("s")
    place = {"vault": world.vault.name, "secret": secret}
    file = {
        "version": 1,
        "applications": [
            {"displayName": app, "servicePrincipal": {}, "passwords": [{"displayName": "web", "store": place}]}
        ],
    }
    settled(seeding.apply(world, file)[1])
    assert steps(seeding.plan(world, file)) == []
    kept = read(world, secret)
    with seeding.session(world) as session:
        (found,) = (one for one in session.graph_pages("/applications") if one["displayName"] == app)
    assert kept["attributes"]["exp"] == int(world.clock()) + 90 * 86_400
    assert world.token(Principal("", found["appId"], found["id"], kept["value"]))


def test_a_client_secret_that_ended_is_made_again(world: Simulation) -> None:
    """While one of its name is good no other is made; when it has ended, the next run makes one."""
    app = name("app")
    asked = {"displayName": "web", "days": 1, "store": {"vault": world.vault.name, "secret": name("s")}}
    file = {"version": 1, "applications": [{"displayName": app, "passwords": [asked]}]}
    settled(seeding.apply(world, file)[1])
    assert steps(seeding.plan(world, file)) == []
    world.advance(86_401)
    assert steps(seeding.plan(world, file)) == [f"create client secret {app}: web"]


def test_a_client_secret_that_cannot_be_kept_is_taken_back(world: Simulation) -> None:
    """Where the vault takes no secret, the application has none that nobody knows, and the next run makes another."""
    app, deleted = name("app"), name("s")
    settled(seeding.apply(world, secret_file(world, {"name": deleted, "value": {"generate": {}}}))[1])
    settled(seeding.apply(world, secret_file(world), prune=False)[1])
    token = world.token(world.administrator)
    assert world.ask("DELETE", f"{world.vault_url}/secrets/{deleted}?api-version=7.4", token=token).status == 200
    place = {"vault": world.vault.name, "secret": deleted}
    file = {"version": 1, "applications": [{"displayName": app, "passwords": [{"displayName": "web", "store": place}]}]}
    _, outcome = seeding.apply(world, file)
    (failure,) = outcome.failed
    assert "ObjectIsDeletedButRecoverable" in failure.message
    assert "recover it" in failure.message
    with seeding.session(world) as session:
        (found,) = (one for one in session.graph_pages("/applications") if one["displayName"] == app)
    assert found["passwordCredentials"] == []


# ---- what is refused ------------------------------------------------------------------------------------------------


def test_names_that_mean_nothing(world: Simulation) -> None:
    """Every name that neither the instance nor the file has is told with its line, before anything is asked for."""
    text = """\
version: 1
groups:
  - displayName: a-new-group
    members:
      - { user: nobody@strongroom.localhost }
      - { group: a-new-group }
applications:
  - { displayName: without-principal }
roleAssignments:
  - principal: { application: without-principal }
    role: No such role
    scope: { vault: nowhere }
"""
    with pytest.raises(Invalid) as caught:
        seeding.plan(world, text)
    assert [str(one) for one in caught.value.faults] == [
        "line 5: there is no user nobody@strongroom.localhost, neither on the instance nor in this file",
        "line 10: there is no role No such role, neither on the instance nor in this file",
        "line 10: the application without-principal has no service principal: give it `servicePrincipal: {}`",
        "line 12: there is no vault nowhere, neither on the instance nor in this file",
    ]


def test_names_that_mean_several_things(world: Simulation) -> None:
    """Two groups of one name cannot be told apart: that is a fault, and an export leaves them out and says so."""
    twin = name("twin")
    with seeding.session(world) as session:
        for _ in range(2):
            body = {"displayName": twin, "mailNickname": "t", "mailEnabled": False, "securityEnabled": True}
            session.graph("POST", "/groups", body)
    with pytest.raises(Invalid, match=f"line 1: 2 things are group {twin}: give them different names"):
        seeding.plan(world, {"version": 1, "groups": [{"displayName": twin}]})
    made = seeding.export(world)
    assert f"2 things are group {twin}: a file has one name for each" in made.left_out
    assert steps(seeding.plan(world, made.document)) == []


def test_the_same_thing_twice(world: Simulation) -> None:
    """One thing stands in a file once; case does not make it two."""
    twice = {"version": 1, "groups": [{"displayName": "Twice"}, {"displayName": "twice"}]}
    with pytest.raises(Invalid, match="twice stands here twice; it was in line 1"):
        seeding.plan(world, twice)


def test_nobody_gets_more_by_a_file(world: Simulation) -> None:
    """Whoever has no right to something is refused it, as anywhere else, and is told what would help."""
    weak = world.principal()
    world.grant(weak.oid, READER, f"/subscriptions/{world.first.subscription_id}")
    file = group([{"name": name("v"), "enableRbacAuthorization": True}])
    _, outcome = seeding.apply(world, file, who=weak)
    (failure,) = outcome.failed
    assert "AuthorizationFailed" in failure.message
    assert "strongroom explain" in failure.message
    assert outcome.code == Exit.REFUSED
    with pytest.raises(Refused) as caught:
        seeding.plan(world, secret_file(world, {"name": "a", "value": {"generate": {}}}), who=weak)
    assert caught.value.status == 403


def test_what_may_not_be_seen_is_left_out(world: Simulation) -> None:
    """Whoever may read resources alone exports those, with ids where names may not be seen; the rest is named."""
    reader, vault = world.principal(), name("v")
    world.grant(reader.oid, READER, f"/subscriptions/{world.first.subscription_id}")
    policy = {"principal": {"application": "Strongroom administrator"}, "permissions": {"secrets": ["get", "list"]}}
    settled(seeding.apply(world, group([{"name": vault, "accessPolicies": [policy]}]))[1])
    made = seeding.export(world, who=reader, operator=False)
    assert {one.partition(":")[0] for one in made.left_out} >= {"users", "groups", "applications", "directoryRoles"}
    assert "users" not in made.document
    vaults = [one for home in made.document["resourceGroups"] for one in home.get("vaults", ())]
    (shown,) = (one for one in vaults if one["name"] == vault)
    assert shown["accessPolicies"][0]["principal"] == {"objectId": world.first.object_id}
    assert "secrets" not in shown


def test_the_firewall_holds_for_whoever_applies(world: Simulation) -> None:
    """A vault is closed before it is filled: from an address that it does not admit, its secrets are refused."""
    vault = name("v")
    file = group(
        [
            {
                "name": vault,
                "enableRbacAuthorization": True,
                "networkAcls": {"defaultAction": "Deny", "bypass": "None", "ipRules": ["192.0.2.1"]},
                "secrets": [{"name": "a", "value": {"generate": {}}}],
            }
        ]
    )
    _, outcome = seeding.apply(world, file)
    assert [show.call(one.item) for one in outcome.done] == [f"vault {vault}"]
    (failure,) = outcome.failed
    assert "ForbiddenByFirewall" in failure.message
    _, outcome = seeding.apply(world, file, peer="192.0.2.1")
    assert [show.call(one.item) for one in settled(outcome).done] == [f"secret {vault}/a"]


def test_a_part_that_fails(world: Simulation) -> None:
    """What fails is told as the service said it, what needs it is not tried, the rest is done; then it goes on."""
    role, good, bad, user = name("role"), name("v"), name("v"), f"{name('u')}@elsewhere.example"

    def file(domain_user: str, action: str) -> dict[str, Any]:
        return {
            **group([{"name": good}]),
            "users": [{"userPrincipalName": domain_user, "password": {"generate": {"length": 24}}}],
            "groups": [{"displayName": bad, "members": [{"user": domain_user}]}],
            "roleDefinitions": [{"name": role, "actions": [action]}],
            "roleAssignments": [{"principal": {"group": bad}, "role": role, "scope": {"vault": good}}],
        }

    _, outcome = seeding.apply(world, file(user, "nonsense"))
    assert [show.call(one.item) for one in outcome.done] == [f"group {bad}", f"vault {good}"]
    assert [show.call(one.change.item) for one in outcome.failed] == [f"user {user}", f"role definition {role}"]
    assert [show.call(one.item) for one in outcome.untried] == [
        f"members of group {bad}",
        f"role {role} for group {bad} at vault {good}",
    ]
    assert outcome.code == Exit.FAILED
    told = show.as_json(seeding.plan(world, file(user, "nonsense")), None, dry_run=True)
    assert told["unchanged"] == 3
    mended = user.replace("elsewhere.example", "strongroom.localhost")
    plan, outcome = seeding.apply(world, file(mended, "Microsoft.KeyVault/vaults/read"))
    settled(outcome)
    assert len(plan.changes) == 4
    for line in (world.folder / "credentials").read_text(encoding="utf-8").splitlines():
        canary.remember(json.loads(line)["password"])


def test_nothing_is_removed_after_a_failure(world: Simulation) -> None:
    """What a file no longer names may be what still holds up the rest: once something failed, it stays."""
    keep, wrong = name("g"), f"{name('u')}@elsewhere.example"
    settled(seeding.apply(world, {"version": 1, "groups": [{"displayName": keep}]})[1])
    user = {"userPrincipalName": wrong, "password": {"generate": {"length": 24}}}
    file = {"version": 1, "users": [user], "groups": []}
    _, outcome = seeding.apply(world, {**file, "users": [user]}, prune=True)
    assert [show.call(one.change.item) for one in outcome.failed] == [f"user {wrong}"]
    assert f"group {keep}" in [show.call(one.item) for one in outcome.untried]
    for line in (world.folder / "credentials").read_text(encoding="utf-8").splitlines():
        canary.remember(json.loads(line)["password"])


def test_an_end_before_the_end(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever interrupts it is told what was done and what was not; the next run goes on."""
    first, second, third = (name("g") for _ in range(3))
    file = {"version": 1, "groups": [{"displayName": one} for one in (first, second, third)]}
    with seeding.reaching(world) as reach:
        wanted = seeding.read_wanted(seeding.read_document(json.dumps(file).encode()), reach)
        plan = seeding.compare(wanted, reach, prune=False)
        ask = reach.session.graph

        def interrupted(method: str, path: str, body: Any = None, query: Any = None) -> Any:
            if body and body.get("displayName") == second:
                raise KeyboardInterrupt
            return ask(method, path, body, query)

        monkeypatch.setattr(reach.session, "graph", interrupted)
        outcome = seeding.carry_out(plan, reach)
    assert [one.item.name for one in outcome.done] == [first]
    assert [(one.change.item.name, one.code) for one in outcome.failed] == [(second, Exit.FAILED)]
    assert [one.item.name for one in outcome.untried] == [third]
    assert steps(seeding.apply(world, file)[0]) == [f"create group {second}", f"create group {third}"]


def test_what_a_file_stores_is_not_pruned(world: Simulation) -> None:
    """A client secret's place is named by its application, not in the vault's list, and stays when that is complete."""
    vault, app = name("v"), name("app")
    stored = {"displayName": "web", "store": {"vault": vault, "secret": "client-secret"}}
    inside = {"name": vault, "enableRbacAuthorization": True, "secrets": [{"name": "a", "value": {"generate": {}}}]}
    file = {**group([inside]), "applications": [{"displayName": app, "passwords": [stored]}]}
    settled(seeding.apply(world, file)[1])
    inside["secrets"] = []
    removed = [one for one in steps(seeding.plan(world, file, prune=True)) if "secret" in one and vault in one]
    assert removed == [f"delete secret {vault}/a"]


def test_what_stands_above_is_not_pruned(world: Simulation) -> None:
    """A file is about one subscription: what was given above it is not ended by a list that does not name it."""
    other = world.principal()
    above = world.grant(other.oid, READER, "/")
    below = world.grant(other.oid, READER, f"/subscriptions/{world.first.subscription_id}")
    plan = seeding.plan(world, {"version": 1, "roleAssignments": []}, prune=True)
    gone = {change.item.id.rpartition("/")[2] for change in plan.changes}
    assert below.id in gone
    assert above.id not in gone


def test_nobody_prunes_himself(world: Simulation) -> None:
    """Whoever applies a file keeps its own principal and rights, though the file does not name them."""
    file: dict[str, Any] = {"version": 1, "applications": [], "directoryRoles": [], "roleAssignments": []}
    with seeding.session(world) as session:
        own = session.claims["oid"]
    plan = seeding.plan(world, file, prune=True)
    gone = [change.item for change in plan.changes]
    assert gone
    assert not any(item.id == own or "Strongroom administrator" in item.name for item in gone)
