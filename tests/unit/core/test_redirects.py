"""Redirect URIs, one at a time: what may be registered, where an answer stays on the machine, whose page asks."""

import pytest

from strongroom.core.limits import REDIRECT_URI_CHARS
from strongroom.core.redirects import Platform, find_platform, has_page_at, is_loopback_redirect, may_be_registered
from strongroom.core.registration import SignIn

LONGEST = "https://a.example/".ljust(REDIRECT_URI_CHARS, "x")


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize(
    "uri",
    [
        "https://a.example",
        "https://a.example:8443/in?a=b",
        "http://localhost",
        "http://localhost:8400/in",
        "http://127.0.0.1/in",
        "http://[::1]:1",
        LONGEST,
    ],
)
def test_what_every_client_may_register(platform: Platform, uri: str) -> None:
    """SEC-TOKEN-9: HTTPS anywhere, and HTTP on the user's own machine, up to the longest that is taken."""
    assert may_be_registered(uri, platform)


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize(
    "uri",
    [
        "",
        "a.example",
        "/in",
        "https:",
        "myapp:",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///in",
        "blob:https://a.example/1",
        "https://a.example/#x",
        "https://*.a.example/",
        "https://a.example\\@b.example/",
        "https://a.example/in ",
        "https://a.example/\t",
        "https://\N{CYRILLIC SMALL LETTER A}.example/",
        "https://me@a.example/",
        "https://@a.example/",
        "https://a.example;b.example/",
        "https://a.example,b.example/",
        "https://a.example:0/",
        "https://a.example:65536/",
        "https://[::1/",
        LONGEST + "x",
    ],
)
def test_what_no_client_may_register(platform: Platform, uri: str) -> None:
    """SEC-TOKEN-9: what a browser runs by itself, what readers could disagree about, and what is too long."""
    assert not may_be_registered(uri, platform)


@pytest.mark.parametrize("uri", ["myapp://in", "urn:ietf:wg:oauth:2.0:oob", "http://a.example/in", "https:/in"])
def test_what_an_installed_program_alone_may_register(uri: str) -> None:
    """SEC-TOKEN-9: a server's or a page's code never goes in the clear, nor to a scheme that any program can take."""
    assert [one for one in Platform if may_be_registered(uri, one)] == [Platform.PUBLIC_CLIENT]


@pytest.mark.parametrize(
    ("uri", "stays"),
    [
        ("http://localhost", True),
        ("http://localhost:8400/", True),
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1/", True),
        ("https://localhost", False),
        ("http://localhost/in", False),
        ("http://localhost?a=b", False),
        ("http://localhost.example", False),
        ("http://127.0.0.2", False),
        ("http://me@localhost", False),
        ("myapp://localhost", False),
    ],
)
def test_what_stays_on_the_users_machine(uri: str, *, stays: bool) -> None:
    """SEC-TOKEN-9: HTTP to loopback at any port, with neither path nor query."""
    assert is_loopback_redirect(uri) is stays


@pytest.mark.parametrize(
    ("registered", "asked", "matches"),
    [
        ("http://localhost/in", "http://localhost:8400/in", True),
        ("http://localhost", "http://localhost:8400/", True),
        ("http://localhost/in", "http://localhost:8400/in/", False),
        ("http://localhost/in", "http://localhost:8400/in?a=b", False),
        ("http://localhost/in", "http://127.0.0.1/in", False),
        ("https://localhost/in", "https://localhost:8400/in", False),
        ("https://localhost/in", "http://localhost/in", False),
        ("http://localhost/in", "https://localhost/in", False),
        ("https://a.example/in", "https://a.example:8443/in", False),
        ("https://a.example/in", "https://a.example/in/", False),
        ("https://a.example/in", "https://A.example/in", False),
    ],
)
def test_where_an_answer_may_go(registered: str, asked: str, *, matches: bool) -> None:
    """SEC-TOKEN-9: to what was registered, character by character, but for the port on loopback."""
    found = find_platform(SignIn(web=(registered,)), asked)
    assert found is (Platform.WEB if matches else None)


@pytest.mark.parametrize(
    ("origin", "known"),
    [
        ("https://a.example", True),
        ("https://a.example:8443", False),
        ("http://a.example", False),
        ("https://b.example", False),
        ("http://localhost:1234", True),
        ("http://127.0.0.1:1234", False),
        ("http://[::1]:1234", False),
        ("https://localhost:1234", False),
        ("null", False),
    ],
)
def test_whose_page_asks(origin: str, *, known: bool) -> None:
    """SEC-TOKEN-9: an origin is a registered page's, or no page's; on loopback its port does not count."""
    registered = SignIn(
        spa=("https://a.example/in", "http://localhost:3000/in", "https://[::1]/in"), web=("https://b.example/in",)
    )
    assert has_page_at(registered, origin) is known
