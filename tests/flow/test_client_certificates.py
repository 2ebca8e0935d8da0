"""Applications that prove themselves by a certificate, through every step of the flow."""

from __future__ import annotations

import secrets as chance
from typing import Any

import jwt
import pytest

from strongroom.core import limits
from strongroom.core.network import Link
from strongroom.directory import applications
from tests.assertions import (
    DAY,
    b64url,
    ec_key,
    make_signer,
    rsa_key,
    sign,
)
from tests.flow.certificates import Client, credential
from tests.flow.graph import Graph
from tests.flow.test_sts_token import check_refusal, claims_of
from tests.world import START, Simulation

NOW = int(START)


@pytest.fixture(scope="module")
def graph(world: Simulation) -> Graph:
    """Graph, as the Global Administrator has it."""
    return Graph(world, world.administrator)


@pytest.fixture
def client(world: Simulation, graph: Graph) -> Client:
    """Make an application with an RSA certificate."""
    return Client(world, make_signer(now=NOW), graph)


@pytest.fixture
def ec_client(world: Simulation, graph: Graph) -> Client:
    """Make an application with a P-256 certificate."""
    return Client(world, make_signer(ec_key(), now=NOW), graph)


class TestSigningIn:
    """What official clients send, in every way they write it."""

    def test_the_token_of_a_certificate(self, world: Simulation, client: Client) -> None:
        """It says `appidacr` 2, the journal names the certificate by its keyId, and the vault knows the caller."""
        token = client.token()
        entry = world.entries()[-1]
        claims = claims_of(world, token)
        assert (claims["appid"], claims["oid"], claims["appidacr"]) == (client.app.appid, client.app.oid, "2")
        assert entry["properties"]["credentialId"] == client.key_id
        assert client.opens(token)

    @pytest.mark.parametrize("alg", ["RS256", "PS256"])
    @pytest.mark.parametrize("padded", [False, True])
    def test_rsa(self, client: Client, alg: str, padded: bool) -> None:  # noqa: FBT001  a column of the table
        """RS256 and PS256, with and without padding: azure-identity pads its segments."""
        assert client.ask(client.signer.assertion(client.claims(), alg=alg, padded=padded)).status == 200

    @pytest.mark.parametrize("der", [False, True])
    def test_ec(self, ec_client: Client, der: bool) -> None:  # noqa: FBT001  a column of the table
        """ES256 in both forms of signature: Terraform's provider sends ASN.1 DER."""
        for _ in range(8):
            assert ec_client.ask(ec_client.signer.assertion(ec_client.claims(), der=der)).status == 200

    @pytest.mark.parametrize(
        "name",
        [
            lambda one: {"x5t": b64url(one.sha1)},
            lambda one: {"x5t": b64url(one.sha1, padded=True)},
            lambda one: {"x5t#S256": b64url(one.sha256)},
            lambda one: {"x5t#S256": b64url(one.sha256, padded=True)},
            lambda one: {"kid": b64url(one.sha1)},
            lambda one: {"kid": b64url(one.sha1, padded=True)},
            lambda one: {"kid": one.sha1.hex().upper(), "x5t": b64url(one.sha1)},
            lambda one: {"kid": b64url(one.sha1), "x5t": b64url(one.sha1), "x5t#S256": b64url(one.sha256)},
            lambda one: {"x5t": b64url(one.sha1), "x5c": [one.base64]},
        ],
        ids=["x5t", "x5t=", "x5t#S256", "x5t#S256=", "kid", "kid=", "hexadecimal", "all", "x5c"],
    )
    def test_what_names_the_certificate(self, client: Client, name: Any) -> None:
        """x5t, x5t#S256 or kid, padded or not, or several that agree; x5c is not looked at."""
        assertion = client.signer.assertion(client.claims(), header=name(client.signer))
        assert client.ask(assertion).status == 200

    def test_whole_numbers_and_no_jti(self, client: Client) -> None:
        """azure-identity's asynchronous client sends whole seconds, `nbf`, and half an hour."""
        claims = client.claims(exp=NOW + 1800, iat=None, nbf=NOW, jti=None)
        assert client.ask(client.signer.assertion(claims)).status == 200

    def test_digits_in_a_text(self, client: Client) -> None:
        """MSAL.NET writes both ends of its life as texts."""
        claims = client.claims(exp=str(NOW + 600), iat=None, nbf=str(NOW))
        assert client.ask(client.signer.assertion(claims)).status == 200

    def test_space_around_it(self, client: Client) -> None:
        """A line's end behind an assertion out of a file is not part of it."""
        assert client.ask(client.signer.assertion(client.claims()) + "\n").status == 200

    def test_v1(self, world: Simulation, client: Client) -> None:
        """The v1 endpoint takes one too."""
        url = client.audience("oauth2/token")
        assertion = client.signer.assertion(client.claims(aud=url))
        answer = client.ask(assertion, url=url, scope=None, resource="https://vault.azure.net")
        assert answer.json["resource"] == "https://vault.azure.net"

    @pytest.mark.parametrize("tenant", ["GUID", "domain", "adfs"])
    @pytest.mark.parametrize("place", ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/", ""])
    def test_audiences(self, world: Simulation, client: Client, tenant: str, place: str) -> None:
        """Both endpoints and the issuers, by the tenant's GUID, its domain, or the name that was asked."""
        name = {"GUID": world.first.tenant_id.upper(), "domain": "Strongroom.localhost"}.get(tenant, tenant)
        audience = f"{world.login_url}/{name}{place}"
        url = f"{world.login_url}/{name}/oauth2/v2.0/token"
        assert client.ask(client.signer.assertion(client.claims(aud=audience)), url=url).status == 200

    def test_azures_names(self, world: Simulation, client: Client) -> None:
        """On the control link Azure's names are this instance's; on the public one they mean another service."""
        audience = f"https://login.microsoftonline.com/{world.first.tenant_id}/oauth2/v2.0/token"
        assertion = client.signer.assertion(client.claims(aud=audience))
        answer = client.ask(assertion, url=audience, link=Link.CONTROL)  # type: ignore[arg-type]
        assert answer.status == 200, answer.body
        check_refusal(client.ask(assertion), 700023, "invalid_client", 401)

    def test_another_tenants_principal(self, world: Simulation, graph: Graph, client: Client) -> None:
        """An application for several tenants signs in to each with its one certificate."""
        other = world.tenant()
        graph.do("PATCH", f"applications/{client.app.application}", {"signInAudience": "AzureADMultipleOrgs"})
        application = world.view.application_by_app_id(client.app.appid)
        assert application is not None
        world.commit(
            lambda tx: applications.create_service_principal(
                tx, other, application, now=NOW, entropy=chance.token_bytes
            )
        )
        url = f"{world.login_url}/{other}/oauth2/v2.0/token"
        assert client.ask(client.signer.assertion(client.claims(aud=url)), url=url).status == 200
        # What was made for the one is nothing for the other.
        check_refusal(client.ask(client.signer.assertion(client.claims()), url=url), 700023, "invalid_client", 401)


class TestRefusals:
    """Every way an assertion is refused (reference clients.md section 7)."""

    @pytest.mark.parametrize(
        ("changes", "number", "status"),
        [
            ({"iss": "11111111-1111-1111-1111-111111111111"}, 700021, 401),
            ({"sub": "11111111-1111-1111-1111-111111111111"}, 700021, 401),
            ({"sub": None}, 50027, 400),
            ({"iss": None}, 50027, 400),
            ({"iss": 1}, 50027, 400),
            ({"aud": "https://login.localhost:8443/common/oauth2/v2.0/token"}, 700023, 401),
            ({"aud": "https://elsewhere.example/oauth2/v2.0/token"}, 700023, 401),
            ({"aud": "https://vault.azure.net"}, 700023, 401),
            ({"aud": 5}, 50027, 400),
            ({"aud": ["a", "b"]}, 50027, 400),
            ({"exp": None}, 50027, 400),
            ({"exp": "soon"}, 50027, 400),
            ({"exp": ""}, 50027, 400),
            ({"exp": "1" * 13}, 50027, 400),
            ({"exp": f"{NOW + 600}.5"}, 50027, 400),
            ({"exp": f" {NOW + 600}"}, 50027, 400),
            ({"exp": f"{NOW + 600}\n"}, 50027, 400),
            ({"exp": "\u0661" * 10}, 50027, 400),
            ({"exp": True}, 50027, 400),
            ({"nbf": "then"}, 50027, 400),
            ({"iat": [1]}, 50027, 400),
        ],
    )
    def test_claims(self, client: Client, changes: dict[str, Any], number: int, status: int) -> None:
        """Each claim that decides is there, of its kind, and what it has to be."""
        answer = client.ask(client.signer.assertion(client.claims(**changes)))
        check_refusal(answer, number, "invalid_request" if status == 400 else "invalid_client", status)

    @pytest.mark.parametrize(
        ("changes", "good"),
        [
            ({"exp": NOW - limits.ASSERTION_LEEWAY_S + 1}, True),
            ({"exp": NOW - limits.ASSERTION_LEEWAY_S}, False),
            ({"exp": str(NOW - limits.ASSERTION_LEEWAY_S + 1)}, True),
            ({"exp": str(NOW - limits.ASSERTION_LEEWAY_S)}, False),
            ({"nbf": str(NOW + limits.ASSERTION_LEEWAY_S + 1)}, False),
            ({"exp": str(NOW + limits.ASSERTION_LIFE_S + limits.ASSERTION_LEEWAY_S + 1)}, False),
            ({"nbf": NOW + limits.ASSERTION_LEEWAY_S}, True),
            ({"nbf": NOW + limits.ASSERTION_LEEWAY_S + 1}, False),
            ({"iat": NOW + limits.ASSERTION_LEEWAY_S + 0.5}, False),
            ({"exp": NOW + limits.ASSERTION_LIFE_S + limits.ASSERTION_LEEWAY_S}, True),
            ({"exp": NOW + limits.ASSERTION_LIFE_S + limits.ASSERTION_LEEWAY_S + 1}, False),
            ({"exp": 1e300}, False),
            ({"exp": 10**400}, False),
        ],
    )
    def test_times(self, client: Client, changes: dict[str, Any], good: bool) -> None:  # noqa: FBT001  a column
        """Five minutes of leeway on both sides, and no assertion for more than a day."""
        answer = client.ask(client.signer.assertion(client.claims(**changes)))
        if good:
            assert answer.status == 200, answer.body
        else:
            check_refusal(answer, 700024, "invalid_client", 401)

    @pytest.mark.parametrize(
        "text",
        [
            "x",
            "a.b.c",
            "a.b.c.d",
            "..",
            "e30.e30.",
            "e30=.e30=.AA==",
            "é.é.é",
            "bnVsbA.e30.AAAA",
            "W10.e30.AAAA",
            "eyJhbGciOiJSUzI1NiIsImFsZyI6Im5vbmUifQ.e30.AAAA",
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIiwiaXNzIjoiYiJ9.AAAA",
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOk5hTn0.AAAA",
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0==.AAAA",
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn1.AAAA",
        ],
    )
    def test_what_is_no_jwt(self, client: Client, text: str) -> None:
        """Wrong segments, wrong base64, JSON that is read two ways: AADSTS50027, or 5002710 for the header."""
        answer = client.ask(text)
        assert answer.json["error_codes"] in ([50027], [5002710]), answer.body
        assert answer.status == 400

    def test_deep_json(self, client: Client) -> None:
        """A payload that nests ten thousand deep is malformed, and nothing worse."""
        text = sign(rsa_key(), {"alg": "RS256", "x5t": "x"}, b'{"iss":' + b"[" * 10_000 + b"]" * 10_000 + b"}")
        check_refusal(client.ask(text), 50027, "invalid_request", 400)

    @pytest.mark.parametrize("member", ["crit", "b64", "zip", "enc"])
    def test_a_header_that_changes_how_it_is_read(self, client: Client, member: str) -> None:
        """Such members are refused before any key is looked at."""
        header = {"x5t": b64url(client.signer.sha1), member: ["b64"]}
        check_refusal(
            client.ask(client.signer.assertion(client.claims(), header=header)), 5002710, "invalid_request", 400
        )

    def test_no_name_of_a_certificate(self, client: Client) -> None:
        """A header that names no certificate does not let all be tried."""
        answer = client.ask(client.signer.assertion(client.claims(), header={}))
        check_refusal(answer, 5002723, "invalid_client", 401)

    def test_names_that_disagree(self, client: Client) -> None:
        """Two names for two certificates mean none of them."""
        other = make_signer(rsa_key(1), now=NOW)
        client.register(client.signer, other)
        header = {"x5t": b64url(client.signer.sha1), "kid": b64url(other.sha1)}
        check_refusal(
            client.ask(client.signer.assertion(client.claims(), header=header)), 700027, "invalid_client", 401
        )

    def test_an_unregistered_certificate(self, client: Client) -> None:
        """One that nobody registered proves nothing, whoever issued it and whatever chain it brings in x5c."""
        other = make_signer(rsa_key(1), now=NOW)
        header = {"x5t": b64url(other.sha1), "x5c": [other.base64, client.signer.base64]}
        answer = client.ask(other.assertion(client.claims(), header=header))
        assert "The key was not found." in check_refusal(answer, 700027, "invalid_client", 401)

    def test_another_key_under_a_registered_name(self, client: Client) -> None:
        """To name a certificate is not to have its key, also if x5c or jwk brings the key along."""
        other = make_signer(rsa_key(1), now=NOW)
        for extra in ({}, {"x5c": [other.base64]}, {"jku": "https://elsewhere.example/"}):
            header = {"x5t": b64url(client.signer.sha1), **extra}
            answer = client.ask(other.assertion(client.claims(), header=header))
            assert "verify the signature failed" in check_refusal(answer, 700027, "invalid_client", 401)

    @pytest.mark.parametrize("alg", ["none", "HS256", "RS384", "ES256", "rs256", ""])
    def test_the_algorithm_is_the_keys(self, client: Client, alg: str) -> None:
        """Pitfalls "alg: none; HS256 with a public key": the key's kind says which algorithms there are."""
        header = {"typ": "JWT", "alg": alg, "x5t": b64url(client.signer.sha1)}
        assertion = sign(client.signer.key, header, client.claims())
        check_refusal(client.ask(assertion), 5002730, "invalid_client", 401)

    def test_an_rsa_algorithm_for_an_ec_key(self, ec_client: Client) -> None:
        """And the other way round."""
        header = {"alg": "RS256", "x5t": b64url(ec_client.signer.sha1)}
        check_refusal(ec_client.ask(sign(rsa_key(), header, ec_client.claims())), 5002730, "invalid_client", 401)

    def test_ec_signatures_that_are_none(self, ec_client: Client) -> None:
        """Zeros, a wrong length, numbers too large in DER: refused as any signature that does not fit."""
        text = ec_client.signer.assertion(ec_client.claims()).rpartition(".")[0]
        huge = bytes.fromhex("3027022100") + b"\xff" * 32 + bytes.fromhex("0202") + b"\x01\x01"
        for signature in (bytes(64), b"x", bytes(63), bytes(65), huge, b"0\x80"):
            check_refusal(ec_client.ask(f"{text}.{b64url(signature)}"), 700027, "invalid_client", 401)

    def test_a_changed_claim(self, client: Client) -> None:
        """What was signed is what counts."""
        header, _, signature = client.signer.assertion(client.claims()).split(".")
        other = client.signer.assertion(client.claims(exp=NOW + 700)).split(".")[1]
        check_refusal(client.ask(f"{header}.{other}.{signature}"), 700027, "invalid_client", 401)

    def test_an_expired_certificate(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """It is told to who has the key alone; before its first day it does not count either."""
        world = Simulation(tmp_path_factory.mktemp("own"))
        client = Client(world, make_signer(now=NOW, ends=DAY), Graph(world, world.administrator))
        token = client.token()
        world.advance(DAY)
        assert "The key used is expired." in check_refusal(client.ask(), 700027, "invalid_client", 401)
        forged = make_signer(rsa_key(1), now=NOW).assertion(client.claims(), header={"x5t": b64url(client.signer.sha1)})
        assert "verify the signature failed" in check_refusal(client.ask(forged), 700027, "invalid_client", 401)
        assert jwt.decode(token, options={"verify_signature": False})["appidacr"] == "2"
        world.close()

    def test_a_certificate_that_has_not_begun(self, world: Simulation, graph: Graph) -> None:
        """Neither does one whose first day is to come."""
        client = Client(world, make_signer(now=NOW, begins=DAY), graph)
        check_refusal(client.ask(), 700027, "invalid_client", 401)

    def test_a_disabled_principal(self, world: Simulation, client: Client, graph: Graph) -> None:
        """That it is disabled is said to who has the key, and its certificate ends with it."""
        token = client.token()
        graph.do("PATCH", f"servicePrincipals/{client.app.oid}", {"accountEnabled": False})
        check_refusal(client.ask(), 7000112, "unauthorized_client", 400)
        other = make_signer(rsa_key(1), now=NOW)
        forged = other.assertion(client.claims(), header={"x5t": b64url(client.signer.sha1)})
        check_refusal(client.ask(forged), 700027, "invalid_client", 401)
        assert not client.opens(token)

    def test_another_applications_certificate(self, world: Simulation, graph: Graph, client: Client) -> None:
        """A certificate proves the application that registered it and no other."""
        other = Client(world, make_signer(rsa_key(1), now=NOW), graph)
        check_refusal(client.ask(other.signer.assertion(client.claims())), 700027, "invalid_client", 401)
        check_refusal(client.ask(other.signer.assertion(other.claims())), 700021, "invalid_client", 401)

    @pytest.mark.parametrize(
        ("changes", "number", "error", "status"),
        [
            ({"client_assertion_type": None}, 900144, "invalid_request", 400),
            ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, 9002313,
             "invalid_request", 400),
            ({"client_secret": "both"}, 9002313, "invalid_request", 400),
            ({"client_id": "11111111-1111-1111-1111-111111111111"}, 700016, "unauthorized_client", 400),
            ({"client_id": None}, 900144, "invalid_request", 400),
            ({"client_assertion": "x" * (limits.FORM_VALUE_CHARS + 1)}, 9002313, "invalid_request", 400),
            ({"client_assertion": "x" * limits.FORM_VALUE_CHARS}, 50027, "invalid_request", 400),
        ],
    )  # fmt: skip
    def test_the_form(self, client: Client, changes: dict[str, Any], number: int, error: str, status: int) -> None:
        """The form around an assertion: its type, one way of proof, and the client's id."""
        check_refusal(client.ask(**changes), number, error, status)


class TestEnding:
    """What ends a certificate's tokens."""

    def test_removing_it_ends_its_tokens_and_no_others(self, world: Simulation, client: Client) -> None:
        """SEC-FLOW-17: a token maps to its certificate; the secret's and the other certificate's tokens stay."""
        other = make_signer(rsa_key(1), now=NOW)
        client.register(client.signer, other)
        mine, by_secret = client.token(), world.token(client.app)
        client.signer, first = other, client.signer
        by_other = client.token()
        keep = next(one for one in client.credentials() if one["customKeyIdentifier"] == other.sha1.hex().upper())
        body = {"keyCredentials": [{**keep, "key": None}]}
        client.graph.do("PATCH", f"applications/{client.app.application}", body)
        assert [client.opens(token) for token in (mine, by_secret, by_other)] == [False, True, True]
        check_refusal(client.ask(first.assertion(client.claims())), 700027, "invalid_client", 401)

    def test_the_same_key_id_again_revives_nothing(self, client: Client) -> None:
        """SEC-FLOW-17: whoever chooses a removed certificate's keyId for another one brings no token back."""
        token, body = client.token(), {"keyCredentials": [credential(client.signer, keyId=client.key_id)]}
        path = f"applications/{client.app.application}"
        client.graph.do("PATCH", path, body)
        assert client.opens(token), "the same certificate under the same keyId was never gone"
        client.graph.do("PATCH", path, {"keyCredentials": []})
        assert not client.opens(token)
        client.graph.do("PATCH", path, body)
        assert client.credentials()[0]["keyId"] == client.key_id
        assert not client.opens(token)

    def test_deleting_the_application(self, world: Simulation, client: Client) -> None:
        """Its certificates prove nothing until it is restored, and go with it for good."""
        token = client.token()
        client.graph.do("DELETE", f"applications/{client.app.application}")
        assert not client.opens(token)
        check_refusal(client.ask(), 700016, "unauthorized_client", 400)
        client.graph.do("DELETE", f"directory/deletedItems/{client.app.application}")
        assert world.view.certificates_of(client.app.application) == ()
        check_refusal(client.ask(), 700016, "unauthorized_client", 400)
