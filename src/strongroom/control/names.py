"""The names that the instance answers to, as its operator and the relay of a run are told them."""

from __future__ import annotations

from strongroom.core.names import Surface
from strongroom.flow.world import World


def vault_names(world: World, tenant: str | None) -> tuple[str, ...]:
    """List the names of the vaults that answer now, of one tenant or of all."""
    return tuple(
        sorted(
            vault.name.lower()
            for vault in world.view.vaults()
            if vault.deleted is None and tenant in {None, vault.tenant}
        )
    )


def own_hosts(world: World, names: tuple[str, ...]) -> list[str]:
    """List the instance's own host names, with the port that its URLs carry."""
    hosts = world.hosts
    surfaces = [hosts.netloc(surface) for surface in (Surface.LOGIN, Surface.MANAGEMENT, Surface.GRAPH)]
    return [*surfaces, *(hosts.netloc(Surface.VAULT, name) for name in names)]
