"""The grammar of `strongroom trusted-services`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Tenant

trusted_services = App(
    name="trusted-services",
    help="Service principals that pass a vault's firewall as Azure's trusted services; by default there is none.",
)


@trusted_services.command(name="list")
def trusted_services_list(*, data: Data = None, json: Json = False) -> int:
    """Print every trusted service, and what for."""
    from strongroom.cli import trusted_services as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json)


@trusted_services.command(name="add")
def trusted_services_add(
    principal: Annotated[
        str, Parameter(help="The service principal, by object id, app id or ARM id of the managed identity.")
    ],
    service: Annotated[str, Parameter(help="Which of Azure's trusted services it is, by name.")],
    *,
    operation: Annotated[
        tuple[str, ...], Parameter(help="An operation it is trusted for, such as SecretGet; may be repeated.")
    ],
    data: Data = None,
    tenant: Tenant = None,
    json: Json = False,
) -> int:
    """Take a service principal for one of Azure's trusted services: vaults with that bypass let it in."""
    from strongroom.cli import trusted_services as command  # noqa: PLC0415  each command loads what it needs

    wanted = {"principal": principal, "service": service, "operations": list(operation), "tenant": tenant}
    return command.add(data, wanted, as_json=json)


@trusted_services.command(name="remove")
def trusted_services_remove(
    trusted: Annotated[str, Parameter(help="Its id, as the list shows it.")], *, data: Data = None, json: Json = False
) -> int:
    """Take a service principal for a trusted service no longer."""
    from strongroom.cli import trusted_services as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, trusted, as_json=json)
