"""Routing: from a method and a raw path to a row."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from strongroom.core.errors import Invalid, MethodNotAllowed, NotFound
from strongroom.core.limits import PATH_BYTES
from strongroom.http.routing import Router, parse_query, split_path


@dataclass(frozen=True)
class Row:
    """A row with nothing but its place."""

    method: str
    path: str


VAULT = Router(
    [
        Row("GET", "/secrets"),
        Row("GET", "/secrets/{name}/{version?}"),
        Row("GET", "/secrets/{name}/versions"),
        Row("POST", "/secrets/restore"),
        Row("PUT", "/secrets/{name}"),
        Row("POST", "/keys/{name}/{version?}/sign"),
    ]
)
ARM = Router(
    [
        Row("GET", "/subscriptions/{subscription}/resourceGroups/{group}"),
        Row("PUT", "/{scope*}/providers/Microsoft.Authorization/roleAssignments/{id}"),
    ],
    case_insensitive=True,
)


@pytest.mark.parametrize(
    ("method", "path", "template", "parameters"),
    [
        ("GET", b"/secrets", "/secrets", {}),
        ("GET", b"/secrets/", "/secrets", {}),
        ("GET", b"//secrets", "/secrets", {}),
        ("GET", b"/secrets/a", "/secrets/{name}/{version?}", {"name": "a"}),
        ("GET", b"/secrets/a/", "/secrets/{name}/{version?}", {"name": "a", "version": ""}),
        ("GET", b"/secrets/a/0f", "/secrets/{name}/{version?}", {"name": "a", "version": "0f"}),
        ("GET", b"/secrets/a/versions", "/secrets/{name}/versions", {"name": "a"}),
        ("GET", b"/secrets/restore", "/secrets/{name}/{version?}", {"name": "restore"}),
        ("POST", b"/secrets/restore", "/secrets/restore", {}),
        ("PUT", b"/secrets/a%2Fb", "/secrets/{name}", {"name": "a/b"}),
        ("POST", b"/keys/k//sign", "/keys/{name}/{version?}/sign", {"name": "k", "version": ""}),
    ],
)
def test_finds_the_row(method: str, path: bytes, template: str, parameters: dict[str, str]) -> None:
    """A path leads to its row with decoded parameters; the latest version is an empty or absent last segment."""
    match = VAULT.find(method, path)
    assert [row.path for row in match.rows] == [template]
    assert match.parameters == parameters


def test_arm_literals_match_in_any_case() -> None:
    """`resourcegroups` is `resourceGroups`, and what stands for a name keeps its case."""
    match = ARM.find("GET", b"/SUBSCRIPTIONS/s/resourcegroups/My")
    assert match.parameters == {"subscription": "s", "group": "My"}


def test_a_scope_takes_everything_before_its_provider() -> None:
    """A leading scope is whatever stands before the last place where the template's first literals stand."""
    path = b"/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/providers/microsoft.authorization"
    match = ARM.find("PUT", path + b"/roleAssignments/1")
    assert match.parameters["scope"] == "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"


def test_unknown_path_is_not_found() -> None:
    """A path that no template takes is refused."""
    with pytest.raises(NotFound):
        VAULT.find("GET", b"/secrets/a/b/c")


def test_known_path_with_another_method_says_which() -> None:
    """A known path with a wrong method answers which ones there are."""
    with pytest.raises(MethodNotAllowed) as refused:
        VAULT.find("DELETE", b"/secrets")
    assert refused.value.headers == (("Allow", "GET"),)


@pytest.mark.parametrize(
    "path",
    [
        b"/secrets/%",
        b"/secrets/%2",
        b"/secrets/%zz",
        b"/secrets/%ff",
        b"/secrets/%c0%af",
        b"/a/../b",
        b"/./a",
        b"/a/%2e%2e",
    ],
)
def test_refuses_paths_that_two_readers_could_read_differently(path: bytes) -> None:
    """Invalid and overlong percent-encoding and dot segments, encoded or not, are refused (pitfalls "Paths")."""
    with pytest.raises(Invalid):
        split_path(path)


def test_path_length_is_limited() -> None:
    """A path at the limit is read, one past it is refused."""
    assert split_path(b"/" + b"a" * (PATH_BYTES - 1))
    with pytest.raises(Invalid):
        split_path(b"/" + b"a" * PATH_BYTES)


def test_query_names_are_decoded() -> None:
    """Clients encode `api-version` and `$skiptoken` (reference clients.md section 2)."""
    assert parse_query(b"api%2Dversion=7.4&%24skiptoken=a%20b&x=") == {
        "api-version": "7.4",
        "$skiptoken": "a b",
        "x": "",
    }


@pytest.mark.parametrize("query", [b"a=1&a=2", b"a=1&%61=2", b"a=%zz"])
def test_ambiguous_queries_are_refused(query: bytes) -> None:
    """A parameter that comes twice, in any spelling, or is badly encoded, is refused."""
    with pytest.raises(Invalid):
        parse_query(query)
