"""Vaults: made, read, changed, deleted, recovered, purged, listed; and their access policies."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.arm import wire
from strongroom.arm.containers import listed_group, the_group, the_subscription
from strongroom.arm.documents import show_deleted_vault, show_policies, show_vault
from strongroom.arm.paging import page
from strongroom.arm.polling import KEY_VAULT_PLACE, accepted
from strongroom.arm.rights import can, model_switch_gate, require_linked_right
from strongroom.arm.vault_body import CreateMode, read_change, read_create_mode, read_policies
from strongroom.core.api_versions import defaults_to_rbac
from strongroom.core.echo import LOCATION, shown
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.guids import new_guid
from strongroom.core.names import parse_vault_name
from strongroom.core.network import NetworkAcls
from strongroom.core.resources import ResourceGroup
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.flow.guardrails import guard_vault
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects.doomed_keys import doom_keys_of, find_keys_of
from strongroom.resources.access_policies import PolicyOperation, update_access_policies
from strongroom.resources.lookup import (
    deleted_vault_not_found,
    find_deleted_vault,
    find_vault,
    is_in,
    is_recoverable,
    require_active,
    vault_of,
)
from strongroom.resources.tracked import parse_location
from strongroom.resources.vault_settings import VaultChange, parse_word
from strongroom.resources.vault_subnets import added_subnets
from strongroom.resources.vaults import (
    create_vault,
    delete_vault,
    name_deleted,
    name_taken,
    purge_vault,
    recover_vault,
    remove_expired,
    update_vault,
)
from strongroom.store import Transaction

JOIN_SERVICE = "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action"
READ_VAULT = "Microsoft.KeyVault/vaults/read"


async def get_vault(call: Call) -> Response:
    """Get a vault."""
    return _answer(call, the_vault(call))


async def put_vault(call: Call) -> Response:
    """Make a vault, change one, or bring a deleted one back, as `createMode` and what there is say."""
    body = await call.body(wire.VaultCreateOrUpdateParameters)
    group, name = the_group(call), parse_vault_name(call.params["vault"])
    if read_create_mode(body.properties) is CreateMode.RECOVER:
        return await _recover(call, group, name, body.tags or {})
    location = parse_location(body.location or "")
    change = read_change(
        body.properties,
        body.tags or {},
        tenant=group.tenant,
        whole=True,
        extended_ip_rules=call.world.settings.extended_ip_rules,
    )
    known = call.world.view.vault_by_name(name)
    if known is not None and known.deleted is None and is_in(known, group):
        if known.location != location:
            raise Conflict(
                f"The resource '{known.name}' already exists in location '{known.location}' in resource group"
                f" '{group.name}'. A resource with the same name cannot be created in location"
                f" '{shown(location, LOCATION)}'. Please"
                " select a new resource name.",
                code="InvalidResourceLocation",
            )
        return await _change(call, known, change)
    return await _create(call, group, name, location, change, known)


async def patch_vault(call: Call) -> Response:
    """Change those settings of a vault that are given."""
    body = await call.body(wire.VaultPatchParameters)
    vault = the_vault(call)
    properties = body.properties or wire.VaultProperties()
    if read_create_mode(properties) is CreateMode.RECOVER:
        raise Invalid("A deleted vault is recovered by PUT, not by PATCH.", code="BadRequest")
    change = read_change(
        properties,
        body.tags,
        tenant=vault.tenant,
        whole=False,
        extended_ip_rules=call.world.settings.extended_ip_rules,
    )
    return await _change(call, vault, change)


async def remove_vault(call: Call) -> Response:
    """Put a vault into the deleted state: 200, or 204 if there is none."""
    vault = find_vault(call.world.view, the_group(call), call.params["vault"])
    if vault is None:
        return Response(204, content_type=None)

    async def change(tx: Transaction) -> Vault:
        return await delete_vault(tx, vault, now=call.now)

    await call.commit(change, lambda deleted: {"vaultIds": [deleted.id], "scheduledPurgeDate": deleted.purge_at})
    return Response(200, content_type=None)


async def put_access_policies(call: Call) -> Response:
    """Add, replace or remove access policies."""
    operation = parse_word(PolicyOperation, call.params["operation"], "operationKind")
    body = await call.body(wire.VaultAccessPolicyParameters)
    vault, entries = the_vault(call), read_policies(body.properties.access_policies)

    async def change(tx: Transaction) -> Vault:
        return await update_access_policies(tx, vault, operation, entries, now=call.now, by=call.identity.oid)

    named = [entry.object_id for entry in entries]
    changed = await call.commit(change, lambda _: {"operationKind": operation, "accessPolicyObjectIds": named})
    return json.response(show_policies(changed))


# ---- lists ----------------------------------------------------------------------------------------------------------


async def list_vaults(call: Call) -> Response:
    """List the vaults of a subscription, or of a group in it, that the caller may read."""
    parent, group = the_subscription(call), listed_group(call)
    vaults = (
        vault
        for vault in call.world.view.vaults()
        if vault.subscription == parent.id
        and vault.deleted is None
        and (group is None or vault.resource_group.lower() == group)
        and can(call, READ_VAULT, vault.scope)
    )
    return page(call, vaults, key=_name_of, show=lambda vault: show_vault(call.world.view, call.the_site, vault))


async def list_deleted_vaults(call: Call) -> Response:
    """List the deleted vaults of a subscription."""
    parent = the_subscription(call)
    vaults = (
        vault
        for vault in call.world.view.vaults()
        if vault.subscription == parent.id and is_recoverable(vault, call.now)
    )
    return page(call, vaults, key=_name_of, show=show_deleted_vault)


# ---- deleted vaults -------------------------------------------------------------------------------------------------


async def get_deleted_vault(call: Call) -> Response:
    """Get a deleted vault."""
    return json.response(show_deleted_vault(_the_deleted_vault(call)))


async def purge_deleted_vault(call: Call) -> Response:
    """Remove a deleted vault for good. It is done when the answer comes, in the form of what takes longer."""
    vault = _the_deleted_vault(call)
    found = await find_keys_of(call.world.store, vault, call.world.keys)

    async def change(tx: Transaction) -> int:
        await doom_keys_of(tx, vault, call.world.keys, found)
        return await purge_vault(tx, vault, now=call.now)

    await call.commit(change, lambda objects: {"vaultIds": [vault.id], "count": objects})
    return accepted(call, KEY_VAULT_PLACE)


async def check_name_availability(call: Call) -> Response:
    """Say whether a vault's name is free, without saying whose it is."""
    the_subscription(call)
    body = await call.body(wire.VaultCheckNameAvailabilityParameters)
    if body.type.lower() != "microsoft.keyvault/vaults":
        raise Invalid("The type must be Microsoft.KeyVault/vaults.", code="BadRequest")
    try:
        parse_vault_name(body.name)
    except Invalid as invalid:
        return json.response({"nameAvailable": False, "reason": "AccountNameInvalid", "message": invalid.message})
    known = call.world.view.vault_by_name(body.name)
    if known is not None and (known.deleted is None or is_recoverable(known, call.now)):
        message = name_taken(body.name).message
        return json.response({"nameAvailable": False, "reason": "AlreadyExists", "message": message})
    return json.response({"nameAvailable": True})


# ---- steps ----------------------------------------------------------------------------------------------------------


async def _create(
    call: Call, group: ResourceGroup, name: str, location: str, change: VaultChange, known: Vault | None
) -> Response:
    if known is not None and (known.deleted is None or is_recoverable(known, call.now)):
        mine = known.deleted is not None and known.subscription == group.subscription
        raise name_deleted() if mine else name_taken(name)
    vault_id = new_guid(call.world.entropy)
    wrapped_key = call.world.keys.new_vault_key(vault_id)
    found = await find_keys_of(call.world.store, known, call.world.keys) if known is not None else []

    async def make(tx: Transaction) -> Vault:
        _require_subnets(call, None, change)
        if known is not None:
            # Whoever has the name is past its retention: it goes now rather than at the next sweep.
            await doom_keys_of(tx, known, call.world.keys, found)
            await remove_expired(tx, known, now=call.now)
        made = await create_vault(
            tx,
            group=group,
            vault=vault_id,
            name=name,
            location=location,
            wrapped_key=wrapped_key,
            change=change,
            rbac_default=defaults_to_rbac(call.api_version),
            now=call.now,
            by=call.identity.oid,
        )
        guard_vault(call, made)
        return made

    return _answer(call, await call.commit(make, _describe))


async def _change(call: Call, vault: Vault, change: VaultChange) -> Response:
    gate = model_switch_gate(call, vault.scope)

    async def update(tx: Transaction) -> Vault:
        _require_subnets(call, await require_active(tx, vault), change)
        changed = await update_vault(tx, vault, change, permit_model_switch=gate, now=call.now, by=call.identity.oid)
        guard_vault(call, changed)
        return changed

    return _answer(call, await call.commit(update, _describe))


def _require_subnets(call: Call, vault: Vault | None, change: VaultChange) -> None:
    """Require the right to let in the subnets that are not let in yet (security.md: subnet join)."""
    for subnet in added_subnets(vault, change):
        require_linked_right(call, JOIN_SERVICE, subnet)


async def _recover(call: Call, group: ResourceGroup, name: str, tags: Mapping[str, str]) -> Response:
    known = call.world.view.vault_by_name(name)

    async def recover(tx: Transaction) -> Vault:
        return await recover_vault(tx, known, group=group, name=name, tags=tags, now=call.now, by=call.identity.oid)

    return _answer(call, await call.commit(recover, lambda vault: {"createMode": "recover", **_describe(vault)}))


def _describe(vault: Vault) -> dict[str, object]:
    """Say in the audit what a vault's rules now are, as Azure's entries of vault operations do (section 7)."""
    acls = vault.network_acls or NetworkAcls()
    return {
        "vaultIds": [vault.id],
        "sku": {"family": "A", "name": vault.sku},
        "tenantId": vault.tenant,
        "accessPolicyObjectIds": [policy.object_id for policy in vault.access_policies],
        "enabledForDeployment": vault.enabled_for_deployment,
        "enabledForDiskEncryption": bool(vault.enabled_for_disk_encryption),
        "enabledForTemplateDeployment": bool(vault.enabled_for_template_deployment),
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": vault.retention_days,
        "enablePurgeProtection": vault.purge_protection,
        "enableRbacAuthorization": bool(vault.rbac),
        "publicNetworkAccess": vault.public_network_access.value,
        "networkAcls": {
            "bypass": acls.bypass.value,
            "defaultAction": acls.default_action.value,
            "ipRules": list(acls.ip_rules),
            "virtualNetworkRules": [rule.id for rule in acls.virtual_network_rules],
        },
    }


def the_vault(call: Call) -> Vault:
    """
    Find the vault that the path names.

    Raises:
        NotFound: `SubscriptionNotFound`, `ResourceGroupNotFound`, `ResourceNotFound`.
    """
    params = call.params
    return vault_of(call.world.view, call.identity.tenant, params["subscription"], params["group"], params["vault"])


def _the_deleted_vault(call: Call) -> Vault:
    name = call.params["vault"]
    vault = find_deleted_vault(call.world.view, the_subscription(call), name, call.now)
    if vault is None or vault.location != call.params["location"].replace(" ", "").lower():
        raise deleted_vault_not_found(name)
    return vault


def _answer(call: Call, vault: Vault) -> Response:
    return json.response(show_vault(call.world.view, call.the_site, vault))


def _name_of(vault: Vault) -> str:
    return vault.name.lower()
