"""Handlers of /users and /me."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.errors import Invalid
from strongroom.core.identity import User
from strongroom.core.records import tenant_partition
from strongroom.directory import users as directory
from strongroom.flow.call import Call
from strongroom.graph import render
from strongroom.graph.changes import read_change
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_me, find_user
from strongroom.graph.odata import collection, entity
from strongroom.graph.wire import PasswordProfileBody, UserBody, clearing, refuse_later, require
from strongroom.http.message import Response
from strongroom.store import Transaction

_EQ = frozenset({Operator.EQ})
_TEXT = _EQ | {Operator.STARTS_WITH}
FILTERS: Mapping[str, Filterable[User]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "accountEnabled": Filterable(lambda one: one.enabled, _EQ),
    "displayName": Filterable(lambda one: one.display_name, _TEXT),
    "givenName": Filterable(lambda one: one.given_name, _TEXT),
    "department": Filterable(lambda one: dict(one.profile).get("department"), _TEXT),
    "employeeId": Filterable(lambda one: dict(one.profile).get("employeeId"), _TEXT),
    "jobTitle": Filterable(lambda one: dict(one.profile).get("jobTitle"), _TEXT),
    "mail": Filterable(lambda one: dict(one.profile).get("mail"), _TEXT),
    "mailNickname": Filterable(lambda one: one.mail_nickname, _TEXT),
    "surname": Filterable(lambda one: one.surname, _TEXT),
    "userPrincipalName": Filterable(lambda one: one.user_principal_name, _TEXT),
}


async def list_users(call: Call) -> Response:
    """List the tenant's users."""
    records = call.world.view.all(User, tenant_partition(call.identity.tenant))
    return collection(call, "users", records, FILTERS, "User", render.user)


async def get_user(call: Call) -> Response:
    """Get one user, by object id or by user principal name."""
    return entity(call, "users", render.user(find_user(call)))


async def get_me(call: Call) -> Response:
    """
    Get the user who asks.

    Raises:
        Invalid: it is not a user who asks.
    """
    return entity(call, "users", render.user(find_me(call)))


async def create_user(call: Call) -> Response:
    """Make a user with a password."""
    body = await call.body(UserBody)
    refuse_later(body, UserBody.LATER)
    if body.account_enabled is None:
        raise Invalid("A value is required for property 'accountEnabled' of resource 'User'.")
    if body.password_profile is None:
        raise Invalid("A value is required for property 'passwordProfile' of resource 'User'.")
    wanted = directory.NewUser(
        user_principal_name=require(body.user_principal_name, "userPrincipalName", "User"),
        display_name=require(body.display_name, "displayName", "User"),
        mail_nickname=require(body.mail_nickname, "mailNickname", "User"),
        enabled=body.account_enabled,
        given_name=clearing(body.given_name),
        surname=clearing(body.surname),
        profile=body.profile(),
    )
    password = await _new_password(call, body.password_profile)

    async def change(tx: Transaction) -> User:
        return await directory.create_user(
            tx, call.identity.tenant, wanted, password=password, now=call.now, entropy=call.world.entropy
        )

    made = await call.commit(change, lambda one: {"userId": one.id, "userPrincipalName": one.user_principal_name})
    return entity(call, "users", render.user(made), status=201)


async def update_user(call: Call) -> Response:
    """Change a user; disabling it, or giving it another password, ends its tokens."""
    found = find_user(call)
    body = await read_change(call, UserBody, render.user(found))
    refuse_later(body, UserBody.LATER)
    call.properties["userId"] = found.id
    wanted = directory.UserChange(
        enabled=body.account_enabled,
        display_name=body.display_name,
        mail_nickname=body.mail_nickname,
        user_principal_name=body.user_principal_name,
        given_name=clearing(body.given_name),
        surname=clearing(body.surname),
        profile=body.profile(),
    )
    password = None if body.password_profile is None else await _new_password(call, body.password_profile)

    async def change(tx: Transaction) -> None:
        await directory.update_user(tx, found.tenant, found.id, wanted)
        if password is not None:
            await directory.set_password(
                tx, found.tenant, found.id, password=password, now=call.now, entropy=call.world.entropy
            )

    await call.commit(change)
    return Response(204, content_type=None)


async def delete_user(call: Call) -> Response:
    """Delete a user."""
    found = find_user(call)
    call.properties["userId"] = found.id
    await call.commit(lambda tx: directory.delete_user(tx, found.tenant, found.id, now=call.now))
    return Response(204, content_type=None)


async def _new_password(call: Call, profile: PasswordProfileBody) -> directory.NewPassword:
    """Judge and hash a password before anything is locked: Argon2id takes its time."""
    directory.judge_password(profile.password)
    must_change = profile.force_change_password_next_sign_in or profile.force_change_password_next_sign_in_with_mfa
    return directory.NewPassword(await call.world.passwords.hash(profile.password), must_change=must_change)
