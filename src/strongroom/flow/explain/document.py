"""Explanations as JSON: the same on whichever surface they are asked for."""

from __future__ import annotations

from typing import Any

from strongroom.core.identity import User
from strongroom.flow.explain.explanation import Explanation, Step
from strongroom.flow.explain.who_can import Can


def show_explanation(explanation: Explanation) -> dict[str, Any]:
    """Give an explanation, its question first."""
    question = explanation.question
    about, refusal = question.about, explanation.refusal
    principal = question.principal
    answer: dict[str, Any] = {
        "allowed": explanation.allowed,
        "question": {
            "principalId": principal.id,
            "principalType": "User" if isinstance(principal, User) else "ServicePrincipal",
            "operation": about.operation.name,
            "vault": about.vault,
            "object": about.name or None,
            "address": question.connection.address,
            "privateEndpointId": question.connection.endpoint or None,
            "clientId": question.client or None,
            "apiVersion": about.api_version,
        },
        "steps": [_show_step(step) for step in explanation.steps],
    }
    if refusal is not None:
        answer["refusal"] = {"step": refusal.name, "status": refusal.status, "code": refusal.code}
    return answer


def _show_step(step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": step.name, "outcome": _OUTCOME[step.passed], "found": step.found}
    if step.passed is False:
        shown |= {"status": step.status, "code": step.code}
    if step.evidence:
        shown["evidence"] = [
            {
                "kind": one.kind,
                "id": one.id,
                "counts": one.counts,
                "principalIds": list(one.principals),
                "found": one.found,
            }
            for one in step.evidence
        ]
    if step.remedies:
        shown["remedies"] = [{"change": one.change, "commands": list(one.commands)} for one in step.remedies]
    return shown


_OUTCOME = {True: "passed", False: "refused", None: "notAsked"}


def show_can(one: Can) -> dict[str, Any]:
    """Give one principal that can do something, or that a deny assignment keeps from it."""
    return {
        "principalId": one.principal.id,
        "principalType": one.kind,
        "displayName": one.name,
        "enabled": one.enabled,
        "allowed": one.allowed,
        "through": one.through,
        "right": one.right,
        "role": one.role,
        "roleId": one.role_id,
        "scope": one.scope,
        "condition": one.condition,
        "deniedBy": one.denied_by,
    }
