"""
Token signatures (RFC 7515): ours are made and checked here, RS256 and nothing else.

Judges form and signature only. What a token claims, and whether that is so, is for `flow.authentication`; the payload
is not even parsed before its signature is right. joserfc does the signing and checking; the strictness about form is
ours, because a token that two parsers read differently is a token that two checks judge differently.

Importing this module costs a quarter of a second (joserfc): import it in the function that needs it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import NoReturn

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from joserfc import jws
from joserfc.jwk import RSAKey

from strongroom.core import limits
from strongroom.core.strict_json import parse_object

ALGORITHM = "RS256"
_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])
_SEGMENT = re.compile(rb"[A-Za-z0-9_-]+")
_KEYS_KEPT = 256
"""Parsed certificates kept: a handful for each tenant."""

VerificationKey = RSAKey
"""A public key ready for use, from `verification_key`."""

_PARAMETERS = frozenset({"typ", "alg", "x5t", "kid"})
"""What our headers have. We are the only issuer, so a header with anything else is a forgery's."""
_NAMED_PARAMETERS = frozenset({"crit", "jwk", "jku", "x5u", "x5c", "b64", "zip", "enc"})
"""Those that bring a key along or change what is signed. The audit names these alone: the rest is free text."""


class TokenFault(StrEnum):
    """Why a token was refused, as far as the reference tells refusals apart."""

    MALFORMED = "malformed"
    """No token of ours, whoever signed it: S2S17001."""
    UNKNOWN_KEY = "unknown_key"
    """Well-formed, signed by a key that is not published: AKV10046."""
    BAD_SIGNATURE = "bad_signature"
    """Well-formed, names a published key, and that key did not sign it: S2S17001."""


class TokenRefused(Exception):
    """A token whose form or signature is wrong. `reason` is a word of ours for the audit, with nothing of the token."""

    def __init__(self, fault: TokenFault, reason: str) -> None:
        super().__init__(f"{fault}: {reason}")
        self.fault = fault
        self.reason = reason


class TokenSigner:
    """One signing key, loaded once."""

    __slots__ = ("_header", "_header_v1", "_key", "kid")

    def __init__(self, private_key: bytes, kid: str) -> None:
        """Load a PKCS#8 DER key that `new_signing_key` made and a seal kept."""
        # The checks cost 48 ms and find a key that was tampered with; the seal it was opened from excludes that.
        loaded = load_der_private_key(private_key, password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(loaded, RSAPrivateKey):
            raise TypeError("tokens are signed with RSA keys")
        self._key = RSAKey.import_key(loaded)
        self._header = {"typ": "JWT", "alg": ALGORITHM, "kid": kid}
        self._header_v1 = {"typ": "JWT", "alg": ALGORITHM, "x5t": kid, "kid": kid}
        self.kid = kid

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.kid}>"

    def sign(self, claims: Mapping[str, object], *, x5t: bool = True) -> str:
        """
        Make a token, whose header names the key twice (*x5t*, as tokens of version 1 do) or once.

        An RSA-2048 signature takes most of a millisecond without the lock: call it in a thread.
        """
        header = dict(self._header_v1 if x5t else self._header)
        return jws.serialize_compact(header, msgspec.json.encode(claims), self._key, registry=_REGISTRY)

    def sign_statement(self, certificate: bytes, payload: bytes) -> str:
        """
        Sign what is no token, with the key's certificate in the header, as the real service signs what it releases.

        `verify_signature` refuses every header like this one, whoever signed it.
        """
        sha1 = hashlib.sha1(certificate, usedforsecurity=False)
        header = {
            "alg": ALGORITHM,
            "kid": sha1.hexdigest().upper(),
            "x5t": _base64url(sha1.digest()),
            "typ": "JWT",
            "x5t#S256": _base64url(hashlib.sha256(certificate).digest()),
            "x5c": [base64.b64encode(certificate).decode("ascii")],
        }
        return jws.serialize_compact(header, payload, self._key, registry=_REGISTRY)


@lru_cache(maxsize=_KEYS_KEPT)
def verification_key(certificate: bytes) -> VerificationKey:
    """Read the public key of a signing key's certificate (DER); the most recently used are kept."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, RSAPublicKey):
        raise TypeError("a signing key's certificate holds an RSA key")
    return RSAKey.import_key(key)


def verify_signature(token: str, keys: Mapping[str, VerificationKey]) -> dict[str, object]:
    """
    Check a token's form and signature, and return its claims, which nobody has judged yet.

    *keys* are those published now, by `kid`: the token chooses among them and brings none.

    Raises:
        TokenRefused: with the fault that the answer depends on.
    """
    header_segment, payload_segment, signature_segment = _split(token)
    header = _parse_object(_decode(header_segment), "header")
    kid = _judge_header(header)
    payload = _decode(payload_segment)
    _decode(signature_segment)
    key = keys.get(kid)
    if key is None:
        raise TokenRefused(TokenFault.UNKNOWN_KEY, "kid_not_published")
    signed = jws.CompactSignature(header, payload)
    signed.segments = {"header": header_segment, "payload": payload_segment, "signature": signature_segment}
    if not jws.validate_compact(signed, key, registry=_REGISTRY):
        raise TokenRefused(TokenFault.BAD_SIGNATURE, "signature")
    return _parse_object(payload, "payload")


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _split(token: str) -> tuple[bytes, bytes, bytes]:
    if len(token) > limits.TOKEN_CHARS:
        _refuse("too_long")
    if not token.isascii():
        _refuse("not_ascii")
    segments = token.encode("ascii").split(b".")
    if len(segments) != 3:
        _refuse("segments")
    header, payload, signature = segments
    return header, payload, signature


def _decode(segment: bytes) -> bytes:
    """Decode base64url in the one spelling of RFC 7515 section 2: no padding, no blanks, no stray bits at the end."""
    if not _SEGMENT.fullmatch(segment):
        _refuse("base64url")
    try:
        decoded = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except binascii.Error:
        _refuse("base64url")
    # Encoding again is the plainest way to see that no other spelling decodes to the same bytes.
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != segment:
        _refuse("base64url")
    return decoded


def _judge_header(header: dict[str, object]) -> str:
    """Refuse every header that none of our tokens has, and return the `kid`."""
    if header.get("alg") != ALGORITHM:
        # `none` and HS256 with the public key as its secret end here, before any key is looked at.
        _refuse("algorithm")
    if header.get("typ", "JWT") != "JWT":
        _refuse("type")
    if not header.keys() <= _PARAMETERS:
        named = sorted(header.keys() & _NAMED_PARAMETERS)
        _refuse(f"header_{named[0]}" if named else "header_parameter")
    if "kid" not in header:
        raise TokenRefused(TokenFault.UNKNOWN_KEY, "kid_missing")
    kid = header["kid"]
    if not isinstance(kid, str):
        _refuse("kid")
    if header.get("x5t", kid) != kid:
        # Two names for the key that signed: which one counts must not depend on who reads.
        _refuse("x5t")
    return kid


def _parse_object(text: bytes, part: str) -> dict[str, object]:
    try:
        return parse_object(text)
    except TypeError:
        _refuse(f"{part}_not_object")
    except ValueError:
        _refuse(f"{part}_json")


def _refuse(reason: str) -> NoReturn:
    raise TokenRefused(TokenFault.MALFORMED, reason)
