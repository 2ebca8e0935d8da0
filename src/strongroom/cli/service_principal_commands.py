"""The grammar of `strongroom sp`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Yes

sp = App(name="sp", help="Service principals: what applications and managed identities are given rights as.")
Principal = Annotated[str, Parameter(help="The service principal, by name, client id or object id.")]


@sp.command(name="list")
def sp_list(
    *,
    data: Data = None,
    name: Annotated[str | None, Parameter(help="Only those whose name begins with it.")] = None,
    everyone: Annotated[
        bool, Parameter(name="--all", negative="", help="Those of services that every tenant has, too.")
    ] = False,
    json: Json = False,
) -> int:
    """Print the service principals of your tenant."""
    from strongroom.cli.remote import service_principals as command  # noqa: PLC0415  each command loads what it needs

    return command.show_all(data, name, everyone=everyone, as_json=json)


@sp.command(name="show")
def sp_show(principal: Principal, *, data: Data = None, json: Json = False) -> int:
    """Print one service principal."""
    from strongroom.cli.remote import service_principals as command  # noqa: PLC0415  each command loads what it needs

    return command.show_principal(data, principal, as_json=json)


@sp.command(name="create")
def sp_create(
    application: Annotated[str, Parameter(help="The application, by name, client id or object id.")],
    *,
    data: Data = None,
    json: Json = False,
) -> int:
    """Make the service principal of an application that has none here."""
    from strongroom.cli.remote import service_principals as command  # noqa: PLC0415  each command loads what it needs

    return command.create(data, application, as_json=json)


@sp.command(name="delete")
def sp_delete(principal: Principal, *, data: Data = None, yes: Yes = False, json: Json = False) -> int:
    """Remove a service principal, ending its tokens."""
    from strongroom.cli.remote import service_principals as command  # noqa: PLC0415  each command loads what it needs

    return command.delete(data, principal, yes=yes, as_json=json)


@sp.command(name="disable")
def sp_disable(principal: Principal, *, data: Data = None, json: Json = False) -> int:
    """Let a service principal sign in no longer; its tokens end at once."""
    from strongroom.cli.remote import service_principals as command  # noqa: PLC0415  each command loads what it needs

    return command.enable(data, principal, enabled=False, as_json=json)


@sp.command(name="enable")
def sp_enable(principal: Principal, *, data: Data = None, json: Json = False) -> int:
    """Let a service principal sign in again."""
    from strongroom.cli.remote import service_principals as command  # noqa: PLC0415  each command loads what it needs

    return command.enable(data, principal, enabled=True, as_json=json)
