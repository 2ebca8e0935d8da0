"""`strongroom resource-group` and `subscription`: transcripts of an Owner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.operators import Operator
from tests.live import Service
from tests.plugins.canary import remember


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of its own."""
    with Service(tmp_path_factory.mktemp("containers") / "data") as service:
        remember(service.first["clientSecret"])
        yield service


@pytest.fixture
def operator(live: Service, tmp_path: Path) -> Operator:
    """Be the first application, which owns the subscription."""
    return Operator.of_environment(live, tmp_path / "config")


def test_a_resource_group_from_its_making_to_its_end(operator: Operator) -> None:
    """It is where the others are, is not made twice, and goes with what is in it, which is told before."""
    made = operator.json("resource-group", "create", "shop")
    assert made["location"] == "local"
    assert operator.json("resource-group", "create", "far", "--location", "West Europe")["location"] == "westeurope"
    assert "already" in operator.fails(1, "resource-group", "create", "SHOP")
    assert "--resource-group" in operator.fails(2, "identity", "create", "till")
    operator.json("identity", "create", "till", "-g", "shop")
    assert "1 resources (till)" in operator.fails(2, "resource-group", "delete", "shop")
    assert operator.json("resource-group", "delete", "shop", "--yes")["id"] == made["id"]
    names = [one["name"] for one in operator.json("resource-group", "list")]
    assert names == ["default", "far"]
    assert "default, far" in operator.fails(1, "resource-group", "delete", "shop", "--yes")


def test_the_subscription(live: Service, operator: Operator) -> None:
    """It is listed, and shown by its id, its name, or as the one that commands work in."""
    subscription = live.first["subscriptionId"]
    (only,) = operator.json("subscription", "list")
    for name in ((), (subscription,), (only["displayName"],)):
        assert operator.json("subscription", "show", *name)["subscriptionId"] == subscription
    assert "no subscription" in operator.fails(1, "subscription", "show", "another")
    assert "Enabled" in operator.done("subscription", "list")
