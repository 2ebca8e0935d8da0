"""Keys in a token whose versions are gone: what the token holds of them is yet to be destroyed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from strongroom.core.records import INSTANCE, Record, record


@record
@dataclass(frozen=True, slots=True)
class DoomedKey(Record):
    """
    A key that was purged here, and not yet in its token.

    It is written in the change that removes the key, so a token that is away at that moment does not keep the key for
    ever. It has the token's name of the key, which is of no use without the token, and never a private part.
    """

    KIND: ClassVar[str] = "doomed_key"
    id: str
    vault: str
    material: bytes = field(repr=False)

    @property
    def partition(self) -> str:
        """The instance's own: its vault may be gone as well."""
        return INSTANCE
