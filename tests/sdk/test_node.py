"""@azure/identity, @azure/keyvault-secrets and @azure/arm-keyvault under `strongroom run`."""

import shutil
from pathlib import Path

import pytest

from tests.assertions import rsa_key
from tests.sdk.applications import administering, make_application
from tests.sdk.conftest import EXAMPLES, PROGRAMS, Live

PROJECT = EXAMPLES / "node"
pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
    pytest.mark.skipif(not (PROJECT / "node_modules").is_dir(), reason="needs the clients: run make node"),
]


def test_the_example_runs_as_it_is(live: Live) -> None:
    """A program as anyone writes it, with DefaultAzureCredential and the poller, as the managed identity."""
    result = live.run(["node", PROJECT / "quickstart.mjs"])
    assert (result.returncode, result.stdout.splitlines()[-1:]) == (0, ["purged"]), result.stderr


def test_the_environments_service_principal(live: Live, canary: str) -> None:
    """The same as the environment's service principal."""
    program = ["node", PROGRAMS / "environment.mjs", "by-node"]
    result = live.run(program, "--service-principal", VALUE=canary, NODE_PROJECT=str(PROJECT))
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def test_a_client_certificate(live: Live, canary: str, tmp_path: Path) -> None:
    """ClientCertificateCredential signs in with a certificate that was registered through Graph."""
    with administering(live) as administrator:
        application = make_application(administrator)
        variables = application.variables(
            AZURE_CLIENT_CERTIFICATE_PATH=application.with_certificate(tmp_path, rsa_key())
        )
    program = [*variables, "node", PROGRAMS / "certificate.mjs", "by-node-certificate"]
    result = live.run(program, VALUE=canary, NODE_PROJECT=str(PROJECT))
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.parametrize("kind", ["assertion", "workload"])
def test_a_federated_token(live: Live, canary: str, tmp_path: Path, kind: str) -> None:
    """ClientAssertionCredential and WorkloadIdentityCredential sign in with a token of an issuer that is trusted."""
    token, issuer = tmp_path / "token", f"https://{kind}.node.example"
    with administering(live) as administrator:
        application = make_application(administrator)
        token.write_text(application.with_issuer(live, tmp_path, issuer))
    program = [*application.variables(AZURE_FEDERATED_TOKEN_FILE=token), "node", PROGRAMS / "federated.mjs"]
    result = live.run([*program, f"by-node-{kind}", kind], VALUE=canary, NODE_PROJECT=str(PROJECT))
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def test_a_vault_that_is_not_served_is_refused(live: Live, canary: str) -> None:
    """The relay's refusal reaches the JavaScript client too: SEC-NAME-8."""
    program = ["node", PROGRAMS / "environment.mjs", "by-node"]
    result = live.run(
        program,
        "--service-principal",
        VALUE=canary,
        NODE_PROJECT=str(PROJECT),
        VAULT_URL="https://somebodys-real.vault.azure.net",
    )
    assert result.returncode != 0
    assert "strongroom: somebodys-real.vault.azure.net:443 is one of Azure's names" in result.stderr


def test_the_management_plane(live: Live) -> None:
    """@azure/arm-keyvault makes, changes, lists, deletes and purges a vault, under Azure's names."""
    result = live.run(
        ["node", PROGRAMS / "management.mjs", "sr-by-node"],
        "--service-principal",
        NODE_PROJECT=str(PROJECT),
        GROUP=live.facts["resourceGroup"],
        OBJECT=live.service.first["objectId"],
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
