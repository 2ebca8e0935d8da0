"""
Why a request to a vault would be allowed or refused, and who can do something: `Strongroom.Authorization`.

Azure has nothing of the kind, so it is under a name of our own (ADR 0016). Whoever may read a vault and its role
assignments may ask about everybody; everybody may ask about itself, and is told what trying would tell.
"""

from __future__ import annotations

from strongroom.arm import wire
from strongroom.arm.rights import can, require_right
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.identity import Caller, PrincipalType, ServicePrincipal, User
from strongroom.core.limits import WHO_CAN_PAGE
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.flow.explain.document import show_can, show_explanation
from strongroom.flow.explain.explanation import explain
from strongroom.flow.explain.question import (
    About,
    Question,
    find_operation,
    find_principal,
    read_about,
    read_client,
    read_connection,
    require_caller,
)
from strongroom.flow.explain.rights import Evidence
from strongroom.flow.explain.who_can import who_can
from strongroom.flow.paging import PLACE, next_link, open_place
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.lookup import vault_of

READ_VAULT = "Microsoft.KeyVault/vaults/read"
_CARRIED = ("api-version",)
_READ_BESIDE = {
    "roleAssignment": "Microsoft.Authorization/roleAssignments/read",
    "denyAssignment": "Microsoft.Authorization/denyAssignments/read",
}


async def explain_request(call: Call) -> Response:
    """
    Explain what a principal's request would be answered, with everything that was looked at.

    Raises:
        Denied: the caller may not read the vault.
        Invalid: the operation, the object, the principal, the client or the address is none.
        NotFound: there is no such vault or principal.
    """
    require_right(call, READ_VAULT, call.target.scope)
    body = await call.body(wire.ExplainParameters)
    vault, world = _the_vault(call), call.world
    principal = require_caller(find_principal(world.view, vault.tenant, body.principal))
    client, confidential = read_client(world.view, vault.tenant, body.client_id)
    connection = read_connection(world, body.address or call.connection.address, body.private_endpoint_id)
    about = _read_about(call, vault, body)
    explanation = explain(world, Question(about, principal, connection, client, confidential)).within(
        lambda one: _may_see(call, one)
    )
    _note(call, about, principal.id, connection.address)
    call.properties["explainedOutcome"] = explanation.allowed
    return json.response(show_explanation(explanation))


async def explain_own_request(call: Call) -> Response:
    """
    Explain what the caller's own request would be answered from where it asks, and no more than trying would tell.

    Raises:
        Denied: there is no such vault, and the caller may not know.
        Invalid: the operation or the object is none.
        NotFound: there is no such vault.
    """
    body = await call.body(wire.ExplainOwnParameters)
    vault, caller = _the_own_vault(call), call.identity
    about = _read_about(call, vault, body)
    confidential = caller.appidacr in {"1", "2"}
    client = caller.appid if caller.kind is PrincipalType.USER else ""
    connection = read_connection(call.world, call.connection.address)
    explanation = explain(call.world, Question(about, _own(call, caller), connection, client, confidential, own=True))
    _note(call, about, caller.oid, connection.address)
    call.properties["explainedOutcome"] = explanation.allowed
    return json.response(show_explanation(explanation))


async def who_can_request(call: Call) -> Response:
    """
    List who can do something, and through what.

    Raises:
        Denied: the caller may not read the vault.
        Invalid: the operation or the object is none, or the skip token is not of this listing.
        NotFound: there is no such vault.
    """
    require_right(call, READ_VAULT, call.target.scope)
    body = await call.body(wire.ExplainOwnParameters)
    vault = _the_vault(call)
    about = _read_about(call, vault, body)
    bound = (call.target.scope.lower(), f"{about.operation.name} {about.name.lower()}")
    after = open_place(call, *bound, names=(PLACE, "$skipToken"), code="InvalidSkipToken")
    page = await who_can(call.world, about, limit=WHO_CAN_PAGE, after=after or "")
    # Others were served meanwhile.
    call.judge_again()
    require_right(call, READ_VAULT, call.target.scope)
    _note(call, about, None, None)
    call.properties["count"] = len(page.found)
    answer: dict[str, object] = {"value": [show_can(one) for one in page.found]}
    if page.after is not None:
        answer["nextLink"] = next_link(call, page.after, *bound, carried=_CARRIED)
    return json.response(answer)


def _the_vault(call: Call) -> Vault:
    params = call.params
    return vault_of(call.world.view, call.identity.tenant, params["subscription"], params["group"], params["vault"])


def _the_own_vault(call: Call) -> Vault:
    """
    Find the vault in the path, for whoever asks about itself.

    Raises:
        Denied: there is none, and who asks may not read one there: nobody finds out by this which groups there are.
        NotFound: there is none.
    """
    try:
        return _the_vault(call)
    except NotFound:
        require_right(call, READ_VAULT, call.target.scope)
        raise


def _may_see(call: Call, evidence: Evidence) -> bool:
    """
    Tell whether a caller may know of an assignment.

    Those at and above the vault, and below, it reads with the right that the row asked for. One elsewhere names
    another resource, which is for those to know who may read assignments there.
    """
    return evidence.beside is None or can(call, _READ_BESIDE[evidence.kind], evidence.beside)


def _read_about(call: Call, vault: Vault, body: wire.ExplainOwnParameters) -> About:
    return read_about(find_operation(call.world, body.operation), vault.name, body.object_name, body.api_version)


def _own(call: Call, caller: Caller) -> User | ServicePrincipal:
    found = call.world.view.principal(caller.tenant, caller.oid)
    if not isinstance(found, User | ServicePrincipal):
        raise Invalid("The caller is no principal any more.", code="InvalidPrincipal")
    return found


def _note(call: Call, about: About, principal: str | None, address: str | None) -> None:
    """Note for the journal what was asked about whom."""
    call.properties.update(explainedOperation=about.operation.name)
    if principal is not None:
        call.properties.update(principalId=principal, explainedAddress=address)
