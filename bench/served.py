"""
What a request costs the server, as CPU time, against servers that answer a constant of the same bytes.

CPU time and not time, because the load and the server share the machine: how long a request takes says as much about
who else was running. All servers are up at once and are asked in turn, in another order each round.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from bench.client import ask, ask_json
from bench.instance import Instance
from bench.limits import Server, bare, has_nginx, nginx
from bench.load import connections, request
from bench.measure import Measure, Round, compare

CONNECTIONS = 32
IP_RULES = 1000
ROUNDS = 25
REQUESTS = 1280
"""Each round, of each server: a tenth of a second, so that what else the machine does meets all of them alike."""
COLD_REQUESTS = 96
"""Fewer, because each needs a token of its own, and a token costs a signature."""
SETS = 50
_API = "?api-version=7.4"
SECRET_PATH = f"/secrets/bench{_API}"
_LIST_PATH = f"/secrets{_API}"
_LISTED = 25
VALUE = "correct horse battery staple, fifty bytes of value"

Batch = Callable[[], list[bytes]]
"""Makes the requests of one round; what that costs is not measured."""


def prepare(instance: Instance) -> None:
    """Close the vault but to this machine, with as many rules as a vault may have, and put a page of secrets in it."""
    instance.restrict(IP_RULES)
    token = instance.token()
    for name in ("bench", *(f"bench-{index}" for index in range(_LISTED - 1))):
        ask_json(instance.vault, "PUT", f"/secrets/{name}{_API}", token=token, content={"value": VALUE})


def measure_get(instance: Instance, server: Server, directory: Path) -> list[Measure]:
    """Measure getting a secret: the request that Strongroom is for."""
    token = instance.token()
    expected = _answer(instance, SECRET_PATH, token)
    assert json.loads(expected)["value"] == VALUE
    content = request(instance.vault, "GET", SECRET_PATH, token=token)
    with ExitStack() as stack:
        servers = {"strongroom": server, "bare": stack.enter_context(bare(instance.identity, expected, directory))}
        if has_nginx():
            servers["nginx"] = stack.enter_context(nginx(instance.identity, expected, directory))
        used = _alternate(servers, lambda: [content] * REQUESTS, expected)
    measures = [_against("bare", "GET secret, CPU us, against a bare handler", used, target=2.0)]
    if "nginx" in used:
        measures.append(_against("nginx", "GET secret, CPU us, against nginx's constant", used, target=4.0))
    return measures


def measure_list(instance: Instance, server: Server, directory: Path) -> list[Measure]:
    """Measure listing a full page of secrets."""
    token = instance.token()
    expected = _answer(instance, _LIST_PATH, token)
    assert len(json.loads(expected)["value"]) == _LISTED
    content = request(instance.vault, "GET", _LIST_PATH, token=token)
    with bare(instance.identity, expected, directory) as limit:
        used = _alternate({"strongroom": server, "bare": limit}, lambda: [content] * (REQUESTS // 4), expected)
    return [_against("bare", f"list of {_LISTED} secrets, CPU us, against a bare handler", used)]


def measure_cold(instance: Instance, server: Server, directory: Path) -> list[Measure]:
    """Measure getting a secret with a token that the service has not seen before."""
    expected = _answer(instance, SECRET_PATH, instance.token())

    def batch() -> list[bytes]:
        return [request(instance.vault, "GET", SECRET_PATH, token=token) for token in _tokens(instance, COLD_REQUESTS)]

    with bare(instance.identity, expected, directory) as limit:
        used = _alternate({"strongroom": server, "bare": limit}, batch, expected)
    return [_against("bare", "GET secret with a new token, CPU us, against a bare handler", used)]


def measure_set(instance: Instance, directory: Path) -> list[Measure]:
    """Measure setting a secret again and again from one connection: each answer says that it is on the disk."""
    body = json.dumps({"value": VALUE}).encode()
    content = request(instance.vault, "PUT", f"/secrets/bench-set{_API}", token=instance.token(), body=body)
    rounds: list[Round] = []
    with (directory / "limit").open("ab", buffering=0) as file, connections(instance.vault, 1) as opened:
        for _ in range(ROUNDS + 1):
            begun = time.perf_counter()
            for _ in opened.answers([content] * SETS):
                pass
            done = time.perf_counter()
            for _ in range(SETS):
                file.write(content)
                os.fdatasync(file.fileno())
            rounds.append((SETS / (done - begun), SETS / (time.perf_counter() - done)))
    return [compare("SET secret a second, one connection, against append and fdatasync", rounds[1:], better="higher")]


def _alternate(servers: Mapping[str, Server], batch: Batch, expected: bytes) -> dict[str, list[float]]:
    """Ask each server each round's requests, and return what it used for one of them, in microseconds, by round."""
    used: dict[str, list[float]] = {name: [] for name in servers}
    with ExitStack() as stack:
        open_to = {name: stack.enter_context(connections(servers[name].site, CONNECTIONS)) for name in servers}
        for each in open_to.values():
            each.send(batch()[: 8 * CONNECTIONS], expected)
        order = list(servers)
        for _ in range(ROUNDS):
            requests = batch()
            for name in order:
                before = servers[name].cpu_s()
                open_to[name].send(requests, expected)
                used[name].append((servers[name].cpu_s() - before) / len(requests) * 1e6)
            order.append(order.pop(0))
    return used


def _against(limit: str, name: str, used: Mapping[str, list[float]], target: float | None = None) -> Measure:
    rounds: list[Round] = list(zip(used["strongroom"], used[limit], strict=True))
    return compare(name, rounds, better="lower", target=target)


def _answer(instance: Instance, path: str, token: str) -> bytes:
    status, answer = ask(instance.vault, "GET", path, headers={"Authorization": f"Bearer {token}"})
    assert status == 200, f"{path} was answered with {status}: {answer.decode(errors='replace')}"
    return answer


def _tokens(instance: Instance, count: int) -> list[str]:
    """Get that many tokens, each a different one."""
    content = request(
        instance.login,
        "POST",
        instance.token_path,
        body=instance.token_form(),
        content_type="application/x-www-form-urlencoded",
    )
    with connections(instance.login, 8) as opened:
        tokens: list[str] = [json.loads(answer)["access_token"] for answer in opened.answers([content] * count)]
    assert len(set(tokens)) == count, "tokens came twice"
    return tokens
