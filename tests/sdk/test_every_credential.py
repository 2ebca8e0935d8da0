"""Every credential class of azure-identity, sync and aio, and of @azure/identity: here, in another test, or why not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import azure.identity
import azure.identity.aio
import pytest

from tests.live import Service, free_port
from tests.plugins.canary import remember
from tests.sdk.applications import PROGRAMS, Application, administering
from tests.sdk.conftest import EXAMPLES, Live
from tests.sdk.test_on_behalf_of import an_api, consent, registered

PROJECT = EXAMPLES / "node"
HERE = "here"
OTHERS_PROGRAM = "asks a program that is not installed, which is signed in for itself"
ELSEWHERE: dict[str, str] = {
    "AuthorizationCodeCredential": HERE,
    "AzureCliCredential": OTHERS_PROGRAM,
    "AzureDeveloperCliCredential": OTHERS_PROGRAM,
    "AzurePipelinesCredential": HERE,
    "AzurePowerShellCredential": OTHERS_PROGRAM,
    "CertificateCredential": "tests/sdk/test_client_certificates.py",
    "ChainedTokenCredential": HERE,
    "ClientAssertionCredential": "tests/sdk/test_federation.py",
    "ClientSecretCredential": HERE,
    "DefaultAzureCredential": "tests/sdk/test_run.py",
    "DeviceCodeCredential": "tests/sdk/programs/sign_in.py",
    "EnvironmentCredential": "tests/sdk/programs/secrets_sync.py",
    "InteractiveBrowserCredential": "tests/sdk/programs/sign_in.py",
    "ManagedIdentityCredential": "tests/sdk/test_identities.py",
    "OnBehalfOfCredential": HERE,
    "SharedTokenCacheCredential": "reads what a program of Windows has stored",
    "UsernamePasswordCredential": HERE,
    "VisualStudioCodeCredential": OTHERS_PROGRAM,
    "WorkloadIdentityCredential": "tests/sdk/test_federation.py",
}
"""The classes of Python."""
IN_JAVASCRIPT: dict[str, str] = {
    "AuthorizationCodeCredential": HERE,
    "AzureCliCredential": OTHERS_PROGRAM,
    "AzureDeveloperCliCredential": OTHERS_PROGRAM,
    "AzurePipelinesCredential": "asks its pipeline over HTTPS alone; Python's asks us the same",
    "AzurePowerShellCredential": OTHERS_PROGRAM,
    "ChainedTokenCredential": HERE,
    "ClientAssertionCredential": "tests/sdk/programs/federated.mjs",
    "ClientCertificateCredential": "tests/sdk/programs/certificate.mjs",
    "ClientSecretCredential": HERE,
    "DefaultAzureCredential": "examples/node/quickstart.mjs",
    "DeviceCodeCredential": HERE,
    "EnvironmentCredential": "tests/sdk/programs/environment.mjs",
    "InteractiveBrowserCredential": HERE,
    "ManagedIdentityCredential": HERE,
    "OnBehalfOfCredential": HERE,
    "UsernamePasswordCredential": HERE,
    "VisualStudioCodeCredential": OTHERS_PROGRAM,
    "WorkloadIdentityCredential": "tests/sdk/programs/federated.mjs",
}


def here(table: dict[str, str], only: object = None) -> list[str]:
    """List the classes that are tested here."""
    return [name for name, place in table.items() if place == HERE and (only is None or hasattr(only, name))]


class _Pipeline(BaseHTTPRequestHandler):
    """What a job of Azure Pipelines asks for its token."""

    token = ""

    def do_POST(self) -> None:
        """Answer with the job's token, if the job says who it is."""
        assert self.headers["Authorization"] == "Bearer of-the-job"
        assert "serviceConnectionId=a-connection" in self.path
        body = json.dumps({"oidcToken": self.token}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Ready:
    """A service, and one application that can be signed in to in every way."""

    live: Live
    variables: dict[str, str]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    """Make an application with a secret, a redirect URI, consent, a right and an issuer, and a caller for it."""
    folder = tmp_path_factory.mktemp("credentials")
    with Service(folder / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        live = Live(service)
        assert live.call("sign-in", "--password-grant", "--device-code", "--json").returncode == 0
        with administering(live) as administrator:
            api, proof = an_api(administrator, folder, "secret", "access")
            changes = {"web": {"redirectUris": ["http://localhost/back"]}, "isFallbackPublicClient": True}
            administrator.graph("PATCH", f"applications/{api['id']}", changes)
            administrator.give_vault(api["principal"])
            _Pipeline.token = Application(administrator, api["id"], api["appId"]).with_issuer(
                live, folder, "https://vstoken.dev.azure.example"
            )
            caller = registered(administrator, isFallbackPublicClient=True)
            consent(administrator, caller, api["principal"], "access")
        client = service.client()
        told = client.ask(
            "POST",
            f"{service.first['authority']}/{service.first['tenantId']}/oauth2/v2.0/token",
            data={
                "grant_type": "password",
                "client_id": caller["appId"],
                "username": service.first["userName"],
                "password": service.first["userPassword"],
                "scope": f"api://{api['appId']}/access",
            },
        ).json()
        client.close()
        # What the desktop's opener starts for a page.
        opener = folder / "browser"
        opener.write_text(f'#!/bin/sh\nexec {sys.executable} {PROGRAMS / "person.py"} "$1"\n')
        opener.chmod(0o700)
        with ThreadingHTTPServer(("127.0.0.1", 0), _Pipeline) as pipeline:
            thread = Thread(target=pipeline.serve_forever)
            thread.start()
            yield Ready(
                live,
                {
                    "TENANT": service.first["tenantId"],
                    "CLIENT": api["appId"],
                    "SECRET": proof["API_SECRET"],
                    "USER_NAME": service.first["userName"],
                    "USER_PASSWORD": service.first["userPassword"],
                    "ASSERTION": told["access_token"],
                    "SYSTEM_OIDCREQUESTURI": f"http://127.0.0.1:{pipeline.server_port}/oidc",
                    "NODE_PROJECT": str(PROJECT),
                    "PYTHON": sys.executable,
                    "PERSON": str(PROGRAMS),
                    "PORT": str(free_port()),
                    "BROWSER": str(opener),
                },
            )
            pipeline.shutdown()
            thread.join()


@pytest.mark.parametrize("kind", here(ELSEWHERE))
def test_python(ready: Ready, canary: str, kind: str) -> None:
    """The class signs in, and opens the vault."""
    program = [sys.executable, PROGRAMS / "every_credential.py", kind, "sync", f"sync-{kind}"]
    result = ready.live.run(program, VALUE=canary, **ready.variables)
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.parametrize("kind", here(ELSEWHERE, azure.identity.aio))
def test_python_asynchronous(ready: Ready, canary: str, kind: str) -> None:
    """Its asynchronous twin, too."""
    program = [sys.executable, PROGRAMS / "every_credential.py", kind, "aio", f"aio-{kind}"]
    result = ready.live.run(program, VALUE=canary, **ready.variables)
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.node
@pytest.mark.skipif(not (PROJECT / "node_modules").is_dir(), reason="needs the clients: run make node")
@pytest.mark.parametrize("kind", here(IN_JAVASCRIPT))
def test_javascript(ready: Ready, canary: str, kind: str) -> None:
    """And the one of JavaScript."""
    program = ["node", PROGRAMS / "every_credential.mjs", kind, f"js-{kind}"]
    result = ready.live.run(program, VALUE=canary, **ready.variables)
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.parametrize("module", [azure.identity, azure.identity.aio], ids=["sync", "aio"])
def test_no_class_of_python_is_left_out(module: object) -> None:
    """A class that a new release brings is tested, or it is said why not."""
    names = {name for name in vars(module) if re.fullmatch(r"[A-Z]\w+Credential", name)}
    assert names <= set(ELSEWHERE) if module is azure.identity.aio else names == set(ELSEWHERE)


@pytest.mark.node
@pytest.mark.skipif(not (PROJECT / "node_modules").is_dir(), reason="needs the clients: run make node")
def test_no_class_of_javascript_is_left_out() -> None:
    """Likewise."""
    node = shutil.which("node")
    assert node is not None
    listed = 'console.log(JSON.stringify(Object.keys(require("@azure/identity"))))'
    told = subprocess.run([node, "-e", listed], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert {name for name in json.loads(told) if re.fullmatch(r"[A-Z]\w+Credential", name)} == set(IN_JAVASCRIPT)


@pytest.mark.parametrize(("table"), [ELSEWHERE, IN_JAVASCRIPT], ids=["python", "javascript"])
def test_where_it_is_said_to_be_tested_it_is(table: dict[str, str]) -> None:
    """The file names the class."""
    root = Path(__file__).resolve().parents[2]
    for name, place in table.items():
        if place.startswith(("tests/", "examples/")):
            assert name in (root / place).read_text(), f"{place} does not use {name}"
