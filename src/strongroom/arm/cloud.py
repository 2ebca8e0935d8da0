"""
Cloud metadata: where a tool finds the other parts of the service (reference clients.md sections 4 and 5).

`az cloud register` and the Terraform providers take everything from here. From 2022-09-01 on the answer is one object,
before that a list of one. Parts that are not served have names under our own domain, never Azure's.
"""

from __future__ import annotations

from typing import Any

from strongroom.core.names import CLASSIC_MANAGEMENT_RESOURCE, MANAGEMENT_RESOURCE, Site, Surface
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response

_ONE_OBJECT_SINCE = "2022-09-01"


async def get_cloud_metadata(call: Call) -> Response:
    """Answer with the endpoints of the cloud that the client asked in."""
    cloud = describe_cloud(call.the_site)
    return json.response(cloud if call.api_version[:10] >= _ONE_OBJECT_SINCE else [cloud])


def describe_cloud(site: Site) -> dict[str, Any]:
    """Describe the cloud whose management endpoint is *site*."""
    management, graph = site.beside(Surface.MANAGEMENT), f"{site.beside(Surface.GRAPH)}/"
    vaults = site.netloc_beside(Surface.VAULT)
    domain = "azure.com" if site.azure else vaults.removeprefix(f"{Surface.VAULT.value}.")
    return {
        "name": "AzureCloud" if site.azure else "Strongroom",
        "portal": f"https://portal.{domain}",
        "authentication": {
            # No slash at the end: Terraform's provider appends the tenant with one of its own.
            "loginEndpoint": site.beside(Surface.LOGIN),
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
