"""The grammar of `strongroom user`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, SecretFile, Yes

user = App(name="user", help="The people of your tenant.")
User = Annotated[str, Parameter(help="The user, by user principal name, display name or object id.")]
PasswordFile = Annotated[
    Path | None,
    Parameter(
        name="--password-file",
        help="File with the password, or - for standard input (default: one is made, and printed once).",
        allow_leading_hyphen=True,
    ),
]
MustChange = Annotated[bool, Parameter(help="Whether the user has to choose another at the next sign-in.")]


@user.command(name="list")
def user_list(
    *,
    data: Data = None,
    name: Annotated[str | None, Parameter(help="Only those whose display name begins with it.")] = None,
    json: Json = False,
) -> int:
    """Print the users of your tenant."""
    from strongroom.cli.remote import users as command  # noqa: PLC0415  each command loads what it needs

    return command.show_all(data, name, as_json=json)


@user.command(name="show")
def user_show(who: User, *, data: Data = None, json: Json = False) -> int:
    """Print one user."""
    from strongroom.cli.remote import users as command  # noqa: PLC0415  each command loads what it needs

    return command.show_user(data, who, as_json=json)


@user.command(name="create")
def user_create(
    name: Annotated[
        str, Parameter(help="The user principal name: NAME@DOMAIN, or NAME in the default domain of your tenant.")
    ],
    *,
    data: Data = None,
    display_name: Annotated[str | None, Parameter(help="The display name (default: NAME).")] = None,
    password_file: PasswordFile = None,
    secret_file: SecretFile = None,
    must_change: MustChange = True,
    json: Json = False,
) -> int:
    """Make a user with a password, which is printed once unless it comes from a file."""
    from strongroom.cli.remote import users as command  # noqa: PLC0415  each command loads what it needs

    password = command.Password(password_file, secret_file, must_change=must_change)
    return command.create(data, name, name=display_name, password=password, as_json=json)


@user.command(name="reset-password")
def user_reset_password(
    who: User,
    *,
    data: Data = None,
    password_file: PasswordFile = None,
    secret_file: SecretFile = None,
    must_change: MustChange = True,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Give a user another password, ending what was signed in with the present one."""
    from strongroom.cli.remote import users as command  # noqa: PLC0415  each command loads what it needs

    password = command.Password(password_file, secret_file, must_change=must_change)
    return command.reset_password(data, who, password=password, yes=yes, as_json=json)


@user.command(name="delete")
def user_delete(who: User, *, data: Data = None, yes: Yes = False, json: Json = False) -> int:
    """Remove a user, ending its sign-ins."""
    from strongroom.cli.remote import users as command  # noqa: PLC0415  each command loads what it needs

    return command.delete(data, who, yes=yes, as_json=json)


@user.command(name="disable")
def user_disable(who: User, *, data: Data = None, json: Json = False) -> int:
    """Let a user sign in no longer; what it is signed in to ends at once."""
    from strongroom.cli.remote import users as command  # noqa: PLC0415  each command loads what it needs

    return command.enable(data, who, enabled=False, as_json=json)


@user.command(name="enable")
def user_enable(who: User, *, data: Data = None, json: Json = False) -> int:
    """Let a user sign in again."""
    from strongroom.cli.remote import users as command  # noqa: PLC0415  each command loads what it needs

    return command.enable(data, who, enabled=True, as_json=json)
