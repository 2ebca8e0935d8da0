"""Directory roles: what each gives over a tenant's directory, under the template ids that Entra gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


@dataclass(frozen=True, slots=True)
class DirectoryRole:
    """A role over a whole directory. Every one gives the right to read it."""

    name: str
    writes: bool


DIRECTORY_ROLES: Mapping[str, DirectoryRole] = {
    GLOBAL_ADMINISTRATOR: DirectoryRole("Global Administrator", writes=True),
}
"""The roles that give anything here, by template id; the first that a principal holds is the evidence."""


def role_that_gives(held: Iterable[str], *, write: bool) -> str | None:
    """Find the role among those *held* that lets its holder read the directory, or change it; None if there is none."""
    roles = frozenset(held)
    return next((id_ for id_, role in DIRECTORY_ROLES.items() if id_ in roles and (role.writes or not write)), None)
