"""Registered applications: what they offer, what they were given, and how they ask for tokens."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt

from strongroom.core.guids import new_guid
from strongroom.core.identity import Application, ServicePrincipal
from strongroom.core.registration import Api, AppRole, PermissionScope, SignIn
from strongroom.directory import applications, relations
from tests.world import Answer, Principal, Simulation


def guid() -> str:
    """Make an id."""
    return new_guid(secrets.token_bytes)


def scope(value: str, kind: str = "User", *, enabled: bool = True) -> PermissionScope:
    """Make a delegated permission."""
    return PermissionScope(
        guid(), value, kind, enabled, admin_consent_display_name=f"May {value}", admin_consent_description="All of it"
    )


def role(value: str, *members: str, enabled: bool = True) -> AppRole:
    """Make an app role; for applications if nothing else is said."""
    return AppRole(guid(), value, value, value, enabled, members or ("Application",))


def change(world: Simulation, app: Principal, how: Callable[[Application], Application]) -> Application:
    """Change an application, as whoever may would."""
    found = application(world, app)
    return world.commit(lambda tx: applications.update_application(tx, found.tenant, found.id, how))


def application(world: Simulation, app: Principal) -> Application:
    """Give an application as it is now."""
    found = world.view.application_by_app_id(app.appid)
    assert found is not None
    return found


def change_principal(world: Simulation, app: Principal, **changes: Any) -> ServicePrincipal:
    """Change an application's principal."""
    found = world.view.principal(application(world, app).tenant, app.oid)
    assert isinstance(found, ServicePrincipal)
    changed = replace(found, **changes)
    world.commit(lambda tx: tx.put(changed))
    return changed


def offer(
    world: Simulation,
    *scopes: PermissionScope,
    roles: tuple[AppRole, ...] = (),
    version: int | None = None,
    tenant: str | None = None,
) -> tuple[Principal, str]:
    """Make an application that is a resource, with an identifier URI, and give both."""
    app = world.principal(f"api-{secrets.token_hex(4)}", tenant)
    uri = f"api://{app.appid}"
    change(
        world,
        app,
        lambda one: replace(
            one, identifier_uris=(uri,), api=Api(scopes=scopes, token_version=version), app_roles=roles
        ),
    )
    return app, uri


def sign_in_by(world: Simulation, app: Principal, **platforms: Any) -> None:
    """Say how users sign in to an application."""
    change(world, app, lambda one: replace(one, sign_in=SignIn(**platforms)))


def assign(world: Simulation, resource: Principal, principal: str, role_id: str = relations.NO_ROLE) -> None:
    """Give a principal an app role of a resource."""
    found = application(world, resource)
    world.commit(
        lambda tx: relations.assign_app_role(
            tx,
            found.tenant,
            principal=principal,
            resource=resource.oid,
            app_role=role_id,
            defined=found.app_roles,
            now=int(world.clock()),
            entropy=secrets.token_bytes,
        )
    )


def consent(world: Simulation, client: str, resource: str, *words: str, user: str | None = None) -> str:
    """Let a client ask for permissions of a resource, by the ids of their principals; give the grant's id."""
    tenant = world.first.tenant_id
    made = world.commit(
        lambda tx: relations.grant_permissions(
            tx, tenant, client=client, principal=user, resource=resource, scopes=words, entropy=secrets.token_bytes
        )
    )
    return made.id


def graph(world: Simulation) -> str:
    """Give the object id of Microsoft Graph."""
    return azure(world, "00000003-0000-0000-c000-000000000000")


def azure(world: Simulation, app_id: str) -> str:
    """Give the object id of one of Azure's own resources."""
    found = world.view.service_principal_by_app_id(world.first.tenant_id, app_id)
    assert found is not None
    return found.id


def ask_for_itself(world: Simulation, app: Principal, resource: str, tenant: str | None = None, **form: str) -> Answer:
    """Ask for a token as an application for itself."""
    members = {
        "grant_type": "client_credentials",
        "client_id": app.appid,
        "client_secret": app.secret,
        "scope": f"{resource}/.default",
        **form,
    }
    return world.ask("POST", f"{world.login_url}/{tenant or world.first.tenant_id}/oauth2/v2.0/token", form=members)


def said(answer: Answer) -> dict[str, Any]:
    """Read the claims of the access token of an answer, as somebody else does who has the published keys."""
    assert answer.status == 200, answer.body
    return claims(answer.json["access_token"])


def claims(token: str) -> dict[str, Any]:
    """Read a token's claims, unverified."""
    return jwt.decode(token, options={"verify_signature": False})


def refused(answer: Answer, number: int, error: str = "invalid_grant", status: int = 400) -> dict[str, Any]:
    """Hold an answer to be a refusal with this number."""
    told: dict[str, Any] = answer.json
    assert (answer.status, told.get("error"), told.get("error_codes")) == (status, error, [number]), answer.body
    assert "access_token" not in told, "a token minted together with an error"
    return told
