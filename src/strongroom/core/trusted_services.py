"""
Azure's trusted services: which there are, and what a vault must allow besides (reference azure-key-vault.md section 2).

Here nobody is one by being called so: the operator says which service principal is which, and for which operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.core.networks import DeploymentFlag


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a trusted service is trusted for."""

    flag: DeploymentFlag | None = None
    """The vault's setting without which it is no trusted service to that vault."""
    label: str | None = None
    """What it is called where it is refused, if not by its name."""


_ANY = Scenario()

SERVICES: Mapping[str, Scenario] = {
    "Azure AI Search": _ANY,
    "Azure API Management": _ANY,
    "Azure App Service": _ANY,
    "Azure Application Gateway": _ANY,
    "Azure Backup": _ANY,
    "Azure Batch": _ANY,
    "Azure Bot Service": _ANY,
    "Azure CDN": _ANY,
    "Azure Container Registry": _ANY,
    "Azure Data Factory": _ANY,
    "Azure Data Lake Store": _ANY,
    "Azure Data Manager for Agriculture": _ANY,
    "Azure Database for MySQL Flexible Server": _ANY,
    "Azure Database for MySQL Single Server": _ANY,
    "Azure Database for PostgreSQL Flexible Server": _ANY,
    "Azure Database for PostgreSQL Single Server": _ANY,
    "Azure Databricks": _ANY,
    "Azure Disk Encryption": Scenario(DeploymentFlag.DISK_ENCRYPTION),
    "Azure Disk Storage": _ANY,
    "Azure Event Hubs": _ANY,
    "Azure ExpressRoute Direct": _ANY,
    "Azure Firewall Premium": _ANY,
    "Azure Front Door Classic": _ANY,
    "Azure Front Door Premium": _ANY,
    "Azure Front Door Standard": _ANY,
    "Azure Import/Export": _ANY,
    "Azure Information Protection": _ANY,
    "Azure Machine Learning": _ANY,
    "Azure Monitor": _ANY,
    "Azure NetApp Files": _ANY,
    "Azure Policy": _ANY,
    "Azure Resource Manager template deployment": Scenario(DeploymentFlag.TEMPLATE_DEPLOYMENT, "ARM"),
    "Azure SQL Database": _ANY,
    "Azure Service Bus": _ANY,
    "Azure Storage": _ANY,
    "Azure Synapse Analytics": _ANY,
    "Azure Virtual Machines deployment": Scenario(DeploymentFlag.DEPLOYMENT),
    "Exchange Online": _ANY,
    "Microsoft 365 Customer Key": _ANY,
    "Microsoft Power Platform": _ANY,
    "Microsoft Purview": _ANY,
    "SharePoint Online": _ANY,
}
"""The reference's list, each with the setting that its scenario needs."""

_BY_WORD = {name.casefold(): name for name in SERVICES}


def find_service(name: str) -> str | None:
    """Find a service of the list by its name, in whatever case; None if it is none."""
    return _BY_WORD.get(name.casefold())


def label_of(service: str) -> str:
    """Say what a service is called where it is refused."""
    scenario = SERVICES.get(service)
    return service if scenario is None or scenario.label is None else scenario.label
