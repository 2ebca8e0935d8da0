"""Second factors at the pages of signing in: who must have one, which can be shown there, how often it may be wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from strongroom.core.aadsts import refuse
from strongroom.core.errors import Failure
from strongroom.core.firewall import source_of
from strongroom.core.identity import User
from strongroom.core.second_factors import SecondFactor
from strongroom.crypto.security_keys import Party
from strongroom.directory.second_factors import second_factors_of
from strongroom.directory.tenants import settings_of
from strongroom.flow.access import is_break_glass
from strongroom.flow.call import Call
from strongroom.sts.policies import verdict_of
from strongroom.sts.walk import Walk, find_shown, find_user

T = TypeVar("T")

_WRONG = 500121


def is_demanded_of_all(call: Call, user: User) -> bool:
    """Tell whether the operator demands a second factor of everybody. The account that nothing locks out need not."""
    return settings_of(call.world.view, user.tenant).second_factor and not is_break_glass(call.world, user.id)


def is_demanded(call: Call, walk: Walk) -> bool:
    """
    Tell whether the person must show a second factor: by the operator's word, or by a policy for what is asked.

    Raises:
        Invalid: as `read_user_scope`, what is asked is not there; AADSTS50173, the person went away meanwhile.
    """
    user = find_user(call, walk.the_shown)
    return is_demanded_of_all(call, user) or bool(verdict_of(call, walk, user).second_factor)


def left_of(call: Call, walk: Walk) -> tuple[SecondFactor, ...]:
    """List the second factors that the person has left; those removed in this walk are gone whenever it is asked."""
    held = second_factors_of(call.world.view, find_user(call, walk.the_shown))
    return tuple(one for one in held if one.id not in walk.removed)


def party_of(call: Call) -> Party | None:
    """
    Say whom security keys answer at the name that was asked; None at Azure's names.

    At those a key would answer as it does to Microsoft, and what it answered would be good there.
    """
    site = call.the_site
    return None if site.azure else Party(site.netloc.partition(":")[0], site.base_url)


def counted(call: Call, walk: Walk, *, can_be_guessed: bool, judge: Callable[[User], T]) -> T:
    """
    Judge what the person shows, and count what is wrong. While too much was, what can be guessed is not taken.

    Raises:
        Invalid: AADSTS500121, it is wrong, or too many were; and what *judge* raises.
    """
    world, source = call.world, source_of(call.connection)
    user, _ = find_shown(call, walk.the_shown)
    call.properties.update(tenantId=user.tenant, userId=user.id)
    try:
        judged = judge(user)
    except Failure as failure:
        if failure.number == _WRONG:
            world.factor_lockout.fail(user.id, source, call.now)
        raise
    locked = world.factor_lockout.is_locked(user.id, source, call.now) and not is_break_glass(world, user.id)
    if can_be_guessed and locked:
        # The same words as for a wrong one: others would tell a guesser that it is right.
        raise refuse(_WRONG, reason=f"second factors of user {user.id} are locked")
    world.factor_lockout.succeed(user.id, source)
    return judged
