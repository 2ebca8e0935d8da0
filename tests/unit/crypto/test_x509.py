import datetime as dt
import ipaddress
import ssl
import time
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from strongroom.crypto import x509 as own
from strongroom.crypto.x509 import (
    AUTHORITY_LIFETIME_S,
    LEAF_LIFETIME_S,
    RUN_LIFETIME_S,
    Authority,
    NameNotPermitted,
    ServerCertificate,
    issue_leaf,
    java_truststore,
    make_authority,
    make_run_authority,
)

# Handshakes are judged by OpenSSL with its own clock, so the present is the real one here.
NOW = int(time.time())
SERVED = ("*.vault.localhost", "login.localhost", "management.localhost", "graph.localhost")
AZURE = ("*.vault.azure.net", "login.microsoftonline.com", "management.azure.com", "graph.microsoft.com")
LOOPBACK = ipaddress.ip_address("127.0.0.1")
ADDRESSES: tuple[own.IPAddress, ...] = (LOOPBACK,)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Make the CA of an instance on the default domain."""
    return make_authority("localhost", now=NOW)


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> ServerCertificate:
    """Issue a certificate for everything the default domain serves."""
    return issue_leaf(authority, SERVED, now=NOW)


def forge(authority: Authority, names: Sequence[str], addresses: Sequence[own.IPAddress] = ()) -> tuple[bytes, bytes]:
    """Issue what `issue_leaf` would refuse, as a thief of the CA's key could."""
    issuer_key = load_pem_private_key(authority.private_key, password=None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    certificate, key = own._make_leaf(issuer, issuer_key, names, addresses, NOW, 3600)
    return own._pem(certificate), own._key_pem(key)


def handshake(
    tmp_path_factory: pytest.TempPathFactory,
    ca: bytes,
    certificate: bytes,
    key: bytes,
    host: str,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> str | None:
    """Shake hands over memory, as Python's clients verify and more strictly; return the TLS version agreed on."""
    directory = tmp_path_factory.mktemp("tls")
    (directory / "cert.pem").write_bytes(certificate)
    (directory / "key.pem").write_bytes(key)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    client_context = ssl.create_default_context(cadata=ca.decode())
    # What Python 3.13 and later turn on by themselves.
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    client_context.minimum_version = client_context.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    for _ in range(20):
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
        if not waiting:
            return client.version()
    return pytest.fail("the handshake did not end")


class TestHandshakes:
    """What clients that trust the instance's CA accept."""

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    @pytest.mark.parametrize(
        "host", ["v1.vault.localhost", "login.localhost", "management.localhost", "graph.localhost"]
    )
    def test_every_served_name_verifies(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        authority: Authority,
        leaf: ServerCertificate,
        host: str,
        version: ssl.TLSVersion,
    ) -> None:
        """A client that checks chain, constraints and host name accepts every name we serve, wildcards included."""
        agreed = handshake(tmp_path_factory, authority.certificate, leaf.certificate, leaf.private_key, host, version)
        assert agreed == version.name.replace("_", ".")

    @pytest.mark.parametrize(
        "host", ["other.localhost", "vault.localhost", "a.b.vault.localhost", "localhost", "login.microsoftonline.com"]
    )
    def test_no_other_name_verifies(
        self, tmp_path_factory: pytest.TempPathFactory, authority: Authority, leaf: ServerCertificate, host: str
    ) -> None:
        """A wildcard covers one label and no more, and the certificate is for what it names."""
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            handshake(tmp_path_factory, authority.certificate, leaf.certificate, leaf.private_key, host)

    @pytest.mark.parametrize("domain", ["kv.corp.example", "x", "a.b.c.d.example"])
    def test_any_domain_works(self, tmp_path_factory: pytest.TempPathFactory, domain: str) -> None:
        """The constraint is the configured domain, whatever its depth."""
        ca = make_authority(domain, now=NOW)
        made = issue_leaf(ca, [f"*.vault.{domain}"], now=NOW)
        host = f"v1.vault.{domain}"
        assert handshake(tmp_path_factory, ca.certificate, made.certificate, made.private_key, host) == "TLSv1.3"

    @pytest.mark.parametrize(
        "host", ["login.microsoftonline.com", "v1.vault.azure.net", "notlocalhost", "localhost.evil.example"]
    )
    def test_a_stolen_ca_is_worth_nothing_for_other_names(
        self, tmp_path_factory: pytest.TempPathFactory, authority: Authority, host: str
    ) -> None:
        """SEC-NAME-10: critical name constraints; a certificate for another name is refused though the CA signed it."""
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
            handshake(tmp_path_factory, authority.certificate, *forge(authority, [host]), host)

    @pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1"])
    def test_a_stolen_ca_is_worth_nothing_for_addresses(
        self, tmp_path_factory: pytest.TempPathFactory, authority: Authority, address: str
    ) -> None:
        """SEC-NAME-10: IP addresses excluded unless configured, of both families."""
        forged = forge(authority, ["login.localhost"], [ipaddress.ip_address(address)])
        with pytest.raises(ssl.SSLCertVerificationError, match="excluded subtree violation"):
            handshake(tmp_path_factory, authority.certificate, *forged, "login.localhost")

    def test_a_configured_address_verifies(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """An address that the operator configured is permitted and served."""
        ca = make_authority("localhost", now=NOW, addresses=ADDRESSES)
        made = issue_leaf(ca, ["login.localhost"], now=NOW, addresses=ADDRESSES)
        agreed = handshake(tmp_path_factory, ca.certificate, made.certificate, made.private_key, "127.0.0.1")
        assert agreed == "TLSv1.3"

    @pytest.mark.parametrize("address", ["127.0.0.2", "::1"])
    def test_a_configured_address_permits_no_other(
        self, tmp_path_factory: pytest.TempPathFactory, address: str
    ) -> None:
        """One address opens neither its neighbour nor the other family."""
        ca = make_authority("localhost", now=NOW, addresses=ADDRESSES)
        forged = forge(ca, ["login.localhost"], [ipaddress.ip_address(address)])
        with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
            handshake(tmp_path_factory, ca.certificate, *forged, address)

    def test_the_ca_makes_no_other_ca(self, tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> None:
        """Path length 0: a CA below it, made by a thief, is believed by nobody."""
        root = x509.load_pem_x509_certificate(authority.certificate)
        root_key = load_pem_private_key(authority.private_key, password=None)
        assert isinstance(root_key, ec.EllipticCurvePrivateKey)
        below, below_key = own._make_ca("below", ("localhost",), (), NOW, 3600)
        rebuilt = own._builder(below.subject, root.subject, below_key.public_key(), NOW, 3600)
        for extension in below.extensions:
            rebuilt = rebuilt.add_extension(extension.value, extension.critical)
        identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        intermediate = rebuilt.add_extension(aki, critical=False).sign(root_key, root.signature_hash_algorithm)
        certificate, key = own._make_leaf(intermediate, below_key, ["login.localhost"], (), NOW, 3600)
        chain = own._pem(certificate) + own._pem(intermediate)
        with pytest.raises(ssl.SSLCertVerificationError, match="path length"):
            handshake(tmp_path_factory, authority.certificate, chain, own._key_pem(key), "login.localhost")

    def test_an_expired_certificate_is_refused(
        self, tmp_path_factory: pytest.TempPathFactory, authority: Authority
    ) -> None:
        """A leaf whose days are over is refused: renewal is not optional."""
        old = issue_leaf(authority, SERVED, now=NOW - LEAF_LIFETIME_S)
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            handshake(tmp_path_factory, authority.certificate, old.certificate, old.private_key, "login.localhost")

    def test_a_leaf_of_another_instance_is_refused(
        self, tmp_path_factory: pytest.TempPathFactory, authority: Authority
    ) -> None:
        """Two instances on the same domain do not vouch for each other."""
        other = issue_leaf(make_authority("localhost", now=NOW), SERVED, now=NOW)
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(tmp_path_factory, authority.certificate, other.certificate, other.private_key, "login.localhost")


class TestAuthority:
    """The instance's CA."""

    def test_its_constraints_are_critical_and_complete(self, authority: Authority) -> None:
        """SEC-NAME-10: only the domain's subtree is permitted, and every address is excluded."""
        certificate = x509.load_pem_x509_certificate(authority.certificate)
        extension = certificate.extensions.get_extension_for_class(x509.NameConstraints)
        assert extension.critical
        assert extension.value.permitted_subtrees == [x509.DNSName("localhost")]
        assert extension.value.excluded_subtrees == [
            x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
            x509.IPAddress(ipaddress.ip_network("::/0")),
        ]

    def test_it_signs_certificates_and_nothing_else(self, authority: Authority) -> None:
        """No CA below it, no handshakes of its own, and what it signs is for TLS servers."""
        extensions = x509.load_pem_x509_certificate(authority.certificate).extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints)
        usage = extensions.get_extension_for_class(x509.KeyUsage)
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
        assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (True, True, False)
        assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]

    def test_it_is_p256_and_lives_ten_years(self, authority: Authority) -> None:
        """The key is P-256 and the certificate outlives the machine, so clients are configured once."""
        certificate = x509.load_pem_x509_certificate(authority.certificate)
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)
        assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == dt.timedelta(
            seconds=AUTHORITY_LIFETIME_S
        )

    def test_its_key_does_not_show(self, authority: Authority) -> None:
        """Printing a CA prints no key."""
        assert "PRIVATE" not in repr(authority)

    @pytest.mark.parametrize(
        "domain",
        ["", "UPPER.example", "sp ace", "*", "a..b", ".localhost", "localhost.", "-a", "caf\u00e9", "127.0.0.1/8"],
    )
    def test_a_domain_that_is_no_name_is_refused(self, domain: str) -> None:
        """A constraint with a malformed name would be read differently by different clients."""
        with pytest.raises(ValueError, match="no DNS name"):
            make_authority(domain, now=NOW)

    def test_a_name_is_at_most_253_characters_long(self) -> None:
        """At the limit of DNS a domain is accepted, one past it refused."""
        start = f"{'a' * 63}." * 3
        make_authority(start + "a" * (253 - len(start)), now=NOW)
        with pytest.raises(ValueError, match="no DNS name"):
            make_authority(start + "a" * (254 - len(start)), now=NOW)

    def test_a_label_is_at_most_63_characters_long(self) -> None:
        """At the limit of DNS a label is accepted, one past it refused."""
        make_authority("a" * 63, now=NOW)
        with pytest.raises(ValueError, match="no DNS name"):
            make_authority("a" * 64, now=NOW)


class TestLeaf:
    """Server certificates."""

    def test_it_says_exactly_what_it_is(self, leaf: ServerCertificate) -> None:
        """The names asked for, server authentication, no CA."""
        extensions = x509.load_pem_x509_certificate(leaf.certificate).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == list(SERVED)
        assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
            ExtendedKeyUsageOID.SERVER_AUTH
        ]
        assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        assert (usage.digital_signature, usage.key_cert_sign) == (True, False)

    def test_it_names_its_key_and_its_issuers(self, authority: Authority, leaf: ServerCertificate) -> None:
        """Subject and authority key identifiers are there and fit, as strict clients ask."""
        certificate = x509.load_pem_x509_certificate(leaf.certificate)
        issuer = x509.load_pem_x509_certificate(authority.certificate)
        issuers = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert named.key_identifier == issuers.digest
        assert certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest != issuers.digest

    def test_its_whole_life_is_at_most_thirty_days(self, leaf: ServerCertificate) -> None:
        """SEC-NAME-12: leaves live at most 30 days, backdating included; the facts told are the certificate's."""
        certificate = x509.load_pem_x509_certificate(leaf.certificate)
        life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert life <= dt.timedelta(days=30)
        assert certificate.not_valid_before_utc.timestamp() == leaf.not_before
        assert certificate.not_valid_after_utc.timestamp() == leaf.not_after

    def test_it_is_valid_on_a_clock_that_is_behind(self, leaf: ServerCertificate) -> None:
        """A client whose clock is five minutes behind ours accepts a new certificate."""
        assert leaf.not_before == NOW - 300

    def test_its_renewal_is_due_after_two_thirds_of_its_life(self, leaf: ServerCertificate) -> None:
        """SEC-NAME-12: leaves renew by themselves, with ten days to spare."""
        assert leaf.renew_at == leaf.not_before + 20 * 86_400

    def test_a_longer_life_is_refused(self, authority: Authority) -> None:
        """Thirty days are issued, a second more is not, nor is no life at all."""
        issue_leaf(authority, SERVED, now=NOW, lifetime_s=LEAF_LIFETIME_S)
        for lifetime_s in (LEAF_LIFETIME_S + 1, 0, -1):
            with pytest.raises(ValueError, match="at most"):
                issue_leaf(authority, SERVED, now=NOW, lifetime_s=lifetime_s)

    @pytest.mark.parametrize(
        "name", ["login.microsoftonline.com", "evillocalhost", "*.vault.azure.net", "localhost.evil"]
    )
    def test_a_name_outside_the_domain_is_refused(self, authority: Authority, name: str) -> None:
        """SEC-NAME-4: the server holds no key for a name that is not its own."""
        with pytest.raises(NameNotPermitted, match=name.replace("*", r"\*")):
            issue_leaf(authority, [*SERVED, name], now=NOW)

    def test_an_address_that_was_not_configured_is_refused(self, authority: Authority) -> None:
        """SEC-NAME-10: IP addresses are excluded unless configured."""
        with pytest.raises(NameNotPermitted, match=r"127\.0\.0\.1"):
            issue_leaf(authority, SERVED, now=NOW, addresses=ADDRESSES)

    @pytest.mark.parametrize("name", ["", "*", "*.*.localhost", "a*.localhost", "vault.*.localhost", "a_b.localhost"])
    def test_a_malformed_name_is_refused(self, authority: Authority, name: str) -> None:
        """A wildcard stands alone as the first label; anything else is read differently by different clients."""
        with pytest.raises(ValueError, match="no DNS name"):
            issue_leaf(authority, [name], now=NOW)

    def test_no_name_at_all_is_refused(self, authority: Authority) -> None:
        """A certificate for nobody is a mistake."""
        with pytest.raises(ValueError, match="at least one"):
            issue_leaf(authority, [], now=NOW)

    def test_every_leaf_has_a_key_of_its_own(self, authority: Authority, leaf: ServerCertificate) -> None:
        """Renewal changes the key."""
        assert issue_leaf(authority, SERVED, now=NOW).private_key != leaf.private_key

    def test_its_key_does_not_show(self, leaf: ServerCertificate) -> None:
        """Printing a certificate prints no key."""
        assert "PRIVATE" not in repr(leaf)


class TestRun:
    """The certificates of one run."""

    @pytest.mark.parametrize(
        "host", ["v1.vault.azure.net", "login.microsoftonline.com", "management.azure.com", "v1.vault.localhost"]
    )
    def test_the_names_of_the_run_verify(self, tmp_path_factory: pytest.TempPathFactory, host: str) -> None:
        """The child, which trusts the run's CA, reaches Azure's names and ours."""
        ca, certificate, key = make_run_authority([*AZURE, *SERVED], now=NOW)
        assert handshake(tmp_path_factory, ca, certificate, key, host) == "TLSv1.3"

    def test_the_ca_is_constrained_to_the_names_served(self) -> None:
        """SEC-NAME-3: the exact names served and no others, none twice, and no address."""
        made = make_run_authority([*AZURE, "*.vault.localhost", "vault.localhost"], now=NOW)
        extension = x509.load_pem_x509_certificate(made.ca_certificate).extensions.get_extension_for_class(
            x509.NameConstraints
        )
        assert extension.critical
        assert extension.value.permitted_subtrees == [
            x509.DNSName(name)
            for name in (
                "graph.microsoft.com",
                "login.microsoftonline.com",
                "management.azure.com",
                "vault.azure.net",
                "vault.localhost",
            )
        ]
        assert len(extension.value.excluded_subtrees or ()) == 2

    def test_the_key_returned_is_the_leafs_and_not_the_cas(self) -> None:
        """SEC-NAME-3: the CA key is discarded; the one key that comes out can sign no certificate."""
        made = make_run_authority(AZURE, now=NOW)
        key = load_pem_private_key(made.leaf_private_key, password=None)
        ca, leaf = (x509.load_pem_x509_certificate(pem) for pem in (made.ca_certificate, made.leaf_certificate))
        assert key.public_key() == leaf.public_key()
        assert key.public_key() != ca.public_key()
        assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign is False
        assert sum(pem.count(b"PRIVATE KEY-----") for pem in made) == 2

    def test_every_run_has_a_ca_of_its_own(self) -> None:
        """SEC-NAME-3: each run makes a CA; what one child trusts, no other does."""
        one, other = make_run_authority(AZURE, now=NOW), make_run_authority(AZURE, now=NOW)
        assert one.ca_certificate != other.ca_certificate
        keys = [x509.load_pem_x509_certificate(made.ca_certificate).public_key() for made in (one, other)]
        assert keys[0] != keys[1]

    def test_ca_and_leaf_live_a_day_at_most(self) -> None:
        """SEC-NAME-3: at most 24 hours; a second more is refused."""
        made = make_run_authority(AZURE, now=NOW, lifetime_s=RUN_LIFETIME_S)
        for pem in (made.ca_certificate, made.leaf_certificate):
            certificate = x509.load_pem_x509_certificate(pem)
            assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= dt.timedelta(hours=24)
        for lifetime_s in (RUN_LIFETIME_S + 1, 0):
            with pytest.raises(ValueError, match="at most"):
                make_run_authority(AZURE, now=NOW, lifetime_s=lifetime_s)

    def test_no_names_are_refused(self) -> None:
        """A CA that serves no name would be unconstrained; there is none."""
        with pytest.raises(ValueError, match="at least one"):
            make_run_authority([], now=NOW)

    def test_its_key_does_not_show(self) -> None:
        """Printing the certificates of a run prints no key."""
        assert "PRIVATE" not in repr(make_run_authority(AZURE, now=NOW))


class TestJavaTrustStore:
    """Java's form of a bundle."""

    def test_it_holds_every_certificate_under_an_alias_of_its_own(self, authority: Authority) -> None:
        """A bundle with several certificates is taken apart, and none replaces another."""
        other = make_authority("kv.example", now=NOW)
        store = java_truststore([authority.certificate + other.certificate, authority.certificate], "changeit")
        entries = pkcs12.load_pkcs12(store, b"changeit").additional_certs
        found = [entry.certificate.public_bytes(Encoding.PEM) for entry in entries]
        assert sorted(found) == sorted([authority.certificate, authority.certificate, other.certificate])
        assert len({entry.friendly_name for entry in entries}) == 3

    def test_it_holds_no_key(self, authority: Authority) -> None:
        """A trust store is for certificates alone."""
        store = java_truststore([authority.certificate], "changeit")
        assert pkcs12.load_pkcs12(store, b"changeit").key is None

    def test_it_does_not_open_with_another_password(self, authority: Authority) -> None:
        """The password authenticates the store."""
        with pytest.raises(ValueError, match="password"):
            pkcs12.load_pkcs12(java_truststore([authority.certificate], "changeit"), b"other")
