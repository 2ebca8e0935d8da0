"""What an operator may set about the flow."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core import limits


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Settings of the flow. Defaults are strict."""

    body_time_s: float = limits.BODY_TIME_S
    """How many seconds a request's body may take to arrive whole; after that the answer is 408."""
    token_cache_entries: int = limits.TOKEN_CACHE_ENTRIES
    """How many tokens are remembered as signed by us. It saves work and decides nothing."""
    region: str = "local"
    """What `x-ms-keyvault-region` and a vault's location say unless a vault says otherwise."""
    anonymous_per_source: int = 600
    """Requests without a valid token that one source (an IPv4 address, an IPv6 /64) may make in ten seconds."""
    service_limits: bool = False
    """True applies Azure's own limits for each vault (reference azure-key-vault.md section 6), with 429 beyond them."""
    extended_ip_rules: bool = True
    """True lets firewall rules name IPv6 and private ranges, which Azure's cannot. Off the cloud they are usual."""
    anonymous_audit_per_second: int = 50
    """Audit entries for anonymous and blocked attempts per second, beyond which they are counted, not listed."""
    anonymous_audit_per_source: int = 20
    """How many of those entries one source may make in a second."""
    anonymous_audit_bytes_per_second: int = 64 * 1024
    """How many bytes those entries may have together in a second."""
