"""
Event subscriptions of vaults: made, changed, removed and validated.

They go with their vault when it is purged, and stay with it when it is moved. What of an endpoint may be secret, its
whole URL, the secret headers and the key that deliveries are signed with, is sealed under the vault's key.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from strongroom.core import event_limits
from strongroom.core.diagnostics import AuditSink, parse_sink_id
from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.event_filters import EventFilter, check_filter
from strongroom.core.event_subscriptions import (
    DeliveryHeader,
    EventSchema,
    EventSubscription,
    RetryPolicy,
    SealedEndpoint,
    SubscriptionState,
    check_dead_letter,
    check_headers,
    check_labels,
    check_retry,
    parse_endpoint,
    parse_subscription_name,
)
from strongroom.core.guids import new_guid
from strongroom.core.names import Hosts, Surface
from strongroom.core.records import INSTANCE, vault_partition
from strongroom.core.vaults import Vault
from strongroom.crypto.context import bind, context
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.secret_texts import new_client_secret
from strongroom.resources.lookup import require_active
from strongroom.store import Store, Transaction
from strongroom.view import View

Entropy = Callable[[int], bytes]
HANDSHAKE_S = 600
"""How long a validation URL is good for: ten minutes, as Event Grid's."""
_PURPOSE = "event endpoint"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SealedEndpoint).decode


@dataclass(frozen=True, slots=True)
class SubscriptionWish:
    """An event subscription as a request describes it."""

    url: str = field(repr=False)
    """The whole URL of the webhook."""
    filter: EventFilter = field(default_factory=EventFilter)
    schema: EventSchema = EventSchema.EVENT_GRID
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    expires: int | None = None
    labels: tuple[str, ...] = ()
    headers: tuple[tuple[DeliveryHeader, str], ...] = field(default=(), repr=False)
    """The delivery attributes, each with its value, secret or not."""
    dead_letter: str = ""
    """The ARM id of a storage account that the operator mapped to a folder; empty for none."""
    dead_letter_container: str = ""
    max_events_per_batch: int = 1
    preferred_batch_kilobytes: int = 64


# ---- reading --------------------------------------------------------------------------------------------------------


def subscriptions_of(view: View, vault: Vault) -> Sequence[EventSubscription]:
    """Give a vault's event subscriptions, by name."""
    return view.all(EventSubscription, vault_partition(vault.id))


def find_subscription(view: View, vault: Vault, name: str) -> EventSubscription | None:
    """Find a vault's event subscription by its name, without case."""
    return view.get(EventSubscription, vault_partition(vault.id), name.lower())


def subscription_not_found() -> NotFound:
    """Say that a vault has no event subscription of a name, which is not repeated."""
    return NotFound("The event subscription was not found at this resource.", code="ResourceNotFound")


def open_endpoint(keys: RootKey, vault: Vault, subscription: EventSubscription) -> SealedEndpoint:
    """
    Open what is sealed of a subscription: to deliver, or for who may ask for the full URL.

    Raises:
        Unsealable: it was sealed for another one, or altered.
    """
    envelope = keys.envelope(vault.id, vault.wrapped_key)
    return _decode(envelope.open(_context(vault, subscription.number), subscription.sealed))


def wish_of(subscription: EventSubscription, endpoint: SealedEndpoint) -> SubscriptionWish:
    """Describe a subscription as it is, for who changes a part of it."""
    secrets = dict(endpoint.headers)
    return SubscriptionWish(
        url=endpoint.url,
        filter=subscription.filter,
        schema=subscription.schema,
        retry=subscription.retry,
        expires=subscription.expires,
        labels=subscription.labels,
        headers=tuple((one, secrets.get(one.name, one.value)) for one in subscription.headers),
        dead_letter=subscription.dead_letter,
        dead_letter_container=subscription.dead_letter_container,
        max_events_per_batch=subscription.max_events_per_batch,
        preferred_batch_kilobytes=subscription.preferred_batch_kilobytes,
    )


def _context(vault: Vault, number: str) -> bytes:
    return context(_PURPOSE, vault.tenant, vault.id, number, "", "1")


# ---- made, changed, removed -----------------------------------------------------------------------------------------


async def put_subscription(
    tx: Transaction,
    keys: RootKey,
    vault: Vault,
    name: str,
    wish: SubscriptionWish,
    *,
    now: int,
    by: str,
    entropy: Entropy,
) -> tuple[EventSubscription, bool]:
    """
    Make a subscription, or put another in its place; the second value says whether it was made.

    An endpoint that is new, or is to be spoken to in another schema, has to be validated before it gets anything; what
    waits for the one before waits on. At another URL, a query apart, it may be somebody else: there deliveries get
    another key, because whoever knows the one before could sign what the new one would believe.

    Raises:
        NotFound: the vault is gone.
        Conflict: it has as many subscriptions as there may be.
        Invalid: something of the wish.
    """
    current = await require_active(tx, vault)
    known = await tx.record(EventSubscription, vault_partition(current.id), name.lower())
    begun = known or await _begin(tx, current, name, now=now, by=by, entropy=entropy)
    base_url = _check(wish, now)
    await _require_folder(tx, current, wish)
    before = open_endpoint(keys, current, known) if known is not None else None
    is_same_place = before is not None and begun.base_url == base_url
    secret = before.signing_secret if before is not None and is_same_place else new_client_secret(entropy)
    endpoint = SealedEndpoint(
        wish.url, secret, tuple((header.name, value) for header, value in wish.headers if header.is_secret)
    )
    made = replace(
        begun,
        base_url=base_url,
        sealed=_seal(keys, current, begun.number, endpoint),
        state=SubscriptionState.CREATING,
        rate_per_minute=0,
        fault="",
        filter=wish.filter,
        schema=wish.schema,
        retry=wish.retry,
        expires=wish.expires,
        labels=wish.labels,
        headers=tuple(
            replace(header, value="" if header.is_secret or header.source else value) for header, value in wish.headers
        ),
        dead_letter=wish.dead_letter,
        dead_letter_container=wish.dead_letter_container,
        max_events_per_batch=wish.max_events_per_batch,
        preferred_batch_kilobytes=wish.preferred_batch_kilobytes,
        updated=now if known is not None else 0,
        updated_by=by if known is not None else "",
        handshake=new_guid(entropy),
        handshake_begun=now,
    )
    if known is not None and before is not None:
        made = _keep_validation(made, known, is_same=before.url == wish.url and known.schema is wish.schema)
    await tx.put(made)
    return made, known is None


async def _begin(tx: Transaction, vault: Vault, name: str, *, now: int, by: str, entropy: Entropy) -> EventSubscription:
    """
    Begin a subscription that is not there yet: all of it but what is wished.

    Raises:
        Conflict: the vault has as many as there may be.
        Invalid: it cannot have such a name.
    """
    parse_subscription_name(name)
    if len(await tx.records(EventSubscription, vault_partition(vault.id))) >= event_limits.EVENT_SUBSCRIPTIONS:
        raise Conflict(
            f"A vault has at most {event_limits.EVENT_SUBSCRIPTIONS} event subscriptions. Delete one first.",
            code="Conflict",
        )
    return EventSubscription(
        id=name.lower(),
        tenant=vault.tenant,
        vault=vault.id,
        number=new_guid(entropy),
        name=name,
        base_url="",
        sealed=b"",
        state=SubscriptionState.CREATING,
        created=now,
        created_by=by,
    )


async def update_subscription(
    tx: Transaction,
    keys: RootKey,
    vault: Vault,
    name: str,
    change: Callable[[SubscriptionWish], SubscriptionWish],
    *,
    now: int,
    by: str,
    entropy: Entropy,
) -> EventSubscription:
    """
    Change a part of a subscription, as it is now.

    Raises:
        NotFound: it is gone, or the vault is.
        Invalid: something of what it would be.
    """
    current = await require_active(tx, vault)
    known = await tx.record(EventSubscription, vault_partition(current.id), name.lower())
    if known is None:
        raise subscription_not_found()
    wish = change(wish_of(known, open_endpoint(keys, current, known)))
    changed, _ = await put_subscription(tx, keys, current, name, wish, now=now, by=by, entropy=entropy)
    return changed


async def delete_subscription(tx: Transaction, vault: Vault, name: str) -> bool:
    """Remove a subscription with all that waits for it; whether there was one."""
    found = await tx.record(EventSubscription, vault_partition(vault.id), name.lower())
    if found is not None:
        await _remove(tx, [found])
    return found is not None


async def remove_subscriptions_of(tx: Transaction, vault: Vault) -> None:
    """Remove the subscriptions of a vault that goes for good."""
    await _remove(tx, await tx.records(EventSubscription, vault_partition(vault.id)))


async def remove_expired_subscriptions(tx: Transaction, expired: Iterable[EventSubscription], now: int) -> None:
    """Remove those of these subscriptions whose time is over still."""
    over: list[EventSubscription] = []
    for one in expired:
        current = await tx.record(EventSubscription, one.partition, one.id)
        if current is not None and current.number == one.number and current.has_expired(now):
            over.append(current)
    await _remove(tx, over)


async def _remove(tx: Transaction, subscriptions: Iterable[EventSubscription]) -> None:
    # What is left is delivered to nobody, as nobody knows where to; it goes bit by bit (`remove_left_deliveries`).
    may_go = event_limits.DELIVERIES_REMOVED_AT_ONCE
    for one in subscriptions:
        if may_go > 0:
            may_go -= await tx.remove_deliveries(one.number, may_go)
        await tx.remove(one)


async def remove_left_deliveries(store: Store, number: str, lease: str | None = None) -> int:
    """
    Remove what was left of the deliveries of a subscription that is gone; how many.

    A hundred thousand take a second, in which one change would let nobody else read or write. That it is gone is for
    the database to say: a node's memory may not have what another one has just made.
    """

    async def change(tx: Transaction) -> int:
        if any(one.number == number for one in await tx.records_with(EventSubscription, None, number)):
            return 0
        return await tx.remove_deliveries(number, event_limits.DELIVERIES_REMOVED_AT_ONCE)

    removed = 0
    while True:
        committed = await store.commit(change, lease=lease)
        removed += committed.result
        if committed.result < event_limits.DELIVERIES_REMOVED_AT_ONCE:
            return removed
        await asyncio.sleep(0)


def _check(wish: SubscriptionWish, now: int) -> str:
    """
    Check a wish, and give what of its endpoint may be shown.

    Raises:
        Invalid: something of it.
    """
    base_url = parse_endpoint(wish.url)
    check_filter(wish.filter)
    check_retry(wish.retry)
    check_labels(wish.labels)
    check_headers(wish.headers)
    if wish.dead_letter:
        check_dead_letter(wish.dead_letter, wish.dead_letter_container)
    if wish.expires is not None and wish.expires <= now:
        raise Invalid("expirationTimeUtc has to be in the future.")
    if not 1 <= wish.max_events_per_batch <= event_limits.EVENTS_PER_BATCH:
        raise Invalid(f"maxEventsPerBatch is from 1 to {event_limits.EVENTS_PER_BATCH}.")
    if not 1 <= wish.preferred_batch_kilobytes <= event_limits.EVENT_BATCH_KILOBYTES:
        raise Invalid(f"preferredBatchSizeInKilobytes is from 1 to {event_limits.EVENT_BATCH_KILOBYTES}.")
    return base_url


async def _require_folder(tx: Transaction, vault: Vault, wish: SubscriptionWish) -> None:
    """
    Demand that dead letters are written where the operator said that they may: nobody chooses a path through ARM.

    Raises:
        Invalid: no folder stands behind the id for this tenant.
    """
    if wish.dead_letter:
        resource = parse_sink_id(wish.dead_letter).resource
        sinks = await tx.records(AuditSink, INSTANCE)
        if not any(one.folder for one in sinks if (one.tenant, one.resource) == (vault.tenant, resource)):
            raise Invalid(
                "The storage account of the deadLetterDestination is no folder of this service. Its operator says what"
                " stands behind it: strongroom audit-sinks add, with a folder."
            )


def _keep_validation(made: EventSubscription, known: EventSubscription, *, is_same: bool) -> EventSubscription:
    """Let an endpoint that was validated and did not change go on, or else say that it is another's successor."""
    if is_same and known.state in {SubscriptionState.SUCCEEDED, SubscriptionState.UPDATING}:
        return replace(
            made,
            state=known.state,
            handshake=known.handshake,
            handshake_begun=known.handshake_begun,
            rate_per_minute=known.rate_per_minute,
        )
    return replace(made, state=SubscriptionState.UPDATING if known.is_recorded_for else SubscriptionState.CREATING)


def _seal(keys: RootKey, vault: Vault, number: str, endpoint: SealedEndpoint) -> bytes:
    return keys.envelope(vault.id, vault.wrapped_key).seal(_context(vault, number), _encode(endpoint))


async def renew_signing_secret(
    tx: Transaction, keys: RootKey, vault: Vault, name: str, *, now: int, by: str, entropy: Entropy
) -> str:
    """
    Sign a subscription's deliveries with another key from now on, and give it.

    Raises:
        NotFound: it is gone, or the vault is.
    """
    current = await require_active(tx, vault)
    known = await tx.record(EventSubscription, vault_partition(current.id), name.lower())
    if known is None:
        raise subscription_not_found()
    secret = new_client_secret(entropy)
    endpoint = replace(open_endpoint(keys, current, known), signing_secret=secret)
    sealed = _seal(keys, current, known.number, endpoint)
    await tx.put(replace(known, sealed=sealed, updated=now, updated_by=by))
    return secret


# ---- the handshake --------------------------------------------------------------------------------------------------


def validation_code(keys: RootKey, subscription: EventSubscription) -> str:
    """
    Make the code of the handshake that a subscription owes: who repeats it is asked, and wants events.

    It follows from the handshake, so it is the same after a restart, and nobody without the root key can make it.
    """
    digits = keys.tag("event validation code", bind(subscription.number, subscription.handshake)).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}".upper()


def validation_token(keys: RootKey, subscription: EventSubscription) -> str:
    """Make what the validation URL proves: that whoever opens it was sent it."""
    return keys.tag("event validation URL", bind(subscription.number, subscription.handshake)).hex()


def validation_url(keys: RootKey, hosts: Hosts, subscription: EventSubscription) -> str:
    """Make the URL by which somebody can say that an endpoint wants events, where that cannot say so itself."""
    proof = f"v={subscription.vault}&id={subscription.number}&t={validation_token(keys, subscription)}"
    return f"{hosts.url(Surface.MANAGEMENT)}/eventSubscriptions/{subscription.name}/validate?{proof}"


async def note_handshake(
    tx: Transaction,
    subscription: EventSubscription,
    state: SubscriptionState,
    *,
    fault: str = "",
    rate_per_minute: int = 0,
) -> bool:
    """Note how a handshake ended; False if it is not the one that is owed any more."""
    current = await tx.record(EventSubscription, subscription.partition, subscription.id)
    if current is None or current.handshake != subscription.handshake or not current.owes_handshake:
        return False
    await tx.put(replace(current, state=state, fault=fault, rate_per_minute=rate_per_minute))
    return True


async def give_up_validation(tx: Transaction, subscriptions: Iterable[EventSubscription], now: int) -> None:
    """Let the handshakes fail for which nobody opened the validation URL in time."""
    for one in subscriptions:
        current = await tx.record(EventSubscription, one.partition, one.id)
        if current is not None and has_lapsed(current, now):
            await tx.put(replace(current, state=SubscriptionState.FAILED, fault="nobody opened the validation URL"))


def has_lapsed(subscription: EventSubscription, now: int) -> bool:
    """Tell whether a subscription waits for a validation URL that is not good any more."""
    waits = subscription.state is SubscriptionState.AWAITING_MANUAL_ACTION
    return waits and now >= subscription.handshake_begun + HANDSHAKE_S


async def validate_by_url(
    tx: Transaction, keys: RootKey, vault_id: str, number: str, token: str, now: int
) -> EventSubscription:
    """
    Take it that an endpoint wants events, since somebody opened the URL that it was sent.

    Raises:
        NotFound: it is no such URL, its time is over, or another handshake has begun. Which one is not told.
    """
    there = await tx.records(EventSubscription, vault_partition(vault_id))
    validated = replace(validated_by(keys, there, number, token, now), state=SubscriptionState.SUCCEEDED, fault="")
    await tx.put(validated)
    return validated


def validated_by(
    keys: RootKey, subscriptions: Iterable[EventSubscription], number: str, token: str, now: int
) -> EventSubscription:
    """
    Give the subscription whose validation URL it is.

    Raises:
        NotFound: it is none of theirs. Which of all reasons it has is not told.
    """
    for one in subscriptions:
        if one.number == number and one.state is SubscriptionState.AWAITING_MANUAL_ACTION:
            fits = hmac.compare_digest(token.encode(), validation_token(keys, one).encode())
            if fits and not has_lapsed(one, now):
                return one
    raise NotFound("The validation URL is not valid, or not any more.", code="ResourceNotFound")
