"""
Certificates of a real ACME authority: Pebble, in a network of its own, that really looks where names lead.

The service is asked at its plain listener by Pebble's own validation; the other certificate is proved by a DNS record
that a hook of the operator makes. Every account is bound to an external one, and some nonces are refused.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from tests import pebble
from tests.cli.in_process import run_in_process
from tests.live import Service, clean_environment
from tests.namespaces import Answer, Namespace, Namespaces
from tests.pebble import Pebble
from tests.plugins import canary

pytestmark = [pytest.mark.namespaces, pytest.mark.toolchain(*pebble.PROGRAMS)]

HERE, THERE = "10.55.0.1", "10.55.0.2"
HTTP_PORT = 5002
_PATIENCE_S = 100.0
_HOOK = """#!{python} -I
import json, os, sys, urllib.request
does, domain, name, value = sys.argv[1:]
body = {{"host": name + ".", "value": value}} if does == "present" else {{"host": name + "."}}
place = "{records}/" + ("set-txt" if does == "present" else "clear-txt")
urllib.request.urlopen(urllib.request.Request(place, json.dumps(body).encode()), timeout=10).read()
with open("{calls}", "a") as calls:
    print(does, domain, name, sorted(os.environ), file=calls)
"""


@dataclass
class Site:
    """A service, and an authority at the other end of a cable."""

    service: Service
    server: Namespace
    authority: Pebble
    hook: Path
    token: str = field(default="", repr=False)

    def acme(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of the operator's."""
        done = run_in_process("acme", *words, "--data", str(self.service.data), environment=clean_environment())
        assert done.returncode == code, f"{words}: {done.returncode} {done.stdout}{done.stderr}"
        return done

    def add(self, name: str, *words: str) -> dict[str, Any]:
        """Make an account."""
        external = ("--eab-kid", self.authority.key_id, "--eab-key-file", str(self.authority.key_file))
        place = ("--directory", self.authority.directory)
        added: dict[str, Any] = json.loads(
            self.acme("add", name, *place, "--agree-to-terms", *external, *words, "--json").stdout
        )
        return added

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Ask the vault."""
        return self._ask(method, f"{self.service.first['vaultUri']}{path}?api-version=7.4", self._token(), body)

    def issued(self, name: str) -> dict[str, Any]:
        """Wait until a certificate's operation has ended, and give its bundle."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            pending = self.ask("GET", f"certificates/{name}/pending").json()
            if pending["status"] != "inProgress":
                break
            assert time.monotonic() < deadline, pending
            time.sleep(0.2)
        assert pending["status"] == "completed", pending
        bundle: dict[str, Any] = self.ask("GET", f"certificates/{name}").json()
        return bundle

    def _token(self) -> str:
        if not self.token:
            first = self.service.first
            form = (
                f"grant_type=client_credentials&client_id={first['clientId']}"
                f"&client_secret={first['clientSecret']}&scope=https://vault.azure.net/.default"
            )
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            url = f"{first['authority']}/{first['tenantId']}/oauth2/v2.0/token"
            answer = self.server.ask("POST", url, address="127.0.0.1", ca=first["caFile"], body=form, headers=kind)
            assert answer.status == 200, answer.text
            self.token = answer.json()["access_token"]
            canary.remember(self.token)
        return self.token

    def _ask(self, method: str, url: str, token: str, body: object) -> Answer:
        sent = None if body is None else json.dumps(body)
        kind = {} if sent is None else {"Content-Type": "application/json"}
        ca = self.service.first["caFile"]
        return self.server.ask(method, url, address="127.0.0.1", ca=ca, token=token, body=sent, headers=kind)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Have both, and two certificates that are being issued: one is proved over HTTP, the other by DNS."""
    folder = tmp_path_factory.mktemp("acme")
    with Namespaces() as networks:
        server, there = networks.add(), networks.add()
        networks.join(server, [f"{HERE}/24"], there, [f"{THERE}/24"])
        with pebble.running(folder, there, THERE, looks_at=HERE, http_port=HTTP_PORT) as authority:
            service = Service(folder / "data", entry=server.command())
            for name in ("clientSecret", "userPassword"):
                canary.remember(service.first[name])
            with (service.data / "config.toml").open("a") as settings:
                settings.write(f'egress_networks = "{THERE}/32"\negress_ca_file = "{authority.ca_file}"\n')
                settings.write(f'pki_listen = "{HERE}:{HTTP_PORT}"\n')
            hook = folder / "hook"
            hook.write_text(_HOOK.format(python=sys.executable, records=authority.records, calls=folder / "calls"))
            hook.chmod(0o700)
            with service:
                made = Site(service, server, authority, hook)
                made.add("web", "--contact", "mailto:ops@example.com", "--domain", "example.com")
                made.add("zone", "--hook", str(hook), "--dns-wait", "0")
                for account in ("web", "zone"):
                    issuer = {"provider": "ACME", "credentials": {"account_id": account}}
                    assert made.ask("PUT", f"certificates/issuers/{account}", issuer).status == 200
                begin(made, "http-cert", "web", "www.example.com", "example.com")
                begin(made, "dns-cert", "zone", "*.example.org", "example.org")
                yield made


def begin(site: Site, name: str, issuer: str, *names: str) -> None:
    """Begin to have a certificate issued."""
    policy = {
        "key_props": {"kty": "EC", "crv": "P-256"},
        "x509_props": {"subject": f"CN={names[0]}", "sans": {"dns_names": list(names)}},
        "issuer": {"name": issuer},
    }
    answer = site.ask("POST", f"certificates/{name}/create", {"policy": policy})
    assert (answer.status, answer.json()["status"]) == (202, "inProgress"), answer.text


def names_of(bundle: dict[str, Any]) -> list[str]:
    """Give the names in a bundle's certificate."""
    found = x509.load_der_x509_certificate(base64.b64decode(bundle["cer"]))
    return sorted(
        found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    )


@pytest.mark.toolchain("openssl")
def test_a_certificate_that_is_proved_over_http(site: Site, tmp_path: Path) -> None:
    """Pebble fetches the answer from our plain listener; `openssl verify` accepts the chain under Pebble's root."""
    bundle = site.issued("http-cert")
    assert names_of(bundle) == ["example.com", "www.example.com"]
    secret = site.ask("GET", "secrets/http-cert").json()["value"]
    private, leaf, above = pkcs12.load_key_and_certificates(base64.b64decode(secret), None)
    assert private is not None
    assert leaf is not None
    assert private.public_key() == leaf.public_key()
    root = site.server.ask(
        "GET", f"https://{THERE}:{pebble.MANAGEMENT_PORT}/roots/0", address=THERE, ca=str(site.authority.ca_file)
    ).text  # fmt: skip
    files = {"root.pem": root.encode(), "leaf.pem": leaf.public_bytes(Encoding.PEM)}
    files["above.pem"] = b"".join(one.public_bytes(Encoding.PEM) for one in above)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "above.pem", "leaf.pem"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "leaf.pem: OK\n"), done.stderr


def test_a_certificate_that_is_proved_by_dns(site: Site) -> None:
    """The operator's hook made the record for a wildcard, knew nothing of the service, and took the record away."""
    assert names_of(site.issued("dns-cert")) == ["*.example.org", "example.org"]
    calls = site.hook.with_name("calls").read_text().splitlines()
    told = "example.org _acme-challenge.example.org"
    known = str(sorted({"LANG", "PATH", *(["LC_CTYPE"] if "LC_CTYPE" in calls[0] else [])}))
    assert calls == [f"present {told} {known}"] * 2 + [f"cleanup {told} {known}"] * 2


def test_a_name_that_the_account_is_not_for(site: Site) -> None:
    """The operation fails with a sentence, and Pebble hears nothing of it."""
    begin(site, "other-cert", "web", "www.example.net")
    deadline = time.monotonic() + _PATIENCE_S
    while (pending := site.ask("GET", "certificates/other-cert/pending").json())["status"] == "inProgress":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (pending["status"], pending["error"]["message"]) == (
        "failed", "The ACME account is not for www.example.net.",
    )  # fmt: skip


def test_accounts_are_listed_shown_and_checked(site: Site) -> None:
    """For people and for programs; no key is in what is shown."""
    (web, zone) = json.loads(site.acme("list", "--json").stdout)
    assert [one["name"] for one in (web, zone)] == ["web", "zone"]
    assert (zone["challenge"], zone["hook"], web["contacts"]) == ("dns-01", str(site.hook), ["mailto:ops@example.com"])
    assert json.loads(site.acme("show", "web", "--json").stdout) == web
    listed = site.acme("list").stdout.splitlines()
    assert listed[1].split()[:4] == ["web", site.authority.directory, "http-01", "example.com"]
    shown = site.acme("show", "zone").stdout
    assert f"hook: {site.hook}, then 0 s for the record to spread" in shown
    assert f"external account: {site.authority.key_id}" in shown
    assert site.acme("check", "web").stdout == "web: valid\n"
    assert json.loads(site.acme("check", "zone", "--json").stdout)["status"] == "valid"


def test_an_account_is_changed(site: Site) -> None:
    """What is said is different from then on, at the authority too, and the rest stays."""
    before = json.loads(site.acme("show", "web", "--json").stdout)
    words = ("--contact", "mailto:new@example.com", "--domain", "example.com", "--domain", "example.net")
    after = json.loads(site.acme("change", "web", *words, "--json").stdout)
    assert after == before | {"contacts": ["mailto:new@example.com"], "domains": ["example.com", "example.net"]}
    assert "for names at or below: anything" in site.acme("change", "web", "--any-domain").stdout
    site.acme("change", "web", "--domain", "example.com")
    assert "nothing is to be changed" in site.acme("change", "web", code=2).stderr


def test_what_the_operator_is_told(site: Site, tmp_path: Path) -> None:
    """SEC-ACME-1: terms that were not agreed to, a missing account and a bad key file end a command with 1 or 2."""
    place = ("--directory", site.authority.directory)
    assert "terms of service" in site.acme("add", "more", *place, code=1).stderr
    assert "bound to an external one" in site.acme("add", "more", *place, "--agree-to-terms", code=1).stderr
    assert "Remove it first" in site.acme("add", "web", *place, "--agree-to-terms", code=1).stderr
    for words in (("show", "more"), ("check", "more"), ("remove", "more")):
        assert "no such ACME account" in site.acme(*words, code=1).stderr
    empty, odd = tmp_path / "empty", tmp_path / "odd"
    empty.touch()
    odd.write_bytes(b"\xff\xfe")
    for file in (empty, odd, tmp_path / "none", tmp_path):
        words = ("--agree-to-terms", "--eab-kid", "k", "--eab-key-file", str(file))
        assert str(file) in site.acme("add", "more", *place, *words, code=1).stderr
    assert site.acme("add", "more", *place, "--challenge", "tls-alpn-01", code=2).stdout == ""
    inside = ("--directory", f"https://{HERE}:1/dir")
    assert "cannot be reached" in site.acme("add", "more", *inside, "--agree-to-terms", code=1).stderr


def test_an_account_is_removed(site: Site) -> None:
    """Pebble takes it out of use; the account is gone here."""
    site.add("short")
    removed = json.loads(site.acme("remove", "short", "--json").stdout)
    assert removed == {"name": "short", "deactivated": True}
    site.add("short")
    assert site.acme("remove", "short").stdout == (
        "short is removed: the authority has taken it out of use; certificates that it was issued stay\n"
    )


def test_the_service_is_asked_only_what_it_is_for(site: Site) -> None:
    """SEC-ACME-2: the plain listener has no such challenge once it is over, and nothing of a vault."""
    look = (
        "import sys, urllib.request, urllib.error\n"
        "try: print(urllib.request.urlopen(sys.argv[1], timeout=10).status)\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )
    for path in ("/.well-known/acme-challenge/" + "a" * 43, "/secrets", "/healthstatus"):
        told = site.server.run(sys.executable, "-c", look, f"http://{HERE}:{HTTP_PORT}{path}")
        assert told == "404\n", path
