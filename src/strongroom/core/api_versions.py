"""
API versions: which ones there are, in the order they came, and what is said of a missing or unknown one.

Sources: reference azure-key-vault.md sections 1.7 and 3.1, operations.md section 1, security.md "Corrections". Of
previews the one is served that Azure CLI uses keys by, and the other choices are in ADR 0014.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from strongroom.core.echo import API_VERSION, shown
from strongroom.core.errors import Invalid

DATA_PLANE: tuple[str, ...] = (
    "2015-06-01",
    "2016-10-01",
    "7.0",
    "7.1",
    "7.2",
    "7.3",
    "7.4",
    "7.5",
    "7.6-preview.2",
    "7.6",
    "2025-07-01",
    "2026-04-01",
)
"""The data plane's versions in the order of their introduction, which no comparison of their texts gives."""

LATEST = DATA_PLANE[-1]
SOFT_DELETE_SINCE = "2016-10-01"
"""Deleted objects, recovery levels and backups appear with this version."""
RECOVERABLE_DAYS_SINCE = "7.1"
"""`recoverableDays` appears with this version."""
EXPORTABLE_SINCE = "7.3"
"""`exportable` and release policies of keys appear with this version."""
RANDOM_BYTES_SINCE = "7.3"
"""Random bytes appear with this version."""
HSM_PLATFORM_SINCE = "7.5"
"""`hsmPlatform` of keys appears with this version."""
ATTESTATION_SINCE = "7.6"
"""The attestation of keys appears with this version."""
CERTIFICATE_ORDER_SINCE = "7.6"
"""`preserveCertOrder` of certificates appears with this version (official Python client, certificates 4.10)."""
CERTIFICATE_NAMES_SINCE = "2025-07-01"
"""`uris` and `ipAddresses` of certificates appear with this version (official Python client, certificates 4.11)."""
PLATFORM_MANAGED_SINCE = "2026-04-01"
"""`platformManaged` of certificates' policies appears with this version (official Python client, certificates 4.12)."""
CERTIFICATE_LINKS_SINCE = "2025-07-01"
"""`outContentType` and `previousVersion` appear with this version (official Python client, secrets 4.12)."""

_ORDER: Mapping[str, int] = {version: place for place, version in enumerate(DATA_PLANE)}


def at_least(version: str, since: str) -> bool:
    """Tell whether data-plane *version* is *since* or came after it. Both must be in `DATA_PLANE`."""
    return _ORDER[version] >= _ORDER[since]


def parse_data_plane(version: str) -> str:
    """
    Read the `api-version` of a data-plane request, which is empty where its query has none.

    Raises:
        Invalid: it is missing, or not one of `DATA_PLANE`.
    """
    if not version:
        raise Invalid("The api-version query parameter is required.", code="BadParameter")
    if version not in _ORDER:
        raise Invalid(
            f"The specified version ({shown(version, API_VERSION)}) is not recognized. Consider using the latest"
            f" supported version ({LATEST}).",
            code="BadParameter",
        )
    return version


# ---- ARM ------------------------------------------------------------------------------------------------------------

KEY_VAULT_ARM: tuple[str, ...] = (
    "2015-06-01",
    "2016-10-01",
    "2018-02-14",
    "2019-09-01",
    "2021-10-01",
    "2022-07-01",
    "2022-11-01",
    "2023-02-01",
    "2023-07-01",
    "2024-11-01",
    "2025-05-01",
    "2026-02-01",
    "2026-05-15",
)
"""Versions of the resource provider Microsoft.KeyVault, oldest first."""

OTHER_ARM: Mapping[str, tuple[str, ...]] = {
    "microsoft.authorization": ("2018-01-01-preview", "2020-05-01", "2022-04-01", "2022-05-01-preview"),
    "microsoft.eventgrid": ("2021-10-15-preview", "2022-06-15", "2025-02-15"),
    "microsoft.hybridcompute": ("2022-12-27", "2024-07-10"),
    "microsoft.insights": ("2015-04-01", "2021-05-01-preview"),
    "microsoft.managedidentity": ("2018-11-30", "2023-01-31", "2024-11-30"),
    "microsoft.management": ("2020-05-01", "2021-04-01", "2023-04-01"),
    "microsoft.network": ("2022-07-01", "2023-09-01", "2024-05-01"),
    "microsoft.policyinsights": ("2022-03-01", "2023-03-01", "2024-10-01"),
    "microsoft.resources": ("2019-10-01", "2021-04-01", "2022-09-01", "2022-12-01", "2024-11-01"),
}
"""Versions of the other providers that their own clients ask for, oldest first. Others are served as well."""

_NO_LIST = ("2024-01-01",)
"""What is said of a provider that is ours alone."""

RBAC_DEFAULT_SINCE = "2026-02-01"
_ARM_VERSION = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:-[a-z][a-z0-9.-]{0,31})?", re.ASCII)


def parse_arm(version: str, *, provider: str = "", resource_type: str = "", location: str = "") -> str:
    """
    Read the `api-version` of an ARM request, which is empty where its query has none.

    Microsoft.KeyVault's versions are a list. Elsewhere any well-formed version is served as the newest we know, since
    tools ask for many and nothing we answer differs between them (reference clients.md section 4).

    Raises:
        Invalid: it is missing, malformed, or unknown to Microsoft.KeyVault.
    """
    if not version:
        raise Invalid(
            "The api-version query parameter (?api-version=) is required for all requests.",
            code="MissingApiVersionParameter",
        )
    if _ARM_VERSION.fullmatch(version) is None:
        raise Invalid(
            f"The api-version '{shown(version, API_VERSION)}' is invalid. The supported versions are"
            f" '{','.join(reversed(arm_versions(provider)))}'.",
            code="InvalidApiVersionParameter",
        )
    if provider.lower() == "microsoft.keyvault" and version not in KEY_VAULT_ARM:
        raise Invalid(
            f"No registered resource provider found for location '{location}' and API version"
            f" '{shown(version, API_VERSION)}' for type '{resource_type}'. The supported api-versions are"
            f" '{', '.join(KEY_VAULT_ARM)}'. The supported locations are '{location}'.",
            code="NoRegisteredProviderFound",
        )
    return version


def arm_versions(provider: str) -> tuple[str, ...]:
    """List the versions that a provider is known to have, oldest first."""
    return KEY_VAULT_ARM if provider.lower() == "microsoft.keyvault" else OTHER_ARM.get(provider.lower(), _NO_LIST)


def defaults_to_rbac(version: str) -> bool:
    """Tell whether a vault made with this ARM version, and without saying, uses role assignments (section 3.1)."""
    # Dates in this form sort as text.
    return version[:10] >= RBAC_DEFAULT_SINCE
