"""Where values come from: the environment, a file, or chance. None of them is ever shown."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strongroom.cli.outcome import Halt
from strongroom.cli.seed.forms.sources import ALPHABET, LENGTH
from strongroom.core import limits


def needs_value(source: Mapping[str, Any]) -> bool:
    """Tell whether the file says the value itself, so that it can differ from the one that is there."""
    return not {"generate", "keep"} & source.keys()


def read_value(source: Mapping[str, Any], folder: Path, environment: Mapping[str, str]) -> str:
    """
    Read or make a value.

    Raises:
        Halt: there is none.
    """
    if "env" in source:
        value = environment.get(source["env"])
        if not value:
            raise Halt(f"the environment variable {source['env']} is not set")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Halt(f"the environment variable {source['env']} is not UTF-8, and a secret is a text") from None
        return value
    if "file" in source:
        return _read_file(folder / str(source["file"]))
    if "generate" in source:
        alphabet, length = source["generate"].get("alphabet", ALPHABET), source["generate"].get("length", LENGTH)
        return "".join(secrets.choice(alphabet) for _ in range(length))
    if "keep" in source:
        raise Halt("there is no value to keep: say where it comes from instead of `keep: true`")
    return str(source["literal"])


def _read_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(limits.SECRET_VALUE_BYTES + 2)
        text = content.decode("utf-8")
    except OSError as error:
        raise Halt(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Halt(f"{path} is not UTF-8, and a secret is a text") from None
    # One line end is what an editor puts there, and no part of the value.
    text = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    if not text or len(text.encode()) > limits.SECRET_VALUE_BYTES:
        raise Halt(f"{path} is empty, or holds more than the {limits.SECRET_VALUE_BYTES} bytes of a secret")
    return text
