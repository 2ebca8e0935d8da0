"""
Secure key release: which keys may ever be released, and to what their policies may be changed.

Codes and rules: reference azure-key-vault.md section 5.2; the sentences of 1001, 1004, 1005, 1016 and 1020 are the
real service's, the others ours (ADR 0014). A policy belongs to the key as a whole: what its latest version has counts
for every version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from strongroom.core.api_versions import EXPORTABLE_SINCE, at_least
from strongroom.core.errors import Forbidden, Invalid
from strongroom.core.keys import GivenKeyProperties, KeyType, KeyVersionBody, ReleasePolicy
from strongroom.core.release_policies import CONTENT_TYPE, Policy, parse_policy, write_policy
from strongroom.core.vaults import Vault

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


def refusal(number: int) -> Invalid:
    """Make the refusal with a code of secure key release."""
    return Invalid(f"AKV.SKR.{number}: {_SENTENCES[number]}", code="BadParameter", reason=f"AKV.SKR.{number}")


def require_releasable(given: GivenKeyProperties, key_type: KeyType, vault: Vault, version: str) -> None:
    """
    Judge what can be judged of a create or an import before anything is made.

    Raises:
        Invalid: 1001 or 1006.
    """
    if not given.exportable:
        return
    if vault.sku != "premium" or not at_least(version, EXPORTABLE_SINCE):
        raise refusal(1001)
    if not key_type.in_token:
        raise refusal(1006)


def with_release(made: KeyVersionBody, before: KeyVersionBody | None) -> KeyVersionBody:
    """
    Judge what a create or an import says of a key's release, and give the new version as it is to be.

    *before* is the key's latest version, if it exists: what is not said stays as it was.

    Raises:
        Invalid: 1003, 1004, 1005, 1006 or 1020; or the policy is none.
    """
    exportable, policy = made.attributes.exportable, made.release_policy
    if before is not None:
        was = before.attributes.exportable
        if exportable is not None and exportable is not bool(was):
            raise refusal(1003)
        exportable, policy = was, policy or before.release_policy
    if not exportable and policy is not None:
        raise refusal(1005)
    if exportable and not made.type.in_token:
        raise refusal(1006)
    if exportable and policy is None:
        raise refusal(1004)
    return replace(
        made,
        attributes=replace(made.attributes, exportable=exportable),
        release_policy=None if policy is None else _settled(policy, before),
    )


def check_update(given: GivenKeyProperties, before: KeyVersionBody, *, versioned: bool) -> GivenKeyProperties:
    """
    Judge what an update says of a key's release, and give the update with the policy as it is to be kept.

    *versioned* says whether the request named a version.

    Raises:
        Invalid: 1003, 1005, 1016 or 1020; or the policy is none.
    """
    is_exportable = bool(before.attributes.exportable)
    if given.exportable is not None and given.exportable is not is_exportable:
        raise refusal(1003)
    if given.release_policy is None:
        return given
    if not is_exportable:
        raise refusal(1005)
    if versioned:
        raise refusal(1016)
    return replace(given, release_policy=_settled(given.release_policy, before))


def policy_in_force(latest: KeyVersionBody) -> Policy:
    """
    Give the policy that every version of a key is released by: its latest version's.

    Raises:
        Forbidden: the key is not one that is ever released.
    """
    if not latest.attributes.exportable or latest.release_policy is None:
        raise Forbidden(
            "Operation release is not permitted on this key.", code="Forbidden", inner="KeyOperationForbidden"
        )
    return parse_policy(latest.release_policy.data)


def parse_method(text: str | None) -> str:
    """
    Read `enc`: how a released key is wrapped.

    Raises:
        Invalid: there is no such method.
    """
    if text is None:
        return METHODS[0]
    if text not in METHODS:
        raise Invalid(f"Property enc must be one of: {', '.join(METHODS)}.", code="BadParameter")
    return text


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
