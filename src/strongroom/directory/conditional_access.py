"""
Conditional access policies and named networks: made, changed and removed (see `core.conditional_access`).

What a policy names has to be there when it is written. What goes away later leaves the policy as it is: an id is never
given again, so a principal or application that is gone fits nothing. A network that a policy names cannot be removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from strongroom.core import limits
from strongroom.core.conditional_access import ALL, ALL_TRUSTED, AccessPolicy, NamedNetwork, Subjects, check_policy
from strongroom.core.directory_roles import DIRECTORY_ROLES
from strongroom.core.errors import Invalid
from strongroom.core.first_party import FIRST_PARTY
from strongroom.core.identity import Group, ServicePrincipal, User
from strongroom.core.public_clients import WELL_KNOWN_CLIENTS
from strongroom.core.records import Record, tenant_partition
from strongroom.directory.principals import no_such_object
from strongroom.store import Transaction

R = TypeVar("R", bound=Record)

# ---- policies -------------------------------------------------------------------------------------------------------


async def create_policy(tx: Transaction, policy: AccessPolicy) -> AccessPolicy:
    """
    Add a policy.

    Raises:
        Invalid: it names what is not there, wants what cannot be, or the tenant has as many as it may have.
    """
    if len(await tx.records(AccessPolicy, policy.partition)) >= limits.ACCESS_POLICIES_PER_TENANT:
        raise _invalid(f"A tenant has at most {limits.ACCESS_POLICIES_PER_TENANT} conditional access policies.")
    return await _put(tx, policy)


async def update_policy(
    tx: Transaction, tenant: str, policy_id: str, change: Callable[[AccessPolicy], AccessPolicy]
) -> AccessPolicy:
    """
    Change a policy, as it is by then.

    Raises:
        Invalid: what it then says: see `create_policy`.
        NotFound: the tenant has no such policy.
    """
    return await _put(tx, change(await _require(tx, AccessPolicy, tenant, policy_id)))


async def delete_policy(tx: Transaction, tenant: str, policy_id: str) -> None:
    """
    Remove a policy.

    Raises:
        NotFound: the tenant has no such policy.
    """
    await tx.remove(await _require(tx, AccessPolicy, tenant, policy_id))


async def exempt(tx: Transaction, principal: ServicePrincipal) -> tuple[str, ...]:
    """
    Take a service principal out of every policy that reaches it, and give the ids of those.

    For the administrator that is made where the last one is lost: a policy that blocks every program would keep it out,
    and nobody else could change the policy.
    """
    reaching = [
        one
        for one in await tx.records(AccessPolicy, principal.partition)
        if {ALL, principal.id} & set(one.include.service_principals)
        and principal.id not in one.exclude.service_principals
    ]
    for one in reaching:
        excluded = replace(one.exclude, service_principals=(*one.exclude.service_principals, principal.id))
        await tx.put(replace(one, exclude=excluded))
    return tuple(one.id for one in reaching)


async def _put(tx: Transaction, policy: AccessPolicy) -> AccessPolicy:
    check_policy(policy)
    for subjects in (policy.include, policy.exclude):
        await _require_subjects(tx, policy.tenant, subjects)
    await _require_applications(
        tx, policy.tenant, {*policy.resources, *policy.excluded_resources, *policy.clients} - {ALL}
    )
    networks = {*policy.networks, *policy.excluded_networks} - {ALL, ALL_TRUSTED}
    await _require_each(tx, policy.tenant, NamedNetwork, networks)
    await tx.put(policy)
    return policy


async def _require_subjects(tx: Transaction, tenant: str, subjects: Subjects) -> None:
    await _require_each(tx, tenant, User, set(subjects.users) - {ALL})
    await _require_each(tx, tenant, Group, subjects.groups)
    await _require_each(tx, tenant, ServicePrincipal, set(subjects.service_principals) - {ALL})
    for role in subjects.roles:
        if role not in DIRECTORY_ROLES:
            raise _not_there(role)


async def _require_each(tx: Transaction, tenant: str, kind: type[Record], ids: Iterable[str]) -> None:
    for one in ids:
        if await tx.record(kind, tenant_partition(tenant), one) is None:
            raise _not_there(one)


async def _require_applications(tx: Transaction, tenant: str, app_ids: set[str]) -> None:
    unknown = app_ids - set(FIRST_PARTY) - set(WELL_KNOWN_CLIENTS)
    if unknown:
        unknown -= {one.app_id for one in await tx.records(ServicePrincipal, tenant_partition(tenant))}
    for one in sorted(unknown):
        raise _not_there(one)


# ---- named networks -------------------------------------------------------------------------------------------------


async def create_network(tx: Transaction, network: NamedNetwork) -> NamedNetwork:
    """
    Add a named network.

    Raises:
        Invalid: the tenant has as many as it may have.
    """
    if len(await tx.records(NamedNetwork, network.partition)) >= limits.NAMED_NETWORKS:
        raise _invalid(f"A tenant has at most {limits.NAMED_NETWORKS} named locations.")
    await tx.put(network)
    return network


async def update_network(
    tx: Transaction, tenant: str, network_id: str, change: Callable[[NamedNetwork], NamedNetwork]
) -> NamedNetwork:
    """
    Change a named network, as it is by then.

    Raises:
        NotFound: the tenant has no such network.
    """
    changed = change(await _require(tx, NamedNetwork, tenant, network_id))
    await tx.put(changed)
    return changed


async def delete_network(tx: Transaction, tenant: str, network_id: str) -> None:
    """
    Remove a named network.

    Raises:
        Invalid: a policy names it: without it, nobody could say what the policy means.
        NotFound: the tenant has no such network.
    """
    found = await _require(tx, NamedNetwork, tenant, network_id)
    for policy in await tx.records(AccessPolicy, found.partition):
        if network_id in {*policy.networks, *policy.excluded_networks}:
            raise _invalid(f"The named location is used by the conditional access policy '{policy.id}'.")
    await tx.remove(found)


async def _require(tx: Transaction, kind: type[R], tenant: str, record_id: str) -> R:
    found = await tx.record(kind, tenant_partition(tenant), record_id)
    if found is None:
        raise no_such_object(record_id)
    return found


def _not_there(object_id: str) -> Invalid:
    return _invalid(f"'{object_id}' is not in the directory.")


def _invalid(detail: str) -> Invalid:
    return Invalid(detail, code="BadRequest")
