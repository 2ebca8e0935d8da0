"""
Mail: the letters that the contacts of a vault's certificates get (reference azure-key-vault.md section 4.5).

A letter is written in the change that it tells of and waits in the store until a mail server has taken it. Owns the
words of a letter and when it is tried again; who the contacts are is the vault's, and sending it is `strongroom.smtp`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from strongroom.core import certificate_limits as limits
from strongroom.core.records import Record, record, vault_partition
from strongroom.core.vaults import Vault


class NoticeKind(StrEnum):
    """What the contacts are told of a certificate."""

    NEAR_EXPIRY = "will expire soon"
    EXPIRED = "has expired"
    RENEWED = "was renewed"
    NOT_RENEWED = "could not be renewed"


@dataclass(frozen=True, slots=True)
class Notice:
    """What the contacts are told. Nothing in it is secret."""

    kind: NoticeKind
    certificate: str
    """Its name."""
    version: str
    """The version that the notice is about: of a renewal, the new one."""
    expires: int | None = None
    """When that version expires, in Unix seconds."""
    reason: str = ""
    """Why it could not be renewed."""


@record
@dataclass(frozen=True, slots=True)
class Letter(Record):
    """A letter that no mail server has taken yet."""

    KIND: ClassVar[str] = "letter"
    id: str
    """A GUID; the message's own id follows from it, so that a letter that came twice is told as one."""
    vault: str
    created: int
    recipient: str = field(repr=False)
    subject: str
    text: str
    failures: int = 0
    next_at: int = 0
    """When it is tried next, in Unix seconds."""

    @property
    def partition(self) -> str:
        """The vault's: a letter goes with it."""
        return vault_partition(self.vault)


_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", re.ASCII
)
"""What a letter is sent to. What stands in no address can break out of no command and no header."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def is_mail_address(text: str) -> bool:
    """Tell whether a text is an address that letters are sent to."""
    return len(text) <= limits.EMAIL_CHARS and _ADDRESS.fullmatch(text) is not None


def write_letter(notice: Notice, vault: Vault, url: str, recipient: str, *, letter_id: str, now: int) -> Letter:
    """Write a letter in plain words. *url* is the certificate's, at the host that this instance is known by."""
    name = _line(notice.certificate)
    lines = [
        f"The certificate {name} in the key vault {_line(vault.name)} {notice.kind}.",
        "",
        f"Certificate: {_line(url)}",
        f"Version: {_line(notice.version)}",
    ]
    if notice.expires is not None:
        lines.append(f"{'Expired' if notice.kind is NoticeKind.EXPIRED else 'Expires'}: {_date(notice.expires)}")
    if notice.reason:
        lines.append(f"Reason: {_line(notice.reason)[: limits.MAIL_REASON_CHARS]}")
    lines += ["", _TO_DO[notice.kind], "", "You get this letter as a contact of the vault's certificates."]
    return Letter(
        letter_id, vault.id, now, recipient, f"Certificate {name} {notice.kind}", "\n".join(lines) + "\n", next_at=now
    )


_TO_DO = {
    NoticeKind.NEAR_EXPIRY: "Have a new version made in time, if nothing does so by itself.",
    NoticeKind.EXPIRED: "Whoever uses it is refused by others from now on. Have a new version made.",
    NoticeKind.RENEWED: "Nothing is left to do where the latest version is fetched by itself.",
    NoticeKind.NOT_RENEWED: "It is tried again by itself only if the certificate's operation says so. Look into it.",
}


def put_off(letter: Letter, now: int) -> Letter | None:
    """Have a letter that was not taken tried again later, each time twice as late; None if it was tried enough."""
    failures = letter.failures + 1
    if failures >= limits.MAIL_ATTEMPTS:
        return None
    return replace(letter, failures=failures, next_at=now + (limits.MAIL_RETRY_S << (failures - 1)))


def is_due(letter: Letter, now: int) -> bool:
    """Tell whether a letter is tried now. None waits as long as it would if the clock was ahead as it was written."""
    return not now < letter.next_at <= now + (limits.MAIL_RETRY_S << limits.MAIL_ATTEMPTS)


def _line(text: str) -> str:
    """Keep a text that others wrote from beginning a line, or a header, of its own."""
    return _CONTROL.sub(" ", text)


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
