"""What an application registration says beside its names: kept, returned, merged, and judged."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import limits
from tests.flow.graph import MISSING, Graph, refused
from tests.world import Simulation

ROLE = "10000000-0000-4000-8000-000000000001"
SCOPE = "20000000-0000-4000-8000-000000000002"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"


@pytest.fixture
def graph(world: Simulation) -> Graph:
    """See Graph as the first application, which is a Global Administrator."""
    return Graph(world, world.administrator)


def app_role(**changes: object) -> dict[str, object]:
    """Make an app role as clients send it."""
    return {
        "id": ROLE,
        "value": "Reader",
        "displayName": "Reader",
        "description": "Reads.",
        "isEnabled": True,
        "allowedMemberTypes": ["User", "Application"],
        **changes,
    }


def scope(**changes: object) -> dict[str, object]:
    """Make a delegated permission as clients send it."""
    return {"id": SCOPE, "value": "user_impersonation", "type": "User", "isEnabled": True, **changes}


def test_everything_is_kept_and_returned(world: Simulation, graph: Graph) -> None:
    """What Terraform's azuread_application writes comes back as it was written; sign-in finds its settings."""
    wanted: dict[str, Any] = {
        "api": {
            "oauth2PermissionScopes": [scope()],
            "knownClientApplications": [ROLE],
            "preAuthorizedApplications": [{"appId": ROLE, "delegatedPermissionIds": [SCOPE]}],
            "requestedAccessTokenVersion": 2,
            "acceptMappedClaims": True,
        },
        "appRoles": [app_role()],
        "isFallbackPublicClient": True,
        "notes": "why",
        "publicClient": {"redirectUris": ["http://localhost", "myapp://auth"]},
        "requiredResourceAccess": [
            {
                "resourceAppId": GRAPH_APP,
                "resourceAccess": [{"id": SCOPE, "type": "Scope"}, {"id": ROLE, "type": "Role"}],
            }
        ],
        "serviceManagementReference": "ref",
        "spa": {"redirectUris": ["https://spa.example/"]},
        "tags": ["a", "b"],
        "web": {
            "homePageUrl": "https://home.example",
            "logoutUrl": "https://home.example/out",
            "redirectUris": ["https://home.example/in"],
            "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": True},
        },
    }
    made = graph.add_application(**wanted)
    found = graph.get(f"applications/{made['id']}")
    assert found["appRoles"] == [{**app_role(), "origin": "Application"}]
    for name in ("isFallbackPublicClient", "notes", "publicClient", "requiredResourceAccess", "spa", "tags"):
        assert found[name] == wanted[name]
    assert {name: found["web"][name] for name in wanted["web"]} == wanted["web"]
    assert {**found["api"], "oauth2PermissionScopes": [scope()]} == wanted["api"]
    assert found["api"]["oauth2PermissionScopes"][0].items() >= scope().items()

    stored = world.view.application_by_app_id(made["appId"])
    assert stored is not None
    assert (stored.sign_in.web, stored.sign_in.spa) == (("https://home.example/in",), ("https://spa.example/",))
    assert stored.sign_in.public_client == ("http://localhost", "myapp://auth")
    assert stored.sign_in.is_fallback_public_client is True


def test_a_change_leaves_what_it_does_not_name(graph: Graph) -> None:
    """PATCH merges: another member of `web` or `api` stays, and null takes a single value away."""
    made = graph.add_application(
        notes="why", web={"redirectUris": ["https://a.example/"], "homePageUrl": "https://h.example"},
        api={"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [scope()]},
    )  # fmt: skip
    graph.do(
        "PATCH",
        f"applications/{made['id']}",
        {"web": {"redirectUris": []}, "api": {"requestedAccessTokenVersion": None}, "notes": None},
    )
    found = graph.get(f"applications/{made['id']}")
    assert (found["web"]["redirectUris"], found["web"]["homePageUrl"]) == ([], "https://h.example")
    assert (found["api"]["requestedAccessTokenVersion"], len(found["api"]["oauth2PermissionScopes"])) == (None, 1)
    assert found["notes"] is None


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "relative",
        "//host/path",
        "http://a.example/",
        "https:///path",
        "https://a.example/#fragment",
        "https://*.a.example/",
        "https://user@a.example/",
        "https://a.example:99999/",
        "https://a.example\\@b.example/",
        "https://a.example/ b",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://m\u00fcnchen.example/",
    ],
)
@pytest.mark.parametrize("platform", ["web", "spa"])
def test_a_redirect_uri_that_is_refused(graph: Graph, uri: str, platform: str) -> None:
    """A redirect URI says itself where it leads, over HTTPS or to the program's own machine."""
    made = graph.add_application()
    answer = graph.ask("PATCH", f"applications/{made['id']}", {platform: {"redirectUris": [uri]}})
    refused(answer, 400, "Request_BadRequest")
    assert graph.get(f"applications/{made['id']}")[platform]["redirectUris"] == []


@pytest.mark.parametrize("uri", ["http://localhost:5000/x", "http://127.0.0.1", "https://a.example/b?c=d"])
def test_a_redirect_uri_that_is_taken(graph: Graph, uri: str) -> None:
    """HTTPS anywhere, HTTP on the own machine."""
    made = graph.add_application(web={"redirectUris": [uri]})
    assert made["web"]["redirectUris"] == [uri]


def test_the_longest_redirect_uri(graph: Graph) -> None:
    """One has at most `REDIRECT_URI_CHARS` characters."""
    start = "https://a.example/"
    longest = start + "x" * (limits.REDIRECT_URI_CHARS - len(start))
    assert graph.add_application(web={"redirectUris": [longest]})["web"]["redirectUris"] == [longest]
    answer = graph.ask("POST", "applications", {"displayName": "x", "web": {"redirectUris": [f"{longest}x"]}})
    refused(answer, 400, "Request_BadRequest")


@pytest.mark.parametrize("platform", ["web", "spa", "publicClient"])
def test_the_number_of_redirect_uris(graph: Graph, platform: str) -> None:
    """A platform has at most `REDIRECT_URIS`."""
    uris = [f"https://a.example/{number}" for number in range(limits.REDIRECT_URIS + 1)]
    assert graph.add_application(**{platform: {"redirectUris": uris[1:]}})[platform]["redirectUris"] == uris[1:]
    answer = graph.ask("POST", "applications", {"displayName": "x", platform: {"redirectUris": uris}})
    refused(answer, 400, "Request_BadRequest")


def test_the_number_of_entries(graph: Graph) -> None:
    """Roles, scopes, wishes and redirect URIs together are at most `MANIFEST_ENTRIES`."""
    access = [
        {"id": f"30000000-0000-4000-8000-{number:012}", "type": "Scope"} for number in range(limits.MANIFEST_ENTRIES)
    ]
    body = {"displayName": "x", "requiredResourceAccess": [{"resourceAppId": GRAPH_APP, "resourceAccess": access}]}
    graph.make("applications", body)
    answer = graph.ask("POST", "applications", {**body, "appRoles": [app_role()]})
    refused(answer, 400, "Directory_QuotaExceeded")


@pytest.mark.parametrize(
    "details",
    [
        {"appRoles": [app_role(), app_role(value="Other")]},
        {"appRoles": [app_role(), app_role(id=SCOPE)]},
        {"appRoles": [app_role(value="two words")]},
        {"appRoles": [app_role(allowedMemberTypes=[])]},
        {"appRoles": [app_role(allowedMemberTypes=["Group"])]},
        {"appRoles": [app_role(id="x")]},
        {"appRoles": [app_role()], "api": {"oauth2PermissionScopes": [scope(id=ROLE)]}},
        {"api": {"requestedAccessTokenVersion": 3}},
        {"api": {"unknown": 1}},
        {"requiredResourceAccess": [{"resourceAppId": GRAPH_APP}, {"resourceAppId": GRAPH_APP}]},
        {"requiredResourceAccess": [{"resourceAppId": GRAPH_APP, "resourceAccess": [{"id": ROLE, "type": "All"}]}]},
        {"optionalClaims": {"idToken": [{"name": "upn"}]}},
        {"tags": ["x" * 257]},
        {"web": {"redirectUris": "https://a.example"}},
    ],
)
def test_a_bad_registration(graph: Graph, details: dict[str, object]) -> None:
    """What is ambiguous, malformed or not understood is refused."""
    refused(graph.ask("POST", "applications", {"displayName": "x", **details}), 400, "Request_BadRequest")


@pytest.mark.parametrize(
    "details",
    [
        {"api": {"knownClientApplications": [MISSING] * 1201}},
        {"api": {"preAuthorizedApplications": [{"appId": MISSING, "delegatedPermissionIds": [MISSING] * 1200}]}},
        {"requiredResourceAccess": [{"resourceAppId": f"{n:08}{MISSING[8:]}"} for n in range(1201)]},
    ],
)
def test_everything_listed_is_an_entry(graph: Graph, details: dict[str, object]) -> None:
    """However little each says."""
    made = graph.add_application()
    refused(graph.ask("PATCH", f"applications/{made['id']}", details), 400, "Directory_QuotaExceeded")


@pytest.mark.parametrize("what", ["role", "scope"])
def test_what_is_in_use_is_disabled_before_it_goes(graph: Graph, what: str) -> None:
    """An enabled role or scope cannot be taken out: Graph's own code, which Terraform knows."""
    on, off, none = (
        {"appRoles": value} if what == "role" else {"api": {"oauth2PermissionScopes": value}}
        for value in (
            [app_role() if what == "role" else scope()],
            [app_role(isEnabled=False) if what == "role" else scope(isEnabled=False)],
            [],
        )
    )
    made = graph.add_application(**on)
    path = f"applications/{made['id']}"
    refused(graph.ask("PATCH", path, none), 400, "CannotDeleteOrUpdateEnabledEntitlement")
    graph.do("PATCH", path, off)
    graph.do("PATCH", path, none)


def test_what_a_principal_says_of_its_application(graph: Graph) -> None:
    """Roles and scopes are the application's; notes and the need for an assignment its own."""
    app = graph.add_application(appRoles=[app_role()], api={"oauth2PermissionScopes": [scope()]})
    made = graph.make(
        "servicePrincipals", {"appId": app["appId"], "appRoleAssignmentRequired": True, "notes": "n", "tags": ["t"]}
    )
    assert [one["id"] for one in made["appRoles"]] == [ROLE]
    assert [one["id"] for one in made["oauth2PermissionScopes"]] == [SCOPE]
    assert (made["appRoleAssignmentRequired"], made["notes"], made["tags"]) == (True, "n", ["t"])
    graph.do("PATCH", f"servicePrincipals/{made['id']}", {"appRoleAssignmentRequired": False, "notes": None})
    found = graph.get(f"servicePrincipals/{made['id']}")
    assert (found["appRoleAssignmentRequired"], found["notes"], found["tags"]) == (False, None, ["t"])
