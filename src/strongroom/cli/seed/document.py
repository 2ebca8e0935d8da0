"""
The form of a file: what may stand in it, and what it means.

The reference of the documentation is written from this table (`reference`), so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.cli.seed.forms.directory import (
    APP_ROLE_ASSIGNMENT,
    APPLICATION,
    DIRECTORY_ROLE,
    FEDERATED,
    GROUP,
    TENANT,
    USER,
)
from strongroom.cli.seed.forms.networks import ENDPOINT, LISTENER, NETWORK, NETWORK_MAP
from strongroom.cli.seed.forms.rights import DENY_ASSIGNMENT, LOCK, ROLE, ROLE_ASSIGNMENT
from strongroom.cli.seed.forms.texts import LINE, LOCATION, NAME, TAGS
from strongroom.cli.seed.forms.vaults import VAULT_SHAPE
from strongroom.cli.seed.reading import read_yaml
from strongroom.cli.seed.schema import Entry, Kind, ListOf, Member, Shape, Texts, Whole, take

VERSION = 1

IDENTITY = Shape(
    "managed identity",
    {
        "name": Member(NAME, "Its name.", required=True),
        "location": LOCATION,
        "tags": TAGS,
        "federatedCredentials": Member(ListOf(FEDERATED), "Whose tokens it may sign in by."),
    },
)
RESOURCE_GROUP = Shape(
    "resource group",
    {
        "name": Member(NAME, "Its name.", required=True),
        "location": Member(LINE, LOCATION.about, required=True),
        "tags": TAGS,
        "identities": Member(ListOf(IDENTITY), "Managed identities."),
        "virtualNetworks": Member(ListOf(NETWORK), "Virtual networks."),
        "vaults": Member(ListOf(VAULT_SHAPE), "Vaults."),
        "privateEndpoints": Member(ListOf(ENDPOINT), "Private endpoints."),
    },
)
DOCUMENT = Shape(
    "file",
    {
        "version": Member(Whole(VERSION, VERSION), "The version of this form.", required=True),
        "tenant": Member(
            LINE, "The tenant that this is about, by id or domain: nobody signed in elsewhere may apply it."
        ),
        "subscription": Member(LINE, "The subscription, by id or name; the operator's own if it is not said."),
        "tenants": Member(ListOf(TENANT), "Tenants of the instance, which its operator makes."),
        "users": Member(ListOf(USER), "Users."),
        "groups": Member(ListOf(GROUP), "Groups."),
        "applications": Member(ListOf(APPLICATION), "Applications."),
        "directoryRoles": Member(ListOf(DIRECTORY_ROLE), "Who has which directory role."),
        "appRoleAssignments": Member(ListOf(APP_ROLE_ASSIGNMENT), "Who has which app role."),
        "subscriptionTags": Member(Texts(), "All tags of the subscription: those that the file leaves out go."),
        "resourceGroups": Member(ListOf(RESOURCE_GROUP), "Resource groups, with what is in them."),
        "networkMaps": Member(ListOf(NETWORK_MAP), "Where virtual networks really are; the instance operator's."),
        "endpointListeners": Member(ListOf(LISTENER), "Which address a private endpoint is; the instance operator's."),
        "roleDefinitions": Member(ListOf(ROLE), "Custom roles."),
        "roleAssignments": Member(ListOf(ROLE_ASSIGNMENT), "Who has which role where."),
        "denyAssignments": Member(ListOf(DENY_ASSIGNMENT), "From whom what is taken."),
        "locks": Member(ListOf(LOCK), "What nobody may delete, or change."),
    },
)


def read_document(content: bytes) -> Entry:
    """
    Read a file.

    Raises:
        Invalid: it is not of this form; every fault has its line.
    """
    return take(DOCUMENT, read_yaml(content))


def reference() -> Iterator[tuple[Shape, list[tuple[str, Member]]]]:
    """Give every shape with its members, the file's own first: what the documentation's tables are written from."""
    seen: dict[str, Shape] = {}
    ahead: list[Kind] = [DOCUMENT]
    while ahead:
        kind = ahead.pop(0)
        if isinstance(kind, ListOf):
            ahead.insert(0, kind.of)
        elif isinstance(kind, Shape) and kind.name not in seen:
            seen[kind.name] = kind
            ahead += [member.kind for member in kind.members.values()]
    for shape in seen.values():
        yield shape, list(shape.members.items())
