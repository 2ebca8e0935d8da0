"""A vault's event subscriptions, as a file says them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.cli.seed import show
from tests import seeding
from tests.flow.events import Events, reply
from tests.flow.seed_cases import answering, faults_of, in_vault, made_vault, stays
from tests.flow.seeds import name, settled, steps
from tests.plugins.canary import plant
from tests.world import Simulation


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make one world for the module."""
    simulation = Simulation(tmp_path_factory.mktemp("world"))
    yield simulation
    simulation.close()


@pytest.fixture
def webhooks(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> Events:
    """Have webhooks answer while a command waits for them."""
    return answering(world, monkeypatch)


def test_an_endpoint_that_refuses_is_asked_again(world: Simulation, webhooks: Events) -> None:
    """What it lacked is told; the next time the file is applied it is asked again, and then there is nothing to do."""
    vault = made_vault(world)
    url = "https://refuses.example/in"
    file = in_vault(vault, new=False, eventSubscriptions=[{"name": "hook", "endpoint": {"url": url}}])
    webhooks.webhooks.handshakes[url] = reply(500)
    _, outcome = seeding.apply(world, file)
    assert "hook gets no events" in outcome.failed[0].message
    webhooks.webhooks.handshakes.clear()
    plan, outcome = seeding.apply(world, file)
    settled(outcome)
    assert list(show.plan_lines(plan)) == [f"~ event subscription {vault}/hook", "    state: Failed -> Succeeded"]
    assert steps(seeding.plan(world, file)) == []


def test_a_subscription_changes_where_the_file_says_so(world: Simulation, webhooks: Events) -> None:
    """Its URL and secret headers are compared and shown to nobody; what is not said of it stays."""
    vault = made_vault(world)
    first, second, key = (plant() for _ in range(3))
    environment = {"HOOK": f"https://hook.example/in?code={first}", "KEY": key}

    def file(**members: object) -> dict[str, Any]:
        hook = {"name": "hook", "endpoint": {"env": "HOOK"}, **members}
        return in_vault(vault, new=False, eventSubscriptions=[hook])

    headers = [{"name": "X-Key", "secret": {"env": "KEY"}}]
    stays(world, file(labels=["a"], subjectBeginsWith="db-", deliveryAttributes=headers), environment=environment)
    plan, outcome = seeding.apply(world, file(maxDeliveryAttempts=5, events=["KeyExpired"]), environment=environment)
    settled(outcome)
    assert len(list(show.plan_lines(plan))) == 3
    environment["HOOK"] = f"https://hook.example/in?code={second}"
    plan, outcome = seeding.apply(world, file(deliveryAttributes=headers), environment=environment)
    settled(outcome)
    assert list(show.plan_lines(plan)) == [
        f"~ event subscription {vault}/hook",
        "    endpoint: changed",
        "    deliveryAttributes: name=X-Key secret=yes -> name=X-Key secret=(hidden)",
    ]
    assert second not in json.dumps(show.as_json(plan, outcome, dry_run=False))
    with seeding.reaching(world) as reach:
        exported = seeding.make_export(reach, values=True).document
    (one,) = (it for home in exported["resourceGroups"] for it in home["vaults"] if it["name"] == vault)
    (hook,) = one["eventSubscriptions"]
    assert hook["endpoint"] == {"literal": environment["HOOK"]}
    assert hook["deliveryAttributes"] == [{"name": "X-Key", "secret": {"literal": key}}]
    assert (hook["labels"], hook["subjectBeginsWith"], hook["events"]) == (["a"], "db-", ["KeyExpired"])
    assert hook["maxDeliveryAttempts"] == 5


def test_faults_of_subscriptions_are_told_together(world: Simulation) -> None:
    """A URL with a query in the file itself, a filter that compares with nothing, and words that are not known."""
    hooks: list[dict[str, Any]] = [
        {"name": "hook", "endpoint": {"url": "https://a.example/?code=x"}},
        {"name": "h", "endpoint": {"url": "https://a.example/"}},
        {"name": "hook", "endpoint": {"generate": {}}},
        {"name": "hook", "endpoint": {"keep": True}, "events": ["Nothing"]},
        {"name": "hook", "endpoint": {"keep": True}, "advancedFilters": [{"operator": "StringIn", "key": "subject"}]},
        {
            "name": "hook",
            "endpoint": {"keep": True},
            "advancedFilters": [{"operator": "NumberInRange", "key": "data.EXP", "values": [[1]]}],
        },
        {"name": "hook", "endpoint": {"keep": True}, "deliveryAttributes": [{"name": "X", "value": "1", "secret": {}}]},
        {"name": "hook", "endpoint": {"keep": True}, "maxDeliveryAttempts": 31},
    ]
    faults = faults_of(world, in_vault(name("v"), eventSubscriptions=hooks))
    place = "resourceGroups[0].vaults[0].eventSubscriptions"
    for number, one in enumerate(
        (
            ".endpoint.url: it must be an https URL without a query",
            ".name: it must be 3 to 64 letters",
            ".endpoint: what stands here is not known here",
            ".events[0]: it must be one of CertificateNewVersionCreated",
            ".advancedFilters[0]: StringIn compares with one value or more.",
            ".advancedFilters[0]: A value of NumberInRange is a range: two numbers.",
            ".deliveryAttributes[0]: exactly one of value, secret, sourceField",
            ".maxDeliveryAttempts: it must be a whole number from 1 to 30",
        )
    ):
        assert any(fault.startswith(f"{place}[{number}]{one}") for fault in faults), (one, faults)
