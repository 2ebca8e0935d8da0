"""
The surfaces whose operations want a caller, each as the one suite for all of them sees it.

A surface says here what is its own: what a token must be for, how an operation is asked for, how it words a refusal,
and how a right is given exactly. What must hold is in `test_every_operation.py`.
"""

from __future__ import annotations

import secrets as chance
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR, OWNER
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.permissions import ControlAction
from strongroom.core.rbac import RoleDefinition
from strongroom.core.vaults import AccessPolicy
from strongroom.directory import roles
from strongroom.flow.operation import Op
from tests.flow import arm, arm_cases, cases, graph_cases
from tests.flow.graph import Graph
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, VAULT_AUDIENCE, Answer, Principal, Simulation

AUDIENCES = (VAULT_AUDIENCE, ARM_AUDIENCE, GRAPH_AUDIENCE)
RANDOM_SUBSCRIPTION = "59999999-0000-4000-8000-000000000001"
PROPAGATION = (
    "If role assignments, deny assignments or role definitions were changed recently, please observe propagation time."
)


_ARM_AUDIENCE = (
    "The access token has been obtained for wrong audience or resource '{found}'. It should exactly match with one of"
    " the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net',"
    "'https://management.azure.com/','https://management.azure.com'."
)


class Subject(ABC):
    """One operation with what it is about, which has names that nobody else uses."""

    scope: str
    """What its right is looked up at."""

    def __init__(self, world: Simulation, op: Op) -> None:
        self.world = world
        self.op = op

    @abstractmethod
    def prepare(self) -> None:
        """Make what the operation needs."""

    @abstractmethod
    def request(self) -> tuple[str, object]:
        """Give the URL and the body; until it is prepared, of what is not there."""

    def become(self, who: Principal) -> None:
        """Ask as somebody else from here on, for what there is of each caller's own: here nothing."""
        assert who.oid

    def ask(self, token: str | None, **how: Any) -> Answer:
        """Ask for the operation with this token and none other."""
        url, body = self.request()
        return self.world.ask(self.op.method, url, token=token, body=body, **how)


class Guarded(ABC):
    """A surface whose operations want a caller."""

    name: str
    audience: str
    operations: tuple[Op, ...]
    cases: tuple[str, ...]
    """The names of the operations that there is a way to ask for."""
    headers: ClassVar[dict[str, str]] = {}
    """What every answer of this surface has beside what all have."""

    @abstractmethod
    def subject(self, world: Simulation, op: Op) -> Subject:
        """Give something new for an operation to be about."""

    @abstractmethod
    def challenge(self, world: Simulation) -> str:
        """Give the header that tells where to get a token and for what."""

    @abstractmethod
    def words(self, reason: str, found: str) -> tuple[str, str]:
        """Give the code and the sentence for a token that is refused for a *reason*; *found* is its audience."""

    def models(self, op: Op) -> tuple[str, ...]:
        """Name the ways in which a right to the operation can be given: none, if it wants no right."""
        raise NotImplementedError

    @abstractmethod
    def withhold(self, subject: Subject, model: str) -> None:
        """Let the model decide, and give nobody the right."""

    @abstractmethod
    def give(self, subject: Subject, who: Principal, model: str) -> str:
        """Let the model decide, give exactly the right, and say by what the audit names it."""

    @abstractmethod
    def rich(self, world: Simulation, model: str) -> Principal:
        """Give a principal with every right that there is outside the model."""

    @abstractmethod
    def denial(self, subject: Subject, who: Principal, model: str) -> dict[str, Any]:
        """Give the error that a caller without the right is answered."""

    def success(self, op: Op) -> int:
        """Give the status of an operation that is allowed."""
        return op.success


def role_of(world: Simulation, op: Op, **actions: tuple[str, ...]) -> str:
    """Make a role with these actions and no others."""
    role = RoleDefinition(
        id=f"00000000-0000-4000-8000-{chance.token_hex(6)}",
        tenant=world.first.tenant_id,
        name=f"only {op.name}",
        **actions,  # type: ignore[arg-type]  # the caller names actions or data_actions
    )
    world.commit(lambda tx: tx.put(role))
    return role.id


# ---- vaults -------------------------------------------------------------------------------------------------------


class VaultSubject(Subject):
    """An operation on an object in a vault, or on the vault."""

    def __init__(self, world: Simulation, op: Op) -> None:
        super().__init__(world, op)
        self.name = f"s-{chance.token_hex(6)}"
        self.case = cases.CASES[op.name]
        self.scope = cases.scope(world, op, self.name)
        self._body = self.case.unprepared()

    def prepare(self) -> None:
        """Bring the vault into the state that the operation needs."""
        self.case.prepare(self.world, self.name)
        self._body = self.case.prepared(self.world, self.name)

    def request(self) -> tuple[str, object]:
        """Give the URL and the body."""
        path = self.case.path.format(name=self.name)
        return f"{self.world.vault_url}{path}?api-version={cases.VERSION}", self._body


class Vaults(Guarded):
    """The data plane: two permission models, and the reference's words."""

    name, audience, operations, cases = "vault", VAULT_AUDIENCE, cases.GUARDED, tuple(cases.CASES)
    headers: ClassVar[dict[str, str]] = {
        "x-ms-keyvault-region": "local",
        "x-ms-keyvault-network-info": "conn_type=Ipv4;addr=203.0.113.7;act_addr_fam=InterNetwork;",
    }

    def subject(self, world: Simulation, op: Op) -> VaultSubject:
        """Give an object's name that nobody uses."""
        return VaultSubject(world, op)

    def challenge(self, world: Simulation) -> str:
        """Name the vault's own tenant."""
        authority = f"https://login.localhost:8443/{world.first.tenant_id}"
        return f'Bearer authorization="{authority}", resource="https://vault.localhost:8443"'

    def words(self, reason: str, found: str) -> tuple[str, str]:
        """Use the words of reference section 1.5."""
        table = {
            "no bearer token": "AKV10000: Request is missing a Bearer or PoP token.",
            "wrong audience": f"AKV10022: Invalid audience. Expected https://vault.azure.net, found: {found}.",
            "expired": "[TokenExpired] Error validating token: 'S2S12086'.",
        }
        malformed = "[AggregatedAuthenticationFailure] Error validating token: 'S2S17001'."
        return "Unauthorized", table.get(reason, malformed)

    def models(self, op: Op) -> tuple[str, ...]:
        """Name both models: every row has a permission in each."""
        cases.permission(op)
        return ("rbac", "policy")

    def withhold(self, subject: Subject, model: str) -> None:
        """Choose the model; nobody has an access policy."""
        subject.world.set_vault(rbac=model == "rbac", access_policies=())

    def give(self, subject: Subject, who: Principal, model: str) -> str:
        """Give the row's data action on exactly the object, or the row's word for the vault."""
        world, permission = subject.world, cases.permission(subject.op)
        if model == "rbac":
            role = role_of(world, subject.op, data_actions=(permission.action,))
            return world.grant(who.oid, role, subject.scope).arm_id
        words = {permission.category: (permission.word.lower(),)}
        world.set_vault(rbac=False, access_policies=(AccessPolicy(world.first.tenant_id, who.oid, **words),))
        return f"{world.vault.scope}/accessPolicies/0"

    def rich(self, world: Simulation, model: str) -> Principal:
        """Where policies decide, give the administrator, by role; where roles do, an owner, who has no data action."""
        if model == "policy":
            return world.administrator
        owner = world.principal("owner", lifetime_s=30 * 86_400)
        world.grant(owner.oid, OWNER, world.vault.scope)
        world.grant(owner.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope[:-1])  # only looks like a prefix
        return owner

    def denial(self, subject: Subject, who: Principal, model: str) -> dict[str, Any]:
        """Use the reference's words (section 1.6): they tell what was asked, not what exists."""
        world, permission = subject.world, cases.permission(subject.op)
        caller = f"appid={who.appid};oid={who.oid};iss=https://sts.windows.net/{world.first.tenant_id}/"
        vault = f"{world.vault.name};location={world.vault.location}"
        if model == "policy":
            message = (
                f"The user, group or application '{caller}' does not have {permission.category} {permission.word}"
                f" permission on key vault '{vault}'. For help resolving this issue, please see"
                " https://go.microsoft.com/fwlink/?linkid=2125287"
            )
            return {"code": "Forbidden", "message": message, "innererror": {"code": "ForbiddenByPolicy"}}
        message = "\r\n".join(
            (
                "Caller is not authorized to perform action on resource.",
                PROPAGATION,
                f"Caller: {caller}",
                f"Action: '{permission.action}'",
                f"Resource: '{subject.scope.lower()}'",
                "Assignment: (not found)",
                "DenyAssignmentId: null",
                "DecisionReason: 'DeniedWithNoValidRBAC' ",
                f"Vault: {vault}",
                "",
            )
        )
        return {"code": "Forbidden", "message": message, "innererror": {"code": "ForbiddenByRbac"}}


# ---- the management plane -----------------------------------------------------------------------------------------


class ResourceSubject(Subject):
    """An operation on a resource that nobody else uses."""

    def __init__(self, world: Simulation, op: Op) -> None:
        super().__init__(world, op)
        self.arm = arm.Arm(world, world.administrator)
        self.case = arm_cases.CASES[op.name]
        self.scope = arm_cases.scope_of(op, self.arm)

    def prepare(self) -> None:
        """Make the resources."""
        self.case.prepare(self.arm)

    def become(self, who: Principal) -> None:
        """Ask for an operation of that caller's."""
        self.arm = self.arm.as_(who)

    def request(self) -> tuple[str, object]:
        """Give the URL, with an api-version that its provider knows, and the body."""
        path = self.case.path(self.arm)
        query = f"api-version={arm.version_for(path)}{self.case.query(self.arm)}"
        return f"{self.world.arm_url}{path}?{query}", self.case.body(self.arm)


class Management(Guarded):
    """The management plane: role assignments at the scope of the resource."""

    name, audience, operations, cases = "management", ARM_AUDIENCE, arm_cases.GUARDED, tuple(arm_cases.CASES)

    def subject(self, world: Simulation, op: Op) -> ResourceSubject:
        """Give resources of new names."""
        return ResourceSubject(world, op)

    def challenge(self, world: Simulation) -> str:
        """Name no tenant: resources of every one are behind the same host."""
        authority = "https://login.localhost:8443/common"
        return f'Bearer authorization="{authority}", resource="https://management.localhost:8443"'

    def words(self, reason: str, found: str) -> tuple[str, str]:
        """Use ARM's words, as ADR 0014 has them."""
        table = {
            "no bearer token": (
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            ),
            "wrong audience": (
                "InvalidAuthenticationTokenAudience",
                _ARM_AUDIENCE.format(found=found),
            ),
            "expired": (
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than the current.",
            ),
        }
        return table.get(reason, ("InvalidAuthenticationToken", "The access token is invalid."))

    def models(self, op: Op) -> tuple[str, ...]:
        """Name roles, where the row has an action; what has none shows each caller its own."""
        return ("rbac",) if isinstance(op.requires, ControlAction) else ()

    def withhold(self, subject: Subject, model: str) -> None:
        """Do nothing: who has no role has no right."""

    def give(self, subject: Subject, who: Principal, model: str) -> str:
        """Give the row's action at exactly its scope, and what it takes besides at exactly the scope of that."""
        assert isinstance(subject, ResourceSubject)
        for linked, scope_of in subject.case.linked:
            other = role_of(subject.world, subject.op, actions=(linked,))
            subject.world.grant(who.oid, other, scope_of(subject.arm))
        role = role_of(subject.world, subject.op, actions=(_action(subject.op),))
        return subject.world.grant(who.oid, role, subject.scope).arm_id

    def rich(self, world: Simulation, model: str) -> Principal:
        """Give a principal with every data action there is, everywhere (pitfalls: actions and data actions merged)."""
        keeper = world.principal("keeper", lifetime_s=30 * 86_400)
        role = role_of(world, self.operations[0], data_actions=("*",))
        world.grant(keeper.oid, role, "/")
        return keeper

    def denial(self, subject: Subject, who: Principal, model: str) -> dict[str, Any]:
        """Use ARM's words: they say what was asked and not what exists."""
        message = (
            f"The client '{who.appid}' with object id '{who.oid}' does not have authorization to perform action"
            f" '{_action(subject.op)}' over scope '{subject.scope}' or the scope is invalid. If access was recently"
            " granted, please refresh your credentials."
        )
        return {"code": "AuthorizationFailed", "message": message}


def _action(op: Op) -> str:
    assert isinstance(op.requires, ControlAction)
    return op.requires.action


# ---- the directory ------------------------------------------------------------------------------------------------


class ObjectSubject(Subject):
    """An operation on an object of the directory that nobody else uses."""

    scope = "/"

    def __init__(self, world: Simulation, op: Op) -> None:
        super().__init__(world, op)
        self.case = graph_cases.CASES[op.name]
        self.things: graph_cases.Things = graph_cases.Nothing()
        self._body: object = None

    def prepare(self) -> None:
        """Make the objects."""
        self.things = graph_cases.Things(Graph(self.world, self.world.administrator))
        self.request()

    def request(self) -> tuple[str, object]:
        """Give the URL and the body."""
        path = self.case.path(self.things)
        below = path if path.startswith("/") else f"/v1.0/{path}"
        return f"{self.world.graph_url}{below}", self.case.body(self.things)


class Directory(Guarded):
    """The directory API, as a service principal has it: a Global Administrator reads and writes."""

    name, audience, operations, cases = "graph", GRAPH_AUDIENCE, graph_cases.GUARDED, tuple(graph_cases.CASES)

    def subject(self, world: Simulation, op: Op) -> ObjectSubject:
        """Give objects of their own."""
        return ObjectSubject(world, op)

    def challenge(self, world: Simulation) -> str:
        """Name no tenant: directories of every one are behind the same host."""
        authority = "https://login.localhost:8443/common"
        return f'Bearer authorization="{authority}", resource="https://graph.localhost:8443"'

    def words(self, reason: str, found: str) -> tuple[str, str]:
        """Use Graph's words, as ADR 0014 has them."""
        table = {
            "no bearer token": "Access token is empty.",
            "wrong audience": "Access token validation failure. Invalid audience.",
            "expired": "Lifetime validation failed, the token is expired.",
        }
        return "InvalidAuthenticationToken", table.get(reason, "Access token validation failure.")

    def models(self, op: Op) -> tuple[str, ...]:
        """Name directory roles, for whatever is in the directory."""
        return ("directory",) if graph_cases.wants_a_role(op) else ()

    def withhold(self, subject: Subject, model: str) -> None:
        """Do nothing: who has no directory role has no right."""

    def give(self, subject: Subject, who: Principal, model: str) -> str:
        """Make the principal an administrator of its directory."""
        world = subject.world
        world.commit(
            lambda tx: roles.assign_role(tx, world.first.tenant_id, role=GLOBAL_ADMINISTRATOR, principal=who.oid)
        )
        return GLOBAL_ADMINISTRATOR

    def rich(self, world: Simulation, model: str) -> Principal:
        """Give a principal that owns every resource and every secret in them."""
        owner = world.principal("owner", lifetime_s=30 * 86_400)
        for role in (OWNER, KEY_VAULT_ADMINISTRATOR):
            world.grant(owner.oid, role, "/")
        return owner

    def denial(self, subject: Subject, who: Principal, model: str) -> dict[str, Any]:
        """Use Graph's words, which say nothing."""
        return {
            "code": "Authorization_RequestDenied",
            "message": "Insufficient privileges to complete the operation.",
        }

    def success(self, op: Op) -> int:
        """Give the status that a service principal is answered."""
        return graph_cases.CASES[op.name].success or op.success


VAULTS, MANAGEMENT, DIRECTORY = Vaults(), Management(), Directory()
SURFACES: tuple[Guarded, ...] = (VAULTS, MANAGEMENT, DIRECTORY)
