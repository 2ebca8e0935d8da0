"""What the tests of private CAs share: a world that publishes, CAs as operators make them, and what they publish."""

from __future__ import annotations

import base64
import secrets
import subprocess
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from strongroom.config import Settings
from strongroom.control.private_authorities import keeper_of
from strongroom.core.network import Link
from strongroom.objects.issuers.authority_life import look_after_authorities
from tests.flow.client import Client
from tests.flow.vault_certificates import POLICY
from tests.world import GENEROUS, Answer, Simulation

URL = "http://pki.example.org"


def publishing(folder: Path) -> Simulation:
    """Make a world whose CAs are published."""
    return Simulation(folder, Settings(data=folder, flow=GENEROUS, pki_listen="192.0.2.1:80", pki_url=URL))


def control(world: Simulation, method: str, path: str, body: object = None) -> Answer:
    """Ask as the operator."""
    url = f"http://control/certificate-authorities{path}"
    return world.ask(method, url, body=body, link=Link.CONTROL, host="control")


def create(world: Simulation, name: str, **members: object) -> Any:
    """Make a CA for the first tenant; what is shown of it."""
    answer = control(world, "POST", "", {"name": name, "tenant": world.first.tenant_id} | members)
    assert answer.status == 201, answer.body
    return answer.json


def shown(world: Simulation, name: str) -> Any:
    """Give what is shown of a CA now."""
    (found,) = (one for one in control(world, "GET", "").json["value"] if one["name"] == name)
    return found


def revoke(world: Simulation, target: str, **members: object) -> Answer:
    """Revoke a certificate of the first tenant."""
    return control(world, "POST", "/revoke", {"target": target, "tenant": world.first.tenant_id} | members)


def look_after(world: Simulation) -> int:
    """Do what happens by itself."""
    inner = world.world
    return world.run(look_after_authorities(keeper_of(inner), inner.now()))


# ---- certificates ---------------------------------------------------------------------------------------------------


def order(vault: Client, authority: str, *, cty: str | None = None, **policy: Any) -> tuple[str, Any]:
    """Have a CA issue, and give the certificate's name with what became of the operation."""
    name = f"c-{secrets.token_hex(6)}"
    vault.done("PUT", f"/certificates/issuers/{authority}", body=issuer(authority))
    given = POLICY | {"issuer": {"name": authority} | ({"cty": cty} if cty else {})} | policy
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": given})
    assert answer.status == 202, answer.body
    vault.world.settle()
    return name, vault.done("GET", f"/certificates/{name}/pending")


def issuer(authority: str) -> dict[str, object]:
    """Give a vault's issuer that stands for a CA."""
    return {"provider": "PrivateCA", "credentials": {"account_id": authority}}


def issued(vault: Client, authority: str, *, cty: str | None = None, **policy: Any) -> tuple[str, x509.Certificate]:
    """Have a CA issue, and give the certificate with its name."""
    name, operation = order(vault, authority, cty=cty, **policy)
    assert operation["status"] == "completed", operation
    bundle = vault.done("GET", f"/certificates/{name}")
    return name, x509.load_der_x509_certificate(base64.b64decode(bundle["cer"]))


def refused(vault: Client, authority: str, *, cty: str | None = None, **policy: Any) -> str:
    """Have a CA refuse, and give the sentence."""
    _, operation = order(vault, authority, cty=cty, **policy)
    assert operation["status"] == "failed", operation
    message: str = operation["error"]["message"]
    return message


def x509_props(*dns: str, subject: str = "CN=example.com", **members: object) -> dict[str, Any]:
    """Give what a policy asks for."""
    return {"x509_props": {"subject": subject, "sans": {"dns_names": list(dns)}} | members}


# ---- what is published ----------------------------------------------------------------------------------------------


def fetch(world: Simulation, path: str) -> Answer:
    """Get something that is published."""
    return world.ask("GET", f"{URL}{path}", link=Link.PKI)


def crl(world: Simulation, key: str) -> x509.CertificateRevocationList:
    """Get the list of a key."""
    answer = fetch(world, f"/crl/{key}.crl")
    assert answer.status == 200, answer.body
    return x509.load_der_x509_crl(answer.body)


def question(certificate: x509.Certificate, above: x509.Certificate, *, nonce: bytes | None = None) -> bytes:
    """Ask whether a certificate is good."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, above, hashes.SHA1())  # noqa: S303  as clients do
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def ask_status(world: Simulation, request: bytes) -> Answer:
    """Send a question."""
    return world.ask("POST", f"{URL}/ocsp", raw=request, link=Link.PKI)


def status_of(world: Simulation, request: bytes) -> ocsp.OCSPResponse:
    """Send a question, and read the answer."""
    answer = ask_status(world, request)
    assert answer.status == 200, answer.body
    return ocsp.load_der_ocsp_response(answer.body)


def verified(
    world: Simulation, folder: Path, authority: str, leaf: x509.Certificate, *options: str
) -> tuple[bool, str]:
    """Let OpenSSL judge a certificate with what the CA publishes, its lists among that; what it said, too."""
    found = shown(world, authority)
    (folder / "root.pem").write_text(found["root"]["certificate"])
    (folder / "issuing.pem").write_text("".join(one["certificate"] for one in found["issuing"]))
    lists = [crl(world, one["id"]) for one in (found["root"], *found["issuing"])]
    (folder / "lists.pem").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in lists))
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-attime", str(int(world.clock())), "-crl_check_all",
         "-CRLfile", "lists.pem", "-CAfile", "root.pem", "-untrusted", "issuing.pem", *options, "leaf.pem"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode == 0, done.stdout + done.stderr
