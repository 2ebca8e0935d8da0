"""
The smallest changes that would let a step pass, each tried before it is told.

A change is made in a copy of what the step looks at, and the step's own rule is asked again: what would not help is
not proposed. Nothing here knows what the rules are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from shlex import join

from strongroom.core import firewall
from strongroom.core.access_policy import PolicyIndex, spell_permissions
from strongroom.core.access_policy import permissions_of as words_of
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.errors import Failure, Invalid
from strongroom.core.firewall import parse_ip_rule
from strongroom.core.identity import Caller, PrincipalType, ServicePrincipal, User
from strongroom.core.least_role import roles_by_reach
from strongroom.core.network import Connection, Link, NetworkAcls, Passage, PublicNetworkAccess
from strongroom.core.networks import ConnectionState
from strongroom.core.permissions import DataPermission
from strongroom.core.rbac import RoleAssignment, RoleDefinition
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import AccessPolicy, Vault
from strongroom.flow.explain.question import permissions_of
from strongroom.flow.explain.rights import Asked, conditions_in_the_way, held, standing_in_the_way, would_allow
from strongroom.flow.world import World

_SUPPOSED = "00000000-0000-4000-8000-000000000000"
"""The id of an assignment that is only tried."""
_OPTIONS = {"keys": "--key-permissions", "secrets": "--secret-permissions", "certificates": "--certificate-permissions"}


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change, in words and, where Azure's command line can make it, as commands."""

    change: str
    commands: tuple[str, ...] = ()
    secondhand: bool = False
    """True if it tells something of what there is, which only those may know who may read it."""

    def brief(self) -> Remedy:
        """Leave out what a principal may not learn about what stands in its own way."""
        return Remedy("Ask whoever manages the vault's rights.") if self.secondhand else self


def for_vault(deleted: Vault | None) -> tuple[Remedy, ...]:
    """Say how a name becomes a vault's again."""
    if deleted is None:
        return ()
    return (Remedy("Recover the vault.", (join(["az", "keyvault", "recover", "--name", deleted.name]),)),)


def for_principal(principal: User | ServicePrincipal) -> tuple[Remedy, ...]:
    """Say how a principal that is disabled may sign in again."""
    if principal.enabled:
        return ()
    kind = ["user", "update", "--account-enabled", "true"] if isinstance(principal, User) else [
        "sp", "update", "--set", "accountEnabled=true"
    ]  # fmt: skip
    return (Remedy("Enable the principal.", (join(["az", "ad", *kind, "--id", principal.id]),)),)


# ---- the firewall ---------------------------------------------------------------------------------------------------


def for_address(world: World, vault: Vault, connection: Connection, failure: Failure) -> tuple[Remedy, ...]:
    """Say what would let an address in; of the vault's own settings the fewest that do."""
    if failure.inner == "AccessDenied":
        # A trusted service, whose scenario the vault does not allow.
        return (Remedy(f"Change the vault's setting, since {failure.reason}."),)
    if connection.link is Link.PRIVATE_ENDPOINT:
        return _for_endpoint(world, vault, connection)
    surroundings = world.view.surroundings(vault)
    for changed, remedy in _firewall_changes(world, vault, connection.address):
        if firewall.judge(changed, connection, surroundings).passage is Passage.ADMITTED:
            return (remedy,)
    if surroundings.perimeter is not None:
        name = surroundings.perimeter.perimeter or "that is gone"
        rule = f"Add an inbound access rule for {connection.address} to the vault's profile in the perimeter {name}."
        return (Remedy(rule, secondhand=True),)
    return ()


def _firewall_changes(world: World, vault: Vault, address: str) -> Iterator[tuple[Vault, Remedy]]:
    """Give changes of a vault's settings, the smaller before the larger."""
    acls = vault.network_acls or NetworkAcls()
    opened = replace(vault, public_network_access=PublicNetworkAccess.ENABLED)
    opening = join(["az", "keyvault", "update", "--name", vault.name, "--public-network-access", "Enabled"])
    try:
        rule = parse_ip_rule(address, extended_ranges=world.settings.extended_ip_rules)
    except Invalid:
        # Private and IPv6 addresses can be let in by nothing but a subnet or an endpoint.
        yield opened, Remedy("Enable public network access.", (opening,))
        return
    with_rule = replace(acls, ip_rules=(*acls.ip_rules, rule))
    adding = join(["az", "keyvault", "network-rule", "add", "--name", vault.name, "--ip-address", rule])
    yield replace(vault, network_acls=with_rule), Remedy(f"Let {rule} through the vault's firewall.", (adding,))
    yield opened, Remedy("Enable public network access.", (opening,))
    yield (
        replace(opened, network_acls=with_rule),
        Remedy(f"Enable public network access, and let {rule} through the vault's firewall.", (opening, adding)),
    )


def _for_endpoint(world: World, vault: Vault, connection: Connection) -> tuple[Remedy, ...]:
    found = [one for one in world.view.endpoint_connections(vault.id) if one.endpoint == connection.endpoint]
    if any(one.state is ConnectionState.APPROVED for one in found):
        change = f"Let the operator map {connection.address} to the private endpoint's virtual network."
        return (Remedy(change, secondhand=True),)
    pending = next((one for one in found if one.state is ConnectionState.PENDING), None)
    if pending is None:
        return (Remedy("Connect the private endpoint to the vault, and approve the connection.", secondhand=True),)
    approving = ["az", "keyvault", "private-endpoint-connection", "approve"]
    command = join([*approving, "--vault-name", vault.name, "--name", pending.id])
    return (Remedy("Approve the private endpoint's connection.", (command,), secondhand=True),)


# ---- rights ---------------------------------------------------------------------------------------------------------


def for_rights(world: World, asked: Asked, *, own: bool) -> tuple[Remedy, ...]:
    """
    Say what would give a caller the right, in the model that the vault goes by.

    *own*: the caller itself asks, who may know of the built-in roles and of no other.
    """
    if not asked.vault.rbac:
        return _by_policy(asked.vault, asked.caller, asked.wanted[0])
    blocked = tuple(Remedy(change, commands, secondhand=True) for change, commands in standing_in_the_way(world, asked))
    if blocked and held(world, asked) is not None:
        return (_together(blocked),)
    ways = (
        *(Remedy(change, secondhand=True) for change in conditions_in_the_way(world, asked)),
        *_by_role(world, asked, denied=not blocked, own=own),
    )
    return tuple(_together((*blocked, way)) for way in ways)


def _together(remedies: tuple[Remedy, ...]) -> Remedy:
    """Make one change of several that only help together."""
    return Remedy(
        " ".join(one.change for one in remedies),
        tuple(command for one in remedies for command in one.commands),
        secondhand=any(one.secondhand for one in remedies),
    )


def _by_policy(vault: Vault, caller: Caller, wanted: DataPermission) -> tuple[Remedy, ...]:
    """Add a word to what the caller's own entry has: the command replaces the words of a category."""
    mine = [
        one
        for one in vault.access_policies
        if one.object_id.lower() == caller.oid and one.application_id is None and one.tenant_id.lower() == caller.tenant
    ]
    kept = tuple(word for one in mine for word in words_of(one, wanted.category))
    words = tuple(dict.fromkeys((*kept, wanted.word.lower())))
    entry = _entry(caller, wanted.category, words)
    if PolicyIndex((entry,)).find(caller, wanted.category, wanted.word) is None:
        return ()
    command = ["az", "keyvault", "set-policy", "--name", vault.name, "--object-id", caller.oid]
    spelled = spell_permissions(wanted.category, words)
    return (
        Remedy(
            f"Give {caller.oid} the permission {wanted.category}/{wanted.word} in the vault's access policies.",
            (join([*command, _OPTIONS[wanted.category], *spelled]),),
            # The words that it has already stand in the command.
            secondhand=bool(kept),
        ),
    )


def _entry(caller: Caller, category: str, words: tuple[str, ...]) -> AccessPolicy:
    blank = AccessPolicy(caller.tenant, caller.oid)
    match category:
        case "keys":
            return replace(blank, keys=words)
        case "secrets":
            return replace(blank, secrets=words)
        case _:
            return replace(blank, certificates=words)


def _by_role(world: World, asked: Asked, *, denied: bool, own: bool) -> tuple[Remedy, ...]:
    """Assign the least role that helps, as far down as it helps: to the object, or else to the vault."""
    custom = () if own else world.view.all(RoleDefinition, tenant_partition(asked.vault.tenant))
    roles = (*BUILTIN_ROLES.values(), *custom)
    scopes = dict.fromkeys((asked.target.scope, asked.vault.scope))
    found = (_least(world, asked, roles, scope, denied=denied) for scope in scopes)
    return tuple(remedy for remedy in found if remedy is not None)


def _least(world: World, asked: Asked, roles: tuple[RoleDefinition, ...], scope: str, *, denied: bool) -> Remedy | None:
    caller, tenant = asked.caller, asked.vault.tenant
    actions = [one.action for other in world.vault_operations() for one in permissions_of(other)]
    for wanted in asked.wanted:
        for role in roles_by_reach(roles, wanted.action, actions, scope):
            assignment = RoleAssignment(_SUPPOSED, tenant, scope, role.id, caller.oid, caller.kind, world.now())
            if would_allow(world, asked, assignment, role, denied=denied):
                return Remedy(_assigning(role, caller, scope), (_assign(role, caller, scope),))
    return None


def _assigning(role: RoleDefinition, caller: Caller, scope: str) -> str:
    kind = "role" if role.built_in else "custom role"
    return f"Assign the {kind} {role.name} to {caller.name or caller.oid} at {scope}."


def _assign(role: RoleDefinition, caller: Caller, scope: str) -> str:
    kind = "User" if caller.kind is PrincipalType.USER else "ServicePrincipal"
    who = ["--assignee-object-id", caller.oid, "--assignee-principal-type", kind]
    return join(["az", "role", "assignment", "create", "--role", role.name, *who, "--scope", scope])
