"""What questions about guardrails carry (inventory of azure-mgmt-policyinsights)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from strongroom.http import json


class ResourceDetails(json.Secretive, rename="camel"):
    """A resource as somebody thinks of making it: its content can have a secret's value in it."""

    resource_content: dict[str, Any]
    api_version: str | None = None


class PendingField(Struct):
    """A field that is still open, and what it may become."""

    field: str
    values: list[str] | None = None


class CheckRestrictionsRequest(json.Secretive, rename="camel"):
    """The body of checkPolicyRestrictions."""

    resource_details: ResourceDetails
    pending_fields: list[PendingField] | None = None
    include_audit_effect: bool = False
