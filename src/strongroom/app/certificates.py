"""The server's certificate: issued by the instance's CA, renewed before it ends, without a restart."""

from __future__ import annotations


from strongroom.app.bootstrap import CA_PURPOSE
from strongroom.config import Settings
from strongroom.core.instance import Instance
from strongroom.crypto.context import bind
from strongroom.crypto.private_files import replace_private_file
from strongroom.crypto.protocol import KeyProtection
from strongroom.store import Store


def served_names(domain: str) -> tuple[str, ...]:
    """List the names the server's certificate is for."""
    return (f"*.vault.{domain}", f"login.{domain}", f"management.{domain}", f"graph.{domain}")


def is_due(settings: Settings, instance: Instance, now: int) -> bool:
    """Tell whether a certificate has to be issued: none is there, or two thirds of its life are over."""
    return now >= instance.certificate_renew_at or not all(path.exists() for path in settings.certificate_files)


async def issue(settings: Settings, store: Store, keys: KeyProtection, instance: Instance, now: int) -> Instance:
    """Issue a server certificate, write its files, and note when the next is due."""
    # Costs a tenth of a second to import, which a start with a good certificate does without.
    from strongroom.crypto import x509  # noqa: PLC0415

    private_key = keys.open(CA_PURPOSE, bind(instance.domain), instance.sealed_ca_key)
    authority = x509.Authority(instance.ca_certificate, private_key)
    leaf = x509.issue_leaf(authority, served_names(instance.domain), now=now)
    certificate, key = settings.certificate_files
    replace_private_file(key, leaf.private_key)
    replace_private_file(certificate, leaf.certificate)
    write_ca_file(settings, instance)
    renewed = replace(instance, certificate_not_after=leaf.not_after, certificate_renew_at=leaf.renew_at)
    await store.commit(lambda tx: tx.put(renewed))
    return renewed


def write_ca_file(settings: Settings, instance: Instance) -> None:
    """Write the CA's certificate where clients are told to find it. It is public; the directory is not."""
    if not settings.ca_file.exists() or settings.ca_file.read_bytes() != instance.ca_certificate:
        temporary = settings.ca_file.with_suffix(".new")
        temporary.write_bytes(instance.ca_certificate)
        temporary.replace(settings.ca_file)
