"""What is described through the management plane is what a vault's firewall goes by, from the next request on."""

from __future__ import annotations

import pytest

from strongroom.core.network import Link
from strongroom.core.networks import NetworkMap
from tests.flow.arm import Arm
from tests.flow.arm_bodies import decided, inbound
from tests.world import Simulation

INSIDE, ELSEWHERE = "10.1.1.7", "198.51.100.9"
DENY = {"defaultAction": "Deny", "bypass": "None"}


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with a network that the operator says is real, and a vault that lets nobody in."""
    made = Arm(world, world.administrator)
    made.make_vault(networkAcls=DENY)
    made.make_network("Microsoft.KeyVault")
    known = NetworkMap(f"map-{made.tag}", world.first.tenant_id, made.network.lower(), ("10.1.0.0/16",), 0)
    world.commit(lambda tx: tx.put(known))
    return made


def comes_in(arm: Arm, peer: str, *, endpoint: str = "") -> bool:
    """Ask the vault from an address, perhaps through a private endpoint: whether the firewall lets it in."""
    how = {"link": Link.PRIVATE_ENDPOINT, "listener": endpoint.lower()} if endpoint else {}
    url = f"https://{arm.vault_name}.vault.localhost:8443/secrets?api-version=7.4"
    answer = arm.world.ask("GET", url, token=arm.world.token(arm.who), peer=peer, **how)
    if answer.status == 200:
        return True
    assert answer.status == 403
    assert answer.error["innererror"]["code"] in {"ForbiddenByFirewall", "ForbiddenByConnection"}
    return False


def test_a_subnet(arm: Arm) -> None:
    """A rule lets its subnet in; it ends with the service endpoint, with the subnet, and with the rule."""
    assert not comes_in(arm, INSIDE)
    rule = {"properties": {"networkAcls": {"virtualNetworkRules": [{"id": arm.subnet}]}}}
    arm.do("PATCH", arm.vault, rule)
    assert comes_in(arm, INSIDE)
    assert not comes_in(arm, ELSEWHERE)
    arm.do("PUT", arm.subnet, arm.subnet_body("10.1.1.0/24"))
    assert not comes_in(arm, INSIDE)
    arm.do("PUT", arm.subnet, arm.subnet_body("10.1.1.0/24", "Microsoft.KeyVault"))
    assert comes_in(arm, INSIDE)
    arm.do("DELETE", arm.subnet)
    assert not comes_in(arm, INSIDE)


@pytest.mark.parametrize("end", ["rejected", "removed", "endpoint"])
def test_a_private_endpoint(arm: Arm, end: str) -> None:
    """Pending lets nobody in, approved does, and however it ends, nobody comes in any more, nor by one made anew."""
    arm.do("PUT", arm.endpoint, arm.endpoint_body(manual=True))
    assert not comes_in(arm, INSIDE, endpoint=arm.endpoint)
    arm.do("PUT", arm.connection, decided("Approved"))
    assert comes_in(arm, INSIDE, endpoint=arm.endpoint)
    assert not comes_in(arm, ELSEWHERE, endpoint=arm.endpoint)
    assert not comes_in(arm, INSIDE)
    match end:
        case "rejected":
            arm.do("PUT", arm.connection, decided("Rejected"))
        case "removed":
            arm.do("DELETE", arm.connection)
        case _:
            arm.do("DELETE", arm.endpoint)
            arm.do("PUT", arm.endpoint, arm.endpoint_body(manual=True))
    # Whoever is no longer connected does not even learn that the vault is there.
    url = f"https://{arm.vault_name}.vault.localhost:8443/secrets?api-version=7.4"
    answer = arm.world.ask(
        "GET",
        url,
        token=arm.world.token(arm.who),
        peer=INSIDE,
        link=Link.PRIVATE_ENDPOINT,
        listener=arm.endpoint.lower(),
    )
    assert answer.status in {403, 421}


def test_a_perimeter(arm: Arm) -> None:
    """Enforced, its rules decide alone, also after the vault was deleted and recovered; learning, the vault does."""
    arm.do("PATCH", arm.vault, {"properties": {"networkAcls": {"defaultAction": "Allow"}}})
    arm.make_rule()
    arm.do("PUT", arm.association, arm.association_body("Enforced"))
    assert not comes_in(arm, ELSEWHERE)
    assert comes_in(arm, "203.0.113.9")
    arm.do("PUT", arm.rule, inbound("198.51.100.0/24"))
    assert comes_in(arm, ELSEWHERE)
    assert not comes_in(arm, "203.0.113.9")
    arm.do("DELETE", arm.vault)
    arm.do("PUT", arm.vault, arm.vault_body(createMode="recover"))
    assert not comes_in(arm, "203.0.113.9")
    arm.do("PUT", arm.association, arm.association_body("Learning"))
    assert comes_in(arm, "203.0.113.9")
