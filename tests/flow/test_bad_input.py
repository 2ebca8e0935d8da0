"""
Whatever is wrong with a request, the answer is a refusal, it is recorded, and nothing that is stored has changed.

Pitfalls.md, "Paths, handles, parsing". What is stored is compared byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import KEY_VAULT_SECRETS_USER
from strongroom.core.network import Link
from tests.flow.client import VERSION, Client, dump
from tests.plugins.canary import plant
from tests.world import Answer, Principal, Simulation

pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture
def unchanged(world: Simulation) -> Iterator[Callable[[Answer, int], None]]:
    """Check an answer's status, that it has exactly one entry, and that nothing changed."""
    stored, entries = dump(world), len(world.entries())

    def check(answer: Answer, status: int) -> None:
        assert answer.status == status, answer.body
        error = answer.json["error"]
        assert error.keys() <= {"code", "message", "innererror"}
        assert error["code"]
        assert error["message"]
        written = world.entries()[entries:]
        assert [entry["properties"]["httpStatusCode"] for entry in written] == [status]
        assert written[0]["resultDescription"]
        assert dump(world) == stored

    yield check
    assert dump(world) == stored


@pytest.fixture(scope="module")
def vault(world: Simulation) -> Client:
    """Give the vault a secret that a bad request could harm."""
    client = Client(world)
    client.put("there", tags={"a": "b"})
    return client


Check = Callable[[Answer, int], None]

# ---- bodies ---------------------------------------------------------------------------------------------------------

SECRET = plant()
GOOD = json.dumps({"value": SECRET})[:-1]
"""A good body without its closing brace: what follows in a case is what is wrong with it."""

NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \r\n\t",
    "text": b"value=1",
    "half": GOOD.encode(),
    "a comma too many": f"{GOOD},}}".encode(),
    "more behind it": f"{GOOD}}} x".encode(),
    "two of them": f"{GOOD}}}{GOOD}}}".encode(),
    "a comment": f"{GOOD}/* x */}}".encode(),
    "single quotes": f"{{'value':'{SECRET}'}}".encode(),
    "a line feed in a text": b'{"value":"a\nb"}',
    "a tab in a text": b'{"value":"a\tb"}',
    "a bad escape": rb'{"value":"\x41"}',
    "NaN": f'{GOOD},"x":NaN}}'.encode(),
    "infinity": f'{GOOD},"x":Infinity}}'.encode(),
    "minus infinity": f'{GOOD},"attributes":{{"exp":-Infinity}}}}'.encode(),
    "a number with a plus": f'{GOOD},"attributes":{{"exp":+1}}}}'.encode(),
    "a number with a zero before": f'{GOOD},"attributes":{{"exp":01}}}}'.encode(),
    "a number of 5000 digits": f'{GOOD},"attributes":{{"exp":{"9" * 5000}}}}}'.encode(),
    "a number of 5000 digits in a member nobody reads": f'{GOOD},"x":{"9" * 5000}}}'.encode(),
    "invalid UTF-8": b'{"value":"\xff"}',
    "invalid UTF-8 in a member nobody reads": GOOD.encode() + b',"x":"\xc3\x28"}',
    "an overlong slash": b'{"value":"\xc0\xaf"}',
    "an encoded surrogate": b'{"value":"\xed\xa0\x80"}',
    "half a surrogate pair": rb'{"value":"\ud800"}',
    "the other half": rb'{"value":"\udc00x"}',
    "half a pair in a tag": GOOD.encode() + rb',"tags":{"\udbff":"x"}}',
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode() + b"}",
    "UTF-16": f"{GOOD}}}".encode("utf-16"),
    "a null byte behind it": GOOD.encode() + b"}\0",
    "lists without end": b"[" * 100_000,
    "a very deep value": b'{"value":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "gzip": b"\x1f\x8b\x08\x00",
}
AMBIGUOUS: dict[str, bytes] = {
    "the value twice": f'{GOOD},"value":"b"}}'.encode(),
    "the same value twice": f'{GOOD},"value":"{SECRET}"}}'.encode(),
    "a member twice, once escaped": GOOD.encode() + rb',"\u0076alue":"b"}',
    "a tag twice": f'{GOOD},"tags":{{"a":"1","a":"2"}}}}'.encode(),
    "an attribute twice": f'{GOOD},"attributes":{{"exp":1,"exp":2}}}}'.encode(),
    "twice in a member nobody reads": f'{GOOD},"x":[{{"a":1,"a":1}}]}}'.encode(),
    "33 levels": f'{GOOD},"x":{"[" * 32}{"]" * 32}}}'.encode(),
}
WRONG_FORM: dict[str, str] = {
    "null": "null",
    "a list": "[]",
    "a text": '"value"',
    "a number": "1",
    "a value that is a number": '{"value":1}',
    "a value that is true": '{"value":true}',
    "a value that is a list": f'{{"value":["{SECRET}"]}}',
    "a value that is an object": f'{{"value":{{"value":"{SECRET}"}}}}',
    "tags that are a list": f'{GOOD},"tags":["{SECRET}"]}}',
    "tags that are a text": f'{GOOD},"tags":"{SECRET}"}}',
    "a tag that is a number": f'{GOOD},"tags":{{"{SECRET}":1}}}}',
    "a tag that is null": f'{GOOD},"tags":{{"{SECRET}":null}}}}',
    "a content type that is a number": f'{GOOD},"contentType":7}}',
    "attributes that are a list": f'{GOOD},"attributes":[]}}',
    "enabled as a text": f'{GOOD},"attributes":{{"enabled":"false"}}}}',
    "enabled as a number": f'{GOOD},"attributes":{{"enabled":0}}}}',
    "a date as a text": f'{GOOD},"attributes":{{"exp":"1"}}}}',
    "a date that is true": f'{GOOD},"attributes":{{"exp":true}}}}',
    "a date with a fraction": f'{GOOD},"attributes":{{"exp":1.5}}}}',
    "a date of twenty digits": f'{GOOD},"attributes":{{"exp":{10**20}}}}}',
    "a date beyond any number": f'{GOOD},"attributes":{{"exp":1e999}}}}',
}
BODIES: dict[str, bytes] = {
    **NOT_JSON,
    **AMBIGUOUS,
    **{what: text.encode() for what, text in WRONG_FORM.items()},
}


@pytest.mark.parametrize("what", BODIES)
def test_a_bad_body_sets_nothing(world: Simulation, vault: Client, unchanged: Check, what: str) -> None:
    """A body that is not JSON, reads in two ways, or has another form is 400; no part of it is repeated."""
    answer = vault.ask("PUT", "/secrets/there", raw=BODIES[what])
    unchanged(answer, 400)
    assert answer.error["code"] == "BadParameter"
    assert world.entries()[-1]["operationName"] == "SecretSet"


@pytest.mark.parametrize("what", [what for what in BODIES if "value" not in what or what in NOT_JSON])
def test_a_bad_body_updates_nothing(vault: Client, unchanged: Check, what: str) -> None:
    """An update with a bad body is 400."""
    unchanged(vault.ask("PATCH", "/secrets/there/", raw=BODIES[what]), 400)


@pytest.mark.parametrize("what", [*NOT_JSON, *AMBIGUOUS, "a list", "a value that is a number"])
def test_a_bad_body_restores_nothing(vault: Client, unchanged: Check, what: str) -> None:
    """A restore with a bad body is 400."""
    unchanged(vault.ask("POST", "/secrets/restore", raw=BODIES[what]), 400)


def test_32_levels_are_enough(vault: Client) -> None:
    """What nests as deep as is allowed is read, though nobody asked for it."""
    assert vault.ask("PUT", "/secrets/deep", raw=f'{GOOD},"x":{"[" * 31}{"]" * 31}}}'.encode()).status == 200


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("PUT", "/secrets/there", limits.BODY_BYTES),
        ("PATCH", "/secrets/there", limits.BODY_BYTES),
        ("POST", "/secrets/restore", limits.RESTORE_BODY_BYTES),
    ],
)
def test_a_body_over_its_limit_is_413(vault: Client, unchanged: Check, method: str, path: str, limit: int) -> None:
    """One byte more than an operation reads is 413, whatever the body says."""
    answer = vault.ask(method, path, raw=GOOD.encode() + b"}" + b" " * (limit - len(GOOD)))
    unchanged(answer, 413)
    assert answer.error["code"] == "RequestEntityTooLarge"


def test_a_body_at_its_limit_is_read(vault: Client, name: str) -> None:
    """A body of exactly as many bytes as an operation reads is read."""
    raw = GOOD.encode() + b"}" + b" " * (limits.BODY_BYTES - len(GOOD) - 1)
    assert len(raw) == limits.BODY_BYTES
    assert vault.ask("PUT", f"/secrets/{name}", raw=raw).status == 200


@pytest.mark.parametrize("body", ["{", "[]", GOOD], ids=["half", "list", "unclosed"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/secrets/there"), ("GET", "/secrets")])
def test_a_body_that_nobody_reads_does_no_harm(vault: Client, method: str, path: str, body: str) -> None:
    """GET has no body: one that comes along is not read."""
    assert vault.ask(method, path, raw=body.encode()).status == 200


@pytest.mark.parametrize("token", [None, "x"])
def test_a_body_is_judged_after_its_sender(world: Simulation, unchanged: Check, token: str | None) -> None:
    """Without a good token even a bad body is 401: the clients' first request has none (operations.md section 2)."""
    url = f"{world.vault_url}/secrets/there?api-version={VERSION}"
    unchanged(world.ask("PUT", url, token=token, raw=b"{"), 401)


@pytest.fixture
def reader(world: Simulation) -> Principal:
    """Make a principal that may read one secret and nothing else."""
    principal = world.principal()
    world.grant(principal.oid, KEY_VAULT_SECRETS_USER, f"{world.vault.scope}/secrets/there")
    return principal


@pytest.fixture
def readers_token(world: Simulation, reader: Principal) -> str:
    """Sign the reader in."""
    return world.token(reader)


def test_a_body_is_judged_after_its_senders_rights(vault: Client, readers_token: str, unchanged: Check) -> None:
    """Whoever may not set learns nothing about what a good body would be."""
    unchanged(vault.ask("PUT", "/secrets/there", token=readers_token, raw=b"{"), 403)


# ---- names ----------------------------------------------------------------------------------------------------------

NAMES: tuple[str, ...] = (
    "a.b", "a_b", "a~b", "a+b", "a,b", "a'b", "a:b", "a@b", "a!b", "a$b", "a=b", "a(b)", "a;b", "there;v=1", "*", "a&b",
    "%20there", "there%20", "a%20b", "there%00", "there%0a", "there%0d%0aX-Evil:%201", "there%2f", "a%2Fb", "a%2fb",
    "%2fthere", "there%5c", "a%3Bb", "a%3fb", "a%23b", "a%25b", "%252e%252e", "%2e%2e%2fthere",
    "%C3%BC", "%EF%BD%81", "%D9%A3", "%E2%80%8Bthere", "n" * 128, "there%7f", "%F0%9F%98%80",
)  # fmt: skip
UNREADABLE: tuple[str, ...] = (
    "%", "there%", "%z1", "%1", "%zz", "%u0061", "%c3%28", "%c0%af", "%c0%ae%c0%ae", "%ff", "%ed%a0%80",
    ".", "..", "%2e", "%2E%2e", ".%2e",
)  # fmt: skip


@pytest.mark.parametrize("method", ["PUT", "GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("bad", NAMES)
def test_what_is_no_name_is_refused(vault: Client, unchanged: Check, method: str, bad: str) -> None:
    """A name is letters, digits and hyphens after decoding; anything else is 400, and never another secret."""
    body = {"value": SECRET} if method in {"PUT", "PATCH"} else None
    answer = vault.ask(method, f"/secrets/{bad}", body=body)
    unchanged(answer, 400)
    assert answer.error["message"].startswith("The request URI contains an invalid name: ")


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("DELETE", ""), ("POST", "/recover")])
@pytest.mark.parametrize("bad", ["a%2fb", "a;b", "n" * 128])
def test_what_is_no_name_of_a_deleted_secret_is_refused(
    vault: Client, unchanged: Check, method: str, suffix: str, bad: str
) -> None:
    """The same holds for deleted secrets."""
    unchanged(vault.ask(method, f"/deletedsecrets/{bad}{suffix}"), 400)


@pytest.mark.parametrize("place", ["/secrets/{}", "/secrets/{}/versions", "/secrets/there/{}", "/{}/there"])
@pytest.mark.parametrize("bad", UNREADABLE)
def test_what_cannot_be_read_is_refused(vault: Client, unchanged: Check, place: str, bad: str) -> None:
    """A segment that is badly encoded, or that some readers resolve and others do not, is 400 wherever it stands."""
    unchanged(vault.ask("GET", place.format(bad)), 400)


def test_a_long_path_is_refused(vault: Client, unchanged: Check) -> None:
    """A path longer than any that is served is 400."""
    unchanged(vault.ask("GET", f"/secrets/{'n' * limits.PATH_BYTES}"), 400)


def test_a_long_query_is_refused(vault: Client, unchanged: Check) -> None:
    """A query longer than any that is read is 400."""
    unchanged(vault.ask("GET", "/secrets", query=f"&x={'n' * limits.PATH_BYTES}"), 400)


@pytest.mark.parametrize("query", ["&x=%", "&x=%ff", "&%=1", "&maxresults=1&maxresults=2", "&x=1&%78=2"])
def test_a_query_that_cannot_be_read_is_refused(vault: Client, unchanged: Check, query: str) -> None:
    """A badly encoded query, or one with a parameter twice, is 400."""
    unchanged(vault.ask("GET", "/secrets", query=query), 400)


@pytest.mark.parametrize(
    "bad", ["other", "there%2F..%2Fother", "other%2F..%2Fthere", "there%2fx", "ther", "there-2", "there%00", "there;x"]
)
def test_a_right_to_one_secret_opens_no_other(vault: Client, readers_token: str, unchanged: Check, bad: str) -> None:
    """A name that only looks like the permitted one is refused before it is judged as a name."""
    answer = vault.ask("GET", f"/secrets/{bad}", token=readers_token)
    unchanged(answer, 403)
    assert answer.error["innererror"] == {"code": "ForbiddenByRbac"}


@pytest.mark.parametrize("path", ["/secrets/there", "/secrets/THERE", "/secrets/%74here/", "//secrets/there"])
def test_a_right_to_one_secret_opens_it(vault: Client, readers_token: str, path: str) -> None:
    """However the name is written, it is the permitted one."""
    assert vault.ask("GET", path, token=readers_token).status == 200


# ---- methods --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "Get", "FOO", "", "CONNECT", "PRI", "GET ", "G" * 5000, "GET\r\nX: y"])
@pytest.mark.parametrize("path", ["/secrets/there", "/secrets", "/healthstatus"])
def test_an_unknown_method_is_405(vault: Client, unchanged: Check, method: str, path: str) -> None:
    """A method is exactly one of those that are served (RFC 9110 section 9.1: methods have case)."""
    answer = vault.ask(method, path)
    unchanged(answer, 405)
    assert "GET" in answer.headers["allow"]


# ---- hosts ----------------------------------------------------------------------------------------------------------


def _ask_host(world: Simulation, host: str, token: str | None, link: Link = Link.PUBLIC) -> Answer:
    return world.ask("GET", f"{world.vault_url}/secrets/there?api-version={VERSION}", token=token, host=host, link=link)


HOSTS: tuple[str, ...] = (
    "nobody.example", "nobody.example:8443", "localhost", "localhost:8443", "vault.localhost:8443",
    "{}.vault.localhost", "{}.vault.localhost:443", "{}.vault.localhost:8444", "{}.vault.localhost:",
    "{}.vault.localhost:8443:8443", "{}.vault.localhost:08443", "{}.vault.localhost.:8443", ".{}.vault.localhost:8443",
    "x.{}.vault.localhost:8443", "{}.vault.localhost.example:8443", "{}vault.localhost:8443",
    "{}.vaults.localhost:8443",
    "user@{}.vault.localhost:8443", "{}.vault.localhost:8443/secrets", "{}.vault.localhost:8443, nobody.example",
    "{}_.vault.localhost:8443", "{} .vault.localhost:8443", "{}%2evault.localhost:8443", "*.vault.localhost:8443",
    "..vault.localhost:8443", "{}.vault.localhost\t:8443", "\u017f{}.vault.localhost:8443", "login.localhost",
)  # fmt: skip
AZURE: tuple[str, ...] = (
    "{}.vault.azure.net", "{}.vault.azure.net:443", "{}.vault.azure.net:8443", "nobody.vault.azure.net",
    "login.microsoftonline.com", "management.azure.com", "graph.microsoft.com", "{}.vault.azure.cn",
)  # fmt: skip


@pytest.mark.parametrize("host", [*HOSTS, *AZURE])
def test_a_host_that_is_not_served_is_421(world: Simulation, vault: Client, unchanged: Check, host: str) -> None:
    """
    SEC-FLOW-20, SEC-FLOW-22: a host that is not served is 421, with nothing about what there is.

    SEC-NAME-5: Azure's names are such hosts on the public listener, whether or not a vault has the name.
    """
    answer = _ask_host(world, host.format(world.vault.name), vault.token)
    unchanged(answer, 421)
    assert answer.error == {
        "code": "MisdirectedRequest",
        "message": "This service does not answer to that host name.",
    }
    told = f"{answer.headers}{answer.body.decode()}".lower()
    assert world.vault.name not in told
    assert world.first.tenant_id not in told
    assert "www-authenticate" not in told
    assert world.entries()[-1]["identity"] == {}


@pytest.mark.parametrize("host", ["", " "])
def test_a_request_without_a_host_is_refused(world: Simulation, vault: Client, unchanged: Check, host: str) -> None:
    """No host at all is a fault of the request's form, or no host that is served."""
    unchanged(_ask_host(world, host, vault.token), 421 if host else 400)


def test_case_is_no_other_host(world: Simulation, vault: Client) -> None:
    """Host names have no case."""
    assert _ask_host(world, f"{world.vault.name.upper()}.VAULT.LocalHost:8443", vault.token).status == 200


@pytest.mark.parametrize(
    "host", ["{}.vault.azure.net:8443", "nobody.example", "{}.vault.azure.cn", "{}.vault.localhost:1"]
)
def test_the_relay_serves_no_other_names(world: Simulation, vault: Client, unchanged: Check, host: str) -> None:
    """On the owner's socket Azure's names are served on their own port alone, and no further names are."""
    unchanged(_ask_host(world, host.format(world.vault.name), vault.token, Link.CONTROL), 421)


def _same_but_for_ids(first: Answer, second: Answer) -> bool:
    """Compare two answers without what is new in every one."""

    def known(answer: Answer) -> dict[str, str]:
        return {name: value for name, value in answer.headers.items() if name != "x-ms-request-id"}

    return (first.status, first.body, known(first)) == (second.status, second.body, known(second))


@pytest.mark.parametrize("token", ["good", "none", "bad"])
@pytest.mark.parametrize("path", ["/secrets/there", "/secrets", "/healthstatus", "/nothing"])
def test_an_unknown_vault_tells_nothing(world: Simulation, vault: Client, path: str, token: str) -> None:
    """SEC-FLOW-20: an unknown vault is 404, and a deleted one is the same 404, header by header, whoever asks."""
    given = {"good": vault.token, "none": None, "bad": "x"}[token]
    unknown = world.ask("GET", f"https://unknown.vault.localhost:8443{path}?api-version={VERSION}", token=given)
    now = int(world.clock())
    world.set_vault(deleted=now, purge_at=now + 90 * 86_400, location="far away")
    deleted = vault.ask("GET", path, token=given)
    assert unknown.status == 404
    assert unknown.error == {"code": "VaultNotFound", "message": "No vault is known by this name."}
    assert "www-authenticate" not in unknown.headers
    assert _same_but_for_ids(unknown, deleted)
    assert world.entries()[-1]["resourceId"] == ""
    assert world.entries()[-1]["identity"] == {}


def test_a_vault_that_comes_back_is_as_it_was(world: Simulation, vault: Client) -> None:
    """A recovered vault has what it had, and tokens for it are good again."""
    bundle: dict[str, Any] = vault.done("GET", "/secrets/there")
    world.set_vault(deleted=int(world.clock()))
    assert vault.ask("GET", "/secrets/there").status == 404
    world.set_vault(deleted=None)
    assert vault.done("GET", "/secrets/there") == bundle
