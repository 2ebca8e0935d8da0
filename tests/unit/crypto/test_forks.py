"""SEC-KEY-14: what would hold the interpreter is done in processes that end with it, and nobody is held."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from strongroom.core import limits
from strongroom.core.errors import Invalid, Unavailable
from strongroom.core.keys import KeyKind, KeySpec
from strongroom.crypto import forks as module
from strongroom.crypto.forks import Forks, Work, WorkEnded
from strongroom.crypto.keys import material
from strongroom.crypto.keys.material import read_apart
from tests.plugins.canary import remember


@pytest.fixture(scope="module")
def key() -> dict[str, bytes]:
    """Give the members of an RSA key."""
    own = rsa.generate_private_key(65537, 2048)
    remember(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    numbers = own.private_numbers()
    given = {"n": numbers.public_numbers.n, "e": 65537, "d": numbers.d, "p": numbers.p, "q": numbers.q}
    return {name: number.to_bytes((number.bit_length() + 7) // 8, "big") for name, number in given.items()}


@pytest.fixture(scope="module")
def shared() -> Iterator[Forks]:
    """Give processes for the tests here."""
    forks = Forks()
    yield forks
    forks.end()


def pid_of(forks: Forks) -> int:
    """Give the server's process."""
    assert forks._server is not None
    return forks._server.pid


def test_an_rsa_key_is_read_in_another_process(
    shared: Forks, key: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of an RSA key is computed here, whose check holds the interpreter; a refusal comes back as it was."""

    def never(*_: Any, **__: Any) -> None:
        pytest.fail("an RSA key was checked in this process")

    monkeypatch.setattr(material, "_read_rsa", never)
    assert read_apart(shared, KeyKind.RSA, None, key).spec == KeySpec(KeyKind.RSA, 2048)
    with pytest.raises(Invalid, match=r"Property p is missing beside its other factor\.") as refused:
        read_apart(shared, KeyKind.RSA, None, {name: key[name] for name in "nedq"})
    assert (refused.value.code, refused.value.reason) == ("BadParameter", "invalid p")


def test_nothing_is_started_before_it_is_needed(key: dict[str, bytes]) -> None:
    """A service has no such process until a key comes, and none any more when none has come for a while."""
    forks = Forks()
    assert forks._server is None
    assert not forks.rest(0)
    read_apart(forks, KeyKind.RSA, None, key)
    pid = pid_of(forks)
    assert not forks.rest()
    assert forks.rest(0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_was_killed_is_replaced(key: dict[str, bytes]) -> None:
    """Whoever asks meanwhile notices nothing."""
    forks = Forks()
    read_apart(forks, KeyKind.RSA, None, key)
    killed = pid_of(forks)
    os.kill(killed, signal.SIGKILL)
    assert read_apart(forks, KeyKind.RSA, None, key).spec.bits == 2048
    assert pid_of(forks) != killed
    forks.end()


def test_a_server_that_hangs_is_replaced(key: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked it is told to try again, and nobody waits for its end."""
    forks = Forks()
    read_apart(forks, KeyKind.RSA, None, key)
    hangs = pid_of(forks)
    os.kill(hangs, signal.SIGSTOP)
    with monkeypatch.context() as hurried:
        hurried.setattr(module, "WALL_FACTOR", 0.01)
        with pytest.raises(Unavailable):
            read_apart(forks, KeyKind.RSA, None, key)
    with pytest.raises(ProcessLookupError):
        os.kill(hangs, 0)
    assert read_apart(forks, KeyKind.RSA, None, key).spec.bits == 2048
    os.kill(pid_of(forks), signal.SIGSTOP)
    forks.end()


def test_a_server_that_does_not_run_is_a_fault(monkeypatch: pytest.MonkeyPatch, key: dict[str, bytes]) -> None:
    """It is tried twice and then told: the key is not blamed."""
    monkeypatch.setattr(module, "COMMAND", ("false",))
    with pytest.raises(RuntimeError, match="does not run"):
        read_apart(Forks(), KeyKind.RSA, None, key)


def test_a_key_that_takes_too_long_is_refused(key: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A key whose check used up its time is one whose members do not belong together, as far as anyone knows."""
    given = []

    def ended(_forks: Forks, _work: Work, _question: bytes, seconds: int) -> bytes:
        given.append(seconds)
        raise WorkEnded(is_costly=True)

    monkeypatch.setattr(Forks, "ask", ended)
    with pytest.raises(Invalid, match="do not belong together"):
        read_apart(Forks(), KeyKind.RSA, None, key)
    assert given == [limits.KEY_CHECK_CPU_S]


def test_work_that_fails_says_nothing(shared: Forks) -> None:
    """What goes wrong in a fork is told as that alone, and the server serves on."""
    pid, nonsense = pid_of(shared), msgspec.msgpack.encode("nonsense")
    with pytest.raises(WorkEnded, match=r"^failed$") as ended:
        shared.ask(Work.READ_KEY, nonsense, 1)
    assert not ended.value.is_costly
    assert pid_of(shared) == pid


@pytest.mark.parametrize("file", ["cmdline", "environ"])
def test_a_private_part_goes_through_the_socket_alone(shared: Forks, key: dict[str, bytes], file: str) -> None:
    """The server's command and environment have nothing of a key, nor of our own settings."""
    read_apart(shared, KeyKind.RSA, None, key)
    try:
        seen = Path(f"/proc/{pid_of(shared)}/{file}").read_bytes()
    except PermissionError:  # Its own user may not look, which is as good.
        return
    assert key["p"] not in seen
    assert b"STRONGROOM_" not in seen


ANOTHER_SERVER = """
import os, resource, stat, sys
from strongroom.crypto import fork_server

def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False

def setrlimit(which, limits):
    if which == resource.RLIMIT_AS:
        raise ValueError("current limit exceeds maximum limit")

fork_server.WORKS = {
    1: lambda question: bytes(filter(is_socket, range(256))),
    2: lambda question: os.kill(os.getpid(), question[0]),
}
if sys.argv[1:] == ["darwin"]:
    sys.platform, resource.setrlimit = "darwin", setrlimit
fork_server.main()
"""
"""A server whose works say which sockets they have, or end by a signal."""


@pytest.fixture(params=["", "darwin"])
def another(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forks]:
    """Give processes with such works, here and as on macOS, which lets no memory be limited."""
    command = (sys.executable, "-P", "-c", ANOTHER_SERVER, *filter(None, [request.param]))
    monkeypatch.setattr(module, "COMMAND", command)
    forks = Forks()
    yield forks
    forks.end()


def test_a_fork_has_the_socket_of_its_question_alone(another: Forks) -> None:
    """What a file has broken cannot reach for the questions of others, which are handed on over another socket."""
    assert len(another.ask(Work.READ_KEY, b"", 1)) == 1


def test_what_the_machine_ends_is_no_fault_of_the_work(another: Forks) -> None:
    """A fork that was killed for its memory, or had no processor in its time, says nothing of a key: try again."""
    for number in (signal.SIGKILL, signal.SIGALRM):
        with pytest.raises(Unavailable) as told:
            another.ask(Work.OPEN_PKCS12, bytes((number,)), 1)
        assert told.value.headers == (("Retry-After", "2"),)
    with pytest.raises(WorkEnded, match="failed"):
        another.ask(Work.OPEN_PKCS12, bytes((signal.SIGSEGV,)), 1)
