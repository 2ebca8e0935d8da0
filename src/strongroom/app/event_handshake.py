"""
The handshake: an endpoint is asked whether it wants a vault's events, before it gets any.

Who names a URL need not own what is behind it, so whoever does has to agree. In Event Grid's schema the endpoint is
sent a code and repeats it, or somebody opens the URL that it was sent; in CloudEvents' it names us as an origin that is
allowed. Sources: "Endpoint validation with Event Grid event schema", "HTTP 1.1 Web Hooks for Event Delivery" 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from strongroom.core.event_deliveries import TAKEN
from strongroom.core.event_subscriptions import EventSchema, EventSubscription, SealedEndpoint, SubscriptionState
from strongroom.core.names import Surface
from strongroom.core.vaults import Vault
from strongroom.egress import Reply, Unreachable
from strongroom.events.schema import EVENT_GRID_TYPE, Headers, added_headers, body_of, headers_of, timestamp
from strongroom.events.signature import sign
from strongroom.flow.world import World
from strongroom.resources.event_subscriptions import validation_code, validation_url

_AZURE_ORIGIN = "eventgrid.azure.net"
"""Endpoints that were written for Azure may allow its name, whoever asks."""
_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_RATE_MOST = 1_000_000


class WayOut(Protocol):
    """What of `Egress` events leave by."""

    async def notify(
        self, url: str, document: bytes, content_type: str, headers: Sequence[tuple[str, str]], *, time_s: float
    ) -> int:
        """
        Send somebody a document, and give the status of the answer.

        Raises:
            Unreachable: there is none.
        """
        ...

    async def exchange(
        self,
        url: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        content_type: str = "",
        headers: Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """
        Ask, and give the whole answer.

        Raises:
            Unreachable: there is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Agreement:
    """What came of a handshake."""

    state: SubscriptionState
    fault: str = ""
    rate_per_minute: int = 0


class _Repeated(msgspec.Struct, rename={"code": "validationResponse"}):
    code: str | None = None


async def shake_hands(
    world: World, way_out: WayOut, vault: Vault, subscription: EventSubscription, endpoint: SealedEndpoint
) -> Agreement:
    """Ask an endpoint, and judge its answer."""
    try:
        if subscription.schema is EventSchema.CLOUD_EVENTS:
            return await _ask_for_consent(world, way_out, subscription, endpoint)
        return await _send_code(world, way_out, vault, subscription, endpoint)
    except Unreachable as fault:
        return Agreement(SubscriptionState.FAILED, str(fault))


async def _send_code(
    world: World, way_out: WayOut, vault: Vault, subscription: EventSubscription, endpoint: SealedEndpoint
) -> Agreement:
    code = validation_code(world.keys, subscription)
    written = {
        "id": subscription.handshake,
        "topic": vault.scope,
        "subject": "",
        "data": {"validationCode": code, "validationUrl": validation_url(world.keys, world.hosts, subscription)},
        "eventType": _VALIDATION,
        "eventTime": timestamp(subscription.handshake_begun),
        "metadataVersion": "1",
        "dataVersion": "1",
    }
    body = body_of(written, EventSchema.EVENT_GRID)
    headers: Headers = [
        *headers_of(subscription, "SubscriptionValidation", 0),
        *added_headers(subscription.headers, endpoint.headers, written),
        sign(endpoint.signing_secret, body, world.now()),
    ]
    reply = await way_out.exchange(
        endpoint.url, method="POST", body=body, content_type=EVENT_GRID_TYPE, headers=headers
    )
    if reply.status not in TAKEN:
        return Agreement(SubscriptionState.FAILED, f"the answer's status is {reply.status}")
    repeated = _repeated(reply.body)
    if repeated is None:
        # Event Grid takes it that a person will open the URL.
        return Agreement(SubscriptionState.AWAITING_MANUAL_ACTION)
    if repeated != code:
        return Agreement(SubscriptionState.FAILED, "the answer repeats another code")
    return Agreement(SubscriptionState.SUCCEEDED)


def _repeated(body: bytes) -> str | None:
    try:
        return msgspec.json.decode(body, type=_Repeated).code
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _ask_for_consent(
    world: World, way_out: WayOut, subscription: EventSubscription, endpoint: SealedEndpoint
) -> Agreement:
    origin = world.hosts.netloc(Surface.MANAGEMENT).partition(":")[0]
    headers: Headers = [
        ("WebHook-Request-Origin", origin),
        ("WebHook-Request-Callback", validation_url(world.keys, world.hosts, subscription)),
        *added_headers(subscription.headers, endpoint.headers, {}),
    ]
    reply = await way_out.exchange(endpoint.url, method="OPTIONS", headers=headers)
    if reply.status not in TAKEN:
        return Agreement(SubscriptionState.FAILED, f"the answer's status is {reply.status}")
    allowed = reply.header("webhook-allowed-origin")
    if allowed is None:
        # "If the delivery target supports delivery, but cannot decide now, it uses the callback" (section 4.1.3).
        return Agreement(SubscriptionState.AWAITING_MANUAL_ACTION)
    if allowed.strip().lower() not in {origin, _AZURE_ORIGIN, "*"}:
        return Agreement(SubscriptionState.FAILED, "the answer allows another origin")
    return Agreement(SubscriptionState.SUCCEEDED, rate_per_minute=_rate(reply.header("webhook-allowed-rate")))


def _rate(text: str | None) -> int:
    """Read how many deliveries are allowed in a minute; 0 if that is not said, or said to be any number."""
    number = (text or "").strip()
    return min(int(number), _RATE_MOST) if number.isascii() and number.isdigit() and len(number) <= 9 else 0
