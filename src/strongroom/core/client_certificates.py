"""Certificates by which an application proves itself (Graph's `keyCredentials`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strongroom.core.records import Record, record, tenant_partition

THUMBPRINT_BYTES = 20
"""Of the SHA-1 that certificates are called by."""


@record
@dataclass(frozen=True, slots=True)
class ClientCertificate(Record):
    """
    One certificate of one application, or of its principal in one tenant.

    It is the public half, since the private key never leaves the client.

    Clients of Graph choose the `keyId` themselves, so it is no id of ours: a token leads back to `id`, which is new for
    every certificate that is registered. Who removes one and registers another under its `keyId` revives no token.
    """

    KIND: ClassVar[str] = "client_certificate"
    id: str
    tenant: str
    owner: str
    """The object id of the application or service principal."""
    key_id: str
    """Graph's `keyId`, unique within the owner."""
    certificate: bytes
    """DER."""
    created: int
    not_before: int
    expires: int
    """Unix seconds; within what the certificate itself says."""
    display_name: str | None = None
    custom_key_identifier: bytes = b""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    def is_current(self, now: int) -> bool:
        """Tell whether it counts now: it has begun and has not expired."""
        return self.not_before <= now < self.expires
