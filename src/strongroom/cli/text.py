"""Texts that others wrote, as a terminal may have them."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Put a text on one line: conditions have several, and what a tenant's people write must not steer a terminal."""
    joined = " ".join(filter(None, (part.strip() for part in text.splitlines())))
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in joined)
