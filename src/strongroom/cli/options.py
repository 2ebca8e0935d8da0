"""Options that many commands have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from strongroom.cli.outcome import Exit, Halt

Data = Annotated[Path | None, Parameter(name="--data", help="Data directory (default: this user's own).")]
Tenant = Annotated[
    str | None, Parameter(name="--tenant", help="Tenant, by id or domain (default: the only one there is).")
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object.")]
Subscription = Annotated[
    str | None,
    Parameter(name="--subscription", help="Subscription, by id or name (default: the account's, or the only one)."),
]
ResourceGroup = Annotated[
    str | None,
    Parameter(name=["--resource-group", "-g"], help="Resource group (default: whichever has it, or the only one)."),
]
Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative="", help="Do not ask whether it is meant.")]


@dataclass(frozen=True, slots=True)
class At:
    """Where: the instance, the subscription and perhaps the resource group."""

    data: Path | None = None
    subscription: str | None = None
    group: str | None = None


def tags_of(given: Sequence[str]) -> dict[str, str]:
    """
    Read tags as the command line has them.

    Raises:
        Halt: one has no name, or two have the same.
    """
    tags: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise Halt(f"{text!r} is no tag: NAME=VALUE", Exit.USAGE)
        if name in tags:
            raise Halt(f"the tag {name} is given twice", Exit.USAGE)
        tags[name] = value
    return tags
