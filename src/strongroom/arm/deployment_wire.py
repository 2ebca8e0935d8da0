"""What requests about deployments carry (azure-mgmt-resource-deployments)."""

from __future__ import annotations

from typing import Any

from strongroom.http.json import Secretive


class DeploymentProperties(Secretive, rename="camel"):
    """A template and its parameters."""

    mode: str = "Incremental"
    template: Any = None
    template_link: Any = None
    parameters: dict[str, Any] | None = None
    parameters_link: Any = None


class Deployment(Secretive, rename="camel"):
    """A deployment, to be made, validated or foreseen."""

    properties: DeploymentProperties
    location: str | None = None
    tags: dict[str, str] | None = None
