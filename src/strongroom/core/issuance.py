"""What an issuer of certificates is asked, and what it can say: values that the surfaces and the issuers share."""

from __future__ import annotations

from dataclasses import dataclass, field

from strongroom.core.certificates import IssuerParameters, X509Properties


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    A certificate that is wanted, as an issuer is told of it.

    `request_id` is the same in every step of one operation, so an issuer can tell that it was asked before.
    """

    request_id: str
    vault: str
    tenant: str
    name: str
    csr: bytes
    """The request, in DER; it carries the subject, the names and the usages that the policy says."""
    x509: X509Properties
    issuer: IssuerParameters
    now: int
    account_id: str | None = None
    """What the vault's issuer names as `credentials.account_id`: which of the provider's accounts, or CAs, is meant."""


@dataclass(frozen=True, slots=True)
class Issued:
    """The certificate, with those above it, the leaf first, each in DER."""

    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet: the issuer is to be asked again from `until` on, and told `state` then."""

    state: bytes = field(repr=False)
    until: int
    details: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """No. Asking again will not help. The words go to whoever reads the operation."""

    message: str
    code: str = "Request rejected"
    was_issued: bool = False
    """Whether the issuer did its part, and it is what it gave that is not taken."""


Step = Issued | Waiting | Refused
"""What comes of one step. Whoever cannot be reached is an `Unavailable` that is raised: the step is tried again."""
