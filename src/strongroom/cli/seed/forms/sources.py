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
_LITERAL = "The value itself, with `--allow-literals` alone."
_GIVEN = {
    "env": SOURCE.members["env"],
    "file": SOURCE.members["file"],
    "literal": Member(ANY_TEXT, _LITERAL),
}
_KEEP = Member(Flag(only=True), "What is there; there has to be one.")
GIVEN = Shape("given value", _GIVEN, choose=("env", "file", "literal"), quiet=True)
GIVEN_OR_KEPT = Shape(
    "given or kept value", {**_GIVEN, "keep": _KEEP}, choose=("env", "file", "literal", "keep"), quiet=True
)
WEBHOOK = Shape(
    "webhook",
    {
        "url": Member(
            Text(r"https://[^\s?#@\x00-\x1f\x7f]{1,2048}", "an https URL without a query, in which a secret may be"),
            "Its URL, if nothing in it is secret: everybody sees it who sees the subscription.",
        ),
        **_GIVEN,
        "keep": _KEEP,
    },
    choose=("url", "env", "file", "literal", "keep"),
    quiet=True,
)
