"""Why a request would be allowed or refused, and who can do something: for whoever runs the instance."""

from __future__ import annotations

from urllib.parse import unquote

from strongroom.control.explain_wire import ExplainBody, WhoCanBody
from strongroom.control.link import require_control
from strongroom.core.echo import VAULT_NAME, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.limits import WHO_CAN_PAGE
from strongroom.core.network import Link
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.flow.explain.document import show_can, show_explanation
from strongroom.flow.explain.explanation import explain
from strongroom.flow.explain.question import (
    About,
    Question,
    find_operation,
    find_principal,
    object_in,
    read_about,
    read_client,
    read_connection,
    require_caller,
)
from strongroom.flow.explain.who_can import who_can
from strongroom.http import json
from strongroom.http.message import Response


async def explain_request(call: Call) -> Response:
    """
    Explain what a request would be answered.

    Raises:
        Invalid: the operation, the object, the principal, the client or the address is none.
        NotFound: there is no such vault or principal.
    """
    require_control(call)
    body = await call.body(ExplainBody)
    world = call.world
    about = _read_about(call, body)
    tenant = _require_vault(call, about).tenant
    principal = require_caller(find_principal(world.view, tenant, body.principal))
    client, confidential = read_client(world.view, tenant, body.client)
    connection = read_connection(world, body.address or call.connection.address, body.endpoint)
    call.properties.update(
        explainedOperation=about.operation.name,
        principalId=principal.id,
        tenantId=tenant,
        explainedAddress=connection.address,
    )
    explanation = explain(world, Question(about, principal, connection, client, confidential))
    call.properties["explainedOutcome"] = explanation.allowed
    return json.response(show_explanation(explanation))


async def who_can_request(call: Call) -> Response:
    """
    List who can do something.

    Raises:
        Invalid: the operation or the object is none.
        NotFound: there is no such vault.
    """
    require_control(call)
    body = await call.body(WhoCanBody)
    about = _read_about(call, body)
    call.properties.update(explainedOperation=about.operation.name, tenantId=_require_vault(call, about).tenant)
    page = await who_can(call.world, about, limit=WHO_CAN_PAGE, after=body.after)
    call.properties["count"] = len(page.found)
    return json.response({"value": [show_can(one) for one in page.found], "after": page.after})


def _read_about(call: Call, body: WhoCanBody) -> About:
    operation = find_operation(call.world, body.operation)
    version = body.api_version if isinstance(body, ExplainBody) else ""
    vault, name = (_read_url(call, body.url)) if body.url else (body.vault, body.object)
    return read_about(operation, vault, name, version)


def _read_url(call: Call, url: str) -> tuple[str, str]:
    """Give the vault and the object that a URL names, under our names or Azure's."""
    _, _, rest = url.partition("://")
    netloc, _, path = rest.partition("?")[0].partition("/")
    site = call.world.hosts.site_of(netloc, Link.CONTROL)
    if site is None or site.vault_name is None:
        raise Invalid("The URL is not one of a vault of this instance.", code="InvalidUrl")
    return site.vault_name, object_in(unquote(path))


def _require_vault(call: Call, about: About) -> Vault:
    """Find the vault, deleted or not: whoever runs the instance may know that."""
    vault = call.world.view.vault_by_name(about.vault)
    if vault is None:
        known = ", ".join(sorted(one.name for one in call.world.view.vaults())) or "none"
        name = shown(about.vault, VAULT_NAME)
        raise NotFound(f"No vault is known by the name '{name}'. There is: {known}.", code="VaultNotFound")
    return vault
