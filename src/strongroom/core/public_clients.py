"""
Microsoft's own public clients, which every tenant of Entra knows and nobody registers (reference clients.md section 7).

A public client proves nothing: its id is its own claim. These may ask for tokens to Key Vault, Resource Manager and
Graph without consent, as in Entra, because they are the tools that a person holds in the hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WellKnownClient:
    """One of them."""

    app_id: str
    display_name: str


_CLIENTS = (
    # azure-identity's own id for developers' sign-in too, and azd's.
    WellKnownClient("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Microsoft Azure CLI"),
    WellKnownClient("1950a258-227b-4e31-a9cf-717495945fc2", "Microsoft Azure PowerShell"),
)

WELL_KNOWN_CLIENTS: Mapping[str, WellKnownClient] = {client.app_id: client for client in _CLIENTS}
"""By application id."""
