"""
Secrets that are handed to people and programs as text: how they are made, and how one is recognised later.

A secret made here has so many bits that it cannot be guessed, so a keyed hash of it can be kept and compared without
the slowness that passwords need (security.md: "Client secrets have at least 256 bits and are kept as keyed hashes").
The key is the root key's, so a stolen database tells nothing, not even whether a guess is right.
"""

from __future__ import annotations

import hmac
import string
from collections.abc import Callable, Sequence

from strongroom.crypto.context import bind
from strongroom.crypto.protocol import RootKey

Entropy = Callable[[int], bytes]

HINT_CHARS = 3
"""How much of a client secret Graph shows again, as its `hint`."""

_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_CLIENT_SECRET_CHARS = _LETTERS_AND_DIGITS + "-._~"
"""The unreserved characters of RFC 3986: the same in a URL, a form, a shell and a file of settings."""
_CLIENT_SECRET_BODY_CHARS = 43
"""43 of 66 characters are 259 bits. The hint is published, so it counts for nothing."""
_LOWER_CASE_AND_DIGITS = string.ascii_lowercase + string.digits
_HEADER_SECRET_CHARS = 50
"""50 of 36 characters are 258 bits. It may stand in a URL, and the JavaScript library writes URLs in lower case."""
_PASSWORD_CHARS = "".join(sorted(set(_LETTERS_AND_DIGITS) - set("0O1lI")))
"""None that are mistaken for another when read aloud or typed from paper."""
_PASSWORD_GROUPS = 5
_PASSWORD_GROUP_CHARS = 5

_PURPOSE = "credential verifier"


class WrongSecret(Exception):
    """The secret that was presented is none of those it was compared with."""


def new_client_secret(entropy: Entropy) -> str:
    """
    Make a client secret of Entra's shape: hint, digit, `Q~`, and the rest.

    Entra's have 40 characters, which holds fewer than 256 bits; ours have 49.
    """
    hint = _pick(entropy, _LETTERS_AND_DIGITS, HINT_CHARS)
    digit = _pick(entropy, string.digits, 1)
    return f"{hint}{digit}Q~{_pick(entropy, _CLIENT_SECRET_CHARS, _CLIENT_SECRET_BODY_CHARS)}"


def new_header_secret(entropy: Entropy) -> str:
    """Make a secret for one run of one program: the managed identity header or path, the credential of a `run`."""
    return _pick(entropy, _LOWER_CASE_AND_DIGITS, _HEADER_SECRET_CHARS)


def new_password(entropy: Entropy) -> str:
    """Make a password that Entra's rules accept, 145 bits, in groups that a person can type."""
    while True:
        password = "-".join(_pick(entropy, _PASSWORD_CHARS, _PASSWORD_GROUP_CHARS) for _ in range(_PASSWORD_GROUPS))
        # Three kinds of four are asked for; the hyphen is a fourth. Starting anew keeps all passwords equally likely.
        if all(any(kind(char) for char in password) for kind in (str.isupper, str.islower, str.isdigit)):
            return password


def make_verifier(protection: RootKey, credential: str, secret: str) -> bytes:
    """Make what is kept of a secret. It is bound to the credential's id, so it says nothing under another."""
    return protection.tag(_PURPOSE, bind(credential, secret))


def match_secret(protection: RootKey, presented: str, credentials: Sequence[tuple[str, bytes]]) -> str:
    """
    Find the credential that *presented* belongs to, among (id, verifier) pairs, and return its id.

    All are compared whatever the outcome, and no credentials at all cost as much as one: time tells nothing about which
    client exists or which of its secrets is right.

    Raises:
        WrongSecret: none fits.
    """
    found: str | None = None
    for credential, verifier in credentials or (("", b""),):
        if hmac.compare_digest(make_verifier(protection, credential, presented), verifier):
            found = credential
    if found is None:
        raise WrongSecret
    return found


def _pick(entropy: Entropy, alphabet: str, count: int) -> str:
    """Pick *count* characters, each equally likely: bytes that would favour the alphabet's start are thrown away."""
    fair = 256 - 256 % len(alphabet)
    picked: list[str] = []
    while len(picked) < count:
        picked += [alphabet[byte % len(alphabet)] for byte in entropy(count - len(picked)) if byte < fair]
    return "".join(picked)
