"""The token endpoints, through every step of the flow; another library than the one that made a token judges it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from strongroom.core import limits
from strongroom.crypto.jws import TokenSigner
from strongroom.directory import applications, client_secrets, signing_keys
from tests.world import START, Answer, Principal, Simulation

NOW = int(START)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def app(world: Simulation) -> Principal:
    """Make an application with a principal and a secret."""
    return world.principal()


def form_of(app: Principal, **changes: str | None) -> dict[str, str]:
    """Make a good v2 form, with members changed, or left out where they are None."""
    form: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": app.appid,
        "client_secret": app.secret,
        "scope": "https://vault.azure.net/.default",
        **changes,
    }
    return {name: value for name, value in form.items() if value is not None}


def ask(
    world: Simulation, form: dict[str, str], *, tenant: str | None = None, path: str = "oauth2/v2.0/token", **how: Any
) -> Answer:
    """Ask for a token."""
    url = f"{how.pop('login', world.login_url)}/{tenant or world.first.tenant_id}/{path}"
    return world.ask("POST", url, form=form, **how)


def claims_of(world: Simulation, token: str) -> dict[str, Any]:
    """Verify a token with PyJWT against the published key set, and give its claims."""
    keys = world.ask("GET", f"{world.login_url}/{world.first.tenant_id}/discovery/keys").json["keys"]
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == kid))
    options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], options=options)
    return claims


def check_refusal(answer: Answer, number: int, error: str, status: int) -> str:
    """Check a refusal's status, words and members, and give its description."""
    body = answer.json
    assert (answer.status, body["error"], body["error_codes"]) == (status, error, [number]), body
    assert set(body) == {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri",
    }  # fmt: skip
    description: str = body["error_description"]
    assert description.startswith(f"AADSTS{number}: ")
    assert description.endswith(
        f"Trace ID: {body['trace_id']} Correlation ID: {body['correlation_id']} Timestamp: {body['timestamp']}"
    )
    assert body["error_uri"].endswith(f"/error?code={number}")
    return description


class TestAnswer:
    """What a token request gets."""

    def test_v2_answers_numbers(self, world: Simulation, app: Principal) -> None:
        """The v2 endpoint's answer has exactly these members, and must not be stored (RFC 6749 section 5.1)."""
        answer = ask(world, form_of(app))

        assert answer.status == 200
        assert set(answer.json) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
        assert answer.json["token_type"] == "Bearer"
        assert limits.ACCESS_TOKEN_MIN_S - 1 <= answer.json["expires_in"] <= limits.ACCESS_TOKEN_MAX_S - 1
        assert answer.headers["cache-control"] == "no-store"

    def test_v1_answers_text(self, world: Simulation, app: Principal) -> None:
        """The v1 endpoint's numbers are text, and it says the resource and the times."""
        form = form_of(app, scope=None, resource="https://vault.azure.net")
        body = ask(world, form, path="oauth2/token").json

        assert set(body) == {
            "token_type", "expires_in", "ext_expires_in", "expires_on", "not_before", "resource", "access_token",
        }  # fmt: skip
        claims = claims_of(world, body["access_token"])
        assert body["expires_on"] == str(claims["exp"])
        assert body["not_before"] == str(claims["nbf"])
        assert body["expires_in"] == str(claims["exp"] - NOW - 1)
        assert body["resource"] == claims["aud"] == "https://vault.azure.net"

    def test_the_claims_of_an_application(self, world: Simulation, app: Principal) -> None:
        """Exactly the claims of reference clients.md section 7, whichever endpoint was asked: a v1 token."""
        tenant = world.first.tenant_id
        for form, path in (
            (form_of(app), "oauth2/v2.0/token"),
            (form_of(app, scope=None, resource="https://vault.azure.net"), "oauth2/token"),
        ):
            token = ask(world, form, path=path).json["access_token"]
            header = jwt.get_unverified_header(token)
            assert set(header) == {"typ", "alg", "x5t", "kid"}
            assert (header["typ"], header["alg"], header["x5t"]) == ("JWT", "RS256", header["kid"])
            claims = claims_of(world, token)
            assert set(claims) == {
                "aud", "iss", "iat", "nbf", "exp", "aio", "appid", "appidacr", "idp", "idtyp", "oid", "rh", "sub",
                "tid", "uti", "ver",
            }  # fmt: skip
            issuer = f"https://sts.windows.net/{tenant}/"
            assert (claims["iss"], claims["idp"], claims["tid"], claims["ver"]) == (issuer, issuer, tenant, "1.0")
            assert (claims["appid"], claims["appidacr"], claims["idtyp"]) == (app.appid, "1", "app")
            assert claims["oid"] == claims["sub"] == app.oid
            assert claims["iat"] == claims["nbf"] <= NOW < claims["exp"]

    def test_no_two_tokens_are_alike(self, world: Simulation, app: Principal) -> None:
        """Each token has an id of its own."""
        tokens = [ask(world, form_of(app)).json["access_token"] for _ in range(5)]
        assert len({claims_of(world, token)["uti"] for token in tokens}) == 5

    @pytest.mark.parametrize(
        "resource",
        [
            "https://vault.azure.net",
            "https://vault.azure.net/",
            "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
            "https://vault.localhost:8443",
            "https://management.azure.com/",
            "https://management.core.windows.net/",
            "https://management.localhost:8443",
            "https://graph.microsoft.com",
            "https://graph.localhost:8443/",
            "00000003-0000-0000-c000-000000000000",
        ],
    )
    def test_the_audience_is_the_resource_as_it_was_asked(
        self, world: Simulation, app: Principal, resource: str
    ) -> None:
        """A port stays, and a slash at the end stays: Azure CLI asks with `//.default` and compares."""
        by_scope = ask(world, form_of(app, scope=f"{resource}/.default")).json["access_token"]
        assert claims_of(world, by_scope)["aud"] == resource
        form = form_of(app, scope=None, resource=resource)
        by_resource = ask(world, form, path="oauth2/token").json["access_token"]
        assert claims_of(world, by_resource)["aud"] == resource

    def test_what_libraries_add_for_users_means_nothing(self, world: Simulation, app: Principal) -> None:
        """The Go and Java libraries put openid, profile and offline_access into every scope."""
        answer = ask(world, form_of(app, scope="https://vault.azure.net/.default openid offline_access profile"))
        assert claims_of(world, answer.json["access_token"])["aud"] == "https://vault.azure.net"

    def test_claims_of_continuous_access_are_taken(self, world: Simulation, app: Principal) -> None:
        """Both spellings that the official clients send (reference clients.md sections 1.2 and 2)."""
        for claims in (
            {"access_token": {"xms_cc": {"values": ["CP1"]}}},
            {"id_token": {"signin_state": None}, "access_token": {"nbf": {"essential": True, "value": "1"}}},
        ):
            assert ask(world, form_of(app, claims=json.dumps(claims))).status == 200

    def test_secret_by_basic(self, world: Simulation, app: Principal) -> None:
        """client_secret_basic works: form-encoded, then base64 (RFC 6749 section 2.3.1)."""
        credentials = base64.b64encode(f"{quote(app.appid)}:{quote(app.secret, safe='')}".encode()).decode()
        form = form_of(app, client_id=None, client_secret=None)
        assert ask(world, form, headers={"Authorization": f"Basic {credentials}"}).status == 200

    def test_the_tenant_by_its_domain_and_by_the_alias(self, world: Simulation, app: Principal) -> None:
        """A tenant is its GUID, its verified domain, or `adfs`; the token says the GUID whichever was asked."""
        for tenant in (world.first.tenant_id.upper(), "strongroom.localhost", "Strongroom.LOCALHOST", "adfs"):
            token = ask(world, form_of(app), tenant=tenant).json["access_token"]
            assert claims_of(world, token)["tid"] == world.first.tenant_id

    def test_the_alias_takes_a_scope_at_its_v1_path(self, world: Simulation, app: Principal) -> None:
        """Python's and JavaScript's libraries post a scope to /adfs/oauth2/token (reference clients.md section 8)."""
        answer = ask(
            world, form_of(app, scope="https://vault.localhost:8443/.default"), tenant="adfs", path="oauth2/token"
        )
        assert isinstance(answer.json["expires_in"], int)
        assert claims_of(world, answer.json["access_token"])["aud"] == "https://vault.localhost:8443"

    def test_what_a_client_sends_along_is_ignored(self, world: Simulation, app: Principal) -> None:
        """Members that are no part of the grant, such as client_info and x-client-sku, change nothing."""
        assert ask(world, form_of(app, client_info="1", **{"x-client-SKU": "msal.js.node"})).status == 200


class TestRefusals:
    """Every way a token request is refused, with its number, word and status (reference clients.md section 7)."""

    @pytest.mark.parametrize(
        ("changes", "number", "error", "status"),
        [
            ({"grant_type": None}, 900144, "invalid_request", 400),
            ({"grant_type": "magic"}, 70003, "unsupported_grant_type", 400),
            ({"grant_type": "implicit"}, 70003, "unsupported_grant_type", 400),
            ({"grant_type": "Client_Credentials"}, 70003, "unsupported_grant_type", 400),
            ({"client_id": None}, 900144, "invalid_request", 400),
            ({"client_id": "11111111-1111-1111-1111-111111111111"}, 700016, "unauthorized_client", 400),
            ({"client_id": "not-a-guid"}, 700016, "unauthorized_client", 400),
            ({"client_secret": None}, 7000216, "invalid_client", 401),
            ({"client_secret": ""}, 7000216, "invalid_client", 401),
            ({"client_secret": "wrong"}, 7000215, "invalid_client", 401),
            ({"client_secret": None, "client_assertion": "a.b.c"}, 900144, "invalid_request", 400),
            ({"scope": None}, 900144, "invalid_request", 400),
            ({"scope": "   "}, 900144, "invalid_request", 400),
            ({"scope": "https://vault.azure.net"}, 1002012, "invalid_scope", 400),
            ({"scope": "openid profile"}, 1002012, "invalid_scope", 400),
            ({"scope": "https://vault.azure.net/.default https://graph.microsoft.com/.default"}, 1002012,
             "invalid_scope", 400),
            ({"scope": "https://vault.example/.default"}, 500011, "invalid_resource", 400),
            ({"scope": "/.default"}, 500011, "invalid_resource", 400),
            ({"scope": "https://vault.azure.net/x/.default"}, 500011, "invalid_resource", 400),
            ({"scope": "https://vault.localhost:9/.default"}, 500011, "invalid_resource", 400),
            ({"resource": "https://vault.azure.net"}, 901002, "invalid_request", 400),
            ({"claims": "{"}, 9000410, "invalid_request", 400),
            ({"claims": "[]"}, 9000410, "invalid_request", 400),
            ({"claims": '{"access_token":{},"access_token":{}}'}, 9000410, "invalid_request", 400),
            ({"claims": '{"access_token":' + "[" * 40 + "]" * 40 + "}"}, 9000410, "invalid_request", 400),
        ],
    )  # fmt: skip
    def test_v2(  # the columns of the table
        self, world: Simulation, app: Principal, changes: dict[str, str | None], number: int, error: str, status: int
    ) -> None:
        """The v2 endpoint's refusals."""
        check_refusal(ask(world, form_of(app, **changes)), number, error, status)

    @pytest.mark.parametrize(
        ("changes", "number", "error"),
        [
            ({}, 900144, "invalid_request"),
            ({"resource": "https://vault.example"}, 500011, "invalid_resource"),
            ({"scope": "https://vault.azure.net"}, 1002012, "invalid_scope"),
        ],
    )
    def test_v1(self, world: Simulation, app: Principal, changes: dict[str, str], number: int, error: str) -> None:
        """The v1 endpoint's refusals about the resource."""
        form = form_of(app, **{"scope": None, **changes})
        check_refusal(ask(world, form, path="oauth2/token"), number, error, 400)

    @pytest.mark.parametrize(
        ("tenant", "number"),
        [
            ("11111111-1111-1111-1111-111111111111", 90002),
            ("elsewhere.example", 90002),
            ("no%20tenant", 900023),
            ("a_b", 900023),
            ("common", 50059),
            ("organizations", 50059),
        ],
    )
    def test_the_tenant(self, world: Simulation, app: Principal, tenant: str, number: int) -> None:
        """An unknown, a malformed and a missing tenant are told apart."""
        check_refusal(ask(world, form_of(app), tenant=tenant), number, "invalid_request", 400)

    @pytest.mark.parametrize(
        "changes",
        [{"token_type": "pop"}, {"req_cnf": "x"}, {"cnf": "x"}, {"token_type": "mtls_pop"}, {"token_type": "ssh-cert"}],
    )
    def test_a_bound_token_is_never_a_bearer_token(
        self, world: Simulation, app: Principal, changes: dict[str, str]
    ) -> None:
        """SEC-TOKEN-12: a request for a certificate-bound token is refused (AADSTS392196), whatever it holds."""
        check_refusal(ask(world, form_of(app, **changes)), 392196, "invalid_request", 400)

    @pytest.mark.parametrize("name", ["client_id", "scope", "grant_type", "client_secret"])
    def test_a_member_that_comes_twice(self, world: Simulation, app: Principal, name: str) -> None:
        """Two of a kind are refused even if they are alike: two readers could take different ones."""
        form = form_of(app)
        pairs = [*form.items(), (name, form[name])]
        raw = "&".join(f"{quote(key)}={quote(value, safe='')}" for key, value in pairs).encode()
        answer = world.ask("POST", f"{world.login_url}/adfs/oauth2/token", raw=raw, headers={"Content-Type": FORM})
        check_refusal(answer, 9000411, "invalid_request", 400)

    @pytest.mark.parametrize(
        "raw",
        [
            b"grant_type=%zz",
            b"grant_type=%f",
            b"grant_type=%ff",
            b"=".join([b"a"] * 2) + b"&a%=1",
            b"&".join(b"m%d=1" % n for n in range(65)),
        ],
    )
    def test_a_malformed_form(self, world: Simulation, raw: bytes) -> None:
        """Bad percent-encoding, bad UTF-8 and more members than any client sends are refused."""
        answer = world.ask("POST", f"{world.login_url}/adfs/oauth2/token", raw=raw, headers={"Content-Type": FORM})
        check_refusal(answer, 9002313, "invalid_request", 400)

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", f"{FORM}; charset=utf-7", ""])
    def test_what_is_no_form_has_no_grant_type(self, world: Simulation, content_type: str) -> None:
        """Only a form is read; anything else has none of its members."""
        headers = {"Content-Type": content_type} if content_type else {}
        answer = world.ask("POST", f"{world.login_url}/adfs/oauth2/token", raw=b'{"grant_type":"x"}', headers=headers)
        check_refusal(answer, 900144, "invalid_request", 400)

    def test_a_form_over_its_limit(self, world: Simulation, app: Principal) -> None:
        """A form is as long as the limit and no longer."""
        at = form_of(app, filler="")
        at["filler"] = "x" * (limits.FORM_VALUE_CHARS)
        assert ask(world, at).status == 200
        at["filler"] += "x"
        check_refusal(ask(world, at), 9002313, "invalid_request", 400)
        at.update(filler="x" * 32_000, filler2="x" * 32_000, filler3="x" * 32_000)
        assert ask(world, at).status == 413

    @pytest.mark.parametrize("header", ["Bearer x", "Basic", "Basic ***", "Basic bm9jb2xvbg==", "Digest a"])
    def test_a_malformed_authorization(self, world: Simulation, app: Principal, header: str) -> None:
        """The Authorization header of a token request is well-formed Basic or absent."""
        form = form_of(app, client_id=None, client_secret=None)
        check_refusal(ask(world, form, headers={"Authorization": header}), 9002313, "invalid_request", 400)

    def test_two_ways_of_authentication(self, world: Simulation, app: Principal) -> None:
        """RFC 6749 section 2.3: one way in each request; a client id that contradicts the other is another way."""
        credentials = base64.b64encode(f"{app.appid}:{quote(app.secret, safe='')}".encode()).decode()
        header = {"Authorization": f"Basic {credentials}"}
        check_refusal(ask(world, form_of(app), headers=header), 9002313, "invalid_request", 400)
        form = form_of(app, client_secret=None, client_id="11111111-1111-1111-1111-111111111111")
        check_refusal(ask(world, form, headers=header), 9002313, "invalid_request", 400)

    def test_an_expired_secret(self, world: Simulation) -> None:
        """AADSTS7000222 from the second on in which it expires."""
        app = world.principal()
        world.advance(86_400)
        check_refusal(ask(world, form_of(app)), 7000222, "invalid_client", 401)

    def test_a_disabled_client(self, world: Simulation, app: Principal) -> None:
        """AADSTS7000112, to whoever shows the right secret; a wrong one is wrong as ever."""
        change = applications.ServicePrincipalChange(enabled=False)
        world.commit(lambda tx: applications.update_service_principal(tx, world.first.tenant_id, app.oid, change))
        check_refusal(ask(world, form_of(app)), 7000112, "unauthorized_client", 400)
        check_refusal(ask(world, form_of(app, client_secret="wrong")), 7000215, "invalid_client", 401)

    def test_another_tenants_client(self, world: Simulation, app: Principal) -> None:
        """SEC-TENANT-1: every query carries its tenant: from another one a client is as unknown as a random one."""
        other = world.tenant()
        here = check_refusal(ask(world, form_of(app), tenant=other), 700016, "unauthorized_client", 400)
        random = form_of(app, client_id="11111111-1111-1111-1111-111111111111")
        there = check_refusal(ask(world, random, tenant=other), 700016, "unauthorized_client", 400)
        assert here.partition(" was ")[2].partition(" Trace")[0] == there.partition(" was ")[2].partition(" Trace")[0]

    def test_the_correlation_id_is_the_clients(self, world: Simulation, app: Principal) -> None:
        """In a header, or in the query as the JavaScript client sends it."""
        guid = "0f8fad5b-d9cb-469f-a165-70867728950e"
        form = form_of(app, client_secret="wrong")
        assert ask(world, form, headers={"client-request-id": guid}).json["correlation_id"] == guid
        in_query = ask(world, form, path=f"oauth2/v2.0/token?client-request-id={guid}")
        assert in_query.json["correlation_id"] == guid
        assert in_query.json["trace_id"] != guid

    def test_the_error_page_is_on_the_host_that_was_asked(self, world: Simulation, app: Principal) -> None:
        """Ids and links are built from the host asked (ADR 0010)."""
        body = ask(world, form_of(app, client_secret="wrong")).json
        assert body["error_uri"] == f"{world.login_url}/error?code=7000215"

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    def test_only_post(self, world: Simulation, method: str) -> None:
        """A secret has no business in a URL."""
        assert world.ask(method, f"{world.login_url}/adfs/oauth2/token").status == 405


class TestLife:
    """How long a token is worth something."""

    def works(self, world: Simulation, token: str) -> bool:
        """Tell whether the vault takes a token for what it says, whatever its principal may do."""
        answer = world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token)
        assert answer.status in {200, 401, 403}
        return answer.status != 401

    def test_removing_one_secret_ends_its_tokens_and_no_others(self, world: Simulation, app: Principal) -> None:
        """SEC-FLOW-17: a token maps to its credential: removing one secret ends its tokens and no others."""
        application = world.view.application_by_app_id(app.appid)
        assert application is not None
        second = client_secrets.make_client_secret(
            world.keys,
            application,
            expires=int(world.clock()) + 9999,
            now=int(world.clock()),
            entropy=world.world.entropy,
        )
        world.commit(lambda tx: client_secrets.add_password(tx, second.credential))
        old = ask(world, form_of(app)).json["access_token"]
        new = ask(world, form_of(app, client_secret=second.text)).json["access_token"]
        assert self.works(world, old)
        assert self.works(world, new)

        world.commit(lambda tx: client_secrets.remove_password(tx, world.first.tenant_id, application.id, app.key_id))
        assert not self.works(world, old)
        assert self.works(world, new)
        check_refusal(ask(world, form_of(app)), 7000215, "invalid_client", 401)

    def test_a_token_ends_with_its_time(self, world: Simulation) -> None:
        """It works until it expires, and not in the second in which it does."""
        app = world.principal()
        token = ask(world, form_of(app)).json["access_token"]
        world.advance(claims_of(world, token)["exp"] - world.clock() - 1)
        assert self.works(world, token)
        world.advance(1)
        assert not self.works(world, token)

    def test_a_revoked_key_ends_every_token_it_signed(self, world: Simulation) -> None:
        """SEC-FLOW-16, SEC-TOKEN-3: at once, also those whose signature was seen before; new ones have the next key."""
        app = world.principal()
        token = ask(world, form_of(app)).json["access_token"]
        assert self.works(world, token)
        kid = jwt.get_unverified_header(token)["kid"]
        world.commit(lambda tx: signing_keys.revoke(tx, world.first.tenant_id, kid, int(world.clock())))

        assert not self.works(world, token)
        again = ask(world, form_of(app)).json["access_token"]
        assert self.works(world, again)
        assert jwt.get_unverified_header(again)["kid"] != kid

    def test_a_token_of_another_tenants_key_is_worth_nothing(self, world: Simulation) -> None:
        """SEC-TOKEN-2: key, iss and tid agree: a tenant's key signs for that tenant, whatever it makes a token say."""
        app = world.principal()
        claims = claims_of(world, ask(world, form_of(app)).json["access_token"])
        now = int(world.clock())

        key = signing_keys.make_signing_key(world.keys, world.tenant(), signing_keys.Term(now, now + 9999), now)
        world.commit(lambda tx: tx.put(key))
        signer = TokenSigner(signing_keys.open_private_key(world.keys, key), key.id)
        own = {**claims, "tid": key.tenant, "iss": f"https://sts.windows.net/{key.tenant}/"}
        for forged in (claims, {**claims, "tid": key.tenant}, {**claims, "iss": own["iss"]}, own):
            assert not self.works(world, signer.sign(forged))

    def test_the_first_secret_expires(self, tmp_path: Path) -> None:
        """SEC-BOOT-3: the first application's secret ends after 30 days."""
        first = Simulation(tmp_path)
        try:
            first.advance(30 * 86_400 - 1)
            assert ask(first, form_of(first.administrator)).status == 200
            first.advance(1)
            check_refusal(ask(first, form_of(first.administrator)), 7000222, "invalid_client", 401)
        finally:
            first.close()

    def test_a_disabled_principals_token_ends(self, world: Simulation) -> None:
        """Disabling a principal ends its tokens at once; enabling it brings them back."""
        app = world.principal()
        token = ask(world, form_of(app)).json["access_token"]
        for enabled in (False, True):
            change = applications.ServicePrincipalChange(enabled=enabled)
            world.commit(
                lambda tx, change=change: applications.update_service_principal(
                    tx, world.first.tenant_id, app.oid, change
                )
            )
            assert self.works(world, token) is enabled


class TestAudit:
    """What the journal gets."""

    def test_an_issued_token_is_recorded_with_its_credential(self, world: Simulation) -> None:
        """Who got a token for what, with which credential; neither the secret nor the token."""
        app = world.principal()
        token = ask(world, form_of(app)).json["access_token"]
        entry = world.entries()[-1]
        found = entry["properties"]

        assert entry["operationName"] == "TokenIssue"
        assert entry["resultType"] == "Success"
        assert found["appId"] == app.appid
        assert found["objectId"] == app.oid
        assert found["credentialId"] == app.key_id
        assert found["resource"] == "https://vault.azure.net"
        assert found["tokenId"] == claims_of(world, token)["uti"]
        assert app.secret not in json.dumps(entry)
        assert token not in json.dumps(entry)

    def test_to_be_named_is_no_identity(self, world: Simulation, app: Principal) -> None:
        """SEC-FLOW-3: whom an unproved client names is not recorded as who it is, nor by any credential."""
        ask(world, form_of(app, client_secret="wrong"))
        entry = world.entries()[-1]

        assert entry["properties"]["httpStatusCode"] == 401
        assert entry["identity"] == {}
        assert "credentialId" not in entry["properties"]

    def test_a_refusal_after_the_proof_says_who(self, world: Simulation, app: Principal) -> None:
        """Once the secret was right, the journal says whose the refused request was."""
        ask(world, form_of(app, scope="https://elsewhere.example/.default"))
        assert world.entries()[-1]["properties"]["appId"] == app.appid
