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
    days: float = 365,
    is_ca: bool = False,
    extensions: tuple[x509.ExtensionType, ...] = (),
    algorithm: hashes.HashAlgorithm | None = None,
    serial: int | None = None,
) -> x509.Certificate:
    """Make a certificate that begins so many days from *now* and lives so many."""
    start = datetime.fromtimestamp(int(now), UTC) + timedelta(days=begins)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(serial or x509.random_serial_number())
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


TWO_KEYS_PASSWORD = "changeit"
TWO_KEYS = (
    "MIIGhwIBAzCCBjEGCSqGSIb3DQEHAaCCBiIEggYeMIIGGjCCAjEGCSqGSIb3DQEHAaCCAiIEggIeMIICGjCCAQkGCyqGSIb3DQEM"
    "CgECoIG9MIG6MGYGCSqGSIb3DQEFDTBZMDgGCSqGSIb3DQEFDDArBBSkavwAFiKa+1jYiFu7eV0wTsB4QgICJxACASAwDAYIKoZI"
    "hvcNAgkFADAdBglghkgBZQMEASoEEKTTFkn1LIzR4vm1f6dZ638EUO6mZKL0gKMertT3JHP8wy6ydCyT/BxjlUf2QcLwYiwCSIrM"
    "7dP73+HtIYXD101QPDSsFY9xlLp+pJw0/MMiP7gopd6lYhRHo24Q9CVvszKCMTowFQYJKoZIhvcNAQkUMQgeBgBvAG4AZTAhBgkq"
    "hkiG9w0BCRUxFAQSVGltZSAxNzk1NzczMjU4NzAwMIIBCQYLKoZIhvcNAQwKAQKggb0wgbowZgYJKoZIhvcNAQUNMFkwOAYJKoZI"
    "hvcNAQUMMCsEFMYDP/FnAFOsIZUPzUC6AQv3/COdAgInEAIBIDAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQUCxzX7PaZ4Ef"
    "x8ncF6OVOQRQSeaZY2kkwApGWMBJ3amuk/GTvQLMli2aQAvCcVScCGTuyICGFKMe1z71y+f1yH3ZZ4yszJ8gRvm7Hw4B35BFHs3l"
    "vIXyYP34VYP9U3ODhJAxOjAVBgkqhkiG9w0BCRQxCB4GAHQAdwBvMCEGCSqGSIb3DQEJFTEUBBJUaW1lIDE3OTU3NzMyNjIyMjcw"
    "ggPhBgkqhkiG9w0BBwagggPSMIIDzgIBADCCA8cGCSqGSIb3DQEHATBmBgkqhkiG9w0BBQ0wWTA4BgkqhkiG9w0BBQwwKwQUMOG4"
    "coBnTFAmuUQW+aMNU+sLb5oCAicQAgEgMAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBALmda30ZS1oovfmtz7MFpZgIIDUChY"
    "LF2CG12+mMUFXOAezTxlHwsDDfPnA05d+KTNY+/uOFcIu+NLYIPKt6UJ5RhY+N8VgiQz+OZRUNLdmKNDhorgNHnlQv/RFpdZE/Qd"
    "Y9WjqBIDMj5RbfnNR2BzAETZlVjx8XU10GRQCFkR5gVnN7k2vmNOe+BkCJRwmsL+wr1VP+tB7nHwY+AzMvAH8HQX9W+8A+Nl2nE+"
    "g/r8REsTsCtgj2YSQkYS17tP+zR0FZFbAyCbXW57MDDxxKcd4QVKptl39VzWoRtCa1wAs8gc0rakIuV4ceaL4TiNBx6AzJ0rxwpg"
    "u3sEe2Y2qox4z9cSkFIUQSvttRV1Pg72H0IL0NTT2PTqJWcnfAZ+gGU0Qsk3HFc7P/cI1zcLYB2M9MCkEV8rnx83iixgyRxqgLCB"
    "tqr4IRKfROzzAhGRT9NUJtYSmXYtc9echjTTqQaDARCw2t+GtylymozPymfDR8Mb0V3PE80oxAkCD5BiXT8BilgswQrP6ZHOxpoa"
    "5RcDkcXtKMBrdcG0pO/09FvWeyY4QOTwbTm8f0WqQnW//Vf6mFvcLjoPFfmzsTcUQt3W2PgatV9Avs2+RdHpQkdvZFqlFW2NloQj"
    "WStWQ1NHTyzrh4P/b+oymCzgmI/ekB9sZNiIXnyqnqObK2pHOIlB2oyUZQFeY8oWVBlflw2p3urHkMldtyvXZpDjk5v0zu7G9dUf"
    "Y/mk8DLx9SfPiVYvobZvdxevsvMhS6Bj3oGIrWwVWcs15klS373sWnIrcfuTw73QSjCur2XD4JS1FVhtNd6sagM9XQUyHnV0qL14"
    "C1AI9wEqODxlEBOB5ZW+ix7E9WyDNHe/uPIh7rcS7/hw7spvSrPwfu6KRfKCWk93qLpoR6DCtIrnA4R+eDFrPfOBpCpnee2/TZVX"
    "0vNi1KGPTmEM6skqFVKlaU6ZPge3voFT6GThCjWJW42LkxDkdCGJIn9bmek7TL8i08leyKEvF1PbMoqSpOwPScuaJbJDLdh72Uy3"
    "mlbiEeypPq005Xlwc5EP1V8AiV5rsUTZ7RXzsxSdbEUvwtUYBwKFmhs9xqXHrAkY0V4ZMlwDShDUsbJeu4VGWZp2MuhVvWJF+aRs"
    "LNt4UjxgUeeYe4fx7j3JvKujLmPzME0wMTANBglghkgBZQMEAgEFAAQgRzODjtKcOnM4gy0DcTkpH2rf+EiKs7XRZ8FOiNRSELAE"
    "FJIZbTZ3adpOYYEmAnB4Dp/zUu9MAgInEA=="
)
"""PKCS#12 with two keys, each with its certificate, as Java's `keytool` writes a store; valid for a hundred years."""
