"""The audit journal as the flow writes it: what an entry says and never says, and that nothing goes without one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from strongroom.core.errors import Unavailable
from strongroom.core.permissions import Public
from strongroom.core.sessions import SignInSettings
from strongroom.flow import audit
from strongroom.flow.operation import Op
from strongroom.journal import Entry, Journal, JournalUnavailable
from strongroom.vault.operations import OPERATIONS
from tests.flow.cases import CASES, GUARDED
from tests.flow.client import VERSION, Client, dump, version_of
from tests.flow.journal import files, full_disk, last, since
from tests.plugins.canary import plant
from tests.world import GRAPH_AUDIENCE, PUBLIC_ADDRESS, START, Simulation

pytestmark = pytest.mark.usefixtures("restored")

OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"


# ---- what an entry says ---------------------------------------------------------------------------------------------


def test_the_shape_of_an_entry(world: Simulation, vault: Client, name: str) -> None:
    """An entry is Azure's `AuditEvent` record, every member of it (reference section 7)."""
    bundle = vault.put(name)
    headers = {"User-Agent": "azsdk-python", "x-ms-client-request-id": "11111111-2222-4333-8444-555555555555"}
    answer = vault.ask("GET", f"/secrets/{name}/", headers=headers)
    entry = last(world)
    assignment = entry["properties"]["appliedAssignmentId"]
    assert assignment.rpartition("/")[2] == answer.headers["x-ms-keyvault-rbac-assignment-id"]
    assert entry == {
        "time": "2026-09-21T14:13:20.0000000Z",
        "resourceId": world.vault.scope.upper(),
        "operationName": "SecretGet",
        "operationVersion": VERSION,
        "category": "AuditEvent",
        "resultType": "Success",
        "resultSignature": "OK",
        "resultDescription": "",
        "durationMs": "0",
        "callerIpAddress": PUBLIC_ADDRESS,
        "correlationId": "11111111-2222-4333-8444-555555555555",
        "identity": {
            "claim": {
                OBJECT_ID: world.administrator.oid,
                "appid": world.administrator.appid,
                "oid": world.administrator.oid,
                "appidacr": "1",
                "idtyp": "app",
                "tid": world.first.tenant_id,
            }
        },
        "properties": {
            "httpStatusCode": 200,
            "clientInfo": "azsdk-python",
            "requestUri": f"{world.vault_url}/secrets/{name}/?api-version={VERSION}",
            "id": bundle["id"],
            "isRbacAuthorized": True,
            "appliedAssignmentId": assignment,
            "addrAuthType": "defaultAction",
        },
    }
    assert world.clock() == START


def test_the_shape_of_a_refusal(world: Simulation, vault: Client, name: str) -> None:
    """A refusal's entry has its status, sentence and word; `resultType` tells of faults of ours alone."""
    vault.ask("GET", f"/secrets/{name}/")
    entry = last(world)
    assert entry["resultType"] == "Success"
    assert entry["resultSignature"] == "Not Found"
    assert entry["resultDescription"].startswith(f"A secret with (name/id) {name} was not found")
    assert entry["properties"]["httpStatusCode"] == 404
    assert entry["properties"]["errorCode"] == "SecretNotFound"
    assert "id" not in entry["properties"]


def test_what_a_refusal_does_not_say_is_recorded(world: Simulation, vault: Client, name: str) -> None:
    """The entry names the property that was wrong, which the answer does not."""
    answer = vault.ask("PUT", f"/secrets/{name}", body={"value": plant(), "contentType": "c" * 256})
    assert "contentType" not in answer.body.decode()
    assert last(world)["properties"]["reason"] == "invalid contentType"


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in GUARDED])
def test_one_request_is_one_entry(world: Simulation, vault: Client, name: str, op: Op) -> None:
    """Every operation leaves exactly one entry, under its name, whether it reads or writes."""
    case = CASES[op.name]
    case.prepare(world, name)
    body = case.prepared(world, name)
    token, before = vault.token, len(world.entries())
    assert vault.ask(op.method, case.path.format(name=name), token=token, body=body).status == op.success
    assert [entry["operationName"] for entry in since(world, before)] == [op.name]


@pytest.mark.parametrize(("method", "suffix"), [("PUT", ""), ("PATCH", "/"), ("DELETE", "")])
def test_a_change_names_what_it_made(world: Simulation, vault: Client, name: str, method: str, suffix: str) -> None:
    """A change's entry has the id of the version that came of it."""
    version = version_of(vault.put(name))
    body = {"PUT": {"value": plant()}, "PATCH": {"contentType": "x"}}.get(method)
    bundle = vault.done(method, f"/secrets/{name}{suffix}", body=body)
    assert last(world)["properties"]["id"] == bundle["id"]
    assert (version_of(bundle) == version) is (method != "PUT")


def test_a_purge_names_what_is_gone(world: Simulation, vault: Client, name: str) -> None:
    """A purge's entry has the id of the deleted secret."""
    vault.put(name)
    vault.done("DELETE", f"/secrets/{name}")
    vault.done("DELETE", f"/deletedsecrets/{name}")
    assert last(world)["properties"]["id"] == f"{world.vault_url}/deletedsecrets/{name}"
    assert last(world)["properties"]["httpStatusCode"] == 204


def test_before_an_operation_is_known_there_is_none(world: Simulation, vault: Client) -> None:
    """
    A request that ended before anyone was identified is an `Authentication`.

    SEC-AUDIT-7: of a path that leads nowhere the words of the surface are told; a secret may have been sent astray.
    """
    vault.ask("GET", "/nothing/secrets")
    entry = last(world)
    assert entry["operationName"] == "Authentication"
    assert entry["identity"] == {}
    assert entry["properties"]["requestUri"] == f"{world.vault_url}/REDACTED/secrets?api-version={VERSION}"


# ---- correlation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "status"), [("/v1.0/organization", 200), ("/v1.0/users/nobody", 404)])
@pytest.mark.parametrize("given", ["11111111-2222-4333-8444-555555555555", None])
def test_ids_of_graphs_answers(world: Simulation, path: str, status: int, given: str | None) -> None:
    """Each has both of Graph's own headers, sent or not: its SDKs tell a failure by them."""
    headers = {"Authorization": f"Bearer {world.token(world.administrator, GRAPH_AUDIENCE)}"}
    if given is not None:
        headers["client-request-id"] = given
    answer = world.ask("GET", world.graph_url + path, headers=headers)
    assert answer.status == status
    assert answer.headers["request-id"] == answer.headers["x-ms-request-id"]
    assert answer.headers["client-request-id"] == (given or answer.headers["request-id"])


@pytest.mark.parametrize("how", ["x-ms-client-request-id", "client-request-id", "query"])
def test_the_clients_id_is_echoed_and_recorded(world: Simulation, vault: Client, how: str) -> None:
    """Wherever a client puts its request's id, it comes back, and the entry is found by it."""
    given = "6f0f0c7e-2b1d-4c8e-9a37-0d6a3f0b7c11"
    headers, query = ({}, f"&client-request-id={given}") if how == "query" else ({how: given}, "")
    answer = vault.ask("GET", "/secrets", headers=headers, query=query)
    assert answer.headers["x-ms-client-request-id"] == given
    assert last(world)["correlationId"] == given


def test_without_one_it_is_the_services_id(world: Simulation, vault: Client) -> None:
    """Without a client's id the entry has the one of the answer's `x-ms-request-id`, a new GUID each time."""
    first, second = vault.ask("GET", "/secrets"), vault.ask("GET", "/secrets")
    assert last(world)["correlationId"] == second.headers["x-ms-request-id"] != first.headers["x-ms-request-id"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", second.headers["x-ms-request-id"])
    assert "x-ms-client-request-id" not in second.headers


@pytest.mark.parametrize("given", ["a" * 129, "a\tb", "a\x7fb", "id-\u00e9", ""])
def test_what_is_no_id_is_not_repeated(world: Simulation, vault: Client, given: str) -> None:
    """A client's id is short and printable ASCII, or it is neither echoed nor recorded."""
    answer = vault.ask("GET", "/secrets", headers={"x-ms-client-request-id": given})
    assert answer.status == 200
    assert answer.headers.get("x-ms-client-request-id", "") == ""
    assert last(world)["correlationId"] in {answer.headers["x-ms-request-id"], ""}


# ---- what an entry never says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["&$skiptoken={}", "&{}", "&{}=1", "&code={}", "&maxresults={}", "&value={}", "&%24skiptoken={}"],
)
def test_values_in_the_query_are_not_recorded(world: Simulation, vault: Client, canary: str, query: str) -> None:
    """What stands in a query may be a secret astray: values are left out, and names that nobody knows (SEC-AUDIT-7)."""
    vault.ask("GET", "/secrets", query=query.format(canary))
    entry = last(world)
    assert canary not in str(entry)
    assert entry["properties"]["requestUri"].startswith(f"{world.vault_url}/secrets?api-version={VERSION}")


def test_a_version_that_is_none_is_not_recorded(world: Simulation, vault: Client) -> None:
    """Not even `api-version` is recorded when its value cannot be one."""
    vault.ask("GET", "/secrets", version="7.4-secret-value")
    entry = last(world)
    assert "secret-value" not in entry["properties"]["requestUri"]
    assert entry["operationVersion"] == ""


MARK = "mark-of-this-body"


@pytest.mark.parametrize(
    "members", [{"tags": {"a": MARK}}, {"tags": {MARK: "a"}}, {"contentType": MARK}], ids=["tag", "tag name", "type"]
)
def test_nothing_of_a_body_is_recorded(world: Simulation, vault: Client, name: str, members: dict[str, object]) -> None:
    """Tags and content type are the caller's own texts: the journal has none of them, of no operation."""
    before = len(world.entries())
    vault.done("PUT", f"/secrets/{name}", body={"value": plant()} | members)
    vault.done("GET", f"/secrets/{name}")
    vault.walk("/secrets")
    vault.done("DELETE", f"/secrets/{name}")
    assert MARK not in str(since(world, before))


def test_a_long_agent_is_cut(world: Simulation, vault: Client) -> None:
    """A text of the caller's choosing cannot fill the journal."""
    vault.ask("GET", "/secrets", headers={"User-Agent": "a" * 5000})
    assert len(last(world)["properties"]["clientInfo"]) < 1100


# ---- no record, no answer -------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world whose journal the test may break."""
    simulation = Simulation(tmp_path)
    yield simulation
    with suppress(JournalUnavailable):
        simulation.world.journal.close()
    simulation.close()


def _break(world: Simulation) -> None:
    """Take the journal's file away, and let the journal notice."""
    for path in files(world):
        path.unlink()
    with suppress(JournalUnavailable):
        world.journal.append(b"{}")
    assert world.journal.failure is not None


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPERATIONS])
def test_what_cannot_be_recorded_is_not_done(own: Simulation, name: str, op: Op) -> None:
    """
    SEC-AUDIT-6: with a broken journal every operation is 503; what it computed does not leave, and nothing changes.

    Pitfalls.md: "audit sink full or blocked and secrets still served".
    """
    vault = Client(own)
    path, body = "/healthstatus", None
    if not isinstance(op.requires, Public):
        case = CASES[op.name]
        case.prepare(own, name)
        path, body = case.path.format(name=name), case.prepared(own, name)
    token = vault.token
    _break(own)
    before = dump(own)
    answer = vault.ask(op.method, path, token=token, body=body)
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.error == {
        "code": "ServiceUnavailable",
        "message": "The request could not be recorded, so it was not answered. Try again later.",
    }
    assert dump(own) == before


def test_what_no_request_waits_for_is_not_done_either(own: Simulation) -> None:
    """SEC-AUDIT-6: a job's change, such as a key's rotation, waits until it can be recorded."""
    settings = SignInSettings(own.first.tenant_id, own.first.tenant_id, device_code=True)
    entry = Entry(time=own.clock(), operation="KeyRotate", status=200)
    _break(own)
    before = dump(own)
    with pytest.raises(Unavailable):
        own.run(audit.commit_apart(own.world, lambda tx: tx.put(settings), lambda _: entry))
    assert dump(own) == before


def test_what_is_recorded_besides_is_recorded_or_refused(own: Simulation) -> None:
    """SEC-AUDIT-6: a secret that a deployment reads has an entry of its own before anything of it leaves."""
    entry = Entry(time=own.clock(), operation="SecretGet", status=200)
    before = len(own.entries())
    own.run(audit.note(own.world, entry))
    assert [told["operationName"] for told in since(own, before)] == ["SecretGet"]
    _break(own)
    with pytest.raises(Unavailable):
        own.run(audit.note(own.world, entry))


def test_a_token_that_cannot_be_recorded_is_not_issued(own: Simulation) -> None:
    """SEC-AUDIT-6: no token is issued without a record of it."""
    admin = own.administrator
    form = {"grant_type": "client_credentials", "client_id": admin.appid, "client_secret": admin.secret}
    _break(own)
    url = f"{own.login_url}/{own.first.tenant_id}/oauth2/v2.0/token"
    answer = own.ask("POST", url, form=form | {"scope": "https://vault.azure.net/.default"})
    assert answer.status == 503
    assert "access_token" not in answer.json


def test_a_refusal_that_cannot_be_recorded_is_503(own: Simulation) -> None:
    """SEC-AUDIT-6: even a refusal is not answered without a record."""
    _break(own)
    assert own.ask("GET", f"{own.vault_url}/secrets?api-version={VERSION}").status == 503


def test_on_a_full_disk_reads_are_refused(own: Simulation, name: str) -> None:
    """SEC-AUDIT-6: a full disk refuses reads while it is full, and no longer."""
    vault = Client(own)
    vault.put(name)
    with full_disk(own):
        assert vault.ask("GET", f"/secrets/{name}").status == 503
    assert vault.ask("GET", f"/secrets/{name}").status == 200


def test_on_a_full_disk_a_change_keeps_its_record_and_is_the_last(own: Simulation, name: str) -> None:
    """
    A change whose entry the journal refuses has its record in the store, and no other change is made until it is told.

    So on a full disk the store cannot fill with entries that wait.
    """
    vault = Client(own)
    token = vault.token
    with full_disk(own):
        assert vault.ask("PUT", f"/secrets/{name}", token=token, body={"value": plant()}).status == 200
        before = dump(own)
        assert vault.ask("PUT", f"/secrets/{name}-2", token=token, body={"value": plant()}).status == 503
        with pytest.raises(JournalUnavailable):
            own.run(audit.trim(own.world))
        assert vault.ask("PUT", f"/secrets/{name}-2", token=token, body={"value": plant()}).status == 503
        assert dump(own) == before
    assert not [entry for entry in own.entries() if entry["operationName"] == "SecretSet"]
    own.run(audit.trim(own.world))
    assert [entry["operationName"] for entry in own.entries()].count("SecretSet") == 1
    assert vault.ask("PUT", f"/secrets/{name}-2", token=token, body={"value": plant()}).status == 200
    assert [entry["operationName"] for entry in own.entries()].count("SecretSet") == 2


# ---- exactly once ---------------------------------------------------------------------------------------------------


class Crash(BaseException):
    """The end of the process: nothing catches it."""


def _restart(world: Simulation) -> None:
    """Open the journal again, as a start does, and drain the outbox."""
    world.world.journal.close()
    world.journal = Journal.open(world.folder / "audit", world.keys.tag, world.first.installation.id, world.clock)
    world.world.journal = world.journal
    world.run(audit.drain(world.world))


def _entries_of(world: Simulation, name: str) -> list[str]:
    return [entry["operationName"] for entry in world.entries() if name in str(entry)]


@pytest.mark.parametrize("when", ["before the append", "after the append"])
def test_a_crash_after_the_commit_loses_no_entry_and_doubles_none(
    own: Simulation, name: str, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """A change's entry commits with it: whatever a crash leaves, the next start brings it to the journal just once."""
    vault = Client(own)
    token, real = vault.token, Journal.append

    def crash(journal: Journal, entry: bytes, outbox: int | None = None) -> None:
        if when == "after the append":
            real(journal, entry, outbox)
        raise Crash

    with monkeypatch.context() as crashing:
        crashing.setattr(Journal, "append", crash)
        with pytest.raises(Crash):
            vault.ask("PUT", f"/secrets/{name}", token=token, body={"value": plant()})
    assert _entries_of(own, name) == ([] if when == "before the append" else ["SecretSet"])
    _restart(own)
    assert _entries_of(own, name) == ["SecretSet"]
    assert vault.ask("GET", f"/secrets/{name}", token=token).status == 200
    _restart(own)
    assert _entries_of(own, name) == ["SecretSet", "SecretGet"]


def test_the_outbox_is_forgotten_once_the_journal_is_durable(own: Simulation, name: str) -> None:
    """What the journal has on disk goes from the store with the next change; draining again writes nothing."""
    vault = Client(own)
    vault.put(name)
    assert len(own.run(own.store.outbox(limit=100))) == 1
    own.world.journal.flush()
    own.run(audit.trim(own.world))
    own.world.journal.flush()
    own.run(audit.trim(own.world))
    vault.put(f"{name}-2")
    assert [b"-2" in entry for _, entry in own.run(own.store.outbox(limit=100))] == [True]
    own.run(audit.drain(own.world))
    assert _entries_of(own, name).count("SecretSet") == 2
