"""Audit sinks: what the operator maps, what flows there, and that none holds up anything else."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from strongroom.app import audit_delivery
from strongroom.app.audit_delivery import AuditDelivery, SinkFault, batches, prove
from strongroom.core import audit_limits
from strongroom.core.diagnostics import AuditSink, SinkKind, SinkPosition, SinkProof
from strongroom.core.network import Link
from strongroom.core.records import INSTANCE
from strongroom.egress import Egress, Unreachable
from strongroom.flow.world import World
from tests.flow.arm import Arm
from tests.flow.client import make_tenant
from tests.plugins.canary import plant
from tests.world import ARM_AUDIENCE, Answer, Simulation

HOOK = "https://siem.example/hook"


class Elsewhere:
    """What stands behind a URL: it takes batches, or fails as it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes, dict[str, str]]] = []
        self.fault: Exception | None = None

    async def deliver(self, url: str, document: bytes, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Take a batch."""
        if self.fault is not None:
            raise self.fault
        self.taken.append((url, document, dict(headers)))

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every record that it was given."""
        return [record for _, document, _ in self.taken for record in json.loads(document)["records"]]


@pytest.fixture
def elsewhere() -> Elsewhere:
    """Give what stands behind a URL."""
    return Elsewhere()


@pytest.fixture
def arm(world: Simulation) -> Iterator[Arm]:
    """Give the administrator, a second later than anything before; no sink is left behind."""
    world.advance(1)
    yield Arm(world, world.administrator)
    for one in control(world, "GET").json["value"]:
        assert control(world, "DELETE", f"/{one['id']}").status == 204


def control(world: Simulation, method: str, path: str = "", body: object = None) -> Answer:
    """Ask over the owner's socket."""
    return world.ask(method, f"http://control/audit-sinks{path}", body=body, link=Link.CONTROL, host="control")


def add(arm: Arm, **wanted: Any) -> dict[str, Any]:
    """Map the storage account, to the hook if nothing else is said."""
    place = {} if "folder" in wanted else {"url": HOOK}
    body = {"resource": arm.storage, "tenant": arm.world.first.tenant_id, **place, **wanted}
    answer = control(arm.world, "POST", body=body)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


def delivery(world: Simulation, elsewhere: Elsewhere) -> AuditDelivery:
    """Make what delivers, as a start of the service does."""
    return AuditDelivery(world.world, world.first.installation.id, cast("Egress", elsewhere))


def turn(world: Simulation, delivering: AuditDelivery, sink: str) -> None:
    """Deliver everything that is on disk."""
    world.journal.flush()

    async def turns() -> None:
        while await delivering.turn(sink):
            pass

    world.run(turns())


def with_setting(arm: Arm, **wanted: Any) -> str:
    """Make a vault, map a sink, make a setting between them, and give the sink's id."""
    arm.make_vault()
    made = add(arm, **wanted)
    arm.do("PUT", arm.setting, arm.setting_body())
    return str(made["id"])


def folder_of(tmp_path: Path) -> Path:
    """Make a folder that is its owner's alone."""
    made = tmp_path / "blobs"
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def lines(folder: Path) -> list[dict[str, Any]]:
    """Read every record in a folder, of the blobs in the order of their names."""
    return [json.loads(line) for blob in sorted(folder.rglob("*.json")) for line in blob.read_bytes().splitlines()]


def names(records: Sequence[dict[str, Any]]) -> list[str]:
    """Say what was done."""
    return [record["operationName"] for record in records]


# ---- the operator's map ---------------------------------------------------------------------------------------------


def test_one_is_mapped_listed_and_removed(arm: Arm, tmp_path: Path) -> None:
    """The id in lower case, for one tenant; the journal says who may name it."""
    folder = folder_of(tmp_path)
    made = add(arm, folder=str(folder))
    assert made["resource"] == arm.storage.lower()
    assert (made["folder"], made["url"], made["tenantId"]) == (str(folder), None, arm.world.first.tenant_id)
    told = arm.world.entries()[-1]["properties"]
    assert (told["auditSinkId"], told["destinations"]) == (made["id"], [arm.storage.lower()])
    assert control(arm.world, "GET").json["value"] == [made]
    again = {"resource": arm.storage.upper(), "url": HOOK, "tenant": arm.world.first.tenant_id}
    assert control(arm.world, "POST", body=again).status == 409
    other = {**again, "resource": f"{arm.storage}2", "url": None, "folder": str(folder)}
    assert "has this folder" in control(arm.world, "POST", body=other).error["message"]
    assert control(arm.world, "DELETE", f"/{made['id']}").status == 204
    assert control(arm.world, "DELETE", f"/{made['id']}").status == 404


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({}, "a folder or a URL"),
        ({"url": HOOK, "folder": "/srv/x"}, "a folder or a URL"),
        ({"url": "http://siem.example/"}, "not an https URL"),
        ({"url": "file:///etc/passwd"}, "not an https URL"),
        ({"folder": "relative"}, "absolute path"),
        ({"folder": "/none/../etc"}, "absolute path"),
        ({"folder": "/no/such/folder"}, "cannot be used"),
        ({"folder": "/"}, "data directory"),
        ({"url": HOOK, "proof": "bearer"}, "credential file"),
        ({"url": HOOK, "proof": "hmac", "credentialFile": "relative"}, "credential file"),
        ({"url": HOOK, "credentialFile": "/a"}, "goes with a URL and with a proof"),
        ({"url": HOOK, "resource": "/subscriptions/x"}, "is not the ARM id"),
        ({"url": HOOK, "tenant": "nobody"}, "no such tenant"),
    ],
)
def test_what_cannot_be_mapped_is_refused(arm: Arm, wanted: dict[str, Any], told: str) -> None:
    """With the reason, and nothing kept."""
    answer = control(arm.world, "POST", body={"resource": arm.storage, "tenant": arm.world.first.tenant_id, **wanted})
    assert answer.status in {400, 404}
    assert told in answer.error["message"]
    assert control(arm.world, "GET").json["value"] == []


def test_the_services_own_directory_is_no_sink(arm: Arm) -> None:
    """SEC-AUDIT-8: copies must not be written among what the service keeps, its journal least of all."""
    for folder in (arm.world.folder / "audit", arm.world.folder):
        answer = control(
            arm.world,
            "POST",
            body={"resource": arm.storage, "tenant": arm.world.first.tenant_id, "folder": str(folder)},
        )
        assert "data directory" in answer.error["message"]


def test_there_are_so_many_and_no_more(arm: Arm) -> None:
    """At the limit one is mapped, one past it refused."""
    for place in range(audit_limits.AUDIT_SINKS):
        add(arm, resource=f"{arm.storage}n{place}")
    body = {"resource": arm.storage, "tenant": arm.world.first.tenant_id, "url": HOOK}
    assert control(arm.world, "POST", body=body).status == 409


@pytest.mark.parametrize("count", [audit_limits.AUDIT_SINK_PATH_CHARS, audit_limits.AUDIT_SINK_PATH_CHARS + 1])
def test_a_path_has_a_length(arm: Arm, count: int) -> None:
    """At the limit it is looked at, one past it not."""
    body = {"resource": arm.storage, "tenant": arm.world.first.tenant_id, "folder": "/" + "n" * (count - 1)}
    told = control(arm.world, "POST", body=body).error["message"]
    assert ("cannot be used" in told) == (count == audit_limits.AUDIT_SINK_PATH_CHARS)


def test_sinks_go_with_their_tenant(world: Simulation, arm: Arm) -> None:
    """A tenant that is removed leaves none behind."""
    tenant = world.tenant()
    made = AuditSink("gone", tenant, "/x", SinkKind.STORAGE, 0, url=HOOK)
    world.commit(lambda tx: tx.put(made))
    answer = world.ask("DELETE", f"http://control/tenants/{tenant}", link=Link.CONTROL, host="control")
    assert answer.status == 204
    assert control(arm.world, "GET").json["value"] == []


# ---- what flows -----------------------------------------------------------------------------------------------------


def test_a_vaults_audit_comes_as_blobs(arm: Arm, tmp_path: Path) -> None:
    """In Azure's layout and form, from when the setting was made, and of that vault alone."""
    folder, elsewhere = folder_of(tmp_path), Elsewhere()
    arm.make_vault()
    sink = add(arm, folder=str(folder))["id"]
    arm.do("PUT", arm.setting, arm.setting_body())
    arm.world.advance(1)
    url, secret = f"https://{arm.vault_name}.vault.localhost:8443/secrets", plant()
    token = arm.world.token(arm.who)
    arm.world.ask("PUT", f"{url}/a?api-version=7.4", token=token, body={"value": secret})
    arm.world.ask("GET", f"{url}/a?api-version=7.4")
    arm.world.ask("GET", f"{arm.world.vault_url}/secrets?api-version=7.4", token=token)
    arm.do("GET", arm.group)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    found = lines(folder)
    assert {record["resourceId"] for record in found} == {arm.vault.upper()}
    wanted = [entry for entry in arm.world.entries() if entry["resourceId"] == arm.vault.upper()]
    assert found == wanted[-len(found) :]
    assert {"SecretSet", "Authentication"} <= set(names(found))
    at = found[0]["time"]
    blob = folder / f"insights-logs-auditevent/resourceId={arm.vault.upper()}/y={at[:4]}/m={at[5:7]}/d={at[8:10]}"
    assert (blob / f"h={at[11:13]}/m=00/PT1H.json").is_file()
    assert secret.encode() not in b"".join(one.read_bytes() for one in folder.rglob("*.json"))


def test_a_url_gets_batches_with_a_proof(arm: Arm, tmp_path: Path, elsewhere: Elsewhere) -> None:
    """`{"records": [...]}`, with a token or a signature out of the operator's file as it is now."""
    key = tmp_path / "key"
    key.write_text(f"{plant()}\n")
    key.chmod(0o600)
    sink = with_setting(arm, proof="hmac", credentialFile=str(key))
    arm.do("GET", arm.vault)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    (url, document, headers), *rest = elsewhere.taken
    assert (url, rest) == (HOOK, [])
    assert "VaultGet" in names(elsewhere.records)
    at, signature = headers["X-Strongroom-Signature"].split(",")
    signed = at.removeprefix("t=").encode() + b"." + document
    wanted = hmac.new(key.read_bytes().strip(), signed, hashlib.sha256).hexdigest()
    assert signature == f"v1={wanted}"


def test_a_bearer_token_is_read_when_it_is_used(tmp_path: Path) -> None:
    """A file that changes counts at once; one that others may read, or that is none, is refused."""
    file = tmp_path / "token"
    sink = AuditSink("s", "t", "/r", SinkKind.STORAGE, 0, url=HOOK, proof=SinkProof.BEARER, credential_file=str(file))
    with pytest.raises(SinkFault, match="cannot be opened"):
        prove(sink, b"", 0)
    for token in (plant(), plant()):
        file.write_text(token)
        file.chmod(0o600)
        assert prove(sink, b"", 0) == [("Authorization", f"Bearer {token}")]
    file.chmod(0o640)
    with pytest.raises(SinkFault, match="0600"):
        prove(sink, b"", 0)
    file.chmod(0o600)
    for content in (b"", b"two words", b"line\nline", b"\xff"):
        file.write_bytes(content)
        with pytest.raises(SinkFault, match="one word"):
            prove(sink, b"", 0)
    file.write_bytes(b"t" * audit_limits.AUDIT_SINK_CREDENTIAL_BYTES)
    assert prove(sink, b"", 0)
    file.write_bytes(b"t" * (audit_limits.AUDIT_SINK_CREDENTIAL_BYTES + 1))
    with pytest.raises(SinkFault, match="one word"):
        prove(sink, b"", 0)


def test_a_batch_has_a_size() -> None:
    """At the limit a batch is full; what comes then is in the next."""
    record = ("/V", "t", b"x" * (audit_limits.AUDIT_SINK_BATCH_BYTES // 2))
    assert [len(one) for one in batches([record] * 5)] == [2, 2, 1]
    assert [
        len(one) for one in batches([("/V", "t", b"x" * (audit_limits.AUDIT_SINK_BATCH_BYTES - 1)), record, record])
    ] == [
        2,
        1,
    ]
    assert batches([]) == []


def test_a_piece_of_the_journal_at_a_time(arm: Arm, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn reads so much and no more, and the next goes on there."""
    assert audit_limits.AUDIT_SINK_READ_BYTES == 1024 * 1024
    sink = with_setting(arm)
    for _ in range(20):
        arm.do("GET", arm.vault)
    arm.world.journal.flush()
    monkeypatch.setattr(audit_limits, "AUDIT_SINK_READ_BYTES", 4000)
    delivering = delivery(arm.world, elsewhere)
    assert arm.world.run(delivering.turn(sink)) is True
    turn(arm.world, delivering, sink)
    assert names(elsewhere.records).count("VaultGet") == 20


def test_a_vault_that_is_moved_goes_on_being_copied(arm: Arm, elsewhere: Elsewhere) -> None:
    """What the journal has of it under its former id, and what comes under the new one."""
    sink = with_setting(arm)
    arm.do("GET", arm.vault)
    arm.do("PUT", arm.other_group, {"location": "local"})
    moved = arm.vault.replace(arm.group, arm.other_group)
    arm.do("POST", f"{arm.group}/moveResources", arm.move_body())
    arm.do("GET", moved)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    read = [record["resourceId"] for record in elsewhere.records if record["operationName"] == "VaultGet"]
    assert read == [arm.vault.upper(), moved.upper()]


def test_what_another_tenants_people_tried_is_not_copied(world: Simulation, arm: Arm, elsewhere: Elsewhere) -> None:
    """SEC-TENANT-2: it is in our journal, and no affair of the vault's tenant who they are."""
    sink = with_setting(arm)
    alien = make_tenant(world)
    token = world.token(alien.principal, ARM_AUDIENCE, tenant=alien.id)
    arm.ask("DELETE", arm.vault, token=token)
    assert world.entries()[-1]["operationName"] == "VaultDelete"
    turn(world, delivery(world, elsewhere), sink)
    assert elsewhere.records
    assert alien.principal.oid not in json.dumps(elsewhere.records)


def test_a_category_that_is_off_does_not_flow(arm: Arm, elsewhere: Elsewhere) -> None:
    """Nor does one that only has metrics on: there are none to send."""
    sink = with_setting(arm)
    off = [{"category": "AuditEvent", "enabled": False}]
    arm.do("PUT", arm.setting, arm.setting_body(logs=off, metrics=[{"category": "AllMetrics", "enabled": True}]))
    arm.do("GET", arm.vault)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    assert elsewhere.taken == []


# ---- at least once --------------------------------------------------------------------------------------------------


def test_it_goes_on_where_it_was_after_a_restart(arm: Arm, elsewhere: Elsewhere) -> None:
    """The position is kept with the sink: nothing is sent twice and nothing is left out."""
    sink = with_setting(arm)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    before = len(elsewhere.records)
    arm.do("GET", arm.vault)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    assert names(elsewhere.records[before:]) == ["VaultGet"]
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    assert len(elsewhere.records) == before + 1


def test_an_end_between_write_and_position_writes_again(
    arm: Arm, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-AUDIT-9: what was written and not noted is written again by whoever starts next."""
    sink = with_setting(arm)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    arm.do("GET", arm.vault)

    class KilledError(BaseException):
        """The end of the process."""

    async def killed(*_: object, **__: object) -> None:
        raise KilledError

    monkeypatch.setattr(AuditDelivery, "_keep", killed)
    with pytest.raises(KilledError):
        turn(arm.world, delivery(arm.world, elsewhere), sink)
    monkeypatch.undo()
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    assert names(elsewhere.records).count("VaultGet") == 2
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    assert names(elsewhere.records).count("VaultGet") == 2


def test_one_that_fails_catches_up(arm: Arm, elsewhere: Elsewhere) -> None:
    """SEC-AUDIT-9: nothing is lost while it takes nothing, and its position stays."""
    sink = with_setting(arm)
    delivering = delivery(arm.world, elsewhere)
    turn(arm.world, delivering, sink)
    (before,) = arm.world.view.all(SinkPosition, INSTANCE)
    elsewhere.fault = Unreachable("no whole answer in time")
    for _ in range(3):
        arm.do("GET", arm.vault)
        with pytest.raises(SinkFault, match="no whole answer"):
            turn(arm.world, delivering, sink)
    assert arm.world.view.all(SinkPosition, INSTANCE) == (before,)
    elsewhere.fault = None
    turn(arm.world, delivering, sink)
    assert names(elsewhere.records).count("VaultGet") == 3


def test_a_sink_that_is_mapped_late_gets_what_its_setting_is_for(arm: Arm, elsewhere: Elsewhere) -> None:
    """Without a position it begins with the setting, not with the end of the journal, nor before."""
    sink = with_setting(arm)
    arm.do("GET", arm.vault)
    arm.world.advance(3600)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    assert "VaultGet" in names(elsewhere.records)


def test_a_sink_that_is_removed_forgets(arm: Arm, elsewhere: Elsewhere) -> None:
    """Neither its position nor anything else is left."""
    sink = with_setting(arm)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    assert [one.sink for one in arm.world.view.all(SinkPosition, INSTANCE)] == [sink]
    assert control(arm.world, "DELETE", f"/{sink}").status == 204
    assert arm.world.view.all(SinkPosition, INSTANCE) == ()
    arm.do("GET", arm.vault)
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    assert names(elsewhere.records).count("VaultGet") == 0


def test_one_that_is_mapped_again_begins_anew(arm: Arm, elsewhere: Elsewhere) -> None:
    """What came before it was mapped is not for it, although the setting is older."""
    sink = with_setting(arm)
    arm.do("GET", arm.vault)
    assert control(arm.world, "DELETE", f"/{sink}").status == 204
    arm.world.advance(5)
    again = add(arm)["id"]
    arm.do("GET", arm.vault)
    turn(arm.world, delivery(arm.world, elsewhere), again)
    assert names(elsewhere.records) == ["VaultGet"]


def test_a_position_in_a_journal_that_is_gone(arm: Arm, elsewhere: Elsewhere) -> None:
    """It begins anew with the setting, rather than wait for ever for a line that never comes."""
    sink = with_setting(arm)
    arm.do("GET", arm.vault)
    node = arm.world.first.installation.id
    arm.world.commit(lambda tx: tx.put(SinkPosition(f"{sink}/{node}", sink, node, 999, 0, 10**6, 0)))
    turn(arm.world, delivery(arm.world, elsewhere), sink)
    assert "VaultGet" in names(elsewhere.records)


# ---- nothing is held up ---------------------------------------------------------------------------------------------


def wait_until(world: Simulation, condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""

    async def waiting() -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110  what is waited for says nothing of itself
                await asyncio.sleep(0.01)

    world.run(waiting())


def test_one_that_hangs_holds_up_nobody(
    arm: Arm, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-AUDIT-9: with a folder that hangs requests, other sinks and the journal go on, and the operator sees it."""
    gate = threading.Event()
    monkeypatch.setattr(audit_delivery, "append_records", lambda *_: gate.wait(60))
    hanging = with_setting(arm, folder=str(folder_of(tmp_path)))
    other = add(arm, resource=f"{arm.storage}2")["id"]
    arm.do("PUT", f"{arm.setting}-2", arm.setting_body(storageAccountId=f"{arm.storage}2"))
    delivering = delivery(arm.world, elsewhere)
    arm.world.world.audit_sinks = delivering
    try:
        arm.world.journal.flush()
        arm.world.run(delivering.settle())
        waits = lambda: delivering.state_of(hanging).waiting_since is not None  # noqa: E731
        wait_until(arm.world, lambda: bool(elsewhere.taken) and waits())
        assert arm.ask("GET", arm.vault).status == 200
        states = {one["id"]: one for one in control(arm.world, "GET", "/status").json["value"]}
        assert states[hanging]["waitingSince"] is not None
        assert (states[hanging]["records"], states[other]["settings"]) == (0, 1)
        assert states[other]["records"] > 0
        assert arm.world.journal.failure is None
        arm.world.run(delivering.close())
    finally:
        gate.set()
        arm.world.world.audit_sinks = None


def test_one_that_hangs_has_one_thread(
    arm: Arm, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes its setting again and again has no more threads hang; it goes on once that one ends."""
    gate, writing = threading.Event(), threading.Semaphore(0)
    monkeypatch.setattr(audit_delivery, "_PAUSE_S", 0.001)
    monkeypatch.setattr(audit_delivery, "append_records", lambda *_: (writing.release(), gate.wait(60)))
    sink = with_setting(arm, folder=str(folder_of(tmp_path)))
    delivering = delivery(arm.world, elsewhere)
    try:
        arm.world.journal.flush()
        arm.world.run(delivering.settle())
        wait_until(arm.world, lambda: writing.acquire(blocking=False))
        for _ in range(3):
            arm.do("DELETE", arm.setting)
            arm.world.run(delivering.settle())
            arm.do("PUT", arm.setting, arm.setting_body())
            arm.world.journal.flush()
            arm.world.run(delivering.settle())
            wait_until(arm.world, lambda: delivering.state_of(sink).failures > 0)
        assert not writing.acquire(blocking=False)
        gate.set()
        wait_until(arm.world, lambda: delivering.state_of(sink).delivered is not None)
    finally:
        gate.set()
        arm.world.run(delivering.close())


def test_a_fault_is_seen_and_tried_again(arm: Arm, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """How often it failed and why, and how far it is behind; once it works, that is over."""
    monkeypatch.setattr(audit_delivery, "_PAUSE_S", 0.001)
    sink = with_setting(arm)
    delivering = delivery(arm.world, elsewhere)
    arm.world.world.audit_sinks = delivering
    elsewhere.fault = Unreachable("TLS: failed")
    try:
        arm.world.journal.flush()
        arm.world.run(delivering.settle())
        wait_until(arm.world, lambda: delivering.state_of(sink).failures >= 2)
        (state,) = control(arm.world, "GET", "/status").json["value"]
        assert (state["fault"], state["isFollowing"], state["delivered"]) == ("TLS: failed", True, None)
        assert state["linesBehind"] > 0
        elsewhere.fault = None
        wait_until(arm.world, lambda: bool(elsewhere.taken))
        wait_until(arm.world, lambda: delivering.state_of(sink).fault is None)
        arm.do("DELETE", arm.setting)
        arm.world.run(delivering.settle())
        assert delivering.state_of(sink).is_following is False
        assert arm.world.view.all(SinkPosition, INSTANCE) == ()
    finally:
        arm.world.run(delivering.close())
        arm.world.world.audit_sinks = None


def test_the_longest_pause_is_the_limit(arm: Arm, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a sink failed it is tried again after `AUDIT_SINK_PAUSE_S`."""
    pauses: list[float] = []
    sink = with_setting(arm)
    delivering = delivery(arm.world, elsewhere)
    elsewhere.fault = Unreachable("silent")

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 12:
            raise asyncio.CancelledError

    async def follow() -> None:
        arm.world.journal.flush()
        with pytest.raises(asyncio.CancelledError):
            await delivering._follow(sink, audit_delivery._Following())

    monkeypatch.setattr(audit_delivery.asyncio, "sleep", pause)
    arm.world.run(follow())
    assert pauses[:3] == [2, 4, 8]
    assert max(pauses) == audit_limits.AUDIT_SINK_PAUSE_S


def test_the_state_is_asked_of_the_world(world: Simulation, arm: Arm) -> None:
    """Before anything delivers there is nothing to tell."""
    sink = with_setting(arm)
    assert isinstance(world.world, World)
    (state,) = control(arm.world, "GET", "/status").json["value"]
    assert (state["id"], state["settings"], state["isFollowing"], state["fault"]) == (sink, 1, False, None)
