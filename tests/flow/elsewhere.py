"""An OpenID provider of another party, by script: it says what a test wants, and the network to it is simulated."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets as chance
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.egress import Documents, Unreachable, Unsuccessful
from tests.assertions import b64url, ec_key, key_set, rsa_key, sign
from tests.flow.browser import Browser
from tests.flow.test_federation import control
from tests.flow.users import Person
from tests.plugins import canary
from tests.world import Answer, Simulation


def ec_key_set(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    """Publish a P-256 key."""
    numbers = key.public_key().public_numbers()
    x, y = (b64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y}


class Provider:
    """A provider that this instance is a client of."""

    def __init__(self, world: Simulation, **wanted: Any) -> None:
        """Make one that the tenant's operator has added, in the place of all the network."""
        self.world = world
        self.issuer = f"https://{chance.token_hex(6)}.example/tenant"
        self.client_secret = canary.plant()
        self.documents: dict[str, bytes] = {}
        self.metadata: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        self.keys: dict[str, Any] = {"keys": [*key_set(rsa_key(), "k1")["keys"], ec_key_set(ec_key(), "e1")]}
        self.claims: dict[str, Any] = {}
        """Claims of its id tokens beside the usual ones; None leaves one out."""
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "k1"}
        self.key: Any = rsa_key()
        self.answer: bytes | Exception | None = None
        """What the token endpoint answers, in the place of tokens."""
        self.subject = f"subject of {chance.token_hex(6)}"
        self.asked: list[str] = []
        self.posted: list[tuple[dict[str, str], dict[str, str]]] = []
        self._codes: dict[str, dict[str, str]] = {}
        world.world.documents = Documents(self, world.clock)  # type: ignore[arg-type]  # what it needs of the way out
        body = {
            "issuer": self.issuer,
            "clientId": "strongroom",
            "clientSecret": self.client_secret,
            "displayName": "Example & Sons",
            "tenant": world.first.tenant_id,
            **wanted,
        }
        made = control(world, "POST", "/identity-providers", body)
        assert made.status == 201, made.body
        self.made: dict[str, Any] = made.json

    @property
    def id(self) -> str:
        """What it is known by here."""
        return str(self.made["id"])

    def remove(self) -> None:
        """Have the operator remove it."""
        assert control(self.world, "DELETE", f"/identity-providers/{self.id}").status == 204

    def link(self, who: Person, subject: str | None = None) -> str:
        """Have the operator say who a subject is."""
        body = {"user": who.name, "subject": subject or self.subject}
        made = control(self.world, "POST", f"/identity-providers/{self.id}/links", body)
        assert made.status == 201, made.body
        return str(made.json["id"])

    # ---- the network ---------------------------------------------------------------------------------------------

    async def get(self, url: str) -> bytes:
        """Answer as the way out does."""
        self.asked.append(url)
        published = {
            f"{self.issuer}/.well-known/openid-configuration": self.metadata,
            str(self.metadata.get("jwks_uri")): self.keys,
        }
        if url in self.documents:
            return self.documents[url]
        if url not in published:
            raise Unreachable("connection refused")
        return json.dumps(published[url]).encode()

    async def post(self, url: str, form: Mapping[str, str], headers: Sequence[tuple[str, str]] = ()) -> bytes:
        """Be the token endpoint: demand what RFC 6749 and RFC 7636 demand, and give an id token."""
        assert url == self.metadata["token_endpoint"]
        self.posted.append((dict(form), dict(headers)))
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer
        asked = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if (
            asked is None
            or asked["code_challenge"] != challenge.decode()
            or asked["redirect_uri"] != form["redirect_uri"]
            or self._client(form, dict(headers)) != ("strongroom", self.client_secret)
        ):
            raise Unsuccessful("the answer's status is 400")
        return json.dumps({"token_type": "Bearer", "access_token": "x", "id_token": self.id_token(asked)}).encode()

    def _client(self, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
        if "client_secret" in form:
            return form["client_id"], form["client_secret"]
        name, _, secret = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)

    def id_token(self, asked: Mapping[str, str]) -> str:
        """Make an id token for who asked."""
        now = int(self.world.clock())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": "strongroom",
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": asked["nonce"],
            **self.claims,
        }
        return sign(self.key, self.header, {name: value for name, value in claims.items() if value is not None})

    # ---- the person ----------------------------------------------------------------------------------------------

    def arrive(self, answer: Answer) -> dict[str, str]:
        """Come here from what a browser was answered, and say what was asked of the provider."""
        if answer.status == 302:
            place = answer.headers["location"]
        else:
            place = unescape(answer.body.decode().partition('<a href="')[2].partition('"')[0])
        assert place.startswith(f"{self.metadata['authorization_endpoint']}?"), answer.body
        return dict(parse_qsl(urlsplit(place).query))

    def agree(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Sign in here, and say what the browser is sent back with."""
        code = chance.token_urlsafe(16)
        self._codes[code] = dict(asked)
        return {"code": code, "state": asked["state"]}

    def sign_in(self, browser: Browser, answer: Answer, **changes: str) -> Answer:
        """Go the whole way from what a browser was answered and back; what it is sent back with may be changed."""
        asked = self.arrive(answer)
        return come_back(browser, asked, {**self.agree(asked), **changes})


def come_back(browser: Browser, asked: Mapping[str, str], sent: Mapping[str, str]) -> Answer:
    """Follow a provider back to where it was told to."""
    place = urlsplit(asked["redirect_uri"])
    assert f"{place.scheme}://{place.netloc}" == browser.world.login_url
    return browser.open(place.path.removeprefix("/"), **sent)
