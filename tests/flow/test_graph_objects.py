"""The objects of the directory API, through the flow: as `az ad` and Terraform call it, and as nobody should."""

from __future__ import annotations

import json
import secrets as chance
from urllib.parse import quote

import pytest

from strongroom.core.first_party import GRAPH
from strongroom.directory import applications
from tests.flow.graph import MISSING, Graph, filtered, group_body, refused, user_body
from tests.world import GRAPH_AUDIENCE, Principal, Simulation


@pytest.fixture
def graph(world: Simulation) -> Graph:
    """See Graph as the first application, which is a Global Administrator."""
    return Graph(world, world.administrator)


class TestApplications:
    """The rows of /applications."""

    def test_as_az_creates_one(self, graph: Graph) -> None:
        """The body of `az ad sp create-for-rbac`; 201, where it is, and what it is."""
        answer = graph.ask("POST", "applications", {"displayName": "az", "keyCredentials": []})

        assert answer.status == 201
        body = answer.json
        assert body["@odata.context"].endswith("/v1.0/$metadata#applications/$entity")
        assert answer.headers["location"].endswith(f"/v1.0/applications/{body['id']}")
        assert (body["displayName"], body["signInAudience"], body["passwordCredentials"]) == ("az", "AzureADMyOrg", [])
        assert body["id"] != body["appId"]

    def test_by_object_id_and_by_app_id(self, graph: Graph) -> None:
        """The alternate key finds the same application, its quotes encoded or not, in either version."""
        made = graph.add_application()
        for path in (
            f"applications/{made['id']}",
            f"applications/{made['id'].upper()}",
            f"applications(appId='{made['appId']}')",
            f"applications(appId=%27{made['appId']}%27)",
        ):
            assert graph.get(path)["id"] == made["id"]
        assert graph.ask("GET", f"applications/{made['id']}", version="beta").json["id"] == made["id"]

    def test_change_and_delete(self, graph: Graph) -> None:
        """PATCH changes what it names and nothing else; after DELETE there is nothing."""
        made = graph.add_application(identifierUris=["api://one"])
        graph.do("PATCH", f"applications/{made['id']}", {"displayName": "renamed"})
        found = graph.get(f"applications(appId='{made['appId']}')")
        assert (found["displayName"], found["identifierUris"]) == ("renamed", ["api://one"])

        graph.do("DELETE", f"applications(appId='{made['appId']}')")
        refused(graph.ask("GET", f"applications/{made['id']}"), 404, "Request_ResourceNotFound")

    @pytest.mark.parametrize(
        "text",
        [
            "appId eq '{appId}'",
            "displayName eq '{displayName}'",
            "displayName eq '{upper}'",
            "startswith(displayName,'{start}')",
            "startswith(displayName, '{start}') and appId eq '{appId}'",
            "identifierUris/any(s:s eq 'api://{displayName}')",
            "id eq '{id}'",
        ],
    )
    def test_filters(self, graph: Graph, text: str) -> None:
        """The filters that official clients send find the one application they mean (reference clients.md 4)."""
        name = f"it's {chance.token_hex(6)}"
        made = graph.add_application(name, identifierUris=[f"api://{name}"])
        graph.add_application()
        escaped = {
            "displayName": "it''s" + name[4:],
            "upper": "IT''S" + name[4:].upper(),
            "start": "it''s" + name[4:10],
        }
        assert graph.ids(filtered("applications", text.format(**{**made, **escaped}))) == {made["id"]}

    def test_a_filter_that_matches_nothing(self, graph: Graph) -> None:
        """An empty collection, not an error."""
        assert graph.get(filtered("applications", f"appId eq '{MISSING}'"))["value"] == []

    def test_an_identifier_uri_is_taken_once(self, graph: Graph) -> None:
        """A second application with it is refused with Graph's status."""
        graph.add_application(identifierUris=["api://taken"])
        answer = graph.ask("POST", "applications", {"displayName": "x", "identifierUris": ["api://taken"]})
        assert "identifierUris" in refused(answer, 400, "Request_BadRequest")


class TestPasswords:
    """Secrets of applications."""

    def test_the_secret_is_in_this_answer_and_nowhere_else(self, world: Simulation, graph: Graph) -> None:
        """SEC-AUDIT-7: secretText is shown once; the application shows the hint alone, the journal neither."""
        made = graph.add_application()
        wanted = {"passwordCredential": {"displayName": "rbac", "endDateTime": "2026-12-31T00:00:00Z"}}
        answer = graph.ask("POST", f"applications/{made['id']}/addPassword", wanted)

        assert answer.status == 200
        body = answer.json
        assert body["displayName"] == "rbac"
        assert body["endDateTime"] == "2026-12-31T00:00:00Z"
        assert body["secretText"].startswith(body["hint"])
        (shown,) = graph.get(f"applications/{made['id']}")["passwordCredentials"]
        assert shown == {**{key: value for key, value in body.items() if key != "@odata.context"}, "secretText": None}
        assert body["secretText"] not in json.dumps(world.entries())

    @pytest.mark.parametrize("body", [None, {}, {"passwordCredential": None}, {"passwordCredential": {}}])
    def test_without_wishes(self, graph: Graph, body: object) -> None:
        """A secret that names no end lives two years, Graph's own default."""
        made = graph.add_application()
        answer = graph.ask("POST", f"applications(appId='{made['appId']}')/addPassword", body).json
        assert answer["startDateTime"] == "2026-09-21T14:13:20Z"
        assert answer["endDateTime"] == "2028-09-20T14:13:20Z"

    def test_a_key_id_is_never_a_clients_choice(self, graph: Graph) -> None:
        """New-AzADAppCredential sends one of its own: it gets another, lest a secret's removed namesake count again."""
        made = graph.add_application()
        wanted = {"passwordCredential": {"keyId": MISSING, "startDateTime": "2026-09-21T22:13:20.1234567+08:00"}}
        answer = graph.ask("POST", f"applications/{made['id']}/microsoft.graph.addPassword", wanted)
        assert (answer.status, answer.json["startDateTime"]) == (200, "2026-09-21T14:13:20Z")
        assert answer.json["keyId"] != MISSING

    def test_a_secret_signs_in_until_it_is_removed(self, world: Simulation, graph: Graph) -> None:
        """Each of two secrets works; removing one ends it, its tokens, and nothing of the other."""
        made = graph.add_application()
        principal = graph.make("servicePrincipals", {"appId": made["appId"]})
        added = [graph.ask("POST", f"applications/{made['id']}/addPassword").json for _ in range(2)]
        callers = [Principal(principal["id"], made["appId"], made["id"], one["secretText"]) for one in added]
        tokens = [world.token(caller, GRAPH_AUDIENCE) for caller in callers]
        graph.do("POST", f"applications/{made['id']}/removePassword", {"keyId": added[0]["keyId"]})

        statuses = [graph.ask("GET", f"servicePrincipals/{principal['id']}", token=token).status for token in tokens]
        assert statuses == [401, 200]
        assert world.token(callers[1], GRAPH_AUDIENCE)

    @pytest.mark.parametrize("key_id", [MISSING, "other"])
    def test_a_secret_that_is_not_the_applications(self, graph: Graph, key_id: str) -> None:
        """A key id of another application is as unknown as a random one."""
        made, other = graph.add_application(), graph.add_application()
        if key_id == "other":
            key_id = graph.ask("POST", f"applications/{other['id']}/addPassword").json["keyId"]
        answer = graph.ask("POST", f"applications/{made['id']}/removePassword", {"keyId": key_id})
        refused(answer, 404, "Request_ResourceNotFound")

    @pytest.mark.parametrize(
        "wanted",
        [
            {"endDateTime": "2020-01-01T00:00:00Z"},
            {"startDateTime": "2026-12-01T00:00:00Z", "endDateTime": "2026-11-01T00:00:00Z"},
            {"endDateTime": "soon"},
            {"secretText": "chosen-by-the-client"},
            {"keyId": "first"},
            {"displayName": 1},
            {"unknown": "x"},
        ],
    )
    def test_a_bad_wish(self, graph: Graph, wanted: object) -> None:
        """Times that make no sense, and secrets of a client's own choosing, are refused."""
        made = graph.add_application()
        answer = graph.ask("POST", f"applications/{made['id']}/addPassword", {"passwordCredential": wanted})
        refused(answer, 400, "Request_BadRequest")
        assert graph.get(f"applications/{made['id']}")["passwordCredentials"] == []


class TestOwnPasswords:
    """Secrets of service principals, as azuread_service_principal_password makes them."""

    def test_it_signs_in_until_it_is_removed(self, world: Simulation, graph: Graph) -> None:
        """Beside those of the application, shown on its own object alone."""
        app = graph.add_application()
        made = graph.make("servicePrincipals", {"appId": app["appId"]})
        path = f"servicePrincipals/{made['id']}"
        secret = graph.ask("POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "own"}}).json
        token = world.token(Principal(made["id"], app["appId"], app["id"], secret["secretText"]), GRAPH_AUDIENCE)
        assert [one["keyId"] for one in graph.get(path)["passwordCredentials"]] == [secret["keyId"]]
        assert graph.get(f"applications/{app['id']}")["passwordCredentials"] == []
        assert graph.ask("GET", path, token=token).status == 200
        answer = graph.ask("POST", f"applications/{app['id']}/removePassword", {"keyId": secret["keyId"]})
        refused(answer, 404, "Request_ResourceNotFound")
        graph.do("POST", f"servicePrincipals(appId='{app['appId']}')/removePassword", {"keyId": secret["keyId"]})
        assert graph.ask("GET", path, token=token).status == 401

    def test_of_one_tenant_alone(self, world: Simulation, graph: Graph) -> None:
        """SEC-TENANT-2: a principal's own secret proves its application in its tenant, and nowhere else."""
        app = graph.add_application(signInAudience="AzureADMultipleOrgs")
        made = graph.make("servicePrincipals", {"appId": app["appId"]})
        secret = graph.ask("POST", f"servicePrincipals/{made['id']}/addPassword", {}).json["secretText"]
        record, other = world.view.application_by_app_id(app["appId"]), world.tenant()
        assert record is not None
        world.commit(
            lambda tx: applications.create_service_principal(
                tx, other, record, now=int(world.clock()), entropy=chance.token_bytes
            )
        )
        form = {
            "grant_type": "client_credentials",
            "client_id": app["appId"],
            "client_secret": secret,
            "scope": f"{GRAPH_AUDIENCE}/.default",
        }
        answers = [
            world.ask("POST", f"{world.login_url}/{tenant}/oauth2/v2.0/token", form=form)
            for tenant in (world.first.tenant_id, other)
        ]
        assert answers[0].status == 200
        assert answers[1].json["error_codes"] == [7000215]

    def test_some_have_none(self, graph: Graph) -> None:
        """Managed identities and Azure's own resources get no secret."""
        (identity,) = graph.ids(filtered("servicePrincipals", "servicePrincipalType eq 'ManagedIdentity'"))
        for path in (f"servicePrincipals/{identity}", f"servicePrincipals(appId='{GRAPH}')"):
            refused(graph.ask("POST", f"{path}/addPassword", {}), 400, "Request_BadRequest")


class TestServicePrincipals:
    """The rows of /servicePrincipals."""

    def test_as_az_creates_and_finds_one(self, graph: Graph) -> None:
        """POST with the app id; found by id, by app id, by alternate key, and by each of its names."""
        app = graph.add_application(identifierUris=[f"api://{chance.token_hex(4)}"])
        made = graph.make("servicePrincipals", {"appId": app["appId"], "accountEnabled": True})
        assert (made["appId"], made["appDisplayName"]) == (app["appId"], app["displayName"])
        assert made["servicePrincipalType"] == "Application"
        assert made["servicePrincipalNames"] == [app["appId"], *app["identifierUris"]]

        assert graph.get(f"servicePrincipals/{made['id']}")["id"] == made["id"]
        assert graph.get(f"servicePrincipals(appId='{app['appId']}')")["id"] == made["id"]
        for text in (
            f"appId eq '{app['appId']}'",
            *(f"servicePrincipalNames/any(c:c eq '{name}')" for name in made["servicePrincipalNames"]),
            f"displayName eq '{app['displayName']}'",
        ):
            assert graph.ids(filtered("servicePrincipals", text)) == {made["id"]}

    def test_a_second_one_is_a_conflict(self, graph: Graph) -> None:
        """409 with Graph's code, which official clients look for."""
        app = graph.add_application()
        graph.make("servicePrincipals", {"appId": app["appId"]})
        answer = graph.ask("POST", "servicePrincipals", {"appId": app["appId"]})
        assert "already in use" in refused(answer, 409, "Request_MultipleObjectsWithSameKeyValue")

    def test_an_unknown_application(self, graph: Graph) -> None:
        """There is no principal without an application."""
        answer = graph.ask("POST", "servicePrincipals", {"appId": MISSING})
        assert "does not reference a valid application object" in refused(answer, 400, "Request_BadRequest")

    def test_disabling_ends_its_tokens(self, world: Simulation, graph: Graph) -> None:
        """PATCH accountEnabled false, and a token that worked is refused."""
        app = world.principal()
        token = world.token(app, GRAPH_AUDIENCE)
        assert graph.ask("GET", f"servicePrincipals/{app.oid}", token=token).status == 200
        graph.do("PATCH", f"servicePrincipals/{app.oid}", {"accountEnabled": False})
        assert graph.ask("GET", f"servicePrincipals/{app.oid}", token=token).status == 401

    def test_deleting_ends_its_tokens(self, world: Simulation, graph: Graph) -> None:
        """A deleted principal's token is refused; its application stays."""
        app = world.principal()
        token = world.token(app, GRAPH_AUDIENCE)
        graph.do("DELETE", f"servicePrincipals(appId='{app.appid}')")
        assert graph.ask("GET", "groups", token=token).status == 401
        assert graph.get(f"applications(appId='{app.appid}')")["id"] == app.application

    def test_a_managed_identity_is_listed_and_not_deleted(self, graph: Graph) -> None:
        """Its principal is shown with its resource, and goes with that alone."""
        (found,) = graph.get(filtered("servicePrincipals", "servicePrincipalType eq 'ManagedIdentity'"))["value"]
        assert found["alternativeNames"][1].endswith("/userAssignedIdentities/default")
        refused(graph.ask("DELETE", f"servicePrincipals/{found['id']}"), 400, "Request_BadRequest")

    def test_the_app_id_does_not_change(self, graph: Graph) -> None:
        """A principal cannot be moved to another application."""
        made = graph.make("servicePrincipals", {"appId": graph.add_application()["appId"]})
        answer = graph.ask("PATCH", f"servicePrincipals/{made['id']}", {"appId": MISSING})
        refused(answer, 400, "Request_BadRequest")


class TestUsers:
    """The rows of /users."""

    def test_a_user_as_az_creates_one(self, world: Simulation, graph: Graph) -> None:
        """The password is in no answer and in no journal."""
        made = graph.add_user("alice")

        assert made["userPrincipalName"] == "alice@strongroom.localhost"
        whole = graph.ask("GET", f"users/{made['id']}", version="beta").json
        assert whole["accountEnabled"] is True
        assert "passwordProfile" not in whole
        assert "An-invented-password-1" not in json.dumps(world.entries())

    def test_what_is_told_unasked(self, graph: Graph) -> None:
        """v1.0 tells a user's default properties, wherever one is shown; beta, and `$select`, the others too."""
        default = {"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone"}
        default |= {"officeLocation", "preferredLanguage", "surname", "userPrincipalName"}
        made, group = graph.add_user(), graph.add_group()["id"]
        assert graph.join(group, made["id"]).status == 204
        one = f"users/{made['id']}"
        assert set(made) == set(graph.get(one)) == default | {"@odata.context"}
        by_ids = graph.ask("POST", "directoryObjects/getByIds", {"ids": [made["id"]]}).json
        for value in (graph.get(f"groups/{group}/members"), by_ids):
            assert [set(shown) for shown in value["value"]] == [default | {"@odata.type"}]
        (listed,) = graph.get(filtered("users", f"id eq '{made['id']}'"))["value"]
        assert set(listed) == default
        asked = "accountEnabled,createdDateTime,mailNickname,userType"
        assert set(graph.get(f"{one}?$select={asked}")) == {"@odata.context", *asked.split(",")}
        assert set(graph.ask("GET", one, version="beta").json) >= default | set(asked.split(","))

    def test_actions_by_their_qualified_names(self, graph: Graph) -> None:
        """As Azure PowerShell asks, in any case; the name of a type is another thing."""
        made, group = graph.add_user()["id"], graph.add_group()["id"]
        graph.join(group, made)
        for name in ("microsoft.graph.getByIds", "Microsoft.Graph.getbyids"):
            answer = graph.ask("POST", f"directoryObjects/{name}", {"ids": [made]})
            assert [one["id"] for one in answer.json["value"]] == [made]
        answer = graph.ask("POST", f"users/{made}/microsoft.graph.getMemberGroups", {"securityEnabledOnly": False})
        assert answer.json["value"] == [group]
        assert graph.ask("POST", f"users/{made}/microsoft.graph.user", {}).status == 404

    def test_by_id_and_by_principal_name(self, graph: Graph) -> None:
        """A user is found by either, the name in any case."""
        made = graph.add_user()
        name = made["userPrincipalName"]
        for key in (made["id"], made["id"].upper(), name, name.upper(), quote(name, safe="")):
            assert graph.get(f"users/{key}")["id"] == made["id"]
        assert graph.ids(filtered("users", f"userPrincipalName eq '{name}'")) == {made["id"]}
        assert graph.ids(filtered("users", f"startswith(userPrincipalName,'{name[:6]}')")) == {made["id"]}

    def test_change_disable_and_delete(self, graph: Graph) -> None:
        """PATCH changes what it names; null removes an optional name; after DELETE there is nobody."""
        made = graph.add_user()
        graph.do("PATCH", f"users/{made['id']}", {"givenName": "Ann", "surname": "Bee", "accountEnabled": False})
        graph.do("PATCH", f"users/{made['userPrincipalName']}", {"surname": None})
        found = graph.get(f"users/{made['id']}?$select=givenName,surname,accountEnabled")
        assert (found["givenName"], found["surname"], found["accountEnabled"]) == ("Ann", None, False)

        graph.do("DELETE", f"users/{made['id']}")
        refused(graph.ask("GET", f"users/{made['id']}"), 404, "Request_ResourceNotFound")

    def test_what_is_said_of_a_person(self, graph: Graph) -> None:
        """As azuread_user writes it: kept, found, changed one by one, and taken away by null."""
        name = f"u{chance.token_hex(4)}"
        more = {"jobTitle": "Plumber", "mail": f"{name}@mail.example", "usageLocation": "DE", "showInAddressList": True}
        made = graph.make("users", user_body(name, **more, ageGroup="", otherMails=[]))
        asked = f"users/{made['id']}?$select=jobTitle,usageLocation,department"
        found = graph.get(asked)
        assert (found["jobTitle"], found["usageLocation"], found["department"]) == ("Plumber", "DE", None)
        assert graph.ids(filtered("users", f"mail eq '{name}@mail.example'")) == {made["id"]}
        graph.do("PATCH", f"users/{made['id']}", {"jobTitle": None, "department": "Water"})
        found = graph.get(asked)
        assert (found["jobTitle"], found["usageLocation"], found["department"]) == (None, "DE", "Water")

    def test_a_new_password_is_another_credential(self, world: Simulation, graph: Graph) -> None:
        """SEC-FLOW-17: the tokens of a reset password end, since they came from a credential that is gone."""
        made = graph.add_user()
        before = {one.id for one in world.view.credentials_of(made["id"])}
        graph.do("PATCH", f"users/{made['id']}", {"passwordProfile": {"password": "Another-password-2"}})
        after = {one.id for one in world.view.credentials_of(made["id"])}
        assert len(after) == 1
        assert after != before

    @pytest.mark.parametrize(
        "changes",
        [
            {"accountEnabled": None},
            {"displayName": None},
            {"mailNickname": None},
            {"userPrincipalName": None},
            {"passwordProfile": None},
            {"displayName": ""},
            {"displayName": "x" * 257},
            {"userPrincipalName": "no-domain"},
            {"userPrincipalName": "x@elsewhere.example"},
            {"userPrincipalName": "admin@strongroom.localhost"},
            {"passwordProfile": {"password": "weak"}},
            {"passwordProfile": {"password": 1}},
            {"passwordProfile": {}},
            {"accountEnabled": "yes"},
            {"jobTitle": 1},
            {"department": "x" * 1025},
            {"ageGroup": "Adult"},
            {"showInAddressList": False},
            {"isAdmin": True},
        ],
    )
    def test_a_bad_user(self, graph: Graph, changes: dict[str, object]) -> None:
        """What is missing, malformed, taken or not understood is refused, and nobody is made."""
        name = f"u{chance.token_hex(4)}"
        refused(graph.ask("POST", "users", user_body(name, **changes)), 400, "Request_BadRequest")
        assert graph.get(filtered("users", f"mailNickname eq '{name}'"))["value"] == []

    def test_me_is_for_users(self, graph: Graph) -> None:
        """An application has no /me, in Graph's words."""
        assert "delegated" in refused(graph.ask("GET", "me"), 400, "BadRequest")


class TestGroups:
    """The rows of /groups."""

    def test_members_come_and_go(self, graph: Graph) -> None:
        """Users, principals and groups are members; each says what it is."""
        group, inner, user = graph.add_group(), graph.add_group(), graph.add_user()
        principal = graph.make("servicePrincipals", {"appId": graph.add_application()["appId"]})
        for member in (inner, user, principal):
            assert graph.join(group["id"], member["id"]).status == 204
        kinds = {one["id"]: one["@odata.type"] for one in graph.get(f"groups/{group['id']}/members")["value"]}
        assert kinds == {
            inner["id"]: "#microsoft.graph.group",
            user["id"]: "#microsoft.graph.user",
            principal["id"]: "#microsoft.graph.servicePrincipal",
        }

        graph.do("DELETE", f"groups/{group['id']}/members/{user['id']}/$ref")
        assert graph.ids(f"groups/{group['id']}/members") == {inner["id"], principal["id"]}
        answer = graph.ask("DELETE", f"groups/{group['id']}/members/{user['id']}/$ref")
        refused(answer, 404, "Request_ResourceNotFound")

    def test_members_from_the_start(self, graph: Graph) -> None:
        """members@odata.bind, as Terraform sends it; one that does not exist, and there is no group."""
        user = graph.add_user()
        reference = f"https://graph.localhost:8443/beta/directoryObjects/{user['id']}"
        made = graph.make("groups", group_body("bound", **{"members@odata.bind": [reference]}))
        assert graph.ids(f"groups/{made['id']}/members") == {user["id"]}

        missing = f"https://graph.microsoft.com/v1.0/users/{MISSING}"
        answer = graph.ask("POST", "groups", group_body("unbound", **{"members@odata.bind": [missing]}))
        refused(answer, 404, "Request_ResourceNotFound")
        assert graph.get(filtered("groups", "displayName eq 'unbound'"))["value"] == []

    def test_transitive_members_each_once(self, graph: Graph) -> None:
        """Everything inside, by whatever way, groups among them."""
        outer, left, right, user = graph.add_group(), graph.add_group(), graph.add_group(), graph.add_user()
        for group, member in ((outer, left), (outer, right), (left, user), (right, user)):
            assert graph.join(group["id"], member["id"]).status == 204
        listed = [one["id"] for one in graph.get(f"groups/{outer['id']}/transitiveMembers")["value"]]
        assert sorted(listed) == sorted({left["id"], right["id"], user["id"]})

    def test_circles_are_refused(self, graph: Graph) -> None:
        """A group is never inside itself."""
        outer, inner = graph.add_group(), graph.add_group()
        assert graph.join(outer["id"], inner["id"]).status == 204
        for group, member in ((inner, outer), (outer, outer)):
            assert "itself" in refused(graph.join(group["id"], member["id"]), 400, "Request_BadRequest")

    def test_a_second_addition(self, graph: Graph) -> None:
        """Graph's words, which official clients look for."""
        group, user = graph.add_group(), graph.add_user()
        graph.join(group["id"], user["id"])
        assert "already exist" in refused(graph.join(group["id"], user["id"]), 400, "Request_BadRequest")

    @pytest.mark.parametrize(
        "reference",
        [
            "x",
            f"/directoryObjects/{MISSING}",
            "https://graph.microsoft.com/v1.0/directoryObjects/x",
            f"https://graph.microsoft.com/v2.0/directoryObjects/{MISSING}",
            f"https://graph.microsoft.com/v1.0/applications/{MISSING}",
            f"https://graph.microsoft.com/v1.0/directoryObjects/{MISSING}/../x",
            f"https://graph.microsoft.com/v1.0/directoryObjects/{MISSING}?x=y",
        ],
    )
    def test_a_bad_reference(self, graph: Graph, reference: str) -> None:
        """Only the URL of a directory object is one."""
        answer = graph.ask("POST", f"groups/{graph.add_group()['id']}/members/$ref", {"@odata.id": reference})
        refused(answer, 400, "Request_BadRequest")

    @pytest.mark.parametrize(
        "changes",
        [
            {"displayName": None},
            {"mailNickname": None},
            {"mailEnabled": None},
            {"securityEnabled": None},
            {"mailEnabled": True},
            {"securityEnabled": False},
            {"groupTypes": ["Unified"]},
            {"owners@odata.bind": ["https://graph.microsoft.com/v1.0/users/x"]},
            {"rules": []},
        ],
    )
    def test_a_bad_group(self, graph: Graph, changes: dict[str, object]) -> None:
        """Only security groups are made, and nothing that is not understood is dropped silently."""
        refused(graph.ask("POST", "groups", group_body("bad", **changes)), 400, "Request_BadRequest")

    def test_change_and_delete(self, graph: Graph) -> None:
        """PATCH changes, null removes a description, DELETE leaves the members."""
        group, user = graph.add_group(), graph.add_user()
        graph.join(group["id"], user["id"])
        graph.do("PATCH", f"groups/{group['id']}", {"description": "why"})
        assert graph.get(f"groups/{group['id']}")["description"] == "why"
        graph.do("PATCH", f"groups/{group['id']}", {"description": None})
        assert graph.get(f"groups/{group['id']}")["description"] is None
        graph.do("DELETE", f"groups/{group['id']}")
        refused(graph.ask("GET", f"groups/{group['id']}/members"), 404, "Request_ResourceNotFound")
        assert graph.get(f"users/{user['id']}")["id"] == user["id"]


class TestDirectoryObjects:
    """The rows of /directoryObjects and memberships of any object."""

    def test_by_ids(self, graph: Graph) -> None:
        """As `az role assignment list` finds names: what is unknown is left out, `types` narrows."""
        group, user, app = graph.add_group(), graph.add_user(), graph.add_application()
        ids = [group["id"], user["id"].upper(), app["id"], MISSING]
        found = graph.ask("POST", "directoryObjects/getByIds", {"ids": ids}).json["value"]
        assert {one["id"] for one in found} == {group["id"], user["id"], app["id"]}
        narrowed = graph.ask("POST", "directoryObjects/getByIds", {"ids": ids, "types": ["user", "device"]}).json[
            "value"
        ]
        assert [one["@odata.type"] for one in narrowed] == ["#microsoft.graph.user"]
        refused(
            graph.ask("POST", "directoryObjects/getByIds", {"ids": ids, "types": ["secret"]}), 400, "Request_BadRequest"
        )

    def test_as_az_finds_names(self, graph: Graph) -> None:
        """The types that `az role assignment list` names; types of which there is nothing narrow to nothing."""
        ids = [graph.add_group()["id"], graph.add_user()["id"], graph.add_application()["id"]]
        of_az = ["user", "group", "servicePrincipal", "directoryObjectPartnerReference"]
        for types, expected in ((of_az, set(ids[:2])), (["device"], set()), (["directoryObject", "user"], set(ids))):
            found = graph.ask("POST", "directoryObjects/getByIds", {"ids": ids, "types": types}).json["value"]
            assert {one["id"] for one in found} == expected

    def test_one_of_any_kind(self, graph: Graph) -> None:
        """An object says what it is."""
        assert graph.get(f"directoryObjects/{graph.add_group()['id']}")["@odata.type"] == "#microsoft.graph.group"
        refused(graph.ask("GET", f"directoryObjects/{MISSING}"), 404, "Request_ResourceNotFound")

    def test_the_groups_of_a_member(self, graph: Graph) -> None:
        """The actions that tell memberships go through nested groups."""
        outer, inner, user = graph.add_group(), graph.add_group(), graph.add_user()
        graph.join(outer["id"], inner["id"])
        graph.join(inner["id"], user["id"])
        expected = sorted([outer["id"], inner["id"]])
        for path in (f"users/{user['id']}", f"users/{user['userPrincipalName']}", f"directoryObjects/{user['id']}"):
            for name in ("getMemberGroups", "getMemberObjects"):
                assert graph.ask("POST", f"{path}/{name}", {"securityEnabledOnly": True}).json["value"] == expected
            asked = {"groupIds": [outer["id"], MISSING]}
            assert graph.ask("POST", f"{path}/checkMemberGroups", asked).json["value"] == [outer["id"]]
