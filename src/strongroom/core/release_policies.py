"""
Release policies: what an attestation has to claim before a key is released to whoever it attests.

    {"version": "1.0.0", "anyOf": [{"authority": URL, "allOf" or "anyOf": [condition, ...]}, ...]}
    condition: {"claim": "a.b", "equals": value}, or {"allOf" or "anyOf": [condition, ...]}

The grammar is Azure's (reference azure-key-vault.md section 5.2). Of its operators the real service honours `equals`
alone, and a policy with another one is refused here: to ignore a condition would release more than its author meant.
Everything fails closed: what is absent, or of another kind, is not equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from strongroom.core import release_limits as limits
from strongroom.core.errors import Invalid
from strongroom.core.federation import is_issuer
from strongroom.core.release_authorities import authority_id
from strongroom.core.strict_json import parse_object

CONTENT_TYPE = "application/json; charset=utf-8"
"""The one content type of release policies."""
VERSION = "1.0.0"
_VERSIONS = (VERSION, "1.0")
"""Official clients write both. No set: what is looked for in it may be a list."""
_OPERATORS = frozenset({"notEquals", "less", "lessOrEquals", "greater", "greaterOrEquals", "exists"})
"""Those that the grammar has besides `equals`."""

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Equals:
    """A claim has a value."""

    claim: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which every one has to hold, or any one."""

    every: bool
    conditions: tuple[Equals | Group, ...]


Condition = Equals | Group


@dataclass(frozen=True, slots=True)
class AuthorityRule:
    """What an authority has to attest."""

    authority: str
    condition: Group


@dataclass(frozen=True, slots=True)
class Policy:
    """A release policy: any one of its authorities' rules suffices."""

    rules: tuple[AuthorityRule, ...]


def same_authority(one: str, other: str) -> bool:
    """Tell whether two texts name one authority: to the letter, but for a slash at the end (ADR 0014)."""
    return authority_id(one) == authority_id(other)


def parse_policy(data: bytes) -> Policy:
    """
    Read a policy.

    Raises:
        Invalid: it is not of the grammar, or over a limit. The sentence says where and repeats nothing.
    """
    if len(data) > limits.RELEASE_POLICY_BYTES:
        _refuse(f"has at most {limits.RELEASE_POLICY_BYTES} bytes")
    try:
        members = parse_object(data)
    except (TypeError, ValueError):
        _refuse("must be a JSON object, with no member twice")
    if members.get("version") not in _VERSIONS or members.keys() != {"version", "anyOf"}:
        _refuse(f'has exactly the members "version", which is "{VERSION}", and "anyOf"')
    rules = members["anyOf"]
    if not isinstance(rules, list) or not rules:
        _refuse('has a list of at least one authority in "anyOf"')
    if len(rules) > limits.RELEASE_POLICY_AUTHORITIES:
        _refuse(f"names at most {limits.RELEASE_POLICY_AUTHORITIES} authorities")
    policy = Policy(tuple(_rule(rule) for rule in rules))
    if sum(1 for rule in policy.rules for _ in _claims_of(rule.condition)) > limits.RELEASE_POLICY_CONDITIONS:
        _refuse(f"asks about at most {limits.RELEASE_POLICY_CONDITIONS} claims")
    return policy


def write_policy(policy: Policy) -> bytes:
    """
    Write a policy in the one form it is kept and answered in, as the real service rewrites what it is sent.

    Raises:
        Invalid: it is over the limit in this form, which may be the longer one, and could never be read again.
    """
    document = {
        "version": VERSION,
        "anyOf": [{"authority": rule.authority, **_written(rule.condition)} for rule in policy.rules],
    }
    written = json.dumps(document, separators=(",", ":")).encode("ascii")
    if len(written) > limits.RELEASE_POLICY_BYTES:
        _refuse(f"has at most {limits.RELEASE_POLICY_BYTES} bytes once what is not ASCII is escaped")
    return written


def rules_of(policy: Policy, authority: str) -> tuple[AuthorityRule, ...]:
    """Give what a policy demands of an authority's attestations; nothing if it does not name the authority."""
    return tuple(rule for rule in policy.rules if same_authority(rule.authority, authority))


def holds(condition: Condition, claims: Mapping[str, object]) -> bool:
    """Tell whether verified claims satisfy a condition."""
    if isinstance(condition, Equals):
        return _equal(_claim(claims, condition.claim), condition.value)
    kept = (holds(one, claims) for one in condition.conditions)
    return all(kept) if condition.every else any(kept)


# ---- reading --------------------------------------------------------------------------------------------------------


def _rule(rule: object) -> AuthorityRule:
    if not isinstance(rule, dict) or "authority" not in rule:
        _refuse('has an "authority" in each member of its "anyOf"')
    authority = rule["authority"]
    if not isinstance(authority, str) or not is_issuer(authority):
        _refuse("names each authority by an https URL of at most 600 characters, without user, query and fragment")
    return AuthorityRule(authority, _group({name: rule[name] for name in rule if name != "authority"}, depth=1))


def _condition(given: object, depth: int) -> Condition:
    if not isinstance(given, dict):
        _refuse("has JSON objects for conditions")
    return _equals(given) if "claim" in given else _group(given, depth)


def _group(given: dict[str, object], depth: int) -> Group:
    if len(given) != 1 or not given.keys() <= {"allOf", "anyOf"}:
        _refuse('has exactly one of "allOf" and "anyOf" where conditions are joined, and nothing beside it')
    if depth > limits.RELEASE_POLICY_DEPTH:
        _refuse(f"nests at most {limits.RELEASE_POLICY_DEPTH} levels of conditions")
    ((word, conditions),) = given.items()
    if not isinstance(conditions, list) or not conditions:
        # All of none would hold for everybody.
        _refuse(f'has a list of at least one condition in "{word}"')
    return Group(word == "allOf", tuple(_condition(one, depth + 1) for one in conditions))


def _equals(given: dict[str, object]) -> Equals:
    if _OPERATORS & given.keys():
        _refuse('has conditions with "equals" alone: no other operator is honoured')
    if given.keys() != {"claim", "equals"}:
        _refuse('has exactly "claim" and "equals" in a condition about a claim')
    claim, value = given["claim"], given["equals"]
    if not isinstance(claim, str) or not 0 < len(claim) <= limits.RELEASE_CLAIM_CHARS:
        _refuse(f"names a claim with 1 to {limits.RELEASE_CLAIM_CHARS} characters")
    if not all(claim.split(".")) or "[" in claim:
        _refuse("names a claim by names with dots between them, and no arrays")
    if not isinstance(value, str | int | float):
        _refuse("compares a claim with a text, a number, true or false")
    if isinstance(value, str) and len(value) > limits.RELEASE_CLAIM_CHARS:
        _refuse(f"compares a claim with a text of at most {limits.RELEASE_CLAIM_CHARS} characters")
    return Equals(claim, value)


def _refuse(what: str) -> NoReturn:
    raise Invalid(f"The key release policy {what}." if what.startswith("must") else f"A key release policy {what}.")


def _claims_of(condition: Condition) -> Iterator[Equals]:
    if isinstance(condition, Equals):
        yield condition
        return
    for one in condition.conditions:
        yield from _claims_of(one)


def _written(condition: Condition) -> dict[str, object]:
    if isinstance(condition, Equals):
        return {"claim": condition.claim, "equals": condition.value}
    return {"allOf" if condition.every else "anyOf": [_written(one) for one in condition.conditions]}


# ---- judging --------------------------------------------------------------------------------------------------------

_ABSENT = object()


def _claim(claims: Mapping[str, object], path: str) -> object:
    found: object = claims
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return _ABSENT
        found = found[name]
    return found


def _equal(claim: object, value: Scalar) -> bool:
    """
    Compare a claim with a policy's value, of one kind only.

    One exception, for the policies that Azure's documentation has: a text equals the flag or whole number that it
    spells, `"false"` and `"0"`. No other two kinds are ever equal.
    """
    if isinstance(value, str):
        return _spelt(claim) == value
    if isinstance(value, bool) or isinstance(claim, bool):
        return claim is value
    return isinstance(claim, int | float) and claim == value


def _spelt(claim: object) -> str | None:
    if isinstance(claim, str):
        return claim
    if isinstance(claim, bool):
        return "true" if claim else "false"
    return str(claim) if isinstance(claim, int) else None
