"""
Find out whose process is at the other end of a loopback connection.

Linux tells it in /proc/net/tcp. Anything that is not exactly one live socket of ours is nobody's: ambiguity refuses
(security.md "Tokens and sign-in").
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

_TABLE = Path("/proc/net/tcp")
_ESTABLISHED = "01"
_LOCAL, _REMOTE, _STATE, _UID, _INODE = 1, 2, 3, 7, 9
"""The columns of the table, proc(5) and the kernel's Documentation/networking/proc_net_tcp.rst."""


def peer_user(peer: tuple[str, int], ours: tuple[str, int], table: Path = _TABLE) -> int | None:
    """
    Find the user id behind a connection from *peer* to our end *ours*, both IPv4; None if it cannot be told.

    A socket that no process holds any more is listed with user 0 and no inode, so it counts for nothing.
    """
    wanted = (_hexadecimal(peer), _hexadecimal(ours), _ESTABLISHED)
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except FileNotFoundError:
        return None
    rows = [
        columns for columns in map(str.split, lines) if (columns[_LOCAL], columns[_REMOTE], columns[_STATE]) == wanted
    ]
    if len(rows) != 1 or rows[0][_INODE] == "0":
        return None
    return int(rows[0][_UID])


def _hexadecimal(end: tuple[str, int]) -> str:
    """Write an address as the kernel does: the address as a number in the machine's byte order, and the port."""
    address, port = end
    (number,) = struct.unpack("=I", socket.inet_aton(address))
    return f"{number:08X}:{port:04X}"


def can_tell_peers() -> bool:
    """Tell whether this platform says whose a connection is."""
    return sys.platform == "linux" and _TABLE.exists()
