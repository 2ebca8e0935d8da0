"""msal itself, which the identity libraries are made of, with every credential that it can prove a client by."""

import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from tests.assertions import make_signer, rsa_key
from tests.live import Service
from tests.plugins.canary import remember
from tests.sdk.applications import Application, administering, make_application
from tests.sdk.conftest import PROGRAMS, Live


@dataclass(frozen=True)
class Confidential:
    """An application that can prove itself in every way, and the folder with what it does so by."""

    application: Application
    material: Path
    secret: str
    thumbprint: str


@pytest.fixture(scope="module")
def confidential(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Confidential:
    """Make one."""
    folder = tmp_path_factory.mktemp("msal")
    key = rsa_key()
    assert isinstance(key, rsa.RSAPrivateKey)
    signer = make_signer(key, now=int(time.time()))
    with administering(live) as administrator:
        application = make_application(administrator)
        path = f"applications/{application.id}"
        body = {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": signer.base64}]}
        administrator.graph("PATCH", path, body)
        secret = administrator.graph("POST", f"{path}/addPassword", {})["secretText"]
        remember(secret)
        (folder / "token").write_text(application.with_issuer(live, folder, "https://msal.example/"))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "certificate.pem").write_bytes(signer.certificate.public_bytes(Encoding.PEM))
    both = pkcs12.serialize_key_and_certificates(
        b"client", key, signer.certificate, None, BestAvailableEncryption(b"a phrase")
    )
    (folder / "both.pfx").write_bytes(both)
    return Confidential(application, folder, secret, signer.sha1.hex())


@pytest.mark.parametrize(
    "kind",
    [
        "secret",
        "certificate",
        "certificate x5c",
        "certificate sha256",
        "pfx",
        "pfx x5c",
        "assertion",
        "assertion function",
    ],
)
def test_a_confidential_client(live: Live, confidential: Confidential, kind: str) -> None:
    """A secret; a certificate by either thumbprint, sent along or not; an assertion, or a function that gives one."""
    result = live.run(
        [sys.executable, PROGRAMS / "msal_client.py", kind],
        TENANT=live.service.first["tenantId"],
        CLIENT_ID=confidential.application.app_id,
        SECRET=confidential.secret,
        THUMBPRINT=confidential.thumbprint,
        MATERIAL=str(confidential.material),
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def test_a_wrong_secret(live: Live, confidential: Confidential) -> None:
    """It is told, and gives no token."""
    result = live.run(
        [sys.executable, PROGRAMS / "msal_client.py", "secret"],
        TENANT=live.service.first["tenantId"],
        CLIENT_ID=confidential.application.app_id,
        SECRET=secrets.token_urlsafe(),
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert "AADSTS7000215" in result.stderr


def test_a_public_client_by_a_device_code(tmp_path: Path) -> None:
    """SEC-TOKEN-6: msal polls until the person has let the device in, and keeps a refresh token that it uses."""
    with Service(tmp_path / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        live = Live(service)
        assert live.call("sign-in", "--device-code").returncode == 0
        result = live.run(
            [sys.executable, PROGRAMS / "msal_client.py", "device"],
            TENANT=service.first["tenantId"],
            USER_NAME=service.first["userName"],
            USER_PASSWORD=service.first["userPassword"],
        )
        assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
