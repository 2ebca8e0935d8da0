"""What a client may do in a user's name: what the user may, and of that no more than the token's `scp` allows."""

from __future__ import annotations

from dataclasses import replace

import jwt
import pytest

from strongroom.core.delegated_permissions import AS_USER, DELEGATED_PERMISSIONS
from strongroom.core.directory_roles import APPLICATION_PERMISSIONS, EVERYTHING, GLOBAL_ADMINISTRATOR
from strongroom.core.errors import Denied
from strongroom.core.first_party import FIRST_PARTY, GRAPH
from strongroom.core.guids import new_guid
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.names import Surface
from strongroom.core.oauth import Resource, issuer_v1
from strongroom.core.permissions import Authenticated, DirectoryPermission
from strongroom.core.sessions import TokenFamily
from strongroom.core.user_tokens import UserScope
from strongroom.directory.tokens import Mint
from strongroom.directory.user_tokens import issue_to_user
from strongroom.flow.authorization import permit
from strongroom.flow.operation import Op, Target
from strongroom.graph import rights
from strongroom.graph.operations import OPERATIONS
from tests.flow.graph import MISSING, Graph, filtered, group_body, refused
from tests.flow.graph_cases import CASES, Nothing
from tests.flow.users import AZURE_CLI, Person, person
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, VAULT_AUDIENCE, Simulation

OIDC = {"openid", "profile", "email", "offline_access"}
_READS_ALL = {
    "Application.Read.All",
    "Directory.Read.All",
    "Domain.Read.All",
    "Group.Read.All",
    "GroupMember.Read.All",
    "Organization.Read.All",
    "RoleManagement.Read.Directory",
    "User.Read",
    "User.Read.All",
    "User.ReadBasic.All",
}
_WRITES_USERS = {
    "User.Read",
    "User.Read.All",
    "User.ReadBasic.All",
    "User.ReadWrite.All",
    "User.RevokeSessions.All",
}
_WRITES_GROUPS = {"Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All"}
ALLOWS: dict[str, set[str]] = {
    **{name: {name} for name in OIDC},
    "AppRoleAssignment.ReadWrite.All": {"AppRoleAssignment.ReadWrite.All", "Application.Read.All"},
    "Application.Read.All": {"Application.Read.All"},
    "Application.ReadWrite.All": {"Application.Read.All", "Application.ReadWrite.All"},
    "DelegatedPermissionGrant.ReadWrite.All": {"Application.Read.All", "DelegatedPermissionGrant.ReadWrite.All"},
    "Directory.AccessAsUser.All": EVERYTHING | {"User.Read", "Directory.AccessAsUser.All"},
    "Directory.Read.All": _READS_ALL,
    "Directory.ReadWrite.All": _READS_ALL | _WRITES_USERS | _WRITES_GROUPS | {"Directory.ReadWrite.All"},
    "Domain.Read.All": {"Domain.Read.All"},
    "Group.Read.All": {"Group.Read.All", "GroupMember.Read.All"},
    "Group.ReadWrite.All": _WRITES_GROUPS,
    "GroupMember.Read.All": {"GroupMember.Read.All"},
    "GroupMember.ReadWrite.All": {"GroupMember.Read.All", "GroupMember.ReadWrite.All"},
    "Organization.Read.All": {"Organization.Read.All"},
    "Policy.Read.All": {"Policy.Read.All"},
    "Policy.ReadWrite.ConditionalAccess": {"Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"},
    "RoleManagement.Read.Directory": {"RoleManagement.Read.Directory"},
    "RoleManagement.ReadWrite.Directory": {"RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory"},
    "User-PasswordProfile.ReadWrite.All": {"User-PasswordProfile.ReadWrite.All"},
    "User.Read": {"User.Read"},
    "User.Read.All": {"User.Read", "User.Read.All", "User.ReadBasic.All"},
    "User.ReadBasic.All": {"User.Read", "User.ReadBasic.All"},
    "User.ReadWrite.All": _WRITES_USERS,
    "User.RevokeSessions.All": {"User.RevokeSessions.All"},
    "UserAuthenticationMethod.Read.All": {"UserAuthenticationMethod.Read.All"},
    "UserAuthenticationMethod.ReadWrite.All": {
        "UserAuthenticationMethod.Read.All",
        "UserAuthenticationMethod.ReadWrite.All",
    },
}
"""Written down here once more: which rights of its user each permission lets a client use."""


def token_for(
    world: Simulation, who: Person, *scopes: str, surface: Surface = Surface.GRAPH, audience: str = GRAPH_AUDIENCE
) -> str:
    """Issue a user's token with exactly these delegated permissions, in a family of its own."""
    now, (password,) = int(world.clock()), world.view.credentials_of(who.user.id)
    family = TokenFamily(
        id=new_guid(world.world.entropy),
        tenant=who.user.tenant,
        user=who.user.id,
        app_id=AZURE_CLI,
        credential=password.id,
        authenticated=now,
        amr=("pwd",),
        expires=now + 3600,
    )
    world.commit(lambda tx: tx.put(family))
    mint = Mint(world.keys, world.world.signers, world.view, world.world.entropy, world.login_url)
    scope = UserScope(Resource(surface, audience), scopes, frozenset())
    issued = world.run(issue_to_user(mint, who.user, family, scope, appidacr="0", address="203.0.113.7", now=now))
    return issued.text


@pytest.fixture(scope="module")
def administrator(world: Simulation) -> Person:
    """Make a user who may do everything in the directory."""
    made = person(world)
    Graph(world).give_role(made.user.id, GLOBAL_ADMINISTRATOR)
    return made


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPERATIONS])
def test_user_read_reads_the_user_and_nothing_else(world: Simulation, administrator: Person, op: Op) -> None:
    """An application with User.Read alone is no administrator because its user is one: every row says so."""
    case = CASES[op.name]
    graph = Graph(world, token=token_for(world, administrator, "User.Read"))
    answer = graph.ask(op.method, case.path(Nothing()), case.body(Nothing()))
    if op.requires == rights.READ_ME:
        assert answer.status == 200
    else:
        refused(answer, 403, "Authorization_RequestDenied")
        assert world.entries()[-1]["properties"]["reason"].startswith("the token's scp does not allow ")


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPERATIONS])
def test_every_row_goes_by_the_table(world: Simulation, administrator: Person, op: Op) -> None:
    """Each row is allowed in a Global Administrator's name by the permissions that allow its right, and by no other."""
    requires = op.requires
    assert isinstance(requires, DirectoryPermission | Authenticated)
    right = requires.name if isinstance(requires, DirectoryPermission) else requires.delegated
    assert right is not None, "a row of Graph says what a client needs for it"
    tenant = world.first.tenant_id
    fresh = TokenFamily(
        id=new_guid(world.world.entropy),
        tenant=tenant,
        user=administrator.user.id,
        app_id=AZURE_CLI,
        credential="c",
        authenticated=int(world.clock()),
        amr=("pwd", "otp", "mfa"),
        expires=int(world.clock()) + 3600,
        factor="one that was shown just now",
    )
    world.commit(lambda tx: tx.put(fresh))
    who = Caller(
        tenant=tenant,
        oid=administrator.user.id,
        appid=AZURE_CLI,
        kind=PrincipalType.USER,
        issuer=issuer_v1(tenant),
        groups=frozenset(),
        credential="c",
        token_id="t",
        directory_roles=frozenset({GLOBAL_ADMINISTRATOR}),
        session=fresh.id,
    )
    target = Target("/", {name: MISSING for name in ("id", "app_id", "client_id") if f"{{{name}}}" in op.path})

    def may(*scopes: str) -> bool:
        try:
            permit(world.world, replace(who, delegated=frozenset(scopes)), op, target, None, None)
        except Denied:
            return False
        return True

    assert not may()
    assert not may("Unknown.ReadWrite.All")
    for name in (one.name for one in DELEGATED_PERMISSIONS.values()):
        assert may(name) is (right in ALLOWS[name]), name


def test_graphs_own_principal_offers_every_one(world: Simulation) -> None:
    """By Entra's ids, as `requiredResourceAccess` names them, and each application permission has its twin."""
    (found,) = Graph(world).get(filtered("servicePrincipals", f"appId eq '{GRAPH}'"))["value"]
    offered = {one["id"]: one["value"] for one in found["oauth2PermissionScopes"]}
    assert offered == {id_: one.name for id_, one in DELEGATED_PERMISSIONS.items()}
    assert set(offered.values()) == set(ALLOWS)
    twins = {one.name for one in APPLICATION_PERMISSIONS.values()} - {"Application.ReadWrite.OwnedBy"}
    assert twins <= set(offered.values())
    kinds = {one.value: one.type for one in FIRST_PARTY[GRAPH].scopes}
    assert {name for name, kind in kinds.items() if kind == "User"} == OIDC | {"User.Read", "User.ReadBasic.All"}


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPERATIONS])
def test_openid_reads_nothing_of_the_directory(world: Simulation, administrator: Person, op: Op) -> None:
    """The words of OpenID Connect are for userinfo alone."""
    case = CASES[op.name]
    answer = Graph(world, token=token_for(world, administrator, *OIDC)).ask(
        op.method, case.path(Nothing()), case.body(Nothing())
    )
    assert answer.status == (200 if op.requires == rights.READ_USERINFO else 403)


class TestBothSides:
    """The user's rights and the client's."""

    def test_a_permission_gives_the_user_nothing(self, world: Simulation) -> None:
        """Whoever is no administrator changes nothing, whatever the client may."""
        graph = Graph(world, token=token_for(world, person(world), AS_USER, "Group.ReadWrite.All"))
        refused(graph.ask("POST", "groups", group_body("not-made")), 403, "Authorization_RequestDenied")
        assert graph.ask("GET", "users").status == 200

    def test_the_users_rights_give_the_client_nothing(self, world: Simulation, administrator: Person) -> None:
        """An administrator's client reads groups with Group.Read.All, and changes none."""
        graph = Graph(world, token=token_for(world, administrator, "Group.Read.All"))
        assert graph.ask("GET", "groups").status == 200
        refused(graph.ask("POST", "groups", group_body("not-made")), 403, "Authorization_RequestDenied")
        refused(graph.ask("GET", "users"), 403, "Authorization_RequestDenied")

    def test_writing_users_is_not_setting_passwords(self, world: Simulation, administrator: Person) -> None:
        """User.ReadWrite.All changes names; a password takes User-PasswordProfile.ReadWrite.All besides."""
        path, profile = f"users/{person(world).user.id}", {"passwordProfile": {"password": "An-invented-password-7"}}
        graph = Graph(world, token=token_for(world, administrator, "User.ReadWrite.All"))
        graph.do("PATCH", path, {"displayName": "Another"})
        refused(graph.ask("PATCH", path, profile), 403, "Authorization_RequestDenied")
        both = token_for(world, administrator, "User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All")
        Graph(world, token=both).do("PATCH", path, profile)

    def test_an_application_needs_it_as_well(self, world: Simulation) -> None:
        """As an application permission it is one of its own, too."""
        app, path = world.principal(), f"users/{person(world).user.id}"
        admin, profile = Graph(world), {"passwordProfile": {"password": "An-invented-password-7"}}
        admin.give_permission(app.oid, "User.ReadWrite.All")
        refused(Graph(world, app).ask("PATCH", path, profile), 403, "Authorization_RequestDenied")
        admin.give_permission(app.oid, "User-PasswordProfile.ReadWrite.All")
        Graph(world, app).do("PATCH", path, profile)


class TestBasicProfiles:
    """User.ReadBasic.All."""

    def test_it_shows_names_alone(self, world: Simulation, administrator: Person) -> None:
        """Of one user, and of all; not to be had by `$select` either."""
        graph = Graph(world, token=token_for(world, administrator, "User.ReadBasic.All"))
        names = {"@odata.context", "displayName", "givenName", "id", "mail", "surname", "userPrincipalName"}
        path = f"users/{administrator.user.id}"
        assert set(graph.get(path)) == names
        assert set(graph.get(f"{path}?$select=id,accountEnabled,passwordPolicies")) == {"@odata.context", "id"}
        assert {frozenset(one) for one in graph.get("users")["value"]} == {frozenset(names - {"@odata.context"})}

    def test_it_searches_names_alone(self, world: Simulation, administrator: Person) -> None:
        """A filter on what is not shown would show it."""
        graph = Graph(world, token=token_for(world, administrator, "User.ReadBasic.All"))
        name = administrator.user.user_principal_name
        assert graph.ids(filtered("users", f"userPrincipalName eq '{name}'")) == {administrator.user.id}
        assert graph.ask("GET", filtered("users", "accountEnabled eq true")).status == 400


@pytest.fixture
def group(world: Simulation, administrator: Person) -> str:
    """Make a group with a user and a service principal in it."""
    graph = Graph(world)
    group: str = graph.add_group()["id"]
    for member in (administrator.user.id, world.principal().oid):
        assert graph.join(group, member).status == 204
    return group


class TestWhatListsShow:
    """Objects in the lists of others: who may see that somebody is in a group need not see who that is."""

    def shown(self, world: Simulation, administrator: Person, group: str, *scopes: str) -> dict[str, set[str]]:
        """Give the members of a group, by their type, with the names of what is told of them."""
        graph = Graph(world, token=token_for(world, administrator, *scopes))
        value = graph.ask("GET", f"groups/{group}/members", version="beta").json["value"]
        return {
            one["@odata.type"].rpartition(".")[2]: {name for name, told in one.items() if told not in (None, [])}
            for one in value
        }

    def test_members(self, world: Simulation, administrator: Person, group: str) -> None:
        """The id alone, a user's names with User.ReadBasic.All, and all of what the client may read by itself."""
        bare = {"@odata.type", "id"}
        found = self.shown(world, administrator, group, "GroupMember.Read.All")
        assert found == {"user": bare, "servicePrincipal": bare}
        found = self.shown(world, administrator, group, "GroupMember.Read.All", "User.ReadBasic.All")
        assert found["user"] == bare | {"displayName", "givenName", "surname", "userPrincipalName"}
        found = self.shown(world, administrator, group, "GroupMember.Read.All", "Application.Read.All")
        assert (found["user"], "appId" in found["servicePrincipal"]) == (bare, True)
        found = self.shown(world, administrator, group, "Directory.Read.All")
        assert "accountEnabled" in found["user"]
        assert "appId" in found["servicePrincipal"]

    def test_what_is_not_shown_is_not_searched(self, world: Simulation, administrator: Person, group: str) -> None:
        """A filter on the name finds nobody whose name is not told."""
        path = filtered(f"groups/{group}/members", f"displayName eq '{administrator.user.display_name}'")
        for scopes, ids in (((), set()), (("User.ReadBasic.All",), {administrator.user.id})):
            graph = Graph(world, token=token_for(world, administrator, "GroupMember.Read.All", *scopes))
            assert graph.ids(path) == ids

    def test_ones_own_groups(self, world: Simulation, administrator: Person, group: str) -> None:
        """With User.Read a client sees which groups its user is in, by their ids."""
        graph = Graph(world, token=token_for(world, administrator, "User.Read"))
        (one,) = (one for one in graph.get("me/memberOf")["value"] if one["id"] == group)
        assert one["displayName"] is None

    def test_an_application_as_well(self, world: Simulation, group: str) -> None:
        """A service principal with GroupMember.Read.All reads memberships, and nobody's profile."""
        app = world.principal()
        Graph(world).give_permission(app.oid, "GroupMember.Read.All")
        value = Graph(world, app).get(f"groups/{group}/members")["value"]
        assert {one["displayName"] for one in value} == {None}


@pytest.mark.parametrize("scopes", [(), ("User.Read",), ("user_impersonation_not",)])
def test_vaults_and_resources_take_user_impersonation(
    world: Simulation, administrator: Person, scopes: tuple[str, ...]
) -> None:
    """Without it a user's token is none for a vault or Resource Manager; with it, the user's roles decide."""
    vault, arm = f"{world.vault_url}/secrets?api-version=7.4", f"{world.arm_url}/subscriptions?api-version=2022-12-01"
    for surface, audience, url, allowed in (
        (Surface.VAULT, VAULT_AUDIENCE, vault, 403),
        (Surface.MANAGEMENT, ARM_AUDIENCE, arm, 200),
    ):
        without = token_for(world, administrator, *scopes, surface=surface, audience=audience)
        assert world.ask("GET", url, token=without).status == 401
        assert world.entries()[-1]["properties"]["reason"] == "scp has no user_impersonation"
        token = token_for(world, administrator, "user_impersonation", surface=surface, audience=audience)
        assert world.ask("GET", url, token=token).status == allowed


def test_a_service_principal_is_not_narrowed(world: Simulation) -> None:
    """It acts for itself: its token has no scp, and its rights are the directory's."""
    token = world.token(world.administrator, GRAPH_AUDIENCE)
    assert "scp" not in jwt.decode(token, options={"verify_signature": False})
    assert Graph(world, token=token).ask("GET", "users").status == 200
