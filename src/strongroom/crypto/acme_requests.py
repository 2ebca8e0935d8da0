"""
What ACME clients sign (RFC 8555 section 6.2), and what they read of requests and certificates.

Every request is a JWS, signed by the account's key (P-256, ES256) with joserfc. Owns no connection: that is
`objects.issuers.acme_client`.

Importing this module costs a quarter of a second (joserfc): import it in the function that needs it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from joserfc import jws
from joserfc.jwk import ECKey, OctKey
from joserfc.registry import HeaderParameter

from strongroom.core import acme_limits as limits
from strongroom.core.acme import RequestedNames
from strongroom.crypto.certificates.chains import UNREADABLE

_EXTRA = {
    "nonce": HeaderParameter("Replay protection", "str"),
    "url": HeaderParameter("The resource that is asked", "str"),
}
_KINDS: tuple[tuple[type[x509.GeneralName], str], ...] = (
    (x509.RFC822Name, "e-mail addresses"),
    (x509.UniformResourceIdentifier, "URIs"),
    (x509.IPAddress, "IP addresses"),
    (x509.OtherName, "user principal names"),
    (x509.DirectoryName, "directory names"),
    (x509.RegisteredID, "registered ids"),
)


class _Registry(jws.JWSRegistry):
    # A header holds two URLs, each as long as one may be.
    max_header_length = 8192


_SIGNING = _Registry(_EXTRA, algorithms=["ES256"])
_BINDING = _Registry(_EXTRA, algorithms=["HS256"])


class BadChain(ValueError):
    """What came is no certificate chain for the request. The text repeats nothing of it."""


class AnotherKeysChain(BadChain):
    """It is a chain, and its leaf certifies another key than the request's."""


def new_account_key() -> bytes:
    """Make a key for an account (PKCS#8 DER)."""
    return generate_private_key(SECP256R1()).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class AccountKey:
    """The key of an account, loaded once."""

    __slots__ = ("_key", "thumbprint")

    def __init__(self, private_key: bytes) -> None:
        """Load a key that `new_account_key` made and a seal kept."""
        loaded = load_der_private_key(private_key, password=None)
        if not isinstance(loaded, EllipticCurvePrivateKey):
            raise TypeError("an account's key is an EC key")
        self._key = ECKey.import_key(loaded)
        self.thumbprint: str = self._key.thumbprint()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.thumbprint}>"

    def sign(self, url: str, nonce: str, payload: bytes, *, account: str = "") -> bytes:
        """Sign a request to *url*, in the name of an *account*, or of the key itself where there is none yet."""
        header: dict[str, Any] = {"alg": "ES256", "nonce": nonce, "url": url}
        header |= {"kid": account} if account else {"jwk": self._public()}
        return msgspec.json.encode(jws.serialize_json({"protected": header}, payload, self._key, registry=_SIGNING))

    def bind(self, url: str, external_id: str, external_key: bytes) -> Mapping[str, Any]:
        """Bind the account that is to be made to one that the authority knows already (section 7.3.4)."""
        header = {"alg": "HS256", "kid": external_id, "url": url}
        key = OctKey.import_key(external_key)
        return jws.serialize_json({"protected": header}, msgspec.json.encode(self._public()), key, registry=_BINDING)

    def authorize(self, token: str) -> str:
        """Give the key authorization of a challenge (section 8.1)."""
        return f"{token}.{self.thumbprint}"

    def dns_value(self, token: str) -> str:
        """Give what the TXT record for a challenge holds (section 8.4)."""
        return base64url(hashlib.sha256(self.authorize(token).encode("ascii")).digest())

    def _public(self) -> dict[str, Any]:
        shown = self._key.as_dict(private=False)
        return {name: shown[name] for name in ("crv", "kty", "x", "y")}


def base64url(content: bytes) -> str:
    """Encode as the protocol does: without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def read_external_key(text: str) -> bytes:
    """
    Read the key of an external account binding, as authorities hand it out: base64url.

    Raises:
        ValueError: it is none, or too short for HMAC-SHA-256.
    """
    plain = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("no base64url") from None
    if len(key) < limits.ACME_EXTERNAL_KEY_BYTES:
        raise ValueError("too short")
    return key


def names_of(csr: bytes) -> RequestedNames:
    """Say which names a certificate request (DER, of our making) carries."""
    request = x509.load_der_x509_csr(csr)
    common = request.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    common_name = str(common[0].value) if common else None
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return RequestedNames((), (), common_name)
    others = tuple(called for kind, called in _KINDS if any(isinstance(one, kind) for one in names))
    return RequestedNames(tuple(names.get_values_for_type(x509.DNSName)), others, common_name)


def read_chain(document: bytes, csr: bytes) -> tuple[bytes, ...]:
    """
    Read a chain in PEM (section 9.1), the leaf first, and give it in DER.

    Raises:
        BadChain: it is none, or too long.
        AnotherKeysChain: its leaf certifies another key than the request's.
    """
    try:
        found = x509.load_pem_x509_certificates(document)
    except UNREADABLE:
        raise BadChain("no certificates") from None
    if len(found) > limits.ACME_CHAIN:
        raise BadChain("too many certificates")
    wanted = x509.load_der_x509_csr(csr).public_key()
    if _public_bytes(found[0]) != wanted.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
        raise AnotherKeysChain("a certificate of another key")
    return tuple(one.public_bytes(Encoding.DER) for one in found)


def _public_bytes(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except UNREADABLE:
        return None
