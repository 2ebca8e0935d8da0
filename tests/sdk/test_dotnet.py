"""
Azure's SDK for .NET under `strongroom run`, in a program of Microsoft's that is built on it: Azure MCP Server, `azmcp`.

In it are Azure.Identity, Azure.Security.KeyVault.Secrets, .Keys and .Certificates, and Azure.ResourceManager.
"""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.assertions import make_signer, rsa_key
from tests.sdk.applications import administering, make_application
from tests.sdk.azmcp import Azmcp, running
from tests.sdk.conftest import Live

pytestmark = pytest.mark.toolchain("azmcp")


@pytest.fixture(scope="module")
def azmcp(live: Live) -> Iterator[Azmcp]:
    """Run it as the managed identity."""
    with running(live, "ManagedIdentityCredential") as program:
        yield program


@pytest.fixture(scope="module")
def as_principal(live: Live) -> Iterator[Azmcp]:
    """Run it as the environment's service principal, who owns the subscription."""
    with running(live, "EnvironmentCredential", "--service-principal") as program:
        yield program


@pytest.fixture(scope="module")
def roleless(live: Live) -> str:
    """Make a managed identity to which nobody gave a right, and give its object id."""
    facts = live.facts
    group = f"/subscriptions/{facts['subscriptionId']}/resourceGroups/{facts['resourceGroup']}"
    with administering(live) as administrator:
        path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/roleless"
        made: str = administrator.arm("PUT", path, {"location": "local"})["properties"]["principalId"]
        return made


def test_a_secret(azmcp: Azmcp, canary: str) -> None:
    """SecretClient sets a secret, gets it back, and lists it."""
    assert azmcp.vault("secret_create", secret="by-dotnet", value=canary).status == 200
    got = azmcp.vault("secret_get", secret="by-dotnet")
    assert got.status == 200
    assert got.results["secret"]["value"] == canary
    assert "by-dotnet" in azmcp.vault("secret_get").results["secrets"]


def test_a_secret_that_is_not_there(azmcp: Azmcp) -> None:
    """The client's own exception has the status and the code of the answer."""
    told = azmcp.vault("secret_get", secret="nowhere")
    assert told.status == 404
    assert "Status: 404 (Not Found)\nErrorCode: SecretNotFound\n" in told.message


@pytest.mark.parametrize("kind", ["EC", "RSA", "oct"])
def test_a_key(azmcp: Azmcp, kind: str) -> None:
    """KeyClient makes a key of each type, gets it back, and lists it."""
    name = f"dotnet-{kind.lower()}"
    made = azmcp.vault("key_create", key=name, key_type=kind)
    got = azmcp.vault("key_get", key=name)
    assert (made.status, got.status) == (200, 200)
    assert got.results["key"] == made.results
    assert (made.results["name"], made.results["keyType"], made.results["enabled"]) == (name, kind, True)
    assert name in azmcp.vault("key_get").results["keys"]


def test_a_key_that_wants_a_token(azmcp: Azmcp) -> None:
    """What is refused here reads as a refusal of Azure's."""
    told = azmcp.vault("key_create", key="dotnet-hsm", key_type="RSA-HSM")
    assert told.status == 400
    assert "Status: 400 (Bad Request)\nErrorCode: BadParameter\n" in told.message


def test_a_certificate(azmcp: Azmcp) -> None:
    """CertificateClient makes one by its default policy, waits for its operation, gets it back, and lists it."""
    made = azmcp.vault("certificate_create", certificate="dotnet-made")
    got = azmcp.vault("certificate_get", certificate="dotnet-made")
    assert (made.status, got.status) == (200, 200)
    assert got.results["certificate"]["cer"] == made.results["cer"]
    subject = x509.load_der_x509_certificate(base64.b64decode(made.results["cer"])).subject
    assert subject.rfc4514_string() == "CN=DefaultPolicy"
    assert "dotnet-made" in azmcp.vault("certificate_get").results["certificates"]


def test_a_certificate_that_is_brought(azmcp: Azmcp, canary: str) -> None:
    """It imports a PKCS#12 with a password, by a path with an empty segment: `/certificates//NAME/import`."""
    signer = make_signer(rsa_key(), now=int(time.time()), name="brought")
    pfx = pkcs12.serialize_key_and_certificates(
        b"brought", signer.key, signer.certificate, None, BestAvailableEncryption(canary.encode())
    )
    data = base64.b64encode(pfx).decode()
    brought = azmcp.vault("certificate_import", certificate="dotnet-brought", certificate_data=data, password=canary)
    assert brought.status == 200
    assert x509.load_der_x509_certificate(base64.b64decode(brought.results["cer"])) == signer.certificate


def test_the_environments_service_principal(as_principal: Azmcp, canary: str) -> None:
    """EnvironmentCredential signs in with the run's secret, and the vault takes its token."""
    assert as_principal.vault("secret_create", secret="by-dotnet-principal", value=canary).status == 200
    assert as_principal.vault("secret_get", secret="by-dotnet-principal").results["secret"]["value"] == canary


def test_a_client_certificate(live: Live, canary: str, tmp_path: Path) -> None:
    """ClientCertificateCredential signs in, with an assertion whose times are texts."""
    with administering(live) as administrator:
        application = make_application(administrator)
        certificate = application.with_certificate(tmp_path, rsa_key())
    shell = application.variables(AZURE_CLIENT_CERTIFICATE_PATH=certificate)
    with running(live, "EnvironmentCredential", within=shell) as program:
        assert program.vault("secret_create", secret="by-dotnet-certificate", value=canary).status == 200


def test_the_subscription(live: Live, as_principal: Azmcp) -> None:
    """Azure.ResourceManager lists the subscription."""
    (found,) = as_principal.manage("subscription_list").results["subscriptions"]
    facts = live.facts
    assert (found["subscriptionId"], found["tenantId"]) == (facts["subscriptionId"], facts["tenantId"])
    assert (found["state"], found["isDefault"]) == ("Enabled", True)


def test_the_resource_group(live: Live, as_principal: Azmcp) -> None:
    """It lists the groups, and what is in one."""
    name = live.facts["resourceGroup"]
    path = f"/subscriptions/{live.facts['subscriptionId']}/resourceGroups/{name}"
    groups = as_principal.manage("group_list").results["groups"]
    assert {"name": name, "id": path, "location": "local"} in groups
    resources = as_principal.manage("group_resource_list", resource_group=name).results["resources"]
    vault = live.facts["vaultName"]
    wanted = {"name": vault, "id": f"{path}/providers/Microsoft.KeyVault/vaults/{vault}"}
    assert wanted | {"type": "Microsoft.KeyVault/vaults", "location": "local"} in resources


def test_management_without_a_role(live: Live, azmcp: Azmcp) -> None:
    """Who has rights in a vault alone may not look at the subscription, as the client's own exception says it."""
    told = azmcp.manage("group_list")
    assert told.status == 403
    assert "Status: 403 (Forbidden)\nErrorCode: AuthorizationFailed\n" in told.message
    assert f"over scope '/subscriptions/{live.facts['subscriptionId']}'" in told.message


def test_a_resource_provider_that_is_not_there(live: Live, as_principal: Azmcp) -> None:
    """The program looks for role assignments by Azure Resource Graph, which is not served: the refusal says what is."""
    told = as_principal.manage("role_assignment_list", scope=f"/subscriptions/{live.facts['subscriptionId']}")
    assert told.status == 404
    assert "The resource namespace 'Microsoft.ResourceGraph' is invalid." in told.message


def test_an_identity_without_a_role(live: Live, roleless: str) -> None:
    """WorkloadIdentityCredential signs in with the run's assertion, and the vault refuses as Azure would."""
    with running(live, "prod", "--identity", "roleless", "--endpoint", "workload-identity") as program:
        told = program.vault("secret_get", secret="by-dotnet")
    assert told.status == 403
    assert "Status: 403 (Forbidden)\nErrorCode: Forbidden\n" in told.message
    assert '"innererror":{"code":"ForbiddenByRbac"}' in told.message
    assert f";oid={roleless};" in told.message
