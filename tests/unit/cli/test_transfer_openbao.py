"""What the KV version 2 engine of OpenBao has, as a source and as a destination."""

from __future__ import annotations

import httpx
import pytest

from strongroom.cli.transfer.histories import History, Version
from strongroom.cli.transfer.openbao import KvClient, KvDestination, KvSecrets, require_address
from strongroom.cli.transfer.report import Outcome
from strongroom.cli.transfer.transfer import SecretFault, Terms, TransferEnded, transfer
from tests.kv_engine import KvEngine
from tests.plugins import canary

TOKEN = "bao-token-of-the-unit-tests"
canary.remember(TOKEN)


def _client(engine: KvEngine, token: str = TOKEN, mount: str = "secret") -> KvClient:
    def respond(request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        status, document = engine.answer(request.method, target, request.headers.get("X-Vault-Token"), request.content)
        return httpx.Response(status, json=document)

    return KvClient("https://bao.example", mount, token, httpx.Client(transport=httpx.MockTransport(respond)))


@pytest.fixture
def engine() -> KvEngine:
    """Make an engine with a few paths."""
    made = KvEngine(TOKEN)
    made.put("app/db", user="u", password="p1")
    made.put("app/db", user="u", password="p2")
    made.put("app/db", user="u", password="p2", port=5432)
    made.put("top", value="t")
    made.custom["app/db"] = {"team": "core"}
    return made


def test_each_field_of_a_path_is_a_secret_with_the_versions_in_which_it_changed(engine: KvEngine) -> None:
    """Another field's change is no version of this one, and what is no text is written as JSON."""
    source = KvSecrets(_client(engine))
    named, unusable = source.listed()

    assert {one.original: one.name for one in named} == {
        "app/db/password": "app-db-password",
        "app/db/port": "app-db-port",
        "app/db/user": "app-db-user",
        "top/value": "top-value",
    }
    assert not unusable
    assert [one.value for one in source.read("app/db/password").versions] == ["p1", "p2"]
    assert [one.value for one in source.read("app/db/user").versions] == ["u"]
    [port] = source.read("app/db/port").versions
    assert (port.value, port.content_type) == ("5432", "application/json")
    assert port.tags == {"team": "core", "original-name": "app/db/port"}


def test_a_path_may_be_one_secret(engine: KvEngine) -> None:
    """With `whole` the object is the value, as JSON."""
    source = KvSecrets(_client(engine), "app", whole=True)
    named, _ = source.listed()

    assert [one.name for one in named] == ["app-db"]
    assert [one.value for one in source.read("app/db").versions][:1] == ['{"password": "p1", "user": "u"}']


def test_what_is_deleted_or_destroyed_is_told_and_left(engine: KvEngine) -> None:
    """A version whose value is gone is a sentence in the report; one that will be is a version that expires."""
    engine.states["app/db", 1] = {"destroyed": True}
    engine.states["app/db", 2] = {"deletion_time": "2026-02-03T04:05:06.789Z"}
    engine.states["app/db", 3] = {"deletion_time": "2099-01-01T00:00:00Z"}
    source = KvSecrets(_client(engine), now=lambda: 1_790_000_000.0)
    source.listed()
    history = source.read("app/db/password")

    assert [(one.value, one.expires) for one in history.versions] == [("p2", 4_070_908_800)]
    assert history.unread == ("version 1 is destroyed", "version 2 is deleted")
    assert not history.is_newest_unread
    engine.states["app/db", 3] = {"destroyed": True}
    engine.states["app/db", 1] = {}
    again = KvSecrets(_client(engine), now=lambda: 1_790_000_000.0)
    again.listed()
    assert again.read("app/db/password").is_newest_unread


def test_a_path_that_is_refused_is_a_note(engine: KvEngine) -> None:
    """The others are read; nothing is left out in silence."""
    engine.forbidden.add("app/db")
    source = KvSecrets(_client(engine))
    named, _ = source.listed()

    assert [one.name for one in named] == ["top-value"]
    assert [note for note in source.notes() if note.startswith("not looked into, app/db: 403")]


@pytest.mark.parametrize(("token", "mount"), [("wrong", "secret"), (TOKEN, "other")])
def test_a_wrong_token_or_mount_ends_it(engine: KvEngine, token: str, mount: str) -> None:
    """Nothing is taken for an empty engine that was not asked rightly."""
    source = KvSecrets(_client(engine, token, mount))

    with pytest.raises(TransferEnded, match="permission denied" if token == "wrong" else "no such KV version 2 mount"):
        source.listed()


def test_attributes_go_to_the_engine_and_come_back() -> None:
    """A destination tells what it was given, so that going on finds it."""
    engine = KvEngine(TOKEN)
    destination = KvDestination(_client(engine), "from-vault")
    versions = (
        Version("1", "text/plain", {"a": "b"}, enabled=True, not_before=5, expires=9),
        Version("2", enabled=False),
    )
    for version in versions:
        destination.write("db", version)
    found = destination.find("db")

    assert found is not None
    assert [one.mark for one in found.versions] == [one.mark for one in versions]
    assert destination.find("other") is None
    assert engine.versions["from-vault/db"][1] == {"value": "2", "enabled": False}


def test_there_and_back(engine: KvEngine) -> None:
    """A transfer into another engine, done twice, does nothing the second time."""
    source = KvSecrets(_client(engine))
    destination = KvDestination(_client(KvEngine(TOKEN)))

    first = transfer(source, destination, Terms(), lambda: None)
    second = transfer(source, destination, Terms(), lambda: None)

    assert {line.outcome for line in first.lines} == {Outcome.COPIED}
    assert {line.outcome for line in second.lines} == {Outcome.UNCHANGED}
    assert destination.find("app-db-password") == History(
        tuple(
            Version(value, tags={"team": "core", "original-name": "app/db/password"}, origin=str(number))
            for number, value in ((1, "p1"), (2, "p2"))
        )
    )


@pytest.mark.parametrize("address", ["http://bao.example", "ftp://x", "bao.example:8200", "http://127.0.0.1.example"])
def test_a_token_is_not_sent_in_the_clear(address: str) -> None:
    """Plain HTTP is for this machine alone."""
    with pytest.raises(ValueError, match="https://"):
        require_address(address)


def test_this_machine_may_be_asked_in_the_clear() -> None:
    """As a development server is."""
    assert require_address("http://127.0.0.1:8200/") == "http://127.0.0.1:8200"


def test_what_others_wrote_there_is_compared_all_the_same(engine: KvEngine) -> None:
    """An object whose fields mean something else is another secret, and no defect."""
    engine.put("mine", value="v", tags={"n": 1}, contentType=5)
    found = KvDestination(_client(engine)).find("mine")
    assert found is not None
    assert found.is_text
    assert found.versions[0].mark != Version("v").mark


def test_what_is_no_engine_ends_it() -> None:
    """A proxy's page is no answer."""
    client = httpx.Client(transport=httpx.MockTransport(lambda _request: httpx.Response(200, text="<html>")))
    with pytest.raises(TransferEnded, match="is its address right"):
        KvSecrets(KvClient("https://bao.example", "secret", TOKEN, client)).listed()


@pytest.mark.parametrize("path", ["../../sys/mounts", "a/../b", "."])
def test_a_path_is_of_its_mount(engine: KvEngine, path: str) -> None:
    """Whatever a list has."""
    with pytest.raises(SecretFault, match="another path"):
        _client(engine).ask("GET", "metadata", path)
