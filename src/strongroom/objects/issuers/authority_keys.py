"""The keys of private CAs: how they are made, sealed and used, wherever they live."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from strongroom.core.doomed_keys import DoomedKey
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeySpec
from strongroom.core.private_authorities import AuthorityKey, PrivateAuthority
from strongroom.crypto.context import bind
from strongroom.crypto.keys.protocol import HeldKey, KeyProtection, KeyProtections, MadeKey, Place
from strongroom.crypto.protocol import RootKey
from strongroom.objects.keys import Unclaimed
from strongroom.store import Transaction

if TYPE_CHECKING:
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto.certificates.authority import Issuer

_PURPOSE = "private CA key"


@dataclass(frozen=True, slots=True)
class AuthorityKeys:
    """Makes keys for private CAs and signs with them."""

    root: RootKey
    protections: KeyProtections

    def place(self, *, in_token: bool) -> KeyProtection:
        """
        Give the place where keys of a CA live.

        Raises:
            Invalid: it is a token, and no token is configured.
        """
        if not in_token:
            return self.protections.software
        if self.protections.token is None:
            raise Invalid("The keys of this CA live in a token (HSM), and this service has none.")
        return self.protections.token

    async def make(
        self, spec: KeySpec, tenant: str, name: str, unclaimed: Unclaimed, *, in_token: bool
    ) -> tuple[str, MadeKey]:
        """
        Make a key, and give it with its id.

        Raises:
            Invalid: such a key cannot be made there.
            Unavailable, Throttled: see `KeyProtection`.
        """
        from strongroom.crypto.certificates.authority import key_id  # noqa: PLC0415  see above

        place = self.place(in_token=in_token)
        made = unclaimed.note(place, await place.make(spec, Place("private-ca", tenant, name, "")))
        return key_id(made.spec, made.parts), made

    def seal(self, tenant: str, authority: str, key: AuthorityKey, material: bytes) -> AuthorityKey:
        """Give a key of a CA its material, sealed for that CA and that key alone."""
        sealed = self.root.seal(_PURPOSE, bind(tenant, authority, key.id), material)
        return replace(key, material=sealed)

    def issuer(self, authority: PrivateAuthority, key: AuthorityKey, url: str) -> Issuer:
        """
        Give a key of a CA as what signs. *url* is where what it publishes is to be had; empty if nowhere.

        Raises:
            Invalid: it lives in a token, and no token is configured.
        """
        from strongroom.crypto.certificates.authority import Issuer  # noqa: PLC0415  see above
        from strongroom.crypto.certificates.signing import held_signing_key  # noqa: PLC0415

        held = HeldKey(
            ("private CA", f"{authority.tenant} {authority.id}", key.id),
            key.spec,
            key.parts,
            key.material,
            lambda: self._open(authority, key),
        )
        signing = held_signing_key(self.place(in_token=key.in_token), held)
        if not url:
            return Issuer(signing, key.certificate)
        # A root answers no questions: its list says all that it knows.
        ocsp_url = f"{url}/ocsp" if key.id != authority.root.id else None
        return Issuer(signing, key.certificate, f"{url}/crl/{key.id}.crl", f"{url}/ca/{key.id}.cer", ocsp_url)

    async def doom(self, tx: Transaction, authority: PrivateAuthority, key: AuthorityKey) -> None:
        """Note that a key is to be destroyed, in the change after which nobody has its material."""
        if key.in_token:
            await tx.put(DoomedKey(f"private-ca-{key.id}", "", self._open(authority, key)))

    def _open(self, authority: PrivateAuthority, key: AuthorityKey) -> bytes:
        return self.root.open(_PURPOSE, bind(authority.tenant, authority.id, key.id), key.material)
