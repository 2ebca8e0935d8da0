"""azure-identity, msal and Microsoft.Identity.Web act on behalf of a user, unchanged, under Azure's names."""

from __future__ import annotations

import sys
import uuid
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


@pytest.mark.parametrize("how", ["secret", "certificate"])
def test_a_web_api_opens_the_vault_for_its_caller(tmp_path: Path, canary: str, how: str) -> None:
    """OnBehalfOfCredential with a secret and with a certificate, and msal's acquire_token_on_behalf_of."""
    with Service(tmp_path / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        live = Live(service)
        assert live.call("sign-in", "--password-grant", "--json").returncode == 0
        with administering(live) as administrator:
            api, variables = an_api(administrator, tmp_path, how)
            web = registered(administrator, isFallbackPublicClient=True)
            consent(administrator, web, api["principal"], "access")
        result = live.run(
            [sys.executable, PROGRAMS / "on_behalf_of.py", how],
            TENANT=service.first["tenantId"],
            USER_NAME=service.first["userName"],
            USER_PASSWORD=service.first["userPassword"],
            WEB_ID=web["appId"],
            API_ID=api["appId"],
            VALUE=canary,
            **variables,
        )
        assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.toolchain("azmcp")
def test_a_web_api_in_dotnet(tmp_path: Path, canary: str) -> None:
    """ASP.NET with Microsoft.Identity.Web takes a token made for it, no forged one, and goes on as its user."""
    scope = "Mcp.Tools.ReadWrite"
    with Service(tmp_path / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        live = Live(service)
        assert live.call("sign-in", "--password-grant", "--json").returncode == 0
        with administering(live) as administrator:
            api, variables = an_api(administrator, tmp_path, "secret", scope)
            web = registered(administrator, isFallbackPublicClient=True)
            consent(administrator, web, api["principal"], scope)
        result = live.run(
            [sys.executable, PROGRAMS / "web_api.py", *web_api()],
            TENANT=service.first["tenantId"],
            USER_NAME=service.first["userName"],
            USER_PASSWORD=service.first["userPassword"],
            WEB_ID=web["appId"],
            API_ID=api["appId"],
            SCOPE=scope,
            PORT=str(free_port()),
            VALUE=canary,
            **variables,
        )
        assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def an_api(
    administrator: Administrator, folder: Path, how: str, name: str = "access"
) -> tuple[dict[str, Any], dict[str, str]]:
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
