"""A right that is lost while a place of keys is at work is not used: what it gave then goes to nobody."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR, KEY_VAULT_CRYPTO_USER
from strongroom.core.guids import new_guid
from strongroom.core.rbac import RoleAssignment
from strongroom.crypto.keys.protocol import KeyProtections
from strongroom.store import Transaction
from tests.flow.attesting import Authority, StandIn, create
from tests.flow.client import Client
from tests.world import Simulation

ASSIGNMENT = "x-ms-keyvault-rbac-assignment-id"
DIGEST = "A" * 43
USES: dict[str, tuple[str, dict[str, str]]] = {
    "sign": ("sign", {"alg": "ES256", "value": DIGEST}),
    "verify": ("verify", {"alg": "HS256", "digest": DIGEST, "value": DIGEST}),
    "encrypt": ("encrypt", {"alg": "A256CBCPAD", "value": "AA", "iv": "A" * 22}),
    "unwrap": ("unwrapkey", {"alg": "A256KW", "value": ""}),
    "backup": ("back_up", {}),
    "release": ("release", {}),
}


class SlowToken(StandIn):
    """While it is at work, something happens."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def _work(self, done: Any) -> Any:
        result = await done
        if self.meanwhile is not None:
            await self.meanwhile()
        return result

    async def sign(self, *how: Any) -> Any:
        """Sign."""
        return await self._work(super().sign(*how))

    async def verify(self, *how: Any) -> Any:
        """Compare."""
        return await self._work(super().verify(*how))

    async def encrypt(self, *how: Any) -> Any:
        """Encrypt."""
        return await self._work(super().encrypt(*how))

    async def decrypt(self, *how: Any) -> Any:
        """Decrypt."""
        return await self._work(super().decrypt(*how))

    async def back_up(self, *how: Any) -> Any:
        """Save."""
        return await self._work(super().back_up(*how))

    async def release(self, *how: Any) -> Any:
        """Wrap for outside."""
        return await self._work(super().release(*how))


@dataclass
class Scene:
    """A caller whose right can go, and the token that its keys live in."""

    world: Simulation
    token: SlowToken
    owner: Client
    caller: Client
    right: RoleAssignment

    def lose(self) -> None:
        """Have the caller lose its right while the token is at work."""

        async def remove(tx: Transaction) -> None:
            await tx.remove(self.right)

        self.token.meanwhile = lambda: self.world.store.commit(remove)


@pytest.fixture
def scene(world: Simulation) -> Iterator[Scene]:
    """Put a slow token into the world."""
    before, token = world.world.protections, SlowToken()
    world.world.protections = KeyProtections(before.software, token)
    world.set_vault(sku="premium")
    who = world.principal()
    right = world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    yield Scene(world, token, Client(world), Client(world, who), right)
    world.world.protections = before
    world.set_vault(sku="standard")


@pytest.mark.parametrize("use", USES)
def test_a_right_lost_meanwhile_gives_nothing(scene: Scene, name: str, use: str) -> None:
    """A token may keep a request waiting for seconds; whoever lost the right by then is told nothing it computed."""
    authority = Authority(scene.world, f"https://{name}.example")
    authority.configure()
    operation, body = USES[use]
    kty = {"sign": "EC-HSM", "release": "EC-HSM", "backup": "EC-HSM"}.get(use, "oct-HSM")
    ops = {"verify": ["verify"], "encrypt": ["encrypt"], "unwrap": ["wrapKey", "unwrapKey"]}.get(use)
    made = create(scene.owner, name, authority, kty=kty, key_ops=ops)
    assert made.status == 200, made.body
    if use == "release":
        body = {"target": authority.token()}
    if use == "unwrap":
        wrap = {"alg": "A256KW", "value": "A" * 43}
        body = {**body, "value": scene.owner.done("POST", f"/keys/{name}/wrapkey", body=wrap)["value"]}
    path = f"/keys/{name}/{operation.replace('_', '')}"
    assert scene.caller.ask("POST", path, body=body).status == 200
    scene.lose()
    answer = scene.caller.ask("POST", path, body=body)
    assert answer.status == 403, answer.body
    assert answer.error["innererror"] == {"code": "ForbiddenByRbac"}
    assert scene.world.entries()[-1]["properties"]["httpStatusCode"] == 403


def test_the_record_names_the_right_that_held(scene: Scene, name: str) -> None:
    """Let in by one right, and having another in its place by the end, a request is recorded with the one it has."""
    scene.owner.done("POST", f"/keys/{name}/create", body={"kty": "EC-HSM"})
    path, body = f"/keys/{name}/sign", USES["sign"][1]
    scope = f"{scene.world.vault.scope}/keys/{name}"
    # The first answer puts its decision where the later ones find it.
    before = [scene.caller.ask("POST", path, body=body).headers[ASSIGNMENT] for _ in range(2)]
    assert before == [scene.right.id] * 2
    scene.token.meanwhile = lambda: scene.world.store.commit(exchange)
    other = replace(scene.right, id=new_guid(secrets.token_bytes), scope=scope, role=KEY_VAULT_CRYPTO_USER)

    async def exchange(tx: Transaction) -> None:
        await tx.remove(scene.right)
        await tx.put(other)

    assert scene.caller.ask("POST", path, body=body).headers[ASSIGNMENT] == other.id
    assert scene.world.entries()[-1]["properties"]["appliedAssignmentId"] == other.arm_id
