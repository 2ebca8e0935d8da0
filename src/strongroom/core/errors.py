"""
What a step refuses with: a sentence for people and a word for programs.

A `Failure` is raised by any layer and rendered by `strongroom.http.problems` in the dialect of the surface that was
asked. Its message is written for the caller; `reason` is for the audit journal alone and never leaves the service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Failure(Exception):
    """
    A refusal whose meaning is known.

    Attributes:
        code: the word for programs (`SecretNotFound`, `invalid_client`). An empty word takes the dialect's default
            for the class of failure.
        message: the sentence for people. It never carries a secret or a claim of an unverified token.
        inner: the word of the nested `innererror`, where the dialect has one; the token service's `suberror`.
        reason: what the audit journal records beside the answer; it may say what the caller must not learn.
        headers: further response headers, as (name, value).
        number: the AADSTS number, for the token service.
        claims: what the client is to ask for when it asks again, as JSON.
        page: what a person is told in a browser, as HTML; None where a program asked.
        known: what was known of the caller by then, for the journal alone, by its names of properties: see `knowing`.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        inner: str | None = None,
        reason: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        number: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.inner = inner
        self.reason = reason
        self.headers = headers
        self.number = number
        self.claims: str | None = None
        self.page: str | None = None
        self.known: Mapping[str, str] = {}


@contextmanager
def knowing(**properties: str | None) -> Iterator[None]:
    """
    Let the journal have what is known from here on, whatever is refused within: whose credential was shown, and which.

    For what has no call at hand to note it in. It is ids of ours, and never what was shown; None is not known.
    """
    try:
        yield
    except Failure as failure:
        known = {name: value for name, value in properties.items() if value is not None}
        failure.known = {**known, **failure.known}
        raise


class Invalid(Failure):
    """The request is malformed or breaks a rule of its form (400)."""


class Unauthenticated(Failure):
    """The caller is not known: no token, or one that does not verify (401)."""


class Forbidden(Failure):
    """The caller, its address or the object's state does not allow the operation (403)."""


class Denied(Forbidden):
    """
    The caller has not the right: what authorization refuses with, and nothing else (403).

    Attributes:
        model: who decided, as `Permit.model` has it: `rbac`, `policy` or `directory`.
    """

    def __init__(self, message: str, *, model: str, code: str = "", inner: str | None = None, reason: str) -> None:
        super().__init__(message, code=code, inner=inner, reason=reason)
        self.model = model


class NotFound(Failure):
    """What was named does not exist here (404)."""


class MethodNotAllowed(Failure):
    """The path exists, the method does not (405)."""


class TimedOut(Failure):
    """The request did not arrive whole within its time (408)."""


class Conflict(Failure):
    """The state of what was named forbids the change (409)."""


class PreconditionFailed(Failure):
    """What was named is not as the request's `If-Match` or `If-None-Match` wants it (412)."""


class TooLarge(Failure):
    """The body is over its limit (413)."""


class UnsupportedMediaType(Failure):
    """The body is not of a kind the operation reads (415)."""


class Misdirected(Failure):
    """The connection, the host header and the vault do not name the same place (421)."""


class Throttled(Failure):
    """Too many requests; `headers` carries Retry-After (429)."""


class HeadersTooLarge(Failure):
    """The header block is over its limit (431)."""


class Unavailable(Failure):
    """The service cannot do its duty now, such as recording the call (503)."""


class Tampered(Exception):
    """
    Stored data does not carry the seal it was written with.

    Raised on reading a row whose tag, count or generation does not fit. It is a fault of the instance, not of the
    request, so it is no `Failure`: the caller is told nothing, the operator everything. Whoever altered a row chose
    what it is named by, so what is no plain letter in the message is escaped: it goes into the log.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message.encode("unicode_escape").decode("ascii"))


class NameTaken(Exception):
    """A record claims a name that another record holds. The domain translates it into its own conflict."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
