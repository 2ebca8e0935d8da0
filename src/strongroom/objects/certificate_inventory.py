"""Going through all certificates of a vault, and what guardrails ask about each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from strongroom.core.certificate_guardrails import CertificateFacts
from strongroom.core.certificate_issuers import RESERVED, CertificateIssuer, issuer_id
from strongroom.core.certificates import CertificateAttributes, CertificatePolicy, Pending
from strongroom.core.lifecycle import State, state_of
from strongroom.core.objects import Collection
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.objects.certificate_rows import Certificate, certificate_of
from strongroom.store import ObjectState, Reader
from strongroom.view import View

_READ_AT_ONCE = 100


async def each_certificate(reader: Reader, vault: Vault, now: int) -> AsyncIterator[Certificate]:
    """Go through a vault's active certificates in order of name, each by its latest version."""
    after: str | None = None
    more = True
    while more:
        page = await reader.objects(
            vault.id, Collection.CERTIFICATES, ObjectState.ACTIVE, after=after, limit=_READ_AT_ONCE
        )
        for stored, row in page.rows:
            if state_of(stored, now) is State.ACTIVE:
                yield certificate_of(stored, row)
        after, more = page.rows[-1][0].key if page.rows else after, page.more


def certificate_facts(
    view: View,
    vault: Vault,
    policy: CertificatePolicy,
    now: int,
    *,
    version: CertificateAttributes | None = None,
    besides: tuple[str, ...] = (),
) -> CertificateFacts:
    """
    Say of a certificate what guardrails ask about.

    *version* is the one that it is about, where that is issued; *besides*, whom that came from if not by the policy.
    """
    return CertificateFacts(
        tuple(dict.fromkeys((_provider_of(view, vault, policy.issuer.name), *besides))),
        policy.x509.validity_months,
        policy.key,
        policy.lifetime_actions,
        now,
        version.nbf if version is not None else None,
        version.exp if version is not None else None,
    )


def pending_facts(
    view: View,
    vault: Vault,
    policy: CertificatePolicy,
    pending: Pending,
    now: int,
    *,
    version: CertificateAttributes | None = None,
    besides: tuple[str, ...] = (),
) -> CertificateFacts:
    """Say the same of the version that an operation makes: the policy may have been changed since it made its key."""
    key = replace(policy.key, type=pending.key_type, bits=pending.bits, curve=pending.curve)
    made_by = replace(policy, key=key, issuer=pending.issuer, x509=pending.x509)
    return certificate_facts(view, vault, made_by, now, version=version, besides=besides)


def _provider_of(view: View, vault: Vault, issuer: str) -> str:
    """Name who issues: a vault's holder chooses the name of an issuer, and not what its provider is."""
    if issuer.casefold() in RESERVED:
        return issuer
    found = view.get(CertificateIssuer, vault_partition(vault.id), issuer_id(issuer))
    return found.provider if found is not None else ""
