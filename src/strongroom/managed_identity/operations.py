"""The operations of the loopback listener. Public, because their caller shows a secret of its own, not a token."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.instance import IDENTITY_PATH
from strongroom.core.permissions import Public
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Op, Target
from strongroom.flow.world import World
from strongroom.managed_identity import app_service


def identity_target(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Resolve a path: it is about no resource."""
    return Target("", params)


OPERATIONS: tuple[Op, ...] = (
    Op("ManagedIdentityTokenIssue", "GET", IDENTITY_PATH, Public(), app_service.issue_token, identity_target,
       authenticates=True),
)  # fmt: skip
