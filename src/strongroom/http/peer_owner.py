"""
What the kernel tells of sockets: whose process is at the other end of a connection here, and where one listens.

Linux tells it in /proc/net/tcp, and in /proc/net/tcp6 for sockets that speak IPv4 through IPv6, as Java's do. Anything
that is not exactly one live socket is nobody's: ambiguity refuses (security.md "Tokens and sign-in").
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED, _LISTENS = "01", "0A"
_LOCAL, _REMOTE, _STATE, _UID, _INODE = 1, 2, 3, 7, 9
"""The columns of the table, proc(5) and the kernel's Documentation/networking/proc_net_tcp.rst."""


UNNAMED_USER = 65_534
"""What the kernel shows for every user that has no number here, as those of a container can have none (overflowuid)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """
    Whose the other end of a connection is.

    `is_here` tells whether it is on this machine, or that this could not be ruled out; `user` is its user's id, or None
    if that cannot be told.
    """

    is_here: bool
    user: int | None


def tells_owners(tables: Sequence[Path] = TABLES) -> bool:
    """Tell whether this platform says whose a connection is."""
    return any(table.exists() for table in tables)


def find_owner(peer: tuple[str, int], ours: tuple[str, int], tables: Sequence[Path] = TABLES) -> Owner:
    """
    Find the user behind a connection from *peer* to our end *ours*, both IPv4.

    A socket that no process holds any more is listed with user 0 and no inode, so it counts for nothing.
    """
    if not tells_owners(tables):
        return Owner(is_here=True, user=None)
    wanted = {(_number(peer), _number(ours)), (_mapped(peer), _mapped(ours))}
    rows = [columns for table in tables for columns in _rows(table) if (columns[_LOCAL], columns[_REMOTE]) in wanted]
    if len(rows) != 1 or rows[0][_STATE] != _ESTABLISHED or rows[0][_INODE] == "0":
        return Owner(bool(rows), None)
    return Owner(is_here=True, user=int(rows[0][_UID]))


def is_listened_on(address: str, port: int, tables: Sequence[Path] = TABLES) -> bool:
    """Tell whether a socket listens at this very address, rather than at every one; True where it is not told."""
    if not tells_owners(tables):
        return True
    wanted = _number6((address, port)) if ":" in address else _number((address, port))
    rows = (columns for table in tables for columns in _rows(table))
    return any(columns[_LOCAL] == wanted and columns[_STATE] == _LISTENS for columns in rows)


def _rows(table: Path) -> list[list[str]]:
    try:
        lines = table.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        # Another platform, or a kernel without IPv6.
        return []
    return [line.split() for line in lines[1:]]


def _number(end: tuple[str, int]) -> str:
    """Write an address as the kernel does: as a number in the machine's byte order, and the port."""
    address, port = end
    (number,) = struct.unpack("=I", socket.inet_aton(address))
    return f"{number:08X}:{port:04X}"


def _number6(end: tuple[str, int]) -> str:
    """Write an IPv6 address as the kernel does: four numbers in the machine's byte order, and the port."""
    address, port = end
    words = struct.unpack("=IIII", socket.inet_pton(socket.AF_INET6, address.partition("%")[0]))
    return f"{''.join(f'{word:08X}' for word in words)}:{port:04X}"


def _mapped(end: tuple[str, int]) -> str:
    """Write an IPv4-mapped IPv6 address as the kernel does: four numbers in the machine's byte order, and the port."""
    (prefix,) = struct.unpack("=I", b"\x00\x00\xff\xff")
    return f"{0:016X}{prefix:08X}{_number(end)}"
