"""Resource providers of a subscription: taken out of use, and back into it."""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.core.errors import Conflict
from strongroom.core.records import Record, tenant_partition
from strongroom.core.resources import Subscription, UnregisteredProvider
from strongroom.core.vaults import Vault
from strongroom.resources.lookup import subscription_not_found
from strongroom.store import Transaction


async def register_provider(tx: Transaction, subscription: Subscription, namespace: str) -> None:
    """Let a subscription use a provider; it may do so already."""
    known = await _unregistered(tx, subscription, namespace)
    if known is not None:
        await tx.remove(known)


async def unregister_provider(
    tx: Transaction, subscription: Subscription, namespace: str, *, kinds: Iterable[type[Record]], now: int
) -> None:
    """
    Let a subscription do without a provider, whose resources are of *kinds*. It may do so already.

    Raises:
        NotFound: the subscription is gone.
        Conflict: it has resources of the provider; a deleted vault that can be recovered is one.
    """
    partition = tenant_partition(subscription.tenant)
    if await tx.record(Subscription, partition, subscription.id) is None:
        raise subscription_not_found(subscription.id)
    for kind in kinds:
        # Each vault has a partition of its own.
        there = await tx.records(kind) if kind is Vault else await tx.records(kind, partition)
        if any(getattr(one, "subscription", None) == subscription.id for one in there):
            raise Conflict(
                f"The subscription has resources of the namespace '{namespace}'. Delete them, and purge vaults that"
                " can be recovered, before the namespace is unregistered.",
                code="CannotUnregisterNamespace",
            )
    if await _unregistered(tx, subscription, namespace) is None:
        place = f"{subscription.id}/{namespace.lower()}"
        await tx.put(UnregisteredProvider(place, subscription.tenant, subscription.id, namespace, now))


async def _unregistered(tx: Transaction, subscription: Subscription, namespace: str) -> UnregisteredProvider | None:
    place = f"{subscription.id}/{namespace.lower()}"
    return await tx.record(UnregisteredProvider, tenant_partition(subscription.tenant), place)
