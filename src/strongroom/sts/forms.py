"""
Token requests are forms (RFC 6749 section 3.2): read strictly, because two readers that disagree about one are a hole.

A parameter that comes twice is refused, also if both are alike; an empty one counts as left out, as RFC 6749 says.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from urllib.parse import unquote_to_bytes

from strongroom.core import limits
from strongroom.core.aadsts import refuse

CONTENT_TYPE = "application/x-www-form-urlencoded"
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")


def parse_form(content_type: str | None, body: bytes) -> dict[str, str]:
    """
    Read a form.

    Raises:
        Invalid: AADSTS900144, it is not a form, so it has no grant type; 9002313, it is malformed or has too many or
            too long members; 9000411, a member comes twice.
    """
    kind, _, parameters = (content_type or "").partition(";")
    if kind.strip().lower() != CONTENT_TYPE or parameters.strip().lower() not in {"", "charset=utf-8"}:
        raise refuse(900144, parameter="grant_type", reason="not a form")
    form: dict[str, str] = {}
    pairs = [pair for pair in body.split(b"&") if pair]
    if len(pairs) > limits.FORM_FIELDS:
        raise refuse(9002313, reason="too many form members")
    for pair in pairs:
        raw_name, _, raw_value = pair.partition(b"=")
        name, value = _decode(raw_name), _decode(raw_value)
        if name in form:
            raise refuse(9000411, parameter=name)
        if len(value) > limits.FORM_VALUE_CHARS:
            raise refuse(9002313, reason="form member too long")
        form[name] = value
    return {name: value for name, value in form.items() if value}


def parse_basic(header: str | None) -> tuple[str, str] | None:
    """
    Read client credentials from an Authorization header (RFC 6749 section 2.3.1): form-encoded, then Basic.

    None means that there is no such header.

    Raises:
        Invalid: AADSTS9002313, it is malformed or of another scheme.
    """
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise refuse(9002313, reason="authorization scheme of a token request")
    try:
        decoded = b64decode(encoded.strip(), validate=True)
    except Base64Error:
        raise refuse(9002313, reason="malformed basic credentials") from None
    client, colon, secret = decoded.partition(b":")
    if not colon:
        raise refuse(9002313, reason="malformed basic credentials")
    return _decode(client), _decode(secret)


def _decode(text: bytes) -> str:
    pieces = text.split(b"%")
    if any(len(piece) < 2 or not _HEXADECIMAL.issuperset(piece[:2]) for piece in pieces[1:]):
        raise refuse(9002313, reason="malformed percent-encoding")
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise refuse(9002313, reason="form is not UTF-8") from None
