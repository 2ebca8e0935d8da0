"""The operator's hold on identity providers: where a tenant's users may sign in, and who is who there."""

from __future__ import annotations

from strongroom.control import wire
from strongroom.control.link import require_control
from strongroom.control.tenants import require_tenant
from strongroom.core.errors import NotFound
from strongroom.core.identity import User
from strongroom.core.identity_providers import IdentityLink, IdentityProvider, WantedProvider
from strongroom.directory import identity_providers
from strongroom.directory.provider_sign_in import redirect_uri
from strongroom.flow.call import Call
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.store import Transaction


async def list_identity_providers(call: Call) -> Response:
    """List every identity provider of every tenant. By default there is none."""
    require_control(call)
    found = call.world.view.all(IdentityProvider)
    return json.response(wire.IdentityProviderList([_show(call.world, one) for one in found]))


async def add_identity_provider(call: Call) -> Response:
    """Let a tenant's users sign in at another OpenID provider, which nobody asks anything until somebody signs in."""
    require_control(call)
    body = await call.body(wire.IdentityProviderBody)
    world = call.world
    wanted = WantedProvider(
        issuer=body.issuer,
        client_id=body.client_id,
        client_secret=body.client_secret,
        display_name=body.display_name,
        scopes=tuple(body.scopes),
        domains=tuple(body.domains),
        trusted_claim=body.trusted_claim,
    )
    tenant = require_tenant(world.view, body.tenant)
    made = identity_providers.make_provider(world.keys, tenant, wanted, now=call.now, entropy=world.entropy)
    _note(call, made)
    await call.commit(lambda tx: identity_providers.add_provider(tx, made))
    return json.response(_show(world, made), status=201)


async def change_identity_provider(call: Call) -> Response:
    """Send people to a provider again, or no more. Whoever is signed in by it stays so."""
    require_control(call)
    found = _require(call)
    body = await call.body(wire.IdentityProviderChangeBody)
    changed = await call.commit(lambda tx: identity_providers.enable_provider(tx, found, enabled=body.enabled))
    return json.response(_show(call.world, changed))


async def remove_identity_provider(call: Call) -> Response:
    """Remove a provider with its links: every session and token that came of it is refused from now on."""
    require_control(call)
    found = _require(call)
    await call.commit(lambda tx: identity_providers.remove_provider(tx, found), lambda count: {"count": count})
    return Response(204, content_type=None)


async def list_identity_links(call: Call) -> Response:
    """List who is who at a provider."""
    require_control(call)
    found = identity_providers.links_of(call.world.view, _require(call))
    return json.response(wire.IdentityLinkList([_show_link(call.world, one) for one in found]))


async def add_identity_link(call: Call) -> Response:
    """Say which user a subject of a provider is."""
    require_control(call)
    provider = _require(call)
    body = await call.body(wire.IdentityLinkBody)
    world = call.world
    user = world.view.user_by_upn(body.user)
    if user is None or user.tenant != provider.tenant:
        raise NotFound("The provider's tenant has no such user.")
    made = identity_providers.make_link(provider, user, body.subject, now=call.now, entropy=world.entropy)
    _note_link(call, made)
    await call.commit(lambda tx: identity_providers.add_link(tx, made))
    return json.response(_show_link(world, made), status=201)


async def remove_identity_link(call: Call) -> Response:
    """Remove a link: every session and token that came of it is refused from now on."""
    require_control(call)
    provider = _require(call)
    link = call.world.view.get(IdentityLink, provider.partition, call.params["link"])
    if link is None or link.provider != provider.id:
        raise NotFound("There is no such link.")
    _note_link(call, link)

    async def change(tx: Transaction) -> None:
        await identity_providers.remove_link(tx, link)

    await call.commit(change)
    return Response(204, content_type=None)


def _require(call: Call) -> IdentityProvider:
    for one in call.world.view.all(IdentityProvider):
        if one.id == call.params["provider"]:
            _note(call, one)
            return one
    raise identity_providers.no_such_provider()


def _note(call: Call, one: IdentityProvider) -> None:
    call.properties.update(identityProviderId=one.id, tenantId=one.tenant, issuer=one.issuer)


def _note_link(call: Call, one: IdentityLink) -> None:
    call.properties.update(credentialId=one.id, userId=one.user, externalSubject=one.subject)


def _show(world: World, one: IdentityProvider) -> wire.IdentityProviderEntry:
    return wire.IdentityProviderEntry(
        id=one.id,
        tenant_id=one.tenant,
        issuer=one.issuer,
        client_id=one.client_id,
        display_name=one.display_name,
        redirect_uri=redirect_uri(world.hosts, one),
        scopes=list(one.scopes),
        domains=list(one.domains),
        trusted_claim=one.trusted_claim,
        enabled=one.enabled,
        links=len(identity_providers.links_of(world.view, one)),
        created=one.created,
    )


def _show_link(world: World, one: IdentityLink) -> wire.IdentityLinkEntry:
    user = world.view.principal(one.tenant, one.user)
    name = user.user_principal_name if isinstance(user, User) else None
    return wire.IdentityLinkEntry(one.id, one.subject, one.user, name, one.created)
