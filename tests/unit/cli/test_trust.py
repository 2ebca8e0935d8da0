"""The certificate files of one program."""

import re
import ssl
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from strongroom.cli.trust import BUNDLES, TRUSTSTORE_PASSWORD, write_trust
from strongroom.crypto.x509 import make_run_authority

OURS = make_run_authority(["mine.vault.azure.net"], now=int(time.time())).ca_certificate
CORPORATE = make_run_authority(["corp.example"], now=int(time.time())).ca_certificate


def certificates(path: Path) -> list[str]:
    """List the certificates of a bundle."""
    return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", path.read_text("latin-1"), re.DOTALL)


def test_every_bundle_begins_with_ours_and_can_be_loaded(tmp_path: Path) -> None:
    """Each file holds our authority beside what its client trusts otherwise: clients.md section 0."""
    trust = write_trust(tmp_path, [OURS], {})
    assert set(trust.bundles) == set(BUNDLES)
    for variable, path in trust.bundles.items():
        assert certificates(path)[0] == OURS.decode().strip()
        ssl.create_default_context(cafile=str(path))
        # Node adds to what it has; the others replace it, so a program may still talk to the rest of the world.
        assert (len(certificates(path)) > 50) is (variable != "NODE_EXTRA_CA_CERTS")


@pytest.mark.parametrize(
    ("variable", "also"),
    [
        ("SSL_CERT_FILE", {"CURL_CA_BUNDLE"}),
        ("REQUESTS_CA_BUNDLE", set()),
        ("CURL_CA_BUNDLE", {"REQUESTS_CA_BUNDLE"}),
        ("NODE_EXTRA_CA_CERTS", set()),
    ],
)
def test_a_users_own_bundle_stays_what_it_was(tmp_path: Path, variable: str, also: set[str]) -> None:
    """Who narrowed a client's trust keeps it narrow: theirs and ours, and none of the public authorities."""
    corporate = tmp_path / "corporate.pem"
    corporate.write_bytes(CORPORATE)
    trust = write_trust(tmp_path, [OURS], {variable: str(corporate)})
    narrowed = {name for name, path in trust.bundles.items() if certificates(path)[1:] == [CORPORATE.decode().strip()]}
    assert narrowed == {variable, *also}


def test_what_we_wrote_before_is_not_added_again(tmp_path: Path) -> None:
    """A shell that has our bundle already gets the same bundle."""
    first = write_trust(tmp_path, [OURS], {})
    before = {name: path.read_bytes() for name, path in first.bundles.items()}
    again = write_trust(tmp_path, [OURS], {name: str(path) for name, path in first.bundles.items()})
    assert {name: path.read_bytes() for name, path in again.bundles.items()} == before


def test_a_directory_of_certificates_is_read(tmp_path: Path) -> None:
    """REQUESTS_CA_BUNDLE may name a directory, in which each certificate may lie twice."""
    directory = tmp_path / "certs"
    directory.mkdir()
    (directory / "corporate.pem").write_bytes(CORPORATE)
    (directory / "0a1b2c3d.0").symlink_to("corporate.pem")
    trust = write_trust(tmp_path, [OURS], {"REQUESTS_CA_BUNDLE": str(directory)})
    assert len(certificates(trust.bundles["REQUESTS_CA_BUNDLE"])) == 2


# Some public authority of this machine may be old enough to break today's rules on serial numbers; it is read anyway.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_javas_trust_store_holds_ours_and_the_public_ones(tmp_path: Path) -> None:
    """Java's trust store opens with its usual password and holds our authority among the others."""
    trust = write_trust(tmp_path, [OURS, CORPORATE], {})
    store = pkcs12.load_pkcs12(trust.truststore.read_bytes(), TRUSTSTORE_PASSWORD.encode())
    found = [entry.certificate.subject.rfc4514_string() for entry in store.additional_certs]
    assert len(found) > 50
    assert "CN=Strongroom run" in found


def test_a_broken_certificate_does_not_cost_java_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the public bundle cannot be parsed, Java still gets ours."""
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    monkeypatch.setattr("strongroom.cli.trust._system_bundles", lambda: (str(broken),))
    trust = write_trust(tmp_path, [OURS], {})
    store = pkcs12.load_pkcs12(trust.truststore.read_bytes(), TRUSTSTORE_PASSWORD.encode())
    assert len(store.additional_certs) == 1
