"""Where a file says that values come from, and where new ones go."""

from __future__ import annotations

import math

from strongroom.cli.seed.forms.texts import ANY_TEXT, LINE, OBJECT, VAULT
from strongroom.cli.seed.schema import Entry, Flag, Member, Shape, Text, Whole

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
LENGTH = 32
_LEAST_BITS = 64


def _check_generate(entry: Entry) -> str | None:
    alphabet, length = entry.get("alphabet", ALPHABET), entry.get("length", LENGTH)
    if len(set(alphabet)) != len(alphabet):
        return "a character stands in the alphabet twice"
    if len(alphabet) < 2 or length * math.log2(len(alphabet)) < _LEAST_BITS:
        return f"so short a value of so few characters can be guessed: it must have {_LEAST_BITS} bits"
    return None


GENERATE = Shape(
    "generate",
    {
        "length": Member(Whole(8, 1024), f"How many characters; {LENGTH} if it is not said."),
        "alphabet": Member(LINE, "Of which characters; letters and digits if it is not said."),
    },
    check=_check_generate,
)
SOURCE = Shape(
    "source",
    {
        "env": Member(
            Text(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable"),
            "The value of an environment variable.",
        ),
        "file": Member(
            LINE, "The content of a file, without one line end at its end; the path begins at this file's folder."
        ),
        "generate": Member(GENERATE, "A random value: made once, and kept whenever there is one."),
        "keep": Member(Flag(only=True), "The value that is there; there has to be one."),
        "literal": Member(
            ANY_TEXT, "The value itself. It is taken with `--allow-literals` alone: a file is no place for secrets."
        ),
    },
    choose=("env", "file", "generate", "keep", "literal"),
    quiet=True,
)
STORE = Shape(
    "store",
    {"vault": Member(VAULT, "The vault.", required=True), "secret": Member(OBJECT, "The secret.", required=True)},
)
