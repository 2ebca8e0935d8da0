"""Texts that others wrote, as a terminal may have them."""

from __future__ import annotations

import json


def one_line(text: str) -> str:
    """Put a text on one line: conditions have several, and what a tenant's people write must not steer a terminal."""
    joined = " ".join(filter(None, (part.strip() for part in text.splitlines())))
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in joined)


def tell(sentence: str, *, as_json: bool, **facts: object) -> None:
    """Print what was done: a sentence for people, or one JSON object of the facts for programs."""
    print(json.dumps(facts, indent=2) if as_json else sentence)
