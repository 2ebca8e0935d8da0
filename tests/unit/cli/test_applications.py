"""`strongroom app create`: what is told when a later step is refused."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.accounts import Account
from strongroom.cli.remote.applications import make_application
from strongroom.cli.remote.endpoints import endpoints_at
from strongroom.cli.remote.handing_over import place_for_secret
from strongroom.cli.remote.session import Session

REFUSAL = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
ANSWERS = {
    "/v1.0/applications": {"displayName": "Shop", "appId": "a-client-id", "id": "an-object-id"},
    "/v1.0/servicePrincipals": {"id": "a-principal-id"},
}


class FixedTokens:
    """Gives a token that nobody looks at."""

    def of(self, audience: str, *, fresh: bool = False) -> str:
        """Give it."""
        return f"for-{audience}"


def session_where(refused: str) -> Session:
    """Make a session at a service that refuses one path."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == refused:
            return httpx.Response(403, json=REFUSAL)
        return httpx.Response(201, json=ANSWERS[request.url.path])

    account = Account(name="a", kind="service-principal", tenant="t", client_id="c")
    client = httpx.Client(transport=httpx.MockTransport(answer))
    return Session(endpoints_at("https://management.localhost:8443", None), client, FixedTokens(), None, account)


@pytest.mark.parametrize(
    ("refused", "command"),
    [
        ("/v1.0/servicePrincipals", "strongroom sp create a-client-id"),
        ("/v1.0/applications/an-object-id/addPassword", "strongroom app credential add a-client-id"),
    ],
)
def test_what_was_made_before_a_refusal_is_told(refused: str, command: str) -> None:
    """With why the rest was not, the command that goes on, and the exit code of the refusal."""
    with pytest.raises(Halt) as caught:
        make_application(session_where(refused), "Shop", principal=True, secret=True, days=None)
    said = str(caught.value)
    assert "the application Shop (a-client-id) was made" in said
    assert "Insufficient privileges." in said
    assert said.endswith(f"to go on: {command}")
    assert caught.value.exit_code is Exit.REFUSED


def test_a_refusal_of_the_first_step_is_itself() -> None:
    """Nothing was made, and nothing else is said."""
    with pytest.raises(Halt) as caught:
        make_application(session_where("/v1.0/applications"), "Shop", principal=True, secret=True, days=None)
    assert "was made" not in str(caught.value)


def test_a_file_that_was_taken_away_hides_no_refusal(tmp_path: Path) -> None:
    """Why no secret came is what is told."""
    file = tmp_path / "secret"

    def refused() -> None:
        file.unlink()
        raise Halt("no")

    with pytest.raises(Halt, match="no"), place_for_secret(file):
        refused()
