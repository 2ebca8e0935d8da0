"""`strongroom ca`, on a service that publishes: with OpenSSL and a TLS server that has its certificate from a vault."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.in_process import run_in_process
from tests.live import Service, free_port
from tests.plugins.canary import remember

pytestmark = pytest.mark.toolchain("openssl")
_PATIENCE_S = 20


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service with a plain listener for its private CAs, and make one."""
    service = Service(tmp_path_factory.mktemp("authority") / "data")
    settings, port = service.data / "config.toml", free_port()
    end = f'pki_listen = "127.0.0.1:{port}"\npki_url = "http://127.0.0.1:{port}"\n'
    settings.write_text(end + settings.read_text())
    with service:
        words = ("create", "Example", "--subject", "O=Example", "--permit", "example.com", "--years", "10")
        assert command(service, *words).returncode == 0
        yield service


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return run_in_process("ca", *words, "--data", str(service.data))


def facts(service: Service, *words: str) -> Any:
    """Run a command that succeeds, and read its JSON."""
    done = command(service, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def issue(service: Service, name: str) -> str:
    """Have the CA issue a server's certificate to the vault, and give its secret: key and certificates, as PEM."""
    client = service.client()
    token, url = client.token(), json.loads((service.data / "run.json").read_text())["vaultUri"].rstrip("/")

    def ask(method: str, path: str, body: object = None) -> Any:
        answer = client.ask(method, f"{url}{path}?api-version=2026-04-01", token=token, json=body)
        assert answer.status_code in {200, 202}, answer.text
        return answer.json()

    ask("PUT", "/certificates/issuers/ca", {"provider": "PrivateCA", "credentials": {"account_id": "Example"}})
    policy = {
        "key_props": {"kty": "EC", "crv": "P-256"},
        "secret_props": {"contentType": "application/x-pem-file"},
        "x509_props": {"subject": "CN=www.example.com", "sans": {"dns_names": ["www.example.com"]}},
        "issuer": {"name": "ca"},
    }
    ask("POST", f"/certificates/{name}/create", {"policy": policy})
    deadline = time.monotonic() + _PATIENCE_S
    while (pending := ask("GET", f"/certificates/{name}/pending"))["status"] == "inProgress":
        assert time.monotonic() < deadline, pending
        time.sleep(0.05)
    assert pending["status"] == "completed", pending
    value: str = ask("GET", f"/secrets/{name}")["value"]
    remember(value[: value.index("-----BEGIN CERTIFICATE")])
    client.close()
    return value


def openssl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run OpenSSL."""
    return subprocess.run(
        ["openssl", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
    )


def handshake(secret: Path, root: Path, name: str) -> dict[str, Any]:
    """Shake hands with a server that has its key and its certificates from a vault; what it showed."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(secret)
    client = ssl.create_default_context(cafile=str(root))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with contextlib.suppress(OSError), server.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listening.getsockname(), timeout=_PATIENCE_S) as plain,
                client.wrap_socket(plain, server_hostname=name) as secured,
            ):
                shown = secured.getpeercert()
                assert shown is not None
                return dict(shown)
        finally:
            thread.join(_PATIENCE_S)


def test_a_server_with_a_certificate_from_a_vault(live: Service, tmp_path: Path) -> None:
    """
    A TLS client that trusts the root accepts it, under its name alone; OpenSSL finds list and answer where it says.

    After the operator has revoked it, both say so.
    """
    value = issue(live, "server")
    secret, root, leaf, issuing = (tmp_path / name for name in ("secret.pem", "root.pem", "leaf.pem", "issuing.pem"))
    secret.write_text(value)
    root.write_text(command(live, "chain", "Example", "--root").stdout)
    _, first, second = (part.partition("-----END CERTIFICATE")[0] for part in value.split("-----BEGIN CERTIFICATE"))
    for file, part in ((leaf, first), (issuing, second)):
        file.write_text(f"-----BEGIN CERTIFICATE{part}-----END CERTIFICATE-----\n")
    shown = handshake(secret, root, "www.example.com")
    assert shown["subjectAltName"] == (("DNS", "www.example.com"),)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(secret, root, "www.example.org")

    verify = ("verify", "-x509_strict", "-crl_check", "-crl_download", "-CAfile", "root.pem", "-untrusted",
              "issuing.pem", "leaf.pem")  # fmt: skip
    (responder,) = shown["OCSP"]
    ask = ("ocsp", "-CAfile", "root.pem", "-issuer", "issuing.pem", "-cert", "leaf.pem", "-url", responder)
    verified, answered = openssl(tmp_path, *verify), openssl(tmp_path, *ask)
    assert verified.returncode == 0, verified.stderr
    assert "leaf.pem: good" in answered.stdout, answered.stdout + answered.stderr
    assert "Response verify OK" in answered.stderr
    assert "WARNING" not in answered.stderr

    vault = json.loads((live.data / "run.json").read_text())["vaultName"]
    done = facts(live, "revoke", f"{vault}/server", "--reason", "keyCompromise")
    assert (int(done["serial"], 16), done["reason"]) == (int(shown["serialNumber"], 16), "keyCompromise")
    verified, answered = openssl(tmp_path, *verify), openssl(tmp_path, *ask)
    assert "certificate revoked" in verified.stderr
    assert "leaf.pem: revoked" in answered.stdout
    assert "Reason: keyCompromise" in answered.stdout


def test_what_is_published_is_named_for_what_it_is(live: Service) -> None:
    """SEC-PKI-6: each has its media type, and the listener serves nothing else, whatever host is named."""
    found = facts(live, "show", "Example")
    base, key = found["published"], found["issuing"][0]["id"]
    with httpx.Client(trust_env=False, timeout=_PATIENCE_S) as client:
        for path, kind in ((f"/crl/{key}.crl", "application/pkix-crl"), (f"/ca/{key}.cer", "application/pkix-cert")):
            answer = client.get(f"{base}{path}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        asked = client.post(f"{base}/ocsp", content=b"none", headers={"Content-Type": "application/ocsp-request"})
        assert (asked.status_code, asked.headers["content-type"]) == (200, "application/ocsp-response")
        run = json.loads((live.data / "run.json").read_text())
        host = run["vaultUri"].removeprefix("https://").rstrip("/")
        for path in ("/healthstatus", "/secrets?api-version=7.4", "/status"):
            assert client.get(f"{base}{path}", headers={"Host": host}).status_code == 404


def test_what_there_is_is_shown(live: Service) -> None:
    """For people, one line each; for programs, as JSON; a chain is what OpenSSL reads."""
    head, line = command(live, "list").stdout.splitlines()
    assert head.split()[:2] == ["name", "keys"]
    assert line.split()[:2] == ["Example", "P-256"]
    (found,) = facts(live, "list")
    assert facts(live, "show", "example") == found
    assert (found["permitted"], found["profiles"][0]) == (["example.com"], "tls")
    shown = command(live, "show", "Example").stdout
    assert "may certify example.com" in shown
    assert f"root        {found['root']['subject']}" in shown
    assert f"            list {found['root']['listNumber']}, good until " in shown
    chain = command(live, "chain", "Example").stdout
    assert chain == found["issuing"][0]["certificate"] + found["root"]["certificate"]
    assert facts(live, "chain", "Example")["chain"] == [
        found["issuing"][0]["certificate"],
        found["root"]["certificate"],
    ]


def test_one_is_made_renewed_and_removed(live: Service) -> None:
    """What is done is said, in a sentence or as JSON, with what to do next."""
    made = command(live, "create", "Second", "--key-type", "P-384", "--profile", "client")
    assert "strongroom ca chain Second --root" in made.stdout
    assert facts(live, "show", "Second")["keyType"] == "P-384"
    renewed = command(live, "renew", "Second", "--revoke")
    assert renewed.stdout.startswith("The CA Second issues by CN=Second Issuing CA ")
    assert ", revoked " in command(live, "show", "Second").stdout
    assert facts(live, "issued", "Second") == {"value": [], "more": False}
    assert command(live, "issued", "Second").stdout.split()[0] == "serial"
    assert command(live, "remove", "Second").stdout == "The CA Second is removed, and its keys with it\n"
    assert command(live, "list").stdout.count("Second") == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("show", "None"), 1, "no private CA called None"),
        (("chain", "None"), 1, "no private CA called None"),
        (("issued", "None"), 1, "has no private CA of that name"),
        (("renew", "None"), 1, "has no private CA of that name"),
        (("remove", "None"), 1, "has no private CA of that name"),
        (("create", "Example"), 1, "has a private CA called Example already"),
        (("create", "a b"), 1, "A CA's name is"),
        (("create", "Third", "--key-type", "P-256K"), 2, "P-256K"),
        (("revoke", "abcdef"), 1, "No private CA of the tenant issued that certificate"),
        (("revoke", "abcdef", "--reason", "forgotten"), 2, "forgotten"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_what_cannot_be_done_is_said(live: Service, words: tuple[str, ...], code: int, told: str) -> None:
    """The service's own sentence, or the command line's, and the status that goes with it."""
    refused = command(live, *words)
    assert (refused.returncode, told in refused.stderr + refused.stdout) == (code, True), refused
