"""Policies of certificates: every rule, its limits, and what is there if nothing is said (reference section 4.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.core import certificate_limits, limits
from strongroom.core.certificate_policies import (
    DEFAULT_EKUS,
    DEFAULT_KEY_USAGE,
    GivenPolicy,
    operations_of,
    parse_action_type,
    patched_policy,
    read_policy,
)
from strongroom.core.certificates import (
    AlternativeNames,
    CertificateKey,
    IssuerParameters,
    KeyUsage,
    LifetimeAction,
    LifetimeActionType,
)
from strongroom.core.errors import Invalid
from strongroom.core.keys import Curve, KeyKind, KeyType

NOW = 1_790_000_000
RENEW, WRITE = LifetimeActionType.AUTO_RENEW, LifetimeActionType.EMAIL_CONTACTS
SELF = GivenPolicy(subject="CN=a", issuer="Self")


def read(**given: Any) -> Any:
    """Read a policy that signs itself, but for what is given."""
    return read_policy(replace(SELF, **given), None, NOW)


def refusal(**given: Any) -> str:
    """Give the sentence that refuses a policy."""
    with pytest.raises(Invalid) as caught:
        read(**given)
    assert caught.value.code == "BadParameter"
    return caught.value.message


def test_what_nobody_says_is_as_in_the_real_service() -> None:
    """The defaults that were observed there."""
    policy = read()
    assert policy.key == CertificateKey(KeyType.RSA, 2048, None, exportable=True, reuse=False)
    assert policy.content_type == "application/x-pkcs12"
    assert (policy.x509.ekus, policy.x509.key_usage) == (DEFAULT_EKUS, DEFAULT_KEY_USAGE)
    assert (policy.x509.validity_months, policy.x509.sans) == (12, AlternativeNames())
    assert policy.lifetime_actions == (LifetimeAction(RENEW, 80),)
    assert (policy.created, policy.updated, policy.enabled) == (NOW, NOW, True)


def test_nothing_renews_by_itself_what_an_unknown_issuer_issues() -> None:
    """Its default is a letter, and an issuer that nobody names is unknown."""
    policy = read(issuer=None)
    assert policy.issuer == IssuerParameters("Unknown")
    assert policy.lifetime_actions == (LifetimeAction(WRITE, 80),)


# ---- the key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"kty": "RSA", "key_size": 4096}, CertificateKey(KeyType.RSA, 4096)),
        ({"kty": "EC"}, CertificateKey(KeyType.EC, None, Curve.P256)),
        ({"kty": "EC", "crv": "P-256K"}, CertificateKey(KeyType.EC, None, Curve.P256K)),
        ({"kty": "EC", "crv": "P-521", "key_size": 521}, CertificateKey(KeyType.EC, None, Curve.P521)),
        ({"kty": "RSA-HSM"}, CertificateKey(KeyType.RSA_HSM, 2048, exportable=False)),
        ({"kty": "EC-HSM", "exportable": False}, CertificateKey(KeyType.EC_HSM, None, Curve.P256, exportable=False)),
        ({"exportable": False, "reuse_key": True}, CertificateKey(exportable=False, reuse=True)),
    ],
)
def test_a_key_is_what_is_asked_for(given: dict[str, Any], key: CertificateKey) -> None:
    """Types, sizes and curves; a key in a token is not exportable."""
    assert read(**given).key == key


@pytest.mark.parametrize(
    ("given", "member"),
    [
        ({"kty": "oct"}, "kty"),
        ({"kty": "oct-HSM"}, "kty"),
        ({"kty": "rsa"}, "kty"),
        ({"key_size": 1024}, "key_size"),
        ({"key_size": 256}, "key_size"),
        ({"crv": "P-256"}, "crv"),
        ({"kty": "EC", "crv": "P-224"}, "crv"),
        ({"kty": "EC", "key_size": 2048}, "key_size"),
        ({"kty": "EC", "crv": "P-384", "key_size": 256}, "key_size"),
        ({"kty": "RSA-HSM", "exportable": True}, "exportable"),
        ({"kty": "EC-HSM", "exportable": True}, "exportable"),
        ({"content_type": "text/plain"}, "contentType"),
        ({"content_type": ""}, "contentType"),
        ({"is_ca": True}, "basic_constraints.ca"),
        ({"key_usage": ("sign",)}, "key_usage"),
        ({"ekus": ("serverAuth",)}, "ekus"),
        ({"ekus": ("1.3.6.",)}, "ekus"),
        ({"ekus": ("3.1",)}, "ekus"),
        ({"ekus": ("1.3.06",)}, "ekus"),
        ({"issuer_type": "a\nb"}, "cty"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_name(given: dict[str, Any], member: str) -> None:
    """In one sentence that repeats nothing of the request."""
    assert refusal(**given).startswith(f"Property {member} ")


# ---- names ----------------------------------------------------------------------------------------------------------


def test_a_certificate_has_a_subject_or_another_name() -> None:
    """Either is enough."""
    assert refusal(subject=None) == "A certificate must have a subject or a subject alternative name."
    assert refusal(subject=" ", sans=AlternativeNames()) == refusal(subject="")
    assert read(subject="", sans=AlternativeNames(("a.example",))).x509.subject == ""


def test_a_subject_has_a_longest_length() -> None:
    """200 characters."""
    most = certificate_limits.SUBJECT_NAME_CHARS
    longest = ("CN=a, " + "OU=" + "b" * 60 + ", ") * 10
    fits = longest[:most].rpartition(",")[0]
    padded = fits + " " * (most - len(fits))
    assert read(subject=padded).x509.subject == padded
    assert refusal(subject=padded + " ") == f"Property subject can have at most {most} characters."


def test_a_subject_is_an_x500_name() -> None:
    """In the real service's words."""
    assert refusal(subject="CN=Example, Inc.") == "The subject name provided is not a valid X500 name."


@pytest.mark.parametrize(
    ("member", "kind", "good"),
    [
        ("dns_names", "dns_names", "*.example.com"),
        ("dns_names", "dns_names", "localhost"),
        ("dns_names", "dns_names", "xn--bcher-kva.example"),
        ("dns_names", "dns_names", "_sip.example.com"),
        ("emails", "emails", "a.b+c@example.com"),
        ("upns", "upns", "dörte@example.com"),
        ("uris", "uris", "spiffe://example.com/a"),
        ("uris", "uris", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ("ipAddresses", "ip_addresses", "2001:db8::1"),
        ("ipAddresses", "ip_addresses", "192.0.2.1"),
    ],
)
def test_an_alternative_name_is_taken(member: str, kind: str, good: str) -> None:
    """Of each kind."""
    del member
    assert getattr(read(sans=AlternativeNames(**{kind: (good,)})).x509.sans, kind) == (good,)


@pytest.mark.parametrize(
    ("member", "kind", "bad"),
    [
        ("dns_names", "dns_names", ""),
        ("dns_names", "dns_names", "a..example"),
        ("dns_names", "dns_names", "a.*.example"),
        ("dns_names", "dns_names", "*"),
        ("dns_names", "dns_names", "w*.example.com"),
        ("dns_names", "dns_names", "-a.example"),
        ("dns_names", "dns_names", "bücher.example"),
        ("dns_names", "dns_names", "a.example\n"),
        ("dns_names", "dns_names", "a" * 64 + ".example"),
        ("dns_names", "dns_names", "https://a.example"),
        ("emails", "emails", "a"),
        ("emails", "emails", "A <a@example.com>"),
        ("emails", "emails", "a@*.example.com"),
        ("emails", "emails", "ü@example.com"),
        ("upns", "upns", "a"),
        ("upns", "upns", "a b@example.com"),
        ("upns", "upns", "a@\x00"),
        ("uris", "uris", "/a/b"),
        ("uris", "uris", "https://"),
        ("uris", "uris", "https://a b"),
        ("uris", "uris", "https://a:port/"),
        ("uris", "uris", "https://ü.example"),
        ("ipAddresses", "ip_addresses", "192.0.2"),
        ("ipAddresses", "ip_addresses", "192.0.2.0/24"),
        ("ipAddresses", "ip_addresses", "fe80::1%eth0"),
    ],
)
def test_what_is_no_such_name_is_refused(member: str, kind: str, bad: str) -> None:
    """By the member that it stands in."""
    assert refusal(sans=AlternativeNames(**{kind: (bad,)})).startswith(f"The names in sans.{member} must be")


def test_an_address_has_one_form() -> None:
    """However it was written."""
    sans = AlternativeNames(ip_addresses=("2001:DB8:0::1",))
    assert read(sans=sans).x509.sans.ip_addresses == ("2001:db8::1",)


def test_alternative_names_have_limits() -> None:
    """In number, and each in length."""
    most = certificate_limits.ALTERNATIVE_NAMES
    names = tuple(f"a{number}.example" for number in range(most))
    assert read(sans=AlternativeNames(names))
    assert refusal(sans=AlternativeNames(names, ("a@example.com",))) == (
        f"A certificate can have at most {most} subject alternative names."
    )
    dns = ".".join(["a" * 49] * 5) + ".bcd"
    assert len(dns) == limits.DOMAIN_NAME_CHARS
    assert read(sans=AlternativeNames((dns,)))
    assert refusal(sans=AlternativeNames((dns + "e",)))
    at = certificate_limits.ALTERNATIVE_NAME_CHARS
    for kind in ("emails", "upns"):
        name = "a" * (at - len("@example.com")) + "@example.com"
        assert read(sans=AlternativeNames(**{kind: (name,)}))
        assert refusal(sans=AlternativeNames(**{kind: ("a" + name,)}))
    uri = "https://example.com/" + "a" * (certificate_limits.ALTERNATIVE_URI_CHARS - 20)
    assert read(sans=AlternativeNames(uris=(uri,)))
    assert refusal(sans=AlternativeNames(uris=(uri + "a",)))


# ---- usages ---------------------------------------------------------------------------------------------------------


def test_usages_are_read_whatever_their_case() -> None:
    """Each once, in the order given; none at all is an answer, too."""
    assert read(key_usage=("crlsign", "cRLSign", "KEYAGREEMENT")).x509.key_usage == (
        KeyUsage.CRL_SIGN,
        KeyUsage.KEY_AGREEMENT,
    )
    assert (read(key_usage=(), ekus=()).x509.key_usage, read(ekus=()).x509.ekus) == ((), ())


def test_usages_of_others_are_object_identifiers() -> None:
    """As many, and as long, as the limits say."""
    most = certificate_limits.KEY_PURPOSES
    oids = tuple(f"1.3.6.1.4.1.{number}" for number in range(most))
    assert read(ekus=oids).x509.ekus == oids
    assert refusal(ekus=(*oids, "2.5.29.37.0"))
    longest = "1.2." + "1" * (certificate_limits.KEY_PURPOSE_CHARS - 4)
    assert read(ekus=(longest,)).x509.ekus == (longest,)
    assert refusal(ekus=(longest + "1",))


def test_usages_say_what_the_key_may_do() -> None:
    """The mapping of section 4.5; a key on a curve signs, whatever the policy says."""
    usages = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT)
    assert operations_of(usages, KeyKind.RSA) == ("sign", "verify", "wrapKey", "unwrapKey", "encrypt", "decrypt")
    assert operations_of(usages, KeyKind.EC) == ("sign", "verify")
    assert operations_of((KeyUsage.DECIPHER_ONLY, KeyUsage.ENCIPHER_ONLY), KeyKind.RSA) == ("decrypt", "encrypt")
    assert operations_of((KeyUsage.NON_REPUDIATION, KeyUsage.CRL_SIGN), KeyKind.EC) == ("sign", "verify")


# ---- how long, and what happens by itself ---------------------------------------------------------------------------


def test_validity_has_both_ends() -> None:
    """From a month to as many as the limit says."""
    most = certificate_limits.VALIDITY_MONTHS
    assert [read(validity_months=one).x509.validity_months for one in (1, most)] == [1, most]
    for wrong in (0, -1, most + 1):
        assert refusal(validity_months=wrong) == f"Property validity_months must be from 1 to {most}."


def test_a_policy_has_one_lifetime_action_at_most() -> None:
    """Two are refused in the real service's words; none means that nothing happens by itself."""
    one = LifetimeAction(WRITE, 80)
    assert len(read(lifetime_actions=(one,)).lifetime_actions) == certificate_limits.LIFETIME_ACTIONS
    assert read(lifetime_actions=()).lifetime_actions == ()
    assert refusal(lifetime_actions=(one, LifetimeAction(RENEW, 90))) == "At most one action is allowed"


@pytest.mark.parametrize("action", [LifetimeAction(RENEW), LifetimeAction(RENEW, 80, 30)])
def test_an_action_has_one_trigger(action: LifetimeAction) -> None:
    """Neither none nor both."""
    assert refusal(lifetime_actions=(action,)) == (
        "Property trigger must have one of lifetime_percentage and days_before_expiry."
    )


def test_a_percentage_has_both_ends() -> None:
    """From 1 to 99."""
    most = certificate_limits.LIFETIME_PERCENTAGE
    for good in (1, most):
        assert read(lifetime_actions=(LifetimeAction(RENEW, good),))
    for wrong in (0, most + 1):
        assert refusal(lifetime_actions=(LifetimeAction(RENEW, wrong),)) == (
            f"Property lifetime_percentage must be from 1 to {most}."
        )


def test_days_before_the_end_lie_within_the_life() -> None:
    """27 for each month, as in the real service."""
    most = 3 * certificate_limits.DAYS_OF_A_MONTH
    for good in (1, most):
        assert read(validity_months=3, lifetime_actions=(LifetimeAction(RENEW, None, good),))
    for wrong in (0, most + 1):
        assert refusal(validity_months=3, lifetime_actions=(LifetimeAction(RENEW, None, wrong),)) == (
            f"Property days_before_expiry must be from 1 to {most} where validity_months is 3."
        )


def test_nobody_can_be_asked_to_renew_what_is_merged() -> None:
    """AutoRenew contradicts the issuer Unknown."""
    assert refusal(issuer="unknown", lifetime_actions=(LifetimeAction(RENEW, 80),)) == (
        "Property action_type cannot be AutoRenew where the issuer is Unknown: nobody can be asked."
    )


def test_actions_and_issuers_are_read_whatever_their_case() -> None:
    """The names that policies have; any other name is an issuer's, in its case."""
    assert (parse_action_type("autorenew"), parse_action_type("EMAILCONTACTS")) == (RENEW, WRITE)
    for wrong in (None, "", "Rotate"):
        with pytest.raises(Invalid, match="action_type"):
            parse_action_type(wrong)
    names = [read(issuer=one).issuer.name for one in ("self", "UNKNOWN", "", "My-CA")]
    assert names == ["Self", "Unknown", "Unknown", "My-CA"]
    with pytest.raises(Invalid):
        read(issuer="my ca")


def test_the_type_of_a_certificate_has_a_longest_length() -> None:
    """`cty`: what an issuer makes of it is its own affair."""
    longest = "a" * certificate_limits.CERTIFICATE_TYPE_CHARS
    assert read(issuer_type=longest).issuer.type == longest
    assert refusal(issuer_type=longest + "a").startswith("Property cty ")
    assert read(issuer_type="", transparency=False).issuer == IssuerParameters("Self", None, transparency=False)


# ---- changes --------------------------------------------------------------------------------------------------------


def patch(old: Any, **given: Any) -> Any:
    """Change a policy a day later."""
    return patched_policy(GivenPolicy(**given), old, NOW + 86_400)


def test_what_a_change_leaves_out_stays() -> None:
    """All of it, and only the time of the change is another."""
    old = read(kty="EC", crv="P-384", ekus=("1.2.3",), validity_months=7, reuse_key=True, enabled=False)
    assert patch(old) == replace(old, updated=NOW + 86_400)
    assert patch(old, subject="CN=b") == replace(old, updated=NOW + 86_400, x509=replace(old.x509, subject="CN=b"))


def test_what_replaces_a_policy_takes_nothing_over() -> None:
    """A create with a policy has defaults where it says nothing; the policy is as old as the first one."""
    old = read(kty="EC", validity_months=7)
    fresh = read_policy(SELF, old, NOW + 1)
    assert (fresh.key, fresh.x509.validity_months) == (CertificateKey(), 12)
    assert (fresh.created, fresh.updated) == (NOW, NOW + 1)


def test_a_key_of_another_kind_takes_no_size_over() -> None:
    """RSA's bits mean nothing on a curve; a size alone changes the size alone."""
    old = read(key_size=3072, reuse_key=True)
    assert patch(old, kty="EC").key == CertificateKey(KeyType.EC, None, Curve.P256, reuse=True)
    assert patch(old, key_size=4096).key == CertificateKey(KeyType.RSA, 4096, reuse=True)
    assert patch(old, kty="RSA-HSM").key == CertificateKey(KeyType.RSA_HSM, 3072, exportable=False, reuse=True)
    curve = read(kty="EC", crv="P-384")
    assert patch(curve, crv="P-521").key.curve is Curve.P521
    with pytest.raises(Invalid):
        patch(curve, key_size=256)


def test_a_change_that_contradicts_what_stays_is_refused() -> None:
    """The whole is judged, not what the request has."""
    old = read(lifetime_actions=(LifetimeAction(RENEW, None, 300),))
    for given in ({"validity_months": 6}, {"issuer": "Unknown"}, {"subject": ""}):
        with pytest.raises(Invalid):
            patch(old, **given)
    hsm = read(kty="EC-HSM")
    with pytest.raises(Invalid, match="exportable"):
        patch(hsm, exportable=True)
