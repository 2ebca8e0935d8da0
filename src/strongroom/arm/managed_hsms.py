"""Managed HSM pools, of which there are none: what people's commands list together with vaults."""

from __future__ import annotations

from strongroom.arm.containers import listed_group, the_subscription
from strongroom.arm.paging import page
from strongroom.flow.call import Call
from strongroom.http.message import Response


async def list_hsms(call: Call) -> Response:
    """
    List the pools of a subscription, of a group in it, or those that are deleted: none.

    `az keyvault list-deleted` asks for deleted vaults and pools, and shows neither where one of them is refused.
    """
    the_subscription(call)
    listed_group(call)
    none: tuple[str, ...] = ()
    return page(call, none, key=str, show=lambda name: {"name": name})
