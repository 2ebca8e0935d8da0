"""The rows of `Microsoft.EventGrid`: event subscriptions of vaults."""

from __future__ import annotations

from strongroom.arm import event_subscriptions as handlers
from strongroom.arm import event_wire as wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import VAULT, at
from strongroom.core.locks import Effect
from strongroom.core.permissions import Public
from strongroom.flow.operation import Op

_TYPE = "Microsoft.EventGrid/eventSubscriptions"
_SUBSCRIPTIONS = f"{VAULT}/providers/{_TYPE}"
_SUBSCRIPTION = f"{_SUBSCRIPTIONS}/{{event}}"
_AT_VAULT, _AT_TENANT = at(VAULT), at("/")
_READ, _WRITE = action(f"{_TYPE}/read"), action(f"{_TYPE}/write")

EVENT_ROWS: tuple[Op, ...] = (
    row("EventSubscriptionList", "GET", _SUBSCRIPTIONS, _TYPE, _READ, handlers.list_subscriptions, _AT_VAULT),
    row("EventSubscriptionGet", "GET", _SUBSCRIPTION, _TYPE, _READ, handlers.get_subscription, _AT_VAULT),
    row("EventSubscriptionPut", "PUT", _SUBSCRIPTION,
        _TYPE, _WRITE, handlers.put_subscription, _AT_VAULT, success=201, body=wire.EventSubscriptionResource),
    row("EventSubscriptionPatch", "PATCH", _SUBSCRIPTION,
        _TYPE, _WRITE, handlers.patch_subscription, _AT_VAULT, success=201, body=wire.EventSubscription),
    row("EventSubscriptionDelete", "DELETE", _SUBSCRIPTION,
        _TYPE, action(f"{_TYPE}/delete"), handlers.delete_subscription, _AT_VAULT),
    row("EventSubscriptionGetFullUrl", "POST", f"{_SUBSCRIPTION}/getFullUrl",
        _TYPE, action(f"{_TYPE}/getFullUrl/action"), handlers.get_full_url, _AT_VAULT, effect=Effect.NOTHING),
    row("EventSubscriptionGetDeliveryAttributes", "POST", f"{_SUBSCRIPTION}/getDeliveryAttributes",
        _TYPE, action(f"{_TYPE}/getDeliveryAttributes/action"), handlers.get_delivery_attributes, _AT_VAULT,
        effect=Effect.NOTHING),
    row("EventSubscriptionGetSigningSecret", "POST", f"{_SUBSCRIPTION}/getSigningSecret",
        _TYPE, action(f"{_TYPE}/getSigningSecret/action"), handlers.get_signing_secret, _AT_VAULT,
        effect=Effect.NOTHING),
    row("EventSubscriptionRenewSigningSecret", "POST", f"{_SUBSCRIPTION}/renewSigningSecret",
        _TYPE, action(f"{_TYPE}/renewSigningSecret/action"), handlers.renew_signing_secret, _AT_VAULT),
    row("EventDeadLetterList", "GET", f"{_SUBSCRIPTION}/deadLetters",
        _TYPE, _READ, handlers.list_dead_letters, _AT_VAULT),
    row("EventDeadLetterReplay", "POST", f"{_SUBSCRIPTION}/deadLetters/replay",
        _TYPE, action(f"{_TYPE}/deadLetters/replay/action"), handlers.replay_dead_letters, _AT_VAULT,
        body=wire.DeadLetters),
    row("EventDeadLetterDiscard", "POST", f"{_SUBSCRIPTION}/deadLetters/discard",
        _TYPE, action(f"{_TYPE}/deadLetters/discard/action"), handlers.discard_dead_letters, _AT_VAULT,
        body=wire.DeadLetters),
    Op("EventSubscriptionValidate", "GET", "/eventSubscriptions/{event}/validate",
       Public(), handlers.validate, _AT_TENANT, versioned=False, authenticates=True),
)  # fmt: skip

EVENT_TYPES: tuple[str, ...] = (_TYPE,)
"""The resource types that these rows serve."""
