"""How a file refers to who somebody is, and to where something holds."""

from __future__ import annotations

from strongroom.cli.seed.forms.texts import ARM_ID, GUID, IN_GROUP, NAME, OBJECT, TEXT, VAULT
from strongroom.cli.seed.schema import Entry, Flag, Member, Shape


def _check_scope(entry: Entry) -> str | None:
    places = [name for name in entry if name != "secret"]
    if len(places) != 1:
        return "exactly one place must be said, and a secret only with its vault"
    return "a secret is in a vault: say which" if "secret" in entry and "vault" not in entry else None


PRINCIPAL = Shape(
    "principal",
    {
        "user": Member(TEXT, "A user, by user principal name."),
        "group": Member(TEXT, "A group, by display name."),
        "application": Member(TEXT, "An application of this tenant, by display name: its service principal."),
        "identity": Member(IN_GROUP, "A user-assigned managed identity."),
        "objectId": Member(GUID, "Any principal, by its object id, which is another one on every instance."),
        "everyone": Member(Flag(only=True), "Everybody; only in a deny assignment."),
    },
    choose=("user", "group", "application", "identity", "objectId", "everyone"),
)
SCOPE = Shape(
    "scope",
    {
        "subscription": Member(Flag(only=True), "The subscription."),
        "resourceGroup": Member(NAME, "A resource group."),
        "vault": Member(VAULT, "A vault."),
        "secret": Member(OBJECT, "One secret of that vault; with `vault`."),
        "identity": Member(IN_GROUP, "A user-assigned managed identity."),
        "virtualNetwork": Member(IN_GROUP, "A virtual network."),
        "privateEndpoint": Member(IN_GROUP, "A private endpoint."),
        "managementGroup": Member(NAME, "A management group."),
        "id": Member(ARM_ID, "Anything, by its ARM id."),
    },
    check=_check_scope,
)
