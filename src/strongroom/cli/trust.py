"""
Trust for one program: certificate files that add our authorities to what each client would have trusted anyway.

Nothing is installed anywhere (security.md "Certificates and Azure's names"): the files lie in a directory of the
caller's choice and reach the program through its environment. What a user narrowed or widened with a variable of their
own stays so: ours come first, theirs follow.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TRUSTSTORE_PASSWORD = "changeit"  # noqa: S105  Java's usual word: a trust store holds public certificates and no secret
_TRUSTSTORE = "trust.p12"
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS
)

SYSTEM = "system"
CERTIFI = "certifi"

BUNDLES: Mapping[str, tuple[str, ...]] = {
    # What a client reads: where its trust comes from otherwise, the first that there is. clients.md section 0.
    "SSL_CERT_FILE": ("SSL_CERT_FILE", SYSTEM, CERTIFI),
    "REQUESTS_CA_BUNDLE": ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", CERTIFI),
    "CURL_CA_BUNDLE": ("CURL_CA_BUNDLE", "SSL_CERT_FILE", SYSTEM, CERTIFI),
    "NODE_EXTRA_CA_CERTS": ("NODE_EXTRA_CA_CERTS",),
}
_JAVA_SOURCES = (SYSTEM, CERTIFI)


@dataclass(frozen=True, slots=True)
class TrustFiles:
    """Where the files are: bundles by the variable that names each, and Java's trust store."""

    bundles: Mapping[str, Path]
    truststore: Path


def write_trust(directory: Path, authorities: Sequence[bytes], environment: Mapping[str, str]) -> TrustFiles:
    """
    Write the files into *directory*, trusting *authorities* (PEM) beside what *environment* had its clients trust.

    What an earlier call of ours wrote is recognised, so that a shell may evaluate `env` twice.

    Certificates are public, yet whoever can write the files decides what is trusted: *directory* is its owner's alone.
    """
    from strongroom.crypto.x509 import java_truststore  # noqa: PLC0415  costs a tenth of a second; see that module

    ours = b"".join(pem.rstrip() + b"\n" for pem in authorities)
    bundles = {}
    for variable, sources in BUNDLES.items():
        bundles[variable] = directory / f"{variable.lower()}.pem"
        _write(bundles[variable], ours + _first(sources, environment).removeprefix(ours))
    truststore = directory / _TRUSTSTORE
    with warnings.catch_warnings():
        # Old public authorities have serial numbers that today's rules forbid; every system still trusts them.
        warnings.simplefilter("ignore")
        try:
            content = java_truststore([ours, _first(_JAVA_SOURCES, environment)], TRUSTSTORE_PASSWORD)
        except ValueError:
            # One certificate that cannot be parsed must not cost Java its access to the service.
            content = java_truststore([ours], TRUSTSTORE_PASSWORD)
    _write(truststore, content)
    return TrustFiles(bundles, truststore)


def _first(sources: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """Read the first source that has certificates; nothing if none has."""
    for source in sources:
        if source == CERTIFI:
            content = _certifi()
        elif source == SYSTEM:
            content = next(filter(None, map(_read, _system_bundles())), b"")
        else:
            content = _read(environment.get(source, ""))
        if content:
            return content
    return b""


def _system_bundles() -> tuple[str, ...]:
    return (ssl.get_default_verify_paths().openssl_cafile, *_SYSTEM_BUNDLES)


def _certifi() -> bytes:
    import certifi  # noqa: PLC0415  only where nothing better is known

    return Path(certifi.where()).read_bytes()


def _read(name: str) -> bytes:
    """Read a bundle, or a directory of certificates, as OpenSSL and requests take both."""
    if not name:
        return b""
    path = Path(name)
    try:
        if path.is_dir():
            # The directory has each certificate twice, by its name and by its hash.
            files = {file.resolve() for file in path.iterdir() if file.is_file()}
            return b"".join(file.read_bytes().rstrip() + b"\n" for file in sorted(files))
        return path.read_bytes()
    except OSError:
        # The client would not have found it either.
        return b""


def _write(path: Path, content: bytes) -> None:
    """Write a file for the owner alone, as everything in a data directory is."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)
