"""
Second factors: what a user shows besides a password. Authenticator apps (RFC 6238) and security keys (WebAuthn).

A second factor's id is new for every one that is set up, so that no token family leads to one that only resembles it:
an authenticator names a credential as it likes, and may do so again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.records import Record, record, tenant_partition


@record
@dataclass(frozen=True, slots=True)
class AuthenticatorApp(Record):
    """
    The secret that a user's authenticator app makes codes from. It is here since its first right code was shown.

    A code is good once: `last_step` is the time step of the newest that was taken, and none of it or before is taken
    again (RFC 6238 section 5.2).
    """

    KIND: ClassVar[str] = "authenticator_app"
    AMR: ClassVar[tuple[str, ...]] = ("otp", "mfa")
    """What a token says of how its user signed in, after `pwd` (RFC 8176)."""
    id: str
    tenant: str
    user: str
    display_name: str
    created: int
    sealed_secret: bytes = field(repr=False)
    last_step: int

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class SecurityKey(Record):
    """
    A WebAuthn credential: its public half, since the private key never leaves the authenticator.

    Its answers are good once: an authenticator that counts must have counted on, and whatever it does, an answer is to
    a challenge that was made later than the last one that was answered.
    """

    KIND: ClassVar[str] = "security_key"
    AMR: ClassVar[tuple[str, ...]] = ("fido", "mfa")
    id: str
    tenant: str
    user: str
    display_name: str
    created: int
    host: str
    """The relying party's id: the name of the sign-in pages it was registered on. Browsers show it to no other."""
    credential_id: bytes
    public_key: bytes
    """COSE."""
    sign_count: int
    aaguid: str
    """The make of the authenticator, as it says of itself: nothing vouches for it."""
    transports: tuple[str, ...] = ()
    last_challenge: int = 0
    """When the challenge that was answered last was made."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """A credential is one user's of a tenant (WebAuthn section 7.1)."""
        return (f"security_key:{self.tenant}:{sha256(self.credential_id).hexdigest()}",)


SecondFactor = AuthenticatorApp | SecurityKey
KINDS: tuple[type[SecondFactor], ...] = (AuthenticatorApp, SecurityKey)


def judge_name(text: str) -> str:
    """
    Read what a user calls a second factor.

    Raises:
        Invalid: it is empty, too long, or not to be shown in a line.
    """
    name = text.strip()
    if not (0 < len(name) <= limits.SECOND_FACTOR_NAME_CHARS and name.isprintable()):
        raise Invalid(f"A name has 1 to {limits.SECOND_FACTOR_NAME_CHARS} characters.")
    return name


def judge_number(held: Iterable[SecondFactor], kind: type[SecondFactor]) -> None:
    """
    Hold what a user has of a kind against the limit, before one more.

    Raises:
        Invalid: there are as many as there may be.
    """
    most = limits.AUTHENTICATOR_APPS_PER_USER if kind is AuthenticatorApp else limits.SECURITY_KEYS_PER_USER
    if sum(isinstance(one, kind) for one in held) >= most:
        what = "authenticator apps" if kind is AuthenticatorApp else "security keys"
        raise Invalid(f"A user has at most {most} {what}. Remove one first.")


def judge_code(text: str) -> str:
    """Read a code as people type it, with spaces or without; whatever is no code is the empty text."""
    code = "".join(text.split())
    return code if len(code) == limits.CODE_DIGITS and code.isascii() and code.isdigit() else ""
