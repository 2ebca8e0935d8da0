"""The entry point: one command, its exit code, and nothing loaded that it does not need."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

from strongroom.cli.outcome import Exit, Halt, forget_output

_INTERRUPTED = 130
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EIO}


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says and give the exit code (`outcome.Exit`)."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        code = _do(arguments)
        if sys.stdout is not None:
            # What is still buffered may find no room, which at exit nobody would hear of.
            sys.stdout.flush()
    except Halt as halt:
        print(f"strongroom: {halt}", file=sys.stderr)
        return halt.exit_code
    except SystemExit as end:
        # How the standard library's parser ends, after help or a fault that it has shown.
        return end.code if isinstance(end.code, int) else Exit.OK
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough, as `head` does.
        forget_output()
        return Exit.OK
    except OSError as error:
        if error.errno not in _NO_ROOM or error.filename is not None:
            raise
        forget_output()
        print(f"strongroom: not all of the output could be written ({error.strerror})", file=sys.stderr)
        return Exit.FAILED
    return code


def _do(arguments: list[str]) -> int:
    if arguments[:1] == ["serve"]:
        # Its time to the first answer counts, so neither a parser nor tables are loaded for it.
        from strongroom.cli.serve import serve  # noqa: PLC0415  see above

        return serve(arguments[1:])
    from strongroom.cli.commands import dispatch  # noqa: PLC0415  see above

    return dispatch(arguments)


if __name__ == "__main__":
    sys.exit(main())
