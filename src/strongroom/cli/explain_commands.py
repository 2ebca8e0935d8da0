"""The grammar of `strongroom explain` and `strongroom who-can`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from strongroom.cli.options import Data, Json
from strongroom.cli.outcome import Exit, Halt

Operation = Annotated[
    str | None, Parameter(help="The operation, by the audit's name or its words: SecretGet, get-secret.")
]
ObjectUrl = Annotated[str | None, Parameter(name="--object", help="The object's or the vault's URL.")]
Vault = Annotated[str | None, Parameter(help="The vault's name, in the place of a URL.")]
ObjectName = Annotated[str | None, Parameter(help="The object's name, beside --vault.")]


def explain(
    *,
    request: Annotated[
        str | None, Parameter(help="The x-ms-request-id, or the client's own id, of a request: explain that one.")
    ] = None,
    principal: Annotated[
        str | None,
        Parameter(help="Who: object id, user principal name, client id, or a managed identity's ARM id."),
    ] = None,
    operation: Operation = None,
    object_url: ObjectUrl = None,
    vault: Vault = None,
    object_name: ObjectName = None,
    address: Annotated[
        str | None, Parameter(name="--from", help="The address it would come from (default: this machine's loopback).")
    ] = None,
    endpoint: Annotated[
        str | None, Parameter(help="The private endpoint it would come through, by its ARM id.")
    ] = None,
    client: Annotated[
        str | None, Parameter(help="The application, by its client id, that a user would call through.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """
    Say whether a principal may do something to a vault's object, why or why not, and what would allow it.

    It changes nothing, and does not look whether the object is there. Exit code 0 if it is allowed, 1 if not.
    """
    from strongroom.cli import explain as command  # noqa: PLC0415  each command loads what it needs

    if request is not None:
        if any(one is not None for one in (principal, operation, object_url, vault, object_name, address, endpoint)):
            raise Halt("--request says it all: who, what and from where", Exit.USAGE)
        return command.explain_request(data, request, as_json=json)
    if principal is None:
        raise Halt("say who: --principal, or --request with the id of a request", Exit.USAGE)
    asked = {
        "principal": principal,
        "endpoint": endpoint or "",
        "client": client or "",
        **command.about(operation, object_url, vault, object_name),
        **({} if address is None else {"address": address}),
    }
    return command.explain(data, asked, as_json=json)


def who_can(
    *,
    operation: Operation = None,
    object_url: ObjectUrl = None,
    vault: Vault = None,
    object_name: ObjectName = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Print every user, service principal and group that can do something to a vault's object, and through what."""
    from strongroom.cli import explain as command  # noqa: PLC0415  each command loads what it needs

    return command.who_can(data, command.about(operation, object_url, vault, object_name), as_json=json)
