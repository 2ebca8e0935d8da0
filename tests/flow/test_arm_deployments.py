"""Deployments of templates: what they make, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.arm.deployment_requests import Asker
from strongroom.arm.deployment_run import key_of
from strongroom.core import deployment_limits
from strongroom.core.builtin_roles import CONTRIBUTOR
from strongroom.core.deployments import Deployment, DeploymentState
from strongroom.flow.background import Background
from tests.flow.arm import Arm, policy
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
from tests.world import ARM_AUDIENCE, Simulation


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


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


class TestForm:
    """What is refused before anything is made."""

    @pytest.mark.parametrize(
        ("content", "code", "told"),
        [
            (None, "InvalidRequestContent", "properties.template"),
            ("text", "InvalidTemplate", "is no object"),
            ({"resources": []}, "InvalidTemplate", "Required property '$schema' not found"),
            (template(surprise=1), "InvalidTemplate", "Could not find member 'surprise'"),
            (template({"type": "Microsoft.KeyVault/vaults", "name": "v"}), "InvalidTemplate", "has no 'apiVersion'"),
            (
                template({"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": "s"}),
                "InvalidResourceType",
                "Microsoft.KeyVault",
            ),
            (
                template({"type": "Microsoft.KeyVault/vaults", "apiVersion": "2023-07-01", "name": "a/b"}),
                "InvalidTemplate",
                "incorrect segment lengths",
            ),
            (template(identity("i"), identity("I")), "InvalidTemplate", "defined multiple times"),
            (template(identity("i", dependsOn=["none"])), "InvalidTemplate", "'none' is not defined in the template"),
            (
                template(identity("i", dependsOn=["j"]), identity("j", dependsOn=["i"])),
                "InvalidTemplate",
                "Circular dependency",
            ),
            (template(identity("[parameters('a')]")), "InvalidTemplate", "parameter 'a' is not found"),
            (template(identity("[nothing()]")), "InvalidTemplate", "'nothing' is not valid"),
            (template(identity("[concat('a']")), "InvalidTemplate", "expression is not valid"),
            (template(identity("[reference('x').y]")), "InvalidTemplate", "not expected at this location"),
            (template(identity("[utcNow()]")), "InvalidTemplate", "only a parameter's default value"),
            (template(identity("[listKeys('x', '2020-01-01').y]")), "InvalidTemplate", "'listkeys' is not served"),
            (
                template(variables={"a": "[variables('b')]", "b": "[variables('a')]"}, parameters={}),
                "",
                "",
            ),
            (template(parameters={"p": {"type": "string"}}), "InvalidTemplate", "'p' is not provided"),
            (template(parameters={"p": {"type": "word"}}), "InvalidTemplate", "The type 'word'"),
            (template(parameters={"p": {"type": "int", "defaultValue": "a"}}), "InvalidTemplate", "type 'Int'"),
            (
                template(identity("i", copy={"name": "c", "count": 801})),
                "InvalidTemplate",
                "between '0' and '800'",
            ),
        ],
    )
    def test_templates(self, arm: Arm, content: object, code: str, told: str) -> None:
        """A template that cannot be carried out is refused with the reason, by validate and whatIf likewise."""
        arm.make_group()
        if not code:
            # What nothing asks for is not looked at.
            assert begin(arm, deployment(content)).status == 201
            return
        for method, rest in (("PUT", ""), ("POST", "/validate"), ("POST", "/whatIf")):
            status, found, message = arm.refused(
                method, path(arm.group, rest=rest), deployment(content), version=VERSION
            )
            assert (status, found) == (400, code)
            assert told in message

    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"templateLink": {"uri": "https://elsewhere.example/t.json"}}, "InvalidTemplateLink"),
            ({"parametersLink": {"uri": "https://elsewhere.example/t.json"}}, "InvalidTemplateLink"),
            ({"mode": "Some"}, "InvalidDeploymentMode"),
        ],
    )
    def test_properties(self, arm: Arm, more: dict[str, object], code: str) -> None:
        """Links are not followed, and there are two modes."""
        arm.make_group()
        body = deployment(template(), **more)
        assert arm.refused("PUT", path(arm.group), body, version=VERSION)[:2] == (400, code)

    def test_json(self, arm: Arm) -> None:
        """A body that is no JSON is refused with the place."""
        arm.make_group()
        raw = b'{"properties": {\n  "mode": Incremental}}'
        answer = arm.ask("PUT", path(arm.group), version=VERSION, raw=raw)
        assert (answer.status, answer.error["code"]) == (400, "InvalidRequestContent")
        assert "Line '2', position '11'" in answer.error["message"]

    @pytest.mark.parametrize("name", ["a b", "x" * (deployment_limits.DEPLOYMENT_NAME_CHARS + 1), "a%3Cb"])
    def test_names(self, arm: Arm, name: str) -> None:
        """A deployment's name has its form and length."""
        arm.make_group()
        body = deployment(template())
        given = name.replace(" ", "%20")
        assert arm.refused("PUT", path(arm.group, given), body, version=VERSION)[:2] == (400, "InvalidDeploymentName")
        assert begin(arm, body, name="x" * deployment_limits.DEPLOYMENT_NAME_CHARS).status == 201

    def test_scopes(self, arm: Arm) -> None:
        """A deployment is at a scope that is there, and that is one."""
        arm.make_vault()
        body = deployment(template())
        assert arm.refused("PUT", path(f"{arm.group}x"), body, version=VERSION)[:2] == (404, "ResourceGroupNotFound")
        assert arm.refused("PUT", path(arm.vault), body, version=VERSION)[:2] == (400, "InvalidDeploymentScope")
        assert arm.refused("PUT", path(arm.subscription), body, version=VERSION)[:2] == (400, "LocationRequired")
        complete = deployment(template(), mode="Complete", location="local")
        refusal = arm.refused("PUT", path(arm.subscription), complete, version=VERSION)
        assert refusal[:2] == (400, "InvalidDeploymentMode")


class TestFailures:
    """What is refused on the way."""

    def test_partial(self, arm: Arm) -> None:
        """One refused resource stops what waits for it and nothing else; what was done is told, and why not all."""
        arm.make_group()
        bad = vault(arm, "no--name")
        content = template(
            vault(arm),
            bad,
            identity(f"after-{arm.tag}", dependsOn=["no--name"]),
            identity(f"beside-{arm.tag}", dependsOn=[arm.vault_name]),
        )
        found = deploy(arm, deployment(content))
        assert found["provisioningState"] == "Failed"
        assert found["error"]["code"] == "DeploymentFailed"
        (detail,) = found["error"]["details"]
        assert (detail["code"], detail["target"].rpartition("/")[2]) == ("VaultNameNotValid", "no--name")
        made = {one["id"].rpartition("/")[2] for one in found["outputResources"]}
        assert made == {arm.vault_name, f"beside-{arm.tag}"}
        operations = arm.do("GET", path(arm.group, rest="/operations"), version=VERSION)["value"]
        states = sorted(one["properties"]["provisioningState"] for one in operations)
        assert states == ["Failed", "Succeeded", "Succeeded"]
        assert arm.world.entries()

    def test_no_right(self, arm: Arm) -> None:
        """A template does nothing that its caller may not: the resource's own 403 is in the deployment's error."""
        arm.make_group()
        world = arm.world
        who = world.principal(f"deployer-{arm.tag}")
        role = arm.do(
            "PUT",
            arm.role,
            arm.role_body("Microsoft.Resources/deployments/*", "Microsoft.Resources/subscriptions/read"),
        )
        world.grant(who.oid, role["name"], arm.group)
        found = deploy(arm.as_(who), deployment(template(vault(arm))))
        assert found["provisioningState"] == "Failed"
        (detail,) = found["error"]["details"]
        assert detail["code"] == "AuthorizationFailed"
        assert "Microsoft.KeyVault/vaults/write" in detail["message"]
        assert arm.ask("GET", arm.vault).status == 404

    def test_right_lost_meanwhile(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A right that is taken away while a deployment runs is gone for all that it has not done yet."""
        arm.make_group()
        world, who, ask = arm.world, arm.world.principal(f"leaver-{arm.tag}"), Asker.ask
        held = world.grant(who.oid, CONTRIBUTOR, arm.group)

        async def ask_too_late(self: Asker, *args: Any, **how: Any) -> Any:
            await world.store.commit(lambda tx: tx.remove(held))
            return await ask(self, *args, **how)

        monkeypatch.setattr(Asker, "ask", ask_too_late)
        assert begin(arm.as_(who), deployment(template(vault(arm)))).status == 201
        found = arm.do("GET", path(arm.group), version=VERSION)["properties"]
        assert found["provisioningState"] == "Failed"
        assert found["error"]["details"][0]["code"] == "AuthorizationFailed"
        assert arm.ask("GET", arm.vault).status == 404

    def test_locked(self, arm: Arm) -> None:
        """A lock holds what a template would change."""
        arm.make_vault()
        lock = f"{arm.vault}/providers/Microsoft.Authorization/locks/l"
        arm.do("PUT", lock, {"properties": {"level": "ReadOnly"}}, version="2020-05-01")
        found = deploy(arm, deployment(template(vault(arm))))
        assert found["error"]["details"][0]["code"] == "ScopeLocked"

    def test_outputs(self, arm: Arm) -> None:
        """An output that cannot be evaluated fails the deployment, and what was made stays."""
        arm.make_group()
        content = template(
            vault(arm), outputs={"o": {"type": "string", "value": f"[reference('{arm.vault_name}').no]"}}
        )
        found = deploy(arm, deployment(content))
        assert found["provisioningState"] == "Failed"
        assert found["error"]["code"] == "DeploymentOutputEvaluationFailed"
        assert arm.ask("GET", arm.vault).status == 200

    def test_reference_without_right(self, arm: Arm) -> None:
        """`reference` reads as the caller: who may not read a resource learns nothing of it by a template."""
        arm.make_vault()
        other = Arm(arm.world, arm.world.principal(f"reader-{arm.tag}"))
        arm.as_(arm.who)
        owner = Arm(arm.world, arm.who, other.tag)
        owner.make_group()
        arm.world.grant(other.who.oid, CONTRIBUTOR, other.group)
        value = f"[reference('{arm.vault}', '2023-07-01').vaultUri]"
        found = deploy(other, deployment(template(outputs={"o": {"type": "string", "value": value}})))
        assert found["provisioningState"] == "Failed"
        assert "AuthorizationFailed" in found["error"]["message"]
        assert "vault.localhost" not in found["error"]["message"]


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


class TestSecrets:
    """What is secure stays so."""

    def test_secure_values(self, arm: Arm, canary: str) -> None:
        """A secure value goes where the template puts it and is nowhere else: not kept, shown, logged or recorded."""
        arm.make_group()
        value = canary
        secret = {
            "type": "Microsoft.KeyVault/vaults/secrets",
            "apiVersion": "2023-07-01",
            "name": f"{arm.vault_name}/s",
            "dependsOn": [arm.vault_name],
            "properties": {"value": "[parameters('s')]"},
        }
        inner = template(
            parameters={"p": {"type": "securestring"}},
            outputs={"q": {"type": "securestring", "value": "[parameters('p')]"}},
        )
        content = template(
            vault(arm),
            secret,
            nested("within", inner, {"p": {"value": "[parameters('s')]"}}),
            nested("outer", template(outputs={"q": {"type": "string", "value": "[parameters('s')]"}})),
            parameters={"s": {"type": "securestring"}},
            outputs={
                "plain": {"type": "string", "value": "[concat('x', parameters('s'))]"},
                "secure": {"type": "securestring", "value": "[reference('within').outputs.q.value]"},
            },
        )
        found = deploy(arm, deployment(content, {"s": value}))
        assert found["provisioningState"] == "Succeeded", found
        assert found["parameters"] == {"s": {"type": "SecureString"}}
        assert found["outputs"] == {
            "plain": {"type": "String", "value": "REDACTED"},
            "secure": {"type": "SecureString"},
        }
        for record in arm.world.view.all(Deployment):
            assert value not in repr(record)
        assert value not in repr(arm.world.entries())
        for name in ("d", "within", "outer"):
            for rest in ("", "/operations"):
                answer = arm.ask("GET", path(arm.group, name, rest), version=VERSION)
                assert value.encode() not in answer.body
            assert value.encode() not in arm.ask("POST", path(arm.group, name, "/exportTemplate"), version=VERSION).body
        read = arm.world.ask(
            "GET", f"https://{arm.vault_name}.vault.localhost:8443/secrets/s?api-version=7.4", token=reader(arm)
        )
        assert read.json["value"] == value

    def test_secure_properties(self, arm: Arm, canary: str) -> None:
        """A type of the template's own may be secure in a part only, as Bicep writes `@secure()` on a property."""
        arm.make_group()
        login = {"type": "object", "properties": {"user": {"type": "string"}, "password": {"type": "securestring"}}}
        content = template(
            languageVersion="2.0",
            definitions={"login": login},
            parameters={"logins": {"type": "array", "items": {"$ref": "#/definitions/login"}}},
            outputs={
                "first": {"$ref": "#/definitions/login", "value": "[parameters('logins')[0]]"},
                "made": {
                    "$ref": "#/definitions/login",
                    "value": {"user": "u", "password": f"[concat('{arm.tag}', 'x')]"},
                },
            },
        )
        found = deploy(arm, deployment(content, {"logins": [{"user": "somebody", "password": canary}]}))
        assert found["outputs"]["first"]["value"] == {"user": "somebody", "password": "REDACTED"}
        assert found["outputs"]["made"]["value"] == {"user": "u", "password": "REDACTED"}
        assert found["parameters"]["logins"]["value"] == [{"user": "somebody", "password": "REDACTED"}]
        assert all(canary not in repr(record) for record in arm.world.view.all(Deployment))

    @pytest.mark.parametrize("long", ["", "-and-long" * 40])
    def test_in_refusals(self, arm: Arm, canary: str, long: str) -> None:
        """A refusal that would have a secure value in it does not."""
        arm.make_group()
        value = f"{canary}/in-a-name{long}"
        content = template(identity("[parameters('s')]"), parameters={"s": {"type": "securestring"}})
        for method, rest in (("PUT", ""), ("POST", "/validate"), ("POST", "/whatIf")):
            body = deployment(content, {"s": value})
            assert canary not in arm.refused(method, path(arm.group, rest=rest), body, version=VERSION)[2]

    def test_expressions_in_values(self, arm: Arm) -> None:
        """A value that looks like an expression is none, here and in a deployment that is evaluated from outside."""
        arm.make_group()
        value = "[subscription().subscriptionId]"
        outer = nested("outer", template(outputs={"q": {"type": "string", "value": "[parameters('s')]"}}))
        content = template(
            outer,
            parameters={"s": {"type": "string"}},
            outputs={
                "here": {"type": "string", "value": "[parameters('s')]"},
                "there": {"type": "string", "value": "[reference('outer').outputs.q.value]"},
            },
        )
        found = deploy(arm, deployment(content, {"s": value}))
        assert {one["value"] for one in found["outputs"].values()} == {value}


def reader(arm: Arm) -> str:
    """Give a token of one who may read the vault's secrets."""
    who = arm.world.principal(f"reads-{arm.tag}")
    policies = f"{arm.vault}/accessPolicies/add"
    body = {"properties": {"accessPolicies": [policy(arm, who.oid, secrets=["get"])]}}
    arm.do("PUT", policies, body)
    return arm.world.token(who)
