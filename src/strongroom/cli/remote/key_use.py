"""
`strongroom key sign` and its like: a vault's key used on the content of a file, and when keys are rotated.

What is signed is hashed here, as Azure's clients do: a vault signs digests, and the content never travels.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import STANDARD_INPUT, decoded, read_bytes
from strongroom.cli.remote.objects import VALUE, VaultObject, about, hand_over, keep_privately
from strongroom.cli.remote.output import Columns, done, print_json, show_one
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.pem import octets_of, text_of

_OPENING = frozenset({"decrypt", "unwrapkey"})


@dataclass(frozen=True, slots=True)
class Symmetric:
    """What AES needs beside the content, in base64url; what is None is not sent."""

    iv: str | None = None
    tag: str | None = None
    aad: str | None = None

    def body(self) -> dict[str, str]:
        """Give it as a vault calls it."""
        said = {"iv": self.iv, "tag": self.tag, "aad": self.aad}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Through:
    """Where content comes from and goes to."""

    file: Path
    output: Path | None
    raw: bool = False
    """Whether ciphertexts and signatures are bytes in files, and not base64url."""
    as_json: bool = False


def apply(key: VaultObject, operation: str, algorithm: str, symmetric: Symmetric, through: Through) -> int:
    """
    Encrypt, decrypt, wrap or unwrap the content of a file; *operation* is as it stands in the path.

    Raises:
        Halt: the content cannot be read, the vault refuses, or what was secret would go to a terminal.
    """
    opens = operation in _OPENING
    if opens and not through.as_json:
        _require_no_terminal(through)
    content = read_bytes(through.file)
    value = _taken(content, through) if opens else content
    body = {"alg": algorithm, VALUE: text_of(value), **symmetric.body()}
    with about(key) as session:
        answer = session.vault(key.vault, "POST", f"{_with_version(key)}/{operation}", body)
    if through.as_json:
        print_json(answer)
        return Exit.OK
    result = octets_of(answer[VALUE])
    if opens:
        return write(result, through.output, private=True)
    for member in ("iv", "tag"):
        if member in answer:
            # Without them it cannot be decrypted; they are not secret.
            print(f"{member}: {answer[member]}", file=sys.stderr)
    return _give(result, through)


def sign(key: VaultObject, algorithm: str, through: Through, *, digest: bool) -> int:
    """
    Sign the content of a file, or with *digest* the digest that is in it.

    Raises:
        Halt: the content cannot be read, the algorithm is none for signatures, or the vault refuses.
    """
    body = {"alg": algorithm, VALUE: text_of(_digest(read_bytes(through.file), algorithm, digest=digest))}
    with about(key) as session:
        answer = session.vault(key.vault, "POST", f"{_with_version(key)}/sign", body)
    if through.as_json:
        print_json(answer)
        return Exit.OK
    return _give(octets_of(answer[VALUE]), through)


def verify(key: VaultObject, algorithm: str, through: Through, signature: Path, *, digest: bool) -> int:
    """
    Check a signature of the content of a file; the exit code says whether it is one.

    Raises:
        Halt: a file cannot be read, or the vault refuses.
    """
    if through.file == STANDARD_INPUT == signature:
        raise Halt("standard input is either the content or the signature: name a file for the other", Exit.USAGE)
    body = {
        "alg": algorithm,
        "digest": text_of(_digest(read_bytes(through.file), algorithm, digest=digest)),
        VALUE: text_of(_taken(read_bytes(signature), Through(signature, None, through.raw))),
    }
    with about(key) as session:
        is_valid = bool(session.vault(key.vault, "POST", f"{_with_version(key)}/verify", body)[VALUE])
    done(
        "the signature is valid" if is_valid else "the signature is not valid", as_json=through.as_json, value=is_valid
    )
    return Exit.OK if is_valid else Exit.FAILED


# ---- rotation -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a key is rotated and its owner told, in ISO 8601 durations; what is None is not done."""

    after: str | None = None
    before_expiry: str | None = None
    notify: str | None = None
    expires: str | None = None

    def body(self) -> dict[str, Any]:
        """Give it as a vault calls it."""
        actions = [
            {"trigger": {trigger: duration}, "action": {"type": action}}
            for trigger, duration, action in (
                ("timeAfterCreate", self.after, "Rotate"),
                ("timeBeforeExpiry", self.before_expiry, "Rotate"),
                ("timeBeforeExpiry", self.notify, "Notify"),
            )
            if duration is not None
        ]
        expiry = {"expiryTime": self.expires} if self.expires is not None else {}
        return {"lifetimeActions": actions, "attributes": expiry}


def _trigger(action: str, name: str) -> Any:
    def read(row: Mapping[str, Any]) -> str:
        for one in row.get("lifetimeActions") or ():
            if one["action"]["type"].lower() == action and one["trigger"].get(name):
                return str(one["trigger"][name])
        return ""

    return read


_POLICY: Columns = {
    "rotated after": _trigger("rotate", "timeAfterCreate"),
    "rotated before expiry": _trigger("rotate", "timeBeforeExpiry"),
    "told before expiry": _trigger("notify", "timeBeforeExpiry"),
    "new versions expire after": "attributes.expiryTime",
}


def show_policy(key: VaultObject, *, as_json: bool) -> int:
    """
    Print when a key is rotated.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with about(key) as session:
        return show_one(session.vault(key.vault, "GET", f"{key.path}/rotationpolicy"), _POLICY, as_json=as_json)


def set_policy(key: VaultObject, rotation: Rotation, *, as_json: bool) -> int:
    """
    Say when a key is rotated; this replaces what was said before.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with about(key) as session:
        made = session.vault(key.vault, "PUT", f"{key.path}/rotationpolicy", rotation.body())
        return show_one(made, _POLICY, as_json=as_json)


# ---- files ----------------------------------------------------------------------------------------------------------


def write(content: bytes, file: Path | None, *, private: bool = False) -> int:
    """
    Write bytes into a new file, or onto standard output.

    Raises:
        Halt: the file is there already, or nobody takes them.
    """
    if file is None or file == STANDARD_INPUT:
        return hand_over(content)
    if private:
        keep_privately(file, content)
        return Exit.OK
    try:
        with file.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        raise Halt(f"{file} is there already: nothing is overwritten") from None
    except OSError as error:
        raise Halt(f"{file} cannot be written: {error.strerror}") from None
    return Exit.OK


def _give(result: bytes, through: Through) -> int:
    if not through.raw:
        return write(f"{text_of(result)}\n".encode(), through.output)
    _require_no_terminal(through)
    return write(result, through.output)


def _require_no_terminal(through: Through) -> None:
    if through.output in {None, STANDARD_INPUT} and sys.stdout.isatty():
        raise Halt("standard output is a terminal: --output names a file, and a pipe takes it too", Exit.USAGE)


def _taken(content: bytes, through: Through) -> bytes:
    """
    Read a ciphertext or a signature.

    Raises:
        Halt: it is no base64url, and not said to be bytes.
    """
    if through.raw:
        return content
    try:
        return octets_of(decoded(content, through.file).strip())
    except ValueError:
        raise Halt(f"{through.file} is no base64url: --raw says that it is bytes", Exit.USAGE) from None


def _digest(content: bytes, algorithm: str, *, digest: bool) -> bytes:
    """
    Give what the vault signs.

    Raises:
        Halt: the algorithm has no hash by which the content could be made into it.
    """
    if digest:
        return content
    known = ALGORITHMS.get(algorithm)
    if known is None or not known.signs or known.hash is None:
        signing = ", ".join(name for name, one in ALGORITHMS.items() if one.signs and one.hash is not None)
        raise Halt(f"{algorithm!r} is no algorithm for signing a file; there are {signing}", Exit.USAGE)
    return hashlib.new(known.hash, content).digest()


def _with_version(key: VaultObject) -> str:
    # Azure's clients leave an empty segment for the newest version, and a vault takes both.
    return key.version_path if key.version else f"{key.path}/"
