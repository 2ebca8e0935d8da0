"""The grammar of `strongroom release-authorities`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Tenant

release_authorities = App(
    name="release-authorities",
    help="Attestation authorities on whose word a tenant's keys may be released; by default there is none.",
)


@release_authorities.command(name="list")
def release_authorities_list(*, data: Data = None, json: Json = False) -> int:
    """Print every attestation authority, and where its keys come from."""
    from strongroom.cli import release_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json)


@release_authorities.command(name="add")
def release_authorities_add(
    authority: Annotated[str, Parameter(help="The authority, as release policies and its tokens name it.")],
    *,
    data: Data = None,
    tenant: Tenant = None,
    keys: Annotated[
        Path | None, Parameter(help="File with its key set (JWKS). Without it, the keys are fetched.")
    ] = None,
    json: Json = False,
) -> int:
    """Let an authority count; again, to give other keys. What it has to attest is for each key's policy to say."""
    from strongroom.cli import release_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.add(data, authority, tenant, keys, as_json=json)


@release_authorities.command(name="remove")
def release_authorities_remove(
    authority: Annotated[str, Parameter(help="The authority, as the list shows it.")],
    *,
    data: Data = None,
    tenant: Tenant = None,
    json: Json = False,
) -> int:
    """Let an authority count no longer: nothing is released on its word from now on."""
    from strongroom.cli import release_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, authority, tenant, as_json=json)


@release_authorities.command(name="revoke-key")
def release_authorities_revoke_key(*, data: Data = None, tenant: Tenant = None, json: Json = False) -> int:
    """End the key that a tenant's releases are signed with, if it is not only ours: another signs from now on."""
    from strongroom.cli import release_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.revoke_key(data, tenant, as_json=json)
