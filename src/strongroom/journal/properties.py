"""
The properties that handlers add to an audit entry, each with its form.

`PROPERTIES` is a list of what may be recorded, not of what may not: a new property is left out until somebody adds it
here, so no body, token or value can slip in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

TEXT_CHARS = 1024
"""Any text of a caller's choosing is cut after this many characters."""
LIST_ITEMS = 1024
"""A list is cut after this many items."""

Form = Callable[[object], object]
"""Returns what may be recorded of a value, or None if the value does not have the form."""


def clip(text: str, chars: int) -> str:
    """Cut a text to its first characters, with a mark where it was cut."""
    return text if len(text) <= chars else text[:chars] + "…"


def _text(value: object) -> str | None:
    return clip(value, TEXT_CHARS) if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> int | None:
    # JSON's readers keep 53 bits of a number.
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else None


def _texts(value: object) -> list[str] | None:
    if not isinstance(value, list | tuple | set | frozenset):
        return None
    items = sorted(value) if isinstance(value, set | frozenset) else value
    return [clip(item, TEXT_CHARS) for item in items[:LIST_ITEMS] if isinstance(item, str)]


def _members(table: Mapping[str, Form]) -> Form:
    """Make the form of an object with only these members."""

    def form(value: object) -> object:
        return _listed(value, table) if isinstance(value, Mapping) else None

    return form


_ATTRIBUTES = _members(
    {
        "enabled": _flag,
        "nbf": _number,
        "exp": _number,
        "created": _number,
        "updated": _number,
        "exportable": _flag,
        "recoverableDays": _number,
        "recoveryLevel": _text,
    }
)

PROPERTIES: Final[Mapping[str, Form]] = {
    # The reference's own.
    "id": _text,
    "subnetId": _text,
    "privateEndpointId": _text,
    "hsmPoolResourceId": _text,
    "secretProperties": _members({"type": _text, "attributes": _ATTRIBUTES}),
    "keyProperties": _members(
        {"type": _text, "size": _number, "curve": _text, "operations": _texts, "attributes": _ATTRIBUTES}
    ),
    "certificateProperties": _members(
        {"subject": _text, "sha1": _text, "sha256": _text, "nbf": _number, "exp": _number}
    ),
    "certificatePolicyProperties": _members(
        {
            "keyProperties": _members({"type": _text, "size": _number, "curve": _text}),
            "exportable": _flag,
            "reuseKey": _flag,
            "contentType": _text,
            "subject": _text,
            "validityInMonths": _number,
            "issuer": _text,
            "enabled": _flag,
        }
    ),
    "sku": _members({"family": _text, "name": _text}),
    "tenantId": _text,
    "enabledForDeployment": _flag,
    "enabledForDiskEncryption": _flag,
    "enabledForTemplateDeployment": _flag,
    "enableSoftDelete": _flag,
    "softDeleteRetentionInDays": _number,
    "enablePurgeProtection": _flag,
    "enableRbacAuthorization": _flag,
    "publicNetworkAccess": _text,
    "networkAcls": _members(
        {"bypass": _text, "defaultAction": _text, "ipRules": _texts, "virtualNetworkRules": _texts}
    ),
    # Ours, for the operations whose record the reference does not show: names and ids, never values.
    "accessMode": _text,
    "accessPolicyObjectIds": _texts,
    "actions": _texts,
    "addressRanges": _texts,
    "appId": _text,
    "applicationId": _text,
    "assertedAppId": _text,
    "assertionTokenId": _text,
    "assignableScopes": _texts,
    "audience": _text,
    "auditSinkId": _text,
    "authority": _text,
    "beyond": _members({"source": _number, "number": _number, "bytes": _number}),
    "condition": _text,
    "conditionalAccess": _text,
    "conditionalAccessExemptions": _texts,
    "conditionalAccessPolicy": _text,
    "conditionalAccessReports": _texts,
    "connectionState": _text,
    "count": _number,
    "createMode": _text,
    "credentialId": _text,
    "dataActions": _texts,
    "denyAssignmentId": _text,
    "denyAssignmentIds": _texts,
    "denyAssignmentName": _text,
    "destinations": _texts,
    "doNotApplyToChildScopes": _flag,
    "endpoint": _text,
    "excludedPrincipalIds": _texts,
    "explainedAddress": _text,
    "explainedOperation": _text,
    "explainedOutcome": _flag,
    "externalSubject": _text,
    "grantId": _text,
    "grantType": _text,
    "groupId": _text,
    "guardrails": _texts,
    "identityMapId": _text,
    "identityProviderId": _text,
    "issuer": _text,
    "lockLevel": _text,
    "managementGroupId": _text,
    "memberId": _text,
    "namedLocationId": _text,
    "notActions": _texts,
    "notDataActions": _texts,
    "objectId": _text,
    "operationKind": _text,
    "parentGroupId": _text,
    "perimeterId": _text,
    "perimeterReport": _text,
    "policyAudits": _texts,
    "principalId": _text,
    "principalIds": _texts,
    "principalType": _text,
    "proof": _text,
    "provisioningState": _text,
    "proxyIpAddress": _text,
    "refusal": _text,
    "refusalReason": _text,
    "requestId": _text,
    "resource": _text,
    "resourceIds": _texts,
    "revocationReason": _text,
    "roleAssignmentId": _text,
    "roleDefinitionId": _text,
    "roleName": _text,
    "rotationPolicy": _members(
        {
            "expiryTime": _text,
            "rotateAfterCreate": _text,
            "rotateBeforeExpiry": _text,
            "notifyBeforeExpiry": _text,
        }
    ),
    "runId": _text,
    "scheduledPurgeDate": _number,
    "scope": _text,
    "secondFactorId": _text,
    "serialNumber": _text,
    "servicePrincipalId": _text,
    "sessionId": _text,
    "signingKeyId": _text,
    "signInStep": _text,
    "since": _number,
    "source": _text,
    "subscriptionId": _text,
    "tokenId": _text,
    "trustedService": _text,
    "trustedServiceOperations": _texts,
    "userCredentialId": _text,
    "userId": _text,
    "userPrincipalName": _text,
    "vaultIds": _texts,
    "virtualNetworkId": _text,
    # What the journal says of itself.
    "checkpointSequence": _number,
    "lastSequence": _number,
    "removedBytes": _number,
}


def _listed(values: Mapping[Any, object], table: Mapping[str, Form]) -> dict[str, object]:
    """Keep the members that *table* lists, where they have the form it gives them."""
    kept: dict[str, object] = {}
    for name, value in values.items():
        form = table.get(name) if isinstance(name, str) else None
        recorded = None if form is None else form(value)
        if recorded is not None:
            kept[str(name)] = recorded
    return kept


def handlers_own(values: Mapping[str, object]) -> dict[str, object]:
    """Keep what may be recorded of the properties a handler adds, and the names alone of the others."""
    kept = _listed(values, PROPERTIES)
    # These names are written in our own code. Whoever reads the journal sees that one is missing from the table.
    omitted = [name for name, value in values.items() if value is not None and name not in kept]
    return kept | {"omitted": omitted} if omitted else kept
