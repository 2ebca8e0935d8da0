"""The rows of issuers and contacts (reference azure-key-vault.md section 3.3, operations.md section 7)."""

from __future__ import annotations

from strongroom.core.permissions import AnyOf, DataPermission
from strongroom.flow.operation import Op
from strongroom.vault import issuer_wire as wire
from strongroom.vault import issuers
from strongroom.vault.targets import on_vault

_CONTACTS = DataPermission("certificates", "managecontacts", "Microsoft.KeyVault/vaults/certificatecontacts/write")


def _issuers(word: str, action: str) -> AnyOf:
    """Name what an operation on issuers requires: the right of its own, or the one to all that is done to issuers."""
    data_action = f"Microsoft.KeyVault/vaults/certificatecas/{action}"
    return AnyOf(
        (
            DataPermission("certificates", word, data_action),
            DataPermission("certificates", "manageissuers", data_action),
        )
    )


_PATH = "/certificates/issuers/{issuer}"
_SET = _issuers("setissuers", "write")

ISSUER_ROWS: tuple[Op, ...] = (
    Op("CertificateIssuersList", "GET", "/certificates/issuers", _issuers("listissuers", "read"), issuers.list_issuers,
       on_vault),
    Op("CertificateIssuerGet", "GET", _PATH, _issuers("getissuers", "read"), issuers.get_issuer, on_vault),
    Op("CertificateIssuerSet", "PUT", _PATH, _SET, issuers.set_issuer, on_vault,
       body=wire.CertificateIssuerParameters),
    Op("CertificateIssuerUpdate", "PATCH", _PATH, _SET, issuers.update_issuer, on_vault,
       body=wire.CertificateIssuerParameters),
    Op("CertificateIssuerDelete", "DELETE", _PATH, _issuers("deleteissuers", "delete"), issuers.delete_issuer,
       on_vault),
    Op("CertificateContactsGet", "GET", "/certificates/contacts", _CONTACTS, issuers.get_contacts, on_vault),
    Op("CertificateContactsSet", "PUT", "/certificates/contacts", _CONTACTS, issuers.set_contacts, on_vault,
       body=wire.ContactsParameters),
    Op("CertificateContactsDelete", "DELETE", "/certificates/contacts", _CONTACTS, issuers.delete_contacts, on_vault),
)  # fmt: skip
