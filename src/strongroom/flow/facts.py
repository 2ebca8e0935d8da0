"""
What conditions may know of a request: the attributes of `core.condition_attributes`, as far as the flow has them.

Names come from the target that rights are asked at, never from a body; what a body says is added by the handler of a
row that decides itself (`ControlAction.by_handler`). How a request came is told by the firewall's verdict, so that a
private endpoint or subnet that let nobody in is none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from strongroom.core.condition_attributes import (
    IS_PRIVATE_LINK,
    PRIVATE_ENDPOINT,
    SECRET_NAME,
    SUBNET,
    UTC_NOW,
    VAULT_NAME,
)
from strongroom.core.facts import Facts, Value
from strongroom.core.network import Verdict
from strongroom.core.vaults import Vault
from strongroom.flow.world import World

_SECRETS = "/secrets/"


def data_facts(world: World, vault: Vault, scope: str, verdict: Verdict | None) -> Facts:
    """Gather what is known of a request for something in a vault; *scope* is what its right is looked up at."""
    resource: dict[str, Value] = {VAULT_NAME: vault.name}
    request: dict[str, Value] = {}
    if scope.startswith(vault.scope + _SECRETS):
        # Whether the name is the resource's or the request's, and counts at all, the action says.
        resource[SECRET_NAME] = request[SECRET_NAME] = scope[len(vault.scope + _SECRETS) :]
    return Facts(resource, request, environment_of(world, verdict))


def environment_of(world: World, verdict: Verdict | None) -> Mapping[str, Value]:
    """Say how and when a request came. Without a verdict nothing is known of the way."""
    now = world.clock()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    environment: dict[str, Value] = {UTC_NOW: f"{stamp}.{int(now % 1 * 10_000_000):07}Z"}
    if verdict is not None:
        environment[IS_PRIVATE_LINK] = bool(verdict.endpoint)
        if verdict.endpoint:
            environment[PRIVATE_ENDPOINT] = verdict.endpoint
        if verdict.subnet:
            environment[SUBNET] = verdict.subnet
    return environment
