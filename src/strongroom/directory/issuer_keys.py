"""
Keys of outside issuers: those that the operator gave, or those that the issuer publishes (OpenID Connect Discovery 4).

An issuer's document has to name the issuer to the letter, as RFC 8414 section 3.3 wants it, so that no host can speak
for another. A `kid` that is not known makes the key set be asked for again, as seldom as `egress` allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from strongroom.core.aadsts import refuse
from strongroom.core.federation import IssuerKey, TrustedIssuer
from strongroom.core.strict_json import parse_object
from strongroom.egress import Documents, Unreachable

_DISCOVERY = "/.well-known/openid-configuration"
T = TypeVar("T")


class BadMetadata(Exception):
    """An issuer's metadata is not what it has to be; the text is for the journal, and repeats nothing."""


async def find_issuer_key(documents: Documents, issuer: TrustedIssuer, kid: str) -> IssuerKey | None:
    """
    Find an issuer's key by its `kid`, or None.

    Raises:
        Unavailable: AADSTS90033, the keys are the issuer's to publish and cannot be had now.
    """
    if issuer.keys:
        return _named(issuer.keys, kid)
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto.jwk import BadKeySet, parse_key_set  # noqa: PLC0415

    try:
        metadata = await fetch_metadata(documents, issuer.id)
        place = text_of(metadata, "jwks_uri")
        found = _named(await read_document(documents, place, parse_key_set), kid)
        if found is None:
            found = _named(parse_key_set(await documents.fetch(place, again=True)), kid)
    except (BadKeySet, BadMetadata, Unreachable) as fault:
        raise refuse(90033, reason=f"keys of the issuer: {fault}") from None
    return found


async def fetch_metadata(documents: Documents, issuer: str) -> dict[str, object]:
    """
    Fetch an issuer's metadata, which name it to the letter.

    Raises:
        BadMetadata: it is another issuer's, or none.
        Unreachable: it cannot be had.
    """
    return await read_document(
        documents, issuer.removesuffix("/") + _DISCOVERY, lambda document: _metadata_of(document, issuer)
    )


async def read_document(documents: Documents, url: str, read: Callable[[bytes], T]) -> T:
    """Read a document, and once more anew if what is kept of it cannot be read: it may be mended by now."""
    from strongroom.crypto.jwk import BadKeySet  # noqa: PLC0415  see find_issuer_key

    try:
        return read(await documents.fetch(url))
    except (BadKeySet, BadMetadata):
        return read(await documents.fetch(url, again=True))


def _named(keys: tuple[IssuerKey, ...], kid: str) -> IssuerKey | None:
    return next((key for key in keys if key.kid == kid), None)


def text_of(metadata: dict[str, object], name: str) -> str:
    """
    Read a member that has to be there.

    Raises:
        BadMetadata: it is not, or is no text.
    """
    value = metadata.get(name)
    if not isinstance(value, str):
        raise BadMetadata(f"its metadata has no {name}")
    return value


def _metadata_of(document: bytes, issuer: str) -> dict[str, object]:
    try:
        members = parse_object(document)
    except (TypeError, ValueError):
        raise BadMetadata("its metadata is no JSON object") from None
    if members.get("issuer") != issuer or not isinstance(members.get("jwks_uri"), str):
        raise BadMetadata("its metadata is another issuer's, or names no key set")
    return members
