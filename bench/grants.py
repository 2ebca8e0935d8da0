"""
What a token costs by each grant, as CPU time of the server, against one RSA-2048 signature.

By client secret, by a certificate's assertion, by refresh token, and by a user's password, whose Argon2id is meant to
cost what it costs: its line has no other purpose than to say how many sign-ins a machine can take.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import time
from collections.abc import Callable
from urllib.parse import urlencode

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from bench.client import ask_json
from bench.instance import Instance
from bench.limits import Server
from bench.load import Connections, connections, request
from bench.measure import Measure, Round, compare

ROUNDS = 15
TOKENS = 40
SIGN_INS = 4
"""Fewer, because each costs as much as a password should."""
_SIGNED_BYTES = 1000
_PUBLIC_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""Azure CLI's."""
_SCOPE = "https://vault.azure.net/.default offline_access"
_FORM = "application/x-www-form-urlencoded"
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Batch = Callable[[Connections], int]
"""Asks for tokens, and says how many were had."""


def measure_grants(instance: Instance, server: Server) -> list[Measure]:
    """Measure each grant. The server is running, with the password grant allowed."""
    batches = {
        "a client secret": _same(instance, instance.token_form()),
        "a certificate": _same(instance, _assertion_form(instance)),
        "a refresh token": _refreshing(instance),
        "a password": _same(instance, _password_form(instance), SIGN_INS),
    }
    key = generate_private_key(public_exponent=65537, key_size=2048)
    rounds: dict[str, list[Round]] = {name: [] for name in batches}
    with connections(instance.login, 1) as opened:
        for _ in range(ROUNDS + 1):
            for name, batch in batches.items():
                before = server.cpu_s()
                count = batch(opened)
                used = server.cpu_s() - before
                rounds[name].append((used / count * 1e6, _signature_us(key)))
    # The first one loaded the libraries that sign and check.
    return [
        compare(f"token by {name}, CPU us, against one RSA-2048 signature", made[1:], better="lower")
        for name, made in rounds.items()
    ]


def _same(instance: Instance, form: bytes, count: int = TOKENS) -> Batch:
    content = request(instance.login, "POST", instance.token_path, body=form, content_type=_FORM)

    def batch(opened: Connections) -> int:
        for answer in opened.answers([content] * count):
            assert b'"access_token":' in answer, "no token"
        return count

    return batch


def _refreshing(instance: Instance) -> Batch:
    """Use each refresh token once: the answer brings the next."""
    latest = ""

    def ask(opened: Connections, form: bytes) -> str:
        content = request(instance.login, "POST", instance.token_path, body=form, content_type=_FORM)
        (answer,) = opened.answers([content])
        token: str = json.loads(answer)["refresh_token"]
        return token

    def batch(opened: Connections) -> int:
        nonlocal latest
        latest = latest or ask(opened, _password_form(instance))
        for _ in range(TOKENS):
            latest = ask(opened, _form(grant_type="refresh_token", client_id=_PUBLIC_CLIENT, refresh_token=latest))
        return TOKENS

    return batch


def _password_form(instance: Instance) -> bytes:
    return _form(
        grant_type="password",
        client_id=_PUBLIC_CLIENT,
        username=instance.user_name,
        password=instance.user_password,
    )


def _assertion_form(instance: Instance) -> bytes:
    """Register a certificate for the first application, and write a request by its assertion."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")]), dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, SHA256())
    )
    der = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")
    body = {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": der}]}
    path = f"/v1.0/applications(appId='{instance.client_id}')"
    ask_json(instance.graph, "PATCH", path, token=instance.token("https://graph.microsoft.com"), content=body)
    claims = {
        "aud": f"https://{instance.login.host}{instance.token_path}",
        "iss": instance.client_id,
        "sub": instance.client_id,
        "jti": "bench",
        "nbf": int(time.time()),
        "exp": int(time.time()) + 3600,
    }
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(SHA1())).decode("ascii")  # noqa: S303  it only names
    assertion = jwt.encode(claims, key, algorithm="RS256", headers={"x5t": thumbprint.rstrip("=")})
    return _form(
        grant_type="client_credentials",
        client_id=instance.client_id,
        client_assertion_type=_JWT_BEARER,
        client_assertion=assertion,
    )


def _form(**members: str) -> bytes:
    scope = _SCOPE if members["grant_type"] != "client_credentials" else _SCOPE.split(maxsplit=1)[0]
    return urlencode({"scope": scope, **members}).encode("ascii")


def _signature_us(key: RSAPrivateKey) -> float:
    content = os.urandom(_SIGNED_BYTES)
    before = time.process_time()
    for _ in range(TOKENS):
        key.sign(content, PKCS1v15(), SHA256())
    return (time.process_time() - before) / TOKENS * 1e6
