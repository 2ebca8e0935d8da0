"""
The server's certificate: issued by the instance's CA, renewed before it ends, without a restart.

Certificate and key are two files, and each is replaced by itself. So what was issued is known by a tag in the store: a
pair that was cut apart by a crash, altered, put back or made elsewhere is noticed without reading what is in it, and
another is issued.
"""

from __future__ import annotations

import hmac
from dataclasses import replace

from strongroom.app.instance import Opened
from strongroom.config import Settings
from strongroom.core.installation import Installation
from strongroom.core.names import own_names
from strongroom.crypto.context import bind
from strongroom.crypto.private_files import replace_private_file
from strongroom.crypto.protocol import RootKey
from strongroom.store import Store

CA_PURPOSE = "instance CA"
"""What the CA's private key is sealed for."""
_TAG_PURPOSE = "server certificate"


def is_due(settings: Settings, keys: RootKey, installation: Installation, now: int) -> bool:
    """
    Tell whether a certificate has to be issued.

    Two thirds of its life are over; or it has not begun, as when it was issued while the clock was ahead, which nobody
    would wait for; or the pair on disk is another.
    """
    if now >= installation.certificate_renew_at or now < _begins(installation):
        return True
    try:
        certificate, key = (path.read_bytes() for path in settings.certificate_files)
    except OSError:
        # What cannot be read cannot be served; if it cannot be replaced either, that is said.
        return True
    return not hmac.compare_digest(_tag(keys, installation, certificate, key), installation.certificate_tag)


async def issue(settings: Settings, store: Store, keys: RootKey, installation: Installation, now: int) -> Installation:
    """Issue a server certificate, write its files, and note when the next is due."""
    # Costs a tenth of a second to import, which a start with a good certificate does without.
    from strongroom.crypto import x509  # noqa: PLC0415

    private_key = keys.open(CA_PURPOSE, bind(installation.domain), installation.sealed_ca_key)
    authority = x509.Authority(installation.ca_certificate, private_key)
    leaf = x509.issue_leaf(authority, own_names(installation.domain), now=now)
    renewed = replace(
        installation,
        certificate_expires=leaf.not_after,
        certificate_renew_at=leaf.renew_at,
        certificate_tag=_tag(keys, installation, leaf.certificate, leaf.private_key),
    )
    certificate, key = settings.certificate_files
    replace_private_file(key, leaf.private_key)
    replace_private_file(certificate, leaf.certificate)
    write_ca_file(settings, installation)
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
    if not is_due(opened.settings, opened.keys, opened.installation, now):
        return False
    opened.installation = await issue(opened.settings, opened.store, opened.keys, opened.installation, now)
    return True


def _begins(installation: Installation) -> int:
    """Work out when the certificate begins: it is renewed when a third of its life is left."""
    left = installation.certificate_expires - installation.certificate_renew_at
    return installation.certificate_expires - 3 * left


def _tag(keys: RootKey, installation: Installation, certificate: bytes, key: bytes) -> bytes:
    """Tag a certificate and its key, with who issued them and for which names."""
    parts = (installation.ca_certificate, certificate, key)
    names = own_names(installation.domain)
    return keys.tag(_TAG_PURPOSE, bind(*names, *(part.decode("latin-1") for part in parts)))
