"""A new password, because the old one has expired or because the person wants one."""

from __future__ import annotations

from strongroom.core.errors import Invalid
from strongroom.core.guids import new_guid
from strongroom.core.passwords import judge_password, names_of
from strongroom.crypto.passwords import WrongPassword
from strongroom.directory.user_passwords import change_password
from strongroom.flow.call import Call
from strongroom.sts.authorities import find_tenant
from strongroom.sts.goals.account import NEW_PASSWORD as PASSWORD_GOAL
from strongroom.sts.walk import Form, Step, Taken, Walk, find_shown

_NAME = "new_password"


def _is_due(_call: Call, walk: Walk) -> bool:
    return walk.shown is not None and (walk.shown.is_expired or walk.goal == PASSWORD_GOAL)


def _page(call: Call, walk: Walk) -> dict[str, object]:
    user, _ = find_shown(call, walk.the_shown)
    return {"user_name": user.user_principal_name, "is_expired": walk.the_shown.is_expired}


async def _take(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Replace the password. Everything that was given by the old one ends.

    Raises:
        Invalid: the two differ, the new one is the old one, or it does not comply with the rules.
        Throttled: too many passwords wait to be hashed.
    """
    world, shown, new = call.world, walk.the_shown, form.get("new_password", "")
    user, old = find_shown(call, shown)
    if new != form.get("new_password_again", ""):
        raise Invalid("The two passwords are not the same.")
    tenant = find_tenant(world, user.tenant)
    others = (user.display_name, user.given_name, user.surname, user.mail_nickname)
    judge_password(new, names_of(tenant, user.user_principal_name, *others))
    try:
        await world.passwords.verify(old.verifier, new)
    except WrongPassword:
        pass
    else:
        raise Invalid("The new password is the old one. Choose another.")
    verifier, made = await world.passwords.hash(new), new_guid(world.entropy)
    call.properties["credentialId"] = made
    changed = walk.having(shown=shown.renewed(made)).answered(_NAME)
    return Taken(
        changed,
        (lambda tx: change_password(tx, old, verifier=verifier, now=call.now, entropy=world.entropy, id_=made),),
    )


NEW_PASSWORD = Step(_NAME, _is_due, _page, _take, unasked=50055)
