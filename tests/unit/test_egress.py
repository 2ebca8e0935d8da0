"""The way out: which addresses are reached, and what an answer may be. The other side is a real TLS server."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from strongroom.core import audit_limits, limits
from strongroom.core.outgoing import IPAddress, may_reach, parse_destination, parse_networks
from strongroom.crypto import x509
from strongroom.egress import Connect, Documents, Egress, Reply, Unreachable, Unsuccessful, is_own_address

T = TypeVar("T")
PUBLIC = ipaddress.ip_address("93.184.216.34")
HOST = "issuer.egress.example"
NOW = 1_790_000_000
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run something asynchronous."""
    return asyncio.run(coroutine)


class Elsewhere:
    """A TLS server of another party; the network between is simulated: every public address leads to it."""

    def __init__(self, folder: Path, answer: Answer | bytes, *, name: str = HOST) -> None:
        import time  # noqa: PLC0415  TLS judges certificates by the real clock

        authority = x509.make_authority("egress.example", now=int(time.time()))
        leaf = x509.issue_leaf(authority, [name], now=int(time.time()))
        self.ca_file, chain, key = folder / "ca.pem", folder / "chain.pem", folder / "key.pem"
        self.ca_file.write_bytes(authority.certificate)
        chain.write_bytes(leaf.certificate)
        key.write_bytes(leaf.private_key)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain, key)
        self._answer = answer
        self.asked: list[bytes] = []
        self.resolved: list[str] = []
        self.connected: list[IPAddress] = []
        self.addresses: list[IPAddress] = [PUBLIC]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(self._answer, bytes):
                writer.write(self._answer)
                await writer.drain()
            else:
                await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side had enough, which is what many of these tests are about
        finally:
            writer.close()

    async def get(self, url: str = f"https://{HOST}/a?b=c", *, trust: bool = True, networks: str = "") -> bytes:
        """Fetch from it, by the real way out."""
        return await self.send(lambda egress: egress.get(url), trust=trust, networks=networks)

    async def send(self, send: Callable[[Egress], Awaitable[T]], *, trust: bool = True, networks: str = "") -> T:
        """Send it something, by the real way out."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        port = server.sockets[0].getsockname()[1]

        async def resolve(host: str, _port: int) -> list[IPAddress]:
            self.resolved.append(host)
            return self.addresses

        async def connect(
            address: IPAddress, _port: int, context: ssl.SSLContext, host: str
        ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            self.connected.append(address)
            return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)

        egress = Egress(parse_networks(networks), str(self.ca_file) if trust else "", resolve=resolve, connect=connect)
        try:
            return await send(egress)
        finally:
            server.close()


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Write an answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class TestAddresses:
    """SEC-EGRESS-5: loopback, link-local and our own listeners never; private ranges by the operator's list alone."""

    @pytest.mark.parametrize(
        "text",
        [
            "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
            "169.254.169.254", "fe80::1", "fe80::1%1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
            "0.0.0.0",  # noqa: S104  nothing is bound to it
            "::", "255.255.255.255", "224.0.0.1", "ff02::1", "240.0.0.1",
            "168.63.129.16", "2002:7f00:1::", "2001:0:7f00:1::", "64:ff9b:1::1",
        ],
    )  # fmt: skip
    def test_never(self, text: str) -> None:
        """Whatever the operator's list says."""
        everything = parse_networks("0.0.0.0/0, ::/0")
        assert not may_reach(ipaddress.ip_address(text), everything)

    @pytest.mark.parametrize("text", ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "192.0.2.1"])
    def test_inside(self, text: str) -> None:
        """Inside addresses want a range of the list, of their own family."""
        address = ipaddress.ip_address(text)
        assert not may_reach(address, ())
        assert not may_reach(address, parse_networks("10.9.0.0/16 fd99::/16"))
        assert may_reach(address, parse_networks(str(ipaddress.ip_network(text))))

    @pytest.mark.parametrize("text", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
    def test_outside(self, text: str) -> None:
        """Public addresses are reached."""
        assert may_reach(ipaddress.ip_address(text), ())

    def test_our_own(self) -> None:
        """The kernel says which addresses are this machine's."""
        assert is_own_address(ipaddress.ip_address("127.0.0.1"))
        assert not is_own_address(PUBLIC)

    def test_our_own_are_refused(self, tmp_path: Path) -> None:
        """SEC-EGRESS-5: an address of this machine is not reached, even inside a range of the list."""

        async def resolve(_host: str, _port: int) -> list[IPAddress]:
            return [ipaddress.ip_address("10.0.0.5")]

        async def connect(*_: object) -> Any:
            raise AssertionError("connected")

        egress = Egress(parse_networks("10.0.0.0/8"), resolve=resolve, connect=connect, is_own=lambda _: True)
        with pytest.raises(Unreachable, match="no address"):
            run(egress.get(f"https://{HOST}/"))

    @pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "x", "10.0.0.0/8;::/0"])
    def test_a_bad_list(self, text: str) -> None:
        """A range that is none is a fault, and named."""
        with pytest.raises(ValueError, match="is no address range"):
            parse_networks(text)


class TestUrls:
    """What is a URL to fetch from."""

    @pytest.mark.parametrize(
        "url",
        [
            "http://a.example/", "ftp://a.example/", "https://", "https:///x", "https://u@a.example/",
            "https://a.example:0/", "https://a.example:99999/", "https://a.example:x/", "https://a.example/#f",
            "https://a.example/ x", "https://a.example/\r\nHost: b", "https://ä.example/", "https://[::1/",
            "https://a.example/" + "x" * 2048, "//a.example/", "",
        ],
    )  # fmt: skip
    def test_none(self, url: str) -> None:
        """Anything but https to a host is refused, and nothing is resolved."""

        async def resolve(*_: object) -> Any:
            raise AssertionError("resolved")

        with pytest.raises(Unreachable):
            run(Egress(resolve=resolve).get(url))

    def test_parts(self) -> None:
        """Host, port and target."""
        found = parse_destination("https://A.example:8443/p?q=1")
        assert (found.host, found.port, found.target, found.authority) == (
            "a.example", 8443, "/p?q=1", "a.example:8443",
        )  # fmt: skip
        assert parse_destination("https://[2606:2800::1]").authority == "[2606:2800::1]"


class TestAnswers:
    """A real connection."""

    def test_a_document(self, tmp_path: Path) -> None:
        """SEC-EGRESS-2: resolved once, and connected to the address that was judged, under TLS for the name."""
        other = Elsewhere(tmp_path, http(b"{}"))
        other.addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.0.0.1"), PUBLIC]
        assert run(other.get()) == b"{}"
        assert (other.resolved, other.connected) == ([HOST], [PUBLIC])
        lines = other.asked[0].split(b"\r\n")
        assert lines[0] == b"GET /a?b=c HTTP/1.1"
        assert f"Host: {HOST}".encode() in lines

    @pytest.mark.parametrize(
        ("status", "is_taken"),
        [("200 OK", True), ("202 Accepted", True), ("204 No Content", True), ("302 Found", False), ("500 No", False)],
    )
    def test_a_document_that_is_delivered(self, tmp_path: Path, status: str, *, is_taken: bool) -> None:
        """SEC-EGRESS-1: as JSON with the headers given; whoever does not answer 2xx has not taken it."""
        other = Elsewhere(tmp_path, http(b"", status=status))
        sending = other.send(lambda egress: egress.deliver(f"https://{HOST}/in", b'{"records":[]}', [("X-A", "b")]))
        if is_taken:
            run(sending)
        else:
            with pytest.raises(Unsuccessful):
                run(sending)
        head = other.asked[0].split(b"\r\n")
        assert head[0] == b"POST /in HTTP/1.1"
        assert {b"X-A: b", b"Content-Type: application/json", b"Content-Length: 14"} <= set(head)

    @pytest.mark.parametrize("status", ["200 OK", "302 Found", "404 Not Found", "503 No"])
    def test_a_notification(self, tmp_path: Path, status: str) -> None:
        """SEC-EGRESS-3: whoever is notified answers with a status, which alone counts; no redirect is followed."""

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # The body never comes to its end, and nobody waits for it.
            writer.write(f"HTTP/1.1 {status}\r\nLocation: https://{HOST}/b\r\nContent-Length: 99\r\n\r\n".encode())
            await writer.drain()
            await asyncio.sleep(60)

        other = Elsewhere(tmp_path, answer)
        url, sent = f"https://{HOST}/in?code=secret", [("aeg-event-type", "Notification")]
        told = other.send(lambda egress: egress.notify(url, b"[{}]", "application/json", sent, time_s=30))
        assert run(told) == int(status[:3])
        (head,) = other.asked
        assert head.startswith(b"POST /in?code=secret HTTP/1.1")
        assert b"aeg-event-type: Notification" in head

    def test_a_notification_that_hangs(self, tmp_path: Path) -> None:
        """SEC-EGRESS-4: it has as much time as was said, and no more."""

        async def answer(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        other = Elsewhere(tmp_path, answer)
        with pytest.raises(Unreachable, match="in time"):
            run(other.send(lambda egress: egress.notify(f"https://{HOST}/", b"[]", "text/plain", [], time_s=0.05)))

    @pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
    def test_a_name_that_leads_inside(self, tmp_path: Path, address: str) -> None:
        """SEC-EGRESS-5: nothing is connected to."""
        other = Elsewhere(tmp_path, http(b"{}"))
        other.addresses = [ipaddress.ip_address(address)]
        with pytest.raises(Unreachable, match="no address"):
            run(other.get())
        assert other.connected == []

    @pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", ".example"])
    def test_what_is_no_host_name(self, host: str) -> None:
        """Refused as what cannot be reached, not taken for a fault of ours."""
        with pytest.raises(Unreachable, match="not a host name"):
            run(Egress().get(f"https://{host}/keys"))

    def test_an_inside_range_of_the_operator(self, tmp_path: Path) -> None:
        """Private ranges are reached by the operator's list."""
        other = Elsewhere(tmp_path, http(b"{}"))
        other.addresses = [ipaddress.ip_address("10.0.0.1")]
        assert run(other.get(networks="10.0.0.0/24")) == b"{}"

    @pytest.mark.parametrize("name", ["other.egress.example", "egress.example"])
    def test_a_certificate_for_another_name(self, tmp_path: Path, name: str) -> None:
        """TLS is for the host that was asked for."""
        with pytest.raises(Unreachable, match="TLS"):
            run(Elsewhere(tmp_path, http(b"{}"), name=name).get())

    def test_an_authority_nobody_trusts(self, tmp_path: Path) -> None:
        """Without the operator's file a private authority is nobody."""
        with pytest.raises(Unreachable, match="TLS"):
            run(Elsewhere(tmp_path, http(b"{}")).get(trust=False))

    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
    def test_no_redirect(self, tmp_path: Path, status: str) -> None:
        """SEC-EGRESS-3: a redirect is not followed."""
        other = Elsewhere(tmp_path, http(b"", f"Location: https://{HOST}/b", status=status))
        with pytest.raises(Unreachable, match="status is 30"):
            run(other.get())
        assert len(other.asked) == 1

    def test_no_ambient_proxy(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """SEC-EGRESS-3: the environment's proxy is not asked."""
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        other = Elsewhere(tmp_path, http(b"{}"))
        assert run(other.get()) == b"{}"
        assert other.connected == [PUBLIC]

    @pytest.mark.parametrize("status", ["204 No Content", "400 Bad", "404 Not Found", "500 Oops"])
    def test_other_answers(self, tmp_path: Path, status: str) -> None:
        """Only 200 is a document."""
        with pytest.raises(Unreachable, match="status is"):
            run(Elsewhere(tmp_path, f"HTTP/1.1 {status}\r\n\r\n".encode()).get())

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"junk\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        ],
    )
    def test_broken_answers(self, tmp_path: Path, answer: bytes) -> None:
        """What is cut short, encoded unasked, or no HTTP at all is no document."""
        with pytest.raises(Unreachable):
            run(Elsewhere(tmp_path, answer).get())

    def test_chunks(self, tmp_path: Path) -> None:
        """A chunked answer is put together."""
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
        assert run(Elsewhere(tmp_path, answer).get()) == b"{}"

    @pytest.mark.parametrize(("beyond", "fits"), [(0, True), (1, False)])
    def test_the_size(self, tmp_path: Path, beyond: int, fits: bool) -> None:  # noqa: FBT001  a column of the table
        """SEC-EGRESS-4: at the limit it is taken, one byte past it is refused."""
        other = Elsewhere(tmp_path, http(b"x" * (limits.EGRESS_BYTES + beyond)))
        if fits:
            assert len(run(other.get())) == limits.EGRESS_BYTES
        else:
            with pytest.raises(Unreachable, match="too large"):
                run(other.get())

    def test_without_end(self, tmp_path: Path) -> None:
        """SEC-EGRESS-4: an answer that never ends is given up at the limit of its size."""

        async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
                # `drain` alone need not let anybody else run.
                await asyncio.sleep(0)

        with pytest.raises(Unreachable, match="too large"):
            run(Elsewhere(tmp_path, pour).get())

    @pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
    def test_the_time(self, tmp_path: Path, begins: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """SEC-EGRESS-4: whoever does not answer in time is given up, also in the middle of an answer."""
        monkeypatch.setattr(limits, "EGRESS_TIME_S", 0.3)

        async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(begins)
            await reader.read()

        with pytest.raises(Unreachable, match="in time"):
            run(Elsewhere(tmp_path, stall).get())

    @pytest.mark.parametrize("at_once", [0, audit_limits.AUDIT_SINKS])
    def test_so_many_at_once(self, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Requests beyond the limit wait for a place; audit sinks have one each, so that none waits for another."""
        places = at_once or limits.EGRESS_AT_ONCE
        monkeypatch.setattr(limits, "EGRESS_TIME_S", 5.0)
        under_way, most, release = 0, 0, asyncio.Event()

        async def resolve(_host: str, _port: int) -> list[IPAddress]:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if under_way == places:
                release.set()
            await release.wait()
            under_way -= 1
            return []

        async def main() -> None:
            egress = Egress(resolve=resolve, at_once=at_once)
            wanted = (egress.get(f"https://{HOST}/{number}") for number in range(places + 1))
            found = await asyncio.gather(*wanted, return_exceptions=True)
            assert all(isinstance(one, Unreachable) for one in found)

        run(main())
        assert most == places


class TestExchanges:
    """A protocol in which every status means something."""

    @pytest.mark.parametrize("status", ["200 OK", "201 Created", "204 No Content", "400 Bad", "429 Slow", "503 Busy"])
    def test_the_whole_answer(self, tmp_path: Path, status: str) -> None:
        """SEC-EGRESS-2: status, body and the headers that are read, whatever the status; others are let go."""
        body = b"" if status.startswith("204") else b"{}"
        other = Elsewhere(tmp_path, http(body, "Replay-Nonce: n1", "X-Other: y", "Location: https://a/", status=status))
        asked = other.send(
            lambda egress: egress.exchange(f"https://{HOST}/o", method="POST", body=b"{1}", content_type="a/b+json")
        )
        reply = run(asked)
        assert (reply.status, reply.body, reply.header("replay-nonce")) == (int(status[:3]), body, "n1")
        assert set(reply.headers) == {"replay-nonce", "location"}
        head = other.asked[0].split(b"\r\n")
        assert head[0] == b"POST /o HTTP/1.1"
        assert {b"Content-Type: a/b+json", b"Content-Length: 3", b"Accept: application/json"} <= set(head)

    def test_a_header_that_is_said_twice(self, tmp_path: Path) -> None:
        """What has two values has none; all of them are there for whoever reads lists."""
        other = Elsewhere(tmp_path, http(b"", "Link: <a>", "Link: <b>", "Location: c", "Location: d"))
        reply = run(other.send(lambda egress: egress.exchange(f"https://{HOST}/", method="HEAD", accept="*/*")))
        assert (reply.header("location"), reply.headers["link"], reply.header("retry-after")) == (
            None, ("<a>", "<b>"), None,
        )  # fmt: skip
        assert b"Accept: */*" in other.asked[0].split(b"\r\n")

    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
    def test_no_redirect(self, tmp_path: Path, status: str) -> None:
        """SEC-EGRESS-3: a redirect is no answer here either."""
        other = Elsewhere(tmp_path, http(b"", f"Location: https://{HOST}/b", status=status))
        with pytest.raises(Unreachable, match="status is 30"):
            run(other.send(lambda egress: egress.exchange(f"https://{HOST}/")))
        assert len(other.asked) == 1

    def test_nothing_of_an_answer_is_shown(self) -> None:
        """What another sends is not in a log by accident."""
        assert "secret" not in repr(Reply(200, {"location": ("secret",)}, b"secret"))


class TestForms:
    """What is sent, by the same way out."""

    FORM: Mapping[str, str] = {"code": "a b&c=d", "x": "\u00e4"}

    def post(self, other: Elsewhere, url: str = f"https://{HOST}/token") -> bytes:
        """Send a form."""
        return run(other.send(lambda egress: egress.post(url, self.FORM, [("Authorization", "Basic eA==")])))

    def test_a_form(self, tmp_path: Path) -> None:
        """SEC-EGRESS-2: judged and sent as what is fetched is; the form is encoded, and its length is said."""
        received: list[bytes] = []

        async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.append(await reader.readexactly(len(b"code=a+b%26c%3Dd&x=%C3%A4")))
            writer.write(http(b"{}"))
            await writer.drain()

        other = Elsewhere(tmp_path, read)
        assert self.post(other) == b"{}"
        assert received == [b"code=a+b%26c%3Dd&x=%C3%A4"]
        lines = other.asked[0].split(b"\r\n")
        assert lines[0] == b"POST /token HTTP/1.1"
        for line in (
            b"Content-Type: application/x-www-form-urlencoded",
            b"Content-Length: 25",
            b"Authorization: Basic eA==",
        ):
            assert line in lines

    @pytest.mark.parametrize("status", ["301 Moved", "307 Temporary Redirect", "308 Permanent Redirect"])
    def test_no_redirect(self, tmp_path: Path, status: str) -> None:
        """SEC-EGRESS-3: a secret that is sent goes nowhere else."""
        other = Elsewhere(tmp_path, http(b"", f"Location: https://{HOST}/b", status=status))
        with pytest.raises(Unsuccessful, match="status is 30"):
            self.post(other)
        assert len(other.asked) == 1

    @pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
    def test_a_name_that_leads_inside(self, tmp_path: Path, address: str) -> None:
        """SEC-EGRESS-5: nothing is connected to."""
        other = Elsewhere(tmp_path, http(b"{}"))
        other.addresses = [ipaddress.ip_address(address)]
        with pytest.raises(Unreachable, match="no address"):
            self.post(other)
        assert other.connected == []

    @pytest.mark.parametrize("url", ["http://a.example/", "https://u@a.example/", "https://a.example/ x"])
    def test_what_is_no_place(self, tmp_path: Path, url: str) -> None:
        """Https to a host, and nothing else."""
        with pytest.raises(Unreachable, match="not a"):
            self.post(Elsewhere(tmp_path, http(b"{}")), url)

    def test_the_size_of_the_answer(self, tmp_path: Path) -> None:
        """SEC-EGRESS-4: limited as that of a document is."""
        with pytest.raises(Unreachable, match="too large"):
            self.post(Elsewhere(tmp_path, http(b"x" * (limits.EGRESS_BYTES + 1))))

    def test_what_is_sent_is_not_shown(self) -> None:
        """A form may hold a secret, and so may a header."""
        from strongroom.egress import _Outgoing  # noqa: PLC0415  nobody else needs it

        assert "hidden" not in repr(_Outgoing("POST", (("Authorization", "hidden"),), b"hidden"))


class TestWhoGivesNoAnswer:
    """`Documents.post`: whoever is silent is left alone for a while."""

    def test_a_pause(self) -> None:
        """`POST_PAUSE_S` after no answer, to the second, for that URL alone; a refusal is an answer."""
        now, asked = [float(NOW)], []

        class Silent:
            fault: Unreachable = Unreachable("no whole answer in time")

            async def post(self, url: str, *_: object) -> bytes:
                asked.append(url)
                raise self.fault

        silent = Silent()
        documents = Documents(silent, lambda: now[0])  # type: ignore[arg-type]  # what it needs of the way out

        def post(url: str = "https://a.example/") -> None:
            with pytest.raises(Unreachable):
                run(documents.post(url, {}))

        post()
        now[0] += limits.POST_PAUSE_S - 1
        post()
        assert asked == ["https://a.example/"]
        post("https://b.example/")
        now[0] += 1
        silent.fault = Unsuccessful("the answer's status is 400")
        post()
        post()
        assert asked == ["https://a.example/", "https://b.example/", "https://a.example/", "https://a.example/"]

    def test_few_are_remembered(self) -> None:
        """`DOCUMENTS_KEPT` at most; the one that was silent longest ago is forgotten."""
        asked: list[str] = []

        class Silent:
            async def post(self, url: str, *_: object) -> bytes:
                asked.append(url)
                raise Unreachable("no whole answer in time")

        documents = Documents(Silent(), lambda: NOW)  # type: ignore[arg-type]  # what it needs of the way out
        places = [f"https://{number}.example/" for number in range(limits.DOCUMENTS_KEPT + 1)]
        for place in (*places, places[1], places[0]):
            with pytest.raises(Unreachable):
                run(documents.post(place, {}))
        assert asked == [*places, places[0]]


class Fetching:
    """Documents over a way out that counts, and answers as the test says."""

    def __init__(self) -> None:
        self.now = float(NOW)
        self.asked: list[str] = []
        self.answer: bytes | None = b"1"
        self.documents = Documents(self, lambda: self.now)  # type: ignore[arg-type]  # what it needs of the way out

    async def get(self, url: str) -> bytes:
        """Answer."""
        self.asked.append(url)
        await asyncio.sleep(0)
        if self.answer is None:
            raise Unreachable("gone")
        return self.answer


class TestDocuments:
    """What is fetched again and again."""

    def test_it_is_fetched_once_while_fresh(self) -> None:
        """Eight askers at once share one request, and so do later ones for an hour."""
        fetching = Fetching()

        async def many() -> list[bytes]:
            return await asyncio.gather(*(fetching.documents.fetch("u") for _ in range(8)))

        assert run(many()) == [b"1"] * 8
        fetching.now += limits.DOCUMENT_FRESH_S - 1
        run(fetching.documents.fetch("u"))
        assert fetching.asked == ["u"]
        fetching.now += 1
        run(fetching.documents.fetch("u"))
        assert fetching.asked == ["u", "u"]

    def test_nobody_waits_for_one_who_wants_it_anew(self) -> None:
        """While a fresh document is asked for anew, and the other side is slow, the others have the one there is."""
        fetching = Fetching()
        run(fetching.documents.fetch("u"))
        fetching.now += limits.FETCH_PAUSE_S

        async def both() -> bytes:
            slow = asyncio.Event()
            fetching.get = lambda _: slow.wait()  # type: ignore[assignment, method-assign, return-value]  # never an answer
            again = asyncio.create_task(fetching.documents.fetch("u", again=True))
            await asyncio.sleep(0)
            async with asyncio.timeout(60):
                document = await fetching.documents.fetch("u")
            again.cancel()
            return document

        assert run(both()) == b"1"

    def test_again_is_limited(self) -> None:
        """Pitfalls "Unknown kid refetches the key set every time": once in a minute, however often it is wanted."""
        fetching = Fetching()
        for _ in range(100):
            run(fetching.documents.fetch("u", again=True))
        assert len(fetching.asked) == 1
        fetching.now += limits.FETCH_PAUSE_S
        for _ in range(100):
            run(fetching.documents.fetch("u", again=True))
        assert len(fetching.asked) == 2

    def test_failure_is_remembered(self) -> None:
        """A URL that does not answer is asked once in a minute, too."""
        fetching = Fetching()
        fetching.answer = None
        for _ in range(10):
            with pytest.raises(Unreachable):
                run(fetching.documents.fetch("u"))
        assert len(fetching.asked) == 1
        fetching.now += limits.FETCH_PAUSE_S
        fetching.answer = b"2"
        assert run(fetching.documents.fetch("u")) == b"2"

    def test_an_old_document_counts_for_a_day(self) -> None:
        """An issuer that is away for a while locks nobody out; one that is away for a day vouches for nobody."""
        fetching = Fetching()
        run(fetching.documents.fetch("u"))
        fetching.answer = None
        fetching.now += limits.DOCUMENT_STALE_S - 1
        assert run(fetching.documents.fetch("u")) == b"1"
        fetching.now += 1
        with pytest.raises(Unreachable):
            run(fetching.documents.fetch("u"))

    def test_so_many_are_kept(self) -> None:
        """The least recently used go first."""
        fetching = Fetching()
        for number in range(limits.DOCUMENTS_KEPT):
            run(fetching.documents.fetch(str(number)))
        run(fetching.documents.fetch("0"))
        assert len(fetching.asked) == limits.DOCUMENTS_KEPT
        run(fetching.documents.fetch("one more"))
        run(fetching.documents.fetch("0"))
        assert len(fetching.asked) == limits.DOCUMENTS_KEPT + 1
        run(fetching.documents.fetch("1"))
        assert len(fetching.asked) == limits.DOCUMENTS_KEPT + 2


__all__ = ["Connect", "Elsewhere"]
