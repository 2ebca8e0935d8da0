"""A permit that is remembered ends with whatever it rests on, and means nothing for another question."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import is_
from pathlib import Path

import pytest

from strongroom.core.guids import new_guid
from strongroom.core.identity import ServicePrincipal, SigningKey
from strongroom.core.limits import TEMPLATE_AGENT_BYTES
from strongroom.core.network import Bypass, DefaultAction, Link, NetworkAcls
from strongroom.core.rbac import RoleAssignment
from strongroom.core.vaults import Vault
from strongroom.directory import client_secrets, signing_keys
from strongroom.flow import decisions
from strongroom.store import Transaction
from tests.flow.client import ADMINISTRATOR, Client
from tests.flow.test_sign_in_by_password import claims
from tests.world import PUBLIC_ADDRESS, Principal, Simulation

OTHER_ADDRESS = "198.51.100.9"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world of the test's own, since what is remembered is the world's."""
    simulation = Simulation(tmp_path)
    yield simulation
    simulation.close()


@pytest.fixture
def reader(own: Simulation) -> Principal:
    """Make an application that administers the first vault."""
    principal = own.principal()
    own.grant(principal.oid, ADMINISTRATOR, own.vault.scope)
    return principal


@pytest.fixture
def known(own: Simulation, reader: Principal) -> Client:
    """Make a client whose permit to get the secret `a` is remembered."""
    client = Client(own, reader)
    client.put("a")
    assert client.token  # The token is the same from here on: it is renewed by the clock alone.
    client.done("GET", "/secrets/a")
    assert _is_remembered(client)
    return client


def _is_remembered(client: Client) -> bool:
    """Say whether getting the secret `a` again rests on what was decided before, and on nothing new."""
    kept = _kept(client.world)
    calls = [decision.call for decision in kept]
    client.done("GET", "/secrets/a")
    after = _kept(client.world)
    # Who takes up a decision for the first time makes the call that is kept with it.
    return len(kept) == len(after) > 0 and all(map(is_, kept, after)) and calls != [one.call for one in after]


def _kept(world: Simulation) -> list[decisions.Decision]:
    return list(world.world.decisions._kept.values())


def _remove_right(world: Simulation, reader: Principal) -> None:
    async def change(tx: Transaction) -> None:
        for held in world.view.all(RoleAssignment):
            if held.principal == reader.oid:
                await tx.remove(held)

    world.commit(change)


def _disable(world: Simulation, reader: Principal) -> None:
    async def change(tx: Transaction) -> None:
        found = world.view.principal(world.first.tenant_id, reader.oid)
        assert isinstance(found, ServicePrincipal)
        await tx.put(replace(found, enabled=False))

    world.commit(change)


def _remove_secret(world: Simulation, reader: Principal) -> None:
    tenant = world.first.tenant_id
    world.commit(lambda tx: client_secrets.remove_password(tx, tenant, reader.application, reader.key_id))


def _block(world: Simulation, _reader: Principal) -> None:
    rules = NetworkAcls(default_action=DefaultAction.DENY, bypass=Bypass.NONE, ip_rules=("192.0.2.0/24",))
    world.set_vault(network_acls=rules)


def _use_policies(world: Simulation, _reader: Principal) -> None:
    world.set_vault(rbac=False)


def _delete_vault(world: Simulation, _reader: Principal) -> None:
    world.set_vault(deleted=int(world.clock()))


def _revoke_keys(world: Simulation, _reader: Principal) -> None:
    tenant = world.first.tenant_id

    async def change(tx: Transaction) -> None:
        for key in world.view.all(SigningKey):
            await signing_keys.revoke(tx, tenant, key.id, int(world.clock()))

    world.commit(change)


def _expire(world: Simulation, _reader: Principal) -> None:
    world.advance(90 * 60 + 1)


ENDS: dict[str, tuple[Callable[[Simulation, Principal], None], int]] = {
    "its right is taken away": (_remove_right, 403),
    "the principal is disabled": (_disable, 401),
    "its credential is removed": (_remove_secret, 401),
    "its address is blocked": (_block, 403),
    "the vault decides by policies": (_use_policies, 403),
    "the vault is deleted": (_delete_vault, 404),
    "the signing key is revoked": (_revoke_keys, 401),
    "the token expires": (_expire, 401),
}


@pytest.mark.parametrize(("end", "status"), ENDS.values(), ids=ENDS)
def test_a_remembered_permit_ends_with_what_it_rests_on(
    own: Simulation, reader: Principal, known: Client, end: Callable[[Simulation, Principal], None], status: int
) -> None:
    """The very next request is refused: admission, authentication, authorization are per request (security.md)."""
    token = known.token
    end(own, reader)
    assert known.ask("GET", "/secrets/a", token=token).status == status


def test_a_remembered_permit_ends_when_its_token_does(own: Simulation, known: Client) -> None:
    """It holds until the token's end, and not at it."""
    token = known.token
    own.advance(claims(token)["exp"] - 1 - own.clock())
    assert known.ask("GET", "/secrets/a", token=token).status == 200
    own.advance(1)
    assert known.ask("GET", "/secrets/a", token=token).status == 401


def test_a_remembered_permit_is_the_same_evidence(own: Simulation, known: Client) -> None:
    """The entry of a request that was decided before says all that the first one's says."""
    kept = [dict(entry) for entry in own.entries()[-2:]]
    assert kept[0]["operationName"] == kept[1]["operationName"] == "SecretGet"
    for entry in kept:
        del entry["correlationId"]
    assert kept[0] == kept[1]


def test_each_answer_has_its_own_correlation_id_agent_and_object(own: Simulation, known: Client) -> None:
    """What differs between two requests for the same thing differs in their entries too."""
    for number in (1, 2):
        headers = {"x-ms-client-request-id": f'id-"{number}"', "user-agent": f"agent/{number}"}
        assert known.ask("GET", "/secrets/a", headers=headers).status == 200
    older = known.done("GET", "/secrets/a")["id"]
    newer = known.put("a")["id"]
    assert known.done("GET", "/secrets/a")["id"] == newer
    entries = [entry for entry in own.entries() if entry["operationName"] == "SecretGet"]
    assert [entry["correlationId"] for entry in entries[-4:-2]] == ['id-"1"', 'id-"2"']
    assert [entry["properties"]["clientInfo"] for entry in entries[-4:-2]] == ["agent/1", "agent/2"]
    assert [entry["properties"]["id"] for entry in entries[-2:]] == [older, newer]


def test_a_refusal_is_not_remembered(own: Simulation) -> None:
    """Whoever is given a right has it with the next request."""
    stranger = own.principal()
    client = Client(own, stranger)
    Client(own).put("a")
    assert [client.ask("GET", "/secrets/a").status for _ in range(2)] == [403, 403]
    own.grant(stranger.oid, ADMINISTRATOR, own.vault.scope)
    assert client.ask("GET", "/secrets/a").status == 200


def test_another_address_is_another_question(own: Simulation, known: Client) -> None:
    """A permit from an admitted address opens nothing to a blocked one."""
    rules = NetworkAcls(
        default_action=DefaultAction.DENY, bypass=Bypass.NONE, ip_rules=(f"{PUBLIC_ADDRESS}/32", "127.0.0.1/32")
    )
    own.set_vault(network_acls=rules)
    assert [known.ask("GET", "/secrets/a", peer=PUBLIC_ADDRESS).status for _ in range(2)] == [200, 200]
    assert known.ask("GET", "/secrets/a", peer=OTHER_ADDRESS).status == 403


def test_another_token_is_another_question(own: Simulation, known: Client) -> None:
    """A permit of one principal is none of another's."""
    assert known.ask("GET", "/secrets/a", token=own.token(own.principal())).status == 403
    assert known.ask("GET", "/secrets/a", token=known.token + "x").status == 401


def test_another_host_is_another_question(own: Simulation, known: Client) -> None:
    """A permit for one vault opens no other, though path and token are the same (pitfalls.md: "a grant on vault A")."""

    async def make(tx: Transaction) -> None:
        other = new_guid(own.world.entropy)
        await tx.put(replace(own.vault, id=other, name="other-vault", wrapped_key=own.keys.new_vault_key(other)))

    own.commit(make)
    Client(own).put("a")
    known.done("GET", "/secrets/a")
    there = own.ask("GET", "https://other-vault.vault.localhost:8443/secrets/a?api-version=7.4", token=known.token)
    assert there.status == 403


def test_a_method_in_a_header_is_not_remembered(own: Simulation, known: Client) -> None:
    """What a POST means is read anew from its headers, so no permit for one meaning serves another."""
    url, token = f"{own.vault_url}/secrets/a?api-version=7.4", known.token
    kept = len(own.world.decisions)
    assert own.ask("POST", url, token=token, headers={"x-http-method": "GET"}).status == 200
    assert len(own.world.decisions) == kept
    assert own.ask("POST", url, token=token).status == 405
    assert own.ask("GET", url, token=token, headers={"x-http-method": "GET"}).status == 400


def test_what_is_remembered_is_bounded(own: Simulation, known: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither many questions nor long ones fill the memory."""
    monkeypatch.setattr(decisions, "ENTRIES", 3)
    for number in range(10):
        known.ask("GET", f"/secrets/s{number}")
        assert len(own.world.decisions) <= 3
    kept = len(own.world.decisions)
    known.ask("GET", "/secrets/" + "a" * decisions.QUESTION_BYTES)
    assert len(own.world.decisions) == kept


def test_the_control_link_is_another_question(own: Simulation, known: Client) -> None:
    """A permit over the network is none over the owner's socket, whose address is this machine's."""
    rules = NetworkAcls(default_action=DefaultAction.DENY, bypass=Bypass.NONE, ip_rules=("127.0.0.1/32",))
    own.set_vault(network_acls=rules)
    assert known.ask("GET", "/secrets/a", link=Link.CONTROL).status == 200
    assert known.ask("GET", "/secrets/a", link=Link.PUBLIC).status == 403


def test_a_changed_secret_is_answered_as_it_is_now(own: Simulation, known: Client) -> None:
    """An answer is prepared for one row of one vault: a disabled secret, new tags, another retention all show."""
    known.done("PATCH", "/secrets/a", body={"tags": {"value": ""}, "contentType": "text/plain"})
    changed = known.done("GET", "/secrets/a")
    assert (changed["tags"], changed["contentType"]) == ({"value": ""}, "text/plain")
    own.set_vault(retention_days=7)
    assert known.done("GET", "/secrets/a")["attributes"]["recoverableDays"] == 7
    known.done("PATCH", "/secrets/a", body={"attributes": {"enabled": False}})
    assert known.ask("GET", "/secrets/a").status == 403


def test_an_answer_that_is_kept_keeps_no_vault(own: Simulation, known: Client) -> None:
    """Thousands of answers are kept, and a vault of before it was changed may have a thousand policies."""
    gc.collect()
    before = _vaults_alive()
    for number in range(4):
        known.put(f"s{number}")
        own.set_vault(tags={"number": str(number)})
        assert known.done("GET", f"/secrets/s{number}")["attributes"]["recoverableDays"] == own.vault.retention_days
    gc.collect()
    assert _vaults_alive() == before


def _vaults_alive() -> int:
    return sum(type(one) is Vault for one in gc.get_objects())


@pytest.mark.parametrize("value", ['"value":""', '"', "\\", "\u2028", "é", '{"value":""}'])
def test_any_value_comes_back_as_it_was_set(known: Client, value: str) -> None:
    """A prepared answer has the value where it belongs, whatever is in it."""
    tags = {"value": '"value":""', '"value":"': '"'}
    known.done("PUT", "/secrets/a", body={"value": value, "tags": tags, "contentType": '"value":""'})
    for _ in range(2):
        got = known.done("GET", "/secrets/a")
        assert (got["value"], got["tags"], got["contentType"]) == (value, tags, '"value":""')


def test_a_long_user_agent_is_kept_with_no_decision(own: Simulation, reader: Principal) -> None:
    """`TEMPLATE_AGENT_BYTES` of it are kept for answers like it; one more is encoded anew, and recorded as well."""
    vault = Client(own, reader)
    for size, kept in ((TEMPLATE_AGENT_BYTES + 1, 0), (TEMPLATE_AGENT_BYTES, 1)):
        for _ in range(2):
            assert vault.ask("GET", "/secrets", headers={"User-Agent": "a" * size}).status == 200
            assert own.entries()[-1]["properties"]["clientInfo"] == "a" * size
        assert sum(len(one._templates) for one in own.world.decisions._kept.values()) == kept
