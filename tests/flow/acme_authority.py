"""
A simulated ACME authority (RFC 8555): strict about what it is sent, and as troublesome as a test wants.

It stands in the place of the way out. Signatures, nonces and URLs are really checked, names are really asked for where
they should be, and certificates are real; only the network is not there.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from strongroom.egress import Reply, Unreachable

HOST = "https://acme.example"
DIRECTORY = f"{HOST}/directory"
TERMS = f"{HOST}/terms"
_ERROR = "urn:ietf:params:acme:error:"


class _Refused(Exception):
    """The authority says no."""

    def __init__(self, kind: str, detail: str, status: int = 400, **headers: str) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status, self.headers = kind, detail, status, headers


@dataclass
class _Order:
    """An order and all that belongs to it."""

    number: int
    account: str
    names: list[str]
    authorizations: list[dict[str, Any]] = field(default_factory=list)
    status: str = "pending"
    error: dict[str, Any] | None = None
    chain: bytes = b""
    polls: int = 0


class Authority:
    """One authority. What a test may set is what it does wrong, or slowly."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.terms: str | None = TERMS
        self.external: dict[str, bytes] | None = None
        """The keys of external accounts; None if none is wanted."""
        self.http: Callable[[str, str], str | None] = lambda _domain, _token: None
        """What is answered at a domain's port 80 for a token."""
        self.records: set[tuple[str, str]] = set()
        """TXT records that there are."""
        self.bad_nonces = 0
        self.down = False
        self.hangs = False
        self.answers: list[tuple[str, Reply]] = []
        """What is answered instead, to the first request whose path has the text."""
        self.retry_after: str | None = None
        self.slow = 0
        """How many polls an order is `processing` for."""
        self.wrong_key = False
        self.asked: list[tuple[str, str]] = []
        """Every request, by method and path."""
        self.issued = 0
        self.accounts: dict[str, dict[str, Any]] = {}
        self.orders: dict[int, _Order] = {}
        self._nonces: set[str] = set()
        self._count = itertools.count(1)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._root()

    # ---- the way in ---------------------------------------------------------------------------------------------

    async def exchange(
        self,
        url: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        content_type: str = "",
        accept: str = "application/json",
    ) -> Reply:
        """Answer as `Egress.exchange` would hand it over."""
        path = urlsplit(url).path
        self.asked.append((method, path))
        if self.hangs:
            await asyncio.sleep(60)
        if self.down:
            raise Unreachable("no whole answer in time")
        for place, (part, reply) in enumerate(self.answers):
            if part in path:
                del self.answers[place]
                return reply
        assert url.startswith(HOST), url
        try:
            return self._answer(url, path, method, body, content_type, accept)
        except _Refused as refused:
            problem = {"type": _ERROR + refused.kind, "detail": refused.detail, "status": refused.status}
            return self._reply(refused.status, problem, **refused.headers)

    def _answer(self, url: str, path: str, method: str, body: bytes, content_type: str, accept: str) -> Reply:
        """Say what a path is."""
        if path == "/directory":
            meta = {"termsOfService": self.terms, "externalAccountRequired": self.external is not None}
            names = {name: f"{HOST}/{name}" for name in ("newNonce", "newAccount", "newOrder", "revokeCert")}
            document = {**names, "meta": meta, "random": "https://community.example"}
            # Nonces come with answers to POST, and for the asking (section 6.5).
            return Reply(200, {}, json.dumps(document).encode())
        if path == "/newNonce":
            assert method == "HEAD"
            return self._reply(200, None)
        assert (method, content_type) == ("POST", "application/jose+json")
        account, payload = self._verified(url, body, new=path == "/newAccount")
        if path == "/newAccount":
            return self._new_account(account, payload)
        if path.startswith("/acct/"):
            if payload == {"status": "deactivated"}:
                self.accounts[account]["status"] = "deactivated"
            elif payload is not None:
                self.accounts[account] |= payload
            return self._reply(200, {"status": self.accounts[account]["status"]})
        if path == "/newOrder":
            return self._new_order(account, payload)
        return self._of_order(account, path, payload, accept)

    def _of_order(self, account: str, path: str, payload: Any, accept: str) -> Reply:
        kind, number, *rest = path.strip("/").split("/")
        order = self.orders.get(int(number))
        if order is None or order.account != account:
            raise _Refused("malformed", "No such resource", 404)
        match kind:
            case "order":
                assert payload is None
                return self._show(order)
            case "authz":
                return self._authorization(order.authorizations[int(rest[0])], payload)
            case "chall":
                assert payload == {}
                return self._challenge(order, int(rest[0]), rest[1])
            case "finalize":
                return self._finalize(order, payload)
            case _:
                assert (kind, payload, accept) == ("cert", None, "application/pem-certificate-chain")
                alternate = f'<{HOST}/cert/{number}/1>;rel="alternate"'
                return self._reply(200, order.chain, link=alternate)

    # ---- requests -----------------------------------------------------------------------------------------------

    def _verified(self, url: str, body: bytes, *, new: bool) -> tuple[str, Any]:
        message = json.loads(body)
        assert set(message) == {"protected", "payload", "signature"}
        header = json.loads(_decoded(message["protected"]))
        assert set(header) == {"alg", "nonce", "url", "jwk" if new else "kid"}
        assert (header["alg"], header["url"]) == ("ES256", url)
        if new:
            jwk = header["jwk"]
            assert set(jwk) == {"crv", "kty", "x", "y"}, "the private part is nobody's business"
        elif header["kid"] not in self.accounts or self.accounts[header["kid"]]["status"] != "valid":
            raise _Refused("accountDoesNotExist", "No such account")
        else:
            jwk = self.accounts[header["kid"]]["jwk"]
        _verify(jwk, message)
        if header["nonce"] not in self._nonces or self.bad_nonces > 0:
            self.bad_nonces -= 1
            raise _Refused("badNonce", "The nonce is not one of ours")
        self._nonces.remove(header["nonce"])
        content = _decoded(message["payload"])
        return (json.dumps(jwk) if new else header["kid"]), (json.loads(content) if content else None)

    def _new_account(self, jwk: str, payload: dict[str, Any]) -> Reply:
        if self.terms and not payload["termsOfServiceAgreed"]:
            raise _Refused("userActionRequired", "Agree first", 403)
        if self.external is not None:
            bound = payload["externalAccountBinding"]
            header = json.loads(_decoded(bound["protected"]))
            assert (header["alg"], header["url"]) == ("HS256", f"{HOST}/newAccount")
            assert json.loads(_decoded(bound["payload"])) == json.loads(jwk)
            key = self.external.get(header["kid"], b"another")
            mac = hmac.digest(key, f"{bound['protected']}.{bound['payload']}".encode(), "sha256")
            if mac != _decoded(bound["signature"]):
                raise _Refused("unauthorized", "The external account binding is wrong", 403)
        url = f"{HOST}/acct/{next(self._count)}"
        self.accounts[url] = {"jwk": json.loads(jwk), "status": "valid", "contact": payload.get("contact", [])}
        return self._reply(201, {"status": "valid"}, location=url)

    def _new_order(self, account: str, payload: dict[str, Any]) -> Reply:
        assert all(one["type"] == "dns" for one in payload["identifiers"])
        names = [one["value"] for one in payload["identifiers"]]
        if any(name.endswith(".forbidden.example") for name in names):
            raise _Refused("rejectedIdentifier", "Policy forbids issuing for\r\n\tthe name\x1b[31m", 403)
        order = _Order(next(self._count), account, names)
        self.orders[order.number] = order
        for place, name in enumerate(names):
            kinds = ["dns-01"] if name.startswith("*.") else ["http-01", "dns-01", "tls-alpn-01"]
            challenges = [
                {
                    "type": kind,
                    "url": f"{HOST}/chall/{order.number}/{place}/{kind}",
                    "status": "pending",
                    "token": base64.urlsafe_b64encode(hashlib.sha256(f"{order.number} {place}".encode()).digest())
                    .rstrip(b"=")
                    .decode(),
                }
                for kind in kinds
            ]
            bare = name.removeprefix("*.")
            order.authorizations.append(
                {"identifier": {"type": "dns", "value": bare}, "status": "pending", "challenges": challenges}
            )
        return self._show(order, 201)

    def _authorization(self, one: dict[str, Any], payload: Any) -> Reply:
        if payload is not None:
            assert payload == {"status": "deactivated"}
            one["status"] = "deactivated"
        return self._reply(200, one)

    def _challenge(self, order: _Order, place: int, kind: str) -> Reply:
        authorization = order.authorizations[place]
        challenge = next(one for one in authorization["challenges"] if one["type"] == kind)
        domain, token = authorization["identifier"]["value"], challenge["token"]
        thumbprint = _thumbprint(self.accounts[order.account]["jwk"])
        expected = f"{token}.{thumbprint}"
        if kind == "http-01":
            is_proved = self.http(domain, token) == expected
        else:
            value = _encoded(hashlib.sha256(expected.encode()).digest())
            is_proved = (f"_acme-challenge.{domain}", value) in self.records
        challenge["status"] = authorization["status"] = "valid" if is_proved else "invalid"
        if not is_proved:
            challenge["error"] = {"type": f"{_ERROR}unauthorized", "detail": f"{domain} did not answer as it should"}
            order.status = "invalid"
        elif all(one["status"] == "valid" for one in order.authorizations):
            order.status = "ready"
        return self._reply(200, challenge)

    def _finalize(self, order: _Order, payload: dict[str, Any]) -> Reply:
        if order.status != "ready":
            raise _Refused("orderNotReady", "The order is not ready", 403)
        request = x509.load_der_x509_csr(_decoded(payload["csr"]))
        assert request.is_signature_valid
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        common = [str(one.value) for one in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        asked = {
            *map(str.lower, names.get_values_for_type(x509.DNSName)),
            *(one.lower() for one in common if "." in one),
        }
        if asked != set(order.names):
            raise _Refused("badCSR", "The names are not those of the order")
        order.chain, order.status = self.issue(request), "processing"
        self.issued += 1
        order.polls = 0
        return self._show(order)

    def _show(self, order: _Order, status: int = 200) -> Reply:
        if order.status == "processing":
            order.polls += 1
            if order.polls > self.slow:
                order.status = "valid"
        shown: dict[str, Any] = {
            "status": order.status,
            "identifiers": [{"type": "dns", "value": name} for name in order.names],
            "authorizations": [f"{HOST}/authz/{order.number}/{place}" for place in range(len(order.names))],
            "finalize": f"{HOST}/finalize/{order.number}",
        }
        if order.status == "valid":
            shown["certificate"] = f"{HOST}/cert/{order.number}"
        if order.error is not None:
            shown["error"] = order.error
        more = {} if self.retry_after is None else {"retry_after": self.retry_after}
        return self._reply(status, shown, location=f"{HOST}/order/{order.number}", **more)

    def _reply(self, status: int, body: Any, **headers: str) -> Reply:
        nonce = f"nonce-{next(self._count)}"
        self._nonces.add(nonce)
        told = {name.replace("_", "-"): (value,) for name, value in headers.items()}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return Reply(status, {"replay-nonce": (nonce,), **told}, content)

    # ---- certificates -------------------------------------------------------------------------------------------

    def _root(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated authority")])
        extension = x509.BasicConstraints(ca=True, path_length=None)
        return self._signed(name, self._key.public_key(), extension, days=3650)

    def issue(self, request: x509.CertificateSigningRequest) -> bytes:
        """Issue for a request, and give the chain."""
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key = ec.generate_private_key(ec.SECP256R1()).public_key() if self.wrong_key else request.public_key()
        leaf = self._signed(request.subject, key, names)
        return b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, self.certificate))

    def _signed(
        self, subject: x509.Name, key: Any, extension: x509.ExtensionType, *, days: int = 90
    ) -> x509.Certificate:
        now = datetime.fromtimestamp(self.clock(), UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated authority")]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )


def problem(kind: str, detail: str = "No", status: int = 400, **headers: str) -> Reply:
    """Make a refusal that a test has answered."""
    body = json.dumps({"type": _ERROR + kind, "detail": detail}).encode()
    return Reply(status, {name.replace("_", "-"): (value,) for name, value in headers.items()}, body)


def _verify(jwk: dict[str, str], message: dict[str, str]) -> None:
    x, y = (int.from_bytes(_decoded(jwk[name])) for name in ("x", "y"))
    signature = _decoded(message["signature"])
    encoded = utils.encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
    signed = f"{message['protected']}.{message['payload']}".encode()
    try:
        ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key().verify(
            encoded, signed, ec.ECDSA(hashes.SHA256())
        )
    except InvalidSignature:
        raise _Refused("malformed", "The signature is wrong") from None


def _thumbprint(jwk: dict[str, str]) -> str:
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return _encoded(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def _decoded(text: str) -> bytes:
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
