"""`strongroom audit list`: who changed what, as an Owner and as somebody without the right reads it."""

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
    with Service(tmp_path_factory.mktemp("activity") / "data") as service:
        remember(service.first["clientSecret"])
        yield service


@pytest.fixture
def operator(live: Service, tmp_path: Path) -> Operator:
    """Be the first application, which owns the subscription."""
    return Operator.of_environment(live, tmp_path / "config")


def test_changes_are_listed_the_newest_first(live: Service, operator: Operator) -> None:
    """With caller, operation, resource and outcome; what is asked for narrows the list."""
    operator.json("resource-group", "create", "one")
    operator.json("resource-group", "create", "two")
    operator.json("identity", "create", "seen", "-g", "two")
    events = operator.json("audit", "list")
    written = [one["resourceId"].rpartition("/")[2].lower() for one in events]
    assert written[:3] == ["seen", "two", "one"]
    assert {one["caller"] for one in events[:3]} == {live.first["objectId"]}
    assert {one["status"]["value"] for one in events[:3]} == {"Succeeded"}

    def listed(*words: str) -> list[str]:
        return [one["resourceId"].rpartition("/")[2].lower() for one in operator.json("audit", "list", *words)]

    assert listed("-n", "1") == ["seen"]
    assert listed("--resource-group", "one") == ["one"]
    assert listed("--resource", events[0]["resourceId"]) == ["seen"]
    assert listed("--resource", events[1]["resourceId"]) == ["seen", "two"]
    assert listed("--caller", "nobody@strongroom.localhost") == []
    lines = operator.done("audit", "list", "--since", "1h").splitlines()
    assert lines[0].split() == ["Time", "Caller", "Operation", "Status", "Resource", "Address"]
    assert "127.0.0.1" in lines[1]


def test_what_is_no_vault_is_told(operator: Operator) -> None:
    """Before the log is asked."""
    assert "there is no vault" in operator.fails(1, "audit", "list", "--resource", "nowhere")
    assert "90m" in operator.fails(2, "audit", "list", "--since", "yesterday")


def test_somebody_without_the_right_sees_nothing(operator: Operator, tmp_path: Path) -> None:
    """An application without a role in the subscription is told that it sees none: exit code 4."""
    made = operator.json("app", "create", "Onlooker", "--secret")
    remember(made["clientSecret"])
    other = Operator.of_environment(operator.service, tmp_path / "other")
    other.environment |= {"STRONGROOM_CLIENT_ID": made["clientId"], "STRONGROOM_CLIENT_SECRET": made["clientSecret"]}
    assert "you see no subscription" in other.fails(4, "audit", "list")
