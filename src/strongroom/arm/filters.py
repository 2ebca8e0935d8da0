"""
`$filter`: the few forms that ARM's clients send (reference clients.md section 4, operations.md).

    resourceType eq 'Microsoft.KeyVault/vaults' and name eq 'v1'
    roleName eq 'Key Vault Reader'
    atScope()
    atScope() and assignedTo('{guid}')
    principalId eq '{guid}'

A filter that is not understood is refused: answering without it would show more than was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.core import limits
from strongroom.core.errors import Invalid

_TERM = re.compile(
    r"""\s*(?:(?P<name>[A-Za-z]+)\s+eq\s+(?:'(?P<text>(?:[^']|'')*)'|(?P<bare>[0-9A-Fa-f-]{36}))
    |(?P<call>[A-Za-z]+)\(\s*(?:'(?P<argument>[^']*)')?\s*\))\s*""",
    re.VERBOSE,
)
_AND = re.compile(r"and\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: properties that are to have a value, and functions by name with their argument. Names in lower case."""

    equals: Mapping[str, str]
    calls: Mapping[str, str]


def parse_filter(text: str | None, *, properties: frozenset[str], functions: frozenset[str] = frozenset()) -> Filter:
    """
    Read a filter made of the given properties and functions, joined by `and`. Names are compared without case.

    Raises:
        Invalid: `InvalidFilterInQueryString`.
    """
    equals: dict[str, str] = {}
    calls: dict[str, str] = {}
    rest = (text or "").strip()
    if len(rest) > limits.FILTER_CHARS:
        raise _refusal(properties, functions)
    while rest:
        term = _TERM.match(rest)
        if term is None:
            raise _refusal(properties, functions)
        name, call = term["name"], term["call"]
        if name is not None and name.lower() in properties and name.lower() not in equals:
            equals[name.lower()] = term["bare"] if term["text"] is None else term["text"].replace("''", "'")
        elif call is not None and call.lower() in functions and call.lower() not in calls:
            calls[call.lower()] = term["argument"] or ""
        else:
            raise _refusal(properties, functions)
        rest = rest[term.end() :]
        joint = _AND.match(rest)
        if rest and (joint is None or not rest[joint.end() :].strip()):
            raise _refusal(properties, functions)
        if joint is not None:
            rest = rest[joint.end() :]
    return Filter(equals, calls)


def _refusal(properties: frozenset[str], functions: frozenset[str]) -> Invalid:
    known = [f"{name} eq '...'" for name in sorted(properties)] + [f"{name}()" for name in sorted(functions)]
    return Invalid(
        f"Invalid $filter in the query string. It is made of these, joined by 'and': {', '.join(known)}.",
        code="InvalidFilterInQueryString",
    )
