"""
A store that does not answer in time, is full, read-only or broken: 503 in every dialect, recorded, logged, and mended.

Real faults of a real database, on requests of every surface. What is answered from memory is not touched by them.
"""

from __future__ import annotations

import asyncio
import logging
import secrets as chance
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

from strongroom.core.network import Link
from strongroom.crypto.keys.software import SoftwareKeys
from strongroom.flow import audit
from strongroom.flow.operation import Op
from strongroom.http.message import Request, Response
from strongroom.store.sqlite.connection import INSTRUCTIONS_PER_LOOK
from tests.conformance.store.backends import Sqlite
from tests.flow.arm import RESOURCES
from tests.flow.client import VERSION, Client, dump
from tests.flow.graph import group_body
from tests.flow.guarded import DIRECTORY, MANAGEMENT, SURFACES, VAULTS, Guarded
from tests.plugins.canary import plant
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, VAULT_AUDIENCE, Answer, Simulation

ROWS = [pytest.param(surface, op, id=f"{surface.name}-{op.name}") for surface in SURFACES for op in surface.operations]
CANNOT = "The service's store cannot be used now. Try again later."
NOT_KNOWN = (
    "The service's store did not confirm the change. Whether it was made is not known: read what it was to change"
    " before trying again."
)


# ---- faults ---------------------------------------------------------------------------------------------------------


def _raw(world: Simulation) -> apsw.Connection:
    return world.store._connections[1].raw


@contextmanager
def broken(world: Simulation) -> Iterator[list[int]]:
    """Have every statement refused until the end of the block; gives what was asked meanwhile."""
    asked: list[int] = []

    def refuse(operation: int, *_: object) -> int:
        asked.append(operation)
        return apsw.SQLITE_DENY

    _raw(world).set_authorizer(refuse)
    try:
        yield asked
    finally:
        _raw(world).set_authorizer(None)


@contextmanager
def too_slow(world: Simulation) -> Iterator[None]:
    """Have every statement find its deadline passed until the end of the block."""
    connection = world.store._connections[1]
    connection.raw.set_progress_handler(lambda: True, 1)
    try:
        yield
    finally:
        connection.raw.set_progress_handler(connection._is_late, INSTRUCTIONS_PER_LOOK)


def _of_the_suite(name: str) -> Callable[[Simulation], AbstractContextManager[Any]]:
    return lambda world: getattr(Sqlite(world.folder), name)(world.store)


FAULTS: dict[str, tuple[Callable[[Simulation], AbstractContextManager[Any]], str]] = {
    "broken": (broken, "StoreFailed: AuthError: "),
    "too slow": (too_slow, "StoreTimeout: a statement did not finish by its deadline"),
    "full": (_of_the_suite("fill_disk"), "StoreFailed: FullError: "),
    "read-only": (_of_the_suite("forbid_writing"), "StoreFailed: ReadOnlyError: "),
    "no COMMIT": (_of_the_suite("fail_commits"), "StoreFailed: ConstraintError: "),
}
"""What is wrong with the store, and how the operator is told."""
CHANGES = [
    (surface, fault)
    for surface in ("vault", "management", "graph", "control")
    for fault in FAULTS
    # On a full disk what is small enough still finds room in what is there.
    if fault != "full" or surface in {"vault", "management"}
]


# ---- requests -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: where, with what, and how its surface says that it cannot be served now."""

    method: str
    url: Callable[[Simulation], str]
    audience: str | None
    body: Callable[[], object]
    error: Callable[[dict[str, Any], str], None]
    link: Link = Link.PUBLIC

    def send(self, world: Simulation) -> Answer:
        """Send it as the administrator, or as the owner of the control socket."""
        token = world.token(world.administrator, self.audience) if self.audience else None
        return self.send_with(world, token, self.body())

    def send_with(self, world: Simulation, token: str | None, body: object) -> Answer:
        """Send it with a token and a body."""
        host = "control" if self.link is Link.CONTROL else None
        return world.ask(self.method, self.url(world), token=token, body=body, link=self.link, host=host)


def _plain(found: dict[str, Any], message: str) -> None:
    assert found == {"error": {"code": "ServiceUnavailable", "message": message}}


def _graph(found: dict[str, Any], message: str) -> None:
    assert found["error"].pop("innerError").keys() == {"date", "request-id", "client-request-id"}
    _plain(found, message)


def _unique() -> str:
    return f"n-{chance.token_hex(6)}"


WRITES: dict[str, Ask] = {
    "vault": Ask(
        "PUT",
        lambda world: f"{world.vault_url}/secrets/{_unique()}?api-version={VERSION}",
        VAULT_AUDIENCE,
        lambda: {"value": plant() * 700},
        _plain,
    ),
    "management": Ask(
        "PUT",
        lambda world: (
            f"{world.arm_url}/subscriptions/{world.first.subscription_id}/resourcegroups/{_unique()}"
            f"?api-version={RESOURCES}"
        ),
        ARM_AUDIENCE,
        lambda: {"location": "local", "tags": {f"t{number}": "a" * 256 for number in range(50)}},
        _plain,
    ),
    "graph": Ask(
        "POST", lambda world: f"{world.graph_url}/v1.0/groups", GRAPH_AUDIENCE, lambda: group_body(_unique()), _graph
    ),
    "control": Ask("POST", lambda _: "http://control/run", None, dict, _plain, Link.CONTROL),
}


def last_entry(world: Simulation) -> dict[str, Any]:
    """Read the newest audit entry."""
    return world.entries()[-1]


def check(world: Simulation, answer: Answer, ask: Ask, message: str, told: str) -> None:
    """Check the answer, its record, and that the record says why, which the answer does not."""
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    ask.error(answer.json, message)
    assert last_entry(world)["properties"]["httpStatusCode"] == 503
    assert last_entry(world)["properties"]["reason"].startswith(told)
    assert b"Error" not in answer.body.replace(b"innerError", b"")


@pytest.mark.parametrize(("surface", "fault"), CHANGES)
def test_a_change(world: Simulation, caplog: pytest.LogCaptureFixture, surface: str, fault: str) -> None:
    """A change that the store did not confirm is 503, claims nothing about its outcome, and works once it is mended."""
    ask, (wrong, told) = WRITES[surface], FAULTS[fault]
    token = world.token(world.administrator, ask.audience) if ask.audience else None
    body, before = ask.body(), dump(world)
    with wrong(world), caplog.at_level(logging.ERROR, "strongroom"):
        answer = ask.send_with(world, token, body)
    check(world, answer, ask, NOT_KNOWN, told)
    assert dump(world) == before
    (record,) = [record for record in caplog.records if record.name == "strongroom"]
    operation = last_entry(world)["operationName"]
    request_id = answer.headers["x-ms-request-id"]
    assert record.getMessage().startswith(f"the store failed in {operation}, request {request_id}: {told}")
    assert world.world.outcome_unknown
    assert ask.send_with(world, token, body).status < 300
    assert not world.world.outcome_unknown


@pytest.mark.parametrize("fault", ["broken", "too slow"])
@pytest.mark.parametrize("path", ["/secrets", "/secrets/{name}/versions", "/deletedsecrets", "/secrets/{name}/backup"])
def test_a_read(world: Simulation, vault: Client, name: str, fault: str, path: str) -> None:
    """A read that the store does not answer is 503, speaks of no change, and works once it is mended."""
    vault.put(name)
    method = "POST" if path.endswith("backup") else "GET"
    wrong, told = FAULTS[fault]
    token = vault.token
    with wrong(world):
        answer = vault.ask(method, path.format(name=name), token=token)
    check(world, answer, WRITES["vault"], CANNOT, told)
    assert last_entry(world)["identity"]["claim"]["oid"] == world.administrator.oid
    assert vault.ask(method, path.format(name=name)).status == 200


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_every_operation(world: Simulation, surface: Guarded, op: Op) -> None:
    """Every operation is 503 if it asked the store while that is broken, recorded as its caller's; else as always."""
    subject, token = surface.subject(world, op), world.token(world.administrator, surface.audience)
    subject.prepare()
    url, body = subject.request()
    with broken(world) as asked:
        answer = world.ask(op.method, url, token=token, body=body)
    assert answer.status == (503 if asked else surface.success(op)), answer.body
    entry = last_entry(world)
    assert (entry["operationName"], entry["identity"]["claim"]["oid"]) == (op.name, world.administrator.oid)
    # Whoever waits for something else is told a while as well.
    assert bool(asked) is (answer.status == 503)
    assert not asked or answer.headers["retry-after"] == "1"
    # An application is nobody of whom `/me` could say something.
    if surface in {MANAGEMENT, DIRECTORY} and op.method in {"PUT", "PATCH", "DELETE"} and "/me/" not in op.path:
        assert asked
    if surface is VAULTS and op.name in {"SecretSet", "SecretDelete", "SecretList", "SecretUpdate"}:
        assert asked


def test_tokens_are_issued_from_memory(world: Simulation) -> None:
    """The token service asks no store, so a broken one keeps nobody from signing in, or from being refused."""
    with broken(world) as asked:
        assert world.token(world.administrator)
        form = {"grant_type": "client_credentials", "client_id": world.first.client_id, "client_secret": "wrong"}
        url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
        answer = world.ask("POST", url, form=form | {"scope": f"{VAULT_AUDIENCE}/.default"})
        assert answer.json["error"] == "invalid_client"
    assert not asked


def test_what_is_not_allowed_is_not_asked_of_the_store(world: Simulation) -> None:
    """Who may not is refused as ever: a broken store opens nothing and hides no refusal."""
    token = world.token(world.principal())
    with broken(world) as asked:
        answer = world.ask("GET", f"{world.vault_url}/secrets?api-version={VERSION}", token=token)
    assert (answer.status, asked) == (403, [])


def test_without_a_record_the_journals_answer_stands(tmp_path: Path) -> None:
    """SEC-AUDIT-6: if the journal fails as well, nothing is answered but that."""
    own = Simulation(tmp_path)
    vault = Client(own)
    token = vault.token
    own.journal.close()
    with broken(own):
        answer = vault.ask("GET", "/secrets", token=token)
    assert answer.status == 503
    assert answer.error["message"] == "The request could not be recorded, so it was not answered. Try again later."
    own.close()


def test_a_service_that_stops_is_503(tmp_path: Path) -> None:
    """A request that finds the store closed, as at the end of the grace of a stop, is one that may be tried again."""
    own = Simulation(tmp_path)
    vault = Client(own)
    token = vault.token
    own.run(own.store.close())
    check(own, vault.ask("GET", "/secrets", token=token), WRITES["vault"], CANNOT, "StoreClosed: ")
    answer = vault.ask("PUT", "/secrets/a", token=token, body={"value": plant()})
    check(own, answer, WRITES["vault"], NOT_KNOWN, "StoreClosed: ")
    own.close()


def test_what_a_stop_ends_is_503(world: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is still being made when the grace of a stop is over: its request may be tried again, and is recorded."""
    handle, token = world.dispatcher.handle, vault.token
    begun = asyncio.Event()

    async def never(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def ended(request: Request) -> Response:
        task = asyncio.ensure_future(handle(request))
        await begun.wait()
        task.cancel()
        return await task

    monkeypatch.setattr(SoftwareKeys, "make", never)
    monkeypatch.setattr(world.dispatcher, "handle", ended)
    answer = vault.ask("POST", "/keys/late/create", token=token, body={"kty": "RSA"})
    check(world, answer, WRITES["vault"], "The service stopped before this was done. Try again later.", "stopped")


def test_an_altered_row_costs_what_it_holds_and_is_told_to_the_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The other secrets are served; who asks for the altered one learns nothing, and the log says which it is."""
    own = Simulation(tmp_path)
    vault = Client(own)
    for secret in ("altered", "sound"):
        vault.put(secret)
    Sqlite(tmp_path).sql(own.store, "UPDATE versions SET sealed = x'00' WHERE key = 'altered'")
    answer = vault.ask("GET", "/secrets/altered")
    assert (answer.status, "seal" in answer.body.decode()) == (500, False)
    assert vault.ask("GET", "/secrets/sound").status == 200
    (told,) = (record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)
    assert told.startswith("unexpected Tampered in SecretGet, request ")
    assert f"a row of versions does not carry the tag it was written with: {own.vault.id} secrets altered " in told
    own.close()


def test_a_change_that_was_made_late_has_its_record(tmp_path: Path, name: str) -> None:
    """SEC-AUDIT-6: a change that hangs in its COMMIT is 503; made after all, its own entry follows without another."""
    own = Simulation(tmp_path, database=tmp_path / "store.db")
    vault = Client(own)
    token, writer = vault.token, own.store._writer
    with Sqlite(tmp_path).hold_commits(own.store) as hold:
        writer._deadline_s = 0.05
        answer = vault.ask("PUT", f"/secrets/{name}", token=token, body={"value": plant()})
        check(own, answer, WRITES["vault"], NOT_KNOWN, "StoreTimeout: the commit did not finish by its deadline")
        own.run(audit.trim(own.world))
        assert recorded(own, "SecretSet") == [503]
        hold.let_go()
        own.run(writer._idle.wait())
        writer._deadline_s = 60.0
    own.run(audit.trim(own.world))
    assert recorded(own, "SecretSet") == [503, 200]
    assert vault.ask("GET", f"/secrets/{name}").status == 200
    vault.put(name)
    own.run(audit.trim(own.world))
    assert recorded(own, "SecretSet") == [503, 200, 200]
    own.close()


def recorded(world: Simulation, operation: str) -> list[int]:
    """Give the statuses of an operation's entries."""
    return [entry["properties"]["httpStatusCode"] for entry in world.entries() if entry["operationName"] == operation]
