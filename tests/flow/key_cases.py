"""
The cases of keys.

Keys are on P-256, or of 256 bits, because those are made at once; which kind a key is matters to none of the suites.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from tests.flow.attesting import Authority, StandIn
from tests.flow.case import Case, Collection, done, nothing
from tests.plugins.canary import remember
from tests.world import Simulation


def octets(value: bytes) -> str:
    """Spell bytes as keys' members are: base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def make(world: Simulation, name: str, **members: object) -> Any:
    """Create a key as the administrator, on P-256 unless *members* say otherwise."""
    return done(world, "POST", f"/keys/{name}/create", {"kty": "EC", **members})


def put(world: Simulation, name: str) -> Any:
    """Create a key that signs."""
    return make(world, name)


def symmetric(world: Simulation, name: str) -> Any:
    """Create a key that encrypts and wraps."""
    return make(world, name, kty="oct", key_size=256)


def deleted(world: Simulation, name: str) -> Any:
    """Create a key and delete it."""
    put(world, name)
    return done(world, "DELETE", f"/keys/{name}")


def backup(world: Simulation, name: str) -> dict[str, str]:
    """Create a key, back it up, remove it, and give the backup."""
    put(world, name)
    blob: dict[str, str] = done(world, "POST", f"/keys/{name}/backup")
    done(world, "DELETE", f"/keys/{name}")
    done(world, "DELETE", f"/deletedkeys/{name}")
    return blob


def private_jwk() -> dict[str, object]:
    """Make a private JSON Web Key on P-256."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    x, y, d = (
        octets(one.to_bytes(32, "big"))
        for one in (numbers.public_numbers.x, numbers.public_numbers.y, numbers.private_value)
    )
    remember(d)
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": d}


DIGEST = octets(hashlib.sha256(b"what is signed").digest())
PLAINTEXT = octets(bytes(range(32)))
ZEROS = octets(bytes(16))
IV = octets(bytes(12))
SIGN = {"alg": "ES256", "value": DIGEST}
ENCRYPT = {"alg": "A256GCM", "value": PLAINTEXT}
WRAP = {"alg": "A256KW", "value": PLAINTEXT}
POLICY = {
    "lifetimeActions": [{"trigger": {"timeAfterCreate": "P30D"}, "action": {"type": "Rotate"}}],
    "attributes": {"expiryTime": "P90D"},
}
AUTHORITY = "https://attest.example"
UPDATE = {"tags": {"a": "b"}}


def signature(world: Simulation, name: str) -> dict[str, str]:
    """Sign, and give what there is to verify."""
    signed = done(world, "POST", f"/keys/{name}//sign", SIGN)
    return {"alg": SIGN["alg"], "digest": DIGEST, "value": signed["value"]}


def ciphertext(world: Simulation, name: str) -> dict[str, str]:
    """Encrypt, and give what there is to decrypt."""
    made = done(world, "POST", f"/keys/{name}//encrypt", ENCRYPT)
    return {"alg": ENCRYPT["alg"], **{member: made[member] for member in ("value", "iv", "tag")}}


def wrapped(world: Simulation, name: str) -> dict[str, str]:
    """Wrap a key, and give what there is to unwrap."""
    made = done(world, "POST", f"/keys/{name}//wrapkey", WRAP)
    return {"alg": WRAP["alg"], "value": made["value"]}


def releasable(world: Simulation, name: str) -> Any:
    """Create a key that may be released, with something in the place of a token if there is none."""
    if world.world.protections.token is None:
        world.world.protections.token = StandIn(threads=1)
    authority, sku = Authority(world, AUTHORITY), world.vault.sku
    world.set_vault(sku="premium")
    made = make(world, name, kty="EC-HSM", attributes={"exportable": True}, release_policy=authority.policy())
    world.set_vault(sku=sku)
    return made


def attested(world: Simulation, _name: str) -> dict[str, str]:
    """Have the authority configured, and give what it attests."""
    authority = Authority(world, AUTHORITY)
    authority.configure()
    return {"target": authority.token()}


CASES: dict[str, Case] = {
    "KeyCreate": Case(nothing, "/keys/{name}/create", {"kty": "EC"}, makes=True),
    "KeyImport": Case(nothing, "/keys/{name}", {"key": private_jwk()}, makes=True),
    "KeyGet": Case(put, "/keys/{name}/"),
    "KeyList": Case(nothing, "/keys"),
    "KeyListVersions": Case(put, "/keys/{name}/versions"),
    "KeyUpdate": Case(put, "/keys/{name}/", UPDATE),
    "KeyDelete": Case(put, "/keys/{name}"),
    "KeyListDeleted": Case(nothing, "/deletedkeys"),
    "KeyGetDeleted": Case(deleted, "/deletedkeys/{name}"),
    "KeyRecover": Case(deleted, "/deletedkeys/{name}/recover"),
    "KeyPurge": Case(deleted, "/deletedkeys/{name}"),
    "KeyBackup": Case(put, "/keys/{name}/backup"),
    "KeyRestore": Case(nothing, "/keys/restore", backup, {"value": "AAAA"}),
    "KeyEncrypt": Case(symmetric, "/keys/{name}//encrypt", ENCRYPT),
    "KeyDecrypt": Case(symmetric, "/keys/{name}//decrypt", ciphertext, {**ENCRYPT, "iv": IV, "tag": ZEROS}),
    "KeySign": Case(put, "/keys/{name}//sign", SIGN),
    "KeyVerify": Case(put, "/keys/{name}//verify", signature, {**SIGN, "digest": DIGEST, "value": octets(bytes(64))}),
    "KeyWrap": Case(symmetric, "/keys/{name}//wrapkey", WRAP),
    "KeyUnwrap": Case(symmetric, "/keys/{name}//unwrapkey", wrapped, {**WRAP, "value": octets(bytes(40))}),
    "KeyRotate": Case(put, "/keys/{name}/rotate"),
    "KeyRotationPolicyGet": Case(put, "/keys/{name}/rotationpolicy"),
    "KeyRotationPolicySet": Case(put, "/keys/{name}/rotationpolicy", POLICY),
    "KeyRelease": Case(releasable, "/keys/{name}//release", attested, {"target": "a.b.c"}),
    "KeyAttestationGet": Case(put, "/keys/{name}//attestation"),
    "RandomBytesGet": Case(nothing, "/rng", {"count": 32}),
}

KEYS = Collection("keys", put, deleted, backup, lambda bundle: bundle["key"]["kid"], UPDATE)
