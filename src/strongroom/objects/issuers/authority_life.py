"""
The life of a private CA: made, its issuing CA renewed, certificates revoked, their lists signed, forgotten, removed.

What signs is done first, and the commit that follows makes sure that nothing else was signed meanwhile: a list has a
number, and the next one has the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from strongroom.core import certificate_limits as limits
from strongroom.core.errors import Conflict, Failure, Invalid, NotFound
from strongroom.core.keys import KeySpec
from strongroom.core.private_authorities import (
    ISSUING_S,
    LIST_S,
    PROFILES,
    YEAR_S,
    AuthorityKey,
    IssuedCertificate,
    PrivateAuthority,
    Reason,
    RevocationList,
    parse_authority_name,
)
from strongroom.core.records import tenant_partition
from strongroom.crypto.forks import Forks
from strongroom.crypto.keys.protocol import MadeKey
from strongroom.objects.issuers.authority_keys import AuthorityKeys
from strongroom.objects.issuers.private_authority import BACKDATED_S
from strongroom.objects.keys import Unclaimed
from strongroom.store import Store, Transaction
from strongroom.view import View

Entropy = Callable[[int], bytes]

_logger = logging.getLogger("strongroom.private_authorities")
_FORGOTTEN_AT_ONCE = 200
"""Certificates that are forgotten in one change, which takes ten to twenty milliseconds."""


@dataclass(frozen=True, slots=True)
class NewAuthority:
    """What an operator says of a CA that is to be made."""

    tenant: str
    name: str
    spec: KeySpec
    years: int
    subject: str | None = None
    in_token: bool = False
    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keeper:
    """What whoever looks after private CAs needs."""

    store: Store
    view: View
    keys: AuthorityKeys
    entropy: Entropy
    url: str
    """Where what CAs publish is to be had; empty if nowhere."""
    forks: Forks


@dataclass(frozen=True, slots=True)
class MadeAuthority:
    """A CA with the first lists of its two keys."""

    authority: PrivateAuthority
    lists: tuple[RevocationList, ...]


# ---- made -----------------------------------------------------------------------------------------------------------


async def make_authority(keeper: Keeper, new: NewAuthority, unclaimed: Unclaimed, now: int) -> MadeAuthority:
    """
    Make a CA: the root's key and the issuing CA's, their certificates, and the first lists, of nothing.

    Raises:
        Invalid: the name or the subject is none, or such keys cannot be made.
        Unavailable, Throttled: see `KeyProtection`.
    """
    from strongroom.crypto.certificates.authority import (  # noqa: PLC0415  costly to import
        SERIAL_BYTES,
        Span,
        authority_subject,
        make_root,
    )

    name, span = parse_authority_name(new.name), Span(now - BACKDATED_S, now + new.years * YEAR_S)
    key, made = await keeper.keys.make(new.spec, new.tenant, f"{name} root", unclaimed, in_token=new.in_token)
    root = _sealed(keeper, new, key, made, b"", span.begins, span.ends)
    draft = PrivateAuthority(name.casefold(), new.tenant, name, now, root, (), new.domains, new.networks, new.profiles)
    signing = keeper.keys.issuer(draft, root, keeper.url).key
    subject = authority_subject(new.subject, f"{name} Root CA")
    certificate = await make_root(signing, subject, _serial(keeper.entropy, SERIAL_BYTES), span)
    draft = replace(draft, root=replace(root, certificate=certificate))
    authority = replace(draft, issuing=(await make_issuing_key(keeper, draft, new.subject, unclaimed, now),))
    lists = [await sign_list(keeper, authority, key, None, (), now) for key in (authority.root, authority.current)]
    return MadeAuthority(authority, tuple(lists))


async def make_issuing_key(
    keeper: Keeper, authority: PrivateAuthority, subject: str | None, unclaimed: Unclaimed, now: int
) -> AuthorityKey:
    """
    Make a key for issuing, with a certificate that the root signs. It does not outlive the root.

    Raises:
        Invalid, Unavailable, Throttled: see `make_authority`.
    """
    from strongroom.crypto.certificates.authority import (  # noqa: PLC0415  costly to import
        SERIAL_BYTES,
        Constraints,
        Span,
        authority_subject,
        make_issuing,
    )

    root, name = authority.root, authority.name
    span = Span(max(now - BACKDATED_S, root.not_before), min(now + ISSUING_S, root.not_after))
    key, made = await keeper.keys.make(
        root.spec, authority.tenant, f"{name} issuing", unclaimed, in_token=root.in_token
    )
    profiles = [PROFILES[one] for one in authority.profiles or PROFILES]
    ekus = tuple(sorted({eku for one in profiles for eku in one.ekus}))
    certificate = await make_issuing(
        keeper.keys.issuer(authority, root, keeper.url),
        made.spec,
        made.parts,
        authority_subject(subject, f"{name} Issuing CA {key[:8]}"),
        _serial(keeper.entropy, SERIAL_BYTES),
        span,
        Constraints(ekus, authority.domains, authority.networks),
    )
    material = AuthorityKey(
        key,
        certificate,
        span.begins,
        span.ends,
        made.spec.kind,
        made.parts,
        made.spec.bits,
        made.spec.curve,
        root.in_token,
    )
    return keeper.keys.seal(authority.tenant, authority.id, material, made.material)


def _sealed(
    keeper: Keeper, new: NewAuthority, key: str, made: MadeKey, certificate: bytes, begins: int, ends: int
) -> AuthorityKey:
    spec = made.spec
    bare = AuthorityKey(key, certificate, begins, ends, spec.kind, made.parts, spec.bits, spec.curve, new.in_token)
    return keeper.keys.seal(new.tenant, new.name.casefold(), bare, made.material)


def _serial(entropy: Entropy, size: int) -> bytes:
    return b"\x01" + entropy(size)


async def add_authority(tx: Transaction, made: MadeAuthority) -> PrivateAuthority:
    """
    Put a CA that was made.

    Raises:
        Conflict: the tenant has one of that name.
        Invalid: it has as many as it may.
    """
    authority = made.authority
    known = await tx.records(PrivateAuthority, authority.partition)
    if authority.id in {one.id for one in known}:
        raise Conflict(f"The tenant has a private CA called {authority.name} already.")
    if len(known) >= limits.AUTHORITIES:
        raise Invalid(f"A tenant has at most {limits.AUTHORITIES} private CAs. Remove one first.")
    await tx.put(authority)
    for one in made.lists:
        await tx.put(one)
    return authority


async def remove_authority(
    tx: Transaction, keeper: Keeper, tenant: str, name: str, now: int, *, force: bool
) -> PrivateAuthority:
    """
    Remove a CA with its keys: what it issued cannot be revoked any more, and nobody can ask whether it is good.

    What it issued is forgotten by and by (`look_after_authorities`).

    Raises:
        NotFound: the tenant has none of that name.
        Conflict: something that it issued has not expired, and *force* is not given.
    """
    authority = await require_authority(tx, tenant, name)
    # Of those that are in memory, which are as the last change of a record left them: there can be very many. One that
    # is revoked counts as well: once its list is gone, who does not insist on one takes it again.
    issuers, every = issuers_of(authority), keeper.view.each(IssuedCertificate, authority.partition)
    alive = 0 if force else sum(one.expires > now and one.issuer in issuers for one in every)
    if alive:
        raise Conflict(
            f"The CA has issued {alive} certificates that have not expired. Without it nobody can revoke them, nor ask"
            " whether they are revoked."
        )
    for key in (authority.root, *authority.issuing):
        await keeper.keys.doom(tx, authority, key)
    for one in (*await _lists_of(tx, authority), authority):
        await tx.remove(one)
    return authority


def issuers_of(authority: PrivateAuthority) -> frozenset[str]:
    """Name the keys that a CA issues and issued with. What has its name and none of them is of one that was removed."""
    return frozenset(key.id for key in authority.issuing)


async def require_authority(tx: Transaction, tenant: str, name: str) -> PrivateAuthority:
    """
    Read a tenant's CA.

    Raises:
        NotFound: it has none of that name.
    """
    found = await tx.record(PrivateAuthority, tenant_partition(tenant), name.casefold())
    if found is None:
        raise no_such_authority()
    return found


def no_such_authority() -> NotFound:
    """Say that a tenant has no such CA."""
    return NotFound("The tenant has no private CA of that name.")


async def _lists_of(tx: Transaction, authority: PrivateAuthority) -> list[RevocationList]:
    return [one for one in await tx.records(RevocationList, authority.partition) if one.authority == authority.id]


# ---- revocation -----------------------------------------------------------------------------------------------------


async def sign_list(
    keeper: Keeper,
    authority: PrivateAuthority,
    key: AuthorityKey,
    before: RevocationList | None,
    revoked: tuple[IssuedCertificate, ...],
    now: int,
) -> RevocationList:
    """
    Sign the list that follows *before*: of the root's, what issuing CAs are revoked; of an issuing CA's, *revoked*.

    Raises:
        Unavailable, Throttled: see `KeyProtection`.
    """
    from strongroom.crypto.certificates.authority import Revoked, Span, serial_of  # noqa: PLC0415  costly to import
    from strongroom.crypto.certificates.revocation_lists import make_list  # noqa: PLC0415  likewise

    if key.id == authority.root.id:
        entries = [
            Revoked(serial_of(one.certificate), one.revoked_at, Reason.CA_COMPROMISE)
            for one in authority.issuing
            if one.revoked_at is not None
        ]
    else:
        entries = [
            Revoked(one.serial, one.revoked_at, one.reason or Reason.UNSPECIFIED)
            for one in revoked
            if one.revoked_at is not None
        ]
    number, span = 1 if before is None else before.number + 1, Span(now, now + LIST_S)
    crl = await make_list(keeper.forks, keeper.keys.issuer(authority, key, keeper.url), entries, number, span)
    return RevocationList(key.id, authority.tenant, authority.id, number, span.begins, span.ends, crl)


async def revoked_by(view: View, authority: PrivateAuthority, key: AuthorityKey) -> tuple[IssuedCertificate, ...]:
    """
    Give what a key issued and was revoked since, in the order of serial numbers.

    Others are served meanwhile, so the list that is to be followed has to be known before.
    """
    revoked: list[IssuedCertificate] = []
    async for piece in view.pieces(IssuedCertificate, authority.partition):
        revoked += [one for one in piece if one.revoked_at is not None and one.issuer == key.id]
    return tuple(sorted(revoked, key=lambda one: one.id))


async def put_next_list(tx: Transaction, made: RevocationList) -> None:
    """
    Put a list in the place of the one before it.

    Raises:
        Conflict: that is another one by now, so something is missing in this one.
    """
    current = await tx.record(RevocationList, made.partition, made.id)
    if (current.number if current is not None else 0) != made.number - 1:
        raise Conflict("Another certificate was revoked, or a list signed, at the same moment. Try again.")
    await tx.put(made)


async def draw_up_revocation(
    keeper: Keeper, found: IssuedCertificate, reason: Reason, now: int
) -> tuple[IssuedCertificate, RevocationList]:
    """
    Say that a certificate is revoked, and sign the list that has it.

    Raises:
        Conflict: it is revoked already, or has expired.
        NotFound: its CA is gone.
        Invalid: the list is as long as it may be.
        Unavailable, Throttled: see `KeyProtection`.
    """
    view = keeper.view
    authority = view.get(PrivateAuthority, found.partition, found.authority)
    key = None if authority is None else next((one for one in authority.issuing if one.id == found.issuer), None)
    if authority is None or key is None:
        raise no_such_authority()
    if found.revoked_at is not None:
        raise Conflict("The certificate is revoked already.")
    if found.expires <= now:
        raise Conflict("The certificate has expired: nobody accepts it any more.")
    revoked = replace(found, revoked_at=now, reason=reason)
    before = view.get(RevocationList, found.partition, key.id)
    others = await revoked_by(view, authority, key)
    if len(others) >= limits.REVOKED:
        raise Invalid(f"An issuing CA has at most {limits.REVOKED} revoked certificates. Renew it first.")
    return revoked, await sign_list(keeper, authority, key, before, (*others, revoked), now)


async def revoke(tx: Transaction, revoked: IssuedCertificate, made: RevocationList) -> IssuedCertificate:
    """
    Put a revocation together with the list that has it.

    Raises:
        Conflict: something else was revoked meanwhile, or the certificate is forgotten.
    """
    if await tx.record(IssuedCertificate, revoked.partition, revoked.id) is None:
        raise Conflict("The certificate is not known any more.")
    await put_next_list(tx, made)
    await tx.put(revoked)
    return revoked


# ---- renewal --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Renewal:
    """A CA with another issuing CA, as it is after a renewal, and the lists that follow from that."""

    seen: PrivateAuthority
    renewed: PrivateAuthority
    lists: tuple[RevocationList, ...]


async def draw_up_renewal(
    keeper: Keeper, authority: PrivateAuthority, unclaimed: Unclaimed, now: int, *, revoke_old: bool = False
) -> Renewal:
    """
    Make another issuing CA. The one before it stays for as long as what it issued, unless it is revoked.

    Raises:
        Invalid, Unavailable, Throttled: see `make_authority`.
    """
    from strongroom.crypto.certificates.authority import organisation_of  # noqa: PLC0415  costly to import

    key = await make_issuing_key(keeper, authority, organisation_of(authority.root.certificate), unclaimed, now)
    old = authority.issuing
    if revoke_old:
        old = tuple(replace(one, revoked_at=one.revoked_at or now) for one in old)
    renewed = replace(authority, issuing=(*old, key))
    lists = [await sign_list(keeper, renewed, key, None, (), now)]
    if revoke_old:
        before = keeper.view.get(RevocationList, authority.partition, authority.root.id)
        lists.append(await sign_list(keeper, renewed, authority.root, before, (), now))
    return Renewal(authority, renewed, tuple(lists))


async def renew(tx: Transaction, renewal: Renewal) -> PrivateAuthority:
    """
    Put a CA that was renewed.

    Raises:
        NotFound, Conflict: it is gone, or was changed meanwhile.
    """
    if await require_authority(tx, renewal.seen.tenant, renewal.seen.id) != renewal.seen:
        raise Conflict("The CA was changed at the same moment. Try again.")
    await tx.put(renewal.renewed)
    for one in renewal.lists:
        await put_next_list(tx, one)
    return renewal.renewed


# ---- what happens by itself -----------------------------------------------------------------------------------------


async def look_after_authorities(keeper: Keeper, now: int) -> int:
    """
    Renew issuing CAs and lists that are due, and forget what is over; the number of things done.

    What cannot be done now is left for the next time, and does not keep the rest from being done.
    """
    done = 0
    for authority in keeper.view.all(PrivateAuthority):
        try:
            done += await _look_after(keeper, authority, now)
        except Failure as failure:
            _logger.warning("the private CA %s cannot be looked after now: %s", authority.name, failure.message)
    return done + await _forget(keeper, now)


async def _look_after(keeper: Keeper, authority: PrivateAuthority, now: int) -> int:
    done, current = 0, authority.current
    # One that ends with its root gains nothing by another.
    if now >= current.renew_at and current.not_after < authority.root.not_after:
        async with Unclaimed() as unclaimed:
            renewal = await draw_up_renewal(keeper, authority, unclaimed, now)

            async def change(tx: Transaction) -> PrivateAuthority:
                renewed = await renew(tx, renewal)
                unclaimed.claim()
                return renewed

            authority = (await keeper.store.commit(change)).result
        done += 1
    over = [one for one in authority.issuing[:-1] if one.not_after + LIST_S < now]
    if over:
        authority = await _drop(keeper, authority, over)
        done += len(over)
    for key in (authority.root, *authority.issuing):
        before = keeper.view.get(RevocationList, authority.partition, key.id)
        if before is None or now >= before.renew_at:
            made = await sign_list(keeper, authority, key, before, await revoked_by(keeper.view, authority, key), now)
            await keeper.store.commit(lambda tx, made=made: put_next_list(tx, made))  # type: ignore[misc]  # bound
            done += 1
    return done


async def _drop(keeper: Keeper, authority: PrivateAuthority, over: list[AuthorityKey]) -> PrivateAuthority:
    """Forget issuing CAs that ended so long ago that nobody asks about them."""

    async def change(tx: Transaction) -> PrivateAuthority:
        current = await require_authority(tx, authority.tenant, authority.id)
        left = replace(current, issuing=tuple(one for one in current.issuing if one not in over))
        for key in over:
            await keeper.keys.doom(tx, authority, key)
            found = await tx.record(RevocationList, authority.partition, key.id)
            if found is not None:
                await tx.remove(found)
        await tx.put(left)
        return left

    return (await keeper.store.commit(change)).result


async def _forget(keeper: Keeper, now: int) -> int:
    """Forget certificates that are over, and those of CAs that were removed."""
    known = {key.id for authority in keeper.view.all(PrivateAuthority) for key in authority.issuing}
    over: list[IssuedCertificate] = []
    async for piece in keeper.view.pieces(IssuedCertificate):
        over += [one for one in piece if one.forget_at < now or one.issuer not in known]
    forgotten = 0
    for begin in range(0, len(over), _FORGOTTEN_AT_ONCE):
        change = partial(_forget_these, over[begin : begin + _FORGOTTEN_AT_ONCE], now)
        forgotten += (await keeper.store.commit(change)).result
        await asyncio.sleep(0)
    return forgotten


async def _forget_these(over: list[IssuedCertificate], now: int, tx: Transaction) -> int:
    # A CA may have been made, or renewed, since they were looked at.
    known = {key.id for authority in await tx.records(PrivateAuthority) for key in authority.issuing}
    gone = [one for one in over if one.forget_at < now or one.issuer not in known]
    return sum([await tx.remove(one) for one in gone])
