"""What conditions of role assignments ask about: the attributes of one question, as far as they are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | bool | int | float | tuple[str | bool | int | float, ...]
"""One attribute's value, or a collection of them. Times are texts in RFC 3339, GUIDs are texts."""


@dataclass(frozen=True, slots=True)
class Facts:
    """
    The attributes of one question by source and lower-case name, such as `microsoft.keyvault/vaults/secrets:name`.

    An attribute that is not there is unknown: what rests on it is neither true nor false.
    """

    resource: Mapping[str, Value] = field(default_factory=dict)
    request: Mapping[str, Value] = field(default_factory=dict)
    environment: Mapping[str, Value] = field(default_factory=dict)


NO_FACTS = Facts()
