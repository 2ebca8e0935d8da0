"""
The operations of the managed identity listeners. Public, because a caller is proved in another way than by a token.

Two tables, because the kinds have two ways of saying no: App Service's, and that of the metadata services.
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.echo import GUID
from strongroom.core.instance import ARC_PATH, CLOUD_SHELL_PATH, IDENTITY_PATH, IDENTITY_PREFIX, IMDS_PATH, RUN_PREFIX
from strongroom.core.permissions import Public
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Op, Target
from strongroom.flow.surface import words_only
from strongroom.flow.world import World
from strongroom.managed_identity import endpoint


def identity_target(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Resolve a path: it is about no resource."""
    return Target("", params)


OPERATIONS: tuple[Op, ...] = (
    Op("ManagedIdentityTokenIssue", "GET", IDENTITY_PATH, Public(), endpoint.app_service, identity_target,
       authenticates=True),
)  # fmt: skip

_OF_RUN = f"{RUN_PREFIX}/{{secret}}"
METADATA_OPERATIONS: tuple[Op, ...] = (
    Op("ManagedIdentityTokenIssueImds", "GET", IMDS_PATH, Public(), endpoint.imds, identity_target, authenticates=True),
    Op("ManagedIdentityTokenIssueCloudShell", "POST", CLOUD_SHELL_PATH, Public(), endpoint.cloud_shell, identity_target,
       authenticates=True),
    Op("ManagedIdentityTokenIssueImdsRun", "GET", _OF_RUN + IMDS_PATH, Public(), endpoint.imds_of_run, identity_target,
       authenticates=True),
    # The Java library puts a slash of its own between the prefix and the path.
    Op("ManagedIdentityTokenIssueImdsRunJava", "GET", f"{_OF_RUN}/{IMDS_PATH}", Public(), endpoint.imds_of_run,
       identity_target, authenticates=True),
    Op("ManagedIdentityTokenIssueCloudShellRun", "POST", _OF_RUN + CLOUD_SHELL_PATH, Public(),
       endpoint.cloud_shell_of_run, identity_target, authenticates=True),
    Op("ManagedIdentityTokenIssueImdsNamed", "GET", IDENTITY_PREFIX + IMDS_PATH, Public(), endpoint.imds_of_identity,
       identity_target, authenticates=True),
    Op("ManagedIdentityTokenIssueImdsNamedJava", "GET", f"{IDENTITY_PREFIX}/{IMDS_PATH}", Public(),
       endpoint.imds_of_identity, identity_target, authenticates=True),
    Op("ManagedIdentityTokenIssueArc", "GET", ARC_PATH, Public(), endpoint.arc, identity_target, authenticates=True),
)  # fmt: skip

shown_path = words_only((*OPERATIONS, *METADATA_OPERATIONS), GUID)
"""What the journal may have of a path: the tables' words and the ids of runs and identities, never a secret."""
