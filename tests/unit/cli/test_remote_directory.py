"""Principals by their names: which question Graph is asked for which text."""

from __future__ import annotations

import httpx
import pytest

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.accounts import Account
from strongroom.cli.remote.directory import USER, find, find_principal
from strongroom.cli.remote.endpoints import endpoints_at
from strongroom.cli.remote.session import Session

MALLORY = {"id": "m", "userPrincipalName": "mallory@example.test", "displayName": "carol@example.test"}


class FixedTokens:
    """Gives a token that nobody looks at."""

    def of(self, audience: str, *, fresh: bool = False) -> str:
        """Give it."""
        return f"for-{audience}"


def directory(*users: dict[str, str]) -> Session:
    """Make a session at a directory that reads filters of the form that is used here."""

    def answer(request: httpx.Request) -> httpx.Response:
        terms = [term.split(" eq ") for term in request.url.params["$filter"].split(" or ")]
        there = users if request.url.path == "/v1.0/users" else ()
        found = [one for one in there if any(one.get(name) == text.strip("'") for name, text in terms)]
        return httpx.Response(200, json={"value": found})

    account = Account(name="a", kind="user", tenant="t", client_id="c")
    client = httpx.Client(transport=httpx.MockTransport(answer))
    return Session(endpoints_at("https://management.localhost:8443", None), client, FixedTokens(), None, account)  # type: ignore[arg-type]  # all that is used of them


def test_a_display_name_is_nobodys_address() -> None:
    """Who calls themselves by the address of somebody who is not there is not given what was meant for them."""
    with pytest.raises(Halt, match="there is no user"):
        find_principal(directory(MALLORY), "carol@example.test")
    with pytest.raises(Halt, match="there is no user"):
        find(directory(MALLORY), USER, "carol@example.test")
    carol = {"id": "c", "userPrincipalName": "carol@example.test", "displayName": "Carol"}
    assert find_principal(directory(MALLORY, carol), "carol@example.test").id == "c"
    assert find_principal(directory(MALLORY, carol), "Carol").id == "c"
