"""Keys that are brought in: as JSON Web Keys, and out of backups."""

from __future__ import annotations

from functools import partial

from strongroom.core.errors import Invalid
from strongroom.core.key_release import require_releasable
from strongroom.core.keys import KeyKind, KeySpec, KeyType, new_key_version, parse_curve, parse_key_type
from strongroom.core.names import parse_object_name
from strongroom.flow import authorization
from strongroom.flow.call import Call
from strongroom.flow.facts import data_facts
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import key_backup
from strongroom.objects.keys import Key, Unclaimed
from strongroom.store import Transaction
from strongroom.vault import key_wire as wire
from strongroom.vault.backup_blobs import opened, read_blob
from strongroom.vault.key_transfer import transfer_of
from strongroom.vault.keys import answer, describe, envelope_of, guard, key_properties, put_new


async def import_key(call: Call) -> Response:
    """Bring in a key: a new one, or a new version."""
    name = parse_object_name(call.target.params["name"])
    given, vault, world = await call.body(wire.KeyImportParameters), call.the_vault, call.world
    if given.key is None:
        raise Invalid("Property key is missing.", code="BadParameter", reason="invalid key")
    key_type = _type_of(given, given.key)
    properties = wire.given_properties(given, call.api_version)
    require_releasable(properties, key_type, vault, call.api_version)
    place = world.protections.for_new(key_type, vault)
    curve = parse_curve(given.key.crv) if key_type.kind is KeyKind.EC else None
    if key_type.kind is not KeyKind.EC and given.key.crv is not None:
        raise Invalid("Property crv belongs to EC keys alone.", code="BadParameter", reason="invalid crv")
    if given.key.key_hsm is not None:
        if given.key.members():
            raise Invalid("Property key_hsm takes the place of the key's other members.", code="BadParameter")
        spec = KeySpec(key_type.kind, curve=curve)
        draft = new_key_version(key_type, spec, properties, platform=place.platform, now=call.now)
        make = await transfer_of(call, given.key.key_hsm, key_type, spec)
        return await put_new(call, name, draft, place, make, operation="import")
    key = await world.incoming_keys.read(key_type.kind, curve, given.key.members())
    draft = new_key_version(key_type, key.spec, properties, platform=place.platform, now=call.now)
    return await put_new(call, name, draft, place, lambda where: place.bring_in(key, where), operation="import")


def _type_of(given: wire.KeyImportParameters, key: wire.GivenJsonWebKey) -> KeyType:
    """Say what the key becomes: either word for a token is enough, so that it never is in software by mistake."""
    key_type = parse_key_type(key.kty)
    return KeyType(f"{key_type.kind}-HSM") if given.Hsm or given.hsm else key_type


async def back_up_key(call: Call) -> Response:
    """Give a sealed backup of a key with all its versions."""
    name, vault, world = parse_object_name(call.target.params["name"]), call.the_vault, call.world
    key, blob = await key_backup.back_up_key(
        world.store, world.keys, world.protections, envelope_of(call), vault, name, now=call.now
    )
    # Each version may have waited for a token.
    call.judge_again()
    call.properties.update({"id": f"{call.base}/keys/{key.stored.name}", "keyProperties": key_properties(key.body)})
    return json.response(wire.BackupKeyResult(wire.octets(blob) or ""))


async def restore_key(call: Call) -> Response:
    """Make a key out of a backup."""
    blob, vault, world = await read_blob(call, wire.KeyRestoreParameters, wire.read_value), call.the_vault, call.world
    backup = await opened(partial(key_backup.read_backup, world.keys, vault), blob)
    async with Unclaimed() as unclaimed:
        versions = await key_backup.bring_back(world.protections, vault, backup, unclaimed)

        async def restore(tx: Transaction) -> Key:
            # Which key it is, a condition can ask only now: the row let in whoever might restore any.
            scope = f"{vault.scope}/keys/{backup.name}"
            facts = data_facts(world, vault, scope, call.verdict)
            call.settle(
                authorization.require_data(world, call.identity, call.op.requires, call.the_vault, scope, facts)
            )
            guard(call, *(one.body for one in versions))
            key = await key_backup.restore_key(
                tx, vault, envelope_of(call), backup, versions, call.base, now=call.now, entropy=world.entropy
            )
            unclaimed.claim()
            return key

        return answer(call, await call.commit(restore, describe(call)))
