"""A second implementation as judge: what is signed here verifies with OpenSSL; what OpenSSL encrypts decrypts here."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.flow.client import Client
from tests.flow.holding import octets, read, result, use
from tests.plugins.canary import plant

pytestmark = [pytest.mark.toolchain("openssl"), pytest.mark.usefixtures("restored")]

CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}
PSS = ("-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest")


def openssl(*arguments: str | Path) -> bytes:
    """Run OpenSSL's `pkeyutl`, which succeeds."""
    done = subprocess.run(["openssl", "pkeyutl", *arguments], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_public(bundle: Any, file: Path) -> Path:
    """Write the public key of a bundle as OpenSSL reads it, and give the file."""
    key = bundle["key"]
    numbers = {member: int.from_bytes(read(key[member]), "big") for member in ("n", "e", "x", "y") if member in key}
    if key["kty"] == "RSA":
        public: Any = rsa.RSAPublicNumbers(numbers["e"], numbers["n"]).public_key()
    else:
        public = ec.EllipticCurvePublicNumbers(numbers["x"], numbers["y"], CURVES[key["crv"]]).public_key()
    file.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return file


@pytest.fixture(scope="module")
def rsa_public(vault: Client, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Make an RSA key in the vault for the module, and give its name and its public part in a file."""
    vault.done("POST", "/keys/for-openssl/create", body={"kty": "RSA"})
    bundle = vault.done("GET", "/keys/for-openssl")
    return "for-openssl", write_public(bundle, tmp_path_factory.mktemp("openssl") / "public.pem")


def verified(public: Path, folder: Path, digest: bytes, signature: bytes, *options: str) -> bool:
    """Let OpenSSL judge a signature of a digest."""
    (folder / "digest").write_bytes(digest)
    (folder / "signature").write_bytes(signature)
    shown = openssl(
        "-verify", "-pubin", "-inkey", public, "-in", folder / "digest", "-sigfile", folder / "signature", *options
    )
    return b"Signature Verified Successfully" in shown


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        *((f"RS{bits}", ("-pkeyopt", f"digest:sha{bits}")) for bits in (256, 384, 512)),
        *((f"PS{bits}", (*PSS, "-pkeyopt", f"digest:sha{bits}")) for bits in (256, 384, 512)),
        ("RSNULL", ()),
    ],
)
def test_openssl_verifies_rsa(
    vault: Client, rsa_public: tuple[str, Path], tmp_path: Path, algorithm: str, options: tuple[str, ...]
) -> None:
    """A signature of each RSA algorithm is right to OpenSSL; RSNULL's has no DigestInfo."""
    name, public = rsa_public
    digest = hashlib.new(f"sha{algorithm[2:]}" if algorithm[2:].isdigit() else "sha1", b"signed").digest()
    signature = result(use(vault, name, "sign", algorithm, digest))
    assert verified(public, tmp_path, digest, signature, *options)


@pytest.mark.parametrize(
    ("curve", "algorithm", "hash_name"),
    [
        ("P-256", "ES256", "sha256"),
        ("P-384", "ES384", "sha384"),
        ("P-521", "ES512", "sha512"),
        ("P-256K", "ES256K", "sha256"),
    ],
)
def test_openssl_verifies_ecdsa(
    vault: Client, name: str, tmp_path: Path, curve: str, algorithm: str, hash_name: str
) -> None:
    """A signature of each curve is right to OpenSSL, once r and s are written as it reads them."""
    bundle = vault.done("POST", f"/keys/{name}/create", body={"kty": "EC", "crv": curve})
    digest = hashlib.new(hash_name, b"signed").digest()
    signature = result(use(vault, name, "sign", algorithm, digest))
    half = len(signature) // 2
    assert half == (CURVES[curve].key_size + 7) // 8
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    public = write_public(bundle, tmp_path / "public.pem")
    assert verified(public, tmp_path, digest, encode_dss_signature(r, s))


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("RSA1_5", ()),
        ("RSA-OAEP", ("-pkeyopt", "rsa_padding_mode:oaep")),
        ("RSA-OAEP-256", ("-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256")),
    ],
)
def test_what_openssl_encrypts_decrypts_here(
    vault: Client, rsa_public: tuple[str, Path], tmp_path: Path, algorithm: str, options: tuple[str, ...]
) -> None:
    """What OpenSSL encrypted for a key here decrypts and unwraps here."""
    name, public = rsa_public
    text = plant().encode()
    (tmp_path / "text").write_bytes(text)
    ciphertext = openssl("-encrypt", "-pubin", "-inkey", public, "-in", tmp_path / "text", *options)
    (tmp_path / "text").unlink()
    for operation in ("decrypt", "unwrapkey"):
        answer = use(vault, name, operation, algorithm, ciphertext)
        assert answer.json["value"] == octets(text)
