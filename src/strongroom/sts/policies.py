"""What a tenant's policies say of a sign-in under way, before any client asks for a token with what comes of it."""

from __future__ import annotations

from strongroom.core.conditional_access import Flow, Verdict
from strongroom.core.identity import User
from strongroom.directory.apis import app_id_of
from strongroom.flow.access import attempt_of, needed_by_policy
from strongroom.flow.call import Call
from strongroom.sts.goals.device import find_pending
from strongroom.sts.scopes import read_user_scope
from strongroom.sts.walk import Walk


def verdict_of(call: Call, walk: Walk, user: User) -> Verdict:
    """
    Judge by the policies of a person's tenant what the walk is made for; a person's own account is in no policy.

    Raises:
        Invalid: as `read_user_scope`, what is asked is not there.
    """
    if walk.authorization is not None:
        client, scope = walk.authorization.client_id, walk.authorization.scope
        flow, address = Flow.AUTHORIZATION_CODE, call.connection.address
    elif walk.device:
        pending = find_pending(call, walk.device)
        client, scope, flow, address = pending.client_id, pending.scope, Flow.DEVICE_CODE, pending.address
    else:
        return Verdict()
    attempt = attempt_of(
        call.world,
        user,
        flow=flow,
        client=client,
        resource=app_id_of(read_user_scope(call, user.tenant, client, scope).resource),
        address=address,
        now=call.now,
        authenticated=walk.the_shown.authenticated,
        methods=walk.the_shown.amr,
    )
    return needed_by_policy(call.world, user.tenant, attempt)
