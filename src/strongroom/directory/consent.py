"""
The consent rule: whether a client may ask for what it asks in a user's name.

A permission is granted to a client by somebody (`PermissionGrant`, for one user or for all) or by the resource itself
(`PreAuthorized`). The tools that Microsoft gives into everybody's hand need neither for Azure's own resources. The
words of OpenID Connect are permissions of Graph; a client that was granted anything at all has them with it, as in
Entra, where no consent comes without them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from strongroom.core.aadsts import refuse
from strongroom.core.consent import Missing, MissingOfResource, granted_words, missing_of
from strongroom.core.first_party import FIRST_PARTY, GRAPH
from strongroom.core.identity import ServicePrincipal
from strongroom.core.oauth import Resource
from strongroom.core.public_clients import WELL_KNOWN_CLIENTS
from strongroom.core.relations import PermissionGrant
from strongroom.core.user_tokens import Offered, UserScope, delegated, openid_words_of
from strongroom.directory.apis import app_id_of, offer_of
from strongroom.view import View


def offered_to(view: View, app_id: str) -> Offered:
    """Make what says which delegated permissions a resource has, for a client."""

    def offered(resource: Resource) -> tuple[str, ...]:
        if _is_trusted(app_id, resource):
            return delegated(resource)
        return offer_of(view, app_id_of(resource)).words

    return offered


def require_consent(
    view: View, tenant: str, *, client: ServicePrincipal | None, app_id: str, user: str, scope: UserScope
) -> UserScope:
    """
    Cut what a client asks in a user's name down to what it was granted: `/.default` means all of that.

    Raises:
        Invalid: AADSTS65001, something of it was not granted.
    """
    if _is_trusted(app_id, scope.resource):
        return scope
    asking = _Client(view, tenant, client.id if client is not None else None, app_id, user)
    if _missing(asking, scope) is not None:
        raise refuse(65001, client_id=app_id, reason="no consent")
    if not scope.by_default:
        return scope
    # The scope has all that the resource offers, in the order it was registered.
    granted = asking.granted(app_id_of(scope.resource))
    return replace(scope, permissions=tuple(word for word in scope.permissions if word in granted))


def missing_consent(
    view: View, tenant_id: str, client_principal_id: str | None, app_id: str, user_id: str, scope: UserScope
) -> Missing | None:
    """
    Say what a client asks for in a user's name and was not granted, by resource; None if it may have it all.

    `/.default` asks for nothing more than what was granted. Where nothing was, it asks for what the application's
    registration says that it needs, of whatever resources.

    *client_principal_id* is None for a client without a service principal in the tenant.

    Raises:
        Invalid: AADSTS650057, nothing was granted of the resource, and the registration does not ask for it.
    """
    if _is_trusted(app_id, scope.resource):
        return None
    missing = _missing(_Client(view, tenant_id, client_principal_id, app_id, user_id), scope)
    if missing is not None and not missing.resources:
        raise refuse(650057, client_id=app_id, reason="resource is not in the client's registration")
    return missing


def _is_trusted(app_id: str, resource: Resource) -> bool:
    return app_id in WELL_KNOWN_CLIENTS and app_id_of(resource) in FIRST_PARTY


def _missing(client: _Client, scope: UserScope) -> Missing | None:
    """Say what is missing; without anything in it where a registration does not ask for the resource at all."""
    resource = app_id_of(scope.resource)
    granted, openid = client.granted(resource), openid_words_of(scope.resource)
    if not scope.by_default:
        wanted = {resource: tuple(word for word in scope.permissions if word not in openid)}
    elif granted:
        wanted = {}
    else:
        wanted = _registered(client, resource)
        if not wanted.get(resource):
            return Missing(())
    missing = {one: tuple(word for word in words if word not in client.granted(one)) for one, words in wanted.items()}
    asked = scope.openid | (openid & set(scope.permissions) if not scope.by_default else frozenset())
    if not client.has_any and not granted:
        words = tuple(word for word in sorted(asked) if word not in client.granted(GRAPH))
        missing[GRAPH] = tuple(dict.fromkeys((*missing.get(GRAPH, ()), *words)))
    found = tuple(client.missing(one, words) for one, words in missing.items() if words)
    return Missing(found) if found else None


def _registered(client: _Client, resource: str) -> dict[str, tuple[str, ...]]:
    """
    Say which permissions a client's registration asks for, by resource.

    A client that nobody registered here asks for all that the one resource has.
    """
    application = client.view.application_by_app_id(client.app_id)
    if application is None:
        return {resource: offer_of(client.view, resource).words}
    return {
        one.resource_app_id.lower(): offer_of(client.view, one.resource_app_id.lower()).words_of(one.scopes)
        for one in application.required_resource_access
    }


@dataclass(frozen=True, slots=True)
class _Client:
    """A client in a tenant, and the user in whose name it asks."""

    view: View
    tenant: str
    principal: str | None
    app_id: str
    user: str

    @property
    def grants(self) -> tuple[PermissionGrant, ...]:
        """Everything that it was granted, for whomever."""
        return self.view.permission_grants_of(self.tenant, self.principal) if self.principal is not None else ()

    @property
    def has_any(self) -> bool:
        """Whether it was granted anything for this user."""
        return any(one.principal in {None, self.user} and one.scopes for one in self.grants)

    def granted(self, resource: str) -> frozenset[str]:
        """Give the words that it was granted of a resource, as far as the resource still has them."""
        offered = offer_of(self.view, resource)
        held = granted_words(self.grants, self._principal_of(resource), self.user)
        return (held & set(offered.words)) | set(offered.pre_authorized_for(self.app_id))

    def missing(self, resource: str, words: tuple[str, ...]) -> MissingOfResource:
        """Say what it lacks of a resource."""
        return missing_of(offer_of(self.view, resource), self._principal_of(resource), words)

    def _principal_of(self, resource: str) -> str | None:
        found = self.view.service_principal_by_app_id(self.tenant, resource)
        return found.id if found is not None else None
