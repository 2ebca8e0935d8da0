"""Lists of revoked certificates and the CAs' certificates (RFC 5280 sections 4.2.1.13 and 4.2.2.1, RFC 2585)."""

from __future__ import annotations

from strongroom.core.errors import NotFound
from strongroom.core.private_authorities import PrivateAuthority, RevocationList
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.pki.kept import kept_response

_CRL = b"application/pkix-crl"
_CERTIFICATE = b"application/pkix-cert"


async def get_crl(call: Call) -> Response:
    """Get the list of certificates that a key of a CA has revoked, in DER."""
    key = call.target.params["file"].removesuffix(".crl")
    for one in call.world.view.all(RevocationList):
        if one.id == key:
            return kept_response(one.crl, _CRL, made=one.this_update, until=one.next_update, now=call.now)
    raise NotFound("No CA of this service has such a key.")


async def get_authority_certificate(call: Call) -> Response:
    """Get a CA's certificate, in DER: what is missing in a chain that somebody builds."""
    key = call.target.params["file"].removesuffix(".cer")
    for authority in call.world.view.all(PrivateAuthority):
        for one in (authority.root, *authority.issuing):
            if one.id == key:
                return kept_response(
                    one.certificate, _CERTIFICATE, made=one.not_before, until=one.not_after, now=call.now
                )
    raise NotFound("No CA of this service has such a key.")
