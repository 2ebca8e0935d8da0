"""
Attestation authorities: on whose word a tenant's keys may be released, and the key that answers to it are signed with.

Two decisions have to meet. The instance's operator says which authorities a tenant has, and where their keys come from;
whoever makes a key says in its release policy what one of them must attest. One without the other releases nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from strongroom.core.federation import IssuerKey
from strongroom.core.records import Record, record, tenant_partition


@record
@dataclass(frozen=True, slots=True)
class ReleaseAuthority(Record):
    """An authority whose attestations count in a tenant. Without keys of its own here, they are fetched from it."""

    KIND: ClassVar[str] = "release_authority"
    id: str
    """The authority itself, without a slash at the end."""
    tenant: str
    created: int
    keys: tuple[IssuerKey, ...] = ()

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class ReleaseSigningKey(Record):
    """The key that a tenant's released keys are signed with: another one than those of its tokens, in no key set."""

    KIND: ClassVar[str] = "release_signing_key"
    id: str
    """The thumbprint of its certificate."""
    tenant: str
    created: int
    certificate: bytes
    """DER."""
    sealed_private_key: bytes = field(repr=False)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


def authority_id(authority: str) -> str:
    """Give the id of an authority, which one slash at its end does not change (ADR 0014)."""
    return authority.removesuffix("/")
