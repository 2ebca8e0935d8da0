"""A vault's issuers and contacts: commands over a Transaction, and how an issuer's password is sealed."""

from __future__ import annotations

from strongroom.core import certificate_limits as limits
from strongroom.core.certificate_issuers import (
    CONTACTS,
    CertificateContacts,
    CertificateIssuer,
    GivenIssuer,
    changed_issuer,
    contacts_not_found,
    issuer_id,
    issuer_not_found,
    new_issuer,
)
from strongroom.core.errors import Invalid
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.crypto.context import context
from strongroom.crypto.protocol import Envelope
from strongroom.store import Transaction

_PURPOSE = "issuer-password"
_FORMAT = "1"


def seal_password(envelope: Envelope, vault: Vault, name: str, password: str) -> bytes:
    """Seal `credentials.pwd` for one issuer of one vault."""
    return envelope.seal(_context(vault, name), password.encode())


async def set_issuer(tx: Transaction, vault: Vault, name: str, given: GivenIssuer, now: int) -> CertificateIssuer:
    """
    Set an issuer, in the place of one that has the name.

    Raises:
        Invalid: a rule of an issuer is broken, or the vault has as many as it may.
    """
    known = {one.id: one for one in await tx.records(CertificateIssuer, vault_partition(vault.id))}
    made = new_issuer(name, vault.id, given, known.get(issuer_id(name)), now)
    if made.id not in known and len(known) >= limits.ISSUERS:
        raise Invalid(f"A vault has at most {limits.ISSUERS} issuers.", code="BadParameter")
    await tx.put(made)
    return made


async def update_issuer(tx: Transaction, vault: Vault, name: str, given: GivenIssuer, now: int) -> CertificateIssuer:
    """
    Change an issuer.

    Raises:
        NotFound: the vault has none of that name.
        Invalid: a rule of an issuer is broken.
    """
    changed = changed_issuer(await _issuer(tx, vault, name), given, now)
    await tx.put(changed)
    return changed


async def remove_issuer(tx: Transaction, vault: Vault, name: str) -> CertificateIssuer:
    """
    Remove an issuer, for ever. Certificates that name it stay, and cannot be renewed until there is one again.

    Raises:
        NotFound: the vault has none of that name.
    """
    found = await _issuer(tx, vault, name)
    await tx.remove(found)
    return found


async def remove_contacts(tx: Transaction, vault: Vault) -> CertificateContacts:
    """
    Remove all contacts.

    Raises:
        NotFound: there are none.
    """
    found = await tx.record(CertificateContacts, vault_partition(vault.id), CONTACTS)
    if found is None:
        raise contacts_not_found()
    await tx.remove(found)
    return found


async def _issuer(tx: Transaction, vault: Vault, name: str) -> CertificateIssuer:
    found = await tx.record(CertificateIssuer, vault_partition(vault.id), issuer_id(name))
    if found is None:
        raise issuer_not_found()
    return found


def _context(vault: Vault, name: str) -> bytes:
    return context(_PURPOSE, vault.tenant, vault.id, issuer_id(name), "", _FORMAT)
