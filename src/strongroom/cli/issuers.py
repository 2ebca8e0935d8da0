"""`strongroom issuers`: list the outside issuers that are trusted, trust one, trust one no longer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from strongroom.cli.control import distrust_issuer, list_issuers, trust_issuer
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import tell

_KEYS_BYTES = 256 * 1024


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every trusted issuer, and where its keys come from.

    Raises:
        Halt: no service runs there.
    """
    found = list_issuers(find_instance(data))
    if as_json:
        print(json.dumps(found, indent=2))
        return Exit.OK
    for one in found:
        print(f"{one['issuer']}  {whence(one)}")
    return Exit.OK


def add(data: Path | None, issuer: str, keys: Path | None, *, as_json: bool) -> int:
    """
    Trust an issuer, by the key set in a file or else by the one that it publishes.

    Raises:
        Halt: no service runs there, it refuses, or the file cannot be read.
    """
    instance = find_instance(data)
    trusted = trust_issuer(instance, issuer, None if keys is None else read_key_set(keys))
    tell(f"{trusted['issuer']} is trusted: {whence(trusted)}", as_json=as_json, **trusted)
    return Exit.OK


def remove(data: Path | None, issuer: str, *, as_json: bool) -> int:
    """
    Trust an issuer no longer.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    distrust_issuer(find_instance(data), issuer)
    sentence = f"{issuer} is trusted no longer: every token that its subjects were given is refused from now on"
    tell(sentence, as_json=as_json, issuer=issuer, trusted=False)
    return Exit.OK


def read_key_set(path: Path) -> dict[str, Any]:
    """
    Read a file with a key set, which the service judges.

    Raises:
        Halt: it cannot be read, is too large, or is no JSON object.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_KEYS_BYTES + 1)
        if len(text) > _KEYS_BYTES:
            raise Halt(f"{path} is larger than a key set can be")
        parsed = json.loads(text)
    except OSError as error:
        raise Halt(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise Halt(f"{path} is no JSON Web Key Set")
    return parsed


def whence(one: dict[str, Any]) -> str:
    """Say where somebody's keys come from."""
    return "keys as it publishes them" if one["fetched"] else f"keys given: {', '.join(one['keyIds'])}"
