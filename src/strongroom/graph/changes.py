"""Changes as clients send them that read an object, change something in it, and send all of it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from strongroom.flow.call import Call
from strongroom.graph.wire import Wire
from strongroom.http import json

B = TypeVar("B", bound=Wire)


async def read_change(call: Call, kind: type[B], shown: Mapping[str, Any], *fixed: str) -> B:
    """
    Read the body of a change to what is *shown* so, without what it only repeats; *fixed* is set at the start alone.

    A property that cannot be set may say what it is already, as the client of Terraform's azuread sends the id, the
    dates and more: that changes nothing. With anything else it is refused as ever.

    Raises:
        Invalid: the body is not of the form of *kind*.
    """
    raw = await call.raw_body()
    members = json.decode(raw, dict[str, Any])
    names = {one.name: one.encode_name for one in msgspec.structs.fields(kind)}
    unsettable = {names[name] for name in (*getattr(kind, "LATER", ()), *fixed)}
    settable = set(names.values()) - unsettable
    kept = {name: value for name, value in members.items() if name in settable or not _repeats(name, value, shown)}
    return json.decode(raw if len(kept) == len(members) else json.encode(kept), kind)


def _repeats(name: str, value: object, shown: Mapping[str, Any]) -> bool:
    """Tell whether a member says what is so; annotations say nothing (OData JSON Format section 4.6)."""
    return name.startswith("@odata.") or (name in shown and shown[name] == value)
