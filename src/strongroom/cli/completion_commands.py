"""`strongroom completion`: what a shell completes commands and options by."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from strongroom.cli.outcome import Exit


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell that it is for.")],
) -> int:
    """
    Print what a shell completes this program's commands and options by.

    bash: strongroom completion bash > ~/.local/share/bash-completion/completions/strongroom

    zsh: strongroom completion zsh > ~/.zfunc/_strongroom, where fpath has ~/.zfunc

    fish: strongroom completion fish > ~/.config/fish/completions/strongroom.fish
    """
    from strongroom.cli.commands import application  # noqa: PLC0415  it is made of this module too

    sys.stdout.write(application.generate_completion(shell=shell))
    return Exit.OK
