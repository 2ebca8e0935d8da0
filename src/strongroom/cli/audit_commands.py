"""The grammar of `strongroom audit list`; the local commands beside it are in `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

from strongroom.cli.options import Data, Json, Subscription


def audit_list(
    *,
    data: Data = None,
    subscription: Subscription = None,
    since: Annotated[str, Parameter(help="How long ago (90m, 12h, 7d), or when (2026-11-27T08:00).")] = "1d",
    resource: Annotated[
        str | None, Parameter(help="Only of this resource and what is in it: a vault's name, or an id.")
    ] = None,
    resource_group: Annotated[
        str | None, Parameter(name=["--resource-group", "-g"], help="Only of resources in this group.")
    ] = None,
    caller: Annotated[
        str | None, Parameter(help="Only by this caller: a user principal name, or a service principal's object id.")
    ] = None,
    limit: Annotated[
        int,
        Parameter(name=["--limit", "-n"], help="How many, the newest first.", validator=validators.Number(gte=1)),
    ] = 50,
    json: Json = False,
) -> int:
    """
    Print the activity log of a subscription: who changed what through the management plane, as you may read it.

    What happened in vaults, and everything else, is in the journal: strongroom audit tail, on the service's machine.
    """
    from strongroom.cli.remote import activity as command  # noqa: PLC0415  each command loads what it needs

    question = command.Question(since, caller, resource, resource_group, limit)
    return command.show_events(data, subscription, question, as_json=json)
