"""
A second implementation as judge: authlib is the client of every grant, and PyJWT verifies what the grants give out.

Nothing of either made what it judges: the service signs with joserfc. authlib knows the specifications and nothing of
Entra, so what is particular to Entra is said in the tests.
"""

from __future__ import annotations

import re
import secrets
import ssl
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import jwt
import pytest
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc.jwk import ECKey, RSAKey

from tests.assertions import PrivateKey, b64url, ec_key, make_signer, rsa_key
from tests.live import Service
from tests.plugins.canary import remember
from tests.sdk.applications import Application, administering, make_application
from tests.sdk.conftest import Live

with warnings.catch_warnings(record=True):
    # It warns at its import that it would rather have another HTTP library, and sets a filter of its own for that.
    from authlib.integrations.httpx_client import OAuth2Client, OAuthError

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REDIRECT = "http://localhost:8400"
VAULT = "https://vault.azure.net"
SCOPE = f"{VAULT}/user_impersonation openid profile offline_access"
_FORM = re.compile(r'<form method="post" action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class Nearby(httpx.BaseTransport):
    """Takes every name to this machine, as plain glibc does not; certificates are verified for the name."""

    def __init__(self, authority: str) -> None:
        self._there = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=authority))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to loopback."""
        return self._there.handle_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": request.url.host},
            )
        )

    def close(self) -> None:
        """Close the connections."""
        self._there.close()


@dataclass
class Provider:
    """The service, as a program that knows OpenID Connect finds it."""

    live: Live

    @property
    def first(self) -> dict[str, str]:
        """Its first tenant, application and user."""
        return self.live.service.first

    @cached_property
    def browser(self) -> httpx.Client:
        """What a person has."""
        return httpx.Client(transport=Nearby(self.first["caFile"]), timeout=30)

    def metadata(self, authority: str, version: str = "/v2.0") -> dict[str, Any]:
        """Read the metadata of an authority."""
        answer = self.browser.get(f"{self.first['authority']}/{authority}{version}/.well-known/openid-configuration")
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    @cached_property
    def tenant(self) -> dict[str, Any]:
        """The first tenant's metadata."""
        return self.metadata(self.first["tenantId"])

    def client(self, client_id: str, secret: object = None, method: str | None = None, **settings: Any) -> OAuth2Client:
        """Make a client of the first tenant."""
        return OAuth2Client(
            client_id,
            secret,
            token_endpoint_auth_method=method,
            token_endpoint=self.tenant["token_endpoint"],
            transport=Nearby(self.first["caFile"]),
            **settings,
        )

    def public_client(self) -> OAuth2Client:
        """Make a client that acts for users, and proves nothing itself."""
        return self.client(AZURE_CLI, scope=SCOPE, redirect_uri=REDIRECT, code_challenge_method="S256")

    def sign_in(self, page: httpx.Response) -> httpx.Response:
        """Type name and password in, with the first user's hands."""
        return self.send(page, username=self.first["userName"], password=self.first["userPassword"])

    def send(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send a page's form."""
        action = _FORM.search(page.text)
        assert action is not None, page.text
        filled = {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
        return self.browser.post(urljoin(str(page.url), unescape(action[1])), data={**filled, **fields})

    def verify(self, token: str, audience: str, issuer: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Verify a token by the published keys, and give its header and its claims."""
        remember(token)
        header = jwt.get_unverified_header(token)
        published = jwt.PyJWKSet.from_dict(self.browser.get(self.tenant["jwks_uri"]).json())
        claims = jwt.decode(
            token,
            published[header["kid"]],
            algorithms=self.tenant["id_token_signing_alg_values_supported"],
            audience=audience,
            issuer=issuer,
            options={"require": ["exp", "iat", "nbf", "sub"]},
        )
        return header, claims

    def access(self, answer: dict[str, Any], audience: str = VAULT) -> dict[str, Any]:
        """Judge an answer of the token endpoint (RFC 6749 section 5.1), and verify its access token."""
        assert answer["token_type"] == "Bearer"
        assert answer["expires_in"] > 0
        # Key Vault is one of the resources that want Entra's first form of token, whose issuer is that of v1.
        issuer = self.metadata(self.first["tenantId"], "")["issuer"]
        _, claims = self.verify(answer["access_token"], audience, issuer)
        assert claims["tid"] == self.first["tenantId"]
        return claims

    def identity(self, answer: dict[str, Any], nonce: str | None = None) -> dict[str, Any]:
        """Verify an id token, and have authlib judge its claims (OpenID Connect Core section 3.1.3.7)."""
        header, claims = self.verify(answer["id_token"], AZURE_CLI, self.tenant["issuer"])
        options = {"iss": {"essential": True, "value": self.tenant["issuer"]}, "aud": {"essential": True}}
        params = {"client_id": AZURE_CLI, "nonce": nonce, "access_token": answer["access_token"]}
        CodeIDToken(claims, header, options, params).validate(leeway=0)
        assert claims["preferred_username"] == self.first["userName"]
        return claims


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Run a service whose users may sign in by everything that there is."""
    with Service(tmp_path_factory.mktemp("authlib") / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        provider = Provider(Live(service))
        allowed = provider.live.call("sign-in", "--password-grant", "--device-code")
        assert allowed.returncode == 0, allowed.stderr
        yield provider
        provider.browser.close()


@pytest.fixture(scope="module")
def application(provider: Provider) -> Iterator[Application]:
    """Make an application without a credential."""
    with administering(provider.live) as administrator:
        yield make_application(administrator)


class TestMetadata:
    """The documents by which clients find everything else."""

    @pytest.mark.parametrize("kind", [AuthorizationServerMetadata, OpenIDProviderMetadata])
    @pytest.mark.parametrize("version", ["", "/v2.0"])
    @pytest.mark.parametrize("authority", ["tenant", "common", "organizations", "adfs"])
    def test_the_specifications_rules(self, provider: Provider, kind: type, version: str, authority: str) -> None:
        """RFC 8414 and OpenID Connect Discovery are kept, but for one rule that Entra's own document breaks."""
        name = provider.first["tenantId"] if authority == "tenant" else authority
        document = provider.metadata(name, version)
        with pytest.raises(ValueError, match='"token_endpoint_auth_signing_alg_values_supported" is required'):
            kind(document).validate()
        # Entra offers private_key_jwt and does not say which algorithms it takes; with them, nothing is wrong.
        kind({**document, "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"]}).validate()

    def test_the_place_is_the_issuers(self, provider: Provider) -> None:
        """The issuer is where its metadata is found (OpenID Connect Discovery section 4.3)."""
        assert provider.tenant["issuer"] == f"{provider.first['authority']}/{provider.first['tenantId']}/v2.0"


class TestClientCredentials:
    """RFC 6749 section 4.4, with every way to authenticate a client that the metadata offers."""

    @pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
    def test_by_a_secret(self, provider: Provider, method: str) -> None:
        """In the form, and in the header."""
        first = provider.first
        assert method in provider.tenant["token_endpoint_auth_methods_supported"]
        with provider.client(first["clientId"], first["clientSecret"], method) as client:
            claims = provider.access(client.fetch_token(grant_type="client_credentials", scope=f"{VAULT}/.default"))
            assert (claims["appid"], claims["oid"], claims["appidacr"]) == (first["clientId"], first["objectId"], "1")
            with pytest.raises(OAuthError, match="AADSTS1002012") as refused:
                client.fetch_token(grant_type="client_credentials", scope="nothing of the kind")
            assert refused.value.error == "invalid_scope"

    @pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
    def test_by_a_wrong_secret(self, provider: Provider, method: str) -> None:
        """It is told by the specification's word."""
        wrong = secrets.token_urlsafe()
        with provider.client(provider.first["clientId"], wrong, method) as client:
            with pytest.raises(OAuthError, match="AADSTS7000215") as refused:
                client.fetch_token(grant_type="client_credentials", scope=f"{VAULT}/.default")
            assert refused.value.error == "invalid_client"

    @pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
    @pytest.mark.parametrize("name", ["x5t", "x5t#S256", "kid"])
    def test_by_an_assertion(self, provider: Provider, application: Application, algorithm: str, name: str) -> None:
        """RFC 7523: authlib's own assertion, whose header says which certificate, as Entra wants to know."""
        key: PrivateKey = ec_key() if algorithm == "ES256" else rsa_key()
        signer = make_signer(key, now=int(time.time()))
        body = {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": signer.base64}]}
        application.administrator.graph("PATCH", f"applications/{application.id}", body)
        private = (ECKey if algorithm == "ES256" else RSAKey).import_key(
            signer.pem[: signer.pem.index(b"-----BEGIN C")]
        )
        header = {name: b64url(signer.sha256 if name == "x5t#S256" else signer.sha1)}
        assert "private_key_jwt" in provider.tenant["token_endpoint_auth_methods_supported"]
        with provider.client(application.app_id, private, "private_key_jwt") as client:
            client.register_client_auth_method(PrivateKeyJWT(headers=header, alg=algorithm))
            asked = {"grant_type": "client_credentials", "scope": f"{VAULT}/.default"}
            with pytest.raises(OAuthError, match="AADSTS900144"):
                # The assertion names the client, and RFC 7521 section 4.2 needs no more; Entra does.
                client.fetch_token(**asked)
            claims = provider.access(client.fetch_token(**asked, client_id=application.app_id))
            assert (claims["appid"], claims["appidacr"]) == (application.app_id, "2")


class TestUsers:
    """Grants that act for a user."""

    def test_by_password(self, provider: Provider) -> None:
        """RFC 6749 section 4.3, where the operator switched it on."""
        first = provider.first
        with provider.public_client() as client:
            answer = client.fetch_token(username=first["userName"], password=first["userPassword"], scope=SCOPE)
            claims = provider.access(answer)
            assert (claims["upn"], claims["scp"], claims["appid"]) == (
                first["userName"],
                "user_impersonation",
                AZURE_CLI,
            )
            assert provider.identity(answer)["sub"] == claims["sub"]
            with pytest.raises(OAuthError, match="AADSTS50126") as refused:
                client.fetch_token(username=first["userName"], password=secrets.token_urlsafe(), scope=SCOPE)
            assert refused.value.error == "invalid_grant"

    def test_by_a_code(self, provider: Provider) -> None:
        """RFC 6749 section 4.1 with PKCE: state and nonce come back, and the code is good once, for its verifier."""
        with provider.public_client() as client:
            verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe()
            url, state = client.create_authorization_url(
                provider.tenant["authorization_endpoint"], code_verifier=verifier, nonce=nonce
            )
            back = provider.sign_in(provider.browser.get(url)).headers["location"]
            assert back.startswith(f"{REDIRECT}?")
            answer = client.fetch_token(authorization_response=back, state=state, code_verifier=verifier)
            provider.access(answer)
            assert provider.identity(answer, nonce)["nonce"] == nonce
            with pytest.raises(OAuthError) as refused:
                client.fetch_token(authorization_response=back, state=state, code_verifier=verifier)
            assert refused.value.error == "invalid_grant"

    def test_a_code_and_a_wrong_verifier(self, provider: Provider) -> None:
        """RFC 7636 section 4.6."""
        with provider.public_client() as client:
            url, state = client.create_authorization_url(
                provider.tenant["authorization_endpoint"], code_verifier=secrets.token_urlsafe(48), prompt="login"
            )
            back = provider.sign_in(provider.browser.get(url)).headers["location"]
            assert parse_qs(urlsplit(back).query)["state"] == [state]
            with pytest.raises(OAuthError) as refused:
                client.fetch_token(authorization_response=back, state=state, code_verifier=secrets.token_urlsafe(48))
            assert refused.value.error == "invalid_grant"

    def test_refreshing(self, provider: Provider) -> None:
        """RFC 6749 section 6, with rotation: each refresh token is good once, and its use again ends them all."""
        first = provider.first
        with provider.public_client() as client:
            given = client.fetch_token(username=first["userName"], password=first["userPassword"], scope=SCOPE)
            old = given["refresh_token"]
            again = client.refresh_token(refresh_token=old)
            new = again["refresh_token"]
            for token in (old, new):
                remember(token)
            assert new != old
            provider.access(again)
            assert provider.identity(again)["sub"] == provider.identity(given)["sub"]
            other = client.refresh_token(refresh_token=new, scope="https://management.azure.com/.default openid")
            provider.access(other, "https://management.azure.com")
            for spent in (old, other["refresh_token"]):
                with pytest.raises(OAuthError) as refused:
                    client.refresh_token(refresh_token=spent)
                assert refused.value.error == "invalid_grant"

    def test_by_a_device_code(self, provider: Provider) -> None:
        """RFC 8628: pending until the person has let the device in, and good once."""
        with provider.public_client() as client:
            form = {"client_id": AZURE_CLI, "scope": SCOPE}
            asked = provider.browser.post(provider.tenant["device_authorization_endpoint"], data=form)
            codes = asked.json()
            assert {"device_code", "user_code", "verification_uri", "expires_in", "interval"} <= codes.keys()
            remember(codes["device_code"])
            with pytest.raises(OAuthError) as refused:
                client.fetch_token(grant_type=DEVICE_CODE, device_code=codes["device_code"])
            assert refused.value.error == "authorization_pending"
            page = provider.send(provider.browser.get(codes["verification_uri"]), user_code=codes["user_code"])
            if 'name="password"' in page.text:
                page = provider.sign_in(page)
            assert provider.send(page, answer="yes").status_code == 200
            answer = client.fetch_token(grant_type=DEVICE_CODE, device_code=codes["device_code"])
            provider.access(answer)
            provider.identity(answer)
            with pytest.raises(OAuthError) as refused:
                client.fetch_token(grant_type=DEVICE_CODE, device_code=codes["device_code"])
            # Entra's own word, for which the specification has none.
            assert refused.value.error == "bad_verification_code"
