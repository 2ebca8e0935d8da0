"""Guardrails: what a file may say, and what goes against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.guardrails import (
    Effect,
    Guardrail,
    GuardrailFault,
    KeyFacts,
    Rule,
    SecretFacts,
    Violation,
    judge_key,
    judge_secret,
    judge_vault,
    parse_guardrails,
)
from strongroom.core.network import DefaultAction, NetworkAcls, PublicNetworkAccess
from strongroom.core.vaults import Vault

DAY = 86_400
VAULT = Vault("guid", "tenant", "subscription", "group", "kv-prod-1", "local", 0, b"")


def declared(**members: Any) -> str:
    """Write one guardrail as a file has it."""
    written = {"name": "one", "rule": "rbac-only", "effect": "deny"} | members
    lines = (f"{name} = {_toml(value)}" for name, value in written.items() if value is not None)
    return "\n".join(("[[guardrail]]", *lines, ""))


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def rule(kind: Rule, effect: Effect = Effect.DENY, **members: Any) -> tuple[Guardrail, ...]:
    """Make one guardrail."""
    return (Guardrail("one", kind, effect, **members),)


class TestVaults:
    """Settings of vaults."""

    @pytest.mark.parametrize(
        ("kind", "changes", "is_right"),
        [
            (Rule.RBAC_ONLY, {"rbac": True}, True),
            (Rule.RBAC_ONLY, {"rbac": False}, False),
            # An old vault's null means access policies.
            (Rule.RBAC_ONLY, {"rbac": None}, False),
            (Rule.PURGE_PROTECTION, {"purge_protection": True}, True),
            (Rule.PURGE_PROTECTION, {"purge_protection": False}, False),
            (Rule.FIREWALL, {}, False),
            (Rule.FIREWALL, {"network_acls": NetworkAcls(DefaultAction.ALLOW)}, False),
            (Rule.FIREWALL, {"network_acls": NetworkAcls(DefaultAction.DENY)}, True),
            *(
                (Rule.FIREWALL, {"network_acls": NetworkAcls(DefaultAction.DENY, ip_rules=rules)}, good)
                for rules, good in (
                    (("203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32", "fd00::/8"), True),
                    # A 64th of all, however it is cut and however often it is named.
                    (("8.0.0.0/6",), True),
                    (("8.0.0.0/7", "10.0.0.0/7", "10.0.0.0/8"), True),
                    (("8.0.0.0/6", "203.0.113.7/32"), False),
                    (("0.0.0.0/0",), False),
                    (("0.0.0.0/1", "128.0.0.0/1"), False),
                    (tuple(f"{octet}.0.0.0/8" for octet in range(0, 256, 2)), False),
                    (("::/0",), False),
                    (("2000::/3",), False),
                    (("2001::/16",), True),
                    (("2001::/16", "2001::/17"), True),
                )
            ),
            (Rule.FIREWALL, {"public_network_access": PublicNetworkAccess.DISABLED}, True),
            (Rule.FIREWALL, {"public_network_access": PublicNetworkAccess.SECURED_BY_PERIMETER}, True),
        ],
    )
    def test_each_rule(self, kind: Rule, changes: dict[str, Any], *, is_right: bool) -> None:
        """A rule is kept by exactly the settings that it names."""
        assert (not judge_vault(rule(kind), replace(VAULT, **changes))) is is_right

    @pytest.mark.parametrize(
        ("pattern", "covers"),
        [
            ("*", True),
            ("kv-prod-*", True),
            ("kv-prod-1", True),
            ("kv-prod", False),
            ("kv-test-*", False),
            ("*-1", True),
        ],
    )
    def test_it_is_about_the_vaults_it_names(self, pattern: str, *, covers: bool) -> None:
        """A pattern covers the whole name."""
        found = judge_vault(rule(Rule.PURGE_PROTECTION, vaults=(pattern,)), replace(VAULT, name="KV-Prod-1"))
        assert bool(found) is covers

    @pytest.mark.parametrize(
        ("patterns", "covers"), [(("a", "kv-*"), True), (("kv-*", "a"), True), (("a", "b"), False)]
    )
    def test_one_pattern_of_several_is_enough(self, patterns: tuple[str, ...], *, covers: bool) -> None:
        """A guardrail that names several vaults is about each of them, for settings and for what is in them."""
        about = rule(Rule.RBAC_ONLY, vaults=patterns)
        assert bool(judge_vault(about, replace(VAULT, rbac=False))) is covers
        secrets, keys = rule(Rule.SECRET_EXPIRY, vaults=patterns), rule(Rule.KEY_EXPIRY, vaults=patterns)
        assert bool(judge_secret(secrets, VAULT, SecretFacts(0, None))) is covers
        assert bool(judge_key(keys, VAULT, KeyFacts(0, None, "RSA", 2048))) is covers

    @pytest.mark.parametrize(
        "kind", [one for one in Rule if one not in {Rule.RBAC_ONLY, Rule.PURGE_PROTECTION, Rule.FIREWALL}]
    )
    def test_what_is_about_contents_says_nothing_of_settings(self, kind: Rule) -> None:
        """A vault's own settings are judged by the rules for them alone."""
        assert not judge_vault(rule(kind), VAULT)


class TestSecretsAndKeys:
    """What is in vaults."""

    @pytest.mark.parametrize("kind", [one for one in Rule if one not in {Rule.KEY_EXPIRY, Rule.KEY_TYPES}])
    def test_a_key_is_judged_by_the_rules_for_keys_alone(self, kind: Rule) -> None:
        """A rule for certificates' keys asks nothing of a key that is no certificate's."""
        assert not judge_key(rule(kind, types=("EC",), min_rsa_bits=4096), VAULT, KeyFacts(0, None, "RSA", 2048))

    @pytest.mark.parametrize(
        ("expires", "max_days", "is_right"),
        [
            (None, None, False),
            (1, None, True),
            (100 + 30 * DAY, 30, True),
            (101 + 30 * DAY, 30, False),
            (None, 30, False),
        ],
    )
    def test_expiry(self, expires: int | None, max_days: int | None, *, is_right: bool) -> None:
        """An expiry date is there, and not too far from when the version was made."""
        secrets, keys = rule(Rule.SECRET_EXPIRY, max_days=max_days), rule(Rule.KEY_EXPIRY, max_days=max_days)
        assert (not judge_secret(secrets, VAULT, SecretFacts(100, expires))) is is_right
        assert (not judge_key(keys, VAULT, KeyFacts(100, expires, "RSA", 2048))) is is_right
        assert not judge_secret(keys, VAULT, SecretFacts(100, expires))
        assert not judge_key(secrets, VAULT, KeyFacts(100, expires, "RSA", 2048))

    @pytest.mark.parametrize(
        ("members", "key", "is_right"),
        [
            ({"types": ("RSA-HSM",)}, ("RSA-HSM", 2048, None), True),
            ({"types": ("RSA-HSM",)}, ("RSA", 4096, None), False),
            ({"min_rsa_bits": 3072}, ("RSA", 3072, None), True),
            ({"min_rsa_bits": 3072}, ("RSA-HSM", 2048, None), False),
            ({"min_rsa_bits": 3072}, ("RSA", None, None), False),
            ({"min_rsa_bits": 3072}, ("EC", None, "P-256"), True),
            ({"curves": ("P-384",)}, ("EC", None, "P-384"), True),
            ({"curves": ("P-384",)}, ("EC-HSM", None, "P-256"), False),
            ({"curves": ("P-384",)}, ("EC", None, None), False),
            ({"curves": ("P-384",)}, ("RSA", 2048, None), True),
        ],
    )
    def test_types(self, members: dict[str, Any], key: tuple[str, int | None, str | None], *, is_right: bool) -> None:
        """Types, sizes and curves are the ones named; what is not known is not right."""
        kind, bits, curve = key
        found = judge_key(rule(Rule.KEY_TYPES, **members), VAULT, KeyFacts(0, None, kind, bits, curve))
        assert (not found) is is_right

    def test_a_finding_says_what_would_be_right(self) -> None:
        """It names the guardrail, what it does, and the mend."""
        (found,) = judge_secret(rule(Rule.SECRET_EXPIRY, Effect.AUDIT), VAULT, SecretFacts(0, None))
        assert found == Violation("one", Effect.AUDIT, "the secret must have an expiry date")
        (found,) = judge_key(rule(Rule.KEY_EXPIRY, Effect.AUDIT), VAULT, KeyFacts(0, None, "RSA", 2048))
        assert found == Violation("one", Effect.AUDIT, "the key must have an expiry date")
        (found,) = judge_vault(rule(Rule.RBAC_ONLY, Effect.AUDIT), replace(VAULT, rbac=False))
        assert (found.guardrail, found.effect) == ("one", Effect.AUDIT)


class TestFiles:
    """How guardrails are declared."""

    def test_a_whole_file(self) -> None:
        """Every rule with its members."""
        text = "".join((
            declared(name="a", rule="secret-expiry", effect="audit", max_days=365, vaults=["KV-*", "x"]),
            declared(name="b", rule="key-expiry", max_days=1),
            declared(name="c", rule="key-types", types=["RSA", "EC-HSM"], min_rsa_bits=3072, curves=["P-384"]),
            declared(name="d"),
            declared(name="e", rule="purge-protection"),
            declared(name="f", rule="firewall"),
        ))  # fmt: skip
        assert parse_guardrails(text) == (
            Guardrail("a", Rule.SECRET_EXPIRY, Effect.AUDIT, ("kv-*", "x"), 365),
            Guardrail("b", Rule.KEY_EXPIRY, Effect.DENY, max_days=1),
            Guardrail("c", Rule.KEY_TYPES, Effect.DENY, ("*",), None, ("RSA", "EC-HSM"), 3072, ("P-384",)),
            Guardrail("d", Rule.RBAC_ONLY, Effect.DENY),
            Guardrail("e", Rule.PURGE_PROTECTION, Effect.DENY),
            Guardrail("f", Rule.FIREWALL, Effect.DENY),
        )
        assert parse_guardrails("") == ()

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("guardrail", "not TOML"),
            ("guardrail = 1", "written as [[guardrail]]"),
            ("other = 1", "no table called 'other'"),
            ("a = " + "[" * 5000, "not TOML"),
            (declared(name=None), "name must be"),
            (declared(name="x" * 65), "name must be"),
            (declared(rule="rbac"), "rule must be one of"),
            (declared(rule=None), "rule must be one of"),
            (declared(effect="deny!"), "effect must be one of"),
            (declared(effect=None), "effect must be one of"),
            (declared(rule=["rbac-only"]), "rule must be one of"),
            (declared(effect=["deny"]), "effect must be one of"),
            (declared(max_days=3), "rbac-only has no member 'max_days'"),
            (declared(rule="secret-expiry", days=3), "has no member 'days'"),
            (declared(rule="secret-expiry", max_days=0), "max_days must be between"),
            (declared(rule="secret-expiry", max_days=36_501), "max_days must be between"),
            (declared(rule="secret-expiry", max_days="3"), "max_days must be between"),
            (declared(rule="secret-expiry", max_days="true").replace('"true"', "true"), "max_days must be between"),
            (declared(rule="key-types"), "says nothing without"),
            (declared(rule="key-types", types=["rsa"]), "types has 'rsa'"),
            (declared(rule="key-types", curves=[]), "curves must be a list"),
            (declared(rule="key-types", min_rsa_bits=1024), "min_rsa_bits must be"),
            (declared(vaults=["a/b"]), "no pattern of a vault's name"),
            (declared(vaults="a"), "vaults must be a list"),
            (declared() + declared(name="ONE"), "Two guardrails are called 'one'"),
        ],
    )
    def test_what_is_not_understood_is_refused(self, text: str, fault: str) -> None:
        """It might be what was to protect something."""
        with pytest.raises(GuardrailFault) as refused:
            parse_guardrails(text)
        assert any(fault in one for one in refused.value.faults), refused.value.faults

    def test_all_faults_are_told_together(self) -> None:
        """Whoever mends a file mends it once."""
        with pytest.raises(GuardrailFault) as refused:
            parse_guardrails(declared(name="", effect="x", more=1))
        assert len(refused.value.faults) == 3

    def test_limits(self) -> None:
        """At the limit a file is taken, one past it it is not."""
        many = "".join(declared(name=f"n{number}") for number in range(limits.GUARDRAILS))
        assert len(parse_guardrails(many)) == limits.GUARDRAILS
        with pytest.raises(GuardrailFault, match="at most"):
            parse_guardrails(many + declared(name="more"))
        patterns = [f"v-{number}" for number in range(limits.GUARDRAIL_VAULTS)]
        assert parse_guardrails(declared(vaults=patterns))
        with pytest.raises(GuardrailFault, match="at most"):
            parse_guardrails(declared(vaults=[*patterns, "v"]))
        room = limits.GUARDRAIL_FILE_CHARS - len(declared())
        assert parse_guardrails(declared() + "#" * room)
        with pytest.raises(GuardrailFault, match="more than"):
            parse_guardrails(declared() + "#" * (room + 1))
