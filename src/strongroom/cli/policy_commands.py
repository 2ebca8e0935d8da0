"""The grammar of `strongroom policy` and `strongroom access-policies`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json

policy = App(
    name="policy",
    help="Guardrails for vaults and what is in them, in the manner of Azure Policy; by default there is none.",
)
access_policies = App(name="access-policies", help="The permissions that access policies are made of.")
File = Annotated[Path, Parameter(help="The file of guardrails, in TOML.", allow_leading_hyphen=True)]


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
def policy_remove(*, data: Data = None) -> int:
    """Put every guardrail out of force."""
    from strongroom.cli import policy as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data)


@access_policies.command
def templates(*, json: Json = False) -> int:
    """Print the templates of Azure's portal: which permissions an access policy for a purpose has."""
    from strongroom.cli import access_policies as command  # noqa: PLC0415  each command loads what it needs

    return command.show_templates(as_json=json)
