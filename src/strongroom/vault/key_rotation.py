"""Keys: the handlers of their rotation (reference azure-key-vault.md section 5.1)."""

from __future__ import annotations

from strongroom.core.key_rotation import DEFAULT_NOTIFY, Action, Duration, GivenAction, RotationPolicy
from strongroom.core.keys import spec_of_next
from strongroom.core.names import parse_object_name
from strongroom.core.objects import StoredObject
from strongroom.core.service_limits import key_creation
from strongroom.crypto.keys.protocol import Place
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import key_rotation
from strongroom.objects.keys import Key, Unclaimed
from strongroom.store import Transaction
from strongroom.vault import key_wire as wire
from strongroom.vault.keys import answer, describe, envelope_of, guard


async def rotate_key(call: Call) -> Response:
    """Make a new version of a key that is as the latest one."""
    name, vault, world = parse_object_name(call.target.params["name"]), call.the_vault, call.world
    # Clients send nothing, or an empty object; it says nothing either way.
    await call.raw_body()
    seen = await key_rotation.latest_key(world.store, vault, name, call.now)
    key_rotation.require_rotatable(seen.body)
    call.charge(key_creation(seen.body.type))
    place, version = world.protections.for_new(seen.body.type, vault), world.entropy(16).hex()
    where = Place(vault.id, vault.subscription, seen.stored.name, version)
    async with Unclaimed() as unclaimed:
        made = unclaimed.note(place, await place.make(spec_of_next(seen.body.spec), where))

        async def change(tx: Transaction) -> Key:
            key = await key_rotation.rotate(
                tx,
                vault,
                envelope_of(call),
                seen,
                made,
                place.platform,
                version=version,
                now=call.now,
                entropy=world.entropy,
            )
            guard(call, key.body)
            unclaimed.claim()
            return key

        return answer(call, await call.commit(change, describe(call)))


async def get_rotation_policy(call: Call) -> Response:
    """Get a key's rotation policy; the one that every key has, if nobody set another."""
    name = parse_object_name(call.target.params["name"])
    key = await key_rotation.latest_key(call.world.store, call.the_vault, name, call.now)
    return _answer_policy(call, key.stored, key_rotation.policy_of(key.stored))


async def set_rotation_policy(call: Call) -> Response:
    """Set a key's rotation policy."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    given = await call.body(wire.KeyRotationPolicy)
    actions = [_given(one) for one in given.lifetimeActions or ()]
    expiry_time = given.attributes.expiryTime if given.attributes is not None else None

    async def change(tx: Transaction) -> tuple[StoredObject, RotationPolicy]:
        return await key_rotation.set_policy(tx, vault, name, actions, expiry_time, now=call.now)

    stored, policy = await call.commit(change, lambda result: _described(call, *result))
    return _answer_policy(call, stored, policy)


def _given(one: wire.LifetimeAction) -> GivenAction:
    trigger = one.trigger or wire.RotationTrigger()
    kind = one.action.type if one.action is not None else None
    return GivenAction(kind, trigger.timeAfterCreate, trigger.timeBeforeExpiry)


def _described(call: Call, stored: StoredObject, policy: RotationPolicy) -> dict[str, object]:
    """Say in the audit entry what a key's policy is from now on."""
    trigger = policy.rotate
    return {
        "id": _id_of(call, stored),
        "rotationPolicy": {
            "expiryTime": _text(policy.expiry_time),
            "rotateAfterCreate": _text(trigger.after_create) if trigger is not None else None,
            "rotateBeforeExpiry": _text(trigger.before_expiry) if trigger is not None else None,
            "notifyBeforeExpiry": policy.notify.text,
        },
    }


def _answer_policy(call: Call, stored: StoredObject, policy: RotationPolicy | None) -> Response:
    call.properties["id"] = _id_of(call, stored)
    actions: list[wire.LifetimeAction] = []
    if policy is not None and policy.rotate is not None:
        actions.append(_action(Action.ROTATE, policy.rotate.after_create, policy.rotate.before_expiry))
    actions.append(_action(Action.NOTIFY, None, policy.notify if policy is not None else DEFAULT_NOTIFY))
    answer = wire.KeyRotationPolicy(lifetimeActions=actions)
    if policy is not None:
        answer.id = _id_of(call, stored)
        answer.attributes = wire.RotationPolicyAttributes(_text(policy.expiry_time), policy.created, policy.updated)
    return json.response(answer)


def _action(action: Action, after_create: Duration | None, before_expiry: Duration | None) -> wire.LifetimeAction:
    trigger = wire.RotationTrigger(_text(after_create), _text(before_expiry))
    return wire.LifetimeAction(trigger, wire.RotationAction(action))


def _text(duration: Duration | None) -> str | None:
    return duration.text if duration is not None else None


def _id_of(call: Call, stored: StoredObject) -> str:
    return f"{call.base}/keys/{stored.name}/rotationpolicy"
