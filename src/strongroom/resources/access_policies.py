"""
Access policies: adding to, replacing and removing entries without sending the whole list (reference section 3.1).

An entry is found by its object id together with its application id. What is removed is words: an entry that has none
left goes, and so does one that was named without any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from strongroom.core.access_policy import ALL, PERMISSIONS, check_policies, permissions_of
from strongroom.core.vaults import AccessPolicy, Vault
from strongroom.resources.lookup import require_active
from strongroom.resources.vault_events import announce_access_change
from strongroom.store import Transaction

Key = tuple[str, str]


class PolicyOperation(StrEnum):
    """What to do with the entries that are sent."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


async def update_access_policies(
    tx: Transaction,
    vault: Vault,
    operation: PolicyOperation,
    entries: Sequence[AccessPolicy],
    *,
    now: int,
    by: str,
) -> Vault:
    """
    Change a vault's access policies, as they are now.

    Raises:
        NotFound: the vault is gone or deleted.
        Invalid: an entry is malformed or of another tenant, or there would be too many.
    """
    current = await require_active(tx, vault)
    # The entries are judged even if they only take away, so that a misspelt tenant is not answered with success.
    check_policies(entries, current.tenant)
    policies = merge(current.access_policies, operation, entries)
    check_policies(policies, current.tenant)
    changed = replace(current, access_policies=policies, updated=now, updated_by=by)
    await tx.put(changed)
    announce_access_change(tx, current, changed, now)
    return changed


def merge(
    policies: Sequence[AccessPolicy], operation: PolicyOperation, entries: Sequence[AccessPolicy]
) -> tuple[AccessPolicy, ...]:
    """Give the list that *operation* with *entries* makes of *policies*; the order of what stays is kept."""
    # A list may hold one principal twice (what any entry gives is given), so entries of one key count as one.
    merged: dict[Key, AccessPolicy] = {}
    for policy in policies:
        merged[_key(policy)] = _union(merged.get(_key(policy)), policy)
    replaced: set[Key] = set()
    for entry in entries:
        key, old = _key(entry), merged.get(_key(entry))
        match operation:
            case PolicyOperation.ADD:
                merged[key] = _union(old, entry)
            case PolicyOperation.REPLACE:
                # The same principal twice in one request means both entries, as it does in a vault's list.
                merged[key] = _union(old if key in replaced else None, entry)
                replaced.add(key)
            case PolicyOperation.REMOVE if old is not None:
                left = _difference(old, entry)
                if left is None:
                    del merged[key]
                else:
                    merged[key] = left
            case PolicyOperation.REMOVE:
                pass
    return tuple(merged.values())


def _key(policy: AccessPolicy) -> Key:
    return policy.object_id.lower(), (policy.application_id or "").lower()


def _union(old: AccessPolicy | None, new: AccessPolicy) -> AccessPolicy:
    if old is None:
        return new
    # What is new comes after what was there.
    return _with_words(
        old,
        {
            category: tuple(dict.fromkeys((*permissions_of(old, category), *permissions_of(new, category))))
            for category in PERMISSIONS
        },
    )


def _difference(old: AccessPolicy, taken: AccessPolicy) -> AccessPolicy | None:
    """Take words out of an entry; None if nothing is left, or if the entry was named without any word."""
    if not any(permissions_of(taken, category) for category in PERMISSIONS):
        return None
    words = {}
    for category in PERMISSIONS:
        gone = permissions_of(taken, category)
        kept = () if ALL in gone else permissions_of(old, category)
        if ALL in kept and gone:
            # `all` is every word; without one of them it is all the others, or the removal would remove nothing.
            kept = tuple(word.lower() for word in PERMISSIONS[category])
        words[category] = tuple(word for word in kept if word not in gone)
    return _with_words(old, words) if any(words.values()) else None


def _with_words(policy: AccessPolicy, words: dict[str, tuple[str, ...]]) -> AccessPolicy:
    return replace(
        policy,
        keys=words["keys"],
        secrets=words["secrets"],
        certificates=words["certificates"],
        storage=words["storage"],
    )
