"""What versions of secrets and of keys have in common: tags and dates, and the words that refuse a wrong one."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.errors import Invalid
from strongroom.core.limits import INT_DATE_MAX, TAG_CHARS, TAGS


def invalid_property(name: str) -> Invalid:
    """
    Refuse a property with the real service's words, which do not say which one (two spaces, and a line end).

    *name* goes to the audit journal, where it helps and gives nothing away.
    """
    return Invalid("Property  has invalid value\r\n", code="BadParameter", reason=f"invalid {name}")


def check_tags(tags: Mapping[str, str] | None) -> None:
    """
    Check an object's tags: fifteen at most, name and value of 512 characters at most.

    Raises:
        Invalid: one of the limits is passed.
    """
    if tags is None:
        return
    if len(tags) > TAGS:
        raise invalid_property("tags")
    if any(len(name) > TAG_CHARS or len(value) > TAG_CHARS for name, value in tags.items()):
        raise invalid_property("tags")


def check_window(nbf: int | None, exp: int | None) -> None:
    """
    Check the dates of an object: seconds from 1970 to the end of 9999, and an end that is not before the beginning.

    Raises:
        Invalid: a date is out of range, or `exp` is before `nbf`.
    """
    for name, moment in (("nbf", nbf), ("exp", exp)):
        if moment is not None and not 0 <= moment <= INT_DATE_MAX:
            raise invalid_property(name)
    if nbf is not None and exp is not None and exp < nbf:
        raise invalid_property("exp")
