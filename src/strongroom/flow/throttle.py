"""
Throttling: how much one source, and one vault, may ask.

Before the challenge, every source has an allowance of requests that do not end authenticated (security.md "The flow"):
whoever proves who it is never uses it up, and is never refused for what others did. What a source is says
`core.firewall.source_of`. After the permit, a vault's own limits apply where the operator has turned Azure's service
limits on (reference azure-key-vault.md section 6).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from strongroom.core.errors import Throttled
from strongroom.core.service_limits import WINDOW_S, Charge

_SOURCES = 50_000
"""Sources counted at once; beyond that the one seen longest ago is forgotten."""


@dataclass(slots=True)
class Throttle:
    """Counters over fixed windows of ten seconds. Held in memory: a restart forgives."""

    anonymous_per_source: int
    service_limits: bool = False
    _window: int = 0
    _anonymous: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _vaults: dict[tuple[str, str], int] = field(default_factory=dict)

    def admit_source(self, source: str, now: float) -> None:
        """
        Refuse a source that has used up its allowance of anonymous requests.

        Raises:
            Throttled: with the seconds until the window ends.
        """
        self._turn(now)
        if self._anonymous.get(source, 0) >= self.anonymous_per_source:
            raise Throttled(
                "Too many requests without a valid token came from this address.",
                headers=(("Retry-After", str(self._remaining(now))),),
                reason="anonymous allowance of the source used up",
            )

    def count_anonymous(self, source: str, now: float) -> None:
        """Count a request that did not end authenticated, whether it was refused or read a public document."""
        self._turn(now)
        self._anonymous[source] = self._anonymous.get(source, 0) + 1
        self._anonymous.move_to_end(source)
        if len(self._anonymous) > _SOURCES:
            self._anonymous.popitem(last=False)

    def charge(self, vault: str, charge: Charge, now: float) -> None:
        """
        Take what a request costs of its vault's service limit, if those are on, or refuse it.

        Raises:
            Throttled: in the reference's words, with the seconds until the window ends.
        """
        if not self.service_limits:
            return
        self._turn(now)
        used = self._vaults.get((vault, charge.limit), 0) + charge.cost
        if used > charge.most:
            # Refused requests are not counted (reference section 6).
            raise Throttled(
                "Request was not processed because too many requests were received. Reason:"
                " VaultRequestTypeLimitReached",
                headers=(("Retry-After", str(self._remaining(now))),),
            )
        self._vaults[vault, charge.limit] = used

    def _turn(self, now: float) -> None:
        window = int(now) // WINDOW_S
        if window > self._window:
            # Only forward: a request that was long under way gives nobody a new window.
            self._window = window
            self._anonymous.clear()
            self._vaults.clear()

    @staticmethod
    def _remaining(now: float) -> int:
        return WINDOW_S - int(now) % WINDOW_S
