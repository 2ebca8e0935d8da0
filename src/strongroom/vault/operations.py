"""The data plane's table of operations: each kind of object has its rows in a module of its own."""

from __future__ import annotations

import re

from strongroom.core.permissions import Public
from strongroom.flow.operation import Op
from strongroom.flow.surface import words_only
from strongroom.vault.certificate_operations import CERTIFICATE_ROWS
from strongroom.vault.health import get_health_status
from strongroom.vault.issuer_operations import ISSUER_ROWS
from strongroom.vault.key_operations import KEY_ROWS
from strongroom.vault.secret_operations import SECRET_ROWS
from strongroom.vault.targets import on_vault

OPERATIONS: tuple[Op, ...] = (
    *SECRET_ROWS,
    *KEY_ROWS,
    *CERTIFICATE_ROWS,
    *ISSUER_ROWS,
    Op("VaultHealth", "GET", "/healthstatus", Public(), get_health_status, on_vault, versioned=False),
)

BARE_OPERATIONS: tuple[Op, ...] = tuple(op for op in OPERATIONS if isinstance(op.requires, Public))
"""What is answered to a host that is an address: nothing that belongs to a vault."""
bare_path = words_only(BARE_OPERATIONS)
"""What the journal may have of a path there. What went astray may carry a secret, as a managed identity's can."""

_EMPTY_FIRST = re.compile(rb"\A(/keys|/certificates)//(?=restore\Z|[^/]+/import\Z)")
_WRAP = re.compile(rb"\A(/keys/[^/]+(?:/[^/]*)?/(?:un)?wrap)Key\Z")


def respelled(method: str, path: bytes) -> bytes:
    """
    Write a path as its row has it.

    The clients for .NET leave an empty segment in `/certificates//NAME/import`, `/certificates//restore` and
    `/keys//restore`, and write `wrapKey` and `unwrapKey` with a capital. Objects may have those names: with another
    method than these operations', such a path is not one of theirs.
    """
    return path if method != "POST" else _WRAP.sub(rb"\1key", _EMPTY_FIRST.sub(rb"\1/", path))
