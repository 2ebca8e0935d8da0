"""What holds for all of the directory API: query options, rights, tenants."""

from __future__ import annotations

import secrets as chance

import pytest

from strongroom.core.builtin_roles import OWNER
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.network import Link
from strongroom.core.permissions import DirectoryPermission
from strongroom.directory import roles, users
from strongroom.flow.operation import Op
from strongroom.graph.operations import OPERATIONS
from tests.flow.graph import MISSING, Graph, filtered, refused
from tests.flow.guarded import ObjectSubject
from tests.flow.users import allow_passwords, person, sign_in
from tests.world import GRAPH_AUDIENCE, START, Principal, Simulation

_READS = [op for op in OPERATIONS if isinstance(op.requires, DirectoryPermission) and not op.requires.write]
CLOSED = [
    op
    for op in _READS
    if isinstance(op.requires, DirectoryPermission) and (op.requires.personal or op.requires.confidential)
]
"""What is no user's to read without a role: how others sign in, and the tenant's policies."""
READS = [pytest.param(op, id=op.name) for op in _READS if op not in CLOSED]
DENIED = "Insufficient privileges to complete the operation."


@pytest.fixture
def graph(world: Simulation) -> Graph:
    """See Graph as the first application, which is a Global Administrator."""
    return Graph(world, world.administrator)


@pytest.fixture(scope="module")
def as_user(world: Simulation) -> str:
    """Sign a user in that has no role, for the directory."""
    allow_passwords(world)
    token: str = sign_in(world, person(world), scope=f"{GRAPH_AUDIENCE}/.default").json["access_token"]
    return token


class TestQueries:
    """Query options."""

    @pytest.mark.parametrize(
        "text",
        [
            "displayName ne 'x'",
            "not(displayName eq 'x')",
            "notdisplayName eq 'x'",
            "(displayName eq 'x'",
            "displayName eq 'x')",
            "displayName in ()",
            "displayName in ('x'",
            "displayName in ('x',)",
            "displayName eq 'x' or",
            "endswith(displayName,'x')",
            "contains(displayName,'x')",
            "startswith(appId,'x')",
            "startswith(displayName,true)",
            "unknown eq 'x'",
            "displayName",
            "displayName eq",
            "displayName eq x",
            "displayName eq 'x",
            "displayName eq 'x' and",
            "displayName eq 'x' anddisplayName eq 'x'",
            "identifierUris/any(s:t eq 'x')",
            "identifierUris/all(s:s eq 'x')",
            "identifierUris eq 'x'",
            "1 eq 1",
            "displayName eq 'x'\ndelete",
        ],
    )
    def test_a_filter_that_is_not_understood(self, graph: Graph, text: str) -> None:
        """It is refused, never answered with everything (pitfalls "List that bypasses a narrower denial")."""
        refused(graph.ask("GET", filtered("applications", text)), 400, "Request_UnsupportedQuery")

    @pytest.mark.parametrize("option", ["$orderby", "$expand", "$skip", "$apply"])
    def test_an_option_that_is_not_understood(self, graph: Graph, option: str) -> None:
        """So is an option."""
        refused(graph.ask("GET", f"users?{option}=x"), 400, "Request_UnsupportedQuery")

    @pytest.mark.parametrize("top", ["0", "1000", "-1", "x", "1.5", "", "99999999999999999999"])
    def test_a_bad_page_size(self, graph: Graph, top: str) -> None:
        """A page has 1 to 999 objects."""
        refused(graph.ask("GET", f"users?$top={top}"), 400, "Request_BadRequest")

    def test_select(self, graph: Graph) -> None:
        """Only what is named comes, and annotations."""
        made = graph.add_application()
        (found,) = graph.get(f"{filtered('applications', 'appId eq ' + repr(made['appId']))}&$select=id,appId")["value"]
        assert found == {"id": made["id"], "appId": made["appId"]}

    def test_pages_join(self, graph: Graph) -> None:
        """Following the links gives everything once, in order, also if something is added meanwhile."""
        prefix = f"p{chance.token_hex(4)}"
        made = {graph.add_group(f"{prefix}-{number}")["id"] for number in range(5)}
        path = f"{filtered('groups', f'startswith(displayName,{prefix!r})')}&$top=2&$count=true"
        seen: list[str] = []
        while path:
            page = graph.get(path)
            assert len(page["value"]) <= 2
            seen += [one["id"] for one in page["value"]]
            link = page.get("@odata.nextLink", "")
            assert link == "" or link.startswith("https://graph.localhost:8443/v1.0/groups?")
            path = link.removeprefix("https://graph.localhost:8443/v1.0/")
            graph.add_group()
        assert seen == sorted(made)

    def test_the_count(self, graph: Graph) -> None:
        """@odata.count counts the whole collection, not the page."""
        prefix = f"c{chance.token_hex(4)}"
        for number in range(3):
            graph.add_group(f"{prefix}-{number}")
        page = graph.get(f"{filtered('groups', f'startswith(displayName,{prefix!r})')}&$top=1&$count=true")
        assert page["@odata.count"] == 3

    def test_a_skip_token_is_for_its_listing_and_its_caller(self, world: Simulation, graph: Graph) -> None:
        """SEC-TENANT-2: a skip token opens for nothing else: not another collection, filter or caller."""
        for _ in range(2):
            graph.add_group()
        link = graph.get("groups?$top=1")["@odata.nextLink"]
        path = link.removeprefix("https://graph.localhost:8443/v1.0/")
        token = path.partition("$skiptoken=")[2]
        other = world.principal()
        world.commit(
            lambda tx: roles.assign_role(tx, world.first.tenant_id, role=GLOBAL_ADMINISTRATOR, principal=other.oid)
        )
        stranger = Graph(world, other)
        for answer in (
            stranger.ask("GET", path),
            graph.ask("GET", f"users?$top=1&$skiptoken={token}"),
            graph.ask("GET", f"{filtered('groups', 'securityEnabled eq true')}&$skiptoken={token}"),
            graph.ask("GET", f"groups?$skiptoken={token[:-2]}"),
            graph.ask("GET", "groups?$skiptoken=x"),
        ):
            refused(answer, 400, "Directory_ExpiredPageToken")
        assert graph.ask("GET", path).status == 200


class TestRights:
    """Who may do what."""

    def test_every_change_is_recorded(self, world: Simulation, graph: Graph) -> None:
        """Who changed what is in the journal, by the id of what it was."""
        made = graph.add_user()
        entry = world.entries()[-1]
        assert entry["operationName"] == "UserCreate"
        assert entry["properties"]["userId"] == made["id"]
        assert entry["identity"]["claim"]["oid"] == world.first.object_id
        graph.do("DELETE", f"users/{made['id']}")
        entry = world.entries()[-1]
        assert (entry["operationName"], entry["properties"]["userId"]) == ("UserDelete", made["id"])

    def test_owning_everything_is_no_right_over_the_directory(self, world: Simulation) -> None:
        """SEC-TENANT-6: who owns the subscription and its vaults adds no secret to an application with more rights."""
        owner = world.principal()
        world.grant(owner.oid, OWNER, f"/subscriptions/{world.first.subscription_id}")
        graph = Graph(world, owner)
        first = world.first.installation.application
        group = Graph(world, world.administrator).add_group()
        before = world.view.credentials_of(first)
        for method, path, body in (
            ("POST", f"applications/{first}/addPassword", {}),
            ("POST", f"applications(appId='{world.first.client_id}')/addPassword", {}),
            ("POST", f"applications/{owner.application}/addPassword", {}),
            ("POST", f"groups/{group['id']}/members/$ref", {"@odata.id": f"{world.graph_url}/v1.0/users/{owner.oid}"}),
            ("PATCH", f"applications/{first}", {"identifierUris": ["api://mine"]}),
        ):
            refused(graph.ask(method, path, body), 403, "Authorization_RequestDenied")
        assert world.view.credentials_of(first) == before
        assert world.view.groups_of(world.first.tenant_id, owner.oid) == frozenset()

    def test_the_first_user_administers_everything(self, world: Simulation) -> None:
        """SEC-BOOT-8: the first user is Global Administrator of its tenant and Owner of the subscription."""
        user = world.view.user_by_upn(world.first.user_name)
        assert user is not None
        assert world.view.directory_roles_of(user.tenant, user.id) == {GLOBAL_ADMINISTRATOR}
        grants = world.view.grants(user.tenant)
        scope = f"/subscriptions/{world.first.subscription_id}"
        assignment = grants.find(
            frozenset({user.id}), scope, "Microsoft.Authorization/roleAssignments/write", data=False
        )
        assert assignment is not None
        assert (assignment.role, assignment.scope) == (OWNER, scope)

    @pytest.mark.parametrize("op", READS)
    def test_a_user_reads_the_directory(self, world: Simulation, as_user: str, op: Op) -> None:
        """Users read their tenant's directory without a role, as Entra's default has it."""
        subject = ObjectSubject(world, op)
        subject.prepare()
        answer = subject.ask(as_user)
        assert answer.status == op.success, answer.body
        assert world.entries()[-1]["properties"].get("appliedAssignmentId") is None

    @pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in CLOSED if "/me/" not in op.path])
    def test_some_of_it_wants_a_role(self, world: Simulation, as_user: str, op: Op) -> None:
        """How others sign in and what the policies are is read by those who look after it."""
        subject = ObjectSubject(world, op)
        subject.prepare()
        refused(subject.ask(as_user), 403, "Authorization_RequestDenied")

    def test_a_user_without_a_role_changes_nothing(self, world: Simulation, graph: Graph, as_user: str) -> None:
        """To read a directory is not to write it."""
        group = graph.add_group()
        for method, path, body in (
            ("DELETE", f"groups/{group['id']}", None),
            ("POST", "applications", {"displayName": "x"}),
            ("PATCH", f"groups/{group['id']}", {"displayName": "x"}),
        ):
            assert refused(graph.ask(method, path, body, token=as_user), 403, "Authorization_RequestDenied") == DENIED
        assert graph.get(f"groups/{group['id']}")["displayName"] == group["displayName"]

    def test_a_managed_identity_reads_nothing_but_itself(self, world: Simulation) -> None:
        """Nor does a managed identity without a role, whatever it may do in vaults."""
        run = world.ask("POST", "http://control/run", body={}, link=Link.CONTROL, host="control").json
        answer = world.ask(
            "GET",
            f"{run['identityEndpoint']}?api-version=2019-08-01&resource={GRAPH_AUDIENCE}",
            headers={"X-IDENTITY-HEADER": run["identityHeader"]},
            peer="127.0.0.1",
            link=Link.MANAGED_IDENTITY,
        )
        token = answer.json["access_token"]
        ask = Graph(world, world.administrator).ask
        for path in ("users", "servicePrincipals", f"servicePrincipals/{world.first.object_id}", "applications"):
            assert refused(ask("GET", path, token=token), 403, "Authorization_RequestDenied") == DENIED
            entry = world.entries()[-1]
            assert entry["identity"]["claim"]["oid"] == run["objectId"]
            assert entry["properties"]["reason"].startswith("nothing gives ")
        assert ask("GET", f"servicePrincipals/{run['objectId']}", token=token).status == 200

    def own_paths(self, who: Principal) -> tuple[str, ...]:
        """Name a principal and its application in every way there is."""
        return (
            f"servicePrincipals/{who.oid}",
            f"servicePrincipals/{who.oid.upper()}",
            f"servicePrincipals(appId='{who.appid}')",
            f"applications/{who.application}",
            f"applications(appId='{who.appid}')",
        )

    def test_a_service_principal_reads_itself_alone(self, world: Simulation) -> None:
        """By whichever id, itself and its application; of another one nothing, whether it is there or not."""
        own, other = world.principal(), world.principal("other")
        missing = Principal(MISSING, MISSING, MISSING, "")
        graph = Graph(world, own)
        for path in self.own_paths(own):
            assert graph.ask("GET", path).status == 200
        for path in (*self.own_paths(other), *self.own_paths(missing)):
            assert refused(graph.ask("GET", path), 403, "Authorization_RequestDenied") == DENIED

    def test_reading_oneself_is_reading_alone(self, world: Simulation) -> None:
        """SEC-TENANT-6: what is itself's to read is not its to change, and its memberships are the directory's."""
        own = world.principal()
        graph = Graph(world, own)
        for method, path, body in (
            ("PATCH", f"servicePrincipals/{own.oid}", {"displayName": "x"}),
            ("DELETE", f"servicePrincipals/{own.oid}", None),
            ("PATCH", f"applications/{own.application}", {"displayName": "x"}),
            ("POST", f"applications(appId='{own.appid}')/addPassword", {}),
            ("POST", f"servicePrincipals/{own.oid}/getMemberGroups", {"securityEnabledOnly": False}),
            ("GET", f"directoryObjects/{own.oid}", None),
        ):
            refused(graph.ask(method, path, body), 403, "Authorization_RequestDenied")

    @pytest.mark.parametrize("version", ["v2.0", "v1.00", "latest"])
    def test_an_unknown_version(self, graph: Graph, version: str) -> None:
        """There are two versions of Graph."""
        assert graph.ask("GET", "users", version=version).status == 404

    @pytest.mark.parametrize("path", ["Users", "USERS", "users/"])
    def test_paths_in_any_case(self, graph: Graph, path: str) -> None:
        """Graph's paths compare without case."""
        assert graph.ask("GET", path).status == 200


class TestTenants:
    """Two tenants in one service."""

    @pytest.fixture
    def stranger(self, world: Simulation) -> dict[str, str]:
        """Make another tenant with a user and an application, and give their ids."""
        domain = f"t{chance.token_hex(4)}.example"
        tenant = world.tenant(domain)
        wanted = users.NewUser(f"x@{domain}", "X")
        user = world.commit(
            lambda tx: users.create_user(tx, tenant, wanted, password=None, now=int(START), entropy=chance.token_bytes)
        )
        theirs = world.principal("theirs", tenant)
        return {
            "user": user.id,
            "name": user.user_principal_name,
            "application": theirs.application,
            "app_id": theirs.appid,
            "principal": theirs.oid,
        }

    def test_another_tenants_objects_are_as_random_ones(self, graph: Graph, stranger: dict[str, str]) -> None:
        """SEC-TENANT-2: every query carries its tenant: each id of tenant B gets in tenant A what a random one gets."""
        for theirs, random in (
            (f"users/{stranger['user']}", f"users/{MISSING}"),
            (f"users/{stranger['name']}", "users/nobody@elsewhere.example"),
            (f"applications/{stranger['application']}", f"applications/{MISSING}"),
            (f"applications(appId='{stranger['app_id']}')", f"applications(appId='{MISSING}')"),
            (f"servicePrincipals/{stranger['principal']}", f"servicePrincipals/{MISSING}"),
            (f"servicePrincipals(appId='{stranger['app_id']}')", f"servicePrincipals(appId='{MISSING}')"),
            (f"directoryObjects/{stranger['user']}", f"directoryObjects/{MISSING}"),
        ):
            for method in ("GET", "PATCH", "DELETE"):
                if method != "GET" and theirs.startswith("directoryObjects"):
                    continue
                answers = [graph.ask(method, path, {} if method == "PATCH" else None) for path in (theirs, random)]
                for answer in answers:
                    refused(answer, 404, "Request_ResourceNotFound")

    def test_another_tenants_objects_are_not_listed(self, graph: Graph, stranger: dict[str, str]) -> None:
        """No listing shows them, and no filter finds them."""
        assert stranger["user"] not in graph.ids("users?$top=999")
        assert stranger["principal"] not in graph.ids("servicePrincipals?$top=999")
        assert graph.get(filtered("applications", f"appId eq '{stranger['app_id']}'"))["value"] == []
        ids = {"ids": [stranger["user"], stranger["application"], stranger["principal"]]}
        assert graph.ask("POST", "directoryObjects/getByIds", ids).json["value"] == []

    def test_another_tenants_principal_joins_no_group(self, graph: Graph, stranger: dict[str, str]) -> None:
        """Nor does it get a principal of an application that is for its own tenant alone."""
        refused(graph.join(graph.add_group()["id"], stranger["user"]), 404, "Request_ResourceNotFound")
        answer = graph.ask("POST", "servicePrincipals", {"appId": stranger["app_id"]})
        assert "does not reference a valid application" in refused(answer, 400, "Request_BadRequest")
