"""Requests as Azure CLI and the azuread provider of Terraform were seen to send them, and what they expect back."""

from __future__ import annotations

import secrets as chance
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.first_party import GRAPH
from strongroom.directory import applications
from tests.assertions import ASSERTION_TYPE, ec_key, make_signer, own_claims
from tests.flow.certificates import credential
from tests.flow.graph import MISSING, Graph, filtered, refused, user_body
from tests.world import GRAPH_AUDIENCE, START, Answer, Simulation

READ, READ_ALL = "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "df021288-bdef-4463-88db-98f22de89214"
"""Two permissions of Graph's."""


@pytest.fixture
def graph(world: Simulation) -> Graph:
    """See Graph as the first application, which is a Global Administrator."""
    return Graph(world)


class TestAzureCli:
    """`az ad`."""

    def test_one_setting_of_a_platform(self, graph: Graph) -> None:
        """`az ad app update` sends the member that changes; those beside it stay, at every depth."""
        web = {
            "homePageUrl": "https://home.example",
            "redirectUris": ["https://home.example/in"],
            "implicitGrantSettings": {"enableAccessTokenIssuance": True, "enableIdTokenIssuance": False},
        }
        redirects = {"redirectUris": ["https://spa.example/in"]}
        path = f"applications/{graph.add_application(web=web, spa=redirects, publicClient=redirects)['id']}"
        graph.do("PATCH", path, {"web": {"implicitGrantSettings": {"enableIdTokenIssuance": True}}})
        graph.do("PATCH", path, {"web": {"implicitGrantSettings": {}}, "spa": {}, "publicClient": {}})
        found = graph.get(path)
        web["implicitGrantSettings"] = {"enableAccessTokenIssuance": True, "enableIdTokenIssuance": True}
        assert found["web"].items() >= web.items()
        assert found["spa"] == found["publicClient"] == redirects


class Principal:
    """An application with a principal, whose certificates of its own are what it signs in by."""

    def __init__(self, world: Simulation, graph: Graph) -> None:
        self._world, self._graph = world, graph
        self.application = graph.add_application(signInAudience="AzureADMultipleOrgs")
        self.id = graph.make("servicePrincipals", {"appId": self.application["appId"]})["id"]
        self.signer = make_signer(now=int(START))

    def set(self, *credentials: dict[str, Any]) -> None:
        """Let it have these, as `az ad sp credential reset --cert` sends them."""
        self._graph.do("PATCH", f"servicePrincipals/{self.id}", {"keyCredentials": list(credentials)})

    def sign_in(self, tenant: str | None = None) -> Answer:
        """Ask for a token, by an assertion that the certificate's key signed."""
        url = f"{self._world.login_url}/{tenant or self._world.first.tenant_id}/oauth2/v2.0/token"
        client_id = self.application["appId"]
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_assertion": self.signer.assertion(own_claims(client_id, url, int(self._world.clock()))),
            "client_assertion_type": ASSERTION_TYPE,
            "scope": f"{GRAPH_AUDIENCE}/.default",
        }
        return self._world.ask("POST", url, form=form)


class TestOwnCertificates:
    """`az ad sp credential reset --cert` and `--create-cert`, and azuread_service_principal_certificate."""

    @pytest.fixture
    def principal(self, world: Simulation, graph: Graph) -> Principal:
        """Make a service principal."""
        return Principal(world, graph)

    def test_it_signs_in_until_it_is_removed(self, graph: Graph, principal: Principal) -> None:
        """Shown on its own object alone, and its tokens end with it."""
        path = f"servicePrincipals/{principal.id}"
        assert principal.sign_in().json["error_codes"] == [700027]
        principal.set(credential(principal.signer))
        token = principal.sign_in().json["access_token"]
        (shown,) = graph.get(path)["keyCredentials"]
        assert (shown["displayName"], shown["key"]) == ("CN=client", None)
        (shown,) = graph.get(f"{path}?$select=keyCredentials")["keyCredentials"]
        assert shown["key"] == principal.signer.base64
        assert graph.get(f"applications/{principal.application['id']}")["keyCredentials"] == []
        principal.set(shown, credential(make_signer(ec_key(), now=int(START))))
        assert graph.ask("GET", path, token=token).status == 200
        principal.set()
        assert graph.ask("GET", path, token=token).status == 401
        assert principal.sign_in().json["error_codes"] == [700027]

    def test_from_the_start(self, graph: Graph) -> None:
        """It may come with the principal that is made."""
        body = {
            "appId": graph.add_application()["appId"],
            "keyCredentials": [credential(make_signer(now=int(START)), displayName="one")],
        }
        assert [one["displayName"] for one in graph.make("servicePrincipals", body)["keyCredentials"]] == ["one"]

    def test_of_one_tenant_alone(self, world: Simulation, principal: Principal) -> None:
        """SEC-TENANT-2: it proves the application where the principal is, and in no other tenant."""
        record, other = world.view.application_by_app_id(principal.application["appId"]), world.tenant()
        assert record is not None
        world.commit(
            lambda tx: applications.create_service_principal(
                tx, other, record, now=int(world.clock()), entropy=chance.token_bytes
            )
        )
        principal.set(credential(principal.signer))
        assert principal.sign_in().status == 200
        assert principal.sign_in(other).json["error_codes"] == [700027]

    def test_deleting_the_principal_ends_its_tokens(self, graph: Graph, principal: Principal) -> None:
        """And what the principal was is not there for the next one."""
        principal.set(credential(principal.signer))
        token = principal.sign_in().json["access_token"]
        graph.do("DELETE", f"servicePrincipals/{principal.id}")
        assert graph.ask("GET", f"servicePrincipals/{principal.id}", token=token).status == 401
        graph.do("DELETE", f"directory/deletedItems/{principal.id}")
        graph.make("servicePrincipals", {"appId": principal.application["appId"]})
        assert principal.sign_in().json["error_codes"] == [700027]

    def test_some_have_none(self, graph: Graph, principal: Principal) -> None:
        """Managed identities and Azure's own resources get no certificate."""
        (identity,) = graph.ids(filtered("servicePrincipals", "servicePrincipalType eq 'ManagedIdentity'"))
        for path in (f"servicePrincipals/{identity}", f"servicePrincipals(appId='{GRAPH}')"):
            answer = graph.ask("PATCH", path, {"keyCredentials": [credential(principal.signer)]})
            refused(answer, 400, "Request_BadRequest")
            assert graph.get(path)["keyCredentials"] == []

    def test_so_many_and_no_more(self, graph: Graph, principal: Principal) -> None:
        """The limit is an application's, for each owner."""
        most = [credential(principal.signer)] * limits.CLIENT_CERTIFICATES_PER_APPLICATION
        principal.set(*most)
        answer = graph.ask(
            "PATCH", f"servicePrincipals/{principal.id}", {"keyCredentials": [*most, credential(principal.signer)]}
        )
        refused(answer, 400, "Request_BadRequest")


class TestTerraform:
    """The azuread provider."""

    @pytest.mark.parametrize("kind", ["applications", "servicePrincipals", "users", "groups"])
    def test_what_was_read_is_sent_back(self, graph: Graph, kind: str) -> None:
        """Its client sends the id, the dates and what else it read: with the same values, or the change is refused."""
        made = {
            "applications": graph.add_application,
            "servicePrincipals": lambda: graph.make("servicePrincipals", {"appId": graph.add_application()["appId"]}),
            "users": graph.add_user,
            "groups": graph.add_group,
        }[kind]()
        path = f"{kind}/{made['id']}"
        read = graph.get(f"{path}?$select=id,createdDateTime,deletedDateTime,appId")
        assert {"id", "createdDateTime"} <= set(read)
        graph.do("PATCH", path, {**read, "@odata.id": "x", "displayName": "first"})
        for name, other in (("id", MISSING), ("createdDateTime", "2020-01-01T00:00:00Z")):
            refused(graph.ask("PATCH", path, {**read, name: other, "displayName": "second"}), 400, "Request_BadRequest")
        assert graph.get(path) == {**made, "displayName": "first"}

    def test_a_grant_is_sent_back(self, graph: Graph) -> None:
        """Whose consent it is, and for what, may be said again, and not changed."""
        principal = graph.make("servicePrincipals", {"appId": graph.add_application()["appId"]})["id"]
        (resource,) = graph.ids(filtered("servicePrincipals", f"appId eq '{GRAPH}'"))
        body = {"clientId": principal, "resourceId": resource, "consentType": "AllPrincipals", "scope": "User.Read"}
        made = graph.make("oauth2PermissionGrants", body)
        del made["@odata.context"]
        path = f"oauth2PermissionGrants/{made['id']}"
        graph.do("PATCH", path, {**made, "scope": "User.Read openid"})
        for change in ({"clientId": MISSING}, {"id": MISSING}, {"consentType": "Principal"}):
            refused(graph.ask("PATCH", path, {**made, **change}), 400, "Request_BadRequest")
        assert graph.get(path).items() >= {**made, "scope": "User.Read openid"}.items()

    @pytest.mark.parametrize("kind", ["applications", "servicePrincipals", "users", "groups"])
    def test_nobody_chooses_an_id(self, graph: Graph, kind: str) -> None:
        """What is only being made has no id yet."""
        refused(graph.ask("POST", kind, {"id": MISSING, "displayName": "with an id"}), 400, "Request_BadRequest")
        assert graph.ids(filtered(kind, "displayName eq 'with an id'")) == set()

    def test_references_with_full_metadata(self, world: Simulation, graph: Graph) -> None:
        """With `odata.metadata=full` an object says its type and the reference to it, which makes it an owner."""
        headers = {"Accept": "application/json; charset=utf-8; IEEE754Compatible=false; odata.metadata=full"}
        user, group = graph.add_user()["id"], graph.add_group()["id"]
        for path, kind in (
            (f"users/{user}", "user"),
            (f"directoryObjects/{user}", "user"),
            (f"groups/{group}", "group"),
        ):
            found = graph.ask("GET", path, headers=headers).json
            assert (found["@odata.type"], found["@odata.id"]) == (
                f"#microsoft.graph.{kind}",
                f"{world.graph_url}/v1.0/directoryObjects/{found['id']}",
            )
            assert "@odata.id" not in graph.get(path)
        listed = graph.ask(
            "GET", f"users?$filter=id eq '{user}'&$select=displayName".replace(" ", "%20"), headers=headers
        )
        (one,) = listed.json["value"]
        assert set(one) == {"@odata.type", "@odata.id", "displayName"}
        graph.do("POST", f"groups/{group}/owners/$ref", {"@odata.id": one["@odata.id"]})
        assert graph.ids(f"groups/{group}/owners") == {user}

    def test_a_role_by_its_template(self, graph: Graph) -> None:
        """In the older form of the alternate key."""
        role = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
        assert graph.get(f"directoryRoles/roleTemplateId={role}") == graph.get(f"directoryRoles/{role}")

    def test_the_tenant_in_the_path(self, world: Simulation, graph: Graph) -> None:
        """Its client writes the tenant behind the version, in every request: the answers are the same."""
        own = world.first.tenant_id
        made = graph.make(f"{own}/users", user_body("with-a-tenant"))
        assert made == graph.get(f"{own.upper()}/users/{made['id']}") == graph.get(f"users/{made['id']}")
        assert graph.ask("GET", f"{own}/users/{made['id']}", version="beta").json["id"] == made["id"]
        page = graph.get(f"{own}/users?$top=1")
        following = world.ask("GET", page["@odata.nextLink"], token=world.token(world.administrator, GRAPH_AUDIENCE))
        assert following.status == 200
        group = graph.add_group()["id"]
        graph.do(
            "POST",
            f"{own}/groups/{group}/members/$ref",
            {"@odata.id": f"{world.graph_url}/v1.0/{own}/users/{made['id']}"},
        )
        assert graph.ids(f"{own}/groups/{group}/members") == {made["id"]}
        graph.do("DELETE", f"{own}/users/{made['id']}")
        for path in (own, f"{own}/", f"{own}/{own}/users", f"{own}/nothing"):
            assert graph.ask("GET", path).status == 404

    def test_another_tenant_in_the_path(self, world: Simulation, graph: Graph) -> None:
        """SEC-TENANT-2: whoever names a tenant that is not his own gets nothing, whether or not there is one."""
        made, other = graph.add_user(), world.tenant()
        answers = [
            graph.ask(method, f"{tenant}/{path}")
            for tenant in (other, MISSING)
            for method, path in (
                ("GET", "users"),
                ("DELETE", f"users/{made['id']}"),
                ("GET", "organization"),
                ("GET", "me"),
            )
        ]
        for answer in answers:
            refused(answer, 403, "Authorization_RequestDenied")
        assert graph.get(f"users/{made['id']}") == made

    def test_the_order_of_permissions(self, graph: Graph) -> None:
        """It plans a change if they do not come back in the order in which it sent them, app roles and scopes mixed."""
        wanted: list[dict[str, Any]] = [
            {"id": READ_ALL, "type": "Role"},
            {"id": READ, "type": "Scope"},
            {"id": MISSING, "type": "Role"},
        ]
        for access in (wanted, wanted[::-1], wanted[1:]):
            body = {"requiredResourceAccess": [{"resourceAppId": GRAPH, "resourceAccess": access}]}
            made = graph.add_application(**body)
            assert graph.get(f"applications/{made['id']}")["requiredResourceAccess"] == body["requiredResourceAccess"]
