"""
Certificates that come from outside with their private keys: PKCS#12 files, and PEM.

    text ──┬─ PEM ────────────> blocks ──┬─> the key, judged as an imported key is (`crypto.keys.material`)
           └─ base64 ─> PKCS#12 ─> fork ─┘─> the certificates, judged and put in order (`chains`)

A PKCS#12 file is opened in a process of its own, whose time is limited (`pkcs12`), and so is an encrypted key.
Whatever is wrong is one sentence, and nothing of the file or its password is in it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from strongroom.core import certificate_limits as limits
from strongroom.core.certificates import PEM, PKCS12, X509Properties
from strongroom.core.errors import Invalid
from strongroom.core.keys import RSA_BITS, Curve, KeyKind
from strongroom.crypto.certificates import pkcs12
from strongroom.crypto.certificates.chains import Held, ordered_chain, read_certificates
from strongroom.crypto.certificates.described import properties_of
from strongroom.crypto.forks import Forks, WorkEnded
from strongroom.crypto.keys.material import read_apart, read_private_key
from strongroom.crypto.keys.protocol import PlainKey
from strongroom.crypto.keys.public import CURVES

_OpenedT = TypeVar("_OpenedT")

_BEGIN, _END = "-----BEGIN ", "-----END "
_LABEL = re.compile(r"([A-Z0-9 ]{1,40})-----\s")
"""What follows on the beginning of a block."""
_CURVES = {named.name: curve for curve, named in CURVES.items()}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A certificate from outside with its key: both are right, and belong together."""

    key: PlainKey = field(repr=False)
    chain: tuple[bytes, ...]
    """In DER, the leaf first."""
    content_type: str
    """The form in which it came."""
    said: X509Properties
    """What the certificate says."""


def read_incoming(forks: Forks, value: str, password: str | None, now: int, *, keep_order: bool) -> Incoming:
    """
    Read a certificate with its key. It takes its time: it is for a thread.

    Raises:
        Invalid: it is none, the password is wrong, or one of the two is not such as vaults have.
    """
    if len(value) > limits.IMPORT_CHARS:
        raise _refused(f"The value can have at most {limits.IMPORT_CHARS} characters.")
    if password is not None and len(password) > limits.IMPORT_PASSWORD_CHARS:
        raise _refused(f"The password can have at most {limits.IMPORT_PASSWORD_CHARS} characters.")
    content_type, private, certificates, is_checked = _opened(forks, value, password)
    if not certificates:
        raise _refused("There is no certificate in the value, and a key alone is imported as a key.")
    key = _key_of(None if is_checked else forks, private)
    chain = ordered_chain(read_certificates(certificates), Held(key.spec, key.parts), now, keep_order=keep_order)
    return Incoming(key, chain, content_type, properties_of(chain[0]))


def _opened(forks: Forks, value: str, password: str | None) -> tuple[str, bytes, list[bytes], bool]:
    """
    Give the form, the key in PKCS#8, the certificates in DER, and whether the key has been checked.

    What opens with a password has checked it, for as long as it had the time.
    """
    if "-----BEGIN " in value:
        return (PEM, *_read_pem(forks, value, password))
    try:
        octets = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _refused("The value is neither PEM nor PKCS#12 in base64.") from None
    if octets[:1] != _SEQUENCE and b"-----BEGIN " in octets:
        # Some clients put PEM in base64, as they do PKCS#12.
        return (PEM, *_read_pem(forks, octets.decode("ascii", "replace"), password))
    return (PKCS12, *_read_pkcs12(forks, octets, password), True)


# ---- PEM ------------------------------------------------------------------------------------------------------------


def _read_pem(forks: Forks, text: str, password: str | None) -> tuple[bytes, list[bytes], bool]:
    """
    Read PEM (RFC 7468): certificates and one key in PKCS#8, in any order. Text between the blocks says nothing.

    The key may be encrypted, as `az` has it in its own tests; then it is decrypted, and checked.
    """
    found: dict[str, list[bytes]] = {"CERTIFICATE": [], "PRIVATE KEY": [], _ENCRYPTED: []}
    for label, body in _blocks(text):
        if label not in found:
            raise _refused(_OTHER_LABELS.get(label, "The PEM has a block that is no CERTIFICATE and no PRIVATE KEY."))
        try:
            octets = base64.b64decode("".join(body.split()), validate=True)
        except (binascii.Error, ValueError):
            raise _refused(f"The PEM has a {label} that is not base64.") from None
        found[label].append(octets)
    encrypted = found[_ENCRYPTED]
    key = _one_key(found["PRIVATE KEY"] + encrypted)
    return _decrypted(forks, key, password) if encrypted else key, found["CERTIFICATE"], bool(encrypted)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """
    Give the label and the body of each block: no block is in another one, and none is left open.

    Every sign is looked at once: with a pattern for a whole block, many beginnings without an end are each searched to
    the end of the text, and nothing else runs in this process meanwhile.
    """
    for piece in text.split(_BEGIN)[1:]:
        begun = _LABEL.match(piece)
        body, ends, rest = piece[begun.end() :].partition(_END) if begun is not None else ("", "", "")
        if begun is None or not ends or not rest.startswith(f"{begun[1]}-----"):
            raise _refused("The PEM has a block that does not end.")
        yield begun[1], body


_NOT_PKCS8 = "The private key in the PEM must be in PKCS#8: BEGIN PRIVATE KEY, as openssl pkcs8 -topk8 -nocrypt writes."
_ENCRYPTED = "ENCRYPTED PRIVATE KEY"
_OTHER_LABELS = {
    "RSA PRIVATE KEY": _NOT_PKCS8,
    "EC PRIVATE KEY": _NOT_PKCS8,
}


def _decrypted(forks: Forks, octets: bytes, password: str | None) -> bytes:
    if password is None:
        raise _refused("The private key in the PEM is encrypted, and there is no password.")
    return _open_apart(
        partial(pkcs12.open_key, forks, octets, password),
        wrong="The password is wrong, or the private key in the PEM cannot be read.",
        unsupported="The private key in the PEM is encrypted in a way that is not taken.",
        costly="The private key takes too long to decrypt: its password is hashed too many times.",
    )


def _open_apart(opening: Callable[[], _OpenedT], *, wrong: str, unsupported: str, costly: str) -> _OpenedT:
    """Open what has a password in a process of its own, and say in these words why it cannot be."""
    try:
        return opening()
    except pkcs12.UnsupportedFile:
        raise _refused(unsupported) from None
    except pkcs12.NoFile:
        raise _refused(wrong) from None
    except WorkEnded as ended:
        # If it was not costly, it is such a file that the library does not survive it.
        raise _refused(costly if ended.is_costly else wrong) from None


def _one_key(keys: list[bytes]) -> bytes:
    if not keys:
        raise _refused("There is no private key in the value, and a certificate is imported with its own.")
    if len(keys) > 1:
        raise _refused("There is more than one private key in the value.")
    return keys[0]


# ---- PKCS#12 --------------------------------------------------------------------------------------------------------


_SEQUENCE = b"\x30"
"""With this every such file begins (X.690)."""
_WRONG = "The password is wrong, or the value is no PKCS#12 file."


def _read_pkcs12(forks: Forks, octets: bytes, password: str | None) -> tuple[bytes, list[bytes]]:
    if octets[:1] != _SEQUENCE:
        raise _refused(_WRONG)
    private, certificates = _open_apart(
        partial(pkcs12.open_file, forks, octets, password),
        wrong=_WRONG,
        unsupported="The PKCS#12 file has a key, or an encryption, of a kind that is not taken.",
        costly="The PKCS#12 file takes too long to open: its password is hashed too many times.",
    )
    return _one_key([private] if private else []), certificates


# ---- the key --------------------------------------------------------------------------------------------------------


def _key_of(forks: Forks | None, private: bytes) -> PlainKey:
    """Judge a private key as one that is imported by its members; without *forks* it has been checked in one."""
    try:
        # Sizes are judged before anything is computed of it, and then all that the library would.
        key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise _refused("The private key is encrypted: decrypt it first, as with openssl pkey.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _refused("The private key cannot be read.") from None
    if isinstance(key, rsa.RSAPrivateKey):
        return _rsa(forks, key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _ec(key)
    raise _refused("The private key must be an RSA or an EC key.")


def _rsa(forks: Forks | None, key: rsa.RSAPrivateKey) -> PlainKey:
    if key.key_size not in RSA_BITS:
        raise _refused(f"An RSA key must have {', '.join(map(str, RSA_BITS))} bits.")
    own = key.private_numbers()
    numbers = {
        "n": own.public_numbers.n,
        "e": own.public_numbers.e,
        "d": own.d,
        "p": own.p,
        "q": own.q,
        "dp": own.dmp1,
        "dq": own.dmq1,
        "qi": own.iqmp,
    }
    return _judged(forks, KeyKind.RSA, None, numbers)


def _ec(key: ec.EllipticCurvePrivateKey) -> PlainKey:
    curve = _CURVES.get(key.curve.name)
    if curve is None:
        raise _refused(f"The curve of an EC key must be one of: {', '.join(Curve)}.")
    own = key.private_numbers()
    return _judged(
        None, KeyKind.EC, curve, {"x": own.public_numbers.x, "y": own.public_numbers.y, "d": own.private_value}
    )


def _judged(forks: Forks | None, kind: KeyKind, curve: Curve | None, numbers: dict[str, int]) -> PlainKey:
    octets: Callable[[int], bytes] = lambda number: number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")  # noqa: E731
    try:
        members = {name: octets(number) for name, number in numbers.items()}
        if forks is None:
            return read_private_key(kind, curve, members, is_checked=True)
        return read_apart(forks, kind, curve, members)
    except Invalid as fault:
        raise _refused(f"The private key is not taken: {fault.message}") from None


def _refused(sentence: str) -> Invalid:
    return Invalid(sentence, code="BadParameter", reason="invalid certificate or key")
