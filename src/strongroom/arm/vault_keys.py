"""
A vault's keys as resources of the management plane: made once and described, never used, changed or deleted.

A PUT makes a key's first version and nothing else: of a key that is there it gives what there is, whatever the body
says, so that a template that is deployed again changes no key. What is made is judged as on the data plane, by the same
rules; the vault's firewall, which guards what comes out of a vault, is not asked (ADR 14).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from strongroom.arm import key_wire as wire
from strongroom.arm.documents import Document, vault_uri
from strongroom.arm.paging import continued, opened
from strongroom.arm.rights import may_below
from strongroom.arm.vaults import the_vault
from strongroom.core.api_versions import LATEST as LATEST_VERSION
from strongroom.core.errors import NotFound
from strongroom.core.guardrails import KeyFacts
from strongroom.core.key_release import require_releasable, with_release
from strongroom.core.key_rotation import Action, Duration, read_policy
from strongroom.core.keys import KeyKind, KeyType, new_key_version, parse_key_type, spec_of_new
from strongroom.core.lifecycle import State, require_name_free, state_of
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection
from strongroom.core.service_limits import key_creation
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import Place
from strongroom.flow.call import Call
from strongroom.flow.guardrails import guard_key_resource
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import key_rotation, keys
from strongroom.objects.key_inventory import facts_of
from strongroom.objects.keys import Key, Unclaimed
from strongroom.objects.lookup import LATEST, find_version
from strongroom.resources.lookup import require_active, resource_not_found
from strongroom.store import ObjectState, Reader, Transaction

KEY_TYPE = "Microsoft.KeyVault/vaults/keys"
VERSION_TYPE = f"{KEY_TYPE}/versions"
_READ_AT_ONCE = 100


async def get_key(call: Call) -> Response:
    """Get a key, by its newest version."""
    vault, key = await _find(call, LATEST)
    return json.response(_show(call, vault, key))


async def get_key_version(call: Call) -> Response:
    """Get a version of a key."""
    vault, key = await _find(call, call.params["version"])
    return json.response(_show(call, vault, key, versioned=True))


async def put_key(call: Call) -> Response:
    """Make a key if there is none of its name, and give it."""
    vault, name, world = the_vault(call), parse_object_name(call.params["key"]), call.world
    body = await call.body(wire.KeyCreateParameters)
    wanted = body.properties
    key_type = parse_key_type(wanted.kty)
    spec = spec_of_new(key_type.kind, bits=wanted.key_size, curve=wanted.curve_name, public_exponent=None)
    given = wire.given_properties(body)
    require_releasable(given, key_type, vault, LATEST_VERSION)
    place = world.protections.for_new(key_type, vault)
    draft = with_release(new_key_version(key_type, spec, given, platform=place.platform, now=call.now), None)
    policy = wire.given_policy(wanted)
    if policy is not None:
        read_policy(*policy, None, call.now)
    there = await _there(call, world.store, vault, name)
    if there is not None:
        return json.response(_show(call, vault, there))
    # It is no other way to more keys than the vault's own plane makes.
    world.throttle.charge(vault.id, key_creation(key_type), call.now)
    version = world.entropy(16).hex()
    async with Unclaimed() as unclaimed:
        made = unclaimed.note(place, await place.make(spec, Place(vault.id, vault.subscription, name, version)))
        whole = replace(draft, parts=made.parts)

        async def change(tx: Transaction) -> Key:
            current = await require_active(tx, vault)
            # Two deployments of one template make one key between them.
            meanwhile = await _there(call, tx, current, name)
            if meanwhile is not None:
                return meanwhile
            guard_key_resource(call, current, name, facts_of(whole))
            key = await keys.put_new_version(
                tx,
                current,
                world.keys.envelope(current.id, current.wrapped_key),
                name,
                made.material,
                whole,
                version=version,
                now=call.now,
                entropy=world.entropy,
            )
            if policy is not None:
                stored, _ = await key_rotation.set_policy(tx, current, name, *policy, now=call.now)
                key = Key(stored, key.version, key.body)
            unclaimed.claim()
            return key

        key = await call.commit(change, _describe(call, vault))
    return json.response(_show(call, vault, key))


async def list_keys(call: Call) -> Response:
    """List a vault's keys: those that no narrower denial is about."""
    vault = the_vault(call)
    after, limit = opened(call)
    found: list[Key] = []
    more = True
    # A page is full before there is a next one: a gap would tell that something is there.
    while more and len(found) <= limit:
        page = await call.world.store.objects(
            vault.id, Collection.KEYS, ObjectState.ACTIVE, after=after, limit=_READ_AT_ONCE
        )
        found += [
            keys.key_of(stored, row)
            for stored, row in page.rows
            if state_of(stored, call.now) is State.ACTIVE and may_below(call, _scope(vault, stored.name))
        ]
        after, more = page.rows[-1][0].key if page.rows else after, page.more
        # Whoever waits is served between two pieces, however many there are of them.
        await asyncio.sleep(0)
    shown: list[Document] = []
    for begin in range(0, min(limit, len(found)), _READ_AT_ONCE):
        shown += [_show(call, vault, key) for key in found[begin : min(begin + _READ_AT_ONCE, limit)]]
        await asyncio.sleep(0)
    return continued(call, shown, found[limit - 1].stored.key if len(found) > limit else None)


async def list_key_versions(call: Call) -> Response:
    """List a key's versions, the oldest first."""
    vault, key = await _find(call, LATEST)
    place, limit = opened(call)
    page = await call.world.store.versions(
        vault.id, Collection.KEYS, key.stored.name, after=int(place or 0), limit=limit
    )
    shown = [_show(call, vault, keys.key_of(key.stored, row), versioned=True) for row in page.rows]
    return continued(call, shown, str(page.rows[-1].ordinal) if page.more else None)


# ---- steps ----------------------------------------------------------------------------------------------------------


async def _find(call: Call, version: str) -> tuple[Vault, Key]:
    """
    Find a version of the key in the path.

    Raises:
        NotFound: there is none.
    """
    vault, name, world = the_vault(call), parse_object_name(call.params["key"]), call.world
    with _as_resource(vault, name, version):
        stored, row = await find_version(
            world.store, world.view.sealed, vault.id, Collection.KEYS, name, version, call.now
        )
    return vault, keys.key_of(stored, row)


async def _there(call: Call, reader: Reader, vault: Vault, name: str) -> Key | None:
    """
    Give the key of a name, if there is one.

    Raises:
        Conflict: the name is that of a deleted key.
    """
    stored = await reader.object(vault.id, Collection.KEYS, name)
    require_name_free(stored, Collection.KEYS, name, call.now)
    if stored is None or state_of(stored, call.now) is not State.ACTIVE:
        return None
    row = await reader.version(vault.id, Collection.KEYS, name, stored.latest)
    return None if row is None else keys.key_of(stored, row)


def proposed_facts(properties: wire.KeyProperties | None, now: int) -> KeyFacts:
    """Say of a key that is only thought of what guardrails ask about; what it does not say has its default."""
    wanted = properties or wire.KeyProperties()
    key_type = KeyType.RSA if wanted.kty is None else parse_key_type(wanted.kty)
    spec = spec_of_new(key_type.kind, bits=wanted.key_size, curve=wanted.curve_name, public_exponent=None)
    expires = wanted.attributes.exp if wanted.attributes is not None else None
    return KeyFacts(now, expires, key_type, spec.bits, spec.curve)


@contextmanager
def _as_resource(vault: Vault, name: str, version: str) -> Iterator[None]:
    """Say in this plane's words that a key, or a version of one, is not there."""
    try:
        yield
    except NotFound:
        kind = f"Microsoft.KeyVault/vaults/{vault.name}/keys"
        if version == LATEST:
            raise resource_not_found(kind, vault.resource_group, name) from None
        raise resource_not_found(f"{kind}/{name}/versions", vault.resource_group, version) from None


def _describe(call: Call, vault: Vault) -> Callable[[Key], dict[str, object]]:
    """Say in the audit which version came of a change, as the data plane does."""
    return lambda key: {"id": _uri(call, vault, key, versioned=True), "vaultIds": [vault.id]}


def _scope(vault: Vault, name: str, version: str = "") -> str:
    scope = f"{vault.scope}/keys/{name}"
    return f"{scope}/versions/{version}" if version else scope


def _uri(call: Call, vault: Vault, key: Key, *, versioned: bool) -> str:
    uri = f"{vault_uri(call.the_site, vault.name)}keys/{key.stored.name}"
    return f"{uri}/{key.version}" if versioned else uri


def _show(call: Call, vault: Vault, key: Key, *, versioned: bool = False) -> Document:
    """Write a version of a key: as the key whose newest it is, or as itself."""
    body, name = key.body, key.stored.name
    own = body.attributes
    times = {member: moment for member, moment in (("nbf", own.nbf), ("exp", own.exp)) if moment is not None}
    size = {"curveName": body.curve} if body.type.kind is KeyKind.EC else {"keySize": body.bits}
    return {
        "id": _scope(vault, name, key.version if versioned else ""),
        "name": key.version if versioned else name,
        "type": VERSION_TYPE if versioned else KEY_TYPE,
        "location": vault.location,
        **({"tags": body.tags} if body.tags else {}),
        "properties": {
            "attributes": {
                "enabled": own.enabled,
                **times,
                "created": own.created,
                "updated": own.updated,
                "recoveryLevel": "Recoverable" if vault.purge_protection else "Recoverable+Purgeable",
                **({} if own.exportable is None else {"exportable": own.exportable}),
            },
            "kty": body.type,
            "keyOps": list(body.operations),
            **size,
            **_show_policies(key),
            "keyUri": _uri(call, vault, key, versioned=False),
            "keyUriWithVersion": _uri(call, vault, key, versioned=True),
        },
    }


def _show_policies(key: Key) -> Document:
    """Write what a key has of policies; what it has not is left out."""
    shown: Document = {}
    rotation, release = key_rotation.policy_of(key.stored), key.body.release_policy
    if rotation is not None:
        actions = [_action(Action.NOTIFY, None, rotation.notify)]
        if rotation.rotate is not None:
            actions.insert(0, _action(Action.ROTATE, rotation.rotate.after_create, rotation.rotate.before_expiry))
        expiry = {"expiryTime": rotation.expiry_time.text} if rotation.expiry_time is not None else {}
        shown["rotationPolicy"] = {
            "attributes": {**expiry, "created": rotation.created, "updated": rotation.updated},
            "lifetimeActions": actions,
        }
    if release is not None:
        shown["release_policy"] = {
            "contentType": release.content_type,
            "data": base64.urlsafe_b64encode(release.data).rstrip(b"=").decode("ascii"),
        }
    return shown


def _action(action: Action, after_create: Duration | None, before_expiry: Duration | None) -> Document:
    durations = {"timeAfterCreate": after_create, "timeBeforeExpiry": before_expiry}
    trigger = {name: duration.text for name, duration in durations.items() if duration is not None}
    return {"trigger": trigger, "action": {"type": action.lower()}}
