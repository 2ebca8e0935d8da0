"""A mail server (RFC 5321) on loopback, with STARTTLS, TLS from the first byte, and a user to sign in as."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from strongroom.crypto import x509

HOST = "mail.letters.example"
USER = "strongroom"


@dataclass(frozen=True, slots=True)
class Received:
    """A letter as it came: from whom and to whom the envelope said, and what was in it."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    protected: bool
    """Whether it came under TLS."""
    signed_in: bool

    @property
    def message(self) -> EmailMessage:
        """The letter, read."""
        message = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


@dataclass(slots=True)
class MailServerStandIn:
    """A mail server that does what a test says."""

    folder: Path
    password: str = field(repr=False)
    implicit: bool = False
    offers_tls: bool = True
    answers: dict[str, str] = field(default_factory=dict)
    """What a command is answered with instead, by its first word in lower case; an empty text hangs up."""
    hangs_at: str = ""
    """The command after which nothing is said any more."""
    injects: bytes = b""
    """What is sent in the clear behind the answer to STARTTLS."""
    letters: list[Received] = field(default_factory=list)
    said_in_the_clear: list[bytes] = field(default_factory=list)
    ca_file: Path = field(init=False)
    port: int = 0
    _context: ssl.SSLContext = field(init=False)
    _sessions: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        # TLS judges certificates by the real clock.
        authority = x509.make_authority("letters.example", now=int(time.time()))
        leaf = x509.issue_leaf(authority, [HOST], now=int(time.time()))
        self.ca_file, chain, key = (self.folder / name for name in ("mail-ca.pem", "mail.pem", "mail.key"))
        self.ca_file.write_bytes(authority.certificate)
        chain.write_bytes(leaf.certificate)
        key.write_bytes(leaf.private_key)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain, key)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen while the block lasts."""
        server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._context if self.implicit else None
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for session in self._sessions:
                session.cancel()
            await asyncio.gather(*self._sessions, return_exceptions=True)
            self._sessions.clear()
            # What was aborted is closed at the loop's next turn.
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            await _Session(self, reader, writer, self.implicit).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the other side had enough, which is what some tests are about
        finally:
            writer.transport.abort()

    @property
    def context(self) -> ssl.SSLContext:
        """What STARTTLS begins."""
        return self._context


class _Session:
    """One connection."""

    def __init__(
        self,
        server: MailServerStandIn,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        protected: bool,  # noqa: FBT001  whether TLS is there
    ) -> None:
        self.server, self.reader, self.writer, self.protected = server, reader, writer, protected
        self.signed_in, self.sender, self.recipients = False, "", list[str]()

    async def say(self, *lines: str) -> None:
        """Send an answer."""
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self.writer.drain()

    async def line(self) -> bytes:
        """Read a line."""
        line = await self.reader.readuntil(b"\r\n")
        if not self.protected:
            self.server.said_in_the_clear.append(line)
        return line[:-2]

    async def run(self) -> None:
        """Answer until the other side leaves."""
        await self.say(self.server.answers.get("greeting", "220 mail.letters.example ESMTP"))
        while True:
            line = (await self.line()).decode()
            command = line.split(" ")[0].lower()
            if command == self.server.hangs_at:
                await asyncio.Event().wait()
            given = self.server.answers.get(command)
            if given == "":
                return
            if given is not None:
                await self.say(given)
            elif await self.obey(command, line):
                return

    async def obey(self, command: str, line: str) -> bool:
        """Do what a command says; whether it was the last."""
        match command:
            case "ehlo":
                tls = ["250-STARTTLS"] if self.server.offers_tls and not self.protected else []
                await self.say("250-mail.letters.example", *tls, "250-8BITMIME", "250 AUTH PLAIN")
            case "starttls":
                self.writer.write(b"220 go ahead\r\n" + self.server.injects)
                await self.writer.drain()
                await self.writer.start_tls(self.server.context)
                self.protected = True
            case "auth":
                _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                self.signed_in = (user, password) == (USER, self.server.password)
                await self.say("235 welcome" if self.signed_in else "535 no")
            case "mail":
                self.sender = line.partition("<")[2].partition(">")[0]
                await self.say("250 ok")
            case "rcpt":
                self.recipients.append(line.partition("<")[2].partition(">")[0])
                await self.say("250 ok")
            case "data":
                await self.say("354 go on")
                raw = (await self.reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                given = self.server.answers.get("end")
                if given is None:
                    self.server.letters.append(
                        Received(self.sender, tuple(self.recipients), raw, self.protected, self.signed_in)
                    )
                await self.say(given or "250 taken")
            case "quit":
                await self.say("221 bye")
                return True
            case _:
                await self.say("250 ok")
        return False
