"""
Terraform's azurerm as it is published, built by `make azurerm`, under `strongroom run`: nothing is configured for us.

Most of the time that these tests take the provider waits by itself: two minutes for a vault that is open to the public.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live import Service
from tests.plugins.canary import plant, remember
from tests.plugins.toolchain import AZURERM

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("terraform", "azurerm"), pytest.mark.timeout(1200)]

_HERE = Path(__file__).parent
_NOBODY = "http://127.0.0.1:9"
"""The port that discards: nothing of these tests depends on the world outside."""
_TIME_S = 500
_OIDC = (
    "ARM_TENANT_ID=$AZURE_TENANT_ID ARM_CLIENT_ID=$AZURE_CLIENT_ID ARM_OIDC_TOKEN_FILE_PATH=$AZURE_FEDERATED_TOKEN_FILE"
)
_IMDS = "$AZURE_POD_IDENTITY_AUTHORITY_HOST/metadata/identity/oauth2/token"
_SERVICE_PRINCIPAL = ("--service-principal",)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run one service for all of them."""
    with Service(tmp_path_factory.mktemp("terraform-live") / "data") as running:
        for name in ("clientSecret", "userPassword"):
            remember(running.first[name])
        yield running


@dataclass(frozen=True)
class Terraform:
    """Terraform in a folder with a configuration and what it remembers."""

    service: Service
    folder: Path

    def run(
        self,
        words: str,
        variables: Mapping[str, str] | None = None,
        *,
        how: tuple[str, ...] = _SERVICE_PRINCIPAL,
        inside: str = "",
    ) -> str:
        """Run a command under `strongroom run`, with more variables *inside* the run, and give what it says."""
        result = subprocess.run(
            [
                sys.executable, "-m", "strongroom", "run", "--data", str(self.service.data), *how, "--",
                "sh", "-c", f'{inside} exec terraform "$@"', "terraform", *words.split(), "-no-color",
            ],
            cwd=self.folder,
            env={
                **os.environ,
                "CHECKPOINT_DISABLE": "1",
                "TF_CLI_CONFIG_FILE": str(self.folder / "terraform.rc"),
                "TF_IN_AUTOMATION": "1",
                "HTTPS_PROXY": _NOBODY,
                "HTTP_PROXY": _NOBODY,
                **{f"TF_VAR_{name}": value for name, value in (variables or {}).items()},
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIME_S,
            check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def apply(self, **variables: str) -> dict[str, Any]:
        """Make what the configuration says, see that nothing is left to do, and give the outputs."""
        self.run("apply -auto-approve -input=false", variables)
        self.run("plan -detailed-exitcode -input=false", variables)
        return {name: output["value"] for name, output in json.loads(self.run("output -json")).items()}

    def destroy(self, **variables: str) -> None:
        """Take everything away."""
        self.run("destroy -auto-approve -input=false", variables)
        assert self.run("state list") == ""


def terraform(service: Service, folder: Path, configuration: str) -> Terraform:
    """Give Terraform a configuration of these tests', and azurerm where make has put it."""
    shutil.copy(_HERE / configuration / "main.tf", folder)
    (folder / "terraform.rc").write_text(
        f'provider_installation {{\n  dev_overrides {{\n    "hashicorp/azurerm" = "{AZURERM.parent}"\n  }}\n}}\n'
    )
    return Terraform(service, folder)


def test_a_vault_with_what_is_in_it(service: Service, tmp_path: Path) -> None:
    """
    A group, an identity, a vault, access policies, a secret, keys, a rotation policy, a role: made, changed, removed.

    After each step nothing is left to do, so everything comes back as it was written.
    """
    it = terraform(service, tmp_path, "vault")
    first, second = plant(), plant()
    made = it.apply(value=first, operations='["sign", "verify"]')
    assert (made["same"], made["operations"], made["assigned"]) == (True, ["sign", "verify"], "ServicePrincipal")
    assert made["place"] == f"https://sr-by-terraform.vault.localhost:{service.port}/secrets/it"
    changed = it.apply(value=second, operations='["verify"]')
    assert (changed["same"], changed["operations"]) == (True, ["verify"])
    with closing(service.client()) as client:
        versions = client.ask("GET", f"{made['place']}/versions?api-version=7.4", token=client.token())
    assert len(versions.json()["value"]) == 2
    it.destroy(value=second, operations='["verify"]')


def test_a_vault_in_a_network(service: Service, tmp_path: Path) -> None:
    """A vault with roles that is closed to the public, its network, endpoint, identity, and a template deployment."""
    it = terraform(service, tmp_path, "network")
    made = it.apply()
    assert "sr-in-a-network" in made["vaults"]
    assert made["connection"] == "connection"
    it.destroy()


def test_certificates(service: Service, tmp_path: Path) -> None:
    """A certificate that signs itself, an issuer and contacts: made, changed, removed; nothing is left to do."""
    it = terraform(service, tmp_path, "certificates")
    where = {"vault": service.first["vaultName"], "group": service.first["resourceGroup"]}
    made = it.apply(**where, months="6")
    assert made["same"] is True
    changed = it.apply(**where, months="12")
    assert changed["expires"] > made["expires"]
    it.destroy(**where, months="12")


@pytest.mark.parametrize(
    ("how", "inside"),
    [
        (_SERVICE_PRINCIPAL, ""),
        (("--endpoint", "workload-identity"), "ARM_USE_AKS_WORKLOAD_IDENTITY=true"),
        (("--endpoint", "workload-identity"), f"ARM_USE_OIDC=true {_OIDC}"),
        (("--endpoint", "imds"), f"ARM_USE_MSI=true ARM_MSI_ENDPOINT={_IMDS}"),
    ],
    ids=["service principal", "aks", "oidc", "imds"],
)
def test_sign_in(service: Service, tmp_path: Path, how: tuple[str, ...], inside: str) -> None:
    """The provider is the run's service principal, or its managed identity in three forms."""
    it = terraform(service, tmp_path, "sign_in")
    it.run("apply -auto-approve -input=false", how=how, inside=inside)
    me = json.loads(it.run("output -json"))["me"]["value"]
    assert (me == service.first["objectId"]) is (how == _SERVICE_PRINCIPAL)
