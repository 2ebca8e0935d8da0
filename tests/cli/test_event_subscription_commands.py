"""`strongroom event-subscription`, as an operator types it at a real service."""

from __future__ import annotations

from pathlib import Path

from tests.cli.operators import Operator
from tests.plugins.canary import plant, remember

NOWHERE = "192.0.2.1"
"""An address for documentation (RFC 5737), where nobody is."""


def test_an_event_subscriptions_life(operator: Operator, vault: str, tmp_path: Path) -> None:
    """Its URL goes in by a file, and comes out on request alone; what is not said of it stays."""
    command = "event-subscription"
    url = f"https://{NOWHERE}/rotate?code={plant()}"
    file = tmp_path / "url"
    file.write_text(f"{url}\n")
    assert "--endpoint" in operator.fails(2, command, "create", vault, "rotate")
    words = ("--endpoint-file", str(file), "--event", "SecretNearExpiry", "--subject-begins-with", "db-")
    # Nobody can be asked whether he wants them: the address is one that nothing is sent to.
    assert "no address" in operator.fails(1, command, "create", vault, "rotate", *words)
    made = operator.json(command, "show", vault, "rotate")
    assert made["properties"]["provisioningState"] == "Failed"
    assert made["properties"]["filter"]["includedEventTypes"] == ["Microsoft.KeyVault.SecretNearExpiry"]
    shown = operator.done(command, "show", vault, "rotate")
    assert f"https://{NOWHERE}/rotate" in shown
    assert "code=" not in shown
    assert operator.done(command, "full-url", vault, "rotate").strip() == url
    operator.fails(1, command, "update", vault, "rotate", "--attempts", "3", "--schema", "cloud-events")
    changed = operator.json(command, "show", vault, "rotate")
    assert changed["properties"]["retryPolicy"]["maxDeliveryAttempts"] == 3
    assert changed["properties"]["filter"]["subjectBeginsWith"] == "db-"
    secret = operator.done(command, "signing-secret", vault, "rotate").strip()
    remember(secret)
    renewed = operator.done(command, "signing-secret", vault, "rotate", "--renew").strip()
    remember(renewed)
    assert secret != renewed
    assert "rotate" in operator.done(command, "list", vault)
    assert operator.json(command, "dead-letters", "list", vault, "rotate") == []
    assert operator.json(command, "dead-letters", "replay", vault, "rotate") == {"replayed": 0}
    assert operator.json(command, "dead-letters", "discard", vault, "rotate", "--yes") == {"discarded": 0}
    assert "add --yes" in operator.fails(2, command, "delete", vault, "rotate")
    operator.done(command, "delete", vault, "rotate", "--yes")
    assert "there is no event subscription called rotate" in operator.fails(1, command, "show", vault, "rotate")


def test_what_is_refused_at_once_says_why(operator: Operator, vault: str) -> None:
    """What may not be asked for is told as it is, with no subscription of that name and beside one that failed."""
    command = ("event-subscription", "create", vault, "refused", "--endpoint")
    for _ in range(2):
        assert "https" in operator.fails(1, *command, f"http://{NOWHERE}/")
        assert "no address" in operator.fails(1, *command, f"https://{NOWHERE}/")
    operator.done("event-subscription", "delete", vault, "refused", "--yes")
