"""
X.500 names as text: the subject of a certificate, as `CN=example.com, O="Example, Inc."` has it.

The first part of the text is the innermost one: in the certificate the parts stand the other way round (RFC 4514
section 2.1), so the text of a policy and the text that tools show of its certificate are the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

_KEYWORDS: dict[str, str] = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "SURNAME": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "S": "2.5.4.8",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "T": "2.5.4.12",
    "TITLE": "2.5.4.12",
    "DESCRIPTION": "2.5.4.13",
    "POSTALCODE": "2.5.4.17",
    "G": "2.5.4.42",
    "GN": "2.5.4.42",
    "GIVENNAME": "2.5.4.42",
    "I": "2.5.4.43",
    "INITIALS": "2.5.4.43",
    "DNQ": "2.5.4.46",
    "DNQUALIFIER": "2.5.4.46",
    "UID": "0.9.2342.19200300.100.1.1",
    "DC": "0.9.2342.19200300.100.1.25",
    "E": "1.2.840.113549.1.9.1",
    "EMAIL": "1.2.840.113549.1.9.1",
    "EMAILADDRESS": "1.2.840.113549.1.9.1",
}
"""What the types of attributes are called, in text that Windows, OpenSSL or RFC 4514 write; case does not count."""

COUNTRY = "2.5.4.6"
_ASCII_ALONE = frozenset({"0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1", COUNTRY, "2.5.4.5", "2.5.4.46"})
_LONGEST = {
    "2.5.4.3": 64,
    "2.5.4.5": 64,
    "2.5.4.7": 128,
    "2.5.4.8": 128,
    "2.5.4.10": 64,
    "2.5.4.11": 64,
    "2.5.4.12": 64,
    "1.2.840.113549.1.9.1": 255,
}
"""What RFC 5280 appendix A.1 allows of them."""
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d{0,9})){1,20}", re.ASCII)
_TYPE = re.compile(r" *(?:OID\.)?([A-Za-z][A-Za-z0-9-]*|[0-9.]+) *= *", re.ASCII | re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|""|\\.)*)" *', re.DOTALL)
_PLAIN = re.compile(r'(?:[^",;+<>\\]|\\.)*', re.DOTALL)
_ESCAPE = re.compile(r'\\(?:((?:[0-9A-Fa-f]{2})(?:\\[0-9A-Fa-f]{2})*)|([ "#+,;<=>\\]))')


class Attribute(NamedTuple):
    """One attribute of a name: an object identifier in dotted form, and its text."""

    oid: str
    value: str


Part = tuple[Attribute, ...]
"""A relative name: nearly always of one attribute."""


@dataclass(frozen=True, slots=True)
class NotAName(ValueError):
    """A text is no X.500 name; why is in no word of the request's own."""

    fault: str


def parse_name(text: str) -> tuple[Part, ...]:
    """
    Read a name, its parts in the order of the text. The empty text is the empty name.

    A value that has a comma, or another sign that separates, is in double quotes or has a backslash before the sign.

    Raises:
        NotAName: it is none.
    """
    parts: list[Part] = []
    if not text.strip(" "):
        return ()
    at = 0
    while True:
        part: list[Attribute] = []
        while True:
            attribute, at = _attribute(text, at)
            part.append(attribute)
            if text[at : at + 1] != "+":
                break
            at += 1
        parts.append(tuple(part))
        if at == len(text):
            return tuple(parts)
        if text[at] not in ",;":
            raise NotAName("a value with a comma or a quotation mark must be quoted")
        at += 1


def _attribute(text: str, at: int) -> tuple[Attribute, int]:
    typed = _TYPE.match(text, at)
    if typed is None:
        raise NotAName("an attribute has the form TYPE=value")
    oid = _oid(typed[1])
    quoted = _QUOTED.match(text, typed.end())
    if quoted is not None:
        value, end = _unescaped(quoted[1].replace('""', '"')), quoted.end()
    else:
        plain = _PLAIN.match(text, typed.end())
        raw, end = (plain[0], plain.end()) if plain is not None else ("", typed.end())
        if raw.startswith("#"):
            # RFC 4514 lets BER stand here, which is what nobody writes and what could say anything.
            raise NotAName("a value in hexadecimal is not taken")
        value = _unescaped(_stripped(raw))
    _check(oid, value)
    return Attribute(oid, value), end


def _oid(word: str) -> str:
    if word[0].isdigit():
        if _OID.fullmatch(word) is None or (word[0] != "2" and int(word.split(".")[1]) > 39):
            raise NotAName("an attribute's type is no object identifier")
        return word
    oid = _KEYWORDS.get(word.upper())
    if oid is None:
        raise NotAName("an attribute's type is not known")
    return oid


def _stripped(raw: str) -> str:
    """Take away the blanks around a value, but none that a backslash keeps."""
    bare = raw.rstrip(" ")
    return bare + " " if bare.endswith("\\") and not bare.endswith("\\\\") and raw != bare else bare


def _unescaped(raw: str) -> str:
    pieces: list[bytes] = []
    at = 0
    while at < len(raw):
        if raw[at] != "\\":
            pieces.append(raw[at].encode("utf-8", "surrogatepass"))
            at += 1
            continue
        escape = _ESCAPE.match(raw, at)
        if escape is None:
            raise NotAName("a backslash stands before a sign that needs none")
        pieces.append(bytes.fromhex(escape[1].replace("\\", "")) if escape[1] else escape[2].encode())
        at = escape.end()
    try:
        return b"".join(pieces).decode()
    except UnicodeDecodeError:
        raise NotAName("a value is not Unicode") from None


def _check(oid: str, value: str) -> None:
    if not value:
        raise NotAName("a value is empty")
    if any(ord(sign) < 0x20 or ord(sign) == 0x7F for sign in value):
        raise NotAName("a value has a control character")
    if oid == COUNTRY and not (len(value) == 2 and value.isascii() and value.isalpha()):
        raise NotAName("a country has two letters")
    if oid in _ASCII_ALONE and not value.isascii():
        raise NotAName("a value has other signs than ASCII's")
    if len(value) > _LONGEST.get(oid, 1024):
        raise NotAName("a value is too long")
