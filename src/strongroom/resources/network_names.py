"""Names and ids of Microsoft.Network's resources: how they are checked, read, and kept as records' ids."""

from __future__ import annotations

import re
from dataclasses import dataclass

from strongroom.core import network_limits as limits
from strongroom.core.echo import RESOURCE_ID, RESOURCE_NAME, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.guids import GUID_PATTERN
from strongroom.core.networks import Subnet, VirtualNetwork
from strongroom.core.resources import ResourceGroup

_NAME = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9_.-]{{0,{limits.NETWORK_NAME_CHARS - 2}}}[A-Za-z0-9_])?", re.ASCII)
_PLACE = rf"/subscriptions/({GUID_PATTERN})/resourcegroups/([^/]{{1,90}})/providers"
_SUBNET = re.compile(
    rf"{_PLACE}/microsoft\.network/virtualnetworks/([^/]{{1,80}})/subnets/([^/]{{1,80}})", re.IGNORECASE | re.ASCII
)
_VAULT = re.compile(rf"{_PLACE}/microsoft\.keyvault/vaults/([^/]{{1,24}})", re.IGNORECASE | re.ASCII)
_PROFILE = re.compile(
    rf"{_PLACE}/microsoft\.network/networksecurityperimeters/([^/]{{1,80}})/profiles/([^/]{{1,80}})",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A resource that another one names by its ARM id, in lower case; it need not exist."""

    subscription: str
    resource_group: str
    name: str
    child: str = ""
    """The subnet's or profile's own name."""

    @property
    def record_id(self) -> str:
        """The id of the record that it would be."""
        return record_id(self.subscription, self.resource_group, self.name)


def record_id(subscription: str, resource_group: str, name: str) -> str:
    """Make the id that the record of a resource in a group has."""
    return f"{subscription.lower()}/{resource_group.lower()}/{name.lower()}"


def id_in(group: ResourceGroup, name: str) -> str:
    """Make the id that the record of a resource in this group has."""
    return record_id(group.subscription, group.name, name)


def check_name(text: str) -> str:
    """
    Check the name of a resource of Microsoft.Network.

    Raises:
        Invalid: `InvalidResourceName`.
    """
    if _NAME.fullmatch(text) is None:
        raise Invalid(
            f"Resource name {shown(text, RESOURCE_NAME)} is invalid. The name can be up to {limits.NETWORK_NAME_CHARS}"
            " characters long. It must begin with a word character, and it must end with a word character or with"
            " '_'. The name may contain word characters or '.', '-', '_'.",
            code="InvalidResourceName",
        )
    return text


def subnet_scope(network: VirtualNetwork, name: str) -> str:
    """Give a subnet's ARM id."""
    return f"{network.scope}/subnets/{name}"


def find_subnet(network: VirtualNetwork, name: str) -> Subnet | None:
    """Find a subnet of a network by its name, without case, or None."""
    return next((subnet for subnet in network.subnets if subnet.name.lower() == name.lower()), None)


def the_subnet(network: VirtualNetwork, name: str) -> Subnet:
    """
    Find a subnet of a network.

    Raises:
        NotFound: there is none.
    """
    found = find_subnet(network, name)
    if found is None:
        raise part_not_found(subnet_scope(network, name))
    return found


def parse_subnet_id(text: str) -> Reference | None:
    """Read a subnet's ARM id; None if it is none."""
    return _reference(_SUBNET, text)


def parse_vault_id(text: str) -> Reference | None:
    """Read a vault's ARM id; None if it is none."""
    return _reference(_VAULT, text)


def parse_profile_id(text: str) -> Reference | None:
    """Read the ARM id of a perimeter's profile; None if it is none."""
    return _reference(_PROFILE, text)


def part_not_found(scope: str) -> NotFound:
    """Say that a part of a resource of Microsoft.Network does not exist."""
    return NotFound(f"Resource {shown(scope, RESOURCE_ID)} not found.", code="NotFound")


def unresolved(reference: str, by: str) -> Invalid:
    """Say that what a resource names does not exist in its tenant, or is elsewhere than it has to be."""
    return Invalid(
        f"Resource {shown(reference, RESOURCE_ID)} referenced by resource {shown(by, RESOURCE_ID)} was not found."
        " Please make sure that the referenced resource exists, and that both resources are in the same region.",
        code="InvalidResourceReference",
    )


def _reference(form: re.Pattern[str], text: str) -> Reference | None:
    found = form.fullmatch(text.rstrip("/"))
    return None if found is None else Reference(*map(str.lower, found.groups()))
