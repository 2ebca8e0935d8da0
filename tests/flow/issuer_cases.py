"""The cases of issuers and contacts."""

from __future__ import annotations

from typing import Any

from tests.flow.case import Case, done, nothing
from tests.plugins.canary import plant
from tests.world import Simulation

ISSUER = {"provider": "DigiCert", "credentials": {"account_id": "4711"}}
CONTACTS = {"contacts": [{"email": "pki@example.com"}]}


def issuer(world: Simulation, name: str) -> Any:
    """Set an issuer."""
    return done(world, "PUT", f"/certificates/issuers/{name}", ISSUER)


def contacts(world: Simulation, _name: str) -> Any:
    """Set the contacts."""
    return done(world, "PUT", "/certificates/contacts", CONTACTS)


def with_password(_world: Simulation, _name: str) -> object:
    """Give an issuer with a password."""
    return {"provider": "DigiCert", "credentials": {"account_id": "4711", "pwd": plant()}}


CASES: dict[str, Case] = {
    "CertificateIssuersList": Case(nothing, "/certificates/issuers"),
    "CertificateIssuerGet": Case(issuer, "/certificates/issuers/{name}"),
    "CertificateIssuerSet": Case(nothing, "/certificates/issuers/{name}", with_password, ISSUER, makes=True),
    "CertificateIssuerUpdate": Case(issuer, "/certificates/issuers/{name}", {"provider": "GlobalSign"}),
    "CertificateIssuerDelete": Case(issuer, "/certificates/issuers/{name}"),
    "CertificateContactsGet": Case(contacts, "/certificates/contacts"),
    "CertificateContactsSet": Case(nothing, "/certificates/contacts", CONTACTS),
    "CertificateContactsDelete": Case(contacts, "/certificates/contacts"),
}
