"""Deployments: what is remembered of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from strongroom.core import deployment_limits
from strongroom.core.deployments import Deployment, DeploymentState
from strongroom.core.errors import NotFound
from strongroom.core.records import tenant_partition
from strongroom.store import Transaction


def deployment_not_found(name: str) -> NotFound:
    """Say that there is no deployment of this name in its scope."""
    return NotFound(f"Deployment '{name}' could not be found.", code="DeploymentNotFound")


def is_deployment_name(text: str) -> bool:
    """Tell whether a text can name a deployment: 1 to 64 word characters, `.`, `-`, parentheses."""
    return 0 < len(text) <= deployment_limits.DEPLOYMENT_NAME_CHARS and all(
        (one.isascii() and one.isalnum()) or one in "-_.()" for one in text
    )


async def begin_deployment(tx: Transaction, deployment: Deployment, forgotten: Iterable[Deployment]) -> bool:
    """Remember a deployment that begins, and forget others; whether none of that name was remembered."""
    before = await tx.record(Deployment, deployment.partition, deployment.id)
    for one in forgotten:
        await tx.remove(one)
    await tx.put(deployment)
    return before is None


async def finish_deployment(
    tx: Transaction, deployment: Deployment, state: DeploymentState, *, told: str, operations: str, now: int
) -> Deployment | None:
    """
    Remember how a deployment ended; None if it is remembered no longer, as when its group went meanwhile.

    Nothing is put back that was removed.
    """
    current = await tx.record(Deployment, deployment.partition, deployment.id)
    if current is None or current.correlation_id != deployment.correlation_id or current.started != deployment.started:
        return None
    ended = replace(current, state=state, told=told, operations=operations, finished=now)
    await tx.put(ended)
    return ended


async def remove_deployment(tx: Transaction, tenant: str, deployment: str) -> bool:
    """Forget a deployment; whether there was one. What it deployed stays."""
    found = await tx.record(Deployment, tenant_partition(tenant), deployment)
    if found is not None:
        await tx.remove(found)
    return found is not None


async def remove_deployments_at(tx: Transaction, tenant: str, scope: str) -> None:
    """Forget every deployment at a scope that goes."""
    folded = scope.lower()
    for one in await tx.records(Deployment, tenant_partition(tenant)):
        if one.scope.lower() == folded:
            await tx.remove(one)
