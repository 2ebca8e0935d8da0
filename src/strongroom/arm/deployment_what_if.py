"""What a deployment would change: each resource as it is now, read by the caller, beside what the template says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.arm.deployment_preparation import COMPLETE, Prepared, prepare, read_deployment
from strongroom.arm.deployment_requests import Asker
from strongroom.arm.deployment_run import in_turn
from strongroom.core import deployment_limits as limits
from strongroom.core.templates.bodies import evaluate_body
from strongroom.core.templates.differences import differences
from strongroom.core.templates.faults import Needed, TemplateFault
from strongroom.core.templates.hiding import hide, hide_sentence
from strongroom.core.templates.plan import Planned
from strongroom.core.templates.scopes import Place, ScopeKind
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response

_REFERENCES = 64
_LIST_VERSION = "2022-12-01"


@in_turn
async def foresee(call: Call) -> Response:
    """Say what a deployment would change. Nothing is changed."""
    prepared = await prepare(call, await read_deployment(call))
    asker, known = Asker(call), dict[str, Mapping[str, Any]]()
    changes = [await _change(asker, prepared, one, known) for one in prepared.plan.deployed]
    if prepared.place.kind is ScopeKind.GROUP:
        changes += await _others(asker, prepared, prepared.place)
    shown = {"status": "Succeeded", "properties": {"changes": hide(changes, prepared.secrets)}}
    return json.response(shown)


async def _change(
    asker: Asker, prepared: Prepared, one: Planned, known: dict[str, Mapping[str, Any]]
) -> dict[str, Any]:
    before = await asker.ask("GET", one.id, one.api_version)
    told: dict[str, Any] = {"resourceId": one.id, "apiVersion": one.api_version}
    if before.status not in (200, 404):
        error = before.error
        return {
            **told,
            "changeType": "Unsupported",
            "unsupportedReason": f"{error.get('code')}: {error.get('message')}",
        }
    body, reason = await _body(asker, prepared, one, known)
    after = {"id": one.id, "name": one.name.rpartition("/")[2], "type": one.type, **(body or {})}
    if one.is_deployment and body is not None:
        # What is within it is not foreseen: a deployment is always carried out.
        after = {name: value for name, value in after.items() if name != "properties"}
        return {**told, "changeType": "Deploy", "before": None, "after": after}
    if before.status == 404:
        return {**told, "changeType": "Create", "before": None, "after": after, "delta": None}
    if body is None:
        return {**told, "changeType": "Unsupported", "unsupportedReason": reason, "before": before.body}
    delta = differences(before.body, body)
    kind = "Modify" if delta else "NoChange"
    return {**told, "changeType": kind, "before": before.body, "after": after, "delta": delta}


async def _body(
    asker: Asker, prepared: Prepared, one: Planned, known: dict[str, Mapping[str, Any]]
) -> tuple[dict[str, Any] | None, str]:
    """Evaluate a resource; None, and why, where it asks for what is not there before the deployment."""
    for _ in range(_REFERENCES):
        try:
            return await asker.aside(evaluate_body, prepared.plan, one, known), ""
        except TemplateFault as fault:
            return None, f"{hide_sentence(str(fault), prepared.secrets)}."
        except Needed as needed:
            answer = await asker.ask("GET", needed.resource, needed.api_version or _LIST_VERSION)
            if not answer.is_success or not isinstance(answer.body, dict):
                return None, f"It depends on '{needed.resource}', which cannot be read before the deployment."
            known[needed.resource.lower()] = answer.body
    return None, "It asks for the state of too many resources."


async def _others(asker: Asker, prepared: Prepared, place: Place) -> list[dict[str, Any]]:
    """Tell of what is in the group besides: it goes in mode Complete, and stays in the other."""
    found, _ = await asker.pages(f"{place.path}/resources", _LIST_VERSION)
    named = {one.id.lower() for one in prepared.plan.deployed}
    kind = "Delete" if prepared.mode == COMPLETE else "Ignore"
    return [
        {"resourceId": one["id"], "changeType": kind, "before": one, "after": None if kind == "Delete" else one}
        for one in found[: limits.TEMPLATE_RESOURCES]
        if one["id"].lower() not in named
    ]
