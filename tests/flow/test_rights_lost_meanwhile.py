"""A right that is lost while a body is in flight is not used: judged per request, up to the change itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest

from strongroom.core.builtin_roles import CONTRIBUTOR, KEY_VAULT_ADMINISTRATOR, USER_ACCESS_ADMINISTRATOR
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.identity import Group, ServicePrincipal
from strongroom.core.network import DefaultAction, Link, NetworkAcls
from strongroom.core.records import Record, tenant_partition
from strongroom.core.vaults import AccessPolicy
from strongroom.directory import groups, roles
from strongroom.http.message import Request, Response
from strongroom.store import Transaction
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, VAULT_AUDIENCE, Simulation


def request(method: str, url: str, token: str, receive: Callable[[int, float], Awaitable[bytes]]) -> Request:
    """Make a request whose body comes when *receive* gives it."""
    parts = urlsplit(url)
    return Request(
        method=method,
        host=parts.netloc,
        path=parts.path.encode(),
        query=parts.query.encode(),
        headers={b"host": parts.netloc.encode(), b"authorization": f"Bearer {token}".encode()},
        peer="203.0.113.7",
        link=Link.PUBLIC,
        http_version="1.1",
        receive_body=receive,
    )


def put_while(world: Simulation, name: str, token: str, meanwhile: Callable[[Transaction], object]) -> Response:
    """Set a secret whose body arrives only after something else was committed."""

    async def receive(_limit: int, _time_s: float) -> bytes:
        await world.store.commit(meanwhile)  # type: ignore[arg-type]  # a change function, whatever it returns
        return b'{"value":"late"}'

    asked = request("PUT", f"{world.vault_url}/secrets/{name}?api-version=7.4", token, receive)
    return world.run(world.dispatcher.handle(asked))


def put(record: Record) -> Callable[[Transaction], object]:
    """Make a change that puts a record."""
    return lambda tx: tx.put(record)


@pytest.fixture
def as_it_was(world: Simulation) -> Iterator[None]:
    """Give the vault back its settings."""
    before = world.vault
    yield
    world.commit(put(before))


def test_a_principal_disabled_meanwhile_changes_nothing(world: Simulation, name: str) -> None:
    """The directory is asked again when the change is made."""
    principal = world.principal()
    world.grant(principal.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    token = world.token(principal)

    async def disable(tx: Transaction) -> None:
        found = await tx.record(ServicePrincipal, tenant_partition(world.first.tenant_id), principal.oid)
        assert found is not None
        await tx.put(replace(found, enabled=False))

    assert put_while(world, name, token, disable).status == 401
    admin = world.token(world.administrator)
    assert world.ask("GET", f"{world.vault_url}/secrets/{name}?api-version=7.4", token=admin).status == 404


def test_a_right_taken_back_meanwhile_is_not_used(world: Simulation, name: str) -> None:
    """Role assignments are asked again when the change is made."""
    principal = world.principal()
    assignment = world.grant(principal.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    answer = put_while(world, name, world.token(principal), lambda tx: tx.remove(assignment))
    assert answer.status == 403
    assert msgspec.json.decode(answer.body)["error"]["innererror"] == {"code": "ForbiddenByRbac"}


@pytest.mark.usefixtures("as_it_was")
@pytest.mark.parametrize("lost", ["right", "firewall"])
def test_what_was_lost_meanwhile_is_no_evidence(world: Simulation, name: str, lost: str) -> None:
    """Neither the refusal nor its record tells by what the caller was let in before, or had its right from."""
    principal = world.principal()
    assignment = world.grant(principal.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    closed = put(replace(world.vault, network_acls=NetworkAcls(default_action=DefaultAction.DENY)))
    changes = {"right": lambda tx: tx.remove(assignment), "firewall": closed}
    answer = put_while(world, name, world.token(principal), changes[lost])
    assert answer.status == 403
    told = {header.decode() for header, _ in answer.headers}
    assert not told & {"x-ms-keyvault-rbac-assignment-id", "x-strongroom-admitted-by"}
    entry = world.entries()[-1]
    assert entry["properties"]["httpStatusCode"] == 403
    assert "appliedAssignmentId" not in entry["properties"]
    assert entry["properties"].get("isRbacAuthorized") is (None if lost == "firewall" else False)
    assert ("addrAuthType" in entry["properties"]) is (lost == "right")
    assert entry["identity"]["claim"]["appid"] == principal.appid


def test_a_vault_changed_meanwhile_is_a_conflict(world: Simulation, name: str) -> None:
    """What was computed for other settings of the vault is not written."""
    before = world.vault
    answer = put_while(
        world, name, world.token(world.administrator), lambda tx: tx.put(replace(before, tags={"changed": "now"}))
    )
    assert answer.status == 409


@pytest.mark.usefixtures("as_it_was")
def test_others_let_in_meanwhile_are_in_nobodys_way(world: Simulation, name: str) -> None:
    """Terraform adds the policies of others while it sets secrets: a vault's policies and firewall are no conflict."""
    who, other = world.principal(), world.principal("other")
    mine, theirs = (AccessPolicy(world.first.tenant_id, one.oid, secrets=("get", "set")) for one in (who, other))
    world.set_vault(rbac=False, access_policies=(mine,))
    acls, token = NetworkAcls(ip_rules=("203.0.113.0/24",)), world.token(who)
    for number, changed in enumerate(
        (replace(world.vault, access_policies=(theirs, mine)), replace(world.vault, network_acls=acls))
    ):
        assert put_while(world, f"{name}-{number}", token, put(changed)).status == 200
    answer = put_while(world, name, token, put(replace(world.vault, access_policies=(theirs,))))
    assert answer.status == 403
    assert msgspec.json.decode(answer.body)["error"]["innererror"] == {"code": "ForbiddenByPolicy"}


@pytest.mark.usefixtures("as_it_was")
def test_a_firewall_closed_meanwhile_lets_nothing_in(world: Simulation, name: str) -> None:
    """It is asked again when the change is made."""
    closed = replace(world.vault, network_acls=NetworkAcls(default_action=DefaultAction.DENY))
    answer = put_while(world, name, world.token(world.administrator), put(closed))
    assert answer.status == 403
    assert msgspec.json.decode(answer.body)["error"]["innererror"] == {"code": "ForbiddenByFirewall"}


def test_something_else_changed_meanwhile_is_in_nobodys_way(world: Simulation, name: str) -> None:
    """A change that takes nothing from the caller costs it nothing."""
    bystander = world.principal("bystander")

    async def disable(tx: Transaction) -> None:
        found = await tx.record(ServicePrincipal, tenant_partition(world.first.tenant_id), bystander.oid)
        assert found is not None
        await tx.put(replace(found, enabled=False))

    assert put_while(world, name, world.token(world.administrator), disable).status == 200


def test_changes_of_one_group_do_not_miss_each_other(world: Simulation, name: str) -> None:
    """A purge that shares its durable write with the purge protection before it is not made."""
    data, arm = world.token(world.administrator), world.token(world.administrator, resource=ARM_AUDIENCE)
    secret = f"{world.vault_url}/secrets/{name}?api-version=7.4"
    deleted = f"{world.vault_url}/deletedsecrets/{name}?api-version=7.4"
    world.ask("PUT", secret, token=data, body={"value": "kept"})
    world.ask("DELETE", secret, token=data)

    async def protection(_limit: int, _time_s: float) -> bytes:
        return b'{"properties":{"enablePurgeProtection":true}}'

    async def value(_limit: int, _time_s: float) -> bytes:
        return b'{"value":"other"}'

    async def nothing(_limit: int, _time_s: float) -> bytes:
        return b""

    asked = (
        # Whoever comes first in a turn of the loop commits alone; the next two make a group.
        request("PUT", f"{world.vault_url}/secrets/{name}-other?api-version=7.4", data, value),
        request("PATCH", f"{world.arm_url}{world.vault.scope}?api-version=2023-07-01", arm, protection),
        request("DELETE", deleted, data, nothing),
    )

    async def at_once() -> list[int]:
        return [answer.status for answer in await asyncio.gather(*map(world.dispatcher.handle, asked))]

    assert world.run(at_once()) == [200, 200, 409]
    assert world.ask("GET", deleted, token=data).status == 200


def test_a_second_right_that_was_lost_meanwhile_is_not_used(world: Simulation) -> None:
    """SEC-TENANT-3: who left the group that may assign roles while the body was in flight switches no model."""
    principal, tenant = world.principal(), world.first.tenant_id

    async def make(tx: Transaction) -> Group:
        made = await groups.create_group(
            tx,
            tenant,
            display_name="managers",
            mail_nickname="managers",
            description=None,
            now=int(world.clock()),
            entropy=world.world.entropy,
        )
        await groups.add_member(tx, world.view, tenant, made.id, principal.oid)
        return made

    group = world.commit(make)
    world.grant(principal.oid, CONTRIBUTOR, world.vault.scope)
    world.grant(group.id, USER_ACCESS_ADMINISTRATOR, world.vault.scope)
    token, model = world.token(principal, resource=ARM_AUDIENCE), world.vault.rbac

    async def body(_limit: int, _time_s: float) -> bytes:
        await world.store.commit(lambda tx: groups.remove_member(tx, tenant, group.id, principal.oid))
        return b'{"properties":{"enableRbacAuthorization":false}}'

    asked = request("PATCH", f"{world.arm_url}{world.vault.scope}?api-version=2023-07-01", token, body)
    assert world.run(world.dispatcher.handle(asked)).status == 403
    assert world.vault.rbac == model


def test_a_read_with_a_body_is_judged_when_it_is_there(world: Simulation) -> None:
    """SEC-FLOW-7: whoever is disabled while the body is in flight reads nothing."""
    reader, tenant = world.principal(), world.first.tenant_id
    world.commit(lambda tx: roles.assign_role(tx, tenant, role=GLOBAL_ADMINISTRATOR, principal=reader.oid))
    token = world.token(reader, resource=GRAPH_AUDIENCE)

    async def disable(tx: Transaction) -> None:
        found = await tx.record(ServicePrincipal, tenant_partition(tenant), reader.oid)
        assert found is not None
        await tx.put(replace(found, enabled=False))

    async def body(_limit: int, _time_s: float) -> bytes:
        await world.store.commit(disable)
        return msgspec.json.encode({"ids": [reader.oid]})

    asked = request("POST", f"{world.graph_url}/v1.0/directoryObjects/getByIds", token, body)
    assert world.run(world.dispatcher.handle(asked)).status == 401


def test_a_secret_that_expired_while_the_form_was_in_flight_is_none(world: Simulation) -> None:
    """It is as late as it is when everything is there."""
    client = world.principal(lifetime_s=10)
    form = urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": client.appid,
            "client_secret": client.secret,
            "scope": f"{VAULT_AUDIENCE}/.default",
        }
    )

    async def body(_limit: int, _time_s: float) -> bytes:
        world.advance(11)
        return form.encode()

    asked = request("POST", f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token", "", body)
    del asked.headers[b"authorization"]
    asked.headers[b"content-type"] = b"application/x-www-form-urlencoded"
    answer = world.run(world.dispatcher.handle(asked))
    assert msgspec.json.decode(answer.body)["error_codes"] == [7000222]
