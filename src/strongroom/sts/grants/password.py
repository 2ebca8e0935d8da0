"""
password (RFC 6749 section 4.3): the client sees the user's password.

Off in every tenant until its operator says otherwise, because whoever holds the password needs no client; and never for
users who have a second factor, or must have one (security.md "Tokens and sign-in").
"""

from __future__ import annotations

from strongroom.core.aadsts import refuse
from strongroom.core.identity import Tenant
from strongroom.directory.second_factors import second_factors_of
from strongroom.directory.tenants import settings_of
from strongroom.flow.world import World
from strongroom.sts.grants.grant import Form, Grant, Issued, TokenRequest
from strongroom.sts.grants.user import begin
from strongroom.sts.second_factors import is_demanded_of_all
from strongroom.sts.sign_in import sign_in_by_password, tenant_of_user


async def _issue(request: TokenRequest) -> Issued:
    call, tenant = request.call, request.tenant
    if not settings_of(call.world.view, tenant.id).password_grant:
        # Before anything of the user is looked at, so this tells nothing of anybody.
        raise refuse(53003, reason="the password grant is off in the tenant")
    user_name, password = request.form.get("username"), request.form.get("password")
    if user_name is None or password is None:
        raise refuse(900144, parameter="username" if user_name is None else "password")
    signed_in = await sign_in_by_password(call, tenant, user_name, password)
    if second_factors_of(call.world.view, signed_in.user):
        # There is no place for it in this grant. It is told to whoever knows the password, and to nobody else.
        raise refuse(50076, resource=request.resource.audience, reason="user has a second factor")
    if is_demanded_of_all(call, signed_in.user):
        raise refuse(50079, resource=request.resource.audience, reason="user has to set up a second factor")
    return await begin(request, signed_in)


def _tenant_of_user(world: World, form: Form) -> Tenant:
    return tenant_of_user(world, form.get("username", ""))


PASSWORD = Grant("password", _issue, find_tenant=_tenant_of_user, takes_public_clients=True)
