"""The grammar of `strongroom event-subscription`: see `commands`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import At, Data, Json, ResourceGroup, Subscription, Yes

event_subscription = App(
    name="event-subscription", help="Say who is told of a vault's events, and what becomes of the rest."
)
dead_letters = App(name="dead-letters", help="Show, replay and discard what could not be delivered.")
event_subscription.command(dead_letters)
Vault = Annotated[str, Parameter(help="The vault's name.")]
Name = Annotated[str, Parameter(help="The event subscription's name.")]
Endpoint = Annotated[str | None, Parameter(help="The webhook's URL, if it holds no secret.")]
EndpointFile = Annotated[
    Path | None,
    Parameter(help="File with the webhook's URL; - for standard input.", allow_leading_hyphen=True),
]
Event = Annotated[
    tuple[str, ...],
    Parameter(name="--event", negative="", help="A type, such as SecretNearExpiry; may be repeated (default: all)."),
]
SubjectBegins = Annotated[str | None, Parameter(help="Only objects whose name begins with this.")]
SubjectEnds = Annotated[str | None, Parameter(help="Only objects whose name ends with this.")]
Schema = Annotated[str | None, Parameter(help="event-grid or cloud-events (default: event-grid).")]
Attempts = Annotated[int | None, Parameter(help="How often an event is tried, at most (default: 30).")]
Minutes = Annotated[int | None, Parameter(help="How many minutes an event is tried, at most (default: 1440).")]
Expires = Annotated[datetime | None, Parameter(help="When the subscription ends: 2027-01-31, or with a time of UTC.")]
Label = Annotated[tuple[str, ...], Parameter(name="--label", negative="", help="A label; may be repeated.")]
OneEvent = Annotated[str | None, Parameter(name="--event-id", help="That of one event (default: all).")]


@event_subscription.command(name="list")
def event_subscription_list(
    vault: Vault,
    *,
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Print a vault's event subscriptions."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    where = command.Subscription(At(data, subscription, resource_group), vault)
    return command.list_subscriptions(where, as_json=json)


@event_subscription.command(name="show")
def event_subscription_show(
    vault: Vault,
    name: Name,
    *,
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Print an event subscription, without what of its endpoint may be secret."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    where = command.Subscription(At(data, subscription, resource_group), vault, name)
    return command.show_subscription(where, as_json=json)


@event_subscription.command(name="create")
def event_subscription_create(
    vault: Vault,
    name: Name,
    *,
    endpoint: Endpoint = None,
    endpoint_file: EndpointFile = None,
    event: Event = (),
    subject_begins_with: SubjectBegins = None,
    subject_ends_with: SubjectEnds = None,
    schema: Schema = None,
    attempts: Attempts = None,
    minutes_to_live: Minutes = None,
    expires: Expires = None,
    label: Label = (),
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Have a vault's events sent to a webhook, once that has said that it wants them."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    wanted = command.Wanted(
        endpoint,
        endpoint_file,
        event,
        subject_begins_with,
        subject_ends_with,
        schema,
        attempts,
        minutes_to_live,
        expires,
        label,
    )
    where = command.Subscription(At(data, subscription, resource_group), vault, name)
    return command.create_subscription(where, wanted, as_json=json)


@event_subscription.command(name="update")
def event_subscription_update(
    vault: Vault,
    name: Name,
    *,
    endpoint: Endpoint = None,
    endpoint_file: EndpointFile = None,
    event: Event = (),
    subject_begins_with: SubjectBegins = None,
    subject_ends_with: SubjectEnds = None,
    schema: Schema = None,
    attempts: Attempts = None,
    minutes_to_live: Minutes = None,
    expires: Expires = None,
    label: Label = (),
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Change an event subscription; what is not said stays."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    wanted = command.Wanted(
        endpoint,
        endpoint_file,
        event,
        subject_begins_with,
        subject_ends_with,
        schema,
        attempts,
        minutes_to_live,
        expires,
        label,
    )
    where = command.Subscription(At(data, subscription, resource_group), vault, name)
    return command.update_subscription(where, wanted, as_json=json)


@event_subscription.command(name="delete")
def event_subscription_delete(
    vault: Vault,
    name: Name,
    *,
    yes: Yes = False,
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Send no more events to a webhook; what waits for it goes as well."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    where = command.Subscription(At(data, subscription, resource_group), vault, name)
    return command.delete_subscription(where, yes=yes, as_json=json)


@event_subscription.command(name="full-url")
def event_subscription_full_url(
    vault: Vault,
    name: Name,
    *,
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Print the whole URL of the webhook, with what in its query may be secret."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    where = command.Subscription(At(data, subscription, resource_group), vault, name)
    return command.full_url(where, as_json=json)


@event_subscription.command(name="signing-secret")
def event_subscription_signing_secret(
    vault: Vault,
    name: Name,
    *,
    renew: Annotated[bool, Parameter(negative="", help="Have another one made first.")] = False,
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Print the key that deliveries are signed with."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    where = command.Subscription(At(data, subscription, resource_group), vault, name)
    return command.signing_secret(where, renew=renew, as_json=json)


@dead_letters.command(name="list")
def dead_letters_list(
    vault: Vault,
    name: Name,
    *,
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Print what could not be delivered, and why."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    where = command.Subscription(At(data, subscription, resource_group), vault, name)
    return command.list_dead_letters(where, as_json=json)


@dead_letters.command(name="replay")
def dead_letters_replay(
    vault: Vault,
    name: Name,
    *,
    event_id: OneEvent = None,
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Have what could not be delivered tried anew."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    where = command.Subscription(At(data, subscription, resource_group), vault, name)
    return command.replay_dead_letters(where, event_id, as_json=json)


@dead_letters.command(name="discard")
def dead_letters_discard(
    vault: Vault,
    name: Name,
    *,
    event_id: OneEvent = None,
    yes: Yes = False,
    resource_group: ResourceGroup = None,
    subscription: Subscription = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Remove what could not be delivered."""
    from strongroom.cli.remote import event_subscriptions as command  # noqa: PLC0415  each command loads what it needs

    where = command.Subscription(At(data, subscription, resource_group), vault, name)
    return command.discard_dead_letters(where, event_id, yes=yes, as_json=json)
