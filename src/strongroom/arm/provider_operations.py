"""
The rows about resource providers themselves.

They are made of the other rows' table: what is served is what is listed, and each namespace has a right of its own to
be registered.
"""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.arm import providers
from strongroom.arm.provider_catalog import Catalog, Provider, make_catalog
from strongroom.arm.rows import action, row
from strongroom.arm.targets import at
from strongroom.core.locks import Effect
from strongroom.core.permissions import Authenticated
from strongroom.flow.operation import Op

_ANYONE = Authenticated()
_SUBSCRIPTION = "/subscriptions/{subscription}"
_AT_TENANT, _AT_SUBSCRIPTION = at("/"), at(_SUBSCRIPTION)
_TYPE = "Microsoft.Resources/providers"
_ROLE_TYPE = "Microsoft.Authorization/providerOperations"

PROVIDER_TYPES: tuple[str, ...] = (
    _TYPE,
    _ROLE_TYPE,
    "Microsoft.Resources/subscriptions/providers",
    "Microsoft.Resources/subscriptions/locations",
)
"""The resource types that these rows serve."""


def provider_rows(types: Iterable[str], operations: Iterable[Op]) -> tuple[Catalog, tuple[Op, ...]]:
    """Make the rows about the providers of *types*, which *operations* serve; and the catalog that they read."""
    catalog = make_catalog(types, operations)
    registrations = tuple(row for provider in catalog.providers for row in _registration_rows(provider))
    return catalog, (*_catalog_rows(providers.ProviderHandlers(catalog)), *registrations)


def _catalog_rows(handlers: providers.ProviderHandlers) -> tuple[Op, ...]:
    return (
        row("ProviderList", "GET", f"{_SUBSCRIPTION}/providers",
            _TYPE, _ANYONE, handlers.list_in_subscription, _AT_SUBSCRIPTION),
        row("ProviderGet", "GET", f"{_SUBSCRIPTION}/providers/{{namespace}}",
            _TYPE, _ANYONE, handlers.get_in_subscription, _AT_SUBSCRIPTION),
        row("ProviderResourceTypeList", "GET", f"{_SUBSCRIPTION}/providers/{{namespace}}/resourceTypes",
            _TYPE, _ANYONE, handlers.list_types, _AT_SUBSCRIPTION),
        row("ProviderListAtTenant", "GET", "/providers",
            _TYPE, _ANYONE, handlers.list_in_tenant, _AT_TENANT),
        row("ProviderGetAtTenant", "GET", "/providers/{namespace}",
            _TYPE, _ANYONE, handlers.get_in_tenant, _AT_TENANT),
        row("ProviderOperationList", "GET", "/providers/{namespace}/operations",
            _TYPE, _ANYONE, handlers.list_operations, _AT_TENANT),
        row("RoleOperationList", "GET", f"/providers/{_ROLE_TYPE}",
            _ROLE_TYPE, _ANYONE, handlers.list_role_operations, _AT_TENANT),
        row("RoleOperationGet", "GET", f"/providers/{_ROLE_TYPE}/{{namespace}}",
            _ROLE_TYPE, _ANYONE, handlers.get_role_operations, _AT_TENANT),
        row("LocationList", "GET", f"{_SUBSCRIPTION}/locations",
            "Microsoft.Resources/subscriptions", _ANYONE, providers.list_locations, _AT_SUBSCRIPTION),
    )  # fmt: skip


def _registration_rows(provider: Provider) -> tuple[Op, ...]:
    """Make the rows by which a subscription uses a provider, and, where it may do without, does no more."""
    namespace = provider.namespace
    name, path = namespace.removeprefix("Microsoft.").replace(".", ""), f"{_SUBSCRIPTION}/providers/{namespace}"
    # No lock is about what a subscription uses.
    register = row(
        f"{name}ProviderRegister", "POST", f"{path}/register",
        _TYPE, action(f"{namespace}/register/action"), providers.registering(provider), _AT_SUBSCRIPTION,
        effect=Effect.NOTHING,
    )  # fmt: skip
    if provider.is_free:
        return (register,)
    unregister = row(
        f"{name}ProviderUnregister", "POST", f"{path}/unregister",
        _TYPE, action(f"{namespace}/unregister/action"), providers.unregistering(provider), _AT_SUBSCRIPTION,
        effect=Effect.NOTHING,
    )  # fmt: skip
    return register, unregister
