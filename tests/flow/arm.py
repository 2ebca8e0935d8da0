"""Asking the management plane in a simulated world."""

from __future__ import annotations

import secrets as chance
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from strongroom.arm.deployment_documents import operation_id, status_id
from strongroom.arm.deployment_run import key_of
from strongroom.arm.polling import (
    Outcome,
    Place,
    seal_id,
)
from strongroom.core.builtin_roles import KEY_VAULT_READER, OWNER
from strongroom.core.deployments import Deployment
from strongroom.core.diagnostics import AuditSink, SinkKind
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.networks import Perimeter
from strongroom.core.objects import Collection
from strongroom.core.rbac import RoleAssignment
from strongroom.core.records import tenant_partition
from strongroom.core.resources import Subscription
from tests.flow.arm_bodies import inbound, key_body, lock_body, secret_body
from tests.plugins.canary import plant
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


class _Endless:
    """A deployment that does not end; it counts for no tenant."""

    tenant = owner = ""

    async def run(self) -> None:
        """Never begin."""

    def cancel(self) -> None:
        """Go on for ever."""

    interrupt = cancel


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
    def key(self) -> str:
        """A key of it, as a resource."""
        return f"{self.vault}/keys/k-{self.tag}"

    @property
    def key_version(self) -> str:
        """The key's newest version, or one that nobody made."""
        vault = self.world.view.vault_by_name(self.vault_name)
        name = self.key.rpartition("/")[2]
        stored = None if vault is None else self.world.run(self.world.store.object(vault.id, Collection.KEYS, name))
        return f"{self.key}/versions/{'0' * 32 if stored is None else stored.latest}"

    @property
    def secret(self) -> str:
        """A secret of it, as a resource."""
        return f"{self.vault}/secrets/s-{self.tag}"

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
    def network(self) -> str:
        """A virtual network's scope."""
        return f"{self.group}/providers/Microsoft.Network/virtualNetworks/n-{self.tag}"

    @property
    def subnet(self) -> str:
        """A subnet of it."""
        return f"{self.network}/subnets/s-{self.tag}"

    @property
    def endpoint(self) -> str:
        """A private endpoint's scope."""
        return f"{self.group}/providers/Microsoft.Network/privateEndpoints/e-{self.tag}"

    @property
    def connection(self) -> str:
        """The vault's connection to that endpoint; before there is one, a name of none."""
        vault = self.world.view.vault_by_name(self.vault_name)
        found = self.world.view.connection_between(self.endpoint, vault.id) if vault is not None else None
        name = f"{self.tag}{'0' * 24}" if found is None else found.id
        return f"{self.vault}/privateEndpointConnections/{name}"

    @property
    def perimeter(self) -> str:
        """A network security perimeter's scope."""
        return f"{self.group}/providers/Microsoft.Network/networkSecurityPerimeters/p-{self.tag}"

    @property
    def profile(self) -> str:
        """A profile of it."""
        return f"{self.perimeter}/profiles/f-{self.tag}"

    @property
    def rule(self) -> str:
        """An access rule of that."""
        return f"{self.profile}/accessRules/r-{self.tag}"

    @property
    def association(self) -> str:
        """That the vault is in the perimeter."""
        return f"{self.perimeter}/resourceAssociations/a-{self.tag}"

    @property
    def configuration(self) -> str:
        """That, as the vault knows it; before it is so, a name of nothing."""
        path = f"{self.vault}/networkSecurityPerimeterConfigurations"
        found = [one for one in self.world.view.all(Perimeter) if one.scope == self.perimeter]
        return f"{path}/{found[0].guid if found else self.tag}.a-{self.tag}"

    @property
    def storage(self) -> str:
        """The ARM id of a storage account that an audit sink can be."""
        return f"{self.group}/providers/Microsoft.Storage/storageAccounts/s{self.tag}"

    @property
    def setting(self) -> str:
        """A diagnostic setting of the vault."""
        return f"{self.vault}/providers/Microsoft.Insights/diagnosticSettings/d-{self.tag}"

    @property
    def event_subscription(self) -> str:
        """An event subscription of the vault."""
        return f"{self.vault}/providers/Microsoft.EventGrid/eventSubscriptions/e-{self.tag}"

    @property
    def since_yesterday(self) -> str:
        """The filter of the activity log that is for the last day, encoded."""
        return quote(f"eventTimestamp ge '{datetime.fromtimestamp(self.world.clock() - 86_400, UTC).isoformat()}'")

    @property
    def since_now(self) -> str:
        """Give the filter of events from this second on."""
        return quote(f"eventTimestamp ge '{datetime.fromtimestamp(self.world.clock(), UTC).isoformat()}'")

    @property
    def management_group(self) -> str:
        """A management group's scope."""
        return f"/providers/Microsoft.Management/managementGroups/mg-{self.tag}"

    @property
    def root_group(self) -> str:
        """The scope of the tenant's root group."""
        return f"/providers/Microsoft.Management/managementGroups/{self.world.first.tenant_id}"

    @property
    def placed(self) -> str:
        """The path of a subscription of its own in that group."""
        return f"{self.management_group}/subscriptions/5aaaaaaa-0000-4000-8000-0000{self.tag}"

    @property
    def bare_subscription(self) -> str:
        """The scope of a subscription with nothing in it."""
        return f"/subscriptions/5bbbbbbb-0000-4000-8000-0000{self.tag}"

    @property
    def denial(self) -> str:
        """The path of a deny assignment at the vault."""
        return f"{self.vault}/providers/Microsoft.Authorization/denyAssignments/de000000-0000-4000-8000-0000{self.tag}"

    @property
    def other_group(self) -> str:
        """Another group's scope."""
        return f"{self.subscription}/resourceGroups/h-{self.tag}"

    @property
    def tags(self) -> str:
        """The path of the vault's tags."""
        return f"{self.vault}/providers/Microsoft.Resources/tags/default"

    @property
    def tag_name(self) -> str:
        """The path of a name that the subscription suggests for tags."""
        return f"{self.subscription}/tagNames/n-{self.tag}"

    @property
    def lock(self) -> str:
        """The path of a lock at the vault."""
        return f"{self.vault}/providers/Microsoft.Authorization/locks/l-{self.tag}"

    @property
    def role(self) -> str:
        """The path of a custom role at the group."""
        return f"{self.group}/providers/Microsoft.Authorization/roleDefinitions/c0000000-0000-4000-8000-0000{self.tag}"

    @property
    def assignment(self) -> str:
        """The path of a role assignment at the vault."""
        return f"{self.vault}/providers/Microsoft.Authorization/roleAssignments/d0000000-0000-4000-8000-0000{self.tag}"

    def operation(self, place: Place, segment: str, result: dict[str, Any] | None = None) -> str:
        """Give the path of an operation of the caller's own that has just ended."""
        parent = place.path.format(subscription=self.world.first.subscription_id, location="local")
        tenant, kind = self.world.first.tenant_id, PrincipalType.SERVICE_PRINCIPAL
        caller = Caller(tenant, self.who.oid, self.who.appid, kind, "", frozenset(), "", "")
        now = int(self.world.clock())
        return f"{parent}/{segment}/{seal_id(self.world.keys, caller, parent, Outcome(now, now, result))}"

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
        assert answer.status in {200, 201, 202, 204}, (answer.status, answer.body)
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

    def role_body(self, *actions: str, scopes: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
        """Give the body that makes a custom role, which can read groups if nothing else is said."""
        base = {
            "roleName": f"Role {self.tag}",
            "type": "CustomRole",
            "permissions": [{"actions": list(actions or ("Microsoft.Resources/subscriptions/resourceGroups/read",))}],
            "assignableScopes": list(scopes or (self.group,)),
        }
        return {"properties": base | properties}

    def make_role(self, *actions: str, **more: Any) -> Any:
        """Make the group and a custom role for it."""
        self.make_group()
        return self.do("PUT", self.role, self.role_body(*actions, **more))

    def denial_body(self, principal: str = "", **properties: Any) -> dict[str, Any]:
        """Give the body that takes the reading of groups from a principal, or from the caller itself."""
        named = {"id": principal or self.who.oid}
        base = {
            "denyAssignmentName": f"Denial {self.tag}",
            "permissions": [{"actions": ["Microsoft.Resources/subscriptions/resourceGroups/read"]}],
            "principals": [named],
        }
        return {"properties": base | properties}

    def make_denial(self, **properties: Any) -> Any:
        """Make the vault and a denial at it."""
        self.make_vault()
        return self.do("PUT", self.denial, self.denial_body(**properties))

    def management_group_body(self, parent: str = "", name: str = "") -> dict[str, Any]:
        """Give the body that makes a management group; *parent* is an ARM id."""
        details = {"details": {"parent": {"id": parent}}} if parent else {}
        return {"properties": {"displayName": name or f"Group {self.tag}", **details}}

    @property
    def deployment(self) -> str:
        """A deployment at the group."""
        return f"{self.group}/providers/Microsoft.Resources/deployments/d-{self.tag}"

    def deployment_body(self) -> dict[str, Any]:
        """Give the body that deploys an identity."""
        schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
        kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
        resource = {"type": kind, "apiVersion": "2023-01-31", "name": f"i-{self.tag}", "location": "local"}
        template = {"$schema": schema, "contentVersion": "1.0.0.0", "resources": [resource]}
        return {"properties": {"mode": "Incremental", "template": template}}

    def make_deployment(self) -> Any:
        """Make the group, and deploy an identity to the end."""
        self.make_group()
        made = self.do("PUT", self.deployment, self.deployment_body())
        self.world.settle()
        return made

    def make_endless_deployment(self) -> None:
        """Make a deployment that is told as under way from then on."""
        self.make_deployment()
        tenant = self.world.first.tenant_id
        self.world.world.background.reserve(key_of(tenant, self.deployment), _Endless())

    @property
    def deployment_operation(self) -> str:
        """The path of what became of the deployment's one resource."""
        return f"{self.deployment}/operations/{operation_id('Create', self.identity)}"

    @property
    def deployment_status(self) -> str:
        """The path of how far the deployment is; before there is one, of nothing."""
        found = [one for one in self.world.view.all(Deployment) if one.arm_id == self.deployment]
        return f"{self.deployment}/operationStatuses/{status_id(found[0]) if found else 'none'}"

    def own_everything(self) -> None:
        """Become Owner of the root group, if not yet."""
        held = self.world.view.all(RoleAssignment, tenant_partition(self.world.first.tenant_id))
        if not any(one.principal == self.who.oid and one.scope == self.root_group for one in held):
            self.world.grant(self.who.oid, OWNER, self.root_group)

    def make_management_group(self) -> Any:
        """Make the management group, as one who may."""
        self.own_everything()
        return self.do("PUT", self.management_group, self.management_group_body())

    def make_placed(self, *, placed: bool = True) -> None:
        """Make the management group and a subscription of its own; put it in, if *placed*."""
        self.make_management_group()
        tenant, guid = self.world.first.tenant_id, self.placed.rpartition("/")[2]
        made = Subscription(guid, tenant, f"Subscription {self.tag}", 0, f"mg-{self.tag}" if placed else "")
        self.world.commit(lambda tx: tx.put(made))

    def make_bare_subscription(self) -> None:
        """Make the subscription with nothing in it, as one who may do everything there."""
        self.own_everything()
        tenant, guid = self.world.first.tenant_id, self.bare_subscription.rpartition("/")[2]
        self.world.commit(lambda tx: tx.put(Subscription(guid, tenant, f"Subscription {self.tag}", 0)))

    def make_group(self) -> Any:
        """Make the group."""
        return self.do("PUT", self.group, {"location": "local"})

    def make_vault(self, **properties: Any) -> Any:
        """Make the group and the vault."""
        self.make_group()
        return self.do("PUT", self.vault, self.vault_body(**properties))

    def make_key(self, **properties: Any) -> Any:
        """Make the vault and the key, as a resource."""
        self.make_vault()
        return self.do("PUT", self.key, key_body(**properties))

    def make_secret(self, value: str | None = None, **members: Any) -> Any:
        """Make the vault and the secret, as a resource."""
        self.make_vault()
        return self.do("PUT", self.secret, secret_body(value, **members))

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

    def network_body(self, *subnets: dict[str, Any], **properties: Any) -> dict[str, Any]:
        """Give the body that makes a virtual network."""
        base = {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}}
        inside = {"subnets": list(subnets)} if subnets else {}
        return {"location": "local", "properties": base | inside | properties}

    def subnet_body(self, prefix: str = "10.1.1.0/24", *services: str) -> dict[str, Any]:
        """Give the body that makes a subnet, as az sends it."""
        endpoints = {"serviceEndpoints": [{"service": service} for service in services]} if services else {}
        return {"name": f"s-{self.tag}", "properties": {"addressPrefixes": [prefix], **endpoints}}

    def make_network(self, *services: str) -> Any:
        """Make the group, and the network with its subnet."""
        self.make_group()
        return self.do("PUT", self.network, self.network_body(self.subnet_body("10.1.1.0/24", *services)))

    def endpoint_body(self, *, manual: bool = False, **properties: Any) -> dict[str, Any]:
        """Give the body that makes a private endpoint for the vault, as az sends it."""
        asked = {"privateLinkServiceId": self.vault, "groupIds": ["vault"], "requestMessage": "please"}
        member = "manualPrivateLinkServiceConnections" if manual else "privateLinkServiceConnections"
        base = {"subnet": {"id": self.subnet}, member: [{"name": "link", "properties": asked | properties}]}
        return {"location": "local", "properties": base}

    def make_endpoint(self, *, manual: bool = False) -> Any:
        """Make the vault, the network and a private endpoint between them."""
        self.make_vault()
        self.make_network()
        return self.do("PUT", self.endpoint, self.endpoint_body(manual=manual))

    def make_profile(self) -> Any:
        """Make the group, and a perimeter with a profile."""
        self.make_group()
        self.do("PUT", self.perimeter, {"location": "local"})
        return self.do("PUT", self.profile, {"properties": {}})

    def make_rule(self) -> Any:
        """Make that, and an access rule."""
        self.make_profile()
        return self.do("PUT", self.rule, inbound("203.0.113.0/24"))

    def association_body(self, mode: str = "Learning", **properties: Any) -> dict[str, Any]:
        """Give the body that puts the vault into the perimeter."""
        base = {"privateLinkResource": {"id": self.vault}, "profile": {"id": self.profile}, "accessMode": mode}
        return {"properties": base | properties}

    def make_association(self, mode: str = "Learning") -> Any:
        """Make the vault and the perimeter, and put the one into the other."""
        self.make_vault()
        self.make_rule()
        return self.do("PUT", self.association, self.association_body(mode))

    def make_sink(self, **changes: Any) -> AuditSink:
        """Map the storage account, as the operator would."""
        given: dict[str, Any] = {
            "id": f"sink-{self.tag}",
            "tenant": self.world.first.tenant_id,
            "resource": self.storage.lower(),
            "kind": SinkKind.STORAGE,
            "created": int(self.world.clock()),
            "folder": f"/nowhere/{self.tag}",
        }
        made = AuditSink(**given | changes)
        self.world.commit(lambda tx: tx.put(made))
        return made

    def setting_body(self, **properties: Any) -> dict[str, Any]:
        """Give the body that makes a diagnostic setting, as az sends it."""
        base = {"storageAccountId": self.storage, "logs": [{"category": "AuditEvent", "enabled": True}]}
        return {"properties": base | properties}

    def make_setting(self, **properties: Any) -> Any:
        """Make the vault, the sink and a diagnostic setting between them."""
        self.make_vault()
        self.make_sink()
        return self.do("PUT", self.setting, self.setting_body(**properties))

    def event_subscription_body(self, **properties: Any) -> dict[str, Any]:
        """Give the body that makes an event subscription."""
        where = {"endpointUrl": f"https://hooks.example/{self.tag}?code={plant()}"}
        return {"properties": {"destination": {"endpointType": "WebHook", "properties": where}} | properties}

    def make_event_subscription(self, **properties: Any) -> Any:
        """Make the vault and an event subscription of it."""
        self.make_vault()
        return self.do("PUT", self.event_subscription, self.event_subscription_body(**properties))

    def make_tag_name(self) -> Any:
        """Suggest a name for tags."""
        return self.do("PUT", self.tag_name)

    def make_tag_value(self) -> Any:
        """Suggest a name for tags, and a value."""
        self.make_tag_name()
        return self.do("PUT", f"{self.tag_name}/tagValues/v")

    def make_lock(self) -> Any:
        """Make the vault and lock it."""
        self.make_vault()
        return self.do("PUT", self.lock, lock_body("ReadOnly"))

    def move_body(self, *resources: str, target: str = "") -> dict[str, Any]:
        """Give the body that moves resources, or the vault, to the other group."""
        return {"resources": list(resources or (self.vault,)), "targetResourceGroup": target or self.other_group}

    def make_vault_and_other_group(self) -> None:
        """Make the vault, and a group to move it to."""
        self.make_vault()
        self.do("PUT", self.other_group, {"location": "local"})

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
