"""What an instance keeps about itself: its names, its certificate authority, and what its first start made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from strongroom.core.records import INSTANCE, Record, record


@record
@dataclass(frozen=True, slots=True)
class Installation(Record):
    """One row, made by the first start: what every later start must find unchanged."""

    KIND: ClassVar[str] = "installation"
    id: str
    """A GUID: the node name of the audit journal's chain."""
    domain: str
    """The domain the CA is constrained to. It cannot change: the CA could not vouch for another."""
    created: int
    ca_certificate: bytes
    """PEM."""
    sealed_ca_key: bytes = field(repr=False)
    tenant: str
    """The first tenant: what the `adfs` alias stands for."""
    subscription: str
    resource_group: str
    vault: str
    """The GUID of the first vault, which `run` names to its child."""
    application: str
    """The object id of the first application."""
    break_glass: str = ""
    """The object id of the first user: the account that no lock-out keeps out."""
    certificate_expires: int = 0
    certificate_renew_at: int = 0
    certificate_tag: bytes = b""
    """A keyed tag over the server's certificate and key as issued: whatever else is in their files is not served."""

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE


@record
@dataclass(frozen=True, slots=True)
class JournalCheckpoint(Record):
    """
    How far a node's audit journal was known to go, signed by the journal.

    Kept in the store, so that whoever cuts the journal's end off must also roll the store back.
    """

    KIND: ClassVar[str] = "journal_checkpoint"
    id: str
    """The node."""
    checkpoint: bytes

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE


@record
@dataclass(frozen=True, slots=True)
class CaughtUp(Record):
    """That something was done once for what an older release wrote; what is written since needs it no more."""

    KIND: ClassVar[str] = "caught_up"
    id: str
    """What was done."""

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE
