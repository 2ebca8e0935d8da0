"""
Guardrails, as the operator declares them: put in force as a whole, and checked against what there is.

    POST /policy --> in force from the next change on, whatever there is already
    POST /policy/check --> every vault and secret that goes against them, or against a file that is not in force
"""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.control.guardrails_wire import CheckAnswer, Finding, GuardrailEntry, GuardrailsAnswer, GuardrailsBody
from strongroom.control.link import optional_body, require_control
from strongroom.core.certificate_guardrails import is_about_certificates, judge_certificate
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.guardrails import (
    THE_GUARDRAILS,
    Guardrail,
    GuardrailFault,
    Guardrails,
    Rule,
    SecretFacts,
    Violation,
    judge_key,
    judge_secret,
    judge_vault,
    parse_guardrails,
)
from strongroom.core.limits import GUARDRAIL_FINDINGS
from strongroom.core.records import INSTANCE
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.flow.guardrails import guardrails_of
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects.certificate_inventory import certificate_facts, each_certificate
from strongroom.objects.key_inventory import each_key, facts_of
from strongroom.objects.secrets import each_secret
from strongroom.store import Transaction


async def get_guardrails(call: Call) -> Response:
    """Tell the guardrails in force. By default there is none."""
    require_control(call)
    return json.response(_show(call.world.view.get(Guardrails, INSTANCE, THE_GUARDRAILS)))


async def put_guardrails(call: Call) -> Response:
    """Put a file of guardrails in force, in the place of those there were."""
    require_control(call)
    body = await call.body(GuardrailsBody)
    if body.text is None:
        raise Invalid("There is no file to put in force.")
    made = Guardrails(THE_GUARDRAILS, body.text, _parse(body.text), call.now)
    _note(call, made.rules)
    await call.commit(lambda tx: tx.put(made))
    return json.response(_show(made))


async def remove_guardrails(call: Call) -> Response:
    """Put every guardrail out of force."""
    require_control(call)
    found = call.world.view.get(Guardrails, INSTANCE, THE_GUARDRAILS)
    _note(call, found.rules if found is not None else ())

    async def change(tx: Transaction) -> None:
        current = await tx.record(Guardrails, INSTANCE, THE_GUARDRAILS)
        if current is None:
            raise NotFound("There are no guardrails in force.")
        await tx.remove(current)

    await call.commit(change)
    return Response(204, content_type=None)


async def check_guardrails(call: Call) -> Response:
    """Look at every vault and what is in it, and list what goes against the guardrails in force, or those of a file."""
    require_control(call)
    body = await optional_body(call, GuardrailsBody)
    guardrails = guardrails_of(call.world.view) if body.text is None else _parse(body.text)
    answer = CheckAnswer(0, 0, 0, 0, 0, [])
    about_secrets = any(one.rule is Rule.SECRET_EXPIRY for one in guardrails)
    about_keys = any(one.rule in {Rule.KEY_EXPIRY, Rule.KEY_TYPES} for one in guardrails)
    about_certificates = any(map(is_about_certificates, guardrails))
    for vault in call.world.view.vaults():
        if vault.deleted is not None:
            continue
        answer.vaults += 1
        _add(answer, vault, None, judge_vault(guardrails, vault))
        if about_keys:
            await _check_keys(call, answer, vault, guardrails)
        if about_secrets:
            await _check_secrets(call, answer, vault, guardrails)
        if about_certificates:
            await _check_certificates(call, answer, vault, guardrails)
    return json.response(answer)


async def _check_keys(call: Call, answer: CheckAnswer, vault: Vault, guardrails: tuple[Guardrail, ...]) -> None:
    async for key in each_key(call.world.store, vault, call.now):
        answer.keys += 1
        _add(answer, vault, f"keys/{key.stored.name}", judge_key(guardrails, vault, facts_of(key.body)))


async def _check_secrets(call: Call, answer: CheckAnswer, vault: Vault, guardrails: tuple[Guardrail, ...]) -> None:
    async for secret in each_secret(call.world.store, vault, call.now):
        answer.secrets += 1
        attributes = secret.body.attributes
        violations = judge_secret(guardrails, vault, SecretFacts(attributes.created, attributes.exp))
        _add(answer, vault, f"secrets/{secret.stored.name}", violations)


async def _check_certificates(call: Call, answer: CheckAnswer, vault: Vault, guardrails: tuple[Guardrail, ...]) -> None:
    async for one in each_certificate(call.world.store, vault, call.now):
        answer.certificates += 1
        facts = certificate_facts(call.world.view, vault, one.upkeep.policy, call.now, version=one.body.attributes)
        _add(answer, vault, f"certificates/{one.stored.name}", judge_certificate(guardrails, vault, facts))


def _add(answer: CheckAnswer, vault: Vault, place: str | None, violations: Iterable[Violation]) -> None:
    for one in violations:
        answer.found += 1
        if len(answer.findings) < GUARDRAIL_FINDINGS:
            answer.findings.append(Finding(vault.name, place, one.guardrail, one.effect.value, one.reason))


def _parse(text: str) -> tuple[Guardrail, ...]:
    try:
        return parse_guardrails(text)
    except GuardrailFault as fault:
        raise Invalid(" ".join(fault.faults)) from None


def _note(call: Call, rules: Iterable[Guardrail]) -> None:
    call.properties["guardrails"] = [f"{one.name}: {one.rule} {one.effect}" for one in rules]


def _show(found: Guardrails | None) -> GuardrailsAnswer:
    if found is None:
        return GuardrailsAnswer([], None, None)
    entries = [GuardrailEntry(one.name, one.rule.value, one.effect.value, one.vaults) for one in found.rules]
    return GuardrailsAnswer(entries, found.text, found.created)
