"""
The requests of Terraform's azurerm provider for certificates, their issuers and contacts.

As in `test_terraform_requests`, they are written from the provider's published source, and it is not run itself.
"""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest

from tests.flow.imported import in_pem, self_signed
from tests.flow.test_terraform_requests import Provider, Vault
from tests.plugins import canary
from tests.world import Simulation

CURVE_SIZES = {"P-256": 256, "P-384": 384, "P-521": 521, "P-256K": 256}
RIGHTS = [
    "Get", "List", "Create", "Import", "Update", "Delete", "Recover", "Purge", "ManageContacts", "ManageIssuers",
    "GetIssuers", "ListIssuers", "SetIssuers", "DeleteIssuers",
]  # fmt: skip


@pytest.fixture(scope="module")
def provider(world: Simulation) -> Provider:
    """Start a provider with the first application's secret."""
    return Provider(world, client_id=world.first.client_id, client_secret=world.first.client_secret)


@pytest.fixture(scope="module")
def uri(provider: Provider) -> str:
    """Make a vault in which the provider may do all to certificates; its URI."""
    return Vault(provider, uuid.uuid4().hex[:10]).create(enableRbacAuthorization=False, accessPolicies=[{
        "objectId": provider.claims["oid"], "tenantId": provider.tenant,
        "permissions": {"certificates": RIGHTS, "keys": [], "secrets": [], "storage": []},
    }])  # fmt: skip


def policy(issuer: str, key: dict[str, Any], action: str = "AutoRenew") -> dict[str, Any]:
    """Give a policy as the provider writes it: it works out the size of an EC key, and sends lists that are empty."""
    size = key["key_size"] if "key_size" in key else CURVE_SIZES[key["crv"]]
    return {
        "issuer": {"name": issuer},
        "key_props": {"exportable": True, "reuse_key": True, **key, "key_size": size},
        "lifetime_actions": [{"action": {"action_type": action}, "trigger": {"days_before_expiry": 30}}],
        "secret_props": {"contentType": "application/x-pkcs12"},
        "x509_props": {
            "ekus": [],
            "key_usage": [
                "cRLSign", "dataEncipherment", "digitalSignature", "keyAgreement", "keyCertSign", "keyEncipherment"
            ],
            "sans": {},
            "subject": "CN=hello-world",
            "validity_months": 12,
        },
    }  # fmt: skip


def flattened(bundle: dict[str, Any]) -> dict[str, Any]:
    """Read a policy as the provider does, which ends where one of these members is not there."""
    policy = bundle["policy"]
    key, x509 = policy["key_props"], policy["x509_props"]
    return {
        "issuer": policy["issuer"]["name"],
        "key": (key.get("crv", ""), key["exportable"], key["key_size"], key["kty"], key["reuse_key"]),
        "form": policy["secret_props"]["contentType"],
        "usages": x509["key_usage"],
        "months": x509["validity_months"],
        "purposes": x509.get("ekus"),
    }


def created(provider: Provider, uri: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a certificate as `azurerm_key_vault_certificate` does: look, create, ask for its operation, read."""
    absent = provider.data("GET", f"{uri}certificates/{name}/")
    assert (absent.status, absent.error["code"]) == (404, "CertificateNotFound")
    assert provider.data("POST", f"{uri}certificates/{name}/create", {"policy": body, "tags": {}}).status == 202
    provider.world.settle()
    operation = provider.data("GET", f"{uri}certificates/{name}/pending").json
    unknown = operation["issuer"]["name"].lower() == "unknown"
    assert operation["status"] == ("inProgress" if unknown else "completed")
    bundle: dict[str, Any] = provider.data("GET", f"{uri}certificates/{name}/").json
    assert bundle["id"].startswith(f"{uri}certificates/{name}/")
    return bundle


@pytest.mark.parametrize(
    "key",
    [{"kty": "RSA", "key_size": 2048}, *({"kty": "EC", "crv": curve} for curve in CURVE_SIZES)],
    ids=lambda key: str(key.get("crv", key["kty"])),
)
def test_a_policy_is_read_as_it_was_written(provider: Provider, uri: str, name: str, key: dict[str, Any]) -> None:
    """The size of an EC key too, or the provider ends with a fault of its own, and plans the same again each time."""
    sent = policy("Self", key)
    bundle = created(provider, uri, name, sent)
    assert flattened(bundle) == flattened({"policy": sent})
    assert bundle["sid"] == bundle["id"].replace("/certificates/", "/secrets/")
    assert base64.b64decode(bundle["cer"], validate=True)
    assert len(base64.urlsafe_b64decode(bundle["x5t"] + "=")) == 20


def test_a_certificates_life(provider: Provider, uri: str, name: str) -> None:
    """Its lifetime action and tags change without a version; deleted, it is recovered when it is wanted again."""
    place = f"{uri}certificates/{name}"
    body = policy("Self", {"kty": "EC", "crv": "P-256"})
    first = created(provider, uri, name, body)
    actions = [{"action": {"action_type": "EmailContacts"}, "trigger": {"lifetime_percentage": 50}}]
    patch = {"policy": {"lifetime_actions": actions}, "tags": {"env": "test"}}
    changed = provider.data("PATCH", f"{place}/", patch)
    assert (changed.status, changed.json["id"], changed.json["tags"]) == (200, first["id"], {"env": "test"})
    assert changed.json["policy"]["lifetime_actions"] == actions
    assert flattened(changed.json) == flattened(first)

    assert provider.data("DELETE", place).status == 200
    assert provider.data("GET", f"{place}/").status == 404
    refused = provider.data("POST", f"{place}/create", {"policy": body, "tags": {}})
    assert (refused.status, refused.error["innererror"]["code"]) == (409, "ObjectIsDeletedButRecoverable")
    deleted = f"{uri}deletedcertificates/{name}"
    assert provider.data("POST", f"{deleted}/recover").json["id"] == first["id"]
    assert provider.data("POST", f"{place}/create", {"policy": body, "tags": {}}).status == 202
    provider.world.settle()

    assert provider.data("DELETE", place).status == 200
    assert provider.data("GET", deleted).status == 200
    assert provider.data("DELETE", deleted).status == 204
    assert provider.data("GET", deleted).status == 404


def test_one_that_is_signed_elsewhere(provider: Provider, uri: str, name: str) -> None:
    """It is there for the provider as soon as its request is, without a certificate."""
    bundle = created(provider, uri, name, policy("Unknown", {"kty": "EC", "crv": "P-384"}, "EmailContacts"))
    assert "cer" not in bundle
    assert flattened(bundle)["key"] == ("P-384", True, 384, "EC", True)


def test_one_that_is_brought_in(provider: Provider, uri: str, name: str) -> None:
    """In PEM, which the provider sends in base64 with a password that is empty; then the next one."""
    place = f"{uri}certificates/{name}"
    for count in (1, 2):
        value = base64.b64encode(in_pem(*self_signed(provider.world.clock())).encode()).decode()
        canary.remember(value)
        answer = provider.data("POST", f"{place}/import", {"value": value, "pwd": "", "tags": {}})
        assert answer.status == 200
        assert flattened(answer.json)["key"] == ("P-256", True, 256, "EC", False)
        assert len(provider.data("GET", f"{place}/versions").json["value"]) == count


def test_an_issuer(provider: Provider, uri: str, name: str) -> None:
    """`azurerm_key_vault_certificate_issuer`: looked for, set, read and removed."""
    place, password = f"{uri}certificates/issuers/{name}", canary.plant()
    assert provider.data("GET", place).status == 404
    admin = {"email": "admin@contoso.com", "first_name": "First", "last_name": "", "phone": ""}
    body = {
        "credentials": {"account_id": "0000", "pwd": password},
        "org_details": {"admin_details": [admin], "id": "ExampleOrgName"},
        "provider": "DigiCert",
    }
    assert provider.data("PUT", place, body).status == 200
    read = provider.data("GET", place).json
    assert (read["provider"], read["credentials"]["account_id"], read["org_details"]) == (
        "DigiCert",
        "0000",
        body["org_details"],
    )
    assert provider.data("PUT", place, {"org_details": {}, "provider": "GlobalSign"}).status == 200
    assert provider.data("DELETE", place).status == 200
    assert provider.data("GET", place).status == 404


def test_contacts(provider: Provider, uri: str) -> None:
    """`azurerm_key_vault_certificate_contacts`: looked for, set, changed with what was read, and removed."""
    place = f"{uri}certificates/contacts"
    assert provider.data("GET", place).status == 404
    contact = {"email": "example@example.com", "name": "", "phone": ""}
    assert provider.data("PUT", place, {"contacts": [contact]}).status == 200
    read = provider.data("GET", place).json
    assert read["contacts"] == [contact]
    assert provider.data("PUT", place, read | {"contacts": [contact, contact | {"name": "Other"}]}).status == 200
    assert provider.data("DELETE", place).status == 200
    assert provider.data("GET", place).status == 404
