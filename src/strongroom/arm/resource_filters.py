"""
`$filter` of generic lists, as Azure documents it for resources and resource groups.

    resourceType eq 'Microsoft.KeyVault/vaults' and (location eq 'local' or name ne 'v1')
    substringof('prod', name) or startswith(name, 'v')
    tagName eq 'env' and tagValue eq 'prod'
    startswith(tagName, 'e')

`and` binds closer than `or`; everything is compared without case. What is said of a tag's name and value is said of one
tag. A filter that is not understood is refused: answering without it would show more than was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from strongroom.core import limits
from strongroom.core.errors import Invalid

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<parenthesis>[()])
    |(?P<joint>and|or)(?![A-Za-z])
    |(?P<name>[A-Za-z]+)\s+(?P<operator>eq|ne)\s+'(?P<text>(?:[^']|'')*)'
    |substringof\(\s*'(?P<part>(?:[^']|'')*)'\s*,\s*(?P<partof>[A-Za-z]+)\s*\)
    |startswith\(\s*(?P<startof>[A-Za-z]+)\s*,\s*'(?P<start>(?:[^']|'')*)'\s*\)
    )\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_TAGS = ("tagname", "tagvalue")

Values = Mapping[str, str]
"""A resource's properties, for one of its tags also `tagname` and `tagvalue`: names and values in lower case."""
_Test = Callable[[Values], bool]


class ResourceFilter:
    """A filter that was understood."""

    __slots__ = ("_about_tags", "_test")

    def __init__(self, test: _Test, *, about_tags: bool) -> None:
        self._test = test
        self._about_tags = about_tags

    def matches(self, values: Mapping[str, str], tags: Mapping[str, str]) -> bool:
        """Tell whether a resource, or one of its tags, is as the filter wants it."""
        folded = {name: value.lower() for name, value in values.items()}
        if self._test(folded):
            return True
        return self._about_tags and any(
            self._test({**folded, "tagname": name.lower(), "tagvalue": value.lower()}) for name, value in tags.items()
        )


def parse_resource_filter(text: str | None, properties: frozenset[str]) -> ResourceFilter:
    """
    Read a filter over these properties, besides tags.

    Raises:
        Invalid: `InvalidFilterInQueryString`.
    """
    rest = (text or "").strip()
    if not rest:
        return ResourceFilter(lambda _values: True, about_tags=False)
    if len(rest) > limits.FILTER_CHARS:
        raise _refusal(properties)
    # A stack of what is open: each level has its alternatives, each of them what has to hold together.
    levels: list[list[list[_Test]]] = [[[]]]
    is_due, terms, about_tags = True, 0, False
    while rest:
        token = _TOKEN.match(rest)
        if token is None:
            raise _refusal(properties)
        rest = rest[token.end() :]
        is_due = _take(token, levels, properties, is_due=is_due)
        name = _name_of(token)
        terms, about_tags = terms + (name != ""), about_tags or name in _TAGS
    if is_due or len(levels) != 1 or terms > limits.FILTER_TERMS:
        raise _refusal(properties)
    return ResourceFilter(_any_of(levels[0]), about_tags=about_tags)


def _take(token: re.Match[str], levels: list[list[list[_Test]]], properties: frozenset[str], *, is_due: bool) -> bool:
    """Take in one token, where *is_due* says whether a term has to come; tell whether one has to come next."""
    match token["parenthesis"], (token["joint"] or "").lower(), is_due:
        case "(", _, True:
            levels.append([[]])
            return True
        case ")", _, False if len(levels) > 1:
            inner = _any_of(levels.pop())
            levels[-1][-1].append(inner)
            return False
        case _, "and", False:
            return True
        case _, "or", False:
            levels[-1].append([])
            return True
        case None, "", True:
            levels[-1][-1].append(_term(token, properties))
            return False
        case _:
            raise _refusal(properties)


def _any_of(alternatives: list[list[_Test]]) -> _Test:
    if len(alternatives) == 1 and len(alternatives[0]) == 1:
        return alternatives[0][0]
    return lambda values: any(all(test(values) for test in together) for together in alternatives)


def _name_of(token: re.Match[str]) -> str:
    """Name what a term is about; empty if a token is none."""
    return (token["name"] or token["partof"] or token["startof"] or "").lower()


def _term(token: re.Match[str], properties: frozenset[str]) -> _Test:
    name = _name_of(token)
    text = next(one for one in (token["text"], token["part"], token["start"]) if one is not None)
    wanted = text.replace("''", "'").lower()
    # A tag that is not something else is every tag but one, which nobody means; Azure has no such form either.
    is_negative = (token["operator"] or "").lower() == "ne"
    if name not in properties and (name not in _TAGS or is_negative):
        raise _refusal(properties)
    if token["start"] is not None:
        return lambda values: name in values and values[name].startswith(wanted)
    if token["part"] is not None:
        return lambda values: name in values and wanted in values[name]
    if is_negative:
        return lambda values: values[name] != wanted
    return lambda values: name in values and values[name] == wanted


def _refusal(properties: frozenset[str]) -> Invalid:
    names = ", ".join(sorted(properties))
    return Invalid(
        f"Invalid $filter in the query string. It compares {names} by 'eq' and 'ne', tagName and tagValue by 'eq', and"
        " any of them by substringof('...', name) and startswith(name, '...'), joined by 'and', 'or' and parentheses;"
        f" at most {limits.FILTER_TERMS} comparisons.",
        code="InvalidFilterInQueryString",
    )
