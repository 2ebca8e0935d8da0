"""
Machines outside Azure, as Azure Arc has them in ARM; the principal of one's identity is made by the directory.

    made --an identity is asked for--> has one --it is taken away--> has none
                                          |
                                          +-- the machine or its group is removed --> gone, with it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from strongroom.core.errors import Conflict, Invalid
from strongroom.core.guids import new_guid, parse_guid
from strongroom.core.identity import ServicePrincipal
from strongroom.core.records import tenant_partition
from strongroom.core.resources import Machine, ResourceGroup
from strongroom.resources.lookup import group_not_found, machine_not_found
from strongroom.resources.role_assignments import remove_assignments_under
from strongroom.resources.tracked import check_tags, parse_location, require_place
from strongroom.store import Transaction

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,54}", re.ASCII)


async def create_machine(
    tx: Transaction,
    *,
    group: ResourceGroup,
    name: str,
    location: str,
    vm_id: str | None,
    tags: Mapping[str, str],
    now: int,
    entropy: Callable[[int], bytes],
) -> Machine:
    """
    Make a machine's resource, without an identity. The caller has found that there is none of its name.

    Raises:
        NotFound: the group is gone.
        Invalid: name, location, id or tags.
    """
    if _NAME.fullmatch(name) is None or name.endswith("."):
        raise Invalid(
            "A machine's name has 1 to 54 characters, each a letter, digit, '-', '_' or '.', and no '.' at its end.",
            code="InvalidResourceName",
        )
    if await tx.record(ResourceGroup, tenant_partition(group.tenant), group.id) is None:
        raise group_not_found(group.name)
    made = Machine(
        id=_id(group, name),
        tenant=group.tenant,
        subscription=group.subscription,
        resource_group=group.name,
        name=name,
        location=parse_location(location),
        vm_id=_parse_vm_id(vm_id) if vm_id is not None else new_guid(entropy),
        created=now,
        tags=check_tags(tags),
    )
    await tx.put(made)
    return made


async def read_machine(tx: Transaction, group: ResourceGroup, name: str) -> Machine | None:
    """Read a machine of a group, or None."""
    return await tx.record(Machine, tenant_partition(group.tenant), _id(group, name))


async def update_machine(
    tx: Transaction,
    machine: Machine,
    *,
    tags: Mapping[str, str] | None,
    location: str | None = None,
    vm_id: str | None = None,
) -> Machine:
    """
    Change what is said of a machine; None leaves it as it is.

    Another machine does not take over one's name and identity: what has another id has to be made anew.

    Raises:
        NotFound: it is gone.
        Conflict: it is in another location than the one given, or is another machine.
        Invalid: location, id or tags.
    """
    current = await require_machine(tx, machine)
    require_place(current.name, current.location, location)
    if vm_id is not None and _parse_vm_id(vm_id) != current.vm_id:
        raise Conflict(f"The machine '{current.name}' exists with another vmId. Delete it first.", code="Conflict")
    changed = current if tags is None else replace(current, tags=check_tags(tags))
    await tx.put(changed)
    return changed


async def set_principal(tx: Transaction, machine: Machine, principal: ServicePrincipal | None) -> Machine:
    """
    Give a machine the principal that is its identity from now on, or take it away. The principal is the directory's.

    Raises:
        NotFound: the machine is gone.
    """
    current = await require_machine(tx, machine)
    changed = replace(
        current,
        client_id=principal.app_id if principal is not None else None,
        principal_id=principal.id if principal is not None else None,
    )
    await tx.put(changed)
    return changed


async def remove_machine(tx: Transaction, machine: Machine) -> Machine:
    """
    Remove a machine, and the roles that were given over it; it is given back as it was last.

    Raises:
        NotFound: it is gone already.
    """
    current = await require_machine(tx, machine)
    await remove_assignments_under(tx, current.tenant, current.scope)
    await tx.remove(current)
    return current


async def require_machine(tx: Transaction, machine: Machine) -> Machine:
    """
    Read a machine again. One of its name that was made since is another one: its id tells.

    Raises:
        NotFound: it is gone.
    """
    current = await tx.record(Machine, machine.partition, machine.id)
    if current is None or current.vm_id != machine.vm_id:
        raise machine_not_found(machine.resource_group, machine.name)
    return current


def _id(group: ResourceGroup, name: str) -> str:
    return f"{group.subscription}/{group.name.lower()}/{name.lower()}"


def _parse_vm_id(text: str) -> str:
    guid = parse_guid(text)
    if guid is None:
        raise Invalid("The property 'vmId' must be a GUID.", code="BadRequest")
    return guid
