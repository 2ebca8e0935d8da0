"""
The text of a template as tools send it: JSON with comments, texts over several lines, and one name without quotes.

`az` puts a template into its request as it is in the file, comments and line breaks in texts included, behind the bare
word `template`. What is not strict JSON in that is made so here, in one pass, and read by the reader that everything
else goes through: two readers that disagree about a body are a hole.
"""

from __future__ import annotations

import re

_PIECES = re.compile(
    r'(?P<plain>[^"/t]++)|(?P<text>"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z))|(?P<line>//[^\n\r]*)|(?P<block>/\*.*?(?:\*/|\Z))'
    r"|(?P<bare>\btemplate(?=\s*:))",
    re.DOTALL,
)
"""
What has no end goes to the end of all, so that nothing is looked through twice. What is plain is taken at once: to try
each alternative at each character would hold up everybody else.
"""
_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BREAKS = re.compile(r"[\n\r\t]")


def strict_json(text: str) -> str:
    """Make JSON with comments strict; what is strict already stays as it is, and what is wrong stays wrong."""
    return _PIECES.sub(_strict, text)


def _strict(piece: re.Match[str]) -> str:
    match piece.lastgroup:
        case "plain":
            return piece.group()
        case "text":
            return _BREAKS.sub(lambda found: _CONTROL[found.group()], piece.group())
        case "bare":
            return '"template"'
    # A line break in a comment stays, so that places still fit.
    return re.sub(r"[^\n]", " ", piece.group()) if "\n" in piece.group() else " "


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Give line and column of a place in a text, both from one."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
