"""
SEC-TENANT-2: whatever belongs to one tenant is, in another, no more than something random.

Two tenants share one service, one store and one host. Everything that the first has (names, versions, tokens, skip
tokens, backups, ids of every kind) is replayed in the second, by a caller who may do everything there, and the answer
is compared with what a random one gets: status, code, message and headers, but for the id itself.
"""

from __future__ import annotations

import json
import re
import secrets as chance
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from strongroom.arm.operations import OPERATIONS as ARM
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR, OWNER
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.guids import new_guid
from strongroom.core.identity import DirectoryRoleAssignment, PrincipalType
from strongroom.core.permissions import Public
from strongroom.core.rbac import RoleAssignment
from strongroom.core.vaults import AccessPolicy
from strongroom.directory.relations import NO_ROLE
from strongroom.flow.operation import Op
from strongroom.graph.operations import OPERATIONS as GRAPH
from strongroom.store import Transaction
from tests.flow.arm import version_for
from tests.flow.case import Collection
from tests.flow.cases import CASES, COLLECTIONS, GUARDED, collection
from tests.flow.certificate_cases import CREATE
from tests.flow.client import Client, Tenant, client_of, dump, make_tenant, skip_token
from tests.flow.graph import Graph
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, VAULT_AUDIENCE, Answer, Simulation

_VARYING = {"x-ms-request-id", "date", "request-id", "client-request-id", "x-ms-correlation-request-id"}


def told(answer: Answer, *ids: str) -> tuple[int, dict[str, str], str]:
    """Give what an answer tells, with *ids*, and what is new in every answer, taken out."""
    text = answer.body.decode()
    if answer.status >= 400 and text:
        shown = json.loads(text)
        if isinstance(shown.get("error"), dict):
            shown["error"].pop("innerError", None)
        text = json.dumps(shown)
    text = re.sub(r"(Trace ID|Correlation ID|Timestamp): [-0-9a-f:Z ]+", r"\1", text)
    text = re.sub(r'"(timestamp|trace_id|correlation_id)": "[^"]*"', r'"\1"', text)
    headers = {name: value for name, value in answer.headers.items() if name not in _VARYING}
    for one in sorted({*ids, *(one.replace("-", "") for one in ids)}, key=len, reverse=True):
        text = re.sub(re.escape(one), "ID", text, flags=re.IGNORECASE)
        headers = {name: re.sub(re.escape(one), "ID", value, flags=re.IGNORECASE) for name, value in headers.items()}
    return answer.status, headers, text


def guid() -> str:
    """Make an id of nothing."""
    return new_guid(chance.token_bytes)


@pytest.fixture(scope="module")
def alien(world: Simulation) -> Tenant:
    """Make the second tenant, whose application is Owner of its subscription and Global Administrator."""
    tenant = make_tenant(world)

    async def promote(tx: Transaction) -> None:
        oid = tenant.principal.oid
        await tx.put(DirectoryRoleAssignment(f"{GLOBAL_ADMINISTRATOR}/{oid}", tenant.id, GLOBAL_ADMINISTRATOR, oid))
        for role in (OWNER, KEY_VAULT_ADMINISTRATOR):
            scope = f"/subscriptions/{tenant.subscription}"
            kind = PrincipalType.SERVICE_PRINCIPAL
            await tx.put(RoleAssignment(guid(), tenant.id, scope, role, oid, kind, int(world.clock())))

    world.commit(promote)
    return tenant


@pytest.fixture(scope="module")
def third(world: Simulation) -> Tenant:
    """Make a third tenant: what is random where only a tenant's own thing has the right form."""
    return make_tenant(world)


@pytest.fixture(scope="module")
def ours(world: Simulation) -> Client:
    """Give the first tenant's client, in its own vault."""
    return Client(world)


@pytest.fixture(scope="module")
def theirs(world: Simulation, alien: Tenant) -> Client:
    """Give the second tenant's client, in its own vault, with objects of every kind."""
    client = client_of(world, alien)
    client.put(shared("secrets"))
    client.done("POST", f"/keys/{shared('keys')}/create", body={"kty": "EC"})
    assert client.ask("POST", f"/certificates/{shared('certificates')}/create", body=CREATE).status == 202
    return client


def shared(kind: str) -> str:
    """Give the name of an object that both tenants have: certificates share theirs with keys and secrets."""
    return f"shared-{kind}"


@pytest.fixture(scope="module")
def both(world: Simulation) -> dict[str, str]:
    """Make objects of the same names in the first tenant's vault, and give their versions."""
    return {kind.name: kind.identifier(kind.put(world, shared(kind.name))).rpartition("/")[2] for kind in COLLECTIONS}


# ---- the data plane -------------------------------------------------------------------------------------------------

NAMED = [pytest.param(op, id=op.name) for op in GUARDED if "{name}" in op.path]
VERSIONED = [pytest.param(op, id=op.name) for op in GUARDED if "{version?}" in op.path]
KINDS = [pytest.param(kind, id=kind.name) for kind in COLLECTIONS]
_NEW = re.compile(r'[0-9a-f]{32}|"(n|x|y|csr)":"[^"]*"')
"""What two objects that were made of the same request differ in: their versions, and public keys."""


def _without_new(answer: tuple[int, dict[str, str], str]) -> tuple[int, dict[str, str], str]:
    status, headers, text = answer
    return status, {name: _NEW.sub("", value) for name, value in headers.items()}, _NEW.sub("", text)


def _path(op: Op, name: str, version: str = "") -> str:
    return op.path.format(**{"name": name, "issuer": name, "version?": version})


def _body(op: Op) -> object:
    return CASES[op.name].unprepared()


@pytest.mark.parametrize("op", NAMED)
@pytest.mark.parametrize("gone", [False, True], ids=["active", "deleted"])
def test_a_name_in_another_vault_means_nothing(
    world: Simulation, theirs: Client, name: str, op: Op, *, gone: bool
) -> None:
    """Every operation treats the name of another tenant's object as a name that nobody has."""
    (collection(op).deleted if gone else collection(op).put)(world, name)
    unknown, makes = f"s-{chance.token_hex(6)}", CASES[op.name].makes
    first, second = (told(theirs.ask(op.method, _path(op, one), body=_body(op)), one) for one in (name, unknown))
    if makes:
        first, second = map(_without_new, (first, second))
    assert first == second
    # The versions of what is not there are an empty list.
    assert first[0] == (op.success if makes or op.name.endswith("ListVersions") else 404)


@pytest.mark.parametrize("op", VERSIONED)
def test_a_version_of_another_object_means_nothing(
    world: Simulation, theirs: Client, both: dict[str, str], op: Op
) -> None:
    """The version of another tenant's object of the same name is an unknown version."""
    version, unknown = both[collection(op).name], chance.token_hex(16)
    first, second = (
        told(theirs.ask(op.method, _path(op, shared(collection(op).name), one), body=_body(op)), one)
        for one in (version, unknown)
    )
    assert first == second
    assert first[0] == 404


@pytest.mark.parametrize("place", ["/{}", "/deleted{}", "/{0}/shared-{0}/versions"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_skip_token_of_another_tenant_means_nothing(
    world: Simulation, ours: Client, theirs: Client, kind: Collection, place: str
) -> None:
    """A skip token is refused as one is that nobody made."""
    path = place.format(kind.name)
    for _ in range(2):
        kind.put(world, shared(kind.name))
        kind.put(world, f"s-{chance.token_hex(6)}")
        kind.deleted(world, f"s-{chance.token_hex(6)}")
    token = skip_token(ours.done("GET", path, query="&maxresults=1")["nextLink"])
    unknown = chance.token_urlsafe(len(token))[: len(token)]
    first, second = (
        told(theirs.ask("GET", path, query=f"&maxresults=1&$skiptoken={one}"), one) for one in (token, unknown)
    )
    assert first == second
    assert first[0] == 400


@pytest.mark.parametrize("kind", KINDS)
def test_a_skip_token_of_another_kind_means_nothing(world: Simulation, ours: Client, kind: Collection) -> None:
    """Within one vault too a skip token is for the list that gave it: it is refused as one that nobody made."""
    for _ in range(2):
        kind.put(world, f"s-{chance.token_hex(6)}")
    token = skip_token(ours.done("GET", f"/{kind.name}", query="&maxresults=1")["nextLink"])
    for other in COLLECTIONS:
        if other is not kind:
            assert ours.ask("GET", f"/{other.name}", query=f"&maxresults=1&$skiptoken={token}").status == 400


@pytest.mark.parametrize("kind", KINDS)
def test_a_backup_of_another_tenant_means_nothing(
    world: Simulation, ours: Client, theirs: Client, name: str, kind: Collection
) -> None:
    """A backup is refused as random bytes of its length are; and so it is where objects of another kind are kept."""
    kind.put(world, name)
    blob = ours.done("POST", f"/{kind.name}/{name}/backup")["value"]
    unknown = chance.token_urlsafe(len(blob))[: len(blob) // 4 * 4]
    for other in COLLECTIONS:
        client = theirs if other is kind else ours
        first, second = (
            told(client.ask("POST", f"/{other.name}/restore", body={"value": one}), one) for one in (blob, unknown)
        )
        assert first == second
        assert first[0] == 400


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in GUARDED])
def test_a_token_of_another_tenant_opens_nothing(
    world: Simulation, ours: Client, theirs: Client, third: Tenant, op: Op
) -> None:
    """A tenant's administrator is, in another tenant's vault, whoever else is of no tenant of its."""
    unknown = world.token(third.principal, tenant=third.id)
    first, second = (
        told(theirs.ask(op.method, _path(op, "shared"), token=token, body=_body(op)), world.first.tenant_id, third.id)
        for token in (ours.token, unknown)
    )
    assert first == second
    assert first[0] == 401


@pytest.mark.parametrize("op", NAMED)
def test_a_stranger_cannot_tell_what_there_is(
    world: Simulation, ours: Client, theirs: Client, name: str, op: Op
) -> None:
    """In another tenant's vault, objects that are there, deleted, or unknown are the same to a stranger."""
    collection(op).put(world, name)
    collection(op).deleted(world, gone := f"{name}-gone")
    answers = [
        told(ours.ask(op.method, _path(op, one), token=theirs.token, body=_body(op)))
        for one in (name, gone, f"{name}-unknown")
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 401


@pytest.mark.parametrize("model", ["role assignment", "access policy", "policy of the other tenant"])
def test_a_right_for_a_stranger_is_none(
    world: Simulation, ours: Client, theirs: Client, alien: Tenant, model: str
) -> None:
    """Even a right that names another tenant's principal opens nothing: a vault's callers are of its tenant."""
    stranger = world.administrator.oid
    before = world.view.vault(alien.vault.id)
    assert before is not None
    tenant = world.first.tenant_id if model.endswith("tenant") else alien.id
    every = ("all", "get", "list")
    policy = AccessPolicy(tenant, stranger, keys=every, secrets=every)

    async def give(tx: Transaction) -> None:
        if model == "role assignment":
            kind = PrincipalType.SERVICE_PRINCIPAL
            scope = alien.vault.scope
            assignment = RoleAssignment(guid(), alien.id, scope, KEY_VAULT_ADMINISTRATOR, stranger, kind, 0)
            await tx.put(assignment)
        else:
            await tx.put(replace(before, rbac=False, access_policies=(policy,)))

    world.commit(give)
    try:
        for kind in COLLECTIONS:
            assert theirs.ask("GET", f"/{kind.name}/{shared(kind.name)}/", token=ours.token).status == 401
    finally:
        world.commit(lambda tx: tx.put(before))


# ---- the management plane -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Ids that a path of the management plane is made of."""

    subscription: str
    group: str
    vault: str
    assignment: str
    role: str
    location: str

    @property
    def scope(self) -> str:
        """The vault's scope."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/Microsoft.KeyVault/vaults/"
            f"{self.vault}"
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """Everything in it that is an id."""
        return (self.subscription, self.group, self.vault, self.assignment, self.role)

    def fill(self, template: str) -> str:
        """Make a path of a template."""
        name = self.role if "roleDefinitions" in template else self.assignment
        filled = template.replace("{scope*}", self.scope).replace("{name}", name)
        return filled.format(
            subscription=self.subscription,
            group=self.group,
            vault=self.vault,
            identity=self.vault,
            federation=self.vault,
            machine=self.vault,
            network=self.vault,
            subnet=self.vault,
            endpoint=self.vault,
            connection=self.vault,
            perimeter=self.vault,
            profile=self.vault,
            rule=self.vault,
            association=self.vault,
            configuration=self.vault,
            setting=self.vault,
            event=self.vault,
            category="AuditEvent",
            location=self.location,
            operation="add",
            namespace="Microsoft.KeyVault",
            secret="s",
            key="k",
            version="0" * 32,
            value="v",
            deployment="d",
            status="s",
        )


@pytest.fixture(scope="module")
def our_place(world: Simulation) -> Place:
    """Give the first tenant's ids, all of which exist."""
    vault = world.vault
    assignment = world.grant(world.administrator.oid, KEY_VAULT_ADMINISTRATOR, vault.scope)
    return Place(
        vault.subscription, vault.resource_group, vault.name, assignment.id, KEY_VAULT_ADMINISTRATOR, vault.location
    )


@pytest.fixture
def no_place(our_place: Place) -> Place:
    """Give ids of nothing."""
    tag = chance.token_hex(4)
    return Place(guid(), f"g{tag}", f"v{tag}", guid(), our_place.role, our_place.location)


def _arm_body(op: Op, alien: Tenant) -> object:
    if op.name == "VaultPut":
        return {"location": "local", "properties": {"tenantId": alien.id, "sku": {"family": "A", "name": "standard"}}}
    if op.name == "VaultAccessPolicyPut":
        return {"properties": {"accessPolicies": []}}
    if op.name == "DiagnosticSettingPut":
        storage = f"/subscriptions/{alien.subscription}/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/s"
        return {"properties": {"storageAccountId": storage}}
    if op.name == "EventSubscriptionPut":
        where = {"endpointType": "WebHook", "properties": {"endpointUrl": "https://hooks.example/a"}}
        return {"properties": {"destination": where}}
    if op.name == "RoleAssignmentPut":
        role = f"/providers/Microsoft.Authorization/roleDefinitions/{KEY_VAULT_ADMINISTRATOR}"
        return {"properties": {"roleDefinitionId": role, "principalId": alien.principal.oid}}
    return {"location": "local", "tags": {}, "name": "x", "type": "Microsoft.KeyVault/vaults"}


IN_A_PLACE = [pytest.param(op, id=op.name) for op in ARM if "{" in op.path and not isinstance(op.requires, Public)]


@pytest.mark.parametrize("op", IN_A_PLACE)
def test_a_place_of_another_tenant_is_no_place(
    world: Simulation, alien: Tenant, our_place: Place, no_place: Place, op: Op
) -> None:
    """Every operation of the management plane treats another tenant's resources as ones that nobody has."""
    token = world.token(alien.principal, ARM_AUDIENCE, tenant=alien.id)
    stored = dump(world)
    answers = []
    for place in (our_place, no_place):
        path = place.fill(op.path)
        url = f"{world.arm_url}{path}?api-version={version_for(path)}"
        body = _arm_body(op, alien) if op.method in {"PUT", "PATCH", "POST"} else None
        answers.append(told(world.ask(op.method, url, token=token, body=body), *place.ids))
    assert answers[0] == answers[1]
    assert dump(world) == stored


@pytest.mark.parametrize("path", ["/subscriptions", "/tenants"])
def test_a_list_of_everything_is_of_ones_own(world: Simulation, alien: Tenant, path: str) -> None:
    """A list has nothing of another tenant in it."""
    token = world.token(alien.principal, ARM_AUDIENCE, tenant=alien.id)
    answer = world.ask("GET", f"{world.arm_url}{path}?api-version=2022-12-01", token=token)
    assert answer.status == 200
    text = answer.body.decode()
    assert alien.id in text
    assert world.first.tenant_id not in text
    assert world.first.subscription_id not in text


def test_a_right_cannot_be_given_to_a_principal_of_another_tenant(
    world: Simulation, alien: Tenant, our_place: Place
) -> None:
    """A role assignment for another tenant's principal is refused as one for nobody is."""
    token = world.token(alien.principal, ARM_AUDIENCE, tenant=alien.id)
    role = f"/providers/Microsoft.Authorization/roleDefinitions/{KEY_VAULT_ADMINISTRATOR}"
    answers = []
    for principal in (world.administrator.oid, guid()):
        name = guid()
        path = f"{alien.vault.scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        body = {"properties": {"roleDefinitionId": role, "principalId": principal}}
        answer = world.ask("PUT", f"{world.arm_url}{path}?api-version={version_for(path)}", token=token, body=body)
        answers.append(told(answer, principal, name))
    assert answers[0] == answers[1]
    assert answers[0][0] == 400


# ---- the directory --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ids:
    """One object of each kind in a directory."""

    user: str
    group: str
    application: str
    app_id: str
    service_principal: str


@pytest.fixture(scope="module")
def our_ids(world: Simulation) -> Ids:
    """Make an object of each kind in the first tenant."""
    graph = Graph(world, world.administrator)
    user, group, application = graph.add_user(), graph.add_group(), graph.add_application()
    principal = graph.make("servicePrincipals", {"appId": application["appId"]})
    graph.do(
        "POST",
        f"groups/{group['id']}/members/$ref",
        {"@odata.id": f"{world.graph_url}/v1.0/directoryObjects/{user['id']}"},
    )
    return Ids(user["id"], group["id"], application["id"], application["appId"], principal["id"])


@pytest.fixture
def alien_token(world: Simulation, alien: Tenant) -> Iterator[str]:
    """Sign in the second tenant's administrator to the directory; nothing is stored any more after that."""
    token = world.token(alien.principal, GRAPH_AUDIENCE, tenant=alien.id)
    stored = dump(world)
    yield token
    assert dump(world) == stored


def _graph_body(op: Op, world: Simulation, one: str) -> object:
    if op.method == "PATCH":
        return {"displayName": "taken over"}
    if op.path.endswith("$ref"):
        return {"@odata.id": f"{world.graph_url}/v1.0/directoryObjects/{one}"}
    if op.path.endswith("removePassword"):
        return {"keyId": guid()}
    if op.path.endswith(("getMemberGroups", "getMemberObjects")):
        return {"securityEnabledOnly": False}
    if "/appRole" in op.path:
        return {"appRoleId": NO_ROLE, "principalId": one, "resourceId": one}
    if op.path.endswith("checkMemberGroups"):
        return {"groupIds": [one]}
    return {}


ABOUT_ONE = [
    pytest.param(op, id=op.name) for op in GRAPH if any(name in op.path for name in ("{id}", "{app_id}", "{client_id}"))
]


@pytest.mark.parametrize("op", ABOUT_ONE)
@pytest.mark.parametrize("kind", ["user", "group", "application", "app_id", "service_principal"])
def test_an_object_of_another_directory_is_no_object(
    world: Simulation, our_ids: Ids, alien_token: str, op: Op, kind: str
) -> None:
    """Every operation of the directory treats an id of another tenant's, of whatever kind, as one that nobody has."""
    answers = []
    for one in (getattr(our_ids, kind), guid()):
        path = op.path.format(
            version="v1.0", id=one, app_id=one, client_id=one, member=one, assignment=one, credential=one, method=one
        )
        body = _graph_body(op, world, one) if op.method in {"PATCH", "POST"} else None
        answers.append(told(world.ask(op.method, world.graph_url + path, token=alien_token, body=body), one))
    assert answers[0] == answers[1]
    assert answers[0][0] in {400, 404}


@pytest.mark.parametrize("kind", ["user", "group", "application", "service_principal"])
def test_ids_of_another_directory_are_found_nowhere(
    world: Simulation, our_ids: Ids, alien_token: str, kind: str
) -> None:
    """Neither by their ids nor in a list does another tenant's object turn up."""
    one = getattr(our_ids, kind)
    found = world.ask(
        "POST", f"{world.graph_url}/v1.0/directoryObjects/getByIds", token=alien_token, body={"ids": [one, guid()]}
    )
    assert found.status == 200
    assert found.json["value"] == []
    for path in ("users", "groups", "applications", "servicePrincipals"):
        listed = world.ask("GET", f"{world.graph_url}/v1.0/{path}?$top=999", token=alien_token)
        assert listed.status == 200
        assert one not in listed.body.decode()


@pytest.mark.parametrize("kind", ["user", "group", "service_principal"])
def test_a_principal_of_another_directory_joins_no_group(
    world: Simulation, alien: Tenant, our_ids: Ids, kind: str
) -> None:
    """Another tenant's principal cannot be made a member: it is one that nobody has."""
    token = world.token(alien.principal, GRAPH_AUDIENCE, tenant=alien.id)
    body = {"displayName": "g", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True}
    group = world.ask("POST", f"{world.graph_url}/v1.0/groups", token=token, body=body).json["id"]
    answers = []
    for one in (getattr(our_ids, kind), guid()):
        reference = {"@odata.id": f"{world.graph_url}/v1.0/directoryObjects/{one}"}
        url = f"{world.graph_url}/v1.0/groups/{group}/members/$ref"
        answers.append(told(world.ask("POST", url, token=token, body=reference), one))
    assert answers[0] == answers[1]
    assert answers[0][0] in {400, 404}


# ---- the token service ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["oauth2/v2.0/token", "oauth2/token"])
def test_a_client_of_another_tenant_cannot_sign_in(world: Simulation, alien: Tenant, path: str) -> None:
    """An application of another tenant is one that nobody registered, even with its right secret."""
    admin = world.administrator
    answers = []
    for client in (admin.appid, guid()):
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": admin.secret,
            "scope": f"{VAULT_AUDIENCE}/.default",
            "resource": VAULT_AUDIENCE,
        }
        answers.append(told(world.ask("POST", f"{world.login_url}/{alien.id}/{path}", form=form), client))
    assert answers[0] == answers[1]
    assert answers[0][0] == 400


def test_two_tenants_publish_different_keys(world: Simulation, alien: Tenant) -> None:
    """SEC-TOKEN-1: no key is in two tenants' key sets, and no key set has a private member in it."""
    keys = []
    for tenant in (world.first.tenant_id, alien.id):
        answer = world.ask("GET", f"{world.login_url}/{tenant}/discovery/v2.0/keys")
        keys.append({(key["kid"], key["n"]) for key in answer.json["keys"]})
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for key in answer.json["keys"] for name in key}
    assert keys[0]
    assert keys[1]
    assert not {kid for kid, _ in keys[0]} & {kid for kid, _ in keys[1]}
    assert not {number for _, number in keys[0]} & {number for _, number in keys[1]}
