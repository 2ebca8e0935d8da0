"""A client of one vault in the simulated world, and tenants beside the first one."""

from __future__ import annotations

import secrets as chance
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from strongroom.core.guids import new_guid
from strongroom.core.identity import PrincipalType
from strongroom.core.network import Link
from strongroom.core.rbac import RoleAssignment
from strongroom.core.vaults import Vault
from strongroom.resources import containers, vaults
from strongroom.resources.vault_settings import VaultChange
from strongroom.store import Transaction
from tests.plugins.canary import plant
from tests.world import Answer, Principal, Simulation

VERSION = "2026-04-01"
ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
"""The built-in role Key Vault Administrator."""
_TOKEN_S = 1800


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant with a subscription, a vault, and an application that administers the vault."""

    id: str
    subscription: str
    vault: Vault
    principal: Principal


class Client:
    """Asks one vault as one principal, with a token that is renewed in time."""

    def __init__(
        self,
        world: Simulation,
        principal: Principal | None = None,
        *,
        tenant: str | None = None,
        origin: str | None = None,
        link: Link = Link.PUBLIC,
    ) -> None:
        self.world = world
        self.principal = principal or world.administrator
        self.tenant = tenant
        self.origin = origin or world.vault_url
        self.link = link
        self._token, self._renew = "", 0.0

    @property
    def token(self) -> str:
        """A token that is good now."""
        if self.world.clock() >= self._renew:
            self._token = self.world.token(self.principal, tenant=self.tenant)
            self._renew = self.world.clock() + _TOKEN_S
        return self._token

    def ask(self, method: str, path: str, *, version: str = VERSION, query: str = "", **how: Any) -> Answer:
        """Send a request to the vault, with a token unless *how* gives another."""
        how.setdefault("token", self.token)
        how.setdefault("link", self.link)
        return self.world.ask(method, f"{self.origin}{path}?api-version={version}{query}", **how)

    def done(self, method: str, path: str, **how: Any) -> Any:
        """Send a request that succeeds, and give what it answers."""
        answer = self.ask(method, path, **how)
        assert answer.status in {200, 204}, answer.body
        return answer.json if answer.body else None

    def put(self, name: str, value: str | None = None, **members: object) -> dict[str, Any]:
        """Set a secret, to a value of no meaning unless *value* gives one."""
        bundle: dict[str, Any] = self.done("PUT", f"/secrets/{name}", body={"value": value or plant(), **members})
        return bundle

    def follow(self, link: str) -> Answer:
        """Ask for the next page, as a client that takes the link as it is."""
        return self.world.ask("GET", link, token=self.token, link=self.link)

    def pages(self, path: str, query: str = "", **how: Any) -> list[list[dict[str, Any]]]:
        """Read a listing page by page."""
        found = []
        answer = self.ask("GET", path, query=query, **how)
        while True:
            assert answer.status == 200, answer.body
            found.append(answer.json["value"])
            if answer.json["nextLink"] is None:
                return found
            answer = self.follow(answer.json["nextLink"])

    def walk(self, path: str, query: str = "", **how: Any) -> list[dict[str, Any]]:
        """Read a whole listing."""
        return [item for page in self.pages(path, query, **how) for item in page]


def version_of(bundle: dict[str, Any]) -> str:
    """Give the version at the end of a bundle's id."""
    version: str = bundle["id"].rpartition("/")[2]
    return version


def not_found(name: str) -> dict[str, str]:
    """Give the refusal for a secret that is not there."""
    return {
        "code": "SecretNotFound",
        "message": (
            f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you"
            " may be able to recover it using the correct recovery command. For help resolving this issue, please see"
            " https://go.microsoft.com/fwlink/?linkid=2125182"
        ),
    }


def skip_token(link: str) -> str:
    """Give the skip token of a link."""
    return parse_qs(urlsplit(link).query)["$skiptoken"][0]


def dump(world: Simulation) -> bytes:
    """Give everything that is stored, byte for byte, as a database file would hold it."""
    stored: bytes = world.store._connections[1].raw.serialize("main")
    return stored


def make_vault(
    world: Simulation, tenant: str, subscription: str, administrator: str, name: str | None = None, group: str = "rg"
) -> Vault:
    """Make a vault in a subscription, with its administrator."""
    now = int(world.clock())
    vault_id = new_guid(chance.token_bytes)
    place = world.view.subscription(subscription)
    assert place is not None

    async def make(tx: Transaction) -> Vault:
        resource_group, _ = await containers.put_group(
            tx, subscription=place, name=group, location="local", tags={}, now=now
        )
        vault = await vaults.create_vault(
            tx,
            group=resource_group,
            vault=vault_id,
            name=name or f"v-{chance.token_hex(6)}",
            location="local",
            wrapped_key=world.keys.new_vault_key(vault_id),
            change=VaultChange(),
            rbac_default=True,
            now=now,
            by="test",
        )
        assignment = RoleAssignment(
            id=new_guid(chance.token_bytes),
            tenant=tenant,
            scope=vault.scope,
            role=ADMINISTRATOR,
            principal=administrator,
            principal_type=PrincipalType.SERVICE_PRINCIPAL,
            created=now,
        )
        await tx.put(assignment)
        return vault

    return world.commit(make)


def make_tenant(world: Simulation) -> Tenant:
    """Make a tenant with everything in it that a data-plane call needs."""
    tenant, subscription = world.tenant(), new_guid(chance.token_bytes)
    world.commit(
        lambda tx: containers.create_subscription(
            tx, subscription=subscription, tenant=tenant, display_name="Other", now=int(world.clock())
        )
    )
    principal = world.principal("other", tenant, lifetime_s=30 * 86_400)
    vault = make_vault(world, tenant, subscription, principal.oid)
    return Tenant(tenant, subscription, vault, principal)


def client_of(world: Simulation, tenant: Tenant, origin: str | None = None) -> Client:
    """Make a client of a tenant's own vault, or of another one."""
    own = f"https://{tenant.vault.name}.vault.localhost:8443"
    return Client(world, tenant.principal, tenant=tenant.id, origin=origin or own)
