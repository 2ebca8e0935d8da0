"""
Look for secrets in everything the test run puts out (SEC-AUDIT-7).

Pitfalls.md: "a canary value is planted in every input and searched for in every output of the whole test run". A test
takes its secret values from the fixture `canary`, or from `plant`; every value has a mark that nothing else has, so one
search finds them all, in base64 and hexadecimal too. Client secrets and tokens are known by their shape, wherever they
were made; secrets of another shape are handed to `remember`.

Searched are every log record, what a test prints, what is handed to `watch` (every refusal that the simulated world
answers), and at the end of the session every journal, log, database and run file below the temporary directory. A
finding fails the test during which it was made. Under xdist each process searches what it made itself.
"""

from __future__ import annotations

import base64
import logging
import re
import secrets
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

MARK = "c4n4ryV4lue"
_SHORTEST_REMEMBERED = 12


def _in_base64(mark: bytes) -> Iterator[bytes]:
    """Give what a mark looks like in the middle of base64, which depends on where in three bytes it begins."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + mark)
        first = -(-before * 4 // 3)
        yield encoded[first : len(encoded) - 4 if len(encoded) % 4 or encoded.endswith(b"=") else len(encoded)]


# All of them begin with a text that is looked for as such, or are one: hundreds of megabytes are searched.
_MARK, _IN_BASE64 = MARK.encode(), tuple(_in_base64(MARK.encode()))
_IN_HEXADECIMAL = MARK.encode().hex().encode()
_CLIENT_SECRET = re.compile(rb"Q~(?<=[A-Za-z0-9]{3}[0-9]Q~)[A-Za-z0-9._~-]{43}")
_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}")
_KINDS: dict[str, Callable[[bytes], object]] = {
    "a canary value": lambda data: _MARK in data,
    "a canary value in base64": lambda data: any(text in data for text in _IN_BASE64),
    "a canary value in hexadecimal": lambda data: _IN_HEXADECIMAL in data.lower(),
    "a client secret": _CLIENT_SECRET.search,
    "a token": _TOKEN.search,
}
_FILES = re.compile(r".*\.(?:log|jsonl)|.*\.db(?:-wal|-shm)?|run\.json|config\.toml")

# Hundreds of secrets are remembered, so each is not looked for in everything: what most of them are made of stands in
# runs, and the same few runs stand everywhere.
_RUNS = re.compile(rb"[\w~.!+/=-]{%d,}" % _SHORTEST_REMEMBERED)

_remembered: set[bytes] = set()
_remembered_otherwise: set[bytes] = set()
"""Those that have other letters in them."""
_findings: list[str] = []


def plant() -> str:
    """Make a secret value that is searched for."""
    return f"{MARK}{secrets.token_hex(8)}"


def remember(secret: str) -> None:
    """Search for a secret that has neither the mark nor a shape of its own, such as a password."""
    if len(secret) < _SHORTEST_REMEMBERED:
        raise ValueError("a secret so short would be found everywhere")
    octets = secret.encode()
    (_remembered if _RUNS.fullmatch(octets) else _remembered_otherwise).add(octets)


def search(data: bytes) -> list[str]:
    """Say what kinds of secret are in *data*."""
    found = [kind for kind, is_in in _KINDS.items() if is_in(data)]
    runs = b"\n".join(set(_RUNS.findall(data)))
    if any(secret in runs for secret in _remembered) or any(secret in data for secret in _remembered_otherwise):
        found.append("a secret that was remembered")
    return found


def watch(place: str, data: bytes) -> None:
    """Search an output; a finding fails the test that is running. What was found is not repeated."""
    _findings.extend(f"{place} has {kind} in it" for kind in search(data))


class _Watcher(logging.Handler):
    """Watches every log record, its arguments and its traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        watch(f"a log record of {record.name}", self.format(record).encode("utf-8", "replace"))


def pytest_configure() -> None:
    """Watch the log from the first moment; of our own loggers everything, whatever level they would be heard at."""
    logging.getLogger().addHandler(_Watcher())
    logging.getLogger("strongroom").setLevel(logging.DEBUG)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail the test during which a secret came out."""
    report = yield
    for title, text in report.sections:
        watch(title, text.encode("utf-8", "replace"))
    if _findings:
        told = "".join(f"\n  {finding}" for finding in _findings)
        _findings.clear()
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a secret came out.{told}\n{report.longrepr or ''}"
    return report


@pytest.fixture
def canary() -> str:
    """Give a secret value that must never be found in an output."""
    return plant()


@pytest.fixture(scope="session", autouse=True)
def _search_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Search, when all tests are done, the files that services left behind."""
    yield
    base = tmp_path_factory.getbasetemp()
    for path in sorted(base.rglob("*")):
        if _FILES.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            watch(str(path.relative_to(base)), Path(path).read_bytes())
