"""
What a use of a key costs the server, against what the library takes for the same operation in the same run.

A use is a request like getting a secret is, and an operation on top: its limit is what a request costs and a multiple
of the bare operation; for RSA the operation is so long that the request may add no more than a part of it. What one
client's long operations do to the reads of another is told as the time that all but one of a hundred reads take.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from bench.client import ask_json
from bench.instance import Instance, make_instance
from bench.limits import Server
from bench.load import connections, request
from bench.measure import Measure, Round, compare
from bench.served import CONNECTIONS, SECRET_PATH, prepare

_API = "?api-version=7.4"
_DIGEST = bytes(range(32))
_WRAPPING = bytes(range(32))
ROUNDS = 15
USES = 320
"""Each round, of each kind of request."""
RAW = 400
READS = 400
"""Each round, undisturbed and disturbed."""


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a key, and the same operation without a service."""

    name: str
    path: str
    body: dict[str, str]
    raw: Callable[[], object]
    target: float
    """Of the ratio to what a request costs and *weight* operations."""
    weight: float
    with_request: bool = True
    """Whether a request's cost is part of the limit."""


def measure_keys(directory: Path) -> list[Measure]:
    """Measure each use, and reads beside long ones."""
    instance = make_instance(directory)
    with instance.serving(directory / "strongroom.log") as server:
        prepare(instance)
        return _measure(instance, server)


def _measure(instance: Instance, server: Server) -> list[Measure]:
    token = instance.token()
    uses = _uses(instance, token)
    get = request(instance.vault, "GET", SECRET_PATH, token=token)
    contents = {use.name: _post(instance, use.path, use.body, token) for use in uses}
    rounds: dict[str, list[Round]] = {use.name: [] for use in uses}
    with connections(instance.vault, CONNECTIONS) as opened:

        def cost(content: bytes) -> float:
            before = server.cpu_s()
            for _ in opened.answers([content] * USES):
                pass
            return (server.cpu_s() - before) / USES * 1e6

        for content in (get, *contents.values()):
            cost(content)
        for _ in range(ROUNDS):
            reading = cost(get)
            for use in uses:
                limit = (reading if use.with_request else 0.0) + use.weight * _raw_cost(use.raw)
                rounds[use.name].append((cost(contents[use.name]), limit))
    measures = [compare(use.name, rounds[use.name], better="lower", target=use.target) for use in uses]
    return [*measures, _measure_reads(instance, token, get)]


def _uses(instance: Instance, token: str) -> list[Use]:
    digest = _text(_DIGEST)
    sha256 = utils.Prehashed(hashes.SHA256())
    large, small = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    made = small.sign(_DIGEST, ec.ECDSA(sha256))
    rsa_key = _key(instance, token, "bench-rsa", {"kty": "RSA", "key_size": 2048})
    ec_key = _key(instance, token, "bench-ec", {"kty": "EC", "crv": "P-256"})
    oct_key = _key(instance, token, "bench-oct", {"kty": "oct", "key_size": 256})
    signature = ask_json(
        instance.vault, "POST", f"{ec_key}/sign{_API}", token=token, content={"alg": "ES256", "value": digest}
    )
    wrapped = ask_json(
        instance.vault, "POST", f"{oct_key}/wrapkey{_API}", token=token, content={"alg": "A256KW", "value": digest}
    )
    own = aes_key_wrap(_WRAPPING, _DIGEST)
    return [
        Use(
            "sign with RSA-2048, CPU us, against the bare signature",
            f"{rsa_key}/sign",
            {"alg": "RS256", "value": digest},
            lambda: large.sign(_DIGEST, padding.PKCS1v15(), sha256),
            target=1.3,
            weight=1.0,
            with_request=False,
        ),
        Use(
            "sign with P-256, CPU us, against GET secret and 1.5 bare signatures",
            f"{ec_key}/sign",
            {"alg": "ES256", "value": digest},
            lambda: small.sign(_DIGEST, ec.ECDSA(sha256)),
            target=1.0,
            weight=1.5,
        ),
        Use(
            "verify with P-256, CPU us, against GET secret and 1.5 bare verifications",
            f"{ec_key}/verify",
            {"alg": "ES256", "digest": digest, "value": signature["value"]},
            lambda: small.public_key().verify(made, _DIGEST, ec.ECDSA(sha256)),
            target=1.0,
            weight=1.5,
        ),
        Use(
            "unwrap with AES-256, CPU us, against GET secret and 2 bare unwraps",
            f"{oct_key}/unwrapkey",
            {"alg": "A256KW", "value": wrapped["value"]},
            lambda: aes_key_unwrap(_WRAPPING, own),
            target=1.0,
            weight=2.0,
        ),
    ]


def _measure_reads(instance: Instance, token: str, get: bytes) -> Measure:
    """Compare how long reads take beside a client that signs without a pause with what they take alone."""
    key = _key(instance, token, "bench-long", {"kty": "RSA", "key_size": 4096})
    sign = _post(instance, f"{key}/sign", {"alg": "RS256", "value": _text(_DIGEST)}, token)
    rounds: list[Round] = []
    for _ in range(ROUNDS):
        with ExitStack() as stack:
            alone = _p99(instance, get)
            stack.enter_context(_signing(instance, sign))
            rounds.append((_p99(instance, get), alone))
    return compare("GET secret, p99 ms, beside RSA-4096 signatures, against alone", rounds, better="lower", target=4.0)


def _p99(instance: Instance, get: bytes) -> float:
    """Read from one connection, and return what all but one of a hundred reads take, in milliseconds."""
    times: list[float] = []
    with connections(instance.vault, 1) as opened:
        begun = time.perf_counter()
        for _ in opened.answers([get] * READS):
            done = time.perf_counter()
            times.append((done - begun) * 1e3)
            begun = done
    return sorted(times)[READS * 99 // 100]


@contextmanager
def _signing(instance: Instance, sign: bytes) -> Iterator[None]:
    """Sign from another connection, one signature after the other, for as long as the block lasts."""
    done = threading.Event()

    def run() -> None:
        with connections(instance.vault, 1) as opened:
            for _ in opened.answers(iter(lambda: sign, None)):
                if done.is_set():
                    return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _raw_cost(raw: Callable[[], object]) -> float:
    before = time.process_time()
    for _ in range(RAW):
        raw()
    return (time.process_time() - before) / RAW * 1e6


def _key(instance: Instance, token: str, name: str, content: dict[str, Any]) -> str:
    """Make a key, and return the path of its version."""
    made = ask_json(instance.vault, "POST", f"/keys/{name}/create{_API}", token=token, content=content)
    kid: str = made["key"]["kid"]
    return kid[kid.index("/keys/") :]


def _post(instance: Instance, path: str, body: dict[str, str], token: str) -> bytes:
    return request(instance.vault, "POST", f"{path}{_API}", token=token, body=json.dumps(body).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
