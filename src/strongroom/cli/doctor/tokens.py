"""
The token (HSM): as the service that runs says it is.

It is not opened here: a second login with a wrong PIN would be one more step to a token that has locked itself.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strongroom.cli.doctor.finding import Finding, ok, problem, unknown, warning

_CHECK = "token"
_REACHED = " is reached ("
_LACKS = "; it has not "


def judge_token(module: str, status: Mapping[str, Any] | None, data: Path) -> Finding:
    """Judge whether the token that is configured is reached."""
    if status is None:
        return unknown(_CHECK, f"{module}: it is asked by the service alone, which does not run", _serve(data))
    said = str(status.get("token") or "")
    if not said:
        return unknown(_CHECK, "the service has not reached for it yet")
    if _REACHED not in said:
        return problem(_CHECK, said, "mend it: it is reached again by itself; after a refused PIN, by another one")
    if _LACKS in said:
        return warning(_CHECK, said, "see the page on HSMs for what these mechanisms are needed for")
    return ok(_CHECK, said)


def _serve(data: Path) -> str:
    return f"strongroom serve --data {shlex.quote(str(data))}"
