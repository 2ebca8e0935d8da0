"""What requests about guardrails carry, and what answers them."""

from __future__ import annotations

from msgspec import Struct


class GuardrailsBody(Struct, rename="camel"):
    """A file of guardrails; None stands for those in force."""

    text: str | None = None


class GuardrailEntry(Struct, rename="camel"):
    """One guardrail in force."""

    name: str
    rule: str
    effect: str
    vaults: tuple[str, ...]


class GuardrailsAnswer(Struct, rename="camel"):
    """The guardrails in force, and the file that declared them."""

    guardrails: list[GuardrailEntry]
    text: str | None
    created: int | None


class Finding(Struct, rename="camel"):
    """One thing that goes against a guardrail."""

    vault: str
    object: str | None
    """`secrets/{name}`, `keys/{name}` or `certificates/{name}`; None for the vault itself."""
    guardrail: str
    effect: str
    reason: str


class CheckAnswer(Struct, rename="camel"):
    """What was looked at and what was found; `found` counts what is beyond the list as well."""

    vaults: int
    keys: int
    secrets: int
    certificates: int
    found: int
    findings: list[Finding]
