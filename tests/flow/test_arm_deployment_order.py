"""What a deployment begins, in which order, and what it does not begin."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.arm import deployment_run
from strongroom.core import deployment_limits
from strongroom.core.templates.bodies import evaluate_body
from tests.flow.arm import Arm
from tests.flow.deploying import VERSION, begin, deploy, deployment, identity, nested, path, symbolic, template, vault
from tests.world import ARM_AUDIENCE, Simulation


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with a group of its own."""
    arm = Arm(world, world.administrator)
    arm.make_group()
    return arm


def chain(arm: Arm, count: int = 12) -> list[dict[str, Any]]:
    """Write identities that wait for one another."""
    names = [f"i{number}-{arm.tag}" for number in range(count)]
    return [identity(name, dependsOn=[names[place - 1]] if place else []) for place, name in enumerate(names)]


def test_what_exists_is_read_when_what_it_waits_for_is_there(arm: Arm) -> None:
    """Who asks for what exists waits for what that waits for, as Bicep has it."""
    before = {f"s{place}": one for place, one in enumerate(identity(f"slow{place}") for place in range(4))}
    for place in range(1, 4):
        before[f"s{place}"]["dependsOn"] = [f"s{place - 1}"]
    first = vault(arm) | {"dependsOn": ["s3"]}
    again = {
        "existing": True, "type": "Microsoft.KeyVault/vaults", "apiVersion": "2023-07-01", "name": arm.vault_name,
        "dependsOn": ["first"],
    }  # fmt: skip
    asking = identity(f"i-{arm.tag}", tags={"uri": "[reference('again').vaultUri]"}, dependsOn=["again"])
    found = deploy(arm, deployment(symbolic({**before, "first": first, "again": again, "asking": asking})))
    assert found["provisioningState"] == "Succeeded", found


def test_what_is_cancelled_cancels_what_is_within(arm: Arm) -> None:
    """A deployment that waits for one within has that begin nothing more either."""
    token = arm.world.token(arm.who, ARM_AUDIENCE)
    begin(arm, deployment(template(nested("inner", template(*chain(arm)), {}))), token=token)
    arm.world.settles = False
    try:
        while arm.ask("GET", path(arm.group, "inner"), version=VERSION, token=token).status == 404:
            pass
        assert arm.ask("POST", path(arm.group, rest="/cancel"), version=VERSION, token=token).status == 204
    finally:
        arm.world.settles = True
    outer, found = (arm.do("GET", path(arm.group, name), version=VERSION)["properties"] for name in ("d", "inner"))
    assert outer["provisioningState"] == found["provisioningState"] == "Canceled"
    assert len(found["outputResources"]) < len(chain(arm))


def test_deployments_within_are_counted_together(arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short template that says one deployment within often has no more resources than any other."""
    monkeypatch.setattr(deployment_limits, "DEPLOYMENT_RESOURCES", 8)
    content = template(identity("[concat('idn', copyIndex())]", copy={"name": "l", "count": 3}))
    inner = nested("[concat('n', copyIndex())]", content, {}, copy={"name": "n", "count": 4, "mode": "serial"})
    found = deploy(arm, deployment(template(inner)))
    assert found["provisioningState"] == "Failed"
    assert "than the limit of 8" in str(found["error"])
    assert len(found["outputResources"]) == 1


def test_a_fault_of_the_service_is_the_end_of_one_resource(arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else was begun is waited for: nothing goes on after the deployment has ended."""

    def fail(plan: Any, one: Any, known: Any) -> dict[str, Any]:
        if one.name == "broken":
            raise ZeroDivisionError
        return evaluate_body(plan, one, known)

    monkeypatch.setattr(deployment_run, "evaluate_body", fail)
    found = deploy(arm, deployment(template(identity("broken"), *chain(arm))))
    assert found["provisioningState"] == "Failed"
    (detail,) = found["error"]["details"]
    assert detail["code"] == "InternalServerError"
    assert len(found["outputResources"]) == len(chain(arm))


def test_what_is_secret_within_is_in_no_error_outside(arm: Arm) -> None:
    """A deployment within may know secrets that the outer one does not: what it says of its failure has none."""
    secret = f"s3cr3t-{arm.tag}"
    content = template(
        identity("[concat(variables('prefix'), parameters('pw'), '!!')]"),
        parameters={"pw": {"type": "securestring", "defaultValue": "[toLower(variables('none'))]"}},
        variables={"prefix": "i-"},
    )
    content["parameters"]["pw"]["defaultValue"] = f"[concat('s3cr3t', '-{arm.tag}')]"
    deploy(arm, deployment(template(nested("inner", content, {}))))
    for name in ("d", "inner"):
        shown = arm.ask("GET", path(arm.group, name), version=VERSION).body
        listed = arm.ask("GET", path(arm.group, name, "/operations"), version=VERSION).body
        assert secret.encode() not in shown + listed, (name, shown, listed)


def test_secure_outputs_are_asked_for_as_bicep_does(arm: Arm) -> None:
    """`listOutputsWithSecureValues` waits for the deployment within, and gives the bare values of its outputs."""
    inner = template(
        parameters={"pw": {"type": "securestring"}},
        outputs={"made": {"type": "securestring", "value": "[concat(parameters('pw'), '-made')]"}},
    )
    asked = "[listOutputsWithSecureValues('module', '2025-04-01').made]"
    value = {
        "type": "Microsoft.KeyVault/vaults/secrets", "apiVersion": "2023-07-01", "name": f"{arm.vault_name}/s",
        "properties": {"value": asked}, "dependsOn": ["vault"],
    }  # fmt: skip
    module = nested("module", inner, {"pw": {"value": "canary"}})
    found = deploy(
        arm,
        deployment(
            symbolic(
                {"secret": value, "vault": vault(arm), "module": module},
                outputs={"plain": {"type": "string", "value": asked}},
            )
        ),
    )
    assert (found["provisioningState"], found["outputs"]["plain"]["value"]) == ("Succeeded", "REDACTED"), found


def test_a_parameter_is_given_once(arm: Arm) -> None:
    """Two names that differ in case only are one parameter, and no secret is read for either."""
    body = deployment(template(parameters={"p": {"type": "string"}}), {"p": "a", "P": "b"})
    answer = begin(arm, body)
    assert (answer.status, answer.error["code"]) == (400, "InvalidTemplate")


def test_the_place_in_a_loop_is_a_number(arm: Arm) -> None:
    """What only looks like a digit is none, and no fault of the service."""
    outputs = {"o": {"type": "string", "value": "[reference('a[²]').name]"}}
    found = deploy(arm, deployment(symbolic({"a": identity("idn")}, outputs=outputs)))
    assert found["error"]["code"] != "InternalServerError"
