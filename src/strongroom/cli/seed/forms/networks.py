"""What a file may say of virtual networks, private endpoints, and where both really are."""

from __future__ import annotations

from strongroom.cli.seed.forms.texts import IN_GROUP, LINE, LOCATION, NAME, SUBNET, TAGS, TEXT, TEXTS, VAULT
from strongroom.cli.seed.schema import Flag, ListOf, Member, Shape, Whole

SUBNET_SHAPE = Shape(
    "subnet",
    {
        "name": Member(NAME, "Its name.", required=True),
        "addressPrefixes": Member(TEXTS, "Its ranges.", required=True),
        "serviceEndpoints": Member(TEXTS, "Services that are reached from it, as `Microsoft.KeyVault`."),
    },
)
NETWORK = Shape(
    "virtual network",
    {
        "name": Member(NAME, "Its name.", required=True),
        "location": LOCATION,
        "tags": TAGS,
        "addressPrefixes": Member(TEXTS, "Its ranges.", required=True),
        "subnets": Member(ListOf(SUBNET_SHAPE), "Every subnet: one that is not here goes."),
    },
)
CONNECTION = Shape(
    "connection",
    {
        "name": Member(NAME, "Its name.", required=True),
        "vault": Member(VAULT, "The vault that is reached.", required=True),
        "manual": Member(Flag(), "Whether the vault's owner has to approve."),
        "message": Member(TEXT, "What is asked of the owner."),
    },
)
ENDPOINT = Shape(
    "private endpoint",
    {
        "name": Member(NAME, "Its name.", required=True),
        "location": LOCATION,
        "tags": TAGS,
        "subnet": Member(SUBNET, "Where it is.", required=True),
        "connection": Member(CONNECTION, "What it reaches.", required=True),
    },
)
NETWORK_MAP = Shape(
    "network map",
    {
        "virtualNetwork": Member(IN_GROUP, "Which network.", required=True),
        "ranges": Member(TEXTS, "Where its addresses really come from.", required=True),
    },
)
LISTENER = Shape(
    "endpoint listener",
    {
        "privateEndpoint": Member(IN_GROUP, "Which endpoint.", required=True),
        "address": Member(LINE, "The address of the machine that it is.", required=True),
        "port": Member(Whole(1, 65535), "The port; that of the URLs if it is not said."),
    },
)
