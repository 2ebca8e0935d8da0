"""Azure CLI does with secrets all that it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.az.conftest import Az

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]


@pytest.fixture
def vault(az: Az, group: str, tag: str) -> str:
    """Give the name of a new vault: the signed-in application administers all of the subscription's."""
    made = az(f"keyvault create -n v-{tag} -g {group} -l local --retention-days 7")
    name: str = made["name"]
    return name


def test_the_life_of_a_secret(az: Az, vault: str, canary: str, tmp_path: Path) -> None:
    """Set, shown, listed, changed, backed up, downloaded, deleted, recovered, purged and restored."""
    place = f"--vault-name {vault} -n s"
    first = az.apart()(f"keyvault secret set {place} --tags env=test --content-type text/plain --value", canary)
    second = az(f"keyvault secret set {place} --expires 2099-01-01T00:00:00Z --value", f"{canary}-2")
    assert (first["value"], second["value"]) == (canary, f"{canary}-2")
    assert second["attributes"]["expires"] == "2099-01-01T00:00:00+00:00"
    assert az(f"keyvault secret show {place}")["id"] == second["id"]
    old = az(f"keyvault secret show --id {first['id']}")
    assert (old["value"], old["contentType"], old["tags"]) == (
        canary,
        "text/plain",
        {"env": "test", "file-encoding": "utf-8"},
    )
    assert [one["id"] for one in az(f"keyvault secret list --vault-name {vault}")] == [second["id"].rpartition("/")[0]]
    versions = az(f"keyvault secret list-versions {place}")
    assert {one["id"] for one in versions} == {first["id"], second["id"]}
    changed = az(f"keyvault secret set-attributes {place} --enabled false --tags owner=me")
    assert (changed["attributes"]["enabled"], changed["tags"], changed["value"]) == (False, {"owner": "me"}, None)
    assert "SecretDisabled" in az.refused(f"keyvault secret show {place}")
    az(f"keyvault secret set-attributes {place} --enabled true")

    backup, down = tmp_path / "backup", tmp_path / "down"
    az(f"keyvault secret backup {place} -f {backup}")
    assert canary.encode() not in backup.read_bytes()
    az(f"keyvault secret download {place} -f {down}")
    assert down.read_text() == f"{canary}-2"
    down.unlink()
    deleted = az(f"keyvault secret delete {place}")
    assert deleted["recoveryId"].endswith("/deletedsecrets/s")
    assert "SecretNotFound" in az.refused(f"keyvault secret show {place}")
    assert az(f"keyvault secret show-deleted {place}")["recoveryId"] == deleted["recoveryId"]
    assert az(f"keyvault secret recover {place}")["name"] == "s"
    assert az(f"keyvault secret show {place}")["value"] == f"{canary}-2"
    az(f"keyvault secret delete {place}")
    az(f"keyvault secret purge {place}")
    assert az(f"keyvault secret list-deleted --vault-name {vault}") == []
    assert az(f"keyvault secret restore --vault-name {vault} -f {backup}")["id"] == second["id"]
    assert len(az(f"keyvault secret list-versions {place}")) == 2


def test_refusals(az: Az, vault: str) -> None:
    """What is wrong or not allowed reaches the terminal in Azure's words."""
    place = f"--vault-name {vault}"
    assert "SecretNotFound" in az.refused(f"keyvault secret show {place} -n none")
    assert "BadParameter" in az.refused(f"keyvault secret set {place} -n s --value", "x" * 25_601)
