"""azure-mgmt-monitor, unmodified, against a live service on its own names with verification on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from azure.mgmt.monitor import MonitorManagementClient

from tests.sdk.arm.conftest import Plane


def test_the_activity_log(plane: Plane, name: str) -> None:
    """What was changed is listed, with who did it, by group and by resource; the tenant's own events apart."""
    client = plane.client(MonitorManagementClient, plane.subscription)
    vault = plane.create(name).id
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (event,) = client.activity_logs.list(filter=f"eventTimestamp ge '{since}' and resourceUri eq '{vault}'")
    assert (event.operation_name.value, event.status.value) == ("Microsoft.KeyVault/vaults/write", "Succeeded")
    assert (event.caller, event.subscription_id) == (plane.claims["oid"], plane.subscription)
    in_group = f"eventTimestamp ge '{since}' and resourceGroupName eq '{plane.group}'"
    found = list(client.activity_logs.list(filter=in_group, select="operationName,resourceId"))
    assert vault.lower() in [one.resource_id.lower() for one in found]
    of_the_tenant = client.tenant_activity_logs.list(filter=f"eventTimestamp ge '{since}'")
    assert {one.tenant_id for one in of_the_tenant} <= {plane.facts["tenantId"]}
    assert "Administrative" in [one.value for one in client.event_categories.list()]
