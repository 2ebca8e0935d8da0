"""
What a large directory costs whoever is in it: the same requests and starts, against an instance with a small one.

A hundred thousand principals and ten thousand groups are written at the interface of the store. The program that asks
is in the first of a chain of groups within groups, so that each check of its right has all of them to think of.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from bench.client import ask_json
from bench.instance import Instance, make_instance
from bench.limits import Server
from bench.load import Site, connections, request
from bench.loop import run
from bench.measure import Measure, Round, compare
from bench.processes import memory_bytes, running, tree
from bench.served import SECRET_PATH, VALUE
from bench.start_up import PATIENCE_S, await_challenge
from strongroom import config
from strongroom.app.instance import open_instance
from strongroom.core.guids import new_guid
from strongroom.core.identity import Application, Group, Membership, ServicePrincipal, User
from strongroom.core.records import Record
from strongroom.directory.groups import add_member, membership_id
from strongroom.store import Transaction
from strongroom.view import View

SMALL, LARGE = 100, 100_000
"""Principals."""
ROUNDS = 15
STARTS = 3
REQUESTS = 640
TOKENS = 64
AT_ONCE = 8
_PER_GROUP = 10
"""Principals for each group, and members of it."""
_USERS_OF_TEN = 8
"""The others are service principals, each with its application."""
_CHAIN = 10
_BATCH = 5_000


def measure_large_directory(directory: Path) -> list[Measure]:
    """Measure both, one beside the other. Filling the large one takes longer than measuring it."""
    small, large = (_filled(directory / str(count), count) for count in (SMALL, LARGE))
    measures = _measure_starts(small, large, directory)
    with ExitStack() as stack:
        servers = [(one, stack.enter_context(one.serving(directory / f"{one.port}.log"))) for one in (large, small)]
        for one, _ in servers:
            ask_json(one.vault, "PUT", SECRET_PATH, token=one.token(), content={"value": VALUE})
        for load, name in ((_secret_load, "GET secret"), (_token_load, "token request")):
            measures.append(_measure(f"{name} with 100,000 principals, CPU us, against 100", servers, load))
    return measures


def _measure(name: str, servers: list[tuple[Instance, Server]], load: Callable[[Instance], Load]) -> Measure:
    """Ask each in turn, and compare what it used for a request."""
    rounds = list[Round]()
    with ExitStack() as stack:
        loads = [(server, load(one)) for one, server in servers]
        opened = [(server, made, stack.enter_context(connections(made.site, AT_ONCE))) for server, made in loads]
        for _ in range(ROUNDS + 1):
            used = []
            for server, made, asked in opened:
                before = server.cpu_s()
                for answer in asked.answers([made.content] * made.count):
                    assert made.mark in answer
                used.append((server.cpu_s() - before) / made.count * 1e6)
            rounds.append((used[0], used[1]))
    return compare(name, rounds[1:], better="lower")


@dataclass(frozen=True, slots=True)
class Load:
    """One request, to be sent many times, and what is in each answer to it."""

    site: Site
    content: bytes
    mark: bytes
    count: int


def _secret_load(instance: Instance) -> Load:
    content = request(instance.vault, "GET", SECRET_PATH, token=instance.token())
    return Load(instance.vault, content, VALUE.encode(), REQUESTS)


def _token_load(instance: Instance) -> Load:
    content = request(
        instance.login,
        "POST",
        instance.token_path,
        body=instance.token_form(),
        content_type="application/x-www-form-urlencoded",
    )
    return Load(instance.login, content, b'"access_token":', TOKENS)


def _measure_starts(small: Instance, large: Instance, directory: Path) -> list[Measure]:
    """Start each in turn, and compare the time to the first answer, and what is held then."""
    times, held = list[Round](), list[Round]()
    for _ in range(STARTS):
        (long, much), (short, little) = (_start(one, directory) for one in (large, small))
        times.append((long, short))
        held.append((much, little))
    return [
        compare("start with 100,000 principals, s, against 100", times, better="lower"),
        compare("memory with 100,000 principals, MB, against 100", held, better="lower"),
    ]


def _start(instance: Instance, directory: Path) -> tuple[float, float]:
    begun = time.monotonic()
    with running(instance.serve_command(), log=directory / "start.log") as process:
        await_challenge(instance, begun + PATIENCE_S)
        taken = time.monotonic() - begun
        return taken, memory_bytes(tree(process.pid)) / 1e6


def _filled(directory: Path, principals: int) -> Instance:
    directory.mkdir()
    instance = make_instance(directory)
    run(_fill(instance, principals))
    return instance


async def _fill(instance: Instance, principals: int) -> None:
    async with open_instance(config.load(instance.data, {}, os.environ)) as opened:
        now = int(time.time())
        asking = opened.world.view.service_principal_by_app_id(instance.tenant, instance.client_id)
        assert asking is not None
        records = _records(instance.tenant, principals, now)
        while batch := list(islice(records, _BATCH)):
            await opened.store.commit(partial(_put, batch))
        inner = asking.id
        for number in range(_CHAIN):
            group = Group(_guid(), instance.tenant, f"outer {number}", now)
            await opened.store.commit(partial(_put, [group]))
            await opened.store.commit(partial(_join, opened.world.view, group, inner))
            inner = group.id


async def _put(batch: list[Record], tx: Transaction) -> None:
    for record in batch:
        await tx.put(record)


async def _join(view: View, group: Group, member: str, tx: Transaction) -> None:
    await add_member(tx, view, group.tenant, group.id, member)


def _records(tenant: str, principals: int, now: int) -> Iterator[Record]:
    """Make principals, and a group for every few of them."""
    for first in range(0, principals, _PER_GROUP):
        group = Group(_guid(), tenant, f"group {first}", now)
        yield group
        for number in range(first, first + _PER_GROUP):
            member, name = _guid(), f"principal {number}"
            if number % 10 < _USERS_OF_TEN:
                yield User(member, tenant, f"user{number}@strongroom.localhost", name, now)
            else:
                app_id = _guid()
                yield Application(_guid(), tenant, app_id, name, now)
                yield ServicePrincipal(member, tenant, app_id, name, now)
            yield Membership(membership_id(group.id, member), tenant, group.id, member)


def _guid() -> str:
    return new_guid(os.urandom)
