"""A vault's settings, as ARM's vault resource has them (reference azure-key-vault.md sections 2, 3.1, 3.2, 4.6)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from strongroom.core.network import NetworkAcls, PublicNetworkAccess
from strongroom.core.records import INSTANCE, Record, record, vault_partition


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """
    One access-policy entry: what one principal may do, all object kinds together.

    With `application_id` the entry is compound: it matches only the user `object_id` acting through that confidential
    application (reference section 3.2; security.md "Tokens and sign-in"). Permission words are kept in lower case, each
    once, in the order in which they were given: Azure tells them so, and Terraform takes another order for a change.
    """

    tenant_id: str
    object_id: str
    application_id: str | None = None
    keys: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()


@record
@dataclass(frozen=True, slots=True)
class Vault(Record):
    """
    A vault: its place in ARM, its rules, and the wrapped key that everything in it is sealed under.

    `id` is a GUID made at creation, never the name: a name can be given to another vault later.
    """

    KIND: ClassVar[str] = "vault"
    id: str
    tenant: str
    subscription: str
    resource_group: str
    name: str
    location: str
    created: int
    wrapped_key: bytes = field(repr=False)
    sku: str = "standard"
    rbac: bool | None = True
    """`enableRbacAuthorization`: true means role assignments only; false and null mean access policies only."""
    access_policies: tuple[AccessPolicy, ...] = ()
    network_acls: NetworkAcls | None = None
    public_network_access: PublicNetworkAccess = PublicNetworkAccess.ENABLED
    retention_days: int = 90
    retention_said: bool = True
    """Whether anybody said it: Azure shows only what was said."""
    purge_protection: bool = False
    enabled_for_deployment: bool = False
    enabled_for_disk_encryption: bool | None = None
    enabled_for_template_deployment: bool | None = None
    """None, here and above, means that nobody said so; it forbids, exactly as false does."""
    tags: dict[str, str] = field(default_factory=dict)
    updated: int = 0
    created_by: str = ""
    """The object id of who made the vault."""
    updated_by: str = ""
    """The object id of who last changed it."""
    deleted: int | None = None
    purge_at: int | None = None

    def is_but_for_admission(self, other: Vault) -> bool:
        """Tell whether *other* is this vault but for whom its access policies and its firewall let in."""
        return self == replace(
            other,
            access_policies=self.access_policies,
            network_acls=self.network_acls,
            public_network_access=self.public_network_access,
            updated=self.updated,
            updated_by=self.updated_by,
        )

    @property
    def partition(self) -> str:
        """Its own."""
        return vault_partition(self.id)

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called."""
        # Held while soft-deleted too: the host name stays taken until the vault is purged.
        return (f"vault:{self.name.lower()}",)

    @property
    def scope(self) -> str:
        """The ARM id, which is also the scope of rights over the vault."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.KeyVault/vaults/{self.name}"
        )


@record
@dataclass(frozen=True, slots=True)
class LeftContents(Record):
    """
    A vault that was purged and of whose contents rows are yet to be removed.

    Nobody can read them: the key that they are sealed under went with the vault.
    """

    KIND: ClassVar[str] = "left_contents"
    id: str
    """The vault's."""

    @property
    def partition(self) -> str:
        """The instance's own: the vault is gone."""
        return INSTANCE
