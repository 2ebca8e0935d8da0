"""
Certificates of applications: registered, replaced, rolled over by the application itself, and removed.

A service principal may have certificates of its own, as it may have secrets: they prove its application in its tenant
alone. Only the public half is ever here. What a client of Graph sends is read by `crypto.client_certificates`
beforehand; the commands below judge dates and numbers, and write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from strongroom.core import limits
from strongroom.core.assertions import audience_of, end_of, require_in_time
from strongroom.core.client_certificates import ClientCertificate
from strongroom.core.echo import GUID, shown
from strongroom.core.errors import Failure, Invalid, NotFound
from strongroom.core.guids import new_guid
from strongroom.core.identity import Application, ServicePrincipal
from strongroom.core.records import tenant_partition
from strongroom.directory.client_secrets import require_owner
from strongroom.directory.principals import require_application
from strongroom.store import Transaction

if TYPE_CHECKING:
    from strongroom.crypto.client_certificates import CertificateFacts

PROOF_AUDIENCE = "00000002-0000-0000-c000-000000000000"
"""What a proof for addKey and removeKey is for, in Graph's own documentation: the directory."""

Entropy = Callable[[int], bytes]
CertificateOwner = Application | ServicePrincipal


@dataclass(frozen=True, slots=True)
class WantedCertificate:
    """A certificate as a client wants it registered; without `facts`, the one that has this `key_id` already."""

    key_id: str | None
    facts: CertificateFacts | None
    display_name: str | None = None
    not_before: int | None = None
    expires: int | None = None
    custom_key_identifier: bytes | None = None


async def set_certificates(
    tx: Transaction, owner: CertificateOwner, wanted: Sequence[WantedCertificate], *, now: int, entropy: Entropy
) -> None:
    """
    Let an owner have these certificates and no others; what is taken away ends its tokens.

    One that is named by its `key_id` alone, or comes again with the same certificate, stays, and so do its tokens; what
    else is said of it is changed.

    Raises:
        Invalid: one cannot be registered, is named and not there, or comes twice; or they are too many; or the owner
            is a managed identity or one of Azure's own resources.
        NotFound: the owner is gone.
    """
    await require_owner(tx, owner.tenant, owner.id)
    held = {one.key_id: one for one in await certificates_of(tx, owner)}
    after: dict[str, ClientCertificate] = {}
    for one in wanted:
        known = held.get(one.key_id or "")
        if known is not None and (one.facts is None or one.facts.certificate == known.certificate):
            certificate = _keep(known, one, now)
        elif one.facts is not None:
            certificate = _make(owner, one, one.facts, now, entropy)
        else:
            raise Invalid("The key credential has no key, and there is none with its keyId.")
        if certificate.key_id in after:
            raise Invalid("Two key credentials have the same keyId.")
        after[certificate.key_id] = certificate
    _require_room(len(after))
    for key_id, certificate in held.items():
        if key_id not in after or after[key_id].id != certificate.id:
            await tx.remove(certificate)
    for key_id, certificate in after.items():
        if held.get(key_id) != certificate:
            await tx.put(certificate)


async def roll_certificate(
    tx: Transaction, application: Application, wanted: WantedCertificate, *, proof: str, now: int, entropy: Entropy
) -> ClientCertificate:
    """
    Register one certificate more, on the proof that whoever asks has the private key of another one.

    Raises:
        Invalid: the proof is none, or the certificate cannot be registered.
        NotFound: the application is gone.
    """
    await require_application(tx, application.tenant, application.id)
    held = await certificates_of(tx, application)
    _require_proof(held, application, proof, now)
    if wanted.facts is None:
        raise Invalid("The key credential has no key.")
    made = _make(application, wanted, wanted.facts, now, entropy)
    if made.key_id in {one.key_id for one in held}:
        raise Invalid("Two key credentials have the same keyId.")
    _require_room(len(held) + 1)
    await tx.put(made)
    return made


async def remove_certificate(tx: Transaction, application: Application, key_id: str, *, proof: str, now: int) -> None:
    """
    Remove one certificate, on the proof that whoever asks has the private key of one: its tokens end, and no others.

    Raises:
        Invalid: the proof is none.
        NotFound: the application is gone, or has no such certificate.
    """
    await require_application(tx, application.tenant, application.id)
    held = await certificates_of(tx, application)
    _require_proof(held, application, proof, now)
    found = next((one for one in held if one.key_id == key_id), None)
    if found is None:
        raise NotFound(f"No key credential found with keyId '{shown(key_id, GUID)}'.", code="Request_ResourceNotFound")
    await tx.remove(found)


async def certificates_of(tx: Transaction, owner: CertificateOwner) -> list[ClientCertificate]:
    """Read an owner's certificates, expired ones too."""
    return [
        certificate
        for certificate in await tx.records_with(ClientCertificate, tenant_partition(owner.tenant), owner.id)
        if certificate.owner == owner.id
    ]


def _make(
    owner: CertificateOwner, wanted: WantedCertificate, facts: CertificateFacts, now: int, entropy: Entropy
) -> ClientCertificate:
    from strongroom.crypto.client_certificates import thumbprint  # noqa: PLC0415  slow to import

    begins = facts.not_before if wanted.not_before is None else wanted.not_before
    ends = facts.not_after if wanted.expires is None else wanted.expires
    _judge_dates(begins, ends, facts, now)
    named = wanted.custom_key_identifier
    return ClientCertificate(
        id=new_guid(entropy),
        tenant=owner.tenant,
        owner=owner.id,
        key_id=wanted.key_id or new_guid(entropy),
        certificate=facts.certificate,
        created=now,
        not_before=begins,
        expires=ends,
        display_name=wanted.display_name or facts.subject or None,
        custom_key_identifier=thumbprint(facts.certificate) if named is None else named,
    )


def _keep(known: ClientCertificate, wanted: WantedCertificate, now: int) -> ClientCertificate:
    """Change what is said of a certificate; where nothing is, it may have expired, as in a list that is sent back."""
    from strongroom.crypto.client_certificates import read_certificate  # noqa: PLC0415  slow to import

    named = wanted.custom_key_identifier
    kept = replace(
        known,
        display_name=known.display_name if wanted.display_name is None else wanted.display_name,
        not_before=known.not_before if wanted.not_before is None else wanted.not_before,
        expires=known.expires if wanted.expires is None else wanted.expires,
        custom_key_identifier=known.custom_key_identifier if named is None else named,
    )
    if (kept.not_before, kept.expires) != (known.not_before, known.expires):
        _judge_dates(kept.not_before, kept.expires, read_certificate(known.certificate), now)
    return kept


def _judge_dates(begins: int, ends: int, facts: CertificateFacts, now: int) -> None:
    if begins < facts.not_before:
        raise Invalid("Key credential start date is invalid: it is before the certificate's own.")
    if ends > facts.not_after or ends <= max(begins, now):
        raise Invalid(
            "Key credential end date is invalid: it must be later than its start date and than the present, and not"
            " later than the certificate's own."
        )


def _require_room(number: int) -> None:
    if number > limits.CLIENT_CERTIFICATES_PER_APPLICATION:
        raise Invalid(f"An object has at most {limits.CLIENT_CERTIFICATES_PER_APPLICATION} key credentials.")


def _require_proof(held: Sequence[ClientCertificate], application: Application, proof: str, now: int) -> None:
    """
    Demand a token that a current certificate of the application signed, for this purpose and for ten minutes at most.

    Raises:
        Invalid: it is none; which of its faults it was is for the journal alone.
    """
    from strongroom.crypto import assertions  # noqa: PLC0415  slow to import
    from strongroom.crypto.client_certificates import names_certificate  # noqa: PLC0415  likewise

    try:
        parsed = assertions.parse_assertion(proof)
        names = {"kid": parsed.kid, "x5t": parsed.x5t, "x5t_s256": parsed.x5t_s256}
        signer = next(
            (one for one in held if one.is_current(now) and names_certificate(one.certificate, **names)), None
        )
        if signer is None:
            raise _bad_proof("signed by no current certificate")
        claims = assertions.verify_assertion(parsed, assertions.certificate_key(signer.certificate))
        require_in_time(claims, now)
        audience, expires = audience_of(claims), end_of(claims)
    except assertions.AssertionRefused as refused:
        raise _bad_proof(refused.reason) from None
    except Failure as failure:
        raise _bad_proof(failure.reason or "") from None
    if claims.get("iss") != application.id or audience != PROOF_AUDIENCE:
        raise _bad_proof("iss or aud")
    if expires > now + limits.PROOF_LIFE_S + limits.ASSERTION_LEEWAY_S:
        raise _bad_proof("lives too long")


def _bad_proof(reason: str) -> Invalid:
    return Invalid(
        "The proof of possession is not valid. It must be a token signed by one of the application's current"
        f" certificates, with the application's object id as its issuer and '{PROOF_AUDIENCE}' as its audience.",
        reason=f"proof: {reason}",
    )
