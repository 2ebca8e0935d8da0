"""
What signing in leaves behind: browser sessions, token families, and what a tenant allows of it.

A browser session is one person signed in at one browser: while it lasts, other clients get tokens for that person from
that browser without the password being asked again.

A family is one user's consent to one client to act for it: it begins with a grant that a user took part in, every
access token of it names it (`sid`), and each refresh raises its generation.

    begun --refresh token of this generation--> one generation further --> ... --expires, or is removed--> over
                 |
                 +-- a refresh token of an earlier one, or its code again: somebody has a copy, so the family is ended

A family ends with the credential of its user, and with the client's principal. Its tokens are bound to the credential
of the client too, so that they end with that: those that were obtained with another one go on. A family that was begun
on behalf of a user, by what another family's token allowed, ends with that one.

A family that is ended or removed ends all its tokens at once. Nothing secret is in one: a refresh token is sealed, not
stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strongroom.core.records import Record, record, tenant_partition


def proof_id(family: str, client_credential: str | None) -> str:
    """Say what the `uti` of a family's token refers to: the family, and what its client proved itself by."""
    return family if client_credential is None else f"{family}/{client_credential}"


@record
@dataclass(frozen=True, slots=True)
class TokenFamily(Record):
    """The tokens that one sign-in gave one client; see the module."""

    KIND: ClassVar[str] = "token_family"
    id: str
    """A GUID: the `sid` of its access tokens."""
    tenant: str
    user: str
    app_id: str
    credential: str
    """The id of the credential that the user showed: with it goes the family."""
    authenticated: int
    """When the user showed it: `auth_time`."""
    amr: tuple[str, ...]
    """How: `pwd`, and with a second factor `otp` or `fido`, and `mfa` (RFC 8176)."""
    expires: int
    """When the newest refresh token ends, or the access token if there is none."""
    generation: int = 0
    refreshed: int = 0
    """When the generation was last raised."""
    ended: bool = False
    """It is over, and is kept until it would have expired: the code that began it must not begin it again."""
    factor: str | None = None
    """The id of the second factor that the user showed besides: with it goes the family, too."""
    client_credential: str | None = None
    """The id of the credential that the client showed last; None for a public client, which has none."""
    parent: str | None = None
    """The family of the token on behalf of whose user it was begun."""
    origin: str | None = None
    """The origin of the page that it was begun for, which alone may take it further."""
    until: int | None = None
    """When its refresh tokens end however often they are used: a page's."""

    @property
    def proof(self) -> str:
        """What the `uti` of its newest tokens refers to."""
        return proof_id(self.id, self.client_credential)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class BrowserSession(Record):
    """One person signed in at one browser. It ends with what the person showed; the browser holds its id, sealed."""

    KIND: ClassVar[str] = "browser_session"
    id: str
    tenant: str
    user: str
    credential: str
    """The id of the credential that the user showed."""
    authenticated: int
    """When."""
    amr: tuple[str, ...]
    expires: int
    factor: str | None = None
    """The id of the second factor that the user showed besides."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class SignInSettings(Record):
    """What a tenant allows, or demands, of what is off by default (security.md "Tokens and sign-in")."""

    KIND: ClassVar[str] = "sign_in_settings"
    id: str
    """The tenant."""
    tenant: str
    password_grant: bool = False
    device_code: bool = False
    password_days: int | None = None
    """How long a password is good that is set from now on; None for ever, as in Entra's tenants of today."""
    second_factor: bool = False
    """Whether everybody must have a second factor: who has none sets one up at the next sign-in."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)
