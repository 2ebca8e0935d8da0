"""
Limits as a caller meets them: at the limit a request is served, one past it is refused.

Rules that need no request have their limits tested beside them, in tests/unit; the listener's are in tests/wire.
"""

from __future__ import annotations

import json
import secrets as chance
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest

from strongroom.app.dispatch import Dispatcher
from strongroom.core import limits
from strongroom.core.guids import new_guid
from strongroom.core.identity import Group
from strongroom.core.network import Link
from strongroom.core.resources import ResourceGroup
from strongroom.crypto.pool import BoundedPool
from strongroom.flow.authentication import TokenCache
from strongroom.http.message import Request, Response
from strongroom.store import Transaction
from tests.flow.arm import Arm
from tests.flow.client import Client, make_vault
from tests.flow.graph import Graph, filtered, group_body, refused, user_body
from tests.world import VAULT_AUDIENCE, Answer, Principal, Simulation

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def arm(world: Simulation) -> Arm:
    """Administer resources, with a group and a vault to do it to."""
    made = Arm(world, world.administrator)
    made.make_vault()
    return made


@pytest.fixture(scope="module")
def graph(world: Simulation) -> Graph:
    """Administer the directory."""
    return Graph(world, world.administrator)


def padded(body: object, size: int) -> bytes:
    """Encode a body and fill it up with blanks, which mean nothing in JSON."""
    encoded = json.dumps(body).encode()
    assert len(encoded) <= size
    return encoded + b" " * (size - len(encoded))


def texts(limit: int) -> tuple[str, str]:
    """Give a text at a limit and one that is a character longer; a letter of two bytes shows what is counted."""
    return "é" * limit, "é" * (limit + 1)


# ---- bodies ---------------------------------------------------------------------------------------------------------


class TestBodies:
    """How much of a body is read, and for how long."""

    def test_of_a_restore(self, vault: Client) -> None:
        """A restore's body of `RESTORE_BODY_BYTES` is read and judged, a byte more is 413."""
        body = {"value": "bm8gYmFja3Vw"}
        at = vault.ask("POST", "/secrets/restore", raw=padded(body, limits.RESTORE_BODY_BYTES))
        past = vault.ask("POST", "/secrets/restore", raw=padded(body, limits.RESTORE_BODY_BYTES + 1))

        assert (at.status, past.status) == (400, 413)

    def test_of_a_vault(self, arm: Arm) -> None:
        """A management body of `ARM_BODY_BYTES` is read, a byte more is 413 in the management plane's words."""
        patch = {"tags": {"a": "b"}}

        assert arm.ask("PATCH", arm.vault, raw=padded(patch, limits.ARM_BODY_BYTES)).status == 200
        answer = arm.refused("PATCH", arm.vault, raw=padded({"tags": {"c": "d"}}, limits.ARM_BODY_BYTES + 1))
        assert answer[:2] == (413, "RequestEntityTooLarge")

    def test_of_a_directory_object(self, graph: Graph) -> None:
        """A directory's body of `BODY_BYTES` is read, a byte more is 413 in Graph's words."""
        body = group_body(f"g{chance.token_hex(4)}")

        assert graph.ask("POST", "groups", raw=padded(body, limits.BODY_BYTES)).status == 201
        refused(graph.ask("POST", "groups", raw=padded(body, limits.BODY_BYTES + 1)), 413, "Request_BadRequest")

    def test_of_a_run(self, world: Simulation) -> None:
        """What the control socket reads is limited as well."""
        at, past = (
            world.ask("POST", "http://control/run", raw=padded({}, size), link=Link.CONTROL, host="control")
            for size in (limits.BODY_BYTES, limits.BODY_BYTES + 1)
        )
        assert (at.status, past.status) == (200, 413)

    def test_of_a_token_request(self, world: Simulation) -> None:
        """A form of `FORM_BYTES` is read, a byte more is 413."""
        app = world.principal()

        assert ask_token(world, app, raw=form_of_size(app, limits.FORM_BYTES)).status == 200
        past = ask_token(world, app, raw=form_of_size(app, limits.FORM_BYTES + 1))
        assert (past.status, past.json["error"]) == (413, "invalid_request")

    def test_each_is_read_within_its_time(
        self, world: Simulation, vault: Client, arm: Arm, graph: Graph, readings: list[tuple[int, float]]
    ) -> None:
        """Every surface reads a body within its operation's size and `BODY_TIME_S`, unless an operator sets another."""
        token = vault.token
        readings.clear()
        url = f"{vault.origin}/secrets/{{}}?api-version=7.4"
        world.ask("PUT", url.format("a"), token=token, body={"value": "v"})
        world.ask("POST", url.format("restore"), token=token, body={"value": "v"})
        assert readings == [
            (limits.BODY_BYTES, limits.BODY_TIME_S),
            (limits.RESTORE_BODY_BYTES, limits.BODY_TIME_S),
        ]
        readings.clear()
        arm.ask("PATCH", arm.vault, {"tags": {}})
        assert readings[-2:] == [
            (limits.FORM_BYTES, limits.BODY_TIME_S),
            (limits.ARM_BODY_BYTES, limits.BODY_TIME_S),
        ]
        readings.clear()
        graph.add_group()
        world.ask("POST", "http://control/run", body={}, link=Link.CONTROL, host="control")
        assert readings == [(limits.BODY_BYTES, limits.BODY_TIME_S)] * 2

    def test_an_operators_time_is_used(
        self, world: Simulation, vault: Client, readings: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`body_time_s` in the settings takes the place of the default."""
        monkeypatch.setattr(world.world, "settings", replace(world.world.settings, body_time_s=1.5))
        vault.put("timed")
        assert readings[-1] == (limits.BODY_BYTES, 1.5)


@pytest.fixture
def readings(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Note within which size and time each body is read."""
    noted: list[tuple[int, float]] = []

    class Noting(Dispatcher):
        async def handle(self, request: Request) -> Response:
            receive = request.receive_body

            async def receive_body(size: int, time_s: float) -> bytes:
                noted.append((size, time_s))
                return await receive(size, time_s)

            return await super().handle(msgspec.structs.replace(request, receive_body=receive_body))

    monkeypatch.setattr(world, "dispatcher", Noting(world.world, world.dispatcher._surfaces))
    return noted


# ---- token requests -------------------------------------------------------------------------------------------------


def token_form(app: Principal) -> dict[str, str]:
    """Give the members of a good token request."""
    return {
        "grant_type": "client_credentials",
        "client_id": app.appid,
        "client_secret": app.secret,
        "scope": f"{VAULT_AUDIENCE}/.default",
    }


def form_of_size(app: Principal, size: int) -> bytes:
    """Encode a good token request of exactly *size* bytes, in members that are each short enough."""
    form = urlencode(token_form(app)).encode()
    for name in (b"&a=", b"&b=", b"&c="):
        form += name + b"x" * min(size - len(form) - len(name), limits.FORM_VALUE_CHARS - 100)
        if size - len(form) <= len(name):
            break
    assert len(form) == size
    return form


def ask_token(world: Simulation, app: Principal, *, raw: bytes | None = None, **more: str) -> Answer:
    """Ask for a token, with a form of the test's own or further members."""
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
    if raw is not None:
        return world.ask("POST", url, raw=raw, headers=FORM)
    return world.ask("POST", url, form={**token_form(app), **more})


class TestTokenRequests:
    """What a token request may have in it."""

    def test_members(self, world: Simulation) -> None:
        """`FORM_FIELDS` members are read, one more is refused."""
        app = world.principal()
        more = {f"m{number}": "x" for number in range(limits.FORM_FIELDS - len(token_form(app)))}

        assert ask_token(world, app, **more).status == 200
        past = ask_token(world, app, **more, last="x")
        assert (past.status, past.json["error_codes"]) == (400, [9002313])

    def test_claims(self, world: Simulation) -> None:
        """`claims` of `CLAIMS_CHARS` are read, of one more refused."""
        app = world.principal()
        frame = '{"access_token":{"xms_cc":{"values":["%s"]}}}'
        at, past = (frame % text for text in texts(limits.CLAIMS_CHARS - len(frame % "")))
        assert len(at) == limits.CLAIMS_CHARS

        assert ask_token(world, app, claims=at).status == 200
        answer = ask_token(world, app, claims=past)
        assert (answer.status, answer.json["error_codes"]) == (400, [9000410])


# ---- listings -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full(world: Simulation) -> Client:
    """Fill a vault with one secret more than a page holds."""
    first = world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id)
    client = Client(world, origin=f"https://{made.name}.vault.localhost:8443")
    for number in range(limits.PAGE_MAX + 1):
        client.put(f"n{number:02}")
    return client


@pytest.fixture(scope="module")
def many_groups(world: Simulation) -> None:
    """Have more resource groups than a page holds."""
    first, now = world.first, int(world.clock())

    async def make(tx: Transaction) -> None:
        for number in range(limits.ARM_PAGE_MAX + 1):
            name = f"page-{number}"
            group = ResourceGroup(
                f"{first.subscription_id}/{name}", first.tenant_id, first.subscription_id, name, "local", now
            )
            await tx.put(group)

    world.commit(make)


@pytest.fixture(scope="module")
def many_objects(world: Simulation) -> list[str]:
    """Have one directory object more than a page or a request can hold, and give their ids."""
    tenant, now = world.first.tenant_id, int(world.clock())
    groups = [
        Group(new_guid(chance.token_bytes), tenant, f"many-{number}", now, f"many-{number}")
        for number in range(max(limits.GRAPH_PAGE_MAX, limits.GRAPH_IDS_PER_REQUEST) + 1)
    ]

    async def make(tx: Transaction) -> None:
        for group in groups:
            await tx.put(group)

    world.commit(make)
    return [group.id for group in groups]


class TestPages:
    """How long a page of a listing is."""

    @pytest.mark.parametrize(
        ("query", "size"), [("", limits.PAGE_DEFAULT), (f"&maxresults={limits.PAGE_MAX}", limits.PAGE_MAX)]
    )
    def test_of_secrets(self, full: Client, query: str, size: int) -> None:
        """A page has `PAGE_DEFAULT` items unless the caller says otherwise, and `PAGE_MAX` if that is asked."""
        assert [len(page) for page in full.pages("/secrets", query)] == [size, limits.PAGE_MAX + 1 - size]

    def test_of_too_many_secrets(self, full: Client) -> None:
        """More than `PAGE_MAX` cannot be asked."""
        assert full.ask("GET", "/secrets", query=f"&maxresults={limits.PAGE_MAX + 1}").status == 400

    @pytest.mark.parametrize(
        ("query", "size"),
        [
            ("", limits.ARM_PAGE_DEFAULT),
            (f"?$top={limits.ARM_PAGE_MAX}", limits.ARM_PAGE_MAX),
            (f"?$top={limits.ARM_PAGE_MAX + 1}", limits.ARM_PAGE_MAX),
            (f"?$top={limits.ARM_PAGE_MAX - 1}", limits.ARM_PAGE_MAX - 1),
        ],
    )
    @pytest.mark.usefixtures("many_groups")
    def test_of_resources(self, world: Simulation, arm: Arm, query: str, size: int) -> None:
        """A page has `ARM_PAGE_DEFAULT` resources, or `$top` but never more than `ARM_PAGE_MAX`; no item is lost."""
        first = arm.do("GET", f"{arm.subscription}/resourceGroups{query}")
        assert len(first["value"]) == size
        rest = world.ask("GET", first["nextLink"], token=world.token(arm.who, "https://management.azure.com")).json
        assert len(rest["value"]) == len(world.view.all(ResourceGroup)) - size
        assert "nextLink" not in rest

    def test_of_long_resources(self, world: Simulation, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A page ends before it is longer than `ARM_PAGE_BYTES`, except by its first item; no item is lost."""
        arm.make_network()
        network = arm.do("GET", arm.network)
        listed = f"{arm.network}/subnets"
        for index in range(4):
            body = arm.subnet_body(f"10.1.{index + 2}.0/24")
            arm.do("PUT", f"{listed}/{arm.tag}-{index}", {**body, "name": f"{arm.tag}-{index}"})
        expected = {one["name"] for one in arm.do("GET", listed)["value"]}
        assert len(expected) == len(network["properties"]["subnets"]) + 4
        size = len(msgspec.json.encode(arm.do("GET", listed)["value"][0]))
        for most, lengths in ((2 * size, [2, 2, 1]), (2 * size - 1, [1] * 5), (1, [1] * 5), (5 * size, [5])):
            monkeypatch.setattr(limits, "ARM_PAGE_BYTES", most)
            page, pages = arm.do("GET", listed), []
            pages.append(page)
            while "nextLink" in page:
                token = world.token(arm.who, "https://management.azure.com")
                page = world.ask("GET", page["nextLink"], token=token).json
                pages.append(page)
            assert [len(page["value"]) for page in pages] == lengths
            assert {one["name"] for page in pages for one in page["value"]} == expected

    @pytest.mark.parametrize(
        ("query", "size"),
        [("", limits.GRAPH_PAGE_DEFAULT), (f"&$top={limits.GRAPH_PAGE_MAX}", limits.GRAPH_PAGE_MAX)],
    )
    def test_of_directory_objects(self, graph: Graph, many_objects: list[str], query: str, size: int) -> None:
        """A page has `GRAPH_PAGE_DEFAULT` objects, or `$top` of them up to `GRAPH_PAGE_MAX`."""
        page = graph.get(filtered("groups", "startswith(displayName,'many-')") + query)
        assert len(page["value"]) == size < len(many_objects)
        assert "@odata.nextLink" in page

    def test_of_too_many_directory_objects(self, graph: Graph) -> None:
        """More than `GRAPH_PAGE_MAX` cannot be asked."""
        refused(graph.ask("GET", f"groups?$top={limits.GRAPH_PAGE_MAX + 1}"), 400, "Request_BadRequest")

    def test_of_ids(self, graph: Graph, many_objects: list[str]) -> None:
        """`GRAPH_IDS_PER_REQUEST` ids are looked up at once, one more is refused."""
        at, past = many_objects[: limits.GRAPH_IDS_PER_REQUEST], many_objects[: limits.GRAPH_IDS_PER_REQUEST + 1]
        assert len(past) == len(at) + 1

        found = graph.ask("POST", "directoryObjects/getByIds", {"ids": at}).json["value"]
        assert {one["id"] for one in found} == set(at)
        refused(graph.ask("POST", "directoryObjects/getByIds", {"ids": past}), 400, "Request_BadRequest")


# ---- the directory --------------------------------------------------------------------------------------------------


class TestDirectory:
    """What directory objects may have in them."""

    @pytest.mark.parametrize("kind", ["applications", "groups", "users"])
    def test_display_names(self, graph: Graph, kind: str) -> None:
        """A name of `DISPLAY_NAME_CHARS` is good, one character more is not; when it is made and when it changes."""
        name = f"n{chance.token_hex(4)}"
        body = {"applications": {}, "groups": group_body(name), "users": user_body(name)}[kind]
        at, past = texts(limits.DISPLAY_NAME_CHARS)

        refused(graph.ask("POST", kind, {**body, "displayName": past}), 400, "Request_BadRequest")
        made = graph.make(kind, {**body, "displayName": at})
        assert made["displayName"] == at
        refused(graph.ask("PATCH", f"{kind}/{made['id']}", {"displayName": past}), 400, "Request_BadRequest")
        graph.do("PATCH", f"{kind}/{made['id']}", {"displayName": at[::-1]})

    def test_the_application_of_a_run(self, world: Simulation, graph: Graph) -> None:
        """`run` finds an application by a name of `DISPLAY_NAME_CHARS`, and reads none that is longer."""
        at, past = texts(limits.DISPLAY_NAME_CHARS)
        at = chance.token_hex(4) + at[8:]
        made = graph.add_application(at)
        graph.make("servicePrincipals", {"appId": made["appId"]})

        statuses = []
        for name in (at, past):
            body = {"servicePrincipal": True, "application": name}
            answer = world.ask("POST", "http://control/run", body=body, link=Link.CONTROL, host="control")
            statuses.append(answer.status)
        assert statuses == [200, 400]

    def test_descriptions(self, graph: Graph) -> None:
        """A group's description of `GRAPH_TEXT_CHARS` is good, one character more is not."""
        at, past = texts(limits.GRAPH_TEXT_CHARS)
        body = group_body(f"g{chance.token_hex(4)}")

        assert graph.make("groups", {**body, "description": at})["description"] == at
        refused(graph.ask("POST", "groups", {**body, "description": past}), 400, "Request_BadRequest")

    def test_names_of_secrets(self, graph: Graph) -> None:
        """So it is with what a client secret is called."""
        path = f"applications/{graph.add_application()['id']}/addPassword"
        at, past = texts(limits.GRAPH_TEXT_CHARS)

        answer = graph.ask("POST", path, {"passwordCredential": {"displayName": at}})
        assert answer.json["displayName"] == at
        refused(graph.ask("POST", path, {"passwordCredential": {"displayName": past}}), 400, "Request_BadRequest")

    def test_filters(self, graph: Graph) -> None:
        """A filter of `FILTER_CHARS` is read, of one more refused."""
        frame = "displayName eq '%s'"
        at, past = (frame % ("x" * (limits.FILTER_CHARS - len(frame % "") + more)) for more in (0, 1))
        assert len(at) == limits.FILTER_CHARS

        assert graph.get(f"groups?$filter={quote(at, safe='')}")["value"] == []
        refused(graph.ask("GET", f"groups?$filter={quote(past, safe='')}"), 400, "Request_BadRequest")

    def test_members(self, graph: Graph) -> None:
        """A group is made or changed with `GRAPH_MEMBERS_PER_PATCH` members at once, and not with one more."""
        members = [graph.add_group()["id"] for _ in range(limits.GRAPH_MEMBERS_PER_PATCH + 1)]
        bound = [f"https://graph.microsoft.com/v1.0/directoryObjects/{member}" for member in members]
        body = group_body(f"g{chance.token_hex(4)}")

        refused(graph.ask("POST", "groups", {**body, "members@odata.bind": bound}), 400, "Request_BadRequest")
        made = graph.make("groups", {**body, "members@odata.bind": bound[:-1]})
        assert graph.ids(f"groups/{made['id']}/members") == set(members[:-1])

        other = graph.add_group()["id"]
        refused(graph.ask("PATCH", f"groups/{other}", {"members@odata.bind": bound}), 400, "Request_BadRequest")
        graph.do("PATCH", f"groups/{other}", {"members@odata.bind": bound[:-1]})
        assert graph.ids(f"groups/{other}/members") == set(members[:-1])

    def test_passwords(self, graph: Graph) -> None:
        """A password of `PASSWORD_CHARS` is good; a longer one is refused as any that does not comply."""
        at, past = ("Aa1-" + "x" * (limits.PASSWORD_CHARS - 4 + more) for more in (0, 1))
        name = f"u{chance.token_hex(4)}"

        answer = graph.ask("POST", "users", user_body(name, passwordProfile={"password": past}))
        message = refused(answer, 400, "Request_BadRequest")
        assert message.startswith("The specified password does not comply with password complexity requirements.")
        assert past not in message
        graph.make("users", user_body(name, passwordProfile={"password": at}))


# ---- lives ----------------------------------------------------------------------------------------------------------


class TestLives:
    """How long what was given out is good."""

    def test_the_first_secret(self, tmp_path: Path) -> None:
        """The first application's secret signs in for `CLIENT_SECRET_DEFAULT_S`, and then no more."""
        world = Simulation(tmp_path)
        try:
            world.advance(limits.CLIENT_SECRET_DEFAULT_S - 1)
            assert ask_token(world, world.administrator).status == 200
            world.advance(1)
            answer = ask_token(world, world.administrator)
            assert (answer.status, answer.json["error_codes"]) == (401, [7000222])
        finally:
            world.close()

    def test_an_added_secret(self, world: Simulation, graph: Graph) -> None:
        """A secret that names no end lives `CLIENT_SECRET_S`, counted from where it begins."""
        path = f"applications/{graph.add_application()['id']}/addPassword"
        later = {"passwordCredential": {"startDateTime": "2027-01-01T00:00:00Z"}}

        for body in ({}, later):
            made = graph.ask("POST", path, body).json
            begins, ends = (datetime.fromisoformat(made[name]) for name in ("startDateTime", "endDateTime"))
            assert (ends - begins).total_seconds() == limits.CLIENT_SECRET_S

    def test_a_managed_identitys_token(self, world: Simulation) -> None:
        """A managed identity's token lives `MANAGED_IDENTITY_TOKEN_S`, of which clients are told a second less."""
        body = {"lifetimeSeconds": limits.RUN_MAX_S}
        run = world.ask("POST", "http://control/run", body=body, link=Link.CONTROL, host="control").json
        answer = world.ask(
            "GET",
            f"{run['identityEndpoint']}?api-version=2019-08-01&resource={VAULT_AUDIENCE}",
            headers={"X-IDENTITY-HEADER": run["identityHeader"]},
            peer="127.0.0.1",
            link=Link.MANAGED_IDENTITY,
        )
        assert int(answer.json["expires_on"]) == int(world.clock()) + limits.MANAGED_IDENTITY_TOKEN_S


# ---- what may wait, and what is remembered --------------------------------------------------------------------------


@pytest.fixture
def take() -> Iterator[Callable[[BoundedPool, int], None]]:
    """Take places in front of a pool's threads, as requests under way do, and give them back at the end."""
    taken: list[BoundedPool] = []

    def places(pool: BoundedPool, count: int) -> None:
        pool._line.held += count
        assert pool._line.held <= pool._line.places, "there are not so many places"
        taken.extend([pool] * count)

    yield places
    for pool in taken:
        pool._line.held -= 1


class TestQueues:
    """How many may wait for what takes long."""

    def check(self, answer: Answer) -> None:
        """Check that a request was told to come back."""
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0

    def test_for_a_password(self, world: Simulation, graph: Graph, take: Callable[[BoundedPool, int], None]) -> None:
        """With `PASSWORD_HASHES_AT_ONCE` at work and `PASSWORD_HASHES_WAITING` behind them, it is 429."""
        pool = world.world.passwords._pool

        take(pool, limits.PASSWORD_HASHES_AT_ONCE + limits.PASSWORD_HASHES_WAITING - 1)
        graph.add_user()
        take(pool, 1)
        self.check(graph.ask("POST", "users", user_body(f"u{chance.token_hex(4)}")))

    def test_for_a_signature(self, world: Simulation, take: Callable[[BoundedPool, int], None]) -> None:
        """With every thread at work and `SIGNATURES_WAITING` token requests behind them, the next is 429."""
        app, pool = world.principal(), world.world.signers._pool

        take(pool, pool._line.most + limits.SIGNATURES_WAITING - 1)
        assert ask_token(world, app).status == 200
        take(pool, 1)
        self.check(ask_token(world, app))


def test_remembered_tokens(world: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """`TOKEN_CACHE_ENTRIES` tokens are remembered; with one more, the one used longest ago is not."""
    cache: Any = world.world.tokens
    fresh: Any = TokenCache(cache._limit)
    monkeypatch.setattr(world.world, "tokens", fresh)

    for number in range(limits.TOKEN_CACHE_ENTRIES):
        fresh.put(number.to_bytes(32, "big"), object())
    assert len(fresh) == limits.TOKEN_CACHE_ENTRIES
    assert fresh.get(bytes(32)) is not None
    assert vault.ask("GET", "/secrets").status == 200
    assert len(fresh) == limits.TOKEN_CACHE_ENTRIES
    assert fresh.get(bytes(32)) is not None
    assert fresh.get((1).to_bytes(32, "big")) is None
