"""A directory to run commands on: the real store, in memory, with the view that follows it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from strongroom.core.identity import Application, Group, ServicePrincipal, Tenant, User
from strongroom.core.records import KINDS
from strongroom.crypto.software import ROOT_KEY_BYTES, SoftwareRootKey
from strongroom.directory import applications, groups, tenants, users
from strongroom.store import Transaction
from strongroom.store.sqlite import SqliteStore
from strongroom.view import View

T = TypeVar("T")

NOW = 1_790_000_000


class Directory:
    """Two tenants in one store, and the commands as calls."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self.now = NOW
        self.entropy = secrets.token_bytes
        self.keys = SoftwareRootKey(secrets.token_bytes(ROOT_KEY_BYTES))
        self.view = View()
        self.store = self.run(SqliteStore.open(None, self.keys.tag))
        self.store.subscribe(self.view.apply)
        self.view.load([record for kind in KINDS.values() for record in self.run(self.store.records(kind))])
        self.tenant = self.add_tenant("one.example").id
        self.other = self.add_tenant("other.example").id

    def close(self) -> None:
        """Let go of the store."""
        self.run(self.store.close())
        self._runner.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something asynchronous to its end."""
        return self._runner.run(coroutine)

    def commit(self, change: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a command in a transaction of its own."""
        return self.run(self.store.commit(change)).result

    def add_tenant(self, *domains: str) -> Tenant:
        """Make a tenant."""
        return self.commit(
            lambda tx: tenants.create_tenant(tx, display_name="T", domains=domains, now=self.now, entropy=self.entropy)
        )

    def add_user(self, name: str = "a", *, tenant: str | None = None, domain: str = "one.example") -> User:
        """Make a user with a password."""
        wanted = users.NewUser(f"{name}@{domain}", name, name)
        return self.commit(
            lambda tx: users.create_user(
                tx,
                tenant or self.tenant,
                wanted,
                password=users.NewPassword(b"verifier"),
                now=self.now,
                entropy=self.entropy,
            )
        )

    def add_group(self, name: str = "g", *, tenant: str | None = None) -> Group:
        """Make a group without members."""
        return self.commit(
            lambda tx: groups.create_group(
                tx,
                tenant or self.tenant,
                display_name=name,
                mail_nickname=name,
                description=None,
                now=self.now,
                entropy=self.entropy,
            )
        )

    def add_application(
        self, name: str = "app", *, uris: tuple[str, ...] = (), audience: str = "AzureADMyOrg"
    ) -> Application:
        """Register an application without a principal."""
        return self.commit(
            lambda tx: applications.create_application(
                tx,
                self.tenant,
                display_name=name,
                identifier_uris=uris,
                sign_in_audience=audience,
                now=self.now,
                entropy=self.entropy,
            )
        )

    def add_principal(self, application: Application, *, tenant: str | None = None) -> ServicePrincipal:
        """Give an application its principal."""
        return self.commit(
            lambda tx: applications.create_service_principal(
                tx, tenant or self.tenant, application, now=self.now, entropy=self.entropy
            )
        )

    def add_identity(self, name: str = "identity") -> ServicePrincipal:
        """Make a managed identity's principal."""
        return self.commit(
            lambda tx: applications.create_identity_principal(
                tx,
                self.tenant,
                display_name=name,
                resource_id=f"/subscriptions/s/resourceGroups/g/providers/m/userAssignedIdentities/{name}",
                now=self.now,
                entropy=self.entropy,
            )
        )

    def join(self, group: Group, member: str) -> None:
        """Put a principal into a group."""
        self.commit(lambda tx: groups.add_member(tx, self.view, group.tenant, group.id, member))


@pytest.fixture
def directory() -> Iterator[Directory]:
    """Make a directory, and let go of it after the test."""
    made = Directory()
    yield made
    made.close()
