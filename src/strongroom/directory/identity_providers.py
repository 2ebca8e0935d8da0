"""
Identity providers of a tenant, and the links between their subjects and users.

    add --> the provider, with its secret sealed        remove --> it is gone with every link of it
    link, or a first sign-in whose claim is trusted --> the link, and a LINK credential of the user, which has no secret
    unlink, or the user is removed for good --> both are gone, and every session and token that rests on them ends
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strongroom.core import limits
from strongroom.core.aadsts import refuse
from strongroom.core.errors import Conflict, NameTaken, NotFound
from strongroom.core.guids import new_guid
from strongroom.core.identity import Credential, CredentialKind, Tenant, User, stand_in
from strongroom.core.identity_providers import (
    IdentityLink,
    IdentityProvider,
    WantedProvider,
    judge_provider,
    judge_subject,
)
from strongroom.core.records import tenant_partition
from strongroom.crypto.protocol import RootKey
from strongroom.directory.principals import require_user
from strongroom.store import Transaction
from strongroom.view import View

Entropy = Callable[[int], bytes]
_PURPOSE = "identity provider secret"


def make_provider(
    keys: RootKey, tenant: Tenant, wanted: WantedProvider, *, now: int, entropy: Entropy
) -> IdentityProvider:
    """
    Make a provider of a tenant; `add_provider` makes it count.

    Raises:
        Invalid: see `judge_provider`.
    """
    judged, provider_id = judge_provider(wanted, tenant), new_guid(entropy)
    return IdentityProvider(
        id=provider_id,
        tenant=tenant.id,
        issuer=judged.issuer,
        client_id=judged.client_id,
        sealed_secret=keys.seal(_PURPOSE, _context(tenant.id, provider_id), judged.client_secret.encode("ascii")),
        display_name=judged.display_name,
        created=now,
        scopes=judged.scopes,
        domains=judged.domains,
        trusted_claim=judged.trusted_claim,
    )


def secret_of(keys: RootKey, provider: IdentityProvider) -> str:
    """Open the secret that this service shows the provider."""
    context = _context(provider.tenant, provider.id)
    return keys.open(_PURPOSE, context, provider.sealed_secret).decode("ascii")


def _context(tenant: str, provider: str) -> bytes:
    return f"{tenant}/{provider}".encode("ascii")


async def add_provider(tx: Transaction, made: IdentityProvider) -> None:
    """
    Let a provider count.

    Raises:
        Conflict: the tenant has one of that issuer or for that domain, or as many as it may.
    """
    known = await tx.records(IdentityProvider, made.partition)
    if len(known) >= limits.IDENTITY_PROVIDERS:
        raise Conflict(f"A tenant has at most {limits.IDENTITY_PROVIDERS} identity providers. Remove one first.")
    try:
        await tx.put(made)
    except NameTaken:
        raise Conflict("Another identity provider has this issuer, or one of these domains.") from None


async def enable_provider(tx: Transaction, provider: IdentityProvider, *, enabled: bool) -> IdentityProvider:
    """
    Send people to a provider again, or no more. Whoever is signed in by it stays so.

    Raises:
        NotFound: it is gone.
    """
    changed = replace(await _require(tx, provider), enabled=enabled)
    await tx.put(changed)
    return changed


async def remove_provider(tx: Transaction, provider: IdentityProvider) -> int:
    """
    Remove a provider with its links, and end every session and token that came of them; the number of links.

    Raises:
        NotFound: it is gone.
    """
    await tx.remove(await _require(tx, provider))
    links = [one for one in await tx.records(IdentityLink, provider.partition) if one.provider == provider.id]
    for link in links:
        await _remove_link(tx, link)
    return len(links)


async def _require(tx: Transaction, provider: IdentityProvider) -> IdentityProvider:
    found = await tx.record(IdentityProvider, provider.partition, provider.id)
    if found is None:
        raise no_such_provider()
    return found


def no_such_provider() -> NotFound:
    """Say that there is no such provider."""
    return NotFound("There is no such identity provider.")


# ---- links -----------------------------------------------------------------------------------------------------------


def make_link(provider: IdentityProvider, user: User, subject: str, *, now: int, entropy: Entropy) -> IdentityLink:
    """
    Make a link between a provider's subject and a user; `add_link` makes it count.

    Raises:
        Invalid: it is no subject.
    """
    return IdentityLink(new_guid(entropy), provider.tenant, provider.id, judge_subject(subject), user.id, now)


async def add_link(tx: Transaction, made: IdentityLink) -> None:
    """
    Let a link count: whoever is that subject is that user from now on.

    Raises:
        Conflict: the subject is somebody here already, or the user another subject.
        NotFound: the provider or the user is gone.
    """
    if await tx.record(IdentityProvider, made.partition, made.provider) is None:
        raise no_such_provider()
    user = await require_user(tx, made.tenant, made.user)
    try:
        await tx.put(made)
    except NameTaken:
        raise Conflict("This subject is linked to a user already, or this user to a subject of the provider.") from None
    await tx.put(stand_in(CredentialKind.LINK, made.id, tenant=made.tenant, owner=user.id, created=made.created))


async def add_link_at_sign_in(tx: Transaction, made: IdentityLink) -> None:
    """
    Let a link count that a trusted claim says, at a first sign-in.

    Raises:
        Invalid: AADSTS50020, it cannot be: the user is gone or disabled, or is another subject of the provider.
    """
    user = await tx.record(User, made.partition, made.user)
    if user is None or not user.enabled:
        raise refuse(50020, tenant=made.tenant, reason="user went away meanwhile")
    try:
        await add_link(tx, made)
    except (Conflict, NotFound):
        raise refuse(50020, tenant=made.tenant, reason="subject and user cannot be linked") from None


async def remove_link(tx: Transaction, link: IdentityLink) -> None:
    """
    Remove a link, and end every session and token that came of it.

    Raises:
        NotFound: it is gone.
    """
    if await tx.record(IdentityLink, link.partition, link.id) is None:
        raise NotFound("There is no such link.")
    await _remove_link(tx, link)


async def remove_links_to(tx: Transaction, tenant: str, user: str) -> None:
    """Remove the links to a user that is removed for good; their credentials go with that."""
    for link in await tx.records_with(IdentityLink, tenant_partition(tenant), user):
        if link.user == user:
            await tx.remove(link)


async def _remove_link(tx: Transaction, link: IdentityLink) -> None:
    await tx.remove(link)
    credential = await tx.record(Credential, link.partition, link.id)
    if credential is not None:
        await tx.remove(credential)


# ---- questions -------------------------------------------------------------------------------------------------------


def providers_of(view: View, tenant: str) -> tuple[IdentityProvider, ...]:
    """List the providers of a tenant that people are sent to."""
    return tuple(one for one in view.all(IdentityProvider, tenant_partition(tenant)) if one.enabled)


def links_of(view: View, provider: IdentityProvider) -> list[IdentityLink]:
    """List the links of a provider."""
    return [one for one in view.all(IdentityLink, provider.partition) if one.provider == provider.id]


def provider_of_name(view: View, user_name: str) -> IdentityProvider | None:
    """
    Find the provider that the domain of a user's name belongs to (home-realm discovery).

    It goes by the domain alone, so it tells nobody who exists.
    """
    user, _, domain = user_name.lower().rpartition("@")
    tenant = view.tenant(domain) if user and "." in domain else None
    if tenant is None:
        return None
    return next((one for one in providers_of(view, tenant.id) if domain in one.domains), None)


def issuer_of(view: View, tenant: str, credential: str) -> str | None:
    """Give the issuer that vouched for a person, by the credential that stands for the link; None if none did."""
    partition = tenant_partition(tenant)
    link = view.get(IdentityLink, partition, credential)
    provider = view.get(IdentityProvider, partition, link.provider) if link is not None else None
    return provider.issuer if provider is not None else None
