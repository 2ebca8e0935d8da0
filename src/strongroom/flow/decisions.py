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

from typing import TYPE_CHECKING

import msgspec

from strongroom.core.identity import Caller
from strongroom.core.network import Admission, Verdict
from strongroom.core.permissions import Permit
from strongroom.flow.answers import standing_headers
from strongroom.flow.authentication import digest_of, validity
from strongroom.flow.routes import Route, has_override
from strongroom.flow.trace import Trace
from strongroom.http.message import Header
from strongroom.journal import Template

if TYPE_CHECKING:
    from strongroom.flow.call import Call
    from strongroom.flow.world import World

ENTRIES = 4096
QUESTION_BYTES = 256
"""The longest path and query together that are remembered: with `ENTRIES` this keeps it within a few megabytes."""
TEMPLATES = 8

Question = tuple[str, str, str, bytes, bytes, bytes, str, str, str]
"""Surface, host, method, path, query, the token's digest, address, link, private endpoint."""


class Decision(msgspec.Struct, eq=False):
    """The evidence of every step up to the permit, and when the token that it rests on holds."""

    route: Route
    verdict: Verdict
    caller: Caller
    admission: Admission
    permit: Permit
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

    def recall(self, world: World, question: Question, trace: Trace) -> Route | None:
        """Put the evidence of an earlier decision into *trace*, if there is one that holds; returns its route."""
        generation = world.view.generation
        if generation != self._generation:
            self._kept.clear()
            self._generation = generation
            return None
        decision = self._kept.get(question)
        if decision is None or not decision.begins <= trace.started < decision.ends:
            return None
        trace.decision = decision
        trace.route, trace.vault = decision.route, decision.route.vault
        trace.verdict, trace.admission = decision.verdict, decision.admission
        trace.caller, trace.permit = decision.caller, decision.permit
        return decision.route

    def remember(self, world: World, question: Question, trace: Trace) -> None:
        """Remember the evidence in *trace*, of a request that was just permitted."""
        route, verdict, admission = trace.route, trace.verdict, trace.admission
        caller, permit = trace.caller, trace.permit
        if route is None or verdict is None or admission is None or caller is None or permit is None:
            return
        if not route.op.steady or not permit.steady or world.view.generation != self._generation:
            return
        if len(self._kept) >= ENTRIES:
            self._kept.clear()
        begins, ends = validity(world, question[5])
        headers = standing_headers(world, trace)
        self._kept[question] = Decision(route, verdict, caller, admission, permit, begins, ends, headers)


def question_of(trace: Trace, token: bytes | None) -> Question | None:
    """Say what is asked, if an answer to it can be remembered."""
    request, site = trace.request, trace.site
    if (
        token is None
        or site is None
        or len(request.path) + len(request.query) > QUESTION_BYTES
        or has_override(request)
    ):
        return None
    connection = trace.connection
    return (
        trace.surface.name,
        site.netloc,
        request.method,
        request.path,
        request.query,
        digest_of(token),
        connection.address,
        connection.link,
        connection.endpoint,
    )
