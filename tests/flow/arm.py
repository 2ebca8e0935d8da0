"""Asking the management plane in a simulated world."""

from __future__ import annotations

import secrets as chance
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from strongroom.arm.operations import OPERATIONS
from strongroom.core.builtin_roles import KEY_VAULT_READER
from strongroom.core.permissions import Public
from strongroom.flow.operation import Op
from tests.world import ARM_AUDIENCE, Answer, Principal, Simulation

KEY_VAULT = "2026-02-01"
RESOURCES = "2022-12-01"
AUTHORIZATION = "2022-04-01"


def version_for(path: str) -> str:
    """Give an api-version that the path's provider knows."""
    folded = path.lower()
    if "/providers/microsoft.authorization/" in folded:
        return AUTHORIZATION
    return KEY_VAULT if "/providers/microsoft.keyvault/" in folded else RESOURCES


@dataclass
class Arm:
    """A signed-in caller of the management plane, with names that nobody else uses."""

    world: Simulation
    who: Principal
    tag: str = field(default_factory=lambda: chance.token_hex(4))

    @property
    def subscription(self) -> str:
        """The first subscription's scope."""
        return f"/subscriptions/{self.world.first.subscription_id}"

    @property
    def group(self) -> str:
        """A group's scope."""
        return f"{self.subscription}/resourceGroups/g-{self.tag}"

    @property
    def vault_name(self) -> str:
        """A vault's name."""
        return f"v-{self.tag}"

    @property
    def vault(self) -> str:
        """A vault's scope."""
        return f"{self.group}/providers/Microsoft.KeyVault/vaults/{self.vault_name}"

    @property
    def deleted_vault(self) -> str:
        """The path of the vault in the deleted state."""
        return f"{self.subscription}/providers/Microsoft.KeyVault/locations/local/deletedVaults/{self.vault_name}"

    @property
    def identity(self) -> str:
        """A user-assigned identity's scope."""
        return f"{self.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i-{self.tag}"

    @property
    def federation(self) -> str:
        """A federated credential of that identity."""
        return f"{self.identity}/federatedIdentityCredentials/f-{self.tag}"

    @property
    def machine(self) -> str:
        """A machine's scope."""
        return f"{self.group}/providers/Microsoft.HybridCompute/machines/m-{self.tag}"

    @property
    def assignment(self) -> str:
        """The path of a role assignment at the vault."""
        return f"{self.vault}/providers/Microsoft.Authorization/roleAssignments/d0000000-0000-4000-8000-0000{self.tag}"

    def as_(self, who: Principal) -> Arm:
        """Speak of the same things as another caller."""
        return Arm(self.world, who, self.tag)

    def ask(self, method: str, path: str, body: object = None, *, version: str | None = None, **how: Any) -> Answer:
        """Send a request; *path* may have a query."""
        token = how.pop("token", None) or self.world.token(self.who, ARM_AUDIENCE)
        joint = "&" if "?" in path else "?"
        given = version_for(path) if version is None else version
        query = f"{joint}api-version={given}" if given else ""
        return self.world.ask(method, f"{self.world.arm_url}{path}{query}", token=token, body=body, **how)

    def do(self, method: str, path: str, body: object = None, *, version: str | None = None, **how: Any) -> Any:
        """Send a request that succeeds, and give its decoded body."""
        answer = self.ask(method, path, body, version=version, **how)
        assert answer.status in {200, 201, 204}, (answer.status, answer.body)
        return answer.json if answer.body else None

    def refused(
        self, method: str, path: str, body: object = None, *, version: str | None = None, **how: Any
    ) -> tuple[int, str, str]:
        """Send a request that is refused and changes nothing: status, code, message."""
        view = self.world.view
        token = how.pop("token", None) or self.world.token(self.who, ARM_AUDIENCE)
        before = view.generation
        answer = self.ask(method, path, body, version=version, token=token, **how)
        assert answer.status >= 400, answer.body
        assert view.generation == before, "a refused request changed something"
        assert set(answer.json) == {"error"}
        return answer.status, answer.error["code"], answer.error["message"]

    def vault_body(self, **properties: Any) -> dict[str, Any]:
        """Give the body that makes a vault."""
        base = {"tenantId": self.world.first.tenant_id, "sku": {"family": "A", "name": "standard"}}
        return {"location": "local", "properties": base | properties}

    def assignment_body(self, principal: str, role: str = KEY_VAULT_READER, **more: Any) -> dict[str, Any]:
        """Give the body that gives a role."""
        identifier = f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        return {"properties": {"roleDefinitionId": identifier, "principalId": principal, **more}}

    def make_group(self) -> Any:
        """Make the group."""
        return self.do("PUT", self.group, {"location": "local"})

    def make_vault(self, **properties: Any) -> Any:
        """Make the group and the vault."""
        self.make_group()
        return self.do("PUT", self.vault, self.vault_body(**properties))

    def make_deleted_vault(self) -> None:
        """Make the vault and delete it."""
        self.make_vault()
        self.do("DELETE", self.vault)

    def make_identity(self, **body: Any) -> Any:
        """Make the group and the identity."""
        self.make_group()
        return self.do("PUT", self.identity, {"location": "local", **body})

    def federation_body(self, **properties: Any) -> dict[str, Any]:
        """Give the body that makes a federated credential, as az sends it."""
        base = {"issuer": f"https://{self.tag}.example", "subject": "s", "audiences": ["api://AzureADTokenExchange"]}
        return {"properties": base | properties}

    def make_federation(self) -> Any:
        """Make the identity, and a federated credential of it."""
        self.make_identity()
        return self.do("PUT", self.federation, self.federation_body())

    def make_machine(self, kind: str = "SystemAssigned", **body: Any) -> Any:
        """Make the group, and a machine with an identity of its own."""
        self.make_group()
        return self.do("PUT", self.machine, {"location": "local", "identity": {"type": kind}, **body})

    def make_assignment(self) -> Any:
        """Make the vault and give a role at it."""
        self.make_vault()
        principal = self.world.principal(f"p-{self.tag}")
        return self.do("PUT", self.assignment, self.assignment_body(principal.oid))


def policy(arm: Arm, who: str, **permissions: list[str]) -> dict[str, Any]:
    """Write an access policy."""
    return {"tenantId": arm.world.first.tenant_id, "objectId": who, "permissions": permissions}


def get_secret(arm: Arm) -> int:
    """Ask the vault itself for a secret that does not exist: 404 if the caller may, 403 or 404 of the host if not."""
    url = f"https://{arm.vault_name}.vault.localhost:8443/secrets/none?api-version=7.4"
    return arm.world.ask("GET", url, token=arm.world.token(arm.who)).status


# ---- one case for each operation ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """One operation's request, and what must be there for it."""

    path: Callable[[Arm], str]
    prepare: Callable[[Arm], object] = lambda _arm: None
    body: Callable[[Arm], object] = lambda _arm: None
    empty_for_nobody: bool = False
    """True for lists that show nothing to a caller without rights."""
    to_stranger: int = 404
    """What another tenant's owner is answered: what is no 404 looks nothing up in the subscription of its path."""
    also: tuple[str, ...] = ()
    """Actions that it wants besides its row's."""


def _policies(arm: Arm) -> object:
    entry = {"tenantId": arm.world.first.tenant_id, "objectId": arm.who.oid, "permissions": {"secrets": ["get"]}}
    return {"properties": {"accessPolicies": [entry]}}


_AUTHORIZATION = "/providers/Microsoft.Authorization"
_EXPLANATIONS = "/providers/Strongroom.Authorization"
_SYSTEM_ASSIGNED = "/providers/Microsoft.ManagedIdentity/identities/default"

CASES: dict[str, Case] = {
    "TenantList": Case(lambda _: "/tenants", to_stranger=200),
    "SubscriptionList": Case(lambda _: "/subscriptions", empty_for_nobody=True, to_stranger=200),
    "SubscriptionGet": Case(lambda arm: arm.subscription),
    "ResourceGroupList": Case(lambda arm: f"{arm.subscription}/resourceGroups", empty_for_nobody=True),
    "ResourceGroupGet": Case(lambda arm: arm.group, Arm.make_group),
    "ResourceGroupExists": Case(lambda arm: arm.group, Arm.make_group),
    "ResourceGroupPut": Case(lambda arm: arm.group, body=lambda _: {"location": "local"}),
    "ResourceGroupDelete": Case(lambda arm: arm.group, Arm.make_vault),
    "ResourceList": Case(lambda arm: f"{arm.subscription}/resources", Arm.make_vault, empty_for_nobody=True),
    "ResourceListByGroup": Case(lambda arm: f"{arm.group}/resources", Arm.make_vault, empty_for_nobody=True),
    "VaultGet": Case(lambda arm: arm.vault, Arm.make_vault),
    "VaultPut": Case(lambda arm: arm.vault, Arm.make_group, Arm.vault_body),
    "VaultPatch": Case(lambda arm: arm.vault, Arm.make_vault, lambda _: {"tags": {"a": "b"}}),
    "VaultDelete": Case(lambda arm: arm.vault, Arm.make_vault),
    "VaultAccessPolicyPut": Case(lambda arm: f"{arm.vault}/accessPolicies/add", Arm.make_vault, _policies),
    "VaultListByGroup": Case(lambda arm: arm.vault.rpartition("/")[0], Arm.make_vault, empty_for_nobody=True),
    "VaultList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault/vaults", Arm.make_vault, empty_for_nobody=True
    ),
    "VaultCheckNameAvailability": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault/checkNameAvailability",
        body=lambda arm: {"name": arm.vault_name, "type": "Microsoft.KeyVault/vaults"},
    ),
    "VaultListDeleted": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault/deletedVaults", Arm.make_deleted_vault
    ),
    "VaultGetDeleted": Case(lambda arm: arm.deleted_vault, Arm.make_deleted_vault),
    "VaultPurge": Case(lambda arm: f"{arm.deleted_vault}/purge", Arm.make_deleted_vault),
    "UserAssignedIdentityGet": Case(lambda arm: arm.identity, Arm.make_identity),
    "UserAssignedIdentityPut": Case(lambda arm: arm.identity, Arm.make_group, lambda _: {"location": "local"}),
    "UserAssignedIdentityPatch": Case(lambda arm: arm.identity, Arm.make_identity, lambda _: {"tags": {"a": "b"}}),
    "UserAssignedIdentityDelete": Case(lambda arm: arm.identity, Arm.make_identity),
    "UserAssignedIdentityListByGroup": Case(
        lambda arm: arm.identity.rpartition("/")[0], Arm.make_identity, empty_for_nobody=True
    ),
    "UserAssignedIdentityList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
        Arm.make_identity,
        empty_for_nobody=True,
    ),
    "FederatedIdentityCredentialList": Case(lambda arm: arm.federation.rpartition("/")[0], Arm.make_federation),
    "FederatedIdentityCredentialGet": Case(lambda arm: arm.federation, Arm.make_federation),
    "FederatedIdentityCredentialPut": Case(lambda arm: arm.federation, Arm.make_identity, Arm.federation_body),
    "FederatedIdentityCredentialDelete": Case(lambda arm: arm.federation, Arm.make_federation),
    "MachineGet": Case(lambda arm: arm.machine, Arm.make_machine),
    "MachinePut": Case(lambda arm: arm.machine, Arm.make_group, lambda _: {"location": "local"}),
    "MachinePatch": Case(lambda arm: arm.machine, Arm.make_machine, lambda _: {"identity": {"type": "None"}}),
    "MachineDelete": Case(lambda arm: arm.machine, Arm.make_machine),
    "MachineListByGroup": Case(lambda arm: arm.machine.rpartition("/")[0], Arm.make_machine, empty_for_nobody=True),
    "MachineList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.HybridCompute/machines",
        Arm.make_machine,
        empty_for_nobody=True,
    ),
    "SystemAssignedIdentityGet": Case(lambda arm: f"{arm.machine}{_SYSTEM_ASSIGNED}", Arm.make_machine),
    "RoleAssignmentList": Case(lambda arm: arm.assignment.rpartition("/")[0], Arm.make_assignment),
    "RoleAssignmentGet": Case(lambda arm: arm.assignment, Arm.make_assignment),
    "RoleAssignmentPut": Case(
        lambda arm: arm.assignment, Arm.make_vault, lambda arm: arm.assignment_body(arm.world.administrator.oid)
    ),
    "RoleAssignmentDelete": Case(lambda arm: arm.assignment, Arm.make_assignment, to_stranger=204),
    "RoleDefinitionListBuiltIn": Case(lambda _: f"{_AUTHORIZATION}/roleDefinitions", to_stranger=200),
    "RoleDefinitionGetBuiltIn": Case(lambda _: f"{_AUTHORIZATION}/roleDefinitions/{KEY_VAULT_READER}", to_stranger=200),
    "RoleDefinitionList": Case(lambda arm: f"{arm.subscription}{_AUTHORIZATION}/roleDefinitions", to_stranger=200),
    "RoleDefinitionGet": Case(
        lambda arm: f"{arm.subscription}{_AUTHORIZATION}/roleDefinitions/{KEY_VAULT_READER}", to_stranger=200
    ),
    "VaultExplain": Case(
        lambda arm: f"{arm.vault}{_EXPLANATIONS}/explain",
        Arm.make_vault,
        lambda arm: {"principal": arm.world.administrator.oid, "operation": "SecretGet", "objectName": "a"},
        also=("Microsoft.KeyVault/vaults/read",),
    ),
    "VaultExplainOwn": Case(
        lambda arm: f"{arm.vault}{_EXPLANATIONS}/explainOwn",
        Arm.make_vault,
        lambda _: {"operation": "SecretGet", "objectName": "a"},
    ),
    "VaultWhoCan": Case(
        lambda arm: f"{arm.vault}{_EXPLANATIONS}/whoCan",
        Arm.make_vault,
        lambda _: {"operation": "SecretGet", "objectName": "a"},
        also=("Microsoft.KeyVault/vaults/read",),
    ),
    "PermissionList": Case(
        lambda arm: f"{arm.subscription}{_AUTHORIZATION}/permissions", empty_for_nobody=True, to_stranger=200
    ),
}

GUARDED: tuple[Op, ...] = tuple(op for op in OPERATIONS if not isinstance(op.requires, Public))
"""Every operation that wants a caller. A new row without a case fails the suite."""


def scope_of(op: Op, arm: Arm) -> str:
    """Give the scope that an operation's right is looked up at."""
    path = CASES[op.name].path(arm)
    if "{scope*}" in op.path:
        return path.removesuffix(_SYSTEM_ASSIGNED).partition("/providers/Microsoft.Authorization/")[0]
    for prefix in (
        arm.vault,
        arm.federation,
        arm.identity,
        arm.machine,
        arm.deleted_vault,
        arm.group,
        arm.subscription,
    ):
        if path.startswith(prefix):
            return prefix
    return "/"
