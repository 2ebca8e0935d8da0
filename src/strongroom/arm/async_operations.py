"""The rows by which clients follow what takes long in Azure: see `polling`."""

from __future__ import annotations

from strongroom.arm.polling import (
    KEY_VAULT_PLACE,
    MANAGEMENT_PLACE,
    NETWORK_PLACE,
    RESOURCES_PLACE,
    Place,
    get_result,
    get_status,
)
from strongroom.arm.rows import row
from strongroom.arm.targets import at
from strongroom.core.permissions import Authenticated
from strongroom.flow.operation import Op

# Whoever may make a change may hear of its end, and nobody else: the id says who.
_OWN = Authenticated()


def _rows(name: str, place: Place) -> tuple[Op, ...]:
    statuses = row(f"{name}OperationStatusGet", "GET", f"{place.path}/{place.statuses}/{{operation}}",
                   f"{place.resource_type}/{place.statuses}", _OWN, get_status, at(place.path))  # fmt: skip
    if not place.results:
        return (statuses,)
    return (
        statuses,
        row(f"{name}OperationResultGet", "GET", f"{place.path}/{place.results}/{{operation}}",
            f"{place.resource_type}/{place.results}", _OWN, get_result, at(place.path)),
    )  # fmt: skip


ASYNC_OPERATION_ROWS = (
    *_rows("KeyVault", KEY_VAULT_PLACE),
    *_rows("Network", NETWORK_PLACE),
    *_rows("Resource", RESOURCES_PLACE),
    *_rows("ManagementGroup", MANAGEMENT_PLACE),
)

ASYNC_OPERATION_TYPES: tuple[str, ...] = (
    "Microsoft.KeyVault/locations/operationResults",
    "Microsoft.KeyVault/locations/operationStatuses",
    "Microsoft.Network/locations/operationResults",
    "Microsoft.Network/locations/operations",
    "Microsoft.Management/operationResults",
)
"""The resource types that these rows serve."""
