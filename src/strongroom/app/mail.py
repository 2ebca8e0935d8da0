"""
Mail: letters to the contacts of vaults' certificates, from the change that has them written to the mail server.

    a change ──> letters in the store ──> the job, under its lease ──> the mail server took it ──> forgotten
                        ^                          │
                        └── later, again, up to a limit ── it did not

Off unless the operator names a mail server. A letter that the server took as this node died is sent again: at least
once, under one Message-ID.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from strongroom.app.data_directory import InstanceFault
from strongroom.config import Settings
from strongroom.core import certificate_limits as limits
from strongroom.core.mail import Letter, Notice, is_due
from strongroom.core.names import Hosts, Surface
from strongroom.core.vaults import Vault
from strongroom.crypto.private_files import PrivateFileRefused, read_private_text
from strongroom.egress import Egress, Unreachable
from strongroom.flow.world import World
from strongroom.objects.mail import forget_letter, put_letter_off, write_to_contacts
from strongroom.smtp import MailServer, NotNow, Refused, Tls, Undelivered, send
from strongroom.store import Transaction

_logger = logging.getLogger("strongroom.mail")

Deliver = Callable[[Letter], Awaitable[None]]
"""Gives a letter to a mail server. It raises `Undelivered`."""
_PORTS = {Tls.STARTTLS: 587, Tls.IMPLICIT: 465}


class MailFault(Exception):
    """Letters were not taken. The text says why, for the operator, and names nobody."""


class ContactMail:
    """What writes to contacts where there is a mail server."""

    def __init__(self, hosts: Hosts, clock: Callable[[], float], entropy: Callable[[int], bytes]) -> None:
        self._hosts = hosts
        self._clock = clock
        self._entropy = entropy

    async def write(self, tx: Transaction, vault: Vault, notice: Notice) -> None:
        """Have a vault's contacts written to with a change."""
        base = self._hosts.url(Surface.VAULT, vault.name)
        url = f"{base}/certificates/{notice.certificate}/{notice.version}"
        await write_to_contacts(tx, vault, notice, url, now=int(self._clock()), entropy=self._entropy)


def mail_server(settings: Settings) -> MailServer:
    """
    Give the mail server that letters are given to. Its password is read each time, and may be another by then.

    Raises:
        InstanceFault: the file with the password is not there, is open to others, or holds no text.
    """
    tls, password, place = Tls(settings.smtp_tls), "", settings.smtp_password_file
    try:
        if place:
            password = read_private_text(Path(place), limit=limits.MAIL_PASSWORD_BYTES).decode().strip()
    except FileNotFoundError:
        raise InstanceFault(f"There is no file {place} with the mail server's password.") from None
    except UnicodeDecodeError:
        raise InstanceFault(f"The file {place} with the mail server's password holds no text.") from None
    except PrivateFileRefused as refused:
        raise InstanceFault(f"The file with the mail server's password is refused: {refused}.") from None
    return MailServer(
        settings.smtp_server,
        settings.smtp_port or _PORTS[tls],
        tls,
        settings.smtp_from,
        settings.domain,
        settings.smtp_user,
        password,
    )


def deliver_through(egress: Egress, settings: Settings) -> Deliver:
    """Make what gives letters to the mail server, by the one way out."""

    async def deliver(letter: Letter) -> None:
        try:
            server = mail_server(settings)
            connection = await egress.dial(server.host, server.port)
        except (Unreachable, InstanceFault) as fault:
            raise Undelivered(str(fault)) from None
        await send(connection, egress.trust(), server, letter)

    return deliver


async def send_letters(world: World, deliver: Deliver) -> int:
    """
    Send the letters that are due, those that wait longest first; the number that were taken.

    Raises:
        MailFault: the mail server is not there or takes none: the letters after the first such one wait as they are.
    """
    sent, now = 0, world.now()
    due = sorted((one for one in world.view.all(Letter) if is_due(one, now)), key=lambda one: (one.next_at, one.id))
    for letter in due:
        try:
            await deliver(letter)
        except Refused as fault:
            _logger.warning("a letter of the vault %s is given up: %s", letter.vault, fault)
        except Undelivered as fault:
            if not (await world.store.commit(partial(put_letter_off, letter=letter, now=world.now()))).result:
                _logger.warning("a letter of the vault %s is given up: it was tried often enough", letter.vault)
            if isinstance(fault, NotNow):
                continue
            raise MailFault(str(fault)) from None
        else:
            sent += 1
        await world.store.commit(partial(forget_letter, letter=letter))
    return sent
