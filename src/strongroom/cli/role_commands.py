"""The grammar of `strongroom role`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Subscription, Yes

role = App(name="role", help="Roles, and who has which of them where.")
Role = Annotated[str, Parameter(help="The role, by name or id.")]
Principal = Annotated[
    str,
    Parameter(help="Who: a user principal name, a display name, a client id or an object id."),
]
Vault = Annotated[str | None, Parameter(name="--vault", help="At this vault.")]
Secret = Annotated[str | None, Parameter(name="--secret", help="At this secret of the vault alone.")]
Group = Annotated[str | None, Parameter(name=["--resource-group", "-g"], help="At this resource group.")]
Scope = Annotated[str | None, Parameter(name="--scope", help="At this scope, by its id.")]


@role.command(name="list")
def role_list(
    *,
    data: Data = None,
    subscription: Subscription = None,
    name: Annotated[str | None, Parameter(help="Only those with it in their name.")] = None,
    custom: Annotated[bool, Parameter(negative="", help="Only those that were made here.")] = False,
    json: Json = False,
) -> int:
    """Print the roles that can be given."""
    from strongroom.cli.remote import roles as command  # noqa: PLC0415  each command loads what it needs

    return command.show_roles(data, subscription, name, custom=custom, as_json=json)


@role.command(name="assignments")
def role_assignments(
    *,
    data: Data = None,
    subscription: Subscription = None,
    vault: Vault = None,
    secret: Secret = None,
    resource_group: Group = None,
    scope: Scope = None,
    principal: Annotated[str | None, Parameter(help="Only those of this principal, by name or id.")] = None,
    through_groups: Annotated[
        bool, Parameter(negative="", help="Those that the principal has by the groups it is in, too.")
    ] = False,
    role: Annotated[str | None, Parameter(help="Only those of this role, by name or id.")] = None,
    json: Json = False,
) -> int:
    """Print who has which role at a scope, above it and below it."""
    from strongroom.cli.remote import roles as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.places import Place  # noqa: PLC0415  as above

    place, wanted = Place(vault, secret, resource_group, scope), command.Filter(principal, through_groups, role)
    return command.show_assignments(data, subscription, place, wanted, as_json=json)


@role.command(name="assign")
def role_assign(
    role: Role,
    principal: Principal,
    *,
    data: Data = None,
    subscription: Subscription = None,
    vault: Vault = None,
    secret: Secret = None,
    resource_group: Group = None,
    scope: Scope = None,
    condition: Annotated[str | None, Parameter(help="Under which it counts, in Azure's language.")] = None,
    description: Annotated[str | None, Parameter(help="Why it is given.")] = None,
    json: Json = False,
) -> int:
    """Give somebody a role: strongroom role assign "Key Vault Secrets User" NAME --vault VAULT."""
    from strongroom.cli.remote import roles as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.places import Place  # noqa: PLC0415  as above

    place, given = Place(vault, secret, resource_group, scope), command.Given(condition, description)
    return command.assign(data, subscription, role, principal, place, given, as_json=json)


@role.command(name="unassign")
def role_unassign(
    role: Role,
    principal: Principal,
    *,
    data: Data = None,
    subscription: Subscription = None,
    vault: Vault = None,
    secret: Secret = None,
    resource_group: Group = None,
    scope: Scope = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Take a role back that was given at a scope."""
    from strongroom.cli.remote import roles as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.places import Place  # noqa: PLC0415  as above

    place = Place(vault, secret, resource_group, scope)
    return command.unassign(data, subscription, role, principal, place, yes=yes, as_json=json)
