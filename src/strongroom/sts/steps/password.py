"""Name and password: who the person is, if that is not known from the browser."""

from __future__ import annotations

from strongroom.flow.call import Call
from strongroom.sts.sign_in import PASSWORD, check_password, tenant_of_user
from strongroom.sts.steps.provider import by_name, chosen, knows_names, offered
from strongroom.sts.walk import Form, Shown, Step, Taken, Walk, tenant_of_path


def _is_due(_call: Call, walk: Walk) -> bool:
    return walk.shown is None


def _page(call: Call, walk: Walk) -> dict[str, object]:
    return {
        "user_name": walk.hint,
        "providers": offered(call, walk),
        "may_be_elsewhere": knows_names(call, walk),
    }


async def _take(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Check the password, or send the person to an identity provider: one that was chosen, or that of the name's domain.

    With a password it is checked, whatever the domain: who has one can sign in while the provider is away.

    Raises:
        Invalid: AADSTS50126, 50057, 50059: see `check_password` and `tenant_of_user`; 50107, no such provider.
        Throttled: too many passwords wait to be checked.
    """
    user_name = form.get("username", "")
    provider = chosen(call, walk, form.get("provider")) if "provider" in form else ""
    if not provider and not form.get("password"):
        provider = by_name(call, walk, user_name)
    if provider:
        return Taken(walk.having(hint=user_name, provider=provider))
    tenant = tenant_of_path(call, walk.path) or tenant_of_user(call.world, user_name)
    checked = await check_password(call, tenant, user_name, form.get("password", ""))
    call.proved = True
    call.properties["tenantId"] = tenant.id
    shown = Shown(
        tenant.id, checked.user.id, checked.credential.id, (PASSWORD,), call.now, is_expired=checked.is_expired
    )
    return Taken(walk.having(shown=shown))


PASSWORD_STEP = Step("password", _is_due, _page, _take)
