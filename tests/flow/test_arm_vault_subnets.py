"""Subnets in a vault's firewall: they are there, they reach vaults, and who names them may (reference section 2)."""

from __future__ import annotations

import secrets as chance
from typing import Any

import pytest

from strongroom.core import network_limits as limits
from strongroom.core.builtin_roles import CONTRIBUTOR
from strongroom.core.guids import new_guid
from strongroom.core.rbac import RoleDefinition
from tests.flow.arm import Arm
from tests.flow.client import make_tenant
from tests.world import Principal, Simulation

JOIN = "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action"
WRITE = "Microsoft.KeyVault/vaults/write"


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def rules(*subnets: str, ignore: bool | None = None) -> dict[str, Any]:
    """Write the firewall that lets subnets in."""
    more = {} if ignore is None else {"ignoreMissingVnetServiceEndpoint": ignore}
    return {"defaultAction": "Deny", "virtualNetworkRules": [{"id": one, **more} for one in subnets]}


def patch(*subnets: str, ignore: bool | None = None) -> dict[str, Any]:
    """Write the change that lets subnets in."""
    return {"properties": {"networkAcls": rules(*subnets, ignore=ignore)}}


def give(world: Simulation, who: Principal, scope: str, *actions: str) -> None:
    """Give exactly these actions at a scope."""
    role = RoleDefinition(
        id=new_guid(chance.token_bytes), tenant=world.first.tenant_id, name="some actions", actions=actions
    )
    world.commit(lambda tx: tx.put(role))
    world.grant(who.oid, role.id, scope)


def absent(network: str) -> str:
    """Say that a network is not there, in the real service's words."""
    return (
        "Operation on Virtual Network could not be performed. StatusCode: 404 (NotFound). Error Code:"
        " ParentResourceNotFound. Error Message: Failed to perform 'action' on resource(s) of type"
        f" 'virtualNetworks/taggedTrafficConsumers', because the parent resource '{network}' could not be found.."
    )


class TestSubnets:
    """What a rule may name."""

    @pytest.mark.parametrize("how", ["PUT", "PATCH", "new"])
    def test_service_endpoint(self, arm: Arm, how: str) -> None:
        """Without the service endpoint a rule is refused, in the real service's words, unless it says never mind."""
        arm.make_network("Microsoft.Storage")
        if how != "new":
            arm.make_vault()

        def wanted(*, ignore: bool | None = None) -> tuple[str, str, Any]:
            if how == "PATCH":
                return "PATCH", arm.vault, patch(arm.subnet, ignore=ignore)
            return "PUT", arm.vault, arm.vault_body(networkAcls=rules(arm.subnet, ignore=ignore))

        message = (
            "Operation on Virtual Network could not be performed. StatusCode: 400 (BadRequest). Error Code:"
            " SubnetsHaveNoServiceEndpointsConfigured. Error Message: Subnets"
            f" s-{arm.tag} of virtual network {arm.network} do not have ServiceEndpoints for Microsoft.KeyVault"
            " resources configured. Add Microsoft.KeyVault to subnet's ServiceEndpoints collection before trying to"
            " ACL Microsoft.KeyVault resources to these subnets.."
        )
        for ignore in (None, False):
            assert arm.refused(*wanted(ignore=ignore)) == (400, "VirtualNetworkNotValid", message)
        arm.do(*wanted(ignore=True))
        arm.do("PUT", arm.subnet, arm.subnet_body("10.1.1.0/24", "microsoft.keyvault"))
        shown = arm.do(*wanted())["properties"]["networkAcls"]["virtualNetworkRules"]
        assert shown == [{"id": arm.subnet.lower()}]

    @pytest.mark.parametrize("ignore", [False, True])
    def test_that_are_not_there(self, arm: Arm, *, ignore: bool) -> None:
        """A subnet or network that does not exist is refused, whatever is ignored."""
        arm.make_vault()
        arm.make_network("Microsoft.KeyVault")
        gone = f"{arm.network}x"
        answer = arm.refused("PATCH", arm.vault, patch(f"{gone}/subnets/s", ignore=ignore))
        assert answer == (400, "VirtualNetworkNotValid", absent(gone))
        status, code, message = arm.refused("PATCH", arm.vault, patch(f"{arm.subnet}x", ignore=ignore))
        assert (status, code) == (400, "VirtualNetworkNotValid")
        assert f"Virtual network {arm.network} does not have subnets with names s-{arm.tag}x." in message

    def test_of_another_tenant(self, arm: Arm) -> None:
        """SEC-TENANT-2: another tenant's subnet is not there, even for who may everything everywhere in this one."""
        arm.make_vault()
        alien = make_tenant(arm.world)
        arm.world.grant(alien.principal.oid, CONTRIBUTOR, "/", alien.id)
        group = f"/subscriptions/{alien.subscription}/resourceGroups/{alien.vault.resource_group}"
        network = f"{group}/providers/Microsoft.Network/virtualNetworks/n"
        token = arm.world.token(alien.principal, "https://management.azure.com", tenant=alien.id)
        body = arm.network_body(arm.subnet_body("10.1.1.0/24", "Microsoft.KeyVault"))
        arm.do("PUT", network, body, token=token)
        owner = arm.as_(arm.world.principal())
        arm.world.grant(owner.who.oid, CONTRIBUTOR, "/")
        answer = owner.refused("PATCH", arm.vault, patch(f"{network}/subnets/s-{arm.tag}"))
        assert answer == (400, "VirtualNetworkNotValid", absent(network))

    def test_that_go_later(self, arm: Arm) -> None:
        """A subnet that a rule names can go, as in Azure; the rule stays, and saying it again is refused."""
        arm.make_network("Microsoft.KeyVault")
        arm.make_vault(networkAcls=rules(arm.subnet))
        arm.do("DELETE", arm.subnet)
        assert len(arm.do("GET", arm.vault)["properties"]["networkAcls"]["virtualNetworkRules"]) == 1
        arm.do("PATCH", arm.vault, {"tags": {"a": "b"}})
        assert arm.refused("PATCH", arm.vault, patch(arm.subnet))[:2] == (400, "VirtualNetworkNotValid")
        arm.do("PATCH", arm.vault, patch())

    def test_limit(self, arm: Arm) -> None:
        """200 subnets are let in, and 201 are not."""
        arm.make_vault()
        many = [
            {
                "name": f"s{index}",
                "properties": {
                    "addressPrefix": f"10.1.{index}.0/24",
                    "serviceEndpoints": [{"service": "Microsoft.KeyVault"}],
                },
            }
            for index in range(limits.VNET_RULES + 1)
        ]
        arm.do("PUT", arm.network, arm.network_body(*many))
        subnets = [f"{arm.network}/subnets/s{index}" for index in range(limits.VNET_RULES + 1)]
        status, code, message = arm.refused("PATCH", arm.vault, patch(*subnets))
        assert (status, code) == (400, "BadRequest")
        assert "virtualNetworkRules" in message
        arm.do("PATCH", arm.vault, patch(*subnets[:-1]))


class TestRights:
    """SEC-TENANT-9: who lets a subnet in needs a right over it."""

    @pytest.fixture
    def keeper(self, arm: Arm) -> Arm:
        """Make a vault and a network, and whoever may change the vault alone."""
        arm.make_network("Microsoft.KeyVault")
        arm.make_vault()
        keeper = arm.as_(arm.world.principal())
        give(arm.world, keeper.who, arm.group, WRITE)
        return keeper

    def refusal(self, arm: Arm, scope: str) -> tuple[int, str, str]:
        """Give ARM's words."""
        message = (
            f"The client '{arm.who.appid}' with object id '{arm.who.oid}' has permission to perform action '{WRITE}'"
            f" on scope '{arm.vault}'; however, it does not have permission to perform action '{JOIN}' on the linked"
            f" scope(s) '{scope}' or the linked scope(s) are invalid."
        )
        return 403, "LinkedAuthorizationFailed", message

    def test_the_right(self, arm: Arm, keeper: Arm) -> None:
        """Without it nothing changes, and nobody learns whether the subnet is there; with exactly it, it is let in."""
        for subnet in (arm.subnet, f"{arm.subnet}x"):
            assert keeper.refused("PATCH", arm.vault, patch(subnet)) == self.refusal(keeper, subnet)
            body = arm.vault_body(networkAcls=rules(subnet))
            assert keeper.refused("PUT", arm.vault, body) == self.refusal(keeper, subnet)
        give(arm.world, keeper.who, arm.subnet, JOIN)
        assert keeper.ask("PATCH", arm.vault, patch(arm.subnet)).status == 200

    def test_a_new_vault(self, arm: Arm, keeper: Arm) -> None:
        """A new vault lets nobody in whom its maker may not."""
        body = arm.vault_body(networkAcls=rules(arm.subnet))
        status, code, _ = keeper.refused("PUT", f"{arm.vault}n", body)
        assert (status, code) == (403, "LinkedAuthorizationFailed")

    def test_what_is_let_in_already(self, arm: Arm, keeper: Arm) -> None:
        """Repeating a rule in any case, and taking one away, takes no right over the subnet."""
        arm.do("PATCH", arm.vault, patch(arm.subnet))
        assert keeper.ask("PATCH", arm.vault, patch(arm.subnet.upper())).status == 200
        assert keeper.ask("PATCH", arm.vault, patch()).status == 200
        assert keeper.refused("PATCH", arm.vault, patch(arm.subnet))[:2] == (403, "LinkedAuthorizationFailed")
