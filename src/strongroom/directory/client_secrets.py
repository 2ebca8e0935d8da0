"""
Client secrets: made for applications, shown once, kept as keyed hashes, and recognised.

A service principal may have secrets of its own, as Graph lets it: they prove its application in its tenant alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from strongroom.core import limits
from strongroom.core.echo import GUID, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.first_party import FIRST_PARTY
from strongroom.core.guids import new_guid
from strongroom.core.identity import Application, Credential, CredentialKind, ServicePrincipal, ServicePrincipalType
from strongroom.core.records import tenant_partition
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.secret_texts import HINT_CHARS, make_verifier, new_client_secret
from strongroom.directory.principals import require_service_principal
from strongroom.store import Transaction

SecretOwner = Application | ServicePrincipal


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A credential and the one copy of its secret there will ever be."""

    credential: Credential
    text: str = field(repr=False)


def make_client_secret(
    keys: RootKey,
    owner: SecretOwner,
    *,
    display_name: str | None = None,
    not_before: int | None = None,
    expires: int,
    now: int,
    entropy: Callable[[int], bytes],
    key_id: str | None = None,
) -> NewSecret:
    """
    Make a secret for its *owner*; `add_password` makes it count. Its id is random unless *key_id* gives it.

    Raises:
        Invalid: it would end before it begins, or has ended already.
    """
    begins = now if not_before is None else not_before
    if expires <= max(begins, now):
        raise Invalid("The end date of a password credential must be later than its start date and than the present.")
    text = new_client_secret(entropy)
    key_id = new_guid(entropy) if key_id is None else key_id
    credential = Credential(
        id=key_id,
        tenant=owner.tenant,
        owner=owner.id,
        kind=CredentialKind.SECRET,
        verifier=make_verifier(keys, key_id, text),
        created=now,
        not_before=begins,
        expires=expires,
        display_name=display_name,
        hint=text[:HINT_CHARS],
    )
    return NewSecret(credential, text)


async def add_password(tx: Transaction, credential: Credential) -> None:
    """
    Let a secret that `make_client_secret` made prove its application.

    Raises:
        Invalid: the owner has as many as it may have, or is a managed identity or one of Azure's own resources.
        NotFound: the owner is gone.
    """
    await require_owner(tx, credential.tenant, credential.owner)
    held = await secrets_of(tx, credential.tenant, credential.owner)
    if len(held) >= limits.CLIENT_SECRETS_PER_APPLICATION:
        # Each one costs a comparison at every sign-in.
        raise Invalid(
            f"An object has at most {limits.CLIENT_SECRETS_PER_APPLICATION} password credentials. Remove one first."
        )
    await tx.put(credential)


async def remove_password(tx: Transaction, tenant: str, owner: str, key_id: str) -> None:
    """
    Remove one secret of an application or service principal: its tokens end, and no others.

    Raises:
        NotFound: the tenant has no such owner, or it has no such secret.
    """
    await require_owner(tx, tenant, owner)
    credential = await tx.record(Credential, tenant_partition(tenant), key_id)
    if credential is None or credential.owner != owner or credential.kind is not CredentialKind.SECRET:
        raise NotFound(
            f"No password credential found with keyId '{shown(key_id, GUID)}'.", code="Request_ResourceNotFound"
        )
    await tx.remove(credential)


async def require_owner(tx: Transaction, tenant: str, owner: str) -> None:
    """
    Require what may have credentials of its own: an application, or the principal of one.

    Raises:
        Invalid: it is a managed identity or one of Azure's own resources.
        NotFound: the tenant has no such owner.
    """
    partition = tenant_partition(tenant)
    if await tx.record(Application, partition, owner) is not None:
        return
    principal = await require_service_principal(tx, tenant, owner)
    if principal.type is ServicePrincipalType.MANAGED_IDENTITY or principal.app_id in FIRST_PARTY:
        raise Invalid("Credentials cannot be added to this service principal.")


async def secrets_of(tx: Transaction, tenant: str, owner: str) -> list[Credential]:
    """Read an owner's secrets, expired ones too."""
    return [
        credential
        for credential in await tx.records_with(Credential, tenant_partition(tenant), owner)
        if credential.owner == owner and credential.kind is CredentialKind.SECRET
    ]
