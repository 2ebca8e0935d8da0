"""The grammar of `strongroom group`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Yes

group = App(name="group", help="Security groups of your tenant, and who is in them.")
Group = Annotated[str, Parameter(help="The group, by name or object id.")]
Member = Annotated[str, Parameter(help="A user, group or service principal, by name, client id or object id.")]


@group.command(name="list")
def group_list(
    *,
    data: Data = None,
    name: Annotated[str | None, Parameter(help="Only those whose name begins with it.")] = None,
    json: Json = False,
) -> int:
    """Print the groups of your tenant."""
    from strongroom.cli.remote import groups as command  # noqa: PLC0415  each command loads what it needs

    return command.show_all(data, name, as_json=json)


@group.command(name="show")
def group_show(which: Group, *, data: Data = None, json: Json = False) -> int:
    """Print one group."""
    from strongroom.cli.remote import groups as command  # noqa: PLC0415  each command loads what it needs

    return command.show_group(data, which, as_json=json)


@group.command(name="create")
def group_create(
    name: Annotated[str, Parameter(help="Its display name.")],
    *,
    data: Data = None,
    description: Annotated[str | None, Parameter(help="What it is for.")] = None,
    json: Json = False,
) -> int:
    """Make a group, which is empty and has no rights."""
    from strongroom.cli.remote import groups as command  # noqa: PLC0415  each command loads what it needs

    return command.create(data, name, description, as_json=json)


@group.command(name="delete")
def group_delete(which: Group, *, data: Data = None, yes: Yes = False, json: Json = False) -> int:
    """Remove a group, and with it the rights that its members had by it."""
    from strongroom.cli.remote import groups as command  # noqa: PLC0415  each command loads what it needs

    return command.delete(data, which, yes=yes, as_json=json)


@group.command(name="members")
def group_members(
    which: Group,
    *,
    data: Data = None,
    nested: Annotated[bool, Parameter(negative="", help="Those of the groups in it, too.")] = False,
    json: Json = False,
) -> int:
    """Print who is in a group."""
    from strongroom.cli.remote import groups as command  # noqa: PLC0415  each command loads what it needs

    return command.show_members(data, which, nested=nested, as_json=json)


@group.command(name="add-member")
def group_add_member(which: Group, member: Member, *, data: Data = None, json: Json = False) -> int:
    """Put somebody into a group."""
    from strongroom.cli.remote import groups as command  # noqa: PLC0415  each command loads what it needs

    return command.add_member(data, which, member, as_json=json)


@group.command(name="remove-member")
def group_remove_member(which: Group, member: Member, *, data: Data = None, json: Json = False) -> int:
    """Take somebody out of a group; its tokens lose the rights at once."""
    from strongroom.cli.remote import groups as command  # noqa: PLC0415  each command loads what it needs

    return command.remove_member(data, which, member, as_json=json)
