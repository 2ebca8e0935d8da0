"""The grammar of `strongroom vault`: see `commands`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from strongroom.cli.options import At, Data, Json, ResourceGroup, Subscription, Yes, tags_of

vault = App(name="vault", help="Make, list, change, delete, recover and purge vaults.")
Name = Annotated[str, Parameter(help="The vault's name.")]
Tag = Annotated[tuple[str, ...], Parameter(name="--tag", negative="", help="A tag, NAME=VALUE; may be repeated.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Settings:
    """A vault's settings; what is not said stays as it is, or has its default."""

    sku: Annotated[Literal["standard", "premium"] | None, Parameter(help="Standard or premium.")] = None
    rbac: Annotated[
        bool | None,
        Parameter(negative="--access-policies", help="Permissions by role assignments, or by access policies."),
    ] = None
    retention_days: Annotated[int | None, Parameter(help="How long what is deleted is kept: 7 to 90.")] = None
    purge_protection: Annotated[
        bool | None, Parameter(negative="", help="Let nobody purge before that; it cannot be turned off again.")
    ] = None
    public_network_access: Annotated[
        Literal["Enabled", "Disabled"] | None, Parameter(help="Disabled leaves private endpoints alone.")
    ] = None
    default_action: Annotated[
        Literal["Allow", "Deny"] | None, Parameter(help="What the firewall does with whom no rule lets in.")
    ] = None
    bypass: Annotated[
        Literal["AzureServices", "None"] | None, Parameter(help="Whether trusted services pass the firewall.")
    ] = None
    for_deployment: Annotated[bool | None, Parameter(help="Virtual machines may read certificates.")] = None
    for_disk_encryption: Annotated[bool | None, Parameter(help="Disk encryption may use it.")] = None
    for_template_deployment: Annotated[bool | None, Parameter(help="Template deployments may read secrets.")] = None

    def properties(self) -> dict[str, Any]:
        """Give them as Resource Manager calls them."""
        said = {
            "sku": None if self.sku is None else {"family": "A", "name": self.sku},
            "enableRbacAuthorization": self.rbac,
            "softDeleteRetentionInDays": self.retention_days,
            "enablePurgeProtection": self.purge_protection,
            "publicNetworkAccess": self.public_network_access,
            "enabledForDeployment": self.for_deployment,
            "enabledForDiskEncryption": self.for_disk_encryption,
            "enabledForTemplateDeployment": self.for_template_deployment,
            "networkAcls": _given({"defaultAction": self.default_action, "bypass": self.bypass}) or None,
        }
        return _given(said)


def _given(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


_NOTHING = Settings()


@vault.command(name="list")
def vault_list(
    *, data: Data = None, subscription: Subscription = None, resource_group: ResourceGroup = None, json: Json = False
) -> int:
    """Print the vaults that you may read."""
    from strongroom.cli.remote import vaults as command  # noqa: PLC0415  each command loads what it needs

    return command.list_vaults(At(data, subscription, resource_group), as_json=json)


@vault.command(name="show")
def vault_show(
    name: Name,
    *,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Print a vault's settings."""
    from strongroom.cli.remote import vaults as command  # noqa: PLC0415  each command loads what it needs

    return command.show_vault(At(data, subscription, resource_group), name, as_json=json)


@vault.command(name="create")
def vault_create(
    name: Name,
    *,
    location: Annotated[str | None, Parameter(help="Its location (default: the resource group's).")] = None,
    settings: Settings = _NOTHING,
    tag: Tag = (),
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Make a vault. Permissions are by role assignments, unless --access-policies says otherwise."""
    from strongroom.cli.remote import vaults as command  # noqa: PLC0415  each command loads what it needs

    at = At(data, subscription, resource_group)
    return command.create_vault(at, name, location, settings.properties(), tags_of(tag), as_json=json)


@vault.command(name="update")
def vault_update(
    name: Name,
    *,
    settings: Settings = _NOTHING,
    tag: Tag = (),
    no_tags: Annotated[bool, Parameter(negative="", help="Take every tag away.")] = False,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Change a vault's settings. Tags that are given replace those there were."""
    from strongroom.cli.remote import vaults as command  # noqa: PLC0415  each command loads what it needs

    at = At(data, subscription, resource_group)
    tags = tags_of(tag) if tag or no_tags else None
    return command.update_vault(at, name, settings.properties(), tags, as_json=json)


@vault.command(name="delete")
def vault_delete(
    name: Name,
    *,
    yes: Yes = False,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Delete a vault. It can be recovered for as long as it is retained."""
    from strongroom.cli.remote import vaults as command  # noqa: PLC0415  each command loads what it needs

    return command.delete_vault(At(data, subscription, resource_group), name, yes=yes, as_json=json)


@vault.command(name="list-deleted")
def vault_list_deleted(*, data: Data = None, subscription: Subscription = None, json: Json = False) -> int:
    """Print the deleted vaults, and when each is purged."""
    from strongroom.cli.remote import vaults as command  # noqa: PLC0415  each command loads what it needs

    return command.list_deleted_vaults(At(data, subscription), as_json=json)


@vault.command(name="recover")
def vault_recover(name: Name, *, data: Data = None, subscription: Subscription = None, json: Json = False) -> int:
    """Bring a deleted vault back, with all that was in it."""
    from strongroom.cli.remote import vaults as command  # noqa: PLC0415  each command loads what it needs

    return command.recover_vault(At(data, subscription), name, as_json=json)


@vault.command(name="purge")
def vault_purge(
    name: Name, *, yes: Yes = False, data: Data = None, subscription: Subscription = None, json: Json = False
) -> int:
    """Remove a deleted vault for good."""
    from strongroom.cli.remote import vaults as command  # noqa: PLC0415  each command loads what it needs

    return command.purge_vault(At(data, subscription), name, yes=yes, as_json=json)
