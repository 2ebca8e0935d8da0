"""Deployments of templates: what they refuse, before anything is made and on the way."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.arm.deployment_requests import Asker
from strongroom.core import deployment_limits
from strongroom.core.builtin_roles import CONTRIBUTOR
from tests.flow.arm import Arm
from tests.flow.deploying import VERSION, arm, begin, deploy, deployment, identity, path, template, vault

__all__ = ["arm"]


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
