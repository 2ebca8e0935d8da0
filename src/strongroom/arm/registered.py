"""Which resource providers a subscription uses: all that are served, but for those that were unregistered in it."""

from __future__ import annotations

from strongroom.core.errors import Conflict
from strongroom.core.records import tenant_partition
from strongroom.core.resources import UnregisteredProvider
from strongroom.flow.call import Call


def is_registered(call: Call, subscription: str, namespace: str) -> bool:
    """Tell whether a subscription of the caller's tenant uses a provider."""
    place = f"{subscription.lower()}/{namespace.lower()}"
    return call.world.view.get(UnregisteredProvider, tenant_partition(call.identity.tenant), place) is None


def require_registered(call: Call, namespace: str) -> None:
    """
    Refuse to make something of a provider that the path's subscription does without.

    Raises:
        Conflict: `MissingSubscriptionRegistration`.
    """
    subscription = call.params.get("subscription")
    if subscription is not None and not is_registered(call, subscription, namespace):
        raise unregistered(namespace)


def unregistered(namespace: str) -> Conflict:
    """Say that a subscription does without a provider."""
    return Conflict(
        f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for"
        " how to register subscriptions.",
        code="MissingSubscriptionRegistration",
    )
