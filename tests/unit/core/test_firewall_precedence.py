"""The order in which a vault's firewall decides, read as a policy: reference azure-key-vault.md section 2."""

from dataclasses import replace
from itertools import product

import pytest

from strongroom.core.firewall import judge, reported, subscription_of
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.network import (
    Bypass,
    Connection,
    DefaultAction,
    Link,
    NetworkAcls,
    Passage,
    PublicNetworkAccess,
    Verdict,
    VirtualNetworkRule,
)
from strongroom.core.networks import PerimeterMode, PerimeterRules, Surroundings
from strongroom.core.vaults import Vault

SUBNET = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/Net/subnets/Sub"
OURS = "/subscriptions/s/resourcegroups/rg/providers/microsoft.network/privateendpoints/ours"
THEIRS = f"{OURS}-not"
PERIMETER = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityPerimeters/Nsp"
SUBSCRIPTION = "5a5a5a5a-0000-4000-8000-000000000001"

LISTED, NOWHERE = "203.0.113.9", "198.51.100.9"
IN_SUBNET, IN_ENDPOINT, IN_PERIMETER = "10.1.0.9", "10.2.0.9", "192.0.2.9"
ALLOW, DENY = DefaultAction.ALLOW, DefaultAction.DENY
TRUSTED, NOBODY = Bypass.AZURE_SERVICES, Bypass.NONE
ENABLED, DISABLED, SECURED = PublicNetworkAccess
LEARNING, ENFORCED, AUDIT = PerimeterMode

VAULT = Vault("v", "t", "s", "rg", "kv1", "local", 0, b"")
RULES = PerimeterRules(PERIMETER, ENFORCED, ("192.0.2.0/24", "192.0.2.8/31"))
AROUND = Surroundings(subnets={SUBNET.lower(): ("10.1.0.0/16",)}, endpoints={OURS: ("10.2.0.0/16",)})


def vault(action: DefaultAction, bypass: Bypass, access: PublicNetworkAccess) -> Vault:
    """Make a vault with an IP rule and a subnet's rule, and these settings."""
    acls = NetworkAcls(action, bypass, ("203.0.113.0/24",), (VirtualNetworkRule(SUBNET),))
    return replace(VAULT, network_acls=acls, public_network_access=access)


def by_address(address: str, link: Link = Link.PUBLIC) -> Connection:
    """Come from an address, over no private endpoint."""
    return Connection(address, link, "r")


def by_endpoint(address: str, endpoint: str = OURS) -> Connection:
    """Come from an address through an endpoint's listener."""
    return Connection(address, Link.PRIVATE_ENDPOINT, "r", endpoint=endpoint)


def within(mode: PerimeterMode, **changes: object) -> Surroundings:
    """Put the vault into the perimeter."""
    return replace(AROUND, perimeter=replace(RULES, mode=mode, **changes))  # type: ignore[arg-type]


SETTINGS = list(product(DefaultAction, Bypass, PublicNetworkAccess))
PERIMETERS = [None, *PerimeterMode]


@pytest.mark.parametrize("mode", PERIMETERS)
@pytest.mark.parametrize(("action", "bypass", "access"), SETTINGS)
def test_1_an_approved_endpoint_from_its_own_network_is_admitted(
    action: DefaultAction, bypass: Bypass, access: PublicNetworkAccess, mode: PerimeterMode | None
) -> None:
    """SEC-FLOW-12: whatever else the vault and its perimeter say; nothing else through a listener is, ever."""
    one, around = vault(action, bypass, access), AROUND if mode is None else within(mode)
    admitted = Verdict(Passage.ADMITTED, f"privateEndpoint {OURS}", endpoint=OURS)
    refused = Verdict(Passage.BLOCKED, "privateEndpoint", by_connection=True)
    assert judge(one, by_endpoint(IN_ENDPOINT), around) == admitted
    for address in (LISTED, IN_SUBNET, IN_PERIMETER, NOWHERE):
        assert judge(one, by_endpoint(address), around) == refused
    for endpoint in (THEIRS, "", OURS.upper()):
        assert judge(one, by_endpoint(IN_ENDPOINT, endpoint), around) == refused
    # The endpoint's network without its listener is a public address like any other.
    assert judge(one, by_address(IN_ENDPOINT), around).endpoint == ""


@pytest.mark.parametrize(("action", "bypass", "access"), SETTINGS)
@pytest.mark.parametrize("link", [Link.PUBLIC, Link.CONTROL])
def test_2_an_enforced_perimeter_decides_alone(
    action: DefaultAction, bypass: Bypass, access: PublicNetworkAccess, link: Link
) -> None:
    """It overrides `publicNetworkAccess`, the vault's rules and the bypass; the narrowest range is named."""
    one = vault(action, bypass, access)
    assert judge(one, by_address(IN_PERIMETER, link), within(ENFORCED)) == Verdict(
        Passage.ADMITTED, "perimeterRule 192.0.2.8/31", by_perimeter=True, perimeter=PERIMETER
    )
    blocked = Verdict(Passage.BLOCKED, "perimeterRules", by_perimeter=True, perimeter=PERIMETER)
    asks = replace(blocked, passage=Passage.ONLY_FROM_SUBSCRIPTIONS, subscriptions=frozenset({SUBSCRIPTION}))
    for address in (LISTED, IN_SUBNET, IN_ENDPOINT, NOWHERE):
        assert judge(one, by_address(address, link), within(ENFORCED)) == blocked
        assert judge(one, by_address(address, link), within(ENFORCED, subscriptions=asks.subscriptions)) == asks


@pytest.mark.parametrize("mode", [LEARNING, AUDIT])
@pytest.mark.parametrize(("action", "bypass", "access"), SETTINGS)
def test_2_a_perimeter_that_learns_decides_nothing(
    action: DefaultAction, bypass: Bypass, access: PublicNetworkAccess, mode: PerimeterMode
) -> None:
    """What the vault says counts, with a note beside it; but a vault that leaves it to the perimeter has no say."""
    one = vault(action, bypass, access)
    for address in (LISTED, IN_SUBNET, IN_PERIMETER, NOWHERE):
        verdict, alone = judge(one, by_address(address), within(mode)), judge(one, by_address(address), AROUND)
        would = judge(one, by_address(address), within(ENFORCED))
        if access is SECURED:
            assert verdict == would
        else:
            assert verdict == replace(alone, reported=would)
            told = "admitted by perimeterRule 192.0.2.8/31" if address == IN_PERIMETER else "blocked by perimeterRules"
            assert reported(verdict, None) == told


@pytest.mark.parametrize("action", list(DefaultAction))
@pytest.mark.parametrize("address", [LISTED, IN_SUBNET, NOWHERE])
def test_3_without_public_access_the_bypass_alone_counts(action: DefaultAction, address: str) -> None:
    """`Disabled` leaves the bypass, `SecuredByPerimeter` without a perimeter leaves nothing."""
    passages = {
        (DISABLED, TRUSTED): Verdict(Passage.ONLY_IF_TRUSTED, "publicNetworkAccess", by_connection=True),
        (DISABLED, NOBODY): Verdict(Passage.BLOCKED, "publicNetworkAccess", by_connection=True),
        (SECURED, TRUSTED): Verdict(Passage.BLOCKED, "publicNetworkAccess", by_perimeter=True),
        (SECURED, NOBODY): Verdict(Passage.BLOCKED, "publicNetworkAccess", by_perimeter=True),
    }
    for (access, bypass), verdict in passages.items():
        assert judge(vault(action, bypass, access), by_address(address), AROUND) == verdict


@pytest.mark.parametrize("bypass", list(Bypass))
@pytest.mark.parametrize("address", [LISTED, IN_SUBNET, IN_ENDPOINT, NOWHERE])
def test_4_a_default_that_allows_admits_everybody(bypass: Bypass, address: str) -> None:
    """The rules are not asked, so they are not the evidence."""
    assert judge(vault(ALLOW, bypass, ENABLED), by_address(address), AROUND) == Verdict(
        Passage.ADMITTED, "defaultAction"
    )


@pytest.mark.parametrize("bypass", list(Bypass))
def test_5_rules_admit_whom_they_name(bypass: Bypass) -> None:
    """An IP rule, and a subnet's: in whatever case the rule has its id."""
    one = vault(DENY, bypass, ENABLED)
    assert judge(one, by_address(LISTED), AROUND) == Verdict(Passage.ADMITTED, "ipRule 203.0.113.0/24")
    assert judge(one, by_address(IN_SUBNET), AROUND) == Verdict(
        Passage.ADMITTED, f"virtualNetworkRule {SUBNET.lower()}", subnet=SUBNET.lower()
    )
    # A subnet that no rule of the vault names is nothing to it, and neither is one without ranges.
    acls = replace(one.network_acls or NetworkAcls(), virtual_network_rules=())
    for other in (replace(one, network_acls=acls), one):
        around = AROUND if other is not one else replace(AROUND, subnets={})
        assert judge(other, by_address(IN_SUBNET), around).passage is not Passage.ADMITTED


@pytest.mark.parametrize("address", [IN_ENDPOINT, NOWHERE, "2001:db8::1"])
def test_6_and_7_the_rest_is_for_trusted_services_or_for_nobody(address: str) -> None:
    """The last two steps: the bypass, and the refusal."""
    assert judge(vault(DENY, TRUSTED, ENABLED), by_address(address), AROUND) == Verdict(
        Passage.ONLY_IF_TRUSTED, "defaultAction"
    )
    assert judge(vault(DENY, NOBODY, ENABLED), by_address(address), AROUND) == Verdict(Passage.BLOCKED, "defaultAction")


def test_of_overlapping_rules_the_narrowest_is_the_evidence() -> None:
    """Whichever kind it is of; where both name the same range, the vault's own IP rule."""
    one = vault(DENY, NOBODY, ENABLED)
    acls = one.network_acls or NetworkAcls()
    for ip_rule, evidence in (
        ("10.0.0.0/8", f"virtualNetworkRule {SUBNET.lower()}"),
        ("10.1.0.0/24", "ipRule 10.1.0.0/24"),
        ("10.1.0.0/16", "ipRule 10.1.0.0/16"),
    ):
        listed = replace(one, network_acls=replace(acls, ip_rules=(ip_rule,)))
        assert judge(listed, by_address(IN_SUBNET), AROUND).rule == evidence


CALLER = Caller("t", "o", "a", PrincipalType.SERVICE_PRINCIPAL, "i", frozenset(), "c", "u")


def test_a_managed_identity_is_of_its_resources_subscription() -> None:
    """Reference section 2: inbound rules by subscription. What is no managed identity is of none."""
    for mirid, subscription in (
        (f"/subscriptions/{SUBSCRIPTION.upper()}/resourcegroups/rg/providers/x/y/z", SUBSCRIPTION),
        (f"/SUBSCRIPTIONS/{SUBSCRIPTION}/resourcegroups/rg", SUBSCRIPTION),
        (f"/tenants/t/subscriptions/{SUBSCRIPTION}", None),
        (f"subscriptions/{SUBSCRIPTION}", None),
        ("", None),
        (None, None),
    ):
        assert subscription_of(replace(CALLER, mirid=mirid)) == subscription


def test_a_report_knows_the_callers_subscription() -> None:
    """What a perimeter that learns would have decided depends on who calls."""
    around = within(LEARNING, subscriptions=frozenset({SUBSCRIPTION}))
    verdict = judge(vault(ALLOW, NOBODY, ENABLED), by_address(NOWHERE), around)
    ours = replace(CALLER, mirid=f"/subscriptions/{SUBSCRIPTION}/x")
    assert reported(verdict, ours) == f"admitted by perimeterRule {SUBSCRIPTION}"
    assert reported(verdict, CALLER) == "blocked by perimeterRules"
    assert reported(verdict, None) == "blocked by perimeterRules"
    assert reported(Verdict(Passage.ADMITTED, "defaultAction"), ours) is None
