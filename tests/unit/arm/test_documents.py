"""How resources are written down."""

import pytest

from strongroom.arm.cloud import describe_cloud
from strongroom.arm.documents import show_vault, timestamp, vault_uri
from strongroom.arm.rights_documents import role_definition_id
from strongroom.core.identity import ServicePrincipal, ServicePrincipalType, User
from strongroom.core.names import Site, Surface
from strongroom.core.vaults import Vault
from strongroom.view import View

TENANT = "11111111-1111-4111-8111-111111111111"
ROLE = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def site(netloc: str) -> Site:
    """Return the management surface as it was asked for by *netloc*."""
    return Site(Surface.MANAGEMENT, None, azure=netloc == "management.azure.com", netloc=netloc)


HERE = site("management.localhost:8443")


@pytest.mark.parametrize(
    ("netloc", "uri"),
    [
        ("management.localhost:8443", "https://kv1.vault.localhost:8443/"),
        ("management.localhost", "https://kv1.vault.localhost/"),
        ("management.vault.example", "https://kv1.vault.vault.example/"),
        ("management.azure.com", "https://kv1.vault.azure.net/"),
        ("management.azure.com.example", "https://kv1.vault.azure.com.example/"),
    ],
)
def test_vault_uri(netloc: str, uri: str) -> None:
    """A vault's URI is in the host scheme that was asked, port included, lower case, with a slash at the end."""
    assert vault_uri(site(netloc), "KV1") == uri
    assert uri.split(".", 1)[1].rstrip("/") == describe_cloud(site(netloc))["suffixes"]["keyVaultDns"]


@pytest.mark.parametrize(
    ("scope", "prefix"),
    [
        ("/", ""),
        ("/subscriptions/s", "/subscriptions/s"),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v", "/subscriptions/s"),
    ],
)
def test_role_definition_id(scope: str, prefix: str) -> None:
    """A role's id is written below the subscription, if there is one."""
    assert role_definition_id(scope, ROLE) == f"{prefix}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"


def test_timestamp() -> None:
    """Times are RFC 3339 in UTC."""
    assert timestamp(1_790_000_000) == "2026-09-21T14:13:20Z"


USER = User("a0000000-0000-4000-8000-000000000001", TENANT, "ann@home.test", "Ann", 0)
APP = ServicePrincipal("a0000000-0000-4000-8000-000000000002", TENANT, "b-app", "App", 0)
IDENTITY = ServicePrincipal(
    "a0000000-0000-4000-8000-000000000003", TENANT, "b-id", "Id", 0, type=ServicePrincipalType.MANAGED_IDENTITY
)


@pytest.mark.parametrize(
    ("by", "name", "kind"),
    [
        (USER.id, "ann@home.test", "User"),
        (APP.id, "b-app", "Application"),
        (IDENTITY.id, "b-id", "ManagedIdentity"),
        ("a0000000-0000-4000-8000-00000000000f", "a0000000-0000-4000-8000-00000000000f", "Application"),
    ],
)
def test_who(by: str, name: str, kind: str) -> None:
    """Users are told by name and programs by application id; whoever is gone, by object id."""
    view = View()
    view.load([USER, APP, IDENTITY])
    vault = Vault("c", TENANT, "s", "g", "kv", "local", 1, b"key", created_by=by, updated=2)
    system = show_vault(view, HERE, vault)["systemData"]
    assert (system["createdBy"], system["createdByType"]) == (name, kind)
    assert (system["lastModifiedBy"], system["lastModifiedByType"]) == (name, kind)
    assert (system["createdAt"], system["lastModifiedAt"]) == ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z")


@pytest.mark.parametrize(("rbac", "told"), [(True, True), (False, False), (None, None)])
def test_the_model_is_told_if_it_was_set(rbac: bool | None, told: bool | None) -> None:  # noqa: FBT001  a table
    """A vault that never said which model it has, is shown without the property."""
    view = View()
    view.load([])
    properties = show_vault(view, HERE, Vault("c", TENANT, "s", "g", "kv", "local", 1, b"key", rbac=rbac))["properties"]
    assert properties.get("enableRbacAuthorization") is told
    assert not {"networkAcls", "enablePurgeProtection"} & set(properties)
