"""Deployments of templates: what is secure stays so."""

from __future__ import annotations

import pytest

from strongroom.core.deployments import Deployment
from tests.flow.arm import Arm, policy
from tests.flow.deploying import VERSION, arm, deploy, deployment, identity, nested, path, template, vault

__all__ = ["arm"]


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
