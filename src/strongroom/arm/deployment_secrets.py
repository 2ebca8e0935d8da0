"""
Parameters that are references to secrets in vaults.

The caller needs `Microsoft.KeyVault/vaults/deploy/action` on the vault, and no right in it: who has that action reads
every secret of the vault that allows it, one at a time (security.md, "Tested escalation edges"). So the vault must be
enabled for template deployment, the value goes into a securestring and nowhere else, and each reading has a record.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, ValidationError, convert

from strongroom.arm.rights import require_linked_right
from strongroom.core.errors import Failure, Forbidden, Invalid
from strongroom.core.lifecycle import require_usable
from strongroom.core.names import Surface, parse_object_name
from strongroom.core.network import Bypass, DefaultAction, PublicNetworkAccess
from strongroom.core.objects import Collection
from strongroom.core.templates.document import Template
from strongroom.core.templates.faults import TemplateFault
from strongroom.core.templates.parameters import require_known, type_of
from strongroom.core.templates.scopes import type_and_names
from strongroom.core.vaults import Vault
from strongroom.flow import audit
from strongroom.flow.call import Call
from strongroom.journal import Entry, Identity
from strongroom.objects import secrets
from strongroom.objects.lookup import find_version

DEPLOY = "Microsoft.KeyVault/vaults/deploy/action"
OPERATION = "SecretGetForDeployment"
_ID_CHARS = 1024


class _Vault(Struct):
    id: str


class _Reference(Struct, rename="camel"):
    key_vault: _Vault
    secret_name: str
    secret_version: str = ""


async def resolve_parameters(call: Call, template: Template, given: dict[str, Any]) -> dict[str, Any]:
    """
    Give the values of parameters, those in vaults included.

    Raises:
        TemplateFault: one has neither a value nor a reference, or a reference where the template wants no secret.
        Failure: a secret cannot be had.
    """
    # Before a secret is read: each reading is recorded as one that went into the deployment.
    require_known(template, given)
    values: dict[str, Any] = {}
    for name, one in given.items():
        if not isinstance(one, dict) or ("value" in one) == ("reference" in one):
            raise TemplateFault(f"The template parameter '{name[:64]}' has either a 'value' or a 'reference'")
        values[name] = one["value"] if "value" in one else await _refer(call, template, name, one["reference"])
    return values


async def _refer(call: Call, template: Template, name: str, given: Any) -> str:
    try:
        reference = convert(given, _Reference)
    except ValidationError:
        raise TemplateFault(f"The reference of the template parameter '{name[:64]}' is not valid") from None
    definition = next((one for known, one in template.parameters.items() if known.lower() == name.lower()), None)
    if definition is None or type_of(template, definition) != "securestring":
        raise TemplateFault(f"The template parameter '{name[:64]}' is no securestring, so no vault's secret goes in it")
    scope = reference.key_vault.id.rstrip("/")
    if len(scope) > _ID_CHARS or type_and_names(scope)[0].lower() != "microsoft.keyvault/vaults":
        raise TemplateFault(f"The vault of the template parameter '{name[:64]}' is not named by its resource id")
    # Before anybody looks whether the vault is there.
    require_linked_right(call, DEPLOY, scope)
    vault = _open_to_deployments(call, scope, name)
    return await _read(call, vault, reference, name)


def _open_to_deployments(call: Call, scope: str, name: str) -> Vault:
    """
    Find a vault that lets deployments read its secrets.

    Raises:
        Invalid: there is none of that id.
        Forbidden: it does not.
    """
    vault = call.world.view.vault_by_name(scope.rpartition("/")[2])
    if vault is None or vault.deleted is not None or vault.tenant != call.identity.tenant or not _is_at(vault, scope):
        raise Invalid(
            f"The specified KeyVault of the template parameter '{name[:64]}' could not be found.",
            code="KeyVaultParameterReferenceNotFound",
        )
    if not vault.enabled_for_template_deployment:
        raise _refused(name, "the vault is not enabled for template deployment")
    if not _admits(vault):
        raise _refused(name, "the vault's network rules admit no trusted services")
    return vault


def _is_at(vault: Vault, scope: str) -> bool:
    return vault.scope.lower() == scope.lower()


def _admits(vault: Vault) -> bool:
    """Tell whether the vault's firewall lets Resource Manager in: a trusted service, where it is closed to others."""
    if vault.public_network_access is PublicNetworkAccess.SECURED_BY_PERIMETER:
        return False
    acls = vault.network_acls
    if acls is None:
        return True
    is_open = vault.public_network_access is PublicNetworkAccess.ENABLED and acls.default_action is DefaultAction.ALLOW
    return is_open or acls.bypass is Bypass.AZURE_SERVICES


def _refused(name: str, why: str) -> Forbidden:
    return Forbidden(
        f"The secret of KeyVault parameter '{name[:64]}' cannot be retrieved: {why}.",
        code="KeyVaultParameterReferenceSecretRetrieveFailed",
    )


async def _read(call: Call, vault: Vault, reference: _Reference, name: str) -> str:
    world = call.world
    try:
        secret = parse_object_name(reference.secret_name)
        stored, row = await find_version(
            world.store, world.view.sealed, vault.id, Collection.SECRETS, secret, reference.secret_version, call.now
        )
        attributes = secrets.secret_of(stored, row).body.attributes
        require_usable(
            Collection.SECRETS, "get", enabled=attributes.enabled, nbf=attributes.nbf, exp=attributes.exp, now=call.now
        )
    except Failure as failure:
        raise _refused(name, failure.message.rstrip(".")) from None
    await audit.note(world, _entry(call, vault, f"{_uri(call, vault)}/secrets/{stored.name}/{row.version}"))
    return secrets.open_value(world.keys.envelope(vault.id, vault.wrapped_key), vault, row)


def _uri(call: Call, vault: Vault) -> str:
    return call.world.hosts.url(Surface.VAULT, vault.name)


def _entry(call: Call, vault: Vault, identifier: str) -> Entry:
    """Make the record of a secret that goes into a deployment, among those of its vault."""
    connection = call.connection
    return Entry(
        time=call.world.clock(),
        operation=OPERATION,
        status=200,
        resource_id=vault.scope,
        address=connection.address,
        correlation_id=connection.client_request_id or connection.request_id,
        identity=Identity.of(call.identity),
        object_uri=identifier,
        is_rbac_authorized=True,
        properties={"scope": call.target.scope},
    )
