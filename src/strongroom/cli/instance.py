"""Find the instance that runs in a data directory."""

from __future__ import annotations

import json
import os
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.cli.outcome import Exit, Halt

DATA_VARIABLE = "STRONGROOM_DATA"
RUN_FILE = "run.json"
CA_FILE = "ca.pem"
ROOT_KEY_FILE = "root.key"
_READY_WAIT_S = 10.0
_POLL_S = 0.05
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Instance:
    """A running service, as its run.json describes it."""

    data: Path
    domain: str
    port: int
    control_socket: Path
    address: str = _LOOPBACK
    """What its main listener is bound to."""
    tenant: str = ""
    """Its first tenant."""
    url_port: int = 0
    """The port in its URLs, if that is another than the one that is listened on."""

    @property
    def ca_file(self) -> Path:
        """The certificate of the instance's CA."""
        return self.data / CA_FILE

    def read_ca(self) -> bytes:
        """
        Read that certificate.

        Raises:
            Halt: it is not there, or not ours to read.
        """
        try:
            return self.ca_file.read_bytes()
        except OSError as error:
            raise Halt(
                f"{self.ca_file} cannot be read ({error.strerror}): a restart of the service writes it anew"
            ) from None


def data_directory(data: Path | None) -> Path:
    """Give the data directory that the option or the environment names, or the platform's own for this user."""
    named = data or os.environ.get(DATA_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    # Composing settings loads every surface; a command that was told where to look need not wait for that.
    from strongroom.config import default_data_directory  # noqa: PLC0415  imported only where it is needed

    return default_data_directory()


def find_instance(data: Path | None) -> Instance:
    """
    Find the service that runs in *data*, waiting a little for one that is just starting.

    Raises:
        Halt: none runs there. The message says how to start one.
    """
    directory = data_directory(data)
    deadline = time.monotonic() + _READY_WAIT_S
    while not (facts := _read_run_file(directory)).get("ready"):
        if time.monotonic() > deadline:
            raise Halt(
                f"the service in {directory} has been starting for {_READY_WAIT_S:.0f} seconds and is not ready:"
                " see what it printed",
                Exit.NOT_RUNNING,
            )
        time.sleep(_POLL_S)
    try:
        return Instance(
            data=directory,
            domain=str(facts["domain"]),
            port=int(facts["port"]),
            control_socket=Path(facts["controlSocket"]),
            address=str(facts.get("address", _LOOPBACK)),
            tenant=str(facts.get("tenantId", "")),
            url_port=int(facts.get("urlPort", 0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Halt(
            f"{directory / RUN_FILE} is not as this version writes it ({error!r}): stop the service and start it again"
        ) from error


def not_running(directory: Path) -> Halt:
    """Make the refusal of a command that needs a running service."""
    serve = f"`strongroom serve --data {shlex.quote(str(directory))}`"
    said = f"no service runs in {directory}: start it with {serve}, or name the directory of one that runs with --data"
    if not (directory / ROOT_KEY_FILE).exists():
        # A slip in --data must not end in a second, empty instance.
        said = (
            f"no service runs in {directory}, and there is no instance: name the directory of one that runs with"
            f" --data, or make a new one with {serve}"
        )
    return Halt(said, Exit.NOT_RUNNING)


def _read_run_file(directory: Path) -> dict[str, Any]:
    try:
        text = (directory / RUN_FILE).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise not_running(directory) from None
    except PermissionError:
        raise Halt(f"{directory / RUN_FILE} is not yours to read: run this as the user who runs the service") from None
    except OSError as error:
        raise Halt(f"{directory / RUN_FILE} cannot be read: {error.strerror}") from None
    try:
        facts = json.loads(text)
    except ValueError:
        # The service replaces the file while we look.
        return {}
    return facts if isinstance(facts, dict) else {}
