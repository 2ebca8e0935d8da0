"""
What a secret is called in a vault that elsewhere has a name no vault would take.

A vault's names are of 1 to 127 letters, digits and hyphens, in any case alike (reference azure-key-vault.md section 4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from strongroom.core.limits import OBJECT_NAME_CHARS

_OTHER = re.compile(r"[^0-9A-Za-z-]+")
ORIGINAL_NAME = "original-name"
"""The tag that keeps a name which had to change."""


@dataclass(frozen=True, slots=True)
class Named:
    """A secret to take: what it is called where it comes from, and what it will be called."""

    original: str
    name: str

    @property
    def changed(self) -> bool:
        """Tell whether the name had to change."""
        return self.original != self.name


@dataclass(frozen=True, slots=True)
class Unusable:
    """A secret that cannot be taken, and why."""

    original: str
    reason: str


def vault_name_of(original: str) -> str:
    """Make a vault's name of any: what it has besides letters, digits and hyphens becomes a hyphen. It may be empty."""
    # What a vault has taken already stays as it is, with hyphens at its ends.
    return original if _OTHER.search(original) is None else _OTHER.sub("-", original).strip("-")


def name_tags(original: str) -> dict[str, str]:
    """Give the tags that keep a name which has to change; none for one that does not."""
    return {} if vault_name_of(original) == original else {ORIGINAL_NAME: original}


def name_all(originals: Iterable[str]) -> tuple[list[Named], list[Unusable]]:
    """
    Give every secret its name in a vault, and say which cannot have one.

    Two that would have one name have none: neither is worth more than the other, and one would be a version of the
    other.
    """
    named: list[Named] = []
    unusable: list[Unusable] = []
    for original in originals:
        name = vault_name_of(original)
        if not name:
            unusable.append(Unusable(original, "its name has no letter and no digit"))
        elif len(name) > OBJECT_NAME_CHARS:
            unusable.append(Unusable(original, f"its name has over {OBJECT_NAME_CHARS} characters"))
        else:
            named.append(Named(original, name))
    by_name: dict[str, list[Named]] = {}
    for one in named:
        by_name.setdefault(one.name.lower(), []).append(one)
    for name, claimants in by_name.items():
        if len(claimants) > 1:
            others = ", ".join(sorted(repr(one.original) for one in claimants))
            unusable += [Unusable(one.original, f"{others} would all be called {name!r}") for one in claimants]
    return [one for one in named if len(by_name[one.name.lower()]) == 1], unusable
