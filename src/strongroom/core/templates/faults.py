"""How a template says that it is wrong."""

from __future__ import annotations

from strongroom.core.errors import Invalid


class TemplateFault(Exception):
    """Something in a template is wrong; the sentence never has a parameter's value in it."""


class Needed(Exception):
    """
    An expression asks for a resource's state that is not known yet: whoever evaluates gets it and evaluates again.

    Attributes:
        resource: the ARM id.
        api_version: which version is asked for; empty if the template's own for that resource is meant.
    """

    def __init__(self, resource: str, api_version: str) -> None:
        super().__init__(resource)
        self.resource = resource
        self.api_version = api_version


def invalid_template(sentence: str) -> Invalid:
    """Refuse a template in Azure's words."""
    return Invalid(f"Deployment template validation failed: '{sentence}'.", code="InvalidTemplate")
