"""
From one end to the other: an ACME authority's certificate is renewed by itself, and a webhook hears of it.

The clock is moved; all else is real: the lifetime action, the order, the proof over HTTP, the new key and secret, the
event that is recorded with them, and a webhook that is an HTTPS server, told by the real way out and checking the
signature. The authority is one of the tests' own; Pebble is asked in `tests/cli/test_acme.py`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from strongroom.app import event_delivery
from strongroom.core.event_filters import EventFilter
from strongroom.core.event_subscriptions import SubscriptionState
from strongroom.core.events import EventType
from strongroom.resources import event_subscriptions as commands
from tests.flow.acme_authority import Authority
from tests.flow.acme_ordering import Ordering
from tests.flow.events import Events
from tests.flow.issuing import begin_anew, lasting_client, look
from tests.flow.test_event_webhooks import Receiver, deliver
from tests.flow.vault_certificates import create, loaded
from tests.plugins.canary import plant
from tests.unit.http_peer import HOST, Elsewhere
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

DAY_S = 86_400
STEPS, STEP_S = 8, 60


@pytest.fixture
def events(world: Simulation) -> Iterator[Events]:
    """Give subscriptions of one test; nothing is due when it begins, and none is left behind."""
    before = world.world.egress
    begin_anew(world)
    world.advance(event_delivery.LEASE_S + 1)
    yield Events(world)
    begin_anew(world)
    world.world.egress = before


def issue(world: Simulation) -> None:
    """Let the job look as often as an order takes, a little later each time."""
    for _ in range(STEPS):
        world.settle()
        world.advance(STEP_S)
        look(world)


def test_a_certificate_is_renewed_and_told_of(events: Events, world: Simulation, tmp_path: Path, name: str) -> None:
    """Three renewals in half a year, each on the day that the policy says, and nothing ever comes near its expiry."""
    authority, vault = Authority(world.clock), lasting_client(world)
    world.world.egress = authority
    ordering = Ordering(world, authority)
    ordering.account(domains=["example.com"])
    world.world.issuers = {"ACME": ordering.restarted()}
    issuer = {"provider": "ACME", "credentials": {"account_id": ordering.name}}
    vault.done("PUT", "/certificates/issuers/letters", body=issuer)

    receiver = Receiver()
    other = Elsewhere(tmp_path, receiver.answer)
    receiver.requests = other.asked
    wanted = EventFilter(types=tuple(kind for kind in EventType if ".Certificate" in kind), subject_begins=name)
    hook = events.put("renewals", f"https://{HOST}/in?code={plant()}", filter=wanted)
    receiver.secret = commands.open_endpoint(world.keys, world.vault, hook).signing_secret
    deliver(events, other)
    assert events.now("renewals").state is SubscriptionState.SUCCEEDED

    # The authority's certificates live for ninety days, an hour of which is over when they come.
    renew = {"trigger": {"days_before_expiry": 35}, "action": {"action_type": "AutoRenew"}}
    create(vault, name, issuer={"name": "letters"}, lifetime_actions=[renew])
    issue(world)
    begun, days = int(world.clock()), []
    seen = vault.done("GET", f"/certificates/{name}")["id"]
    for day in range(1, 181):
        world.advance(DAY_S - STEPS * STEP_S)
        issue(world)
        deliver(events, other)
        if vault.done("GET", f"/certificates/{name}")["id"] != seen:
            seen = vault.done("GET", f"/certificates/{name}")["id"]
            days.append(day)
    assert days == [55, 110, 165]
    told = [(event["eventType"], event["data"]["Version"]) for event in receiver.events]
    versions = sorted(vault.walk(f"/certificates/{name}/versions"), key=lambda one: one["attributes"]["created"])
    assert told == [(EventType.CERTIFICATE_NEW_VERSION, one["id"].rpartition("/")[2]) for one in versions]
    assert len(told) == 4
    bundle = vault.done("GET", f"/certificates/{name}")
    assert bundle["attributes"]["nbf"] > begun
    secret = vault.done("GET", f"/secrets/{name}")
    private, leaf, _ = pkcs12.load_key_and_certificates(base64.b64decode(secret["value"]), None)
    assert private is not None
    assert (leaf, private.public_key()) == (loaded(bundle), loaded(bundle).public_key())
