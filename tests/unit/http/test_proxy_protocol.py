"""The PROXY protocol: known headers of both versions, and everything that is none."""

from __future__ import annotations

import contextlib
import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core import limits
from strongroom.http.proxy_protocol import SIGNATURE, ProxyFault, ProxyHeader, crc32c, read_header

# Source and destination as the specification's own example has them (proxy-protocol.txt section 2.1).
LINE = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"
LINE_6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"
REST = b"\x16\x03\x01\x02\x00\x01\x00"
"""How TLS goes on."""
# The same in version 2, written out by hand from section 2.2: 192.168.0.1 is c0a80001, port 56324 is dc04, 443 is 01bb.
BLOCK = bytes.fromhex("0d0a0d0a000d0a515549540a 21 11 000c c0a80001 c0a8000b dc04 01bb")
BLOCK_6 = bytes.fromhex(
    "0d0a0d0a000d0a515549540a 21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 dc04 01bb"
)
LOCAL = bytes.fromhex("0d0a0d0a000d0a515549540a 20 00 0000")
V4 = ("192.168.0.1", 56324)
V6 = ("2001:db8::1", 56324)


def block(command: int, family: int, content: bytes) -> bytes:
    """Make a header of version 2."""
    return SIGNATURE + bytes((command, family)) + struct.pack("!H", len(content)) + content


def addition(kind: int, value: bytes) -> bytes:
    """Make a TLV."""
    return struct.pack("!BH", kind, len(value)) + value


def with_additions(*additions: bytes, onto: bytes = BLOCK) -> bytes:
    """Add TLVs to a header of version 2."""
    return block(onto[12], onto[13], onto[16:] + b"".join(additions))


def sealed(*additions: bytes, onto: bytes = BLOCK) -> bytes:
    """Add TLVs and the checksum (section 2.2.3): that of the header with zeros in its place, at the end."""
    blank = with_additions(*additions, addition(3, bytes(4)), onto=onto)
    return blank[:-4] + struct.pack("!I", crc32c(blank))


GOOD: dict[str, tuple[bytes, tuple[str, int] | None]] = {
    "v1 TCP4": (LINE, V4),
    "v1 TCP6": (LINE_6, V6),
    "v1 TCP6, longest": (
        b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535),
    ),
    "v1 TCP4, longest": (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", ("255.255.255.255", 65535)),
    "v1 capitals": (b"PROXY TCP6 2001:DB8::1 ::1 1 0\r\n", ("2001:db8::1", 1)),
    "v1 mapped": (b"PROXY TCP6 ::ffff:192.168.0.1 ::1 1 0\r\n", ("::ffff:192.168.0.1", 1)),
    "v1 port 0": (b"PROXY TCP4 192.168.0.1 192.168.0.11 0 0\r\n", ("192.168.0.1", 0)),
    "v1 UNKNOWN, short": (b"PROXY UNKNOWN\r\n", None),
    "v1 UNKNOWN, longest": (
        b"PROXY UNKNOWN " + b" ".join([b":".join([b"ffff"] * 8)] * 2) + b" 65535 65535\r\n",
        None,
    ),
    "v1 UNKNOWN, anything": (b"PROXY UNKNOWN what ever  it says\r\n", None),
    "v2 TCP4": (BLOCK, V4),
    "v2 TCP6": (BLOCK_6, V6),
    "v2 LOCAL": (LOCAL, None),
    "v2 LOCAL with what is passed over": (block(0x20, 0x11, b"\xff" * 40), None),
    "v2 unspecified": (block(0x21, 0x00, b""), None),
    "v2 unspecified with what is passed over": (block(0x21, 0x00, b"\xff" * 7), None),
    "v2 with additions": (with_additions(addition(1, b"h2"), addition(4, b""), addition(0xEA, b"x" * 300)), V4),
    "v2 with a checksum": (sealed(), V4),
    "v2 with a checksum among others": (sealed(addition(2, b"v1.vault.localhost"), onto=BLOCK_6), V6),
}


@pytest.mark.parametrize("name", GOOD)
def test_reads_a_header(name: str) -> None:
    """A header of either version is read, and what follows it is left."""
    header, source = GOOD[name]
    assert read_header(header) == ProxyHeader(len(header), source)
    assert read_header(header + REST) == ProxyHeader(len(header), source)


@pytest.mark.parametrize("name", GOOD)
def test_a_truncated_header_is_none_yet(name: str) -> None:
    """Of no beginning of a header is anything believed: more must come, whatever length it was cut to."""
    header, _ = GOOD[name]
    assert [read_header(header[:length]) for length in range(len(header))] == [None] * len(header)


def test_the_checksum_is_castagnolis() -> None:
    """CRC32c of the published examples (RFC 3720 appendix B.4, and the usual check value)."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324\r443\r\n",
        b"PROXY UNKNOWN \r \r\n",
        b"PROXY UNKNOWN\n",
        b"PROXY UNKNOWNx\r\n",
        b"PROXY unknown\r\n",
        b"PROXY \r\n",
        b"PROXY TCP4\r\n",
        b"PROXY  TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
        b"PROXY\tTCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4\t192.168.0.1 192.168.0.11 56324 443\r\n",
        b"proxy TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP5 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP5 2001:db8::1 2001:db8::2 56324 443\r\n",
        b"PROXY TCP4 192.168.0.\xb2 192.168.0.11 56324 443\r\n",
        b"PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 192.168.0.256 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 192.168.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 192.168.0.1/32 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 ::1 ::1 56324 443\r\n",
        b"PROXY TCP4 192.168.0.1 ::1 56324 443\r\n",
        b"PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 56324 443\r\n",
        b"PROXY TCP6 2001:db8:::1 ::1 56324 443\r\n",
        b"PROXY TCP6 [2001:db8::1] ::1 56324 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 00 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 +1 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 -1 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 \xb2 443\r\n",
        b"PROXY TCP4 192.168.0.\xb2 192.168.0.11 1 443\r\n",
        b"PROXY TCP4 192.168.0.1\x00 192.168.0.11 1 443\r\n",
    ],
)
def test_a_line_that_is_not_to_the_letter_is_refused(line: bytes) -> None:
    """SEC-FLOW-11: one space between fields, canonical addresses of the family that was said, ports as they are."""
    with pytest.raises(ProxyFault):
        read_header(line + REST)


def test_a_line_has_a_length() -> None:
    """A line of 107 bytes is read; without an end in so many it is refused, and not waited for."""
    line = b"PROXY UNKNOWN ".ljust(limits.PROXY_LINE_BYTES - 2, b"x") + b"\r\n"
    assert read_header(line) == ProxyHeader(limits.PROXY_LINE_BYTES, None)
    longer = b"PROXY UNKNOWN ".ljust(limits.PROXY_LINE_BYTES - 1, b"x") + b"\r\n"
    assert read_header(longer[: limits.PROXY_LINE_BYTES - 1]) is None
    with pytest.raises(ProxyFault):
        read_header(longer[: limits.PROXY_LINE_BYTES])
    with pytest.raises(ProxyFault):
        read_header(longer)


@pytest.mark.parametrize(
    "header",
    [
        *(block(command, 0x11, BLOCK[16:]) for command in range(256) if command not in {0x20, 0x21}),
        *(block(0x21, family, BLOCK_6[16:]) for family in range(256) if family not in {0x00, 0x11, 0x21}),
        *(block(0x20, family, b"") for family in (0x03, 0x40, 0x41, 0xFF)),
        *(block(0x21, 0x11, BLOCK[16 : 16 + length]) for length in range(12)),
        *(block(0x21, 0x21, BLOCK_6[16 : 16 + length]) for length in range(36)),
    ],
)
def test_a_block_that_is_not_to_the_letter_is_refused(header: bytes) -> None:
    """SEC-FLOW-11: another version, command, family or transport, or a block too short for its addresses."""
    with pytest.raises(ProxyFault):
        read_header(header + REST)


@pytest.mark.parametrize("byte", [12, 13])
def test_what_cannot_become_a_header_is_refused_at_once(byte: int) -> None:
    """A wrong version or family is refused when it is seen: nobody waits for the rest."""
    for length in range(byte + 1, len(BLOCK)):
        with pytest.raises(ProxyFault):
            read_header(BLOCK[:byte] + b"\xff" + BLOCK[byte + 1 : length])


def test_a_block_has_a_length() -> None:
    """A block of so many bytes is read; one byte more is refused when its length is seen."""
    fitting = with_additions(addition(4, bytes(limits.PROXY_BLOCK_BYTES - 12 - 3)))
    assert read_header(fitting) == ProxyHeader(16 + limits.PROXY_BLOCK_BYTES, V4)
    longer = with_additions(addition(4, bytes(limits.PROXY_BLOCK_BYTES - 12 - 2)))
    with pytest.raises(ProxyFault, match="longer than"):
        read_header(longer[:16])


@pytest.mark.parametrize(
    "additions",
    [b"\x04", b"\x04\x00", b"\x04\x00\x01", addition(4, b"x") + b"\x04", addition(1, b"h2")[:-1], b"\xff" * 9],
)
def test_additions_end_with_the_header(additions: bytes) -> None:
    """A TLV that is cut, or says that it is longer than the header, is refused."""
    with pytest.raises(ProxyFault, match="addition"):
        read_header(with_additions(additions))


@pytest.mark.parametrize("length", [0, 3, 5])
def test_a_checksum_has_four_bytes(length: int) -> None:
    """A checksum of another length is none."""
    with pytest.raises(ProxyFault, match="checksum"):
        read_header(with_additions(addition(3, bytes(length))))


def test_a_right_checksum_in_five_bytes_is_none() -> None:
    """Nothing is read as a checksum that has another length, even if it is the right number."""
    blank = with_additions(addition(3, bytes(5)))
    with pytest.raises(ProxyFault, match="checksum"):
        read_header(blank[:-4] + struct.pack("!I", crc32c(blank)))


def test_whatever_is_changed_under_a_checksum_is_refused() -> None:
    """Every single bit of a header with a checksum: whichever is changed, nobody else's address is told."""
    header = sealed(addition(1, b"h2"))
    for place in range(len(header)):
        for bit in range(8):
            changed = bytearray(header)
            changed[place] ^= 1 << bit
            with contextlib.suppress(ProxyFault):
                read = read_header(bytes(changed))
                # A longer length waits for more; without a family no address is told; and where the checksum's own type
                # is changed, there is none.
                assert read is None or read.source in {None, V4}


@pytest.mark.parametrize("name", ["v1 TCP4", "v1 TCP6", "v2 TCP4", "v2 TCP6"])
def test_every_changed_byte_is_refused_or_read_as_what_it_then_is(name: str) -> None:
    """Every byte, made any other: a fault, not yet a header, or an address and a port that there are."""
    header, _ = GOOD[name]
    for place in range(len(header)):
        for byte in range(256):
            changed = header[:place] + bytes((byte,)) + header[place + 1 :]
            with contextlib.suppress(ProxyFault):
                judge(changed)


@pytest.mark.parametrize(
    "opening",
    [
        REST,
        b"GET / HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /",
        b"PROXX",
        b"\r\n\r\nx",
        b"\x00",
        b"\xff",
    ],
)
def test_other_protocols_are_refused_at_their_first_difference(opening: bytes) -> None:
    """SEC-FLOW-11: TLS, HTTP or anything else instead of a header is not waited for, and never guessed at."""
    with pytest.raises(ProxyFault, match="does not begin"):
        read_header(opening)


def judge(received: bytes) -> None:
    """Demand of whatever is read that it is whole: a length within the bytes, an address and a port."""
    read = read_header(received)
    if read is None:
        return
    assert 15 <= read.size <= min(len(received), 16 + limits.PROXY_BLOCK_BYTES)
    # What decided is the header alone, and all of it.
    assert read_header(received[: read.size]) == read
    assert read_header(received[: read.size - 1]) is None
    if read.source is not None:
        address, port = read.source
        ip_address(address)
        assert 0 <= port <= 65535


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda rest: b"PROXY " + rest),
        st.text("TCP46UNKOW 0123456789abcdef:.\r\n", max_size=110).map(lambda rest: b"PROXY " + rest.encode()),
        st.binary(max_size=200).map(lambda rest: SIGNATURE + rest),
        st.builds(block, st.sampled_from([0x20, 0x21]), st.sampled_from([0x00, 0x11, 0x21]), st.binary(max_size=200)),
    )
)
def test_whatever_comes_is_judged(received: bytes) -> None:
    """Any bytes at all are a whole header, the beginning of one, or a fault, and nothing else happens."""
    with contextlib.suppress(ProxyFault):
        judge(received)
