"""
Passwords of people: Argon2id (RFC 9106), for passwords alone, behind a bounded queue.

What is hashed is not the password but its tag under the root key, so that a stolen database without the root key is no
use to a guesser, however weak the password. argon2 is imported by the first who needs it, which no start-up does.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from strongroom.core import limits
from strongroom.crypto.pool import BoundedPool
from strongroom.crypto.protocol import RootKey

if TYPE_CHECKING:
    import argon2

_PURPOSE = "password"
# A salt and a hash of the lengths we write, of no password at all: checking against it takes the same work and always
# fails. It is written down, not computed, so the first unknown user costs what the hundredth does.
_NOBODY = f"$argon2id$v=19$m=65536,t=3,p=4${'A' * 22}${'A' * 43}"


class WrongPassword(Exception):
    """The password is not right, or there is no such user: the two are not told apart here."""


class Passwords:
    """Hashes and checks passwords, some at once, some waiting, the rest refused."""

    __slots__ = ("_pool", "_protection")

    def __init__(
        self,
        protection: RootKey,
        *,
        at_once: int = limits.PASSWORD_HASHES_AT_ONCE,
        waiting: int = limits.PASSWORD_HASHES_WAITING,
    ) -> None:
        self._protection = protection
        self._pool = BoundedPool("password", threads=at_once, waiting=waiting)

    async def hash(self, password: str) -> bytes:
        """
        Make a verifier for a new password.

        Raises:
            Throttled: too many hashes wait already.
        """
        tag = self._tag(password)
        return (await self._pool.run(lambda: _hasher().hash(tag))).encode("ascii")

    async def verify(self, verifier: bytes | None, password: str) -> None:
        """
        Check a password against its user's verifier; None stands for a user who does not exist, with equal work.

        Raises:
            WrongPassword: it does not fit.
            Throttled: too many hashes wait already.
        """
        from argon2.exceptions import VerifyMismatchError  # noqa: PLC0415  see the module's docstring

        expected = _NOBODY if verifier is None else verifier.decode("ascii")
        tag = self._tag(password)
        try:
            await self._pool.run(lambda: _hasher().verify(expected, tag))
        except VerifyMismatchError:
            raise WrongPassword from None

    def close(self) -> None:
        """Take no more work."""
        self._pool.close()

    def _tag(self, password: str) -> bytes:
        # Exactly as typed: neither case nor blanks nor Unicode forms are evened out (pitfalls.md "Authorization").
        return self._protection.tag(_PURPOSE, password.encode("utf-8", "surrogatepass"))


@cache
def _hasher() -> argon2.PasswordHasher:
    """Make the hasher: RFC 9106 section 4, the second recommended option, 64 MiB, three passes, four lanes."""
    import argon2  # noqa: PLC0415  see the module's docstring

    return argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)
