"""
Federation: whose tokens count as an application's, beside those of this service.

Two decisions have to meet. The instance's operator trusts an issuer, and says where its keys come from; an
application's administrators say which subject of it is the application (Graph's `federatedIdentityCredentials`), as
ARM's of a managed identity do. An issuer, subject or audience is compared as it stands, every character of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from strongroom.core.records import INSTANCE, Record, record, tenant_partition

TEXT_CHARS = 600
"""The longest issuer, subject, audience or description: Graph's own limit."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,119}", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)


@record
@dataclass(frozen=True, slots=True)
class FederatedCredential(Record):
    """
    One subject of an outside issuer whose tokens are as good as the owner's own secret.

    A token leads back to `id`, which is another one whenever issuer, subject or audiences change, so that whoever is
    not meant any more has nothing left.
    """

    KIND: ClassVar[str] = "federated_credential"
    id: str
    tenant: str
    owner: str
    """The object id of the application, or of a managed identity's principal."""
    credential_id: str
    """Graph's `id`."""
    name: str
    issuer: str
    subject: str
    audiences: tuple[str, ...]
    created: int
    description: str | None = None

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A public key of an issuer, as its key set names it."""

    kid: str
    public_key: bytes
    """SubjectPublicKeyInfo, DER."""


@record
@dataclass(frozen=True, slots=True)
class TrustedIssuer(Record):
    """An outside issuer that the instance's operator trusts. Without keys of its own here, they are fetched from it."""

    KIND: ClassVar[str] = "trusted_issuer"
    id: str
    """The issuer itself: the `iss` of its tokens."""
    created: int
    keys: tuple[IssuerKey, ...] = ()

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE


def is_issuer(text: str) -> bool:
    """Tell whether *text* can be an issuer: an https URL without user, query and fragment (OpenID Connect Core 2)."""
    if len(text) > TEXT_CHARS or not _PRINTABLE.fullmatch(text) or not text.startswith("https://"):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and parts.username is None and port != 0 and "?" not in text and "#" not in text


def is_credential_name(text: str) -> bool:
    """Tell whether *text* can name a federated credential: 3 to 120 letters, digits, hyphens and underscores."""
    return _NAME.fullmatch(text) is not None
