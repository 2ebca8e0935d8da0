"""The rows of `Strongroom.Authorization`: a name of our own, since Azure has nothing like it."""

from __future__ import annotations

from strongroom.arm import explain, wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import VAULT, at
from strongroom.core.locks import Effect
from strongroom.core.permissions import Authenticated

PROVIDER = "Strongroom.Authorization"
_AT_VAULT, _HERE = at(VAULT), f"{VAULT}/providers/{PROVIDER}"
_READ_RIGHTS = action("Microsoft.Authorization/roleAssignments/read")

EXPLAIN_ROWS = (
    row("VaultExplain", "POST", f"{_HERE}/explain",
        f"{PROVIDER}/explain", _READ_RIGHTS, explain.explain_request, _AT_VAULT, body=wire.ExplainParameters,
        effect=Effect.NOTHING),
    row("VaultExplainOwn", "POST", f"{_HERE}/explainOwn",
        f"{PROVIDER}/explainOwn", Authenticated(), explain.explain_own_request, _AT_VAULT,
        body=wire.ExplainOwnParameters, effect=Effect.NOTHING),
    row("VaultWhoCan", "POST", f"{_HERE}/whoCan",
        f"{PROVIDER}/whoCan", _READ_RIGHTS, explain.who_can_request, _AT_VAULT, body=wire.ExplainOwnParameters,
        effect=Effect.NOTHING),
)  # fmt: skip

EXPLAIN_TYPES: tuple[str, ...] = (
    "Strongroom.Authorization/explain",
    "Strongroom.Authorization/explainOwn",
    "Strongroom.Authorization/whoCan",
)
"""The resource types that these rows serve."""
