"""The event of a vault's own: that who may do what in it changed by its access policies or its model of permissions."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from strongroom.core.events import access_policy_changed
from strongroom.core.vaults import Vault
from strongroom.store import Transaction

_encode = msgspec.json.Encoder(order="deterministic").encode


def announce_access_change(tx: Transaction, before: Vault, after: Vault, now: int) -> None:
    """Announce it if it is so (reference section 8: the change of the model counts)."""
    if _access(before) != _access(after):
        change = f"{now}:{sha256(_access(before) + _access(after)).hexdigest()}"
        tx.announce(access_policy_changed(after, change, now))


def _access(vault: Vault) -> bytes:
    # An old vault's null means access policies, exactly as false does.
    return _encode((bool(vault.rbac), vault.access_policies))
