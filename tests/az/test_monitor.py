"""Azure CLI sets where a vault's audit is copied to, and reads the activity log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.az.conftest import Az
from tests.sdk.conftest import Live

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]


def test_diagnostic_settings(az: Az, live: Live, group: str, tag: str, tmp_path: Path) -> None:
    """A setting is created for a sink that the operator mapped, shown, listed, changed and deleted."""
    vault = az(f"keyvault create -n v-{tag} -g {group} -l local")["id"]
    scope = f"{az.subscription}/resourceGroups/{group}"
    sink = f"{scope}/providers/Microsoft.Storage/storageAccounts/s{tag}"
    logs = json.dumps([{"category": "AuditEvent", "enabled": True}])
    created = f"monitor diagnostic-settings create -n d-{tag} --resource {vault} --storage-account {sink} --logs"
    refused = az.refused(created, logs)
    assert "audit-sinks" in refused or "not found" in refused.lower()
    folder = tmp_path / "sink"
    folder.mkdir(mode=0o700)
    mapped = live.call("audit-sinks add", sink, "--folder", str(folder))
    assert mapped.returncode == 0, mapped.stderr

    made = az.apart()(created, logs)
    assert (made["storageAccountId"], made["logs"][0]["enabled"]) == (sink, True)
    it = f"-n d-{tag} --resource {vault}"
    assert az(f"monitor diagnostic-settings show {it}")["id"] == made["id"]
    assert [one["name"] for one in az(f"monitor diagnostic-settings list --resource {vault}")] == [f"d-{tag}"]
    categories = az(f"monitor diagnostic-settings categories list --resource {vault}")
    assert "AuditEvent" in json.dumps(categories)
    changed = az(f"monitor diagnostic-settings update {it} --set logs[0].enabled=false")
    assert changed["logs"][0]["enabled"] is False
    az(f"monitor diagnostic-settings delete {it}")
    assert az(f"monitor diagnostic-settings list --resource {vault}") == []


def test_the_activity_log(az: Az, own_group: str, tag: str) -> None:
    """What was changed, by whom and with what end, of a group and of one resource."""
    vault = az(f"keyvault create -n v-{tag} -g {own_group} -l local")["id"]
    az(f"keyvault delete -n v-{tag} -g {own_group}")
    of_the_vault = az(f"monitor activity-log list --resource-id {vault} --offset 1h")
    assert {one["operationName"]["value"] for one in of_the_vault} == {
        "Microsoft.KeyVault/vaults/write",
        "Microsoft.KeyVault/vaults/delete",
    }
    assert {one["caller"] for one in of_the_vault} == {az.first["objectId"]}
    assert {one["status"]["value"] for one in of_the_vault} == {"Succeeded"}
    of_the_group = az(f"monitor activity-log list -g {own_group} --offset 1h")
    assert len(of_the_group) > len(of_the_vault)
    assert "Administrative" in [one["value"] for one in az("monitor activity-log list-categories")]


def test_policies(az: Az) -> None:
    """Guardrails are asked for in the words of Azure Policy: where there are none, nothing is out of line."""
    assert az("policy assignment list") == []
    assert az("policy state summarize")["results"]["nonCompliantResources"] == 0
