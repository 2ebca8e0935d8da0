"""
Whatever changes between requests that are alike, each is answered and recorded as by a service that remembers nothing.

Every request is asked twice: with all that earlier requests left in memory, and with none of it. Status, headers, body
and audit entry are the same but for the request's own id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.guids import new_guid
from strongroom.core.identity import PrincipalType, ServicePrincipal
from strongroom.core.network import Bypass, DefaultAction, Link, NetworkAcls
from strongroom.core.rbac import RoleAssignment
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import AccessPolicy
from strongroom.flow import audit
from strongroom.flow.authentication import TokenCache
from strongroom.flow.decisions import Decisions
from strongroom.store import Transaction
from strongroom.vault import key_use
from strongroom.view.sealed import SealedCache
from tests.flow.client import Client
from tests.flow.conftest import quick_passwords
from tests.flow.holding import hold, octets
from tests.world import PUBLIC_ADDRESS, Answer, Principal, Simulation

__all__ = ["quick_passwords"]
pytestmark = pytest.mark.usefixtures("quick_passwords")

EXAMPLES, STEPS = 6, 16
YEARS = 100 * 365 * 86_400
ADDRESSES = (PUBLIC_ADDRESS, "198.51.100.9")
VERSIONS = ("7.4", "2026-04-01")
SECRETS, KEYS = ("get", "list", "set", "delete", "recover", "purge"), ("get", "import", "update", "sign")
Question = tuple[str, str, dict[str, str] | None]
Asker = tuple[int, str, Link, str]
READ, SIGN = ("GET", "/secrets/one", None), ("POST", "/keys/key//sign", {"alg": "HS256", "value": octets(bytes(32))})
QUESTIONS: tuple[Question, ...] = (
    READ,
    READ,
    READ,
    ("GET", "/secrets/ONE/", None),
    ("GET", "/keys/key", None),
    SIGN,
    SIGN,
)
"""Some are asked by several, whose answers must not be each other's."""


class Place:
    """A vault with a secret, a key and two callers, and everything that a walk changes of them."""

    def __init__(self, world: Simulation) -> None:
        self.world, self.partition = world, tenant_partition(world.first.tenant_id)
        self.origin, self.first = world.vault_url, world.vault
        # Past its rules, so that what is in the vault changes however it is guarded.
        self.owner = Client(world, world.principal(lifetime_s=YEARS), link=Link.CONTROL, origin=self.origin)
        self.callers: list[Principal] = [world.principal(lifetime_s=YEARS) for _ in range(2)]
        self.tokens: list[str] = []
        self.hits = self.asked = 0

    def begin(self) -> None:
        """Let everything be as it was at first, whatever the walk before this one left."""
        world = self.world
        world.commit(self._clear)
        world.set_vault(**{name: getattr(self.first, name) for name in ("rbac", "network_acls", "retention_days")})
        for who in (self.owner.principal, *self.callers):
            world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, self.first.scope)
        self.owner.ask("POST", "/deletedsecrets/one/recover")
        self.owner.put("one")
        hold(self.owner, "key", bytes(range(32)))
        self.sign_in()

    async def _clear(self, tx: Transaction) -> None:
        for held in self.world.view.all(RoleAssignment):
            if held.principal in {one.oid for one in (self.owner.principal, *self.callers)}:
                await tx.remove(held)

    def sign_in(self) -> None:
        """Get tokens, the first caller two of them."""
        self.enable(self.callers[0], enabled=True)
        self.tokens = [self.world.token(who) for who in (self.callers[0], *self.callers)]

    # ---- changes

    def enable(self, who: Principal, *, enabled: bool) -> None:
        """Enable or disable a caller."""
        found = self.world.view.get(ServicePrincipal, self.partition, who.oid)
        assert found is not None
        self.world.commit(lambda tx: tx.put(replace(found, enabled=enabled)))

    def take_rights(self) -> None:
        """Take the second caller's rights away."""

        async def change(tx: Transaction) -> None:
            for held in self.world.view.all(RoleAssignment):
                if held.principal == self.callers[1].oid:
                    await tx.remove(held)

        self.world.commit(change)

    def give_for_half_a_minute(self) -> None:
        """Give the second caller a right that ends by itself."""
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.world.clock() + 30))
        self.take_rights()
        assignment = RoleAssignment(
            id=new_guid(self.world.world.entropy),
            tenant=self.world.first.tenant_id,
            scope=self.first.scope,
            role=KEY_VAULT_ADMINISTRATOR,
            principal=self.callers[1].oid,
            principal_type=PrincipalType.SERVICE_PRINCIPAL,
            created=int(self.world.clock()),
            condition=f"@Environment[UtcNow] DateTimeLessThan '{until}'",
            condition_version="2.0",
        )
        self.world.commit(lambda tx: tx.put(assignment))

    def use_policies(self) -> None:
        """Let access policies decide, of which the second caller has fewer."""
        tenant = self.world.first.tenant_id
        policies = [
            AccessPolicy(tenant, self.owner.principal.oid, secrets=SECRETS, keys=KEYS),
            AccessPolicy(tenant, self.callers[0].oid, secrets=("get", "list"), keys=("get", "sign")),
            AccessPolicy(tenant, self.callers[1].oid, secrets=("list",), keys=("sign",)),
        ]
        self.world.set_vault(rbac=False, access_policies=tuple(policies))

    def close(self) -> None:
        """Let one of the two addresses in."""
        rules = NetworkAcls(DefaultAction.DENY, Bypass.NONE, (f"{ADDRESSES[0]}/32", "127.0.0.1/32"))
        self.world.set_vault(network_acls=rules)

    def set_end(self, path: str) -> None:
        """Let an object be used for half a minute."""
        self.owner.ask("PATCH", path, body={"attributes": {"exp": int(self.world.clock()) + 30}})

    # ---- questions

    def judge(self, question: Question, who: int, address: str, link: Link, version: str) -> None:
        """Ask a question with what is remembered and without, and compare."""
        method, path, body = question
        headers = {"user-agent": f"agent/{self.asked % 5}", "x-ms-client-request-id": f"id-{self.asked}"}

        def ask() -> tuple[Answer, dict[str, Any]]:
            answer = self.world.ask(
                method, f"{self.origin}{path}?api-version={version}", token=self.tokens[who], body=body, peer=address,
                link=link, headers=headers,
            )  # fmt: skip
            entry = self.world.entries()[-1]
            entry["properties"].pop("requestId", None)
            return replace(answer, headers={**answer.headers, "x-ms-request-id": ""}), entry

        self.asked += 1
        first, second = ask(), ask()
        self.hits += any(one.call is not None for one in self.world.world.decisions._kept.values())
        with nothing_remembered(self.world):
            assert first == second == ask()


@contextmanager
def nothing_remembered(world: Simulation) -> Iterator[None]:
    """Have the service begin anew with an empty memory, and take its old one back after that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.world, "decisions", Decisions())
        patch.setattr(world.world, "tokens", TokenCache(100))
        patch.setattr(world.view, "sealed", SealedCache())
        for module, memory in ((key_use, "_told"), (audit, "_identities")):
            patch.setattr(module, memory, {})
        yield


CHANGES: tuple[Callable[[Place], object], ...] = (
    lambda place: place.owner.ask("PUT", "/secrets/one", body={"value": "another"}),
    lambda place: place.owner.ask("PATCH", "/secrets/one", body={"tags": {"value": '"value":""'}}),
    lambda place: place.owner.ask("PATCH", "/secrets/one", body={"attributes": {"enabled": False}}),
    lambda place: place.set_end("/secrets/one"),
    lambda place: place.owner.ask("DELETE", "/secrets/one"),
    lambda place: place.owner.ask("POST", "/deletedsecrets/one/recover"),
    lambda place: place.owner.ask("DELETE", "/deletedsecrets/one"),
    lambda place: place.owner.ask("PATCH", "/keys/key", body={"tags": {"a": "b"}}),
    lambda place: place.owner.ask("PATCH", "/keys/key", body={"key_ops": ["verify", "sign"]}),
    lambda place: place.set_end("/keys/key"),
    lambda place: place.world.advance(31),
    lambda place: place.world.advance(31),
    lambda place: place.world.advance(31),
    lambda place: place.world.advance(90 * 60),
    Place.sign_in,
    lambda place: place.world.set_vault(retention_days=7),
    lambda place: place.world.set_vault(rbac=True),
    Place.use_policies,
    Place.close,
    lambda place: place.world.set_vault(network_acls=None),
    lambda place: place.enable(place.callers[0], enabled=False),
    Place.take_rights,
    Place.give_for_half_a_minute,
)
asked = st.tuples(
    st.integers(0, 2),
    st.sampled_from(ADDRESSES),
    st.sampled_from([Link.PUBLIC, Link.PUBLIC, Link.CONTROL]),
    st.sampled_from(VERSIONS),
)
askers = st.tuples(*(asked for _ in QUESTIONS))
changes = st.lists(st.sampled_from(CHANGES), min_size=STEPS, max_size=STEPS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Make a world where time only goes on."""
    world = Simulation(tmp_path_factory.mktemp("world"))
    yield Place(world)
    world.close()


def test_what_is_remembered_shows_in_no_answer(place: Place) -> None:
    """SEC-FLOW-7: admission, authentication and authorization are per request, and so is what is answered."""

    @settings(
        max_examples=EXAMPLES, phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(askers, changes)
    def walk(askers: tuple[Asker, ...], changes: list[Callable[[Place], object]]) -> None:
        place.begin()
        for change in changes:
            change(place)
            for question, asker in zip(QUESTIONS, askers, strict=True):
                place.judge(question, *asker)

    walk()
    assert place.hits > place.asked // 4
