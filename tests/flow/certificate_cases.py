"""The cases of certificates: on P-256 and signed by themselves, so that they are there at once."""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509

from tests.flow.authorities import Authority
from tests.flow.case import VERSION, Case, Collection, done, nothing
from tests.flow.imported import in_pem, self_signed
from tests.flow.vault_certificates import POLICY
from tests.world import START, Simulation

CREATE = {"policy": POLICY}
IMPORTED = in_pem(*self_signed(START))
"""A certificate with its key, in PEM."""
REQUEST = {"policy": POLICY | {"issuer": {"name": "Unknown"}}}
"""Of this nothing comes by itself."""
UPDATE = {"tags": {"a": "b"}}


def begun(world: Simulation, name: str) -> Any:
    """Begin to make a certificate."""
    url = f"{world.vault_url}/certificates/{name}/create?api-version={VERSION}"
    answer = world.ask("POST", url, token=world.token(world.administrator), body=CREATE)
    assert answer.status == 202, answer.body
    return answer.json


def requested(world: Simulation, name: str) -> Any:
    """Begin to make a certificate whose request somebody else has to sign."""
    url = f"{world.vault_url}/certificates/{name}/create?api-version={VERSION}"
    answer = world.ask("POST", url, token=world.token(world.administrator), body=REQUEST)
    assert answer.status == 202, answer.body
    return answer.json


def merged(world: Simulation, name: str) -> object:
    """Have a request signed."""
    csr = done(world, "GET", f"/certificates/{name}/pending")["csr"]
    request = x509.load_der_x509_csr(base64.b64decode(csr))
    return {"x5c": [base64.b64encode(one).decode() for one in Authority(world.clock()).issue(request)]}


def put(world: Simulation, name: str) -> Any:
    """Make a certificate, or a new version of it."""
    begun(world, name)
    world.settle()
    return done(world, "GET", f"/certificates/{name}/")


def deleted(world: Simulation, name: str) -> Any:
    """Make a certificate and delete it."""
    put(world, name)
    return done(world, "DELETE", f"/certificates/{name}")


def backup(world: Simulation, name: str) -> dict[str, str]:
    """Make a certificate, back it up, remove it, and give the backup."""
    put(world, name)
    blob: dict[str, str] = done(world, "POST", f"/certificates/{name}/backup")
    done(world, "DELETE", f"/certificates/{name}")
    done(world, "DELETE", f"/deletedcertificates/{name}")
    return blob


CASES: dict[str, Case] = {
    "CertificateCreate": Case(nothing, "/certificates/{name}/create", REQUEST, makes=True),
    "CertificateGet": Case(put, "/certificates/{name}/"),
    "CertificateUpdate": Case(put, "/certificates/{name}/", UPDATE),
    "CertificateDelete": Case(put, "/certificates/{name}"),
    "CertificateList": Case(nothing, "/certificates"),
    "CertificateListVersions": Case(put, "/certificates/{name}/versions"),
    "CertificateListDeleted": Case(nothing, "/deletedcertificates"),
    "CertificateGetDeleted": Case(deleted, "/deletedcertificates/{name}"),
    "CertificateRecover": Case(deleted, "/deletedcertificates/{name}/recover"),
    "CertificatePurge": Case(deleted, "/deletedcertificates/{name}"),
    "CertificateBackup": Case(put, "/certificates/{name}/backup"),
    "CertificateRestore": Case(nothing, "/certificates/restore", backup, {"value": "AAAA"}),
    "CertificateImport": Case(nothing, "/certificates/{name}/import", {"value": IMPORTED}, makes=True),
    "CertificatePendingGet": Case(put, "/certificates/{name}/pending"),
    "CertificatePendingUpdate": Case(requested, "/certificates/{name}/pending", {"cancellation_requested": False}),
    "CertificatePendingDelete": Case(requested, "/certificates/{name}/pending"),
    "CertificatePendingMerge": Case(requested, "/certificates/{name}/pending/merge", merged, {"x5c": ["AAAA"]}),
    "CertificatePolicyGet": Case(put, "/certificates/{name}/policy"),
    "CertificatePolicyUpdate": Case(put, "/certificates/{name}/policy", {"x509_props": {"validity_months": 6}}),
}

CERTIFICATES = Collection("certificates", put, deleted, backup, lambda bundle: bundle["id"], UPDATE)
