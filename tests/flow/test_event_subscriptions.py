"""Event subscriptions on the management plane: what is shown, what is told on request, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.event_deliveries import DeliveryState
from strongroom.core.event_subscriptions import EventSubscription, SubscriptionState
from strongroom.core.records import vault_partition
from strongroom.resources import dead_letters
from strongroom.resources import event_subscriptions as subscriptions
from strongroom.store import Transaction
from tests.flow.arm import Arm
from tests.plugins.canary import plant
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Be the administrator."""
    return Arm(world, world.administrator)


def kept(arm: Arm) -> EventSubscription:
    """Give the subscription as it is stored."""
    vault = arm.world.view.vault_by_name(arm.vault_name)
    assert vault is not None
    found = arm.world.view.get(EventSubscription, vault_partition(vault.id), f"e-{arm.tag}")
    assert found is not None
    return found


def destination(url: str | None = None, **more: Any) -> dict[str, Any]:
    """Give a webhook."""
    where = {"endpointUrl": url} if url is not None else {}
    return {"endpointType": "WebHook", "properties": where | more}


def test_it_is_shown_without_what_may_be_secret(arm: Arm) -> None:
    """A GET has the URL without its query, and not the value of a secret header; each is told on request."""
    token, header = plant(), plant()
    url = f"https://hooks.example/path?code={token}"
    mappings = [
        {"name": "X-Key", "type": "Static", "properties": {"value": header, "isSecret": True}},
        {"name": "X-Plain", "type": "Static", "properties": {"value": "seen", "isSecret": False}},
        {"name": "X-Name", "type": "Dynamic", "properties": {"sourceField": "data.ObjectName"}},
    ]
    arm.make_event_subscription(destination=destination(url, deliveryAttributeMappings=mappings))
    shown = arm.do("GET", arm.event_subscription)
    where = shown["properties"]["destination"]["properties"]
    assert (where["endpointUrl"], where["endpointBaseUrl"]) == (None, "https://hooks.example/path")
    assert [one["properties"].get("value") for one in where["deliveryAttributeMappings"]] == [None, "seen", None]
    assert arm.do("POST", f"{arm.event_subscription}/getFullUrl") == {"endpointUrl": url}
    told = arm.do("POST", f"{arm.event_subscription}/getDeliveryAttributes")["value"]
    assert [one["properties"].get("value") for one in told] == [header, "seen", None]
    assert shown["properties"]["topic"].lower() == arm.vault.lower()
    assert shown["properties"]["labels"] is None


def test_what_a_client_was_shown_can_be_sent_back(arm: Arm) -> None:
    """What is not shown stays: the URL, and the value of a secret header."""
    token, header = plant(), plant()
    url = f"https://hooks.example/path?code={token}"
    mapping = {"name": "X-Key", "type": "Static", "properties": {"value": header, "isSecret": True}}
    arm.make_event_subscription(destination=destination(url, deliveryAttributeMappings=[mapping]))
    shown = arm.do("GET", arm.event_subscription)["properties"]
    arm.do("PATCH", arm.event_subscription, {"destination": shown["destination"], "labels": ["new"]})
    assert arm.do("POST", f"{arm.event_subscription}/getFullUrl") == {"endpointUrl": url}
    told = arm.do("POST", f"{arm.event_subscription}/getDeliveryAttributes")["value"]
    assert told[0]["properties"] == {"value": header, "isSecret": True}


def test_a_secret_header_does_not_go_along_to_another_endpoint(arm: Arm) -> None:
    """SEC-EVENT-6: who may write is not told it by naming an endpoint of his own, which would be sent it at once."""
    header = plant()
    mapping = {"name": "X-Key", "type": "Static", "properties": {"value": header, "isSecret": True}}
    url = "https://hooks.example/path?code=a"
    arm.make_event_subscription(destination=destination(url, deliveryAttributeMappings=[mapping]))
    shown = arm.do("GET", arm.event_subscription)["properties"]["destination"]["properties"]
    for other in ("https://other.example/path?code=a", "https://hooks.example/elsewhere"):
        for mappings in ({}, {"deliveryAttributeMappings": shown["deliveryAttributeMappings"]}):
            answer = arm.ask("PATCH", arm.event_subscription, {"destination": destination(other, **mappings)})
            assert answer.status == 400, answer.body
    arm.do("PATCH", arm.event_subscription, {"destination": destination(url, maxEventsPerBatch=2)})
    given = destination("https://other.example/path", deliveryAttributeMappings=[mapping])
    arm.do("PATCH", arm.event_subscription, {"destination": given})
    told = arm.do("POST", f"{arm.event_subscription}/getDeliveryAttributes")["value"]
    assert told[0]["properties"] == {"value": header, "isSecret": True}


def test_a_patch_changes_what_it_says(arm: Arm) -> None:
    """What it leaves out stays as it was."""
    arm.make_event_subscription(filter={"subjectBeginsWith": "db-"}, labels=["a"])
    body = {"retryPolicy": {"maxDeliveryAttempts": 3}, "eventDeliverySchema": "CloudEventSchemaV1_0"}
    properties = arm.do("PATCH", arm.event_subscription, body)["properties"]
    assert properties["retryPolicy"] == {"maxDeliveryAttempts": 3, "eventTimeToLiveInMinutes": 1440}
    assert properties["eventDeliverySchema"] == "CloudEventSchemaV1_0"
    assert (properties["filter"]["subjectBeginsWith"], properties["labels"]) == ("db-", ["a"])


def test_filters_are_shown_as_they_were_given(arm: Arm) -> None:
    """Types, subjects, and advanced filters with one value or more."""
    advanced = [
        {"operatorType": "StringBeginsWith", "key": "data.ObjectName", "values": ["db-", "api-"]},
        {"operatorType": "NumberGreaterThan", "key": "data.EXP", "value": 7.0},
        {"operatorType": "NumberInRange", "key": "data.EXP", "values": [[1.0, 5.0]]},
        {"operatorType": "IsNotNull", "key": "data.EXP"},
    ]
    wanted = {
        "includedEventTypes": ["Microsoft.KeyVault.SecretNearExpiry"],
        "subjectBeginsWith": "a",
        "subjectEndsWith": "z",
        "isSubjectCaseSensitive": True,
        "enableAdvancedFilteringOnArrays": False,
        "advancedFilters": advanced,
    }
    arm.make_event_subscription(filter=wanted)
    assert arm.do("GET", arm.event_subscription)["properties"]["filter"] == wanted


@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({"destination": None}, "destination"),
        ({"destination": destination("http://hooks.example/a")}, "https"),
        ({"destination": {"endpointType": "EventHub"}}, "WebHook"),
        ({"destination": destination("https://hooks.example/a", azureActiveDirectoryTenantId="t")}, "token"),
        ({"destination": destination("https://hooks.example/a", minimumTlsVersionAllowed="1.0")}, "Tls"),
        ({"filter": {"includedEventTypes": ["Microsoft.Storage.BlobCreated"]}}, "event type"),
        (
            {"filter": {"advancedFilters": [{"operatorType": "StringLike", "key": "subject", "values": ["a"]}]}},
            "operator",
        ),
        ({"retryPolicy": {"maxDeliveryAttempts": 31}}, "maxDeliveryAttempts"),
        ({"retryPolicy": {"eventTimeToLiveInMinutes": 0}}, "eventTimeToLiveInMinutes"),
        ({"eventDeliverySchema": "CustomInputSchema"}, "eventDeliverySchema"),
        ({"expirationTimeUtc": "tomorrow"}, "expirationTimeUtc"),
        ({"expirationTimeUtc": "9999-12-31T23:59:59-14:00"}, "is no time"),
        ({"expirationTimeUtc": "2001-01-01T00:00:00Z"}, "future"),
        ({"deadLetterDestination": {"endpointType": "Queue", "properties": {"resourceId": "x"}}}, "StorageBlob"),
        ({"deadLetterDestination": {"endpointType": "StorageBlob"}}, "ARM id"),
        ({"deliveryWithResourceIdentity": {}}, "identity"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused(arm: Arm, properties: dict[str, Any], word: str) -> None:
    """Each with a sentence that says which member is wrong, and nothing is made."""
    arm.make_vault()
    status, _, message = arm.refused("PUT", arm.event_subscription, arm.event_subscription_body(**properties))
    assert (status, word in message) == (400, True), message


def test_deliveries_are_signed_with_a_key_of_the_subscription(arm: Arm) -> None:
    """It is told on request, stays when the subscription is changed, and is another one when it is renewed."""
    arm.make_event_subscription()
    secret = arm.do("POST", f"{arm.event_subscription}/getSigningSecret")["signingSecret"]
    arm.do("PUT", arm.event_subscription, arm.event_subscription_body(labels=["a"]))
    assert arm.do("POST", f"{arm.event_subscription}/getSigningSecret")["signingSecret"] == secret
    renewed = arm.do("POST", f"{arm.event_subscription}/renewSigningSecret")["signingSecret"]
    assert renewed != secret
    assert arm.do("POST", f"{arm.event_subscription}/getSigningSecret")["signingSecret"] == renewed


def _await_validation(arm: Arm) -> tuple[EventSubscription, str]:
    """Have an endpoint that answered and did not say yes; give its subscription, and the path of its URL."""
    arm.make_event_subscription()
    found = kept(arm)

    async def note(tx: Transaction) -> bool:
        return await subscriptions.note_handshake(tx, found, SubscriptionState.AWAITING_MANUAL_ACTION)

    assert arm.world.commit(note)
    return kept(arm), subscriptions.validation_url(arm.world.keys, arm.world.world.hosts, found)


def test_an_endpoint_is_validated_by_its_url(arm: Arm) -> None:
    """Whoever was sent it opens it, without a token of ours, in time and once."""
    _, url = _await_validation(arm)
    assert arm.world.ask("GET", f"{url[:-1]}x").status == 404
    assert arm.world.ask("GET", url).status == 200
    assert kept(arm).state is SubscriptionState.SUCCEEDED
    assert arm.world.ask("GET", url).status == 404


def test_a_url_that_nobody_was_sent_begins_no_change(arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-EVENT-2: whoever guesses keeps nobody's writes waiting."""
    _, url = _await_validation(arm)

    async def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a change was begun")

    monkeypatch.setattr(type(arm.world.store), "commit", refuse)
    for guess in (f"{url[:-1]}x", url.replace("v=", "v=0"), url.partition("?")[0]):
        assert arm.world.ask("GET", guess).status == 404


def test_a_validation_url_is_good_for_ten_minutes(arm: Arm) -> None:
    """Then another handshake has to be begun."""
    _, url = _await_validation(arm)
    arm.world.advance(subscriptions.HANDSHAKE_S)
    assert arm.world.ask("GET", url).status == 404


def test_dead_letters_are_listed_replayed_and_discarded(arm: Arm) -> None:
    """What could not be delivered is told with why, tried anew on request, and goes on request."""
    found, url = _await_validation(arm)
    arm.world.ask("GET", url)
    vault = arm.world.view.vault_by_name(arm.vault_name)
    assert vault is not None
    for name in ("a", "b"):
        arm.do("PUT", f"{arm.vault}/secrets/{name}", {"properties": {"value": plant()}})

    async def bury(tx: Transaction) -> None:
        for one in await tx.due_deliveries(found.number, arm.world.world.now(), limit=10):
            await dead_letters.bury(tx, replace(one, state=DeliveryState.DEAD, reason="MaxDeliveryAttemptsExceeded"))

    arm.world.commit(bury)
    letters = arm.do("GET", f"{arm.event_subscription}/deadLetters")["value"]
    assert sorted((one["subject"], one["reason"]) for one in letters) == [
        ("a", "MaxDeliveryAttemptsExceeded"),
        ("b", "MaxDeliveryAttemptsExceeded"),
    ]
    event = letters[0]["eventId"]
    assert arm.do("POST", f"{arm.event_subscription}/deadLetters/replay", {"eventId": event}) == {"replayed": 1}
    status, code, _ = arm.refused("POST", f"{arm.event_subscription}/deadLetters/discard", {"eventId": event})
    assert (status, code) == (404, "ResourceNotFound")
    assert arm.do("POST", f"{arm.event_subscription}/deadLetters/discard", {}) == {"discarded": 1}
    assert arm.do("GET", f"{arm.event_subscription}/deadLetters")["value"] == []
