"""The operations of the plain listener. Public, because whoever meets a certificate may ask whether it is good."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.certificate_limits import OCSP_REQUEST_BYTES
from strongroom.core.permissions import Public
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Op, Target
from strongroom.flow.world import World
from strongroom.pki.ocsp import ask_status, get_status, respelled
from strongroom.pki.publishing import get_authority_certificate, get_crl


def pki_target(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Resolve a path: it is about no resource."""
    return Target("", params)


OPERATIONS: tuple[Op, ...] = (
    Op("RevocationListGet", "GET", "/crl/{file}", Public(), get_crl, pki_target),
    Op("AuthorityCertificateGet", "GET", "/ca/{file}", Public(), get_authority_certificate, pki_target),
    Op("CertificateStatusGet", "GET", "/ocsp/{request}", Public(), get_status, pki_target),
    Op("CertificateStatusAsk", "POST", "/ocsp", Public(), ask_status, pki_target, body_limit=OCSP_REQUEST_BYTES),
)
__all__ = ["OPERATIONS", "respelled"]
