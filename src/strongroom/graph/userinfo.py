"""OpenID Connect's userinfo endpoint (Core section 5.3), which Entra has at Graph's host."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.oauth import EMAIL, PROFILE
from strongroom.core.vaults import Vault
from strongroom.directory.user_tokens import pairwise_subject
from strongroom.flow.call import Call
from strongroom.flow.operation import Target
from strongroom.flow.world import World
from strongroom.graph.objects import find_me
from strongroom.http import json
from strongroom.http.message import Response


def userinfo_target(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Resolve the path, which has no version: it is about whoever asks."""
    return Target("/", params)


async def get_userinfo(call: Call) -> Response:
    """
    Tell a client about its user: by the subject of its id tokens, and as much as the token's scope has.

    Raises:
        Invalid: it is not a user who asks.
    """
    user, caller = find_me(call), call.identity
    told: dict[str, str | None] = {"sub": pairwise_subject(call.world.keys, user, caller.appid)}
    if PROFILE in caller.delegated:
        told |= {"name": user.display_name, "family_name": user.surname, "given_name": user.given_name}
    if EMAIL in caller.delegated:
        told["email"] = dict(user.profile).get("mail")
    return json.response({name: value for name, value in told.items() if value})
