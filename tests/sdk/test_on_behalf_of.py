"""azure-identity, msal and Microsoft.Identity.Web act on behalf of a user, unchanged, under Azure's names."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from tests.assertions import rsa_key
from tests.live import Service, free_port
from tests.plugins.canary import remember
from tests.sdk.applications import PROGRAMS, Administrator, Application, administering
from tests.sdk.azmcp import web_api
from tests.sdk.conftest import Live

KEY_VAULT = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run a service whose tenant lets users sign in by the password grant, as no other test's does."""
    with Service(tmp_path_factory.mktemp("own") / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        live = Live(service)
        assert live.call("sign-in", "--password-grant", "--json").returncode == 0
        yield live


@pytest.mark.parametrize("how", ["secret", "certificate"])
def test_a_web_api_opens_the_vault_for_its_caller(own: Live, tmp_path: Path, canary: str, how: str) -> None:
    """OnBehalfOfCredential with a secret and with a certificate, and msal's acquire_token_on_behalf_of."""
    variables = asked_for(own, tmp_path, how, "access")
    result = own.run([sys.executable, PROGRAMS / "on_behalf_of.py", how], VALUE=canary, **variables)
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.toolchain("azmcp")
def test_a_web_api_in_dotnet(own: Live, tmp_path: Path, canary: str) -> None:
    """ASP.NET with Microsoft.Identity.Web takes a token made for it, no forged one, and goes on as its user."""
    scope = "Mcp.Tools.ReadWrite"
    variables = asked_for(own, tmp_path, "secret", scope)
    result = own.run(
        [sys.executable, PROGRAMS / "web_api.py", *web_api()],
        SCOPE=scope,
        PORT=str(free_port()),
        VALUE=canary,
        **variables,
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def asked_for(own: Live, folder: Path, how: str, scope: str) -> dict[str, str]:
    """Register an API and a page that calls it for the first user, and give what both have to know."""
    with administering(own) as administrator:
        api, variables = an_api(administrator, folder, how, scope)
        web = registered(administrator, isFallbackPublicClient=True)
        consent(administrator, web, api["principal"], scope)
    first = own.service.first
    known = {"TENANT": first["tenantId"], "USER_NAME": first["userName"], "USER_PASSWORD": first["userPassword"]}
    return {**known, "WEB_ID": web["appId"], "API_ID": api["appId"], **variables}


def an_api(administrator: Administrator, folder: Path, how: str, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Register an API that may use vaults for whoever calls it, and give it something to prove itself by."""
    scope = {
        "id": str(uuid.uuid4()),
        "value": name,
        "type": "User",
        "isEnabled": True,
        "adminConsentDisplayName": "Access",
        "adminConsentDescription": "Access the API",
    }
    made = registered(administrator, api={"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [scope]})
    uris = {"identifierUris": [f"api://{made['appId']}"]}
    administrator.graph("PATCH", f"applications/{made['id']}", uris)
    found = administrator.graph("GET", f"servicePrincipals(appId='{KEY_VAULT}')")
    consent(administrator, made, found["id"], "user_impersonation")
    if how == "secret":
        text = administrator.graph("POST", f"applications/{made['id']}/addPassword", {})["secretText"]
        remember(text)
        return made, {"API_SECRET": text}
    path = Application(administrator, made["id"], made["appId"]).with_certificate(folder, rsa_key())
    certificate = load_pem_x509_certificate(path.read_bytes())
    # What msal puts into the assertion's header.
    thumbprint = sha1(certificate.public_bytes(Encoding.DER)).hexdigest()  # noqa: S324  the client's choice
    return made, {"API_CERTIFICATE": str(path), "API_THUMBPRINT": thumbprint}


def registered(administrator: Administrator, **more: object) -> dict[str, Any]:
    """Register an application with a principal."""
    made: dict[str, Any] = administrator.graph("POST", "applications", {"displayName": f"app-{uuid.uuid4()}", **more})
    made["principal"] = administrator.graph("POST", "servicePrincipals", {"appId": made["appId"]})["id"]
    return made


def consent(administrator: Administrator, client: dict[str, Any], resource: str, words: str) -> None:
    """Consent for everybody, as an administrator does."""
    body = {"clientId": client["principal"], "consentType": "AllPrincipals", "resourceId": resource, "scope": words}
    administrator.graph("POST", "oauth2PermissionGrants", body)
