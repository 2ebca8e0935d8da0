"""Requests of the command line: what is sent where, again, and until when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote import session as module
from strongroom.cli.remote.accounts import Account
from strongroom.cli.remote.endpoints import Endpoints, endpoints_at
from strongroom.cli.remote.objects import VaultObject, version_of, versions_of
from strongroom.cli.remote.places import Place
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.remote.session import Session, segment
from strongroom.cli.remote.wire import MsalClient

ENDPOINTS = Endpoints("example.test:8443", None, data=Path("/data"))
ARM = ENDPOINTS.arm
VAULT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"
AGES = [("a", 20), ("b", 30), ("c", 10)]
"""Versions in the order of their ids, and when they were made."""
Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


@dataclass
class Tokens:
    """Gives a token that says for what it is, and how often one was asked for anew."""

    fresh: int = 0

    def of(self, audience: str, *, fresh: bool = False) -> str:
        """Give one."""
        self.fresh += fresh
        return f"{audience}#{self.fresh}"

    def claims(self) -> dict[str, Any]:
        """Say who it is."""
        return {"tid": "t"}


@dataclass
class World:
    """A service that answers from a list, and what it was asked."""

    answers: list[Answer]
    asked: list[httpx.Request] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.asked.append(request)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def lines(self) -> list[str]:
        """Give what was asked, as a person writes it."""
        return [f"{one.method} {one.url}" for one in self.asked]


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let waiting take no time, and tell how long it would have been."""
    slept: list[float] = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    return slept


def session(*answers: Answer, subscription: str | None = None) -> tuple[Session, World]:
    """Make a session at a service that answers so."""
    world = World(list(answers))
    client = httpx.Client(transport=httpx.MockTransport(world.answer))
    account = Account("a", "user", "t", "c")
    return Session(ENDPOINTS, client, world.tokens, subscription, account), world  # type: ignore[arg-type]


def ok(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    """Make an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return (
        httpx.Response(status, json=body, headers=named) if body is not None else httpx.Response(status, headers=named)
    )


def test_each_part_has_its_own_token() -> None:
    """One for Resource Manager is never sent to Graph or to a vault."""
    one, world = session(ok({}), ok({}), ok({}))
    one.arm("GET", VAULT, api_version="1")
    one.graph("GET", "/me")
    one.vault("KV1", "GET", "/secrets/a", query={"x": "y"})
    assert [request.headers["authorization"] for request in world.asked] == [
        "Bearer https://management.core.windows.net#0",
        "Bearer https://graph.microsoft.com#0",
        "Bearer https://vault.azure.net#0",
    ]
    assert world.lines() == [
        f"GET {ARM}{VAULT}?api-version=1",
        "GET https://graph.example.test:8443/v1.0/me",
        "GET https://kv1.vault.example.test:8443/secrets/a?api-version=7.6&x=y",
    ]


def test_versions_are_told_by_age() -> None:
    """The oldest first, though the vault has them by their ids, which chance made, and in pages."""
    one = VaultObject(At(None, None), "kv1", "secret", "a")
    rows = [{"id": f"https://kv1/secrets/a/{version}", "attributes": {"created": made}} for version, made in AGES]
    asked, _ = session(
        ok({"value": rows[:2], "nextLink": "https://kv1.vault.example.test:8443/next"}), ok({"value": rows[2:]})
    )
    assert [version_of(row) for row in versions_of(asked, one)] == ["c", "a", "b"]


def test_pages() -> None:
    """A list goes on behind its link, as the link says, and an empty one has nothing."""
    one, world = session(ok({"value": [{"n": 1}], "nextLink": f"{ARM}/next?skip=1"}), ok({"value": [{"n": 2}]}))
    assert list(one.arm_pages("/x", api_version="1")) == [{"n": 1}, {"n": 2}]
    assert world.lines()[1] == f"GET {ARM}/next?skip=1"
    one, world = session(ok({"value": [], "@odata.nextLink": "https://graph.example.test:8443/n"}), ok({}))
    assert list(one.graph_pages("/users")) == []
    assert len(world.asked) == 2


@pytest.mark.parametrize(
    "link",
    [
        "https://management.evil.test/next",
        "http://management.example.test:8443/next",
        "https://example.test:8443.evil.test/next",
        "https://xexample.test:8443/next",
        "https://management.example.test:8443@evil.test/next",
        "https://wiki.example.test:8443/next",
        "https://a.b.vault.example.test:8443/next",
        "https://evil.test\\.vault.example.test:8443/next",
        "https://me@management.example.test:8443/next",
        "https://management.example.test:8443.example.test:8443/next",
    ],
)
def test_no_token_leaves_the_instance(link: str) -> None:
    """A link to another host is not followed."""
    one, world = session(ok({"value": [], "nextLink": link}))
    with pytest.raises(Halt, match="another host"):
        list(one.arm_pages("/x", api_version="1"))
    assert len(world.asked) == 1


@pytest.mark.parametrize("link", ["https://MANAGEMENT.example.test/n", "https://graph.example.test:443/n"])
def test_the_usual_port_may_be_said(link: str) -> None:
    """A link with it is of the same host as one without, and an instance at another port is another."""
    assert Endpoints("example.test", None).owns(link)
    assert not ENDPOINTS.owns(link)


def test_a_token_that_is_refused_after_waiting_is_told(waits: list[float]) -> None:
    """There is no try left to renew it for."""
    error = {"error": {"code": "InvalidAuthenticationToken", "message": "no"}}
    one, world = session(*(ok({}, 503) for _ in range(3)), ok(error, 401))
    with pytest.raises(Refused, match="strongroom login"):
        one.arm("GET", "/x", api_version="1")
    assert (len(world.asked), len(waits)) == (4, 3)


def test_a_token_that_was_refused_is_renewed_once() -> None:
    """The second refusal is told."""
    error = {"error": {"code": "InvalidAuthenticationToken", "message": "no"}}
    one, world = session(ok(error, 401), ok({"a": 1}))
    assert one.arm("GET", "/x", api_version="1") == {"a": 1}
    assert world.tokens.fresh == 1
    one, world = session(ok(error, 401), ok(error, 401))
    with pytest.raises(Refused, match="strongroom login") as refused:
        one.arm("GET", "/x", api_version="1")
    assert (refused.value.exit_code, len(world.asked)) == (Exit.REFUSED, 2)


def test_a_proxys_page_is_no_answer() -> None:
    """It says that all is well, and is not from the service."""
    one, _ = session(httpx.Response(200, text="<html>sign in</html>"))
    with pytest.raises(Halt, match="Is there a proxy before it"):
        one.vault("kv1", "GET", "/secrets/a")


def test_a_credential_goes_to_the_instance_alone() -> None:
    """Wherever the token service says that it is."""
    client = httpx.Client(transport=httpx.MockTransport(lambda _request: httpx.Response(200)))
    wire = MsalClient(client, ENDPOINTS)
    assert wire.post("https://login.example.test:8443/t/oauth2/v2.0/token").status_code == 200
    with pytest.raises(Halt, match="is sent no credential"):
        wire.post("https://login.evil.test/t/oauth2/v2.0/token", data={"client_secret": "s"})


def test_what_is_told_to_wait_waits(waits: list[float]) -> None:
    """As long as it is told, not longer than half a minute, and no more than three times."""
    one, _ = session(ok({}, 429, retry_after="7"), ok({}, 503, retry_after="900"), ok({"a": 1}))
    assert one.arm("GET", "/x", api_version="1") == {"a": 1}
    assert waits == [7.0, 30.0]
    one, world = session(*(ok({"error": {"code": "TooManyRequests", "message": "slow"}}, 429) for _ in range(4)))
    with pytest.raises(Refused, match="slow"):
        one.arm("GET", "/x", api_version="1")
    assert len(world.asked) == 4


@pytest.mark.parametrize(
    ("ask", "times"),
    [
        (lambda one: one.vault("kv1", "PUT", "/secrets/a", {"value": "v"}), 1),
        (lambda one: one.vault("kv1", "POST", "/keys/a/create", {"kty": "EC"}), 1),
        (lambda one: one.vault("kv1", "GET", "/secrets/a"), 4),
        (lambda one: one.graph("POST", "/users", {}), 1),
        (lambda one: one.arm("POST", "/x/renewSigningSecret", api_version="1"), 1),
        (lambda one: one.arm("PUT", "/x", {}, api_version="1"), 4),
    ],
    ids=["set", "create", "get", "user", "action", "put"],
)
def test_what_may_have_been_done_is_not_done_twice(
    ask: Callable[[Session], object], times: int, waits: list[float]
) -> None:
    """503 may come after the change: only what changes nothing, or says what is to be in the end, is sent again."""
    one, world = session(*(ok({}, 503) for _ in range(4)))
    with pytest.raises(Refused) as refused:
        ask(one)
    assert (len(world.asked), len(waits)) == (times, times - 1)
    assert ("may have been done" in str(refused.value)) == (world.asked[-1].method != "GET")


class TestLongRunningOperations:
    """Resource Manager answers before it is done."""

    def test_a_write_is_followed_by_its_status(self) -> None:
        """Then the resource is read, with the query of the request."""
        status = f"{ARM}/operations/1?api-version=9"
        one, world = session(
            ok({"properties": {"provisioningState": "Creating"}}, 201, azure_asyncoperation=status),
            ok({"status": "InProgress"}), ok({"status": "Succeeded"}), ok({"name": "v"}),
        )  # fmt: skip
        assert one.arm("PUT", VAULT, {}, api_version="1") == {"name": "v"}
        assert world.lines()[1:] == [f"GET {status}", f"GET {status}", f"GET {ARM}{VAULT}?api-version=1"]

    def test_what_failed_is_a_refusal(self) -> None:
        """With what the operation says."""
        status = f"{ARM}/operations/1"
        one, _ = session(
            ok({}, 202, azure_asyncoperation=status),
            ok({"status": "Failed", "error": {"code": "Broken", "message": "it broke"}}),
        )
        with pytest.raises(Refused, match="it broke") as refused:
            one.arm("DELETE", VAULT, api_version="1")
        assert refused.value.code == "Broken"

    def test_a_location_is_followed_until_it_has_the_result(self) -> None:
        """It may move on the way."""
        one, world = session(
            ok(None, 202, location=f"{ARM}/a"), ok(None, 202, location=f"{ARM}/b"), ok(None, 202), ok({"done": 1})
        )
        assert one.arm("POST", f"{VAULT}/purge", api_version="1") == {"done": 1}
        assert world.lines()[1:] == [f"GET {ARM}/a", f"GET {ARM}/b", f"GET {ARM}/b"]

    def test_a_deletion_has_no_result(self) -> None:
        """Its location is not asked for once its status is known."""
        one, world = session(
            ok(None, 202, azure_asyncoperation=f"{ARM}/s", location=f"{ARM}/l"), ok({"status": "Succeeded"})
        )
        one.arm("DELETE", VAULT, api_version="1")
        assert len(world.asked) == 2

    def test_a_resource_is_looked_at_until_it_is_there(self) -> None:
        """Where nothing else says how far it is."""
        one, world = session(
            ok({"properties": {"provisioningState": "RegisteringDns"}}, location=f"{ARM}/elsewhere"),
            ok({"properties": {"provisioningState": "Succeeded"}}),
        )
        assert one.arm("PUT", VAULT, {}, api_version="1")["properties"]["provisioningState"] == "Succeeded"
        assert world.lines()[1] == f"GET {ARM}{VAULT}?api-version=1"

    def test_it_leads_nowhere_else(self) -> None:
        """The token is not sent to another host."""
        one, world = session(ok(None, 202, location="https://evil.test/"))
        with pytest.raises(Halt, match="another host"):
            one.arm("DELETE", VAULT, api_version="1")
        assert len(world.asked) == 1


class TestRefusals:
    """What the service refused, and what would help."""

    def refused(self, status: int, body: Any, **headers: str) -> Refused:
        """Have a vault refuse."""
        one, _ = session(ok(body, status, **headers), ok(body, status, **headers))
        with pytest.raises(Refused) as refused:
            one.vault("kv1", "GET", "/secrets/a")
        return refused.value

    def test_a_403_says_how_to_ask_why(self) -> None:
        """With the id of the request and where the instance is."""
        refused = self.refused(403, {"error": {"code": "Forbidden", "message": "no"}}, x_ms_request_id="i-1")
        assert "strongroom explain --data /data --request i-1" in str(refused)
        assert (refused.status, refused.code, refused.message) == (403, "Forbidden", "no")

    def test_the_firewalls_says_which_rule(self) -> None:
        """For the vault and the address that it names."""
        message = "Client address is not authorized.\r\nClient address: 2001:db8::1\r\nVault: kv;location=local"
        body = {"error": {"code": "Forbidden", "message": message, "innererror": {"code": "ForbiddenByFirewall"}}}
        assert "strongroom network-rule add kv --ip 2001:db8::1" in str(self.refused(403, body))

    def test_nothing_of_it_steers_a_terminal(self) -> None:
        """Nor does it make a second line."""
        refused = self.refused(409, {"error": {"code": "C\x1b[2J", "message": "a\n\x1b]0;b\x07"}})
        assert str(refused).isprintable()

    @pytest.mark.parametrize("body", [None, [], {}, {"error": "text"}, {"error": {"code": 7}}])
    def test_what_is_no_refusal_of_ours(self, body: Any) -> None:
        """A proxy's answer is told by its status."""
        assert "502" in str(self.refused(502, body))


class TestSubscriptions:
    """Which one is worked in."""

    LISTED: tuple[dict[str, str], ...] = (
        {"subscriptionId": "id-1", "displayName": "One"}, {"subscriptionId": "id-2", "displayName": "Two"},
    )  # fmt: skip

    def test_the_only_one(self) -> None:
        """It need not be named, and is asked for once."""
        one, world = session(ok({"value": self.LISTED[:1]}))
        assert (one.subscription, one.subscription) == ("id-1", "id-1")
        assert len(world.asked) == 1

    @pytest.mark.parametrize("name", ["two", "ID-2"])
    def test_a_named_one(self, name: str) -> None:
        """By id or name, in any case."""
        assert session(ok({"value": list(self.LISTED)}), subscription=name)[0].subscription == "id-2"

    def test_a_name_steers_no_terminal(self) -> None:
        """Whoever may rename a subscription writes it."""
        listed = [{"subscriptionId": "id-3", "displayName": "a\x1b[2Jb"}, *self.LISTED]
        with pytest.raises(Halt, match="say which subscription") as halt:
            _ = session(ok({"value": listed}))[0].subscription
        assert "\x1b" not in str(halt.value)

    @pytest.mark.parametrize(
        ("listed", "name", "says", "code"),
        [
            (LISTED, None, "say which subscription", Exit.USAGE),
            (LISTED, "three", "there is no subscription 'three'", Exit.FAILED),
            ((), None, "you see no subscription", Exit.REFUSED),
        ],
    )
    def test_none(self, listed: tuple[dict[str, str], ...], name: str | None, says: str, code: Exit) -> None:
        """It is said which there are."""
        with pytest.raises(Halt, match=says) as halt:
            _ = session(ok({"value": list(listed)}), subscription=name)[0].subscription
        assert halt.value.exit_code == code


@pytest.mark.parametrize("name", ["kv.evil.test/", "a", "kv", "-kv1", "kv/../x", "kv@evil", "k" * 25])
def test_what_cannot_be_a_vault_is_no_host(name: str) -> None:
    """It would be another host."""
    with pytest.raises(Halt, match="cannot be a vault's name"):
        ENDPOINTS.vault(name)


def test_a_segment_is_one() -> None:
    """Whatever it holds."""
    assert segment("a/../b?c#d e") == "a%2F..%2Fb%3Fc%23d%20e"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_dots_are_no_name(name: str) -> None:
    """A client takes them out of a path: a role at a secret would be one at its vault."""
    with pytest.raises(Halt, match="cannot be a name") as halt:
        segment(name)
    assert halt.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("scope", ["/subscriptions/s/resourceGroups/g/..", "/subscriptions/s/%2e%2e", "/a//b"])
def test_a_scope_has_names_alone(scope: str) -> None:
    """What it says is where the right is given, and not above it."""
    with pytest.raises(Halt, match="cannot be a name"):
        Place(scope=scope).find(session()[0])


@pytest.mark.parametrize("scope", ["subscriptions/s", "/subscriptions/s?", "/subscriptions/s#x"])
def test_a_scope_is_a_path(scope: str) -> None:
    """A query in it would swallow what follows."""
    with pytest.raises(Halt, match="is no scope"):
        Place(scope=scope).find(session()[0])


@pytest.mark.parametrize(
    ("url", "suffix", "address"),
    [
        ("https://management.example.test:8443", "example.test:8443", ""),
        ("management.Example.test", "example.test", ""),
        ("https://management.example.test:443/", "example.test", ""),
        ("https://management.localhost:9000", "localhost:9000", "127.0.0.1"),
    ],
)
def test_an_instance_elsewhere(url: str, suffix: str, address: str) -> None:
    """Its names follow from its management endpoint; those below localhost are this machine's."""
    found = endpoints_at(url, None)
    assert (found.suffix, found.address) == (suffix, address)


@pytest.mark.parametrize(
    "url",
    [
        "http://management.example.test",
        "https://vault.example.test",
        "https://management.a@b",
        "https://x",
        "https://management.example.test:port",
        "https://management.a b",
        "https://management.",
        "https://management.ex\u00e4mple.test",
    ],
)
def test_what_is_no_management_endpoint(url: str) -> None:
    """Nothing is asked there."""
    with pytest.raises(Halt, match="is not a management endpoint"):
        endpoints_at(url, None)
