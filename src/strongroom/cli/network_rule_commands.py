"""The grammar of `strongroom network-rule`: see `commands`."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from strongroom.cli.options import At, Data, Json, ResourceGroup, Subscription

network_rule = App(name="network-rule", help="Whom a vault's firewall lets in.")
Vault = Annotated[str, Parameter(help="The vault's name.")]
Addresses = Annotated[
    tuple[str, ...], Parameter(name="--ip", negative="", help="An IPv4 address or range; may be repeated.")
]
Subnets = Annotated[
    tuple[str, ...], Parameter(name="--subnet", negative="", help="A subnet, by its ARM id; may be repeated.")
]


@network_rule.command(name="list")
def network_rule_list(
    vault: Vault,
    *,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Print a vault's firewall: its settings, and whom it lets in."""
    from strongroom.cli.remote import network_rules as command  # noqa: PLC0415  each command loads what it needs

    return command.list_rules(At(data, subscription, resource_group), vault, as_json=json)


@network_rule.command(name="add")
def network_rule_add(
    vault: Vault,
    *,
    ip: Addresses = (),
    subnet: Subnets = (),
    ignore_missing_endpoint: Annotated[
        bool, Parameter(negative="", help="Take a subnet that has no service endpoint for vaults yet.")
    ] = False,
    default_action: Annotated[
        Literal["Allow", "Deny"] | None, Parameter(help="What becomes of whom no rule lets in.")
    ] = None,
    bypass: Annotated[Literal["AzureServices", "None"] | None, Parameter(help="Whether trusted services pass.")] = None,
    public_network_access: Annotated[
        Literal["Enabled", "Disabled"] | None, Parameter(help="Disabled leaves private endpoints alone.")
    ] = None,
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Let addresses and subnets in, or change what becomes of the others."""
    from strongroom.cli.remote import network_rules as command  # noqa: PLC0415  each command loads what it needs

    rules = command.Rules(ip, subnet, ignore_missing_endpoint, default_action, bypass, public_network_access)
    return command.add_rules(At(data, subscription, resource_group), vault, rules, as_json=json)


@network_rule.command(name="remove")
def network_rule_remove(
    vault: Vault,
    *,
    ip: Addresses = (),
    subnet: Subnets = (),
    data: Data = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    json: Json = False,
) -> int:
    """Let addresses and subnets in no longer."""
    from strongroom.cli.remote import network_rules as command  # noqa: PLC0415  each command loads what it needs

    rules = command.Rules(ip, subnet)
    return command.remove_rules(At(data, subscription, resource_group), vault, rules, as_json=json)
