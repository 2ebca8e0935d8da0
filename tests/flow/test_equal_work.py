"""
Who guesses at users learns nothing by the time that an answer takes: pitfalls "Timing tells a known client or user".

No clock is read: what takes the time is Argon2id, so it is counted how often it runs, and with which parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import argon2
import pytest

from strongroom.core.identity import CredentialKind
from strongroom.core.limits import SIGN_IN_FAILURES
from strongroom.crypto import passwords
from tests.flow.browser import Browser
from tests.flow.users import Person, allow_passwords, ask_token, person
from tests.world import Answer, Simulation

Ask = Callable[[Simulation, str, str], Answer]
WRONG = "Wrong-passw0rd"


class Counting:
    """Argon2id as it is, and how often it was asked to verify."""

    def __init__(self, real: argon2.PasswordHasher) -> None:
        self.real = real
        self.parameters: list[argon2.Parameters] = []

    def verify(self, verifier: str, password: bytes) -> bool:
        """Verify, and note what work that takes."""
        self.parameters.append(argon2.extract_parameters(verifier))
        return self.real.verify(verifier, password)

    def hash(self, password: bytes) -> str:
        """Hash."""
        return self.real.hash(password)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Count from now on."""
    made = Counting(passwords._hasher())
    monkeypatch.setattr(passwords, "_hasher", lambda: made)
    return made


def by_grant(world: Simulation, name: str, password: str) -> Answer:
    """Show a name and a password at the token endpoint."""
    return ask_token(world, grant_type="password", username=name, password=password)


def on_the_page(world: Simulation, name: str, password: str) -> Answer:
    """Type a name and a password in."""
    browser = Browser(world)
    return browser.send(browser.authorize(), username=name, password=password)


def unknown(_world: Simulation) -> tuple[str, str]:
    """Name nobody."""
    return "nobody@strongroom.localhost", WRONG


def nowhere(_world: Simulation) -> tuple[str, str]:
    """Name nobody, of a domain that is no tenant's."""
    return "nobody@elsewhere.example", WRONG


def elsewhere(world: Simulation) -> tuple[str, str]:
    """Name a user of another tenant, with the right password."""
    who = person(world, tenant=world.tenant())
    return who.name, who.password


def without_password(world: Simulation) -> tuple[str, str]:
    """Name a user who has no password here."""
    who = person(world)
    (held,) = [one for one in world.view.credentials_of(who.user.id) if one.kind is CredentialKind.PASSWORD]
    world.commit(lambda tx: tx.remove(held))
    return who.name, who.password


def wrong(world: Simulation) -> tuple[str, str]:
    """Name a user, with a wrong password."""
    return person(world).name, WRONG


def disabled(world: Simulation) -> tuple[str, str]:
    """Name a user who is disabled."""
    return person(world, enabled=False).name, WRONG


def expired(world: Simulation) -> tuple[str, str]:
    """Name a user whose password has expired."""
    return person(world, must_change=True).name, WRONG


@cache
def _locked(world: Simulation) -> Person:
    """Lock a user, once for the module: it takes many wrong passwords."""
    who = person(world)
    for _ in range(SIGN_IN_FAILURES):
        by_grant(world, who.name, WRONG)
    return who


def locked(world: Simulation) -> tuple[str, str]:
    """Name a user who is locked to the source, with a wrong password."""
    return _locked(world).name, WRONG


def locked_and_right(world: Simulation) -> tuple[str, str]:
    """Name such a user, with the right one."""
    who = _locked(world)
    return who.name, who.password


@pytest.mark.parametrize("ask", [by_grant, on_the_page])
@pytest.mark.parametrize(
    "who",
    [unknown, nowhere, elsewhere, without_password, wrong, disabled, expired, locked, locked_and_right],
    ids=lambda one: one.__name__,
)
def test_one_verification_for_everybody(
    world: Simulation, counting: Counting, who: Callable[[Simulation], tuple[str, str]], ask: Ask
) -> None:
    """SEC-TOKEN-4: exactly one, as hard as for a user who there is, and AADSTS50126 for all of them."""
    allow_passwords(world)
    known = person(world)
    counting.parameters.clear()
    assert ask(world, known.name, known.password).status in {200, 302}
    (usual,) = counting.parameters
    name, password = who(world)
    counting.parameters.clear()
    answer = ask(world, name, password)
    assert (answer.status, counting.parameters) == (400, [usual])
    assert b"AADSTS50126" in answer.body
