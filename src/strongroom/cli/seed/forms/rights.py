"""What a file may say of roles, rights and locks."""

from __future__ import annotations

from strongroom.cli.seed.forms.references import PRINCIPAL, SCOPE
from strongroom.cli.seed.forms.texts import ANY_TEXT, NAME, TEXT, TEXTS
from strongroom.cli.seed.schema import Choice, Flag, ListOf, Member, Shape
from strongroom.core.locks import LockLevel

ACTIONS = {
    "actions": Member(TEXTS, "Actions of the management plane."),
    "notActions": Member(TEXTS, "All but these."),
    "dataActions": Member(TEXTS, "Actions on what is in vaults."),
    "notDataActions": Member(TEXTS, "All but these."),
}
ROLE = Shape(
    "role definition",
    {
        "name": Member(TEXT, "Its name.", required=True),
        "description": Member(ANY_TEXT, "What it is for."),
        **ACTIONS,
        "assignableScopes": Member(ListOf(SCOPE), "Where it can be given; the subscription if it is not said."),
    },
)
ROLE_ASSIGNMENT = Shape(
    "role assignment",
    {
        "principal": Member(PRINCIPAL, "Who has it.", required=True),
        "role": Member(TEXT, "The role's name, as `Key Vault Secrets User`.", required=True),
        "scope": Member(SCOPE, "Where.", required=True),
        "condition": Member(TEXT, "Under which condition; in version 2.0."),
        "description": Member(ANY_TEXT, "Why."),
    },
)
DENY_ASSIGNMENT = Shape(
    "deny assignment",
    {
        "name": Member(TEXT, "Its name.", required=True),
        "scope": Member(SCOPE, "Where.", required=True),
        "description": Member(ANY_TEXT, "Why."),
        **ACTIONS,
        "principals": Member(ListOf(PRINCIPAL), "From whom it is taken.", required=True),
        "excludePrincipals": Member(ListOf(PRINCIPAL), "But not from these."),
        "doNotApplyToChildScopes": Member(Flag(), "Whether it holds at this scope alone."),
        "condition": Member(TEXT, "Under which condition; in version 2.0."),
    },
)
LOCK = Shape(
    "lock",
    {
        "name": Member(NAME, "Its name.", required=True),
        "scope": Member(SCOPE, "What it is on: the subscription, a resource group or a resource.", required=True),
        "level": Member(
            Choice(tuple(LockLevel)), "What nobody does there and below: delete, or change anything.", required=True
        ),
        "notes": Member(ANY_TEXT, "Why."),
        "owners": Member(TEXTS, "Applications that are told as its owners, by display name, or by application id."),
    },
)
