"""
A deployment under way.

    start --> resources, as what they wait for is there --> Complete: what is not named goes --> outputs --> ended
                └──> one is refused: what waits for it is not begun, all else goes on
                └──> cancel, or the service stops: nothing more is begun

The state of a deployment under way is here alone; the store learns how it ended, with a record of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from graphlib import TopologicalSorter
from typing import Any

from strongroom.arm.deployment_documents import Outcome, named_error, read_told, show_ended, write_json
from strongroom.arm.deployment_preparation import COMPLETE, Prepared
from strongroom.arm.deployment_requests import Answer, Asker
from strongroom.core import deployment_limits as limits
from strongroom.core.deployments import Deployment, DeploymentState
from strongroom.core.errors import Unavailable
from strongroom.core.templates.bodies import Output, evaluate_body, evaluate_outputs
from strongroom.core.templates.faults import Needed, TemplateFault
from strongroom.core.templates.hiding import hide, hide_sentence, texts_in
from strongroom.core.templates.plan import Planned
from strongroom.core.templates.scopes import type_and_names
from strongroom.flow import audit, log
from strongroom.flow.call import Call
from strongroom.flow.operation import Handler
from strongroom.flow.world import World
from strongroom.http.message import Response
from strongroom.journal import Entry, Identity
from strongroom.resources.deployments import finish_deployment
from strongroom.store import StoreFault, Transaction

FINISHED = "DeploymentFinish"
"""What the end of a deployment is called in the journal: nobody asks for it."""
_PARENT: ContextVar[Run | None] = ContextVar("deployment", default=None)
_ANY_VERSION = "2022-12-01"
_VERSIONS: Mapping[str, str] = {"microsoft.keyvault": "2023-07-01"}
_UNEXPECTED = {"code": "InternalServerError", "message": "The deployment met an unexpected condition."}
_REFERENCES = 64
_REMOVAL_ROUNDS = 4


def parent() -> Run | None:
    """Give the deployment whose own request is being answered; None where a caller asked from outside."""
    return _PARENT.get()


def in_turn(handler: Handler) -> Handler:
    """Let a handler that goes through a template wait its turn, with so many others and no more."""

    @wraps(handler)
    async def counted(call: Call) -> Response:
        if parent() is not None:
            # It is within a deployment, which was let in.
            return await handler(call)
        with call.world.background.asking(call.identity.oid):
            return await handler(call)

    return counted


class Run:
    """One deployment, from its beginning to its end."""

    def __init__(self, call: Call, prepared: Prepared, record: Deployment) -> None:
        """Make what `flow.background` runs."""
        self.record = record
        # One within another counts with that: else a single deployment could be as many as a tenant may have.
        is_within = parent() is not None
        self.tenant, self.owner = ("", "") if is_within else (record.tenant, record.created_by)
        self.state = DeploymentState.RUNNING
        self.outcomes: list[Outcome] = []
        self.touched: set[str] = set()
        self.outputs: dict[str, Output] = {}
        self.ended = asyncio.Event()
        self.depth = 0
        self.secrets = prepared.secrets
        self.within: dict[str, Run] = {}
        """The deployments that this one began, until it has seen how they ended."""
        self.above = above = parent()
        self.outermost: Run = self if above is None else above.outermost
        self.resources = len(prepared.plan.deployed)
        """How many resources this one has, and those within it that have begun."""
        if above is not None:
            self.depth = above.depth + 1
            self.secrets |= above.secrets
            self.outermost.resources += self.resources
        self._world: World = call.world
        self._caller = call.identity
        self._address = call.connection.address
        self._asker = Asker(call)
        self._prepared = prepared
        self._known: dict[str, Mapping[str, Any]] = {}
        self._fault: dict[str, Any] | None = None
        self._is_stopped: DeploymentState | None = None
        self._evaluating = asyncio.Lock()
        """One at a time evaluates: what parameters and variables come to is kept between them."""

    def cancel(self) -> None:
        """Begin nothing more: somebody asked for it."""
        self.stop(DeploymentState.CANCELED)

    def interrupt(self) -> None:
        """Begin nothing more: the service stops."""
        self.stop(DeploymentState.FAILED)

    def stop(self, state: DeploymentState) -> None:
        """Begin nothing more, here and within, and end as *state*."""
        self._is_stopped = self._is_stopped or state
        for inner in self.within.values():
            inner.stop(state)

    def begin_within(self, inner: Run) -> None:
        """Have a deployment that began within this one; one that began too late begins nothing either."""
        self.within[inner.record.id] = inner
        if self._is_stopped is not None:
            inner.stop(self._is_stopped)

    async def run(self) -> None:
        """Carry the plan out, and have it recorded how that ended."""
        _PARENT.set(self)
        state = DeploymentState.FAILED
        try:
            await self._carry_out()
            state = self._outcome()
        except asyncio.CancelledError:
            self._fault = self._interrupted()
            raise
        except Exception as error:  # noqa: BLE001  what is not understood ends this deployment and says nothing outside
            log.background_failed(FINISHED, error)
            self._fault = _UNEXPECTED
        finally:
            self.state = state
            self.ended.set()
            await self._finish(state)

    async def _carry_out(self) -> None:
        await self._deploy_all()
        if self._is_stopped is None and not self._has_failed():
            if self._prepared.mode == COMPLETE:
                await self._remove_others()
            if not self._has_failed():
                await self._evaluate_outputs()

    async def _deploy_all(self) -> None:
        """Put each resource when what it waits for is there."""
        order = TopologicalSorter({key: one.depends for key, one in self._prepared.plan.resources.items()})
        order.prepare()
        ready, running = deque[Planned](), dict[asyncio.Task[bool], str]()
        while True:
            ready += self._next(order)
            if self._is_stopped is not None:
                ready.clear()
            while ready and len(running) < limits.DEPLOYMENT_RESOURCES_AT_ONCE:
                one = ready.popleft()
                running[asyncio.create_task(self._deploy(one))] = one.key
            if not running:
                # What is left waits for what was refused.
                break
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                key = running.pop(task)
                if task.result():
                    order.done(key)

    def _next(self, order: TopologicalSorter[str]) -> Iterator[Planned]:
        """Give what waits for nothing more; what only exists lets go on what waits for it."""
        while keys := order.get_ready():
            for key in keys:
                one = self._prepared.plan.resources[key]
                if one.is_existing:
                    # It is read where it is asked for, and by then what it waits for is there.
                    order.done(key)
                else:
                    yield one

    def _has_failed(self) -> bool:
        return self._fault is not None or any(not one.is_success for one in self.outcomes)

    def _outcome(self) -> DeploymentState:
        if self._is_stopped is DeploymentState.CANCELED:
            return DeploymentState.CANCELED
        if self._is_stopped is DeploymentState.FAILED:
            self._fault = self._interrupted()
        return DeploymentState.FAILED if self._has_failed() else DeploymentState.SUCCEEDED

    # ---- one resource -----------------------------------------------------------------------------------------------

    async def _deploy(self, one: Planned) -> bool:
        """Put a resource; whether that was done."""
        begun = self._world.clock()
        try:
            answer = await self._put(one)
        except TemplateFault as fault:
            answer = Answer(400, {"error": {"code": "InvalidTemplate", "message": self._sentence(fault)}})
        except Exception as error:  # noqa: BLE001  it is the end of this resource, and the others are still waited for
            log.background_failed(FINISHED, error)
            answer = Answer(500, {"error": _UNEXPECTED})
        self._note("Create", one.id, answer, begun)
        if answer.is_success:
            self.touched.add(one.id.lower())
            if isinstance(answer.body, dict):
                self._known[one.id.lower()] = answer.body
        return answer.is_success

    async def _put(self, one: Planned) -> Answer:
        body = await self._evaluated(one)
        answer = await self._asker.ask("PUT", one.id, one.api_version, body, waits=not one.is_deployment)
        return await self._within(one, answer) if answer.is_success and one.is_deployment else answer

    async def _evaluated(self, one: Planned) -> dict[str, Any]:
        for _ in range(_REFERENCES):
            try:
                async with self._evaluating:
                    return await self._world.background.aside(evaluate_body, self._prepared.plan, one, self._known)
            except Needed as needed:
                await self._look_at(needed)
        raise TemplateFault(f"A resource asks for the state of more than {_REFERENCES} others")

    async def _look_at(self, needed: Needed) -> None:
        """Read the state of a resource that an expression asks for, as the caller."""
        answer = await self._asker.ask("GET", needed.resource, needed.api_version or _version_for(needed.resource))
        if not answer.is_success or not isinstance(answer.body, dict):
            error = answer.error
            raise TemplateFault(
                f"The state of the resource '{needed.resource[:300]}' cannot be read: {error.get('code')}:"
                f" {str(error.get('message', '')).rstrip('.')}"
            )
        self._known[needed.resource.lower()] = answer.body

    async def _within(self, one: Planned, answer: Answer) -> Answer:
        """Wait for the end of a deployment within this one; what it was refused is what this one is refused."""
        inner = self.within.get(one.id.lower())
        if inner is not None:
            await inner.ended.wait()
            del self.within[one.id.lower()]
            self.touched |= inner.touched
            self.secrets |= texts_in(part for output in inner.outputs.values() for part in output.secrets)
            document = {**answer.body, "properties": {**answer.body["properties"], **inner.told()}}
            # Its secure outputs are for this deployment, and for nobody else.
            document["properties"]["outputs"] = {
                name: {"type": output.type, "value": output.value} for name, output in inner.outputs.items()
            }
            if inner.state is DeploymentState.SUCCEEDED:
                return Answer(answer.status, document)
            error = inner.error() or named_error(inner.record.arm_id, [])
            # What is secret within may be unknown here.
            return Answer(409, {"error": hide(error, inner.secrets)})
        return await self._asker.ask("GET", one.id, one.api_version)

    def _sentence(self, fault: TemplateFault) -> str:
        return f"{hide_sentence(str(fault), self.secrets)}."

    def _note(self, operation: str, resource: str, answer: Answer, begun: float) -> None:
        now = self._world.clock()
        error = None if answer.is_success else hide(answer.error, self.secrets)
        self.outcomes.append(Outcome(operation, resource, answer.status, int(now), now - begun, error))

    # ---- Complete ---------------------------------------------------------------------------------------------------

    async def _remove_others(self) -> None:
        """Delete what is in the group and not in the template: each by a request of the caller's."""
        begun = self._world.clock()
        found, refusal = await self._asker.pages(f"{self._prepared.place.path}/resources", _ANY_VERSION)
        if refusal is not None:
            self._note("Read", self._prepared.place.path, refusal, begun)
            return
        others = [one["id"] for one in found if one["id"].lower() not in self.touched]
        # What is in use is refused, and may be in use by what goes in the same round.
        refused: dict[str, Answer] = {}
        for _ in range(_REMOVAL_ROUNDS):
            refused = {}
            for resource in others:
                answer = await self._asker.ask("DELETE", resource, _version_for(resource))
                if answer.is_success:
                    self._note("Delete", resource, answer, begun)
                else:
                    refused[resource] = answer
            if not refused or len(refused) == len(others):
                break
            others = list(refused)
        for resource, answer in refused.items():
            self._note("Delete", resource, answer, begun)

    # ---- outputs ----------------------------------------------------------------------------------------------------

    async def _evaluate_outputs(self) -> None:
        try:
            outputs = await self._evaluated_outputs()
            self.secrets |= texts_in(part for one in outputs.values() for part in one.secrets)
            self.outputs = outputs
        except TemplateFault as fault:
            message = f"The template output evaluation failed: '{self._sentence(fault)}'"
            self._fault = {"code": "DeploymentOutputEvaluationFailed", "message": message}

    async def _evaluated_outputs(self) -> dict[str, Output]:
        for _ in range(_REFERENCES):
            try:
                return await self._world.background.aside(evaluate_outputs, self._prepared.plan, self._known)
            except Needed as needed:
                await self._look_at(needed)
        raise TemplateFault(f"The outputs ask for the state of more than {_REFERENCES} resources")

    # ---- the end ----------------------------------------------------------------------------------------------------

    def error(self) -> dict[str, Any] | None:
        """Say why it failed, if it did."""
        if self._fault is None and self.state is not DeploymentState.FAILED:
            return None
        details = [one.detail() for one in self.outcomes if not one.is_success]
        return named_error(self.record.arm_id, details, self._fault)

    def told(self) -> dict[str, Any]:
        """Say what an answer shows of how it went: nothing secure."""
        told: dict[str, Any] = hide(show_ended(self.outputs, self.outcomes, self.error()), self.secrets)
        return told

    def operations(self) -> list[dict[str, Any]]:
        """Say what became of each resource so far."""
        shown: list[dict[str, Any]] = hide([one.show(self.record) for one in self.outcomes], self.secrets)
        return shown

    @staticmethod
    def _interrupted() -> dict[str, Any]:
        return {"code": "DeploymentInterrupted", "message": "The service stopped while the deployment was under way."}

    async def _finish(self, state: DeploymentState) -> None:
        # Beside the loop: every secret is looked for in all of it.
        told, operations = await self._world.background.aside(self._written)
        now = self._world.now()

        async def change(tx: Transaction) -> Deployment | None:
            return await finish_deployment(tx, self.record, state, told=told, operations=operations, now=now)

        try:
            await asyncio.shield(audit.commit_apart(self._world, change, lambda _: self._entry(state)))
        except (StoreFault, Unavailable) as fault:
            # It stays `Running` in the store, and is told as interrupted: never as done.
            log.background_failed(FINISHED, fault)
        self.record = replace(self.record, state=state, finished=now)

    def _written(self) -> tuple[str, str]:
        """Write down what is remembered of how it went."""
        return write_json({**read_told(self.record), **self.told()}), write_json(self.operations())

    def _entry(self, state: DeploymentState) -> Entry:
        error = self.error()
        return Entry(
            time=self._world.clock(),
            operation=FINISHED,
            status=200 if state is DeploymentState.SUCCEEDED else 409,
            duration_s=max(0.0, self._world.clock() - self.record.started),
            resource_id=self.record.arm_id,
            description=error["message"] if error is not None else "",
            address=self._address,
            correlation_id=self.record.correlation_id,
            identity=Identity.of(self._caller),
            error_code=error["code"] if error is not None else None,
            properties={"provisioningState": state.value},
        )


def key_of(tenant: str, deployment: str) -> str:
    """Say by what a deployment under way is found."""
    return f"deployment:{tenant}:{deployment.lower()}"


def _version_for(resource: str) -> str:
    """Give an api-version for a resource that the template does not name: its provider's, or any."""
    namespace = type_and_names(resource)[0].partition("/")[0].lower()
    return _VERSIONS.get(namespace, _ANY_VERSION)
