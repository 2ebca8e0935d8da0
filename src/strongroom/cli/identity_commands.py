"""The grammar of `strongroom identity`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, ResourceGroup, Subscription, Yes

identity = App(name="identity", help="User-assigned managed identities, and which outside subjects may be them.")
federated = App(name="federated", help="An identity's federated credentials: subjects of outside issuers.")
identity.command(federated)
Identity = Annotated[str, Parameter(help="The identity, by name, client id or object id.")]


@identity.command(name="list")
def identity_list(
    *, data: Data = None, subscription: Subscription = None, resource_group: ResourceGroup = None, json: Json = False
) -> int:
    """Print the identities of a subscription, or of one resource group."""
    from strongroom.cli.remote import identities as command  # noqa: PLC0415  each command loads what it needs

    return command.show_all(data, subscription, resource_group, as_json=json)


@identity.command(name="show")
def identity_show(
    which: Identity,
    *,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Print one identity."""
    from strongroom.cli.remote import identities as command  # noqa: PLC0415  each command loads what it needs

    return command.show_identity(data, subscription, resource_group, which, as_json=json)


@identity.command(name="create")
def identity_create(
    name: Annotated[str, Parameter(help="Its name.")],
    *,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Make an identity. It has no rights until it is given some: strongroom role assign."""
    from strongroom.cli.remote import identities as command  # noqa: PLC0415  each command loads what it needs

    return command.create(data, subscription, resource_group, name, as_json=json)


@identity.command(name="delete")
def identity_delete(
    which: Identity,
    *,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Remove an identity for good, ending its tokens."""
    from strongroom.cli.remote import identities as command  # noqa: PLC0415  each command loads what it needs

    return command.delete(data, subscription, resource_group, which, yes=yes, as_json=json)


@federated.command(name="list")
def federated_list(
    which: Identity,
    *,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Print which subjects of outside issuers may be an identity."""
    from strongroom.cli.remote import identities as command  # noqa: PLC0415  each command loads what it needs

    return command.show_federated(data, subscription, resource_group, which, as_json=json)


@federated.command(name="add")
def federated_add(
    which: Identity,
    *,
    name: Annotated[str, Parameter(help="What the credential is called.")],
    issuer: Annotated[str, Parameter(help="The issuer, exactly as its tokens name it; see strongroom issuers.")],
    subject: Annotated[str, Parameter(help="The subject, exactly as its tokens name it.")],
    audience: Annotated[str, Parameter(help="The audience of its tokens.")] = "api://AzureADTokenExchange",
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Let a subject of an outside issuer be an identity."""
    from strongroom.cli.remote import identities as command  # noqa: PLC0415  each command loads what it needs

    wanted = command.Federation(name, issuer, subject, audience)
    return command.add_federated(data, subscription, resource_group, which, wanted, as_json=json)


@federated.command(name="remove")
def federated_remove(
    which: Identity,
    name: Annotated[str, Parameter(help="The credential, by its name.")],
    *,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Let a subject be an identity no longer, ending its tokens."""
    from strongroom.cli.remote import identities as command  # noqa: PLC0415  each command loads what it needs

    return command.remove_federated(data, subscription, resource_group, which, name, yes=yes, as_json=json)
