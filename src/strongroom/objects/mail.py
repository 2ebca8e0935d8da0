"""Letters to the contacts of a vault's certificates: commands over a Transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable

from strongroom.core import certificate_limits as limits
from strongroom.core.certificate_issuers import CONTACTS, CertificateContacts
from strongroom.core.guids import new_guid
from strongroom.core.mail import Letter, Notice, is_mail_address, put_off, write_letter
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.store import Transaction

_logger = logging.getLogger("strongroom.mail")


async def write_to_contacts(
    tx: Transaction, vault: Vault, notice: Notice, url: str, *, now: int, entropy: Callable[[int], bytes]
) -> int:
    """
    Write a letter to each contact of a vault; the number written. A vault whose letters nobody takes gets no more.

    What waits is sent once the change is made, by whoever has the lease.
    """
    partition = vault_partition(vault.id)
    found = await tx.record(CertificateContacts, partition, CONTACTS)
    addresses = dict.fromkeys(one.email for one in found.contacts if is_mail_address(one.email)) if found else {}
    if not addresses:
        return 0
    room = limits.MAIL_WAITING - len(await tx.records(Letter, partition))
    if room < len(addresses):
        _logger.warning("letters about certificates of the vault %s are not written: too many wait", vault.id)
        return 0
    for address in addresses:
        await tx.put(write_letter(notice, vault, url, address, letter_id=new_guid(entropy), now=now))
    return len(addresses)


async def forget_letter(tx: Transaction, letter: Letter) -> None:
    """Remove a letter that was taken, or never will be."""
    await tx.remove(letter)


async def put_letter_off(tx: Transaction, letter: Letter, now: int) -> bool:
    """Have a letter tried again later; False if it was tried often enough, and is no more."""
    if await tx.record(Letter, letter.partition, letter.id) is None:
        # Its vault was purged meanwhile.
        return True
    later = put_off(letter, now)
    if later is None:
        await tx.remove(letter)
        return False
    await tx.put(later)
    return True
