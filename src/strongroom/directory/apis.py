"""Resources that are registered applications: which one a name means, what it offers, and who was given what of it."""

from __future__ import annotations

from strongroom.core.aadsts import refuse
from strongroom.core.first_party import FIRST_PARTY, RESOURCE_IDS
from strongroom.core.identity import Application, ServicePrincipal, User
from strongroom.core.oauth import FindApi, Resource
from strongroom.core.offers import APPLICATION, USER, Offer
from strongroom.view import View


def finder(view: View, tenant: str) -> FindApi:
    """Make what finds a tenant's registered applications by what a request names as its resource."""
    return lambda name: find_api(view, tenant, name)


def find_api(view: View, tenant: str, name: str) -> Resource | None:
    """
    Find the application that a request names as its resource, by an identifier URI or by its application id.

    Only one that has a principal in the tenant is a resource there. Another tenant's application may have the URI of
    one of our own, so our own comes first, and between two others there is no telling which is meant: neither is.
    """
    by_id = view.application_by_app_id(name.lower())
    if by_id is not None:
        return _as_resource(view, tenant, by_id, by_id.app_id)
    found = [one for one in view.applications_by_uri(name) if _principal(view, tenant, one) is not None]
    own = [one for one in found if one.tenant == tenant] or found
    if len(own) != 1:
        return None
    spelled = next(uri for uri in own[0].identifier_uris if uri.casefold() == name.casefold())
    return _as_resource(view, tenant, own[0], spelled)


def _as_resource(view: View, tenant: str, application: Application, audience: str) -> Resource | None:
    if _principal(view, tenant, application) is None:
        return None
    return Resource(None, audience, application.app_id, 2 if application.api.token_version == 2 else 1)


def _principal(view: View, tenant: str, application: Application) -> ServicePrincipal | None:
    return view.service_principal_by_app_id(tenant, application.app_id)


def app_id_of(resource: Resource) -> str:
    """
    Give the client id of a resource.

    Raises:
        ValueError: it is a surface that no token is for.
    """
    if resource.app_id is not None:
        return resource.app_id
    if resource.surface is None:
        msg = "a resource is a surface or has a client id"
        raise ValueError(msg)
    return RESOURCE_IDS[resource.surface]


def offer_of(view: View, app_id: str) -> Offer:
    """Say what a resource offers today; nothing if it went away."""
    party, application = FIRST_PARTY.get(app_id), view.application_by_app_id(app_id)
    if party is not None:
        return Offer(app_id, party.display_name, party.scopes, party.app_roles)
    if application is None:
        return Offer(app_id, app_id)
    api = application.api
    return Offer(app_id, application.display_name, api.scopes, application.app_roles, api.pre_authorized)


# ---- app roles ------------------------------------------------------------------------------------------------------


def roles_of_application(view: View, principal: ServicePrincipal, resource: Resource) -> tuple[str, ...]:
    """
    Name the app roles that an application or managed identity has of a resource: `roles` in its token.

    They are for whoever reads the token: what they give here is asked of the directory whenever the token is used.
    """
    held = _held(view, principal.tenant, resource, (principal.id,))
    return offer_of(view, app_id_of(resource)).roles(held, APPLICATION)


def roles_of_user(view: View, user: User, resource: Resource) -> tuple[str, ...]:
    """Name the app roles that a user has of a resource, itself or through the groups it is directly in."""
    held = _held(view, user.tenant, resource, _user_and_groups(view, user))
    return offer_of(view, app_id_of(resource)).roles(held, USER)


def require_application_assigned(view: View, principal: ServicePrincipal, resource: Resource) -> None:
    """
    Refuse an application that may have no token for a resource.

    Raises:
        Invalid: AADSTS500011, the resource went away; 500014, it is disabled; 501051, it wants an assignment and the
            application has none.
    """
    offered = _require_enabled(view, principal.tenant, resource)
    if offered is None or not offered.app_role_assignment_required or principal.id == offered.id:
        return
    if not _held(view, principal.tenant, resource, (principal.id,)):
        raise refuse(501051, client_id=principal.app_id, resource=resource.audience, reason="no assignment")


def require_user_assigned(view: View, user: User, resource: Resource, client: ServicePrincipal | None) -> None:
    """
    Refuse a user who may have no token for a resource, or may not sign in to a client.

    Raises:
        Invalid: AADSTS500011, the resource went away; 500014, it is disabled; 50105, it or the client wants an
            assignment and the user has none.
    """
    wanting = [one for one in (_require_enabled(view, user.tenant, resource), client) if one is not None]
    for principal in wanting:
        if principal.app_role_assignment_required and not _assigned(view, principal, _user_and_groups(view, user)):
            raise refuse(50105, client_id=principal.app_id, reason="user has no assignment")


def _require_enabled(view: View, tenant: str, resource: Resource) -> ServicePrincipal | None:
    """
    Find the principal of a registered resource; None for one of Azure's own.

    What their principals say is not held to: a tenant that disabled Graph's could not be asked to enable it again. What
    anybody may do there is decided whenever a token is used.
    """
    app_id = app_id_of(resource)
    if app_id in FIRST_PARTY:
        return None
    found = view.service_principal_by_app_id(tenant, app_id)
    if found is None:
        raise refuse(500011, resource=resource.audience, tenant=tenant)
    if not found.enabled:
        raise refuse(500014, resource=resource.audience, reason="resource is disabled")
    return found


def _user_and_groups(view: View, user: User) -> tuple[str, ...]:
    # As in Entra, a group's assignment is its direct members' alone.
    return (user.id, *view.direct_groups_of(user.tenant, user.id))


def _held(view: View, tenant: str, resource: Resource, principals: tuple[str, ...]) -> frozenset[str]:
    offered = view.service_principal_by_app_id(tenant, app_id_of(resource))
    return frozenset() if offered is None else _assigned(view, offered, principals)


def _assigned(view: View, offered: ServicePrincipal, principals: tuple[str, ...]) -> frozenset[str]:
    return frozenset(
        one.app_role
        for principal in principals
        for one in view.app_roles_held_by(offered.tenant, principal)
        if one.resource == offered.id
    )
