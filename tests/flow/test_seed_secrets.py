"""Values in a file that is applied: made, kept, compared, and put where they are needed."""

from __future__ import annotations

import json
import secrets as chance
from typing import Any

from strongroom.cli.seed import show
from tests import seeding
from tests.flow.seed_cases import stays
from tests.flow.seeds import group, name, secret_file, settled, steps
from tests.plugins import canary
from tests.world import Principal, Simulation


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


def test_a_key_without_operations_stays_without(world: Simulation) -> None:
    """No operations at all is told of a key, and made so at once: left out, it would have all that its kind can do."""
    key = {"name": name("k"), "type": "EC", "curve": "P-256", "operations": []}
    stays(world, group([{"name": world.vault.name, "keys": [key]}]))
    assert key_of(world, key["name"])["key"]["key_ops"] == []
    vaults = [one for group in seeding.export(world).document["resourceGroups"] for one in group.get("vaults", ())]
    assert key in [one for vault in vaults for one in vault.get("keys", ())]


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
