"""
Secrets in files: `.env`, which has a value for each name, and JSON, which has everything.

    {"secrets": [{"name": "db", "versions": [{"value": "…", "contentType": …, "tags": {…}, "enabled": true,
                                              "notBefore": 1790000000, "expires": 1790000000}]}]}

A file that is written is its owner's alone, and is there whole or not at all.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from strongroom.cli.transfer.histories import History, Version
from strongroom.cli.transfer.naming import ORIGINAL_NAME, Named, Unusable, name_all, name_tags
from strongroom.cli.transfer.transfer import SecretFault, TransferEnded

_NO_VALUE = "it has no name and value: one of several lines has to be in quotes"
_PADDING = {"", "="}
"""What the last line of a key in Base64 seems to give for a value."""


class FileFault(ValueError):
    """A file is not what it should be. The message says where, and holds no value."""


class FileSecrets:
    """The secrets of a file that was read, as a source."""

    def __init__(self, title: str, histories: dict[str, History], unusable: Sequence[Unusable] = ()) -> None:
        self.title = title
        self._histories = histories
        self._unusable = unusable

    def listed(self) -> tuple[Sequence[Named], Sequence[Unusable]]:
        """Name every secret."""
        named, unusable = name_all(self._histories)
        return named, [*unusable, *self._unusable]

    def notes(self) -> Iterable[str]:
        """Say nothing: a file has nothing else."""
        return ()

    def read(self, original: str) -> History:
        """Give a secret of the file."""
        return self._histories[original]


def read_dotenv(path: Path) -> FileSecrets:
    """
    Read a `.env` file. Variables in values are left as they are: what they would be here is nobody's secret.

    A line without a value is told by its number: as a rule it is a part of one that has several lines and no quotes, as
    of a private key, and no name.

    Raises:
        FileFault: it is no text.
        OSError: it cannot be read.
    """
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        msg = f"{path} is no text in UTF-8"
        raise FileFault(msg) from None
    histories: dict[str, History] = {}
    unusable: list[Unusable] = []
    within = False
    for binding in parse_stream(StringIO(text)):
        where = f"line {binding.original.line}"
        if binding.key is not None and binding.value is not None and not (within and binding.value in _PADDING):
            histories[binding.key] = History((Version(binding.value, tags=name_tags(binding.key)),))
            within = False
        elif binding.key is not None or binding.error:
            unusable.append(Unusable(where, _NO_VALUE))
            within = True
    return FileSecrets(str(path), histories, unusable)


def read_json(path: Path) -> FileSecrets:
    """
    Read a file that `JsonFile` wrote.

    Raises:
        FileFault: it is not such a file; the message says where.
        OSError: it cannot be read.
    """
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        msg = f"{path} is not JSON"
        raise FileFault(msg) from None
    secrets = document.get("secrets") if isinstance(document, dict) else None
    if not isinstance(secrets, list):
        msg = f"{path} has no list of secrets"
        raise FileFault(msg)
    histories: dict[str, History] = {}
    for index, secret in enumerate(secrets):
        where = f"{path}: secrets[{index}]"
        if not isinstance(secret, dict) or not isinstance(secret.get("name"), str):
            msg = f"{where} has no name"
            raise FileFault(msg)
        versions = secret.get("versions")
        if not isinstance(versions, list):
            msg = f"{where} has no list of versions"
            raise FileFault(msg)
        if secret["name"] in histories:
            msg = f"{where} has a name that another has"
            raise FileFault(msg)
        histories[secret["name"]] = History(
            tuple(_version(one, f"{where}.versions[{place}]") for place, one in enumerate(versions))
        )
    return FileSecrets(str(path), histories)


class _NewFile:
    """A destination that is a file, written when everything is there."""

    is_whole = True

    def __init__(self, path: Path) -> None:
        self.title = str(path)
        self._path = path
        self._histories: dict[str, list[Version]] = {}

    def find(self, _name: str) -> History | None:
        """Find nothing: the file is new."""
        return None

    def write(self, name: str, version: Version) -> None:
        """Take a version."""
        self._histories.setdefault(name, []).append(version)

    def _place(self, text: str) -> None:
        """
        Put the file where it belongs, in one step.

        Raises:
            TransferEnded: it cannot be written.
        """
        try:
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    stream.write(text)
                    stream.flush()
                    os.fsync(stream.fileno())
                # A link, unlike a rename, fails where somebody made a file of that name meanwhile.
                os.link(name, self._path)
            finally:
                with suppress(FileNotFoundError):
                    Path(name).unlink()
        except OSError as fault:
            msg = f"{self._path} cannot be written: {fault.strerror}"
            raise TransferEnded(msg) from None


class JsonFile(_NewFile):
    """A JSON file with every version and all its attributes."""

    def finish(self) -> None:
        """Write the file."""
        secrets = [
            {"name": name, "versions": [_document(version) for version in versions]}
            for name, versions in sorted(self._histories.items())
        ]
        self._place(json.dumps({"secrets": secrets}, indent=2, ensure_ascii=False) + "\n")


class DotenvFile(_NewFile):
    """A `.env` file with the newest value of every secret."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._owners: dict[str, str] = {}

    def write(self, name: str, version: Version) -> None:
        """
        Take a version in the place of the one before.

        Raises:
            SecretFault: its value cannot be put into such a file.
        """
        said = version.tags.get(ORIGINAL_NAME, "")
        # Whoever may set the secret writes the tag, which is no place for a command either.
        variable = said if _VARIABLE.fullmatch(said) else name.replace("-", "_").upper()
        line = f"{variable}={_quoted(version.value)}"
        if dotenv_values(stream=StringIO(line), interpolate=False) != {variable: version.value}:
            msg = "a .env file cannot say its name or its value"
            raise SecretFault(msg)
        if self._owners.setdefault(variable, name) != name:
            msg = f"the secret {self._owners[variable]!r} is called {variable} too"
            raise SecretFault(msg)
        super().write(variable, version)

    def finish(self) -> None:
        """Write the file."""
        lines = [f"{name}={_quoted(versions[-1].value)}\n" for name, versions in sorted(self._histories.items())]
        self._place("".join(lines))


_VARIABLE = re.compile(r"[0-9A-Za-z_./-]+")
_SHELL = set('"$`\\\n')
"""What means something between double quotes to a shell that reads the file as its own."""


def _quoted(value: str) -> str:
    """
    Quote a value as `.env` files do: in single quotes, where only the quote and the backslash mean something.

    A shell knows no quote within single quotes, so that one ends them and what follows is a command: such a value is in
    double quotes as far as both read them alike.
    """
    if "'" in value and _SHELL.isdisjoint(value):
        return f'"{value}"'
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "value": (lambda value: isinstance(value, str), "is a text"),
    "contentType": (lambda value: value is None or isinstance(value, str), "is a text"),
    "tags": (
        lambda value: isinstance(value, dict) and all(isinstance(one, str) for one in value.values()),
        "has texts",
    ),
    "enabled": (lambda value: isinstance(value, bool), "is true or false"),
    "notBefore": (lambda value: value is None or type(value) is int, "is a number of seconds"),
    "expires": (lambda value: value is None or type(value) is int, "is a number of seconds"),
}


def _version(document: Any, where: str) -> Version:
    if not isinstance(document, dict) or "value" not in document:
        msg = f"{where} has no value"
        raise FileFault(msg)
    for name, value in document.items():
        if name not in _FIELDS:
            msg = f"{where} has something unknown; a version has {', '.join(_FIELDS)}"
            raise FileFault(msg)
        fits, form = _FIELDS[name]
        if not fits(value):
            msg = f"{where}.{name}: it {form}"
            raise FileFault(msg)
    return Version(
        value=document["value"],
        content_type=document.get("contentType"),
        tags=document.get("tags") or {},
        enabled=document.get("enabled", True),
        not_before=document.get("notBefore"),
        expires=document.get("expires"),
    )


def _document(version: Version) -> dict[str, Any]:
    return {
        "value": version.value,
        "contentType": version.content_type,
        "tags": dict(version.tags),
        "enabled": version.enabled,
        "notBefore": version.not_before,
        "expires": version.expires,
    }
