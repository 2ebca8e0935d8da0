"""Ports: whether the service listens where it says, and what is in the way where it does not."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from strongroom.cli.doctor.finding import Finding, ok, problem
from strongroom.config import Settings
from strongroom.core.network import reachable_at

CONNECT_S = 2.0
_HTTP_PORT = 80
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LOCAL, _STATE, _UID, _INODE = 1, 3, 7, 9
"""The columns of the kernel's tables: Documentation/networking/proc_net_tcp.rst."""
_LISTENS = "0A"
_SOCKET = re.compile(r"socket:\[([0-9]+)\]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something listens, or should."""

    what: str
    address: str
    port: int

    @property
    def shown(self) -> str:
        """Address and port as people write them."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who listens at a place, as far as the kernel tells us."""

    user: int | None = None
    process: str | None = None
    """Its name and id, where it is ours to see."""

    @property
    def shown(self) -> str:
        """Who it is, for people."""
        if self.process is not None:
            return self.process
        return "another program" if self.user is None else f"a program of user {self.user}"


def places(settings: Settings, run: Mapping[str, Any]) -> list[Place]:
    """List where the service listens, as run.json says, or where it would: those places that are settled."""
    if not run:
        configured = [
            Place("main listener", settings.address, settings.port),
            Place("managed identity", "127.0.0.1", settings.managed_identity_port),
            Place("metadata", settings.metadata_address, settings.metadata_port),
            Place("private CAs", *(settings.pki_end or ("", 0))),
            Place("PROXY protocol", settings.proxy_protocol_address, settings.proxy_protocol_port),
        ]
        return [place for place in configured if place.address and place.port]
    found = [Place("main listener", str(run.get("address")), int(run.get("port") or 0))]
    for what, name in (("managed identity", "managedIdentity"), ("metadata", "metadata")):
        origin = urlsplit(str(run.get(name) or ""))
        if origin.hostname:
            found.append(Place(what, origin.hostname, origin.port or _HTTP_PORT))
    for what, name in (("private CAs", "pki"), ("PROXY protocol", "proxyProtocol")):
        address, _, port = str(run.get(name) or "").rpartition(":")
        if address:
            found.append(Place(what, address.strip("[]"), int(port)))
    found += [
        Place(f"private endpoint {one.get('privateEndpoint')}", str(one.get("address")), int(one.get("port") or 0))
        for one in run.get("privateEndpoints") or ()
    ]
    return found


def is_listening(place: Place, timeout_s: float = CONNECT_S) -> bool:
    """Tell whether anything accepts connections at a place."""
    with contextlib.suppress(OSError):
        socket.create_connection((reachable_at(place.address), place.port), timeout=timeout_s).close()
        return True
    return False


def find_holder(place: Place, tables: Sequence[Path] = _TABLES, processes: Path = Path("/proc")) -> Holder:
    """Find who listens at a place. Linux alone tells it."""
    for table in tables:
        for columns in _rows(table):
            local, _, port = columns[_LOCAL].partition(":")
            if columns[_STATE] == _LISTENS and int(port, 16) == place.port and _covers(local, place.address):
                return Holder(int(columns[_UID]), _process_of(columns[_INODE], processes))
    return Holder()


def judge_listening(place: Place, holder: Holder, user: int, *, listening: bool) -> Finding:
    """Judge a place where the running service says that it listens."""
    check = f"port: {place.what}"
    if not listening:
        return problem(
            check, f"nothing answers at {place.shown}, where the service says it listens", "restart the service"
        )
    if holder.user is not None and holder.user != user:
        return problem(
            check,
            f"{place.shown} is held by {holder.shown}, not by this service's user",
            f"find out whose it is: ss -ltnp 'sport = :{place.port}'",
        )
    return ok(check, f"listens at {place.shown}")


def judge_free(place: Place, holder: Holder, *, listening: bool) -> Finding:
    """Judge a place that the service would take when it starts."""
    check = f"port: {place.what}"
    if listening:
        return problem(
            check,
            f"{place.shown} is taken by {holder.shown}: the service could not start",
            "stop that program, or start with another one: strongroom serve --port N",
        )
    return ok(check, f"{place.shown} is free")


def _rows(table: Path) -> list[list[str]]:
    try:
        lines = table.read_text(encoding="ascii").splitlines()
    except OSError:
        # Another platform, a kernel without IPv6, or a sandbox: nobody is named.
        return []
    return [line.split() for line in lines[1:]]


def _covers(local: str, address: str) -> bool:
    """Tell whether a listener at *local*, as the kernel writes it, takes connections that are for *address*."""
    words = [int(local[start : start + 8], 16) for start in range(0, len(local), 8)]
    found = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    wanted = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None) or found
    return found.is_unspecified or wanted.is_unspecified or mapped == wanted


def _process_of(inode: str, processes: Path) -> str | None:
    """Find the process that has a socket, among those whose descriptors we may see."""
    for process in processes.iterdir() if processes.is_dir() else ():
        if not process.name.isdigit():
            continue
        # Processes end while we look, and those of others are not ours to see.
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                held = _SOCKET.fullmatch(str(descriptor.readlink()))
                if held is not None and held[1] == inode:
                    name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                    return f"{name} (process {process.name})"
    return None
