"""
Microsoft's own program in .NET, driven under `strongroom run` by what it speaks: the Model Context Protocol.

One run of it is asked many things, since to start it takes longer than everything else.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Any

from tests.plugins.toolchain import AZMCP
from tests.sdk.conftest import EXAMPLES, Live

_TOOLS = ("keyvault", "subscription", "group", "role")
_VARIABLES = {
    "AZURE_MCP_COLLECT_TELEMETRY": "false",
    "AZURE_MCP_COLLECT_TELEMETRY_MICROSOFT": "false",
    # Its native libraries are unpacked once, and not into the home directory.
    "DOTNET_BUNDLE_EXTRACT_BASE_DIR": str(EXAMPLES.parent / ".cache" / "azmcp"),
    # It needs no tables of languages, which not every machine has.
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
}
_PROTOCOL = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "strongroom", "version": "1"},
}


@dataclass(frozen=True)
class Answer:
    """What a command came to, as the program says it."""

    status: int
    message: str = field(repr=False)
    """With an exception of the client's, where there was one: its text has the code of the error and all headers."""
    results: Any = field(repr=False)


class Azmcp:
    """The program while it runs."""

    def __init__(self, vault: str, subscription: str, to: IO[str], of: IO[str]) -> None:
        self._vault = {"vault": vault, "subscription": subscription}
        self._subscription = {"subscription": subscription}
        self._to, self._of, self._numbers = to, of, itertools.count(1)
        self._ask("initialize", _PROTOCOL)
        self._tell({"method": "notifications/initialized"})

    def vault(self, command: str, **options: str) -> Answer:
        """Give a command about the first vault's contents; an underscore in an option's name is a hyphen there."""
        return self._call(f"keyvault_{command}", self._vault | options)

    def manage(self, command: str, **options: str) -> Answer:
        """Give a command about the subscription."""
        return self._call(command, self._subscription | options)

    def _call(self, tool: str, options: dict[str, str]) -> Answer:
        arguments = {name.replace("_", "-"): value for name, value in options.items()}
        content = self._ask("tools/call", {"name": tool, "arguments": arguments})["content"]
        told = json.loads("".join(part["text"] for part in content))
        return Answer(told["status"], told["message"], told.get("results"))

    def _ask(self, method: str, params: object) -> Any:
        number = next(self._numbers)
        self._tell({"id": number, "method": method, "params": params})
        for line in self._of:
            message = json.loads(line)
            if message.get("id") == number:
                return message["result"]
        raise AssertionError("the program ended before it answered")

    def _tell(self, message: dict[str, object]) -> None:
        self._to.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._to.flush()


def _command(*options: str, spaces: Sequence[str]) -> list[str]:
    """Give the words that start it with *options* and the tools in *spaces*."""
    variables = [f"{name}={value}" for name, value in _VARIABLES.items()]
    named = [word for space in spaces for word in ("--namespace", space)]
    start = ["server", "start", "--mode", "all", "--dangerously-disable-elicitation"]
    return ["env", *variables, str(AZMCP), *start, *named, *options]


def web_api() -> list[str]:
    """Give the command that starts it as a web API, which has its own settings for who it is."""
    return _command("--transport", "http", "--outgoing-auth-strategy", "UseOnBehalfOf", spaces=["keyvault"])


@contextmanager
def running(live: Live, credentials: str, *options: str, within: Sequence[str] = ()) -> Iterator[Azmcp]:
    """
    Run the program while the block lasts, with *options* for `strongroom run`, and *within* it behind other words.

    *credentials* says which credentials of Azure's library the program tries: it leaves managed identities out unless
    told. The variable is set within the run, which takes it away from the shell's own.
    """
    program = ["env", f"AZURE_TOKEN_CREDENTIALS={credentials}", *_command(spaces=_TOOLS)]
    run = [sys.executable, "-m", "strongroom", "run", "--data", str(live.data), *options, "--", *within, *program]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=dict(os.environ)
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            facts = live.facts
            yield Azmcp(facts["vaultName"], facts["subscriptionId"], process.stdin, process.stdout)
        finally:
            # It ends when it is asked no more.
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=60)
            process.kill()
            process.wait()
            errors.seek(0)
            sys.stderr.write(errors.read())
    assert process.returncode == 0


__all__ = ["Answer", "Azmcp", "running", "web_api"]
