"""Release policies: the grammar, its limits, and what satisfies one (reference azure-key-vault.md section 5.2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core import release_limits as limits
from strongroom.core.errors import Invalid
from strongroom.core.release_policies import Policy, holds, parse_policy, rules_of, write_policy

AUTHORITY = "https://attest.example"


def document(*conditions: Any, word: str = "allOf", authority: str = AUTHORITY, version: Any = "1.0.0") -> Any:
    """Write a policy of one authority."""
    return {"version": version, "anyOf": [{"authority": authority, word: list(conditions)}]}


def parse(given: Any) -> Policy:
    """Read a policy as it is sent."""
    return parse_policy(given if isinstance(given, bytes) else json.dumps(given).encode())


def equals(claim: str = "a", value: Any = "b") -> Any:
    """Write a condition."""
    return {"claim": claim, "equals": value}


def satisfied(condition: Any, claims: dict[str, Any]) -> bool:
    """Ask whether claims satisfy one condition."""
    return holds(parse(document(condition)).rules[0].condition, claims)


def nested(levels: int) -> Any:
    """Nest conditions, those of the authority counted."""
    condition = equals()
    for _ in range(levels - 1):
        condition = {"anyOf": [condition]}
    return document(condition)


# ---- the grammar ----------------------------------------------------------------------------------------------------

REFUSED: dict[str, Any] = {
    "no JSON": b"{",
    "no object": [],
    "a member twice": b'{"version":"1.0.0","version":"1.0.0","anyOf":[]}',
    "no version": {"anyOf": document(equals())["anyOf"]},
    "another version": document(equals(), version="2.0.0"),
    "another member": document(equals()) | {"allOf": []},
    "a version that is a list": document(equals(), version=[]),
    "a version that is an object": document(equals(), version={}),
    "authorities that are no list": {"version": "1.0.0", "anyOf": {"authority": AUTHORITY, "allOf": [equals()]}},
    "an authority that is no object": {"version": "1.0.0", "anyOf": ["authority"]},
    "no authority in a rule": {"version": "1.0.0", "anyOf": [{"allOf": [equals()]}]},
    "conditions joined by another word": document({"noneOf": [equals()]}),
    "conditions that are no list": document({"anyOf": equals()}),
    "no authorities": {"version": "1.0.0", "anyOf": []},
    "an authority that is none": document(equals(), authority="http://attest.example"),
    "an authority that is no text": {"version": "1.0.0", "anyOf": [{"authority": 1, "allOf": [equals()]}]},
    "an authority without conditions": {"version": "1.0.0", "anyOf": [{"authority": AUTHORITY}]},
    "an authority with both": {
        "version": "1.0.0", "anyOf": [{"authority": AUTHORITY, "allOf": [equals()], "anyOf": [equals()]}],
    },
    "no conditions": document(),
    "no conditions within": document({"anyOf": []}),
    "both within": document({"anyOf": [equals()], "allOf": [equals()]}),
    "a condition that is none": document("a"),
    "an empty condition": document({}),
    "an unknown operator": document({"claim": "a", "matches": "b"}),
    "no operator": document({"claim": "a"}),
    "two operators": document({"claim": "a", "equals": "b", "exists": True}),
    "a claim and a group": document({"claim": "a", "equals": "b", "anyOf": [equals()]}),
    "an empty claim": document(equals("")),
    "an empty name in a claim": document(equals("a..b")),
    "an array in a claim": document(equals("a[0].b")),
    "a claim that is no text": document({"claim": 1, "equals": "b"}),
    "null": document(equals("a", None)),
    "a list": document(equals("a", ["b"])),
    "an object": document(equals("a", {})),
    "no finite number": b'{"version":"1.0.0","anyOf":[{"authority":"https://a.example","allOf":[{"claim":"a","equals":1e999}]}]}',
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_of_the_grammar(name: str) -> None:
    """It is refused when it is set, in a sentence that says what is wrong."""
    with pytest.raises(Invalid, match="key release policy"):
        parse(REFUSED[name])


@pytest.mark.parametrize("operator", ["notEquals", "less", "lessOrEquals", "greater", "greaterOrEquals", "exists"])
def test_operators_that_are_not_honoured(operator: str) -> None:
    """The grammar has them and the real service ignores them; here a policy with one is refused (ADR 0014)."""
    with pytest.raises(Invalid, match='"equals" alone'):
        parse(document({"claim": "a", operator: 1}))


def test_the_form_it_is_kept_in() -> None:
    """Blanks and the order of members go, as the real service rewrites a policy; what it means stays."""
    sent = b'{ "anyOf": [{"allOf":[{"equals":"true","claim":"sdk-test"}],"authority":"https://a.example/"}],"version":"1.0"}'
    kept = b'{"version":"1.0.0","anyOf":[{"authority":"https://a.example/","allOf":[{"claim":"sdk-test","equals":"true"}]}]}'
    assert write_policy(parse(sent)) == kept
    assert parse(kept) == parse(sent)


@pytest.mark.parametrize(
    ("at", "past"),
    [
        pytest.param(*(nested(limits.RELEASE_POLICY_DEPTH + more) for more in (0, 1)), id="depth"),
        pytest.param(
            *(document(*[equals()] * (limits.RELEASE_POLICY_CONDITIONS + more)) for more in (0, 1)),
            id="conditions",
        ),
        pytest.param(
            *(
                {
                    "version": "1.0.0",
                    "anyOf": document(equals())["anyOf"] * (limits.RELEASE_POLICY_AUTHORITIES + more),
                }
                for more in (0, 1)
            ),
            id="authorities",
        ),
        pytest.param(*(document(equals("a" * (limits.RELEASE_CLAIM_CHARS + more))) for more in (0, 1)), id="claim"),
        pytest.param(*(document(equals("a", "b" * (limits.RELEASE_CLAIM_CHARS + more))) for more in (0, 1)), id="text"),
        pytest.param(
            *(json.dumps(document(equals())).encode().ljust(limits.RELEASE_POLICY_BYTES + more) for more in (0, 1)),
            id="bytes",
        ),
    ],
)
def test_the_limits(at: Any, past: Any) -> None:
    """What is at a limit is read, and one more is refused."""
    parse(at)
    with pytest.raises(Invalid, match=r"most|1 to"):
        parse(past)


def test_the_limit_counts_for_the_form_it_is_kept_in() -> None:
    """A policy that would be longer than that once it is rewritten could be kept, and never be read again."""
    texts = [equals("a", "\N{LATIN SMALL LETTER E WITH ACUTE}" * 160)] * 10
    left = limits.RELEASE_POLICY_BYTES - len(write_policy(parse(document(*texts, equals("a", "")))))
    sent = [json.dumps(document(*texts, equals("a", "b" * n)), ensure_ascii=False).encode() for n in (left, left + 1)]
    fits, past = map(parse, sent)
    assert parse_policy(write_policy(fits)) == fits
    with pytest.raises(Invalid, match="at most"):
        write_policy(past)


def test_a_lone_surrogate_is_kept_as_it_is() -> None:
    """A text that UTF-8 cannot spell is written in ASCII and read back the same."""
    policy = parse(document(equals("a", "\ud800")))
    assert parse(write_policy(policy)) == policy


# ---- what satisfies it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "claim", "expected"),
    [
        ("b", "b", True),
        ("b", "B", False),
        (True, True, True),
        (True, "true", False),
        (True, 1, False),
        (False, 0, False),
        (False, None, False),
        (1, 1, True),
        (1, 1.0, True),
        (1, True, False),
        (1, "1", False),
        (0, False, False),
        (1.5, 1.5, True),
        ("true", True, True),
        ("false", False, True),
        ("true", False, False),
        ("True", True, False),
        ("0", 0, True),
        ("0", False, False),
        ("1.5", 1.5, False),
        ("None", None, False),
        ("b", ["b"], False),
        ("b", {"b": "b"}, False),
    ],
    ids=repr,
)
def test_kinds_of_values(value: Any, claim: Any, expected: bool) -> None:  # noqa: FBT001  a column of the table
    """Kinds are not mixed, but that a text equals the flag or whole number it spells, as Azure's own policies need."""
    assert satisfied(equals("a", value), {"a": claim}) is expected


@pytest.mark.parametrize("claims", [{}, {"a": {}}, {"a": "b"}, {"a": ["b"]}, {"a.b": "x"}, {"a": {"b": {"c": "x"}}}])
def test_an_absent_claim_is_false(claims: dict[str, Any]) -> None:
    """A path that leads nowhere, through a text or through an array satisfies nothing."""
    assert not satisfied(equals("a.b", "x"), claims)
    assert satisfied(equals("a.b", "x"), {"a": {"b": "x"}})


def test_which_rules_are_an_authoritys() -> None:
    """Another authority's rules do not count for it; a slash at the end makes no other authority (ADR 0014)."""
    policy = parse({"version": "1.0.0", "anyOf": [
        {"authority": f"{AUTHORITY}/", "allOf": [equals()]},
        {"authority": "https://other.example", "anyOf": [equals("c")]},
        {"authority": f"{AUTHORITY}/x", "anyOf": [equals("d")]},
    ]})  # fmt: skip
    assert [rule.authority for rule in rules_of(policy, AUTHORITY)] == [f"{AUTHORITY}/"]
    assert rules_of(policy, "https://ATTEST.example") == ()


_NAMES = st.sampled_from(["a", "b", "a.b", "a.b.c", "b.a"])
_VALUES = st.sampled_from(["x", "true", "0", True, False, 0, 1, 1.5])
_CONDITIONS = st.recursive(
    st.builds(equals, _NAMES, _VALUES),
    lambda inner: st.builds(
        lambda word, some: {word: some}, st.sampled_from(["allOf", "anyOf"]), st.lists(inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)
_CLAIMS = st.recursive(
    _VALUES | st.none(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6
)


def naive(condition: Any, claims: Any) -> bool:
    """Judge a condition by its document alone, each kind of value written out."""
    if "claim" not in condition:
        (word,) = condition
        count = sum(naive(one, claims) for one in condition[word])
        return count == len(condition[word]) if word == "allOf" else count > 0
    for name in condition["claim"].split("."):
        claims = claims.get(name) if isinstance(claims, dict) else None
    wanted = condition["equals"]
    if type(wanted) is str and type(claims) in {bool, int}:
        claims = json.dumps(claims)
    numbers = {int, float}
    return (type(claims) is type(wanted) or {type(claims), type(wanted)} <= numbers) and claims == wanted


@given(condition=_CONDITIONS, claims=st.dictionaries(st.sampled_from("abc"), _CLAIMS, max_size=3))
def test_against_a_naive_evaluator(condition: Any, claims: dict[str, Any]) -> None:
    """Whatever the policy and the claims, a second evaluation that knows no types of ours says the same."""
    try:
        policy = parse(document(condition))
    except Invalid as refused:
        assert "levels" in refused.message  # noqa: PT017  deep ones are the only ones refused
        return
    assert holds(policy.rules[0].condition, claims) is naive(condition, claims)
    assert parse(write_policy(policy)) == policy
