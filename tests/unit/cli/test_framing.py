"""The strict reading of requests, on which the relay's host check rests."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.cli.framing import HEAD_BYTES, Malformed, parse_head, read_body, read_head

HEAD = b"PUT /secrets/a?api-version=7.4 HTTP/1.1\r\nHost: h\r\nX-Y:  z \r\nContent-Length: 3\r\n\r\n"


def read(content: bytes) -> tuple[bytes, bytes]:
    """Read one request from a connection that ends after *content*: what is handed on, and what is left."""

    async def reading() -> tuple[bytes, bytes]:
        reader = asyncio.StreamReader(limit=HEAD_BYTES)
        reader.feed_data(content)
        reader.feed_eof()
        head = await read_head(reader)
        assert head is not None
        body = b"".join([piece async for piece in read_body(reader, head)])
        return head.raw + body, await reader.read()

    return asyncio.run(reading())


def test_a_head_says_what_it_says() -> None:
    """The method, the target, the fields and the length are those of the bytes, which stay as they came."""
    head = parse_head(HEAD)
    assert (head.method, head.target, head.length, head.raw) == ("PUT", "/secrets/a?api-version=7.4", 3, HEAD)
    assert head.values(b"x-y") == [b"z"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"abc",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: h\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\nfF\r\n" + bytes(255) + b"\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_strict_request_is_handed_on_byte_for_byte(request_bytes: bytes) -> None:
    """What is read is what is handed on, and the next request begins right after it."""
    assert read(request_bytes + b"NEXT") == (request_bytes, b"NEXT")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        # The request line.
        (b"GET /\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"\r\nGET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", 400),
        # Lines.
        (b"GET / HTTP/1.1\r\nA: b\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\rHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n", 400),
        # Lengths.
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: \r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nA: " + bytes(HEAD_BYTES).replace(b"\0", b"a") + b"\r\n\r\n", 431),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(head: bytes, status: int) -> None:
    """RFC 9112 section 11.2: every form in which a second request can hide."""
    with pytest.raises(Malformed) as refusal:
        parse_head(head)
    assert refusal.value.status == status


@pytest.mark.parametrize(
    "body",
    [
        b"5;ext=1\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"-1\r\n\r\n",
        b"\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhelloXX0\r\n\r\n",
        b"0\r\nTrailer: x\r\n\r\n",
        b"1" * 17 + b"\r\n",
        b"1" * HEAD_BYTES + b"1" * HEAD_BYTES,
        b"5\r\nhel",
        b"",
    ],
)
def test_chunks_are_strict(body: bytes) -> None:
    """Chunks have a size, their bytes, and nothing else: no extension, no trailer, no end that is missing."""
    with pytest.raises(Malformed):
        read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body)


def test_a_body_that_ends_early_is_refused() -> None:
    """A connection that ends within a body has not sent a request."""
    with pytest.raises(Malformed):
        read(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc")


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.binary(max_size=40))
def test_any_chunks_come_through_and_nothing_more(pieces: list[bytes], rest: bytes) -> None:
    """Whatever the chunks hold, exactly they are handed on, and what follows is left for the next request."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    request = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    assert read(request + rest) == (request, rest)


@given(st.binary(max_size=200))
def test_no_head_does_anything_but_parse_or_fail(noise: bytes) -> None:
    """Any bytes are a head or `Malformed`, never another exception."""
    try:
        parse_head(noise + b"\r\n\r\n")
    except Malformed as refusal:
        assert refusal.status in {400, 431, 501, 505}  # noqa: PT017  either outcome is right
