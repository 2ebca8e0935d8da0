"""What the service tells once: where it is kept. It goes into a file of its owner alone, and nowhere else."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strongroom.cli.outcome import Exit, Halt

MODE = 0o600


@dataclass(slots=True)
class Credentials:
    """A file that is appended to, one JSON object a line; without a path there is none."""

    path: Path | None = None
    written: int = field(default=0)

    def open(self) -> None:
        """
        See that the file can be written to before anything is told; one that is there must be the owner's alone.

        Raises:
            Halt: it cannot, or others may read it.
        """
        if self.path is None:
            return
        os.close(self._descriptor(self.path))

    def write(self, entry: dict[str, Any]) -> None:
        """
        Keep what was told, and have it on the disk before anything else happens.

        Raises:
            Halt: it cannot be written.
        """
        if self.path is None:
            raise Halt("there is no file to keep a new credential in: say --credentials FILE", Exit.USAGE)
        with os.fdopen(self._descriptor(self.path), "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.written += 1

    def _descriptor(self, path: Path) -> int:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, MODE)
        except OSError as error:
            raise Halt(f"{path} cannot be written: {error.strerror}") from None
        found = os.fstat(descriptor)
        if found.st_mode & 0o077 or found.st_uid != os.geteuid():
            os.close(descriptor)
            raise Halt(f"others than you may read {path}: chmod 600 it, or name another file")
        return descriptor
