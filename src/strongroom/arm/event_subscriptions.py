"""
Event subscriptions of vaults (`Microsoft.EventGrid/eventSubscriptions`), and what could not be delivered to them.

A vault is the only source of events here, so it is the only scope that a subscription can be at. Whoever may write one
sends the names of a vault's objects to an endpoint of his choice; which endpoints there can be, the operator's egress
rules say. The whole URL of an endpoint and the key that deliveries are signed with are told on request alone, each by a
right of its own.
"""

from __future__ import annotations

from dataclasses import replace

from strongroom.arm import event_wire as wire
from strongroom.arm.diagnostic_settings import require_destination
from strongroom.arm.event_documents import changed_by, show_dead_letter, show_header, show_subscription, wish_for
from strongroom.arm.vaults import the_vault
from strongroom.core import event_limits
from strongroom.core.echo import WORD, shown
from strongroom.core.errors import NotFound
from strongroom.core.event_subscriptions import EventSubscription, SubscriptionState
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import dead_letters
from strongroom.resources import event_subscriptions as subscriptions
from strongroom.store import Transaction

_WAIT_S = {
    SubscriptionState.CREATING: 1,
    SubscriptionState.UPDATING: 1,
    SubscriptionState.AWAITING_MANUAL_ACTION: 5,
}
"""How many seconds a client is to wait before it looks whether an endpoint has agreed."""


async def list_subscriptions(call: Call) -> Response:
    """List a vault's event subscriptions."""
    vault = the_vault(call)
    found = subscriptions.subscriptions_of(call.world.view, vault)
    return json.response({"value": [show_subscription(vault, one) for one in found], "nextLink": None})


async def get_subscription(call: Call) -> Response:
    """Get an event subscription."""
    vault = the_vault(call)
    return _answer(vault, _the_subscription(call, vault))


async def put_subscription(call: Call) -> Response:
    """Make an event subscription, or put another in its place; its endpoint is asked whether it wants events."""
    vault, world = the_vault(call), call.world
    body = (await call.body(wire.EventSubscriptionResource)).properties
    wish = wish_for(body)
    _require_dead_letters(call, body)

    async def change(tx: Transaction) -> EventSubscription:
        _require_dead_letters(call, body)
        made, _ = await subscriptions.put_subscription(
            tx, world.keys, vault, call.params["event"], wish, now=call.now, by=call.identity.oid, entropy=world.entropy
        )
        return made

    return _made(call, vault, await call.commit(change))


async def patch_subscription(call: Call) -> Response:
    """Change a part of an event subscription; what is left out stays."""
    vault, world = the_vault(call), call.world
    body = await call.body(wire.EventSubscription)
    _require_dead_letters(call, body)

    async def change(tx: Transaction) -> EventSubscription:
        _require_dead_letters(call, body)
        return await subscriptions.update_subscription(
            tx,
            world.keys,
            vault,
            call.params["event"],
            lambda wish: changed_by(wish, body),
            now=call.now,
            by=call.identity.oid,
            entropy=world.entropy,
        )

    return _made(call, vault, await call.commit(change))


def _require_dead_letters(call: Call, said: wire.EventSubscription) -> None:
    """
    Refuse a place for dead letters that the caller may not write to, or that the operator has not mapped.

    Raises:
        Denied: `LinkedAuthorizationFailed`.
        Invalid: nothing stands behind it.
    """
    if said.dead_letter_destination is not None:
        require_destination(call, said.dead_letter_destination.properties.resource_id)


async def delete_subscription(call: Call) -> Response:
    """Remove an event subscription, and what waits for it. Absent is 204."""
    vault = the_vault(call)
    there = await call.commit(
        lambda tx: subscriptions.delete_subscription(tx, vault, call.params["event"]), status=_gone
    )
    return Response(_gone(there), content_type=None)


async def get_full_url(call: Call) -> Response:
    """Give the whole URL of an endpoint, with what in its query may be secret."""
    vault = the_vault(call)
    found = _the_subscription(call, vault)
    return json.response({"endpointUrl": subscriptions.open_endpoint(call.world.keys, vault, found).url})


async def get_delivery_attributes(call: Call) -> Response:
    """Give the headers that deliveries get, with the values of secret ones."""
    vault = the_vault(call)
    found = _the_subscription(call, vault)
    hidden = dict(subscriptions.open_endpoint(call.world.keys, vault, found).headers)
    value = [show_header(replace(one, is_secret=False, value=hidden.get(one.name, one.value))) for one in found.headers]
    for shown_one, one in zip(value, found.headers, strict=True):
        if one.is_secret:
            shown_one["properties"]["isSecret"] = True
    return json.response({"value": value})


async def get_signing_secret(call: Call) -> Response:
    """Give the key that deliveries are signed with: ours; Event Grid signs nothing."""
    vault = the_vault(call)
    found = _the_subscription(call, vault)
    endpoint = subscriptions.open_endpoint(call.world.keys, vault, found)
    return json.response({"signingSecret": endpoint.signing_secret})


async def renew_signing_secret(call: Call) -> Response:
    """Have deliveries signed with another key from now on, and give it."""
    vault, world = the_vault(call), call.world

    async def change(tx: Transaction) -> str:
        return await subscriptions.renew_signing_secret(
            tx, world.keys, vault, call.params["event"], now=call.now, by=call.identity.oid, entropy=world.entropy
        )

    return json.response({"signingSecret": await call.commit(change)})


async def list_dead_letters(call: Call) -> Response:
    """List the oldest of what could not be delivered."""
    vault = the_vault(call)
    found = _the_subscription(call, vault)
    letters = await dead_letters.dead_letters(call.world.store, found, limit=event_limits.DEAD_LETTERS)
    return json.response({"value": [show_dead_letter(one) for one in letters], "nextLink": None})


async def replay_dead_letters(call: Call) -> Response:
    """Have dead letters tried anew: that of one event, or all."""
    vault, event = the_vault(call), (await call.body(wire.DeadLetters)).event_id
    found = _the_subscription(call, vault)

    async def change(tx: Transaction) -> int:
        return await dead_letters.replay_dead_letters(tx, found, now=call.now, event_id=event)

    return json.response({"replayed": _some(await call.commit(change), event)})


async def discard_dead_letters(call: Call) -> Response:
    """Remove dead letters: that of one event, or all."""
    vault, event = the_vault(call), (await call.body(wire.DeadLetters)).event_id
    found = _the_subscription(call, vault)

    async def change(tx: Transaction) -> int:
        return _some(await dead_letters.discard_dead_letters(tx, found, event), event)

    return json.response({"discarded": await call.commit(change)})


async def validate(call: Call) -> Response:
    """Take it that an endpoint wants events: somebody opened the URL that it was sent. It is good once."""
    world, query = call.world, call.query
    vault, number, token = (query.get(name, "") for name in ("v", "id", "t"))
    # Anybody may ask, and only whoever was sent it may have anything written, or others wait for a write.
    subscriptions.validated_by(
        world.keys, world.view.all(EventSubscription, vault_partition(vault)), number, token, call.now
    )

    async def change(tx: Transaction) -> EventSubscription:
        return await subscriptions.validate_by_url(tx, world.keys, vault, number, token, call.now)

    await call.commit(change)
    call.proved = True
    return Response(200, b"The endpoint is validated: it gets events from now on.\n", content_type=b"text/plain")


# ---- shared ---------------------------------------------------------------------------------------------------------


def _the_subscription(call: Call, vault: Vault) -> EventSubscription:
    found = subscriptions.find_subscription(call.world.view, vault, call.params["event"])
    if found is None:
        raise subscriptions.subscription_not_found()
    return found


def _made(call: Call, vault: Vault, made: EventSubscription) -> Response:
    call.properties["endpoint"] = made.base_url
    return _answer(vault, made, 201)


def _answer(vault: Vault, one: EventSubscription, status: int = 200) -> Response:
    # Clients look until it is one thing or the other, and without a word on it twice in a minute.
    wait = _WAIT_S.get(one.state)
    headers = [(b"retry-after", str(wait).encode())] if wait is not None else []
    return json.response(show_subscription(vault, one), status, headers)


def _some(count: int, event: str | None) -> int:
    """
    Demand that there was a dead letter of an event that was named.

    Raises:
        NotFound: there was none.
    """
    if event is not None and not count:
        raise NotFound(f"There is no dead letter of the event '{shown(event, WORD)}'.", code="ResourceNotFound")
    return count


def _gone(there: bool) -> int:  # noqa: FBT001  it is what the commit gives
    return 200 if there else 204
