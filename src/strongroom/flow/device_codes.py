"""
Device codes: programs without a browser that wait for their user to sign in at another one (RFC 8628).

    waiting --the person says yes--> approved --the program asks--> gone, and a token family begins
       |                                 |
       +--says no--> denied              +-- or its time is over

Held in memory, so nobody without a sign-in makes anything durable: a restart lets everything that waits begin again.
Bounded in all and for each source; a device code is kept as its digest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from strongroom.core.errors import Throttled
from strongroom.core.limits import DEVICE_CODE_S, DEVICE_CODES_PER_SOURCE, DEVICE_CODES_WAITING

_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"
"""No vowels, so no words; nothing that looks like another."""
_USER_CODE_CHARS = 9


@dataclass(frozen=True, slots=True)
class Approval:
    """Who let the device in, and by what."""

    tenant: str
    user: str
    credential: str
    amr: tuple[str, ...]
    authenticated: int
    factor: str | None = None


@dataclass(slots=True, eq=False)
class Pending:
    """One that waits, and what its page tells the person."""

    user_code: str
    digest: bytes = field(repr=False)
    tenant: str | None
    """The tenant that the program asked; None where the user's will do."""
    client_id: str
    resource: str
    scope: str
    address: str
    """Where the program asked from."""
    source: str
    expires: int
    approval: Approval | None = None
    is_denied: bool = False


@dataclass(slots=True)
class DeviceCodes:
    """Everything that waits."""

    _by_user_code: dict[str, Pending] = field(default_factory=dict)
    _by_digest: dict[bytes, Pending] = field(default_factory=dict)
    _of_source: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        device_code: str,
        *,
        tenant: str | None,
        client_id: str,
        resource: str,
        scope: str,
        address: str,
        source: str,
        now: int,
        entropy: Callable[[int], bytes],
    ) -> Pending:
        """
        Let a program wait.

        Raises:
            Throttled: too many wait, or too many from its source.
        """
        self.forget_expired(now)
        if len(self._by_digest) >= DEVICE_CODES_WAITING or self._of_source[source] >= DEVICE_CODES_PER_SOURCE:
            raise Throttled(
                "Too many device codes wait for their users.",
                headers=(("Retry-After", str(DEVICE_CODE_S)),),
                reason="too many device codes wait",
            )
        user_code = _new_user_code(entropy)
        while user_code in self._by_user_code:
            user_code = _new_user_code(entropy)
        pending = Pending(
            user_code, _digest(device_code), tenant, client_id, resource, scope, address, source, now + DEVICE_CODE_S
        )
        self._by_user_code[user_code] = self._by_digest[pending.digest] = pending
        self._of_source[source] += 1
        return pending

    def find(self, user_code: str, now: int) -> Pending | None:
        """Find what waits under the code that a person typed in: case, spaces and dashes do not count."""
        found = self._by_user_code.get("".join(char for char in user_code.upper() if char.isalnum()))
        return found if found is not None and found.expires > now else None

    def find_by_device_code(self, device_code: str, client_id: str) -> Pending | None:
        """Find what a program waits for; also if its time is over, until it is forgotten."""
        found = self._by_digest.get(_digest(device_code))
        return found if found is not None and found.client_id == client_id else None

    def approve(self, pending: Pending, approval: Approval) -> None:
        """Let a device in, as the first who said yes."""
        if pending.approval is None and not pending.is_denied:
            pending.approval = approval

    def deny(self, pending: Pending) -> None:
        """Keep a device out."""
        pending.is_denied = True

    def redeem(self, pending: Pending) -> None:
        """Forget what was approved: a code is good once. Whoever found it must not have waited for anything since."""
        self._forget(pending)

    def __len__(self) -> int:
        """Count those that wait."""
        return len(self._by_digest)

    def forget_expired(self, now: int) -> int:
        """Forget those whose time is over, and say how many. A program that is a little late is still told so."""
        number = 0
        # All wait equally long, so the oldest are first.
        while self._by_digest:
            oldest = next(iter(self._by_digest.values()))
            if oldest.expires + DEVICE_CODE_S > now:
                break
            self._forget(oldest)
            number += 1
        return number

    def _forget(self, pending: Pending) -> None:
        del self._by_digest[pending.digest]
        del self._by_user_code[pending.user_code]
        self._of_source[pending.source] -= 1
        if not self._of_source[pending.source]:
            del self._of_source[pending.source]


def _digest(device_code: str) -> bytes:
    return sha256(device_code.encode("utf-8", "surrogatepass")).digest()


def _new_user_code(entropy: Callable[[int], bytes]) -> str:
    # The remainder of 64 bits by so small a number favours no letter by more than one part in 10^17.
    chars = (int.from_bytes(entropy(8), "big") % len(_ALPHABET) for _ in range(_USER_CODE_CHARS))
    return "".join(_ALPHABET[index] for index in chars)
