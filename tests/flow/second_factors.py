"""People who sign in with a second factor, as tests share them."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from tests.flow.users import App, Person, add_app, person
from tests.flow.visitor import Visitor
from tests.world import Answer, Simulation


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    return person(world)


@pytest.fixture
def app(world: Simulation, someone: Person) -> App:
    """Set an authenticator app up for the user."""
    return add_app(world, someone.user)


@pytest.fixture
def visitor(world: Simulation, someone: Person) -> Visitor:
    """Put the user before a browser."""
    return Visitor(world, someone)


def asked(visitor: Visitor) -> Visitor:
    """Take a browser as far as the page that asks for a second factor."""
    visitor.authorize()
    visitor.password()
    assert visitor.step == "second_factor", visitor.text
    return visitor


def refused(answer: Answer, number: int = 500121) -> None:
    """Check that the page is shown again, with the number."""
    assert answer.status == 400
    assert f"AADSTS{number}: " in answer.body.decode()


def reason(world: Simulation) -> str:
    """Give what the journal says of the last refusal."""
    text: str = world.entries()[-1]["properties"]["reason"]
    return text


def claims(answer: Answer) -> dict[str, Any]:
    """Read an access token."""
    assert answer.status == 200, answer.body
    return jwt.decode(answer.json["access_token"], options={"verify_signature": False})
