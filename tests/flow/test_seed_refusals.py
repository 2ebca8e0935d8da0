"""What is refused or fails of a file that is applied, and what is never pruned."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.cli.outcome import Exit
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.seed import show
from strongroom.cli.seed.reading import Invalid
from tests import seeding
from tests.flow.seeds import READER, group, name, secret_file, settled, steps
from tests.plugins import canary
from tests.world import Simulation


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
