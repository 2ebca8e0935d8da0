"""
Guardrails: rules for vaults and what is in them, in the manner of Azure Policy, declared in one file by the operator.

    [[guardrail]]
    name = "secrets expire"
    rule = "secret-expiry"
    effect = "deny"             # or "audit": the change is made, and the journal says what it goes against
    max_days = 365
    vaults = ["kv-prod-*"]      # by name, `*` for any characters; every vault if it is left out

They apply to every change, whoever makes it: a role gives what a guardrail takes. What was there before stays, and
`strongroom policy check` finds it. Facts: reference azure-key-vault.md sections 7 and 9 (`RequestDisallowedByPolicy`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any, ClassVar

from strongroom.core.certificate_limits import LIFETIME_PERCENTAGE, VALIDITY_MONTHS
from strongroom.core.limits import GUARDRAIL_FILE_CHARS, GUARDRAIL_VAULTS, GUARDRAILS
from strongroom.core.network import DefaultAction, PublicNetworkAccess
from strongroom.core.records import INSTANCE, Record, record
from strongroom.core.vaults import Vault

_DAY_S = 86_400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}", re.ASCII)
_VAULTS = re.compile(r"[a-z0-9*-]{1,24}", re.ASCII | re.IGNORECASE)
KEY_TYPES = ("RSA", "RSA-HSM", "EC", "EC-HSM", "oct", "oct-HSM")
CURVES = ("P-256", "P-384", "P-521", "P-256K")
RSA_BITS = (2048, 3072, 4096)


class Rule(StrEnum):
    """What a guardrail demands."""

    SECRET_EXPIRY = "secret-expiry"  # noqa: S105  the word, not a secret
    """Every version of a secret has an expiry date, at most `max_days` after it was made."""
    KEY_EXPIRY = "key-expiry"
    """Every version of a key has an expiry date, at most `max_days` after it was made."""
    KEY_TYPES = "key-types"
    """Keys are of certain types, sizes and curves."""
    RBAC_ONLY = "rbac-only"
    """Role assignments decide, never access policies."""
    PURGE_PROTECTION = "purge-protection"
    """What is deleted stays recoverable until its retention ends."""
    CERTIFICATE_VALIDITY = "certificate-validity"
    """Certificates are good for at most `max_months`."""
    CERTIFICATE_EXPIRY = "certificate-expiry"
    """Certificates are good for `min_days` more, when they come and whenever it is checked."""
    CERTIFICATE_ISSUERS = "certificate-issuers"
    """Certificates come from certain providers."""
    CERTIFICATE_KEYS = "certificate-keys"
    """Keys of certificates are of certain types, sizes and curves."""
    CERTIFICATE_ACTION = "certificate-lifetime-action"
    """Something happens by itself before certificates expire, and early enough."""
    FIREWALL = "firewall"
    """No address is admitted that nothing names, and IP rules name few of all there are."""


class Effect(StrEnum):
    """What happens to a change that goes against a guardrail."""

    AUDIT = "audit"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One rule, where it applies and what it does."""

    name: str
    rule: Rule
    effect: Effect
    vaults: tuple[str, ...] = ("*",)
    max_days: int | None = None
    types: tuple[str, ...] = ()
    min_rsa_bits: int | None = None
    curves: tuple[str, ...] = ()
    max_months: int | None = None
    min_days: int | None = None
    max_percentage: int | None = None
    issuers: tuple[str, ...] = ()
    """`Self`, `Unknown`, or names of providers."""

    @property
    def is_about_vaults(self) -> bool:
        """Tell whether a vault's own settings decide, not what is in it."""
        return self.rule in _VAULT_RULES

    def covers(self, vault: Vault) -> bool:
        """Tell whether a vault is one of those it is about."""
        return any(fnmatchcase(vault.name.lower(), pattern) for pattern in self.vaults)


@record
@dataclass(frozen=True, slots=True)
class Guardrails(Record):
    """The guardrails in force: one record of the instance, replaced as a whole."""

    KIND: ClassVar[str] = "guardrails"
    id: str
    text: str
    """The file, as it was declared."""
    rules: tuple[Guardrail, ...]
    created: int

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE


THE_GUARDRAILS = "guardrails"
"""The id of the one record."""


# ---- what is judged -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """Of a secret's version, what guardrails ask about: Unix times."""

    created: int
    expires: int | None


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """Of a key's version, what guardrails ask about."""

    created: int
    expires: int | None
    type: str
    bits: int | None = None
    curve: str | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """That something goes against a guardrail, and what would be right."""

    guardrail: str
    effect: Effect
    reason: str


def judge_vault(guardrails: Iterable[Guardrail], vault: Vault) -> tuple[Violation, ...]:
    """Find what a vault's settings go against."""
    return tuple(
        Violation(one.name, one.effect, _VAULT_RULES[one.rule][1])
        for one in guardrails
        if one.rule in _VAULT_RULES and one.covers(vault) and not _VAULT_RULES[one.rule][0](vault)
    )


def judge_secret(guardrails: Iterable[Guardrail], vault: Vault, facts: SecretFacts) -> tuple[Violation, ...]:
    """Find what a version of a secret goes against."""
    found = (
        (one, _expiry_fault("secret", one, facts.created, facts.expires))
        for one in guardrails
        if one.rule is Rule.SECRET_EXPIRY and one.covers(vault)
    )
    return tuple(Violation(one.name, one.effect, fault) for one, fault in found if fault is not None)


def judge_key(guardrails: Iterable[Guardrail], vault: Vault, facts: KeyFacts) -> tuple[Violation, ...]:
    """Find what a version of a key goes against."""
    violations: list[Violation] = []
    for one in guardrails:
        if not one.covers(vault):
            continue
        fault: str | None = None
        if one.rule is Rule.KEY_EXPIRY:
            fault = _expiry_fault("key", one, facts.created, facts.expires)
        elif one.rule is Rule.KEY_TYPES:
            fault = type_fault(one, facts.type, facts.bits, facts.curve)
        if fault is not None:
            violations.append(Violation(one.name, one.effect, fault))
    return tuple(violations)


_MOST_ADDRESSES = {4: 1 << 26, 6: 1 << 112}
"""How many public addresses IP rules may name together: a 64th of IPv4, a /16 of IPv6."""
_LOCAL = IPv6Network("fc00::/7")


def _has_firewall(vault: Vault) -> bool:
    if vault.public_network_access is not PublicNetworkAccess.ENABLED:
        return True
    acls = vault.network_acls
    return acls is not None and acls.default_action is DefaultAction.DENY and _names_few(acls.ip_rules)


def _names_few(rules: Iterable[str]) -> bool:
    """Tell whether IP rules leave most addresses out: 0.0.0.0/0, or the same in pieces, is a firewall by name alone."""
    networks = [ip_network(rule, strict=False) for rule in rules]
    fours = collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
    sixes = collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
    return (
        sum(one.num_addresses for one in fours) <= _MOST_ADDRESSES[4]
        and sum(one.num_addresses for one in sixes if not one.subnet_of(_LOCAL)) <= _MOST_ADDRESSES[6]
    )


_VAULT_RULES: Mapping[Rule, tuple[Callable[[Vault], bool], str]] = {
    Rule.RBAC_ONLY: (lambda vault: vault.rbac is True, "enableRbacAuthorization must be true"),
    Rule.PURGE_PROTECTION: (lambda vault: vault.purge_protection, "enablePurgeProtection must be true"),
    Rule.FIREWALL: (
        _has_firewall,
        "networkAcls.defaultAction must be Deny and ipRules few, or publicNetworkAccess Disabled or SecuredByPerimeter",
    ),
}


def _expiry_fault(noun: str, guardrail: Guardrail, created: int, expires: int | None) -> str | None:
    if expires is None:
        return f"the {noun} must have an expiry date"
    if guardrail.max_days is not None and expires - created > guardrail.max_days * _DAY_S:
        return f"the {noun} must expire at most {guardrail.max_days} days after it is made"
    return None


def type_fault(guardrail: Guardrail, kind: str, size: int | None, curve: str | None) -> str | None:
    """Say what a key's type, size or curve goes against; None if all are as they are to be."""
    if guardrail.types and kind not in guardrail.types:
        return f"the key's type must be one of {', '.join(guardrail.types)}"
    # A size that is not known is not known to be enough.
    bits = guardrail.min_rsa_bits
    if bits is not None and kind.startswith("RSA") and (size or 0) < bits:
        return f"an RSA key must have at least {bits} bits"
    if guardrail.curves and kind.startswith("EC") and curve not in guardrail.curves:
        return f"the key's curve must be one of {', '.join(guardrail.curves)}"
    return None


# ---- reading --------------------------------------------------------------------------------------------------------

_COMMON = frozenset({"name", "rule", "effect", "vaults"})
_MEMBERS: Mapping[Rule, frozenset[str]] = {
    Rule.SECRET_EXPIRY: frozenset({"max_days"}),
    Rule.KEY_EXPIRY: frozenset({"max_days"}),
    Rule.KEY_TYPES: frozenset({"types", "min_rsa_bits", "curves"}),
    Rule.CERTIFICATE_VALIDITY: frozenset({"max_months"}),
    Rule.CERTIFICATE_EXPIRY: frozenset({"min_days"}),
    Rule.CERTIFICATE_ISSUERS: frozenset({"issuers"}),
    Rule.CERTIFICATE_KEYS: frozenset({"types", "min_rsa_bits", "curves"}),
    Rule.CERTIFICATE_ACTION: frozenset({"max_percentage", "min_days"}),
    Rule.RBAC_ONLY: frozenset(),
    Rule.PURGE_PROTECTION: frozenset(),
    Rule.FIREWALL: frozenset(),
}

_WANTING = frozenset(
    {
        Rule.KEY_TYPES,
        Rule.CERTIFICATE_VALIDITY,
        Rule.CERTIFICATE_EXPIRY,
        Rule.CERTIFICATE_ISSUERS,
        Rule.CERTIFICATE_KEYS,
        Rule.CERTIFICATE_ACTION,
    }
)
"""Rules that demand nothing unless one of their members says what."""


class GuardrailFault(Exception):
    """A file that declares no guardrails: every fault found, one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def parse_guardrails(text: str) -> tuple[Guardrail, ...]:
    """
    Read a file of guardrails.

    Raises:
        GuardrailFault: with every fault found; what is not understood is refused, as it might be what protects.
    """
    if len(text) > GUARDRAIL_FILE_CHARS:
        raise GuardrailFault([f"The file has more than {GUARDRAIL_FILE_CHARS} characters."])
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise GuardrailFault([f"The file is not TOML: {error}."]) from None
    except RecursionError:
        raise GuardrailFault(["The file is not TOML that can be read: it is nested too deeply."]) from None
    tables = document.pop("guardrail", [])
    faults = [f"There is no table called {name!r}; guardrails are [[guardrail]]." for name in document]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise GuardrailFault([*faults, "Guardrails are written as [[guardrail]], one table each."])
    if len(tables) > GUARDRAILS:
        raise GuardrailFault([*faults, f"There are at most {GUARDRAILS} guardrails, and {len(tables)} were given."])
    found = [_read(number, table, faults) for number, table in enumerate(tables, 1)]
    names = [one.name.lower() for one in found if one is not None]
    faults += [f"Two guardrails are called {name!r}." for name in sorted({n for n in names if names.count(n) > 1})]
    if faults:
        raise GuardrailFault(faults)
    return tuple(one for one in found if one is not None)


def _read(number: int, table: Mapping[str, Any], faults: list[str]) -> Guardrail | None:
    before = len(faults)
    name, rule, effect = table.get("name"), table.get("rule"), table.get("effect")
    where = f"Guardrail {number}"
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        faults.append(f"{where}: name must be at most 64 letters, digits, spaces and the signs . _ -")
    # A table or a list is no word, and nothing that a set can be asked about.
    if not isinstance(rule, str) or rule not in set(Rule):
        faults.append(f"{where}: rule must be one of {', '.join(Rule)}.")
        return None
    if not isinstance(effect, str) or effect not in set(Effect):
        faults.append(f"{where}: effect must be one of {', '.join(Effect)}.")
    known = _MEMBERS[Rule(rule)]
    faults.extend(f"{where}: {rule} has no member {member!r}." for member in table if member not in known | _COMMON)
    vaults = _words(table, "vaults", ("*",), faults, where)
    if len(vaults) > GUARDRAIL_VAULTS:
        faults.append(f"{where}: vaults has at most {GUARDRAIL_VAULTS} patterns.")
    faults.extend(f"{where}: {one!r} is no pattern of a vault's name." for one in vaults if not _VAULTS.fullmatch(one))
    guardrail = Guardrail(
        str(name),
        Rule(rule),
        Effect(effect) if isinstance(effect, str) and effect in set(Effect) else Effect.DENY,
        tuple(pattern.lower() for pattern in vaults),
        _number(table, "max_days", range(1, 36_501), faults, where),
        _words(table, "types", (), faults, where, KEY_TYPES),
        _number(table, "min_rsa_bits", RSA_BITS, faults, where),
        _words(table, "curves", (), faults, where, CURVES),
        _number(table, "max_months", range(1, VALIDITY_MONTHS + 1), faults, where),
        _number(table, "min_days", range(1, 36_501), faults, where),
        _number(table, "max_percentage", range(1, LIFETIME_PERCENTAGE + 1), faults, where),
        _words(table, "issuers", (), faults, where),
    )
    if guardrail.rule in _WANTING and not any(getattr(guardrail, member) for member in known):
        said = sorted(known, key=list(Guardrail.__slots__).index)
        faults.append(f"{where}: {rule} says nothing without {' or '.join(said)}.")
    return guardrail if len(faults) == before else None


def _words(
    table: Mapping[str, Any],
    member: str,
    default: tuple[str, ...],
    faults: list[str],
    where: str,
    known: tuple[str, ...] = (),
) -> tuple[str, ...]:
    if member not in table:
        return default
    given = table[member]
    if not isinstance(given, list) or not given or not all(isinstance(word, str) for word in given):
        faults.append(f"{where}: {member} must be a list of texts, at least one.")
        return default
    unknown = [word for word in given if known and word not in known]
    faults.extend(f"{where}: {member} has {word!r}; there are {', '.join(known)}." for word in unknown)
    return tuple(given)


def _number(table: Mapping[str, Any], member: str, allowed: Sequence[int], faults: list[str], where: str) -> int | None:
    given = table.get(member)
    if member not in table:
        return None
    if type(given) is not int or given not in allowed:
        faults.append(f"{where}: {member} must be between {allowed[0]} and {allowed[-1]}.")
        return None
    return given
