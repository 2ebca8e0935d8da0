"""
What a person signs in with besides a password: seen, added to and removed from, by the person.

    security info --add--> set up an app, or a key --first right code, or its answer--> security info
         |     ^
         |     +------------------------------ confirmed, or not
         +--remove--> asked once more -----------------+

Registration is the same for who must have one and has none: there is no way past it but to set one up.
"""

from __future__ import annotations

from datetime import UTC, datetime

from strongroom.core.aadsts import refuse
from strongroom.core.second_factors import KINDS, AuthenticatorApp, SecondFactor, SecurityKey, judge_number
from strongroom.directory.second_factors import begin_app, remove_factor
from strongroom.flow.call import Call
from strongroom.sts.goals.account import SECURITY_INFO as GOAL
from strongroom.sts.second_factors import is_demanded, left_of, party_of
from strongroom.sts.walk import Form, Step, Taken, Walk, due_for, find_shown

KEY = "key"
"""What is being set up, where it is a security key."""
_NAME = "security_info"


def _is_registration_due(call: Call, walk: Walk) -> bool:
    shown = walk.shown
    return shown is not None and shown.factor is None and not left_of(call, walk) and is_demanded(call, walk)


def _page(call: Call, walk: Walk) -> dict[str, object]:
    user, _ = find_shown(call, walk.the_shown)
    return {
        "user_name": user.user_principal_name,
        "factors": [_told(one) for one in left_of(call, walk)],
        "takes_keys": party_of(call) is not None,
    }


def _told(factor: SecondFactor) -> dict[str, str]:
    return {
        "id": factor.id,
        "name": factor.display_name,
        "kind": "Authenticator app" if isinstance(factor, AuthenticatorApp) else "Security key",
        "since": datetime.fromtimestamp(factor.created, UTC).strftime("%Y-%m-%d"),
    }


async def _take(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Take what the person wants to do.

    Raises:
        Invalid: there are as many of the kind as there may be; AADSTS9002313, it is nothing that can be done.
    """
    user, _ = find_shown(call, walk.the_shown)
    held = left_of(call, walk)
    match form:
        case {"add": "app"}:
            judge_number(held, AuthenticatorApp)
            return Taken(walk.having(setting_up=begin_app(user, now=call.now, entropy=call.world.entropy)))
        case {"add": "key"} if party_of(call) is not None:
            judge_number(held, SecurityKey)
            return Taken(walk.having(setting_up=KEY))
        case {"remove": str(factor)} if any(one.id == factor for one in held):
            return Taken(walk.having(removing=factor))
        case {"done": _} if walk.goal == GOAL:
            return Taken(walk.answered(_NAME))
        case _:
            raise refuse(9002313, reason="nothing that can be done here")


# ---- removal --------------------------------------------------------------------------------------------------------


def _is_removal_due(call: Call, walk: Walk) -> bool:
    return bool(walk.removing) and any(one.id == walk.removing for one in left_of(call, walk))


def _page_removal(call: Call, walk: Walk) -> dict[str, object]:
    (factor,) = (one for one in left_of(call, walk) if one.id == walk.removing)
    return {"factor": _told(factor), "is_last": len(left_of(call, walk)) == 1}


async def _take_removal(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Remove it, if the person says so once more. What was begun with it ends.

    Raises:
        NotFound: it was removed meanwhile.
    """
    factor, shown = walk.removing, walk.the_shown
    user, _ = find_shown(call, shown)
    walk = walk.having(removing="")
    if form.get("answer") != "yes":
        return Taken(walk)
    (kind,) = (one for one in KINDS if any(isinstance(held, one) and held.id == factor for held in left_of(call, walk)))
    call.proved = True
    call.properties.update(tenantId=user.tenant, userId=user.id, credentialId=factor)
    if shown.factor == factor:
        walk = walk.having(shown=shown.without_factor())
    walk = walk.having(removed=(*walk.removed, factor))
    return Taken(walk, (lambda tx: remove_factor(tx, user, kind, factor),))


REGISTRATION = Step("registration", _is_registration_due, _page, _take, unasked=50079)
SECURITY_INFO = Step(_NAME, due_for(GOAL), _page, _take)
REMOVAL = Step("removal", _is_removal_due, _page_removal, _take_removal)
