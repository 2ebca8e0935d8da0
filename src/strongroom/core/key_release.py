"""
Secure key release: which keys may ever be released, and to what their policies may be changed.

Codes and rules: reference azure-key-vault.md section 5.2; the sentences of 1001, 1004, 1005, 1016 and 1020 are the
real service's, the others ours (ADR 0014). A policy belongs to the key as a whole: what its latest version has counts
for every version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.core.api_versions import at_least
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeyType, KeyVersionBody, ReleasePolicy
from strongroom.core.release_policies import CONTENT_TYPE, parse_policy, write_policy
from strongroom.core.vaults import Vault

RELEASE_SINCE = "7.3"
"""`exportable`, release policies and the release of keys appear with this version."""
METHODS = ("CKM_RSA_AES_KEY_WRAP", "RSA_AES_KEY_WRAP_256", "RSA_AES_KEY_WRAP_384")
"""How a key is wrapped for whoever it is released to: the values of `enc`, the default first."""

_SENTENCES: Mapping[int, str] = {
    1001: "The exportable attribute is only supported with premium vaults and API version >= '7.3-preview'.",
    1003: "The exportable attribute of an existing key is immutable.",
    1004: "Exportable keys must have release policy.",
    1005: "Non-exportable keys must not have release policy.",
    1006: "Exportable keys must be HSM-backed.",
    1016: "Key Release Policy can only be set on versionless key.",
    1020: "Immutable Key Release Policy cannot be modified.",
}


@dataclass(frozen=True, slots=True)
class Exportability:
    """What a version is to have: whether it may be released, and under which policy."""

    exportable: bool | None = None
    policy: ReleasePolicy | None = None


def refusal(number: int) -> Invalid:
    """Make the refusal with a code of secure key release."""
    return Invalid(f"AKV.SKR.{number}: {_SENTENCES[number]}", code="BadParameter", reason=f"AKV.SKR.{number}")


def check_release(
    given: Exportability, key_type: KeyType, vault: Vault, version: str, before: KeyVersionBody | None
) -> Exportability:
    """
    Judge what a create or an import says, and give what the new version is to have.

    *before* is the key's latest version, if it exists: what is not said stays as it was.

    Raises:
        Invalid: 1001, 1003, 1004, 1005, 1006 or 1020; or the policy is none.
    """
    if given.exportable and (vault.sku != "premium" or not at_least(version, RELEASE_SINCE)):
        raise refusal(1001)
    is_exportable = bool(given.exportable)
    policy = given.policy
    if before is not None:
        was = bool(before.attributes.exportable)
        if given.exportable is None:
            is_exportable = was
        elif is_exportable != was:
            raise refusal(1003)
        policy = policy or before.release_policy
    if not is_exportable:
        if policy is not None:
            raise refusal(1005)
        return Exportability(given.exportable if before is None else before.attributes.exportable)
    if not key_type.in_token:
        raise refusal(1006)
    if policy is None:
        raise refusal(1004)
    return Exportability(True, _settled(policy, before))


def check_release_update(given: Exportability, before: KeyVersionBody, *, versioned: bool) -> Exportability:
    """
    Judge what an update says of a version, and give what it is to have.

    *versioned* says whether the request named a version.

    Raises:
        Invalid: 1003, 1005, 1016 or 1020; or the policy is none.
    """
    own = Exportability(before.attributes.exportable, before.release_policy)
    if given.exportable is not None and given.exportable != bool(own.exportable):
        raise refusal(1003)
    if given.policy is None:
        return own
    if not own.exportable:
        raise refusal(1005)
    if versioned:
        raise refusal(1016)
    return Exportability(own.exportable, _settled(given.policy, before))


def _settled(policy: ReleasePolicy, before: KeyVersionBody | None) -> ReleasePolicy:
    """Read a policy that was given, in the form it is kept in, and compare it with one that must not change."""
    old = None if before is None else before.release_policy
    if old == policy:
        return policy
    if old is not None and old.immutable and _differs(policy, old):
        raise refusal(1020)
    if policy.content_type.replace(" ", "").lower() != CONTENT_TYPE.replace(" ", ""):
        raise Invalid(f"The content type of a key release policy is {CONTENT_TYPE}.", code="BadParameter")
    return ReleasePolicy(write_policy(parse_policy(policy.data)), CONTENT_TYPE, policy.immutable)


def _differs(policy: ReleasePolicy, old: ReleasePolicy) -> bool:
    try:
        return not policy.immutable or write_policy(parse_policy(policy.data)) != old.data
    except Invalid:
        return True
