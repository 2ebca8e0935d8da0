"""azure-identity's credentials for workloads elsewhere: a token file, or a function that gives the token."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sdk.applications import EXCHANGE, PROGRAMS, RESOLVER, Application, administering, make_application
from tests.sdk.conftest import Live

ISSUER = "https://oidc.prod.example/cluster/"


@dataclass(frozen=True)
class Workload:
    """An application, and the file that its platform keeps the token in."""

    application: Application
    token_file: Path


@pytest.fixture(scope="module")
def workload(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    """Make one, as a cluster does: the file has a line's end behind the token."""
    folder = tmp_path_factory.mktemp("workload")
    with administering(live) as administrator:
        application = make_application(administrator)
        token_file = folder / "token"
        token_file.write_text(application.with_issuer(live, folder, ISSUER) + "\n")
        yield Workload(application, token_file)


@pytest.fixture(scope="module")
def identity(live: Live, workload: Workload) -> Iterator[str]:
    """Let the workload be a managed identity as well, and give its client id."""
    facts = live.facts
    path = (
        f"/subscriptions/{facts['subscriptionId']}/resourceGroups/{facts['resourceGroup']}"
        "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/pod"
    )
    subject = f"workload-{workload.application.app_id}"
    body = {"properties": {"issuer": ISSUER, "subject": subject, "audiences": [EXCHANGE]}}
    with administering(live) as administrator:
        made = administrator.arm("PUT", path, {"location": "local"})["properties"]
        administrator.give_vault(made["principalId"])
        administrator.arm("PUT", f"{path}/federatedIdentityCredentials/workload", body)
        yield made["clientId"]


@pytest.mark.parametrize("client", ["federated", "federated_aio"])
@pytest.mark.parametrize("kind", ["assertion", "workload", "default"])
def test_under_azures_names(live: Live, canary: str, workload: Workload, client: str, kind: str) -> None:
    """ClientAssertionCredential, WorkloadIdentityCredential, and DefaultAzureCredential by the token file."""
    # The run's own managed identity would be found before the workload's.
    without = ["env", "-u", "IDENTITY_ENDPOINT", "-u", "IDENTITY_HEADER"]
    variables = [*without, *workload.application.variables(AZURE_FEDERATED_TOKEN_FILE=workload.token_file)]
    name = f"{client}-{kind}".replace("_", "-")
    result = live.run(
        [*variables, "AZURE_AUTHORITY_HOST=https://login.microsoftonline.com", sys.executable,
         PROGRAMS / f"{client}.py", name, kind],
        VALUE=canary,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.parametrize("client", ["federated", "federated_aio"])
@pytest.mark.parametrize("tenant", ["adfs", "guid"])
def test_on_our_own_names(live: Live, canary: str, workload: Workload, client: str, tenant: str) -> None:
    """These two need no discovery, so a tenant's GUID does everywhere (clients.md section 0)."""
    for kind in ("assertion", "workload"):
        result = subprocess.run(
            [sys.executable, str(PROGRAMS / f"{client}.py"), f"own-{client}-{tenant}-{kind}".replace("_", "-"), kind],
            env={
                "PYTHONPATH": str(RESOLVER),
                "VALUE": canary,
                **live.environment(),
                "AZURE_TENANT_ID": live.facts["tenantId"] if tenant == "guid" else "adfs",
                "AZURE_CLIENT_ID": workload.application.app_id,
                "AZURE_FEDERATED_TOKEN_FILE": str(workload.token_file),
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.parametrize("kind", ["assertion", "workload"])
def test_as_a_managed_identity(live: Live, canary: str, workload: Workload, identity: str, kind: str) -> None:
    """The same token, under the client id of an identity that names its subject in ARM."""
    result = subprocess.run(
        [sys.executable, str(PROGRAMS / "federated.py"), f"identity-{kind}", kind],
        env={
            "PYTHONPATH": str(RESOLVER),
            "VALUE": canary,
            **live.environment(),
            "AZURE_CLIENT_ID": identity,
            "AZURE_FEDERATED_TOKEN_FILE": str(workload.token_file),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
