"""
A tenant's attestation authorities, their keys, and the key that what is released is signed with.

    add --> the authority counts, and the tenant has a key to sign with      remove --> it counts no longer
    revoke --> another key signs from now on, and the one that did is to be accepted no more
    a release --> the authority's key by its kid: one that was given, or one that it publishes now

An authority publishes metadata at `.well-known/openid-configuration` below its own URL, and its key set on the same
host: by that the host speaks for itself alone. Azure's authorities do not repeat their name in there; one that does
has to be right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from strongroom.core import release_limits as limits
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.federation import IssuerKey, is_issuer
from strongroom.core.outgoing import Destination, parse_destination
from strongroom.core.records import tenant_partition
from strongroom.core.release_authorities import (
    ReleaseAuthority,
    ReleaseSigningKey,
    authority_id,
    next_begins,
    revoked,
    shown_keys,
    signs_now,
)
from strongroom.core.strict_json import parse_object
from strongroom.crypto.context import bind
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.signing_keys import new_signing_key
from strongroom.egress import Documents, Unreachable
from strongroom.store import Transaction

_PURPOSE = "release signing key"
T = TypeVar("T")
_DISCOVERY = "/.well-known/openid-configuration"


class KeysNotFound(Exception):
    """An authority's keys cannot be had now; the text is for the journal, and repeats nothing."""


def make_release_signing_key(keys: RootKey, tenant: str, now: int, signs_from: int = 0) -> ReleaseSigningKey:
    """Make a key, sealed, that signs at once or from a time on. Takes 30 ms and more: not for the event loop."""
    made = new_signing_key(tenant, now, "Strongroom key release")
    sealed = keys.seal(_PURPOSE, bind(tenant, made.kid), made.private_key)
    return ReleaseSigningKey(made.kid, tenant, now, made.certificate, sealed, signs_from)


async def roll_over(tx: Transaction, tenant: str, made: ReleaseSigningKey | None, now: int) -> int:
    """
    Show the key that was *made* because one is to follow, and remove those that nobody is to accept any more.

    One that another node has made meanwhile makes it needless. Gives the number of keys that came and went.
    """
    present = await tx.records(ReleaseSigningKey, tenant_partition(tenant))
    shown = set(shown_keys(present, now))
    gone = [key for key in present if key not in shown]
    for key in gone:
        await tx.remove(key)
    if made is None or next_begins(present, now) is None:
        return len(gone)
    await tx.put(made)
    return len(gone) + 1


async def revoke_signing_key(tx: Transaction, tenant: str, made: ReleaseSigningKey, now: int) -> ReleaseSigningKey:
    """
    End the key that a tenant's releases are signed with; the next one signs from now on, or *made* if there is none.

    Raises:
        NotFound: the tenant has none.
    """
    present = await tx.records(ReleaseSigningKey, tenant_partition(tenant))
    if not present:
        raise NotFound("The tenant has no key that releases are signed with: it gets one with its first authority.")
    ended, successor = revoked(present, now)
    for key in ended:
        await tx.remove(key)
    successor = successor or made
    await tx.put(successor)
    return successor


def open_release_signing_key(keys: RootKey, key: ReleaseSigningKey) -> bytes:
    """
    Open a key's private half (PKCS#8 DER), for the one who signs with it.

    Raises:
        Unsealable: it was sealed for another tenant or key, or altered.
    """
    return keys.open(_PURPOSE, bind(key.tenant, key.id), key.sealed_private_key)


async def add_authority(
    tx: Transaction, tenant: str, authority: str, keys: tuple[IssuerKey, ...], signing: ReleaseSigningKey, now: int
) -> tuple[ReleaseAuthority, ReleaseSigningKey]:
    """
    Let an authority count, by *keys* or else by those that it publishes; in the place of what was said before.

    *signing* becomes the tenant's signing key if it has none. Gives the authority and the signing key there is.

    Raises:
        Invalid: it is no authority, or there are as many as there may be.
    """
    if not is_issuer(authority):
        raise Invalid("An authority is an https URL of at most 600 characters, without user, query and fragment.")
    made = ReleaseAuthority(authority_id(authority), tenant, now, keys)
    known = await tx.records(ReleaseAuthority, tenant_partition(tenant))
    if len(known) >= limits.RELEASE_AUTHORITIES and made.id not in {one.id for one in known}:
        raise Invalid(f"A tenant has at most {limits.RELEASE_AUTHORITIES} attestation authorities. Remove one first.")
    await tx.put(made)
    present = await tx.records(ReleaseSigningKey, tenant_partition(tenant))
    if not present:
        await tx.put(signing)
    return made, signs_now(present, now) or signing


async def remove_authority(tx: Transaction, tenant: str, authority: str) -> None:
    """
    Let an authority count no longer.

    Raises:
        NotFound: the tenant has no such authority.
    """
    known = await tx.record(ReleaseAuthority, tenant_partition(tenant), authority_id(authority))
    if known is None:
        raise NotFound("The tenant has no such attestation authority.")
    await tx.remove(known)


async def find_authority_key(documents: Documents, authority: ReleaseAuthority, kid: str) -> IssuerKey | None:
    """
    Find an authority's key by its `kid`, or None.

    Raises:
        KeysNotFound: the keys are the authority's to publish and cannot be had now.
    """
    if authority.keys:
        return _named(authority.keys, kid)
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto.attestation import parse_authority_keys  # noqa: PLC0415
    from strongroom.crypto.jwk import BadKeySet  # noqa: PLC0415

    try:
        place = await _read(documents, authority.id + _DISCOVERY, lambda document: _key_set_place(document, authority))
        found = _named(await _read(documents, place, parse_authority_keys), kid)
        if found is None:
            found = _named(parse_authority_keys(await documents.fetch(place, again=True)), kid)
    except (BadKeySet, Unreachable, ValueError) as fault:
        raise KeysNotFound(str(fault)) from None
    return found


async def _read(documents: Documents, url: str, read: Callable[[bytes], T]) -> T:
    """Read a document, and once more anew if what is kept of it cannot be read: it may be mended by now."""
    from strongroom.crypto.jwk import BadKeySet  # noqa: PLC0415  see find_authority_key

    try:
        return read(await documents.fetch(url))
    except (BadKeySet, ValueError):
        return read(await documents.fetch(url, again=True))


def _named(keys: tuple[IssuerKey, ...], kid: str) -> IssuerKey | None:
    return next((key for key in keys if key.kid == kid), None)


def _key_set_place(document: bytes, authority: ReleaseAuthority) -> str:
    """Read where the key set is; the sentence of a `ValueError` repeats nothing of the document."""
    try:
        members = parse_object(document)
    except (TypeError, ValueError):
        raise ValueError("its metadata is no JSON object") from None
    issuer, place = members.get("issuer", authority.id), members.get("jwks_uri")
    if not isinstance(issuer, str) or authority_id(issuer) != authority.id:
        raise ValueError("its metadata is another authority's")
    if not isinstance(place, str) or _host(parse_destination(place)) != _host(parse_destination(authority.id)):
        raise ValueError("its metadata names no key set on its own host")
    return place


def _host(destination: Destination) -> tuple[str, int]:
    return destination.host.lower(), destination.port
