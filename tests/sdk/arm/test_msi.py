"""azure-mgmt-msi, unmodified, against a live service on its own names with verification on."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import FederatedIdentityCredential, Identity, IdentityUpdate

from tests.sdk.arm.conftest import Plane


@pytest.fixture(scope="module")
def client(plane: Plane) -> ManagedServiceIdentityClient:
    """Make the package's client."""
    made: ManagedServiceIdentityClient = plane.client(ManagedServiceIdentityClient, plane.subscription)
    return made


def test_identities(plane: Plane, client: ManagedServiceIdentityClient, name: str) -> None:
    """An identity is made, which is a principal of the tenant, changed, listed everywhere, and deleted."""
    identities = client.user_assigned_identities
    made = identities.create_or_update(plane.group, name, Identity(location="local", tags={"env": "test"}))
    assert (made.name, made.location, made.tenant_id) == (name, "local", plane.facts["tenantId"])
    assert made.principal_id != made.client_id
    again = identities.create_or_update(plane.group, name, Identity(location="local"))
    assert (again.principal_id, again.client_id) == (made.principal_id, made.client_id)
    changed = identities.update(plane.group, name, IdentityUpdate(tags={"env": "changed"}))
    assert changed.tags == {"env": "changed"}
    assert identities.get(plane.group, name).tags == {"env": "changed"}
    assert made.id in [one.id for one in identities.list_by_resource_group(plane.group)]
    assert made.id in [one.id for one in identities.list_by_subscription()]
    identities.delete(plane.group, name)
    assert identities.delete(plane.group, name) is None
    with pytest.raises(ResourceNotFoundError) as absent:
        identities.get(plane.group, name)
    assert absent.value.error.code == "ResourceNotFound"


def test_federated_credentials(plane: Plane, client: ManagedServiceIdentityClient, name: str) -> None:
    """A workload's issuer and subject are trusted by name, changed, listed, and trusted no more."""
    client.user_assigned_identities.create_or_update(plane.group, name, Identity(location="local"))
    credentials = client.federated_identity_credentials
    wanted = FederatedIdentityCredential(
        issuer=f"https://{name}.example", subject="main", audiences=["api://AzureADTokenExchange"]
    )
    made = credentials.create_or_update(plane.group, name, "pipeline", wanted)
    assert (made.name, made.issuer, made.subject) == ("pipeline", f"https://{name}.example", "main")
    wanted.subject = "next"
    assert credentials.create_or_update(plane.group, name, "pipeline", wanted).subject == "next"
    with pytest.raises(HttpResponseError) as taken:
        credentials.create_or_update(plane.group, name, "another", wanted)
    assert taken.value.status_code == 409
    assert credentials.get(plane.group, name, "pipeline").audiences == ["api://AzureADTokenExchange"]
    assert [one.id for one in credentials.list(plane.group, name, top=1)] == [made.id]
    credentials.delete(plane.group, name, "pipeline")
    assert list(credentials.list(plane.group, name)) == []


def test_a_resource_without_an_identity(plane: Plane, client: ManagedServiceIdentityClient, name: str) -> None:
    """A vault has no identity of its own, and that is what the client is told."""
    scope = plane.create(name).id
    with pytest.raises(ResourceNotFoundError):
        client.system_assigned_identities.get_by_scope(scope)
