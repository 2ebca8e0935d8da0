"""Setting up a second factor: an authenticator app by its first code, a security key by its answer."""

from __future__ import annotations

import msgspec

from strongroom.core.aadsts import refuse
from strongroom.core.second_factors import SecondFactor
from strongroom.crypto.totp import provisioning_uri, secret_text
from strongroom.directory.second_factors import (
    NewApp,
    add_factor,
    begin_app,
    confirm_app,
    new_challenge,
    register_key,
    registration_options,
)
from strongroom.flow.call import Call
from strongroom.sts.second_factors import party_of
from strongroom.sts.steps.security_info import KEY
from strongroom.sts.walk import Form, Step, Taken, Walk, find_shown


def _set_up(call: Call, walk: Walk, factor: SecondFactor) -> Taken:
    """Let a second factor count. Who had shown none has shown this one."""
    user, _ = find_shown(call, walk.the_shown)
    call.proved = True
    call.properties.update(tenantId=user.tenant, userId=user.id, credentialId=factor.id)
    shown = walk.the_shown if walk.the_shown.factor is not None else walk.the_shown.with_factor(factor)
    walk = walk.having(setting_up="", challenge=None, shown=shown)
    return Taken(walk, (lambda tx: add_factor(tx, user, factor),))


# ---- an authenticator app -------------------------------------------------------------------------------------------


def _begun(walk: Walk) -> NewApp | None:
    return walk.setting_up if isinstance(walk.setting_up, NewApp) else None


def _is_app_due(_call: Call, walk: Walk) -> bool:
    return _begun(walk) is not None


def _page_app(call: Call, walk: Walk) -> dict[str, object]:
    """Show the secret, as a picture and as text. The page of a wrong code does not show it again."""
    # A tenth of a second to import, which a start-up must not wait for.
    import segno  # noqa: PLC0415  see above

    user, _ = find_shown(call, walk.the_shown)
    begun = _begun(walk)
    if begun is None:
        raise refuse(9002313, reason="no authenticator app is being set up")
    uri = provisioning_uri(begun.secret, account=user.user_principal_name, issuer=call.the_site.netloc)
    text = secret_text(begun.secret)
    return {
        "user_name": user.user_principal_name,
        "qr": segno.make(uri, error="m", micro=False).svg_inline(
            omitsize=True, svgclass=None, lineclass=None, dark="#000", light="#fff"
        ),
        "secret": " ".join(text[start : start + 4] for start in range(0, len(text), 4)),
    }


async def _take_app(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Check the app's first code.

    Raises:
        Invalid: AADSTS500121, the code is wrong; 9002313, it was begun too long ago; the name is none.
    """
    user, _ = find_shown(call, walk.the_shown)
    begun, wanted = _begun(walk), form.get("do")
    if begun is None or wanted == "cancel":
        return Taken(walk.having(setting_up=""))
    if wanted == "again":
        return Taken(walk.having(setting_up=begin_app(user, now=call.now, entropy=call.world.entropy)))
    app = confirm_app(call.world.keys, user, begun, code=form.get("code", ""), name=form.get("name", ""), now=call.now)
    return _set_up(call, walk, app)


# ---- a security key -------------------------------------------------------------------------------------------------


def _is_key_due(_call: Call, walk: Walk) -> bool:
    return walk.setting_up == KEY


def _prepare_key(call: Call, walk: Walk) -> Walk:
    user, _ = find_shown(call, walk.the_shown)
    party = party_of(call)
    if party is None:
        raise refuse(9002313, reason="security key at a name of Azure's")
    return walk.having(challenge=new_challenge(user, party, now=call.now, entropy=call.world.entropy))


def _page_key(call: Call, walk: Walk) -> dict[str, object]:
    user, _ = find_shown(call, walk.the_shown)
    party, challenge, world = party_of(call), walk.challenge, call.world
    if party is None or challenge is None:
        raise refuse(9002313, reason="security key at a name of Azure's")
    options = registration_options(world.keys, world.view, user, party, challenge)
    return {"user_name": user.user_principal_name, "options": msgspec.json.encode(options).decode("ascii")}


async def _take_key(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Check what the browser told of the key.

    Raises:
        Invalid: AADSTS500121, it is wrong; 9002313, it was asked too long ago; the name is none.
    """
    user, _ = find_shown(call, walk.the_shown)
    party, challenge = party_of(call), walk.challenge
    if form.get("do") == "cancel" or party is None or challenge is None:
        return Taken(walk.having(setting_up="", challenge=None))
    key = register_key(
        user,
        party,
        challenge,
        answer=form.get("answer", ""),
        name=form.get("name", ""),
        now=call.now,
        entropy=call.world.entropy,
    )
    return _set_up(call, walk, key)


SET_UP_APP = Step("set_up_app", _is_app_due, _page_app, _take_app)
SET_UP_KEY = Step("set_up_key", _is_key_due, _page_key, _take_key, prepare=_prepare_key)
