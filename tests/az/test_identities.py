"""Azure CLI keeps user-assigned managed identities, and what may become one."""

from __future__ import annotations

import pytest

from tests.az.conftest import Az

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]


def test_identities(az: Az, group: str, tag: str) -> None:
    """An identity is created, listed, trusted with an issuer, given a role, and deleted with its principal."""
    place = f"-n i-{tag} -g {group}"
    made = az.apart()(f"identity create {place} -l local --tags env=test")
    assert (made["tenantId"], made["tags"]) == (az.first["tenantId"], {"env": "test"})
    assert az(f"identity show {place}") == made
    assert made["id"] in [one["id"] for one in az("identity list")]
    assert az(f"ad sp show --id {made['clientId']}")["id"] == made["principalId"]

    inside = f"--identity-name i-{tag} -g {group}"
    trust = f"-n f-{tag} {inside} --issuer https://{tag}.example --audiences api://AzureADTokenExchange --subject"
    assert az(f"identity federated-credential create {trust} main")["subject"] == "main"
    assert az(f"identity federated-credential update {trust} next")["subject"] == "next"
    assert [one["subject"] for one in az(f"identity federated-credential list {inside}")] == ["next"]
    assert az(f"identity federated-credential show -n f-{tag} {inside}")["issuer"] == f"https://{tag}.example"
    az(f"identity federated-credential delete --yes -n f-{tag} {inside}")
    assert az(f"identity federated-credential list {inside}") == []

    scope = f"{az.subscription}/resourceGroups/{group}"
    given = az(f"role assignment create --assignee {made['principalId']} --scope {scope} --role", "Key Vault Reader")
    assert given["principalType"] == "ServicePrincipal"
    az(f"identity delete {place}")
    assert "ResourceNotFound" in az.refused(f"identity show {place}")
    assert "does not exist" in az.refused(f"ad sp show --id {made['clientId']}")
