"""
No private part of a key is in any answer (SEC-KEY-1).

Pitfalls.md: "key set endpoint publishing private members", and "`key_ops` empty or missing in a key breaks ASP.NET Data
Protection" (SEC-KEY-7).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.flow.operation import Op
from strongroom.vault.key_operations import KEY_ROWS
from tests.flow.client import Client
from tests.flow.guarded import VAULTS
from tests.flow.key_cases import octets, private_jwk
from tests.plugins.canary import remember
from tests.world import Simulation

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k", "key_hsm"}


def objects(found: Any) -> Iterator[dict[str, Any]]:
    """Give every object within an answer."""
    if isinstance(found, dict):
        yield found
    for one in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from objects(one)


def check(found: Any) -> None:
    """Check that no object has a private member, and that every key says what it may be used for."""
    for one in objects(found):
        assert not PRIVATE & one.keys()
        if "kty" in one:
            assert one["key_ops"]


@pytest.mark.parametrize("op", KEY_ROWS, ids=lambda op: op.name)
def test_every_answer_is_without_private_members(world: Simulation, op: Op) -> None:
    """Whatever is asked of a key, the answer has its public part alone, and its `key_ops`."""
    subject = VAULTS.subject(world, op)
    subject.prepare()
    answer = subject.ask(world.token(world.administrator))
    assert answer.status == op.success, answer.body
    if answer.body:
        check(answer.json)


KEYS: dict[str, dict[str, object]] = {
    "EC": private_jwk(),
    "oct": {"kty": "oct", "k": octets(bytes(range(200, 232)))},
}
for _key in KEYS.values():
    remember(str(_key.get("d") or _key["k"]))


@pytest.mark.parametrize("kind", KEYS)
def test_what_was_brought_in_comes_out_nowhere(vault: Client, name: str, kind: str) -> None:
    """A private part that somebody sent is in no later answer, however it is spelled, nor in the clear in a backup."""
    key = KEYS[kind]
    text = str(key.get("d") or key["k"])
    raw = base64.urlsafe_b64decode(text + "=")
    url = f"/keys/{name}"
    answers = [
        vault.ask("PUT", url, body={"key": key}),
        vault.ask("GET", f"{url}/"),
        vault.ask("GET", f"{url}/versions"),
        vault.ask("PATCH", f"{url}/", body={"tags": {"a": "b"}}),
        backup := vault.ask("POST", f"{url}/backup"),
        vault.ask("DELETE", url),
        vault.ask("GET", f"/deletedkeys/{name}"),
        vault.ask("POST", f"/deletedkeys/{name}/recover"),
        vault.ask("DELETE", url),
    ]
    assert vault.ask("DELETE", f"/deletedkeys/{name}").status == 204
    answers.append(vault.ask("POST", "/keys/restore", body=backup.json))
    for answer in answers:
        assert answer.status == 200, answer.body
        check(answer.json)
        for spelled in (text.encode(), raw, raw.hex().encode(), base64.b64encode(raw)):
            assert spelled not in answer.body
    assert raw not in base64.urlsafe_b64decode(backup.json["value"] + "==")
