"""Deployments: what is remembered of a template that was deployed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from strongroom.core.records import Record, record, tenant_partition


class DeploymentState(StrEnum):
    """How far a deployment is."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


@record
@dataclass(frozen=True, slots=True)
class Deployment(Record):
    """
    One deployment. What its template and its caller said in secure parameters is in none of the texts.

    A record that says `Running` and that no process runs was interrupted: `arm.deployment_documents` says so.
    """

    KIND: ClassVar[str] = "deployment"
    id: str
    """The ARM id in lower case."""
    tenant: str
    scope: str
    """The scope's path: `/` is the tenant."""
    name: str
    location: str
    mode: str
    state: DeploymentState
    correlation_id: str
    started: int
    template_hash: str
    finished: int = 0
    """0 while it runs."""
    created_by: str = ""
    """The object id of who deployed."""
    told: str = ""
    """As JSON, what an answer shows besides: parameters, outputs, error, resources, tags."""
    operations: str = ""
    """As JSON, the outcome of each resource."""
    template: str = ""
    """As JSON; empty where it was too long to be kept."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def arm_id(self) -> str:
        """The ARM id."""
        prefix = "" if self.scope == "/" else self.scope
        return f"{prefix}/providers/Microsoft.Resources/deployments/{self.name}"
