"""Guardrails for certificates: what a file may say, and what goes against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.certificate_guardrails import CertificateFacts, is_about_certificates, judge_certificate
from strongroom.core.certificates import CertificateKey, LifetimeAction, LifetimeActionType
from strongroom.core.guardrails import Effect, Guardrail, GuardrailFault, Rule, parse_guardrails
from strongroom.core.keys import Curve, KeyType
from tests.unit.core.test_guardrails import DAY, VAULT, declared

NOW = 1_700_000_000
RENEWED = LifetimeAction(LifetimeActionType.AUTO_RENEW, percentage=80)
FACTS = CertificateFacts(("Self",), 12, CertificateKey(), (RENEWED,), NOW)
EC = CertificateKey(KeyType.EC, None, Curve.P256)


def at(days: int) -> tuple[LifetimeAction, ...]:
    """Have something happen so many days before the end."""
    return (LifetimeAction(LifetimeActionType.EMAIL_CONTACTS, days_before_expiry=days),)


def lasting(days: int, months: int = 12) -> CertificateFacts:
    """Give a certificate that is issued, and good for so many days."""
    return replace(FACTS, months=months, begins=NOW, expires=NOW + days * DAY)


@pytest.mark.parametrize(
    ("kind", "members", "facts", "is_right"),
    [
        (Rule.CERTIFICATE_VALIDITY, {"max_months": 12}, FACTS, True),
        (Rule.CERTIFICATE_VALIDITY, {"max_months": 11}, FACTS, False),
        # November 2023 to November 2024 are 366 days; one is of grace.
        (Rule.CERTIFICATE_VALIDITY, {"max_months": 12}, lasting(367), True),
        (Rule.CERTIFICATE_VALIDITY, {"max_months": 12}, lasting(368), False),
        (Rule.CERTIFICATE_EXPIRY, {"min_days": 30}, lasting(30), True),
        (Rule.CERTIFICATE_EXPIRY, {"min_days": 31}, lasting(30), False),
        # What is not issued yet does not expire.
        (Rule.CERTIFICATE_EXPIRY, {"min_days": 31}, FACTS, True),
        (Rule.CERTIFICATE_ISSUERS, {"issuers": ("self",)}, FACTS, True),
        (Rule.CERTIFICATE_ISSUERS, {"issuers": ("PrivateCA",)}, FACTS, False),
        (Rule.CERTIFICATE_ISSUERS, {"issuers": ("Self",)}, replace(FACTS, issuers=("Self", "Unknown")), False),
        (Rule.CERTIFICATE_ISSUERS, {"issuers": ("Self",)}, replace(FACTS, issuers=("",)), False),
        (Rule.CERTIFICATE_KEYS, {"types": ("EC",)}, FACTS, False),
        (Rule.CERTIFICATE_KEYS, {"types": ("EC",), "curves": ("P-256",)}, replace(FACTS, key=EC), True),
        (Rule.CERTIFICATE_KEYS, {"curves": ("P-384",)}, replace(FACTS, key=EC), False),
        (Rule.CERTIFICATE_KEYS, {"min_rsa_bits": 2048}, FACTS, True),
        (Rule.CERTIFICATE_KEYS, {"min_rsa_bits": 3072}, FACTS, False),
        (Rule.CERTIFICATE_ACTION, {"max_percentage": 80}, FACTS, True),
        (Rule.CERTIFICATE_ACTION, {"max_percentage": 79}, FACTS, False),
        (Rule.CERTIFICATE_ACTION, {"min_days": 30}, replace(FACTS, actions=at(30)), True),
        (Rule.CERTIFICATE_ACTION, {"min_days": 31}, replace(FACTS, actions=at(30)), False),
        (Rule.CERTIFICATE_ACTION, {"min_days": 30}, FACTS, False),
        (Rule.CERTIFICATE_ACTION, {"max_percentage": 80}, replace(FACTS, actions=()), False),
    ],
)
def test_each_rule(kind: Rule, members: dict[str, Any], facts: CertificateFacts, *, is_right: bool) -> None:
    """Each rule refuses what it is about, at its bound and one past it, and nothing else."""
    guardrail = Guardrail("one", kind, Effect.DENY, **members)
    assert is_about_certificates(guardrail)
    assert not guardrail.is_about_vaults
    assert (judge_certificate((guardrail,), VAULT, facts) == ()) is is_right


def test_it_is_about_the_vaults_it_names() -> None:
    """Other vaults are not judged, and a rule about something else judges no certificate."""
    elsewhere = Guardrail("one", Rule.CERTIFICATE_VALIDITY, Effect.DENY, ("other",), max_months=1)
    keys = Guardrail("two", Rule.KEY_TYPES, Effect.DENY, types=("EC",))
    assert judge_certificate((elsewhere, keys), VAULT, FACTS) == ()
    assert not is_about_certificates(keys)


def test_a_finding_says_what_would_be_right() -> None:
    """Who is refused reads what to change."""
    both = Guardrail("one", Rule.CERTIFICATE_ACTION, Effect.AUDIT, max_percentage=50, min_days=30)
    (found,) = judge_certificate((both,), VAULT, FACTS)
    assert found.effect is Effect.AUDIT
    assert found.reason == (
        "a lifetime action must happen at 50 percent of the certificate's life or before, or at least 30 days before it"
        " expires"
    )


def test_a_whole_file() -> None:
    """Every member of every rule is read."""
    text = "".join(
        declared(name=name, **members)
        for name, members in {
            "a": {"rule": "certificate-validity", "max_months": 13},
            "b": {"rule": "certificate-expiry", "min_days": 30},
            "c": {"rule": "certificate-issuers", "issuers": ["PrivateCA", "ACME"]},
            "d": {"rule": "certificate-keys", "types": ["EC"], "curves": ["P-256"], "min_rsa_bits": 3072},
            "e": {"rule": "certificate-lifetime-action", "max_percentage": 80, "min_days": 30},
        }.items()
    )
    read = parse_guardrails(text)
    assert [one.max_months for one in read] == [13, None, None, None, None]
    assert [one.min_days for one in read] == [None, 30, None, None, 30]
    assert [one.max_percentage for one in read] == [None, None, None, None, 80]
    assert read[2].issuers == ("PrivateCA", "ACME")
    assert (read[3].types, read[3].curves, read[3].min_rsa_bits) == (("EC",), ("P-256",), 3072)


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"rule": "certificate-validity"}, "certificate-validity says nothing without max_months."),
        ({"rule": "certificate-validity", "max_months": 0}, "max_months must be between 1 and 1200."),
        ({"rule": "certificate-validity", "max_months": 1201}, "max_months must be between 1 and 1200."),
        ({"rule": "certificate-expiry"}, "certificate-expiry says nothing without min_days."),
        ({"rule": "certificate-expiry", "min_days": 36501}, "min_days must be between 1 and 36500."),
        ({"rule": "certificate-issuers"}, "certificate-issuers says nothing without issuers."),
        ({"rule": "certificate-issuers", "issuers": []}, "issuers must be a list of texts, at least one."),
        ({"rule": "certificate-keys"}, "certificate-keys says nothing without types or min_rsa_bits or curves."),
        (
            {"rule": "certificate-lifetime-action"},
            "certificate-lifetime-action says nothing without min_days or max_percentage.",
        ),
        (
            {"rule": "certificate-lifetime-action", "max_percentage": 100},
            "max_percentage must be between 1 and 99.",
        ),
        ({"rule": "certificate-keys", "max_days": 1}, "certificate-keys has no member 'max_days'."),
    ],
)
def test_what_is_not_understood_is_refused(members: dict[str, Any], fault: str) -> None:
    """A rule that demands nothing, or something else, is refused."""
    with pytest.raises(GuardrailFault) as refused:
        parse_guardrails(declared(**members))
    assert f"Guardrail 1: {fault}" in refused.value.faults
