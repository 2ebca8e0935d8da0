"""The user's own way to other hosts."""

import pytest

from strongroom.cli.upstream import Proxy, Surroundings


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy:3128", Proxy("proxy", 3128, False, None)),
        ("proxy:3128", Proxy("proxy", 3128, False, None)),
        ("http://proxy", Proxy("proxy", 80, False, None)),
        ("https://proxy/", Proxy("proxy", 443, True, None)),
        ("http://me:p%40ss@proxy:1", Proxy("proxy", 1, False, "Basic bWU6cEBzcw==")),
        ("http://[::1]:3128", Proxy("::1", 3128, False, None)),
    ],
)
def test_a_proxys_url(text: str, proxy: Proxy) -> None:
    """A proxy is read as every client reads it, without a scheme as http."""
    assert Proxy.parse(text) == proxy


@pytest.mark.parametrize("text", ["socks5://me:secret@proxy:1080", "http://:secret@", "ftp://secret"])
def test_what_is_no_http_proxy_is_refused_without_its_password(text: str) -> None:
    """Another kind of proxy is said to be so, by its variable, and its password is not repeated."""
    with pytest.raises(ValueError, match="HTTPS_PROXY: only http:// and https://") as refusal:
        Surroundings.of({"HTTPS_PROXY": text})
    assert "secret" not in str(refusal.value)


def test_a_password_is_not_shown() -> None:
    """What holds the user's password does not show it."""
    surroundings = Surroundings.of({"HTTPS_PROXY": "http://me:secret@proxy"})
    assert "Basic" not in repr(surroundings)
    assert surroundings.proxies["https"].authorization


@pytest.mark.parametrize(
    ("host", "direct"),
    [
        ("example.com", False),
        ("intranet.corp", True),
        ("a.intranet.corp", True),
        ("dev.localhost", True),
        ("localhost", True),
    ],
)
def test_no_proxy_and_this_machine_are_reached_directly(host: str, *, direct: bool) -> None:
    """The user's exceptions hold, and this machine is never asked of a proxy elsewhere."""
    surroundings = Surroundings.of({"https_proxy": "proxy:1", "no_proxy": "intranet.corp"})
    assert (surroundings.proxy_for("https", host, 443) is None) is direct


def test_each_scheme_has_its_own_proxy_and_all_proxy_stands_in() -> None:
    """HTTPS_PROXY is for https, HTTP_PROXY for http, ALL_PROXY for what has none; lower case first."""
    surroundings = Surroundings.of({"https_proxy": "a", "HTTPS_PROXY": "b", "ALL_PROXY": "c"})
    assert [surroundings.proxies[scheme].host for scheme in ("https", "http")] == ["a", "c"]
