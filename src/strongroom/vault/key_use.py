"""Keys: the handlers of their use. None of them writes; neither plaintexts nor digests are in what they record."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core import service_limits
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeyOperation
from strongroom.core.limits import RANDOM_BYTES_MAX
from strongroom.core.names import parse_object_name
from strongroom.core.objects import StoredVersion
from strongroom.core.service_limits import Charge
from strongroom.crypto.keys.algorithms import Use
from strongroom.crypto.keys.protocol import Ciphertext
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import key_use
from strongroom.objects.key_use import UsableKey
from strongroom.vault import key_use_wire as wire
from strongroom.vault.key_wire import octets
from strongroom.vault.keys import envelope_of, key_properties


async def encrypt(call: Call) -> Response:
    """Encrypt a value."""
    return await _encrypt(call, KeyOperation.ENCRYPT, Use.ENCRYPT)


async def decrypt(call: Call) -> Response:
    """Decrypt what was encrypted."""
    return await _decrypt(call, KeyOperation.DECRYPT, Use.ENCRYPT)


async def wrap_key(call: Call) -> Response:
    """Wrap another key."""
    return await _encrypt(call, KeyOperation.WRAP_KEY, Use.WRAP)


async def unwrap_key(call: Call) -> Response:
    """Unwrap what was wrapped."""
    return await _decrypt(call, KeyOperation.UNWRAP_KEY, Use.WRAP)


async def sign(call: Call) -> Response:
    """Sign a digest."""
    body = await call.body(wire.KeySignParameters)
    digest = wire.required_octets(body.value, "value")
    key, kid = await _usable(call, KeyOperation.SIGN)
    return _answer(call, kid, Ciphertext(await key_use.sign(call.world.protections, key, body.alg, digest)))


async def verify(call: Call) -> Response:
    """Tell whether a signature of a digest is the key's."""
    body = await call.body(wire.KeyVerifyParameters)
    digest, signature = wire.required_octets(body.digest, "digest"), wire.required_octets(body.value, "value")
    key, _ = await _usable(call, KeyOperation.VERIFY)
    is_right = await key_use.verify(call.world.protections, key, body.alg, digest, signature)
    call.judge_again()
    return json.response(wire.KeyVerifyResult(is_right))


async def get_random_bytes(call: Call) -> Response:
    """Give random bytes, of the generator that keys are made with."""
    count = (await call.body(wire.GetRandomBytesRequest)).count
    if count is None or not 1 <= count <= RANDOM_BYTES_MAX:
        raise Invalid(f"Property count must be from 1 to {RANDOM_BYTES_MAX}.", code="BadParameter")
    return json.response(wire.RandomBytes(octets(call.world.entropy(count)) or ""))


# ---- shared ---------------------------------------------------------------------------------------------------------


async def _encrypt(call: Call, operation: KeyOperation, use: Use) -> Response:
    body = await call.body(wire.KeyOperationsParameters)
    if body.tag is not None:
        raise Invalid(f"Operation {operation} takes no tag.", code="BadParameter", reason="invalid tag")
    given = _read(body)
    key, kid = await _usable(call, operation)
    return _answer(call, kid, await key_use.encrypt(call.world.protections, key, body.alg, use, given))


async def _decrypt(call: Call, operation: KeyOperation, use: Use) -> Response:
    body = await call.body(wire.KeyOperationsParameters)
    given = _read(body)
    key, kid = await _usable(call, operation)
    return _answer(call, kid, Ciphertext(await key_use.decrypt(call.world.protections, key, body.alg, use, given)))


def _read(body: wire.KeyOperationsParameters) -> Ciphertext:
    return Ciphertext(
        wire.required_octets(body.value, "value"),
        wire.optional_octets(body.iv, "iv"),
        wire.optional_octets(body.tag, "tag"),
        wire.optional_octets(body.aad, "aad"),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of every use of a key, to its caller and to the audit. Nothing of it is secret."""

    row: StoredVersion
    kid: str
    properties: dict[str, object]
    charge: Charge


_KEYS_TOLD = 1024
"""Keys that this is remembered of: with a kilobyte or two for each it stays within a few megabytes."""
_told: dict[tuple[str, str, str], _Told] = {}


async def _usable(call: Call, operation: KeyOperation) -> tuple[UsableKey, str]:
    """Find the key, and record which one it is; gives its id too."""
    params, world = call.target.params, call.world
    name, version = parse_object_name(params["name"]), params.get("version", "")
    key = await key_use.find_usable(
        world.store, world.view.sealed, envelope_of(call), call.the_vault, name, version, operation, call.now
    )
    told = _told_of(call, key)
    call.properties.update(told.properties)
    call.charge(told.charge)
    return key, told.kid


def _told_of(call: Call, key: UsableKey) -> _Told:
    """Say what is told of a key's uses, or take what was said of this very row."""
    row, base = key.row, call.base
    asked = (base, key.stored.name, row.version)
    kept = _told.get(asked)
    if kept is not None and kept.row is row:
        return kept
    kid = f"{base}/keys/{key.stored.name}/{row.version}"
    told = _Told(
        row,
        kid,
        {"id": kid, "keyProperties": key_properties(key.body)},
        service_limits.key_use(key.body.type, key.body.bits),
    )
    if len(_told) >= _KEYS_TOLD:
        _told.clear()
    _told[asked] = told
    return told


def _answer(call: Call, kid: str, made: Ciphertext) -> Response:
    # A token may have kept it waiting for seconds: whoever lost the right meanwhile is not told what it gave.
    call.judge_again()
    return json.response(
        wire.KeyOperationResult(kid, octets(made.value) or "", octets(made.iv), octets(made.tag), octets(made.aad))
    )
