"""
A private CA as an issuer of vaults' certificates (ADR 0020).

    step ──> the CA that the vault's issuer names ──> what the policy asks for, as the CA allows it ──> commit: record
                                                                                                           │
    the same step again <──── the certificate in that record <─────────────────────────────────────────────┘

The serial number follows from the operation's id under the root key: nobody can foretell it, and a step that is made
twice, after a crash or by two nodes, finds what the first one made.
"""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.certificates import X509Properties
from strongroom.core.errors import Invalid, Unavailable
from strongroom.core.instance import Instance
from strongroom.core.issuance import Issued, Refused, Step, Wanted
from strongroom.core.key_rotation import Duration, moved
from strongroom.core.private_authorities import (
    AuthorityKey,
    IssuedCertificate,
    PrivateAuthority,
    certifiable,
    certified,
    issued_id,
)
from strongroom.core.records import tenant_partition
from strongroom.crypto.context import bind
from strongroom.objects.issuers.authority_keys import AuthorityKeys
from strongroom.store import Store, Transaction
from strongroom.view import View

ISSUER_ERROR = "Certificate issuer error"
BACKDATED_S = 600
"""By so much a certificate begins before it is made, for clocks that are behind."""
_SERIAL_PURPOSE = "certificate serial number"


@dataclass(slots=True)
class PrivateAuthorities:
    """The private CAs of this instance: a `flow.world.Issuer`."""

    store: Store
    view: View
    keys: AuthorityKeys
    instance: Instance
    """Says where what the CAs publish is to be had."""

    async def step(self, wanted: Wanted, state: bytes) -> Step:  # noqa: ARG002  one step is all there is
        """
        Issue a certificate, or give the one that was issued for this operation before.

        Raises:
            Unavailable, Throttled: the CA's key cannot be used now, or the CA was changed meanwhile.
            StoreFault: the store did not say that it keeps what was issued, so nobody is given it.
        """
        authority = find_authority(self.view, wanted.tenant, wanted.account_id)
        if authority is None:
            return Refused("The issuer's account_id names no private CA of the vault's tenant.", ISSUER_ERROR)
        serial = self._serial(authority, wanted.request_id)
        found = self._issued_before(authority, serial)
        if found is None:
            try:
                made = await self._issue(authority, wanted, serial)
            except Invalid as refused:
                return Refused(refused.message, refused.code or "Request rejected")
            found = await self._keep(authority, made)
        above = next(one for one in authority.issuing if one.id == found.issuer)
        return Issued((found.certificate, above.certificate))

    async def cancel(self, wanted: Wanted, state: bytes) -> None:
        """Do nothing: what is asked for is issued at once, or never."""

    def _serial(self, authority: PrivateAuthority, request_id: str) -> bytes:
        from strongroom.crypto.certificates.authority import SERIAL_BYTES  # noqa: PLC0415  costly to import

        message = bind(authority.tenant, authority.id, str(authority.created), request_id)
        # A serial number is positive and has no more octets than it needs (RFC 5280 section 4.1.2.2).
        return b"\x01" + self.keys.root.tag(_SERIAL_PURPOSE, message)[:SERIAL_BYTES]

    def _issued_before(self, authority: PrivateAuthority, serial: bytes) -> IssuedCertificate | None:
        number, partition = int.from_bytes(serial, "big"), authority.partition
        places = (issued_id(key.id, number) for key in authority.issuing)
        return next((one for place in places if (one := self.view.get(IssuedCertificate, partition, place))), None)

    async def _issue(self, authority: PrivateAuthority, wanted: Wanted, serial: bytes) -> IssuedCertificate:
        from strongroom.crypto.certificates.authority import (  # noqa: PLC0415  costly to import
            Span,
            issue,
            read_request,
            require_same_names,
        )

        key, request = authority.current, read_request(wanted.csr)
        if not certifiable(request.spec):
            raise Invalid("The CA certifies RSA keys of 2048 bits and more, and keys on P-256, P-384 and P-521.")
        require_same_names(request, wanted.x509)
        properties = certified(authority, wanted.x509, request.named, wanted.issuer.type, request.spec.kind)
        span = Span(max(wanted.now - BACKDATED_S, key.not_before), _end_of(authority, key, properties, wanted.now))
        issuer = self.keys.issuer(authority, key, self.instance.pki_url)
        made = await issue(issuer, request, properties, serial, span)
        return IssuedCertificate(
            issued_id(key.id, int.from_bytes(serial, "big")),
            authority.tenant,
            authority.id,
            key.id,
            wanted.vault,
            wanted.name,
            made,
            wanted.now,
            span.ends,
        )

    async def _keep(self, authority: PrivateAuthority, made: IssuedCertificate) -> IssuedCertificate:
        """Keep what was issued before anybody is given it, or give what another step kept meanwhile."""

        async def change(tx: Transaction) -> IssuedCertificate:
            now = await tx.record(PrivateAuthority, authority.partition, authority.id)
            if now is None or made.issuer not in {one.id for one in now.issuing if one.revoked_at is None}:
                # Whether there is another key, or no CA any more, the next step finds out.
                raise Unavailable("The CA was changed while it issued.", reason="changed meanwhile")
            kept = await tx.record(IssuedCertificate, made.partition, made.id)
            if kept is None:
                await tx.put(made)
            return kept or made

        return (await self.store.commit(change)).result


def find_authority(view: View, tenant: str, name: str | None) -> PrivateAuthority | None:
    """Find a tenant's CA by its name; without a name its only one."""
    if name:
        return view.get(PrivateAuthority, tenant_partition(tenant), name.casefold())
    every = view.all(PrivateAuthority, tenant_partition(tenant))
    return every[0] if len(every) == 1 else None


def _end_of(authority: PrivateAuthority, key: AuthorityKey, properties: X509Properties, now: int) -> int:
    """
    Say when a certificate ends.

    Raises:
        Invalid: its CA ends before that, or counts no longer.
    """
    if key.revoked_at is not None:
        raise Invalid(f"The CA {authority.name} has revoked its own issuing CA and has no other.", code=ISSUER_ERROR)
    ends = moved(now, Duration("", months=properties.validity_months))
    if ends > key.not_after:
        raise Invalid(
            f"The CA {authority.name} ends before the certificate would: ask for fewer months, or for another CA.",
            code=ISSUER_ERROR,
        )
    return ends
