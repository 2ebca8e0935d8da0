"""Letters are given to a mail server over TLS, whole or not at all. The other side is a server on a real socket."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strongroom.core import certificate_limits as limits
from strongroom.core.mail import Letter
from strongroom.core.outgoing import IPAddress
from strongroom.egress import Egress, Unreachable, dial_address
from strongroom.smtp import MailServer, Refused, Tls, Undelivered, send, write_message
from tests.mail_server import HOST, USER, MailServerStandIn, Received
from tests.plugins.canary import plant

PUBLIC = ipaddress.ip_address("93.184.216.34")
LETTER = Letter(
    "00000000-0000-4000-8000-000000000001", "vault", 1_790_000_000, "ops@example.com",
    "Certificate web will expire soon", "One.\n.\n..Two: \u00e4\n",
)  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> MailServerStandIn:
    """Make a mail server."""
    return MailServerStandIn(tmp_path, plant())


def way_out(server: MailServerStandIn, *, trusts: bool = True, address: str = str(PUBLIC)) -> Egress:
    """Make the real way out; the network between is simulated: every public address leads to the server."""

    async def resolve(_host: str, _port: int) -> list[IPAddress]:
        return [ipaddress.ip_address(address)]

    async def dial(_address: IPAddress, _port: int) -> socket.socket:
        return await dial_address(ipaddress.ip_address("127.0.0.1"), server.port)

    return Egress((), str(server.ca_file) if trusts else "", resolve=resolve, dial=dial)


async def give(server: MailServerStandIn, *, trusts: bool = True, **changed: Any) -> None:
    """Give the letter to the server."""
    tls = Tls.IMPLICIT if server.implicit else Tls.STARTTLS
    known = {"host": HOST, "port": 587, "tls": tls, "sender": "vaults@example.org", "here": "example.org"}
    egress = way_out(server, trusts=trusts)
    async with server.serving():
        connection = await egress.dial(HOST, 587)
        await send(connection, egress.trust(), MailServer(**{**known, **changed}), LETTER)


def sent(server: MailServerStandIn, **how: Any) -> Received:
    """Give the letter to the server, and give what came there."""
    asyncio.run(give(server, **how))
    (received,) = server.letters
    return received


def refused(server: MailServerStandIn, **how: Any) -> Undelivered:
    """Have a letter not taken, and say why."""
    with pytest.raises(Undelivered) as found:
        asyncio.run(give(server, **how))
    assert server.letters == []
    return found.value


@pytest.mark.parametrize("tls", list(Tls))
def test_a_letter_arrives_as_it_was_written(server: MailServerStandIn, tls: Tls) -> None:
    """SEC-MAIL-1: under TLS for the server's name, from the sender to the one recipient; dots end no letter."""
    server.implicit = tls is Tls.IMPLICIT
    received = sent(server)
    assert (received.protected, received.signed_in) == (True, False)
    assert (received.sender, received.recipients) == ("vaults@example.org", ("ops@example.com",))
    message = received.message
    assert message.get_content().splitlines() == LETTER.text.splitlines()
    told = {name: message[name] for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted", "Date")}
    assert told == {
        "From": "vaults@example.org",
        "To": "ops@example.com",
        "Subject": LETTER.subject,
        "Message-ID": f"<{LETTER.id}@example.org>",
        "Auto-Submitted": "auto-generated",
        "Date": "Mon, 21 Sep 2026 14:13:20 +0000",
    }


def test_nothing_but_the_wish_for_tls_is_said_in_the_clear(server: MailServerStandIn) -> None:
    """SEC-MAIL-1: not who writes, not to whom, and no password."""
    assert sent(server, user=USER, password=server.password).signed_in
    assert server.said_in_the_clear == [b"ehlo example.org\r\n", b"STARTTLS\r\n"]


def test_a_server_that_offers_no_tls_gets_no_letter(server: MailServerStandIn) -> None:
    """SEC-MAIL-1: whoever strips the offer on the way learns nothing."""
    server.offers_tls = False
    assert "STARTTLS" in str(refused(server, user=USER, password=server.password))
    assert all(line.lower().startswith(b"ehlo") for line in server.said_in_the_clear)


def test_a_server_of_another_name_gets_no_letter(server: MailServerStandIn) -> None:
    """SEC-MAIL-1: its certificate is for the name that the operator gave, and from a trusted authority."""
    assert str(refused(server, host="other.letters.example")).startswith("TLS: ")
    assert str(refused(server, trusts=False)).startswith("TLS: ")


def test_what_was_sent_before_tls_counts_for_nothing(server: MailServerStandIn) -> None:
    """SEC-MAIL-1: an answer that somebody put in behind the answer to STARTTLS is no answer of the server's."""
    server.injects = b"250-forged\r\n250 AUTH LOGIN\r\n"
    assert sent(server).protected


@pytest.mark.parametrize(
    ("answers", "kind", "told"),
    [
        ({"greeting": "554 go away"}, Undelivered, "answers with 554"),
        ({"mail": "550 who are you"}, Undelivered, "refuses the sender (550)"),
        ({"rcpt": "550 nobody here"}, Refused, "refuses the recipient (550)"),
        ({"rcpt": "450 later"}, Undelivered, "refuses the recipient (450)"),
        ({"end": "554 spam"}, Refused, "refuses the letter (554)"),
        ({"end": "452 full"}, Undelivered, "refuses the letter (452)"),
        ({"data": ""}, Undelivered, "ended the conversation"),
    ],
)
def test_what_is_refused_for_good_and_what_for_now(
    server: MailServerStandIn, answers: dict[str, str], kind: type[Undelivered], told: str
) -> None:
    """A letter is given up where its recipient or it itself is refused for good; nothing of an answer is repeated."""
    server.answers = answers
    fault = refused(server)
    assert type(fault) is kind
    assert told in str(fault)
    assert all(text.partition(" ")[2] not in str(fault) for text in answers.values() if text)


def test_a_wrong_password_is_told_without_it(server: MailServerStandIn) -> None:
    """SEC-MAIL-2: neither the fault nor the settings show it."""
    password = plant()
    fault = refused(server, user=USER, password=password)
    assert str(fault) == "the mail server refuses the user and the password (535)"
    assert password not in repr(MailServer("h", 1, Tls.STARTTLS, "a@b", "b", USER, password))


def test_a_letter_that_was_taken_is_taken_whatever_the_goodbye(server: MailServerStandIn) -> None:
    """It is not sent again because the server hung up after it."""
    server.answers = {"quit": ""}
    assert sent(server).recipients == ("ops@example.com",)


@pytest.mark.parametrize("at", ["ehlo", "mail"])
def test_a_server_that_hangs_is_left(server: MailServerStandIn, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """SEC-MAIL-3: it has `MAIL_TIME_S` for the whole letter, and holds nobody for longer."""
    monkeypatch.setattr(limits, "MAIL_TIME_S", 0.2)
    server.hangs_at = at
    assert isinstance(refused(server), Undelivered)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1"])
def test_only_an_address_that_is_reached_is_dialled(server: MailServerStandIn, address: str) -> None:
    """SEC-EGRESS-5: mail goes by the same rules as every request."""
    with pytest.raises(Unreachable):
        asyncio.run(way_out(server, address=address).dial(HOST, 587))


def _resolver(error: Exception) -> Callable[[str, int], Any]:
    async def resolve(_host: str, _port: int) -> list[IPAddress]:
        raise error

    return resolve


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TimeoutError(), "no connection in time"),
        (UnicodeError(), "not a host name"),
        (socket.gaierror(-2, "Name or service not known"), "gaierror: Name or service not known"),
    ],
)
def test_who_cannot_be_dialled_is_told(error: Exception, told: str) -> None:
    """As of every request, in words for the operator."""
    with pytest.raises(Unreachable, match=told):
        asyncio.run(Egress(resolve=_resolver(error)).dial(HOST, 587))


def test_no_header_can_be_broken_out_of() -> None:
    """SEC-MAIL-2: what is no line cannot become one."""
    server = MailServer(HOST, 587, Tls.STARTTLS, "vaults@example.org", "example.org")
    for member in ("recipient", "subject"):
        bad = {"recipient": "ops@example.com", "subject": "s", member: "x@example.com\r\nBcc: all@example.com"}
        with pytest.raises(ValueError, match=r"linefeed|newline"):
            write_message(Letter("id", "vault", 0, bad["recipient"], bad["subject"], "text"), server)
