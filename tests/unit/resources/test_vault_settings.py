"""A vault's settings: their ranges, what never changes back, and what is left alone."""

from dataclasses import replace

import pytest

from strongroom.core import limits, network_limits
from strongroom.core.errors import Forbidden, Invalid
from strongroom.core.network import Bypass, DefaultAction, NetworkAcls, PublicNetworkAccess, VirtualNetworkRule
from strongroom.core.vaults import AccessPolicy, Vault
from strongroom.resources.vault_settings import (
    NetworkChange,
    Sku,
    VaultChange,
    apply_change,
    parse_sku,
    parse_subnet_rule,
    parse_word,
)

TENANT = "11111111-1111-4111-8111-111111111111"
BLANK = Vault(
    id="c0000000-0000-4000-8000-000000000001",
    tenant=TENANT,
    subscription="s",
    resource_group="g",
    name="kv",
    location="local",
    created=0,
    wrapped_key=b"k",
)
SUBNET = (
    "/subscriptions/50000000-0000-4000-8000-000000000001/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"
    "/subnets/s"
)


def refuse() -> None:
    """Stand for a caller who may not change the model."""
    raise Forbidden("no", code="AuthorizationFailed")


def change(vault: Vault, wanted: VaultChange, *, new: bool = False) -> Vault:
    """Apply a change as a caller who may not change the model."""
    return apply_change(vault, wanted, permit_model_switch=refuse, new=new)


def policies(number: int) -> tuple[AccessPolicy, ...]:
    """So many policies for different principals."""
    return tuple(AccessPolicy(TENANT, f"a0000000-0000-4000-8000-{index:012}") for index in range(number))


class TestModelSwitch:
    """SEC-TENANT-3: changing a vault between RBAC and access policies, either way, needs a second right."""

    @pytest.mark.parametrize(("now", "wanted"), [(True, False), (False, True), (None, True)])
    def test_asks(self, now: bool | None, wanted: bool) -> None:  # noqa: FBT001  a table
        """A change of the model passes through the gate in every direction."""
        with pytest.raises(Forbidden):
            change(replace(BLANK, rbac=now), VaultChange(rbac=wanted))

    @pytest.mark.parametrize(
        ("now", "wanted"), [(True, True), (False, False), (None, False), (True, None), (None, None)]
    )
    def test_does_not_ask(self, now: bool | None, wanted: bool | None) -> None:  # noqa: FBT001  a table
        """What does not change the model needs no second right: null and false are the same model."""
        assert bool(change(replace(BLANK, rbac=now), VaultChange(rbac=wanted)).rbac) is bool(now)

    def test_permitted(self) -> None:
        """With the right the model changes."""
        changed = apply_change(BLANK, VaultChange(rbac=False), permit_model_switch=lambda: None, new=False)
        assert changed.rbac is False


class TestRetention:
    """Soft-delete retention."""

    @pytest.mark.parametrize("days", [limits.RETENTION_MIN_DAYS, limits.RETENTION_MAX_DAYS])
    def test_limits(self, days: int) -> None:
        """7 and 90 days are good for a new vault."""
        assert change(BLANK, VaultChange(retention_days=days), new=True).retention_days == days

    @pytest.mark.parametrize("days", [limits.RETENTION_MIN_DAYS - 1, limits.RETENTION_MAX_DAYS + 1, 0, -1])
    def test_beyond(self, days: int) -> None:
        """One less and one more are not."""
        with pytest.raises(Invalid, match="softDeleteRetentionInDays"):
            change(BLANK, VaultChange(retention_days=days), new=True)

    def test_never_changes(self) -> None:
        """What was chosen stays; repeating it is no change."""
        assert change(BLANK, VaultChange(retention_days=90)).retention_days == 90
        with pytest.raises(Invalid, match="has been set already and it can't be modified"):
            change(BLANK, VaultChange(retention_days=30))


class TestIrreversible:
    """What cannot be taken back."""

    @pytest.mark.parametrize("new", [True, False])
    def test_purge_protection(self, new: bool) -> None:  # noqa: FBT001  a table
        """Purge protection is never turned off, and false is no value for it at all."""
        with pytest.raises(Invalid, match='"enablePurgeProtection" cannot be set to false'):
            change(replace(BLANK, purge_protection=True), VaultChange(purge_protection=False), new=new)

    def test_purge_protection_stays(self) -> None:
        """A change that does not speak of it leaves it on."""
        assert change(replace(BLANK, purge_protection=True), VaultChange(tags={})).purge_protection

    @pytest.mark.parametrize("new", [True, False])
    def test_soft_delete(self, new: bool) -> None:  # noqa: FBT001  a table
        """Soft delete is always on."""
        with pytest.raises(Invalid, match='"enableSoftDelete" cannot be set to false'):
            change(BLANK, VaultChange(soft_delete=False), new=new)
        assert change(BLANK, VaultChange(soft_delete=True), new=new) == BLANK


class TestNetwork:
    """The firewall's settings."""

    RULED = replace(
        BLANK,
        network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE, ("203.0.113.0/24",), (VirtualNetworkRule(SUBNET),)),
    )

    def test_silence_keeps_the_rules(self) -> None:
        """A change that does not speak of the firewall never opens it."""
        assert change(self.RULED, VaultChange(tags={"a": "b"})).network_acls == self.RULED.network_acls

    def test_part(self) -> None:
        """PATCH of one part leaves the others."""
        acls = change(self.RULED, VaultChange(network=NetworkChange(ip_rules=("198.51.100.1/32",)))).network_acls
        assert acls is not None
        assert acls == replace(self.RULED.network_acls or NetworkAcls(), ip_rules=("198.51.100.1/32",))

    def test_whole(self) -> None:
        """PUT of a firewall is that firewall, with defaults for what it leaves out."""
        wanted = VaultChange(network=NetworkChange(default_action=DefaultAction.DENY, whole=True))
        assert change(self.RULED, wanted).network_acls == NetworkAcls(DefaultAction.DENY)

    def test_subnet_rules_limit(self) -> None:
        """200 subnets are good, 201 are not."""
        rules = tuple(VirtualNetworkRule(f"{SUBNET}{index}") for index in range(network_limits.VNET_RULES + 1))
        acls = change(BLANK, VaultChange(network=NetworkChange(virtual_network_rules=rules[:-1]))).network_acls
        assert acls is not None
        assert len(acls.virtual_network_rules) == network_limits.VNET_RULES
        with pytest.raises(Invalid, match="virtualNetworkRules"):
            change(BLANK, VaultChange(network=NetworkChange(virtual_network_rules=rules)))

    def test_ip_rules_limit(self) -> None:
        """1000 address rules are good, 1001 are not."""
        rules = tuple(f"10.{index // 256}.{index % 256}.1/32" for index in range(network_limits.IP_RULES + 1))
        acls = change(BLANK, VaultChange(network=NetworkChange(ip_rules=rules[:-1]))).network_acls
        assert acls is not None
        assert len(acls.ip_rules) == network_limits.IP_RULES
        with pytest.raises(Invalid, match="ipRules"):
            change(BLANK, VaultChange(network=NetworkChange(ip_rules=rules)))

    def test_public_access(self) -> None:
        """Public access is a setting beside the rules."""
        changed = change(self.RULED, VaultChange(public_network_access=PublicNetworkAccess.DISABLED))
        assert changed.public_network_access is PublicNetworkAccess.DISABLED
        assert changed.network_acls == self.RULED.network_acls

    @pytest.mark.parametrize(
        "text", ["", "/", SUBNET + "/x", SUBNET.rpartition("/")[0], SUBNET.replace("Network/", "Net/"), f"x{SUBNET}"]
    )
    def test_no_subnet(self, text: str) -> None:
        """A rule names a subnet by its whole ARM id."""
        with pytest.raises(Invalid, match=r"virtualNetworkRules\[3\]\.id"):
            parse_subnet_rule(text, 3, ignore_missing_endpoint=False)

    def test_subnet_in_any_case(self) -> None:
        """Azure writes these ids in lower case; any case is good."""
        assert parse_subnet_rule(SUBNET.lower(), 0, ignore_missing_endpoint=True) == VirtualNetworkRule(
            SUBNET.lower(), ignore_missing_vnet_service_endpoint=True
        )


class TestPolicies:
    """Access policies as a setting."""

    def test_limit(self) -> None:
        """1024 policies are good, 1025 are not."""
        full = policies(limits.ACCESS_POLICIES)
        assert len(change(BLANK, VaultChange(access_policies=full)).access_policies) == limits.ACCESS_POLICIES
        with pytest.raises(Invalid, match="accessPolicies"):
            change(BLANK, VaultChange(access_policies=policies(limits.ACCESS_POLICIES + 1)))

    def test_replaces(self) -> None:
        """A list that is said replaces the one there was; the empty one too."""
        vault = replace(BLANK, access_policies=policies(3))
        assert change(vault, VaultChange(access_policies=())).access_policies == ()
        assert change(vault, VaultChange()).access_policies == vault.access_policies

    def test_other_tenant(self) -> None:
        """A policy is for a principal of the vault's own tenant."""
        foreign = replace(policies(1)[0], tenant_id="22222222-2222-4222-8222-222222222222")
        with pytest.raises(Invalid, match="accessPolicies"):
            change(BLANK, VaultChange(access_policies=(foreign,)))


class TestWords:
    """Words of closed lists."""

    def test_any_case(self) -> None:
        """ARM reads words in any case."""
        assert parse_word(DefaultAction, "dENY", "x") is DefaultAction.DENY
        assert parse_sku("a", "Premium") is Sku.PREMIUM

    def test_unknown(self) -> None:
        """A word that is none of them is refused with its place and what it could be."""
        with pytest.raises(Invalid, match=r"properties\.networkAcls\.bypass: it must be one of AzureServices, None"):
            parse_word(Bypass, "Azure", "properties.networkAcls.bypass")

    @pytest.mark.parametrize(("family", "name"), [("B", "standard"), ("A", "basic"), ("A", "")])
    def test_sku(self, family: str, name: str) -> None:
        """There are two SKUs in one family."""
        with pytest.raises(Invalid):
            parse_sku(family, name)


@pytest.mark.parametrize("flag", ["deployment", "disk_encryption", "template_deployment"])
def test_enabled_for(flag: str) -> None:
    """Each flag is set and cleared on its own, and stays when nothing is said."""
    member = f"enabled_for_{flag}"
    on = change(BLANK, VaultChange(**{member: True}))
    assert on == replace(BLANK, **{member: True})
    assert change(on, VaultChange()) == on
    assert change(on, VaultChange(**{member: False})) == replace(BLANK, **{member: False})
