"""Consent: a registered application wants to act for the person, who says whether it may."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.aadsts import refuse
from strongroom.core.consent import Missing, MissingOfResource
from strongroom.core.delegated_permissions import power_of_scopes
from strongroom.core.directory_roles import power_of, role_that_gives
from strongroom.core.errors import Invalid
from strongroom.core.first_party import GRAPH
from strongroom.core.identity import ServicePrincipal
from strongroom.directory.apis import require_user_assigned
from strongroom.directory.clients import find_public_client, require_client, require_enabled
from strongroom.directory.consent import missing_consent
from strongroom.directory.relations import extend_grant
from strongroom.flow.call import Call
from strongroom.sts.goals.device import find_pending
from strongroom.sts.scopes import read_user_scope
from strongroom.sts.walk import Change, Form, Step, Taken, Walk, find_user

_NAME = "consent"
_GRANTS = "DelegatedPermissionGrant.ReadWrite.All"
"""The right to consent for everybody, and to what an administrator alone consents to."""


@dataclass(frozen=True, slots=True)
class _Request:
    """Which client asks for what."""

    client_id: str
    scope: str


def _is_due(call: Call, walk: Walk) -> bool:
    """
    Tell whether anything is missing.

    Raises:
        Invalid: AADSTS700016, 7000112, the client is not the tenant's; 70011, 500011, what it asks for is not there;
            650057, it does not say that it needs it; 500014, 50105, this person may not have it.
    """
    if walk.shown is None or walk.shown.is_expired:
        return False
    request = _request(call, walk)
    return request is not None and _missing(call, walk, request) is not None


def _missing(call: Call, walk: Walk, request: _Request) -> Missing | None:
    view, user = call.world.view, find_user(call, walk.the_shown)
    principal = _principal(call, user.tenant, request.client_id)
    scope = read_user_scope(call, user.tenant, request.client_id, request.scope)
    require_user_assigned(view, user, scope.resource, principal)
    return missing_consent(
        view, user.tenant, principal.id if principal is not None else None, request.client_id, user.id, scope
    )


def _principal(call: Call, tenant: str, client_id: str) -> ServicePrincipal | None:
    """Find the client's principal in the person's tenant; None for one of those that nobody registers."""
    if find_public_client(client_id) is not None:
        return None
    _, principal = require_client(call.world.view, tenant=tenant, client_id=client_id)
    require_enabled(principal)
    return principal


def _page(call: Call, walk: Walk) -> dict[str, object]:
    """
    Give what the person is asked.

    Raises:
        Invalid: AADSTS90094, an administrator has to be asked; 65001, nobody can consent to a client without a
            principal in the tenant.
    """
    request, user = _the_request(call, walk), find_user(call, walk.the_shown)
    missing = _missing(call, walk, request) or Missing(())
    is_administrator = _may_consent_for_all(call, walk, missing)
    if missing.admin_only and not is_administrator:
        raise refuse(90094, client_id=request.client_id, reason="an administrator has to consent")
    if _principal(call, user.tenant, request.client_id) is None:
        raise refuse(65001, client_id=request.client_id, reason="client has no service principal in the tenant")
    return {
        "resources": missing.resources,
        "user_name": user.user_principal_name,
        "is_administrator": is_administrator,
        "must_be_for_all": missing.admin_only,
    }


def _prepare(call: Call, walk: Walk) -> Walk:
    """Seal what the page shows, since the person agrees to that and to nothing else."""
    missing = _missing(call, walk, _the_request(call, walk)) or Missing(())
    return walk.having(asked=_asked(missing), asked_of_all=missing.admin_only)


def _asked(missing: Missing) -> tuple[tuple[str, str], ...]:
    return tuple((one.app_id, word) for one in missing.resources for word in one.words)


async def _take(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Record what the person agreed to; anything but a clear yes is a no.

    Raises:
        Invalid: more is asked for than the page has shown; and as `_page`.
    """
    if form.get("answer") != "accept":
        return Taken(walk, gave_up=refuse(65004, reason="the person did not consent"))
    request, shown = _the_request(call, walk), walk.the_shown
    missing = _missing(call, walk, request) or Missing(())
    _page(call, walk)
    if not set(_asked(missing)) <= set(walk.asked) or (missing.admin_only and not walk.asked_of_all):
        # Whoever owns the application or its registration may change it between the page and the answer.
        raise Invalid("The application asks for something else by now. Read again what it asks for.")
    principal = _principal(call, shown.tenant, request.client_id)
    if principal is None:
        raise refuse(65001, client_id=request.client_id, reason="client has no service principal in the tenant")
    for_all = missing.admin_only or (form.get("for_all") == "yes" and _may_consent_for_all(call, walk, missing))
    call.properties.update(
        servicePrincipalId=principal.id,
        scope=" ".join(word for one in missing.resources for word in one.words),
    )
    user = None if for_all else shown.user
    return Taken(walk.answered(_NAME), tuple(_grant(call, principal, user, one) for one in missing.resources))


def _grant(call: Call, client: ServicePrincipal, user: str | None, missing: MissingOfResource) -> Change:
    resource = missing.principal
    if resource is None:
        raise refuse(500011, resource=missing.app_id, tenant=client.tenant)
    return lambda tx: extend_grant(
        tx,
        client.tenant,
        client=client.id,
        principal=user,
        resource=resource,
        scopes=missing.words,
        entropy=call.world.entropy,
    )


def _may_consent_for_all(call: Call, walk: Walk, missing: Missing) -> bool:
    """Tell whether the person may give all of it for everybody: nobody gives a client more than he could do himself."""
    view, shown = call.world.view, walk.the_shown
    held = view.directory_roles_of(shown.tenant, shown.user)
    power = power_of(held, view.app_permissions_of(shown.tenant, shown.user), user=True)
    words = {word for one in missing.resources if one.app_id == GRAPH for word in one.words}
    return role_that_gives(held, _GRANTS) is not None and power_of_scopes(words) <= power


def _the_request(call: Call, walk: Walk) -> _Request:
    found = _request(call, walk)
    if found is None:
        msg = "only clients are consented to"
        raise RuntimeError(msg)
    return found


def _request(call: Call, walk: Walk) -> _Request | None:
    """Find what a client asks for; None where the walk is made for none."""
    if walk.authorization is not None:
        return _Request(walk.authorization.client_id, walk.authorization.scope)
    if walk.device:
        pending = find_pending(call, walk.device)
        return _Request(pending.client_id, pending.scope)
    return None


CONSENT = Step(_NAME, _is_due, _page, _take, unasked=65001, prepare=_prepare)
