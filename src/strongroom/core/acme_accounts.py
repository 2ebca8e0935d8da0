"""
Accounts with ACME authorities (RFC 8555), and the challenges that are answered for them.

An account is the operator's: it names where this service sends requests, which program it runs, and who may have
certificates by it. A vault's issuer only says which account it goes by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from strongroom.core import acme_limits as limits
from strongroom.core.records import INSTANCE, Record, record

PROVIDER = "ACME"
"""What a vault's issuer has for a provider, to use an account."""

_NAME = re.compile(rf"[a-z0-9](?:[a-z0-9-]{{0,{limits.ACME_ACCOUNT_NAME_CHARS - 1}}})", re.ASCII)
_CONTACT = re.compile(r"mailto:[!#-+\--.0-9A-Z^-~]{1,64}@[a-z0-9.-]{1,253}", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{22,{limits.ACME_TOKEN_CHARS}}}", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}", re.ASCII)
_DNS_CHARS = 253


class ChallengeType(StrEnum):
    """How it is proved that a name is ours to have certified (RFC 8555 section 8)."""

    HTTP = "http-01"
    DNS = "dns-01"


@record
@dataclass(frozen=True, slots=True)
class AcmeAccount(Record):
    """An account with an authority, who may use it, and how names are proved for it."""

    KIND: ClassVar[str] = "acme_account"
    id: str
    """What the operator calls it."""
    directory: str
    """The URL of the authority's directory, by which it is known."""
    url: str
    """The account itself: what its requests are signed in the name of."""
    sealed_key: bytes = field(repr=False)
    """The private key (PKCS#8 DER), sealed under the root key."""
    created: int
    challenge: ChallengeType
    tenants: tuple[str, ...]
    """Whose vaults may use it."""
    contacts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    """Only names at or below these are asked for; none means any name."""
    hook: str = ""
    """The program that makes and removes DNS records, for `dns-01`."""
    dns_wait_s: int = 0
    """How long a record is given before the authority is told to look."""
    terms: str | None = None
    """The terms of service that were agreed to, where the authority has some."""
    external_id: str | None = None
    """What the authority calls the external account that this one is bound to."""

    @property
    def partition(self) -> str:
        """The instance's: no tenant's administrator decides about it."""
        return INSTANCE


@record
@dataclass(frozen=True, slots=True)
class AcmeChallenge(Record):
    """An `http-01` challenge that is to be answered now: by every node, and after a restart."""

    KIND: ClassVar[str] = "acme_challenge"
    id: str
    """Its token, which the authority chose."""
    account: str
    value: str
    """The key authorization: what is answered (RFC 8555 section 8.1)."""
    expires: int

    @property
    def partition(self) -> str:
        """The instance's, since whoever asks for a token is nobody yet."""
        return INSTANCE


def is_account_name(name: str) -> bool:
    """Tell whether an account can be called that: a word of lower-case letters, digits and hyphens."""
    return _NAME.fullmatch(name) is not None


def is_contact(contact: str) -> bool:
    """Tell whether it is one address that an authority can be told: `mailto:` without header fields (section 7.3)."""
    return len(contact) <= limits.ACME_CONTACT_CHARS and _CONTACT.fullmatch(contact) is not None


def is_token(token: str) -> bool:
    """Tell whether it has the form of a challenge's token: base64url of 128 bits or more (section 8.1)."""
    return _TOKEN.fullmatch(token) is not None


def is_dns_name(name: str) -> bool:
    """Tell whether it is a host name in lower case, without a wildcard; digits alone at its end make an address."""
    last = name.rpartition(".")[2]
    return len(name) <= _DNS_CHARS and _DNS_NAME.fullmatch(name) is not None and not last.isdigit()


def is_within(name: str, domains: Iterable[str]) -> bool:
    """Tell whether a name is one of some domains, or below one."""
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)
