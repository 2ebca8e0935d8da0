"""Certificates with their keys, as they come from outside: made by the library, and by the `openssl` command."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.plugins.canary import remember

Pair = tuple[Any, x509.Certificate]
"""A private key and the certificate of it."""


def self_signed(now: float, subject: str = "CN=imported.example.com", *, key: Any = None, **how: Any) -> Pair:
    """Make a key, on P-256, with a certificate that it signs itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string(subject)
    return key, signed(now, name, name, key.public_key(), key, **how)


def signed(
    now: float,
    subject: x509.Name,
    issuer: x509.Name,
    public: Any,
    signer: Any,
    *,
    begins: int = -1,
    days: int = 365,
    is_ca: bool = False,
    extensions: tuple[x509.ExtensionType, ...] = (),
    algorithm: hashes.HashAlgorithm | None = None,
) -> x509.Certificate:
    """Make a certificate that begins so many days from *now* and lives so many."""
    start = datetime.fromtimestamp(int(now), UTC) + timedelta(days=begins)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, algorithm or hashes.SHA256())


def chain(now: float) -> tuple[Any, list[x509.Certificate]]:
    """Make a key with its certificate, the one that issued it, and the root of that one."""
    root_key, root = self_signed(now, "CN=Root", is_ca=True)
    middle_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    middle_name = x509.Name.from_rfc4514_string("CN=Issuing")
    middle = signed(now, middle_name, root.subject, middle_key.public_key(), root_key, is_ca=True)
    leaf_name = x509.Name.from_rfc4514_string("CN=leaf.example.com")
    leaf = signed(now, leaf_name, middle_name, leaf_key.public_key(), middle_key)
    return leaf_key, [leaf, middle, root]


def key_pem(key: Any) -> str:
    """Write a key in PKCS#8, which is to be seen nowhere."""
    text: str = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    remember("".join(text.splitlines()[1:-1])[-48:])
    return text


def pem_of(certificate: x509.Certificate) -> str:
    """Write a certificate in PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


def in_pem(key: Any, *certificates: x509.Certificate) -> str:
    """Write a key and certificates as PEM."""
    return key_pem(key) + "".join(map(pem_of, certificates))


def openssl(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    """Run the command, and give what it writes."""
    ended = subprocess.run(
        ["openssl", *arguments], cwd=folder, input=given, capture_output=True, check=False, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
