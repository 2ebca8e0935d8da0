"""Deployments beyond one resource group, and what they bring together: scopes, deployments within others, rights."""

from __future__ import annotations

import asyncio
import secrets as chance
from contextlib import ExitStack
from typing import Any

import pytest

from strongroom.arm.deployment_requests import Asker
from strongroom.core import deployment_limits
from strongroom.core.builtin_roles import KEY_VAULT_READER, OWNER
from strongroom.core.network import Bypass, DefaultAction
from strongroom.core.rbac import RoleAssignment
from strongroom.core.records import tenant_partition
from tests.flow.arm import Arm
from tests.flow.deploying import (
    SCHEMA,
    VERSION,
    begin,
    deploy,
    deployment,
    identity,
    nested,
    path,
    symbolic,
    template,
    vault,
)
from tests.world import ARM_AUDIENCE, Principal, Simulation

DEPLOY = "Microsoft.KeyVault/vaults/deploy/action"


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def group_resource(arm: Arm) -> dict[str, Any]:
    """Write the group as a resource of a template."""
    return {
        "type": "Microsoft.Resources/resourceGroups",
        "apiVersion": "2022-09-01",
        "name": f"g-{arm.tag}",
        "location": "local",
    }


def own_tenant(arm: Arm) -> None:
    """Become Owner of the tenant's own scope, if not yet."""
    held = arm.world.view.all(RoleAssignment, tenant_partition(arm.world.first.tenant_id))
    if not any(one.principal == arm.who.oid and one.scope == "/" for one in held):
        arm.world.grant(arm.who.oid, OWNER, "/")


class TestScopes:
    """Where a deployment can be."""

    def test_subscription(self, arm: Arm) -> None:
        """At a subscription groups are made, and what is in them by deployments within."""
        inner = template(
            vault(arm), outputs={"id": {"type": "string", "value": f"[resourceId('{KIND}', '{arm.vault_name}')]"}}
        )
        content = template(
            group_resource(arm),
            nested("within", inner, {}, resourceGroup=f"g-{arm.tag}", dependsOn=[f"g-{arm.tag}"]),
            outputs={"id": {"type": "string", "value": "[reference('within').outputs.id.value]"}},
        )
        content["$schema"] = SCHEMA.replace("deploymentTemplate", "subscriptionDeploymentTemplate")
        found = deploy(arm, deployment(content, location="local"), scope=arm.subscription, name=f"s-{arm.tag}")
        assert found["provisioningState"] == "Succeeded", found
        assert found["outputs"]["id"]["value"] == arm.vault
        assert (
            arm.do("GET", path(arm.group, "within"), version=VERSION)["properties"]["provisioningState"] == "Succeeded"
        )
        shown = arm.do("GET", path(arm.subscription, f"s-{arm.tag}"), version=VERSION)
        assert shown["location"] == "local"

    def test_management_group(self, arm: Arm) -> None:
        """At a management group rights over it are given."""
        arm.make_management_group()
        who = arm.world.principal(f"p-{arm.tag}")
        name = f"d0000000-0000-4000-8000-0000{arm.tag}"
        role = f"/providers/Microsoft.Authorization/roleDefinitions/{KEY_VAULT_READER}"
        assignment = {
            "type": "Microsoft.Authorization/roleAssignments",
            "apiVersion": "2022-04-01",
            "name": name,
            "properties": {"roleDefinitionId": role, "principalId": who.oid},
        }
        found = deploy(arm, deployment(template(assignment), location="local"), scope=arm.management_group)
        assert found["provisioningState"] == "Succeeded", found
        given = f"{arm.management_group}/providers/Microsoft.Authorization/roleAssignments/{name}"
        assert found["outputResources"] == [{"id": given}]
        assert arm.do("GET", given)["properties"]["principalId"] == who.oid
        arm.ask("DELETE", arm.management_group)
        arm.make_management_group()
        assert arm.ask("GET", path(arm.management_group), version=VERSION).status == 404

    def test_tenant(self, arm: Arm) -> None:
        """At the tenant management groups are made, and deployments at one of them."""
        arm.own_everything()
        own_tenant(arm)
        made = {
            "type": "Microsoft.Management/managementGroups",
            "apiVersion": "2021-04-01",
            "name": f"mg-{arm.tag}",
            "properties": {"displayName": "Made"},
        }
        below = nested(
            "below",
            template(outputs={"name": {"type": "string", "value": "[managementGroup().name]"}}),
            {},
            scope=f"Microsoft.Management/managementGroups/mg-{arm.tag}",
            location="local",
            dependsOn=[f"mg-{arm.tag}"],
        )
        content = template(
            made, below, outputs={"n": {"type": "string", "value": "[reference('below').outputs.name.value]"}}
        )
        answer = arm.ask("PUT", path("", f"t-{arm.tag}"), deployment(content, location="local"), version=VERSION)
        assert answer.status == 201, answer.body
        arm.world.settle()
        found = arm.do("GET", path("", f"t-{arm.tag}"), version=VERSION)["properties"]
        assert found["provisioningState"] == "Succeeded", found
        assert found["outputs"]["n"]["value"] == f"mg-{arm.tag}"

    def test_too_deep(self, arm: Arm) -> None:
        """Deployments are within each other as deep as the limit, and no deeper."""
        arm.make_group()

        def within(depth: int) -> dict[str, Any]:
            return template(*([nested(f"n{depth}", within(depth - 1), {})] if depth else []))

        assert (
            deploy(arm, deployment(within(deployment_limits.TEMPLATE_NESTING)), name="a")["provisioningState"]
            == "Succeeded"
        )
        found = deploy(arm, deployment(within(deployment_limits.TEMPLATE_NESTING + 1)), name="b")
        assert found["provisioningState"] == "Failed"
        assert "deeper than the limit" in str(found["error"])


KIND = "Microsoft.KeyVault/vaults"


class TestTogether:
    """What templates bring together."""

    def test_rights_on_what_was_made(self, arm: Arm) -> None:
        """An identity, a vault, a role at it for the identity, and a lock: in the order of what refers to what."""
        arm.make_group()
        role = f"subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{KEY_VAULT_READER}')"
        content = symbolic(
            {
                "role": {
                    "type": "Microsoft.Authorization/roleAssignments",
                    "apiVersion": "2022-04-01",
                    "scope": f"[format('{KIND}/{{0}}', '{arm.vault_name}')]",
                    "name": "[guid(resourceGroup().id, 'reader')]",
                    "properties": {
                        "roleDefinitionId": f"[{role}]",
                        "principalId": "[reference('who').principalId]",
                        "principalType": "ServicePrincipal",
                    },
                    "dependsOn": ["kv"],
                },
                "lock": {
                    "type": "Microsoft.Authorization/locks",
                    "apiVersion": "2020-05-01",
                    "scope": f"[resourceId('{KIND}', '{arm.vault_name}')]",
                    "name": "keep",
                    "properties": {"level": "CanNotDelete"},
                    "dependsOn": ["role"],
                },
                "kv": vault(arm, enableRbacAuthorization=True),
                "who": identity(f"i-{arm.tag}"),
                "trust": {
                    "type": "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
                    "apiVersion": "2023-01-31",
                    "name": f"[format('{{0}}/{{1}}', 'i-{arm.tag}', 'github')]",
                    "properties": arm.federation_body()["properties"],
                    "dependsOn": ["who"],
                },
            },
            outputs={"principal": {"type": "string", "value": "[reference('who').principalId]"}},
        )
        found = deploy(arm, deployment(content))
        assert found["provisioningState"] == "Succeeded", found
        assert len(found["outputResources"]) == 5
        assigned = arm.do("GET", f"{arm.vault}/providers/Microsoft.Authorization/roleAssignments")["value"]
        assert found["outputs"]["principal"]["value"] in {one["properties"]["principalId"] for one in assigned}
        assert arm.ask("DELETE", arm.vault).status == 409
        arm.do("DELETE", f"{arm.vault}/providers/Microsoft.Authorization/locks/keep", version="2020-05-01")

    def test_network(self, arm: Arm) -> None:
        """A network, a private endpoint in it, and children written within their parents."""
        arm.make_group()
        network = {
            "type": "Microsoft.Network/virtualNetworks",
            "apiVersion": "2023-09-01",
            "name": f"n-{arm.tag}",
            "location": "local",
            "properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}},
            "resources": [
                {
                    "type": "subnets",
                    "apiVersion": "2023-09-01",
                    "name": f"s-{arm.tag}",
                    "properties": {"addressPrefix": "10.1.1.0/24"},
                }
            ],
        }
        endpoint = {
            "type": "Microsoft.Network/privateEndpoints",
            "apiVersion": "2023-09-01",
            "name": f"e-{arm.tag}",
            **arm.endpoint_body(),
            "dependsOn": [
                arm.vault_name,
                f"[resourceId('Microsoft.Network/virtualNetworks/subnets', 'n-{arm.tag}', 's-{arm.tag}')]",
            ],
        }
        found = deploy(arm, deployment(template(endpoint, network, vault(arm))))
        assert found["provisioningState"] == "Succeeded", found
        assert len(arm.do("GET", f"{arm.vault}/privateEndpointConnections")["value"]) == 1

    def test_access_policy(self, arm: Arm) -> None:
        """Access policies are added to a vault that the template only refers to."""
        arm.make_vault(enableRbacAuthorization=False)
        content = symbolic(
            {
                "kv": {"existing": True, "type": KIND, "apiVersion": "2023-07-01", "name": arm.vault_name},
                "add": {
                    "type": f"{KIND}/accessPolicies",
                    "apiVersion": "2023-07-01",
                    "name": f"{arm.vault_name}/add",
                    "properties": {
                        "accessPolicies": [
                            {
                                "tenantId": "[tenant().tenantId]",
                                "objectId": arm.who.oid,
                                "permissions": {"secrets": ["get"]},
                            }
                        ]
                    },
                },
            },
            outputs={"uri": {"type": "string", "value": "[reference('kv').vaultUri]"}},
        )
        found = deploy(arm, deployment(content))
        assert found["provisioningState"] == "Succeeded", found
        assert found["outputs"]["uri"]["value"].startswith(f"https://{arm.vault_name}.")
        policies = arm.do("GET", arm.vault)["properties"]["accessPolicies"]
        assert [one["objectId"] for one in policies] == [arm.who.oid]

    def test_serial(self, arm: Arm) -> None:
        """A serial loop puts its resources one after another."""
        arm.make_group()
        loop = {"name": "c", "count": 6, "mode": "serial", "batchSize": 1}
        begin(arm, deployment(template(identity(f"[concat('s', copyIndex(), '-{arm.tag}')]", copy=loop))))
        arm.world.settle()
        made = [
            one["resourceId"].rpartition("/")[2].lower()
            for one in arm.world.entries()
            if one["operationName"] == "UserAssignedIdentityPut" and arm.tag.upper() in one["resourceId"]
        ]
        assert made == [f"s{number}-{arm.tag}" for number in range(6)]


class TestVaultReferences:
    """Parameters that are secrets in a vault (SEC-TENANT-8)."""

    @pytest.fixture
    def who(self, arm: Arm) -> Principal:
        """Give a principal that may deploy in the group, and a vault there with a secret."""
        arm.make_vault(enabledForTemplateDeployment=True, enableRbacAuthorization=True)
        self.value = f"hidden-{chance.token_hex(8)}"
        secret = f"{arm.vault}/secrets/s"
        arm.do("PUT", secret, {"properties": {"value": self.value}})
        who = arm.world.principal(f"deployer-{arm.tag}")
        actions = ("Microsoft.Resources/deployments/*", "Microsoft.ManagedIdentity/*")
        role = arm.do("PUT", arm.role, arm.role_body(*actions))
        arm.world.grant(who.oid, role["name"], arm.group)
        return who

    def give(self, arm: Arm, who: Principal) -> None:
        """Let a principal deploy secrets of the vault."""
        arm.role_body()
        other = f"{arm.group}/providers/Microsoft.Authorization/roleDefinitions/c1000000-0000-4000-8000-0000{arm.tag}"
        role = arm.do("PUT", other, arm.role_body(DEPLOY, roleName=f"Deployer {arm.tag}"))
        arm.world.grant(who.oid, role["name"], arm.vault)

    def body(self, arm: Arm, kind: str = "securestring", **reference: Any) -> dict[str, Any]:
        """Write a deployment that takes the secret, and shows how long it is."""
        base = {"keyVault": {"id": arm.vault}, "secretName": "s"}
        content = template(
            parameters={"p": {"type": kind}},
            outputs={"chars": {"type": "int", "value": "[length(parameters('p'))]"}},
        )
        made = deployment(content)
        made["properties"]["parameters"] = {"p": {"reference": base | reference}}
        return made

    def test_taken(self, arm: Arm, who: Principal) -> None:
        """With the action on the vault the secret is had, without any right in the vault, and each time recorded."""
        self.give(arm, who)
        found = deploy(arm.as_(who), self.body(arm))
        assert found["provisioningState"] == "Succeeded", found
        assert found["outputs"]["chars"]["value"] == len(self.value)
        assert found["parameters"] == {"p": {"type": "SecureString"}}
        (entry,) = [
            one
            for one in arm.world.entries()
            if one["operationName"] == "SecretGetForDeployment" and one["resourceId"] == arm.vault.upper()
        ]
        assert entry["identity"]["claim"]["oid"] == who.oid
        assert f"{arm.vault_name}.vault.localhost:8443/secrets/s/" in entry["properties"]["id"]

    @pytest.mark.parametrize("rest", ["", "/validate", "/whatIf"])
    def test_without_right(self, arm: Arm, who: Principal, rest: str) -> None:
        """Without it nothing is had, and nothing learned of the vault: not even that it is there."""
        method = "POST" if rest else "PUT"
        refusal = arm.as_(who).refused(method, path(arm.group, rest=rest), self.body(arm), version=VERSION)
        assert refusal[:2] == (403, "LinkedAuthorizationFailed")
        absent = self.body(arm, keyVault={"id": f"{arm.vault}x"})
        assert arm.as_(who).refused(method, path(arm.group, rest=rest), absent, version=VERSION)[:2] == refusal[:2]

    def test_not_enabled(self, arm: Arm, who: Principal) -> None:
        """A vault that is not enabled for template deployment gives nothing."""
        self.give(arm, who)
        arm.do("PATCH", arm.vault, {"properties": {"enabledForTemplateDeployment": False}})
        refusal = arm.as_(who).refused("PUT", path(arm.group), self.body(arm), version=VERSION)
        assert refusal[:2] == (403, "KeyVaultParameterReferenceSecretRetrieveFailed")

    def test_firewall(self, arm: Arm, who: Principal) -> None:
        """A closed vault lets deployments in as a trusted service, if it lets those in."""
        self.give(arm, who)
        for bypass, status in ((Bypass.AZURE_SERVICES, 200), (Bypass.NONE, 403)):
            rules = {"defaultAction": DefaultAction.DENY.value, "bypass": bypass.value}
            arm.do("PATCH", arm.vault, {"properties": {"networkAcls": rules}})
            answer = arm.as_(who).ask("POST", path(arm.group, rest="/validate"), self.body(arm), version=VERSION)
            assert answer.status == status, answer.body

    @pytest.mark.parametrize("kind", ["string", "object"])
    def test_in_the_open(self, arm: Arm, who: Principal, kind: str) -> None:
        """Only a securestring takes a secret: what is no secret parameter would be shown."""
        self.give(arm, who)
        refusal = arm.as_(who).refused("PUT", path(arm.group), self.body(arm, kind), version=VERSION)
        assert refusal[:2] == (400, "InvalidTemplate")

    @pytest.mark.parametrize(
        "reference",
        [
            {"secretName": "none"},
            {"secretName": "no/name"},
            {"secretVersion": "0" * 32},
            {"secretVersion": "word"},
        ],
    )
    def test_no_such_secret(self, arm: Arm, who: Principal, reference: dict[str, str]) -> None:
        """A secret that is not there is refused with the name of the parameter."""
        self.give(arm, who)
        refusal = arm.as_(who).refused("PUT", path(arm.group), self.body(arm, **reference), version=VERSION)
        assert refusal[:2] == (403, "KeyVaultParameterReferenceSecretRetrieveFailed")
        assert "'p'" in refusal[2]

    def test_other_tenant(self, arm: Arm, who: Principal) -> None:
        """A vault of another tenant is none, whatever rights somebody has at its id."""
        tenant = arm.world.tenant()
        stranger = arm.world.principal("stranger", tenant)
        arm.world.grant(stranger.oid, OWNER, "/", tenant)
        token = arm.world.token(stranger, ARM_AUDIENCE, tenant=tenant)
        answer = arm.ask("PUT", path("", "d"), {**self.body(arm), "location": "local"}, version=VERSION, token=token)
        assert (answer.status, answer.error["code"]) == (400, "KeyVaultParameterReferenceNotFound")
        del who


class TestTenants:
    """Deployments of another tenant (SEC-TENANT-2)."""

    def test_not_seen(self, arm: Arm) -> None:
        """The tenant's own scope `/` shows each tenant its own deployments."""
        own_tenant(arm)
        arm.ask("PUT", path("", f"mine-{arm.tag}"), deployment(template(), location="local"), version=VERSION)
        arm.world.settle()
        tenant = arm.world.tenant()
        stranger = arm.world.principal("stranger", tenant)
        arm.world.grant(stranger.oid, OWNER, "/", tenant)
        token = arm.world.token(stranger, ARM_AUDIENCE, tenant=tenant)
        assert arm.do("GET", path("", "").rstrip("/"), version=VERSION, token=token) == {"value": []}
        assert arm.ask("GET", path("", f"mine-{arm.tag}"), version=VERSION, token=token).status == 404
        assert arm.ask("GET", path("", f"mine-{arm.tag}"), version=VERSION).status == 200


class TestLimits:
    """How much there is of it."""

    def test_running(self, arm: Arm) -> None:
        """As many run in a tenant as may; the next is told to wait."""
        arm.make_group()
        token = arm.world.token(arm.who, ARM_AUDIENCE)
        background = arm.world.world.background
        for number in range(deployment_limits.DEPLOYMENTS_RUNNING - 1):
            background.reserve(f"{arm.tag}-{number}", _Waiting(arm.world.first.tenant_id))
        try:
            assert begin(arm, deployment(template()), name="last", token=token).status == 201
            background.reserve(f"{arm.tag}-more", _Waiting(arm.world.first.tenant_id))
            arm.world.settle()
            answer = begin(arm, deployment(template()), name="over", token=token)
            assert (answer.status, answer.error["code"]) == (429, "TooManyRequests")
        finally:
            for number in range(deployment_limits.DEPLOYMENTS_RUNNING - 1):
                background.release(f"{arm.tag}-{number}")
            background.release(f"{arm.tag}-more")

    def test_running_of_one(self, arm: Arm) -> None:
        """As many of one caller run as may, fewer than of the tenant."""
        arm.make_group()
        background, tenant = arm.world.world.background, arm.world.first.tenant_id
        names = [f"{arm.tag}-{number}" for number in range(deployment_limits.DEPLOYMENTS_RUNNING_OF_ONE - 1)]
        for name in names:
            background.reserve(name, _Waiting(tenant, arm.who.oid))
        token = arm.world.token(arm.who, ARM_AUDIENCE)
        try:
            assert begin(arm, deployment(template()), name="last", token=token).status == 201
            background.reserve(f"{arm.tag}-more", _Waiting(tenant, arm.who.oid))
            names.append(f"{arm.tag}-more")
            arm.world.settle()
            answer = begin(arm, deployment(template()), name="over", token=token)
            assert (answer.status, answer.error["message"][:36]) == (429, "8 deployments of this caller are und")
        finally:
            for name in names:
                background.release(name)

    def test_so_many_ask_at_once(self, arm: Arm) -> None:
        """A caller's requests that bring templates are so many; one more is 429, and what is within none of them."""
        arm.make_group()
        token, background = arm.world.token(arm.who, ARM_AUDIENCE), arm.world.world.background
        inner = nested("inner", template())
        with ExitStack() as held:
            for _ in range(deployment_limits.TEMPLATES_WAITING_OF_ONE - 1):
                held.enter_context(background.asking(arm.who.oid))
            assert begin(arm, deployment(template(inner)), name="last", token=token).status == 201
            held.enter_context(background.asking(arm.who.oid))
            arm.world.settle()
            assert arm.do("GET", path(arm.group, "inner"))["properties"]["provisioningState"] == "Succeeded"
            answer = begin(arm, deployment(template()), name="over", token=token)
            assert (answer.status, answer.error["code"]) == (429, "TooManyRequests")
        assert begin(arm, deployment(template()), name="over", token=token).status == 201

    def test_within_is_not_counted(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """One deployment is one, however many are within it."""
        arm.make_group()
        counts: list[int] = []
        background = arm.world.world.background
        ask = Asker.ask

        async def counted(self: Asker, *args: Any, **how: Any) -> Any:
            counts.append(background.count(arm.world.first.tenant_id))
            return await ask(self, *args, **how)

        monkeypatch.setattr(Asker, "ask", counted)
        inner = nested(
            "[concat('n', copyIndex())]", template(identity(f"idn-{arm.tag}")), {}, copy={"name": "c", "count": 3}
        )
        deploy(arm, deployment(template(inner)))
        assert (len(counts) >= 6, set(counts)) == (True, {1})

    def test_at_once(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A deployment puts as many resources at once as it may, and the next when one of them is there."""
        arm.make_group()
        under_way, most, full = 0, 0, asyncio.Event()
        at_once, ask = deployment_limits.DEPLOYMENT_RESOURCES_AT_ONCE, Asker.ask

        async def counted(self: Asker, *args: Any, **how: Any) -> Any:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if under_way == at_once:
                full.set()
            try:
                await full.wait()
                # Whoever is let in beyond that comes while these are still here.
                for _ in range(10):
                    await asyncio.sleep(0)
                return await ask(self, *args, **how)
            finally:
                under_way -= 1

        monkeypatch.setattr(Asker, "ask", counted)
        loop = {"name": "c", "count": 3 * at_once}
        found = deploy(arm, deployment(template(identity(f"[concat('o', copyIndex(), '-{arm.tag}')]", copy=loop))))
        assert len(found["outputResources"]) == loop["count"]
        assert most == at_once

    def test_kept(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A scope remembers so many deployments; the oldest goes for a new one, and not one that runs again."""
        monkeypatch.setattr(deployment_limits, "DEPLOYMENTS_KEPT", 3)
        arm.make_group()
        for name in ("a", "b", "c", "d", "b"):
            deploy(arm, deployment(template()), name=name)
            arm.world.advance(1)
        listed = arm.do("GET", path(arm.group, "").rstrip("/"), version=VERSION)["value"]
        assert [one["name"] for one in listed] == ["b", "c", "d"]

    def test_long_template(self, arm: Arm) -> None:
        """A template that is longer than is kept is carried out, and not given again."""
        arm.make_group()
        frame = len(str(template(variables={"v": ""})))
        for chars, status in (
            (deployment_limits.DEPLOYMENT_KEPT_BYTES - frame - 64, 200),
            (deployment_limits.DEPLOYMENT_KEPT_BYTES, 404),
        ):
            found = deploy(arm, deployment(template(variables={"v": "x" * chars})))
            assert found["provisioningState"] == "Succeeded"
            assert arm.ask("POST", path(arm.group, rest="/exportTemplate"), version=VERSION).status == status

    def test_work(self, arm: Arm) -> None:
        """No template makes more work than it may, however its parts refer to one another."""
        arm.make_group()
        doubled = {
            f"v{number}": f"[createArray(variables('v{number - 1}'), variables('v{number - 1}'))]"
            for number in range(1, 40)
        }
        content = template(
            variables={"v0": "x", **doubled}, outputs={"o": {"type": "array", "value": "[variables('v39')]"}}
        )
        found = deploy(arm, deployment(content))
        assert found["provisioningState"] == "Failed"
        assert str(deployment_limits.TEMPLATE_WORK) in found["error"]["message"]


class _Waiting:
    """Work that counts and is not begun."""

    def __init__(self, tenant: str, owner: str = "") -> None:
        self.tenant = tenant
        self.owner = owner

    async def run(self) -> None:
        """Never begin."""

    def cancel(self) -> None:
        """Go on."""

    interrupt = cancel
