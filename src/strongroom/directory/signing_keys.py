"""
Signing keys: one set for each tenant, rolled over on a schedule and revoked at once in an emergency.

    created ----------- signs_from ----------- signs_until ----------- trusted_until
       published: clients and caches learn it      |    its last tokens run out   |  removed at the next roll-over
                          |---- signs tokens ------|

There is always one key that signs and one that will sign next, both published, so that no verifier meets a `kid` that
it could not have known. The next one can take over early. Emergency revocation moves `signs_until` and `trusted_until`
to the present: what overlaps in a roll-over does not in a revocation (security.md "Tokens and sign-in").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from strongroom.core import limits
from strongroom.core.errors import Conflict, NotFound
from strongroom.core.identity import SigningKey
from strongroom.core.records import tenant_partition
from strongroom.crypto import signing_keys as crypto
from strongroom.crypto.context import bind
from strongroom.crypto.protocol import RootKey
from strongroom.store import Transaction

if TYPE_CHECKING:
    from strongroom.crypto.jws import VerificationKey

_PURPOSE = "signing key"


class NoSigningKey(Exception):
    """A tenant has no key that signs now. It is a fault of the instance: a roll-over is overdue."""


@dataclass(frozen=True, slots=True)
class Term:
    """The time in which a key that is wanted is to sign."""

    signs_from: int
    signs_until: int


def due(keys: Iterable[SigningKey], now: int) -> tuple[Term, ...]:
    """
    Say which keys a tenant lacks now: none, the next one, or this one and the next.

    Terms join on to the last there is, so the schedule does not drift with the hour at which it is looked after.
    """
    lasting = [key for key in keys if key.signs_until > now]
    ahead = [key for key in lasting if key.signs_from > now]
    end = max((key.signs_until for key in lasting), default=now)
    terms: list[Term] = []
    if len(ahead) == len(lasting):
        until = min((key.signs_from for key in ahead), default=now + limits.SIGNING_KEY_SIGNS_S)
        terms.append(Term(now, until))
        end = max(end, until)
    if not ahead:
        terms.append(Term(end, end + limits.SIGNING_KEY_SIGNS_S))
    return tuple(terms)


def make_signing_key(keys: RootKey, tenant: str, term: Term, now: int) -> SigningKey:
    """Make a key for a term, sealed; `roll_over` publishes it. Takes 30 ms and more: not for the event loop."""
    made = crypto.new_signing_key(tenant, now)
    return SigningKey(
        id=made.kid,
        tenant=tenant,
        created=now,
        signs_from=term.signs_from,
        signs_until=term.signs_until,
        trusted_until=term.signs_until + limits.SIGNING_KEY_LINGERS_S,
        certificate=made.certificate,
        sealed_private_key=keys.seal(_PURPOSE, bind(tenant, made.kid), made.private_key),
    )


def open_private_key(keys: RootKey, key: SigningKey) -> bytes:
    """
    Open a key's private half (PKCS#8 DER), for the one who signs with it.

    Raises:
        Unsealable: it was sealed for another tenant or key, or altered.
    """
    return keys.open(_PURPOSE, bind(key.tenant, key.id), key.sealed_private_key)


async def roll_over(tx: Transaction, tenant: str, made: Sequence[SigningKey], now: int) -> tuple[SigningKey, ...]:
    """
    Publish the keys that were *made* for the terms that were `due`, and remove those nobody trusts any more.

    A term that another node has filled meanwhile is left out. Returns the keys that were published.
    """
    present = await tx.records(SigningKey, tenant_partition(tenant))
    for key in present:
        if key.trusted_until <= now:
            await tx.remove(key)
    wanted = {term.signs_from for term in due(present, now)}
    published = []
    for key in made:
        # The first term begins when it is found missing, so two finders give it two beginnings.
        if key.signs_from in wanted or (key.signs_from <= now and any(start <= now for start in wanted)):
            await tx.put(key)
            published.append(key)
    return tuple(published)


def without(keys: Iterable[SigningKey], kid: str, now: int) -> tuple[SigningKey, ...]:
    """Say what is left when a key is revoked: the others, of which the next signs from now if none does already."""
    others = [key for key in keys if key.id != kid]
    lasting = [key for key in others if key.signs_until > now]
    if not lasting or any(key.signs_from <= now for key in lasting):
        return tuple(others)
    successor = min(lasting, key=_term)
    return tuple(_from_now(key, now) if key is successor else key for key in others)


def handed_over(keys: Iterable[SigningKey], now: int) -> tuple[SigningKey, ...]:
    """
    Say what the keys are once the next one signs instead of the present one, which stays trusted for its last tokens.

    Raises:
        Conflict: there is no next one yet.
    """
    held = tuple(keys)
    ahead = [key for key in held if key.signs_from > now]
    if not ahead:
        raise Conflict("There is no next signing key yet. One is made within the hour.")
    successor = min(ahead, key=_term)
    return tuple(
        _from_now(key, now) if key is successor else _retired(key, now) if key.signs_from <= now else key
        for key in held
    )


async def hand_over(tx: Transaction, tenant: str, now: int) -> None:
    """
    Let the next key sign from now on instead of the present one; what the present one signed stays good.

    Raises:
        Conflict: there is no next one yet.
    """
    present = await tx.records(SigningKey, tenant_partition(tenant))
    for key in handed_over(present, now):
        if key not in present:
            await tx.put(key)


def _from_now(key: SigningKey, now: int) -> SigningKey:
    """Let a key sign from now, for one term at most: taking over early makes no key last longer."""
    until = min(key.signs_until, now + limits.SIGNING_KEY_SIGNS_S)
    return replace(key, signs_from=now, signs_until=until, trusted_until=until + limits.SIGNING_KEY_LINGERS_S)


def _retired(key: SigningKey, now: int) -> SigningKey:
    """Let a key sign no more, and be trusted until the last token it may have signed has ended."""
    until = min(key.signs_until, now)
    return replace(key, signs_until=until, trusted_until=min(key.trusted_until, until + limits.SIGNING_KEY_LINGERS_S))


async def revoke(tx: Transaction, tenant: str, kid: str, now: int) -> None:
    """
    End a key at once, and every token it signed; the next key, already published, signs from now.

    Raises:
        NotFound: the tenant has no such key.
    """
    present = await tx.records(SigningKey, tenant_partition(tenant))
    revoked = next((key for key in present if key.id == kid), None)
    if revoked is None:
        raise NotFound("There is no such signing key.")
    ended = replace(revoked, signs_until=min(now, revoked.signs_until), trusted_until=min(now, revoked.trusted_until))
    for key in (ended, *without(present, kid, now)):
        if key not in present:
            await tx.put(key)


def published(keys: Iterable[SigningKey], now: int) -> tuple[SigningKey, ...]:
    """Choose what a key set shows: every key that is trusted now, the earliest to sign first."""
    return tuple(sorted((key for key in keys if key.is_trusted(now)), key=_term))


def verification_keys(keys: Iterable[SigningKey], now: int) -> dict[str, VerificationKey]:
    """Give what verifies a tenant's signatures now, by `kid`."""
    # The library takes a quarter of a second to import, which a start-up must not wait for.
    from strongroom.crypto.jws import verification_key  # noqa: PLC0415

    return {key.id: verification_key(key.certificate) for key in keys if key.is_trusted(now)}


def signs_now(keys: Iterable[SigningKey], now: int) -> SigningKey:
    """
    Choose the key that signs now; of several, the one that began last.

    Raises:
        NoSigningKey: none does.
    """
    signing = [key for key in keys if key.signs_from <= now < min(key.signs_until, key.trusted_until)]
    if not signing:
        raise NoSigningKey
    return max(signing, key=_term)


def _term(key: SigningKey) -> tuple[int, str]:
    return key.signs_from, key.id
