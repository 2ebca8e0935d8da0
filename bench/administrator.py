"""The administrator of the service under test: makes people, applications and rights, and takes them away again."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from pyotp import TOTP

from bench.browser import Browser
from bench.client import ask, ask_control, ask_json
from bench.instance import VAULT_RESOURCE, Instance
from bench.load import Site

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
VAULT_SCOPE = f"{VAULT_RESOURCE}/.default"
FORM = "application/x-www-form-urlencoded"
_VAULT_APP = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
"""Azure Key Vault's own application."""
_KEY_VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
_ARM_VERSION = "2022-04-01"
_REDIRECT = "http://localhost:8400"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_APP_SECRET = re.compile(r'<p id="secret"><code>([A-Z2-7 ]+)</code>')
_CLOSE_S = 3
"""So near to its end a time step may be over before its code has been sent."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user with a password."""

    id: str
    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class App:
    """An application with its principal and a secret."""

    id: str
    app_id: str
    oid: str
    key_id: str
    secret: str = field(repr=False)


class Administrator:
    """Whoever made the instance."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._graph = instance.token("https://graph.microsoft.com")
        self._arm = instance.token("https://management.azure.com")
        self._vaults = self.graph("GET", f"servicePrincipals(appId='{_VAULT_APP}')")["id"]

    # ---- asking -----------------------------------------------------------------------------------------------------

    def graph(self, method: str, path: str, content: object = None) -> Any:
        """Ask the directory."""
        return ask_json(self.instance.graph, method, f"/v1.0/{path}", token=self._graph, content=content)

    def arm(self, method: str, path: str, content: object = None, version: str = _ARM_VERSION) -> Any:
        """Ask the management plane."""
        target = f"{path}?api-version={version}"
        return ask_json(self.instance.management, method, target, token=self._arm, content=content)

    def control(self, method: str, path: str, content: object = None) -> Any:
        """Ask as the operator."""
        return ask_control(self.instance.data / "control.sock", method, path, content)

    def ask_token(self, **form: str) -> dict[str, Any]:
        """Ask the token endpoint for a token for vaults, unless it is for something else."""
        status, answer = ask(
            self.instance.login,
            "POST",
            self.instance.token_path,
            body=urlencode({"scope": VAULT_SCOPE, **form}).encode("ascii"),
            headers={"Content-Type": FORM},
        )
        assert status == 200, f"no token: {status} {answer.decode(errors='replace')}"
        told: dict[str, Any] = json.loads(answer)
        return told

    # ---- making -----------------------------------------------------------------------------------------------------

    def add_person(self) -> Person:
        """Make a user."""
        name, password = f"u{secrets.token_hex(6)}", f"Pw1!{secrets.token_urlsafe(18)}"
        body = {
            "accountEnabled": True,
            "displayName": name,
            "mailNickname": name,
            "userPrincipalName": f"{name}@{self.instance.user_name.partition('@')[2]}",
            "passwordProfile": {"password": password, "forceChangePasswordNextSignIn": False},
        }
        made = self.graph("POST", "users", body)
        return Person(made["id"], made["userPrincipalName"], password)

    def add_app(self) -> App:
        """Register a web application, with a principal and a secret."""
        body = {"displayName": f"a{secrets.token_hex(6)}", "web": {"redirectUris": [_REDIRECT]}}
        made = self.graph("POST", "applications", body)
        principal = self.graph("POST", "servicePrincipals", {"appId": made["appId"]})
        secret = self.graph("POST", f"applications/{made['id']}/addPassword", {})
        return App(made["id"], made["appId"], principal["id"], secret["keyId"], secret["secretText"])

    def add_client(self) -> App:
        """Register a web application that may use vaults for everybody."""
        app = self.add_app()
        self._consent(app, self._vaults, "user_impersonation")
        return app

    def add_api(self) -> tuple[App, str]:
        """Register a web API that may use vaults for everybody, and give the scope that its callers ask for."""
        app = self.add_client()
        permission = {
            "id": str(uuid4()),
            "value": "access",
            "type": "User",
            "isEnabled": True,
            "adminConsentDisplayName": "Access",
            "adminConsentDescription": "All of it",
        }
        body = {"identifierUris": [f"api://{app.app_id}"], "api": {"oauth2PermissionScopes": [permission]}}
        self.graph("PATCH", f"applications/{app.id}", body)
        return app, f"api://{app.app_id}/access"

    def let_call(self, client: App, api: App) -> None:
        """Let a client call an API for everybody."""
        self._consent(client, api.oid, "access")

    def _consent(self, client: App, resource: str, scope: str) -> None:
        body = {"clientId": client.oid, "consentType": "AllPrincipals", "resourceId": resource, "scope": scope}
        self.graph("POST", "oauth2PermissionGrants", body)

    def add_group(self) -> str:
        """Make a group, and give its id."""
        name = f"g{secrets.token_hex(6)}"
        body = {"displayName": name, "mailNickname": name, "mailEnabled": False, "securityEnabled": True}
        made: str = self.graph("POST", "groups", body)["id"]
        return made

    def join(self, group: str, member: str) -> None:
        """Put a principal into a group."""
        reference = f"https://{self.instance.graph.host}/v1.0/directoryObjects/{member}"
        self.graph("POST", f"groups/{group}/members/$ref", {"@odata.id": reference})

    def give_vault(
        self, oid: str, kind: str = "ServicePrincipal", *, place: str | None = None, role: str | None = None
    ) -> str:
        """Let a principal administer the vault, or have another role at another place; the assignment's path."""
        path = f"{place or self.instance.vault_id}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}"
        subscription = "/".join(self.instance.vault_id.split("/")[:3])
        definition = role or _KEY_VAULT_ADMINISTRATOR
        role = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{definition}"
        body = {"properties": {"roleDefinitionId": role, "principalId": oid, "principalType": kind}}
        self.arm("PUT", path, body)
        return path

    def add_identity(self) -> str:
        """Make a managed identity beside the vault, and give its path."""
        group = self.instance.vault_id.partition("/providers/")[0]
        path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i{secrets.token_hex(6)}"
        self.arm("PUT", path, {"location": "local"}, version="2023-01-31")
        return path

    # ---- signing in -------------------------------------------------------------------------------------------------

    def browser(self) -> Browser:
        """Give somebody a browser."""
        return Browser(self.instance.login)

    def code(
        self, browser: Browser, who: Person, client_id: str, scope: str = VAULT_SCOPE, factor: TOTP | None = None
    ) -> str:
        """Come to the browser from a client, sign in unless that was done before, and give the client's code."""
        path = f"{self.instance.tenant}/oauth2/v2.0/authorize"
        asked = {"client_id": client_id, "response_type": "code", "redirect_uri": _REDIRECT, "scope": scope}
        page = browser.open(path, **asked)
        if page.status != 302:
            page = browser.send(page, username=who.name, password=who.password)
        if factor is not None:
            page = browser.send(page, code=factor.now())
        return page.code

    def set_up_factor(self, who: Person) -> TOTP:
        """Have a user set an authenticator app up, at the page for it."""
        browser = self.browser()
        page = browser.send(
            browser.open(f"{self.instance.tenant}/security-info"), username=who.name, password=who.password
        )
        page = browser.send(page, add="app")
        found = _APP_SECRET.search(page.text)
        assert found is not None, f"no secret for an app: {page.text}"
        factor = TOTP(found[1].replace(" ", ""))
        if time.time() % factor.interval > factor.interval - _CLOSE_S:
            time.sleep(_CLOSE_S)
        # A code is good once: setting up takes the one before the present one, so that the present one is left.
        page = browser.send(page, code=factor.at(int(time.time()) - factor.interval), name="bench", do="confirm")
        assert "since" in page.text, f"the app was not set up: {page.text}"
        return factor

    def code_form(self, app: App, code: str, scope: str = VAULT_SCOPE) -> dict[str, str]:
        """Write the request that redeems a code."""
        asked = {"client_id": app.app_id, "client_secret": app.secret, "redirect_uri": _REDIRECT, "scope": scope}
        return {"grant_type": "authorization_code", "code": code, **asked}

    def assertion(self, who: Person, client: App, scope: str) -> str:
        """Sign a user in to a client, and give the token that an API is called with."""
        code = self.code(self.browser(), who, client.app_id, scope)
        token: str = self.ask_token(**self.code_form(client, code, scope))["access_token"]
        return token

    def obo_form(self, api: App, assertion: str) -> dict[str, str]:
        """Write the request of an API for a token on behalf of its caller."""
        asked = {"client_id": api.app_id, "client_secret": api.secret, "scope": VAULT_SCOPE}
        return {"grant_type": _JWT_BEARER, "requested_token_use": "on_behalf_of", "assertion": assertion, **asked}


def place_of(url: str) -> tuple[Site, str]:
    """Take a URL of the managed identity endpoint apart: it is without TLS, since it is on the loopback only."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return Site(parts.hostname, parts.port, None), parts.path
