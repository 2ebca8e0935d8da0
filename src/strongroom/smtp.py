"""
SMTP: one letter, given to a mail server over a connection that `egress` made (RFC 5321).

Nothing is said in the clear but the wish for TLS: not who writes, not to whom, not a password. The conversation is
smtplib's, which keeps lines apart and dots from ending a letter; TLS is the ssl module's. Owns no queue and no letter's
words (`core.mail`).
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum

from strongroom.core import certificate_limits as limits
from strongroom.core.mail import Letter

_PERMANENT = range(500, 600)


class Tls(StrEnum):
    """How a connection to the mail server is protected. There is no way without."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    """From its first byte (RFC 8314)."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters are given."""

    host: str
    port: int
    tls: Tls
    sender: str
    """The address that letters come from."""
    here: str
    """What this machine calls itself: the instance's domain."""
    user: str = ""
    password: str = field(default="", repr=False)


class Undelivered(Exception):
    """The letter was not taken, and may be at another time. The text repeats nothing of an answer."""


class Refused(Undelivered):
    """The letter is not taken, and will not be."""


def write_message(letter: Letter, server: MailServer) -> bytes:
    """Write a letter as it goes over the wire (RFC 5322), in bytes of ASCII alone."""
    message = EmailMessage(policy=SMTP)
    message["From"] = server.sender
    message["To"] = letter.recipient
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(letter.created, UTC))
    # The same however often it is sent, so that a mailbox can tell that it has it already.
    message["Message-ID"] = f"<{letter.id}@{server.here}>"
    # RFC 3834: no machine is to answer it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message.as_bytes()


async def send(connection: socket.socket, context: ssl.SSLContext, server: MailServer, letter: Letter) -> None:
    """
    Give a letter to the mail server, and end the connection.

    Raises:
        Undelivered: it was not taken; `Refused` if it never will be.
    """
    message = write_message(letter, server)
    # Closed under the thread's hands it would wait on: a second handle on the same connection ends it for both.
    guard = connection.dup()
    try:
        talk = asyncio.create_task(asyncio.to_thread(_talk, connection, context, server, letter.recipient, message))
        done, _ = await asyncio.wait([talk], timeout=limits.MAIL_TIME_S)
        if not done:
            _end(guard)
            await asyncio.wait([talk])
            if not talk.exception():
                return
            raise Undelivered("the mail server took too long")
        talk.result()
    except asyncio.CancelledError:
        _end(guard)
        raise
    finally:
        guard.close()


def _end(guard: socket.socket) -> None:
    try:
        guard.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other side was quicker.
        return


class _Conversation(smtplib.SMTP):
    """A conversation over a connection that is there already: nobody but `egress` connects."""

    def __init__(self, connection: socket.socket, server: MailServer) -> None:
        self._connection = connection
        super().__init__(server.host, server.port, server.here, timeout=limits.MAIL_TIME_S)

    def _get_socket(self, *_: object) -> socket.socket:
        return self._connection


def _talk(
    connection: socket.socket, context: ssl.SSLContext, server: MailServer, recipient: str, message: bytes
) -> None:
    """Say all that there is to say, in a thread."""
    conversation: smtplib.SMTP | None = None
    try:
        connection.settimeout(limits.MAIL_TIME_S)
        if server.tls is Tls.IMPLICIT:
            connection = context.wrap_socket(connection, server_hostname=server.host)
        conversation = _Conversation(connection, server)
        if server.tls is Tls.STARTTLS:
            # It raises where the other side does not offer it: nothing goes on in the clear.
            conversation.starttls(context=context)
        if server.user:
            conversation.login(server.user, server.password)
        conversation.sendmail(server.sender, [recipient], message)
        _take_leave(conversation)
    except smtplib.SMTPException as error:
        raise _fault(error) from None
    except ssl.SSLError as error:
        raise Undelivered(f"TLS: {error.reason or 'failed'}") from None
    except OSError as error:
        raise Undelivered(f"{type(error).__name__}: {error.strerror or 'the connection failed'}") from None
    finally:
        if conversation is not None:
            conversation.close()
        connection.close()


def _take_leave(conversation: smtplib.SMTP) -> None:
    try:
        conversation.quit()
    except OSError:
        # The letter was taken. To send it again because of a missing goodbye would be to send it twice.
        return


def _fault(error: smtplib.SMTPException) -> Undelivered:
    """Say what went wrong, without a word of the other side's: its answers can hold anything."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            code = next((int(code) for code, _ in refused.values()), 0)
            kind = Refused if code in _PERMANENT else Undelivered
            return kind(f"the mail server refuses the recipient ({code})")
        case smtplib.SMTPDataError(smtp_code=code):
            return (Refused if code in _PERMANENT else Undelivered)(f"the mail server refuses the letter ({code})")
        case smtplib.SMTPSenderRefused(smtp_code=code):
            return Undelivered(f"the mail server refuses the sender ({code})")
        case smtplib.SMTPAuthenticationError(smtp_code=code):
            return Undelivered(f"the mail server refuses the user and the password ({code})")
        case smtplib.SMTPResponseException(smtp_code=code):
            return Undelivered(f"the mail server answers with {code}")
        case smtplib.SMTPNotSupportedError():
            return Undelivered("the mail server does not offer what is needed: STARTTLS, or a way to sign in")
        case _:
            return Undelivered("the mail server ended the conversation")
