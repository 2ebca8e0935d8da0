"""A denial or condition about one secret: neither a list nor a restore gets round it."""

from __future__ import annotations

import secrets as chance
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.builtin_roles import KEY_VAULT_CRYPTO_OFFICER, KEY_VAULT_SECRETS_OFFICER
from strongroom.core.guids import new_guid
from strongroom.core.rbac import DenyAssignment
from strongroom.core.vaults import AccessPolicy
from tests.flow.client import Client
from tests.flow.explaining import control, step, who, why
from tests.flow.keys import create
from tests.flow.networks import put, remove
from tests.world import Simulation

SECRETS = "Microsoft.KeyVault/vaults/secrets"
READ, RESTORE = f"{SECRETS}/readMetadata/action", f"{SECRETS}/restore/action"


@pytest.fixture
def officer(world: Simulation) -> Client:
    """Make a caller who may do anything to the first vault's secrets."""
    principal = world.principal()
    world.grant(principal.oid, KEY_VAULT_SECRETS_OFFICER, world.vault.scope)
    return Client(world, principal)


@pytest.fixture
def names(officer: Client) -> list[str]:
    """Set some secrets whose names come one after the other."""
    word = f"n{chance.token_hex(6)}"
    made = [f"{word}-{number:03}" for number in range(7)]
    for name in made:
        officer.put(name)
    return made


@pytest.fixture(autouse=True)
def no_denial_left(world: Simulation) -> Iterator[None]:
    """Take away deny assignments after the test."""
    yield
    remove(world, *world.view.all(DenyAssignment))


def deny(world: Simulation, client: Client, name: str, action: str = READ, **more: Any) -> DenyAssignment:
    """Take an action from a caller at one secret."""
    made = DenyAssignment(
        new_guid(chance.token_bytes),
        world.first.tenant_id,
        f"{world.vault.scope}/secrets/{name}",
        "not this one",
        int(world.clock()),
        data_actions=(action,),
        principals=(client.principal.oid,),
    )
    made = replace(made, **more)
    put(world, made)
    return made


def listed(client: Client, names: list[str], path: str = "/secrets", query: str = "") -> list[str]:
    """Give which of some names a list has, by its items' ids."""
    found = [item["id"].rpartition("/")[2] for item in client.walk(path, query)]
    return [name for name in found if name in names]


class TestLists:
    """What a list leaves out (pitfalls "List that bypasses a narrower denial")."""

    @pytest.mark.parametrize("size", [1, 2, 3, 25])
    def test_a_denied_secret_is_in_no_list(
        self, world: Simulation, vault: Client, officer: Client, names: list[str], size: int
    ) -> None:
        """Whoever may list a vault learns nothing of a secret that it may not read of; others still do."""
        # In another case: names are compared without it.
        deny(world, officer, names[0].upper())
        deny(world, officer, names[4])
        left = [*names[1:4], *names[5:]]
        query = f"&maxresults={size}"
        assert listed(officer, names, query=query) == left
        assert listed(vault, names, query=query) == names
        for name in names:
            vault.done("DELETE", f"/secrets/{name}")
        assert listed(officer, names, "/deletedsecrets", query) == left
        assert listed(vault, names, "/deletedsecrets", query) == names
        for path in (f"/secrets/{names[4]}/versions", f"/deletedsecrets/{names[4]}"):
            assert officer.ask("GET", path).status == 403

    def test_no_page_has_a_gap(self, world: Simulation, officer: Client, names: list[str]) -> None:
        """Pages are full, and none is empty: what is left out leaves no trace."""
        everything = len(officer.walk("/secrets"))
        for name in names[3:]:
            deny(world, officer, name)
        pages = officer.pages("/secrets", "&maxresults=2")
        assert sum(map(len, pages)) == everything - 4
        assert {len(page) for page in pages[:-1]} <= {2}
        assert pages[-1]

    def test_it_holds_from_the_next_page_on(self, world: Simulation, officer: Client, names: list[str]) -> None:
        """A list that is under way leaves out what is denied meanwhile."""
        answer = officer.ask("GET", "/secrets", query="&maxresults=1")
        for name in names:
            deny(world, officer, name)
        seen = [item["id"] for item in answer.json["value"]]
        while answer.json["nextLink"] is not None:
            answer = officer.follow(answer.json["nextLink"])
            seen += [item["id"] for item in answer.json["value"]]
        assert not [one for one in seen[1:] if one.rpartition("/")[2] in names]

    def test_denials_of_something_else(self, world: Simulation, officer: Client, names: list[str]) -> None:
        """A denial of reading the value, or of another principal, leaves nothing out."""
        deny(world, officer, names[0], f"{SECRETS}/getSecret/action")
        deny(world, officer, names[1], principals=(world.administrator.oid,))
        deny(world, officer, names[2], exclude_principals=(officer.principal.oid,))
        assert listed(officer, names) == names

    def test_under_a_condition(self, world: Simulation, officer: Client, names: list[str]) -> None:
        """A denial at one secret under a condition leaves it out unless its condition is false."""
        name = f"@Resource[{SECRETS}:name]"
        deny(world, officer, names[0], condition=f"{name} StringEquals '{names[0]}'", condition_version="2.0")
        deny(world, officer, names[1], condition=f"{name} StringEquals 'x'", condition_version="2.0")
        deny(world, officer, names[2], condition="no condition", condition_version="2.0")
        assert listed(officer, names) == [names[1], *names[3:]]

    def test_a_role_that_is_under_one(self, world: Simulation, names: list[str]) -> None:
        """A condition that lets list and is about names besides decides of each secret."""
        principal = world.principal()
        held = world.grant(principal.oid, KEY_VAULT_SECRETS_OFFICER, world.vault.scope)
        name = f"@Resource[{SECRETS}:name]"
        condition = f"(NOT Exists {name}) OR ({name} StringEquals '{names[2]}')"
        put(world, replace(held, condition=condition, condition_version="2.0"))
        assert listed(Client(world, principal), names) == [names[2]]

    def test_access_policies_know_no_denials(self, world: Simulation, officer: Client, names: list[str]) -> None:
        """In a vault that goes by access policies a denial of data actions says nothing."""
        deny(world, officer, names[0])
        policy = AccessPolicy(world.first.tenant_id, officer.principal.oid, secrets=("all",))
        before = world.vault
        world.set_vault(rbac=False, access_policies=(policy,))
        try:
            assert listed(officer, names) == names
        finally:
            world.set_vault(rbac=before.rbac, access_policies=before.access_policies)


class TestRestore:
    """What a backup's name is denied."""

    def test_a_denial_at_the_secret(self, world: Simulation, officer: Client, names: list[str]) -> None:
        """It counts although the request names no secret, and explanations say so."""
        first, second = names[:2]
        blobs = {name: officer.done("POST", f"/secrets/{name}/backup")["value"] for name in (first, second)}
        for name in blobs:
            officer.done("DELETE", f"/secrets/{name}")
            officer.done("DELETE", f"/deletedsecrets/{name}")
        made = deny(world, officer, first.upper(), RESTORE)
        answer = officer.ask("POST", "/secrets/restore", body={"value": blobs[first]})
        assert answer.status == 403, answer.body
        assert f"DenyAssignmentId: '{made.id}'" in answer.error["message"]
        assert officer.ask("GET", f"/secrets/{first}").status == 404
        assert officer.ask("POST", "/secrets/restore", body={"value": blobs[second]}).status == 200

        oid = officer.principal.oid
        told = why(world, oid, "SecretRestore", first)
        assert (told["allowed"], told["refusal"]["status"]) == (False, 403)
        assert made.arm_id in {one["id"] for one in step(told, "permission")["evidence"] if one["counts"]}
        (remedy,) = step(told, "permission")["remedies"]
        assert "not this one" in remedy["change"]
        assert why(world, oid, "SecretRestore", second)["allowed"]
        found = who(world, "SecretRestore", first)[oid]
        assert (found["allowed"], found["deniedBy"]) == (False, made.arm_id)
        assert who(world, "SecretRestore", second)[oid]["allowed"] is True

    def test_a_role_at_the_secret_alone(self, world: Simulation, names: list[str]) -> None:
        """It is no right to restore, nor does an explanation take it for one: the vault is asked as well."""
        principal = world.principal()
        scope = f"{world.vault.scope}/secrets/{names[0]}"
        held = world.grant(principal.oid, KEY_VAULT_SECRETS_OFFICER, scope)
        answer = Client(world, principal).ask("POST", "/secrets/restore", body={"value": "AAAA"})
        assert answer.status == 403
        told = why(world, principal.oid, "SecretRestore", names[0])
        assert not told["allowed"]
        assert [one["counts"] for one in step(told, "permission")["evidence"]] == [False]
        assert all(scope not in one["change"] for one in step(told, "permission")["remedies"]), held
        assert control(world, "/explain", {}).status == 400


KEYS = "Microsoft.KeyVault/vaults/keys"


class TestKeys:
    """The same of keys."""

    @pytest.fixture
    def crypto_officer(self, world: Simulation) -> Client:
        """Make a caller who may do anything to the first vault's keys."""
        principal = world.principal()
        world.grant(principal.oid, KEY_VAULT_CRYPTO_OFFICER, world.vault.scope)
        return Client(world, principal)

    def test_a_list_leaves_out_what_is_denied(self, world: Simulation, crypto_officer: Client, name: str) -> None:
        """A key that a denial keeps from the caller is in no list; the one beside it is."""
        for each in (name, f"{name}-2"):
            create(crypto_officer, each)
        deny(world, crypto_officer, "", f"{KEYS}/read", scope=f"{world.vault.scope}/keys/{name}")
        found = [item["kid"].rpartition("/")[2] for item in crypto_officer.walk("/keys")]
        assert [each for each in found if each.startswith(name)] == [f"{name}-2"]

    def test_a_restore_does_not_get_round_a_denial(self, world: Simulation, crypto_officer: Client, name: str) -> None:
        """A denial at the key in a backup counts, and explanations say so; nothing is restored."""
        create(crypto_officer, name)
        blob = crypto_officer.done("POST", f"/keys/{name}/backup")["value"]
        crypto_officer.done("DELETE", f"/keys/{name}")
        crypto_officer.done("DELETE", f"/deletedkeys/{name}")
        scope = f"{world.vault.scope}/keys/{name}"
        made = deny(world, crypto_officer, "", f"{KEYS}/restore/action", scope=scope)
        answer = crypto_officer.ask("POST", "/keys/restore", body={"value": blob})
        assert answer.status == 403, answer.body
        assert f"DenyAssignmentId: '{made.id}'" in answer.error["message"]
        assert Client(world).ask("GET", f"/keys/{name}").status == 404
        oid = crypto_officer.principal.oid
        assert not why(world, oid, "KeyRestore", name)["allowed"]
        assert why(world, oid, "KeyRestore", f"{name}-2")["allowed"]
