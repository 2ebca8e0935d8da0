"""
The PROXY protocol, versions 1 and 2: what a proxy says of a connection before it passes its bytes on.

Read as haproxy.org's proxy-protocol.txt has it (sections 2.1 and 2.2), strictly: what does not match to the letter is
no header, because it would decide a firewall. Of what version 2 adds the checksum alone is judged, where there is one.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from strongroom.core import limits
from strongroom.http.message import End

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
"""How a header of version 2 begins."""
PREFIX_BYTES = 16
"""What comes before the block of version 2: signature, version and command, family, length."""
_WORD = b"PROXY "
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")
_PORT_MAX = 65_535
_VERSION, _LOCAL, _PROXY = 2, 0, 1
_FAMILIES, _TRANSPORTS = range(4), range(3)
_UNSPECIFIED, _TCP_IPV4, _TCP_IPV6 = 0x00, 0x11, 0x21
_CHECKSUM = 0x03
_CASTAGNOLI = 0x82F6_3B78
"""The polynomial of CRC32c, its bits reversed (RFC 3720 appendix B.4)."""


class ProxyFault(Exception):
    """No header, or none that is taken; the sentence says why and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a proxy said."""

    size: int
    """How many bytes it took; what follows them is the client's."""
    source: End | None
    """The client; None if the proxy speaks for nobody, or does not know for whom."""


def read_header(received: bytes) -> ProxyHeader | None:
    """
    Read the header that *received* begins with; None as long as more of it must come.

    Raises:
        ProxyFault: whatever comes, it does not begin with a header.
    """
    if SIGNATURE.startswith(received[: len(SIGNATURE)]):
        return _read_block(received)
    if _WORD.startswith(received[: len(_WORD)]):
        return _read_line(received)
    raise ProxyFault("the connection does not begin with the PROXY protocol")


# ---- version 1 ------------------------------------------------------------------------------------------------------


def _read_line(received: bytes) -> ProxyHeader | None:
    end = received.find(b"\n", 0, limits.PROXY_LINE_BYTES)
    if end < 0:
        if len(received) >= limits.PROXY_LINE_BYTES:
            raise ProxyFault("the line does not end")
        return None
    line = received[: end + 1]
    if line.find(b"\r") != len(line) - 2:
        raise ProxyFault("the line does not end as it must")
    fields = line[:-2].split(b" ")
    if fields[1] == b"UNKNOWN":
        # What may follow is to be passed over.
        return ProxyHeader(len(line), None)
    if len(fields) != 6 or fields[1] not in {b"TCP4", b"TCP6"}:
        raise ProxyFault("the line has not the six fields that it must have")
    kind = IPv4Address if fields[1] == b"TCP4" else IPv6Address
    source, _ = (_read_address(kind, field) for field in fields[2:4])
    port, _ = (_read_port(field) for field in fields[4:])
    return ProxyHeader(len(line), (source, port))


def _read_address(kind: type[IPv4Address | IPv6Address], field: bytes) -> str:
    if b"%" in field:
        raise ProxyFault("an address is none")
    try:
        address = kind(field.decode("ascii"))
    except ValueError:
        raise ProxyFault("an address is none") from None
    return socket.inet_ntop(socket.AF_INET if address.version == 4 else socket.AF_INET6, address.packed)


def _read_port(field: bytes) -> int:
    if _PORT.fullmatch(field) is None or int(field) > _PORT_MAX:
        raise ProxyFault("a port is none")
    return int(field)


# ---- version 2 ------------------------------------------------------------------------------------------------------


def _read_block(received: bytes) -> ProxyHeader | None:
    for place, judge in ((12, _judge_command), (13, _judge_family)):
        if len(received) > place:
            judge(received[place])
    if len(received) < PREFIX_BYTES:
        return None
    length = int.from_bytes(received[14:PREFIX_BYTES], "big")
    if length > limits.PROXY_BLOCK_BYTES:
        raise ProxyFault(f"the header is longer than {limits.PROXY_BLOCK_BYTES} bytes")
    size = PREFIX_BYTES + length
    if len(received) < size:
        return None
    header, family = received[:size], received[13]
    if received[12] & 0xF == _LOCAL or family == _UNSPECIFIED:
        # The block is to be passed over, whatever it holds.
        return ProxyHeader(size, None)
    if family == _TCP_IPV4:
        return ProxyHeader(size, _read_source(header, socket.AF_INET, 4))
    if family == _TCP_IPV6:
        return ProxyHeader(size, _read_source(header, socket.AF_INET6, 16))
    raise ProxyFault("the client's address is none of TCP's")


def _judge_command(byte: int) -> None:
    if byte >> 4 != _VERSION or byte & 0xF not in {_LOCAL, _PROXY}:
        raise ProxyFault("the version or the command is not known")


def _judge_family(byte: int) -> None:
    if byte >> 4 not in _FAMILIES or byte & 0xF not in _TRANSPORTS:
        raise ProxyFault("the address family or the transport is not known")


def _read_source(header: bytes, family: socket.AddressFamily, width: int) -> End:
    """Read the source of a header whose addresses are *width* bytes long: source, destination, and their ports."""
    ports = PREFIX_BYTES + 2 * width
    if len(header) < ports + 4:
        raise ProxyFault("the header ends within its addresses")
    _judge_additions(header, ports + 4)
    address = socket.inet_ntop(family, header[PREFIX_BYTES : PREFIX_BYTES + width])
    return address, int.from_bytes(header[ports : ports + 2], "big")


def _judge_additions(header: bytes, place: int) -> None:
    """
    Judge what follows the addresses: type, length and value, again and again, to the header's last byte.

    Raises:
        ProxyFault: they do not end there, or the checksum among them is not the header's.
    """
    while place < len(header):
        value = place + 3
        end = value + int.from_bytes(header[place + 1 : value], "big")
        if end > len(header):
            raise ProxyFault("an addition does not end with the header")
        if header[place] == _CHECKSUM:
            blank = header[:value] + bytes(end - value) + header[end:]
            if end - value != 4 or int.from_bytes(header[value:end], "big") != crc32c(blank):
                raise ProxyFault("the checksum is not the header's")
        place = end


def crc32c(data: bytes) -> int:
    """Compute a CRC32c, which finds what was damaged on the way and proves nothing."""
    crc = 0xFFFF_FFFF
    for byte in data:
        crc = _REMAINDERS[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFF_FFFF


def _remainder(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_CASTAGNOLI if byte & 1 else 0)
    return byte


_REMAINDERS = tuple(_remainder(byte) for byte in range(256))
