"""
Whatever is wrong with a request about a key, the answer is a refusal, and nothing that is stored has changed.

Generated from the rows of keys and their cases. What each operation in particular finds wrong is in the tests of that.
"""

from __future__ import annotations

import copy
import secrets as chance
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.flow.operation import Op
from strongroom.vault.key_operations import KEY_ROWS
from tests.flow.cases import CASES
from tests.flow.client import Client, dump
from tests.flow.test_bad_input import AMBIGUOUS, NAMES, NOT_JSON, UNREADABLE
from tests.world import Simulation

NAMED = [pytest.param(op, id=op.name) for op in KEY_ROWS if "{name}" in op.path]
WITH_BODY = [pytest.param(op, id=op.name) for op in KEY_ROWS if op.body is not None]
OTHERS: tuple[object, ...] = (1, 1.5, True, "x", ["x"], {"x": "y"})


def path_of(op: Op, name: str) -> str:
    """Give a row's path, of the latest version."""
    return op.path.format(**{"name": name, "version?": ""})


@pytest.fixture
def prepared(world: Simulation, vault: Client, name: str) -> Iterator[bytes]:
    """Have a key there that a bad request could harm, and see that none does."""
    vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"})
    stored = dump(world)
    yield stored
    assert dump(world) == stored


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("op", WITH_BODY)
def test_a_body_that_is_not_json(vault: Client, name: str, op: Op) -> None:
    """A body that is not JSON, or reads in two ways, is 400 for every operation; no part of it is repeated."""
    for what, raw in {**NOT_JSON, **AMBIGUOUS}.items():
        answer = vault.ask(op.method, path_of(op, name), raw=raw)
        assert (answer.status, answer.error["code"]) == (400, "BadParameter"), (what, answer.body)


def wrong(body: Any) -> Iterator[tuple[str, Any]]:
    """Give a body with, one after the other, each of its members of every type that it cannot have."""
    for member, right in body.items():
        for other in OTHERS:
            if type(other) is not type(right):
                yield f"{member} is {other!r}", {**body, member: other}
        if isinstance(right, dict):
            for what, nested in wrong(right):
                yield f"{member}.{what}", {**body, member: nested}


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("op", WITH_BODY)
def test_a_body_of_another_form(vault: Client, name: str, op: Op) -> None:
    """A member that is of another type, wherever it stands, is 400 for every operation."""
    example: Any = copy.deepcopy(CASES[op.name].unprepared())
    bodies = [(repr(one), one) for one in (None, [], "x", 1, [example])] + list(wrong(example))
    for what, body in bodies:
        answer = vault.ask(op.method, path_of(op, name), **({"raw": b"null"} if body is None else {"body": body}))
        assert (answer.status, answer.error["code"]) == (400, "BadParameter"), (what, answer.body)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("op", WITH_BODY)
def test_a_body_over_its_limit(vault: Client, name: str, op: Op) -> None:
    """One byte more than an operation reads is 413, whatever the body says."""
    answer = vault.ask(op.method, path_of(op, name), raw=b"{}" + b" " * (op.body_limit - 1))
    assert (answer.status, answer.error["code"]) == (413, "RequestEntityTooLarge")


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("op", NAMED)
def test_what_is_no_name(vault: Client, op: Op) -> None:
    """A name is letters, digits and hyphens after decoding; anything else is 400 for every operation."""
    for bad in NAMES:
        answer = vault.ask(op.method, path_of(op, bad), body=CASES[op.name].unprepared())
        assert answer.status == 400, (bad, answer.body)
        assert answer.error["message"].startswith("The request URI contains an invalid name: "), bad
    for bad in UNREADABLE:
        answer = vault.ask(op.method, path_of(op, bad), body=CASES[op.name].unprepared())
        assert answer.status == 400, (bad, answer.body)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("op", [one for one in NAMED if "{version?}" in one.values[0].path])
def test_what_is_no_version(vault: Client, name: str, op: Op) -> None:
    """What is no version is 400, and a version that is unknown is 404; it is never the latest one instead."""
    unknown = chance.token_hex(16)
    for bad, status in ((unknown, 404), *((one, 400) for one in ("0", "latest", f"{unknown}0", "%20", "a%2fb", "a;b"))):
        path = op.path.format(**{"name": name, "version?": bad})
        answer = vault.ask(op.method, path, body=CASES[op.name].unprepared())
        assert (answer.status, answer.error["code"]) == (status, {404: "KeyNotFound"}.get(status, "BadParameter")), bad
