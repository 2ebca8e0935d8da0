"""Deployments of templates, at resource groups, subscriptions, management groups and the tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.arm.deployment_documents import (
    read_operations,
    show_deployment,
    status_id,
    write_json,
)
from strongroom.arm.deployment_preparation import Prepared, place_of_call, prepare, read_deployment
from strongroom.arm.deployment_run import Run, in_turn, key_of, parent
from strongroom.arm.filters import parse_filter
from strongroom.arm.paging import page
from strongroom.core import deployment_limits
from strongroom.core.deployments import Deployment, DeploymentState
from strongroom.core.errors import Conflict, Invalid, NotFound, Throttled
from strongroom.core.records import tenant_partition
from strongroom.core.templates.hiding import hide, shown_parameters, shown_template
from strongroom.core.templates.plan import Planned
from strongroom.core.templates.text_functions import fingerprint
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Header, Response
from strongroom.resources.deployments import begin_deployment, deployment_not_found, remove_deployment
from strongroom.resources.tracked import check_tags
from strongroom.store import Transaction

_SECONDS_TO_WAIT = b"1"
_DEPENDENCIES = 1_000
"""More of them are not even written down: each of 800 resources may wait for all others."""


@in_turn
async def put_deployment(call: Call) -> Response:
    """Begin a deployment: 201 with where its progress is told, 200 where one of the name was there before."""
    body = await read_deployment(call)
    check_tags(body.tags or {})
    prepared = await prepare(call, body)
    # Beside the loop, as all that goes through a whole template.
    record = await call.world.background.aside(_record_of, call, prepared, body.properties.template)
    key = key_of(record.tenant, record.id)
    _require_room(call, key, record, len(prepared.plan.deployed))
    forgotten, background = _too_many(call, record), call.world.background
    run = Run(call, prepared, record)

    async def change(tx: Transaction) -> bool:
        return await begin_deployment(tx, record, forgotten)

    background.reserve(key, run)
    try:
        made = await call.commit(change, status=_status)
    except BaseException:
        background.release(key)
        raise
    background.start(key)
    if run.above is not None:
        run.above.begin_within(run)
    shown = show_deployment(record, is_running=True, now=call.now, accepted=True)
    return json.response(shown, _status(made), _where_to_ask(call, record))


def _status(made: bool) -> int:  # noqa: FBT001  what `Call.commit` hands it
    return 201 if made else 200


def _where_to_ask(call: Call, record: Deployment) -> list[Header]:
    url = f"{call.base}{record.arm_id}/operationStatuses/{status_id(record)}?api-version={call.api_version}"
    return [(b"azure-asyncoperation", url.encode("ascii", "replace")), (b"retry-after", _SECONDS_TO_WAIT)]


def _record_of(call: Call, prepared: Prepared, template: Any) -> Deployment:
    above = parent()
    secrets = prepared.secrets | (above.secrets if above is not None else frozenset())
    plan, connection = prepared.plan, call.connection
    told: dict[str, Any] = {
        "parameters": shown_parameters(plan.bound.template, plan.bound.parameters, secrets),
        "providers": _providers(plan.deployed),
        "dependencies": hide(_dependencies(plan.resources), secrets),
    }
    if prepared.tags:
        told["tags"] = prepared.tags
    if len(json.encode(told["parameters"])) > deployment_limits.DEPLOYMENT_KEPT_BYTES:
        told["parameters"] = {name: {"type": one["type"]} for name, one in told["parameters"].items()}
    if len(json.encode(told["dependencies"])) > deployment_limits.DEPLOYMENT_KEPT_BYTES:
        told["dependencies"] = []
    shown = shown_template(template, secrets)
    kept = write_json(shown)
    return Deployment(
        id=prepared.place.deployment(prepared.name).lower(),
        tenant=call.identity.tenant,
        scope=prepared.place.path,
        name=prepared.name,
        location=prepared.location,
        mode=prepared.mode,
        state=DeploymentState.RUNNING,
        correlation_id=connection.client_request_id or connection.request_id,
        started=call.now,
        # Of what is shown: a hash of a secret that can be guessed is as good as the secret.
        template_hash=fingerprint(shown),
        created_by=call.identity.oid,
        told=write_json(told),
        template=kept if len(kept) <= deployment_limits.DEPLOYMENT_KEPT_BYTES else "",
    )


def _providers(resources: Iterable[Planned]) -> list[dict[str, Any]]:
    found: dict[str, set[str]] = {}
    for one in resources:
        namespace, _, kind = one.type.partition("/")
        found.setdefault(namespace, set()).add(kind)
    return [
        {"namespace": namespace, "resourceTypes": [{"resourceType": kind} for kind in sorted(kinds)]}
        for namespace, kinds in sorted(found.items())
    ]


def _dependencies(resources: Mapping[str, Planned]) -> list[dict[str, Any]]:
    if sum(len(one.depends) for one in resources.values()) > _DEPENDENCIES:
        return []
    return [
        {**_named(one), "dependsOn": [_named(resources[key]) for key in sorted(one.depends)]}
        for one in resources.values()
        if one.depends
    ]


def _named(one: Planned) -> dict[str, str]:
    return {"id": one.id, "resourceType": one.type, "resourceName": one.name}


def _require_room(call: Call, key: str, record: Deployment, resources: int) -> None:
    """
    Refuse a deployment that is under way already, or one too many.

    Raises:
        Conflict: `DeploymentActive`.
        Throttled: as many run in the tenant as may.
        Invalid: it is too deep within others, or one resource too many with those.
    """
    background, above = call.world.background, parent()
    if background.find(key) is not None:
        raise Conflict(
            f"Unable to edit or replace deployment '{record.name}': previous deployment is still active. Please see"
            " https://aka.ms/arm-deploy for usage details.",
            code="DeploymentActive",
        )
    if above is not None:
        if above.depth + 1 > deployment_limits.TEMPLATE_NESTING:
            raise Invalid(
                f"Deployments are within each other deeper than the limit of {deployment_limits.TEMPLATE_NESTING}.",
                code="InvalidTemplate",
            )
        if above.outermost.resources + resources > deployment_limits.DEPLOYMENT_RESOURCES:
            raise Invalid(
                "A deployment and all within it have more resources than the limit of"
                f" {deployment_limits.DEPLOYMENT_RESOURCES}.",
                code="InvalidTemplate",
            )
        return
    for owner, most, whose in (
        (None, deployment_limits.DEPLOYMENTS_RUNNING, "this tenant"),
        (record.created_by, deployment_limits.DEPLOYMENTS_RUNNING_OF_ONE, "this caller"),
    ):
        if background.count(record.tenant, owner) >= most:
            raise Throttled(
                f"{most} deployments of {whose} are under way. Try again later.", headers=(("Retry-After", "5"),)
            )


def _too_many(call: Call, record: Deployment) -> list[Deployment]:
    """Find the deployments of a scope that are forgotten for a new one: the oldest that are over."""
    others = [one for one in _deployments_at(call, record.scope) if one.id != record.id]
    excess = len(others) + 1 - deployment_limits.DEPLOYMENTS_KEPT
    over = [one for one in others if not _is_running(call, one)]
    return sorted(over, key=lambda one: one.started)[: max(0, excess)]


def _deployments_at(call: Call, scope: str) -> list[Deployment]:
    folded = scope.lower()
    return [
        one
        for one in call.world.view.all(Deployment, tenant_partition(call.identity.tenant))
        if one.scope.lower() == folded
    ]


def _run_of(call: Call, record: Deployment) -> Run | None:
    found = call.world.background.find(key_of(record.tenant, record.id))
    return found if isinstance(found, Run) else None


def _is_running(call: Call, record: Deployment) -> bool:
    return _run_of(call, record) is not None


def the_deployment(call: Call) -> Deployment:
    """
    Find the deployment that the path names.

    Raises:
        NotFound: `DeploymentNotFound`, or what `place_of_call` says.
    """
    place, name = place_of_call(call), call.params["deployment"]
    found = call.world.view.get(Deployment, tenant_partition(call.identity.tenant), place.deployment(name).lower())
    if found is None:
        raise deployment_not_found(name[: deployment_limits.DEPLOYMENT_NAME_CHARS])
    return found


def _show(call: Call, record: Deployment) -> dict[str, Any]:
    run = _run_of(call, record)
    told = run.told() if run is not None else None
    return show_deployment(record, is_running=run is not None, now=call.now, told=told)


async def get_deployment(call: Call) -> Response:
    """Get a deployment, also one under way."""
    return json.response(_show(call, the_deployment(call)))


async def check_deployment(call: Call) -> Response:
    """Say whether a deployment exists, without a body: 204 or 404."""
    try:
        the_deployment(call)
    except NotFound:
        return Response(404, content_type=None)
    return Response(204, content_type=None)


async def list_deployments(call: Call) -> Response:
    """List the deployments at a scope."""
    place = place_of_call(call)
    wanted = parse_filter(call.query.get("$filter"), properties=frozenset({"provisioningstate"})).equals
    state = wanted.get("provisioningstate", "").lower()
    found = (one for one in _deployments_at(call, place.path) if not state or _state(call, one).lower() == state)
    return page(call, found, key=lambda one: one.id, show=lambda one: _show(call, one))


def _state(call: Call, record: Deployment) -> str:
    """Say how far a deployment is, as `show_deployment` does, without reading all of it."""
    is_interrupted = record.state is DeploymentState.RUNNING and not _is_running(call, record)
    return (DeploymentState.FAILED if is_interrupted else record.state).value


async def delete_deployment(call: Call) -> Response:
    """Forget a deployment, and leave all that it deployed: 204, also if there is none."""
    place, name = place_of_call(call), call.params["deployment"]
    tenant, deployment = call.identity.tenant, place.deployment(name).lower()
    if call.world.background.find(key_of(tenant, deployment)) is not None:
        raise Conflict(f"Unable to delete deployment '{name[:64]}': it is still active.", code="DeploymentActive")

    async def change(tx: Transaction) -> bool:
        return await remove_deployment(tx, tenant, deployment)

    await call.commit(change)
    return Response(204, content_type=None)


async def cancel_deployment(call: Call) -> Response:
    """Let a deployment begin nothing more: what it has begun ends as it does."""
    record = the_deployment(call)
    work = call.world.background.find(key_of(record.tenant, record.id))
    if work is None:
        raise Conflict(
            f"The deployment '{record.name}' cannot be cancelled: it is not under way.",
            code="DeploymentCannotBeCancelled",
        )
    work.cancel()
    return Response(204, content_type=None)


@in_turn
async def validate_deployment(call: Call) -> Response:
    """Say whether a deployment could begin, and what it would be."""
    body = await read_deployment(call)
    check_tags(body.tags or {})
    prepared = await prepare(call, body)
    record = await call.world.background.aside(_record_of, call, prepared, body.properties.template)
    shown = show_deployment(record, is_running=True, now=call.now)
    shown["properties"] |= {
        "provisioningState": "Succeeded",
        "validatedResources": [{"id": hide(one.id, prepared.secrets)} for one in prepared.plan.deployed],
    }
    return json.response(shown)


async def export_template(call: Call) -> Response:
    """Give the template of a deployment, without what was secret in it."""
    record = the_deployment(call)
    if not record.template:
        raise NotFound(
            f"The template of the deployment '{record.name}' was longer than {deployment_limits.DEPLOYMENT_KEPT_BYTES}"
            " bytes and is not kept.",
            code="DeploymentTemplateNotFound",
        )
    return Response(200, b'{"template":' + record.template.encode() + b"}")


async def list_operations(call: Call) -> Response:
    """List what became of the resources of a deployment."""
    return page(call, _operations(call), key=lambda one: one["operationId"], show=lambda one: one)


async def get_operation(call: Call) -> Response:
    """Get what became of one resource."""
    wanted = call.params["operation"].upper()
    found = next((one for one in _operations(call) if one["operationId"] == wanted), None)
    if found is None:
        raise NotFound("The deployment has no such operation.", code="DeploymentOperationNotFound")
    return json.response(found)


def _operations(call: Call) -> list[dict[str, Any]]:
    record = the_deployment(call)
    run = _run_of(call, record)
    return read_operations(record) if run is None else run.operations()


async def get_status(call: Call) -> Response:
    """Say how far a deployment is: what `Azure-AsyncOperation` leads to."""
    record = the_deployment(call)
    if call.params["status"].lower() != status_id(record):
        raise NotFound("The deployment has no such operation.", code="DeploymentOperationNotFound")
    properties = _show(call, record)["properties"]
    state = properties["provisioningState"]
    told: dict[str, Any] = {"status": state}
    if "error" in properties:
        told["error"] = properties["error"]
    headers: list[Header] = [(b"retry-after", _SECONDS_TO_WAIT)] if state == DeploymentState.RUNNING else []
    return json.response(told, headers=headers)
