"""What may be said of an event subscription, and how long its deliveries are tried."""

from __future__ import annotations

import pytest

from strongroom.core import event_limits
from strongroom.core.errors import Invalid
from strongroom.core.event_deliveries import RETRY_SCHEDULE_S, pause_s, place_of
from strongroom.core.event_subscriptions import (
    DeliveryHeader,
    RetryPolicy,
    check_headers,
    check_labels,
    check_retry,
    parse_endpoint,
    parse_subscription_name,
)
from strongroom.core.events import Event, EventType
from strongroom.core.outgoing import URL_CHARS


def test_names_at_their_limits() -> None:
    """3 to 64 letters, digits and hyphens; some beginnings are Event Grid's own."""
    longest = "n" * event_limits.EVENT_SUBSCRIPTION_NAME_CHARS
    for name in ("abc", "A-1", longest):
        assert parse_subscription_name(name) == name
    for name in ("ab", f"{longest}n", "a_b", "a.b", "", "ümlaut", "Microsoft-a", "eventgrid-a", "SYSTEM-a"):
        with pytest.raises(Invalid):
            parse_subscription_name(name)


def test_an_endpoint_is_shown_without_its_query() -> None:
    """A query may hold a secret; a host, a port and a path do not."""
    assert parse_endpoint("https://a.example:8443/in?code=hidden") == "https://a.example:8443/in"


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/", "https://u:hidden@a.example/", "https://u:hidden/word@a.example/",
        "https://a.example/#hidden", "https:///x", "ftp://a", "x", "",
    ],
)  # fmt: skip
def test_an_endpoint_that_nothing_is_sent_to(url: str) -> None:
    """SEC-EGRESS-2: it is refused when it is named, and is not repeated."""
    with pytest.raises(Invalid) as refused:
        parse_endpoint(url)
    assert "hidden" not in refused.value.message
    with pytest.raises(Invalid):
        parse_endpoint("https://a.example/" + "x" * URL_CHARS)


def test_retry_policies_at_their_limits() -> None:
    """1 to 30 attempts, 1 to 1440 minutes."""
    check_retry(RetryPolicy(1, 1))
    check_retry(RetryPolicy(event_limits.EVENT_ATTEMPTS, event_limits.EVENT_LIVE_MINUTES))
    for past in (
        RetryPolicy(attempts=0),
        RetryPolicy(attempts=event_limits.EVENT_ATTEMPTS + 1),
        RetryPolicy(live_minutes=0),
        RetryPolicy(live_minutes=event_limits.EVENT_LIVE_MINUTES + 1),
    ):
        with pytest.raises(Invalid):
            check_retry(past)


def test_labels_at_their_limits() -> None:
    """As many, and as long, as there may be."""
    longest = "l" * event_limits.EVENT_LABEL_CHARS
    check_labels((longest,) * event_limits.EVENT_LABELS)
    for past in ((f"{longest}l",), ("l",) * (event_limits.EVENT_LABELS + 1), ("",), ("a\nb",)):
        with pytest.raises(Invalid):
            check_labels(past)


def test_headers_at_their_limits() -> None:
    """As many, and as long, as there may be."""
    value = "v" * event_limits.EVENT_HEADER_BYTES
    many = tuple((DeliveryHeader(f"X-{number}", value), value) for number in range(event_limits.EVENT_HEADERS))
    check_headers(many)
    with pytest.raises(Invalid):
        check_headers((*many, (DeliveryHeader("X-More", "a"), "a")))
    with pytest.raises(Invalid):
        check_headers(((DeliveryHeader("X-A"), f"{value}v"),))
    source = "s" * event_limits.EVENT_FILTER_CHARS
    check_headers(((DeliveryHeader("X-A", source=source), ""),))
    with pytest.raises(Invalid):
        check_headers(((DeliveryHeader("X-A", source=f"{source}s"), ""),))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "a"),
        ("content-length", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "keep-alive"),
        ("aeg-event-type", "a"),
        ("X-Strongroom-Signature", "a"),
        ("Proxy-Authorization", "a"),
        ("WebHook-Request-Origin", "a"),
        ("X A", "a"),
        ("X:A", "a"),
        ("", "a"),
        # It is a k in small letters.
        ("X-\u212a", "a"),
        ("X-A", ""),
        ("X-A", "a\r\nHost: b"),
        ("X-A", "ä"),
    ],
)
def test_a_header_that_is_not_theirs_to_set(name: str, value: str) -> None:
    """What says how a request is read, or is ours to say, is refused; so is a value that would be two headers."""
    with pytest.raises(Invalid):
        check_headers(((DeliveryHeader(name, value), value),))


def test_a_header_is_named_once() -> None:
    """Whatever the case."""
    with pytest.raises(Invalid):
        check_headers(((DeliveryHeader("X-A", "1"), "1"), (DeliveryHeader("x-a", "2"), "2")))


def test_pauses_grow_and_stay() -> None:
    """The last pause of the schedule is that of all later attempts; some statuses ask for more at first."""
    assert [pause_s(attempts, 500) for attempts in range(1, 11)] == list(RETRY_SCHEDULE_S)
    assert pause_s(29, None) == RETRY_SCHEDULE_S[-1]
    assert (pause_s(1, 404), pause_s(5, 404), pause_s(1, 408), pause_s(1, 503)) == (300, 600, 120, 30)


def test_events_of_objects_that_share_a_name_are_apart() -> None:
    """A certificate, its key and its secret are three objects; names have no case."""
    made = [
        Event("i", EventType.KEY_EXPIRED, 0, "v", "/t", "kv", name, kind)
        for name, kind in (("A", "Key"), ("a", "Key"), ("a", "Secret"), ("a", "Certificate"), ("kv", ""))
    ]
    assert [place_of(one) for one in made] == ["key/a", "key/a", "secret/a", "certificate/a", "vault/kv"]
