"""The grammar of `strongroom secret`: see `commands`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import At, Data, Json, Yes, tags_of

secret = App(name="secret", help="Read, set, delete, recover and back up the secrets of a vault.")
Vault = Annotated[str, Parameter(help="The vault's name.")]
Name = Annotated[str, Parameter(help="The secret's name.")]
Version = Annotated[str, Parameter(help="Its version (default: the newest).")]
Tag = Annotated[tuple[str, ...], Parameter(name="--tag", negative="", help="A tag, NAME=VALUE; may be repeated.")]
ContentType = Annotated[str | None, Parameter(help="What its value is, such as text/plain.")]
Enabled = Annotated[bool | None, Parameter(name="--enabled", negative="--disabled", help="Whether it can be read.")]
NotBefore = Annotated[datetime | None, Parameter(help="When it begins to be good: 2027-01-31, or with a time of UTC.")]
Expires = Annotated[datetime | None, Parameter(help="When it ceases to be good, likewise.")]


@secret.command(name="list")
def secret_list(vault: Vault, *, data: Data = None, json: Json = False) -> int:
    """Print a vault's secrets, without their values."""
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs

    return command.list_secrets(At(data), vault, as_json=json)


@secret.command(name="show")
def secret_show(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    show_value: Annotated[bool, Parameter(negative="", help="Print its value as well.")] = False,
    value_only: Annotated[
        bool, Parameter(negative="", help="Write its value and nothing else to a pipe or a file.")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> int:
    """
    Print a secret, without its value unless that is asked for.

    On a terminal --show-value shows it. --value-only writes exactly the value, with no line break added, and refuses to
    do so on a terminal.
    """
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs

    shown = command.Shown(show_value, value_only, json)
    return command.show_secret(command.a_secret(At(data), vault, name, version), shown)


@secret.command(name="set")
def secret_set(
    vault: Vault,
    name: Name,
    *,
    file: Annotated[
        Path | None,
        Parameter(
            help="File whose content is the value, exactly; - for standard input, exactly.", allow_leading_hyphen=True
        ),
    ] = None,
    content_type: ContentType = None,
    tag: Tag = (),
    enabled: Enabled = None,
    not_before: NotBefore = None,
    expires: Expires = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """
    Make a secret, or a new version of one.

    Its value is never an argument, which others on this machine could see and a shell would remember: it is asked for
    on a terminal, or read from a pipe less one line break at its end, or from --file as it is.
    """
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.objects import Lifetime  # noqa: PLC0415  likewise

    properties = command.Properties(content_type, tags_of(tag) if tag else None, Lifetime(enabled, not_before, expires))
    return command.set_secret(command.a_secret(At(data), vault, name), file, properties, as_json=json)


@secret.command(name="versions")
def secret_versions(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Print a secret's versions, without their values."""
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs

    return command.versions(command.a_secret(At(data), vault, name), as_json=json)


@secret.command(name="update")
def secret_update(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    content_type: ContentType = None,
    tag: Tag = (),
    no_tags: Annotated[bool, Parameter(negative="", help="Take every tag away.")] = False,
    enabled: Enabled = None,
    not_before: NotBefore = None,
    expires: Expires = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Change what is said of a version beside its value. Tags that are given replace those there were."""
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.objects import Lifetime  # noqa: PLC0415  likewise

    tags = tags_of(tag) if tag or no_tags else None
    properties = command.Properties(content_type, tags, Lifetime(enabled, not_before, expires))
    return command.update_secret(command.a_secret(At(data), vault, name, version), properties, as_json=json)


@secret.command(name="delete")
def secret_delete(vault: Vault, name: Name, *, yes: Yes = False, data: Data = None, json: Json = False) -> int:
    """Delete a secret with all its versions. It can be recovered for as long as it is retained."""
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs

    return command.delete_secret(command.a_secret(At(data), vault, name), yes=yes, as_json=json)


@secret.command(name="list-deleted")
def secret_list_deleted(vault: Vault, *, data: Data = None, json: Json = False) -> int:
    """Print a vault's deleted secrets, and when each is purged."""
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs

    return command.list_deleted(At(data), vault, as_json=json)


@secret.command(name="recover")
def secret_recover(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Bring a deleted secret back."""
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs

    return command.recover_secret(command.a_secret(At(data), vault, name), as_json=json)


@secret.command(name="purge")
def secret_purge(vault: Vault, name: Name, *, yes: Yes = False, data: Data = None, json: Json = False) -> int:
    """Remove a deleted secret for good."""
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs

    return command.purge_secret(command.a_secret(At(data), vault, name), yes=yes, as_json=json)


@secret.command(name="backup")
def secret_backup(
    vault: Vault,
    name: Name,
    *,
    file: Annotated[
        Path, Parameter(help="Where it goes; a new file. - is standard output.", allow_leading_hyphen=True)
    ],
    data: Data = None,
    json: Json = False,
) -> int:
    """Write a secret with all its versions into a file, encrypted: only vaults of this instance can read it."""
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs

    return command.backup_secret(command.a_secret(At(data), vault, name), file, as_json=json)


@secret.command(name="restore")
def secret_restore(
    vault: Vault,
    *,
    file: Annotated[Path, Parameter(help="The backup's file, or - for standard input.", allow_leading_hyphen=True)],
    data: Data = None,
    json: Json = False,
) -> int:
    """Bring a secret back out of a backup, under its own name."""
    from strongroom.cli.remote import secrets as command  # noqa: PLC0415  each command loads what it needs

    return command.restore_secret(At(data), vault, file, as_json=json)
