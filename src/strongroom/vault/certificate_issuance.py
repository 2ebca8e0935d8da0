"""
The issuance of certificates: what goes on after the request that began it was answered, and after a restart.

    draw up: key, request ──> commit (inProgress, step due) ──> advance ─┬─ Issued ──> commit: certificate, key, secret
                                                     ^                   ├─ Refused ──> commit: failed
                                                     └── later, again ───┴─ Waiting, or nobody reached

Whatever is needed for the next step is in the store, so it does not matter who makes it: the task that the request
left behind, or the job that looks after certificates (`certificate_upkeep`). What a step gives counts only if the
operation is where it was; a certificate of which that is not so is let go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from strongroom.core.certificate_policies import operations_of
from strongroom.core.certificates import (
    PKCS12,
    SELF,
    UNKNOWN,
    CertificateAttributes,
    CertificatePolicy,
    CertificateVersionBody,
    Pending,
    PendingStatus,
)
from strongroom.core.errors import Failure, Unavailable
from strongroom.core.issuance import Issued, Refused, Step, Wanted
from strongroom.core.keys import KeyAttributes, KeySpec, KeyVersionBody
from strongroom.core.names import Surface
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.secrets import SecretAttributes, SecretVersionBody
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import HeldKey, Place
from strongroom.crypto.protocol import Envelope
from strongroom.flow import audit, log
from strongroom.flow.world import World
from strongroom.journal import Entry
from strongroom.objects import certificates
from strongroom.objects.certificate_links import LinkedVersion
from strongroom.objects.certificate_rows import Certificate, held_pending, open_pending, seal_pending, upkeep_of
from strongroom.objects.keys import Unclaimed
from strongroom.store import StoreFault, Transaction
from strongroom.vault.issuers import issuing

ENROLL, RENEW = "CertificateEnroll", "CertificateRenew"
"""What the end of an operation is called in the journal: nobody asks for it."""
RETRY_S = 60


async def draw_up(world: World, vault: Vault, name: str, policy: CertificatePolicy, unclaimed: Unclaimed) -> Pending:
    """
    Make the key and the request of a certificate that is wanted.

    Raises:
        Invalid: such a key cannot be made here, or a name in the policy is none.
        Unavailable, Throttled: see `KeyProtection`.
    """
    from strongroom.crypto.certificates.issuing import make_request  # noqa: PLC0415  costly to import
    from strongroom.crypto.certificates.signing import held_signing_key  # noqa: PLC0415

    version, request_id = world.entropy(16).hex(), world.entropy(16).hex()
    place = world.protections.for_new(policy.key.type, vault)
    spec = KeySpec(policy.key.type.kind, policy.key.bits, policy.key.curve)
    made = unclaimed.note(place, await place.make(spec, Place(vault.id, vault.subscription, name, version)))
    sealed = seal_pending(_envelope(world, vault), vault, request_id, made.material)
    held = HeldKey((vault.id, f"pending {request_id}", version), made.spec, made.parts, sealed, lambda: made.material)
    csr = await make_request(held_signing_key(place, held), policy.x509)
    now = world.now()
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
        step_at=None if policy.issuer.name == UNKNOWN else now,
    )


def issue_in_background(world: World, vault: Vault, stored: StoredObject) -> None:
    """Have the next step of an operation made at once; if that does not come to be, the job makes it."""
    key = f"certificate {vault.id} {stored.key}"
    if world.background.find(key) is None:
        world.background.reserve(key, _Issuance(world, vault, stored.name))
        world.background.start(key)


@dataclass(slots=True)
class _Issuance:
    """What `flow.background` runs: it belongs to nobody, since it goes on without whoever asked for it."""

    world: World
    vault: Vault
    name: str
    tenant: str = ""
    owner: str = ""
    is_stopping: bool = False

    async def run(self) -> None:
        if not self.is_stopping:
            await advance(self.world, self.vault, self.name)

    def cancel(self) -> None:
        self.interrupt()

    def interrupt(self) -> None:
        self.is_stopping = True


async def advance(world: World, vault: Vault, name: str) -> None:
    """Make the next step of a certificate's operation, if one is due. What goes wrong is left for the job."""
    try:
        stored = await world.store.object(vault.id, Collection.CERTIFICATES, name)
        pending = upkeep_of(stored).pending if stored is not None and stored.deleted is None else None
        if stored is None or pending is None or pending.step_at is None or pending.step_at > world.now():
            return
        await _advance(world, vault, stored, pending)
    except (StoreFault, Unavailable) as fault:
        log.background_failed(ENROLL, fault)


async def _advance(world: World, vault: Vault, stored: StoredObject, pending: Pending) -> None:
    if pending.cancellation_requested:
        await _end(world, vault, stored, replace(pending, status=PendingStatus.CANCELLED))
        return
    try:
        step = await _step(world, vault, stored, pending)
    except Unavailable:
        later = replace(pending, failures=pending.failures + 1, step_at=world.now() + RETRY_S)
        await _note(world, vault, stored, later)
        return
    except Failure as failure:
        step = Refused(failure.message, failure.code or "Request rejected")
    if isinstance(step, Issued):
        await _complete(world, vault, stored, pending, step)
    elif isinstance(step, Refused):
        failed = replace(pending, status=PendingStatus.FAILED, error_code=step.code, error_message=step.message)
        await _end(world, vault, stored, failed)
    else:
        await _note(
            world,
            vault,
            stored,
            replace(pending, state=step.state, step_at=step.until, details=step.details, failures=0),
        )


async def _step(world: World, vault: Vault, stored: StoredObject, pending: Pending) -> Step:
    policy = upkeep_of(stored).policy
    if pending.issuer.name == SELF:
        from strongroom.crypto.certificates.issuing import issue_to_itself  # noqa: PLC0415  costly to import
        from strongroom.crypto.certificates.signing import held_signing_key  # noqa: PLC0415

        held = held_pending(_envelope(world, vault), vault, pending)
        signing = held_signing_key(world.protections.of(pending.key_type), held)
        return Issued((await issue_to_itself(signing, policy.x509, world.now()),))
    found = issuing(world, vault, pending.issuer.name)
    if isinstance(found, Refused):
        return found
    named, issuer = found
    wanted = Wanted(
        pending.request_id,
        vault.id,
        vault.tenant,
        stored.name,
        pending.csr,
        policy.x509,
        pending.issuer,
        world.now(),
        named.account_id,
    )
    return await issuer.step(wanted, pending.state)


async def _complete(world: World, vault: Vault, stored: StoredObject, pending: Pending, issued: Issued) -> None:
    envelope, policy, now = _envelope(world, vault), upkeep_of(stored).policy, world.now()
    material = open_pending(envelope, vault, pending)
    body, linked = made_version(
        policy, pending, issued.chain, material, world.protections.of(pending.key_type).platform, now
    )

    async def change(tx: Transaction) -> Certificate | None:
        return await certificates.complete(tx, vault, envelope, stored, body, linked, now=now, entropy=world.entropy)

    await audit.commit_apart(
        world, change, lambda made: _entry(world, vault, made.stored, pending) if made is not None else None
    )


def made_version(
    policy: CertificatePolicy, pending: Pending, chain: tuple[bytes, ...], material: bytes, platform: str, now: int
) -> tuple[CertificateVersionBody, LinkedVersion]:
    """Describe a version with its key and its secret, as the certificate that was issued has it."""
    from strongroom.crypto.certificates.bundles import secret_value  # noqa: PLC0415  costly to import
    from strongroom.crypto.certificates.facts import validity_of  # noqa: PLC0415

    nbf, exp = validity_of(chain[0])
    own = CertificateAttributes(now, now, pending.enabled, nbf, exp)
    body = CertificateVersionBody(own, chain[0], chain[1:], policy.content_type, pending.tags, pending.preserve_order)
    exportable = policy.key.exportable and not pending.key_type.in_token
    key = KeyVersionBody(
        pending.key_type,
        pending.parts,
        operations_of(policy.x509.key_usage, pending.key_type.kind),
        KeyAttributes(now, now, pending.enabled, nbf, exp, exportable),
        pending.bits,
        pending.curve,
        platform,
        pending.tags,
        managed=True,
    )
    content_type = policy.content_type or PKCS12
    secret = SecretVersionBody(
        SecretAttributes(now, now, pending.enabled, nbf, exp), content_type, pending.tags, managed=True
    )
    value = secret_value(content_type, material if exportable else None, chain)
    return body, LinkedVersion(key, material, secret, value)


async def _end(world: World, vault: Vault, stored: StoredObject, ended: Pending) -> None:
    """End an operation without a version."""
    ended = replace(ended, material=b"", state=b"", step_at=None)

    async def change(tx: Transaction) -> StoredObject | None:
        return await certificates.end_pending(tx, vault, stored.name, ended, world.now())

    await audit.commit_apart(
        world, change, lambda found: _entry(world, vault, found, ended) if found is not None else None
    )


async def _note(world: World, vault: Vault, stored: StoredObject, pending: Pending) -> None:
    """Note where an operation is."""
    await world.store.commit(lambda tx: certificates.end_pending(tx, vault, stored.name, pending, world.now()))


def _entry(world: World, vault: Vault, stored: StoredObject, pending: Pending) -> Entry:
    """Say how an operation ended. It has no identity: nobody asked at that moment."""
    base = world.hosts.url(Surface.VAULT, vault.name)
    return Entry(
        time=world.clock(),
        operation=RENEW if pending.is_renewal else ENROLL,
        status=200 if pending.error_code is None else 400,
        resource_id=vault.scope,
        description=pending.error_message or "",
        object_uri=f"{base}/certificates/{stored.name}/{pending.version}",
        error_code=pending.error_code,
    )


def _envelope(world: World, vault: Vault) -> Envelope:
    return world.keys.envelope(vault.id, vault.wrapped_key)
