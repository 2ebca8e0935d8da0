"""What a case is: how to ask for one operation of the data plane so that it succeeds, and what makes that possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.world import Simulation

VERSION = "2026-04-01"

Make = Callable[[Simulation, str], Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One operation's request. *prepare* brings the vault into the state that the operation needs."""

    prepare: Make
    path: str
    body: object = None
    """What is sent, or what makes it once all is prepared."""
    example: object = None
    """A body of the right form, for where *body* has to be made and nothing is prepared."""
    makes: bool = False
    """True if it makes the object that it names, where there is none."""

    def unprepared(self) -> object:
        """Give a body of the right form."""
        return self.example if callable(self.body) else self.body

    def prepared(self, world: Simulation, name: str) -> object:
        """Give the body of a request that succeeds."""
        return self.body(world, name) if callable(self.body) else self.body


@dataclass(frozen=True, slots=True)
class Collection:
    """What the suites do to objects of one kind, as the administrator."""

    name: str
    put: Make
    """Make an object, or a new version of it, and give its bundle."""
    deleted: Make
    """Make an object and delete it."""
    backup: Make
    """Make an object, back it up, purge it, and give the backup."""
    identifier: Callable[[Any], str]
    """Give the id in a bundle."""
    update: object
    """The body of an update that changes something."""


def nothing(_world: Simulation, _name: str) -> None:
    """Need nothing."""


def done(world: Simulation, method: str, path: str, body: object = None) -> Any:
    """Ask the first vault as the administrator for something that succeeds, and give what it answers."""
    url = f"{world.vault_url}{path}?api-version={VERSION}"
    answer = world.ask(method, url, token=world.token(world.administrator), body=body)
    assert answer.status in {200, 204}, answer.body
    return answer.json if answer.body else None
