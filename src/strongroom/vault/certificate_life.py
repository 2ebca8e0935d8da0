"""Certificates: the handlers of what happens to one that exists, and of the lists."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from strongroom.core.certificates import Pending
from strongroom.core.errors import Invalid
from strongroom.core.guardrails import SecretFacts
from strongroom.core.keys import KeyVersionBody
from strongroom.core.lifecycle import require_deleted
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection
from strongroom.core.secrets import SecretVersionBody
from strongroom.crypto.protocol import Envelope
from strongroom.flow import authorization
from strongroom.flow.call import Call
from strongroom.flow.facts import data_facts
from strongroom.flow.guardrails import guard_certificate, guard_keys, guard_secrets
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import certificate_backup, certificate_life
from strongroom.objects.certificate_backup import CertificateBackup
from strongroom.objects.certificate_inventory import certificate_facts
from strongroom.objects.certificate_rows import Certificate, certificate_of
from strongroom.objects.certificates import active_certificate
from strongroom.objects.key_inventory import facts_of
from strongroom.objects.keys import Unclaimed
from strongroom.objects.lifecycle import latest_version
from strongroom.store import ObjectState, Transaction
from strongroom.vault import certificate_wire as wire
from strongroom.vault.backup_blobs import opened, read_blob
from strongroom.vault.certificate_answers import answer, describe, item_of
from strongroom.vault.certificate_issuance import let_go_in_background
from strongroom.vault.certificates import policy_change
from strongroom.vault.key_wire import read_value
from strongroom.vault.listing import Row, list_page, list_versions

_CERTIFICATES = Collection.CERTIFICATES


# ---- lists ----------------------------------------------------------------------------------------------------------


async def list_certificates(call: Call) -> Response:
    """List the active certificates' latest versions; those that were never issued only if that is asked for."""
    return await _list_objects(call, ObjectState.ACTIVE)


async def list_deleted_certificates(call: Call) -> Response:
    """List the deleted certificates, likewise."""
    return await _list_objects(call, ObjectState.DELETED)


async def list_certificate_versions(call: Call) -> Response:
    """List a certificate's versions."""
    rows, link = await list_versions(call, _CERTIFICATES, parse_object_name(call.target.params["name"]))
    items = [item_of(call, certificate_of(*row), versioned=True) for row in rows]
    return json.response(wire.CertificateListResult(items, link))


async def _list_objects(call: Call, state: ObjectState) -> Response:
    rows, link = await list_page(call, _CERTIFICATES, state, None if _includes_pending(call) else _is_issued)
    items = [item_of(call, certificate_of(*row), versioned=False) for row in rows]
    return json.response(wire.CertificateListResult(items, link))


def _includes_pending(call: Call) -> bool:
    given = call.query.get("includePending", "false").lower()
    if given not in {"true", "false"}:
        raise Invalid("includePending must be true or false.", code="BadParameter")
    return given == "true"


def _is_issued(row: Row) -> bool:
    return certificate_of(*row).body.cer is not None


# ---- changes --------------------------------------------------------------------------------------------------------


async def update_certificate(call: Call) -> Response:
    """Change a version's attributes or tags, or the policy of all versions."""
    name, version = parse_object_name(call.target.params["name"]), call.target.params.get("version", "")
    body, vault = await call.body(wire.CertificateUpdateParameters), call.the_vault
    enabled = body.attributes.enabled if body.attributes is not None else None
    changed = policy_change(call, body.policy) if body.policy is not None else None

    async def change(tx: Transaction) -> Certificate:
        return await certificate_life.update_certificate(
            tx, vault, name, version, enabled=enabled, tags=body.tags, change_policy=changed, now=call.now
        )

    updated = await call.commit(change, partial(describe, call))
    # Of one version the real service tells no policy; whoever changes it is told what it is now.
    return answer(call, updated, policy=not version or changed is not None)


async def delete_certificate(call: Call) -> Response:
    """Delete a certificate with all its versions, its key and its secret."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    under_way: list[Pending] = []

    async def change(tx: Transaction) -> Certificate:
        found = await active_certificate(tx, vault, name, call.now)
        under_way[:] = [found.upkeep.pending] if found.upkeep.pending is not None else []
        return await certificate_life.delete_certificate(tx, vault, name, now=call.now)

    deleted = await call.commit(change, partial(describe, call))
    for pending in under_way:
        let_go_in_background(call.world, vault, name, pending)
    return answer(call, deleted)


async def get_deleted_certificate(call: Call) -> Response:
    """Get a deleted certificate."""
    name, vault, store = parse_object_name(call.target.params["name"]), call.the_vault, call.world.store
    stored = require_deleted(await store.object(vault.id, _CERTIFICATES, name), _CERTIFICATES, name, call.now)
    return answer(call, certificate_of(stored, await latest_version(store, stored)))


async def recover_deleted_certificate(call: Call) -> Response:
    """Make a deleted certificate active again, with its key and its secret."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault

    async def change(tx: Transaction) -> Certificate:
        return await certificate_life.recover_certificate(tx, vault, name, now=call.now)

    return answer(call, await call.commit(change, partial(describe, call)))


async def purge_deleted_certificate(call: Call) -> Response:
    """Remove a deleted certificate for ever, with its key and its secret."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    call.properties["id"] = f"{call.base}/deletedcertificates/{name}"
    await call.commit(lambda tx: certificate_life.purge_certificate(tx, vault, opener_of(call), name, now=call.now))
    return Response(204)


# ---- backup and restore ---------------------------------------------------------------------------------------------


async def back_up_certificate(call: Call) -> Response:
    """Give a sealed backup of a certificate with all its versions, their keys and their secrets."""
    name, vault, world = parse_object_name(call.target.params["name"]), call.the_vault, call.world
    certificate, blob = await certificate_backup.back_up_certificate(
        world.store, world.keys, world.protections, opener_of(call)(), vault, name, now=call.now
    )
    # Each version may have waited for a token.
    call.judge_again()
    call.properties.update(describe(call, certificate) | {"id": f"{call.base}/certificates/{certificate.stored.name}"})
    return json.response(wire.BackupCertificateResult(base64.urlsafe_b64encode(blob).rstrip(b"=").decode("ascii")))


async def restore_certificate(call: Call) -> Response:
    """Make a certificate out of a backup, with its key and its secret."""
    blob, vault, world = (
        await read_blob(call, wire.CertificateRestoreParameters, read_value),
        call.the_vault,
        call.world,
    )
    backup = await opened(partial(certificate_backup.read_backup, world.keys, vault), blob)
    async with Unclaimed() as unclaimed:
        versions = await certificate_backup.bring_back(world.protections, vault, backup, unclaimed)

        async def restore(tx: Transaction) -> Certificate:
            # Which certificate it is, a condition can ask only now: the row let in whoever might restore any.
            scope = f"{vault.scope}/certificates/{backup.name}"
            facts = data_facts(world, vault, scope, call.verdict)
            call.settle(
                authorization.require_data(world, call.identity, call.op.requires, call.the_vault, scope, facts)
            )
            guard_linked(call, backup.keys, backup.secrets)
            _guard_restored(call, backup)
            made = await certificate_backup.restore_certificate(
                tx, vault, opener_of(call)(), backup, versions, call.base, now=call.now, entropy=world.entropy
            )
            unclaimed.claim()
            return made

        return answer(call, await call.commit(restore, partial(describe, call)))


# ---- shared ---------------------------------------------------------------------------------------------------------


def guard_linked(call: Call, keys: list[KeyVersionBody], secrets: list[SecretVersionBody]) -> None:
    """Ask the guardrails about the keys and the secrets of a certificate's versions as a change makes them."""
    vault = call.the_vault
    guard_keys(call, vault, map(facts_of, keys))
    guard_secrets(call, vault, [SecretFacts(one.attributes.created, one.attributes.exp) for one in secrets])


def _guard_restored(call: Call, backup: CertificateBackup) -> None:
    """
    Ask the guardrails about a certificate as a backup has it: its policy, and each version with the key that it has.

    A version that another has followed is judged as of when it was made: it has nothing to be good for any more.
    """
    view, vault, policy = call.world.view, call.the_vault, backup.policy
    guard_certificate(call, vault, certificate_facts(view, vault, policy, call.now))
    latest = backup.versions[-1]
    for one in backup.versions:
        if one.linked is not None:
            key, attributes = one.linked.key, one.body.attributes
            own = replace(policy, key=replace(policy.key, type=key.type, bits=key.bits, curve=key.curve))
            now = call.now if one is latest else attributes.created
            guard_certificate(call, vault, certificate_facts(view, vault, own, now, version=attributes))


def opener_of(call: Call) -> Callable[[], Envelope]:
    """Give what opens the key of the call's vault."""
    vault = call.the_vault
    return partial(call.world.keys.envelope, vault.id, vault.wrapped_key)
