"""
Every kind of record there is.

A kind registers itself when its module is read. Whoever reads all records takes `KINDS` from here, because a module
that nobody happened to import would be a kind that is silently not loaded, and what is not loaded decides nothing.
"""

from __future__ import annotations

from strongroom.core import (  # noqa: F401  to read them is what registers their kinds
    acme_accounts,
    certificate_issuers,
    client_certificates,
    conditional_access,
    deployments,
    diagnostics,
    doomed_keys,
    event_subscriptions,
    federation,
    guardrails,
    identity,
    identity_maps,
    identity_providers,
    installation,
    locks,
    mail,
    networks,
    private_authorities,
    rbac,
    relations,
    release_authorities,
    resources,
    second_factors,
    sessions,
    vaults,
)
from strongroom.core.records import KINDS

__all__ = ["KINDS"]
