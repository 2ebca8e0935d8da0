"""How a run's relay tells of a vault's 403, looking at answers as they pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strongroom.cli import hints as module
from strongroom.cli.hints import Hints, Watch

DENIED = json.dumps({"error": {"code": "Forbidden", "innererror": {"code": "ForbiddenByRbac"}}}).encode()


def answer(status: int, body: bytes = b"", *fields: str, request_id: str = "r-1") -> bytes:
    """Write an answer with a length."""
    head = [f"HTTP/1.1 {status} Some Words", f"x-ms-request-id: {request_id}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*head, "", ""]).encode() + body


def chunked(status: int, *pieces: bytes) -> bytes:
    """Write an answer in chunks."""
    head = f"HTTP/1.1 {status} Some Words\r\nX-MS-Request-Id: r-1\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Told:
    """What one run was told, and a watch of one connection of it."""

    def __init__(self, host: str = "kv-1.vault.azure.net") -> None:
        self.lines: list[str] = []
        self.hints = Hints(Path("/data dir"), self.lines.append)
        watch = self.hints.watch(host)
        assert watch is not None
        self.watch: Watch = watch

    def asked(self, answer: bytes, method: str = "GET", target: str = "/secrets/db?api-version=7.4") -> list[str]:
        """Ask for something and get an answer, in one piece."""
        self.watch.expect(method, target)
        self.watch.see(answer)
        return self.lines


def test_the_line() -> None:
    """It says what was refused, where and in which word, and how to ask why; of a query nothing."""
    assert Told().asked(answer(403, DENIED)) == [
        "403 for GET /secrets/db on kv-1 (ForbiddenByRbac). Why: strongroom explain --data '/data dir' --request r-1"
    ]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", ""),
        (b"not json", ""),
        (b"[]", ""),
        (b'{"error": null}', ""),
        (b'{"error": {"code": 5}}', ""),
        (b'{"error": {"code": "Forbidden\\u001b[2J"}}', ""),
        (b'{"error": {"code": "Forbidden"}}', " (Forbidden)"),
        (DENIED, " (ForbiddenByRbac)"),
    ],
)
def test_the_word(body: bytes, word: str) -> None:
    """The word for programs is told where there is one, and nothing that is none."""
    (line,) = Told().asked(answer(403, body))
    assert line.partition(". Why")[0] == f"403 for GET /secrets/db on kv-1{word}"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
def test_answers_in_any_pieces(size: int) -> None:
    """Wherever the pieces end, each answer is that of its request."""
    told = Told()
    stream = b"".join(
        (
            answer(401),
            answer(100)[: -len("Content-Length: 0\r\n\r\n")] + b"\r\n",
            answer(200, b"HTTP/1.1 403 No\r\nx-ms-request-id: x\r\n\r\n"),
            chunked(200, b"HTTP/1.1 403", b"a" * 300),
            answer(204),
            chunked(403, DENIED[:10], DENIED[10:]),
            answer(404, b"{}"),
            answer(403, DENIED, request_id="r-2"),
        )
    )
    for place in range(7):
        told.watch.expect("GET", f"/secrets/n{place}")
    for start in range(0, len(stream), size):
        told.watch.see(stream[start : start + size])
    assert [line.partition(" (")[0] for line in told.lines] == [
        "403 for GET /secrets/n4 on kv-1",
        "403 for GET /secrets/n6 on kv-1",
    ]
    assert [line.rpartition(" ")[2] for line in told.lines] == ["r-1", "r-2"]


def test_head_has_no_body() -> None:
    """The length in an answer to HEAD is of a body that does not come."""
    told = Told()
    told.asked(answer(403, b"x" * 9)[:-9], "HEAD")
    told.asked(answer(403, DENIED), target="/secrets/other")
    assert len(told.lines) == 2


def test_each_once_and_not_too_many() -> None:
    """The same refusal is told once; after a number of different ones it is said that there are more."""
    told = Told()
    for _ in range(3):
        told.asked(answer(403, DENIED))
    assert len(told.lines) == 1
    for place in range(module._HINTS + 5):
        told.asked(answer(403, DENIED), target=f"/secrets/n{place}")
    assert len(told.lines) == module._HINTS + 1
    assert told.lines[-1].startswith("more requests are refused")


@pytest.mark.parametrize(
    "stream",
    [
        b"nonsense without an end" * 4000,
        b"HTTP/1.1 abc\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 200,
        answer(200) * 2,
    ],
)
def test_what_is_not_understood_ends_the_watch(stream: bytes) -> None:
    """Nothing that comes fails anything; what comes after it is not looked at, and nothing is kept."""
    told = Told()
    assert told.asked(stream) == []
    assert told.asked(answer(403, DENIED)) == []
    assert told.watch._buffer == b""


def test_what_a_terminal_could_take_for_a_command_is_written_out() -> None:
    """A path of other characters is told in printable ones, and cut."""
    (line,) = Told().asked(answer(403, DENIED), target="/secrets/\x9b2J" + "a" * 500)
    assert "\\x9b2J" in line
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 350


@pytest.mark.parametrize(
    ("host", "watched"),
    [
        ("kv-1.vault.azure.net", True),
        ("kv-1.vault.localhost", True),
        ("management.azure.com", False),
        ("login.microsoftonline.com", False),
        ("vault.azure.net", False),
    ],
)
def test_vaults_alone_are_watched(host: str, watched: bool) -> None:  # noqa: FBT001  a column of the table
    """Why is explained of requests to vaults, so it is told of those."""
    assert (Hints(Path("/"), print).watch(host) is not None) == watched
