"""What can be an issuer."""

import pytest

from strongroom.core.federation import TEXT_CHARS, is_issuer

LONGEST = "https://a.example/".ljust(TEXT_CHARS, "x")


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example",
        "https://a.example/",
        "https://a.example:8443/realms/one",
        "https://[2001:db8::7]:1/",
        "https://a.example:65535",
        LONGEST,
    ],
)
def test_an_https_url_is_one(text: str) -> None:
    """With a port and a path or without, up to the longest that is taken."""
    assert is_issuer(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        "http://a.example",
        "HTTPS://a.example",
        "https:/a.example",
        "https://",
        "https:///path",
        "https://:8443",
        "https://me@a.example",
        "https://@a.example",
        "https://me:word@a.example",
        "https://a.example?",
        "https://a.example/?a=b",
        "https://a.example#",
        "https://a.example/#x",
        "https://a.example:0",
        "https://a.example:65536",
        "https://a.example:x",
        "https://[::1",
        "https://a.example /",
        "https://a.example/\n",
        "\thttps://a.example",
        "https://\N{CYRILLIC SMALL LETTER A}.example",
        LONGEST + "x",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    """What readers could disagree about, or what has no keys to be fetched from, is trusted by nobody."""
    assert not is_issuer(text)
