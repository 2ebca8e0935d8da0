"""Keys that a test brings in, and what clients ask of keys."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from strongroom.core.keys import (
    Curve,
    KeyAttributes,
    KeyKind,
    KeyOperation,
    KeySpec,
    KeyType,
    KeyVersionBody,
    PublicParts,
)
from strongroom.crypto.keys.protocol import Place, PlainKey
from strongroom.crypto.keys.public import CURVES, public_parts
from strongroom.objects import keys
from tests.flow.client import Client
from tests.world import Answer, Simulation

EVERYTHING = tuple(set(KeyOperation) - {KeyOperation.IMPORT, KeyOperation.EXPORT})


def octets(value: bytes) -> str:
    """Spell bytes for the wire."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def read(text: str) -> bytes:
    """Read bytes from the wire, which have no padding there."""
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def plain_key(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | bytes) -> PlainKey:
    """Make of a private key what a place of keys takes in; bytes are an oct key."""
    if isinstance(private, bytes):
        return PlainKey(KeySpec(KeyKind.OCT, len(private) * 8), PublicParts(), private)
    encoded = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return PlainKey(_spec(private), public_parts(private.public_key()), encoded)


def hold(
    world: Simulation,
    name: str,
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | bytes,
    operations: tuple[KeyOperation, ...] = EVERYTHING,
    **attributes: Any,
) -> str:
    """Put a key into the first vault, behind the flow's back, and give its version."""
    plain, vault, now = plain_key(private), world.vault, int(world.clock())
    software = world.world.protections.software
    version = world.world.entropy(16).hex()
    made = world.run(software.bring_in(plain, Place(vault.id, vault.subscription, name, version)))
    body = KeyVersionBody(
        KeyType(made.spec.kind.value),
        made.parts,
        operations,
        KeyAttributes(now, now, **attributes),
        made.spec.bits,
        made.spec.curve,
        software.platform,
    )
    envelope = world.keys.envelope(vault.id, vault.wrapped_key)
    world.commit(
        lambda tx: keys.put_new_version(
            tx, vault, envelope, name, made.material, body, version=version, now=now, entropy=world.world.entropy
        )
    )
    return version


def private_key(encoded: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """Load a test's own PKCS#8, without the checks that take long."""
    private = load_der_private_key(encoded, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return private


def use(vault: Client, name: str, operation: str, algorithm: str, value: bytes, **members: bytes | None) -> Answer:
    """Ask for an operation with a key's latest version."""
    body = {"alg": algorithm, "value": octets(value)}
    body |= {member: octets(given) for member, given in members.items() if given is not None}
    return vault.ask("POST", f"/keys/{name}//{operation}", body=body)


def result(answer: Answer, member: str = "value") -> bytes:
    """Give what an operation gave."""
    assert answer.status == 200, answer.body
    return read(answer.json[member])


def _spec(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> KeySpec:
    if isinstance(private, rsa.RSAPrivateKey):
        return KeySpec(KeyKind.RSA, private.key_size)
    curves: dict[str, Curve] = {known.name: curve for curve, known in CURVES.items()}
    return KeySpec(KeyKind.EC, curve=curves[private.curve.name])
