"""
A vault's settings: how each is read, what it may be, and which never change back.

Sources: reference azure-key-vault.md sections 2, 3.1, 3.2, 4.6 and 6. What is not said in a change stays as it is; that
holds for firewall rules too, so that forgetting to repeat them never opens a vault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from strongroom.core import limits, network_limits
from strongroom.core.access_policy import check_policies
from strongroom.core.errors import Invalid
from strongroom.core.network import (
    Bypass,
    DefaultAction,
    NetworkAcls,
    PublicNetworkAccess,
    VirtualNetworkRule,
)
from strongroom.core.vaults import AccessPolicy, Vault
from strongroom.resources.tracked import check_tags

WordT = TypeVar("WordT", bound=StrEnum)

_SUBNET = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourcegroups/[^/]{1,90}/providers/microsoft\.network/virtualnetworks/[^/]{1,80}"
    r"/subnets/[^/]{1,80}",
    re.IGNORECASE,
)


class Sku(StrEnum):
    """What kind of vault it is: premium ones may hold HSM keys."""

    STANDARD = "standard"
    PREMIUM = "premium"


@dataclass(frozen=True, slots=True)
class NetworkChange:
    """A change of `networkAcls`. None says nothing; with *whole*, what is not said takes its default instead."""

    default_action: DefaultAction | None = None
    bypass: Bypass | None = None
    ip_rules: tuple[str, ...] | None = None
    virtual_network_rules: tuple[VirtualNetworkRule, ...] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class VaultChange:
    """A change of a vault's settings. None says nothing."""

    tags: Mapping[str, str] | None = None
    sku: Sku | None = None
    rbac: bool | None = None
    access_policies: tuple[AccessPolicy, ...] | None = None
    network: NetworkChange | None = None
    public_network_access: PublicNetworkAccess | None = None
    retention_days: int | None = None
    soft_delete: bool | None = None
    purge_protection: bool | None = None
    enabled_for_deployment: bool | None = None
    enabled_for_disk_encryption: bool | None = None
    enabled_for_template_deployment: bool | None = None


def apply_change(vault: Vault, change: VaultChange, *, permit_model_switch: Callable[[], None], new: bool) -> Vault:
    """
    Give the vault that *change* makes of *vault*; both stay as they are.

    Raises:
        Invalid: a value is out of its range, or would take back what cannot be taken back.
        Whatever *permit_model_switch* raises, if an existing vault changes between role assignments and policies.
    """
    if change.soft_delete is False:
        raise Invalid(
            'The property "enableSoftDelete" cannot be set to false. Soft delete is always on for every vault.',
            code="BadRequest",
        )
    if change.purge_protection is False:
        raise Invalid(
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is'
            " an irreversible action.",
            code="BadRequest",
        )
    # An old vault's null means access policies, exactly as false does.
    if change.rbac is not None and change.rbac != bool(vault.rbac) and not new:
        permit_model_switch()
    policies = _keep(vault.access_policies, change.access_policies)
    check_policies(policies, vault.tenant)
    return replace(
        vault,
        tags=vault.tags if change.tags is None else check_tags(change.tags),
        sku=_keep(vault.sku, change.sku),
        rbac=_keep(vault.rbac, change.rbac),
        access_policies=policies,
        network_acls=_network(vault.network_acls, change.network),
        public_network_access=_keep(vault.public_network_access, change.public_network_access),
        retention_days=_retention(vault, change.retention_days, new=new),
        retention_said=vault.retention_said or change.retention_days is not None,
        purge_protection=_keep(vault.purge_protection, change.purge_protection),
        enabled_for_deployment=_keep(vault.enabled_for_deployment, change.enabled_for_deployment),
        enabled_for_disk_encryption=_keep(vault.enabled_for_disk_encryption, change.enabled_for_disk_encryption),
        enabled_for_template_deployment=_keep(
            vault.enabled_for_template_deployment, change.enabled_for_template_deployment
        ),
    )


ValueT = TypeVar("ValueT")


def _keep(old: ValueT, said: ValueT | None) -> ValueT:
    return old if said is None else said


def _retention(vault: Vault, days: int | None, *, new: bool) -> int:
    if days is None:
        return vault.retention_days
    if not limits.RETENTION_MIN_DAYS <= days <= limits.RETENTION_MAX_DAYS:
        raise invalid_value(
            "properties.softDeleteRetentionInDays",
            f"it must be between {limits.RETENTION_MIN_DAYS} and {limits.RETENTION_MAX_DAYS} days",
        )
    if not new and days != vault.retention_days:
        raise Invalid(
            'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.',
            code="BadRequest",
        )
    return days


def _network(old: NetworkAcls | None, change: NetworkChange | None) -> NetworkAcls | None:
    if change is None:
        return old
    base = NetworkAcls() if old is None or change.whole else old
    acls = NetworkAcls(
        default_action=_keep(base.default_action, change.default_action),
        bypass=_keep(base.bypass, change.bypass),
        ip_rules=_keep(base.ip_rules, change.ip_rules),
        virtual_network_rules=_keep(base.virtual_network_rules, change.virtual_network_rules),
    )
    for name, rules, limit in (
        ("ipRules", acls.ip_rules, network_limits.IP_RULES),
        ("virtualNetworkRules", acls.virtual_network_rules, network_limits.VNET_RULES),
    ):
        if len(rules) > limit:
            raise invalid_value(f"properties.networkAcls.{name}", f"{len(rules)} rules are over the limit of {limit}")
    return acls


# ---- reading what a client wrote -----------------------------------------------------------------------------------


def invalid_value(place: str, fault: str) -> Invalid:
    """Say what is wrong with a property, and where it stands."""
    return Invalid(f"Invalid value found at {place}: {fault}", code="BadRequest")


def parse_word(kind: type[WordT], text: str, place: str) -> WordT:
    """
    Read one word of a closed list, in any case, as ARM does.

    Raises:
        Invalid: it is none of them.
    """
    for word in kind:
        if word.lower() == text.lower():
            return word
    raise invalid_value(place, f"it must be one of {', '.join(kind)}")


def parse_sku(family: str, name: str) -> Sku:
    """
    Read a vault's SKU.

    Raises:
        Invalid: the family is not `A`, or the name is unknown.
    """
    if family.upper() != "A":
        raise invalid_value("properties.sku.family", "it must be A")
    return parse_word(Sku, name, "properties.sku.name")


def parse_subnet_rule(identifier: str, index: int, *, ignore_missing_endpoint: bool) -> VirtualNetworkRule:
    """
    Read a rule for a subnet, by the form of its ARM id.

    Raises:
        Invalid: it is no subnet's id.
    """
    if _SUBNET.fullmatch(identifier) is None:
        raise invalid_value(
            f"properties.networkAcls.virtualNetworkRules[{index}].id", "it is not the resource ID of a subnet"
        )
    return VirtualNetworkRule(identifier, ignore_missing_endpoint)
