"""
On behalf of a user (`requested_token_use=on_behalf_of`, reference clients.md section 1.2): an API asks another one.

The API shows the access token that it was called with, and proves itself; the new tokens are its own, for the same
user. They hang on the family of the token that was shown, and end with it.
"""

from __future__ import annotations

from strongroom.core.aadsts import refuse
from strongroom.core.names import AZURE_LOGIN_HOSTS
from strongroom.core.oauth import issuer_v1, issuer_v2
from strongroom.directory.user_assertions import check_user_assertion
from strongroom.sts.grants.grant import Grant, Issued, TokenRequest
from strongroom.sts.grants.user import begin
from strongroom.sts.sign_in import SignedIn

_USE = "on_behalf_of"


async def _issue(request: TokenRequest) -> Issued:
    """
    Begin a family on behalf of a user.

    Raises:
        Invalid: AADSTS900144, something is missing; 9002313, another use; see `check_user_assertion`.
    """
    call, form = request.call, request.form
    for name in ("requested_token_use", "assertion"):
        if name not in form:
            raise refuse(900144, parameter=name)
    if form["requested_token_use"] != _USE:
        raise refuse(9002313, reason="requested_token_use")
    world = call.world
    shown = check_user_assertion(
        world.view,
        world.keys.tag,
        form["assertion"],
        request.proved_client,
        issuers=_issuers(request),
        hosts=world.hosts,
        now=call.now,
    )
    # Which token it was, so that the journal leads from the new one to the request that began it all.
    call.properties.update(userId=shown.user.id, assertionTokenId=shown.token_id)
    family = shown.family
    signed_in = SignedIn(shown.user, shown.credential, family.amr, family.factor)
    return await begin(request, signed_in, authenticated=family.authenticated, parent=family.id)


def _issuers(request: TokenRequest) -> frozenset[str]:
    """Give every `iss` of the tenant's tokens: v1's, and v2's by every name that tokens were asked for under."""
    tenant, call = request.tenant.id, request.call
    names = (*call.world.hosts.login_names(call.the_site), *AZURE_LOGIN_HOSTS)
    return frozenset({issuer_v1(tenant), *(issuer_v2(f"https://{name}", tenant) for name in names)})


ON_BEHALF_OF = Grant("urn:ietf:params:oauth:grant-type:jwt-bearer", _issue)
