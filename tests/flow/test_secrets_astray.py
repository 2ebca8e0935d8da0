"""
Secrets that a client put in the wrong place: neither an answer nor the journal repeats them (SEC-AUDIT-7).

Every answer's headers, and every refusal's body, are searched for the canary by `Simulation.ask`; the journal is here.
The client's request id and the name it gives itself (`User-Agent`) are made to be recorded, and are left out.
"""

from __future__ import annotations

import secrets as chance
from typing import Any
from urllib.parse import quote

import pytest

from strongroom.core.network import Link
from tests.flow.arm import Arm
from tests.flow.client import VERSION, Client
from tests.flow.graph import MISSING, Graph
from tests.flow.graph_cases import READER
from tests.world import ARM_AUDIENCE, Answer, Simulation

MEMBERS = (
    "grant_type", "client_id", "client_secret", "scope", "resource", "username", "password", "code", "code_verifier",
    "refresh_token", "client_assertion", "client_assertion_type", "assertion", "device_code", "redirect_uri", "claims",
    "token_type", "cnf", "req_cnf", "requested_token_use", "state", "anything",
)  # fmt: skip
PARAMETERS = (
    "api-version", "client_secret", "password", "client_assertion", "assertion", "code", "refresh_token",
    "access_token", "id_token", "sig", "se", "sv", "resource", "scope", "state", "token", "client_id", "username",
    "maxresults", "$filter", "$skiptoken", "$select", "$top", "$search", "authorization_endpoint", "anything",
    "client-request-id-not",
)  # fmt: skip
HEADERS = (
    "Authorization", "X-IDENTITY-HEADER", "secret", "Metadata", "Cookie", "Content-Type", "Accept", "Origin", "Referer",
    "If-Match", "X-HTTP-Method", "X-HTTP-Method-Override", "X-Forwarded-For", "Forwarded", "Proxy-Authorization",
)  # fmt: skip


@pytest.fixture
def astray() -> str:
    """Give a text for paths, which the journal has as they were asked, so that no canary may stand in one."""
    return f"a5tray{chance.token_hex(8)}"


def recorded(world: Simulation, before: int, secret: str) -> None:
    """Look for a secret in what was recorded since, and make sure that something was."""
    entries = world.entries()[before:]
    assert entries
    assert secret not in str(entries)


def sign_in(world: Simulation, how: str, *, path: str = "", query: str = "", **members: str) -> Answer:
    """Ask for a token as nobody, or as the administrator, with some members changed."""
    admin = world.administrator
    form = {"grant_type": "client_credentials", "scope": "https://vault.azure.net/.default"}
    if how == "proved":
        form |= {"client_id": admin.appid, "client_secret": admin.secret}
    url = f"{world.login_url}/{path or world.first.tenant_id}/oauth2/v2.0/token{query}"
    return world.ask("POST", url, form=form | members)


HOW = pytest.mark.parametrize("how", ["anonymous", "proved"])


@HOW
@pytest.mark.parametrize("version", ["v2.0/", ""])
@pytest.mark.parametrize("member", MEMBERS)
def test_in_a_member_of_the_token_form(world: Simulation, canary: str, how: str, version: str, member: str) -> None:
    """SEC-AUDIT-7: whatever member of a token request a secret stands in, it is neither told again nor recorded."""
    before, admin = len(world.entries()), world.administrator
    form = {"grant_type": "client_credentials", "scope": "https://vault.azure.net/.default"}
    if how == "proved":
        form |= {"client_id": admin.appid, "client_secret": admin.secret}
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/{version}token"
    answer = world.ask("POST", url, form=form | {member: canary})
    assert canary.encode() not in answer.body
    recorded(world, before, canary)


@pytest.mark.parametrize("raw", ["{0}={0}", "{0}", "a={0}&{0}=b&{0}=c", "grant_type={0}&grant_type={0}", "%zz{0}"])
def test_in_a_form_that_is_none(world: Simulation, canary: str, raw: str) -> None:
    """SEC-AUDIT-7: nor as the name of a member, twice, or in what cannot be read."""
    before = len(world.entries())
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
    answer = world.ask("POST", url, raw=raw.format(canary).encode(), headers=headers)
    assert answer.status == 400
    assert canary.encode() not in answer.body
    recorded(world, before, canary)


@HOW
@pytest.mark.parametrize("value", ["{}", "https://a.example/?sig={}", "api://{}/.default openid", "{}/.default"])
@pytest.mark.parametrize("member", ["scope", "client_id"])
def test_in_part_of_a_member(world: Simulation, canary: str, how: str, member: str, value: str) -> None:
    """SEC-AUDIT-7: a text that only looks like a resource is not repeated for what stands around the secret."""
    before = len(world.entries())
    answer = sign_in(world, how, **{member: value.format(canary)})
    assert answer.status in {400, 401}
    recorded(world, before, canary)


@HOW
def test_as_the_tenant(world: Simulation, canary: str, how: str) -> None:
    """SEC-AUDIT-7: a secret in the tenant's place is in no refusal, and not in the recorded path either."""
    before = len(world.entries())
    assert sign_in(world, how, path=canary).status == 400
    for path in (f"{canary}/v2.0/.well-known/openid-configuration", f"{canary}/discovery/keys", f"{canary}/x/{canary}"):
        assert world.ask("GET", f"{world.login_url}/{path}").status in {400, 404}
    recorded(world, before, canary)
    uri = world.entries()[before]["properties"]["requestUri"]
    assert uri == f"{world.login_url}/REDACTED/oauth2/v2.0/token"


def test_a_tenant_is_recorded(world: Simulation) -> None:
    """What can be a tenant's name stands in the recorded path, whether or not there is one."""
    for name in (world.first.tenant_id, "contoso.example", "common"):
        sign_in(world, "anonymous", path=name)
        uri = world.entries()[-1]["properties"]["requestUri"]
        assert uri == f"{world.login_url}/{name}/oauth2/v2.0/token"


@HOW
@pytest.mark.parametrize("name", PARAMETERS)
def test_in_the_query_of_the_token_endpoint(world: Simulation, canary: str, how: str, name: str) -> None:
    """SEC-AUDIT-7: a credential in the query, where no client should send it, is not recorded."""
    before = len(world.entries())
    answer = sign_in(world, how, query=f"?{quote(name)}={canary}&{canary}={canary}&{canary}")
    assert answer.status in {200, 400, 401}
    recorded(world, before, canary)


@HOW
@pytest.mark.parametrize("name", PARAMETERS)
def test_in_the_query_of_every_other_surface(world: Simulation, canary: str, how: str, name: str) -> None:
    """SEC-AUDIT-7: nor is it on a vault, the management plane, the directory, or the identity endpoint."""
    admin, before = world.administrator, len(world.entries())
    tokens: dict[str, str | None] = {"vault": None, "arm": None, "graph": None}
    if how == "proved":
        resources = {"vault": "https://vault.azure.net", "arm": ARM_AUDIENCE, "graph": "https://graph.microsoft.com"}
        tokens = {surface: world.token(admin, resource) for surface, resource in resources.items()}
    query = f"?{quote(name)}={canary}" + ("" if name == "api-version" else "&api-version={}")
    asked: tuple[tuple[str, str | None, dict[str, Any]], ...] = (
        (f"{world.vault_url}/secrets{query.format(VERSION)}", tokens["vault"], {}),
        (f"{world.arm_url}/subscriptions{query.format('2022-12-01')}", tokens["arm"], {}),
        (f"{world.arm_url}/providers/Microsoft.KeyVault/operations{query.format('x')}", tokens["arm"], {}),
        (f"{world.graph_url}/v1.0/users{query.format('1')}", tokens["graph"], {}),
        (f"{world.login_url}/common/discovery/instance{query.format('1.1')}", None, {}),
        (
            f"http://127.0.0.1:40342/msi/token{query.format('2019-08-01')}",
            None,
            {"link": Link.MANAGED_IDENTITY, "peer": "127.0.0.1"},
        ),
    )
    for url, token, more in asked:
        world.ask("GET", url, token=token, **more)
    recorded(world, before, canary)


@HOW
@pytest.mark.parametrize("header", HEADERS)
def test_in_a_header(world: Simulation, canary: str, how: str, header: str) -> None:
    """SEC-AUDIT-7: nothing of a header is told again or recorded but the two that are made for it."""
    before, vault = len(world.entries()), Client(world)
    token = vault.token if how == "proved" and header != "Authorization" else None
    for method in ("GET", "POST"):
        world.ask(method, f"{world.vault_url}/secrets?api-version={VERSION}", token=token, headers={header: canary})
    form = {"grant_type": "client_credentials", "client_id": world.administrator.appid}
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
    world.ask("POST", url, form=form, headers={header: canary})
    recorded(world, before, canary)


@pytest.mark.parametrize("scheme", ["Basic {}", "Bearer {}", "SharedAccessSignature {}", "{}"])
def test_in_the_authorization_of_a_token_request(world: Simulation, canary: str, scheme: str) -> None:
    """SEC-AUDIT-7: however a client tries to prove itself, its proof is not repeated."""
    before = len(world.entries())
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "scope": "https://vault.azure.net/.default"}
    assert world.ask("POST", url, form=form, headers={"Authorization": scheme.format(canary)}).status == 400
    recorded(world, before, canary)


@pytest.mark.parametrize("method", ["{}", "X{}X"])
def test_as_the_method(world: Simulation, canary: str, method: str) -> None:
    """SEC-AUDIT-7: a method that is none of HTTP's is not named in the 405."""
    before = len(world.entries())
    assert world.ask(method.format(canary), f"{world.vault_url}/secrets?api-version={VERSION}").status == 405
    recorded(world, before, canary)


def test_in_the_name_of_a_secret(world: Simulation, vault: Client, astray: str) -> None:
    """A name that is none is not repeated in the refusal's sentence."""
    before = len(world.entries())
    answer = vault.ask("GET", f"/secrets/{astray}!")
    assert astray not in answer.error["message"]
    assert astray not in world.entries()[before]["resultDescription"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "{group}", {"location": "{astray}"}),
        ("PUT", "{group}", {"location": "westeurope", "tags": {"{astray}": "v" * 257}}),
        ("PUT", "{vault}", {"location": "local", "properties": {"tenantId": "{astray}", "sku": {"family": "A"}}}),
        ("PUT", "{vault}", {"location": "local", "properties": {"sku": {"family": "{astray}", "name": "{astray}"}}}),
        ("PUT", "{vault}", {"location": "local", "properties": {"createMode": "{astray}"}}),
        ("PUT", "{vault}", {"location": "local", "properties": {"networkAcls": {"ipRules": [{"value": "{astray}"}]}}}),
        ("PUT", "{subscription}/providers/Microsoft.Authorization/roleAssignments/{astray}", {"properties": {}}),
        ("GET", "{subscription}/resourceGroups/x/providers/{astray}/{astray}/y", None),
    ],
)
def test_in_a_request_to_the_management_plane(
    world: Simulation, astray: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """SEC-AUDIT-7: in a body or in the place of a GUID it is in no sentence of a refusal."""
    arm = Arm(world, world.administrator)
    arm.ask("PUT", arm.group, {"location": "local"})
    places = {"group": f"{arm.group}", "vault": arm.vault, "subscription": arm.subscription, "astray": astray}
    before = len(world.entries())
    answer = arm.ask(method, _filled(path, places), _filled(body, places))
    assert 400 <= answer.status < 500, answer.body
    assert astray not in world.entries()[before]["resultDescription"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "users/{astray}", None),
        ("GET", "applications/{astray}", None),
        ("GET", "users?{astray}", None),
        ("GET", "users?$filter={astray} eq 'x'", None),
        ("GET", "users?$filter=displayName eq {astray}", None),
        ("POST", "users", {"{astray}": "x"}),
        ("POST", "applications", {"displayName": "x", "signInAudience": "{astray}"}),
        ("POST", "applications", {"displayName": "x", "{astray}": "x"}),
        ("POST", "servicePrincipals", {"appId": "{astray}"}),
        ("POST", "directoryObjects/getByIds", {"ids": [], "types": ["{astray}"]}),
        ("GET", "users?$search={astray}", None),
        ("GET", "directoryRoles/{astray}", None),
        ("GET", "roleManagement/directory/roleAssignments/{astray}", None),
        ("GET", "directory/deletedItems/{astray}", None),
        ("GET", "domains/{astray}", None),
        ("GET", "oauth2PermissionGrants/{astray}", None),
        ("POST", "applications", {"displayName": "x", "web": {"redirectUris": ["{astray}"]}}),
        ("POST", "applications", {"displayName": "x", "owners@odata.bind": ["{astray}"]}),
        ("POST", "oauth2PermissionGrants", {"clientId": "{astray}", "resourceId": "{astray}", "scope": "{astray}"}),
        ("POST", "roleManagement/directory/roleAssignments", {"roleDefinitionId": "{astray}", "principalId": "x"}),
    ],
)
def test_in_a_request_to_the_directory(
    world: Simulation, astray: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """SEC-AUDIT-7: in a body, a filter or the place of an id it is in no sentence of a refusal."""
    graph = Graph(world, world.administrator)
    before = len(world.entries())
    filled = quote(_filled(path, {"astray": astray}), safe="/?$='")
    graph.ask(method, filled, _filled(body, {"astray": astray}))
    assert astray not in world.entries()[before]["resultDescription"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("oauth2PermissionGrants", {"clientId": "{canary}", "resourceId": MISSING, "scope": "x"}),
        ("oauth2PermissionGrants", {"clientId": MISSING, "resourceId": "{canary}", "scope": "x"}),
        ("oauth2PermissionGrants", {"clientId": MISSING, "resourceId": MISSING, "scope": "{canary}"}),
        ("roleManagement/directory/roleAssignments", {"roleDefinitionId": "{canary}", "principalId": MISSING}),
        ("roleManagement/directory/roleAssignments", {"roleDefinitionId": READER, "principalId": "{canary}"}),
        ("applications/{application}/removePassword", {"keyId": "{canary}"}),
        ("users/{user}/appRoleAssignments", {"resourceId": "{canary}", "appRoleId": MISSING}),
        ("users/{user}/appRoleAssignments", {"resourceId": MISSING, "appRoleId": "{canary}"}),
        ("users/{user}/checkMemberGroups", {"groupIds": ["{canary}"]}),
        ("directoryObjects/getByIds", {"ids": ["{canary}"]}),
    ],
)
def test_in_the_place_of_an_id(world: Simulation, canary: str, path: str, body: dict[str, Any]) -> None:
    """SEC-AUDIT-7: ids are recorded, so nothing that is none is taken for one, whatever its length."""
    graph = Graph(world, world.administrator)
    places = {
        "application": world.administrator.application,
        "user": graph.add_user()["id"],
        "canary": canary.ljust(36, "x"),
    }
    before = len(world.entries())
    assert 400 <= graph.ask("POST", _filled(path, places), _filled(body, places)).status < 500
    recorded(world, before, canary)


def _filled(value: Any, places: dict[str, str]) -> Any:
    """Put what stands for a place into every text."""
    if isinstance(value, dict):
        return {_filled(name, places): _filled(member, places) for name, member in value.items()}
    if isinstance(value, list):
        return [_filled(item, places) for item in value]
    return value.format(**places) if isinstance(value, str) else value


def test_the_search_would_find_it(world: Simulation, astray: str) -> None:
    """What is recorded is found: here in the name that a client gives itself, which is made to be recorded."""
    before = len(world.entries())
    world.ask("GET", f"{world.vault_url}/secrets?api-version={VERSION}", headers={"User-Agent": astray})
    with pytest.raises(AssertionError):
        recorded(world, before, astray)
