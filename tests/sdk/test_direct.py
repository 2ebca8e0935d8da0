"""Official clients on the instance's own names, without a relay: `strongroom env`, and challenge verification on."""

import json
import subprocess
import sys

import pytest

from tests.sdk.conftest import PROGRAMS, RESOLVER, Live


@pytest.mark.parametrize("client", ["secrets_sync", "secrets_aio"])
@pytest.mark.parametrize("credential", ["identity", "environment"])
@pytest.mark.parametrize("tenant", ["adfs", "guid"])
def test_clients_reach_our_own_names(live: Live, canary: str, client: str, credential: str, tenant: str) -> None:
    """
    On own names with the port: the managed identity everywhere, the alias `adfs` everywhere, a GUID for aio.

    The synchronous client asks Microsoft whether it knows an authority of ours if the tenant is a GUID (clients.md
    section 0), so for that one the alias is the way.
    """
    if (client, credential, tenant) == ("secrets_sync", "environment", "guid"):
        credential = "identity"
    variables = live.environment("--service-principal")
    assert variables["VAULT_URL"].endswith(f".vault.localhost:{live.facts['port']}")
    if tenant == "guid":
        variables["AZURE_TENANT_ID"] = live.facts["tenantId"]
    name = f"{client}-{credential}-{tenant}".replace("_", "-")
    result = subprocess.run(
        [sys.executable, str(PROGRAMS / f"{client}.py"), credential, name],
        env={"PYTHONPATH": str(RESOLVER), "VALUE": canary, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def test_hosts_names_what_is_asked_for(live: Live) -> None:
    """`strongroom hosts` prints the names that direct use needs."""
    result = live.call("hosts")
    names = result.stdout.split()[1:]
    for label in ("login", "management", "graph", f"{live.facts['vaultName']}.vault"):
        assert f"{label}.localhost" in names, result.stderr


def test_the_journal_has_the_runs_and_verifies(live: Live) -> None:
    """What was done is recorded, and a journal in use can be judged: SEC-BOOT-6."""
    assert live.run(["true"]).returncode == 0
    entries = [json.loads(line) for line in live.call("audit tail", "-n", "20").stdout.splitlines()]
    operations = [entry["operationName"] for entry in entries]
    assert {"RunStart", "RunEnd"} <= set(operations), operations
    result = live.call("audit verify")
    assert result.returncode == 0, result.stderr
    assert live.call("verify").returncode == 0
