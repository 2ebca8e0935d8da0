"""Keys that a test brings in, and what clients ask of keys."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from strongroom.core.keys import KeyOperation
from strongroom.crypto.keys.public import CURVES, octets_of
from tests.flow.client import Client
from tests.world import Answer

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | bytes
ALL_OPERATIONS = tuple(one for one in KeyOperation if one not in {KeyOperation.IMPORT, KeyOperation.EXPORT})
SIGNING_OPERATIONS = (KeyOperation.SIGN, KeyOperation.VERIFY)


def octets(value: bytes) -> str:
    """Spell bytes for the wire."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def read(text: str) -> bytes:
    """Read bytes from the wire, which have no padding there."""
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def jwk(private: PrivateKey) -> dict[str, str]:
    """Write a private key as a JSON Web Key; bytes are an oct key."""
    if isinstance(private, bytes):
        return {"kty": "oct", "k": octets(private)}
    if isinstance(private, rsa.RSAPrivateKey):
        own = private.private_numbers()
        numbers = {"d": own.d, "p": own.p, "q": own.q, "dp": own.dmp1, "dq": own.dmq1, "qi": own.iqmp}
        numbers |= {"n": own.public_numbers.n, "e": own.public_numbers.e}
        return {"kty": "RSA", **{name: octets(octets_of(number)) for name, number in numbers.items()}}
    point = private.private_numbers()
    (curve,) = (curve for curve, known in CURVES.items() if known.name == private.curve.name)
    numbers = {"x": point.public_numbers.x, "y": point.public_numbers.y, "d": point.private_value}
    return {"kty": "EC", "crv": curve, **{name: octets(octets_of(number)) for name, number in numbers.items()}}


def hold(
    vault: Client,
    name: str,
    private: PrivateKey | Mapping[str, str],
    operations: Iterable[KeyOperation] | None = None,
    *,
    in_token: bool = False,
    **attributes: Any,
) -> str:
    """
    Import a private key, or a JSON Web Key, and give its version.

    It does all that its kind can, unless *operations* says what.
    """
    web_key: dict[str, Any] = dict(private) if isinstance(private, Mapping) else jwk(private)
    able = ALL_OPERATIONS if web_key["kty"] != "EC" else SIGNING_OPERATIONS
    if in_token:
        web_key["kty"] += "-HSM"
    body = {"key": web_key | {"key_ops": list(able if operations is None else operations)}, "attributes": attributes}
    kid: str = vault.done("PUT", f"/keys/{name}", body=body)["key"]["kid"]
    return kid.rpartition("/")[2]


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
