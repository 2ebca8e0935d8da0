"""What directory objects are to each other: owners, memberships, app roles, directory roles, consent."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.directory_roles import DIRECTORY_ROLES, GLOBAL_ADMINISTRATOR
from strongroom.core.first_party import FIRST_PARTY, GRAPH, KEY_VAULT
from strongroom.directory.relations import NO_ROLE
from tests.flow.graph import MISSING, Graph, filtered, group_body, refused, user_token
from tests.world import Simulation

READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"


@pytest.fixture
def graph(world: Simulation) -> Graph:
    """See Graph as the first application, which is a Global Administrator."""
    return Graph(world)


def reference(object_id: str) -> dict[str, str]:
    """Refer to an object."""
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{object_id}"}


class TestOwners:
    """Owners of applications, service principals and groups."""

    def paths(self, graph: Graph) -> list[str]:
        """Make one of each."""
        app = graph.add_application()
        principal = graph.make("servicePrincipals", {"appId": app["appId"]})
        return [
            f"applications/{app['id']}",
            f"servicePrincipals/{principal['id']}",
            f"groups/{graph.add_group()['id']}",
        ]

    def test_they_come_and_go(self, graph: Graph) -> None:
        """A user or a service principal is added once, listed on both sides, and removed once."""
        user = graph.add_user()["id"]
        principal = graph.make("servicePrincipals", {"appId": graph.add_application()["appId"]})["id"]
        for path in self.paths(graph):
            for owner in (user, principal):
                graph.do("POST", f"{path}/owners/$ref", reference(owner))
                answer = graph.ask("POST", f"{path}/owners/$ref", reference(owner))
                assert "already exist" in refused(answer, 400, "Request_BadRequest")
            assert graph.ids(f"{path}/owners") == {user, principal}
            thing = path.partition("/")[2]
            assert thing in graph.ids(f"users/{user}/ownedObjects")
            assert thing in graph.ids(f"servicePrincipals/{principal}/ownedObjects")
            graph.do("DELETE", f"{path}/owners/{user}/$ref")
            refused(graph.ask("DELETE", f"{path}/owners/{user}/$ref"), 404, "Request_ResourceNotFound")
            assert graph.ids(f"{path}/owners") == {principal}

    @pytest.mark.parametrize("start", ["v1.0/", "beta/", f"v1.0/{MISSING}/"])
    def test_how_one_is_referred_to(self, graph: Graph, start: str) -> None:
        """In either version, and as Azure CLI does, with a tenant in the path: the object is of the caller's own."""
        user, group = graph.add_user()["id"], graph.add_group()["id"]
        body = {"@odata.id": f"https://graph.microsoft.com/{start}directoryObjects/{user}"}
        graph.do("POST", f"groups/{group}/owners/$ref", body)
        assert graph.ids(f"groups/{group}/owners") == {user}

    def test_a_group_owns_nothing(self, graph: Graph) -> None:
        """Nor does an application, which is no principal, or what is not there."""
        group, app = graph.add_group()["id"], graph.add_application()["id"]
        for path in self.paths(graph):
            refused(graph.ask("POST", f"{path}/owners/$ref", reference(group)), 400, "Request_BadRequest")
            for owner in (app, MISSING):
                refused(graph.ask("POST", f"{path}/owners/$ref", reference(owner)), 404, "Request_ResourceNotFound")

    @pytest.mark.parametrize("what", ["applications", "servicePrincipals", "groups"])
    def test_from_the_start(self, graph: Graph, what: str) -> None:
        """owners@odata.bind, as Terraform sends it; one that does not exist, and nothing is made."""
        body: dict[str, object] = {"displayName": "x", "@odata.type": "#microsoft.graph.thing"}
        if what == "servicePrincipals":
            body = {"appId": graph.add_application()["appId"]}
        if what == "groups":
            body = group_body("owned")
        bad = {**body, "owners@odata.bind": [reference(MISSING)["@odata.id"]]}
        refused(graph.ask("POST", what, bad), 404, "Request_ResourceNotFound")
        user = graph.add_user()["id"]
        made = graph.make(what, {**body, "owners@odata.bind": [reference(user)["@odata.id"]]})
        assert graph.ids(f"{what}/{made['id']}/owners") == {user}

    def test_the_number_of_owners(self, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
        """An object has at most `OWNERS_PER_OBJECT`."""
        monkeypatch.setattr(limits, "OWNERS_PER_OBJECT", 2)
        path = f"groups/{graph.add_group()['id']}"
        for _ in range(2):
            graph.do("POST", f"{path}/owners/$ref", reference(graph.add_user()["id"]))
        answer = graph.ask("POST", f"{path}/owners/$ref", reference(graph.add_user()["id"]))
        refused(answer, 400, "Directory_QuotaExceeded")


class TestReferences:
    """`/$ref` behind a list or one of it: references alone, as Terraform's provider looks before it takes one away."""

    @pytest.mark.parametrize("kind", ["owner of an application", "owner of a group", "member", "holder of a role"])
    def test_all_and_one(self, world: Simulation, graph: Graph, kind: str) -> None:
        """A reference leads to the object, and can be sent back; who is not among them has none there."""
        user, other = graph.add_user()["id"], graph.add_user()["id"]
        path = {
            "owner of an application": f"applications/{graph.add_application()['id']}/owners",
            "owner of a group": f"groups/{graph.add_group()['id']}/owners",
            "member": f"groups/{graph.add_group()['id']}/members",
            "holder of a role": f"directoryRoles/{READER}/members",
        }[kind]
        graph.do("POST", f"{path}/$ref", reference(user))
        wanted = f"{world.graph_url}/v1.0/directoryObjects/{user}"
        listed = graph.get(f"{path}/$ref")
        assert listed["@odata.context"].endswith("/v1.0/$metadata#Collection($ref)")
        assert {"@odata.id": wanted} in listed["value"]
        for query in ("", "?$select=id,url"):
            one = graph.get(f"{path}/{user.upper()}/$ref{query}")
            assert one == {"@odata.context": f"{world.graph_url}/v1.0/$metadata#$ref", "@odata.id": wanted}
        refused(graph.ask("GET", f"{path}/{other}/$ref"), 404, "Request_ResourceNotFound")
        refused(graph.ask("GET", f"{path}/{user}/$ref?$expand=x"), 400, "Request_UnsupportedQuery")
        graph.do("DELETE", f"{path}/{user}/$ref")
        refused(graph.ask("GET", f"{path}/{user}/$ref"), 404, "Request_ResourceNotFound")
        graph.do("POST", f"groups/{graph.add_group()['id']}/members/$ref", {"@odata.id": one["@odata.id"]})


class TestMemberships:
    """The groups that something is in."""

    def test_directly_and_not(self, world: Simulation, graph: Graph) -> None:
        """MemberOf has the direct ones, transitiveMemberOf all, of a user, a group, a principal, and me."""
        outer, inner, user = graph.add_group()["id"], graph.add_group()["id"], graph.add_user()["id"]
        principal = graph.make("servicePrincipals", {"appId": graph.add_application()["appId"]})["id"]
        for group, member in ((outer, inner), (inner, user), (inner, principal)):
            assert graph.join(group, member).status == 204
        for path in (f"users/{user}", f"servicePrincipals/{principal}"):
            assert graph.ids(f"{path}/memberOf") == {inner}
            assert graph.ids(f"{path}/transitiveMemberOf") == {inner, outer}
        assert graph.ids(f"groups/{inner}/memberOf") == graph.ids(f"groups/{inner}/transitiveMemberOf") == {outer}
        me = Graph(world, token=user_token(world, user))
        assert me.ids("me/memberOf") == {inner}
        assert me.ids("me/transitiveMemberOf") == {inner, outer}
        assert me.get("me")["id"] == user
        assert set(me.ask("POST", "me/getMemberGroups", {}).json["value"]) == {inner, outer}
        assert me.ask("POST", "me/checkMemberGroups", {"groupIds": [outer, MISSING]}).json["value"] == [outer]


class TestAppRoles:
    """App role assignments."""

    ROLE = "40000000-0000-4000-8000-000000000004"

    def resource(self, graph: Graph, *members: str, enabled: bool = True) -> str:
        """Make a service principal whose application has one role for these kinds of member."""
        role = {
            "id": self.ROLE,
            "value": "R",
            "displayName": "R",
            "description": "R",
            "isEnabled": enabled,
            "allowedMemberTypes": list(members),
        }
        app = graph.add_application(appRoles=[role])
        made: str = graph.make("servicePrincipals", {"appId": app["appId"]})["id"]
        return made

    def test_as_terraform_assigns_one(self, graph: Graph) -> None:
        """From either side; each side lists it, finds it, and takes it away."""
        resource = self.resource(graph, "User", "Application")
        members = {
            "users": graph.add_user(),
            "groups": graph.add_group(),
            "servicePrincipals": graph.make("servicePrincipals", {"appId": graph.add_application()["appId"]}),
        }
        kinds = {"users": "User", "groups": "Group", "servicePrincipals": "ServicePrincipal"}
        for kind, member in members.items():
            body = {"principalId": member["id"], "resourceId": resource, "appRoleId": self.ROLE}
            held, given = f"{kind}/{member['id']}/appRoleAssignments", f"servicePrincipals/{resource}/appRoleAssignedTo"
            for make, take in ((held, given), (given, held)):
                made = graph.make(make, body)
                assert made.items() >= {**body, "principalType": kinds[kind]}.items()
                assert made["principalDisplayName"] == member["displayName"]
                for path in (held, given):
                    assert graph.get(f"{path}/{made['id']}")["id"] == made["id"]
                    assert graph.ids(filtered(path, f"principalId eq {member['id']}")) == {made["id"]}
                refused(graph.ask("POST", make, body), 400, "Request_BadRequest")
                graph.do("DELETE", f"{take}/{made['id']}")
                refused(graph.ask("DELETE", f"{take}/{made['id']}"), 404, "Request_ResourceNotFound")

    @pytest.mark.parametrize("case", ["unknown", "disabled", "not for users"])
    def test_a_role_that_is_not_to_be_had(self, graph: Graph, case: str) -> None:
        """Only an enabled role, for this kind of principal, of this resource."""
        members = ("Application",) if case == "not for users" else ("User",)
        resource, user = self.resource(graph, *members, enabled=case != "disabled"), graph.add_user()["id"]
        role = MISSING if case == "unknown" else self.ROLE
        body = {"principalId": user, "resourceId": resource, "appRoleId": role}
        answer = graph.ask("POST", f"users/{user}/appRoleAssignments", body)
        assert "was not found on application" in refused(answer, 400, "Request_BadRequest")

    def test_body_and_path_agree(self, graph: Graph) -> None:
        """An assignment is of what the path names."""
        resource, user, other = self.resource(graph, "User"), graph.add_user()["id"], graph.add_user()["id"]
        body = {"principalId": other, "resourceId": resource, "appRoleId": self.ROLE}
        refused(graph.ask("POST", f"users/{user}/appRoleAssignments", body), 400, "Request_BadRequest")
        body = {"principalId": other, "resourceId": MISSING, "appRoleId": self.ROLE}
        refused(graph.ask("POST", f"servicePrincipals/{resource}/appRoleAssignedTo", body), 400, "Request_BadRequest")
        refused(graph.ask("POST", f"users/{other}/appRoleAssignments", body), 404, "Request_ResourceNotFound")

    def test_the_number_of_assignments(self, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
        """A principal has at most `APP_ROLES_PER_PRINCIPAL`."""
        monkeypatch.setattr(limits, "APP_ROLES_PER_PRINCIPAL", 2)
        user = graph.add_user()["id"]
        resources = [self.resource(graph, "User") for _ in range(3)]
        bodies = [{"principalId": user, "resourceId": one, "appRoleId": NO_ROLE} for one in resources]
        for body in bodies[:2]:
            graph.make(f"users/{user}/appRoleAssignments", body)
        answer = graph.ask("POST", f"users/{user}/appRoleAssignments", bodies[2])
        refused(answer, 400, "Directory_QuotaExceeded")


class TestFirstParty:
    """The service principals of Azure's own resources."""

    @pytest.mark.parametrize("app_id", FIRST_PARTY)
    def test_every_tenant_has_them(self, graph: Graph, app_id: str) -> None:
        """Found as clients find them, with what they offer."""
        (found,) = graph.get(filtered("servicePrincipals", f"appId eq '{app_id}'"))["value"]
        party = FIRST_PARTY[app_id]
        assert (found["displayName"], found["appDisplayName"]) == (party.display_name, party.display_name)
        assert [one["value"] for one in found["appRoles"]] == [role.value for role in party.app_roles]
        assert [one["value"] for one in found["oauth2PermissionScopes"]] == [scope.value for scope in party.scopes]
        named = graph.get(filtered("servicePrincipals", f"servicePrincipalNames/any(c:c eq '{party.names[0]}')"))
        assert [one["id"] for one in named["value"]] == [found["id"]]

    def test_nobody_deletes_or_doubles_them(self, graph: Graph) -> None:
        """They are the tenant's, and there is no application to add a secret to."""
        refused(graph.ask("DELETE", f"servicePrincipals(appId='{GRAPH}')"), 400, "Request_BadRequest")
        answer = graph.ask("POST", "servicePrincipals", {"appId": GRAPH})
        refused(answer, 409, "Request_MultipleObjectsWithSameKeyValue")
        refused(graph.ask("GET", f"applications(appId='{GRAPH}')"), 404, "Request_ResourceNotFound")

    def test_an_older_tenant_makes_its_own(self, world: Simulation, graph: Graph) -> None:
        """A tenant that was made without them gets one as any other principal is made."""
        found = world.view.service_principal_by_app_id(world.first.tenant_id, KEY_VAULT)
        assert found is not None
        world.commit(lambda tx: tx.remove(found))
        made = graph.make("servicePrincipals", {"appId": KEY_VAULT})
        assert made["displayName"] == "Azure Key Vault"

    @pytest.mark.parametrize("app_id", FIRST_PARTY)
    def test_nobody_signs_in_as_one(self, world: Simulation, app_id: str) -> None:
        """AADSTS700016, as for a client that is not there."""
        form = {
            "grant_type": "client_credentials",
            "client_id": app_id,
            "client_secret": "x",
            "scope": "https://vault.azure.net/.default",
        }
        url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
        assert world.ask("POST", url, form=form).json["error_codes"] == [700016]


class TestDirectoryRoles:
    """Directory roles, in both of Graph's forms."""

    def test_every_role_is_active_under_its_template(self, graph: Graph) -> None:
        """The three lists are the closed table."""
        for path in ("directoryRoles", "directoryRoleTemplates", "roleManagement/directory/roleDefinitions"):
            shown = {one["id"]: one["displayName"] for one in graph.get(path)["value"]}
            assert shown == {id_: role.name for id_, role in DIRECTORY_ROLES.items()}
            assert graph.ids(filtered(path, "displayName eq 'global reader'")) == {READER}
            assert graph.get(f"{path}/{READER.upper()}")["id"] == READER
            refused(graph.ask("GET", f"{path}/{MISSING}"), 404, "Request_ResourceNotFound")

    def test_activating_one(self, graph: Graph) -> None:
        """Terraform goes on where a role is active already; there is no other."""
        answer = graph.ask("POST", "directoryRoles", {"roleTemplateId": READER})
        assert "conflicting object" in refused(answer, 400, "Request_BadRequest")
        answer = graph.ask("POST", "directoryRoles", {"roleTemplateId": MISSING})
        assert "does not exist" in refused(answer, 400, "Request_BadRequest")

    def test_given_in_one_form_and_taken_in_the_other(self, world: Simulation, graph: Graph) -> None:
        """It is one assignment, whichever form gave it."""
        user = graph.add_user()["id"]
        body = {"roleDefinitionId": READER, "principalId": user, "directoryScopeId": "/"}
        assignments = "roleManagement/directory/roleAssignments"
        made = graph.make(assignments, body)
        assert made.items() >= body.items()
        assert graph.get(f"{assignments}/{made['id']}")["principalId"] == user
        assert graph.ids(filtered(assignments, f"principalId eq '{user}'")) == {made["id"]}
        assert user in graph.ids(f"directoryRoles/{READER}/members")
        assert user in graph.ids(f"directoryRoles(roleTemplateId='{READER}')/members")
        assert world.view.directory_roles_of(world.first.tenant_id, user) == {READER}
        refused(graph.ask("POST", assignments, body), 409, "Request_BadRequest")
        graph.do("DELETE", f"directoryRoles/{READER}/members/{user}/$ref")
        refused(graph.ask("DELETE", f"{assignments}/{made['id']}"), 404, "Request_ResourceNotFound")
        assert world.view.directory_roles_of(world.first.tenant_id, user) == frozenset()

        graph.give_role(user, READER)
        graph.do("DELETE", f"{assignments}/{made['id']}")
        refused(graph.ask("DELETE", f"directoryRoles/{READER}/members/{user}/$ref"), 404, "Request_ResourceNotFound")

    @pytest.mark.parametrize(
        "changes",
        [
            {"roleDefinitionId": MISSING},
            {"directoryScopeId": f"/{MISSING}"},
            {"directoryScopeId": "/administrativeUnits/x"},
            {"appScopeId": "/"},
            {"condition": "x"},
            {"principalId": "x"},
        ],
    )
    def test_a_bad_assignment(self, world: Simulation, graph: Graph, changes: dict[str, str]) -> None:
        """A role that there is, over the whole directory, and nothing narrower that would be wider here."""
        user = graph.add_user()["id"]
        body = {"roleDefinitionId": READER, "principalId": user, "directoryScopeId": "/", **changes}
        answer = graph.ask("POST", "roleManagement/directory/roleAssignments", body)
        refused(answer, 400, "Request_BadRequest")
        assert world.view.directory_roles_of(world.first.tenant_id, user) == frozenset()

    def test_a_role_works_at_once(self, world: Simulation, graph: Graph) -> None:
        """A token from before has it, and from before its end has it no more."""
        who = world.principal()
        theirs = Graph(world, who)
        assert theirs.ask("GET", "users").status == 403
        graph.give_role(who.oid, READER)
        assert theirs.ask("GET", "users").status == 200
        graph.do("DELETE", f"directoryRoles/{READER}/members/{who.oid}/$ref")
        assert theirs.ask("GET", "users").status == 403


class TestConsent:
    """/oauth2PermissionGrants."""

    def body(self, graph: Graph, **changes: object) -> dict[str, Any]:
        """Say what `az ad app permission grant` says."""
        client = graph.make("servicePrincipals", {"appId": graph.add_application()["appId"]})["id"]
        (resource,) = graph.ids(filtered("servicePrincipals", f"appId eq '{GRAPH}'"))
        return {
            "clientId": client,
            "consentType": "AllPrincipals",
            "principalId": None,
            "resourceId": resource,
            "scope": "User.Read openid",
            **changes,
        }

    def test_as_az_grants(self, graph: Graph) -> None:
        """Found by client; replaced by PATCH; a second one is a conflict; taken back."""
        body = self.body(graph)
        made = graph.make("oauth2PermissionGrants", {**body, "expiryTime": "", "startTime": ""})
        path = f"oauth2PermissionGrants/{made['id']}"
        assert made.items() >= body.items()
        text = "clientId eq '{clientId}' and consentType eq 'AllPrincipals' and resourceId eq '{resourceId}'".format(
            **body
        )
        assert graph.ids(filtered("oauth2PermissionGrants", text)) == {made["id"]}
        assert graph.ids(f"servicePrincipals/{body['clientId']}/oauth2PermissionGrants") == {made["id"]}
        refused(graph.ask("POST", "oauth2PermissionGrants", body), 409, "Request_MultipleObjectsWithSameKeyValue")
        graph.do("PATCH", path, {"scope": " openid  openid profile"})
        assert graph.get(path)["scope"] == "openid profile"
        graph.do("DELETE", path)
        refused(graph.ask("GET", path), 404, "Request_ResourceNotFound")
        graph.make("oauth2PermissionGrants", body)

    def test_of_one_user(self, world: Simulation, graph: Graph) -> None:
        """Beside the one for all, and seen by the user."""
        user = graph.add_user()["id"]
        body = self.body(graph)
        graph.make("oauth2PermissionGrants", body)
        made = graph.make("oauth2PermissionGrants", {**body, "consentType": "Principal", "principalId": user})
        assert graph.ids(f"users/{user}/oauth2PermissionGrants") == {made["id"]}
        assert Graph(world, token=user_token(world, user)).ids("me/oauth2PermissionGrants") == {made["id"]}

    @pytest.mark.parametrize(
        "changes",
        [
            {"consentType": "Principal"},
            {"principalId": MISSING},
            {"consentType": "Everybody"},
            {"scope": None},
            {"clientId": "x"},
        ],
    )
    def test_a_bad_grant(self, graph: Graph, changes: dict[str, object]) -> None:
        """It is for one or for all."""
        answer = graph.ask("POST", "oauth2PermissionGrants", self.body(graph, **changes))
        refused(answer, 400, "Request_BadRequest")

    @pytest.mark.parametrize("name", ["clientId", "resourceId", "principalId"])
    def test_what_is_not_there(self, graph: Graph, name: str) -> None:
        """A grant is between what there is."""
        changes: dict[str, object] = {name: MISSING}
        if name == "principalId":
            changes["consentType"] = "Principal"
        answer = graph.ask("POST", "oauth2PermissionGrants", self.body(graph, **changes))
        refused(answer, 404, "Request_ResourceNotFound")

    def test_the_longest_scope(self, graph: Graph) -> None:
        """A grant's scope has at most `GRANT_SCOPE_CHARS` characters."""
        longest = "x" * limits.GRANT_SCOPE_CHARS
        assert graph.make("oauth2PermissionGrants", self.body(graph, scope=longest))["scope"] == longest
        answer = graph.ask("POST", "oauth2PermissionGrants", self.body(graph, scope=f"{longest}x"))
        refused(answer, 400, "Request_BadRequest")


def test_the_tenant_and_its_domains(world: Simulation, graph: Graph) -> None:
    """As azuread reads them: the tenant under its id, its domains by name, the first the default."""
    (found,) = graph.get("organization")["value"]
    assert found["id"] == world.first.tenant_id
    assert graph.get(f"organization/{found['id']}")["verifiedDomains"] == found["verifiedDomains"]
    (domain,) = graph.get("domains")["value"]
    assert (domain["id"], domain["isDefault"], domain["isVerified"]) == ("strongroom.localhost", True, True)
    assert graph.get("domains/STRONGROOM.localhost")["id"] == domain["id"]
    refused(graph.ask("GET", "domains/elsewhere.example"), 404, "Request_ResourceNotFound")
    refused(graph.ask("GET", f"organization/{MISSING}"), 404, "Request_ResourceNotFound")


def test_a_role_is_no_members_right_over_others(world: Simulation, graph: Graph) -> None:
    """A user of the directory reads who administers it, and changes nothing of that."""
    theirs = Graph(world, token=user_token(world, graph.add_user()["id"]))
    assert theirs.ask("GET", f"directoryRoles/{GLOBAL_ADMINISTRATOR}/members").status == 200
    answer = theirs.ask("POST", f"directoryRoles/{READER}/members/$ref", reference(MISSING))
    refused(answer, 403, "Authorization_RequestDenied")
