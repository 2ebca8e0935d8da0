"""azure-mgmt-eventgrid, unmodified, against a live service: event subscriptions of a vault."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.eventgrid import EventGridManagementClient
from azure.mgmt.eventgrid.models import (
    EventSubscription,
    EventSubscriptionFilter,
    EventSubscriptionUpdateParameters,
    RetryPolicy,
    StaticDeliveryAttributeMapping,
    StringBeginsWithAdvancedFilter,
    WebHookEventSubscriptionDestination,
)

from tests.plugins.canary import plant
from tests.sdk.arm.conftest import Plane


def test_an_event_subscriptions_life(plane: Plane) -> None:
    """It is made, shown, listed, changed and deleted; an address where nobody is does not agree."""
    client = plane.client(EventGridManagementClient, plane.subscription).event_subscriptions
    scope = f"{plane.scope}/providers/Microsoft.KeyVault/vaults/{plane.facts['vaultName']}"
    url, value = f"https://192.0.2.1/in?code={plant()}", plant()
    header = StaticDeliveryAttributeMapping(name="X-Key", value=value, is_secret=True)
    wanted = EventSubscription(
        destination=WebHookEventSubscriptionDestination(endpoint_url=url, delivery_attribute_mappings=[header]),
        filter=EventSubscriptionFilter(
            included_event_types=["Microsoft.KeyVault.SecretNearExpiry"],
            advanced_filters=[StringBeginsWithAdvancedFilter(key="data.ObjectName", values=["db-"])],
        ),
        labels=["by-sdk"],
        retry_policy=RetryPolicy(max_delivery_attempts=5, event_time_to_live_in_minutes=60),
    )
    with pytest.raises(HttpResponseError, match="Webhook validation handshake failed"):
        client.begin_create_or_update(scope, "by-sdk", wanted).result()
    made = client.get(scope, "by-sdk")
    assert (made.provisioning_state, made.labels) == ("Failed", ["by-sdk"])
    assert (made.destination.endpoint_url, made.destination.endpoint_base_url) == (None, "https://192.0.2.1/in")
    assert made.filter.advanced_filters[0].values == ["db-"]
    assert client.get_full_url(scope, "by-sdk").endpoint_url == url
    assert client.get_delivery_attributes(scope, "by-sdk").value[0].value == value
    parts = (plane.group, "Microsoft.KeyVault", "vaults", plane.facts["vaultName"])
    assert [one.name for one in client.list_by_resource(*parts)] == ["by-sdk"]
    with pytest.raises(HttpResponseError):
        client.begin_update(scope, "by-sdk", EventSubscriptionUpdateParameters(labels=["changed"])).result()
    assert client.get(scope, "by-sdk").labels == ["changed"]
    client.begin_delete(scope, "by-sdk").result()
    assert list(client.list_by_resource(*parts)) == []
