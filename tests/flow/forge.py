"""Tokens that must be refused: each made by whoever has what the case says, up to the tenant's real signing key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from cryptography.x509 import load_der_x509_certificate

from strongroom.core.identity import SigningKey
from strongroom.directory import signing_keys
from tests.plugins.canary import plant
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, VAULT_AUDIENCE, Simulation

MALFORMED = "[AggregatedAuthenticationFailure] Error validating token: 'S2S17001'."
EXPIRED = "[TokenExpired] Error validating token: 'S2S12086'."
UNKNOWN_KEY = "AKV10046: Unable to resolve the key used for signature validation."
ENTRA_TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"


def segment(data: bytes) -> str:
    """Encode as a segment of a token."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Forge:
    """
    Makes tokens out of an administrator's genuine one.

    Every token claims to be the administrator, and carries a planted value in claims and header: whatever of it came
    out would be found.
    """

    def __init__(self, world: Simulation, other_tenant: str) -> None:
        self.world = world
        self.genuine = world.token(world.administrator)
        self.other_tenant = other_tenant
        self.planted = plant()
        claims = jwt.decode(self.genuine, options={"verify_signature": False})
        self.claims: dict[str, Any] = {**claims, "name": self.planted, "upn": self.planted}
        self.kid: str = jwt.get_unverified_header(self.genuine)["kid"]
        self.header: dict[str, Any] = {"typ": "JWT", "alg": "RS256", "x5t": self.kid, "kid": self.kid}

    def _private(self, key: SigningKey | None) -> rsa.RSAPrivateKey:
        assert key is not None
        # The service made the key. To check it once more takes longer than the test.
        opened = load_der_private_key(
            signing_keys.open_private_key(self.world.keys, key), password=None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(opened, rsa.RSAPrivateKey)
        return opened

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        """The key that signed the genuine token."""
        return self._private(self.world.view.signing_key(self.kid))

    @cached_property
    def other_key(self) -> SigningKey:
        """Another tenant's signing key."""
        keys = self.world.view.signing_keys(self.other_tenant)
        return signing_keys.signs_now(keys, int(self.world.clock()))

    @cached_property
    def public_pem(self) -> bytes:
        """What everybody has of the signing key."""
        key = self.world.view.signing_key(self.kid)
        assert key is not None
        public = load_der_x509_certificate(key.certificate).public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    # ---- making ---------------------------------------------------------------------------------------------------

    def signed(self, header: bytes, payload: bytes, key: rsa.RSAPrivateKey | None = None) -> str:
        """Sign exactly these bytes as RS256 does."""
        text = f"{segment(header)}.{segment(payload)}"
        signature = (key or self.key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{segment(signature)}"

    def claiming(self, *without: str, **claims: object) -> str:
        """Sign with the tenant's own key: the genuine claims with these, and without those."""
        return self.headed({}, *without, **claims)

    def headed(self, header: Mapping[str, object], *without: str, **claims: object) -> str:
        """Sign with the tenant's own key under a header with these members too; None takes one out."""
        named = {name: value for name, value in {**self.header, **header}.items() if value is not None}
        said = {name: value for name, value in {**self.claims, **claims}.items() if name not in without}
        return self.signed(json.dumps(named).encode(), json.dumps(said).encode())

    def raw(self, header: Mapping[str, object], signature: bytes = b"") -> str:
        """Make a token with any signature."""
        return ".".join(
            (segment(json.dumps(header).encode()), segment(json.dumps(self.claims).encode()), segment(signature))
        )

    def by_hmac(self, algorithm: str, secret: bytes) -> str:
        """Sign with a MAC, the public key as its secret."""
        text = self.raw({**self.header, "alg": algorithm}).rpartition(".")[0]
        return f"{text}.{segment(hmac.digest(secret, text.encode(), hashlib.new(algorithm.replace('HS', 'sha')).name))}"

    def by_pss(self) -> str:
        """Sign with the right key in another way."""
        text = self.raw({**self.header, "alg": "PS256"}).rpartition(".")[0]
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return f"{text}.{segment(self.key.sign(text.encode(), pss, hashes.SHA256()))}"

    def by_curve(self) -> str:
        """Sign with an elliptic curve key of one's own."""
        text = self.raw({**self.header, "alg": "ES256"}).rpartition(".")[0]
        made = ec.generate_private_key(ec.SECP256R1())
        return f"{text}.{segment(made.sign(text.encode(), ec.ECDSA(hashes.SHA256())))}"

    def by_stranger(self, header: Mapping[str, object] | None = None, **claims: object) -> str:
        """Sign with a key that nobody published."""
        made = rsa.generate_private_key(65537, 2048)
        named = json.dumps({**self.header, **(header or {})}).encode()
        return self.signed(named, json.dumps({**self.claims, **claims}).encode(), made)

    def by_other_tenant(self, **claims: object) -> str:
        """Sign with the other tenant's key."""
        header = {**self.header, "kid": self.other_key.id, "x5t": self.other_key.id}
        said = json.dumps({**self.claims, **claims}).encode()
        return self.signed(json.dumps(header).encode(), said, self._private(self.other_key))

    def respelled(self, place: int, change: Callable[[str], str]) -> str:
        """Spell one segment of a good token in another way."""
        segments = self.claiming().split(".")
        segments[place] = change(segments[place])
        return ".".join(segments)

    def json_with(self, place: str, text: str) -> str:
        """Sign a header or payload with more text before its closing brace."""
        header, payload = json.dumps(self.header), json.dumps(self.claims)
        if place == "header":
            header = f"{header[:-1]},{text}}}"
        else:
            payload = f"{payload[:-1]},{text}}}"
        return self.signed(header.encode(), payload.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True, slots=True)
class Case:
    """A token that is refused, what the caller is told, and what the operator is."""

    make: Callable[[Forge], str]
    message: str
    reason: str


def _now(forge: Forge) -> int:
    return int(forge.world.clock())


def _issuer(tenant: str) -> str:
    return f"https://sts.windows.net/{tenant}/"


def _stray_bits(text: str) -> str:
    """Set a bit at the end of a segment that its decoding drops."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(text) % 4, "this segment has no bits to spare"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


_M = MALFORMED
_DISAGREE, _TIMES = "key, iss and tid do not agree", "nbf or exp missing"
_WRONG = "AKV10022: Invalid audience. Expected https://vault.azure.net, found: {}."

CASES: dict[str, Case] = {
    # When.
    "no exp": Case(lambda f: f.claiming("exp"), _M, _TIMES),
    "exp is text": Case(lambda f: f.claiming(exp=str(_now(f) + 600)), _M, _TIMES),
    "exp is null": Case(lambda f: f.claiming(exp=None), _M, _TIMES),
    "exp has a fraction": Case(lambda f: f.claiming(exp=_now(f) + 0.5), _M, _TIMES),
    "exp is now": Case(lambda f: f.claiming(exp=_now(f)), EXPIRED, "expired"),
    "exp is past": Case(lambda f: f.claiming(exp=-1), EXPIRED, "expired"),
    "no nbf": Case(lambda f: f.claiming("nbf"), _M, _TIMES),
    "nbf is text": Case(lambda f: f.claiming(nbf="0"), _M, _TIMES),
    "nbf is to come": Case(lambda f: f.claiming(nbf=_now(f) + 61), _M, "not yet valid"),
    # How it is signed.
    "alg none": Case(lambda f: f.raw({**f.header, "alg": "none"}), _M, "algorithm"),
    "alg none with a signature": Case(lambda f: f.raw({**f.header, "alg": "none"}, b"x"), _M, "algorithm"),
    "alg None": Case(lambda f: f.raw({**f.header, "alg": "None"}, b"x"), _M, "algorithm"),
    "no alg": Case(lambda f: f.headed({"alg": None}), _M, "algorithm"),
    "alg is a list": Case(lambda f: f.headed({"alg": ["RS256"]}), _M, "algorithm"),
    "alg in small letters": Case(lambda f: f.headed({"alg": "rs256"}), _M, "algorithm"),
    "HS256 with the public key": Case(lambda f: f.by_hmac("HS256", f.public_pem), _M, "algorithm"),
    "HS512 with the public key": Case(lambda f: f.by_hmac("HS512", f.public_pem), _M, "algorithm"),
    "a MAC that says RS256": Case(
        lambda f: f.raw(f.header, hmac.digest(f.public_pem, b"x", "sha256")), _M, "signature"
    ),
    "PS256 with the right key": Case(lambda f: f.by_pss(), _M, "algorithm"),
    "ES256": Case(lambda f: f.by_curve(), _M, "algorithm"),
    "another key": Case(lambda f: f.by_stranger(), _M, "signature"),
    "no signature": Case(lambda f: f.raw(f.header), _M, "base64url"),
    "another token's signature": Case(
        lambda f: f.claiming(oid="x").rpartition(".")[0] + "." + f.genuine.rpartition(".")[2], _M, "signature"
    ),
    # With which key.
    "no kid": Case(lambda f: f.headed({"kid": None}), UNKNOWN_KEY, "kid_missing"),
    "an unknown kid": Case(
        lambda f: f.headed({"kid": f.planted, "x5t": f.planted}), UNKNOWN_KEY, "kid_not_published"
    ),
    "a kid that is a path": Case(
        lambda f: f.by_stranger({"kid": "../../dev/null", "x5t": "../../dev/null"}), UNKNOWN_KEY, "kid_not_published"
    ),
    "a kid that is a number": Case(lambda f: f.headed({"kid": 7, "x5t": 7}), _M, "kid"),
    "a kid that is null": Case(
        lambda f: f.signed(json.dumps({**f.header, "kid": None}).encode(), json.dumps(f.claims).encode()), _M, "kid"
    ),
    "a kid that is a list": Case(lambda f: f.headed({"kid": [f.kid]}), _M, "kid"),
    "an x5t of another key": Case(lambda f: f.headed({"x5t": "x"}), _M, "x5t"),
    "the kid of another tenant": Case(
        lambda f: f.headed({"kid": f.other_key.id, "x5t": f.other_key.id}), _M, "signature"
    ),
    "another tenant's key": Case(lambda f: f.by_other_tenant(), _M, _DISAGREE),
    "another tenant's key and issuer": Case(
        lambda f: f.by_other_tenant(iss=_issuer(f.other_tenant)), _M, _DISAGREE
    ),
    "another tenant's key and tid": Case(lambda f: f.by_other_tenant(tid=f.other_tenant), _M, _DISAGREE),
    # Whose it says it is.
    "another tid": Case(lambda f: f.claiming(tid=f.other_tenant), _M, _DISAGREE),
    "another issuer": Case(lambda f: f.claiming(iss=_issuer(f.other_tenant)), _M, _DISAGREE),
    "another tid and issuer": Case(
        lambda f: f.claiming(tid=f.other_tenant, iss=_issuer(f.other_tenant)), _M, _DISAGREE
    ),
    "no tid": Case(lambda f: f.claiming("tid"), _M, _DISAGREE),
    "no issuer": Case(lambda f: f.claiming("iss"), _M, _DISAGREE),
    "an issuer without its slash": Case(lambda f: f.claiming(iss=f.claims["iss"].rstrip("/")), _M, _DISAGREE),
    "an issuer in capitals": Case(lambda f: f.claiming(iss=f.claims["iss"].upper()), _M, _DISAGREE),
    "a list of issuers": Case(lambda f: f.claiming(iss=[f.claims["iss"]]), _M, _DISAGREE),
    "the issuer of v2 tokens": Case(
        lambda f: f.claiming(iss=f"https://login.microsoftonline.com/{f.claims['tid']}/v2.0"), _M, _DISAGREE
    ),
    "a token of Entra's": Case(
        lambda f: f.by_stranger({"kid": "nOo3", "x5t": "nOo3"}, tid=ENTRA_TENANT, iss=_issuer(ENTRA_TENANT)),
        UNKNOWN_KEY,
        "kid_not_published",
    ),
    "Entra's issuer, signed here": Case(
        lambda f: f.claiming(tid=ENTRA_TENANT, iss=_issuer(ENTRA_TENANT)), _M, _DISAGREE
    ),
    # For whom it is.
    "no audience": Case(lambda f: f.claiming("aud"), _M, "aud missing"),
    "a list of audiences": Case(lambda f: f.claiming(aud=[VAULT_AUDIENCE]), _M, "aud missing"),
    "the management plane's": Case(
        lambda f: f.claiming(aud=ARM_AUDIENCE), _WRONG.format(ARM_AUDIENCE), "wrong audience"
    ),
    "the directory's": Case(
        lambda f: f.claiming(aud=GRAPH_AUDIENCE), _WRONG.format(GRAPH_AUDIENCE), "wrong audience"
    ),
    "an audience that goes on": Case(
        lambda f: f.claiming(aud=f"{VAULT_AUDIENCE}.example"),
        _WRONG.format(f"{VAULT_AUDIENCE}.example"),
        "wrong audience",
    ),
    "the vault itself": Case(lambda f: f.claiming(aud="https://x.vault.azure.net"),
        _WRONG.format("https://x.vault.azure.net"), "wrong audience"),
    # Who it says it is.
    "no oid": Case(lambda f: f.claiming("oid"), _M, "oid, appid or uti missing"),
    "an oid that is a list": Case(lambda f: f.claiming(oid=[f.claims["oid"]]), _M, "oid, appid or uti missing"),
    "an unknown oid": Case(lambda f: f.claiming(oid=ENTRA_TENANT), _M, "principal not in the directory"),
    "the application's oid": Case(
        lambda f: f.claiming(oid=f.world.administrator.application), _M, "principal not in the directory"
    ),
    "no appid": Case(lambda f: f.claiming("appid"), _M, "oid, appid or uti missing"),
    "another appid": Case(lambda f: f.claiming(appid=ENTRA_TENANT), _M, "appid is not the principal's"),
    "no uti": Case(lambda f: f.claiming("uti"), _M, "oid, appid or uti missing"),
    "a uti that is a number": Case(lambda f: f.claiming(uti=7), _M, "oid, appid or uti missing"),
    "a forged uti": Case(lambda f: f.claiming(uti="A" * 27), _M, "credential was removed"),
    "a uti in another case": Case(lambda f: f.claiming(uti=f.claims["uti"].swapcase()), _M, "credential was removed"),
    "a uti that is no text of ours": Case(lambda f: f.claiming(uti="é" * 27), _M, "credential was removed"),
    # What it is bound to.
    "certificate-bound": Case(
        lambda f: f.claiming(cnf={"x5t#S256": f.planted}), _M, "certificate-bound token sent as a bearer token"
    ),
    "bound to nothing": Case(
        lambda f: f.claiming(cnf=None), _M, "certificate-bound token sent as a bearer token"
    ),
    # Its form.
    "too long": Case(lambda f: f.claiming(groups=["x" * 12_300]), _M, "too_long"),
    "not ASCII": Case(lambda f: f.claiming() + "é", _M, "not_ascii"),
    "one segment": Case(lambda f: f.planted, _M, "segments"),
    "two segments": Case(lambda f: f.claiming().rpartition(".")[0], _M, "segments"),
    "four segments": Case(lambda f: f.claiming() + ".", _M, "segments"),
    "five segments": Case(lambda f: f"{f.claiming()}.a.b", _M, "segments"),
    "an empty header": Case(lambda f: f.respelled(0, lambda _: ""), _M, "base64url"),
    "an empty payload": Case(lambda f: f.respelled(1, lambda _: ""), _M, "base64url"),
    "a padded header": Case(lambda f: f.respelled(0, lambda text: text + "=" * (-len(text) % 4 or 1)), _M, "base64url"),
    "a padded signature": Case(lambda f: f.respelled(2, lambda text: f"{text}=="), _M, "base64url"),
    "a blank in it": Case(lambda f: f.respelled(1, lambda text: f"{text[:9]} {text[9:]}"), _M, "base64url"),
    "a stray bit": Case(lambda f: f.respelled(2, _stray_bits), _M, "base64url"),
    "plain base64": Case(lambda f: f.respelled(2, lambda text: f"+/{text[2:]}"), _M, "base64url"),
    "a header that is no JSON": Case(lambda f: f.signed(b"{", b"{}"), _M, "header_json"),
    "a header that is a list": Case(lambda f: f.signed(b"[]", b"{}"), _M, "header_not_object"),
    "a header with a byte order mark": Case(
        lambda f: f.signed(b"\xef\xbb\xbf" + json.dumps(f.header).encode(), b"{}"), _M, "header_json"
    ),
    "a payload that is no JSON": Case(lambda f: f.signed(json.dumps(f.header).encode(), b"x"), _M, "payload_json"),
    "a payload that is a list": Case(
        lambda f: f.signed(json.dumps(f.header).encode(), b"[{}]"), _M, "payload_not_object"
    ),
    "a payload of deep lists": Case(
        lambda f: f.signed(json.dumps(f.header).encode(), b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
        _M, "payload_json",
    ),
    "a claim twice": Case(lambda f: f.json_with("payload", '"exp":9999999999'), _M, "payload_json"),
    "alg twice": Case(lambda f: f.json_with("header", '"alg":"RS256"'), _M, "header_json"),
    "NaN": Case(lambda f: f.json_with("payload", '"a":NaN'), _M, "payload_json"),
    "infinity": Case(lambda f: f.json_with("payload", '"a":1e999'), _M, "payload_json"),
    "invalid UTF-8": Case(lambda f: f.json_with("payload", '"a":"\udcff"'), _M, "payload_json"),
    "another type": Case(lambda f: f.headed({"typ": "at+jwt"}), _M, "type"),
    "crit": Case(lambda f: f.headed({"crit": ["exp"]}), _M, "header_crit"),
    "a key of its own": Case(
        lambda f: f.by_stranger({"jwk": {"kty": "RSA", "n": f.planted, "e": "AQAB"}}), _M, "header_jwk"
    ),
    "an address of a key": Case(lambda f: f.by_stranger({"jku": "https://example/keys"}), _M, "header_jku"),
    "an address of a certificate": Case(lambda f: f.by_stranger({"x5u": "https://example/c"}), _M, "header_x5u"),
    "a certificate of its own": Case(lambda f: f.by_stranger({"x5c": [f.planted]}), _M, "header_x5c"),
    "an unencoded payload": Case(lambda f: f.headed({"b64": False}), _M, "header_b64"),
    "compressed": Case(lambda f: f.headed({"zip": "DEF"}), _M, "header_zip"),
    "any other parameter": Case(lambda f: f.headed({f.planted: "x"}), _M, "header_parameter"),
}  # fmt: skip
