"""Who may do what in a directory: roles, application permissions, ownership, and nobody above himself."""

from __future__ import annotations

import json

import jwt
import pytest

from strongroom.core.directory_roles import APPLICATION_PERMISSIONS, DIRECTORY_ROLES, GLOBAL_ADMINISTRATOR
from strongroom.core.errors import Denied
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.oauth import issuer_v1
from strongroom.core.permissions import DirectoryPermission
from strongroom.directory import roles
from strongroom.flow.authorization import permit
from strongroom.flow.operation import Op, Target
from strongroom.graph.operations import OPERATIONS
from tests.flow.graph import MISSING, Graph, filtered, group_body, refused, user_body, user_token
from tests.flow.test_rights_lost_meanwhile import request
from tests.world import GRAPH_AUDIENCE, Answer, Simulation

ROWS = [pytest.param(op, id=op.name) for op in OPERATIONS if isinstance(op.requires, DirectoryPermission)]
ROLES = {role.name: id_ for id_, role in DIRECTORY_ROLES.items()}
PERMISSIONS = {one.name: id_ for id_, one in APPLICATION_PERMISSIONS.items()}
OWNED = "Application.ReadWrite.OwnedBy"
NAMES = ("id", "app_id", "client_id")
NOBODY = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def admin(world: Simulation) -> Graph:
    """See Graph as a Global Administrator."""
    return Graph(world)


def denied(answer: Answer) -> None:
    """Check that somebody has not the right, in Graph's words, which say nothing."""
    message = refused(answer, 403, "Authorization_RequestDenied")
    assert message == "Insufficient privileges to complete the operation."


def caller(world: Simulation, roles: frozenset[str], permissions: frozenset[str]) -> Caller:
    """Make a service principal's evidence with these rights and no others."""
    tenant = world.first.tenant_id
    return Caller(
        tenant=tenant,
        oid=MISSING,
        appid=MISSING,
        kind=PrincipalType.SERVICE_PRINCIPAL,
        issuer=issuer_v1(tenant),
        groups=frozenset(),
        credential="c",
        token_id="t",
        directory_roles=roles,
        app_permissions=permissions,
    )


def may(world: Simulation, op: Op, roles: frozenset[str], permissions: frozenset[str]) -> bool:
    """Ask authorization itself, about an object that is not there."""
    named = {name: NOBODY for name in NAMES if f"{{{name}}}" in op.path}
    target = Target("/", named)
    try:
        permit(world.world, caller(world, roles, permissions), op, target, None, None)
    except Denied:
        return False
    return True


@pytest.mark.parametrize("op", ROWS)
def test_roles_and_permissions_give_what_their_table_says(world: Simulation, op: Op) -> None:
    """Each row is allowed to each role and permission that gives what it requires, and to no other."""
    right = op.requires
    assert isinstance(right, DirectoryPermission)
    for id_, role in DIRECTORY_ROLES.items():
        assert may(world, op, frozenset({id_}), frozenset()) is (right.name in role.gives), role.name
    # What is made new may be one's own; what is there is somebody else's.
    is_own = right.owned and not any(f"{{{name}}}" in op.path for name in NAMES)
    for id_, one in APPLICATION_PERMISSIONS.items():
        expected = right.name in one.gives or (is_own and OWNED in one.gives)
        assert may(world, op, frozenset(), frozenset({id_})) is expected, one.name


class TestApplicationPermissions:
    """App roles of Microsoft Graph."""

    def test_a_principal_with_it_reads_the_directory(self, world: Simulation, admin: Graph) -> None:
        """Directory.Read.All lets a service principal read and not write; it is named in token and journal."""
        who = world.principal()
        graph = Graph(world, who)
        denied(graph.ask("GET", "users"))
        admin.give_permission(who.oid, "Directory.Read.All")
        assert graph.ask("GET", "users").status == 200
        assert world.entries()[-1]["properties"]["appliedAssignmentId"] == "Directory.Read.All"
        denied(graph.ask("POST", "groups", group_body("x")))
        claims = jwt.decode(world.token(who, GRAPH_AUDIENCE), options={"verify_signature": False})
        assert claims["roles"] == ["Directory.Read.All"]
        assert "roles" not in jwt.decode(world.token(who), options={"verify_signature": False})

    def test_what_is_taken_away_is_gone_at_once(self, world: Simulation, admin: Graph) -> None:
        """The token still says so, and the directory no longer does."""
        who = world.principal()
        given = admin.give_permission(who.oid, "User.Read.All")
        graph = Graph(world, who)
        assert graph.ask("GET", "users").status == 200
        admin.do("DELETE", f"servicePrincipals/{who.oid}/appRoleAssignments/{given['id']}")
        denied(graph.ask("GET", "users"))

    def test_it_is_graphs_own(self, world: Simulation, admin: Graph) -> None:
        """A role of another application gives nothing here, whatever its id and value."""
        who = world.principal()
        role = {
            "id": PERMISSIONS["Directory.ReadWrite.All"],
            "value": "Directory.ReadWrite.All",
            "displayName": "x",
            "description": "x",
            "allowedMemberTypes": ["Application"],
        }
        app = admin.add_application(appRoles=[role])
        resource = admin.make("servicePrincipals", {"appId": app["appId"]})
        body = {"principalId": who.oid, "resourceId": resource["id"], "appRoleId": role["id"]}
        admin.make(f"servicePrincipals/{who.oid}/appRoleAssignments", body)
        denied(Graph(world, who).ask("GET", "users"))

    def test_a_group_passes_none_on(self, world: Simulation, admin: Graph) -> None:
        """Neither roles nor permissions of a directory come by way of a group."""
        group = admin.add_group()
        answer = admin.ask(
            "POST",
            f"directoryRoles/{GLOBAL_ADMINISTRATOR}/members/$ref",
            {"@odata.id": f"https://graph.microsoft.com/v1.0/groups/{group['id']}"},
        )
        refused(answer, 400, "Request_BadRequest")
        (resource,) = (
            one for one in admin.get("servicePrincipals?$top=999")["value"] if one["displayName"] == "Microsoft Graph"
        )
        body = {
            "principalId": group["id"],
            "resourceId": resource["id"],
            "appRoleId": PERMISSIONS["Directory.Read.All"],
        }
        refused(admin.ask("POST", f"groups/{group['id']}/appRoleAssignments", body), 400, "Request_BadRequest")


class TestOwners:
    """SEC-TENANT-7: owners."""

    @pytest.fixture(params=["service principal", "user"])
    def owner(self, world: Simulation, admin: Graph, request: pytest.FixtureRequest) -> tuple[str, Graph]:
        """Make somebody without any right, and see Graph as it does."""
        if request.param == "user":
            user = admin.add_user()["id"]
            return user, Graph(world, token=user_token(world, user))
        who = world.principal("owner")
        return who.oid, Graph(world, who)

    def test_an_owner_manages_the_credentials(self, world: Simulation, admin: Graph, owner: tuple[str, Graph]) -> None:
        """SEC-TENANT-7: until it is owner no more; the journal says by what right."""
        oid, graph = owner
        app = admin.add_application()
        path = f"applications/{app['id']}"
        denied(graph.ask("POST", f"{path}/addPassword", {}))
        admin.give_owner(path, oid)
        for key in (path, f"applications(appId='{app['appId']}')"):
            answer = graph.ask("POST", f"{key}/addPassword", {})
            assert answer.status == 200, answer.body
            assert world.entries()[-1]["properties"]["appliedAssignmentId"] == f"owner/{app['id']}"
            graph.do("POST", f"{key}/removePassword", {"keyId": answer.json["keyId"]})
        admin.do("DELETE", f"{path}/owners/{oid}/$ref")
        denied(graph.ask("POST", f"{path}/addPassword", {}))

    @pytest.mark.parametrize(
        "dates",
        [
            {"startDateTime": "0001-01-01T00:00:00+14:00", "endDateTime": "2030-01-01T00:00:00Z"},
            {"endDateTime": "9999-12-31T23:59:59-14:00"},
            {"startDateTime": "9999-06-01T00:00:00Z"},
        ],
    )
    def test_a_date_that_no_calendar_has(self, admin: Graph, owner: tuple[str, Graph], dates: dict[str, str]) -> None:
        """Refused before it is kept: whoever lists the applications would have to show it."""
        made = admin.add_application()
        admin.give_owner(f"applications/{made['id']}", owner[0])
        answer = owner[1].ask("POST", f"applications/{made['id']}/addPassword", {"passwordCredential": dates})
        refused(answer, 400, "Request_BadRequest")
        assert admin.get(f"applications/{made['id']}")["passwordCredentials"] == []

    def test_an_owner_does_nothing_else(self, admin: Graph, owner: tuple[str, Graph]) -> None:
        """SEC-TENANT-7: not rename, not delete, not make owners, not assign; nor join the group it owns."""
        oid, graph = owner
        app, group, other = admin.add_application(), admin.add_group(), admin.add_application()
        principal = admin.make("servicePrincipals", {"appId": app["appId"]})
        paths = (f"applications/{app['id']}", f"servicePrincipals/{principal['id']}", f"groups/{group['id']}")
        reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{oid}"}
        for path in paths:
            admin.give_owner(path, oid)
            denied(graph.ask("PATCH", path, {"displayName": "mine"}))
            denied(graph.ask("DELETE", path))
            denied(graph.ask("POST", f"{path}/owners/$ref", reference))
            denied(graph.ask("DELETE", f"{path}/owners/{oid}/$ref"))
        denied(graph.ask("POST", f"groups/{group['id']}/members/$ref", reference))
        denied(graph.ask("POST", f"applications/{other['id']}/addPassword", {}))
        body = {"principalId": oid, "resourceId": principal["id"], "appRoleId": "0" * 8 + "-0000-0000-0000-" + "0" * 12}
        denied(graph.ask("POST", f"servicePrincipals/{principal['id']}/appRoleAssignedTo", body))

    def test_an_owner_is_not_raised(self, world: Simulation, admin: Graph, owner: tuple[str, Graph]) -> None:
        """SEC-TENANT-6, SEC-TENANT-7: who owns an application with more rights adds no secret to act as it."""
        oid, graph = owner
        strong = world.principal("strong")
        path = f"applications/{strong.application}"
        admin.give_owner(path, oid)
        assert graph.ask("POST", f"{path}/addPassword", {}).status == 200
        given = admin.give_permission(strong.oid, "Group.ReadWrite.All")
        before = world.view.credentials_of(strong.application)
        denied(graph.ask("POST", f"{path}/addPassword", {}))
        denied(graph.ask("POST", f"applications(appId='{strong.appid}')/removePassword", {"keyId": strong.key_id}))
        assert world.view.credentials_of(strong.application) == before
        admin.do("DELETE", f"servicePrincipals/{strong.oid}/appRoleAssignments/{given['id']}")
        assert graph.ask("POST", f"{path}/addPassword", {}).status == 200


class TestOwnApplications:
    """Application.ReadWrite.OwnedBy, as Terraform's own application has it."""

    @pytest.fixture
    def graph(self, world: Simulation, admin: Graph) -> Graph:
        """See Graph as an application that may have its own."""
        who = world.principal("terraform")
        admin.give_permission(who.oid, OWNED)
        return Graph(world, who)

    def test_it_manages_what_it_makes(self, graph: Graph) -> None:
        """It owns what it makes, and changes and deletes that."""
        app = graph.add_application()
        principal = graph.make("servicePrincipals", {"appId": app["appId"]})
        assert graph.ask("POST", f"applications/{app['id']}/addPassword", {}).status == 200
        for path in (f"servicePrincipals/{principal['id']}", f"applications/{app['id']}"):
            assert len(graph.get(f"{path}/owners")["value"]) == 1
            graph.do("PATCH", path, {"tags": ["x"]})
            graph.do("DELETE", path)

    def test_it_manages_nothing_else(self, world: Simulation, admin: Graph, graph: Graph) -> None:
        """What others own is theirs, and so is the principal of their application."""
        app = admin.add_application()
        denied(graph.ask("PATCH", f"applications/{app['id']}", {"displayName": "mine"}))
        denied(graph.ask("DELETE", f"applications/{app['id']}"))
        denied(graph.ask("POST", f"applications/{app['id']}/addPassword", {}))
        denied(graph.ask("POST", "servicePrincipals", {"appId": app["appId"]}))
        assert world.view.service_principal_by_app_id(world.first.tenant_id, app["appId"]) is None
        denied(graph.ask("POST", "users", user_body("nobody")))

    def test_which_applications_other_tenants_have_is_not_told(self, world: Simulation, graph: Graph) -> None:
        """One of another tenant, for itself alone, is like one that nobody has."""
        foreign = world.principal("foreign", tenant=world.tenant())
        answers = [graph.ask("POST", "servicePrincipals", {"appId": one}) for one in (foreign.appid, NOBODY)]
        for answer in answers:
            refused(answer, 400, "Request_BadRequest")

    def test_a_user_owns_what_it_makes(self, world: Simulation, admin: Graph) -> None:
        """So does an administrator among the users."""
        user = admin.add_user()["id"]
        admin.give_role(user, ROLES["Application Administrator"])
        graph = Graph(world, token=user_token(world, user))
        app = graph.add_application()
        assert graph.ids(f"applications/{app['id']}/owners") == {user}
        assert app["id"] in graph.ids("me/ownedObjects")
        assert admin.ids(f"users/{user}/ownedObjects") == {app["id"]}


class TestPower:
    """Nobody raises anybody above himself."""

    def role(self, world: Simulation, admin: Graph, name: str) -> Graph:
        """See Graph as a principal with one role."""
        who = world.principal(name)
        admin.give_role(who.oid, ROLES[name])
        return Graph(world, who)

    def test_an_application_administrator_adds_no_secret_to_an_administrator(
        self, world: Simulation, admin: Graph
    ) -> None:
        """SEC-TENANT-6: the first application's credentials, names and principal are out of its reach."""
        graph = self.role(world, admin, "Application Administrator")
        first = world.administrator
        before = world.view.credentials_of(first.application)
        for path in (f"applications/{first.application}", f"applications(appId='{first.appid}')"):
            denied(graph.ask("POST", f"{path}/addPassword", {}))
            denied(graph.ask("PATCH", path, {"displayName": "mine"}))
            denied(graph.ask("DELETE", path))
            denied(graph.ask("POST", f"{path}/owners/$ref", {"@odata.id": f"https://x/v1.0/users/{MISSING}"}))
        denied(graph.ask("PATCH", f"servicePrincipals/{first.oid}", {"accountEnabled": False}))
        assert world.view.credentials_of(first.application) == before
        other = admin.add_application()
        assert graph.ask("POST", f"applications/{other['id']}/addPassword", {}).status == 200

    def test_a_user_administrator_does_not_become_an_administrator(self, world: Simulation, admin: Graph) -> None:
        """SEC-TENANT-6: an administrator's password is reset by one of the same power, and nobody below."""
        graph = self.role(world, admin, "User Administrator")
        strong, plain = admin.add_user(), admin.add_user()
        admin.give_role(strong["id"], ROLES["Application Administrator"])
        profile = {"passwordProfile": {"password": "Another-password-2"}}
        before = world.view.credentials_of(strong["id"])
        for key in (strong["id"], strong["userPrincipalName"]):
            denied(graph.ask("PATCH", f"users/{key}", profile))
            denied(graph.ask("DELETE", f"users/{key}"))
        assert world.view.credentials_of(strong["id"]) == before
        graph.do("PATCH", f"users/{plain['id']}", profile)
        graph.do("DELETE", f"users/{plain['userPrincipalName']}")

    def test_no_permission_is_given_that_the_giver_lacks(self, world: Simulation, admin: Graph) -> None:
        """An application administrator gives what it has itself, and not the right to assign roles."""
        graph = self.role(world, admin, "Application Administrator")
        who = world.principal()
        (resource,) = (
            one for one in admin.get("servicePrincipals?$top=999")["value"] if one["displayName"] == "Microsoft Graph"
        )
        for name, status in (
            ("RoleManagement.ReadWrite.Directory", 403),
            ("User.ReadWrite.All", 403),
            ("Application.Read.All", 201),
        ):
            body = {"principalId": who.oid, "resourceId": resource["id"], "appRoleId": PERMISSIONS[name]}
            for path in (f"servicePrincipals/{resource['id']}/appRoleAssignedTo",):
                assert graph.ask("POST", path, body).status == status, name
        assert world.view.app_permissions_of(world.first.tenant_id, who.oid) == {PERMISSIONS["Application.Read.All"]}

    def test_who_assigns_roles_may_assign_any(self, world: Simulation, admin: Graph) -> None:
        """A Privileged Role Administrator is as powerful as it could make itself, so it may make administrators."""
        graph = self.role(world, admin, "Privileged Role Administrator")
        who = world.principal()
        graph.give_role(who.oid, GLOBAL_ADMINISTRATOR)
        assert world.view.directory_roles_of(world.first.tenant_id, who.oid) == {GLOBAL_ADMINISTRATOR}

    def test_nobody_is_weakened_by_who_has_less(self, world: Simulation, admin: Graph) -> None:
        """Whoever lost a permission would be easier to take over: named by the resource too, it is the holder's."""
        victim, user = world.principal(), admin.add_user()["id"]
        held = admin.give_permission(victim.oid, "RoleManagement.ReadWrite.Directory")
        admin.give_role(user, ROLES["Application Administrator"])
        graph = Graph(world, token=user_token(world, user))
        for path in (f"{victim.oid}/appRoleAssignments", f"{held['resourceId']}/appRoleAssignedTo"):
            denied(graph.ask("DELETE", f"servicePrincipals/{path}/{held['id']}"))
        denied(graph.ask("POST", f"applications/{victim.application}/addPassword", {}))
        admin.do("DELETE", f"servicePrincipals/{held['resourceId']}/appRoleAssignedTo/{held['id']}")

    def test_others_assign_no_roles(self, world: Simulation, admin: Graph) -> None:
        """Neither to themselves nor to others."""
        for name in ("Application Administrator", "User Administrator", "Groups Administrator", "Global Reader"):
            graph = self.role(world, admin, name)
            body = {"roleDefinitionId": GLOBAL_ADMINISTRATOR, "principalId": MISSING, "directoryScopeId": "/"}
            denied(graph.ask("POST", "roleManagement/directory/roleAssignments", body))
            reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/users/{MISSING}"}
            denied(graph.ask("POST", f"directoryRoles/{GLOBAL_ADMINISTRATOR}/members/$ref", reference))

    def test_a_restored_application_is_no_way_in(self, world: Simulation, admin: Graph) -> None:
        """SEC-TENANT-6: an application's secrets come back with it, so who restores it has its principal's power."""
        restorer, strong = world.principal("restorer"), world.principal("strong")
        admin.give_permission(restorer.oid, "Directory.ReadWrite.All")
        graph = Graph(world, restorer)
        admin.do("DELETE", f"applications/{strong.application}")
        path = "directory/deletedItems"
        assert graph.ask("POST", f"{path}/{strong.oid}/restore").status == 200
        admin.give_role(strong.oid, GLOBAL_ADMINISTRATOR)
        denied(graph.ask("POST", f"{path}/{strong.application}/restore"))
        assert world.view.application_by_app_id(strong.appid) is None
        assert admin.ask("POST", f"{path}/{strong.application}/restore").status == 200

    def test_an_administrator_is_changed_by_its_like(self, world: Simulation, admin: Graph) -> None:
        """Of equal power, each may change the other."""
        graph = self.role(world, admin, "Application Administrator")
        other = world.principal("other")
        admin.give_role(other.oid, ROLES["Cloud Application Administrator"])
        graph.do("PATCH", f"applications/{other.application}", {"displayName": "renamed"})


def test_a_role_lost_meanwhile_is_not_used(world: Simulation, admin: Graph) -> None:
    """SEC-FLOW-7: who loses a role while its body is in flight changes nothing."""
    who, tenant = world.principal(), world.first.tenant_id
    admin.give_role(who.oid, ROLES["Groups Administrator"])
    token = world.token(who, GRAPH_AUDIENCE)

    async def receive(_limit: int, _time_s: float) -> bytes:
        role = ROLES["Groups Administrator"]
        await world.store.commit(lambda tx: roles.remove_role(tx, tenant, role=role, principal=who.oid))
        return json.dumps(group_body("lost-meanwhile")).encode()

    asked = request("POST", f"{world.graph_url}/v1.0/groups", token, receive)
    assert world.run(world.dispatcher.handle(asked)).status == 403
    assert admin.get(filtered("groups", "displayName eq 'lost-meanwhile'"))["value"] == []


def test_a_role_over_a_directory_is_none_over_vaults(world: Simulation) -> None:
    """A Global Administrator without a role assignment reads no secret."""
    who = world.principal()
    Graph(world).give_role(who.oid, GLOBAL_ADMINISTRATOR)
    assert world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=world.token(who)).status == 403
