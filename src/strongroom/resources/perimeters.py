"""
Network security perimeters with their profiles and access rules (reference section 2).

Who may write a perimeter says who comes in to the vaults in it; that a vault is in it, whoever may let it join says
(`perimeter_associations`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from strongroom.core import limits, network_limits
from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.guids import GUID_PATTERN, new_guid
from strongroom.core.networks import Perimeter, PerimeterAssociation, PerimeterProfile, PerimeterRule
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ResourceGroup, Subscription
from strongroom.resources.address_space import parse_prefix
from strongroom.resources.lookup import group_not_found, resource_not_found
from strongroom.resources.network_names import check_name, id_in, part_not_found, unresolved
from strongroom.resources.role_assignments import remove_assignments_under
from strongroom.resources.tracked import check_tags, parse_location, require_place
from strongroom.store import Transaction

PERIMETER_TYPE = "Microsoft.Network/networkSecurityPerimeters"
_SUBSCRIPTION = re.compile(rf"/subscriptions/({GUID_PATTERN})/?", re.ASCII | re.IGNORECASE)
_DOMAIN_NAME = re.compile(
    r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*", re.ASCII
)


class Direction(StrEnum):
    """Whom an access rule is about."""

    INBOUND = "Inbound"
    OUTBOUND = "Outbound"


@dataclass(frozen=True, slots=True)
class RuleWish:
    """An access rule as a request describes it."""

    direction: Direction
    address_prefixes: Sequence[str] = ()
    subscriptions: Sequence[str] = ()
    """ARM ids."""
    fully_qualified_domain_names: Sequence[str] = ()


def profile_scope(perimeter: Perimeter, name: str) -> str:
    """Give a profile's ARM id."""
    return f"{perimeter.scope}/profiles/{name}"


def find_profile(perimeter: Perimeter, name: str) -> PerimeterProfile | None:
    """Find a profile by its name, without case, or None."""
    return next((profile for profile in perimeter.profiles if profile.name.lower() == name.lower()), None)


def find_rule(profile: PerimeterProfile, name: str) -> PerimeterRule | None:
    """Find an access rule by its name, without case, or None."""
    return next((rule for rule in profile.rules if rule.name.lower() == name.lower()), None)


def the_profile(perimeter: Perimeter, name: str) -> PerimeterProfile:
    """
    Find a profile of a perimeter.

    Raises:
        NotFound: there is none.
    """
    found = find_profile(perimeter, name)
    if found is None:
        raise part_not_found(profile_scope(perimeter, name))
    return found


def the_rule(perimeter: Perimeter, profile: PerimeterProfile, name: str) -> PerimeterRule:
    """
    Find an access rule of a profile.

    Raises:
        NotFound: there is none.
    """
    found = find_rule(profile, name)
    if found is None:
        raise part_not_found(f"{profile_scope(perimeter, profile.name)}/accessRules/{name}")
    return found


# ---- perimeters -----------------------------------------------------------------------------------------------------


async def put_perimeter(
    tx: Transaction,
    *,
    group: ResourceGroup,
    name: str,
    location: str,
    tags: Mapping[str, str],
    now: int,
    entropy: Callable[[int], bytes],
) -> tuple[Perimeter, bool]:
    """
    Make a perimeter, or replace the tags of one; the second value says whether it was made.

    Raises:
        NotFound: the group is gone.
        Conflict: it exists in another location.
        Invalid: name, location or tags, or there are too many.
    """
    partition = tenant_partition(group.tenant)
    existing = await tx.record(Perimeter, partition, id_in(group, name))
    if existing is not None:
        require_place(existing.name, existing.location, location)
        changed = replace(existing, tags=check_tags(tags))
        await tx.put(changed)
        return changed, False
    if await tx.record(ResourceGroup, partition, group.id) is None:
        raise group_not_found(group.name)
    there = await tx.records(Perimeter, partition)
    if sum(one.subscription == group.subscription for one in there) >= network_limits.PERIMETERS:
        raise _too_many(f"A subscription can have at most {network_limits.PERIMETERS} network security perimeters.")
    made = Perimeter(
        id=id_in(group, name),
        tenant=group.tenant,
        subscription=group.subscription,
        resource_group=group.name,
        name=check_name(name),
        location=parse_location(location),
        created=now,
        guid=new_guid(entropy),
        tags=check_tags(tags),
    )
    await tx.put(made)
    return made, True


async def tag_perimeter(tx: Transaction, perimeter: Perimeter, tags: Mapping[str, str] | None) -> Perimeter:
    """
    Replace a perimeter's tags; None leaves them.

    Raises:
        NotFound: it is gone.
        Invalid: the tags.
    """
    current = await require_perimeter(tx, perimeter)
    changed = current if tags is None else replace(current, tags=check_tags(tags))
    await tx.put(changed)
    return changed


async def delete_perimeter(tx: Transaction, perimeter: Perimeter, *, force: bool) -> None:
    """
    Remove a perimeter, and the roles that were given over it; with *force* its vaults are let go, too.

    Raises:
        NotFound: it is gone already.
        Conflict: vaults are in it, and *force* is false.
    """
    current = await require_perimeter(tx, perimeter)
    inside = await associations_of(tx, current)
    if inside and not force:
        raise in_use(current.scope)
    for association in inside:
        await tx.remove(association)
    await remove_assignments_under(tx, current.tenant, current.scope)
    await tx.remove(current)


async def require_perimeter(tx: Transaction, perimeter: Perimeter) -> Perimeter:
    """
    Read a perimeter again. One of its name that was made since is another one: its GUID tells.

    Raises:
        NotFound: it is gone.
    """
    current = await tx.record(Perimeter, perimeter.partition, perimeter.id)
    if current is None or current.guid != perimeter.guid:
        raise resource_not_found(PERIMETER_TYPE, perimeter.resource_group, perimeter.name)
    return current


async def associations_of(tx: Transaction, perimeter: Perimeter) -> list[PerimeterAssociation]:
    """Read what is in a perimeter."""
    everything = await tx.records(PerimeterAssociation, perimeter.partition)
    return [association for association in everything if association.perimeter == perimeter.id]


def in_use(scope: str) -> Conflict:
    """Say that a perimeter, or a profile, stays because vaults are associated with it."""
    return Conflict(
        f"Resource {shown(scope, RESOURCE_ID)} is associated with resources and cannot be deleted. Delete its resource"
        " associations first.",
        code="NetworkSecurityPerimeterInUse",
    )


# ---- profiles and rules ---------------------------------------------------------------------------------------------


async def put_profile(tx: Transaction, perimeter: Perimeter, name: str) -> tuple[Perimeter, PerimeterProfile, bool]:
    """
    Make a profile, unless there is one; the last value says whether it was made.

    Raises:
        NotFound: the perimeter is gone.
        Invalid: the name, or there are too many.
    """
    current = await require_perimeter(tx, perimeter)
    existing = find_profile(current, name)
    if existing is not None:
        return current, existing, False
    if len(current.profiles) >= network_limits.PERIMETER_PROFILES:
        raise _too_many(f"A network security perimeter can have at most {network_limits.PERIMETER_PROFILES} profiles.")
    made = PerimeterProfile(check_name(name))
    changed = replace(current, profiles=(*current.profiles, made))
    await tx.put(changed)
    return changed, made, True


async def delete_profile(tx: Transaction, perimeter: Perimeter, name: str) -> bool:
    """
    Remove a profile with its rules; False if there is none.

    Raises:
        NotFound: the perimeter is gone.
        Conflict: vaults are associated with it.
    """
    current = await require_perimeter(tx, perimeter)
    profile = find_profile(current, name)
    if profile is None:
        return False
    if any(one.profile == profile.name.lower() for one in await associations_of(tx, current)):
        raise in_use(profile_scope(current, profile.name))
    await tx.put(replace(current, profiles=tuple(one for one in current.profiles if one is not profile)))
    return True


async def put_rule(
    tx: Transaction, perimeter: Perimeter, profile_name: str, name: str, wish: RuleWish
) -> tuple[Perimeter, PerimeterProfile, PerimeterRule, bool]:
    """
    Make an access rule or change it; the last value says whether it was made.

    Raises:
        NotFound: the perimeter, or its profile, is gone.
        Invalid: something about the rule, or there are too many.
    """
    current = await require_perimeter(tx, perimeter)
    profile = the_profile(current, profile_name)
    existing = find_rule(profile, name)
    scope = f"{profile_scope(current, profile.name)}/accessRules/{name}"
    rule = _rule(check_name(name) if existing is None else existing.name, wish, scope)
    for subscription in rule.subscriptions:
        if await tx.record(Subscription, current.partition, subscription) is None:
            raise unresolved(f"/subscriptions/{subscription}", scope)
    rules = (
        (*profile.rules, rule) if existing is None else tuple(rule if one is existing else one for one in profile.rules)
    )
    _check_elements(rules)
    changed, into = await _put_rules(tx, current, profile, rules)
    return changed, into, rule, existing is None


async def delete_rule(tx: Transaction, perimeter: Perimeter, profile_name: str, name: str) -> bool:
    """
    Remove an access rule; False if there is none.

    Raises:
        NotFound: the perimeter, or its profile, is gone.
    """
    current = await require_perimeter(tx, perimeter)
    profile = the_profile(current, profile_name)
    rule = find_rule(profile, name)
    if rule is None:
        return False
    await _put_rules(tx, current, profile, tuple(one for one in profile.rules if one is not rule))
    return True


async def _put_rules(
    tx: Transaction, perimeter: Perimeter, profile: PerimeterProfile, rules: tuple[PerimeterRule, ...]
) -> tuple[Perimeter, PerimeterProfile]:
    into = replace(profile, rules=rules, version=profile.version + 1)
    changed = replace(perimeter, profiles=tuple(into if one is profile else one for one in perimeter.profiles))
    await tx.put(changed)
    return changed, into


def _rule(name: str, wish: RuleWish, scope: str) -> PerimeterRule:
    """Read a rule: inbound from ranges or from subscriptions, and not both; outbound to domain names."""
    inbound, names = (wish.address_prefixes, wish.subscriptions), wish.fully_qualified_domain_names
    if wish.direction is Direction.OUTBOUND:
        if any(inbound) or not names:
            raise _invalid_rule("An outbound access rule has fullyQualifiedDomainNames, and nothing else.")
        if not all(len(one) <= limits.DOMAIN_NAME_CHARS and _DOMAIN_NAME.fullmatch(one) for one in names):
            raise _invalid_rule("One of the fullyQualifiedDomainNames is no domain name.")
        return PerimeterRule(name, outbound=True, fully_qualified_domain_names=tuple(dict.fromkeys(names)))
    if names or sum(map(bool, inbound)) != 1:
        raise _invalid_rule("An inbound access rule has addressPrefixes or subscriptions, and one of them alone.")
    return PerimeterRule(
        name,
        address_prefixes=tuple(dict.fromkeys(parse_prefix(one, scope) for one in wish.address_prefixes)),
        subscriptions=tuple(dict.fromkeys(_subscription(one, scope) for one in wish.subscriptions)),
    )


def _subscription(text: str, scope: str) -> str:
    found = _SUBSCRIPTION.fullmatch(text)
    if found is None:
        raise unresolved(text, scope)
    return found[1].lower()


def _check_elements(rules: Sequence[PerimeterRule]) -> None:
    inbound = sum(len(rule.address_prefixes) + len(rule.subscriptions) for rule in rules)
    outbound = sum(len(rule.fully_qualified_domain_names) for rule in rules)
    if max(inbound, outbound) > network_limits.PERIMETER_RULE_ELEMENTS:
        raise _too_many(
            f"The access rules of a profile can have at most {network_limits.PERIMETER_RULE_ELEMENTS} elements in each"
            " direction."
        )


def _invalid_rule(message: str) -> Invalid:
    return Invalid(message, code="InvalidAccessRule")


def _too_many(message: str) -> Invalid:
    return Invalid(message, code="NetworkSecurityPerimeterLimitExceeded")
