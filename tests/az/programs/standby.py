"""
Azure CLI on standby: a process for each command, forked from one that has imported what earlier commands imported.

Run by the interpreter that Azure CLI is installed for. Each line of standard input is a command to run, each line of
standard output says how it ended. The command is run by the `__main__` of `azure.cli`, as `az` does, in a process that
ends with it: nothing is left for the next one, except that its modules are there, which is most of what an `az` costs.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import sys
import sysconfig
import traceback

INSTALLED = sysconfig.get_path("purelib")


def main() -> None:
    """Run commands until there are no more."""
    # Says who installed it; `az` sets this too.
    os.environ["AZ_INSTALLER"] = "PIP"
    for line in sys.stdin:
        command = json.loads(line)
        # What is there now is never collected, so that the process to come need not copy it.
        gc.freeze()
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            run(command["words"], command["stdout"], command["stderr"], writer)
        os.close(writer)
        with os.fdopen(reader) as told:
            imported = told.read().split()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{json.dumps({'code': code})}\n")
        sys.stdout.flush()
        for name in imported:
            importlib.import_module(name)


def run(words: list[str], stdout: str, stderr: str, writer: int) -> None:
    """Be `az` with these words and files to the end of this process, and tell what had to be imported for it."""
    for path, descriptor in ((os.devnull, 0), (stdout, 1), (stderr, 2)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    before = set(sys.modules)
    sys.argv[1:] = words
    code = 0
    try:
        runpy.run_module("azure.cli", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  as at the end of any program; it must not go on as the one it was forked from
        traceback.print_exc()
        code = 1
    with os.fdopen(writer, "w") as telling:
        telling.write("\n".join(name for name in sys.modules if name not in before and is_installed(name)))
    sys.stdout.flush()
    sys.stderr.flush()
    # Without taking the interpreter apart: its thousand modules would be copied for that.
    os._exit(code)


def is_installed(name: str) -> bool:
    """Tell whether a module is an installed file under its own name, so that importing it is all that it takes."""
    spec = getattr(sys.modules[name], "__spec__", None)
    return spec is not None and spec.name == name and (spec.origin or "").startswith(INSTALLED)


if __name__ == "__main__":
    main()
