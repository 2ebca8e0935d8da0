"""Listings and their pages (reference operations.md section 5)."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.network import Link
from tests.flow.client import Client, make_vault, skip_token
from tests.world import Simulation

SECRETS = 27
INVALID = {"code": "BadParameter", "message": "The $skiptoken is not valid for this request."}


@pytest.fixture(scope="module")
def vault(world: Simulation) -> Client:
    """Fill a vault with more secrets than a page holds; one has as many versions, and as many are deleted."""
    client = Client(world)
    for number in range(SECRETS):
        client.put(f"n{number:02}", tags={"n": str(number)}, contentType="text/plain")
        client.put("versions")
        client.put(f"d{number:02}")
        client.done("DELETE", f"/secrets/d{number:02}")
    return client


LISTINGS = {"/secrets": SECRETS + 1, "/deletedsecrets": SECRETS, "/secrets/versions/versions": SECRETS}


@pytest.mark.parametrize("path", LISTINGS)
@pytest.mark.parametrize("size", [None, 1, 2, 13, 24, 25])
def test_pages_together_are_the_whole(vault: Client, path: str, size: int | None) -> None:
    """Whatever the page size, every item comes once, and no page but the last is short; 25 is the default."""
    pages = vault.pages(path, f"&maxresults={size}" if size else "")
    items = [item["id"] for page in pages for item in page]
    assert len(items) == len(set(items)) == LISTINGS[path]
    assert {len(page) for page in pages[:-1]} == {size or 25}
    assert 0 < len(pages[-1]) <= (size or 25)


@pytest.mark.parametrize("size", ["0", "26", "-1", "+1", "1.0", "x", "", "%D9%A3", "9" * 400])
def test_a_page_has_1_to_25_items(vault: Client, size: str) -> None:
    """`maxresults` from 1 to 25 is all there is."""
    answer = vault.ask("GET", "/secrets", query=f"&maxresults={size}")
    assert answer.status == 400
    assert answer.error["code"] == "BadParameter"


@pytest.mark.parametrize("path", LISTINGS)
def test_a_listing_never_holds_a_value(vault: Client, path: str) -> None:
    """Items have ids, attributes, tags and content types, and no value (section 4.3)."""
    for item in vault.walk(path):
        assert "value" not in item
        assert item["attributes"]["enabled"] is True


def test_an_item_is_the_secret_without_a_version(world: Simulation, vault: Client) -> None:
    """A listed secret's id is its base identifier; its attributes and tags are the latest version's."""
    item = vault.done("GET", "/secrets", query="&maxresults=1")["value"][0]
    bundle = vault.done("GET", "/secrets/n00")
    assert item["id"] == f"{world.vault_url}/secrets/n00"
    assert {key: bundle[key] for key in ("attributes", "tags", "contentType")} == {
        key: item[key] for key in ("attributes", "tags", "contentType")
    }


def test_versions_come_in_the_order_of_their_ids(vault: Client, world: Simulation, name: str) -> None:
    """As in the real service, on every page: the order says nothing of age, which `created` does."""
    made = [vault.put(name, contentType=str(number)) for number in range(8)]
    listed = vault.walk(f"/secrets/{name}/versions", "&maxresults=3")
    identifiers = [item["id"] for item in listed]
    assert identifiers == sorted(bundle["id"] for bundle in made)
    assert {item["id"]: item["contentType"] for item in listed} == {one["id"]: one["contentType"] for one in made}


def test_deleted_items_say_how_to_recover(world: Simulation, vault: Client) -> None:
    """A listed deleted secret has its recovery id and dates."""
    item = vault.done("GET", "/deletedsecrets", query="&maxresults=1")["value"][0]
    assert item["id"] == f"{world.vault_url}/secrets/d00"
    assert item["recoveryId"] == f"{world.vault_url}/deletedsecrets/d00"
    assert item["scheduledPurgeDate"] > item["deletedDate"] > 0


def test_the_last_page_has_no_next_link(vault: Client, name: str) -> None:
    """`nextLink` is null when nothing follows, even if the page is exactly full."""
    for _ in range(2):
        vault.put(name)
    assert vault.done("GET", f"/secrets/{name}/versions", query="&maxresults=2")["nextLink"] is None
    assert vault.done("GET", f"/secrets/{name}/versions", query="&maxresults=1")["nextLink"]


@pytest.mark.parametrize(
    ("origin", "link"),
    [
        ("https://{}.vault.localhost:8443", Link.PUBLIC),
        ("https://{}.vault.localhost", Link.CONTROL),
        ("https://{}.vault.azure.net", Link.CONTROL),
    ],
)
@pytest.mark.parametrize("path", LISTINGS)
def test_a_next_link_has_the_origin_that_was_asked(
    world: Simulation, vault: Client, origin: str, link: Link, path: str
) -> None:
    """The JavaScript client follows a link of the same origin only; the path, version and page size are kept."""
    client = Client(world, origin=origin.format(world.vault.name), link=link)
    following = client.done("GET", path, version="7.5", query="&maxresults=3")["nextLink"]
    parts = urlsplit(following)
    assert f"{parts.scheme}://{parts.netloc}" == client.origin
    assert parts.path == path
    query = parse_qs(parts.query)
    assert query.keys() == {"api-version", "maxresults", "$skiptoken"}
    assert (query["api-version"], query["maxresults"]) == (["7.5"], ["3"])


@pytest.mark.parametrize("path", LISTINGS)
def test_a_skip_token_survives_every_client(vault: Client, path: str) -> None:
    """A skip token is of letters, digits, `-` and `_`: the Python client decodes and quotes it again."""
    token = skip_token(vault.done("GET", path, query="&maxresults=1")["nextLink"])
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    answer = vault.ask("GET", path, query=f"&%24skiptoken={token}&maxresults=1", version="7.1")
    assert answer.status == 200


def test_a_skip_token_tells_nothing(vault: Client) -> None:
    """Two tokens for the same place have nothing in common: they are sealed, not encoded."""
    first, second = (skip_token(vault.done("GET", "/secrets", query="&maxresults=1")["nextLink"]) for _ in range(2))
    assert first != second
    assert sum(one == two for one, two in zip(first, second, strict=True)) < len(first) / 2


@pytest.fixture
def foreign(world: Simulation, vault: Client) -> str:
    """Give a skip token of the listing of secrets, as the administrator got it."""
    return skip_token(vault.done("GET", "/secrets", query="&maxresults=1")["nextLink"])


@pytest.mark.parametrize("path", ["/deletedsecrets", "/secrets/versions/versions"])
def test_a_skip_token_is_for_its_listing(vault: Client, foreign: str, path: str) -> None:
    """A token of one listing is none in another (pitfalls.md: "skip tokens ... usable in another vault")."""
    answer = vault.ask("GET", path, query=f"&$skiptoken={foreign}")
    assert answer.status == 400
    assert answer.error == INVALID


def test_a_skip_token_is_for_its_secret(vault: Client, name: str) -> None:
    """A token of one secret's versions is none for another's."""
    for _ in range(2):
        vault.put(name)
    token = skip_token(vault.done("GET", f"/secrets/{name}/versions", query="&maxresults=1")["nextLink"])
    assert vault.ask("GET", f"/secrets/{name.upper()}/versions", query=f"&$skiptoken={token}").status == 200
    assert vault.ask("GET", "/secrets/versions/versions", query=f"&$skiptoken={token}").error == INVALID


def test_a_skip_token_is_for_its_caller(world: Simulation, foreign: str) -> None:
    """Another principal with the same right cannot use it."""
    other = world.principal()
    world.grant(other.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    client = Client(world, other)
    assert client.ask("GET", "/secrets").status == 200
    assert client.ask("GET", "/secrets", query=f"&$skiptoken={foreign}").error == INVALID


def test_a_skip_token_is_for_its_vault(world: Simulation, foreign: str) -> None:
    """The same caller cannot use it in another vault."""
    first = world.first
    other = make_vault(world, first.tenant_id, first.subscription_id, first.object_id)
    client = Client(world, origin=f"https://{other.name}.vault.localhost:8443")
    assert client.ask("GET", "/secrets").status == 200
    assert client.ask("GET", "/secrets", query=f"&$skiptoken={foreign}").error == INVALID


@pytest.mark.parametrize("place", ["first", "middle", "last", "shorter", "longer", "empty", "blank", "unknown"])
def test_an_altered_skip_token_is_refused(vault: Client, foreign: str, place: str) -> None:
    """A token with one character changed, cut or added is none, and why is not said."""
    middle = len(foreign) // 2
    altered = {
        "first": ("B" if foreign[0] == "A" else "A") + foreign[1:],
        "middle": foreign[:middle] + ("B" if foreign[middle] == "A" else "A") + foreign[middle + 1 :],
        "last": foreign[:-1] + ("B" if foreign[-1] == "A" else "A"),
        "shorter": foreign[:-4],
        "longer": f"{foreign}AAAA",
        "empty": "",
        "blank": "%20",
        "unknown": "n00",
    }[place]
    answer = vault.ask("GET", "/secrets", query=f"&$skiptoken={altered}")
    assert answer.status == 400
    assert answer.error == INVALID
