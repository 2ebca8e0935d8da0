"""The root key of an instance: in a file, or in one that a token (HSM) has wrapped. Read and made here alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.app.tokens import token_settings
from strongroom.config import Settings
from strongroom.crypto.private_files import (
    PrivateFileRefused,
    create_private_file,
    read_private_text,
    replace_private_file,
)
from strongroom.crypto.protocol import RootKeyUnusable
from strongroom.crypto.software import ROOT_KEY_BYTES, SoftwareRootKey

ROOT_KEY_FILE_BYTES_MAX = 4096
PIN_REFUSED_FILE = "pin-refused"
"""Beside the root key: that the token refused the PIN, so that no supervisor's restarts lock the token."""


def load_root_key(settings: Settings) -> SoftwareRootKey:
    """
    Read the root key, and have the token unwrap it where it was wrapped.

    Raises:
        RootKeyUnusable: there is none, it is refused, or the token cannot be used.
    """
    content = _wrapped(settings.root_key)
    if content is None:
        return SoftwareRootKey.load(settings.root_key)
    from strongroom.crypto.keys.pkcs11 import root_key  # noqa: PLC0415  only where there is a token

    token = root_key.token_of(content)
    if not settings.pkcs11_module:
        raise RootKeyUnusable(f"the root key is wrapped by the token {token}: set pkcs11_module and pkcs11_pin_file")
    with _one_try(settings):
        key = root_key.unwrap_root_key(token_settings(settings), content)
    return SoftwareRootKey(key, f"PKCS#11 token {token}")


def create_root_key(settings: Settings, path: Path) -> SoftwareRootKey:
    """
    Make a root key and its file, wrapped by the token where the settings want that.

    Raises:
        RootKeyUnusable: the file exists, or the token cannot be used.
    """
    if not settings.pkcs11_root_key:
        return SoftwareRootKey.create(path)
    from strongroom.crypto.keys.pkcs11 import root_key  # noqa: PLC0415  as above

    if path.exists():
        # Said before the token has made a key for it.
        raise RootKeyUnusable(f"{path} exists, and a root key is never overwritten")
    key = os.urandom(ROOT_KEY_BYTES)
    with _one_try(settings):
        content = root_key.wrap_root_key(token_settings(settings), key)
    create_private_file(path, content)
    return SoftwareRootKey(key, f"PKCS#11 token {root_key.token_of(content)}")


@contextmanager
def _one_try(settings: Settings) -> Iterator[None]:
    """
    Let a PIN that the token has refused be tried once, and not by whoever starts the service again when it ends.

    Tokens lock themselves after a few wrong PINs. So a refusal is remembered with the PIN file's time and size, never
    with anything of the PIN, of which there are few enough to try them all against any digest, until the file is
    another or the login succeeds.

    Raises:
        RootKeyUnusable: the token refused the PIN, now or before.
    """
    from strongroom.crypto.keys.pkcs11.root_key import PinRefused  # noqa: PLC0415  as above

    facts, remembered = _facts(Path(settings.pkcs11_pin_file)), settings.data / PIN_REFUSED_FILE
    try:
        before = read_private_text(remembered, limit=ROOT_KEY_FILE_BYTES_MAX)
    except FileNotFoundError:
        before = b""
    except PrivateFileRefused as refused:
        raise RootKeyUnusable(f"{refused}; delete it once the PIN is right") from None
    if facts and before == facts:
        raise RootKeyUnusable(
            f"the token (HSM) that wraps the root key refused the PIN in {settings.pkcs11_pin_file}, and the file has"
            " not changed since, as far as can be told. It is not tried again, because tokens lock themselves after a"
            f" few wrong ones: write the right PIN into it; delete {remembered} if it is the token's PIN that was"
            " mended, or if systemd hands the file out, which every start has anew"
        )
    try:
        yield
    except PinRefused as refused:
        replace_private_file(remembered, facts)
        raise RootKeyUnusable(
            f"{refused}. It is not tried again before that file is changed, because tokens lock themselves after a few"
            " wrong ones"
        ) from None
    remembered.unlink(missing_ok=True)


def _facts(pin_file: Path) -> bytes:
    """
    Say which state of the PIN file this is; nothing where there is none, which whoever reads it says.

    systemd writes a credential anew for each start: of such a file only the size says that the PIN is another.
    """
    try:
        state = pin_file.stat()
    except OSError:
        return b""
    handed_out = os.environ.get("CREDENTIALS_DIRECTORY")
    if handed_out and pin_file.absolute().is_relative_to(handed_out):
        return f"{state.st_size}\n".encode()
    return f"{state.st_ino} {state.st_mtime_ns} {state.st_size}\n".encode()


def token_of_root_key(path: Path) -> str | None:
    """
    Name the token that has wrapped the root key in a file; None where none has.

    Raises:
        RootKeyUnusable: the file is damaged.
    """
    content = _wrapped(path)
    if content is None:
        return None
    from strongroom.crypto.keys.pkcs11 import root_key  # noqa: PLC0415  as above

    return root_key.token_of(content)


def _wrapped(path: Path) -> bytes | None:
    """Read a file that a token has wrapped a key in; None where it is another, or is refused, or there is none."""
    try:
        content = read_private_text(path, limit=ROOT_KEY_FILE_BYTES_MAX)
    except (FileNotFoundError, PrivateFileRefused):
        # Whoever reads it as a key in the clear says so.
        return None
    return content if len(content) != ROOT_KEY_BYTES else None
