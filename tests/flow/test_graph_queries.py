"""Query options of the directory API, as `az ad` and azuread send them."""

from __future__ import annotations

import secrets as chance
from typing import Any
from urllib.parse import quote

import pytest

from strongroom.core import limits
from tests.flow.graph import Graph, filtered, refused
from tests.world import Simulation

EVENTUAL = {"ConsistencyLevel": "eventual"}


@pytest.fixture(scope="module")
def graph(world: Simulation) -> Graph:
    """See Graph as the first application, which is a Global Administrator."""
    return Graph(world)


@pytest.fixture(scope="module")
def names(graph: Graph) -> dict[str, str]:
    """Make groups that nobody else has, and give their ids by their names."""
    tag = chance.token_hex(4)
    made = {name: graph.add_group(f"{tag} {name}")["id"] for name in ("Red Team", "red-line", "Blue", "o'Hara")}
    return {"tag": tag, **made}


def found(graph: Graph, names: dict[str, str], query: str, **how: Any) -> set[str]:
    """Ask for groups and give the names of those of ours that were found."""
    answer = graph.ask("GET", f"groups?$top=999&{query}", **how)
    assert answer.status == 200, answer.body
    ids = {one["id"] for one in answer.json["value"]}
    return {name for name, id_ in names.items() if id_ in ids}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("displayName eq '{tag} BLUE' or displayName eq '{tag} red team'", {"Blue", "Red Team"}),
        ("displayName in ('{tag} blue', '{tag} o''hara','x')", {"Blue", "o'Hara"}),
        (
            "startswith(displayName,'{tag} red') and (displayName eq '{tag} red-line' or mailEnabled eq true)",
            {"red-line"},
        ),
        ("(startswith(displayName,'{tag} red'))", {"Red Team", "red-line"}),
        ("displayName eq '{tag} Blue' or displayName eq '{tag} red-line' and mailEnabled eq true", {"Blue"}),
        ("mailEnabled eq false and securityEnabled eq true and displayName eq '{tag} o''Hara'", {"o'Hara"}),
        ("id eq {Blue}", {"Blue"}),
    ],
)
def test_filters(graph: Graph, names: dict[str, str], text: str, expected: set[str]) -> None:
    """Comparisons join as in OData: `and` binds more than `or`, brackets most; text compares without case."""
    assert found(graph, names, f"$filter={quote(text.format(**names), safe='')}") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("startswith(displayName,'{tag}') and displayName ne '{tag} blue'", {"Red Team", "red-line", "o'Hara"}),
        ("startswith(displayName,'{tag}') and not(startswith(displayName,'{tag} red'))", {"Blue", "o'Hara"}),
        ("startswith(displayName,'{tag}') and not startswith(displayName,'{tag} red')", {"Blue", "o'Hara"}),
    ],
)
def test_advanced_filters(graph: Graph, names: dict[str, str], text: str, expected: set[str]) -> None:
    """What is not so is answered to who accepts Graph's lagging index, and refused to others."""
    query = f"$filter={quote(text.format(**names), safe='')}"
    assert found(graph, names, f"{query}&$count=true", headers=EVENTUAL) == expected
    for path, headers in ((query, EVENTUAL), (f"{query}&$count=true", {}), (f"{query}&$count=false", EVENTUAL)):
        refused(graph.ask("GET", f"groups?{path}", headers=headers), 400, "Request_UnsupportedQuery")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"displayName:{tag}"', {"Red Team", "red-line", "Blue", "o'Hara"}),
        ('"displayName:{tag} RED"', {"Red Team", "red-line"}),
        ('"displayName:te {tag}"', {"Red Team"}),
        ('"displayName:{tag}" AND "displayName:blu"', {"Blue"}),
        ('"displayName:{tag} blue" OR "displayName:{tag} line"', {"Blue", "red-line"}),
        ('"displayName:{tag} eam"', set()),
        ('"displayName:-"', set()),
    ],
)
def test_search(graph: Graph, names: dict[str, str], text: str, expected: set[str]) -> None:
    """Every word begins a word of the property, in any order."""
    query = f"$search={quote(text.format(**names), safe='')}"
    assert found(graph, names, query, headers=EVENTUAL) == expected
    refused(graph.ask("GET", f"groups?{query}"), 400, "Request_UnsupportedQuery")


def test_search_and_filter_both_hold(graph: Graph, names: dict[str, str]) -> None:
    """Options narrow each other."""
    search = quote(f'"displayName:{names["tag"]}"', safe="")
    text = quote(f"displayName eq '{names['tag']} blue'", safe="")
    assert found(graph, names, f"$search={search}&$filter={text}", headers=EVENTUAL) == {"Blue"}


@pytest.mark.parametrize("text", ["", "x", "displayName:x", '"displayName:"', '"displayName:x" "mail:y"', '"x"'])
def test_a_search_that_is_none(graph: Graph, text: str) -> None:
    """It is refused, never answered with everything."""
    answer = graph.ask("GET", f"groups?$search={quote(text, safe='')}", headers=EVENTUAL)
    refused(answer, 400, "Request_BadRequest")


@pytest.mark.parametrize("name", ["id", "securityEnabled", "unknown"])
def test_a_search_for_what_is_no_text(graph: Graph, name: str) -> None:
    """Only names and texts are searched."""
    search = quote(f'"{name}:x"', safe="")
    answer = graph.ask("GET", f"groups?$search={search}", headers=EVENTUAL)
    refused(answer, 400, "Request_UnsupportedQuery")


def test_the_number_of_comparisons(graph: Graph) -> None:
    """A filter has at most `GRAPH_FILTER_CLAUSES`, brackets counted; so has a list of values, and a search."""
    most = limits.GRAPH_FILTER_CLAUSES
    terms = ["displayName eq 'x'"] * (most + 1)
    nested = "(" * (most - 1) + "displayName eq 'x'" + ")" * (most - 1)
    values = ["'x'"] * (most + 1)
    searched = ['"displayName:x"'] * (most + 1)
    for path in (
        filtered("groups", " or ".join(terms[1:])),
        filtered("groups", nested),
        filtered("groups", f"displayName in ({','.join(values[1:])})"),
        f"groups?$search={quote(' OR '.join(searched[1:]), safe='')}",
    ):
        assert graph.ask("GET", path, headers=EVENTUAL).status == 200
    for path in (
        filtered("groups", " or ".join(terms)),
        filtered("groups", f"({nested})"),
        filtered("groups", f"displayName in ({','.join(values)})"),
        filtered("groups", "(" * 600),
        f"groups?$search={quote(' OR '.join(searched), safe='')}",
    ):
        refused(graph.ask("GET", path, headers=EVENTUAL), 400, "Request_UnsupportedQuery")


def test_a_skip_token_is_for_its_search(graph: Graph, names: dict[str, str]) -> None:
    """SEC-TENANT-2: nor does it open for another search."""
    search = quote(f'"displayName:{names["tag"]}"', safe="")
    answer = graph.ask("GET", f"groups?$top=1&$search={search}", headers=EVENTUAL)
    link = answer.json["@odata.nextLink"].removeprefix("https://graph.localhost:8443/v1.0/")
    assert graph.ask("GET", link, headers=EVENTUAL).status == 200
    other = link.replace(search, quote('"displayName:x"', safe=""))
    refused(graph.ask("GET", other, headers=EVENTUAL), 400, "Directory_ExpiredPageToken")


@pytest.mark.parametrize("option", ["$filter=id eq 'x'", "$top=1", "$expand=owners", "$search=x", "$unknown=1"])
def test_an_object_takes_no_options_of_lists(graph: Graph, names: dict[str, str], option: str) -> None:
    """Of one object there is only `$select` to ask."""
    path = f"groups/{names['Blue']}"
    refused(graph.ask("GET", f"{path}?{quote(option, safe='$=')}"), 400, "Request_UnsupportedQuery")
    assert set(graph.get(f"{path}?$select=id,displayName")) == {"@odata.context", "id", "displayName"}


def test_a_count_is_a_word(graph: Graph) -> None:
    """Of two."""
    refused(graph.ask("GET", "groups?$count=yes"), 400, "Request_BadRequest")


def test_the_beta_version_answers_alike(graph: Graph, names: dict[str, str]) -> None:
    """Azuread asks that one; the context and links say which was asked."""
    answer = graph.ask("GET", "groups?$top=1", version="beta").json
    assert answer["@odata.context"] == "https://graph.localhost:8443/beta/$metadata#groups"
    assert answer["@odata.nextLink"].startswith("https://graph.localhost:8443/beta/groups?")


@pytest.mark.parametrize("path", ["applications", "groups", "servicePrincipals", "users"])
def test_the_number_of_a_collection(graph: Graph, path: str) -> None:
    """As a number and nothing else: what the collection itself counts."""
    answer = graph.ask("GET", f"{path}/$count", headers=EVENTUAL)
    assert int(answer.body) == graph.get(f"{path}?$count=true&$top=1")["@odata.count"]


def test_the_number_of_some(graph: Graph, names: dict[str, str]) -> None:
    """With a filter and a search, the advanced ones too; of a group's members; and with no other option."""
    tag = names["tag"]
    text = quote(f"startswith(displayName,'{tag}') and displayName ne 'x'", safe="")
    listed = graph.ask("GET", f"groups?$filter={text}&$count=true", headers=EVENTUAL).json["value"]
    assert int(graph.ask("GET", f"groups/$count?$filter={text}", headers=EVENTUAL).body) == len(listed) > 0
    refused(graph.ask("GET", f"groups/$count?$filter={text}"), 400, "Request_UnsupportedQuery")
    group = graph.add_group()["id"]
    graph.join(group, graph.add_user()["id"])
    assert graph.ask("GET", f"groups/{group}/members/$count").body == b"1"
    for option in ("$top=1", "$select=id", "$count=true"):
        refused(graph.ask("GET", f"groups/$count?{option}"), 400, "Request_UnsupportedQuery")
