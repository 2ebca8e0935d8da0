"""`strongroom completion`: a shell knows every command and option, and the scripts are what the shells read."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Iterator

import pytest
from cyclopts import App

from strongroom.cli.commands import application
from tests.live import STRONGROOM, clean_environment

_ASK = """
source /dev/stdin
COMP_WORDS=({words}) COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_strongroom
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@functools.cache
def completion(shell: str) -> str:
    """Have the script for a shell printed."""
    command = [STRONGROOM, "completion", shell]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=clean_environment(), timeout=60
    ).stdout


def completes(words: str) -> set[str]:
    """Give what bash completes the last of some words to."""
    asked = subprocess.run(
        ["bash", "--norc", "-c", _ASK.format(words=words)],
        check=True, capture_output=True, text=True, input=completion("bash"), timeout=60,
    )  # fmt: skip
    return set(asked.stdout.split())


def names(app: App) -> Iterator[str]:
    """Walk all commands."""
    for name in app:
        if not name.startswith("-"):
            yield name
            yield from names(app[name])


def test_bash_completes_commands() -> None:
    """At the top, and in a group."""
    assert {"vault", "secret", "login", "tenants"} <= completes("strongroom ''")
    assert {"list", "show", "create", "purge"} <= completes("strongroom vault ''")
    assert completes("strongroom vault pur") == {"purge"}


def test_bash_completes_options_and_choices() -> None:
    """Those of the command that is typed, and the words that one may have."""
    assert {"--retention-days", "--json", "--tag"} <= completes("strongroom vault create --")
    assert completes("strongroom vault create --sku ''") == {"standard", "premium"}
    assert "--sku" not in completes("strongroom secret list --")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_is_in_it(shell: str) -> None:
    """None is forgotten, in any shell."""
    script = completion(shell)
    assert [name for name in set(names(application)) if name not in script] == []


def test_another_shell() -> None:
    """It is told which there are."""
    refused = subprocess.run(
        [STRONGROOM, "completion", "tcsh"], check=False, capture_output=True, text=True, env=clean_environment(),
        timeout=60,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "fish" in refused.stdout + refused.stderr
