"""What a token is for, what it says, how long it lives, and how it is refused (`core.aadsts`)."""

import base64
from dataclasses import replace
from string import Formatter

import pytest

from strongroom.core import aadsts, oauth
from strongroom.core.aadsts import refuse
from strongroom.core.errors import Failure, Invalid, Unauthenticated, Unavailable
from strongroom.core.limits import (
    ACCESS_TOKEN_MAX_S,
    ACCESS_TOKEN_MIN_S,
    CONTINUOUS_TOKEN_MAX_S,
    CONTINUOUS_TOKEN_MIN_S,
)
from strongroom.core.names import Hosts, Surface
from strongroom.core.oauth import Resource, parse_client_credentials_scope, parse_resource

TENANT = "11111111-2222-3333-4444-555555555555"
HOSTS = Hosts("localhost", 8443)
NOW = 1_800_000_000

RESOURCES = [
    ("https://vault.azure.net", Surface.VAULT, "https://vault.azure.net"),
    ("https://vault.azure.net/", Surface.VAULT, "https://vault.azure.net/"),
    ("https://vault.localhost:8443", Surface.VAULT, "https://vault.localhost:8443"),
    ("CFA8B339-82A2-471A-A3C9-0FC0BE7A4093", Surface.VAULT, "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"),
    ("https://management.azure.com/", Surface.MANAGEMENT, "https://management.azure.com/"),
    ("https://management.core.windows.net/", Surface.MANAGEMENT, "https://management.core.windows.net/"),
    ("https://management.localhost:8443", Surface.MANAGEMENT, "https://management.localhost:8443"),
    ("https://graph.microsoft.com", Surface.GRAPH, "https://graph.microsoft.com"),
    ("00000003-0000-0000-c000-000000000000", Surface.GRAPH, "00000003-0000-0000-c000-000000000000"),
]


@pytest.mark.parametrize(("text", "surface", "audience"), RESOURCES)
def test_a_resource_is_what_was_asked_for(text: str, surface: Surface, audience: str) -> None:
    """The `aud` is the requested text, with or without its slash: exactly `/.default` is taken off."""
    expected = Resource(surface, audience)
    assert parse_resource(text, HOSTS, TENANT) == expected
    assert parse_client_credentials_scope(f"{text}/.default", HOSTS, TENANT) == expected
    assert audience in HOSTS.audiences(surface)


def test_what_libraries_add_for_users_means_nothing_to_an_application() -> None:
    """The Go and Java libraries send these words with every request; the resource is the one that remains."""
    scope = "https://vault.azure.net/.default openid offline_access profile email"
    assert parse_client_credentials_scope(scope, HOSTS, TENANT) == Resource(Surface.VAULT, "https://vault.azure.net")


def fails(number: int, failure: Failure, *, error: str) -> None:
    """State with which number and word something was refused."""
    assert (failure.number, failure.code) == (number, error)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        *((uri, uri) for uri in ("https://kv1.vault.azure.net", "https://storage.azure.com", "api://a.example/x")),
        ("https://vault.azure.net//", "https://vault.azure.net//"),
        ("hunter2", "REDACTED"),
        ("https://storage.azure.com/?sig=hunter2", "REDACTED"),
    ],
)
def test_a_resource_that_nobody_has_is_refused(text: str, told: str) -> None:
    """AADSTS500011, with the tenant in the sentence, and the resource if it can be one."""
    for ask in (
        lambda: parse_resource(text, HOSTS, TENANT),
        lambda: parse_client_credentials_scope(f"{text}/.default", HOSTS, TENANT),
    ):
        with pytest.raises(Invalid) as refusal:
            ask()
        fails(500011, refusal.value, error="invalid_resource")
        assert f"named {told} was not found in the tenant named {TENANT}" in refusal.value.message


@pytest.mark.parametrize(
    "scope",
    [
        "https://vault.azure.net",
        "https://vault.azure.net/user_impersonation",
        ".default",
        "openid profile",
        "https://vault.azure.net/.default https://graph.microsoft.com/.default",
        "https://vault.azure.net/.DEFAULT",
    ],
)
def test_client_credentials_want_one_default_scope(scope: str) -> None:
    """AADSTS1002012 for everything but one resource with `/.default`."""
    with pytest.raises(Invalid) as refusal:
        parse_client_credentials_scope(scope, HOSTS, TENANT)
    fails(1002012, refusal.value, error="invalid_scope")


@pytest.mark.parametrize("text", [None, "", "  "])
def test_a_missing_scope_or_resource_is_named(text: str | None) -> None:
    """AADSTS900144 says which field is missing."""
    with pytest.raises(Invalid, match="'scope'") as refusal:
        parse_client_credentials_scope(text, HOSTS, TENANT)
    fails(900144, refusal.value, error="invalid_request")
    if not text:
        with pytest.raises(Invalid, match="'resource'") as refusal:
            parse_resource(text, HOSTS, TENANT)
        fails(900144, refusal.value, error="invalid_request")


REFUSALS = [
    (7000215, Unauthenticated, "invalid_client"),
    (7000222, Unauthenticated, "invalid_client"),
    (7000216, Unauthenticated, "invalid_client"),
    (7000218, Unauthenticated, "invalid_client"),
    (700016, Invalid, "unauthorized_client"),
    (7000112, Invalid, "unauthorized_client"),
    (90002, Invalid, "invalid_request"),
    (900023, Invalid, "invalid_request"),
    (900144, Invalid, "invalid_request"),
    (90014, Invalid, "invalid_request"),
    (70003, Invalid, "unsupported_grant_type"),
    (65004, Invalid, "access_denied"),
    (90094, Invalid, "access_denied"),
    (70016, Invalid, "authorization_pending"),
    (70018, Invalid, "bad_verification_code"),
    (70020, Invalid, "expired_token"),
    (70011, Invalid, "invalid_scope"),
    (1002012, Invalid, "invalid_scope"),
    (500011, Invalid, "invalid_resource"),
    (50049, Invalid, "invalid_instance"),
    (392196, Invalid, "invalid_request"),
    (500014, Invalid, "invalid_resource"),
    *((number, Invalid, "invalid_request") for number in (700025, 9002326, 9002327)),
    *((number, Invalid, "invalid_grant") for number in (700084, 50013, 500131, 500133)),
    (650057, Invalid, "invalid_resource"),
    (501051, Invalid, "invalid_grant"),
    (50105, Invalid, "invalid_grant"),
    (50059, Invalid, "invalid_request"),
    (9000411, Invalid, "invalid_request"),
    (901002, Invalid, "invalid_request"),
    (9002313, Invalid, "invalid_request"),
    (9000410, Invalid, "invalid_request"),
    (50027, Invalid, "invalid_request"),
    (5002710, Invalid, "invalid_request"),
    (5002723, Unauthenticated, "invalid_client"),
    (5002730, Unauthenticated, "invalid_client"),
    (700021, Unauthenticated, "invalid_client"),
    (700023, Unauthenticated, "invalid_client"),
    (700024, Unauthenticated, "invalid_client"),
    (700027, Unauthenticated, "invalid_client"),
    *((number, Invalid, "invalid_grant") for number in (50126, 50055, 50057, 53003, 65001, 70000, 50173, 700082)),
    *((number, Invalid, "invalid_grant") for number in (54005, 70008, 501481, 500121)),
    *((number, Invalid, "invalid_request") for number in (50011, 9002325)),
    *((number, Invalid, "invalid_grant") for number in (50020, 40015)),
    (50107, Invalid, "invalid_request"),
    (40008, Invalid, "server_error"),
    (40010, Unavailable, "temporarily_unavailable"),
    (700054, Invalid, "unsupported_response_type"),
    (50058, Invalid, "login_required"),
    *((number, Invalid, "interaction_required") for number in (50076, 50078, 50079, 70043)),
    (90033, Unavailable, "temporarily_unavailable"),
    (700211, Unauthenticated, "invalid_client"),
    (700212, Unauthenticated, "invalid_client"),
    (700213, Unauthenticated, "invalid_client"),
]
DETAILS = {
    "cause": "A",
    "client_id": "C",
    "tenant": "T",
    "parameter": "P",
    "grant_type": "G",
    "scope": "S",
    "resource": "R",
}


@pytest.mark.parametrize(("number", "kind", "error"), REFUSALS)
def test_each_number_has_its_word_and_class(number: int, kind: type[Failure], error: str) -> None:
    """Reference clients.md section 7, "Error JSON": the word, and 401 for a client that did not prove itself."""
    failure = refuse(number, **DETAILS)
    assert type(failure) is kind
    fails(number, failure, error=error)
    assert "{" not in failure.message


def test_the_table_has_no_other_numbers() -> None:
    """Every number of the table is stated above."""
    assert set(aadsts.REFUSALS) == {number for number, _, _ in REFUSALS}


def test_a_refusal_repeats_what_has_its_form_and_nothing_else() -> None:
    """What a caller wrote is repeated if it can be what belongs there, so a secret in a wrong member is not."""
    failure = refuse(700016, client_id=TENANT, tenant="contoso.example", reason="unknown application")
    assert f"'{TENANT}' was not found in the directory 'contoso.example'" in failure.message
    assert failure.reason == "unknown application"
    failure = refuse(700016, client_id="{tenant}", tenant="hunter2")
    assert "'REDACTED' was not found in the directory 'REDACTED'" in failure.message


def test_every_detail_of_a_refusal_has_a_form() -> None:
    """There is no place in a sentence of AADSTS that takes any text."""
    for row in aadsts.REFUSALS.values():
        named = [name for _, name, _, _ in Formatter().parse(row.sentence) if name]
        assert "hunter2" not in refuse(row.number, **dict.fromkeys(named, "hunter2")).message


def test_discovery_has_a_word_of_its_own_for_an_unknown_tenant() -> None:
    """One number, two words: `invalid_tenant` where metadata was asked for."""
    fails(90002, refuse(90002, error="invalid_tenant", tenant="x"), error="invalid_tenant")


# ---- claims and lifetimes

FACTS = oauth.TokenFacts(
    tenant=TENANT,
    resource=Resource(Surface.VAULT, "https://vault.azure.net"),
    app_id="app",
    appidacr=oauth.SECRET_CLIENT,
    lifetime=oauth.Lifetime(NOW - 300, NOW + 3600, 3599),
    token_id="u",
    aio="a",
    rh="r",
)
COMMON = {
    "aud": "https://vault.azure.net",
    "iss": f"https://sts.windows.net/{TENANT}/",
    "iat": NOW - 300,
    "nbf": NOW - 300,
    "exp": NOW + 3600,
    "aio": "a",
    "appid": "app",
    "appidacr": "1",
    "idp": f"https://sts.windows.net/{TENANT}/",
    "rh": "r",
    "tid": TENANT,
    "uti": "u",
    "ver": "1.0",
}


def test_an_applications_token_says_exactly_this() -> None:
    """The claims of a service principal: its object id is its subject too."""
    assert oauth.service_principal_claims(FACTS, oid="o") == {**COMMON, "idtyp": "app", "oid": "o", "sub": "o"}
    assert oauth.service_principal_claims(FACTS, oid="o", roles=("Reader",))["roles"] == ["Reader"]


def test_a_managed_identitys_token_names_its_resource() -> None:
    """A service principal's claims and `xms_mirid`."""
    claims = oauth.managed_identity_claims(FACTS, oid="o", resource_id="/subscriptions/s/x")
    assert claims == {**oauth.service_principal_claims(FACTS, oid="o"), "xms_mirid": "/subscriptions/s/x"}


def test_an_application_token_lives_60_to_90_minutes() -> None:
    """The ends of the range are reached and not passed, and the answer tells a second less."""
    span = ACCESS_TOKEN_MAX_S - ACCESS_TOKEN_MIN_S
    for chance, lifetime_s in ((0, ACCESS_TOKEN_MIN_S), (span, ACCESS_TOKEN_MAX_S), (span + 1, ACCESS_TOKEN_MIN_S)):
        lifetime = oauth.application_lifetime(NOW, lambda size, chance=chance: chance.to_bytes(size, "big"))
        assert lifetime == oauth.Lifetime(NOW - 300, NOW + lifetime_s, lifetime_s - 1)


def test_a_token_that_can_end_at_any_moment_lives_20_to_28_hours() -> None:
    """The ends of the range are reached and not passed; the credential's end comes first, and dates are never later."""
    span = CONTINUOUS_TOKEN_MAX_S - CONTINUOUS_TOKEN_MIN_S
    for chance, lifetime_s in ((0, 20 * 3600), (span, 28 * 3600), (span + 1, 20 * 3600)):
        lifetime = oauth.continuous_lifetime(NOW, lambda size, chance=chance: chance.to_bytes(size, "big"))
        assert lifetime == oauth.Lifetime(NOW - 300, NOW + lifetime_s, lifetime_s - 1)
    for until, lifetime_s in ((NOW + 20 * 3600 - 1, 20 * 3600 - 1), (NOW + 20 * 3600 + 1, 20 * 3600), (NOW, 1)):
        lifetime = oauth.continuous_lifetime(NOW, bytes, until=until)
        assert lifetime.expires == NOW + lifetime_s
    for not_before, issued in ((NOW, NOW), (NOW - 299, NOW - 299), (NOW - 301, NOW - 300)):
        assert oauth.continuous_lifetime(NOW, bytes, not_before=not_before).issued == issued
        assert oauth.application_lifetime(NOW, bytes, not_before=not_before).issued == issued


def test_a_token_says_that_its_client_understands() -> None:
    """`xms_cc`, and nothing of it in other tokens."""
    told = oauth.common_claims(replace(FACTS, continuous=True))
    assert told == {**oauth.common_claims(FACTS), "xms_cc": ["cp1"], "xms_ssm": "1"}


def test_a_managed_identitys_token_lives_a_day() -> None:
    """24 hours from now."""
    assert oauth.managed_identity_lifetime(NOW) == oauth.Lifetime(NOW - 300, NOW + 86_400, 86_399)


def test_an_opaque_text_is_its_bytes() -> None:
    """Random bytes, base64url without padding."""
    text = oauth.opaque_text(lambda size: bytes(range(size)), 10)
    assert base64.urlsafe_b64decode(text + "==") == bytes(range(10))
    assert "=" not in text


def test_issuers() -> None:
    """v1 is Azure's name on every host, with a slash; v2 is under the authority, without."""
    assert oauth.issuer_v1("t") == "https://sts.windows.net/t/"
    assert oauth.issuer_v2("https://login.localhost:8443", "t") == "https://login.localhost:8443/t/v2.0"
