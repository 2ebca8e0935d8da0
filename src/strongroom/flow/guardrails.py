"""
Guardrails in the flow: a change that goes against one is refused, or made and noted.

They are asked inside the change, of what the change would make, so that what is in force when it commits decides. They
are no permission: whoever is refused by one has the right, and nobody's right gets round it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from strongroom.core.certificate_guardrails import CertificateFacts, judge_certificate
from strongroom.core.errors import Forbidden
from strongroom.core.guardrails import (
    THE_GUARDRAILS,
    Effect,
    Guardrail,
    Guardrails,
    KeyFacts,
    SecretFacts,
    Violation,
    judge_key,
    judge_secret,
    judge_vault,
)
from strongroom.core.records import INSTANCE

if TYPE_CHECKING:
    from strongroom.core.vaults import Vault
    from strongroom.flow.call import Call
    from strongroom.view import View

AUDITED = "policyAudits"
"""The journal's property of what a change went against without being refused."""


def guardrails_of(view: View) -> tuple[Guardrail, ...]:
    """Give the guardrails in force; by default there is none."""
    found = view.get(Guardrails, INSTANCE, THE_GUARDRAILS)
    return found.rules if found is not None else ()


def guard_vault(call: Call, vault: Vault) -> None:
    """
    Judge a vault as a change would make it.

    Raises:
        Forbidden: `RequestDisallowedByPolicy`.
    """
    _require_allowed(vault.name, _audited(call, judge_vault(guardrails_of(call.world.view), vault)))


def guard_secret_resource(call: Call, vault: Vault, name: str, facts: SecretFacts) -> None:
    """
    Judge a version of a secret as a change on the management plane would make it.

    Raises:
        Forbidden: `RequestDisallowedByPolicy`.
    """
    _require_allowed(name, _audited(call, judge_secret(guardrails_of(call.world.view), vault, facts)))


def guard_key_resource(call: Call, vault: Vault, name: str, facts: KeyFacts) -> None:
    """
    Judge a version of a key as a change on the management plane would make it.

    Raises:
        Forbidden: `RequestDisallowedByPolicy`.
    """
    _require_allowed(name, _audited(call, judge_key(guardrails_of(call.world.view), vault, facts)))


def guard_secrets(call: Call, vault: Vault, versions: Iterable[SecretFacts]) -> None:
    """
    Judge versions of a secret as a change would make them.

    Raises:
        Forbidden: innererror `DisallowedByPolicy`.
    """
    guardrails = guardrails_of(call.world.view)
    if guardrails:
        _require_fitting(call, (one for facts in versions for one in judge_secret(guardrails, vault, facts)))


def guard_keys(call: Call, vault: Vault, versions: Iterable[KeyFacts]) -> None:
    """
    Judge versions of a key as a change would make them.

    Raises:
        Forbidden: innererror `DisallowedByPolicy`.
    """
    guardrails = guardrails_of(call.world.view)
    if guardrails:
        _require_fitting(call, (one for facts in versions for one in judge_key(guardrails, vault, facts)))


def guard_certificate(call: Call, vault: Vault, facts: CertificateFacts) -> None:
    """
    Judge a certificate as a change would make it.

    Raises:
        Forbidden: innererror `DisallowedByPolicy`.
    """
    _require_fitting(call, judge_certificate(guardrails_of(call.world.view), vault, facts))


def _require_fitting(call: Call, violations: Iterable[Violation]) -> None:
    denied = _audited(call, dict.fromkeys(violations))
    if denied:
        raise Forbidden(
            f"The request was disallowed by policy. Reasons: {_reasons(denied)}.",
            inner="DisallowedByPolicy",
            reason=_names(denied),
        )


def _require_allowed(name: str, denied: tuple[Violation, ...]) -> None:
    if denied:
        raise Forbidden(
            f"Resource '{name}' was disallowed by policy. Reasons: {_reasons(denied)}. See error details for"
            " policy resource IDs.",
            code="RequestDisallowedByPolicy",
            reason=_names(denied),
        )


def _audited(call: Call, violations: Iterable[Violation]) -> tuple[Violation, ...]:
    """Note what only is to be noted, and give what denies."""
    found = tuple(violations)
    audits = [f"{one.guardrail}: {one.reason}" for one in found if one.effect is Effect.AUDIT]
    if audits:
        # Of a certificate's key, secret and policy each is asked for itself, and a change may be tried again.
        call.properties[AUDITED] = list(dict.fromkeys((*call.properties.get(AUDITED, ()), *audits)))
    return tuple(one for one in found if one.effect is Effect.DENY)


def _reasons(violations: Iterable[Violation]) -> str:
    return ", ".join(f"'{one.guardrail}: {one.reason}'" for one in violations)


def _names(violations: Iterable[Violation]) -> str:
    return f"guardrail {', '.join(one.guardrail for one in violations)}"
