"""
An identity provider: the browser is sent there, and what it comes back with says who the person is.

    chosen, or by name --> leave: the provider's own page --> GET /{tenant}/oauth2/callback --> the walk goes on

The walk travels in `state`, sealed, with the nonce and the code verifier of this departure. It counts at the browser
that left, for `SIGN_IN_ELSEWHERE_S`: another's code does not fit the verifier, and another's id token not the nonce.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hmac import compare_digest

import msgspec

from strongroom.core import limits
from strongroom.core.aadsts import refuse
from strongroom.core.echo import one_of, shown
from strongroom.core.identity import User
from strongroom.core.identity_providers import FEDERATED, IdentityLink, IdentityProvider, ProvedPerson
from strongroom.core.names import Surface
from strongroom.core.records import tenant_partition
from strongroom.core.sign_in import Prompt
from strongroom.directory.codes import seal, unseal
from strongroom.directory.identity_providers import (
    add_link_at_sign_in,
    links_of,
    make_link,
    provider_of_name,
    providers_of,
    secret_of,
)
from strongroom.directory.provider_sign_in import (
    Departure,
    authorization_url,
    read_metadata,
    redeem,
    redirect_uri,
)
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.sts import pages
from strongroom.sts.browser import digest_of_secret
from strongroom.sts.goals.account import NEW_PASSWORD
from strongroom.sts.walk import Change, Form, Shown, Step, Taken, Walk, tenant_of_path

_PURPOSE = "sign-in elsewhere"
_RANDOM_BYTES = 32
_ERRORS = one_of(
    (
        "access_denied", "account_selection_required", "consent_required", "interaction_required", "invalid_request",
        "invalid_scope", "login_required", "server_error", "temporarily_unavailable", "unauthorized_client",
        "unsupported_response_type",
    )
)  # fmt: skip
"""What a provider may say went wrong (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6)."""


class Away(msgspec.Struct, array_like=True, frozen=True):
    """A walk while the person is at a provider."""

    walk: Walk
    provider: str
    nonce: str
    verifier: str
    begun: int
    max_age: int | None


# ---- which provider --------------------------------------------------------------------------------------------------


def offered(call: Call, walk: Walk) -> Sequence[IdentityProvider]:
    """List the providers that a person may choose: those of the path's tenant."""
    tenant = tenant_of_path(call, walk.path)
    return providers_of(call.world.view, tenant.id) if tenant is not None and _leads_elsewhere(call, walk) else ()


def chosen(call: Call, walk: Walk, provider: str | None) -> str:
    """
    Take a person's choice.

    Raises:
        Invalid: AADSTS50107, it is not one that was offered.
    """
    if provider not in {one.id for one in offered(call, walk)}:
        raise refuse(50107, reason="not a provider of the tenant, or disabled")
    return str(provider)


def by_name(call: Call, walk: Walk, user_name: str) -> str:
    """Find the provider that a user's name belongs to; empty if there is none, or it is not of the path's tenant."""
    tenant = tenant_of_path(call, walk.path)
    found = provider_of_name(call.world.view, user_name) if _leads_elsewhere(call, walk) else None
    return found.id if found is not None and (tenant is None or tenant.id == found.tenant) else ""


def knows_names(call: Call, walk: Walk) -> bool:
    """Tell whether a name alone may say where its user signs in."""
    if not _leads_elsewhere(call, walk):
        return False
    if tenant_of_path(call, walk.path) is None:
        return any(one.enabled and one.domains for one in call.world.view.all(IdentityProvider))
    return any(one.domains for one in offered(call, walk))


def provider_of(call: Call, walk: Walk) -> str:
    """Find the provider that a person signed in at; empty if it was here."""
    signed_in = walk.the_shown
    if FEDERATED not in signed_in.amr:
        return ""
    link = call.world.view.get(IdentityLink, tenant_partition(signed_in.tenant), signed_in.credential)
    # A link that this walk makes is not durable yet.
    return link.provider if link is not None else walk.provider


def _leads_elsewhere(call: Call, walk: Walk) -> bool:
    """
    Tell whether anybody is sent elsewhere from here.

    The way back leads to the instance's own name, where a cookie of another name does not. And who wants to choose a
    new password has to show the old one.
    """
    return walk.goal != NEW_PASSWORD and call.the_site.netloc == call.world.hosts.netloc(Surface.LOGIN)


def _find(call: Call, provider: str) -> IdentityProvider:
    for one in call.world.view.all(IdentityProvider):
        if one.id == provider and one.enabled:
            return one
    raise refuse(50107, reason="identity provider is gone or disabled")


# ---- there -----------------------------------------------------------------------------------------------------------


def _is_due(call: Call, walk: Walk) -> bool:
    return walk.shown is None and bool(walk.provider) and _leads_elsewhere(call, walk)


async def _leave(call: Call, walk: Walk) -> Response:
    """
    Send the browser to the provider.

    Raises:
        Unavailable, Invalid: AADSTS40010, 40008, where it is cannot be found out; 50107, it is gone or disabled;
            9002313, there is too much to carry.
    """
    world, provider = call.world, _find(call, walk.provider)
    metadata = await read_metadata(world.documents, provider)
    nonce, verifier = (_random(call) for _ in range(2))
    away = Away(walk, provider.id, nonce, verifier, call.now, _max_age(walk))
    state = seal(world.keys, _PURPOSE, away)
    if len(state) > limits.SIGN_IN_ELSEWHERE_CHARS:
        raise refuse(9002313, reason="request is too long to be carried to an identity provider")
    place = authorization_url(provider, metadata, _departure(call, provider, away, state))
    call.properties.update(tenantId=provider.tenant, identityProviderId=provider.id)
    if call.request.method == "GET":
        headers = [(b"location", place.encode("ascii")), (b"cache-control", b"no-store")]
        return Response(302, headers=headers, content_type=None)
    # A browser holds a redirect after a form to the page's `form-action`, which is not to name half the world.
    return pages.answer(call, "elsewhere", place=place, provider=provider.display_name)


def _random(call: Call) -> str:
    return urlsafe_b64encode(call.world.entropy(_RANDOM_BYTES)).rstrip(b"=").decode("ascii")


def _max_age(walk: Walk) -> int | None:
    """Say how fresh a sign-in has to be: as the client wants it, and anew for whatever is no client."""
    request = walk.authorization
    if walk.fresh or request is None or request.prompt is Prompt.LOGIN:
        return 0
    return request.max_age


def _departure(call: Call, provider: IdentityProvider, away: Away, state: str) -> Departure:
    hint = away.walk.hint
    return Departure(
        redirect_uri(call.world.hosts, provider),
        state,
        away.nonce,
        away.verifier,
        away.begun,
        # Others' names are not the provider's business.
        hint if hint.rpartition("@")[2].lower() in provider.domains else "",
        away.max_age,
    )


async def _take(_call: Call, walk: Walk, _form: Form) -> Taken:
    """Go there: there is no page of ours whose form could say anything."""
    return Taken(walk)


PROVIDER = Step("provider", _is_due, lambda _call, _walk: {}, _take, leave=_leave)


# ---- and back --------------------------------------------------------------------------------------------------------


def carried_back(call: Call) -> Away:
    """
    Read what came back in `state`.

    Raises:
        Invalid: AADSTS9002313, it is none of ours, another browser's, another tenant's, or came too late; 50107, the
            provider is gone.
    """
    away = unseal(call.world.keys, _PURPOSE, Away, call.query.get("state", ""))
    if away is None:
        raise refuse(9002313, reason="not a state of this instance")
    if not compare_digest(digest_of_secret(call), away.walk.browser):
        raise refuse(9002313, reason="state of another browser")
    if min(away.walk.expires, away.begun + limits.SIGN_IN_ELSEWHERE_S) <= call.now:
        raise refuse(9002313, reason="came back too late")
    provider = _find(call, away.provider)
    if provider.tenant != call.params["tenant"] or not _leads_elsewhere(call, away.walk):
        raise refuse(9002313, reason="state of another tenant or name")
    call.properties.update(tenantId=provider.tenant, identityProviderId=provider.id)
    return away


async def take_back(call: Call, away: Away) -> Taken:
    """
    Redeem what the provider sent, and go on as whom it vouches for.

    Raises:
        Invalid: AADSTS65004, the person or the provider said no; 40015, it did not sign anybody in; 50027, 40008, what
            it says does not hold; 50020, whom it says is nobody here; 50057, the account is disabled.
        Unavailable: AADSTS40010, it does not answer.
    """
    world, provider = call.world, _find(call, away.provider)
    metadata = await read_metadata(world.documents, provider)
    issuer = call.query.get("iss")
    if issuer != provider.issuer and (issuer is not None or metadata.names_itself):
        # RFC 9207: another provider's answer, which somebody wants to be taken for this one's.
        raise refuse(50027, reason="answer of another issuer")
    error, code = call.query.get("error"), call.query.get("code")
    if error is not None:
        number = 65004 if error == "access_denied" else 40015
        raise refuse(number, reason=f"identity provider says {shown(error, _ERRORS)}")
    if not code:
        raise refuse(40015, reason="identity provider gave no code")
    person = await redeem(
        world.documents,
        provider,
        metadata,
        _departure(call, provider, away, ""),
        code=code,
        secret=secret_of(world.keys, provider),
        now=call.now,
    )
    call.proved = True
    call.properties["externalSubject"] = person.subject
    return _signed_in(call, away.walk, provider, person)


def _signed_in(call: Call, walk: Walk, provider: IdentityProvider, person: ProvedPerson) -> Taken:
    """Find who a provider's subject is here; a link is made only by a claim that the operator trusts for that."""
    view = call.world.view
    link = view.identity_link(provider.id, person.subject)
    changes: tuple[Change, ...] = ()
    if link is not None:
        user = view.principal(provider.tenant, link.user)
    else:
        user = view.user_by_upn(person.name) if person.name is not None else None
    if not isinstance(user, User) or user.tenant != provider.tenant:
        raise refuse(50020, tenant=provider.tenant, reason="subject of the identity provider is linked to nobody")
    call.properties["userId"] = user.id
    if link is not None:
        call.properties["credentialId"] = link.id
    if not user.enabled:
        raise refuse(50057, reason="user is disabled")
    if link is None:
        if any(one.user == user.id for one in links_of(view, provider)):
            raise refuse(50020, tenant=provider.tenant, reason="user is linked to another subject of the provider")
        link = made = make_link(provider, user, person.subject, now=call.now, entropy=call.world.entropy)
        changes = (lambda tx: add_link_at_sign_in(tx, made),)
    call.properties["credentialId"] = link.id
    # A sign-in of which the provider does not say when it was counts as older than anything demands.
    authenticated = 0 if person.authenticated is None else person.authenticated
    if authenticated < user.sessions_valid_from and not walk.fresh:
        # The user was signed out of everything since: the provider is asked again, to sign the person in anew.
        return Taken(walk.having(fresh=True), changes)
    shown_there = Shown(provider.tenant, user.id, link.id, (FEDERATED,), authenticated)
    return Taken(walk.having(shown=shown_there), changes)
