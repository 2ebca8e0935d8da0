"""Azure CLI subscribes to a vault's events."""

from __future__ import annotations

import pytest

from tests.az.conftest import Az
from tests.plugins.canary import plant

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]


def test_event_subscriptions(az: Az, group: str, tag: str) -> None:
    """One is made, shown with its full URL, listed and deleted; its endpoint is nobody's, which az tells."""
    vault = az(f"keyvault create -n v-{tag} -g {group} -l local")["id"]
    url = f"https://192.0.2.1/in?code={plant()}"
    it = f"--name e-{tag} --source-resource-id {vault}"
    types = "--included-event-types Microsoft.KeyVault.SecretNearExpiry --subject-begins-with db-"
    assert "handshake failed" in az.refused(f"eventgrid event-subscription create {it} --endpoint", url, *types.split())
    shown = az(f"eventgrid event-subscription show {it} --include-full-endpoint-url true")
    assert shown["destination"]["endpointUrl"] == url
    assert (shown["filter"]["subjectBeginsWith"], shown["provisioningState"]) == ("db-", "Failed")
    listed = az(f"eventgrid event-subscription list --source-resource-id {vault}")
    assert [one["name"] for one in listed] == [f"e-{tag}"]
    az(f"eventgrid event-subscription delete {it}")
    assert az(f"eventgrid event-subscription list --source-resource-id {vault}") == []
