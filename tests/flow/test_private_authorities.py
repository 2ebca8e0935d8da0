"""Private CAs: what they issue, for whom, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from strongroom.core.private_authorities import AuthorityKey, IssuedCertificate, PrivateAuthority
from strongroom.objects.issuers.private_authority import PrivateAuthorities
from tests.flow.client import Client, client_of, make_tenant
from tests.flow.issuing import lasting_client, look
from tests.flow.private_authorities import (
    URL,
    control,
    create,
    issued,
    order,
    publishing,
    refused,
    shown,
    verified,
    x509_props,
)
from tests.flow.vault_certificates import loaded
from tests.world import Simulation

pytestmark = [pytest.mark.toolchain("openssl"), pytest.mark.usefixtures("restored")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world whose CAs are published, with one for every name and one for some."""
    simulation = publishing(tmp_path_factory.mktemp("world"))
    create(simulation, "Any", subject="O=Example, C=DE")
    create(simulation, "Some", permitted=["example.com", "10.0.0.0/8"])
    yield simulation
    simulation.close()


def test_openssl_verifies_what_is_issued(world: Simulation, vault: Client, tmp_path: Path) -> None:
    """The chain, the lists of both CAs, the purpose and the name: by RFC 5280, strictly."""
    _, leaf = issued(vault, "Any")
    good, told = verified(world, tmp_path, "Any", leaf, "-purpose", "sslserver", "-verify_hostname", "example.com")
    assert good, told
    good, _ = verified(world, tmp_path, "Any", leaf, "-verify_hostname", "example.org")
    assert not good


def test_what_a_certificate_says(world: Simulation, vault: Client) -> None:
    """SEC-FLOW-21: it says what the policy says, that it is no CA's, and where to ask about it, as is configured."""
    _, leaf = issued(vault, "Any")
    (issuing,) = shown(world, "Any")["issuing"]
    extensions = {one.oid._name: one for one in leaf.extensions}
    assert set(extensions) == {
        "basicConstraints",
        "keyUsage",
        "extendedKeyUsage",
        "subjectAltName",
        "subjectKeyIdentifier",
        "authorityKeyIdentifier",
        "cRLDistributionPoints",
        "authorityInfoAccess",
    }
    constraints = extensions["basicConstraints"]
    assert (constraints.critical, constraints.value.ca) == (True, False)
    usage = extensions["keyUsage"].value
    # The default policy wants keyEncipherment too, which a key on a curve cannot do.
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, False, False)
    assert set(extensions["extendedKeyUsage"].value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    assert extensions["subjectAltName"].value.get_values_for_type(x509.DNSName) == ["example.com"]
    assert extensions["authorityKeyIdentifier"].value.key_identifier.hex() == issuing["id"]
    (point,) = extensions["cRLDistributionPoints"].value
    assert [name.value for name in point.full_name] == [f"{URL}/crl/{issuing['id']}.crl"]
    assert {one.access_method: one.access_location.value for one in extensions["authorityInfoAccess"].value} == {
        AuthorityInformationAccessOID.OCSP: f"{URL}/ocsp",
        AuthorityInformationAccessOID.CA_ISSUERS: f"{URL}/ca/{issuing['id']}.cer",
    }


def test_serial_numbers_tell_nothing(vault: Client) -> None:
    """Each has more than 64 bits that nobody can foretell, and is positive and short enough."""
    serials = {issued(vault, "Any")[1].serial_number for _ in range(3)}
    assert len(serials) == 3
    assert all(2**128 <= one < 2**129 for one in serials)


def test_what_the_cas_certificates_say(world: Simulation) -> None:
    """SEC-NAME-13: the root signs issuing CAs, and those no further ones; a constrained one says so, critically."""
    found = shown(world, "Some")
    root, issuing = (
        x509.load_pem_x509_certificate(one["certificate"].encode()) for one in (found["root"], found["issuing"][0])
    )
    for certificate, length in ((root, 1), (issuing, 0)):
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, length)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert (usage.critical, usage.value.key_cert_sign, usage.value.crl_sign) == (True, True, True)
    names = issuing.extensions.get_extension_for_class(x509.NameConstraints)
    assert names.critical
    permitted = {str(one.value) for one in names.value.permitted_subtrees or ()}
    assert permitted == {"example.com", ".example.com", "10.0.0.0/8"}
    assert [str(one.value) for one in names.value.excluded_subtrees or ()] == ["::/0"]
    assert issuing.not_valid_after_utc <= root.not_valid_after_utc
    assert issuing.subject.rfc4514_string().startswith("CN=Some Issuing CA ")


def test_the_subject_of_a_ca(world: Simulation) -> None:
    """What the operator says of the organisation is in the subject of both, beside a name of each."""
    found = shown(world, "Any")
    assert found["root"]["subject"] == "CN=Any Root CA,O=Example,C=DE"
    assert found["issuing"][0]["subject"] == f"CN=Any Issuing CA {found['issuing'][0]['id'][:8]},O=Example,C=DE"


@pytest.mark.parametrize("kind", ["P-384", "RSA-2048"])
def test_keys_of_other_types(world: Simulation, vault: Client, tmp_path: Path, kind: str) -> None:
    """A CA has the keys that it was made with, and signs as those do."""
    create(world, f"Of-{kind}", keyType=kind)
    _, leaf = issued(vault, f"Of-{kind}")
    good, told = verified(world, tmp_path, f"Of-{kind}", leaf)
    assert good, told
    root = x509.load_pem_x509_certificate(shown(world, f"Of-{kind}")["root"]["certificate"].encode())
    expected = rsa.RSAPublicKey if kind.startswith("RSA") else ec.EllipticCurvePublicKey
    assert isinstance(root.public_key(), expected)


def test_a_server_named_in_the_subject_alone(vault: Client) -> None:
    """Clients look among the alternative names alone, so that is where the name is written as well."""
    _, leaf = issued(vault, "Any", **x509_props(subject="CN=www.example.com, O=Example"))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["www.example.com"]


@pytest.mark.parametrize(
    ("cty", "ekus"),
    [
        ("server", [ExtendedKeyUsageOID.SERVER_AUTH]),
        ("client", [ExtendedKeyUsageOID.CLIENT_AUTH]),
        ("code-signing", [ExtendedKeyUsageOID.CODE_SIGNING]),
    ],
)
def test_a_profile_by_name(vault: Client, cty: str, ekus: list[x509.ObjectIdentifier]) -> None:
    """A policy names its profile in `cty`, and a certificate is for what that is for."""
    oids = [one.dotted_string for one in ekus]
    _, leaf = issued(vault, "Any", cty=cty, **x509_props("example.com", ekus=oids, key_usage=["digitalSignature"]))
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == ekus


@pytest.mark.parametrize(
    ("cty", "members", "sentence"),
    [
        ("none", {}, "The CA Any has no profile of the name in `cty`. It has: tls, server, client, code-signing."),
        ("server", {}, "The profile server does not allow every use (EKU) that the policy asks for."),
        (None, {"key_usage": ["keyCertSign"]}, "The profile tls does not allow the key usage keyCertSign."),
        (None, {"validity_months": 14}, "The profile tls allows at most 13 months of validity."),
        (
            None,
            {"subject": "CN=Ada Lovelace", "sans": {"emails": ["ada@example.com"]}},
            "A server's certificate names a host: a DNS name or an IP address among the alternative names.",
        ),
    ],
    ids=["profile", "EKU", "key usage", "validity", "no host"],
)
def test_what_a_profile_does_not_allow(vault: Client, cty: str | None, members: dict[str, Any], sentence: str) -> None:
    """SEC-PKI-2: the operation fails, with a sentence that says why."""
    assert refused(vault, "Any", cty=cty, **x509_props("example.com", **members)) == sentence


_OUTSIDE_NAMES = "The CA Some certifies no names outside example.com, 10.0.0.0/8."
_OUTSIDE_ADDRESSES = "The CA Some certifies no addresses outside example.com, 10.0.0.0/8."


@pytest.mark.parametrize(
    "props",
    [
        x509_props("example.com", "*.example.com", "A.B.EXAMPLE.com"),
        x509_props(subject="CN=ten", sans={}, ekus=["1.3.6.1.5.5.7.3.2"]),
        x509_props(sans={"ipAddresses": ["10.1.2.3"]}, subject="CN=ten"),
        x509_props(sans={"dns_names": ["example.com"], "uris": ["https://www.example.com/a"]}),
        x509_props(sans={"dns_names": ["example.com"], "upns": ["a@example.com"]}, subject="E=a@example.com, CN=a"),
        x509_props(sans={"dns_names": ["example.com"], "emails": ["a@example.com", "b@mail.example.com"]}),
    ],
    ids=["below", "no host", "address", "URI", "UPN and subject's mail", "mail"],
)
def test_names_that_a_constrained_ca_certifies(
    world: Simulation, vault: Client, tmp_path: Path, props: dict[str, Any]
) -> None:
    """What is inside is issued, and OpenSSL finds it inside too."""
    _, leaf = issued(vault, "Some", **props)
    good, told = verified(world, tmp_path, "Some", leaf)
    assert good, told


@pytest.mark.parametrize(
    ("props", "sentence"),
    [
        (x509_props("example.com", "example.org"), _OUTSIDE_NAMES),
        (x509_props("notexample.com", subject="CN=a"), _OUTSIDE_NAMES),
        (x509_props("*.com", subject="CN=a"), _OUTSIDE_NAMES),
        (x509_props("example.com", subject="CN=www.example.org"), _OUTSIDE_NAMES),
        (x509_props("example.com", subject="CN=a, E=a@example.org"), _OUTSIDE_NAMES),
        (x509_props("example.com", subject="CN=10.1.2.3"), _OUTSIDE_NAMES),
        (x509_props(sans={"dns_names": ["example.com"], "emails": ["a@example.org"]}), _OUTSIDE_NAMES),
        (x509_props(sans={"dns_names": ["example.com"], "upns": ["a@example.org"]}), _OUTSIDE_NAMES),
        (x509_props(sans={"dns_names": ["example.com"], "uris": ["https://example.org/a"]}), _OUTSIDE_NAMES),
        (
            x509_props(sans={"dns_names": ["example.com"], "uris": ["urn:example"]}),
            "A URI that names no host is not one that this CA certifies.",
        ),
        (
            x509_props(sans={"dns_names": ["example.com"], "uris": ["https://example.org\\.example.com/"]}),
            "A URI that names no host is not one that this CA certifies.",
        ),
        (x509_props(sans={"dns_names": ["example.com"], "ipAddresses": ["192.0.2.1"]}), _OUTSIDE_ADDRESSES),
    ],
    ids=[
        "beside",
        "suffix",
        "above",
        "common name",
        "subject's mail",
        "common address",
        "mail",
        "UPN",
        "URI",
        "URN",
        "URI with a backslash",
        "address",
    ],
)
def test_names_that_a_constrained_ca_refuses(vault: Client, props: dict[str, Any], sentence: str) -> None:
    """SEC-PKI-2: one name outside is enough; nothing is issued."""
    assert refused(vault, "Some", **props) == sentence


def test_profiles_that_a_ca_does_not_have(world: Simulation, vault: Client) -> None:
    """A CA made for some profiles issues by those alone, the first one where none is named."""
    create(world, "Clients", profiles=["client"])
    ekus = ["1.3.6.1.5.5.7.3.2"]
    _, leaf = issued(vault, "Clients", **x509_props(ekus=ekus, key_usage=["digitalSignature"]))
    assert leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert refused(vault, "Clients", cty="server").endswith("It has: client.")


# ---- for whom -------------------------------------------------------------------------------------------------------


def test_a_ca_is_one_tenants(world: Simulation) -> None:
    """SEC-TENANT-2: another tenant's vault gets from a CA's name what it gets from one that nobody has."""
    tenant = make_tenant(world)
    other = client_of(world, tenant)
    messages = {refused(other, name) for name in ("Any", "nobodys")}
    assert messages == {"The issuer's account_id names no private CA of the vault's tenant."}


def test_an_issuer_without_an_account(world: Simulation, vault: Client) -> None:
    """Where a tenant has one CA it need not be named; where it has several, it has to be."""
    vault.done("PUT", "/certificates/issuers/unnamed", body={"provider": "privateca"})
    _, operation = order(vault, "Any", issuer={"name": "unnamed"})
    assert operation["error"]["message"].startswith("The issuer's account_id names no private CA")
    tenant = make_tenant(world)
    assert control(world, "POST", "", {"name": "Only", "tenant": tenant.id}).status == 201
    other = client_of(world, tenant)
    other.done("PUT", "/certificates/issuers/unnamed", body={"provider": "privateca"})
    _, operation = order(other, "Only", issuer={"name": "unnamed"})
    assert operation["status"] == "completed"


def test_the_next_version_is_issued_by_the_same_ca(world: Simulation, vault: Client) -> None:
    """It has another serial number, and the operator is shown both, with the vault and the name that they are for."""
    name, first = issued(vault, "Any")
    world.advance(5)
    assert vault.ask("POST", f"/certificates/{name}/create", body={}).status == 202
    world.settle()
    second = loaded(vault.done("GET", f"/certificates/{name}"))
    listed = control(world, "POST", "/issued", {"name": "Any", "tenant": world.first.tenant_id}).json
    assert listed["more"] is False
    own = [one for one in listed["value"] if one["name"] == name]
    assert [int(one["serial"], 16) for one in own] == [second.serial_number, first.serial_number]
    assert {one["vault"] for one in own} == {world.vault.name}


def test_a_certificate_is_renewed_by_its_ca(world: Simulation) -> None:
    """When its lifetime action is due the CA issues the next version by itself, and both are known to it."""
    keeper = lasting_client(world)
    create(world, "Renewing")
    actions = [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}]
    name, first = issued(keeper, "Renewing", **x509_props("example.com", validity_months=1), lifetime_actions=actions)
    world.advance(0.9 * (first.not_valid_after_utc.timestamp() - world.clock()))
    look(world)
    world.settle()
    second = loaded(keeper.done("GET", f"/certificates/{name}"))
    assert second.serial_number != first.serial_number
    assert second.issuer == first.issuer
    assert shown(world, "Renewing")["issued"] == 2


def test_a_ca_that_was_changed_meanwhile(world: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was signed by a key that was revoked at that moment is given to nobody; the step is made again."""
    create(world, "Changing")
    keep = PrivateAuthorities._keep
    keys: list[str] = []

    async def revoking(self: PrivateAuthorities, authority: PrivateAuthority, made: IssuedCertificate) -> Any:
        if not keys:
            await self.store.commit(lambda tx: tx.put(replace(authority, issuing=(_revoked(authority.current),))))
        keys.append(made.issuer)
        return await keep(self, authority, made)

    monkeypatch.setattr(PrivateAuthorities, "_keep", revoking)
    _, operation = order(vault, "Changing")
    assert operation["status"] == "inProgress"
    assert shown(world, "Changing")["issued"] == 0
    world.advance(120)
    look(world)
    world.settle()
    assert len(keys) == 1
    assert shown(world, "Changing")["issued"] == 0


def _revoked(key: AuthorityKey) -> AuthorityKey:
    return replace(key, revoked_at=1)
