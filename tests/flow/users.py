"""People who sign in, and what they sign in with."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

import pyotp

from strongroom.core.identity import User
from strongroom.core.limits import CODE_STEP_S
from strongroom.core.records import tenant_partition
from strongroom.core.sessions import SignInSettings
from strongroom.crypto.security_keys import Party
from strongroom.crypto.totp import secret_text
from strongroom.directory import second_factors, users
from tests.plugins import canary
from tests.security_keys import SoftKey
from tests.world import Answer, Simulation

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
SCOPE = "https://vault.azure.net/.default offline_access openid profile"


@dataclass(frozen=True, slots=True)
class Person:
    """A user, and the password that only the user knows."""

    user: User
    password: str

    @property
    def name(self) -> str:
        """The user principal name."""
        return self.user.user_principal_name


def person(world: Simulation, *, must_change: bool = False, enabled: bool = True, tenant: str | None = None) -> Person:
    """Make a user with a password."""
    tenant = tenant or world.first.tenant_id
    found = world.view.tenant(tenant)
    assert found is not None
    name, password = f"u{secrets.token_hex(6)}@{found.domains[0]}", f"Pw1!{secrets.token_urlsafe(24)}"
    canary.remember(password)
    verifier = world.run(world.world.passwords.hash(password))

    async def make(tx: Any) -> User:
        return await users.create_user(
            tx,
            tenant,
            users.NewUser(name, "A person", enabled=enabled, given_name="A", surname="Person"),
            password=users.NewPassword(verifier, must_change=must_change),
            now=int(world.clock()),
            entropy=secrets.token_bytes,
        )

    return Person(world.commit(make), password)


@dataclass(frozen=True, slots=True)
class App:
    """A user's authenticator app."""

    id: str
    totp: pyotp.TOTP
    world: Simulation

    def code(self) -> str:
        """Show the next code: the present one may be used already."""
        self.world.advance(CODE_STEP_S)
        return self.totp.at(int(self.world.clock()))


def add_app(world: Simulation, user: User, name: str = "phone") -> App:
    """Set an authenticator app up for a user, past the pages."""
    now = int(world.clock())
    begun = second_factors.begin_app(user, now=now, entropy=secrets.token_bytes)
    text = secret_text(begun.secret)
    canary.remember(text)
    totp = pyotp.TOTP(text)
    made = second_factors.confirm_app(world.keys, user, begun, code=totp.at(now), name=name, now=now)
    world.commit(lambda tx: second_factors.add_factor(tx, user, made))
    return App(made.id, totp, world)


def add_key(world: Simulation, user: User, name: str = "key") -> tuple[str, SoftKey]:
    """Register a security key for a user, past the pages; its id, and the key."""
    now, key = int(world.clock()), SoftKey(world.login_url)
    party = Party("login.localhost", world.login_url)
    challenge = second_factors.new_challenge(user, party, now=now, entropy=secrets.token_bytes)
    options = second_factors.registration_options(world.keys, world.view, user, party, challenge)
    made = second_factors.register_key(
        user, party, challenge, answer=key.create(options), name=name, now=now, entropy=secrets.token_bytes
    )
    world.commit(lambda tx: second_factors.add_factor(tx, user, made))
    return made.id, key


def allow_passwords(world: Simulation, tenant: str | None = None, *, allowed: bool = True) -> None:
    """Switch a tenant's password grant on, or off again."""
    tenant = tenant or world.first.tenant_id
    world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant, password_grant=allowed)))


def ask_token(world: Simulation, authority: str | None = None, **form: str | None) -> Answer:
    """Ask the token endpoint, v2; members that are None are left out."""
    members = {"client_id": AZURE_CLI, "client_info": "1", "scope": SCOPE, **form}
    path = f"{authority or world.first.tenant_id}/oauth2/v2.0/token"
    peer = members.pop("peer", None) or "203.0.113.7"
    sent = {name: value for name, value in members.items() if value is not None}
    return world.ask("POST", f"{world.login_url}/{path}", form=sent, peer=peer)


def sign_in(world: Simulation, who: Person, authority: str | None = None, **form: str | None) -> Answer:
    """Sign in by the password grant."""
    asked = {"grant_type": "password", "username": who.name, "password": who.password, **form}
    return ask_token(world, authority, **asked)


def refresh(world: Simulation, token: str, authority: str | None = None, **form: str | None) -> Answer:
    """Ask for more by a refresh token."""
    return ask_token(world, authority, grant_type="refresh_token", refresh_token=token, **form)


async def at_once(world: Simulation, count: int, make: Any) -> list[Answer]:
    """Ask several times at once."""
    return list(await asyncio.gather(*(make() for _ in range(count))))


def partition(world: Simulation) -> str:
    """Name the partition of the first tenant."""
    return tenant_partition(world.first.tenant_id)
