"""The management clients, signed in to the live service as its administrator, on its own names."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import Sku, VaultCreateOrUpdateParameters, VaultProperties

from tests.plugins.canary import remember
from tests.sdk.conftest import Live


@dataclass(frozen=True, slots=True)
class Plane:
    """One instance's management plane, to its administrator."""

    facts: dict[str, Any]
    """The service's run.json."""
    claims: dict[str, Any]
    """What the caller's token says."""
    credential: ClientSecretCredential
    options: dict[str, Any]
    """Where every client finds the plane, and whom it trusts."""
    opened: ExitStack = field(default_factory=ExitStack)

    def client(self, kind: Any, *arguments: Any, credential: ClientSecretCredential | None = None) -> Any:
        """Make a client of a package's class, which is closed with the others."""
        return self.opened.enter_context(kind(credential or self.credential, *arguments, **self.options))

    @property
    def subscription(self) -> str:
        """The subscription's id."""
        subscription: str = self.facts["subscriptionId"]
        return subscription

    @property
    def group(self) -> str:
        """The first resource group's name."""
        group: str = self.facts["resourceGroup"]
        return group

    @property
    def scope(self) -> str:
        """The scope of that group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    def properties(self, **more: Any) -> VaultProperties:
        """Give the least properties of a vault, and more."""
        return VaultProperties(tenant_id=self.facts["tenantId"], sku=Sku(family="A", name="standard"), **more)

    def create(self, name: str, **more: Any) -> Any:
        """Make a vault with the poller."""
        parameters = VaultCreateOrUpdateParameters(location="local", properties=self.properties(**more))
        vaults = self.client(KeyVaultManagementClient, self.subscription).vaults
        return vaults.begin_create_or_update(self.group, name, parameters).result()


def sign_in(facts: dict[str, Any], application: str, secret: str) -> ClientSecretCredential:
    """Give the credential of an application of the instance."""
    return ClientSecretCredential(
        facts["tenantId"],
        application,
        secret,
        authority=facts["authority"],
        disable_instance_discovery=True,
        connection_verify=facts["caFile"],
    )


@pytest.fixture(scope="module")
def plane(live: Live) -> Iterator[Plane]:
    """Sign in to the live service, with the credential that `env` gives a shell."""
    shell = live.environment("--service-principal")
    remember(shell["AZURE_CLIENT_SECRET"])
    resolve = socket.getaddrinfo

    def loopback(host: Any, *rest: Any, **more: Any) -> Any:
        # Plain glibc knows no name below `localhost`, as a browser does.
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", loopback)
        facts = live.facts
        scope = f"{facts['armUri']}/.default"
        credential = sign_in(facts, shell["AZURE_CLIENT_ID"], shell["AZURE_CLIENT_SECRET"])
        options = {"base_url": facts["armUri"], "credential_scopes": [scope], "connection_verify": facts["caFile"]}
        with credential:
            claims = jwt.decode(credential.get_token(scope).token, options={"verify_signature": False})
            ready = Plane(facts, claims, credential, options)
            with ready.opened:
                yield ready


@pytest.fixture
def name() -> str:
    """Give a vault's name that no other test uses."""
    return f"v-{uuid.uuid4().hex[:12]}"
