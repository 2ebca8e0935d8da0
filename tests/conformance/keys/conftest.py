"""One place of keys for all tests, of each implementation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

import pytest

from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.pkcs11.token_keys import TokenKeys
from strongroom.crypto.keys.protocol import Ciphertext, HeldKey, KeyProtection, MadeKey, Place
from strongroom.crypto.keys.public import PublicOperations
from strongroom.crypto.keys.software import SoftwareKeys
from tests.softhsm import soft_token

T = TypeVar("T")

PLACE = Place("4f3c", "91aa", "some-key", "0123456789abcdef0123456789abcdef")


def held(made: MadeKey) -> HeldKey:
    """Give a key as a vault would."""
    return HeldKey(("v", made.material.hex(), "1"), made.spec, made.parts, made.material, lambda: made.material)


class Keys:
    """A place of keys, asked without `await`."""

    def __init__(self, protection: KeyProtection, runner: asyncio.Runner) -> None:
        self.protection = protection
        self._runner = runner
        self._made: dict[KeySpec, HeldKey] = {}
        self.public = PublicOperations(threads=1)
        in_token = isinstance(protection, TokenKeys)
        self.wants_long_keys = in_token
        """SoftHSM makes no keyed tag by a key that is shorter than it."""
        self.pads = not in_token
        """SoftHSM 2.6 wraps with padding, but not as RFC 5649 says."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for an answer."""
        return self._runner.run(coroutine)

    def key(self, spec: KeySpec) -> HeldKey:
        """Give a key of this kind, made once."""
        if spec not in self._made:
            self._made[spec] = self.new(spec)
        return self._made[spec]

    def new(self, spec: KeySpec) -> HeldKey:
        """Make a key."""
        return held(self.run(self.protection.make(spec, PLACE)))

    def sign(self, key: HeldKey, algorithm: str, digest: bytes) -> bytes:
        """Sign."""
        return self.run(self.protection.sign(key, ALGORITHMS[algorithm], digest))

    def encrypt(self, key: HeldKey, algorithm: str, plaintext: bytes, **given: bytes) -> Ciphertext:
        """Encrypt, by the public part where there is one."""
        row = ALGORITHMS[algorithm]
        if row.kind is KeyKind.RSA:
            return Ciphertext(self.public.encrypt(key.parts, row, plaintext))
        return self.run(self.protection.encrypt(key, row, plaintext, Ciphertext(b"", **given)))

    def decrypt(self, key: HeldKey, algorithm: str, ciphertext: Ciphertext) -> bytes:
        """Decrypt."""
        return self.run(self.protection.decrypt(key, ALGORITHMS[algorithm], ciphertext))

    def verifies(self, key: HeldKey, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Let the public part judge a signature, or the place a keyed tag."""
        row = ALGORITHMS[algorithm]
        if row.kind is KeyKind.OCT:
            return self.run(self.protection.verify(key, row, digest, signature))
        return self.run(self.public.verify(key.spec, key.parts, row, digest, signature))


RSA, OCT = KeySpec(KeyKind.RSA, 2048), KeySpec(KeyKind.OCT, 256)
P256 = KeySpec(KeyKind.EC, curve=Curve.P256)


@pytest.fixture(
    scope="session", params=["software", pytest.param("token", marks=pytest.mark.toolchain("softhsm2-util"))]
)
def keys(request: pytest.FixtureRequest) -> Iterator[Keys]:
    """Give a place of keys of each implementation in turn."""
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        protection: KeyProtection
        if request.param == "token":
            token = stack.enter_context(soft_token())
            protection = TokenKeys(token.settings(workers=2))
        else:
            protection = SoftwareKeys(threads=1)
        keys = Keys(protection, runner)
        yield keys
        keys.public.close()
        runner.run(protection.close())
