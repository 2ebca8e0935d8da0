"""Finding the object a request is about: in the caller's tenant, or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from strongroom.core.errors import Invalid, NotFound
from strongroom.core.guids import parse_guid
from strongroom.core.identity import Application, Group, ServicePrincipal, User
from strongroom.core.records import Record, tenant_partition
from strongroom.core.vaults import Vault
from strongroom.directory.principals import no_such_object
from strongroom.flow.call import Call
from strongroom.flow.operation import Target
from strongroom.flow.world import World

R = TypeVar("R", bound=Record)

VERSIONS = ("v1.0", "beta")


_WITH_TENANT = re.compile(
    rb"(?P<version>/+[^/]+)/(?P<tenant>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})(?P<rest>/.*)"
)
_ACTION = re.compile(rb"/microsoft\.graph\.((?:add|change|check|get|remove|restore|revoke)[A-Za-z]*)$", re.IGNORECASE)
"""An action by its qualified name (OData URL Conventions section 4.5); types, which paths end in too, are no verbs."""


def split_tenant(path: bytes) -> tuple[bytes, str | None]:
    """
    Take the tenant out of `/v1.0/{tenant}/users`, as clients write it that say of each request whose it is.

    The namespace of an action is taken out as well: Azure PowerShell asks for `microsoft.graph.getByIds`.
    """
    path = _ACTION.sub(rb"/\1", path)
    match = _WITH_TENANT.fullmatch(path)
    return (path, None) if match is None else (match["version"] + match["rest"], match["tenant"].decode().lower())


def directory_target(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
    """
    Resolve a Graph path: rights over a directory are for the whole of it.

    Raises:
        NotFound: the path's first segment is no version of Graph.
    """
    if params["version"] not in VERSIONS:
        raise NotFound("Invalid version.", code="BadRequest")
    return Target("/", params)


def find_application(call: Call) -> Application:
    """
    Find the application a path names by object id or by app id.

    Raises:
        NotFound: the caller's tenant has none such.
    """
    app_id = call.params.get("app_id")
    if app_id is None:
        return _get(call, Application, call.params["id"])
    found = call.world.view.application_by_app_id(app_id.lower())
    if found is None or found.tenant != call.identity.tenant:
        raise no_such_object(app_id)
    return found


def find_service_principal(call: Call) -> ServicePrincipal:
    """
    Find the service principal a path names by object id or by app id.

    Raises:
        NotFound: the caller's tenant has none such.
    """
    app_id = call.params.get("client_id")
    if app_id is None:
        return _get(call, ServicePrincipal, call.params["id"])
    found = call.world.view.service_principal_by_app_id(call.identity.tenant, app_id.lower())
    if found is None:
        raise no_such_object(app_id)
    return found


def find_user(call: Call) -> User:
    """
    Find the user a path names by object id or by user principal name.

    Raises:
        NotFound: the caller's tenant has none such.
    """
    key = call.params["id"]
    if parse_guid(key) is not None:
        return _get(call, User, key)
    found = call.world.view.user_by_upn(key)
    if found is None or found.tenant != call.identity.tenant:
        raise no_such_object(key)
    return found


def find_principal(call: Call) -> str:
    """
    Find whom a path is about, by object id, app id or user principal name, and give its id: without any, who asks.

    Raises:
        Invalid: it is not a user who asks.
        NotFound: the caller's tenant has none such.
    """
    if "client_id" in call.params:
        return find_service_principal(call).id
    if "id" not in call.params:
        return find_me(call).id
    key = call.params["id"]
    if parse_guid(key) is None:
        return find_user(call).id
    found = find_object(call, key)
    if found is None:
        raise no_such_object(key)
    return found.id


def find_me(call: Call) -> User:
    """
    Find the user who asks.

    Raises:
        Invalid: it is not a user who asks.
    """
    caller = call.identity
    found = call.world.view.principal(caller.tenant, caller.oid)
    if not isinstance(found, User):
        raise Invalid("/me request is only valid with delegated authentication flow.", code="BadRequest")
    return found


def find_group(call: Call) -> Group:
    """
    Find the group a path names.

    Raises:
        NotFound: the caller's tenant has none such.
    """
    return _get(call, Group, call.params["id"])


def find_object(call: Call, object_id: str) -> User | Group | ServicePrincipal | Application | None:
    """Find an object of any kind in the caller's tenant by its id, or None."""
    identifier = parse_guid(object_id)
    if identifier is None:
        return None
    tenant = call.identity.tenant
    return call.world.view.principal(tenant, identifier) or call.world.view.get(
        Application, tenant_partition(tenant), identifier
    )


def _get(call: Call, kind: type[R], object_id: str) -> R:
    identifier = parse_guid(object_id)
    found = call.world.view.get(kind, tenant_partition(call.identity.tenant), identifier) if identifier else None
    if found is None:
        raise no_such_object(object_id)
    return found
