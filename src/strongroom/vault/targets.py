"""What the data plane's operations are about: the vault itself, or one object in it."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.errors import Invalid
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Resolver, Target
from strongroom.flow.world import World


def on_vault(_world: World, vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Target the vault itself: collections, and what cannot be named before it is read."""
    return Target(vault.scope if vault is not None else "/", params)


def on_object(collection: Collection) -> Resolver:
    """
    Make the resolver that targets one object of a collection.

    A name that is none is refused by the handler; until then rights are asked for at the vault, because a name with a
    slash in it must not read as some other object's scope.
    """

    def target(_world: World, vault: Vault | None, params: Mapping[str, str]) -> Target:
        scope = vault.scope if vault is not None else "/"
        try:
            name = parse_object_name(params["name"])
        except Invalid:
            return Target(scope, params)
        return Target(f"{scope}/{collection}/{name}", params)

    return target
