"""
Cloud metadata: where a tool finds the other parts of the service (reference clients.md sections 4 and 5).

`az cloud register` and the Terraform providers take everything from here. From 2022-09-01 on the answer is one object,
before that a list of one. Parts that are not served have names under our own domain, never Azure's.
"""

from __future__ import annotations

from typing import Any

from strongroom.arm.documents import domain_of
from strongroom.core.names import (
    AZURE_VAULT_DOMAIN,
    CLASSIC_MANAGEMENT_RESOURCE,
    GRAPH_RESOURCE,
    LOGIN_AUTHORITY,
    MANAGEMENT_RESOURCE,
)
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response

_ONE_OBJECT_SINCE = "2022-09-01"


async def get_cloud_metadata(call: Call) -> Response:
    """Answer with the endpoints of the cloud that the client asked in."""
    cloud = describe_cloud(call.base)
    return json.response(cloud if call.api_version[:10] >= _ONE_OBJECT_SINCE else [cloud])


def describe_cloud(base: str) -> dict[str, Any]:
    """Describe the cloud whose management endpoint is *base*."""
    if base == MANAGEMENT_RESOURCE:
        return _describe("AzureCloud", "azure.com", LOGIN_AUTHORITY, f"{GRAPH_RESOURCE}/", base, AZURE_VAULT_DOMAIN)
    domain = domain_of(base)
    return _describe(
        "Strongroom",
        domain,
        f"https://login.{domain}",
        f"https://graph.{domain}/",
        base,
        f"vault.{domain}",
    )


def _describe(name: str, domain: str, login: str, graph: str, management: str, vaults: str) -> dict[str, Any]:
    return {
        "name": name,
        "portal": f"https://portal.{domain}",
        "authentication": {
            # No slash at the end: Terraform's provider appends the tenant with one of its own.
            "loginEndpoint": login,
            "audiences": [f"{management}/", f"{MANAGEMENT_RESOURCE}/", f"{CLASSIC_MANAGEMENT_RESOURCE}/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "graphAudience": graph,
        "graph": graph,
        "microsoftGraphResourceId": graph,
        "resourceManager": f"{management}/",
        "gallery": f"https://gallery.{domain}/",
        "media": f"https://media.{domain}",
        "batch": f"https://batch.{domain}/",
        "suffixes": {
            "keyVaultDns": vaults,
            "mhsmDns": vaults.replace("vault", "managedhsm", 1),
            "storage": f"core.{domain}",
            "acrLoginServer": f"azurecr.{domain}",
            "sqlServerHostname": f"database.{domain}",
        },
    }
