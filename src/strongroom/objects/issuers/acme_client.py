"""
The client of one account with an ACME authority (RFC 8555): signed requests, one after the other.

    directory ──> nonce ──> signed request ──┬─ 2xx ──> its answer, and the next nonce
                              ^              ├─ badNonce ──┐
                              └──────────────┴─────────────┘
                                             ├─ a problem ──> AcmeRefused
                                             └─ 5xx, no answer ──> Unavailable

What an authority says is read by `core.acme`; what is asked of it, and when, is `objects.issuers.acme`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from strongroom.core import acme_limits as limits
from strongroom.core.acme import BadAnswer, Directory, Problem, read_directory, read_problem, retry_after
from strongroom.core.errors import Unavailable
from strongroom.egress import Exchange, Reply, Unreachable

if TYPE_CHECKING:
    from strongroom.crypto.acme_requests import AccountKey

_JOSE = "application/jose+json"
_NONCES = 8
RATE_LIMITED, ACCOUNT_LOST = "rateLimited", "accountDoesNotExist"
_BAD_NONCE, _SERVER_INTERNAL = "badNonce", "serverInternal"


class AcmeRefused(Exception):
    """An authority refuses a request: it understood, and says no."""

    def __init__(self, problem: Problem, status: int, retry_after_s: int | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.status = status
        self.retry_after_s = retry_after_s


class AcmeClient:
    """An account at work. Its nonces and the directory are kept between requests; nothing else is."""

    def __init__(
        self, exchange: Exchange, clock: Callable[[], float], directory: str, key: AccountKey, account: str = ""
    ) -> None:
        """Speak for the *account* of a URL, or for a key that has none yet."""
        self._exchange = exchange
        self._clock = clock
        self._place = directory
        self.key = key
        self.account = account
        self._directory: Directory | None = None
        self._read_at = 0.0
        self._nonces: deque[str] = deque(maxlen=_NONCES)

    async def directory(self) -> Directory:
        """
        Read the authority's directory, or give what was read of it a short while ago.

        Raises:
            Unavailable: it cannot be had.
        """
        now = self._clock()
        if self._directory is None or not 0 <= now - self._read_at < limits.ACME_DIRECTORY_FRESH_S:
            reply = await self._ask(self._place)
            if reply.status != 200:
                raise _out_of_order(f"the directory's status is {reply.status}")
            try:
                self._directory, self._read_at = read_directory(reply.body), now
            except BadAnswer as fault:
                raise _out_of_order(f"the directory is none: {fault}") from None
        return self._directory

    async def post(self, url: str, payload: object | None, *, accept: str = "application/json") -> Reply:
        """
        Send a signed request; without a payload, it only reads (POST-as-GET, section 6.3).

        Raises:
            AcmeRefused: the authority says no.
            Unavailable: it does not answer, or is out of order.
        """
        content = b"" if payload is None else msgspec.json.encode(payload)
        for _ in range(limits.ACME_NONCE_TRIES):
            nonce = self._nonces.popleft() if self._nonces else await self._new_nonce()
            # P-256 takes less time than a thread takes to begin.
            body = self.key.sign(url, nonce, content, account=self.account)
            reply = await self._ask(url, method="POST", body=body, content_type=_JOSE, accept=accept)
            if reply.status < 400:
                return reply
            problem = read_problem(reply.body)
            if problem.type == _BAD_NONCE:
                continue
            if reply.status >= 500 or problem.type == _SERVER_INTERNAL:
                raise _out_of_order(f"the answer's status is {reply.status}")
            wait_s = retry_after(reply.header("retry-after"), int(self._clock()))
            raise AcmeRefused(problem, reply.status, wait_s)
        raise _out_of_order("it takes no nonce of its own")

    async def _new_nonce(self) -> str:
        reply = await self._ask((await self.directory()).new_nonce, method="HEAD")
        if reply.status >= 300 or not self._nonces:
            raise _out_of_order("it gives no nonce")
        return self._nonces.popleft()

    async def _ask(
        self,
        url: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        content_type: str = "",
        accept: str = "application/json",
    ) -> Reply:
        try:
            reply = await self._exchange.exchange(
                url, method=method, body=body, content_type=content_type, accept=accept
            )
        except Unreachable as fault:
            raise _out_of_order(str(fault)) from None
        nonce = reply.header("replay-nonce")
        if nonce and nonce.isascii() and nonce.replace("-", "").replace("_", "").isalnum():
            self._nonces.append(nonce)
        return reply


def _out_of_order(reason: str) -> Unavailable:
    """Say that an authority cannot be asked now; *reason* repeats nothing of what it answered."""
    return Unavailable(f"The ACME authority cannot be reached now: {reason}.", reason=reason)
