"""Deployments of templates: what they make, remove and would change, and how they end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from strongroom.arm.deployment_run import key_of
from strongroom.core import deployment_limits
from strongroom.core.deployments import Deployment, DeploymentState
from strongroom.flow.background import Background
from tests.flow.arm import Arm
from tests.flow.deploying import (
    SCHEMA,
    VERSION,
    arm,
    begin,
    deploy,
    deployment,
    identity,
    path,
    symbolic,
    template,
    vault,
)
from tests.world import ARM_AUDIENCE

__all__ = ["arm"]


class TestLife:
    """From a template to what is in it."""

    def test_deployed(self, arm: Arm) -> None:
        """A vault is made as the template says, and its outputs say what it became."""
        arm.make_group()
        content = template(
            vault(arm),
            parameters={"days": {"type": "int", "defaultValue": 7}},
            outputs={"uri": {"type": "string", "value": f"[reference('{arm.vault_name}').vaultUri]"}},
        )
        content["resources"][0]["properties"]["softDeleteRetentionInDays"] = "[parameters('days')]"
        answer = begin(arm, deployment(content))
        assert answer.status == 201
        assert answer.json["properties"]["provisioningState"] == "Accepted"
        assert answer.headers["azure-asyncoperation"].startswith(
            f"{arm.world.arm_url}{path(arm.group)}/operationStatuses/"
        )
        arm.world.settle()
        status = arm.world.ask(
            "GET",
            answer.headers["azure-asyncoperation"],
            token=arm.world.token(arm.who, "https://management.azure.com"),
        )
        assert status.json == {"status": "Succeeded"}
        found = arm.do("GET", path(arm.group), version=VERSION)
        assert found["properties"]["provisioningState"] == "Succeeded"
        assert found["properties"]["parameters"] == {"days": {"type": "Int", "value": 7}}
        uri = f"https://{arm.vault_name}.vault.localhost:8443/"
        assert found["properties"]["outputs"] == {"uri": {"type": "String", "value": uri}}
        assert found["properties"]["outputResources"] == [{"id": arm.vault}]
        assert arm.do("GET", arm.vault)["properties"]["softDeleteRetentionInDays"] == 7

    def test_null(self, arm: Arm) -> None:
        """A parameter that is given null has its default, as Azure CLI's own template counts on (recorded)."""
        arm.make_group()
        parameters = {"days": {"type": "int", "defaultValue": 7}, "note": {"type": "string", "nullable": True}}
        content = template(parameters=parameters)
        found = deploy(arm, deployment(content, {"days": None, "note": None}))
        assert found["parameters"]["days"] == {"type": "Int", "value": 7}
        assert found["parameters"]["note"].get("value") is None

    def test_symbolic(self, arm: Arm) -> None:
        """Resources go by their symbolic names."""
        arm.make_group()
        content = symbolic(
            {
                "kv": vault(arm),
                "id": identity(
                    "[format('i-{0}-{1}', parameters('tag'), copyIndex())]", copy={"name": "id", "count": 2}
                ),
            },
            parameters={"tag": {"type": "string"}},
            outputs={"first": {"type": "string", "value": "[reference('id[1]').principalId]"}},
        )
        found = deploy(arm, deployment(content, {"tag": arm.tag}))
        assert found["provisioningState"] == "Succeeded", found
        assert len(found["outputResources"]) == 3

    def test_again(self, arm: Arm) -> None:
        """The same deployment again answers 200, and changes what the template says otherwise."""
        arm.make_group()
        deploy(arm, deployment(template(vault(arm))))
        answer = begin(arm, deployment(template(vault(arm, enabledForDeployment=True))))
        assert answer.status == 200
        arm.world.settle()
        assert arm.do("GET", arm.vault)["properties"]["enabledForDeployment"] is True

    def test_listed_and_forgotten(self, arm: Arm) -> None:
        """A scope lists its deployments; one that is forgotten leaves what it deployed."""
        arm.make_group()
        deploy(arm, deployment(template(vault(arm))), name="one")
        deploy(arm, deployment(template()), name="two")
        listed = arm.do("GET", path(arm.group, "").rstrip("/"), version=VERSION)["value"]
        assert [one["name"] for one in listed] == ["one", "two"]
        wanted = f"{path(arm.group, '').rstrip('/')}?$filter=provisioningState%20eq%20'Failed'"
        assert arm.do("GET", wanted, version=VERSION)["value"] == []
        assert arm.ask("HEAD", path(arm.group, "one"), version=VERSION).status == 204
        for _ in range(2):
            assert arm.ask("DELETE", path(arm.group, "one"), version=VERSION).status == 204
        assert arm.ask("HEAD", path(arm.group, "one"), version=VERSION).status == 404
        assert arm.refused("GET", path(arm.group, "one"), version=VERSION)[:2] == (404, "DeploymentNotFound")
        assert arm.ask("GET", arm.vault).status == 200

    def test_operations(self, arm: Arm) -> None:
        """Each resource's outcome can be read, alone too."""
        arm.make_group()
        deploy(arm, deployment(template(vault(arm))))
        (one,) = arm.do("GET", path(arm.group, rest="/operations"), version=VERSION)["value"]
        assert one["properties"]["targetResource"]["id"] == arm.vault
        assert one["properties"]["provisioningState"] == "Succeeded"
        assert arm.do("GET", path(arm.group, rest=f"/operations/{one['operationId']}"), version=VERSION) == one
        refusal = arm.refused("GET", path(arm.group, rest="/operations/none"), version=VERSION)
        assert refusal[:2] == (404, "DeploymentOperationNotFound")
        # As Azure's clients ask for a group's.
        short = path(arm.group, rest="/operations").replace("/providers/Microsoft.Resources", "")
        short = short.replace("/resourceGroups/", "/resourcegroups/")
        assert arm.do("GET", short, version=VERSION)["value"] == [one]
        assert arm.do("GET", f"{short}/{one['operationId']}", version=VERSION) == one

    def test_exported(self, arm: Arm) -> None:
        """The template can be had again."""
        arm.make_group()
        content = template(vault(arm))
        deploy(arm, deployment(content))
        assert arm.do("POST", path(arm.group, rest="/exportTemplate"), version=VERSION) == {"template": content}

    def test_goes_with_its_group(self, arm: Arm) -> None:
        """A group that is deleted takes its deployments with it."""
        arm.make_group()
        deploy(arm, deployment(template()))
        arm.do("DELETE", arm.group)
        arm.make_group()
        assert arm.ask("GET", path(arm.group), version=VERSION).status == 404

    def test_as_az_sends_it(self, arm: Arm) -> None:
        """The template may have comments and texts over lines, behind a name without quotation marks."""
        arm.make_group()
        raw = b"""{"properties": {"mode": "Incremental", "parameters": {}, template:{ // a comment
            "$schema": "%s", /* and
            another */ "contentVersion": "1.0.0.0", "resources": [],
            "outputs": {"o": {"type": "string", "value": "[concat('a',
               '//b')]"}}}}}""" % SCHEMA.encode()
        answer = arm.ask("PUT", path(arm.group), version=VERSION, raw=raw)
        assert answer.status == 201, answer.body
        arm.world.settle()
        found = arm.do("GET", path(arm.group), version=VERSION)["properties"]
        assert found["outputs"]["o"]["value"] == "a//b"

    def test_everything_of_one_request(self, arm: Arm) -> None:
        """What a deployment does has the caller's name and one correlation id in the journal, its end too."""
        arm.make_group()
        mark = f"0000{arm.tag}-0000-4000-8000-000000000000"
        deploy(arm, deployment(template(vault(arm))), headers={"x-ms-client-request-id": mark})
        entries = [one for one in arm.world.entries() if one["correlationId"] == mark]
        assert [one["operationName"] for one in entries] == ["DeploymentPut", "VaultPut", "DeploymentFinish"]
        assert {one["identity"]["claim"]["oid"] for one in entries} == {arm.who.oid}
        assert entries[-1]["properties"]["provisioningState"] == "Succeeded"


class TestUnderWay:
    """Deployments that have not ended."""

    def test_active(self, arm: Arm) -> None:
        """A deployment under way cannot be replaced or forgotten."""
        arm.make_endless_deployment()
        place = arm.deployment
        try:
            assert arm.refused("PUT", place, deployment(template()), version=VERSION)[:2] == (409, "DeploymentActive")
            assert arm.refused("DELETE", place, version=VERSION)[:2] == (409, "DeploymentActive")
        finally:
            arm.world.world.background.release(key_of(arm.world.first.tenant_id, place))

    def test_cancelled(self, arm: Arm) -> None:
        """What is cancelled begins nothing more."""
        arm.make_group()
        token = arm.world.token(arm.who, ARM_AUDIENCE)
        names = [f"i{number}-{arm.tag}" for number in range(12)]
        chain = [identity(name, dependsOn=[names[place - 1]] if place else []) for place, name in enumerate(names)]
        begin(arm, deployment(template(*chain)), token=token)
        arm.world.settles = False
        try:
            answer = arm.ask("POST", path(arm.group, rest="/cancel"), version=VERSION, token=token)
        finally:
            arm.world.settles = True
        assert answer.status == 204
        found = arm.do("GET", path(arm.group), version=VERSION)["properties"]
        assert found["provisioningState"] == "Canceled"
        assert len(found["outputResources"]) < len(names)
        refusal = arm.refused("POST", path(arm.group, rest="/cancel"), version=VERSION)
        assert refusal[:2] == (409, "DeploymentCannotBeCancelled")

    def test_interrupted(self, arm: Arm) -> None:
        """A deployment that a restart ended says so; it is never told as under way or done."""
        arm.make_group()
        deploy(arm, deployment(template()))
        world = arm.world
        (record,) = [one for one in world.view.all(Deployment) if one.scope == arm.group]
        world.commit(lambda tx: tx.put(replace(record, state=DeploymentState.RUNNING, finished=0)))
        found = arm.do("GET", path(arm.group), version=VERSION)["properties"]
        assert found["provisioningState"] == "Failed"
        assert found["error"]["code"] == "DeploymentInterrupted"
        assert begin(arm, deployment(template())).status == 200

    def test_stopped(self, arm: Arm) -> None:
        """A service that stops lets what was begun end, begins nothing more, and records it."""
        arm.make_group()
        names = [f"i{number}-{arm.tag}" for number in range(12)]
        chain = [identity(name, dependsOn=[names[place - 1]] if place else []) for place, name in enumerate(names)]
        begin(arm, deployment(template(*chain)))
        late = identity(f"late-{arm.tag}")
        arm.world.run(arm.world.world.background.stop(deployment_limits.DEPLOYMENT_STOP_S))
        try:
            # One that came just before the listeners closed.
            assert deploy(arm, deployment(template(late)), name="late")["error"]["code"] == "DeploymentInterrupted"
        finally:
            arm.world.world.background = Background()
        assert (
            arm.ask("GET", f"{arm.group}/providers/{late['type']}/{late['name']}", version="2023-01-31").status == 404
        )
        found = arm.do("GET", path(arm.group), version=VERSION)["properties"]
        assert found["provisioningState"] == "Failed"
        assert found["error"]["code"] == "DeploymentInterrupted"
        (entry,) = [one for one in arm.world.entries() if _is_end(one, path(arm.group))]
        assert entry["properties"]["provisioningState"] == "Failed"


def _is_end(entry: dict[str, Any], deployment_id: str) -> bool:
    return entry["operationName"] == "DeploymentFinish" and entry["resourceId"].lower() == deployment_id.lower()


class TestComplete:
    """Mode Complete: what the template does not name goes."""

    def test_removed(self, arm: Arm) -> None:
        """Each is deleted by a request of its own, in an order that works."""
        arm.make_endpoint()
        arm.do("PUT", arm.identity, {"location": "local"})
        found = deploy(arm, deployment(template(vault(arm)), mode="Complete"))
        assert found["provisioningState"] == "Succeeded", found
        left = [one["id"] for one in arm.do("GET", f"{arm.group}/resources")["value"]]
        assert left == [arm.vault]

    def test_condition(self, arm: Arm) -> None:
        """A resource whose condition is not met is none that the template names."""
        arm.make_vault()
        arm.do("PUT", arm.identity, {"location": "local"})
        content = template(vault(arm), identity(f"i-{arm.tag}", condition=False))
        deploy(arm, deployment(content, mode="Complete"))
        assert arm.ask("GET", arm.identity).status == 404
        assert arm.ask("GET", arm.vault).status == 200

    def test_without_right(self, arm: Arm) -> None:
        """Who may not delete a resource does not by a template."""
        arm.make_vault()
        world = arm.world
        who = world.principal(f"half-{arm.tag}")
        role = arm.do(
            "PUT",
            arm.role,
            arm.role_body("Microsoft.Resources/*", "Microsoft.KeyVault/vaults/read"),
        )
        world.grant(who.oid, role["name"], arm.group)
        found = deploy(arm.as_(who), deployment(template(), mode="Complete"))
        assert found["provisioningState"] == "Failed"
        assert found["error"]["details"][0]["code"] == "AuthorizationFailed"
        assert arm.ask("GET", arm.vault).status == 200

    def test_not_after_a_failure(self, arm: Arm) -> None:
        """Nothing is removed if something could not be made."""
        arm.make_vault()
        deploy(arm, deployment(template(vault(arm, "no--name")), mode="Complete"))
        assert arm.ask("GET", arm.vault).status == 200


class TestWhatIf:
    """What would change, without changing it."""

    def changes(self, arm: Arm, content: dict[str, object], **more: object) -> dict[str, str]:
        """Ask what a deployment would change."""
        before = arm.world.view.generation
        answer = arm.do("POST", path(arm.group, rest="/whatIf"), deployment(content, **more), version=VERSION)
        assert arm.world.view.generation == before
        assert answer["status"] == "Succeeded"
        self.told = {one["resourceId"]: one for one in answer["properties"]["changes"]}
        return {name.rpartition("/")[2]: one["changeType"] for name, one in self.told.items()}

    def test_changes(self, arm: Arm) -> None:
        """Made, changed, the same, left alone; and gone in mode Complete."""
        arm.make_vault(enabledForDeployment=False)
        arm.do("PUT", arm.identity, {"location": "local"})
        fresh = identity(f"fresh-{arm.tag}")
        same = template(vault(arm), fresh)
        expected = {arm.vault_name: "NoChange", f"fresh-{arm.tag}": "Create", f"i-{arm.tag}": "Ignore"}
        assert self.changes(arm, same) == expected
        changed = template(vault(arm, enabledForDeployment=True))
        assert self.changes(arm, changed, mode="Complete") == {arm.vault_name: "Modify", f"i-{arm.tag}": "Delete"}
        (delta,) = self.told[arm.vault]["delta"]
        assert (delta["path"], delta["before"], delta["after"]) == ("properties.enabledForDeployment", False, True)

    def test_unreadable(self, arm: Arm) -> None:
        """What the caller may not read is told as unsupported, with the reason."""
        arm.make_vault()
        who = arm.world.principal(f"blind-{arm.tag}")
        role = arm.do("PUT", arm.role, arm.role_body("Microsoft.Resources/deployments/*"))
        arm.world.grant(who.oid, role["name"], arm.group)
        found = self.changes(arm.as_(who), template(vault(arm)))
        assert found == {arm.vault_name: "Unsupported"}
        assert "AuthorizationFailed" in self.told[arm.vault]["unsupportedReason"]
