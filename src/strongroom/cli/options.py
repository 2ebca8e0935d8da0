"""Options that many commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

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
SecretFile = Annotated[
    Path | None,
    Parameter(name="--secret-file", help="A new file for the secret, mode 0600, in the place of standard output."),
]
