"""`strongroom vault`: vaults, and deleted ones, through Resource Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import confirm
from strongroom.cli.remote.near import not_found
from strongroom.cli.remote.output import Columns, done, progress, show, show_one, yes_or_no
from strongroom.cli.remote.resource_groups import find_group
from strongroom.cli.remote.session import Session, open_session, segment
from strongroom.core import limits

VERSION = "2024-11-01"
_PROVIDER = "providers/Microsoft.KeyVault"


def group_of(row: Mapping[str, Any]) -> str:
    """Give the resource group that an id lies in."""
    parts = str(row["id"]).split("/")
    return parts[4] if len(parts) > 4 else ""


def _model(row: Mapping[str, Any]) -> str:
    return "roles" if row["properties"].get("enableRbacAuthorization") else "access policies"


def _network(row: Mapping[str, Any]) -> str:
    properties = row["properties"]
    if properties.get("publicNetworkAccess") == "Disabled":
        return "private endpoints alone"
    rules = properties.get("networkAcls") or {}
    if rules.get("defaultAction", "Allow") == "Allow":
        return "everybody"
    return f"{len(rules.get('ipRules') or ())} addresses, {len(rules.get('virtualNetworkRules') or ())} subnets"


_LIST: Columns = {
    "name": "name",
    "group": group_of,
    "location": "location",
    "sku": "properties.sku.name",
    "permissions": _model,
    "network": _network,
}
_ONE: Columns = {
    "name": "name",
    "id": "id",
    "url": "properties.vaultUri",
    "location": "location",
    "sku": "properties.sku.name",
    "permissions": _model,
    "access policies": lambda row: len(row["properties"].get("accessPolicies") or ()) or None,
    "public network access": "properties.publicNetworkAccess",
    "network": _network,
    # Resource Manager leaves out what nobody said.
    "retention days": lambda row: row["properties"].get("softDeleteRetentionInDays", limits.RETENTION_MAX_DAYS),
    "purge protection": lambda row: yes_or_no(bool(row["properties"].get("enablePurgeProtection"))),
    "for deployment": "properties.enabledForDeployment",
    "for disk encryption": lambda row: row["properties"].get("enabledForDiskEncryption", False),
    "for templates": lambda row: row["properties"].get("enabledForTemplateDeployment", False),
    "tags": "tags",
}
_DELETED: Columns = {
    "name": "name",
    "group": lambda row: group_of({"id": row["properties"]["vaultId"]}),
    "location": "properties.location",
    "deleted": "properties.deletionDate",
    "purged on": "properties.scheduledPurgeDate",
    "purge protection": lambda row: yes_or_no(bool(row["properties"].get("purgeProtectionEnabled"))),
}


def list_vaults(at: At, *, as_json: bool) -> int:
    """
    Print the vaults of a subscription, or of a group in it, that the operator may read.

    Raises:
        Halt: the service cannot be asked, or refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        return show(_vaults(session, at.group), _LIST, as_json=as_json)


def show_vault(at: At, name: str, *, as_json: bool) -> int:
    """
    Print one vault.

    Raises:
        Halt: there is none of that name, or the service refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        return show_one(find_vault(session, name, at.group), _ONE, as_json=as_json)


def create_vault(
    at: At, name: str, location: str | None, properties: Mapping[str, Any], tags: Mapping[str, str], *, as_json: bool
) -> int:
    """
    Make a vault, with permissions by role assignments unless the properties say otherwise.

    Raises:
        Halt: the name is taken, or the service refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        session.endpoints.vault(name)
        group = find_group(session, at.group)
        if name.lower() in {one["name"].lower() for one in _vaults(session, None)}:
            # PUT would change it, which is not what was asked for.
            raise Halt(f"there is a vault {name} already: strongroom vault update changes it")
        body = {
            "location": location or group["location"],
            "tags": dict(tags),
            "properties": {
                "tenantId": session.tenant,
                "sku": {"family": "A", "name": "standard"},
                "accessPolicies": [],
                "enableRbacAuthorization": True,
                **properties,
            },
        }
        with progress(f"making {name}"):
            made = session.arm("PUT", f"{group['id']}/{_PROVIDER}/vaults/{segment(name)}", body, api_version=VERSION)
        return show_one(made, _ONE, as_json=as_json)


def update_vault(
    at: At, name: str, properties: Mapping[str, Any], tags: Mapping[str, str] | None, *, as_json: bool
) -> int:
    """
    Change what is said of a vault's settings; tags are replaced as a whole.

    Raises:
        Halt: there is none of that name, nothing is said, or the service refuses.
    """
    if not properties and tags is None:
        raise Halt("say what is to be changed: strongroom vault update --help lists it", Exit.USAGE)
    with open_session(at.data, subscription=at.subscription) as session:
        changed = change_vault(session, find_vault(session, name, at.group), properties, tags)
        return show_one(changed, _ONE, as_json=as_json)


def delete_vault(at: At, name: str, *, yes: bool, as_json: bool) -> int:
    """
    Delete a vault; it can be recovered for as long as it is retained.

    Raises:
        Halt: it is not confirmed, there is none, or the service refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        vault = find_vault(session, name, at.group)
        confirm(f"Delete the vault {vault['name']}, with all that is in it?", yes=yes)
        with progress(f"deleting {name}"):
            session.arm("DELETE", vault["id"], api_version=VERSION)
    sentence = f"{vault['name']} is deleted; strongroom vault recover {vault['name']} brings it back"
    return done(sentence, as_json=as_json, id=vault["id"], name=vault["name"], deleted=True)


def list_deleted_vaults(at: At, *, as_json: bool) -> int:
    """
    Print the deleted vaults of a subscription.

    Raises:
        Halt: the service cannot be asked, or refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        return show(_deleted(session), _DELETED, as_json=as_json)


def recover_vault(at: At, name: str, *, as_json: bool) -> int:
    """
    Bring a deleted vault back, with all that was in it.

    Raises:
        Halt: there is no deleted vault of that name, or the service refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        properties = _find_deleted(session, name)["properties"]
        body = {
            "location": properties["location"],
            "tags": properties["tags"],
            "properties": {
                "tenantId": session.tenant,
                "sku": {"family": "A", "name": "standard"},
                "createMode": "recover",
            },
        }
        with progress(f"recovering {name}"):
            vault = session.arm("PUT", properties["vaultId"], body, api_version=VERSION)
        return show_one(vault, _ONE, as_json=as_json)


def purge_vault(at: At, name: str, *, yes: bool, as_json: bool) -> int:
    """
    Remove a deleted vault for good.

    Raises:
        Halt: it is not confirmed, it is protected, or the service refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        deleted = _find_deleted(session, name)
        confirm(f"Purge the vault {deleted['name']}? Nothing brings back what is in it.", yes=yes)
        with progress(f"purging {name}"):
            session.arm("POST", f"{deleted['id']}/purge", api_version=VERSION)
    return done(f"{deleted['name']} is purged", as_json=as_json, name=deleted["name"], purged=True)


# ---- for other groups of commands -----------------------------------------------------------------------------------


def find_vault(session: Session, name: str, group: str | None = None) -> dict[str, Any]:
    """
    Find a vault by its name, whatever its group.

    Raises:
        Halt: there is none that the operator sees; the message says which names are near.
    """
    vaults = _vaults(session, group)
    found = next((one for one in vaults if one["name"].lower() == name.lower()), None)
    if found is None:
        raise not_found("vault", name, (one["name"] for one in vaults))
    return found


def vault_names(session: Session) -> list[str]:
    """List the names of the vaults that the operator sees."""
    return [one["name"] for one in _vaults(session, None)]


def change_vault(
    session: Session, vault: Mapping[str, Any], properties: Mapping[str, Any], tags: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """
    Change a vault's settings, and give it as it is then.

    Raises:
        Refused: the service refuses.
    """
    body = {"properties": dict(properties), **({} if tags is None else {"tags": dict(tags)})}
    changed: dict[str, Any] = session.arm("PATCH", vault["id"], body, api_version=VERSION)
    return changed


# ---- how ------------------------------------------------------------------------------------------------------------


def _vaults(session: Session, group: str | None) -> list[dict[str, Any]]:
    at = f"/subscriptions/{session.subscription}"
    within = f"/resourceGroups/{segment(group)}" if group is not None else ""
    return list(session.arm_pages(f"{at}{within}/{_PROVIDER}/vaults", api_version=VERSION))


def _deleted(session: Session) -> list[dict[str, Any]]:
    path = f"/subscriptions/{session.subscription}/{_PROVIDER}/deletedVaults"
    return list(session.arm_pages(path, api_version=VERSION))


def _find_deleted(session: Session, name: str) -> dict[str, Any]:
    deleted = _deleted(session)
    found = next((one for one in deleted if one["name"].lower() == name.lower()), None)
    if found is None:
        raise not_found("deleted vault", name, (one["name"] for one in deleted))
    return found
