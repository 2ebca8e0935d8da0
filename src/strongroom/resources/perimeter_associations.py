"""
That vaults are in perimeters (reference section 2).

    outside --joins, by who may let it--> Learning <--> Enforced;  any --> outside

A deleted vault stays where it is, so that recovering it does not open what a perimeter had closed; it leaves when it is
purged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from strongroom.core import network_limits as limits
from strongroom.core.errors import Conflict, Invalid, NameTaken
from strongroom.core.networks import Perimeter, PerimeterAssociation, PerimeterMode, PerimeterProfile
from strongroom.core.records import tenant_partition, vault_partition
from strongroom.core.resources import ResourceGroup
from strongroom.core.vaults import Vault
from strongroom.resources.lookup import named_vault
from strongroom.resources.network_names import check_name, parse_profile_id, part_not_found, unresolved
from strongroom.resources.perimeters import associations_of, find_profile, require_perimeter
from strongroom.store import Transaction


@dataclass(frozen=True, slots=True)
class AssociationWish:
    """An association as a request describes it."""

    vault: str
    """The vault's ARM id, as it was given."""
    profile: str
    """The profile's ARM id, as it was given."""
    mode: PerimeterMode


def association_scope(perimeter: Perimeter, name: str) -> str:
    """Give an association's ARM id."""
    return f"{perimeter.scope}/resourceAssociations/{name}"


def association_id(perimeter: Perimeter, name: str) -> str:
    """Make the id that the record of an association has."""
    return f"{perimeter.id}/{name.lower()}"


async def put_association(
    tx: Transaction, perimeter: Perimeter, name: str, wish: AssociationWish, *, vault: Vault | None, now: int
) -> tuple[PerimeterAssociation, bool]:
    """
    Put a vault into a perimeter, or change its profile or mode; the second value says whether it was not in it.

    *vault* is what was found for the vault that is named.

    Raises:
        NotFound: the perimeter is gone.
        Conflict: the vault is in a perimeter already.
        Invalid: the vault or the profile does not exist, the name is another vault's, or there are too many.
    """
    current = await require_perimeter(tx, perimeter)
    scope = association_scope(current, name)
    target = await named_vault(tx, current.tenant, vault, wish.vault, scope)
    profile = _require_profile(current, wish.profile, scope)
    inside = await associations_of(tx, current)
    existing = next((one for one in inside if one.id == association_id(current, name)), None)
    if existing is not None:
        if existing.vault != target.id:
            raise Invalid(
                "The privateLinkResource of a resource association cannot be changed.", code="PropertyChangeNotAllowed"
            )
        changed = replace(existing, profile=profile.name.lower(), mode=wish.mode)
        await tx.put(changed)
        return changed, False
    if len(inside) >= limits.PERIMETER_ASSOCIATIONS:
        raise Invalid(
            f"A network security perimeter can have at most {limits.PERIMETER_ASSOCIATIONS} resource associations.",
            code="NetworkSecurityPerimeterLimitExceeded",
        )
    made = PerimeterAssociation(
        id=association_id(current, name),
        tenant=current.tenant,
        perimeter=current.id,
        name=check_name(name),
        profile=profile.name.lower(),
        vault=target.id,
        mode=wish.mode,
        created=now,
    )
    try:
        await tx.put(made)
    except NameTaken:
        raise Conflict(
            f"The vault '{target.name}' is in a network security perimeter already. Delete that resource association"
            " first.",
            code="ResourceAlreadyAssociated",
        ) from None
    return made, True


async def delete_association(tx: Transaction, perimeter: Perimeter, name: str) -> PerimeterAssociation:
    """
    Take a vault out of a perimeter.

    Raises:
        NotFound: it is not in it, or the perimeter is gone.
    """
    current = await require_perimeter(tx, perimeter)
    found = await tx.record(PerimeterAssociation, current.partition, association_id(current, name))
    if found is None:
        raise part_not_found(association_scope(current, name))
    await tx.remove(found)
    return found


async def remove_association_of(tx: Transaction, vault: Vault) -> None:
    """Take a vault that goes for good out of the perimeter that it is in."""
    for association in await tx.records(PerimeterAssociation, tenant_partition(vault.tenant)):
        if association.vault == vault.id:
            await tx.remove(association)


async def perimeters_of(
    tx: Transaction, group: ResourceGroup, is_here: Callable[[Perimeter | Vault], bool]
) -> tuple[list[Perimeter], list[PerimeterAssociation], Perimeter | None]:
    """
    Find the perimeters that go with a group, what is in them, and one that vaults of other groups are in, if any.

    *is_here* tells what is in the group.
    """
    partition = tenant_partition(group.tenant)
    perimeters = [one for one in await tx.records(Perimeter, partition) if is_here(one)]
    going = {one.id: one for one in perimeters}
    inside = [one for one in await tx.records(PerimeterAssociation, partition) if one.perimeter in going]
    for association in inside:
        vault = await tx.record(Vault, vault_partition(association.vault), association.vault)
        if vault is not None and not is_here(vault):
            return perimeters, inside, going[association.perimeter]
    return perimeters, inside, None


def _require_profile(perimeter: Perimeter, text: str, by: str) -> PerimeterProfile:
    reference = parse_profile_id(text)
    profile = None
    if reference is not None and reference.record_id == perimeter.id:
        profile = find_profile(perimeter, reference.child)
    if profile is None:
        raise unresolved(text, by)
    return profile
