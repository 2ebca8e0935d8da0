"""Keys: the handlers of their life."""

from __future__ import annotations

from collections.abc import Callable

from strongroom.core.keys import (
    DEFAULT_OPERATIONS,
    Curve,
    KeyAttributes,
    KeyKind,
    KeySpec,
    KeyType,
    KeyVersionBody,
)
from strongroom.core.lifecycle import recovery
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection
from strongroom.crypto.keys.protocol import Place
from strongroom.crypto.protocol import Envelope
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import keys
from strongroom.objects.keys import Key
from strongroom.objects.lookup import find_version
from strongroom.store import Transaction
from strongroom.vault import key_wire as wire


async def create_key(call: Call) -> Response:
    """Create a key: a new one, or a new version."""
    name = parse_object_name(call.target.params["name"])
    given, vault, world = await call.body(wire.KeyCreateParameters), call.the_vault, call.world
    key_type = KeyType(given.kty or "")
    place = world.protections.for_new(key_type, vault)
    version = world.entropy(16).hex()
    spec = (
        KeySpec(key_type.kind, given.key_size or 2048)
        if key_type.kind is KeyKind.RSA
        else KeySpec(key_type.kind, curve=Curve(given.crv or "P-256"))
    )
    made = await place.make(spec, Place(vault.id, vault.subscription, name, version))
    body = KeyVersionBody(
        key_type,
        made.parts,
        DEFAULT_OPERATIONS[key_type.kind],
        KeyAttributes(call.now, call.now),
        spec.bits,
        spec.curve,
        place.platform,
    )

    async def change(tx: Transaction) -> Key:
        return await keys.put_new_version(
            tx,
            vault,
            envelope_of(call),
            name,
            made.material,
            body,
            version=version,
            now=call.now,
            entropy=world.entropy,
        )

    return answer(call, await call.commit(change, describe(call)))


async def get_key(call: Call) -> Response:
    """Get a key's public part and attributes, of the latest version or of a given one."""
    name, version = parse_object_name(call.target.params["name"]), call.target.params.get("version", "")
    vault, world = call.the_vault, call.world
    stored, row = await find_version(world.store, world.view.sealed, vault.id, Collection.KEYS, name, version, call.now)
    return answer(call, keys.key_of(stored, row))


# ---- shared with the other modules of keys --------------------------------------------------------------------------


def envelope_of(call: Call) -> Envelope:
    """Give the key of the call's vault."""
    vault = call.the_vault
    return call.world.keys.envelope(vault.id, vault.wrapped_key)


def describe(call: Call) -> Callable[[Key], dict[str, object]]:
    """Say in the audit entry which version came of a change."""
    return lambda key: {"id": f"{call.base}/keys/{key.stored.name}/{key.version}"}


def answer(call: Call, key: Key) -> Response:
    """Answer with a key's bundle."""
    bundle = bundle_of(call, key)
    call.properties["id"] = bundle.key.kid
    return json.response(bundle)


def bundle_of(call: Call, key: Key) -> wire.KeyBundle:
    """Write a key's bundle, as the api-version asked for has it."""
    stored, body, vault = key.stored, key.body, call.the_vault
    own, parts = body.attributes, body.parts
    level = recovery(
        retention_days=vault.retention_days, purge_protection=vault.purge_protection, version=call.api_version
    )
    attributes = wire.KeyAttributes(
        own.enabled, own.created, own.updated, own.nbf, own.exp, level.level, level.days, own.exportable, body.platform
    )
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
    return wire.KeyBundle(web_key, attributes, body.tags, body.managed or None)
