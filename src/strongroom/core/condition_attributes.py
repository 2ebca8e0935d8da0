"""
The attributes that conditions can ask about, with the actions whose questions have them: one table.

From reference azure-key-vault.md section 3.6 and Azure's "Authorization actions and attributes". What is not in the
table this service can never supply, so a condition that names it is refused when it is saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from strongroom.core.action_patterns import ActionPattern
from strongroom.core.facts import Facts, Value


class Source(StrEnum):
    """Where a condition takes an attribute from, as it is written after the `@`."""

    RESOURCE = "Resource"
    REQUEST = "Request"
    ENVIRONMENT = "Environment"
    PRINCIPAL = "Principal"
    """Custom security attributes of the directory, of which there are none here."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """
    An attribute that this service supplies.

    Attributes:
        name: as the documentation spells it; in a condition its case does not count.
        actions: the actions whose questions have it. In any other question it is unknown, whatever the facts say.
        has_case: False for what names the same thing in either case, such as a secret's name: see `Comparison`.
        is_steady: False if it can change from one moment to the next with no record changing.
    """

    source: Source
    name: str
    actions: ActionPattern
    has_case: bool = True
    is_steady: bool = True

    def value(self, action: str, facts: Facts) -> Value | None:
        """Look up the value for a question about *action*; None if it is unknown."""
        if not self.actions.matches(action):
            return None
        return _of(self.source, facts).get(self.name.lower())


def _of(source: Source, facts: Facts) -> Mapping[str, Value]:
    match source:
        case Source.RESOURCE:
            return facts.resource
        case Source.REQUEST:
            return facts.request
        case Source.ENVIRONMENT:
            return facts.environment
        case Source.PRINCIPAL:
            return {}


VAULT_NAME = "microsoft.keyvault/vaults:name"
SECRET_NAME = "microsoft.keyvault/vaults/secrets:name"  # noqa: S105  it names an attribute
ROLE_DEFINITION_ID = "microsoft.authorization/roleassignments:roledefinitionid"
"""A GUID."""
PRINCIPAL_ID = "microsoft.authorization/roleassignments:principalid"
"""A GUID."""
PRINCIPAL_TYPE = "microsoft.authorization/roleassignments:principaltype"
IS_PRIVATE_LINK = "isprivatelink"
PRIVATE_ENDPOINT = "microsoft.network/privateendpoints"
"""An ARM id, lower case."""
SUBNET = "microsoft.network/virtualnetworks/subnets"
"""An ARM id, lower case."""
UTC_NOW = "utcnow"
"""A time in RFC 3339."""

_SECRETS = "Microsoft.KeyVault/vaults/secrets/"
_WRITE, _DELETE = (f"Microsoft.Authorization/roleAssignments/{word}" for word in ("write", "delete"))
_ANY_SECRET_ACTION = ActionPattern((f"{_SECRETS}*",))
_SECRET_IS_THERE = ActionPattern(
    f"{_SECRETS}{action}"
    for action in (
        "getSecret/action",
        "readMetadata/action",
        "update/action",
        "delete",
        "backup/action",
        "recover/action",
        "purge/action",
    )
)
_SECRET_IS_BROUGHT = ActionPattern((f"{_SECRETS}setSecret/action", f"{_SECRETS}restore/action"))
_ANYTHING = ActionPattern(("*",))

_TABLE = (
    Attribute(Source.RESOURCE, "Microsoft.KeyVault/vaults:name", _ANY_SECRET_ACTION, has_case=False),
    Attribute(Source.RESOURCE, "Microsoft.KeyVault/vaults/secrets:name", _SECRET_IS_THERE, has_case=False),
    Attribute(Source.REQUEST, "Microsoft.KeyVault/vaults/secrets:name", _SECRET_IS_BROUGHT, has_case=False),
    *(
        Attribute(source, f"Microsoft.Authorization/roleAssignments:{name}", ActionPattern((action,)), has_case=False)
        for source, action in ((Source.REQUEST, _WRITE), (Source.RESOURCE, _DELETE))
        for name in ("RoleDefinitionId", "PrincipalId", "PrincipalType")
    ),
    Attribute(Source.ENVIRONMENT, "isPrivateLink", _ANYTHING),
    Attribute(Source.ENVIRONMENT, "Microsoft.Network/privateEndpoints", _ANYTHING, has_case=False),
    Attribute(Source.ENVIRONMENT, "Microsoft.Network/virtualNetworks/subnets", _ANYTHING, has_case=False),
    Attribute(Source.ENVIRONMENT, "UtcNow", _ANYTHING, is_steady=False),
)

ATTRIBUTES: Mapping[tuple[Source, str], Attribute] = MappingProxyType(
    {(attribute.source, attribute.name.lower()): attribute for attribute in _TABLE}
)
"""Every attribute by source and lower-case name."""
