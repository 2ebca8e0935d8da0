"""What the tests of keys share: keys as clients create and import them, and a token that is in memory."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from strongroom.core.errors import Unavailable
from strongroom.core.keys import Curve, KeySpec, PublicParts
from strongroom.crypto.keys.algorithms import Algorithm
from strongroom.crypto.keys.protocol import HeldKey, MadeKey, Place, PlainKey
from strongroom.crypto.keys.public import CURVES
from strongroom.crypto.keys.software import SoftwareKeys
from tests.flow.client import Client
from tests.plugins import canary

Jwk = dict[str, Any]


def create(vault: Client, name: str, **members: Any) -> Any:
    """Create a key, P-256 unless *members* say otherwise."""
    return vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"} | members)


def version_of(bundle: dict[str, Any]) -> str:
    """Give the version at the end of a key's id."""
    version: str = bundle["key"]["kid"].rpartition("/")[2]
    return version


def octets(number: int, size: int = 0) -> str:
    """Spell a number in base64url without padding."""
    content = number.to_bytes(max(size, (number.bit_length() + 7) // 8), "big")
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def ec_jwk(curve: Curve = Curve.P256) -> Jwk:
    """Make a private EC key as a JSON Web Key."""
    private = ec.generate_private_key(CURVES[curve]).private_numbers()
    point, size = private.public_numbers, (CURVES[curve].key_size + 7) // 8
    scalar = octets(private.private_value, size)
    canary.remember(scalar)
    return {"kty": "EC", "crv": curve.value, "x": octets(point.x, size), "y": octets(point.y, size), "d": scalar}


def rsa_jwk() -> Jwk:
    """Make a private RSA key as a JSON Web Key."""
    private = rsa.generate_private_key(65537, 2048).private_numbers()
    public = private.public_numbers
    key = {"n": public.n, "e": public.e, "d": private.d, "p": private.p, "q": private.q}
    spelled = {name: octets(number) for name, number in key.items()}
    for name in ("d", "p", "q"):
        canary.remember(spelled[name])
    return {"kty": "RSA"} | spelled


def oct_jwk(size: int = 32) -> Jwk:
    """Make a symmetric key as a JSON Web Key."""
    value = base64.urlsafe_b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
    canary.remember(value)
    return {"kty": "oct", "k": value}


class MemoryToken(SoftwareKeys):
    """A place whose material is only a name: it holds keys as a token does, and can be away as one can."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.held: dict[bytes, bytes] = {}
        self.away = False

    @property
    def platform(self) -> str:
        """A token's."""
        return "1"

    def _hold(self, made: MadeKey) -> MadeKey:
        self._require_here()
        name = b"in the token: " + secrets.token_hex(8).encode()
        self.held[name] = made.material
        return MadeKey(made.spec, made.parts, name)

    def _require_here(self) -> None:
        if self.away:
            raise Unavailable("The token does not answer.", reason="token away")

    async def make(self, spec: KeySpec, place: Place) -> MadeKey:
        """Make a key."""
        return self._hold(await super().make(spec, place))

    async def bring_in(self, key: PlainKey, place: Place) -> MadeKey:
        """Take a key from outside."""
        return self._hold(await super().bring_in(key, place))

    async def sign(self, key: HeldKey, algorithm: Algorithm, digest: bytes) -> bytes:
        """Sign with the key of that name."""
        self._require_here()
        return await super().sign(msgspec.structs.replace(key, open=lambda: self.held[key.open()]), algorithm, digest)

    async def back_up(self, key: HeldKey, place: Place) -> bytes:
        """Give a key to itself."""
        self._require_here()
        return self.held[key.open()]

    async def restore(self, saved: bytes, spec: KeySpec, parts: PublicParts, place: Place) -> MadeKey:
        """Take back what it gave."""
        return self._hold(await super().restore(saved, spec, parts, place))

    async def destroy(self, material: bytes) -> None:
        """Forget a key; one that is not there may be in another token."""
        self._require_here()
        if material not in self.held:
            raise Unavailable("The key is not in the token any more.", reason="no such key")
        del self.held[material]
