"""
What was decided before, for the same question, while nothing that it rests on has changed.

    asked --the steps, up to the permit--> remembered --same question, same generation, in time--> permitted again
                                               |
                                               +-- any record changes, or the token's time is over: the steps again

The steps from the vault to the permit are functions of three things: the question (surface, host, method, path, query,
token, address, link), the records in the view, and the clock. So their evidence is remembered with the view's
generation, which any change of any record ends, and with the time in which the token holds. A refusal is never
remembered, and neither is a permit that rests on a condition about the time, nor what the flow counts: the throttle is
asked every time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from strongroom.core.names import Site
from strongroom.core.network import Connection
from strongroom.flow.answers import standing_headers
from strongroom.flow.authentication import bearer_token, digest_of, validity
from strongroom.flow.routes import has_override
from strongroom.flow.surface import Surface
from strongroom.flow.trace import Question, Trace
from strongroom.http.message import Header, Request
from strongroom.journal import Template

if TYPE_CHECKING:
    from strongroom.flow.call import Call
    from strongroom.flow.world import World

ENTRIES = 4096
QUESTION_BYTES = 256
"""The longest path and query together that are remembered: with `ENTRIES` this keeps it within a few megabytes."""
TEMPLATES = 8

OF_EACH: Any = None
"""In the place of what each request has of its own, in what is kept for all that ask the same."""


class Decision(msgspec.Struct, eq=False):
    """The evidence of every step up to the permit, and when the token that it rests on holds."""

    trace: Trace
    """The evidence, in a trace that is no request's."""
    begins: float
    ends: float
    headers: tuple[Header, ...]
    """The headers of every answer to it."""
    call: Call | None = None
    """What its handler is given, but for what each request has of its own; made by the first that follows."""
    _templates: dict[object, Template] = {}

    def template(self, alike: object) -> Template | None:
        """Find the audit record of answers that *alike* says are alike."""
        return self._templates.get(alike)

    def keep_template(self, alike: object, template: Template) -> None:
        """Keep the audit record of answers that *alike* says are alike."""
        if len(self._templates) >= TEMPLATES:
            self._templates.clear()
        self._templates[alike] = template


class Decisions:
    """The decisions of one generation of the view; bounded."""

    __slots__ = ("_generation", "_kept")

    def __init__(self) -> None:
        self._generation = -1
        self._kept: dict[Question, Decision] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def trace(
        self, world: World, surface: Surface, site: Site | None, request: Request, connection: Connection
    ) -> Trace:
        """Begin a request's trace: with the evidence of an earlier decision, if there is one that holds."""
        started = world.clock()
        question = _question_of(surface, site, request, connection)
        generation = world.view.generation
        if generation != self._generation:
            self._kept.clear()
            self._generation = generation
        decision = self._kept.get(question) if question is not None else None
        if decision is None or not decision.begins <= started < decision.ends:
            return Trace(surface, site, request, connection, started, question=question)
        # To copy one with its evidence costs a third of putting that into a new one.
        return replace(
            decision.trace, request=request, connection=connection, started=started, properties={}, decision=decision
        )

    def remember(self, world: World, trace: Trace) -> None:
        """Remember the evidence in *trace*, of a request that was just permitted."""
        question, route, permit = trace.question, trace.route, trace.permit
        if question is None or route is None or permit is None:
            return
        if trace.caller is None or trace.verdict is None or trace.admission is None:
            return
        if not route.op.steady or not permit.steady or world.view.generation != self._generation:
            return
        if len(self._kept) >= ENTRIES:
            self._kept.clear()
        begins, ends = validity(world, question[5])
        headers = standing_headers(world, trace)
        # What is kept holds nothing of the request that came first: neither its token nor its body.
        kept = replace(trace, request=OF_EACH, connection=OF_EACH, properties=OF_EACH, question=None)
        self._kept[question] = Decision(kept, begins, ends, headers)


def _question_of(surface: Surface, site: Site | None, request: Request, connection: Connection) -> Question | None:
    """Say what is asked, if an answer to it can be remembered."""
    token = bearer_token(request)
    if (
        token is None
        or site is None
        or len(request.path) + len(request.query) > QUESTION_BYTES
        or has_override(request)
    ):
        return None
    return (
        surface.name,
        site.netloc,
        request.method,
        request.path,
        request.query,
        digest_of(token),
        connection.address,
        connection.link,
        connection.endpoint,
    )
