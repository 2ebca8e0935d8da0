"""
Access policies: the older permission model, decided by a list in the vault's own settings.

Rules from reference azure-key-vault.md section 3.2. There is no deny and no condition: what any matching entry gives is
given. Words are compared without case and kept in lower case, in the order in which they were given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from strongroom.core.echo import GUID, WORD, shown
from strongroom.core.errors import Invalid
from strongroom.core.guids import parse_guid
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.limits import ACCESS_POLICIES
from strongroom.core.vaults import AccessPolicy

ALL = "all"
"""Gives every word of its category (that it includes purge is a choice: ADR 0014)."""

PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "keys": (
        "get", "list", "update", "create", "import", "delete", "recover", "backup", "restore",
        "decrypt", "encrypt", "unwrapKey", "wrapKey", "verify", "sign", "purge", "release",
        "rotate", "getrotationpolicy", "setrotationpolicy",
    ),
    "secrets": ("get", "list", "set", "delete", "recover", "backup", "restore", "purge"),
    "certificates": (
        "get", "list", "update", "create", "import", "delete", "recover", "backup", "restore", "purge",
        "managecontacts", "manageissuers", "getissuers", "listissuers", "setissuers", "deleteissuers",
    ),
    "storage": (
        "get", "list", "delete", "set", "update", "regeneratekey", "recover", "backup", "restore", "purge",
        "getsas", "listsas", "setsas", "deletesas",
    ),
}  # fmt: skip
"""The words of each category as ARM spells them, besides `all`."""

_SPELLING: Mapping[str, Mapping[str, str]] = {
    category: {word.lower(): word for word in (*words, ALL)} for category, words in PERMISSIONS.items()
}
_CONFIDENTIAL = frozenset({"1", "2"})


@dataclass(frozen=True, slots=True)
class PolicyMatch:
    """The entry that decided, and its place in the vault's list: evidence."""

    place: int
    policy: AccessPolicy


@dataclass(frozen=True, slots=True)
class PolicyConsidered:
    """An entry that names one of a caller's principals, and why it does not give what was asked."""

    place: int
    policy: AccessPolicy
    fault: str
    """Empty if the entry gives it."""


class PolicyIndex:
    """A vault's access policies by object id, ready to be asked; immutable, made anew when the vault changes."""

    __slots__ = ("_by_object",)

    def __init__(self, policies: Sequence[AccessPolicy]) -> None:
        by_object: dict[str, list[PolicyMatch]] = {}
        for place, policy in enumerate(policies):
            by_object.setdefault(policy.object_id.lower(), []).append(PolicyMatch(place, policy))
        self._by_object = by_object

    def find(self, caller: Caller, category: str, word: str) -> PolicyMatch | None:
        """Find the first entry that gives *caller* a permission, or None."""
        wanted = word.lower()
        given = (
            match
            for principal in caller.principals
            for match in self._by_object.get(principal, ())
            if _is_meant(match.policy, caller) and _gives(match.policy, category, wanted)
        )
        return min(given, key=lambda match: match.place, default=None)

    def consider(self, caller: Caller, category: str, word: str) -> tuple[PolicyConsidered, ...]:
        """List every entry that names one of the caller's principals, in order, and why it does not count."""
        return tuple(
            PolicyConsidered(match.place, match.policy, _fault(match.policy, caller, category, word.lower()))
            for match in sorted(
                (match for principal in caller.principals for match in self._by_object.get(principal, ())),
                key=lambda match: match.place,
            )
        )


def _fault(policy: AccessPolicy, caller: Caller, category: str, word: str) -> str:
    if not _is_meant(policy, caller):
        if policy.tenant_id.lower() != caller.tenant.lower():
            return "it is for another tenant"
        return f"it is for a user through the confidential application {policy.application_id} alone"
    return "" if _gives(policy, category, word) else f"it does not give {category}/{word}"


def _is_meant(policy: AccessPolicy, caller: Caller) -> bool:
    """Tell whether an entry that names one of the caller's principals is meant for this caller."""
    if policy.tenant_id.lower() != caller.tenant.lower():
        return False
    if policy.application_id is None:
        return True
    # A compound entry is for a user through one application. A public client's id is its own claim, so only one that
    # authenticated counts.
    return (
        caller.kind is PrincipalType.USER
        and caller.oid == policy.object_id.lower()
        and caller.appid.lower() == policy.application_id.lower()
        and caller.appidacr in _CONFIDENTIAL
    )


def _gives(policy: AccessPolicy, category: str, word: str) -> bool:
    permissions = permissions_of(policy, category)
    return word in permissions or (ALL in permissions and word in _SPELLING[category])


def permissions_of(policy: AccessPolicy, category: str) -> tuple[str, ...]:
    """Give an entry's words for a category: `keys`, `secrets`, `certificates` or `storage`."""
    match category:
        case "keys":
            return policy.keys
        case "secrets":
            return policy.secrets
        case "certificates":
            return policy.certificates
        case "storage":
            return policy.storage
        case _:
            msg = f"there is no permission category {category}"
            raise ValueError(msg)


# ---- writing --------------------------------------------------------------------------------------------------------


def parse_permissions(category: str, words: Iterable[str]) -> tuple[str, ...]:
    """
    Read the words of one category into the form in which they are kept.

    Raises:
        Invalid: a word is not one of the category's.
    """
    given = tuple(words)
    # A vault's entries have few lists of words, and a thousand entries with all words have fifty thousand.
    return _parsed_kept(category, given) if len(given) <= _WORDS_KEPT else _parsed(category, given)


def _parsed(category: str, words: tuple[str, ...]) -> tuple[str, ...]:
    lowered = [word.lower() for word in words]
    for word in lowered:
        if word not in _SPELLING[category]:
            raise _invalid(f"'{shown(word, WORD)}' is not a permission for {category}.")
    return tuple(dict.fromkeys(lowered))


_parsed_kept = lru_cache(maxsize=256)(_parsed)
_WORDS_KEPT = 32
"""The longest list whose reading is kept: more words than a category has."""


@lru_cache(maxsize=256)
def spell_permissions(category: str, permissions: tuple[str, ...]) -> tuple[str, ...]:
    """Give kept words in ARM's spelling; what is no word of the category is left out."""
    return tuple(_SPELLING[category][word] for word in permissions if word in _SPELLING[category])


def check_policies(policies: Sequence[AccessPolicy], tenant: str) -> None:
    """
    Check a vault's whole list before it is kept.

    Raises:
        Invalid: there are too many entries, an id is no GUID, or a tenant is not the vault's.
    """
    if len(policies) > ACCESS_POLICIES:
        raise _invalid(f"A vault can have at most {ACCESS_POLICIES} access policies, and {len(policies)} were given.")
    for policy in policies:
        if parse_guid(policy.object_id) is None:
            raise _invalid("An objectId is not a GUID.")
        if policy.application_id is not None and parse_guid(policy.application_id) is None:
            raise _invalid("An applicationId is not a GUID.")
        if policy.tenant_id.lower() != tenant.lower():
            raise _invalid(f"The tenantId '{shown(policy.tenant_id, GUID)}' is not that of the vault.")


def _invalid(detail: str) -> Invalid:
    return Invalid(f"An invalid value was provided for 'accessPolicies'. {detail}", code="BadRequest")
