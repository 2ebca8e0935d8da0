"""Handlers of /users and /me."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from strongroom.core.errors import Invalid
from strongroom.core.identity import User
from strongroom.core.records import tenant_partition
from strongroom.directory import users as directory
from strongroom.directory.user_passwords import set_must_change, set_password
from strongroom.flow.authorization import may_in_directory, require_directory
from strongroom.flow.call import Call
from strongroom.graph import render, rights
from strongroom.graph.changes import read_change
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_me, find_user
from strongroom.graph.odata import collection, entity
from strongroom.graph.user_sign_in import hash_new_password
from strongroom.graph.wire import UserBody, clearing, refuse_later, require
from strongroom.http.message import Response
from strongroom.store import Transaction

_NEVER_EXPIRES = "DisablePasswordExpiration"
_BY_NAME = frozenset({"lastPasswordChangeDateTime", "passwordPolicies", "signInSessionsValidFromDateTime"})
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
    if may_in_directory(call.world, call.identity, rights.READ_USERS):
        return collection(call, "users", records, FILTERS, "User", _render(call))
    # What is not shown is not searched either.
    filters = {name: filterable for name, filterable in FILTERS.items() if name in render.BASIC_USER}
    return collection(call, "users", records, filters, "User", render.basic_user)


async def get_user(call: Call) -> Response:
    """Get one user, by object id or by user principal name."""
    whole = may_in_directory(call.world, call.identity, rights.READ_USERS)
    return entity(call, "users", (_render(call) if whole else render.basic_user)(find_user(call)))


async def get_me(call: Call) -> Response:
    """
    Get the user who asks.

    Raises:
        Invalid: it is not a user who asks.
    """
    return entity(call, "users", _render(call)(find_me(call)))


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
        password_never_expires=_never_expires(body) or False,
    )
    names = (wanted.user_principal_name, wanted.given_name, wanted.surname)
    text = require(body.password_profile.password, "password", "PasswordProfile")
    verifier = await hash_new_password(call, text, names)
    password = directory.NewPassword(verifier, must_change=body.password_profile.must_change)

    async def change(tx: Transaction) -> User:
        return await directory.create_user(
            tx, call.identity.tenant, wanted, password=password, now=call.now, entropy=call.world.entropy
        )

    made = await call.commit(change, lambda one: {"userId": one.id, "userPrincipalName": one.user_principal_name})
    return entity(call, "users", render.user(made), status=201)


async def update_user(call: Call) -> Response:
    """
    Change a user; disabling it, or giving it another password, ends its tokens.

    Raises:
        Denied: the caller may change users, and not their passwords.
    """
    found = find_user(call)
    body = await read_change(call, UserBody, render.user(found))
    refuse_later(body, UserBody.LATER)
    call.properties["userId"] = found.id
    if body.password_profile is not None:
        require_directory(call.world, call.identity, rights.WRITE_PASSWORDS, found.id)
    wanted = directory.UserChange(
        enabled=body.account_enabled,
        display_name=body.display_name,
        mail_nickname=body.mail_nickname,
        user_principal_name=body.user_principal_name,
        given_name=clearing(body.given_name),
        surname=clearing(body.surname),
        profile=body.profile(),
        password_never_expires=_never_expires(body),
    )
    names = (found.user_principal_name, found.given_name, found.surname, wanted.given_name, wanted.surname)
    profile = body.password_profile
    text = profile.password if profile is not None else None
    verifier = None if text is None else await hash_new_password(call, text, names)

    async def change(tx: Transaction) -> None:
        await directory.update_user(tx, found.tenant, found.id, wanted, now=call.now)
        if profile is not None and verifier is None:
            await set_must_change(tx, found.tenant, found.id, must_change=profile.must_change)
        elif profile is not None and verifier is not None:
            await set_password(
                tx,
                found.tenant,
                found.id,
                verifier=verifier,
                must_change=profile.must_change,
                now=call.now,
                entropy=call.world.entropy,
            )

    await call.commit(change)
    return Response(204, content_type=None)


async def delete_user(call: Call) -> Response:
    """Delete a user."""
    found = find_user(call)
    call.properties["userId"] = found.id
    await call.commit(lambda tx: directory.delete_user(tx, found.tenant, found.id, now=call.now))
    return Response(204, content_type=None)


def _never_expires(body: UserBody) -> bool | None:
    """Read `passwordPolicies`; None where nothing is said of it."""
    if body.password_policies is msgspec.UNSET:
        return None
    said = {word.strip() for word in (body.password_policies or "None").split(",")}
    if not said <= {"None", _NEVER_EXPIRES}:
        raise Invalid(f"Property passwordPolicies is invalid: 'None' and '{_NEVER_EXPIRES}' are supported.")
    return _NEVER_EXPIRES in said


def _render(call: Call) -> Callable[[User], dict[str, Any]]:
    """Tell how users are rendered: of their sign-in only what `$select` names."""
    view = call.world.view
    selected = {name.strip() for name in call.query.get("$select", "").split(",")}
    if selected.isdisjoint(_BY_NAME):
        return render.user
    return lambda one: {**render.user(one), **render.user_security(view, one)}
