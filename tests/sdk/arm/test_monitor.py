"""The official monitoring client, unmodified, against a live service: the activity log."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import VaultPatchParameters
from azure.mgmt.monitor import MonitorManagementClient

from tests.plugins.canary import remember
from tests.sdk.conftest import Live


@dataclass(frozen=True, slots=True)
class Plane:
    """The clients of one instance, signed in as its administrator."""

    facts: dict[str, Any]
    vaults: KeyVaultManagementClient
    monitor: MonitorManagementClient


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
        facts = json.loads((live.data / "run.json").read_text())
        credential = ClientSecretCredential(
            facts["tenantId"],
            variables["AZURE_CLIENT_ID"],
            variables["AZURE_CLIENT_SECRET"],
            authority=facts["authority"],
            disable_instance_discovery=True,
            connection_verify=facts["caFile"],
        )
        how: dict[str, Any] = {
            "base_url": facts["armUri"],
            "credential_scopes": ["https://management.azure.com/.default"],
            "connection_verify": facts["caFile"],
        }
        vaults = KeyVaultManagementClient(credential, facts["subscriptionId"], **how)
        monitor = MonitorManagementClient(credential, facts["subscriptionId"], **how)
        with credential, vaults, monitor:
            yield Plane(facts, vaults, monitor)


def test_the_activity_log(plane: Plane) -> None:
    """A change is in it at once, as the client's model reads it; the filter and the selection are the client's own."""
    group, name = plane.facts["resourceGroup"], plane.facts["vaultName"]
    begin = datetime.now(UTC) - timedelta(minutes=5)
    changed = plane.vaults.vaults.update(group, name, VaultPatchParameters(tags={"seen": "yes"}))
    wanted = f"eventTimestamp ge '{begin.isoformat()}' and resourceUri eq '{changed.id}'"
    (event, *_) = plane.monitor.activity_logs.list(filter=wanted)
    assert event.operation_name.value == "Microsoft.KeyVault/vaults/write"
    assert event.resource_id == changed.id
    assert event.event_timestamp > begin
    assert (event.level, event.status.value, event.event_name.value) == ("Informational", "Succeeded", "EndRequest")
    assert event.authorization.action == "Microsoft.KeyVault/vaults/write"
    assert event.resource_group_name == group
    (short, *_) = plane.monitor.activity_logs.list(filter=wanted, select="eventTimestamp,status")
    assert (short.status.value, short.caller) == ("Succeeded", None)
    with pytest.raises(HttpResponseError) as refused:
        list(plane.monitor.activity_logs.list(filter="nothing"))
    assert refused.value.error.code == "InvalidFilterInQueryString"


def test_the_tenants_log_and_the_categories(plane: Plane) -> None:
    """What is in no subscription, nothing from now on, and what kinds of events there are."""
    begin = datetime.now(UTC)
    assert list(plane.monitor.tenant_activity_logs.list(filter=f"eventTimestamp ge '{begin.isoformat()}'")) == []
    assert "Administrative" in [one.value for one in plane.monitor.event_categories.list()]


def test_it_comes_in_pages(plane: Plane) -> None:
    """The client follows the link to the next page by itself."""
    group, name = plane.facts["resourceGroup"], plane.facts["vaultName"]
    begin = datetime.now(UTC) - timedelta(seconds=1)
    for place in range(210):
        plane.vaults.vaults.update(group, name, VaultPatchParameters(tags={"place": str(place)}))
    found = list(plane.monitor.activity_logs.list(filter=f"eventTimestamp ge '{begin.isoformat()}'"))
    assert len(found) >= 210
    times = [one.event_timestamp for one in found]
    assert times == sorted(times, reverse=True)
