"""
The pages of sign-in: made here, whole, and usable without a script.

Each says which instance it is and that it is not Microsoft's. Nothing from elsewhere is loaded, nobody may frame one,
and a form goes back here or to the client's own redirect URI and nowhere else (security.md "Tokens and sign-in").
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from strongroom.core.errors import Failure
from strongroom.flow.call import Call
from strongroom.http.message import HTML, Header, Response

if TYPE_CHECKING:
    import jinja2

_NONCE_BYTES = 16


def page(call: Call, name: str, *, goes_to: str | None = None, **values: object) -> tuple[str, list[Header]]:
    """Make a page, and the headers that go with it. *goes_to* is a redirect URI that its form may lead to."""
    nonce = b64encode(call.world.entropy(_NONCE_BYTES)).decode("ascii")
    text = (
        _environment()
        .get_template(f"{name}.html")
        .render(nonce=nonce, instance=call.the_site.netloc, correlation=_correlation(call), **values)
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; base-uri 'none';"
        f" form-action 'self'{_origin(goes_to)}; frame-ancestors 'none'"
    )
    return text, [
        (b"content-security-policy", policy.encode("ascii")),
        (b"cache-control", b"no-store"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
    ]


def answer(call: Call, name: str, *, goes_to: str | None = None, **values: object) -> Response:
    """Answer with a page."""
    text, headers = page(call, name, goes_to=goes_to, **values)
    return Response(200, text.encode(), headers, HTML)


def told(call: Call, failure: Failure, name: str = "error", *, goes_to: str | None = None, **values: object) -> Failure:
    """Have a refusal told to a person, by a page, instead of to a program."""
    sentence = f"AADSTS{failure.number}: {failure.message}" if failure.number else failure.message
    failure.page, headers = page(call, name, goes_to=goes_to, wrong=sentence, **values)
    failure.headers += tuple((key.decode("ascii"), value.decode("ascii")) for key, value in headers)
    return failure


def _correlation(call: Call) -> str:
    """Name the request as the journal does."""
    return call.connection.client_request_id or call.connection.request_id


def _origin(uri: str | None) -> str:
    """Name where a form may lead besides: browsers hold redirects after a form to `form-action` too."""
    if uri is None:
        return ""
    parts = urlsplit(uri)
    # An installed program's own scheme may have no host: then the scheme is all that can be said (CSP 3 section 2.3.1).
    return f" {parts.scheme}://{parts.netloc}" if parts.netloc else f" {parts.scheme}:"


@cache
def _environment() -> jinja2.Environment:
    """Make the templates' environment; the library is loaded by the first page, which no start-up waits for."""
    import jinja2  # noqa: PLC0415  see above

    return jinja2.Environment(
        loader=jinja2.PackageLoader("strongroom.sts"), autoescape=True, undefined=jinja2.StrictUndefined
    )
