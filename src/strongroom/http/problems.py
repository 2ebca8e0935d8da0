"""
How each dialect says no: one error table, one renderer for each dialect.

The sentence and the word come from the `Failure`; status and default word come from the table. What is not a `Failure`
says nothing outside: `unexpected` is the same for every fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.core import errors
from strongroom.core.errors import Failure
from strongroom.http.json import encode
from strongroom.http.message import HTML, Header, Response


@dataclass(frozen=True, slots=True)
class Moment:
    """What some dialects put beside the error itself."""

    request_id: str
    correlation_id: str
    timestamp: str
    """`2025-01-01 00:00:00Z`."""
    origin: str
    """Scheme and host as asked, for `error_uri`."""


STATUS: Mapping[type[Failure], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.TimedOut: 408,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Misdirected: 421,
    errors.Throttled: 429,
    errors.HeadersTooLarge: 431,
    errors.Unavailable: 503,
}

#                 key vault             arm                             graph                            oauth
_WORDS: Mapping[int, tuple[str, str, str, str]] = {
    400: ("BadParameter", "BadRequest", "Request_BadRequest", "invalid_request"),
    401: ("Unauthorized", "AuthenticationFailed", "InvalidAuthenticationToken", "invalid_client"),
    403: ("Forbidden", "AuthorizationFailed", "Authorization_RequestDenied", "unauthorized_client"),
    404: ("NotFound", "ResourceNotFound", "Request_ResourceNotFound", "invalid_request"),
    405: ("MethodNotAllowed", "MethodNotAllowed", "Request_BadRequest", "invalid_request"),
    408: ("RequestTimeout", "RequestTimeout", "RequestTimeout", "invalid_request"),
    409: ("Conflict", "Conflict", "Request_MultipleObjectsWithSameKeyValue", "invalid_request"),
    412: ("PreconditionFailed", "PreconditionFailed", "PreconditionFailed", "invalid_request"),
    413: ("RequestEntityTooLarge", "RequestEntityTooLarge", "Request_BadRequest", "invalid_request"),
    415: ("UnsupportedMediaType", "UnsupportedMediaType", "Request_BadRequest", "invalid_request"),
    421: ("MisdirectedRequest", "MisdirectedRequest", "Request_BadRequest", "invalid_request"),
    429: ("Throttled", "TooManyRequests", "TooManyRequests", "temporarily_unavailable"),
    431: ("RequestHeaderFieldsTooLarge", "RequestHeaderFieldsTooLarge", "Request_BadRequest", "invalid_request"),
    500: ("InternalServerError", "InternalServerError", "InternalServerError", "server_error"),
    503: ("ServiceUnavailable", "ServiceUnavailable", "ServiceUnavailable", "temporarily_unavailable"),
}

# Entra answers an unknown client or directory with 400, and keeps 401 for client authentication.
_OAUTH_STATUS: Mapping[int, int] = {403: 400, 409: 400}

UNEXPECTED_MESSAGE = "The service met an unexpected condition. The request identifier finds it in the operator's log."

Renderer = Callable[[int, str, Failure, Moment], dict[str, Any]]


def _key_vault(_status: int, code: str, failure: Failure, _moment: Moment) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": failure.message}
    if failure.inner is not None:
        error["innererror"] = {"code": failure.inner}
    return {"error": error}


def _arm(_status: int, code: str, failure: Failure, _moment: Moment) -> dict[str, Any]:
    return {"error": {"code": code, "message": failure.message}}


def _graph(_status: int, code: str, failure: Failure, moment: Moment) -> dict[str, Any]:
    inner = {
        "date": moment.timestamp.removesuffix("Z").replace(" ", "T"),
        "request-id": moment.request_id,
        "client-request-id": moment.correlation_id,
    }
    return {"error": {"code": code, "message": failure.message, "innerError": inner}}


def _oauth(_status: int, code: str, failure: Failure, moment: Moment) -> dict[str, Any]:
    number = failure.number or 900_000
    description = (
        f"AADSTS{number}: {failure.message} Trace ID: {moment.request_id} "
        f"Correlation ID: {moment.correlation_id} Timestamp: {moment.timestamp}"
    )
    told: dict[str, Any] = {
        "error": code,
        "error_description": description,
        "error_codes": [number],
        "timestamp": moment.timestamp,
        "trace_id": moment.request_id,
        "correlation_id": moment.correlation_id,
        "error_uri": f"{moment.origin}/error?code={number}",
    }
    more = {"suberror": failure.inner, "claims": failure.claims}
    return told | {name: value for name, value in more.items() if value is not None}


def _managed_identity(status: int, code: str, failure: Failure, _moment: Moment) -> dict[str, Any]:
    return {"statusCode": status, "message": _numbered(failure), "code": code}


def _metadata(_status: int, code: str, failure: Failure, _moment: Moment) -> dict[str, Any]:
    return {"error": code, "error_description": _numbered(failure)}


def _numbered(failure: Failure) -> str:
    """Give a refusal of the token service with its number, as the endpoints of managed identities hand it on."""
    return failure.message if failure.number is None else f"AADSTS{failure.number}: {failure.message}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of saying no."""

    name: str
    column: int
    render: Renderer


KEY_VAULT = Dialect("key vault", 0, _key_vault)
ARM = Dialect("arm", 1, _arm)
GRAPH = Dialect("graph", 2, _graph)
OAUTH = Dialect("oauth", 3, _oauth)
MANAGED_IDENTITY = Dialect("managed identity", 1, _managed_identity)
METADATA = Dialect("metadata", 3, _metadata)


def status_of(failure: Failure, dialect: Dialect) -> int:
    """Find the HTTP status of a failure in a dialect."""
    status = _meaning_of(failure)
    return _OAUTH_STATUS.get(status, status) if dialect is OAUTH else status


def _meaning_of(failure: Failure) -> int:
    """Find the status that a failure's class stands for, whatever a dialect makes of it."""
    return next((STATUS[kind] for kind in type(failure).__mro__ if kind in STATUS), 500)


def render(failure: Failure, dialect: Dialect, moment: Moment) -> Response:
    """Render a failure as a response of a dialect."""
    status = status_of(failure, dialect)
    code = failure.code or _WORDS[_meaning_of(failure)][dialect.column]
    headers: list[Header] = [(name.lower().encode(), value.encode("latin-1")) for name, value in failure.headers]
    if failure.page is not None:
        return Response(status, failure.page.encode(), headers, HTML)
    return Response(status, encode(dialect.render(status, code, failure, moment)), headers)


def unexpected(dialect: Dialect, moment: Moment) -> Response:
    """Render a fault of ours: the same words whatever it was."""
    failure = Failure(UNEXPECTED_MESSAGE)
    return Response(500, encode(dialect.render(500, _WORDS[500][dialect.column], failure, moment)))
