"""The templates of Azure's portal for access policies: permissions by purpose (reference section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_KEYS = (
    "get",
    "list",
    "update",
    "create",
    "import",
    "delete",
    "recover",
    "backup",
    "restore",
    "getrotationpolicy",
    "setrotationpolicy",
    "rotate",
)
_SECRETS = ("get", "list", "set", "delete", "recover", "backup", "restore")
_CERTIFICATES = (
    "get",
    "list",
    "update",
    "create",
    "import",
    "delete",
    "recover",
    "backup",
    "restore",
    "managecontacts",
    "manageissuers",
    "getissuers",
    "listissuers",
    "setissuers",
    "deleteissuers",
)
_WRAPPING = ("get", "list", "unwrapKey", "wrapKey")

TEMPLATES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "Key, Secret, & Certificate Management": {"keys": _KEYS, "secrets": _SECRETS, "certificates": _CERTIFICATES},
    "Key & Secret Management": {"keys": _KEYS, "secrets": _SECRETS},
    "Secret & Certificate Management": {"secrets": _SECRETS, "certificates": _CERTIFICATES},
    "Key Management": {"keys": _KEYS},
    "Secret Management": {"secrets": _SECRETS},
    "Certificate Management": {"certificates": _CERTIFICATES},
    "SQL Server Connector": {"keys": _WRAPPING},
    "Exchange Online Customer Key": {"keys": _WRAPPING},
    "SharePoint Online Customer Key": {"keys": _WRAPPING},
    "Azure Data Lake Storage or Azure Storage": {"keys": ("get", "list", "unwrapKey")},
    "Azure Backup": {"keys": ("get", "list", "backup"), "secrets": ("get", "list", "backup")},
    "Azure Information BYOK": {"keys": ("get", "decrypt", "sign")},
})  # fmt: skip
"""What each template gives, by category and in ARM's spelling: the `permissions` of an access policy."""
