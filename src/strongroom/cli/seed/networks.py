"""Virtual networks and private endpoints, through Resource Manager; where they are, through the control socket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from strongroom.cli.seed.items import Item, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting, pick, without_nothing
from strongroom.cli.seed.plan import Change, Rules
from strongroom.cli.seed.reach import NETWORK, Document, Reach, at
from strongroom.cli.seed.resources import (
    TRACKED,
    dropping,
    group_of,
    grouped,
    in_this_group,
    located,
    own_name,
    tracked,
)
from strongroom.cli.seed.schema import Entry


def ranges_of(texts: Sequence[str]) -> list[str]:
    """Write ranges as the service keeps them: `10.0.0.1` is `10.0.0.1/32`; what is none is left for it to refuse."""
    return [_range(text) for text in texts]


def _range(text: str, *, strict: bool = False) -> str:
    try:
        return str(ip_network(text.strip(), strict=strict))
    except ValueError:
        return text


def _prefixes(texts: Sequence[str]) -> list[str]:
    """Write the ranges of a network likewise; one that does not begin at its first address is for it to refuse."""
    return [_range(text, strict=True) for text in texts]


# ---- virtual networks -----------------------------------------------------------------------------------------------


def _read_network(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    values = {**tracked(entry), "addressPrefixes": _prefixes(entry["addressPrefixes"])}
    if "subnets" in entry:
        there = None if parent is None else wanting.reach.look("virtualNetwork", f"{parent.name}/{entry['name']}")
        names = [] if there is None else [one["name"] for one in there[1]["properties"]["subnets"]]
        spelled = {one.casefold(): one for one in names}
        values["subnets"] = [
            {
                **one,
                "name": spelled.get(one["name"].casefold(), one["name"]),
                "addressPrefixes": _prefixes(one["addressPrefixes"]),
            }
            for one in entry["subnets"]
        ]
    return grouped("virtualNetwork", entry, parent, values, wanting)


def _found_networks(reach: Reach, _: Parents) -> Iterable[Item]:
    for name, one in reach.listed("virtualNetwork"):
        properties = one["properties"]
        values = {
            **pick(one, "location", "tags"),
            "addressPrefixes": properties["addressSpace"]["addressPrefixes"],
            "subnets": [_show_subnet(subnet) for subnet in properties["subnets"]],
        }
        yield Item("virtualNetwork", name, values, parent=key_of("resourceGroup", group_of(name)), id=one["id"])


def _show_subnet(subnet: Document) -> Document:
    properties = subnet["properties"]
    return without_nothing({
        "name": subnet["name"],
        "addressPrefixes": properties["addressPrefixes"],
        "serviceEndpoints": [one["service"] for one in properties["serviceEndpoints"]],
    })  # fmt: skip


def _put_network(reach: Reach, change: Change) -> None:
    item = change.item
    subnets = [
        {
            "name": one["name"],
            "properties": {
                "addressPrefixes": one["addressPrefixes"],
                "serviceEndpoints": [{"service": service} for service in one.get("serviceEndpoints", ())],
            },
        }
        for one in item.values.get("subnets", ())
    ]
    body = {
        "location": located(reach, group_of(item.name), dict(item.values)),
        "tags": item.values.get("tags", {}),
        "properties": {"addressSpace": {"addressPrefixes": item.values["addressPrefixes"]}, "subnets": subnets},
    }
    made = reach.session.arm("PUT", at(reach.resource("virtualNetwork", item.name)), body, api_version=NETWORK)
    reach.learn("virtualNetwork", made)


# ---- private endpoints ----------------------------------------------------------------------------------------------


def subnet_id(reach: Reach, name: str) -> str:
    """Give the ARM id of `resource group/network/subnet`."""
    if name.startswith("/"):
        return name
    group, network, subnet = name.split("/")
    return f"{reach.resource('virtualNetwork', f'{group}/{network}')}/subnets/{subnet}"


def subnet_name(reach: Reach, arm_id: str) -> str:
    """Give `resource group/network/subnet` of a subnet's ARM id; the id itself where there is no such network here."""
    parts = arm_id.lower().split("/")
    network = f"{parts[4]}/{parts[8]}"
    here = parts[2] == reach.session.subscription.lower() and reach.look("virtualNetwork", network) is not None
    return f"{network}/{parts[10]}" if here else arm_id.lower()


def refer_subnet(wanting: Wanting, name: str, line: int) -> str:
    """Take a reference to a subnet: its network has to be there, or in the file. An ARM id is taken as it stands."""
    if name.startswith("/"):
        return name.lower()
    network, _, subnet = name.rpartition("/")
    return f"{wanting.refer('virtualNetwork', network, line)}/{subnet}".lower()


def _read_endpoint(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    asked = entry["connection"]
    there = None if parent is None else wanting.reach.look("privateEndpoint", f"{parent.name}/{entry['name']}")
    # An endpoint stays when its vault is deleted, or is one of another subscription: then it has no name here.
    known = there is not None and _vault_of(_asked(there[1])).casefold() == asked["vault"].casefold()
    vault = asked["vault"] if known else wanting.refer("vault", asked["vault"], asked.line)
    connection = {"manual": False, **asked, "vault": vault}
    if there is not None and known:
        connection["vault"] = _vault_of(_asked(there[1]))
    values = {
        **tracked(entry),
        "subnet": refer_subnet(wanting, entry["subnet"], entry.line),
        "connection": connection,
    }
    return grouped("privateEndpoint", entry, parent, values, wanting)


def _asked(endpoint: Document) -> Document:
    """Give the one connection that an endpoint asks for."""
    properties = endpoint["properties"]
    both = [*properties["manualPrivateLinkServiceConnections"], *properties["privateLinkServiceConnections"]]
    asked: Document = both[0]
    return asked


def _vault_of(asked: Document) -> str:
    return str(asked["properties"]["privateLinkServiceId"]).rpartition("/")[2]


def _found_endpoints(reach: Reach, _: Parents) -> Iterable[Item]:
    for name, one in reach.listed("privateEndpoint"):
        asked = _asked(one)
        connection = {
            "name": asked["name"],
            "vault": _vault_of(asked),
            "manual": bool(one["properties"]["manualPrivateLinkServiceConnections"]),
            "message": asked["properties"]["requestMessage"],
        }
        subnet = subnet_name(reach, one["properties"]["subnet"]["id"])
        values = {**pick(one, "location", "tags"), "subnet": subnet, "connection": connection}
        yield Item("privateEndpoint", name, values, parent=key_of("resourceGroup", group_of(name)), id=one["id"])


def _put_endpoint(reach: Reach, change: Change) -> None:
    item = change.item
    asked = item.values["connection"]
    connection = {
        "name": asked["name"],
        "properties": {
            "privateLinkServiceId": reach.find("vault", asked["vault"])["id"],
            "groupIds": ["vault"],
            "requestMessage": asked.get("message", ""),
        },
    }
    which = "manualPrivateLinkServiceConnections" if asked["manual"] else "privateLinkServiceConnections"
    body = {
        "location": located(reach, group_of(item.name), dict(item.values)),
        "tags": item.values.get("tags", {}),
        "properties": {"subnet": {"id": subnet_id(reach, item.values["subnet"])}, which: [connection]},
    }
    made = reach.session.arm("PUT", at(reach.resource("privateEndpoint", item.name)), body, api_version=NETWORK)
    reach.learn("privateEndpoint", made)


def _write_endpoint(item: Item) -> Document:
    connection = {name: value for name, value in item.values["connection"].items() if value}
    return {"name": own_name(item.name), **without_nothing({**item.values, "connection": connection})}


# ---- the operator's own ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Said:
    """What the instance's operator says of a network or an endpoint, and nobody else may: where it really is."""

    kind: str
    path: str
    """Its rows of the control socket."""
    of: str
    """What it is said of: a kind, and the member that names one."""
    members: tuple[str, ...]

    def read(self, wanting: Wanting, entry: Entry, _: Item | None) -> Item:
        """Take an entry."""
        name = wanting.refer(self.of, entry[self.of], entry.line)
        values = pick(entry, *self.members)
        if "ranges" in values:
            values["ranges"] = ranges_of(values["ranges"])
        return Item(self.kind, name, values, needs=frozenset(wanting.needs), line=entry.line)

    def found(self, reach: Reach, _: Parents) -> Iterable[Item]:
        """List what is said; of other subscriptions and tenants, a file says nothing."""
        known = {one["id"].lower(): name for name, one in reach.listed(self.of)}
        for one in reach.asked_control("GET", self.path)["value"]:
            if one[self.of] in known:
                yield Item(self.kind, known[one[self.of]], pick(one, *self.members), id=one[self.of])

    def put(self, reach: Reach, change: Change) -> None:
        """Say it; a listener's place cannot be changed, so the one that was goes first."""
        arm_id = reach.resource(self.of, change.item.name)
        if self.of == "privateEndpoint" and change.found is not None:
            reach.asked_control("POST", f"{self.path}/remove", {self.of: arm_id})
        reach.asked_control("POST", self.path, {self.of: arm_id, **change.item.values})

    def drop(self, reach: Reach, gone: Item) -> None:
        """Say it no more."""
        reach.asked_control("POST", f"{self.path}/remove", {self.of: gone.id})

    def write(self, item: Item) -> Document:
        """Write an entry."""
        return {self.of: item.name, **without_nothing(item.values)}

    def as_kind(self, member: str) -> Kind:
        """Give the kind, whose entries stand in the list *member* of a file."""
        return Kind(self.kind, member, self.read, self.found, self.put, self.drop, self.write)


VIRTUAL_NETWORKS = Kind(
    "virtualNetwork",
    "virtualNetworks",
    _read_network,
    _found_networks,
    _put_network,
    dropping("virtualNetwork", NETWORK),
    lambda item: {"name": own_name(item.name), **without_nothing(item.values)},
    parent="resourceGroup",
    declare=in_this_group,
    rules=TRACKED,
)
PRIVATE_ENDPOINTS = Kind(
    "privateEndpoint",
    "privateEndpoints",
    _read_endpoint,
    _found_endpoints,
    _put_endpoint,
    dropping("privateEndpoint", NETWORK),
    _write_endpoint,
    parent="resourceGroup",
    declare=in_this_group,
    rules=Rules(
        fixed=frozenset({"location", "subnet", "connection.name", "connection.vault", "connection.manual"}),
        partial=frozenset({"connection"}),
    ),
)
NETWORK_MAPS = _Said("networkMap", "/network-maps", "virtualNetwork", ("ranges",)).as_kind("networkMaps")
ENDPOINT_LISTENERS = _Said("endpointListener", "/endpoint-listeners", "privateEndpoint", ("address", "port")).as_kind(
    "endpointListeners"
)
