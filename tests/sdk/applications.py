"""An application of a live service that has no secret: it proves itself in another way."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from tests.assertions import PrivateKey, Signer, key_set, make_signer, rsa_key, sign
from tests.live import Client, Service
from tests.plugins.canary import remember
from tests.sdk.conftest import PROGRAMS, RESOLVER, Live

EXCHANGE = "api://AzureADTokenExchange"
GRAPH = "https://graph.microsoft.com"
ARM = "https://management.azure.com"


class Administrator:
    """The first application, asking Graph and the management plane over the instance's own names."""

    def __init__(self, service: Service, client: Client) -> None:
        self._client, self.first = client, service.first
        self._tokens = {resource: client.token(resource) for resource in (GRAPH, ARM)}

    def graph(self, method: str, path: str, body: object = None) -> Any:
        """Ask Graph for something that is to succeed."""
        return self._ask(method, f"{self.first['graphUri']}/v1.0/{path}", GRAPH, body)

    def give_vault(self, principal: str, kind: str = "ServicePrincipal") -> None:
        """Make a principal administrator of what is in the subscription's vaults."""
        scope = f"/subscriptions/{self.first['subscriptionId']}"
        role = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{KEY_VAULT_ADMINISTRATOR}"
        self.arm(
            "PUT",
            f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}",
            {"properties": {"roleDefinitionId": role, "principalId": principal, "principalType": kind}},
        )

    def arm(self, method: str, path: str, body: object = None) -> Any:
        """Ask the management plane for something that is to succeed."""
        return self._ask(method, f"{self.first['armUri']}{path}?api-version=2022-04-01", ARM, body)

    def _ask(self, method: str, url: str, resource: str, body: object) -> Any:
        answer = self._client.ask(method, url, token=self._tokens[resource], json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None


@dataclass(frozen=True)
class Application:
    """An application with a principal that administers the vault's contents."""

    administrator: Administrator
    id: str
    app_id: str

    def variables(self, **more: object) -> list[str]:
        """
        Give the beginning of a command line that sets the application's variables.

        `strongroom run` clears those of the shell around it, so they are set inside.
        """
        tenant = self.administrator.first["tenantId"]
        values = {"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": self.app_id, **more}
        return ["env", *(f"{name}={value}" for name, value in values.items())]

    def with_issuer(self, live: Live, folder: Path, issuer: str) -> str:
        """Have a workload of a trusted issuer be the application, and give a token of the workload."""
        keys, subject = folder / "keys.json", f"workload-{self.app_id}"
        keys.write_text(json.dumps(key_set(rsa_key(), "k1")))
        added = live.call("issuers add", issuer, "--keys", str(keys))
        assert added.returncode == 0, added.stderr
        body = {"name": "workload", "issuer": issuer, "subject": subject, "audiences": [EXCHANGE]}
        self.administrator.graph("POST", f"applications/{self.id}/federatedIdentityCredentials", body)
        now = int(time.time())
        claims = {"iss": issuer, "sub": subject, "aud": [EXCHANGE], "iat": now, "nbf": now, "exp": now + 3600}
        token = sign(rsa_key(), {"alg": "RS256", "kid": "k1"}, claims)
        remember(token)
        return token

    def with_certificate(self, folder: Path, key: PrivateKey) -> Path:
        """Register a certificate, and give the file that a client reads it and its key from."""
        signer: Signer = make_signer(key, now=int(time.time()))
        body = {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": signer.base64}]}
        self.administrator.graph("PATCH", f"applications/{self.id}", body)
        path = folder / f"{self.app_id}.pem"
        path.write_bytes(signer.pem)
        path.chmod(0o600)
        return path


@contextmanager
def administering(live: Live) -> Iterator[Administrator]:
    """Ask as the first application while the block lasts."""
    client = live.service.client()
    yield Administrator(live.service, client)
    client.close()


def make_application(administrator: Administrator) -> Application:
    """Make an application that may do everything in the vault, and has no credential yet."""
    made = administrator.graph("POST", "applications", {"displayName": f"app-{uuid.uuid4()}"})
    principal = administrator.graph("POST", "servicePrincipals", {"appId": made["appId"]})
    administrator.give_vault(principal["id"])
    return Application(administrator, made["id"], made["appId"])


__all__ = ["PROGRAMS", "RESOLVER", "Administrator", "Application", "administering", "make_application"]
