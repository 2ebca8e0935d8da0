"""azure-identity's certificate credentials, under Azure's names and on the instance's own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.assertions import rsa_key
from tests.sdk.applications import PROGRAMS, RESOLVER, Application, administering, make_application
from tests.sdk.conftest import Live


@pytest.fixture(scope="module")
def application(live: Live) -> Iterator[Application]:
    """Make an application with rights in the vault."""
    with administering(live) as administrator:
        yield make_application(administrator)


@pytest.fixture(scope="module")
def certificate(application: Application, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Register its certificate."""
    return application.with_certificate(tmp_path_factory.mktemp("certificate"), rsa_key())


@pytest.mark.parametrize("client", ["certificate", "certificate_aio"])
@pytest.mark.parametrize("option", ["plain", "chain", "environment"])
def test_under_azures_names(
    live: Live, canary: str, application: Application, certificate: Path, client: str, option: str
) -> None:
    """CertificateCredential, with and without x5c, and EnvironmentCredential that finds the file by its variable."""
    name = f"{client}-{option}".replace("_", "-")
    variables = application.variables(AZURE_CLIENT_CERTIFICATE_PATH=certificate)
    result = live.run([*variables, sys.executable, PROGRAMS / f"{client}.py", name, option], VALUE=canary)
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.parametrize(
    ("client", "tenant"), [("certificate", "adfs"), ("certificate_aio", "adfs"), ("certificate_aio", "guid")]
)
def test_on_our_own_names(
    live: Live, canary: str, application: Application, certificate: Path, client: str, tenant: str
) -> None:
    """The alias `adfs` everywhere, a GUID for aio, as for client secrets (clients.md section 0)."""
    variables = live.environment()
    result = subprocess.run(
        [sys.executable, str(PROGRAMS / f"{client}.py"), f"own-{client}-{tenant}".replace("_", "-")],
        env={
            "PYTHONPATH": str(RESOLVER),
            "VALUE": canary,
            **variables,
            "AZURE_TENANT_ID": live.facts["tenantId"] if tenant == "guid" else "adfs",
            "AZURE_CLIENT_ID": application.app_id,
            "AZURE_CLIENT_CERTIFICATE_PATH": str(certificate),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
