"""A store, a view that follows it, and a tenant with a subscription, a group and a vault in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest

from strongroom.core.identity import Group, ServicePrincipal, Tenant, User
from strongroom.core.resources import ResourceGroup, Subscription
from strongroom.core.vaults import Vault
from strongroom.crypto.software import ROOT_KEY_BYTES, SoftwareRootKey
from strongroom.resources.containers import create_subscription, put_group
from strongroom.resources.vault_settings import VaultChange
from strongroom.resources.vaults import create_vault
from strongroom.store import Transaction
from strongroom.store.sqlite import SqliteStore
from strongroom.view import View

T = TypeVar("T")

TENANT = "11111111-1111-4111-8111-111111111111"
OTHER_TENANT = "22222222-2222-4222-8222-222222222222"
SUBSCRIPTION = "50000000-0000-4000-8000-000000000001"
USER = "a0000000-0000-4000-8000-000000000001"
TEAM = "a0000000-0000-4000-8000-000000000002"
APP = "a0000000-0000-4000-8000-000000000003"
VAULT = "c0000000-0000-4000-8000-000000000001"
NOW = 1_790_000_000


class Place:
    """Where commands run: `commit` is one transaction, `view` shows what came of it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self.keys = SoftwareRootKey(b"\x07" * ROOT_KEY_BYTES)
        self.view = View()
        self.view.load([])
        self.store = self._runner.run(SqliteStore.open(None, self.keys.tag, lambda: float(NOW)))
        self.store.subscribe(self.view.apply)
        self.subscription, self.group, self.vault = self.commit(self._furnish)

    def close(self) -> None:
        """Let go of everything."""
        self._runner.run(self.store.close())
        self._runner.close()

    def commit(self, change: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a change in a transaction."""
        return self._runner.run(self.store.commit(change)).result

    def now_of(self, vault: Vault) -> Vault:
        """Read the vault as it is now."""
        found = self.view.vault(vault.id)
        assert found is not None
        return found

    def new_vault(self, name: str, vault: str, change: VaultChange | None = None, *, rbac: bool = True) -> Vault:
        """Make another vault in the same group."""

        async def make(tx: Transaction) -> Vault:
            return await create_vault(
                tx,
                group=self.group,
                vault=vault,
                name=name,
                location="local",
                wrapped_key=self.keys.new_vault_key(vault),
                change=change or VaultChange(),
                rbac_default=rbac,
                now=NOW,
                by=USER,
            )

        return self.commit(make)

    async def _furnish(self, tx: Transaction) -> tuple[Subscription, ResourceGroup, Vault]:
        await tx.put(Tenant(TENANT, "Home", ("home.test",), NOW))
        await tx.put(User(USER, TENANT, "ann@home.test", "Ann", NOW))
        await tx.put(Group(TEAM, TENANT, "Team", NOW))
        await tx.put(ServicePrincipal(APP, TENANT, "b0000000-0000-4000-8000-000000000003", "App", NOW))
        subscription = await create_subscription(
            tx, subscription=SUBSCRIPTION, tenant=TENANT, display_name="Main", now=NOW
        )
        group, _ = await put_group(tx, subscription=subscription, name="Rg1", location="local", tags={}, now=NOW)
        vault = await create_vault(
            tx,
            group=group,
            vault=VAULT,
            name="Kv-one",
            location="local",
            wrapped_key=self.keys.new_vault_key(VAULT),
            change=VaultChange(),
            rbac_default=True,
            now=NOW,
            by=USER,
        )
        return subscription, group, vault


@pytest.fixture
def place() -> Iterator[Place]:
    """Give a furnished place to one test."""
    made = Place()
    yield made
    made.close()
