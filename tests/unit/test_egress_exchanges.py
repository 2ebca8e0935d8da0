"""What is sent and fetched by the way out: protocols, forms and documents. The other side is a real TLS server."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from pathlib import Path

import pytest

from strongroom.core import limits
from strongroom.egress import Documents, Reply, Unreachable, Unsuccessful
from tests.unit.http_peer import HOST, Elsewhere, http, run

NOW = 1_790_000_000


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
