"""From what a request says about a vault to the change it means; what is wrong is refused first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from strongroom.arm import wire
from strongroom.core.access_policy import parse_permissions
from strongroom.core.errors import Invalid
from strongroom.core.firewall import parse_ip_rules
from strongroom.core.network import Bypass, DefaultAction, PublicNetworkAccess
from strongroom.core.vaults import AccessPolicy
from strongroom.resources.vault_settings import (
    NetworkChange,
    VaultChange,
    parse_sku,
    parse_subnet_rule,
    parse_word,
)


class CreateMode(StrEnum):
    """Whether PUT makes a vault or brings a deleted one back."""

    DEFAULT = "default"
    RECOVER = "recover"


def read_create_mode(properties: wire.VaultProperties) -> CreateMode:
    """
    Read what PUT is to do.

    Raises:
        Invalid: it is a word that means neither.
    """
    if properties.create_mode is None:
        return CreateMode.DEFAULT
    return parse_word(CreateMode, properties.create_mode, "properties.createMode")


def read_change(
    properties: wire.VaultProperties,
    tags: Mapping[str, str] | None,
    *,
    tenant: str,
    whole: bool,
    extended_ip_rules: bool,
) -> VaultChange:
    """
    Read a change of a vault's settings. *whole* is PUT's meaning: tenant and SKU are said, and the parts of a firewall
    that are not said take their defaults.

    Raises:
        Invalid: something required is missing, or a value is malformed.
    """  # noqa: D205  the sentence is longer than a line
    _check_tenant(properties.tenant_id, tenant, required=whole)
    if whole and properties.sku is None:
        raise Invalid("The parameter sku is not specified.", code="BadRequest")
    # The empty text says nothing: Azure CLI's template of 2023 sends it for what nobody said.
    access, acls, sku = properties.public_network_access or None, properties.network_acls, properties.sku
    return VaultChange(
        tags=tags,
        sku=None if sku is None else parse_sku(sku.family, sku.name),
        rbac=properties.enable_rbac_authorization,
        access_policies=None if properties.access_policies is None else read_policies(properties.access_policies),
        network=None if acls is None else _read_network(acls, whole=whole, extended_ip_rules=extended_ip_rules),
        public_network_access=(
            None if access is None else parse_word(PublicNetworkAccess, access, "properties.publicNetworkAccess")
        ),
        retention_days=properties.soft_delete_retention_in_days,
        soft_delete=properties.enable_soft_delete,
        purge_protection=properties.enable_purge_protection,
        enabled_for_deployment=properties.enabled_for_deployment,
        enabled_for_disk_encryption=properties.enabled_for_disk_encryption,
        enabled_for_template_deployment=properties.enabled_for_template_deployment,
    )


def read_policies(entries: Sequence[wire.AccessPolicyEntry]) -> tuple[AccessPolicy, ...]:
    """
    Read access policies. Their ids are checked where the list is kept.

    Raises:
        Invalid: a word is no permission of its category.
    """
    return tuple(
        AccessPolicy(
            tenant_id=entry.tenant_id.lower(),
            object_id=entry.object_id.lower(),
            # An application that is given as the empty text is none, as Azure's own tools write it.
            application_id=entry.application_id.lower() if entry.application_id else None,
            keys=parse_permissions("keys", entry.permissions.keys or ()),
            secrets=parse_permissions("secrets", entry.permissions.secrets or ()),
            certificates=parse_permissions("certificates", entry.permissions.certificates or ()),
            storage=parse_permissions("storage", entry.permissions.storage or ()),
        )
        for entry in entries
    )


def _check_tenant(said: str | None, tenant: str, *, required: bool) -> None:
    if said is None and required:
        raise Invalid("The parameter tenantId is not specified.", code="BadRequest")
    if said is not None and said.lower() != tenant:
        raise Invalid(
            "An invalid value was provided for 'tenantId'. A vault belongs to the tenant of its subscription.",
            code="BadRequest",
        )


def _read_network(acls: wire.NetworkRuleSet, *, whole: bool, extended_ip_rules: bool) -> NetworkChange:
    place = "properties.networkAcls"
    action, bypass, addresses, subnets = acls.default_action, acls.bypass, acls.ip_rules, acls.virtual_network_rules
    return NetworkChange(
        default_action=None if action is None else parse_word(DefaultAction, action, f"{place}.defaultAction"),
        bypass=None if bypass is None else parse_word(Bypass, bypass, f"{place}.bypass"),
        ip_rules=(
            None
            if addresses is None
            else parse_ip_rules([rule.value for rule in addresses], extended_ranges=extended_ip_rules)
        ),
        virtual_network_rules=(
            None
            if subnets is None
            else tuple(
                parse_subnet_rule(
                    rule.id, index, ignore_missing_endpoint=bool(rule.ignore_missing_vnet_service_endpoint)
                )
                for index, rule in enumerate(subnets)
            )
        ),
        whole=whole,
    )
