"""
Every operation that wants no token, on every surface that has one: how it answers, and that it is recorded.

Generated from the rows, as `test_every_operation.py` is for those that want a caller: whoever adds a row adds a case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from strongroom.app.dispatch import SURFACE_NAMES, Surfaces
from strongroom.config import Settings
from strongroom.core.network import PLAIN_LINKS, Link
from strongroom.core.permissions import Public
from strongroom.flow.operation import Op
from strongroom.flow.settings import FlowSettings
from strongroom.journal import JournalUnavailable
from tests.world import Answer, Simulation

ALLOWANCE = 3
ALLOWANCE_LASTS_S = 60
IDENTITY = "http://127.0.0.1:40342"


@dataclass(frozen=True, slots=True)
class Case:
    """One operation's path as anybody may ask for it, and what it answers to that."""

    path: Callable[[Simulation], str]
    status: int = 200
    how: dict[str, Any] = field(default_factory=dict)
    is_page: bool = False
    """Whether a person asks, who is told by a page."""


@dataclass(frozen=True, slots=True)
class Place:
    """How a surface is reached, and the members that its refusals have."""

    origin: Callable[[Simulation], str]
    refusal: frozenset[str]
    link: Link = Link.PUBLIC
    peer: str = "203.0.113.7"
    under: str = ""
    """What the surface's paths begin with, where a listener has two."""


AZURE = frozenset({"error"})
OAUTH = frozenset({"error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri"})
PLACES: dict[str, Place] = {
    "vault": Place(lambda world: world.vault_url, AZURE),
    "bare": Place(lambda _: "https://127.0.0.1:8443", AZURE),
    "login": Place(lambda world: world.login_url, OAUTH),
    "management": Place(lambda world: world.arm_url, AZURE),
    "identity": Place(
        lambda _: IDENTITY, frozenset({"statusCode", "message", "code"}), Link.MANAGED_IDENTITY, "127.0.0.1"
    ),
    "metadata": Place(
        lambda _: IDENTITY, frozenset({"error", "error_description"}), Link.MANAGED_IDENTITY, "127.0.0.1", "/metadata"
    ),
    "pki": Place(lambda _: "http://192.0.2.1", AZURE, Link.PKI),
    "control": Place(lambda _: "http://control", AZURE, Link.CONTROL, "127.0.0.1"),
}


def _of_tenant(path: str) -> Callable[[Simulation], str]:
    return lambda world: f"/{world.first.tenant_id}/{path}"


def _at(path: str) -> Callable[[Simulation], str]:
    return lambda _: path


def _sign_in(version: str) -> Case:
    # A form without anything in it: the endpoint answers, and says what it lacks.
    return Case(_of_tenant(f"oauth2/{version}token"), 400, {"form": {"grant_type": "client_credentials"}})


def _authorize(version: str) -> Case:
    query = (
        "client_id=04b07795-8ddb-461a-bbee-02f9e1bf7b46&response_type=code&scope=openid&redirect_uri=http://localhost:1"
        f"&code_challenge={'c' * 43}&code_challenge_method=S256"
    )
    return Case(_of_tenant(f"oauth2/{version}authorize?{query}"), is_page=True)


_VERSIONS = "/common/discovery/instance?api-version=1.1&authorization_endpoint="
_AUTHORITY = "https://login.localhost:8443/common/oauth2/v2.0/authorize"
_IMDS = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net"
_NOBODY = "00000000-0000-0000-0000-000000000000"
_METADATA: dict[str, Any] = {"headers": {"Metadata": "true"}}
_PROVIDER = {"issuer": "none", "clientId": "c", "clientSecret": "s", "displayName": "d"}
_NO_PROVIDER = "/identity-providers/no-such-provider"
_NO_NETWORK = f"/subscriptions/{_NOBODY}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n"
_NO_ENDPOINT = f"/subscriptions/{_NOBODY}/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/e"
_TRUSTED = {"principal": _NOBODY, "service": "Azure Backup", "operations": ["SecretBackup"]}
_AUTHORITIES = "/certificate-authorities"
_HEALTH = Case(_at("/healthstatus"))

CASES: dict[tuple[str, str], Case] = {
    ("vault", "VaultHealth"): _HEALTH,
    ("bare", "VaultHealth"): _HEALTH,
    ("login", "TokenIssue"): _sign_in("v2.0/"),
    ("login", "TokenIssueV1"): _sign_in(""),
    ("login", "TokenPreflight"): Case(_of_tenant("oauth2/v2.0/token"), 204),
    ("login", "TokenPreflightV1"): Case(_of_tenant("oauth2/token"), 204),
    ("login", "Authorize"): _authorize("v2.0/"),
    ("login", "AuthorizeV1"): _authorize(""),
    ("login", "SignOut"): Case(_of_tenant("oauth2/v2.0/logout"), is_page=True),
    ("login", "SignOutV1"): Case(_of_tenant("oauth2/logout"), is_page=True),
    ("login", "PasswordChangeBegin"): Case(_of_tenant("password"), is_page=True),
    ("login", "SecurityInfoBegin"): Case(_of_tenant("security-info"), is_page=True),
    # A form without anything in it, as at the token endpoint.
    ("login", "DeviceCodeIssue"): Case(_of_tenant("oauth2/v2.0/devicecode"), 400, {"form": {"scope": "openid"}}),
    ("login", "DeviceCodeIssueV1"): Case(_of_tenant("oauth2/devicecode"), 400, {"form": {"resource": "x"}}),
    ("login", "DeviceCodeFormGet"): Case(_of_tenant("oauth2/deviceauth"), is_page=True),
    # Without the page's cookie the page is what comes.
    ("login", "DeviceCodeFormTake"): Case(
        _of_tenant("oauth2/deviceauth"), how={"form": {"user_code": "none"}}, is_page=True
    ),
    # A form that no page of ours carried.
    ("login", "SignIn"): Case(_of_tenant("sign-in"), 400, {"form": {"request": "none"}}, is_page=True),
    # A state that nobody here made.
    ("login", "SignInElsewhereReturn"): Case(_of_tenant("oauth2/callback?state=none&code=none"), 400, is_page=True),
    ("login", "OpenIdConfigurationGet"): Case(_of_tenant("v2.0/.well-known/openid-configuration")),
    ("login", "OpenIdConfigurationGetV1"): Case(_of_tenant(".well-known/openid-configuration")),
    ("login", "SigningKeysGet"): Case(_of_tenant("discovery/v2.0/keys")),
    ("login", "SigningKeysGetV1"): Case(_of_tenant("discovery/keys")),
    ("login", "InstanceDiscovery"): Case(_at(f"{_VERSIONS}{_AUTHORITY}")),
    ("login", "UserRealmGet"): Case(lambda world: f"/common/userrealm/{world.first.user_name}?api-version=1.0"),
    ("management", "CloudMetadataGet"): Case(_at("/metadata/endpoints?api-version=2022-09-01")),
    # It proves nothing, and what it would prove is about nothing that there is.
    ("management", "EventSubscriptionValidate"): Case(_at("/eventSubscriptions/none/validate?v=v&id=i&t=t"), 404),
    # Without a run's own secret in the header there is nothing to get.
    ("identity", "ManagedIdentityTokenIssue"): Case(
        _at("/msi/token?api-version=2019-08-01&resource=https://vault.azure.net"), 401
    ),
    ("metadata", "ManagedIdentityTokenIssueImdsRun"): Case(_at(f"/mi/nobody{_IMDS}"), 400, _METADATA),
    ("metadata", "ManagedIdentityTokenIssueImdsRunJava"): Case(_at(f"/mi/nobody/{_IMDS}"), 400, _METADATA),
    ("metadata", "ManagedIdentityTokenIssueCloudShellRun"): Case(_at("/mi/nobody/oauth2/token"), 400, _METADATA),
    # To say whose token is wanted is no proof.
    ("metadata", "ManagedIdentityTokenIssueImdsNamed"): Case(_at(f"/identity/{_NOBODY}{_IMDS}"), 400, _METADATA),
    ("metadata", "ManagedIdentityTokenIssueImdsNamedJava"): Case(_at(f"/identity/{_NOBODY}/{_IMDS}"), 400, _METADATA),
    # Nobody is mapped to an identity by reaching the listener.
    ("metadata", "ManagedIdentityTokenIssueImds"): Case(_at(_IMDS), 400, _METADATA),
    ("metadata", "ManagedIdentityTokenIssueCloudShell"): Case(_at("/oauth2/token"), 400, _METADATA),
    # Without the header it is told of no key file.
    ("metadata", "ManagedIdentityTokenIssueArc"): Case(_at(f"/arc/{_NOBODY}{_IMDS}"), 400),
    ("pki", "AcmeChallengeGet"): Case(_at(f"/.well-known/acme-challenge/{'a' * 43}"), 404),
    ("pki", "RevocationListGet"): Case(_at("/crl/00.crl"), 404),
    ("pki", "AuthorityCertificateGet"): Case(_at("/ca/00.cer"), 404),
    # OCSP says by itself that a question is none.
    ("pki", "CertificateStatusGet"): Case(_at("/ocsp/AAAA")),
    ("pki", "CertificateStatusAsk"): Case(_at("/ocsp"), how={"raw": b"none"}),
    # Reaching the owner's socket is the proof.
    ("control", "AcmeAccountList"): Case(_at("/acme-accounts")),
    ("control", "AcmeAccountAdd"): Case(
        _at("/acme-accounts"), 400, {"body": {"name": "none", "directory": "http://acme.example"}}
    ),
    ("control", "AcmeAccountGet"): Case(_at("/acme-accounts/none"), 404),
    ("control", "AcmeAccountChange"): Case(_at("/acme-accounts/none"), 404, {"body": {}}),
    ("control", "AcmeAccountCheck"): Case(_at("/acme-accounts/none/check"), 404, {"body": {}}),
    ("control", "AcmeAccountRemove"): Case(_at("/acme-accounts/none"), 404),
    ("control", "AdministratorRecover"): Case(_at("/recover"), how={"body": {}}),
    ("control", "AuditSinkList"): Case(_at("/audit-sinks")),
    ("control", "AuditSinkAdd"): Case(_at("/audit-sinks"), 400, {"body": {"resource": "/none", "url": "https://a"}}),
    ("control", "AuditSinkStatusGet"): Case(_at("/audit-sinks/status")),
    ("control", "AuditSinkRemove"): Case(_at("/audit-sinks/no-such-sink"), 404),
    ("control", "EndpointListenerList"): Case(_at("/endpoint-listeners")),
    ("control", "EndpointListenerAdd"): Case(
        _at("/endpoint-listeners"), 404, {"body": {"privateEndpoint": _NO_ENDPOINT, "address": "192.0.2.1"}}
    ),
    ("control", "EndpointListenerRemove"): Case(
        _at("/endpoint-listeners/remove"), 404, {"body": {"privateEndpoint": _NO_ENDPOINT}}
    ),
    ("control", "Explain"): Case(_at("/explain"), 400, {"body": {"operation": "Eat", "principal": "nobody"}}),
    ("control", "WhoCan"): Case(_at("/who-can"), 400, {"body": {"operation": "Eat"}}),
    ("control", "IdentityMapAdd"): Case(_at("/identity-maps"), 404, {"body": {"identity": "none", "user": 1000}}),
    ("control", "IdentityMapList"): Case(_at("/identity-maps")),
    ("control", "IdentityMapRemove"): Case(_at("/identity-maps/no-such-map"), 404),
    ("control", "IdentityProviderList"): Case(_at("/identity-providers")),
    ("control", "IdentityProviderAdd"): Case(_at("/identity-providers"), 400, {"body": _PROVIDER}),
    ("control", "IdentityProviderChange"): Case(_at(_NO_PROVIDER), 404, {"body": {"enabled": True}}),
    ("control", "IdentityProviderRemove"): Case(_at(_NO_PROVIDER), 404),
    ("control", "IdentityLinkList"): Case(_at(f"{_NO_PROVIDER}/links"), 404),
    ("control", "IdentityLinkAdd"): Case(_at(f"{_NO_PROVIDER}/links"), 404, {"body": {"user": "u", "subject": "s"}}),
    ("control", "IdentityLinkRemove"): Case(_at(f"{_NO_PROVIDER}/links/none"), 404),
    ("control", "IssuerList"): Case(_at("/issuers")),
    ("control", "IssuerTrust"): Case(_at("/issuers"), how={"body": {"issuer": "https://issuer.example"}}),
    ("control", "IssuerDistrust"): Case(
        _at("/issuers/remove"), 404, {"body": {"issuer": "https://not-trusted.example"}}
    ),
    # Jobs begin when the service listens, which this world does not.
    ("control", "JobList"): Case(_at("/jobs"), 503),
    ("control", "JobRun"): Case(_at("/jobs/no-such-job/run"), 503),
    ("control", "NetworkMapList"): Case(_at("/network-maps")),
    ("control", "NetworkMapSet"): Case(
        _at("/network-maps"), 404, {"body": {"virtualNetwork": _NO_NETWORK, "ranges": ["192.0.2.0/24"]}}
    ),
    ("control", "NetworkMapRemove"): Case(_at("/network-maps/remove"), 404, {"body": {"virtualNetwork": _NO_NETWORK}}),
    ("control", "PolicyGet"): Case(_at("/policy")),
    ("control", "PolicySet"): Case(_at("/policy"), 400, {"body": {"text": "guardrail = 1"}}),
    ("control", "PolicyRemove"): Case(_at("/policy"), 404),
    ("control", "PolicyCheck"): Case(_at("/policy/check"), how={"body": {}}),
    ("control", "PrivateAuthorityList"): Case(_at(_AUTHORITIES)),
    ("control", "PrivateAuthorityCreate"): Case(_at(_AUTHORITIES), 400, {"body": {"name": "-"}}),
    ("control", "PrivateAuthorityRenew"): Case(_at(f"{_AUTHORITIES}/renew"), 404, {"body": {"name": "none"}}),
    ("control", "PrivateAuthorityRemove"): Case(_at(f"{_AUTHORITIES}/remove"), 404, {"body": {"name": "none"}}),
    ("control", "IssuedCertificateList"): Case(_at(f"{_AUTHORITIES}/issued"), 404, {"body": {"name": "none"}}),
    ("control", "IssuedCertificateRevoke"): Case(_at(f"{_AUTHORITIES}/revoke"), 404, {"body": {"target": "00"}}),
    ("control", "ReleaseAuthorityList"): Case(_at("/release-authorities")),
    ("control", "ReleaseAuthorityAdd"): Case(
        _at("/release-authorities"), how={"body": {"authority": "https://attest.example"}}
    ),
    ("control", "ReleaseAuthorityRemove"): Case(
        _at("/release-authorities/remove"), 404, {"body": {"authority": "https://not-configured.example"}}
    ),
    ("control", "ReleaseSigningKeyRevoke"): Case(
        _at("/release-authorities/revoke-key"), 404, {"body": {"tenant": "nobody.example"}}
    ),
    ("control", "RunStart"): Case(_at("/run"), how={"body": {}}),
    ("control", "RunAssertionIssue"): Case(_at("/run/no-such-run/assertion"), 404, {"body": {}}),
    ("control", "RunEnd"): Case(_at("/run/no-such-run"), 404),
    ("control", "SigningKeyList"): Case(_at("/signing-keys")),
    ("control", "SigningKeyRoll"): Case(_at("/signing-keys/roll"), how={"body": {}}),
    ("control", "SignInChange"): Case(_at("/sign-in"), how={"body": {}}),
    ("control", "SigningKeyRevoke"): Case(_at("/signing-keys/no-such-key/revoke"), 404),
    ("control", "TrustedServiceList"): Case(_at("/trusted-services")),
    ("control", "TrustedServiceAdd"): Case(_at("/trusted-services"), 404, {"body": _TRUSTED}),
    ("control", "TrustedServiceRemove"): Case(_at("/trusted-services/no-such-service"), 404),
    ("control", "StatusGet"): Case(_at("/status")),
    ("control", "TenantList"): Case(_at("/tenants")),
    # The first tenant has the domain; one that were made would have to be named by the others.
    ("control", "TenantCreate"): Case(
        _at("/tenants"), 409, {"body": {"displayName": "Second", "domain": "strongroom.localhost"}}
    ),
    ("control", "TenantChange"): Case(_at("/tenants/strongroom.localhost"), how={"body": {"displayName": "Renamed"}}),
    ("control", "TenantRemove"): Case(_at("/tenants/strongroom.localhost"), 409),
}

_COMPILED = Surfaces()
PUBLIC = {
    (surface, op.name): op
    for surface in SURFACE_NAMES
    for op in _COMPILED[surface].operations
    if isinstance(op.requires, Public)
}
ROWS = [pytest.param(surface, op, id=f"{surface}-{op.name}") for (surface, _), op in PUBLIC.items()]
ANYBODYS = [row for row in ROWS if PLACES[str(row.values[0])].link is not Link.CONTROL]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world in which a source has few anonymous requests."""
    folder = tmp_path_factory.mktemp("strict")
    simulation = Simulation(folder, Settings(data=folder, flow=FlowSettings(anonymous_per_source=ALLOWANCE)))
    yield simulation
    simulation.close()


@pytest.fixture(scope="module")
def unrecorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world whose journal is broken."""
    simulation = Simulation(tmp_path_factory.mktemp("unrecorded"))
    for path in (simulation.folder / "audit").glob("*.jsonl"):
        path.unlink()
    with suppress(JournalUnavailable):
        simulation.world.journal.append(b"{}")
    yield simulation
    with suppress(JournalUnavailable):
        simulation.world.journal.close()
    simulation.close()


def ask(world: Simulation, surface: str, method: str, path: str, **how: Any) -> Answer:
    """Ask a surface, as whoever can reach it."""
    place = PLACES[surface]
    origin = place.origin(world)
    host = origin.partition("://")[2]
    return world.ask(method, f"{origin}{path}", host=host, link=place.link, peer=place.peer, **how)


def ask_for(world: Simulation, surface: str, op: Op, **more: Any) -> Answer:
    """Ask for an operation without a token, unless the test gives one."""
    case = CASES[surface, op.name]
    headers = {**case.how.get("headers", {}), **more.pop("headers", {})}
    return ask(world, surface, op.method, case.path(world), **{**case.how, **more, "headers": headers})


def check_refusal(surface: str, answer: Answer, status: int) -> None:
    """Check that a refusal is in the surface's dialect."""
    assert answer.status == status, answer.body
    assert set(answer.json) == PLACES[surface].refusal


def test_every_row_has_a_case() -> None:
    """No operation is left out, and none is asked for that is not there."""
    assert set(CASES) == set(PUBLIC)


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_it_answers_without_a_token(world: Simulation, surface: str, op: Op) -> None:
    """What wants no token says what it has to say, or in its own words what it lacks; it is recorded once, by name."""
    before = len(world.entries())
    answer = ask_for(world, surface, op)
    case = CASES[surface, op.name]
    status = case.status
    assert answer.status == status, answer.body
    if case.is_page:
        assert answer.body.startswith(b"<!doctype html>")
    elif status >= 400:
        assert set(answer.json) == PLACES[surface].refusal
    (entry,) = world.entries()[before:]
    assert entry["operationName"] == op.name
    assert entry["properties"]["httpStatusCode"] == status
    assert entry["identity"] == {}


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_a_token_changes_nothing(world: Simulation, surface: str, op: Op) -> None:
    """Nobody judges a token here: with a good one or a bad one the answer is the same, and nobody is recorded."""
    for token in ("junk", world.token(world.administrator)):
        answer = ask_for(world, surface, op, token=token)
        assert answer.status == CASES[surface, op.name].status, answer.body
        assert world.entries()[-1]["identity"] == {}


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_another_method(world: Simulation, surface: str, op: Op) -> None:
    """Its path in another method is 405 in the surface's dialect, and says which there are."""
    answer = ask(world, surface, "PUT", CASES[surface, op.name].path(world))
    check_refusal(surface, answer, 405)
    methods = {other.method for (place, _), other in PUBLIC.items() if (place, other.path) == (surface, op.path)}
    assert methods <= set(answer.headers["allow"].split(", "))
    assert world.entries()[-1]["operationName"] == "Authentication"


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_the_headers_of_its_answer(world: Simulation, surface: str, op: Op) -> None:
    """It has the headers that every answer has, is kept by nobody, and over plain HTTP says nothing of HTTPS."""
    answer = ask_for(world, surface, op, headers={"x-ms-client-request-id": "mine-1"})
    assert answer.headers["cache-control"] in {"no-cache", "no-store"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    transport = None if PLACES[surface].link in PLAIN_LINKS else "max-age=31536000;includeSubDomains"
    assert answer.headers.get("strict-transport-security") == transport
    assert answer.headers["x-ms-client-request-id"] == "mine-1"
    assert len(answer.headers["x-ms-request-id"]) == 36
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("surface", PLACES)
@pytest.mark.parametrize("path", ["/", "/nothing/of/the/kind", "/%00", "/healthstatus/x"])
def test_an_unknown_path(world: Simulation, surface: str, path: str) -> None:
    """What is not served is 404 in the surface's dialect, recorded as nobody's."""
    check_refusal(surface, ask(world, surface, "GET", PLACES[surface].under + path), 404)
    assert world.entries()[-1]["identity"] == {}


@pytest.mark.parametrize("token", [None, "junk"])
@pytest.mark.parametrize(("surface", "op"), ANYBODYS)
def test_a_source_has_an_allowance(strict: Simulation, surface: str, op: Op, token: str | None) -> None:
    """SEC-FLOW-5: beyond the allowance of its source it is 429 in the surface's dialect; a token exempts nobody."""
    strict.advance(ALLOWANCE_LASTS_S)
    answers = [ask_for(strict, surface, op, token=token) for _ in range(ALLOWANCE + 1)]
    assert [answer.status for answer in answers[:-1]] == [CASES[surface, op.name].status] * ALLOWANCE
    check_refusal(surface, answers[-1], 429)
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_what_cannot_be_recorded_is_not_answered(unrecorded: Simulation, surface: str, op: Op) -> None:
    """SEC-AUDIT-6: with a broken journal it is 503 in the surface's dialect, and nothing has changed."""
    before = unrecorded.view.generation
    check_refusal(surface, ask_for(unrecorded, surface, op), 503)
    assert unrecorded.view.generation == before
