"""What is left of a request once it is answered: nothing that only a collection of garbage would find."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.flow.client import Client
from tests.flow.holding import hold, octets
from tests.world import Simulation

DIGEST = octets(bytes(32))


@contextmanager
def found() -> Iterator[list[str]]:
    """Give, when the block is over, what of ours a collection finds after it."""
    types: list[str] = []
    gc.collect()
    gc.disable()
    try:
        yield types
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        types += [type(thing).__name__ for thing in gc.garbage if type(thing).__module__.startswith("strongroom.")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/secrets/{name}", None, 200),
        ("PUT", "/secrets/{name}", {"value": "v"}, 200),
        ("GET", "/secrets/none-such", None, 404),
        ("GET", "/secrets", None, 200),
        ("POST", "/keys/{name}//sign", {"alg": "HS256", "value": DIGEST}, 200),
        ("POST", "/keys/{name}//unwrapkey", {"alg": "A256KW", "value": DIGEST}, 400),
        ("POST", "/keys/{name}/create", {"kty": "EC"}, 200),
    ],
)
def test_nothing_is_left(
    vault: Client, name: str, method: str, path: str, body: dict[str, str] | None, status: int
) -> None:
    """A call and what it read end with its answer, whether it was what was asked for or a refusal."""
    vault.done("PUT", f"/secrets/{name}", body={"value": "v"})
    hold(vault, name, bytes(range(32)))
    # The first one of its kind makes what all of them share.
    for _ in range(2):
        with found() as left:
            assert vault.ask(method, path.format(name=name), body=body).status == status
    assert left == []


def test_nothing_is_left_of_who_is_nobody(world: Simulation) -> None:
    """Nor is anything of a request without a token, or with one that does not verify."""
    for token in (None, "a.b.c"):
        with found() as left:
            assert world.ask("GET", f"{world.vault_url}/secrets/a?api-version=7.4", token=token).status == 401
        assert left == []
