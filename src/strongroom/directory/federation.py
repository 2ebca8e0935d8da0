"""
Federated credentials of applications and managed identities, and the issuers that the operator trusts.

    operator trusts issuer + owner names (issuer, subject, audience) --> a token of that subject proves the client

Of an outside token these three and its times count. Who it says it is otherwise (`oid`, `groups`, `appid`) is about
somebody else's directory, and nobody here reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from strongroom.core import limits
from strongroom.core.echo import GUID, shown
from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.federation import (
    TEXT_CHARS,
    FederatedCredential,
    IssuerKey,
    TrustedIssuer,
    is_credential_name,
    is_issuer,
)
from strongroom.core.guids import new_guid
from strongroom.core.identity import Application, ServicePrincipal
from strongroom.core.names import MANAGED_HSM_RESOURCE, Hosts
from strongroom.core.records import INSTANCE, tenant_partition
from strongroom.directory.principals import require_application, require_service_principal
from strongroom.store import Transaction

Entropy = Callable[[int], bytes]
_MANAGED_HSM = frozenset({MANAGED_HSM_RESOURCE, f"{MANAGED_HSM_RESOURCE}/"})
Owner = Application | ServicePrincipal
"""Whose a federated credential is: an application, or the principal of a managed identity, which has none."""


@dataclass(frozen=True, slots=True)
class FederationChange:
    """What is to become different about a federated credential. None leaves things as they are."""

    issuer: str | None = None
    subject: str | None = None
    audiences: tuple[str, ...] | None = None
    description: str | None = None
    """An empty text takes it away."""


async def create_federated_credential(
    tx: Transaction,
    owner: Owner,
    hosts: Hosts,
    *,
    name: str,
    issuer: str,
    subject: str,
    audiences: tuple[str, ...],
    description: str | None,
    now: int,
    entropy: Entropy,
) -> FederatedCredential:
    """
    Let a subject of an issuer be the owner. Whether the issuer is trusted is the operator's to say, then or later.

    Raises:
        Conflict: the owner has one of that name, or for that issuer and subject.
        Invalid: a member is malformed, the audience is that of a service, or the owner has as many as it may.
        NotFound: the owner is gone.
    """
    made = FederatedCredential(
        id=new_guid(entropy),
        tenant=owner.tenant,
        owner=owner.id,
        credential_id=new_guid(entropy),
        name=name,
        issuer=issuer,
        subject=subject,
        audiences=audiences,
        created=now,
        description=description or None,
    )
    _judge(made, hosts)
    await _require_owner(tx, owner)
    others = await federated_credentials_of(tx, owner)
    if len(others) >= limits.FEDERATED_CREDENTIALS_PER_APPLICATION:
        raise Invalid(
            f"{_a(owner)} has at most {limits.FEDERATED_CREDENTIALS_PER_APPLICATION} federated identity credentials."
        )
    _require_unique(made, others, owner)
    await tx.put(made)
    return made


async def update_federated_credential(
    tx: Transaction,
    owner: Owner,
    hosts: Hosts,
    credential_id: str,
    change: FederationChange,
    *,
    entropy: Entropy,
) -> FederatedCredential:
    """
    Change who is meant, and give the credential as it is then. Its tokens end, unless only the description changes.

    Raises:
        Conflict: another one is for that issuer and subject.
        Invalid: a member is malformed.
        NotFound: the owner is gone, or has no such credential.
    """
    found, others = await _find(tx, owner, credential_id)
    changed = replace(
        found,
        issuer=found.issuer if change.issuer is None else change.issuer,
        subject=found.subject if change.subject is None else change.subject,
        audiences=found.audiences if change.audiences is None else change.audiences,
    )
    if changed != found:
        changed = replace(changed, id=new_guid(entropy))
    if change.description is not None:
        changed = replace(changed, description=change.description or None)
    _judge(changed, hosts)
    _require_unique(changed, others, owner)
    if changed.id != found.id:
        await tx.remove(found)
    await tx.put(changed)
    return changed


async def delete_federated_credential(tx: Transaction, owner: Owner, credential_id: str) -> None:
    """
    Remove one; its tokens end, and no others.

    Raises:
        NotFound: the owner is gone, or has no such credential.
    """
    found, _ = await _find(tx, owner, credential_id)
    await tx.remove(found)


async def federated_credentials_of(tx: Transaction, owner: Owner) -> list[FederatedCredential]:
    """Read an owner's federated credentials."""
    return [
        credential
        for credential in await tx.records_with(FederatedCredential, tenant_partition(owner.tenant), owner.id)
        if credential.owner == owner.id
    ]


def no_such_credential(credential_id: str) -> NotFound:
    """Say that an application has no such federated credential."""
    return NotFound(
        f"Resource '{shown(credential_id, GUID)}' does not exist or one of its queried reference-property objects are"
        " not present.",
        code="Request_ResourceNotFound",
    )


def name_is_fixed() -> Invalid:
    """Say that a federated credential keeps the name it was given."""
    return Invalid("The name of a federated identity credential cannot be changed.")


async def trust_issuer(
    tx: Transaction, issuer: str, keys: tuple[IssuerKey, ...], *, now: int, entropy: Entropy
) -> TrustedIssuer:
    """
    Trust an issuer, by *keys* or, if there are none, by those that it publishes; in the place of what was said before.

    Where a key counts no longer, the tokens of the issuer's subjects end: it is not told which key vouched for which.

    Raises:
        Invalid: it is no issuer, or there are as many as there may be.
    """
    if not is_issuer(issuer):
        raise Invalid("An issuer is an https URL of at most 600 characters, without user, query and fragment.")
    known = await tx.records(TrustedIssuer, INSTANCE)
    if len(known) >= limits.TRUSTED_ISSUERS and issuer not in {one.id for one in known}:
        raise Invalid(f"At most {limits.TRUSTED_ISSUERS} issuers are trusted. Remove one first.")
    if any(one.id == issuer and not _are_kept(one.keys, keys) for one in known):
        await _end_tokens(tx, issuer, entropy)
    trusted = TrustedIssuer(issuer, now, keys)
    await tx.put(trusted)
    return trusted


def _are_kept(before: tuple[IssuerKey, ...], after: tuple[IssuerKey, ...]) -> bool:
    """Tell whether every key that counted still does; which ones an issuer publishes is its own matter."""
    return before == after or (bool(before) and set(before) <= set(after))


async def distrust_issuer(tx: Transaction, issuer: str, *, entropy: Entropy) -> None:
    """
    Trust an issuer no longer: the tokens of its subjects end, and do not come back if it is trusted again.

    Raises:
        NotFound: it is not trusted.
    """
    known = await tx.record(TrustedIssuer, INSTANCE, issuer)
    if known is None:
        raise NotFound("There is no such trusted issuer.")
    await tx.remove(known)
    await _end_tokens(tx, issuer, entropy)


async def _end_tokens(tx: Transaction, issuer: str, entropy: Entropy) -> None:
    """Give an issuer's federated credentials new inner ids, in every tenant: tokens are bound to the old ones."""
    for found in await tx.records(FederatedCredential):
        if found.issuer == issuer:
            await tx.remove(found)
            await tx.put(replace(found, id=new_guid(entropy)))


def is_service_audience(audience: str, hosts: Hosts) -> bool:
    """
    Tell whether an audience is that of a service: a vault, the management plane, the directory, here or in Azure.

    A token for one of these is somebody's access to that service, and whoever was shown it could use it there.
    """
    return hosts.surface_of_audience(audience) is not None or audience.lower() in _MANAGED_HSM


def _judge(credential: FederatedCredential, hosts: Hosts) -> None:
    if not is_credential_name(credential.name):
        raise Invalid(
            "The name of a federated identity credential has 3 to 120 letters, digits, hyphens and underscores, and"
            " begins with a letter or a digit."
        )
    if not is_issuer(credential.issuer):
        raise Invalid("The issuer must be an https URL of at most 600 characters, without user, query and fragment.")
    if len(credential.audiences) != 1:
        raise Invalid("A federated identity credential has exactly one audience.")
    for text in (credential.subject, *credential.audiences):
        if not 0 < len(text) <= TEXT_CHARS or text != text.strip():
            raise Invalid(f"Subject and audience have 1 to {TEXT_CHARS} characters, and no space at either end.")
    if any(is_service_audience(audience, hosts) for audience in credential.audiences):
        raise Invalid("The audience must not be that of a service: its tokens would give access there to others.")
    if len(credential.description or "") > TEXT_CHARS:
        raise Invalid(f"The description has at most {TEXT_CHARS} characters.")


def _require_unique(credential: FederatedCredential, others: list[FederatedCredential], owner: Owner) -> None:
    for other in others:
        if other.name.casefold() == credential.name.casefold():
            raise _taken("name", owner)
        if (other.issuer, other.subject) == (credential.issuer, credential.subject):
            raise _taken("issuer and subject", owner)


def _taken(what: str, owner: Owner) -> Conflict:
    # A managed identity's are asked for on the management plane alone, an application's in the directory.
    is_application = isinstance(owner, Application)
    return Conflict(
        f"A federated identity credential with the same {what} exists on the {_word(owner)} already.",
        code="Request_MultipleObjectsWithSameKeyValue" if is_application else "Conflict",
    )


def _word(owner: Owner) -> str:
    return "application" if isinstance(owner, Application) else "managed identity"


def _a(owner: Owner) -> str:
    return "An application" if isinstance(owner, Application) else "A managed identity"


async def _require_owner(tx: Transaction, owner: Owner) -> None:
    if isinstance(owner, Application):
        await require_application(tx, owner.tenant, owner.id)
    else:
        await require_service_principal(tx, owner.tenant, owner.id)


async def _find(
    tx: Transaction, owner: Owner, credential_id: str
) -> tuple[FederatedCredential, list[FederatedCredential]]:
    """Read a credential and the others of its owner."""
    await _require_owner(tx, owner)
    every = await federated_credentials_of(tx, owner)
    found = next((one for one in every if one.credential_id == credential_id), None)
    if found is None:
        raise no_such_credential(credential_id)
    return found, [one for one in every if one is not found]
