"""
Networks of their own: namespaces that are joined by virtual cables, where the machine allows them.

A namespace lives as long as a process that waits for the end of its input, and the other end of that is held here. So
nothing is left behind, not even by a test run that is killed: there are no names to remove. They need root, or a user
namespace in which an ordinary user is root, and the program `ip`.

    with Namespaces() as networks:
        server, client = networks.add(), networks.add()
        networks.join(server, ["203.0.113.1/24"], client, ["203.0.113.2/24"])
        client.run("ip", "address")
        client.ask("GET", url, address="203.0.113.1", ca=service.first["caFile"])

Run as a program, this file is the client: it reads one request as JSON and writes the answer.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

COMMAND_S = 60.0
PROGRAMS = ("ip", "nsenter", "unshare")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, or why nothing did."""

    status: int
    """0 if there was no answer."""
    headers: dict[str, str]
    """By lower-case name."""
    text: str

    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.text)


@dataclass(frozen=True, slots=True)
class Question:
    """One HTTPS request, with all that the client has to know."""

    method: str
    url: str
    address: str
    """The address to connect to; the name in the URL is never resolved."""
    port: int
    ca: str
    """The file of the certificates that are trusted."""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    source: str = ""
    """The address to come from; empty leaves it to the routes."""
    preamble: str = ""
    """Sent before anything else, as hexadecimal digits: what a proxy says of its client."""


class Namespace:
    """One network of its own, with nothing but a loopback device until it is joined to another."""

    def __init__(self, entry: Sequence[str], *, holder: subprocess.Popen[bytes]) -> None:
        self._entry = tuple(entry)
        self.holder = holder

    def command(self, *arguments: str) -> list[str]:
        """Give the command line that runs *arguments* in here; the process has the id that it is started with."""
        return [*self._entry, *arguments]

    def run(self, *arguments: str, **how: Any) -> str:
        """Run a program in here to its end, and give what it wrote."""
        done = subprocess.run(
            self.command(*arguments), check=False, capture_output=True, text=True, timeout=COMMAND_S, **how
        )
        if done.returncode:
            raise AssertionError(f"{' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def ask(
        self,
        method: str,
        url: str,
        *,
        address: str,
        ca: str,
        port: int | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        source: str = "",
        preamble: bytes = b"",
    ) -> Answer:
        """
        Send one request from here, over TLS that is verified against the certificates of *ca*.

        Raises:
            AssertionError: there was no answer, such as from an address that nobody listens on.
        """
        sent = {"Host": urlsplit(url).netloc, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        question = Question(
            method, url, address, port or urlsplit(url).port or 443, ca, sent, body, source, preamble.hex()
        )
        # The request goes in by its input and not as an argument, since a list of processes shows those to everyone.
        return Answer(**json.loads(self.run(sys.executable, __file__, input=json.dumps(asdict(question)))))


class Namespaces:
    """Namespaces and the cables between them, all gone at the end of the block."""

    def __init__(self) -> None:
        self._namespaces: list[Namespace] = []
        self._cables = 0

    def add(self) -> Namespace:
        """Make one more namespace."""
        if os.geteuid() == 0:
            entered, make = ["--net"], ["unshare", "--net"]
        elif not self._namespaces:
            entered, make = [], ["unshare", "--user", "--map-root-user", "--net"]
        else:
            # Every further one belongs to the user namespace of the first, or no cable could be put between them.
            entered, make = [], self._namespaces[0].command("unshare", "--net")
        if not entered:
            entered = ["--user", "--preserve-credentials", "--net"]
        # The word says that the namespace is there: it is written by what runs inside it.
        holder = subprocess.Popen(
            [*make, "sh", "-c", "echo here && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != b"here\n":
            _, reason = holder.communicate(timeout=COMMAND_S)
            raise AssertionError(f"no network namespace could be made: {reason.decode()}")
        namespace = Namespace(["nsenter", "--target", str(holder.pid), *entered], holder=holder)
        self._namespaces.append(namespace)
        namespace.run("ip", "link", "set", "lo", "up")
        return namespace

    def join(self, one: Namespace, at_one: Sequence[str], other: Namespace, at_other: Sequence[str]) -> None:
        """Put a cable between two namespaces, with the addresses at its ends, such as `203.0.113.1/24`."""
        self._cables += 1
        device = f"cable{self._cables}"
        one.run(
            "ip", "link", "add", device, "type", "veth", "peer", "name", device, "netns", str(other.holder.pid)
        )  # fmt: skip
        for end, addresses in ((one, at_one), (other, at_other)):
            for address in addresses:
                # Nobody else is on the cable, so there is no need to wait until an IPv6 address is known to be free.
                more = ["nodad"] if ":" in address else []
                end.run("ip", "address", "add", address, "dev", device, *more)
            end.run("ip", "link", "set", device, "up")

    def __enter__(self) -> Self:
        """Nothing is there yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every namespace go; one that a process is still in goes with that."""
        for namespace in reversed(self._namespaces):
            namespace.holder.communicate(timeout=COMMAND_S)
        self._namespaces.clear()


def allowed() -> bool:
    """Tell whether this machine lets us have namespaces, cables and both kinds of addresses, by having them."""
    if any(shutil.which(program) is None for program in PROGRAMS):
        return False
    try:
        with Namespaces() as networks:
            one, other = networks.add(), networks.add()
            networks.join(one, ["203.0.113.1/24", "2001:db8::1/64"], other, ["203.0.113.2/24", "2001:db8::2/64"])
    except AssertionError:
        return False
    return True


# ---- the client, as a program ---------------------------------------------------------------------------------------


class _Connection(http.client.HTTPSConnection):
    """A connection to an address under another name."""

    def __init__(self, question: Question, name: str, context: ssl.SSLContext) -> None:
        source = (question.source, 0) if question.source else None
        super().__init__(question.address, question.port, timeout=COMMAND_S / 2, source_address=source)
        self._question, self._name, self._tls = question, name, context

    def connect(self) -> None:
        """Connect, say what is said before TLS, and make sure of the name."""
        http.client.HTTPConnection.connect(self)
        if self._question.preamble:
            self.sock.sendall(bytes.fromhex(self._question.preamble))
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


def _ask(question: Question) -> Answer:
    parts = urlsplit(question.url)
    connection = _Connection(question, parts.hostname or "", ssl.create_default_context(cafile=question.ca))
    try:
        target = parts._replace(scheme="", netloc="").geturl() or "/"
        connection.request(question.method, target, body=question.body, headers=question.headers)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, answer.read().decode())
    finally:
        connection.close()


if __name__ == "__main__":
    json.dump(asdict(_ask(Question(**json.load(sys.stdin)))), sys.stdout)
