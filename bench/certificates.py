"""
What a certificate costs that signs itself, against making its key and one signature with it, in the same run.

A certificate is made as a request makes it, without HTTP: its key and its request, the operation in the store, the
certificate, and its version with key and secret: two durable commits with their entries. They are made one after the
other. RSA keys differ in how long they take to be found, so the rounds of RSA do too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from bench.instance import make_instance
from bench.loop import run
from bench.measure import Measure, Round, compare
from strongroom import config
from strongroom.app.instance import open_instance
from strongroom.core.certificates import (
    PKCS12,
    SELF,
    AlternativeNames,
    CertificateKey,
    CertificatePolicy,
    IssuerParameters,
    X509Properties,
)
from strongroom.core.keys import Curve, KeyType
from strongroom.core.vaults import Vault
from strongroom.flow.world import World
from strongroom.objects import certificates
from strongroom.objects.keys import Unclaimed
from strongroom.vault.certificate_issuance import Outcome, make_step
from strongroom.vault.certificate_requests import draw_up, envelope_of

ROUNDS = 9
_MESSAGE = bytes(1000)
"""About what a certificate has that is signed."""


def measure_certificates(directory: Path) -> list[Measure]:
    """Measure certificates on P-256 and RSA-2048."""
    return run(_measure(directory))


async def _measure(directory: Path) -> list[Measure]:
    kinds: tuple[tuple[str, CertificateKey, int, Callable[[], object]], ...] = (
        ("P-256", CertificateKey(KeyType.EC, None, Curve.P256), 40, _p256),
        ("RSA-2048", CertificateKey(KeyType.RSA, 2048), 10, _rsa_2048),
    )
    made = list[Measure]()
    async with open_instance(config.load(make_instance(directory).data, {}, os.environ)) as opened:
        world, names = opened.world, count()
        vault = world.view.vault(opened.installation.vault)
        assert vault is not None
        for name, key, number, bare in kinds:
            rounds = list[Round]()
            for _ in range(ROUNDS + 1):
                begun = time.perf_counter()
                for _ in range(number):
                    await _make(world, vault, f"certificate-{next(names)}", key)
                done = time.perf_counter()
                for _ in range(number):
                    bare()
                rounds.append((number / (done - begun), number / (time.perf_counter() - done)))
            title = f"certificates a second, {name}, against key and signature"
            made.append(compare(title, rounds[1:], better="higher"))
    return made


async def _make(world: World, vault: Vault, name: str, key: CertificateKey) -> None:
    """Make a certificate."""
    now = world.now()
    x509 = X509Properties("CN=bench.example", AlternativeNames(("bench.example",)))
    policy = CertificatePolicy(key, PKCS12, x509, (), IssuerParameters(SELF), now, now)
    async with Unclaimed() as unclaimed:
        pending = await draw_up(world, vault, name, policy, unclaimed)
        committed = await world.store.commit(
            lambda tx: certificates.begin(
                tx, vault, lambda: envelope_of(world, vault), name, policy, pending, now=now, entropy=os.urandom
            )
        )
        unclaimed.claim()
    assert await make_step(world, vault, committed.result.stored) is Outcome.ISSUED


def _p256() -> object:
    return ec.generate_private_key(ec.SECP256R1()).sign(_MESSAGE, ec.ECDSA(hashes.SHA256()))


def _rsa_2048() -> object:
    return rsa.generate_private_key(65537, 2048).sign(_MESSAGE, padding.PKCS1v15(), hashes.SHA256())
