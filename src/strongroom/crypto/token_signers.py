"""
Signing tokens: each signing key is loaded once, and signs on a bounded pool of threads.

An RSA-2048 signature takes most of a millisecond and releases the interpreter's lock, so threads give real parallelism
and the loop goes on answering (architecture 5.3).
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from strongroom.core import limits
from strongroom.crypto.pool import BoundedPool

if TYPE_CHECKING:
    from strongroom.crypto.jws import TokenSigner


class TokenSigners:
    """The signers in use, by `kid`; bounded, the least recently used goes first."""

    __slots__ = ("_lock", "_pool", "_signers")

    def __init__(self, *, threads: int | None = None, waiting: int = limits.SIGNATURES_WAITING) -> None:
        self._signers: OrderedDict[str, TokenSigner] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = BoundedPool("signature", threads=threads or max(1, (os.cpu_count() or 2) - 1), waiting=waiting)

    async def sign(
        self, kid: str, open_private_key: Callable[[], bytes], claims: Mapping[str, object], *, x5t: bool = True
    ) -> str:
        """
        Make a token signed by the key *kid*, whose private half *open_private_key* gives if it is not loaded yet.

        *x5t* says whether the header names the key under that name as well: tokens of version 1 do.

        Raises:
            Throttled: too many signatures wait already.
            Unsealable: the private half does not open.
        """
        return await self._pool.run(lambda: self._signer(kid, open_private_key).sign(claims, x5t=x5t), is_brief=True)

    async def sign_statement(
        self, kid: str, open_private_key: Callable[[], bytes], certificate: bytes, payload: bytes
    ) -> str:
        """
        Sign what is no token, by a key with its *certificate*: see `TokenSigner.sign_statement`.

        Raises:
            Throttled: too many signatures wait already.
            Unsealable: the private half does not open.
        """
        return await self._pool.run(lambda: self._signer(kid, open_private_key).sign_statement(certificate, payload))

    def close(self) -> None:
        """Take no more work, and forget the keys."""
        self._pool.close()
        with self._lock:
            self._signers.clear()

    def _signer(self, kid: str, open_private_key: Callable[[], bytes]) -> TokenSigner:
        with self._lock:
            signer = self._signers.get(kid)
            if signer is not None:
                self._signers.move_to_end(kid)
                return signer
        # The library takes a quarter of a second to import, which a start-up must not wait for.
        from strongroom.crypto.jws import TokenSigner  # noqa: PLC0415

        made = TokenSigner(open_private_key(), kid)
        with self._lock:
            # Two threads may both have loaded it; they are alike, and one is kept.
            signer = self._signers.setdefault(kid, made)
            if len(self._signers) > limits.SIGNERS_KEPT:
                self._signers.popitem(last=False)
        return signer
