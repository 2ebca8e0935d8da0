"""
Network security perimeters (`Microsoft.Network/networkSecurityPerimeters`), and what a vault knows of the one it is in.

To put a vault into a perimeter, or change how it goes by it, takes a right over the vault besides those over the
perimeter: whoever has it lets the perimeter's owner say who comes in.
"""

from __future__ import annotations

from strongroom.arm import network_wire as wire
from strongroom.arm.containers import listed_group, the_group, the_subscription
from strongroom.arm.paging import page
from strongroom.arm.perimeter_documents import (
    configuration_name,
    show_association,
    show_configuration,
    show_perimeter,
    show_profile,
    show_rule,
)
from strongroom.arm.polling import NETWORK_PLACE, accepted
from strongroom.arm.rights import can, require_linked_right
from strongroom.arm.vaults import the_vault
from strongroom.core.errors import Invalid
from strongroom.core.networks import Perimeter, PerimeterAssociation, PerimeterMode, PerimeterProfile, PerimeterRule
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import perimeter_associations, perimeters
from strongroom.resources.lookup import perimeter_of
from strongroom.resources.network_names import id_in, parse_vault_id, part_not_found, unresolved
from strongroom.resources.perimeter_associations import AssociationWish, association_id, association_scope
from strongroom.resources.perimeters import PERIMETER_TYPE, Direction, RuleWish, the_profile, the_rule
from strongroom.resources.vault_settings import parse_word
from strongroom.store import Transaction

READ_PERIMETER = f"{PERIMETER_TYPE}/read"
JOIN_PERIMETER = "Microsoft.KeyVault/vaults/joinPerimeter/action"


async def get_perimeter(call: Call) -> Response:
    """Get a perimeter."""
    return json.response(show_perimeter(_the_perimeter(call)))


async def put_perimeter(call: Call) -> Response:
    """Make a perimeter, or replace its tags; its profiles stay."""
    group, name = the_group(call), call.params["perimeter"]
    body = await call.body(wire.Perimeter)

    async def change(tx: Transaction) -> tuple[Perimeter, bool]:
        return await perimeters.put_perimeter(
            tx,
            group=group,
            name=name,
            location=body.location,
            tags=body.tags or {},
            now=call.now,
            entropy=call.world.entropy,
        )

    perimeter, made = await call.commit(change, status=lambda result: _status(made=result[1]))
    return json.response(show_perimeter(perimeter), _status(made=made))


async def patch_perimeter(call: Call) -> Response:
    """Replace a perimeter's tags, where the request has some."""
    perimeter, body = _the_perimeter(call), await call.body(wire.Tags)

    async def change(tx: Transaction) -> Perimeter:
        return await perimeters.tag_perimeter(tx, perimeter, body.tags)

    return json.response(show_perimeter(await call.commit(change)))


async def delete_perimeter(call: Call) -> Response:
    """Remove a perimeter; one with vaults in it only with `forceDeletion=true`. Absent is 204."""
    group, name = the_group(call), call.params["perimeter"]
    perimeter = call.world.view.get(Perimeter, tenant_partition(group.tenant), id_in(group, name))
    if perimeter is None:
        return Response(204, content_type=None)
    said = call.query.get("forceDeletion", "false").lower()
    if said not in {"true", "false"}:
        raise Invalid("The value of the query parameter forceDeletion must be true or false.", code="BadRequest")

    async def change(tx: Transaction) -> None:
        await perimeters.delete_perimeter(tx, perimeter, force=said == "true")

    await call.commit(change)
    return accepted(call, NETWORK_PLACE, location=perimeter.location)


async def list_perimeters(call: Call) -> Response:
    """List the perimeters of a subscription, or of a group in it, that the caller may read."""
    parent, group = the_subscription(call), listed_group(call)
    found = (
        perimeter
        for perimeter in call.world.view.all(Perimeter, tenant_partition(parent.tenant))
        if perimeter.subscription == parent.id
        and (group is None or perimeter.resource_group.lower() == group)
        and can(call, READ_PERIMETER, perimeter.scope)
    )
    return page(call, found, key=lambda perimeter: perimeter.id, show=show_perimeter)


# ---- profiles -------------------------------------------------------------------------------------------------------


async def get_profile(call: Call) -> Response:
    """Get a profile."""
    perimeter = _the_perimeter(call)
    return json.response(show_profile(perimeter, the_profile(perimeter, call.params["profile"])))


async def put_profile(call: Call) -> Response:
    """Make a profile; there is nothing about one to change."""
    perimeter, name = _the_perimeter(call), call.params["profile"]
    await call.body(wire.PerimeterProfile)

    async def change(tx: Transaction) -> tuple[Perimeter, PerimeterProfile, bool]:
        return await perimeters.put_profile(tx, perimeter, name)

    changed, profile, made = await call.commit(change, status=lambda result: _status(made=result[2]))
    return json.response(show_profile(changed, profile), _status(made=made))


async def delete_profile(call: Call) -> Response:
    """Remove a profile that no vault goes by, with its rules. Absent is 204."""
    perimeter, name = _the_perimeter(call), call.params["profile"]
    there = await call.commit(lambda tx: perimeters.delete_profile(tx, perimeter, name), status=_gone)
    return Response(_gone(there), content_type=None)


async def list_profiles(call: Call) -> Response:
    """List a perimeter's profiles."""
    perimeter = _the_perimeter(call)
    return page(
        call,
        perimeter.profiles,
        key=lambda profile: profile.name.lower(),
        show=lambda profile: show_profile(perimeter, profile),
    )


# ---- access rules ---------------------------------------------------------------------------------------------------


async def get_rule(call: Call) -> Response:
    """Get an access rule."""
    perimeter = _the_perimeter(call)
    profile = the_profile(perimeter, call.params["profile"])
    return json.response(show_rule(perimeter, profile, the_rule(perimeter, profile, call.params["rule"])))


async def put_rule(call: Call) -> Response:
    """Make an access rule, or change it: inbound ranges or subscriptions, or outbound names, which a vault ignores."""
    perimeter, name = _the_perimeter(call), call.params["rule"]
    said = (await call.body(wire.AccessRule)).properties
    wish = RuleWish(
        direction=parse_word(Direction, said.direction, "properties.direction"),
        address_prefixes=said.address_prefixes or (),
        subscriptions=[one.id for one in said.subscriptions or ()],
        fully_qualified_domain_names=said.fully_qualified_domain_names or (),
    )

    async def change(tx: Transaction) -> tuple[Perimeter, PerimeterProfile, PerimeterRule, bool]:
        return await perimeters.put_rule(tx, perimeter, call.params["profile"], name, wish)

    changed, profile, rule, made = await call.commit(change, status=lambda result: _status(made=result[3]))
    return json.response(show_rule(changed, profile, rule), _status(made=made))


async def delete_rule(call: Call) -> Response:
    """Remove an access rule. Absent is 204."""
    perimeter, profile, name = _the_perimeter(call), call.params["profile"], call.params["rule"]
    there = await call.commit(lambda tx: perimeters.delete_rule(tx, perimeter, profile, name), status=_gone)
    return Response(_gone(there), content_type=None)


async def list_rules(call: Call) -> Response:
    """List a profile's access rules."""
    perimeter = _the_perimeter(call)
    profile = the_profile(perimeter, call.params["profile"])
    return page(
        call, profile.rules, key=lambda rule: rule.name.lower(), show=lambda rule: show_rule(perimeter, profile, rule)
    )


# ---- associations ---------------------------------------------------------------------------------------------------


async def get_association(call: Call) -> Response:
    """Get a resource association."""
    perimeter, name = _the_perimeter(call), call.params["association"]
    found = _association(call, perimeter, name)
    if found is None:
        raise part_not_found(association_scope(perimeter, name))
    return json.response(show_association(call.world.view, perimeter, found))


async def put_association(call: Call) -> Response:
    """Put a vault into a perimeter, or change the profile and the mode by which it is in it."""
    perimeter, name = _the_perimeter(call), call.params["association"]
    said = (await call.body(wire.ResourceAssociation)).properties
    named = said.private_link_resource.id.rstrip("/")
    reference = parse_vault_id(named)
    if reference is None:
        raise unresolved(named, association_scope(perimeter, name))
    mode = parse_word(PerimeterMode, said.access_mode, "properties.accessMode")
    wish, vault = AssociationWish(named, said.profile.id, mode), call.world.view.vault_by_name(reference.name)

    async def change(tx: Transaction) -> tuple[PerimeterAssociation, bool]:
        require_linked_right(call, JOIN_PERIMETER, named)
        return await perimeter_associations.put_association(tx, perimeter, name, wish, vault=vault, now=call.now)

    association, made = await call.commit(
        change, lambda result: _describe(result[0]), lambda result: _status(made=result[1])
    )
    return json.response(show_association(call.world.view, perimeter, association), _status(made=made))


async def delete_association(call: Call) -> Response:
    """Take a vault out of a perimeter. Absent is 204."""
    perimeter, name = _the_perimeter(call), call.params["association"]
    if _association(call, perimeter, name) is None:
        return Response(204, content_type=None)
    await call.commit(lambda tx: perimeter_associations.delete_association(tx, perimeter, name), _describe)
    return accepted(call, NETWORK_PLACE, location=perimeter.location)


async def list_associations(call: Call) -> Response:
    """List what is in a perimeter."""
    perimeter = _the_perimeter(call)
    found = (
        one for one in call.world.view.all(PerimeterAssociation, perimeter.partition) if one.perimeter == perimeter.id
    )
    return page(call, found, key=lambda one: one.id, show=lambda one: show_association(call.world.view, perimeter, one))


# ---- a vault's side -------------------------------------------------------------------------------------------------


async def list_configurations(call: Call) -> Response:
    """List the perimeter that a vault is in, as the vault knows it: one, or none."""
    vault = the_vault(call)
    return page(
        call,
        _perimeter_of(call, vault),
        key=lambda found: found[1].id,
        show=lambda found: show_configuration(vault, *found),
    )


async def get_configuration(call: Call) -> Response:
    """Get what a vault knows of a perimeter that it is in."""
    vault, name = the_vault(call), call.params["configuration"]
    for found in _perimeter_of(call, vault):
        if configuration_name(*found).lower() == name.lower():
            return json.response(show_configuration(vault, *found))
    raise part_not_found(f"{vault.scope}/networkSecurityPerimeterConfigurations/{name}")


def _perimeter_of(call: Call, vault: Vault) -> list[tuple[Perimeter, PerimeterAssociation]]:
    view, partition = call.world.view, tenant_partition(vault.tenant)
    inside = [one for one in view.all(PerimeterAssociation, partition) if one.vault == vault.id]
    found = [(view.get(Perimeter, partition, one.perimeter), one) for one in inside]
    return [(perimeter, one) for perimeter, one in found if perimeter is not None]


def _the_perimeter(call: Call) -> Perimeter:
    return perimeter_of(call.world.view, the_group(call), call.params["perimeter"])


def _association(call: Call, perimeter: Perimeter, name: str) -> PerimeterAssociation | None:
    return call.world.view.get(PerimeterAssociation, perimeter.partition, association_id(perimeter, name))


def _describe(association: PerimeterAssociation) -> dict[str, object]:
    return {"vaultIds": [association.vault], "accessMode": association.mode.value}


def _status(*, made: bool) -> int:
    return 201 if made else 200


def _gone(there: bool) -> int:  # noqa: FBT001  the store hands over a result by position
    return 200 if there else 204
