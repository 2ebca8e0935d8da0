"""The command line: what it loads, what it refuses, and how it ends."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from strongroom import __version__
from strongroom.cli.commands import application
from strongroom.cli.help_groups import GROUPS
from strongroom.cli.main import main


def strongroom(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "strongroom", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_serve_loads_no_parser_and_no_tables() -> None:
    """The time to the first answer counts: nothing that only the other commands use is among what `serve` imports."""
    code = (
        "import sys\n"
        "from strongroom.cli import main, serve\n"
        "from strongroom import app, config\n"
        "main.main(['serve', '--help'])\n"
        "others = {'cyclopts', 'rich', 'attrs', 'docstring_parser', 'httpx', 'msal', 'requests', 'azure', 'yaml'}\n"
        "print(*sorted((others | {'strongroom.cli.remote', 'strongroom.cli.commands'}) & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize("arguments", [["version"], ["completion", "bash"]])
def test_output_without_room_is_told(arguments: list[str]) -> None:
    """A full disk is a sentence and a failure, and whoever reads no further is none."""
    command = [sys.executable, "-m", "strongroom", *arguments]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr == "strongroom: not all of the output could be written (No space left on device)\n"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (0, b"")


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_the_version_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Both ways give the one version there is."""
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"strongroom {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["serve", "--help"],
        ["audit"],
        ["audit", "tail", "--help"],
    ],
)
def test_help_is_no_fault(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Help goes to standard output and ends with 0."""
    assert main(arguments) == 0
    assert capsys.readouterr().out.lower().startswith("usage: strongroom")


@pytest.mark.parametrize(
    "command",
    [
        *("init", "serve", "env", "run", "hosts", "recover", "issuers", "identity-provider", "signing-keys", "sign-in"),
        *("tenants", "audit"),
        *("verify", "version"),
    ],
)
def test_every_command_is_listed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The list of commands is the whole fixed interface."""
    main(["--help"])
    assert f" {command} " in capsys.readouterr().out


def test_every_command_has_a_title() -> None:
    """The list is read by people: what belongs together stands together, and nothing twice."""
    listed = [name for names in GROUPS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert {name for name in application if name != "-h"} <= set(listed)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run", "--nonsense"],
        ["run", "--data", "/nowhere"],
        ["run", "--data", "/nowhere", "--"],
        ["init", "--port", "many"],
        ["serve", "--nonsense"],
        ["serve", "--port", "many"],
        ["serve", "--port", "65536"],
        ["serve", "--port", "-1"],
        ["serve", "--dat", "x"],
        ["audit", "nonsense"],
    ],
)
def test_wrong_usage_is_2(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read is said on standard error, and nothing is done."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--", "true"],
        ["env"],
        ["hosts"],
        ["recover"],
        ["issuers", "list"],
        ["issuers", "add", "https://issuer.example"],
        ["issuers", "remove", "https://issuer.example"],
        ["identity-provider", "list"],
        ["identity-provider", "remove", "a-provider"],
        ["identity-provider", "links", "a-provider"],
        ["signing-keys", "list"],
        ["signing-keys", "roll"],
        ["signing-keys", "revoke", "a-key"],
        ["audit", "tail"],
        ["audit", "verify"],
        ["verify"],
    ],
)
def test_without_an_instance_is_3(arguments: Sequence[str], tmp_path: object) -> None:
    """A command that needs an instance says where it looked and what to do."""
    words = (
        [*arguments[:-2], "--data", str(tmp_path), *arguments[-2:]]
        if "--" in arguments
        else [*arguments, "--data", str(tmp_path)]
    )
    result = strongroom(*words)
    assert result.returncode == 3, result.stderr
    assert str(tmp_path) in result.stderr
    assert result.stdout == ""


def test_python_m_gives_the_exit_code_too() -> None:
    """`python -m strongroom` ends as the command does."""
    assert strongroom("nonsense").returncode == 2


def test_a_reader_that_has_enough_is_no_fault() -> None:
    """Output into a pipe that closes, as `head` does, ends quietly."""
    script = f"{sys.executable} -m strongroom version | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
