"""
An explanation is what a real request gets, whatever the vault's model, rules, assignments, denials and conditions are.

The request is sent through every step of the flow; the explanation was asked for just before, of the same records.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from strongroom.core.builtin_roles import (
    KEY_VAULT_ADMINISTRATOR,
    KEY_VAULT_CRYPTO_OFFICER,
    KEY_VAULT_CRYPTO_USER,
    KEY_VAULT_READER,
    KEY_VAULT_SECRETS_OFFICER,
    KEY_VAULT_SECRETS_USER,
    OWNER,
)
from strongroom.core.identity import PrincipalType, ServicePrincipal
from strongroom.core.network import Bypass, DefaultAction, NetworkAcls, PublicNetworkAccess
from strongroom.core.permissions import AnyOf, DataPermission
from strongroom.core.rbac import EVERYONE, DenyAssignment, RoleAssignment
from strongroom.core.records import Record, tenant_partition
from strongroom.core.vaults import AccessPolicy
from strongroom.flow.operation import Op
from tests.flow import cases, networks
from tests.flow.explaining import make_group, why
from tests.world import Principal, Simulation

ADDRESSES = ("203.0.113.7", "198.51.100.1", "2001:db8::1")
SECRETS = "Microsoft.KeyVault/vaults/secrets/"
KEYS = "Microsoft.KeyVault/vaults/keys/"
DENIED = ("*", "*/read", f"{SECRETS}*", f"{SECRETS}getSecret/action", f"{KEYS}*", f"{KEYS}sign/action")
WORDS = ("get", "list", "set", "all", "purge", "create", "sign")
CONDITIONS = (
    "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringStartsWith 'app-'",
    "@Request[Microsoft.KeyVault/vaults/secrets:name] StringStartsWith 'app-'",
    "@Resource[Microsoft.KeyVault/vaults:name] StringEquals 'another'",
    "@Environment[isPrivateLink] BoolEquals true",
    "@Environment[UtcNow] DateTimeGreaterThan '2020-01-01T00:00:00Z'",
)


@dataclass(frozen=True, slots=True)
class Given:
    """A role given, or an action denied, to somebody somewhere."""

    who: int
    """Its place in the list of principals: the caller, its group, somebody else, everyone."""
    what: str
    depth: int
    """0 for the object, 1 for the vault, 2 for the group, 3 for the subscription, 4 for another vault."""
    condition: str | None


conditions = st.one_of(st.none(), st.sampled_from(CONDITIONS))
grants = st.builds(
    Given,
    who=st.integers(0, 2),
    what=st.sampled_from(
        [
            KEY_VAULT_SECRETS_USER,
            KEY_VAULT_READER,
            KEY_VAULT_SECRETS_OFFICER,
            KEY_VAULT_ADMINISTRATOR,
            OWNER,
            KEY_VAULT_CRYPTO_USER,
            KEY_VAULT_CRYPTO_OFFICER,
        ]
    ),
    depth=st.integers(0, 4),
    condition=conditions,
)
denials = st.builds(
    Given,
    who=st.integers(0, 3),
    what=st.sampled_from(
        ["*", "*/read", f"{SECRETS}*", f"{SECRETS}getSecret/action", f"{KEYS}*", f"{KEYS}sign/action"]
    ),
    depth=st.integers(0, 4),
    condition=conditions,
)
policies = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.lists(st.sampled_from(["get", "list", "set", "all", "purge", "create", "sign"]), unique=True).map(tuple),
    ),
    max_size=3,
)
firewalls = st.builds(
    NetworkAcls,
    default_action=st.sampled_from(DefaultAction),
    bypass=st.sampled_from(Bypass),
    ip_rules=st.lists(st.sampled_from(["203.0.113.0/24", "198.51.100.1/32", "2001:db8::/32"]), unique=True).map(tuple),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make one world for all examples; each puts back what it changes."""
    simulation = Simulation(tmp_path_factory.mktemp("world"))
    yield simulation
    simulation.close()


@pytest.fixture(scope="module")
def people(world: Simulation) -> tuple[Principal, list[str], str]:
    """Make the caller, with its token; and whom rights may name: the caller, its group, somebody else, everyone."""
    caller, other = world.principal("caller"), world.principal("other")
    group = make_group(world, "inner", caller.oid)
    return caller, [caller.oid, make_group(world, "outer", group), other.oid, EVERYONE], world.token(caller)


def scope_of(world: Simulation, kind: str, name: str, depth: int) -> str:
    """Give one of the scopes at, above or beside an object."""
    vault = world.vault.scope
    group = vault.partition("/providers/")[0]
    return (f"{vault}/{kind}/{name}", vault, group, group.partition("/resourceGroups")[0], f"{vault}x")[depth]


def records(
    world: Simulation, kind: str, name: str, named: list[str], given_: list[Given], denied: list[Given]
) -> list[RoleAssignment | DenyAssignment]:
    """Make the assignments and the deny assignments."""
    tenant, now = world.first.tenant_id, int(world.clock())
    made: dict[tuple[str, ...], RoleAssignment | DenyAssignment] = {}
    for one in given_:
        scope = scope_of(world, kind, name, one.depth)
        made[scope, one.what, named[one.who]] = RoleAssignment(
            fresh(),
            tenant,
            scope,
            one.what,
            named[one.who],
            PrincipalType.SERVICE_PRINCIPAL,
            now,
            condition=one.condition,
            condition_version="2.0",
        )
    for one in denied:
        denial = DenyAssignment(
            fresh(), tenant, scope_of(world, kind, name, one.depth), "d", now, principals=(named[one.who],),
            data_actions=(one.what,), condition=one.condition, condition_version="2.0",
        )  # fmt: skip
        made[(denial.id,)] = denial
    return list(made.values())


def fresh() -> str:
    """Give an id that nothing else has."""
    return f"00000000-0000-4000-8000-{secrets.token_hex(6)}"


@given(
    data=st.data(),
    op=st.sampled_from(cases.GUARDED),
    name=st.sampled_from(["app-1", "other"]),
    rbac=st.booleans(),
    given_=st.lists(grants, max_size=3),
    denied=st.lists(denials, max_size=2),
    entries=policies,
    acls=st.one_of(st.none(), st.none(), firewalls),
    access=st.sampled_from([*[PublicNetworkAccess.ENABLED] * 5, *PublicNetworkAccess]),
    address=st.sampled_from(ADDRESSES),
)
@settings(max_examples=150)
def test_what_is_explained_is_what_is_answered(
    world: Simulation,
    people: tuple[Principal, list[str], str],
    data: st.DataObject,
    op: Op,
    name: str,
    rbac: bool,  # noqa: FBT001  hypothesis hands it over by name
    given_: list[Given],
    denied: list[Given],
    entries: list[tuple[int, tuple[str, ...]]],
    acls: NetworkAcls | None,
    access: PublicNetworkAccess,
    address: str,
) -> None:
    """Allowed by one is allowed by the other; refused is refused with the same status and the same word."""
    caller, named, token = people
    kind = cases.collection(op).name
    before, made = world.vault, records(world, kind, name, named, given_, denied)
    listed = tuple(AccessPolicy(before.tenant, named[who], **{kind: words}) for who, words in entries)
    principal = world.view.principal(before.tenant, caller.oid)
    assert isinstance(principal, ServicePrincipal)
    enabled = data.draw(st.sampled_from([True, True, True, False]))
    changed = replace(before, rbac=rbac, access_policies=listed, network_acls=acls, public_network_access=access)
    changes: list[Record] = [changed, replace(principal, enabled=enabled), *made]
    networks.put(world, *changes)
    try:
        told = why(world, caller.oid, op.name, name, address=address)
        answer = ask(world, op, name, token, address)
        event("allowed" if told["allowed"] else str(told["refusal"]["step"]))
        refused = told.get("refusal")
        if refused is None:
            assert not is_refusal(answer), (told, answer)
        elif op.name.endswith("Restore") and answer[0] == 400:
            # What is no backup is refused before the handler asks the condition about its name.
            assert refused["step"] == "permission"
        else:
            assert answer == (refused["status"], refused["code"]), told
    finally:
        networks.remove(world, *made)
        networks.put(world, before, principal)
    assert world.view.all(DenyAssignment, tenant_partition(before.tenant)) == ()


def ask(world: Simulation, op: Op, name: str, token: str, address: str) -> tuple[int, str]:
    """Send the request; its status and its word. What the object's state makes of it is no matter."""
    assert isinstance(op.requires, DataPermission | AnyOf)
    path = cases.CASES[op.name].path.format(name=name)
    body: Any = None if op.body is None else {"value": "AAAA"} if op.name.endswith("Restore") else {}
    answer = world.ask(
        op.method, f"{world.vault_url}{path}?api-version={cases.VERSION}", token=token, body=body, peer=address
    )
    if answer.status < 400:
        return answer.status, ""
    error = answer.error
    return answer.status, (error.get("innererror") or {}).get("code", "") or (
        "" if answer.status == 401 else error["code"]
    )


def is_refusal(answer: tuple[int, str]) -> bool:
    """Tell whether a step before the handler refused."""
    return answer[0] in {401, 421} or answer[1] in {
        "ForbiddenByRbac", "ForbiddenByPolicy", "ForbiddenByFirewall", "ForbiddenByConnection", "AccessDenied",
    }  # fmt: skip
