"""
What a certificate begins with and what it ends as: its key and its request, and the version that comes of them.

Everything here is computed before a commit; `certificate_issuance` says what lies between.
"""

from __future__ import annotations

from strongroom.core.certificate_policies import operations_of, spec_of
from strongroom.core.certificates import (
    UNKNOWN,
    CertificateAttributes,
    CertificatePolicy,
    CertificateVersionBody,
    Pending,
)
from strongroom.core.errors import NotFound
from strongroom.core.guardrails import KeyFacts, SecretFacts
from strongroom.core.key_rotation import Duration, moved
from strongroom.core.keys import KeyAttributes, KeyVersionBody
from strongroom.core.objects import Collection
from strongroom.core.secrets import SecretAttributes, SecretVersionBody
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import HeldKey, MadeKey, Place
from strongroom.crypto.protocol import Envelope
from strongroom.flow.world import World
from strongroom.objects import certificates
from strongroom.objects.certificate_links import LinkedVersion
from strongroom.objects.certificate_rows import seal_pending
from strongroom.objects.key_rows import body_of, open_material
from strongroom.objects.keys import Unclaimed

_TO_MERGE = "Pending certificate created. Please Perform Merge to complete the request."
_TO_WAIT = (
    "Pending certificate created. Certificate request is in progress. This may take some time based on the issuer"
    " provider. Please check again later."
)
HANDED_S = 30
"""So long a step is left to the task that makes it at once; then the job makes it."""


async def draw_up(world: World, vault: Vault, name: str, policy: CertificatePolicy, unclaimed: Unclaimed) -> Pending:
    """
    Make the key and the request of a certificate that is wanted; the key can be that of the version before.

    Raises:
        Invalid: such a key cannot be made here, or a name in the policy is none.
        Unavailable, Throttled: see `KeyProtection`.
    """
    from strongroom.crypto.certificates.issuing import make_request  # noqa: PLC0415  costly to import
    from strongroom.crypto.certificates.signing import held_signing_key  # noqa: PLC0415

    version, request_id = world.entropy(16).hex(), world.entropy(16).hex()
    place = world.protections.for_new(policy.key.type, vault)
    made = await _key_to_reuse(world, vault, name, policy) if policy.key.reuse else None
    is_reused = made is not None
    if made is None:
        where = Place(vault.id, vault.subscription, name, version)
        made = unclaimed.note(place, await place.make(spec_of(policy.key), where))
    material = made.material
    sealed = seal_pending(envelope_of(world, vault), vault, request_id, material)
    identity = (vault.id, f"pending {request_id}", version)
    held = HeldKey(identity, made.spec, made.parts, sealed, lambda: material, name.lower())
    csr = await make_request(held_signing_key(place, held), policy.x509)
    now, is_merged = world.now(), policy.issuer.name == UNKNOWN
    return Pending(
        version,
        request_id,
        policy.issuer,
        csr,
        now,
        policy.key.type,
        made.parts,
        made.spec.bits,
        made.spec.curve,
        sealed,
        is_reused,
        policy.x509,
        policy.content_type,
        policy.key.exportable and not policy.key.type.in_token,
        details=_TO_MERGE if is_merged else _TO_WAIT,
        step_at=None if is_merged else now + HANDED_S,
    )


async def _key_to_reuse(world: World, vault: Vault, name: str, policy: CertificatePolicy) -> MadeKey | None:
    """Give the key of the latest version, if it is such a key as the policy wants; else a new one has to be made."""
    try:
        latest = await certificates.active_certificate(world.store, vault, name, world.now())
    except NotFound:
        return None
    row = await world.store.version(vault.id, Collection.KEYS, name, latest.version)
    if latest.body.cer is None or row is None:
        return None
    body, wanted = body_of(row), policy.key
    if (body.type, body.bits, body.curve) != (wanted.type, wanted.bits, wanted.curve):
        return None
    if wanted.exportable and not body.attributes.exportable:
        # It was made to stay: the secret of a version that may leave would hand it out.
        return None
    return MadeKey(body.spec, body.parts, open_material(envelope_of(world, vault), vault, row))


def facts_of_new(policy: CertificatePolicy, now: int) -> tuple[KeyFacts, SecretFacts]:
    """Say what guardrails ask about the key and the secret of a version that is to be made, if it is issued now."""
    expires = moved(now, Duration("", months=policy.x509.validity_months))
    return (
        KeyFacts(now, expires, policy.key.type, policy.key.bits, policy.key.curve),
        SecretFacts(now, expires),
    )


def made_version(
    pending: Pending, chain: tuple[bytes, ...], material: bytes, platform: str, now: int
) -> tuple[CertificateVersionBody, LinkedVersion]:
    """Describe a version with its key and its secret, as the certificate that was issued has it."""
    from strongroom.crypto.certificates.bundles import secret_value  # noqa: PLC0415  costly to import
    from strongroom.crypto.certificates.facts import validity_of  # noqa: PLC0415

    nbf, exp = validity_of(chain[0])
    own = CertificateAttributes(now, now, pending.enabled, nbf, exp)
    content_type, exportable = pending.content_type, pending.exportable
    body = CertificateVersionBody(own, chain[0], chain[1:], content_type, pending.tags, pending.preserve_order)
    key = KeyVersionBody(
        pending.key_type,
        pending.parts,
        operations_of(pending.x509.key_usage, pending.key_type.kind),
        KeyAttributes(now, now, pending.enabled, nbf, exp, exportable),
        pending.bits,
        pending.curve,
        platform,
        pending.tags,
        managed=True,
    )
    secret = SecretVersionBody(
        SecretAttributes(now, now, pending.enabled, nbf, exp), content_type, pending.tags, managed=True
    )
    value = secret_value(content_type, material if exportable else None, chain)
    return body, LinkedVersion(key, material, secret, value)


def envelope_of(world: World, vault: Vault) -> Envelope:
    """Give the key of a vault."""
    return world.keys.envelope(vault.id, vault.wrapped_key)
