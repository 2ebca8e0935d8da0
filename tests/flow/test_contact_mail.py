"""Letters to the contacts of a vault's certificates: written with a change, kept until a mail server took them."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from strongroom.app.data_directory import InstanceFault
from strongroom.app.mail import MailFault, deliver_through, mail_server, send_letters
from strongroom.config import ConfigFault, Settings, load
from strongroom.core import certificate_limits as limits
from strongroom.core.lifecycle import DAY_S
from strongroom.core.mail import Letter, Notice, NoticeKind, is_mail_address, put_off, write_letter
from strongroom.core.outgoing import IPAddress
from strongroom.egress import Egress, Unreachable, dial_address
from strongroom.flow.world import NoMail
from strongroom.resources.vaults import purge_expired_vault
from strongroom.smtp import NotNow, Refused, Undelivered
from strongroom.store import Transaction
from tests.flow.client import Client, client_of, make_tenant
from tests.mail_server import HOST, USER, MailServerStandIn
from tests.plugins.canary import plant
from tests.world import GENEROUS, Simulation

NOTICE = Notice(NoticeKind.NEAR_EXPIRY, "web", "1" * 32, 1_800_000_000)
OPTIONS: dict[str, Any] = {"smtp_server": HOST, "smtp_from": "vaults@example.org"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world with a mail server."""
    folder = tmp_path_factory.mktemp("mail")
    simulation = Simulation(folder, Settings(data=folder, flow=GENEROUS, **OPTIONS))
    yield simulation
    simulation.close()


@pytest.fixture
def vault(world: Simulation) -> Iterator[Client]:
    """Administer its vault, with two contacts; no letter is left behind."""
    client = Client(world)
    contact(client, "one@example.com", "two@example.com")
    yield client

    async def forget(tx: Transaction) -> None:
        for letter in await tx.records(Letter):
            await tx.remove(letter)

    world.commit(forget)


def contact(client: Client, *addresses: str) -> None:
    """Set a vault's contacts."""
    client.done("PUT", "/certificates/contacts", body={"contacts": [{"email": one} for one in addresses]})


def write(world: Simulation, notice: Notice = NOTICE) -> None:
    """Have the contacts written to, with a change."""
    world.commit(lambda tx: world.world.mail.write(tx, world.vault, notice))


def letters(world: Simulation) -> list[Letter]:
    """Give what waits."""
    return sorted(world.view.all(Letter), key=lambda one: one.recipient)


def deliver(world: Simulation, fault: Exception | None = None, taken: list[str] | None = None) -> int:
    """Run the job once, with a server that takes all, or none."""

    async def give(letter: Letter) -> None:
        if fault is not None:
            raise fault
        if taken is not None:
            taken.append(letter.recipient)

    return world.run(send_letters(world.world, give))


# ---- what is written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_contact_gets_a_letter_in_plain_words(world: Simulation, vault: Client, kind: NoticeKind) -> None:
    """Which certificate of which vault, what of it, when it expires and where it is, at the configured host."""
    write(world, replace(NOTICE, kind=kind, reason="The CA said no." if kind is NoticeKind.NOT_RENEWED else ""))
    first, second = letters(world)
    assert (first.recipient, second.recipient) == ("one@example.com", "two@example.com")
    assert first.id != second.id
    assert first.subject == f"Certificate web {kind}"
    assert f"The certificate web in the key vault {world.vault.name} {kind}." in first.text
    assert f"{world.vault_url}/certificates/web/{NOTICE.version}" in first.text
    assert "2027-01-15 08:00:00 UTC" in first.text
    assert ("Reason: The CA said no." in first.text) is (kind is NoticeKind.NOT_RENEWED)
    del vault


def test_a_letter_is_there_if_the_change_is(world: Simulation, vault: Client) -> None:
    """SEC-MAIL-3: a change that fails has written nothing."""

    async def fail(tx: Transaction) -> None:
        await world.world.mail.write(tx, world.vault, NOTICE)
        raise LookupError

    with pytest.raises(LookupError):
        world.commit(fail)
    assert letters(world) == []
    del vault


def test_whoever_has_no_contacts_gets_no_letter(world: Simulation, vault: Client) -> None:
    """Nor does an address that no letter can be sent to, and an address that stands twice gets one."""
    contact(vault, "same@example.com", "same@example.com", "b\u00fccher@example.com")
    write(world)
    assert [one.recipient for one in letters(world)] == ["same@example.com"]
    deliver(world)
    vault.done("DELETE", "/certificates/contacts")
    write(world)
    assert letters(world) == []


def test_without_a_mail_server_nothing_is_written(tmp_path: Path) -> None:
    """It is off by default."""
    assert load(tmp_path, environment={}).smtp_server == ""
    simulation = Simulation(tmp_path)
    contact(Client(simulation), "one@example.com")
    assert isinstance(simulation.world.mail, NoMail)
    write(simulation)
    assert letters(simulation) == []
    simulation.close()


def test_what_others_wrote_begins_no_line_of_its_own(world: Simulation, vault: Client) -> None:
    """SEC-MAIL-2: a CA's reason is one line of the letter, cut at `MAIL_REASON_CHARS`, and no header."""
    evil = "no\r\nBcc: all@example.com\r\n\r\nHello\u2028you " + "x" * limits.MAIL_REASON_CHARS
    write(world, replace(NOTICE, kind=NoticeKind.NOT_RENEWED, reason=evil))
    letter = letters(world)[0]
    (line,) = [one for one in letter.text.splitlines() if one.startswith("Reason: ")]
    assert line.startswith("Reason: no Bcc: all@example.com Hello you x")
    assert len(line) == len("Reason: ") + limits.MAIL_REASON_CHARS
    assert "\n" not in letter.subject
    del vault


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "@b", "a@", "a b@c.example", "a@b\n", "a\r\n@b", "a@b>", "<a@b", "a@b,c@d", "a@-b", "a@b.",
        '"a"@b.example', "\u00e4@b.example", "a@b@c", "a" * 65 + "@b", "a@" + "b" * limits.EMAIL_CHARS,
    ],
)  # fmt: skip
def test_what_is_no_address_is_not_written_to(text: str) -> None:
    """SEC-MAIL-2: what could break out of a command or a header is no address."""
    assert not is_mail_address(text)


def test_an_address_may_be_as_long_as_it_may(world: Simulation) -> None:
    """At the limit, and with every sign that is allowed unquoted."""
    longest = "a" * 64 + "@" + "b" * (limits.EMAIL_CHARS - 65)
    assert len(longest) == limits.EMAIL_CHARS
    assert is_mail_address(longest)
    assert not is_mail_address(longest + "b")
    assert is_mail_address("a.B-c_d+e!#$%&'*/=?^`{|}~@sub.example-host.com")
    assert "one@example.com" not in repr(
        write_letter(NOTICE, world.vault, "u", "one@example.com", letter_id="i", now=1)
    )


# ---- when it is sent ------------------------------------------------------------------------------------------------


def test_a_letter_is_sent_and_forgotten(world: Simulation, vault: Client) -> None:
    """Once each, and then no more."""
    write(world)
    taken: list[str] = []
    assert [deliver(world, taken=taken), deliver(world, taken=taken)] == [2, 0]
    assert sorted(taken) == ["one@example.com", "two@example.com"]
    del vault


def test_a_server_that_is_away_is_tried_again_later_and_later(world: Simulation, vault: Client) -> None:
    """SEC-MAIL-3: one letter at a turn finds out; each waits twice as long after each failure, and is then given up."""
    contact(vault, "one@example.com")
    write(world)
    waits = []
    for _ in range(limits.MAIL_ATTEMPTS - 1):
        with pytest.raises(MailFault, match="nobody there"):
            deliver(world, Undelivered("nobody there"))
        (letter,) = letters(world)
        waits.append(letter.next_at - int(world.clock()))
        assert deliver(world) == 0
        world.advance(waits[-1])
    assert waits == [limits.MAIL_RETRY_S * 2**number for number in range(limits.MAIL_ATTEMPTS - 1)]
    assert DAY_S < sum(waits) < 3 * DAY_S
    with pytest.raises(MailFault):
        deliver(world, Undelivered("nobody there"))
    assert letters(world) == []


def test_the_first_failure_ends_the_turn(world: Simulation, vault: Client) -> None:
    """The others wait as they are: a server that is away is not asked once for each letter."""
    write(world)
    with pytest.raises(MailFault):
        deliver(world, Undelivered("away"))
    assert sorted(one.failures for one in letters(world)) == [0, 1]
    del vault


def test_a_letter_of_a_clock_that_was_ahead_is_sent_once_it_is_set_right(world: Simulation, vault: Client) -> None:
    """No letter waits as long as that, so it does not wait for years either."""
    write(world)

    async def date_ahead(tx: Transaction) -> None:
        for letter in letters(world):
            await tx.put(replace(letter, next_at=letter.next_at + 3650 * DAY_S))

    world.commit(date_ahead)
    assert deliver(world) == 2
    del vault


def test_a_letter_that_is_refused_for_good_keeps_no_other_waiting(
    world: Simulation, vault: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """It is given up, and the log says so without an address."""
    write(world)
    with caplog.at_level(logging.WARNING, "strongroom.mail"):
        assert deliver(world, Refused("the mail server refuses the recipient (550)")) == 0
    assert letters(world) == []
    assert len(caplog.messages) == 2
    assert all("given up" in message and "example.com" not in message for message in caplog.messages)
    del vault


def test_a_recipient_who_is_not_taken_now_keeps_no_other_waiting(world: Simulation, vault: Client) -> None:
    """SEC-MAIL-3: whoever chooses contacts that are put off for ever does not hold up the letters of other vaults."""
    write(world)
    assert deliver(world, NotNow("the mail server refuses the recipient (450)")) == 0
    assert [one.failures for one in letters(world)] == [1, 1]
    world.advance(limits.MAIL_RETRY_S)
    assert deliver(world) == 2
    del vault


def test_a_letter_whose_vault_is_purged_meanwhile_is_gone(world: Simulation, vault: Client) -> None:
    """It neither comes back nor stays."""
    write(world)
    (first, second) = letters(world)

    async def give(letter: Letter) -> None:
        async def purge(tx: Transaction) -> None:
            await tx.remove(first)
            await tx.remove(second)

        await world.store.commit(purge)
        raise Undelivered("away")

    with pytest.raises(MailFault):
        world.run(send_letters(world.world, give))
    assert letters(world) == []
    del vault


def test_a_vault_whose_letters_nobody_takes_gets_no_more(
    world: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`MAIL_WAITING` letters may wait, and one more is not written; the change is made all the same."""
    monkeypatch.setattr(limits, "MAIL_WAITING", 4)
    write(world)
    write(world)
    assert len(letters(world)) == 4
    write(world)
    assert len(letters(world)) == 4
    assert "too many wait" in caplog.messages[-1]
    del vault


def test_letters_go_with_their_vault(world: Simulation) -> None:
    """A purge of the vault leaves none behind."""
    tenant = make_tenant(world)
    contact(client_of(world, tenant), "one@example.com")
    world.commit(lambda tx: world.world.mail.write(tx, tenant.vault, NOTICE))
    (letter,) = letters(world)
    assert letter.vault == tenant.vault.id
    now = int(world.clock())
    world.commit(lambda tx: tx.put(replace(tenant.vault, deleted=now, purge_at=now)))
    world.commit(lambda tx: purge_expired_vault(tx, tenant.vault, now=now))
    assert letters(world) == []


# ---- end to end -----------------------------------------------------------------------------------------------------


def test_a_letter_goes_the_whole_way_and_survives_a_restart(tmp_path: Path) -> None:
    """From the change to the mailbox, past a server that was away, with the password that the file has by then."""
    server = MailServerStandIn(tmp_path, plant())
    password_file = tmp_path / "smtp-password"
    password_file.write_text("not yet\n")
    password_file.chmod(0o600)
    settings = Settings(data=tmp_path, flow=GENEROUS, **OPTIONS, smtp_user=USER, smtp_password_file=str(password_file))
    simulation = Simulation(tmp_path, settings, database=tmp_path / "store.db")
    contact(Client(simulation), "one@example.com")
    write(simulation)

    async def resolve(_host: str, _port: int) -> list[IPAddress]:
        return [ipaddress.ip_address("93.184.216.34")]

    async def dial(_address: IPAddress, port: int) -> socket.socket:
        assert port == 587
        return await dial_address(ipaddress.ip_address("127.0.0.1"), server.port)

    post = deliver_through(Egress((), str(server.ca_file), resolve=resolve, dial=dial), settings)

    async def turns() -> None:
        async with server.serving():
            with pytest.raises(MailFault, match="refuses the user and the password"):
                await send_letters(simulation.world, post)
        simulation.advance(limits.MAIL_RETRY_S)
        with pytest.raises(MailFault, match="Connection"):
            await send_letters(simulation.world, post)
        password_file.write_text(server.password)
        simulation.advance(2 * limits.MAIL_RETRY_S)
        # As after a restart: all that is known is in the store.
        simulation.view.load([*await simulation.store.records(Letter)])
        async with server.serving():
            assert await send_letters(simulation.world, post) == 1

    simulation.run(turns())
    (received,) = server.letters
    assert received.recipients == ("one@example.com",)
    assert received.signed_in
    assert received.message["Subject"] == "Certificate web will expire soon"
    simulation.close()


def test_a_way_out_that_refuses_is_a_server_that_is_away(tmp_path: Path) -> None:
    """SEC-EGRESS-5: an inside address that the operator did not list is not connected to, and the letter waits."""

    async def resolve(_host: str, _port: int) -> list[IPAddress]:
        return [ipaddress.ip_address("10.0.0.5")]

    post = deliver_through(Egress(resolve=resolve), Settings(data=tmp_path, **OPTIONS))
    letter = Letter("id", "vault", 0, "one@example.com", "s", "t")
    with pytest.raises(Undelivered, match="no address"):
        asyncio.run(post(letter))
    assert put_off(letter, 100) == replace(letter, failures=1, next_at=100 + limits.MAIL_RETRY_S)
    assert issubclass(Unreachable, Exception)


# ---- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"smtp_server": HOST}, "smtp_server wants smtp_from"),
        ({"smtp_server": HOST, "smtp_from": "nobody"}, "smtp_server wants smtp_from"),
        ({"smtp_from": "a@example.com"}, "want smtp_server"),
        ({**OPTIONS, "smtp_server": "no host"}, "smtp_server must be a host"),
        ({**OPTIONS, "smtp_tls": "none"}, "smtp_tls must be one of starttls, implicit"),
        ({**OPTIONS, "smtp_user": "u"}, "want each other"),
        ({**OPTIONS, "smtp_password_file": "/p"}, "want each other"),
        ({**OPTIONS, "smtp_port": 65_536}, "smtp_port must be between"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    """A fault is told before anything starts; there is no mail without TLS."""
    with pytest.raises(ConfigFault, match=told):
        load(tmp_path, options, environment={})


@pytest.mark.parametrize(("tls", "port", "taken"), [("starttls", 0, 587), ("implicit", 0, 465), ("starttls", 25, 25)])
def test_the_port_follows_the_protection(tmp_path: Path, tls: str, port: int, taken: int) -> None:
    """Unless the operator names one; an address will do as a server."""
    settings = load(
        tmp_path, {**OPTIONS, "smtp_server": "192.0.2.7", "smtp_tls": tls, "smtp_port": port}, environment={}
    )
    assert mail_server(settings).port == taken


def test_the_password_is_its_owners_alone(tmp_path: Path) -> None:
    """SEC-MAIL-2: a file that is missing, open to others, too long or no text is refused as the service starts."""
    place = tmp_path / "password"
    settings = Settings(data=tmp_path, **OPTIONS, smtp_user="u", smtp_password_file=str(place))
    with pytest.raises(InstanceFault, match="There is no file"):
        mail_server(settings)
    place.write_bytes(b"p" * limits.MAIL_PASSWORD_BYTES)
    place.chmod(0o644)
    with pytest.raises(InstanceFault, match="open to others"):
        mail_server(settings)
    place.chmod(0o600)
    assert mail_server(settings).password == "p" * limits.MAIL_PASSWORD_BYTES
    place.write_bytes(b"p" * (limits.MAIL_PASSWORD_BYTES + 1))
    with pytest.raises(InstanceFault, match="refused"):
        mail_server(settings)
    place.write_bytes(b"\xff\xfe")
    with pytest.raises(InstanceFault, match="holds no text"):
        mail_server(settings)
