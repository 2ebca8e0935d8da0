"""Applications that prove themselves by a certificate, through every step of the flow."""

from __future__ import annotations

import base64
import secrets as chance
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.core import limits
from strongroom.core.network import Link
from strongroom.directory import applications
from tests.assertions import (
    ASSERTION_TYPE,
    DAY,
    Signer,
    b64url,
    ec_key,
    make_signer,
    own_claims,
    rsa_key,
    sign,
)
from tests.flow.graph import Graph
from tests.flow.test_sts_token import check_refusal, claims_of
from tests.world import START, Answer, Principal, Simulation

NOW = int(START)


class Client:
    """An application with a certificate, and everything about how it signs in."""

    def __init__(self, world: Simulation, signer: Signer, graph: Graph) -> None:
        self.world, self.signer, self.graph = world, signer, graph
        self.app: Principal = world.principal()
        self.key_id = ""
        self.register(signer)

    def register(self, *signers: Signer) -> None:
        """Let the application have these certificates, and no others."""
        body = {"keyCredentials": [credential(one) for one in signers]}
        self.graph.do("PATCH", f"applications/{self.app.application}", body)
        (self.key_id, *_) = [one["keyId"] for one in self.credentials()] or [""]

    def credentials(self, query: str = "") -> list[dict[str, Any]]:
        """Give what Graph shows of them."""
        found: list[dict[str, Any]] = self.graph.get(f"applications/{self.app.application}{query}")["keyCredentials"]
        return found

    def audience(self, path: str = "oauth2/v2.0/token") -> str:
        """Give the token endpoint's URL, as a client knows it."""
        return f"{self.world.login_url}/{self.world.first.tenant_id}/{path}"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Give good claims, with some changed."""
        return own_claims(self.app.appid, changes.pop("aud", self.audience()), int(self.world.clock()), **changes)

    def ask(self, assertion: str | None = None, *, url: str | None = None, **changes: str | None) -> Answer:
        """Ask for a token with an assertion: a good one unless it is given."""
        how = {name: changes.pop(name) for name in ("link", "host") if name in changes}
        form: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_id": self.app.appid,
            "client_assertion": self.signer.assertion(self.claims()) if assertion is None else assertion,
            "client_assertion_type": ASSERTION_TYPE,
            "scope": "https://vault.azure.net/.default",
            **changes,
        }
        sent = {name: value for name, value in form.items() if value is not None}
        return self.world.ask("POST", url or self.audience(), form=sent, **how)  # type: ignore[arg-type]

    def token(self) -> str:
        """Sign in."""
        answer = self.ask()
        assert answer.status == 200, answer.body
        token: str = answer.json["access_token"]
        return token

    def opens(self, token: str) -> bool:
        """Tell whether a token identifies anybody at the vault."""
        return self.world.ask("GET", f"{self.world.vault_url}/secrets?api-version=7.4", token=token).status == 403


def credential(signer: Signer, **members: Any) -> dict[str, Any]:
    """Give a key credential as azuread's provider sends it."""
    return {"type": "AsymmetricX509Cert", "usage": "Verify", "key": signer.base64, **members}


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
        keep = next(one for one in client.credentials() if one["customKeyIdentifier"] == _b64(other.sha1))
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
        """Its certificates go with it, and are nobody's afterwards."""
        token = client.token()
        client.graph.do("DELETE", f"applications/{client.app.application}")
        assert not client.opens(token)
        assert world.view.certificates_of(client.app.application) == ()
        check_refusal(client.ask(), 700016, "unauthorized_client", 400)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class TestKeyCredentials:
    """Graph's keyCredentials, as az, azuread and the portal send them."""

    def refused(self, graph: Graph, application: str, *credentials: dict[str, Any]) -> str:
        """Register what cannot be registered, and give the sentence; nothing has changed."""
        before = graph.get(f"applications/{application}")["keyCredentials"]
        answer = graph.ask("PATCH", f"applications/{application}", {"keyCredentials": list(credentials)})
        assert (answer.status, answer.error["code"]) == (400, "Request_BadRequest"), answer.body
        assert graph.get(f"applications/{application}")["keyCredentials"] == before
        message: str = answer.error["message"]
        return message

    def test_what_is_shown(self, client: Client) -> None:
        """Its name, dates and thumbprint, and the certificate itself only where it is asked for by name."""
        (shown,) = client.credentials()
        facts = client.signer.certificate
        assert shown == {
            "customKeyIdentifier": _b64(client.signer.sha1),
            "displayName": "CN=client",
            "endDateTime": facts.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "key": None,
            "keyId": client.key_id,
            "startDateTime": facts.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
        }
        assert client.credentials("?$select=keyCredentials")[0]["key"] == client.signer.base64
        listed = client.graph.get("applications?$select=id,keyCredentials&$top=999")["value"]
        assert all(one["key"] is None for found in listed for one in found["keyCredentials"])

    def test_made_with_the_application(self, graph: Graph) -> None:
        """`az ad sp create-for-rbac --cert` registers it at once; pem works as well as DER."""
        signer = make_signer(now=NOW)
        pem = _b64(signer.certificate.public_bytes(Encoding.PEM))
        made = graph.make(
            "applications", {"displayName": "with", "keyCredentials": [credential(signer, key=pem, displayName="one")]}
        )
        (shown,) = made["keyCredentials"]
        assert (shown["displayName"], shown["customKeyIdentifier"]) == ("one", _b64(signer.sha1))

    def test_members_of_the_clients_choice(self, client: Client) -> None:
        """keyId, dates inside the certificate's, and the identifier are the client's to choose."""
        key_id = "AAAAAAAA-0000-4000-8000-000000000001"
        client.graph.do(
            "PATCH",
            f"applications/{client.app.application}",
            {
                "keyCredentials": [
                    credential(
                        client.signer,
                        keyId=key_id,
                        startDateTime="2026-09-21T14:00:00Z",
                        endDateTime="2026-12-01T00:00:00.5Z",
                        customKeyIdentifier=_b64(b"mine"),
                    )
                ]
            },
        )
        (shown,) = client.credentials()
        assert (shown["keyId"], shown["customKeyIdentifier"]) == (key_id.lower(), _b64(b"mine"))
        assert (shown["startDateTime"], shown["endDateTime"]) == ("2026-09-21T14:00:00Z", "2026-12-01T00:00:00Z")

    def test_what_cannot_be_registered(self, client: Client) -> None:
        """Each with a sentence that says why, and nothing of what was sent."""
        weak = make_signer(rsa_key(bits=1024), now=NOW)
        curve = make_signer(ec.generate_private_key(ec.SECP384R1()), now=NOW)
        small = client.signer.base64[:200]
        start = "Key credential start date is invalid"
        end = "Key credential end date is invalid"
        for sent, said in (
            (credential(weak), "2048 to 8192 bits"),
            (credential(curve), "P-256"),
            (credential(client.signer, key=small), "not a valid X.509 certificate"),
            (credential(client.signer, key="%%%"), "not in base64"),
            (credential(client.signer, key=_b64(client.signer.pem)), "A private key was sent along"),
            (credential(client.signer, type="Symmetric"), "must be of type"),
            (credential(client.signer, usage="Sign"), "must be of type"),
            (credential(client.signer, keyId="x" * 36), "must be a GUID"),
            (credential(client.signer, startDateTime="2020-01-01T00:00:00Z"), start),
            (credential(client.signer, endDateTime="2100-01-01T00:00:00Z"), end),
            (credential(client.signer, endDateTime="2026-09-21T00:00:00Z"), end),
            (credential(make_signer(now=NOW, begins=-2 * DAY, ends=-1)), end),
            ({"keyId": "11111111-1111-1111-1111-111111111111"}, "has no key"),
            ({"displayName": "nothing"}, "has no key"),
        ):
            assert said in self.refused(client.graph, client.app.application, sent)

    def test_what_is_said_of_one_that_stays(self, client: Client) -> None:
        """A list that is read, changed and sent back changes that and no more: the certificate's tokens stay."""
        token, path = client.token(), f"applications/{client.app.application}"
        (shown,) = client.credentials()
        client.graph.do("PATCH", path, {"keyCredentials": [shown]})
        assert client.credentials() == [shown]
        changed = {**shown, "displayName": "renamed", "endDateTime": "2026-12-01T00:00:00Z"}
        client.graph.do("PATCH", path, {"keyCredentials": [changed]})
        assert client.credentials() == [changed]
        assert client.opens(token)
        late = {**changed, "endDateTime": "2100-01-01T00:00:00Z"}
        assert "end date" in self.refused(client.graph, client.app.application, late)

    def test_an_expired_one_may_stay(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """`az ad app credential reset --append` sends the old ones back, whatever their state."""
        world = Simulation(tmp_path_factory.mktemp("own"))
        client = Client(world, make_signer(now=NOW, ends=60), Graph(world, world.administrator))
        (shown,) = client.credentials()
        world.advance(60)
        body = {"keyCredentials": [shown, credential(make_signer(rsa_key(1), now=NOW))]}
        client.graph.do("PATCH", f"applications/{client.app.application}", body)
        assert len(client.credentials()) == 2
        world.close()

    def test_a_key_id_twice(self, client: Client) -> None:
        """Two credentials under one keyId are refused."""
        once = {"keyId": client.key_id}
        assert "same keyId" in self.refused(client.graph, client.app.application, once, once)

    def test_the_size_of_a_certificate(self, client: Client) -> None:
        """At the limit it is judged, one past it is refused unread."""
        too_long = _b64(bytes(limits.CLIENT_CERTIFICATE_BYTES + 1))
        message = self.refused(client.graph, client.app.application, credential(client.signer, key=too_long))
        assert message == f"A certificate has at most {limits.CLIENT_CERTIFICATE_BYTES} bytes."
        longest = _b64(bytes(limits.CLIENT_CERTIFICATE_BYTES))
        message = self.refused(client.graph, client.app.application, credential(client.signer, key=longest))
        assert "not a valid X.509" in message

    def test_so_many_and_no_more(self, client: Client) -> None:
        """An application has 50 certificates; the 51st is refused."""
        many = [make_signer(ec_key(), now=NOW, ends=(number + 1) * DAY) for number in range(51)]
        most = limits.CLIENT_CERTIFICATES_PER_APPLICATION
        client.register(*many[:most])
        assert len(client.credentials()) == most
        path = f"applications/{client.app.application}"
        answer = client.graph.ask("PATCH", path, {"keyCredentials": [credential(one) for one in many]})
        assert answer.status == 400
        assert len(client.credentials()) == most


class TestRolling:
    """addKey and removeKey: an application rolls over its own certificates, on proof of a private key."""

    PROOF = "00000002-0000-0000-c000-000000000000"

    @pytest.fixture
    def own(self, client: Client) -> Graph:
        """Graph, as the application has it: it holds no role."""
        return Graph(client.world, client.app)

    def proof(self, client: Client, signer: Signer | None = None, **changes: Any) -> str:
        """Make the proof that Graph's documentation describes."""
        now = int(client.world.clock())
        claims = {"aud": self.PROOF, "iss": client.app.application, "nbf": now, "exp": now + 600, **changes}
        return (signer or client.signer).assertion(claims)

    def add(self, graph: Graph, client: Client, signer: Signer, proof: str) -> Answer:
        """Ask for a certificate more."""
        body = {"keyCredential": credential(signer), "passwordCredential": None, "proof": proof}
        return graph.ask("POST", f"applications/{client.app.application}/addKey", body)

    def test_rolling_over(self, client: Client, own: Graph) -> None:
        """SEC-TENANT-6: without any role an application adds a certificate and removes the old one, with the proof."""
        new, old_id = make_signer(rsa_key(1), now=NOW), client.key_id
        answer = self.add(own, client, new, self.proof(client))
        assert answer.status == 200, answer.body
        assert answer.json["customKeyIdentifier"] == _b64(new.sha1)
        token = client.token()
        body = {"keyId": old_id.upper(), "proof": self.proof(client, new)}
        answer = own.ask("POST", f"applications/{client.app.application}/removeKey", body)
        assert answer.status == 204, answer.body
        assert not client.opens(token)
        assert [one["customKeyIdentifier"] for one in client.credentials()] == [_b64(new.sha1)]

    def test_a_role_is_no_proof(self, client: Client) -> None:
        """SEC-TENANT-6: an administrator needs the proof too; its own way is PATCH."""
        other = make_signer(rsa_key(1), now=NOW)
        for proof in (self.proof(client, other), "x", ""):
            answer = self.add(client.graph, client, other, proof)
            assert (answer.status, answer.error["code"]) == (400, "Request_BadRequest")
        assert len(client.credentials()) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"aud": "https://graph.microsoft.com"},
            {"iss": "11111111-1111-1111-1111-111111111111"},
            {"exp": NOW - limits.ASSERTION_LEEWAY_S},
            {"exp": NOW + limits.PROOF_LIFE_S + limits.ASSERTION_LEEWAY_S + 1},
            {"nbf": NOW + limits.ASSERTION_LEEWAY_S + 1},
            {"exp": None},
            {"aud": None},
        ],
    )
    def test_proofs_that_are_none(self, client: Client, own: Graph, changes: dict[str, Any]) -> None:
        """A proof is from this application, for the directory, and for ten minutes."""
        new = make_signer(rsa_key(1), now=NOW)
        answer = self.add(own, client, new, self.proof(client, **changes))
        assert answer.status == 400
        body = {"keyId": client.key_id, "proof": self.proof(client, **changes)}
        assert own.ask("POST", f"applications/{client.app.application}/removeKey", body).status == 400
        assert [one["keyId"] for one in client.credentials()] == [client.key_id]

    def test_a_client_assertion_is_no_proof(self, client: Client, own: Graph) -> None:
        """What was made to sign in adds no key."""
        answer = self.add(own, client, make_signer(rsa_key(1), now=NOW), client.signer.assertion(client.claims()))
        assert answer.status == 400

    def test_it_is_for_itself_alone(self, world: Simulation, graph: Graph, client: Client, own: Graph) -> None:
        """SEC-TENANT-6: another application's keys are not an application's to roll, proof or not."""
        other = Client(world, make_signer(rsa_key(2), now=NOW), graph)
        answer = self.add(own, other, client.signer, self.proof(other))
        assert (answer.status, answer.error["code"]) == (403, "Authorization_RequestDenied")
        for path, body in (
            (f"applications/{client.app.application}", {"keyCredentials": [credential(client.signer)]}),
            (f"applications/{other.app.application}", {"keyCredentials": [credential(client.signer)]}),
        ):
            assert own.ask("PATCH", path, body).status == 403

    def test_what_is_not_there(self, client: Client, own: Graph) -> None:
        """An unknown keyId is 404, with the proof."""
        body = {"keyId": "11111111-1111-1111-1111-111111111111", "proof": self.proof(client)}
        answer = own.ask("POST", f"applications/{client.app.application}/removeKey", body)
        assert (answer.status, answer.error["code"]) == (404, "Request_ResourceNotFound")
