"""
What a request names, noted for the journal before anything of it is judged, so that a refusal says of whom it was.

Only what there is is noted, by the ids that the directory has for it: what was typed in and leads nowhere may be a
secret in the wrong place. To be named is to have proved nothing; what was proved, the entry says by the credential.
"""

from __future__ import annotations

from strongroom.core.identity import Tenant
from strongroom.directory.clients import find_public_client
from strongroom.flow.call import Call
from strongroom.sts.authorities import known_tenant


def note_named(call: Call, client_id: str | None) -> None:
    """Note the tenant that the path names, if it names one, and the client that is named by *client_id*."""
    tenant = known_tenant(call.world, call.params["tenant"])
    if tenant is not None:
        call.properties["tenantId"] = tenant.id
    note_client(call, tenant, client_id)


def note_client(call: Call, tenant: Tenant | None, client_id: str | None) -> None:
    """Note the client that an id is of: in a tenant where that is known, and otherwise a registered one."""
    if not client_id:
        return
    view, app_id = call.world.view, client_id.lower()
    known = find_public_client(app_id)
    if known is not None:
        call.properties["appId"] = known.app_id
    elif tenant is None:
        application = view.application_by_app_id(app_id)
        if application is not None:
            call.properties["appId"] = application.app_id
    else:
        principal = view.service_principal_by_app_id(tenant.id, app_id)
        if principal is not None:
            call.properties.update(appId=principal.app_id, objectId=principal.id)
