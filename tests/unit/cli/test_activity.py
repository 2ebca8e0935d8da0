"""`strongroom audit list`: how its options become the activity log's filter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.accounts import Account
from strongroom.cli.remote.activity import Question, filter_of, parse_since
from strongroom.cli.remote.endpoints import endpoints_at
from strongroom.cli.remote.session import Session
from strongroom.cli.remote.tokens import Tokens
from strongroom.cli.remote.wire import open_client

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-26", datetime(2026, 11, 26, tzinfo=UTC)),
        ("2026-11-26T10:00", datetime(2026, 11, 26, 10, tzinfo=UTC)),
        ("2026-11-26T10:00+02:00", datetime(2026, 11, 26, 8, tzinfo=UTC)),
    ],
)
def test_a_time_is_so_long_ago_or_a_date(text: str, begin: datetime) -> None:
    """A date is UTC unless it says otherwise."""
    assert parse_since(text, NOW) == begin


@pytest.mark.parametrize("text", ["", "yesterday", "0d", "-1d", "7w", "9999999d", "999999d9", "2026-13-01"])
def test_what_is_no_time_is_told(text: str) -> None:
    """The line was wrong, and the message says how it is right."""
    with pytest.raises(Halt, match="90m") as caught:
        parse_since(text, NOW)
    assert caught.value.exit_code is Exit.USAGE


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Make a session that asks nobody."""
    endpoints = endpoints_at("https://management.localhost:8443", None)
    client = open_client(endpoints)
    account = Account(name="a", kind="service-principal", tenant="t", client_id="c")
    return Session(endpoints, client, Tokens(endpoints, client, account), "s", account)


def test_the_filter_says_what_the_options_do(session: Session) -> None:
    """Quotes in what people wrote end no text."""
    begin = "eventTimestamp ge '2026-11-27T08:00:00Z'"
    assert filter_of(session, Question("1d"), NOW) == begin
    question = Question("1d", "o'hara@a.example", "/subscriptions/s/resourceGroups/g", "g")
    assert filter_of(session, question, NOW) == (
        f"{begin} and caller eq 'o''hara@a.example' and resourceGroupName eq 'g'"
        " and resourceUri eq '/subscriptions/s/resourceGroups/g'"
    )
