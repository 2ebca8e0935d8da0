"""Vaults for vectors: their keys live in software or in a token, and all that is asked goes through the API."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from strongroom.config import Settings
from strongroom.core.keys import Curve, GivenKeyProperties, KeyKind, KeySpec, KeyType, new_key_version
from strongroom.crypto.keys import protocol
from strongroom.crypto.keys.pkcs11.token_keys import TokenKeys
from strongroom.crypto.keys.pkcs11.workers import TokenSettings
from strongroom.crypto.keys.protocol import MadeKey, PlainKey
from strongroom.crypto.keys.public import CURVES, PublicKey, public_parts
from strongroom.objects.keys import put_new_version
from tests.flow.client import Client
from tests.flow.holding import PrivateKey, hold, jwk, use
from tests.softhsm import soft_token
from tests.world import GENEROUS, Answer, Simulation

UNDECRYPTABLE = {
    "code": "BadParameter",
    "message": "The value cannot be decrypted with this key and these parameters.",
}
"""What is said of whatever does not decrypt, and nothing else."""
_AT_ONCE = 64
"""So many keys are in a token together."""


class Place:
    """A vault with keys of vectors, each brought in once."""

    in_token = False
    pads = True
    """Whether it wraps keys of every length as RFC 5649 says."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._names: dict[object, str] = {}
        self._numbers = count()

    def __enter__(self) -> Self:
        """Open the vault."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            self._open(folder)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let go of everything."""
        self._stack.close()

    def _open(self, folder: Path) -> None:
        self.world = Simulation(folder, self._settings(folder))
        self._stack.callback(self.world.close)
        self.vault = Client(self.world)

    def _settings(self, folder: Path) -> Settings:
        return Settings(data=folder, flow=GENEROUS)

    def hold(self, private: PrivateKey | Mapping[str, str]) -> str:
        """Import a private key, unless that was done, and give its name."""
        web_key = private if isinstance(private, Mapping) else jwk(private)
        identity = tuple(web_key.items())
        if identity not in self._names:
            name = f"k-{next(self._numbers)}"
            hold(self.vault, name, web_key, in_token=self.in_token)
            self._names[identity] = name
        return self._names[identity]

    def hold_public(self, public: PublicKey) -> str:
        """
        Put a key into the vault of which there is only the public part, and give its name.

        The API imports private keys alone, so it is put past the API, as an import does it at its end. What is sealed
        as its private part is empty: to verify a signature nobody opens it.
        """
        parts = public_parts(public)
        if parts not in self._names:
            name, vault, now = f"k-{next(self._numbers)}", self.world.vault, int(self.world.clock())
            if isinstance(public, rsa.RSAPublicKey):
                key_type, spec = KeyType.RSA, KeySpec(KeyKind.RSA, public.key_size)
            else:
                key_type, spec = KeyType.EC, KeySpec(KeyKind.EC, curve=_curve_of(public))
            given = GivenKeyProperties(operations=("verify",))
            body = replace(new_key_version(key_type, spec, given, platform="0", now=now), parts=parts)
            self.world.commit(
                lambda tx: put_new_version(
                    tx,
                    vault,
                    self.world.keys.envelope(vault.id, vault.wrapped_key),
                    name,
                    b"",
                    body,
                    version=secrets.token_hex(16),
                    now=now,
                    entropy=secrets.token_bytes,
                )
            )
            self._names[parts] = name
        return self._names[parts]

    def use(self, name: str, operation: str, algorithm: str, value: bytes, **members: bytes | None) -> Answer:
        """Ask for an operation."""
        return use(self.vault, name, operation, algorithm, value, **members)


class InSoftware(Place):
    """Its keys are sealed in the store."""


class InToken(Place):
    """Its keys are of types ending in `-HSM`, in a token of SoftHSM's; the vault is premium."""

    in_token = True

    def _settings(self, folder: Path) -> Settings:
        self._token = self._stack.enter_context(soft_token())
        files = {"pkcs11_module": str(self._token.module), "pkcs11_pin_file": str(self._token.pin_file)}
        return Settings(data=folder, flow=GENEROUS, **files)

    def hold(self, private: PrivateKey | Mapping[str, str]) -> str:
        """Import a private key. After many the token is emptied first: SoftHSM looks through all it has for each."""
        if len(self.keys.brought_in) >= _AT_ONCE:
            self._names.clear()
            self.world.run(self.keys.empty())
        return super().hold(private)

    def _open(self, folder: Path) -> None:
        super()._open(folder)
        self.world.run(self._reach())

    async def _reach(self) -> None:
        self.keys = _Keys(self._token.settings(workers=1), pause_s=0.0)
        self._stack.callback(lambda: self.world.run(self.keys.close()))
        self.world.world.protections.token = self.keys
        assert await self.keys.reach()
        assert self.keys.token is not None
        self.pads = "CKM_AES_KEY_WRAP_KWP" not in self.keys.token.missing


class _Keys(TokenKeys):
    """Keys in the token, which know what came into it."""

    def __init__(self, settings: TokenSettings, *, pause_s: float) -> None:
        super().__init__(settings, pause_s=pause_s)
        self.brought_in: list[bytes] = []

    async def bring_in(self, key: PlainKey, place: protocol.Place) -> MadeKey:
        made = await super().bring_in(key, place)
        self.brought_in.append(made.material)
        return made

    async def empty(self) -> None:
        while self.brought_in:
            await self.destroy(self.brought_in.pop())


def _curve_of(public: ec.EllipticCurvePublicKey) -> Curve:
    return next(curve for curve, known in CURVES.items() if known.name == public.curve.name)
