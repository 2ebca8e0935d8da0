"""How deployments and their operations are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import msgspec

from strongroom.core import deployment_limits as limits
from strongroom.core.deployments import Deployment, DeploymentState
from strongroom.core.guids import guid_of
from strongroom.core.templates.bodies import Output
from strongroom.core.templates.scopes import type_and_names
from strongroom.http import json

TYPE = "Microsoft.Resources/deployments"
INTERRUPTED = {
    "code": "DeploymentInterrupted",
    "message": "The service was stopped while this deployment was under way. The audit log tells what was done by then,"
    " by its correlation id. Deploy again to complete it.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one resource; `operation` is Create, Delete or Read."""

    operation: str
    resource: str
    status: int
    at: int
    duration_s: float
    error: Mapping[str, Any] | None = None

    @property
    def is_success(self) -> bool:
        """Whether it was done."""
        return self.error is None

    def detail(self) -> dict[str, Any]:
        """Write it as a detail of the deployment's error."""
        return {"target": self.resource, **(self.error or {})}

    def show(self, deployment: Deployment) -> dict[str, Any]:
        """Write it as an operation of its deployment."""
        kind, names = type_and_names(self.resource)
        place = operation_id(self.operation, self.resource)
        properties: dict[str, Any] = {
            "provisioningOperation": self.operation,
            "provisioningState": "Succeeded" if self.is_success else "Failed",
            "timestamp": write_time(self.at),
            "duration": write_duration(self.duration_s),
            "trackingId": deployment.correlation_id,
            "statusCode": _phrase(self.status),
            "targetResource": {"id": self.resource, "resourceType": kind, "resourceName": names},
        }
        if self.error is not None:
            properties["statusMessage"] = {"status": "Failed", "error": dict(self.error)}
        return {
            "id": f"{deployment.arm_id}/operations/{place}",
            "operationId": place,
            "properties": properties,
        }


def operation_id(operation: str, resource: str) -> str:
    """Say by what an outcome is found within its deployment."""
    return sha256(f"{operation} {resource.lower()}".encode()).hexdigest()[:16].upper()


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "") if status in HTTPStatus._value2member_map_ else str(status)


def named_error(
    deployment: str, details: Sequence[Mapping[str, Any]], fault: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write the error of a deployment: what it met itself, or which of its resources were refused and why."""
    if fault is not None:
        return {**fault, "target": deployment, "details": list(details)}
    return {
        "code": "DeploymentFailed",
        "target": deployment,
        "message": "At least one resource deployment operation failed. Please list deployment operations for details."
        " Please see https://aka.ms/arm-deployment-operations for usage details.",
        "details": list(details),
    }


def show_ended(
    outputs: Mapping[str, Output],
    outcomes: Sequence[Outcome],
    error: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Write what a deployment came to, without the values of secure outputs."""
    told: dict[str, Any] = {
        "outputs": _shown_outputs(outputs),
        "outputResources": [{"id": one.resource} for one in outcomes if one.operation == "Create" and one.is_success],
    }
    if error is not None:
        told["error"] = error
    return told


def _shown_outputs(outputs: Mapping[str, Output]) -> dict[str, dict[str, Any]]:
    shown = {name: one.show() for name, one in outputs.items()}
    left = limits.DEPLOYMENT_KEPT_BYTES
    for one in shown.values():
        size = len(json.encode(one["value"])) if "value" in one else 0
        if size > left:
            # It is not kept, and what is not kept is not shown for a moment either.
            del one["value"]
        else:
            left -= size
    return shown


def write_json(value: Any) -> str:
    """Write JSON as a text."""
    return json.encode(value).decode()


def read_told(record: Deployment) -> dict[str, Any]:
    """Read what a record says besides its own fields."""
    found: dict[str, Any] = msgspec.json.decode(record.told) if record.told else {}
    return found


def read_operations(record: Deployment) -> list[dict[str, Any]]:
    """Read the outcomes that a record keeps."""
    found: list[dict[str, Any]] = msgspec.json.decode(record.operations) if record.operations else []
    return found


def show_deployment(
    record: Deployment, *, is_running: bool, now: int, told: Mapping[str, Any] | None = None, accepted: bool = False
) -> dict[str, Any]:
    """Write a deployment. One that is `Running` and that nobody runs was interrupted."""
    state, more = record.state.value, {**read_told(record), **(told or {})}
    tags = more.pop("tags", None)
    if record.state is DeploymentState.RUNNING and not is_running:
        state, more = DeploymentState.FAILED.value, {**more, "error": INTERRUPTED}
    elif accepted:
        state = "Accepted"
    until = record.finished or now
    properties: dict[str, Any] = {
        "templateHash": record.template_hash,
        "parameters": {},
        "mode": record.mode,
        "provisioningState": state,
        "timestamp": write_time(until),
        "duration": write_duration(max(0, until - record.started)),
        "correlationId": record.correlation_id,
        "providers": [],
        "dependencies": [],
        **more,
    }
    shown: dict[str, Any] = {"id": record.arm_id, "name": record.name, "type": TYPE}
    if record.location:
        shown["location"] = record.location
    if tags:
        shown["tags"] = tags
    return {**shown, "properties": properties}


def status_id(record: Deployment) -> str:
    """Say under which id the progress of a deployment is asked for: another for each time it is deployed."""
    return guid_of(sha256(f"{record.id} {record.correlation_id} {record.started}".encode()).digest())


def write_time(seconds: int) -> str:
    """Write a moment as ARM does."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")


def write_duration(seconds: float) -> str:
    """Write how long something took, as ISO 8601."""
    return f"PT{max(0.0, seconds):.3f}S"
