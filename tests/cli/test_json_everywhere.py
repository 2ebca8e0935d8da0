"""Programs read what commands print: every command has `--json`."""

from collections.abc import Iterator

from cyclopts import App

from strongroom.cli.commands import application

WITHOUT_JSON = {
    "serve": "it serves",
    "run": "its output is the program's",
    "identity-token": "it runs until it is told to stop",
    "version": "one word",
    "completion": "a shell's script",
    "audit tail": "its lines are the journal's, which are JSON",
    "audit checkpoint": "what it prints is JSON",
}


def commands(group: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    """Give every command that does something."""
    if group.default_command is not None:
        yield " ".join(path), group
    for name in group:
        if not name.startswith("-"):
            yield from commands(group[name], (*path, name))


def test_every_command_has_json() -> None:
    """`--json` is everywhere, but where there is nothing that it could change."""
    without = {
        path
        for path, command in commands(application)
        if not any("--json" in one.names for one in command.assemble_argument_collection())
    }
    assert without == set(WITHOUT_JSON)
