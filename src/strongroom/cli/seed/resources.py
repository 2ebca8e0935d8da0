"""Resource groups and managed identities: through Resource Manager."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from strongroom.cli.seed.applications import federated_item, federated_values
from strongroom.cli.seed.items import Item, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting, among, pick, without_nothing
from strongroom.cli.seed.plan import Change, Rules
from strongroom.cli.seed.reach import IDENTITIES, RESOURCES, Document, Reach, at
from strongroom.cli.seed.schema import Entry


def location_of(text: str) -> str:
    """Write a location as the service keeps it: `West Europe` is `westeurope`."""
    return text.replace(" ", "").lower()


def tracked(entry: Entry) -> Document:
    """Give what every resource has, as far as it is said."""
    values = pick(entry, "tags")
    if "location" in entry:
        values["location"] = location_of(entry["location"])
    return values


def located(reach: Reach, group: str, values: Document) -> str:
    """Give where a resource is to be: where it says, or else where its group is."""
    return str(values.get("location") or reach.find("resourceGroup", group)["location"])


TRACKED = Rules(fixed=frozenset({"location"}))


# ---- resource groups ------------------------------------------------------------------------------------------------


def _read_group(_: Wanting, entry: Entry, __: Item | None) -> Item:
    return Item("resourceGroup", entry["name"], tracked(entry), line=entry.line)


def _found_groups(reach: Reach, _: Parents) -> Iterable[Item]:
    # A managed identity goes with its group, and so would whoever applies the file as one.
    own = str(reach.session.claims.get("xms_mirid", "")).lower()
    for name, one in reach.listed("resourceGroup"):
        protected = own.startswith(f"{one['id'].lower()}/")
        yield Item("resourceGroup", name, pick(one, "location", "tags"), id=one["id"], protected=protected)


def _put_group(reach: Reach, change: Change) -> None:
    item = change.item
    body = {"location": item.values["location"], "tags": item.values.get("tags", {})}
    reach.learn("resourceGroup", reach.session.arm("PUT", at(reach.group(item.name)), body, api_version=RESOURCES))


def _drop_group(reach: Reach, item: Item) -> None:
    reach.session.arm("DELETE", at(item.id), api_version=RESOURCES)
    reach.forget("resourceGroup", item.name)


# ---- the subscription -----------------------------------------------------------------------------------------------

_TAGS = "providers/Microsoft.Resources/tags/default"


def _read_subscription(_: Wanting, entry: Entry, __: Item | None) -> Item:
    return Item("subscription", "tags", {"tags": entry["subscriptionTags"]}, line=entry.line)


def _found_subscription(reach: Reach, _: Parents) -> Iterable[Item]:
    found = reach.session.arm("GET", f"{reach.subscription}/{_TAGS}", api_version=RESOURCES)
    yield Item("subscription", "tags", {"tags": found["properties"]["tags"]}, protected=True)


def _put_subscription(reach: Reach, change: Change) -> None:
    body = {"properties": {"tags": change.item.values["tags"]}}
    reach.session.arm("PUT", f"{reach.subscription}/{_TAGS}", body, api_version=RESOURCES)


def _keep_subscription(_: Reach, item: Item) -> None:
    raise AssertionError(f"the {item.name} of a subscription are changed, and never removed")


# ---- resources of a group -------------------------------------------------------------------------------------------


def group_of(name: str) -> str:
    """Give the resource group of `resource group/name`."""
    return name.partition("/")[0]


def own_name(name: str) -> str:
    """Give the name of `resource group/name`."""
    return name.partition("/")[2]


def grouped(kind: str, entry: Entry, parent: Item | None, values: Document, wanting: Wanting) -> Item | None:
    """Make the item of a resource in a group."""
    if parent is None:
        return None
    needs = frozenset({parent.key, *wanting.needs})
    return Item(kind, f"{parent.name}/{entry['name']}", values, parent=parent.key, needs=needs, line=entry.line)


def in_this_group(entry: Entry, parent: str) -> str:
    """Declare a resource of a group."""
    return f"{parent}/{entry['name']}"


def dropping(kind: str, version: str) -> Any:
    """Make the function that removes a resource."""

    def drop(reach: Reach, item: Item) -> None:
        reach.session.arm("DELETE", at(item.id), api_version=version)
        reach.forget(kind, item.name)

    return drop


# ---- managed identities ---------------------------------------------------------------------------------------------


def _read_identity(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    return grouped("identity", entry, parent, tracked(entry), wanting)


def _found_identities(reach: Reach, _: Parents) -> Iterable[Item]:
    own = reach.session.claims.get("oid")
    for name, one in reach.listed("identity"):
        parent, protected = key_of("resourceGroup", group_of(name)), one["properties"]["principalId"] == own
        yield Item("identity", name, pick(one, "location", "tags"), parent=parent, id=one["id"], protected=protected)


def _put_identity(reach: Reach, change: Change) -> None:
    item = change.item
    body = {
        "location": located(reach, group_of(item.name), dict(item.values)),
        "tags": item.values.get("tags", {}),
    }
    made = reach.session.arm("PUT", at(reach.resource("identity", item.name)), body, api_version=IDENTITIES)
    reach.learn("identity", made)
    # Its principal is in the directory from now on.
    found = reach.session.graph("GET", f"/servicePrincipals/{made['properties']['principalId']}")
    reach.learn("servicePrincipal", found)


def _read_federated(_: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    values, needs = federated_values(entry), frozenset({parent.key})
    return federated_item(
        "identityFederation", "identity", parent.name, entry["name"], values, needs=needs, line=entry.line
    )


def _found_federated(reach: Reach, parents: Parents) -> Iterable[Item]:
    for name, one in among(reach, "identity", parents):
        for credential in reach.session.arm_pages(
            f"{at(one['id'])}/federatedIdentityCredentials", api_version=IDENTITIES
        ):
            values = federated_values(credential["properties"])
            yield federated_item(
                "identityFederation", "identity", name, credential["name"], values, id=credential["id"]
            )


def _put_federated(reach: Reach, change: Change) -> None:
    item = change.item
    owner = at(reach.find("identity", item.aside["owner"])["id"])
    path = f"{owner}/federatedIdentityCredentials/{quote(item.aside['name'], safe='')}"
    reach.session.arm("PUT", path, {"properties": dict(item.values)}, api_version=IDENTITIES)


def _drop_federated(reach: Reach, item: Item) -> None:
    reach.session.arm("DELETE", at(item.id), api_version=IDENTITIES)


SUBSCRIPTION = Kind(
    "subscription",
    "subscriptionTags",
    _read_subscription,
    _found_subscription,
    _put_subscription,
    _keep_subscription,
    lambda item: without_nothing({"subscriptionTags": item.values["tags"]}),
    merges=True,
)
RESOURCE_GROUPS = Kind(
    "resourceGroup",
    "resourceGroups",
    _read_group,
    _found_groups,
    _put_group,
    _drop_group,
    lambda item: {"name": item.name, **without_nothing(item.values)},
    declare=lambda entry, _: str(entry["name"]),
    rules=TRACKED,
)
MANAGED_IDENTITIES = Kind(
    "identity",
    "identities",
    _read_identity,
    _found_identities,
    _put_identity,
    dropping("identity", IDENTITIES),
    lambda item: {"name": own_name(item.name), **without_nothing(item.values)},
    parent="resourceGroup",
    declare=in_this_group,
    rules=TRACKED,
)
IDENTITY_FEDERATION = Kind(
    "identityFederation",
    "federatedCredentials",
    _read_federated,
    _found_federated,
    _put_federated,
    _drop_federated,
    lambda item: {"name": item.aside["name"], **item.values},
    parent="identity",
)
