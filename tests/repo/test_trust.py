"""What the code could do to the trust of the machine it runs on: nothing."""

import ast
import re
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

STARTERS = {"subprocess", "pty", "multiprocessing"}
"""Modules that start programs."""
CALLS = {"system", "popen", "fork", "forkpty", "create_subprocess_exec", "create_subprocess_shell"}
PREFIXES = ("exec", "spawn", "posix_spawn")
SPELLED = re.compile(rf"\b(?:{'|'.join(STARTERS)})\b|\.\s*(?:{'|'.join([*sorted(CALLS), *PREFIXES])})")
"""How they stand in a text: what has none of it need not be parsed."""
SYSTEM_PATHS = ("/etc/", "/usr/", "/Library/", "/System/", "/var/")


def starts_a_program(node: ast.AST) -> bool:
    """Tell whether a piece of code can start another program."""
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] in STARTERS for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] in STARTERS
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name, owner = node.func.attr, node.func.value
        return name in CALLS or (isinstance(owner, ast.Name) and owner.id == "os" and name.startswith(PREFIXES))
    return False


def test_no_program_is_started_but_the_one_that_is_asked_for() -> None:
    """
    SEC-NAME-1: no command installs a certificate authority: nothing that could is ever started.

    Systems, browsers and Java each have a program that changes their store. The one program that Strongroom starts is
    what follows `strongroom run --`. A token's workers, and what checks keys and opens PKCS#12 files, are Strongroom
    itself, a module of its own in a new process. The service starts the hooks that its operator names for DNS records,
    and nothing that came from a network.
    """
    found = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if SPELLED.search(text := path.read_text(encoding="utf-8"))
        and any(starts_a_program(node) for node in ast.walk(ast.parse(text)))
    }

    ours = {f"src/strongroom/crypto/{name}.py" for name in ("process", "forks", "fork_server", "keys/pkcs11/process")}
    assert found == {"src/strongroom/cli/run.py", "src/strongroom/hooks.py", *ours}


def calls(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    """Tell whether a node is a call of the function *name*."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def test_no_file_of_the_systems_is_written_but_the_hosts_file() -> None:
    """SEC-NAME-1: system paths: bundles that are read, and what is asked for: the hosts file, and key files of runs."""
    named = {
        (path.relative_to(ROOT).as_posix(), node.value)
        for path in SOURCES
        for text in [path.read_text(encoding="utf-8")]
        if any(place in text for place in SYSTEM_PATHS)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(SYSTEM_PATHS)
    }

    assert {path for path, _ in named} == {
        "src/strongroom/cli/trust.py",
        "src/strongroom/cli/hosts.py",
        "src/strongroom/cli/commands.py",
        "src/strongroom/core/instance.py",
    }
    others = {value for path, value in named if path != "src/strongroom/cli/trust.py"}
    assert others == {"/etc/hosts", "/var/opt/azcmagent/tokens"}
    reading = ast.parse((ROOT / "src/strongroom/cli/trust.py").read_text(encoding="utf-8"))
    writers = [node for node in ast.walk(reading) if isinstance(node, ast.Attribute) and node.attr.startswith("write_")]
    written = [ast.unparse(node.args[0]) for node in ast.walk(reading) if calls(node, "_write")]
    assert [ast.unparse(node) for node in writers] == ["path.write_bytes"], "only `_write` writes"
    assert set(written) == {"truststore", "bundles[variable]"}
