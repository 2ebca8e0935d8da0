"""The grammar of `strongroom resource-group` and `strongroom subscription`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Subscription, Yes

resource_group = App(name="resource-group", help="Resource groups, which vaults and identities are in.")
subscription = App(name="subscription", help="The subscriptions in which you have any role.")
Group = Annotated[str, Parameter(help="The resource group, by name.")]


@resource_group.command(name="list")
def resource_group_list(*, data: Data = None, subscription: Subscription = None, json: Json = False) -> int:
    """Print the resource groups that you may read."""
    from strongroom.cli.remote import containers as command  # noqa: PLC0415  each command loads what it needs

    return command.show_groups(data, subscription, as_json=json)


@resource_group.command(name="create")
def resource_group_create(
    name: Annotated[str, Parameter(help="Its name.")],
    *,
    data: Data = None,
    subscription: Subscription = None,
    location: Annotated[str | None, Parameter(help="Any word (default: where the others are).")] = None,
    json: Json = False,
) -> int:
    """Make a resource group."""
    from strongroom.cli.remote import containers as command  # noqa: PLC0415  each command loads what it needs

    return command.create_group(data, subscription, name, location=location, as_json=json)


@resource_group.command(name="delete")
def resource_group_delete(
    name: Group, *, data: Data = None, subscription: Subscription = None, yes: Yes = False, json: Json = False
) -> int:
    """Remove a resource group with everything in it."""
    from strongroom.cli.remote import containers as command  # noqa: PLC0415  each command loads what it needs

    return command.delete_group(data, subscription, name, yes=yes, as_json=json)


@subscription.command(name="list")
def subscription_list(*, data: Data = None, json: Json = False) -> int:
    """Print the subscriptions in which you have any role."""
    from strongroom.cli.remote import containers as command  # noqa: PLC0415  each command loads what it needs

    return command.show_subscriptions(data, as_json=json)


@subscription.command(name="show")
def subscription_show(
    which: Annotated[
        str | None, Parameter(help="The subscription, by id or name (default: the one that commands work in).")
    ] = None,
    *,
    data: Data = None,
    json: Json = False,
) -> int:
    """Print one subscription."""
    from strongroom.cli.remote import containers as command  # noqa: PLC0415  each command loads what it needs

    return command.show_subscription(data, which, as_json=json)
