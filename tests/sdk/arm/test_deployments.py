"""The official client of template deployments, unmodified, against a live service on its own names."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.deployments.models import (
    Deployment,
    DeploymentProperties,
    DeploymentWhatIf,
    DeploymentWhatIfProperties,
)

from tests.flow.deploying import symbolic, template
from tests.plugins.canary import plant, remember
from tests.sdk.conftest import Live


@dataclass(frozen=True, slots=True)
class Plane:
    """The client of one instance, signed in as its administrator."""

    facts: dict[str, Any]
    client: DeploymentsMgmtClient

    @property
    def group(self) -> str:
        """The first resource group's name."""
        group: str = self.facts["resourceGroup"]
        return group

    def deploy(self, name: str, content: dict[str, Any], **parameters: Any) -> Any:
        """Deploy in the group, with the poller."""
        return self.client.deployments.begin_create_or_update(self.group, name, body(content, **parameters)).result()


def body(content: dict[str, Any], location: str | None = None, **parameters: Any) -> Deployment:
    """Write a deployment."""
    given: Any = {name: {"value": value} for name, value in parameters.items()}
    properties = DeploymentProperties(mode="Incremental", template=content, parameters=given)
    return Deployment(properties=properties, location=location)


@pytest.fixture(scope="module")
def plane(live: Live) -> Iterator[Plane]:
    """Sign in to the live service, with the credential that `env` gives a shell."""
    shell = live.call("env", "--json", "--service-principal")
    assert shell.returncode == 0, shell.stderr
    variables = json.loads(shell.stdout)
    for name in ("AZURE_CLIENT_SECRET", "IDENTITY_HEADER"):
        remember(variables[name])
    resolve = socket.getaddrinfo

    def loopback(host: Any, *rest: Any, **more: Any) -> Any:
        # Plain glibc knows no name below `localhost`, as a browser does.
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", loopback)
        facts = live.facts
        ca = facts["caFile"]
        credential = ClientSecretCredential(
            facts["tenantId"],
            variables["AZURE_CLIENT_ID"],
            variables["AZURE_CLIENT_SECRET"],
            authority=facts["authority"],
            disable_instance_discovery=True,
            connection_verify=ca,
        )
        client = DeploymentsMgmtClient(
            credential,
            facts["subscriptionId"],
            base_url=facts["armUri"],
            credential_scopes=[f"{facts['armUri']}/.default"],
            connection_verify=ca,
        )
        with credential, client:
            yield Plane(facts, client)


@pytest.fixture
def name() -> str:
    """Give a name that no other test uses."""
    return f"d-{uuid.uuid4().hex[:12]}"


def vault(name: str) -> dict[str, Any]:
    """Write a vault with a secret."""
    return {
        "kv": {
            "type": "Microsoft.KeyVault/vaults",
            "apiVersion": "2023-07-01",
            "name": name,
            "location": "[resourceGroup().location]",
            "properties": {"tenantId": "[tenant().tenantId]", "sku": {"family": "A", "name": "standard"}},
        },
        "secret": {
            "type": "Microsoft.KeyVault/vaults/secrets",
            "apiVersion": "2023-07-01",
            "name": f"{name}/s",
            "properties": {"value": "[parameters('value')]"},
            "dependsOn": ["kv"],
        },
    }


def test_life(plane: Plane, name: str) -> None:
    """Foreseen, validated, deployed, read, listed, exported and forgotten, by the pollers and pagers."""
    client, value = plane.client.deployments, plant()
    content = symbolic(
        vault(name),
        parameters={"value": {"type": "securestring"}},
        outputs={"uri": {"type": "string", "value": "[reference('kv').vaultUri]"}},
    )
    given: Any = {"value": {"value": value}}
    foreseen = client.begin_what_if(
        plane.group,
        name,
        DeploymentWhatIf(properties=DeploymentWhatIfProperties(mode="Incremental", template=content, parameters=given)),
    ).result()
    kinds = {one.resource_id.rpartition("/")[2]: one.change_type for one in foreseen.changes}
    assert (kinds[name], kinds["s"]) == ("Create", "Create")
    valid = client.begin_validate(plane.group, name, body(content, value=value)).result()
    assert valid.error is None
    assert valid.properties.provisioning_state == "Succeeded"

    made = plane.deploy(name, content, value=value)
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.outputs["uri"]["value"].startswith(f"https://{name}.vault.")
    assert made.properties.parameters == {"value": {"type": "SecureString"}}
    assert client.check_existence(plane.group, name)
    assert name in [one.name for one in client.list_by_resource_group(plane.group)]
    operations = list(plane.client.deployment_operations.list(plane.group, name))
    assert {one.properties.provisioning_state for one in operations} == {"Succeeded"}
    assert client.export_template(plane.group, name).template == content
    client.begin_delete(plane.group, name).result()
    assert not client.check_existence(plane.group, name)


def test_failure(plane: Plane, name: str) -> None:
    """The poller raises with the deployment's own error, and its details."""
    wrong = {**vault("no--name")["kv"]}
    with pytest.raises(HttpResponseError) as failed:
        plane.deploy(name, template(wrong))
    assert failed.value.error is not None
    assert failed.value.error.code == "DeploymentFailed"
    assert failed.value.error.details[0].code == "VaultNameNotValid"
    assert plane.client.deployments.get(plane.group, name).properties.provisioning_state == "Failed"


def test_invalid(plane: Plane, name: str) -> None:
    """What is wrong is refused at once, and `validate` says the same in an answer."""
    content = template(parameters={"p": {"type": "string"}})
    with pytest.raises(HttpResponseError) as refused:
        plane.deploy(name, content)
    assert refused.value.error is not None
    assert refused.value.error.code == "InvalidTemplate"
    with pytest.raises(ResourceNotFoundError):
        plane.client.deployments.get(plane.group, name)


def test_subscription(plane: Plane, name: str) -> None:
    """At the subscription a resource group is made."""
    group = {
        "type": "Microsoft.Resources/resourceGroups",
        "apiVersion": "2024-03-01",
        "name": f"g-{name}",
        "location": "[deployment().location]",
    }
    client = plane.client.deployments
    made = client.begin_create_or_update_at_subscription_scope(name, body(template(group), location="local")).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.output_resources[0].id.endswith(f"/resourceGroups/g-{name}")
    scoped = client.get_at_scope(f"subscriptions/{plane.facts['subscriptionId']}", name)
    assert scoped.id == made.id
