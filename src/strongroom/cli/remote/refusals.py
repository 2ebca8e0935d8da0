"""What the service refused, and what would help."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import Any

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import one_line

_UNAUTHORIZED, _FORBIDDEN = 401, 403
_ADDRESS = re.compile(r"Client address: ([0-9A-Fa-f.:]+)")
_VAULT = re.compile(r"Vault: ([A-Za-z0-9-]+)")


class Refused(Halt):
    """
    An answer of the service that is a refusal.

    It ends a command as any `Halt` does, unless the command knows better what to make of it: the message says what the
    service said, on one line, and what to do about it.
    """

    def __init__(
        self, status: int, code: str, message: str, *, surface: str, inner: str = "", request: str = "",
        data: Path | None = None, may_be_done: bool = False,
    ) -> None:  # fmt: skip
        """
        Take what the service said; *request* is its id of the request, *data* the instance's directory if here.

        *may_be_done* says that the answer does not tell whether what was asked was done.
        """
        self.status = status
        self.code = one_line(code)
        self.message = one_line(message)
        self.inner = one_line(inner)
        self.surface = surface
        self.request = one_line(request)
        self._data = data
        self._may_be_done = may_be_done
        super().__init__(self._text(), Exit.REFUSED if status in {_UNAUTHORIZED, _FORBIDDEN} else Exit.FAILED)

    def _text(self) -> str:
        word = self.inner or self.code
        said = f"{self.message or 'the service refused it'} ({f'{word}, ' if word else ''}{self.status})"
        fix = self._fix()
        return f"{said}\n  {fix}" if fix else said

    def _fix(self) -> str:
        if self._may_be_done:
            return "it may have been done all the same: look before you ask for it again"
        if self.status == _UNAUTHORIZED:
            return "who you are signed in as: strongroom whoami; to sign in again: strongroom login"
        if self.inner == "ForbiddenByFirewall":
            address, vault = _ADDRESS.search(self.message), _VAULT.search(self.message)
            return (
                f"this address would be let in by: strongroom network-rule add"
                f" {vault[1] if vault else 'VAULT'} --ip {address[1] if address else 'ADDRESS'}"
            )
        if self.status == _FORBIDDEN and self.request:
            where = f" --data {quote(str(self._data))}" if self._data is not None else ""
            return f"why, and what would allow it: strongroom explain{where} --request {quote(self.request)}"
        return ""


def refusal(
    status: int, body: Any, *, surface: str, request: str, data: Path | None, may_be_done: bool = False
) -> Refused:
    """Read a refusal in the shape of Resource Manager, Graph or a vault: all have one object, `error`."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        # A proxy's page, or what is not served at all.
        error = {"message": f"the {surface} answered with {status} and nothing that says why"}
    inner = error.get("innererror")
    word = inner.get("code") if isinstance(inner, dict) else None
    return Refused(
        status,
        str(error.get("code") or ""),
        str(error.get("message") or ""),
        surface=surface,
        inner=str(word or ""),
        request=request,
        data=data,
        may_be_done=may_be_done,
    )
