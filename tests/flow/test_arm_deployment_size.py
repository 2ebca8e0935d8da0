"""What a deployment costs those who do not deploy: the loop, and what is remembered of it."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from strongroom.arm.deployment_documents import show_deployment
from strongroom.core import deployment_limits
from strongroom.core.deployments import Deployment
from strongroom.core.templates.source import _PIECES, strict_json
from strongroom.http.json import fault_offset
from tests.flow.arm import Arm
from tests.flow.deploying import VERSION, begin, deploy, deployment, identity, nested, path, template
from tests.world import Simulation


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with a group of its own."""
    arm = Arm(world, world.administrator)
    arm.make_group()
    return arm


def record(arm: Arm, name: str = "d") -> Deployment:
    """Give what is remembered of a deployment."""
    (found,) = [one for one in arm.world.view.all(Deployment) if one.id == path(arm.group, name).lower()]
    return found


def test_a_body_without_texts_is_read_in_no_time() -> None:
    """Megabytes of numbers are one piece for the expression, which nobody can interrupt: it stops at no character."""
    assert strict_json(text := f"[{','.join(['1'] * 2_000_000)}]") == text
    assert [piece.span() for piece in _PIECES.finditer(text)] == [(0, len(text))]


def test_the_place_of_a_fault_is_found_in_no_time() -> None:
    """Without making anything of the megabytes before it, but the text itself in one spelling and another."""
    text = f'["é",{"1000," * 400_000}x]'
    tracemalloc.start()
    try:
        assert fault_offset(text) == 2_000_005
        assert tracemalloc.get_traced_memory()[1] < 5 * len(text)
    finally:
        tracemalloc.stop()


def test_outputs_are_kept_as_far_as_they_fit_together(arm: Arm) -> None:
    """64 outputs of 64 KiB each, 800 times at one scope, would be gigabytes in memory."""
    value = "x" * 1000
    outputs = {f"o{number}": {"type": "string", "value": f"[concat('{value}', '{value}')]"} for number in range(64)}
    found = deploy(arm, deployment(template(outputs=outputs)))
    shown = [one for one in found["outputs"].values() if "value" in one]
    assert (len(found["outputs"]), len(shown)) == (64, deployment_limits.DEPLOYMENT_KEPT_BYTES // 2002)
    assert len(record(arm).told) < 2 * deployment_limits.DEPLOYMENT_KEPT_BYTES


def test_what_waits_for_much_is_not_written_down(arm: Arm) -> None:
    """Each of 800 resources that waits for all before it would be a hundred megabytes."""
    resources = [
        identity("[concat('idn', copyIndex())]", copy={"name": "a", "count": 40}, condition="[true()]"),
        identity("[concat('idm', copyIndex())]", copy={"name": "b", "count": 40}, dependsOn=["a"]),
    ]
    answer = arm.ask("POST", path(arm.group, rest="/validate"), deployment(template(*resources)), version=VERSION)
    assert (answer.status, answer.json["properties"]["dependencies"]) == (200, [])


def test_a_list_reads_no_more_than_its_page(arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of deployments on other pages nothing is read but how far they are."""
    for number in range(4):
        deploy(arm, deployment(template()), name=f"d{number}")
    read: list[str] = []

    def counted(one: Deployment, **how: Any) -> dict[str, Any]:
        read.append(one.name)
        return show_deployment(one, **how)

    monkeypatch.setattr("strongroom.arm.deployments.show_deployment", counted)
    query = "%24top=2&%24filter=provisioningState%20eq%20'Succeeded'"
    found = arm.do("GET", f"{path(arm.group, '').rstrip('/')}?{query}", version=VERSION)
    assert (len(found["value"]), read) == (2, ["d0", "d1"])


def test_a_hash_is_of_what_is_shown(arm: Arm) -> None:
    """Else a secret that can be guessed could be: the rest of what was hashed is shown."""
    hashes = set()
    for secret in ("canary-one", "canary-two"):
        inner = nested("inner", template(outputs={"o": {"type": "securestring", "value": "[parameters('pw')]"}}))
        content = template(inner, parameters={"pw": {"type": "securestring"}})
        deploy(arm, deployment(content, {"pw": secret}))
        hashes.add(record(arm, "inner").template_hash)
    assert len(hashes) == 1


@pytest.mark.parametrize("version", ["2023-01-31&x=y", "2023-01-31#", "2023-01-31 ", "2023-01-31/.."])
def test_a_version_is_nothing_else(arm: Arm, version: str) -> None:
    """What follows a version is a part of it, and no parameter of the request."""
    found = deploy(arm, deployment(template(identity("idn") | {"apiVersion": version})))
    (detail,) = found["error"]["details"]
    assert detail["code"] in ("InvalidApiVersionParameter", "NoRegisteredProviderFound", "InvalidResourceType"), detail


def test_a_body_that_is_strict_and_too_large_is_refused(arm: Arm) -> None:
    """The sentence is that of the first reader."""
    answer = begin(arm, deployment(json.loads("[" + "1," * 150_001 + "1]")))
    assert (answer.status, answer.json["error"]["code"]) == (400, "InvalidRequestContent")
