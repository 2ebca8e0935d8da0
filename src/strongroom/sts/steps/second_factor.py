"""A second factor: a code of an authenticator app, or a security key, from whoever has one."""

from __future__ import annotations

import msgspec

from strongroom.core.aadsts import refuse
from strongroom.core.identity import User
from strongroom.core.second_factors import AuthenticatorApp
from strongroom.directory.second_factors import (
    Answered,
    Challenge,
    authentication_options,
    judge_answer,
    judge_app_code,
    keys_for,
    new_challenge,
    use_code,
    use_key,
)
from strongroom.flow.call import Call
from strongroom.sts.second_factors import counted, left_of, party_of
from strongroom.sts.walk import Form, Step, Taken, Walk, find_shown


def _is_due(call: Call, walk: Walk) -> bool:
    return walk.shown is not None and walk.shown.factor is None and bool(left_of(call, walk))


def _prepare(call: Call, walk: Walk) -> Walk:
    user, _ = find_shown(call, walk.the_shown)
    party = party_of(call)
    if party is None or not keys_for(call.world.view, user, party):
        return walk.having(challenge=None)
    return walk.having(challenge=new_challenge(user, party, now=call.now, entropy=call.world.entropy))


def _page(call: Call, walk: Walk) -> dict[str, object]:
    user, _ = find_shown(call, walk.the_shown)
    party, challenge = party_of(call), walk.challenge
    options = None
    if party is not None and challenge is not None:
        asked = authentication_options(call.world.view, user, party, challenge)
        options = msgspec.json.encode(asked).decode("ascii")
    return {
        "user_name": user.user_principal_name,
        "has_app": any(isinstance(one, AuthenticatorApp) for one in left_of(call, walk)),
        "options": options,
    }


async def _take(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Check what was shown.

    Raises:
        Invalid: AADSTS500121, it is wrong, was used before, or too many were wrong; 9002313, the page asked no key.
    """
    answer, challenge = form.get("answer"), walk.challenge
    if answer is not None and challenge is not None:
        return _take_answer(call, walk, challenge, answer)
    used = counted(call, walk, can_be_guessed=True, judge=lambda user: _judge_code(call, user, form.get("code", "")))
    call.properties["credentialId"] = used.id
    return Taken(walk.having(shown=walk.the_shown.with_factor(used)), (lambda tx: use_code(tx, used),))


def _take_answer(call: Call, walk: Walk, challenge: Challenge, answer: str) -> Taken:
    answered = counted(
        call, walk, can_be_guessed=False, judge=lambda user: _judge_answer(call, user, challenge, answer)
    )
    call.properties["credentialId"] = answered.key.id
    shown = walk.the_shown.with_factor(answered.key)
    return Taken(walk.having(shown=shown, challenge=None), (lambda tx: use_key(tx, answered),))


def _judge_code(call: Call, user: User, code: str) -> AuthenticatorApp:
    return judge_app_code(call.world.keys, call.world.view, user, code, call.now)


def _judge_answer(call: Call, user: User, challenge: Challenge, answer: str) -> Answered:
    party = party_of(call)
    if party is None:
        raise refuse(500121, reason="security key at a name of Azure's")
    return judge_answer(call.world.keys, call.world.view, user, party, challenge, answer=answer, now=call.now)


SECOND_FACTOR = Step("second_factor", _is_due, _page, _take, unasked=50076, prepare=_prepare)
