"""
What a token costs, against the one part of it that cannot be saved: its RSA-2048 signature.

The limit is the same library's signature over as many bytes, made here. A token is measured twice: where it is issued,
as a rate with one thread that signs; and whole, as the CPU time that a request to the token endpoint takes.
"""

from __future__ import annotations

import asyncio
import os
import time

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from bench.instance import Instance
from bench.limits import Server
from bench.load import connections, request
from bench.loop import run
from bench.measure import Measure, Round, compare
from strongroom import config
from strongroom.app.instance import Opened, open_instance
from strongroom.core.identity import Credential, ServicePrincipal
from strongroom.core.names import Surface
from strongroom.core.oauth import SECRET_CLIENT, Resource
from strongroom.crypto.token_signers import TokenSigners
from strongroom.directory.tokens import Mint, issue_to_application

ROUNDS = 25
TOKENS = 60
AT_ONCE = 4
"""Requests under way at a time, so that a thread which has signed finds the next claims ready."""
_SIGNED_BYTES = 1000
"""About what a token's header and payload come to."""
_AUDIENCE = "https://vault.azure.net"


def measure_issue(instance: Instance) -> list[Measure]:
    """Measure the rate at which tokens are issued with one thread that signs. The instance must not be serving."""
    return [
        compare(
            "tokens issued a second, against RSA-2048 signatures",
            run(_alternate(instance)),
            better="higher",
            target=0.75,
        )
    ]


def measure_endpoint(instance: Instance, server: Server) -> list[Measure]:
    """Measure what a request for a token costs the server: TLS, the client's secret, claims, signature and audit."""
    content = request(
        instance.login,
        "POST",
        instance.token_path,
        body=instance.token_form(),
        content_type="application/x-www-form-urlencoded",
    )
    key, rounds = _signing_key(), list[Round]()
    with connections(instance.login, AT_ONCE) as opened:
        for _ in range(ROUNDS + 1):
            before = server.cpu_s()
            for answer in opened.answers([content] * TOKENS):
                assert b'"access_token":' in answer, "no token"
            used = server.cpu_s() - before
            before = time.process_time()
            _sign(key)
            rounds.append((used / TOKENS * 1e6, (time.process_time() - before) / TOKENS * 1e6))
    # The first one loaded the library that signs.
    return [compare("token request, CPU us, against one RSA-2048 signature", rounds[1:], better="lower")]


async def _alternate(instance: Instance) -> list[Round]:
    """Issue tokens and make signatures in turn, and return both rates by round."""
    key, rounds = _signing_key(), list[Round]()
    async with open_instance(config.load(instance.data, {}, os.environ)) as opened:
        signers = TokenSigners(threads=1)
        mint = Mint(opened.keys, signers, opened.world.view, opened.world.entropy, "https://login.localhost")
        principal, credential = _client(opened, instance)
        for _ in range(ROUNDS + 1):
            begun = time.perf_counter()
            await _issue(mint, principal, credential)
            issued = time.perf_counter()
            _sign(key)
            rounds.append((TOKENS / (issued - begun), TOKENS / (time.perf_counter() - issued)))
        signers.close()
    return rounds[1:]


async def _issue(mint: Mint, principal: ServicePrincipal, credential: Credential) -> None:
    resource = Resource(Surface.VAULT, _AUDIENCE)
    left = iter(range(TOKENS))

    async def ask() -> None:
        for _ in left:
            await issue_to_application(
                mint, principal, credential, appidacr=SECRET_CLIENT, resource=resource, now=int(time.time())
            )

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))


def _sign(key: RSAPrivateKey) -> None:
    content = os.urandom(_SIGNED_BYTES)
    for _ in range(TOKENS):
        key.sign(content, PKCS1v15(), SHA256())


def _signing_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def _client(opened: Opened, instance: Instance) -> tuple[ServicePrincipal, Credential]:
    view = opened.world.view
    application = view.application_by_app_id(instance.client_id)
    principal = view.service_principal_by_app_id(instance.tenant, instance.client_id)
    assert application is not None
    assert principal is not None
    (credential,) = view.credentials_of(application.id)
    return principal, credential
