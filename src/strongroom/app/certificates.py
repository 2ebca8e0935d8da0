"""The server's certificate: issued by the instance's CA, renewed before it ends, without a restart."""

from __future__ import annotations

from dataclasses import replace

from strongroom.app.instance import Opened
from strongroom.config import Settings
from strongroom.core.installation import Installation
from strongroom.core.names import own_names
from strongroom.crypto.context import bind
from strongroom.crypto.private_files import replace_private_file
from strongroom.crypto.protocol import KeyProtection
from strongroom.store import Store

CA_PURPOSE = "instance CA"
"""What the CA's private key is sealed for."""


def is_due(settings: Settings, installation: Installation, now: int) -> bool:
    """Tell whether a certificate has to be issued: none is there, or two thirds of its life are over."""
    return now >= installation.certificate_renew_at or not all(path.exists() for path in settings.certificate_files)


async def issue(
    settings: Settings, store: Store, keys: KeyProtection, installation: Installation, now: int
) -> Installation:
    """Issue a server certificate, write its files, and note when the next is due."""
    # Costs a tenth of a second to import, which a start with a good certificate does without.
    from strongroom.crypto import x509  # noqa: PLC0415

    private_key = keys.open(CA_PURPOSE, bind(installation.domain), installation.sealed_ca_key)
    authority = x509.Authority(installation.ca_certificate, private_key)
    leaf = x509.issue_leaf(authority, own_names(installation.domain), now=now)
    certificate, key = settings.certificate_files
    replace_private_file(key, leaf.private_key)
    replace_private_file(certificate, leaf.certificate)
    write_ca_file(settings, installation)
    renewed = replace(installation, certificate_expires=leaf.not_after, certificate_renew_at=leaf.renew_at)
    await store.commit(lambda tx: tx.put(renewed))
    return renewed


def write_ca_file(settings: Settings, installation: Installation) -> None:
    """Write the CA's certificate where clients are told to find it. It is public; the directory is not."""
    if not settings.ca_file.exists() or settings.ca_file.read_bytes() != installation.ca_certificate:
        temporary = settings.ca_file.with_suffix(".new")
        temporary.write_bytes(installation.ca_certificate)
        temporary.replace(settings.ca_file)


async def renew_if_due(opened: Opened) -> bool:
    """Issue a new server certificate if one is due; whether it was."""
    now = opened.world.now()
    if not is_due(opened.settings, opened.installation, now):
        return False
    opened.installation = await issue(opened.settings, opened.store, opened.keys, opened.installation, now)
    opened.world.instance.certificate_expires = opened.installation.certificate_expires
    return True
