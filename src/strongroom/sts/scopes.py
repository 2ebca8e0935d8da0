"""What a client asks for in a user's name, read in the one way for every endpoint that is asked."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.oauth import DEFAULT_SCOPE
from strongroom.core.user_tokens import UserScope, parse_user_scope
from strongroom.directory.apis import finder
from strongroom.directory.consent import offered_to
from strongroom.flow.call import Call

_V1_WORDS = "openid profile offline_access"
"""What a v1 request means besides its resource."""


def scope_of_v1(asked: Mapping[str, str]) -> str:
    """Give the scope that a v1 request means: all of its `resource`, or `scope` as clients of AD FS name it."""
    resource = asked.get("resource")
    return f"{resource}{DEFAULT_SCOPE} {_V1_WORDS}" if resource else asked.get("scope", "")


def read_user_scope(call: Call, tenant: str, app_id: str, scope: str | None) -> UserScope:
    """
    Read a scope against what the resources of a tenant offer to a client.

    Raises:
        Invalid: AADSTS900144, 70011, 500011: see `parse_user_scope`.
    """
    world = call.world
    return parse_user_scope(scope, world.hosts, tenant, finder(world.view, tenant), offered_to(world.view, app_id))
