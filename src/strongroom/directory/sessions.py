"""
Token families: begun, refreshed and ended (see `core.sessions`).

A refresh token is the family's name and generation, sealed: nobody can make one, and the store holds none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from strongroom.core.aadsts import refuse
from strongroom.core.identity import Credential, User
from strongroom.core.limits import REFRESH_GRACE_S
from strongroom.core.records import tenant_partition
from strongroom.core.sessions import TokenFamily
from strongroom.crypto.handles import open_handle, seal_handle
from strongroom.crypto.protocol import RootKey, Unsealable
from strongroom.directory.second_factors import find_factor
from strongroom.store import Transaction
from strongroom.view import View
from strongroom.view.standing import family_stands, has_credential

_PURPOSE = "refresh token"
_PREFIX = "1."
_FORMAT = b"1"


class _Sealed(msgspec.Struct, array_like=True, frozen=True):
    tenant: str
    family: str
    generation: int


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a refresh token says: which family, and how far it had come."""

    tenant: str
    family: str
    generation: int


def make_refresh_token(keys: RootKey, family: TokenFamily) -> str:
    """Make the refresh token of a family's present generation."""
    content = msgspec.msgpack.encode(_Sealed(family.tenant, family.id, family.generation))
    return _PREFIX + seal_handle(keys, _PURPOSE, _FORMAT, content)


def read_refresh_token(keys: RootKey, text: str) -> RefreshToken:
    """
    Read a refresh token.

    Raises:
        Invalid: AADSTS70000, it is none of this instance's; what is wrong with it is not said.
    """
    handle = text.removeprefix(_PREFIX) if text.startswith(_PREFIX) else ""
    try:
        sealed = msgspec.msgpack.decode(open_handle(keys, _PURPOSE, _FORMAT, handle), type=_Sealed)
    except (Unsealable, msgspec.DecodeError):
        raise refuse(70000, parameter="refresh_token", reason="not a refresh token of this instance") from None
    return RefreshToken(sealed.tenant, sealed.family, sealed.generation)


def family_of(view: View, tenant: str, family: str) -> TokenFamily | None:
    """Find a family that goes on: one whose user and client still have what they showed (`view.standing`)."""
    found = view.get(TokenFamily, tenant_partition(tenant), family)
    return found if found is not None and family_stands(view, found) else None


def expired_families(view: View, now: int) -> list[TokenFamily]:
    """
    List the families that are over, by their time or because their user's credential is gone.

    One that has expired is kept while another goes on that was begun on behalf of its user: with it that one would end.
    """
    every = {(one.tenant, one.id): one for one in view.all(TokenFamily)}
    kept = {place for place, one in every.items() if one.expires > now and has_credential(view, one)}
    for place in tuple(kept):
        parent = every[place].parent
        while parent is not None and (place[0], parent) in every and (place[0], parent) not in kept:
            kept.add((place[0], parent))
            parent = every[place[0], parent].parent
    return [one for place, one in every.items() if place not in kept]


async def begin_family(tx: Transaction, family: TokenFamily) -> bool:
    """
    Begin a family; False if it was begun before, by the same authorization code, and then it is ended.

    Raises:
        Invalid: AADSTS50173, the user, the credential or the family that this one hangs on went away meanwhile.
    """
    partition = family.partition
    begun = await tx.record(TokenFamily, partition, family.id)
    if begun is not None:
        await tx.put(replace(begun, ended=True))
        return False
    user = await tx.record(User, partition, family.user)
    if user is None or not user.enabled or await tx.record(Credential, partition, family.credential) is None:
        raise refuse(50173, reason="user or credential went away meanwhile")
    if family.factor is not None and await find_factor(tx, user, family.factor) is None:
        raise refuse(50173, reason="second factor went away meanwhile")
    if family.parent is not None:
        parent = await tx.record(TokenFamily, partition, family.parent)
        if parent is None or parent.ended:
            raise refuse(50173, reason="parent family was ended meanwhile")
    if family.authenticated < user.sessions_valid_from:
        raise refuse(50173, reason="the user's sessions were revoked since the sign-in")
    await tx.put(family)
    return True


async def refresh_family(
    tx: Transaction, token: RefreshToken, *, app_id: str, client_credential: str | None, expires: int, now: int
) -> TokenFamily | None:
    """
    Take a family one generation further; None if the token was used before, and then the family is ended.

    The token before the newest is good for a moment longer, since programs of one person share a cache of tokens and
    refresh at the same time. It leads to the same generation, so no second line of tokens begins.

    *client_credential* is what the client proves itself by this time.

    Raises:
        Invalid: AADSTS50173, the family was ended; 700082, it has expired, or 700084, as a page's does; 70000, it is
            another client's.
    """
    found = await tx.record(TokenFamily, tenant_partition(token.tenant), token.family)
    if found is None or found.ended:
        raise refuse(50173, reason="token family was ended")
    if found.app_id != app_id:
        raise refuse(70000, parameter="refresh_token", reason="refresh token of another client")
    if found.until is not None and found.until <= now:
        raise refuse(700084, reason="refresh token of a page has expired")
    if found.expires <= now:
        raise refuse(700082, reason="refresh token has expired")
    user = await tx.record(User, found.partition, found.user)
    if user is None or found.authenticated < user.sessions_valid_from:
        raise refuse(50173, reason="the user is gone, or was signed out of everything")
    if token.generation == found.generation:
        refreshed = replace(
            found,
            generation=found.generation + 1,
            refreshed=now,
            expires=expires,
            client_credential=client_credential,
        )
        await tx.put(refreshed)
        return refreshed
    if token.generation == found.generation - 1 and now - found.refreshed <= REFRESH_GRACE_S:
        return found
    await tx.put(replace(found, ended=True))
    return None


async def end_families(tx: Transaction, families: Iterable[TokenFamily]) -> None:
    """End families with every token of them; one that was refreshed since it was looked at goes on."""
    for family in families:
        if await tx.record(TokenFamily, family.partition, family.id) == family:
            await tx.remove(family)
