"""What a deployment would change: two documents of one resource, compared as `whatIf` tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_OF_THE_SERVICE = frozenset({"id", "name", "type", "apiversion", "etag", "systemdata"})


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """
    List what differs in what *after* says. What it does not say stays as it is, and is no difference.

    A property in another case, or a location in another spelling, is the same.
    """
    return list(
        _of_objects(before, {name: value for name, value in after.items() if name.lower() not in _OF_THE_SERVICE})
    )


def _of_objects(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[dict[str, Any]]:
    present = {name.lower(): value for name, value in before.items()}
    for name, value in after.items():
        place = f"{path}.{name}" if path else name
        if name.lower() not in present:
            if value is not None:
                yield _change(place, "Create", None, value)
            continue
        old = present[name.lower()]
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            yield from _of_objects(old, value, place)
        elif isinstance(old, list) and isinstance(value, list):
            yield from _of_lists(old, value, place)
        elif not _alike(name, old, value):
            yield _change(place, "Modify", old, value)


def _of_lists(before: list[Any], after: list[Any], path: str) -> Iterator[dict[str, Any]]:
    children: list[dict[str, Any]] = []
    for place in range(max(len(before), len(after))):
        if place >= len(before):
            children.append(_change(str(place), "Create", None, after[place]))
        elif place >= len(after):
            children.append(_change(str(place), "Delete", before[place], None))
        elif isinstance(before[place], dict) and isinstance(after[place], dict):
            inner = list(_of_objects(before[place], after[place]))
            if inner:
                children.append(_change(str(place), "Modify", None, None) | {"children": inner})
        elif not _alike("", before[place], after[place]):
            children.append(_change(str(place), "Modify", before[place], after[place]))
    if children:
        yield _change(path, "Array", None, None) | {"children": children}


def _change(path: str, kind: str, before: Any, after: Any) -> dict[str, Any]:
    return {"path": path, "propertyChangeType": kind, "before": before, "after": after, "children": None}


def _alike(name: str, before: Any, after: Any) -> bool:
    if isinstance(before, str) and isinstance(after, str):
        if name.lower() == "location":
            return before.replace(" ", "").lower() == after.replace(" ", "").lower()
        return before.lower() == after.lower()
    return type(before) is type(after) and bool(before == after)
