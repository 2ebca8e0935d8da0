"""Keys: the handlers of their life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from strongroom.core.api_versions import EXPORTABLE_SINCE, HSM_PLATFORM_SINCE, SOFT_DELETE_SINCE, at_least
from strongroom.core.key_release import require_releasable
from strongroom.core.keys import KeyKind, KeyVersionBody, new_key_version, parse_key_type, spec_of_new
from strongroom.core.lifecycle import recovery, require_deleted
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.permissions import DataPermission
from strongroom.core.service_limits import key_creation
from strongroom.crypto.keys.protocol import KeyProtection, MadeKey, Place
from strongroom.crypto.protocol import Envelope
from strongroom.flow import authorization
from strongroom.flow.call import Call
from strongroom.flow.guardrails import guard_keys
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import keys
from strongroom.objects.key_inventory import facts_of
from strongroom.objects.keys import Key, Unclaimed
from strongroom.objects.lifecycle import latest_version
from strongroom.objects.lookup import find_version
from strongroom.store import ObjectState, Transaction
from strongroom.vault import key_wire as wire
from strongroom.vault.listing import list_page, list_versions

UPDATE = DataPermission("keys", "update", "Microsoft.KeyVault/vaults/keys/update/action")
"""What KeyUpdate requires."""


async def create_key(call: Call) -> Response:
    """Create a key: a new one, or a new version."""
    name = parse_object_name(call.target.params["name"])
    given, vault, world = await call.body(wire.KeyCreateParameters), call.the_vault, call.world
    key_type = parse_key_type(given.kty)
    spec = spec_of_new(key_type.kind, bits=given.key_size, curve=given.crv, public_exponent=given.public_exponent)
    properties = wire.given_properties(given, call.api_version)
    require_releasable(properties, key_type, vault, call.api_version)
    place = world.protections.for_new(key_type, vault)
    draft = new_key_version(key_type, spec, properties, platform=place.platform, now=call.now)
    call.charge(key_creation(key_type))
    return await put_new(call, name, draft, place, lambda where: place.make(spec, where))


async def get_key(call: Call) -> Response:
    """Get a key's public part and attributes, of the latest version or of a given one."""
    name, version = parse_object_name(call.target.params["name"]), call.target.params.get("version", "")
    vault, world = call.the_vault, call.world
    stored, row = await find_version(world.store, world.view.sealed, vault.id, Collection.KEYS, name, version, call.now)
    return answer(call, keys.key_of(stored, row))


async def update_key(call: Call) -> Response:
    """Change a version's operations, attributes or tags."""
    name, version = parse_object_name(call.target.params["name"]), call.target.params.get("version", "")
    vault, given = call.the_vault, wire.given_properties(await call.body(wire.KeyUpdateParameters), call.api_version)

    async def change(tx: Transaction) -> Key:
        key = await keys.update_key(tx, vault, name, version, given, now=call.now)
        guard(call, key.body)
        return key

    return answer(call, await call.commit(change, describe(call)))


async def delete_key(call: Call) -> Response:
    """Delete a key with all its versions."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    return answer(call, await call.commit(lambda tx: keys.delete_key(tx, vault, name, now=call.now), describe(call)))


async def list_keys(call: Call) -> Response:
    """List the active keys' latest versions, without their public parts."""
    return await _list_objects(call, ObjectState.ACTIVE)


async def list_deleted_keys(call: Call) -> Response:
    """List the deleted keys, without their public parts."""
    return await _list_objects(call, ObjectState.DELETED)


async def list_key_versions(call: Call) -> Response:
    """List a key's versions, without their public parts."""
    rows, link = await list_versions(call, Collection.KEYS, parse_object_name(call.target.params["name"]))
    items = [_item(call, keys.key_of(*row), versioned=True) for row in rows]
    return json.response(wire.KeyListResult(items, link))


async def get_deleted_key(call: Call) -> Response:
    """Get a deleted key's public part and attributes."""
    name, vault, store = parse_object_name(call.target.params["name"]), call.the_vault, call.world.store
    stored = require_deleted(await store.object(vault.id, Collection.KEYS, name), Collection.KEYS, name, call.now)
    return answer(call, keys.key_of(stored, await latest_version(store, stored)))


async def recover_deleted_key(call: Call) -> Response:
    """Make a deleted key active again."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    return answer(call, await call.commit(lambda tx: keys.recover_key(tx, vault, name, now=call.now), describe(call)))


async def purge_deleted_key(call: Call) -> Response:
    """Remove a deleted key for ever."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    call.properties["id"] = f"{call.base}/deletedkeys/{name}"
    await call.commit(lambda tx: keys.purge_key(tx, vault, envelope_of(call), name, now=call.now))
    return Response(204)


# ---- shared with the other modules of keys --------------------------------------------------------------------------


async def put_new(
    call: Call,
    name: str,
    draft: KeyVersionBody,
    place: KeyProtection,
    make: Callable[[Place], Awaitable[MadeKey]],
    *,
    operation: str = "create",
) -> Response:
    """Make a key in its place and a version of it, as *draft* says; if that is refused, nothing is left of either."""
    vault, entropy = call.the_vault, call.world.entropy
    version = entropy(16).hex()
    async with Unclaimed() as unclaimed:
        made = unclaimed.note(place, await make(Place(vault.id, vault.subscription, name, version)))
        # A transfer blob is the first to say how large its key is.
        body = replace(draft, parts=made.parts, bits=made.spec.bits, curve=made.spec.curve)

        async def change(tx: Transaction) -> Key:
            guard(call, body)
            key = await keys.put_new_version(
                tx,
                vault,
                envelope_of(call),
                name,
                made.material,
                body,
                version=version,
                now=call.now,
                entropy=entropy,
                operation=operation,
                on_new_policy=lambda: _require_update(call, name),
            )
            unclaimed.claim()
            return key

        return answer(call, await call.commit(change, describe(call)))


def _require_update(call: Call, name: str) -> None:
    """
    Ask for the right to update a key: by another release policy, a new version lets go of the older ones as well.

    Raises:
        Denied: the caller may only make versions.
    """
    vault = call.the_vault
    authorization.require_data_besides(
        call.world, call.identity, UPDATE, vault, f"{vault.scope}/keys/{name}", call.verdict
    )


def guard(call: Call, *bodies: KeyVersionBody) -> None:
    """Ask the guardrails about versions as a change makes them."""
    guard_keys(call, call.the_vault, map(facts_of, bodies))


def envelope_of(call: Call) -> Envelope:
    """Give the key of the call's vault."""
    vault = call.the_vault
    return call.world.keys.envelope(vault.id, vault.wrapped_key)


def describe(call: Call) -> Callable[[Key], dict[str, object]]:
    """Say in the audit entry which version came of a change."""
    return lambda key: {
        "id": f"{call.base}/keys/{key.stored.name}/{key.version}",
        "keyProperties": key_properties(key.body),
    }


def key_properties(body: KeyVersionBody) -> dict[str, object]:
    """Say in the audit entry what a key is (reference azure-key-vault.md section 7)."""
    own = body.attributes
    return {
        "type": body.type,
        "size": body.bits,
        "curve": body.curve,
        "operations": body.operations,
        "attributes": {
            "enabled": own.enabled,
            "nbf": own.nbf,
            "exp": own.exp,
            "created": own.created,
            "updated": own.updated,
            "exportable": own.exportable,
        },
    }


def answer(call: Call, key: Key) -> Response:
    """Answer with a key's bundle."""
    bundle = bundle_of(call, key)
    call.properties.update({"id": bundle.key.kid, "keyProperties": key_properties(key.body)})
    return json.response(bundle)


def bundle_of(call: Call, key: Key) -> wire.KeyBundle:
    """Write a key's bundle, as the api-version asked for has it."""
    stored, body = key.stored, key.body
    parts = body.parts
    kid = f"{call.base}/keys/{stored.name}/{key.version}"
    web_key = wire.JsonWebKey(
        kid,
        body.type,
        list(body.operations),
        wire.octets(parts.n),
        wire.octets(parts.e),
        body.curve,
        wire.octets(parts.x),
        wire.octets(parts.y),
    )
    policy = body.release_policy if at_least(call.api_version, EXPORTABLE_SINCE) else None
    bundle = wire.KeyBundle(web_key, _attributes(call, body), body.tags, body.managed or None, wire.policy_of(policy))
    _say_deleted(call, stored, bundle)
    return bundle


def _attributes(call: Call, body: KeyVersionBody) -> wire.KeyAttributes:
    own, vault, version = body.attributes, call.the_vault, call.api_version
    knows_release = at_least(version, EXPORTABLE_SINCE)
    level = recovery(retention_days=vault.retention_days, purge_protection=vault.purge_protection, version=version)
    return wire.KeyAttributes(
        own.enabled,
        own.created,
        own.updated,
        # The real service has told it since April 2026, of RSA keys, at 7.4 as at later versions.
        body.bits if knows_release and body.type.kind is KeyKind.RSA else None,
        own.nbf,
        own.exp,
        level.level,
        level.days,
        # Whether a certificate's key can be had is its policy's to say (recorded by Azure's own client tests of 2023).
        bool(own.exportable) if knows_release and not body.managed else None,
        body.platform if at_least(version, HSM_PLATFORM_SINCE) else None,
    )


def _say_deleted(call: Call, stored: StoredObject, said: wire.KeyBundle | wire.KeyItem) -> None:
    if stored.deleted is not None and at_least(call.api_version, SOFT_DELETE_SINCE):
        said.recoveryId = f"{call.base}/deletedkeys/{stored.name}"
        said.deletedDate = stored.deleted
        said.scheduledPurgeDate = stored.purge_at


async def _list_objects(call: Call, state: ObjectState) -> Response:
    rows, link = await list_page(call, Collection.KEYS, state)
    items = [_item(call, keys.key_of(stored, row), versioned=False) for stored, row in rows]
    return json.response(wire.KeyListResult(items, link))


def _item(call: Call, key: Key, *, versioned: bool) -> wire.KeyItem:
    stored, body = key.stored, key.body
    kid = f"{call.base}/keys/{stored.name}"
    item = wire.KeyItem(
        f"{kid}/{key.version}" if versioned else kid, _attributes(call, body), body.tags, body.managed or None
    )
    _say_deleted(call, stored, item)
    return item
