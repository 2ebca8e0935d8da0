"""
`strongroom serve`: start the service, initialising its data directory first where that is new.

Parsed with the standard library alone, because the time to the first answer counts.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from strongroom.cli.faults import halting
from strongroom.cli.outcome import Exit

PORT_MAX = 65_535


def serve(arguments: Sequence[str]) -> int:
    """Read the options and serve until told to stop."""
    options = _parser().parse_args(arguments)
    from strongroom import app, config  # noqa: PLC0415  a wrong option is told before anything is loaded

    with halting(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        settings = config.load(options.data, _overrides(options))
        runner.run(
            app.serve(
                settings,
                ephemeral=options.ephemeral,
                at=settings.data if options.data is not None else None,
                restored=options.restored,
            )
        )
    return Exit.OK


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Choose uvloop, where there is one for this platform."""
    try:
        import uvloop  # noqa: PLC0415  a wrong option is told before anything is loaded
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="strongroom serve",
        description="Start the service. A new data directory is initialised first.",
        allow_abbrev=False,
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory (default: this user's own)")
    parser.add_argument(
        "--ephemeral",
        action="store_true",
        help="use a temporary directory (DIR, if that is new) and a free port, and keep nothing",
    )
    parser.add_argument(
        "--restored",
        action="store_true",
        help="accept, this once, a store put back from a backup; it is recorded",
    )
    parser.add_argument("--pkcs11-module", type=Path, metavar="PATH", help="library of a token (HSM) for keys")
    parser.add_argument("--pkcs11-pin-file", type=Path, metavar="FILE", help="file with the token's PIN")
    parser.add_argument("--pkcs11-token", metavar="NAME", help="the token's label or serial number, of several")
    parser.add_argument(
        "--pkcs11-root-key", action="store_true", help="on a first start, have the token wrap the root key"
    )
    parser.add_argument("--port", type=_port, metavar="N", help="port of the main listener (default: 8443)")
    return parser


def _overrides(options: argparse.Namespace) -> dict[str, object]:
    """Give the options that are settings."""
    paths = {"pkcs11_module": options.pkcs11_module, "pkcs11_pin_file": options.pkcs11_pin_file}
    return {
        # What is gone at the end keeps no port from anybody else.
        "port": 0 if options.ephemeral and options.port is None else options.port,
        **{name: None if path is None else str(path.absolute()) for name, path in paths.items()},
        "pkcs11_token": options.pkcs11_token,
        "pkcs11_root_key": options.pkcs11_root_key or None,
    }


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no port: give a number from 1 to {PORT_MAX}, or 0 for a free one"
        )
    return int(text)
