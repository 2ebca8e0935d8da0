"""Names: whether this machine's resolver finds the instance's own."""

from __future__ import annotations

import ipaddress
import queue
import shlex
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from strongroom.cli.doctor.finding import Finding, ok, unknown, warning
from strongroom.core.network import reachable_at

NAMES_MAX = 64
"""How many names are looked up: every further vault's is found or not as these are."""
RESOLVE_S = 3.0
"""How long the resolver may take for all of them."""
_SHOWN = 4
HTTPS_PORT = "443"


def ask_resolver(name: str) -> tuple[str, ...]:
    """Ask the system's resolver for a name; its addresses, or none."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve(
    names: Sequence[str], timeout_s: float = RESOLVE_S, ask: Callable[[str], tuple[str, ...]] = ask_resolver
) -> dict[str, tuple[str, ...]]:
    """
    Ask the system's resolver for each name; the addresses, none where it finds none or does not answer in time.

    A resolver cannot be told to stop, so it is asked in threads that nobody waits for at the end.
    """
    answers: queue.SimpleQueue[tuple[str, tuple[str, ...]]] = queue.SimpleQueue()
    for name in names:
        threading.Thread(target=lambda one=name: answers.put((one, ask(one))), daemon=True).start()
    found: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    deadline = time.monotonic() + timeout_s
    for _ in names:
        try:
            name, addresses = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[name] = addresses
    return found


def judge_names(found: Mapping[str, Sequence[str]], address: str, data: Path) -> Finding:
    """Judge what the resolver says of our names, for a service that listens at *address*."""
    check = "names"
    if not found:
        return unknown(check, "there is no instance whose names could be looked up")
    fix = (
        f"sudo strongroom hosts --write --data {shlex.quote(str(data))}, or this line in the hosts file: "
        f"{reachable_at(address)} {' '.join(found)}"
    )
    missing = [name for name, addresses in found.items() if not addresses]
    if missing:
        return warning(
            check, f"{_some(missing)} not found here (`strongroom run` does not need it; direct use does)", fix
        )
    if not ipaddress.ip_address(address).is_unspecified:
        elsewhere = [name for name, addresses in found.items() if not _meets(addresses, address)]
        if elsewhere:
            seen = f"{elsewhere[0]} is {found[elsewhere[0]][0]}, and the service listens at {address}"
            return warning(check, seen, fix)
    return ok(check, f"all {len(found)} are found by this machine's resolver")


def _meets(addresses: Sequence[str], listening: str) -> bool:
    return listening in addresses or all(_is_loopback(address) for address in (*addresses[:1], listening))


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{shown}{more} {'is' if len(names) == 1 else 'are'}"
