"""Whose process is at the other end of a loopback connection."""

import os
import socket
from pathlib import Path

import pytest

from strongroom.http.peer_owner import Owner, find_owner, is_listened_on, tells_owners

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
PEER, OURS = ("127.0.0.1", 40000), ("127.0.0.1", 9000)


def row(local: str, remote: str, state: str, uid: int, inode: int) -> str:
    """Write a row as the kernel does."""
    return f"   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  {uid}        0 {inode} 1 0\n"


THEIRS = ("0100007F:9C40", "0100007F:2328")


def table(tmp_path: Path, *rows: str) -> Path:
    """Write a table of the little-endian kind."""
    path = tmp_path / "tcp"
    path.write_text(HEADER + "".join(rows))
    return path


def test_the_kernel_knows_our_own_connection() -> None:
    """A real connection of this process belongs to this user."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, peer = server.accept()
        assert find_owner(peer, accepted.getsockname()) == Owner(is_here=True, user=os.geteuid())
        accepted.close()
        assert client.getsockname() == peer


def test_a_socket_that_speaks_ipv4_through_ipv6_is_known_too() -> None:
    """Java's sockets are of that kind, and listed in another table."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as client,
    ):
        client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        accepted, peer = server.accept()
        assert find_owner(peer, accepted.getsockname()) == Owner(is_here=True, user=os.geteuid())
        accepted.close()


def test_a_connection_that_is_not_there_is_nobodys() -> None:
    """An end that the kernel does not list is nobody's."""
    assert find_owner(("127.0.0.1", 1), ("127.0.0.1", 2)) == Owner(is_here=False, user=None)


@pytest.mark.parametrize(
    ("rows", "user"),
    [
        ((row(*THEIRS, "01", 1001, 77),), 1001),
        # Our own end of the same connection is not the peer's.
        ((row(*THEIRS, "01", 1001, 77), row(THEIRS[1], THEIRS[0], "01", 0, 78)), 1001),
        # Nobody holds it any more: the kernel says user 0 then, which must not pass for root.
        ((row(*THEIRS, "06", 0, 0),), None),
        ((row(*THEIRS, "01", 0, 0),), None),
        # A process holds it, and nothing comes through it any more: it has been closed at one end.
        ((row(*THEIRS, "08", 1001, 77),), None),
        ((row(*THEIRS, "04", 1001, 77),), None),
        # Two of the same, as two network namespaces could show: ambiguity refuses.
        ((row(*THEIRS, "01", 1001, 77), row(*THEIRS, "01", 1002, 79)), None),
        ((), None),
    ],
)
def test_only_one_live_socket_counts(tmp_path: Path, rows: tuple[str, ...], user: int | None) -> None:
    """SEC-TOKEN-20: anything but exactly one live socket is nobody's, and is here all the same."""
    assert find_owner(PEER, OURS, [table(tmp_path, *rows)]) == Owner(bool(rows), user)


def test_one_table_is_enough(tmp_path: Path) -> None:
    """A kernel without IPv6 has no table of it, and says all the same whose an IPv4 connection is."""
    there = table(tmp_path, row(*THEIRS, "01", 1001, 77))
    for tables in ([there, tmp_path / "tcp6"], [tmp_path / "tcp6", there]):
        assert tells_owners(tables)
        assert find_owner(PEER, OURS, tables) == Owner(is_here=True, user=1001)


def test_without_a_table_nobody_is_known(tmp_path: Path) -> None:
    """SEC-TOKEN-20: where the platform does not say whose a connection is, it counts as a local nobody's."""
    assert find_owner(PEER, OURS, [tmp_path / "none"]) == Owner(is_here=True, user=None)
    assert not tells_owners([tmp_path / "none"])


@pytest.mark.parametrize(
    ("family", "every", "one"), [(socket.AF_INET, "", "127.0.0.1"), (socket.AF_INET6, "::", "::1")]
)
def test_who_listens_at_one_address(family: int, every: str, one: str) -> None:
    """A socket at the very address does, one at every address does not, and neither does a connection."""
    with socket.create_server((every, 0), family=family, reuse_port=True) as wide:
        port = wide.getsockname()[1]
        with socket.create_connection((one, port)), wide.accept()[0]:
            assert not is_listened_on(one, port)
            with socket.create_server((one, port), family=family, reuse_port=True):
                assert is_listened_on(one, port)
            assert not is_listened_on(one, port)


def test_where_nobody_says_who_listens(tmp_path: Path) -> None:
    """To connect is all that can be done there."""
    assert is_listened_on("127.0.0.1", 9, (tmp_path / "none",))
