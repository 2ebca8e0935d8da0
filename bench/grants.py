"""
What a token costs by each grant, against one RSA-2048 signature: CPU time of the server, and tokens a second.

A password's line has no other purpose than to say how many sign-ins a machine can take: Argon2id is meant to cost what
it costs. What a person does before a program gets a token, at the pages of signing in, is not measured.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlencode

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from bench.administrator import AZURE_CLI, FORM, VAULT_SCOPE, Administrator, place_of
from bench.client import ask
from bench.instance import VAULT_RESOURCE, Instance
from bench.limits import Server
from bench.load import Connections, Site, connections, request
from bench.measure import Measure, Round, compare

ROUNDS = 15
TOKENS = 40
CODES = 16
"""Fewer, because for each there is a page before it, and a source has an allowance of those."""
SIGN_INS = 4
"""Fewer still, because each costs as much as a password should."""
_SIGNED_BYTES = 1000
_ISSUER = "https://issuer.bench.example"
_EXCHANGE = "api://AzureADTokenExchange"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"

Batch = Callable[[Connections], int]
"""Asks for tokens, and says how many were had."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A way of getting tokens."""

    site: Site
    prepare: Callable[[], Batch]
    """Makes a round's requests; what that costs is not measured."""


def measure_grants(instance: Instance, server: Server) -> list[Measure]:
    """Measure each grant. The server is running, with the password grant and device codes allowed."""
    grants = _grants(instance, Administrator(instance))
    key = generate_private_key(public_exponent=65537, key_size=2048)
    used: dict[str, list[Round]] = {name: [] for name in grants}
    rates: dict[str, list[Round]] = {name: [] for name in grants}
    with ExitStack() as stack:
        opened = {name: stack.enter_context(connections(grant.site, 1)) for name, grant in grants.items()}
        for _ in range(ROUNDS + 1):
            for name, grant in grants.items():
                batch = grant.prepare()
                before, begun = server.cpu_s(), time.perf_counter()
                count = batch(opened[name])
                taken, cpu = time.perf_counter() - begun, server.cpu_s() - before
                signature_cpu_us, signatures_a_second = _signatures(key)
                used[name].append((cpu / count * 1e6, signature_cpu_us))
                rates[name].append((count / taken, signatures_a_second))
    # The first one loaded the libraries that sign and check.
    return [
        *(
            compare(f"token by {name}, CPU us, against one RSA-2048 signature", made[1:], better="lower")
            for name, made in used.items()
        ),
        *(
            compare(f"tokens by {name} a second, against RSA-2048 signatures", made[1:], better="higher")
            for name, made in rates.items()
        ),
    ]


def _grants(instance: Instance, admin: Administrator) -> dict[str, Grant]:
    login = instance.login
    return {
        "a client secret": Grant(login, _same(instance, instance.token_form())),
        "a certificate": Grant(login, _same(instance, _certificate_form(instance, admin))),
        "a federated assertion": Grant(login, _same(instance, _federated_form(admin))),
        "a refresh token": Grant(login, _refreshing(instance)),
        "an authorization code": Grant(login, _redeeming(instance, admin)),
        "a device code": Grant(login, _polling(instance, admin)),
        "on-behalf-of": Grant(login, _same(instance, _obo_form(admin))),
        "a managed identity": _identity(admin),
        "a password": Grant(login, _same(instance, _password_form(instance), SIGN_INS)),
    }


# ---- requests that are the same every time --------------------------------------------------------------------------


def _same(instance: Instance, form: bytes, count: int = TOKENS) -> Callable[[], Batch]:
    return lambda: _asking([_post(instance, form)] * count)


def _post(instance: Instance, form: bytes) -> bytes:
    return request(instance.login, "POST", instance.token_path, body=form, content_type=FORM)


def _asking(requests: list[bytes]) -> Batch:
    def batch(opened: Connections) -> int:
        for answer in opened.answers(requests):
            assert b'"access_token":' in answer, "no token"
        return len(requests)

    return batch


def _password_form(instance: Instance) -> bytes:
    return _form(
        grant_type="password",
        client_id=AZURE_CLI,
        username=instance.user_name,
        password=instance.user_password,
        scope=f"{VAULT_SCOPE} offline_access",
    )


def _certificate_form(instance: Instance, admin: Administrator) -> bytes:
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
    admin.graph("PATCH", f"applications(appId='{instance.client_id}')", body)
    audience = f"https://{instance.login.host}{instance.token_path}"
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(SHA1())).decode("ascii")  # noqa: S303  it only names
    headers = {"x5t": thumbprint.rstrip("=")}
    return _assertion_form(instance.client_id, _assertion(key, instance.client_id, audience, headers))


def _federated_form(admin: Administrator) -> bytes:
    """Trust an issuer by its key, let it speak for an application, and write a request by its assertion."""
    key, app = generate_private_key(public_exponent=65537, key_size=2048), admin.add_app()
    published = {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "bench", "use": "sig"}
    published.pop("key_ops", None)
    admin.control("POST", "/issuers", {"issuer": _ISSUER, "keys": {"keys": [published]}})
    body = {"name": "bench", "issuer": _ISSUER, "subject": "workload", "audiences": [_EXCHANGE]}
    admin.graph("POST", f"applications/{app.id}/federatedIdentityCredentials", body)
    return _assertion_form(app.app_id, _assertion(key, "workload", _EXCHANGE, {"kid": "bench"}, issuer=_ISSUER))


def _assertion(key: RSAPrivateKey, subject: str, audience: str, headers: dict[str, str], issuer: str = "") -> str:
    now = int(time.time())
    claims = {
        "aud": audience,
        "iss": issuer or subject,
        "sub": subject,
        "jti": "bench",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    }
    return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def _assertion_form(client_id: str, assertion: str) -> bytes:
    return _form(
        grant_type="client_credentials",
        client_id=client_id,
        client_assertion_type=_ASSERTION_TYPE,
        client_assertion=assertion,
        scope=VAULT_SCOPE,
    )


def _obo_form(admin: Administrator) -> bytes:
    """Have a web application call an API for a user, and write the API's request."""
    who, client, (api, scope) = admin.add_person(), admin.add_app(), admin.add_api()
    admin.let_call(client, api)
    return _form(**admin.obo_form(api, admin.assertion(who, client, scope)))


def _identity(admin: Administrator) -> Grant:
    """Lend the first managed identity to a run, which asks in App Service's form."""
    run = admin.control("POST", "/run", {})
    site, path = place_of(run["identityEndpoint"])
    target, headers = f"{path}?api-version=2019-08-01&resource={VAULT_RESOURCE}", run["identityHeader"]
    content = request(site, "GET", target, headers={"X-IDENTITY-HEADER": headers})
    return Grant(site, lambda: _asking([content] * TOKENS))


# ---- requests of which each is good once ----------------------------------------------------------------------------


def _refreshing(instance: Instance) -> Callable[[], Batch]:
    """Use each refresh token once: the answer brings the next."""
    latest = ""

    def ask_with(opened: Connections, form: bytes) -> str:
        (answer,) = opened.answers([_post(instance, form)])
        token: str = json.loads(answer)["refresh_token"]
        return token

    def batch(opened: Connections) -> int:
        nonlocal latest
        latest = latest or ask_with(opened, _password_form(instance))
        for _ in range(TOKENS):
            form = {"client_id": AZURE_CLI, "refresh_token": latest, "scope": f"{VAULT_SCOPE} offline_access"}
            latest = ask_with(opened, _form(grant_type="refresh_token", **form))
        return TOKENS

    return lambda: batch


def _redeeming(instance: Instance, admin: Administrator) -> Callable[[], Batch]:
    """Redeem codes of a web application, whose user is signed in at a browser."""
    who, client, browser = admin.add_person(), admin.add_client(), admin.browser()

    def redemption() -> bytes:
        return _post(instance, _form(**admin.code_form(client, admin.code(browser, who, client.app_id))))

    return lambda: _asking([redemption() for _ in range(CODES)])


def _polling(instance: Instance, admin: Administrator) -> Callable[[], Batch]:
    """Get tokens on devices that their user has let in."""
    who = admin.add_person()

    def poll() -> bytes:
        body = _form(client_id=AZURE_CLI, scope=VAULT_SCOPE)
        path = f"/{instance.tenant}/oauth2/v2.0/devicecode"
        status, answer = ask(instance.login, "POST", path, body=body, headers={"Content-Type": FORM})
        assert status == 200, f"no device code: {answer.decode(errors='replace')}"
        told, browser = json.loads(answer), admin.browser()
        page = browser.send(browser.open(f"{instance.tenant}/oauth2/deviceauth"), user_code=told["user_code"])
        page = browser.send(page, username=who.name, password=who.password)
        assert browser.send(page, answer="yes").status == 200, "the device was not let in"
        return _post(instance, _form(grant_type=_DEVICE_CODE, client_id=AZURE_CLI, device_code=told["device_code"]))

    return lambda: _asking([poll() for _ in range(SIGN_INS)])


def _form(**members: str) -> bytes:
    return urlencode(members).encode("ascii")


def _signatures(key: RSAPrivateKey) -> tuple[float, float]:
    """Measure the limit: the CPU time of one signature, in microseconds, and how many are made in a second."""
    content = os.urandom(_SIGNED_BYTES)
    before, begun = time.process_time(), time.perf_counter()
    for _ in range(TOKENS):
        key.sign(content, PKCS1v15(), SHA256())
    taken, cpu = time.perf_counter() - begun, time.process_time() - before
    return cpu / TOKENS * 1e6, TOKENS / taken
