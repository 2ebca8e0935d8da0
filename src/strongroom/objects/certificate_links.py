"""
The key and the secret of a certificate: they have its name and a version for each of its versions, and live with it.

Nobody changes, deletes, recovers or purges them but their certificate (reference azure-key-vault.md sections 4.3 to
4.6).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from strongroom.core.errors import Conflict
from strongroom.core.events import new_version
from strongroom.core.keys import KeyVersionBody
from strongroom.core.lifecycle import State, state_of
from strongroom.core.objects import Collection
from strongroom.core.secrets import SecretVersionBody
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import Envelope
from strongroom.objects.doomed_keys import remove_key
from strongroom.objects.key_rows import new_row
from strongroom.objects.lifecycle import Entropy, next_version
from strongroom.objects.secrets import new_secret_row
from strongroom.store import Transaction

_LINKED = ((Collection.KEYS, "key"), (Collection.SECRETS, "secret"))


@dataclass(frozen=True, slots=True)
class LinkedVersion:
    """The key and the secret of a version of a certificate."""

    key: KeyVersionBody
    material: bytes = field(repr=False)
    secret: SecretVersionBody
    value: str = field(repr=False)


async def require_links_free(tx: Transaction, vault: Vault, name: str, now: int) -> None:
    """
    Refuse a name that a key or a secret has which is no certificate's, be it deleted.

    Raises:
        Conflict: one has.
    """
    for collection, noun in _LINKED:
        stored = await tx.object(vault.id, collection, name)
        if state_of(stored, now) is not State.ABSENT:
            raise Conflict(
                f"A {noun} with the name {name} already exists, and a certificate's {noun} has the certificate's name.",
                code="Conflict",
            )


async def put_linked(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    name: str,
    version: str,
    linked: LinkedVersion,
    *,
    now: int,
    entropy: Entropy,
) -> None:
    """
    Put the key and the secret of a certificate's version.

    Raises:
        Conflict: the name of one is that of a deleted key or secret.
    """
    remove = remove_key(vault, lambda: envelope)
    stored = await next_version(tx, vault, Collection.KEYS, name, version, now=now, entropy=entropy, remove=remove)
    await tx.put_version(new_row(vault, envelope, stored, version, stored.versions, linked.key, linked.material))
    own = linked.key.attributes
    tx.announce(new_version(vault, stored, version, nbf=own.nbf, exp=own.exp, now=now))
    stored = await next_version(tx, vault, Collection.SECRETS, name, version, now=now, entropy=entropy)
    await tx.put_version(new_secret_row(vault, envelope, stored, version, stored.versions, linked.secret, linked.value))
    tx.announce(new_version(vault, stored, version, nbf=own.nbf, exp=own.exp, now=now))
