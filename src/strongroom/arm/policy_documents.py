"""
How guardrails are written down in Azure Policy's words.

A kind of rule is a policy definition, a guardrail its assignment, which each subscription sees as its own. The patterns
of names that a guardrail is about are the operator's and are told nobody: they may speak of other tenants' vaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from strongroom.arm.documents import Document
from strongroom.core.guardrails import Guardrail, Rule

DEFINITION_TYPE = "Microsoft.Authorization/policyDefinitions"
ASSIGNMENT_TYPE = "Microsoft.Authorization/policyAssignments"

_MEANINGS: Mapping[Rule, str] = {
    Rule.SECRET_EXPIRY: "Every version of a secret has an expiry date.",
    Rule.KEY_EXPIRY: "Every version of a key has an expiry date.",
    Rule.KEY_TYPES: "Keys are of certain types, sizes and curves.",
    Rule.CERTIFICATE_VALIDITY: "Certificates are good for at most so many months.",
    Rule.CERTIFICATE_EXPIRY: "Certificates are good for so many days more.",
    Rule.CERTIFICATE_ISSUERS: "Certificates come from certain providers.",
    Rule.CERTIFICATE_KEYS: "Keys of certificates are of certain types, sizes and curves.",
    Rule.CERTIFICATE_ACTION: "Something happens by itself early enough before certificates expire.",
    Rule.RBAC_ONLY: "Role assignments decide who uses a vault, never access policies.",
    Rule.PURGE_PROTECTION: "Vaults have purge protection.",
    Rule.FIREWALL: "Vaults admit no address that nothing names.",
}
_REQUIRED: Mapping[Rule, str] = {
    Rule.RBAC_ONLY: "Microsoft.KeyVault/vaults/enableRbacAuthorization",
    Rule.PURGE_PROTECTION: "Microsoft.KeyVault/vaults/enablePurgeProtection",
}
"""The one field that decides, where there is one; it has to be true."""


@dataclass(frozen=True, slots=True)
class Compliance:
    """Whether a resource is as a guardrail wants it."""

    guardrail: Guardrail
    scope: str
    type: str
    location: str
    compliant: bool


def definition_id(rule: Rule) -> str:
    """Give the id of the definition that a kind of rule is."""
    return f"/providers/{DEFINITION_TYPE}/{rule.value}"


def assignment_id(guardrail: Guardrail, home: str) -> str:
    """Give the id of the assignment that a guardrail is at the scope *home*."""
    return f"{home.rstrip('/')}/providers/{ASSIGNMENT_TYPE}/{quote(guardrail.name, safe='')}"


def show_definition(rule: Rule) -> Document:
    """Write a kind of rule."""
    about_vaults = rule in {Rule.RBAC_ONLY, Rule.PURGE_PROTECTION, Rule.FIREWALL}
    return {
        "id": definition_id(rule),
        "name": rule.value,
        "type": DEFINITION_TYPE,
        "properties": {
            "displayName": rule.value,
            "description": _MEANINGS[rule],
            "policyType": "BuiltIn",
            "mode": "Indexed" if about_vaults else "Microsoft.KeyVault.Data",
            "metadata": {"category": "Key Vault"},
        },
    }


def show_assignment(guardrail: Guardrail, home: str) -> Document:
    """Write a guardrail."""
    given = {
        "effect": effect_of(guardrail),
        "maxDays": guardrail.max_days,
        "types": list(guardrail.types) or None,
        "minRsaBits": guardrail.min_rsa_bits,
        "curves": list(guardrail.curves) or None,
        "maxMonths": guardrail.max_months,
        "minDays": guardrail.min_days,
        "maxPercentage": guardrail.max_percentage,
        "issuers": list(guardrail.issuers) or None,
    }
    return {
        "id": assignment_id(guardrail, home),
        "name": guardrail.name,
        "type": ASSIGNMENT_TYPE,
        "properties": {
            "displayName": guardrail.name,
            "policyDefinitionId": definition_id(guardrail.rule),
            "scope": home,
            "notScopes": [],
            "enforcementMode": "Default",
            "parameters": {name: {"value": value} for name, value in given.items() if value is not None},
        },
    }


def effect_of(guardrail: Guardrail) -> str:
    """Write what happens to a change, as Azure spells it."""
    return guardrail.effect.value.capitalize()


def show_evaluation(guardrail: Guardrail, reason: str, home: str) -> Document:
    """Write that what is thought of goes against a guardrail."""
    return {
        "policyInfo": _reference(guardrail, home),
        "evaluationResult": "NonCompliant",
        "evaluationDetails": {"reason": reason},
        "effectDetails": {"policyEffect": effect_of(guardrail)},
    }


def show_restrictions(guardrails: Iterable[Guardrail], home: str) -> list[Document]:
    """Write which fields have to have which values, of guardrails that one field decides."""
    return [
        {
            "field": _REQUIRED[one.rule],
            "restrictions": [
                {
                    "result": "Required",
                    "values": ["true"],
                    "policyEffect": effect_of(one),
                    "policy": _reference(one, home),
                }
            ],
        }
        for one in guardrails
        if one.rule in _REQUIRED
    ]


def show_state(state: Compliance, at: str) -> Document:
    """Write how a resource stands to a guardrail at a time."""
    subscription, group = state.scope.split("/")[2], state.scope.split("/")[4]
    return {
        "@odata.id": None,
        "@odata.context": None,
        "timestamp": at,
        "resourceId": state.scope,
        "policyAssignmentId": assignment_id(state.guardrail, f"/subscriptions/{subscription}"),
        "policyDefinitionId": definition_id(state.guardrail.rule),
        "isCompliant": state.compliant,
        "complianceState": "Compliant" if state.compliant else "NonCompliant",
        "subscriptionId": subscription,
        "resourceType": state.type,
        "resourceLocation": state.location,
        "resourceGroup": group,
        "policyAssignmentName": state.guardrail.name,
        "policyAssignmentScope": f"/subscriptions/{subscription}",
        "policyDefinitionName": state.guardrail.rule.value,
        "policyDefinitionAction": effect_of(state.guardrail).lower(),
        "policyDefinitionCategory": "Key Vault",
    }


def show_summary(states: Iterable[Compliance], home: str) -> Document:
    """Write how many resources and guardrails there are that do not agree: of all, and of each guardrail."""
    known = list(states)
    guardrails = list(dict.fromkeys(one.guardrail for one in known))
    return {
        "results": _results(known),
        "policyAssignments": [
            {
                "policyAssignmentId": assignment_id(guardrail, home),
                "policySetDefinitionId": "",
                "results": _results([one for one in known if one.guardrail == guardrail]),
                "policyDefinitions": [],
            }
            for guardrail in guardrails
        ],
    }


def _results(states: list[Compliance]) -> Document:
    bad = {one.scope for one in states if not one.compliant}
    good = {one.scope for one in states} - bad
    against = {one.guardrail for one in states if not one.compliant}
    held = {one.guardrail for one in states} - against
    return {
        "nonCompliantResources": len(bad),
        "nonCompliantPolicies": len(against),
        "resourceDetails": _details(good, bad),
        "policyDetails": _details(held, against),
    }


def _details(good: set[str] | set[Guardrail], bad: set[str] | set[Guardrail]) -> list[Document]:
    counts = (("compliant", len(good)), ("noncompliant", len(bad)))
    return [{"complianceState": word, "count": count} for word, count in counts if count]


def _reference(guardrail: Guardrail, home: str) -> Document:
    return {"policyDefinitionId": definition_id(guardrail.rule), "policyAssignmentId": assignment_id(guardrail, home)}
