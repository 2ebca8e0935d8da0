"""The grammar of `strongroom policy` and `strongroom access-policies`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import At, Data, Json, ResourceGroup, Subscription

policy = App(
    name="policy",
    help="Guardrails for vaults and what is in them, in the manner of Azure Policy; by default there is none.",
)
access_policies = App(name="access-policies", help="Who may do what in a vault that decides by access policies.")
File = Annotated[Path, Parameter(help="The file of guardrails, in TOML.", allow_leading_hyphen=True)]

Vault = Annotated[str, Parameter(help="The vault's name.")]
ObjectId = Annotated[str, Parameter(help="The object id of a user, group or service principal.")]
ApplicationId = Annotated[
    str | None, Parameter(help="The client id of an application that acts for it; without it, whatever acts.")
]


@policy.command
def check(
    file: Annotated[Path | None, Parameter(help="The file of guardrails, in TOML (default: those in force).")] = None,
    *,
    data: Data = None,
    json: Json = False,
) -> int:
    """List every vault and secret that goes against the guardrails; nothing is changed. Exit code 1 if any does."""
    from strongroom.cli import policy as command  # noqa: PLC0415  each command loads what it needs

    return command.check(data, file, as_json=json)


@policy.command(name="set")
def policy_set(file: File, *, data: Data = None, json: Json = False) -> int:
    """Put a file of guardrails in force, in the place of those there were. What is there already stays as it is."""
    from strongroom.cli import policy as command  # noqa: PLC0415  each command loads what it needs

    return command.put(data, file, as_json=json)


@policy.command(name="show")
def policy_show(
    *,
    data: Data = None,
    json: Json = False,
    file: Annotated[
        bool, Parameter(name="--file", negative="", help="Print the file that declared them, and nothing else.")
    ] = False,
) -> int:
    """Print the guardrails in force."""
    from strongroom.cli import policy as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json, as_file=file)


@policy.command(name="remove")
def policy_remove(*, data: Data = None, json: Json = False) -> int:
    """Put every guardrail out of force."""
    from strongroom.cli import policy as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, as_json=json)


@access_policies.command
def templates(*, json: Json = False) -> int:
    """Print the templates of Azure's portal: which permissions an access policy for a purpose has."""
    from strongroom.cli import access_policies as command  # noqa: PLC0415  each command loads what it needs

    return command.show_templates(as_json=json)


@access_policies.command(name="list")
def access_policies_list(
    vault: Vault,
    *,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Print a vault's access policies."""
    from strongroom.cli.remote import access_policies as command  # noqa: PLC0415  each command loads what it needs

    return command.list_policies(At(data, subscription, resource_group), vault, as_json=json)


@access_policies.command(name="set")
def access_policies_set(
    vault: Vault,
    object_id: ObjectId,
    *,
    secret: Annotated[
        tuple[str, ...], Parameter(negative="", help="A permission on secrets, such as get; may be repeated.")
    ] = (),
    key: Annotated[tuple[str, ...], Parameter(negative="", help="A permission on keys; may be repeated.")] = (),
    certificate: Annotated[
        tuple[str, ...], Parameter(negative="", help="A permission on certificates; may be repeated.")
    ] = (),
    template: Annotated[
        str | None, Parameter(help="What one of Azure's templates gives, by its name: access-policies templates.")
    ] = None,
    application_id: ApplicationId = None,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Give a principal exactly these permissions, in the place of those that it has."""
    from strongroom.cli.remote import access_policies as command  # noqa: PLC0415  each command loads what it needs

    policy = command.Policy(object_id, application_id, template, secret, key, certificate)
    return command.set_policy(At(data, subscription, resource_group), vault, policy, as_json=json)


@access_policies.command(name="remove")
def access_policies_remove(
    vault: Vault,
    object_id: ObjectId,
    *,
    application_id: ApplicationId = None,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Take a principal's policy away."""
    from strongroom.cli.remote import access_policies as command  # noqa: PLC0415  each command loads what it needs

    policy = command.Policy(object_id, application_id)
    return command.remove_policy(At(data, subscription, resource_group), vault, policy, as_json=json)
