"""The grammar of `strongroom apply` and `strongroom export`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from strongroom.cli.options import Data, Json, Tenant


def apply(
    file: Annotated[Path, Parameter(help="File in YAML or JSON, or - for standard input.", allow_leading_hyphen=True)],
    *,
    data: Data = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Show what would be done, and do nothing.")] = False,
    detailed_exitcode: Annotated[
        bool, Parameter(negative="", help="With --dry-run, end with 5 if something would be done.")
    ] = False,
    prune: Annotated[
        bool, Parameter(negative="", help="Delete what is missing in those lists that the file has.")
    ] = False,
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
    allow_literals: Annotated[
        bool, Parameter(negative="", help="Take values of secrets that stand in the file itself.")
    ] = False,
    credentials: Annotated[
        Path | None, Parameter(help="File for passwords and secrets that are made and told once, as JSON lines.")
    ] = None,
    json: Json = False,
) -> int:
    """Make an instance what a file says: tenants, principals, vaults, networks, rights and secrets."""
    from strongroom.cli.seed import command  # noqa: PLC0415  each command loads what it needs

    options = command.Options(
        dry_run=dry_run,
        detailed_exit_code=detailed_exitcode,
        prune=prune,
        yes=yes,
        allow_literals=allow_literals,
        credentials=credentials,
        as_json=json,
    )
    return command.apply(data, file, options)


def export(
    *,
    data: Data = None,
    output: Annotated[Path | None, Parameter(help="File to write (default: standard output).")] = None,
    tenant: Tenant = None,
    subscription: Annotated[str | None, Parameter(help="Subscription, by id or name (default: your own).")] = None,
    values: Annotated[
        bool, Parameter(negative="", help="Write the values of secrets too; only to a file of yours alone.")
    ] = False,
    json: Json = False,
) -> int:
    """Write what an instance is as a file that `apply` takes."""
    from strongroom.cli.seed import command  # noqa: PLC0415  each command loads what it needs

    return command.export(data, output, tenant=tenant, subscription=subscription, values=values, as_json=json)
