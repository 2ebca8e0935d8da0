"""
Pages that redeem their codes themselves: which origins the token endpoint answers (Fetch standard, section 3.2).

A browser shows an answer to a page of another origin only if the answer names that origin. It is named where a client
has registered a page there, and nowhere else: `*` would let any page read what any other one's user gets.
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.redirects import has_page_at
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.sts.authorities import MULTI_TENANT, find_tenant

_VARY = (b"vary", b"Origin")
_SENT = (
    b"content-type, client-request-id, return-client-request-id, x-client-sku, x-client-ver, x-client-os,"
    b" x-client-cpu, x-client-current-telemetry, x-client-last-telemetry, x-ms-lib-capability"
)
"""What Microsoft's libraries send beside the form."""
_PREFLIGHT = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", _SENT),
    (b"access-control-max-age", b"600"),
)


async def preflight(call: Call) -> Response:
    """
    Answer OPTIONS /{tenant}/oauth2/v2.0/token, which a browser asks before it lets a page post there.

    The request does not say which client it is for, so a page of any application in the tenant is one. Whose tokens it
    gets is judged when it asks.

    Raises:
        Invalid: AADSTS900023 or 90002, there is no such tenant.
    """
    origin, name = origin_asked(call), call.params["tenant"]
    tenant = None if name.lower() in MULTI_TENANT else find_tenant(call.world, name).id
    headers = [_VARY]
    if origin is not None and _has_page(call, tenant, origin):
        headers += [*_allow(origin), *_PREFLIGHT]
    return Response(204, headers=headers, content_type=None)


def origin_asked(call: Call) -> str | None:
    """Give the origin of the page that asks; None where no browser says of one."""
    return call.request.header(b"origin") or None


def answered(origin: str) -> list[tuple[bytes, bytes]]:
    """Give the headers of an answer that a page of this origin may read."""
    return [*_allow(origin), _VARY]


def refused(call: Call, form: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Give the headers of a refusal, which a page may read if the client that the request names has one there."""
    origin = origin_asked(call)
    application = call.world.view.application_by_app_id(form.get("client_id", "").lower())
    if origin is None or application is None or not has_page_at(application.sign_in, origin):
        return ()
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answered(origin))


def _has_page(call: Call, tenant: str | None, origin: str) -> bool:
    view = call.world.view
    return any(
        tenant is None or view.service_principal_by_app_id(tenant, one.app_id) is not None
        for one in view.applications_by_origin(origin)
    )


def _allow(origin: str) -> list[tuple[bytes, bytes]]:
    # As the header that it came in was read: the same bytes go back.
    return [(b"access-control-allow-origin", origin.encode("latin-1"))]
