"""A token without hardware: SoftHSM, with a configuration and a directory of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.crypto.keys.pkcs11.workers import TokenSettings
from tests.plugins import canary

_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
PIN = "482915-token-pin"
_MEMORY = Path("/dev/shm")  # noqa: S108  a folder of its own is made in it


def module() -> Path:
    """Find the library: where SOFTHSM2_MODULE says, or where distributions put it."""
    named = os.environ.get("SOFTHSM2_MODULE")
    return next(path for text in (named, *_MODULES) if text is not None and (path := Path(text)).is_file())


@dataclass(frozen=True, slots=True)
class SoftToken:
    """A token in a directory."""

    folder: Path
    module: Path
    pin_file: Path
    pin: str = field(repr=False)

    @property
    def tokens(self) -> Path:
        """Where the library keeps it: gone, the token is."""
        return self.folder / "tokens"

    def settings(self, *, workers: int = 1, timeout_s: float = 30.0) -> TokenSettings:
        """Give what TokenKeys is made with."""
        return TokenSettings(self.module, self.pin_file, workers=workers, timeout_s=timeout_s)


@contextmanager
def soft_token(label: str = "strongroom-test") -> Iterator[SoftToken]:
    """Make a token. The environment has its configuration meanwhile, which workers inherit."""
    # SoftHSM writes each key to a disk and waits for that; in memory it takes a twentieth of the time.
    with tempfile.TemporaryDirectory(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None) as folder:
        yield from _made(Path(folder), label)


def _made(folder: Path, label: str) -> Iterator[SoftToken]:
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n", encoding="utf-8"
    )
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    try:
        program = shutil.which("softhsm2-util") or "softhsm2-util"
        subprocess.run(
            [program, "--init-token", "--free", "--label", label, "--so-pin", f"so-{PIN}", "--pin", PIN],
            check=True,
            capture_output=True,
        )
        pin_file = folder / "pin"
        pin_file.write_text(f"{PIN}\n", encoding="utf-8")
        pin_file.chmod(0o600)
        canary.remember(PIN)
        yield SoftToken(folder, module(), pin_file, PIN)
    finally:
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before
