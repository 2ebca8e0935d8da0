"""
What guardrails ask about certificates, in the manner of Azure Policy's definitions for them.

Rules for keys and secrets hold for the key and the secret of a certificate besides (`core.guardrails`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from strongroom.core.certificates import CertificateKey, LifetimeAction
from strongroom.core.guardrails import Guardrail, Rule, Violation, type_fault
from strongroom.core.key_rotation import Duration, moved
from strongroom.core.vaults import Vault

_DAY_S = 86_400
"""So much longer than its months may one be that is brought in: issuers date theirs back, and count in days."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """
    Of a certificate, or of one that is to be made, what guardrails ask about.

    Attributes:
        issuers: whom it has its versions from: `Self`, `Unknown`, or the provider of its issuer; all have to be right.
        months: how long its policy has versions be good.
        begins, expires: of the version that it is about; None if that is not issued yet.
        now: when it is judged.
    """

    issuers: tuple[str, ...]
    months: int
    key: CertificateKey
    actions: tuple[LifetimeAction, ...]
    now: int
    begins: int | None = None
    expires: int | None = None


def is_about_certificates(guardrail: Guardrail) -> bool:
    """Tell whether certificates themselves decide."""
    return guardrail.rule in _RULES


def judge_certificate(guardrails: Iterable[Guardrail], vault: Vault, facts: CertificateFacts) -> tuple[Violation, ...]:
    """Find what a certificate goes against."""
    found = ((one, _RULES[one.rule](one, facts)) for one in guardrails if one.rule in _RULES and one.covers(vault))
    return tuple(Violation(one.name, one.effect, fault) for one, fault in found if fault is not None)


def _validity_fault(guardrail: Guardrail, facts: CertificateFacts) -> str | None:
    most = guardrail.max_months
    if most is None:
        return None
    fault = f"the certificate must be good for at most {most} months"
    if facts.months > most:
        return fault
    if facts.begins is None or facts.expires is None:
        return None
    return fault if facts.expires > moved(facts.begins, Duration("", months=most)) + _DAY_S else None


def _expiry_fault(guardrail: Guardrail, facts: CertificateFacts) -> str | None:
    if guardrail.min_days is None or facts.expires is None:
        return None
    if facts.expires - facts.now < guardrail.min_days * _DAY_S:
        return f"the certificate must be good for {guardrail.min_days} days more"
    return None


def _issuer_fault(guardrail: Guardrail, facts: CertificateFacts) -> str | None:
    known = {one.casefold() for one in guardrail.issuers}
    if all(one.casefold() in known for one in facts.issuers):
        return None
    return f"the certificate must come from one of {', '.join(guardrail.issuers)}"


def _key_fault(guardrail: Guardrail, facts: CertificateFacts) -> str | None:
    return type_fault(guardrail, facts.key.type, facts.key.bits, facts.key.curve)


def _action_fault(guardrail: Guardrail, facts: CertificateFacts) -> str | None:
    if any(_is_early(guardrail, one) for one in facts.actions):
        return None
    wanted = []
    if guardrail.max_percentage is not None:
        wanted.append(f"at {guardrail.max_percentage} percent of the certificate's life or before")
    if guardrail.min_days is not None:
        wanted.append(f"at least {guardrail.min_days} days before it expires")
    return f"a lifetime action must happen {', or '.join(wanted)}"


def _is_early(guardrail: Guardrail, action: LifetimeAction) -> bool:
    """Tell whether an action comes early enough; its own trigger is compared, where the guardrail says one of it."""
    if action.percentage is not None:
        return guardrail.max_percentage is not None and action.percentage <= guardrail.max_percentage
    days = action.days_before_expiry
    return days is not None and guardrail.min_days is not None and days >= guardrail.min_days


_RULES: Mapping[Rule, Callable[[Guardrail, CertificateFacts], str | None]] = {
    Rule.CERTIFICATE_VALIDITY: _validity_fault,
    Rule.CERTIFICATE_EXPIRY: _expiry_fault,
    Rule.CERTIFICATE_ISSUERS: _issuer_fault,
    Rule.CERTIFICATE_KEYS: _key_fault,
    Rule.CERTIFICATE_ACTION: _action_fault,
}
