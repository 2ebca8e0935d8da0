"""azure-identity's credentials for workloads elsewhere: a token file, or a function that gives the token."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.assertions import key_set, rsa_key, sign
from tests.plugins.canary import remember
from tests.sdk.applications import PROGRAMS, RESOLVER, Application, administering, make_application
from tests.sdk.conftest import Live

ISSUER = "https://oidc.prod.example/cluster/"
SUBJECT = "system:serviceaccount:default:workload"
AUDIENCE = "api://AzureADTokenExchange"


@pytest.fixture(scope="module")
def application(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """Make an application that a workload of a trusted issuer is, with rights in the vault."""
    keys = tmp_path_factory.mktemp("issuer") / "keys.json"
    keys.write_text(json.dumps(key_set(rsa_key(), "k1")))
    added = live.call("issuers add", ISSUER, "--keys", str(keys))
    assert added.returncode == 0, added.stderr
    with administering(live) as administrator:
        made = make_application(administrator)
        body = {"name": "workload", "issuer": ISSUER, "subject": SUBJECT, "audiences": [AUDIENCE]}
        administrator.graph("POST", f"applications/{made.id}/federatedIdentityCredentials", body)
        yield made


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """Project a token into a file, as a cluster does, with a line's end behind it."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now, "nbf": now, "exp": now + 3600}
    token = sign(rsa_key(), {"alg": "RS256", "kid": "k1"}, claims)
    remember(token)
    path = tmp_path / "token"
    path.write_text(f"{token}\n")
    return path


@pytest.mark.parametrize("client", ["federated", "federated_aio"])
@pytest.mark.parametrize("kind", ["assertion", "workload", "default"])
def test_under_azures_names(
    live: Live, canary: str, application: Application, token_file: Path, client: str, kind: str
) -> None:
    """ClientAssertionCredential, WorkloadIdentityCredential, and DefaultAzureCredential by the token file."""
    # The run's own managed identity would be found before the workload's.
    without = ["env", "-u", "IDENTITY_ENDPOINT", "-u", "IDENTITY_HEADER"]
    variables = [*without, *application.variables(AZURE_FEDERATED_TOKEN_FILE=token_file)]
    name = f"{client}-{kind}".replace("_", "-")
    result = live.run(
        [*variables, "AZURE_AUTHORITY_HOST=https://login.microsoftonline.com", sys.executable,
         PROGRAMS / f"{client}.py", name, kind],
        VALUE=canary,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.parametrize("client", ["federated", "federated_aio"])
@pytest.mark.parametrize("tenant", ["adfs", "guid"])
def test_on_our_own_names(
    live: Live, canary: str, application: Application, token_file: Path, client: str, tenant: str
) -> None:
    """These two need no discovery, so a tenant's GUID does everywhere (clients.md section 0)."""
    for kind in ("assertion", "workload"):
        result = subprocess.run(
            [sys.executable, str(PROGRAMS / f"{client}.py"), f"own-{client}-{tenant}-{kind}".replace("_", "-"), kind],
            env={
                "PYTHONPATH": str(RESOLVER),
                "VALUE": canary,
                **live.environment(),
                "AZURE_TENANT_ID": live.facts["tenantId"] if tenant == "guid" else "adfs",
                "AZURE_CLIENT_ID": application.app_id,
                "AZURE_FEDERATED_TOKEN_FILE": str(token_file),
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
