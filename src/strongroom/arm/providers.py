"""Resource providers: what each subscription has of them, what they can do, and where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from strongroom.arm.containers import the_subscription
from strongroom.arm.paging import page
from strongroom.arm.provider_catalog import Catalog, Provider
from strongroom.arm.registered import is_registered
from strongroom.core.errors import Invalid
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.providers import register_provider, unregister_provider
from strongroom.store import Transaction

_EXPANSIONS = ("resourceTypes", "resourceTypes/aliases", "resourceTypes/operations", "metadata")


class ProviderHandlers:
    """The handlers of the rows about providers, which all read one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def list_in_subscription(self, call: Call) -> Response:
        """List the providers, as a subscription has them."""
        the_subscription(call)
        aliases = _aliases(call)
        return page(call, self._catalog.providers, key=_key, show=lambda one: _show(call, one, aliases=aliases))

    async def list_in_tenant(self, call: Call) -> Response:
        """List the providers that there are."""
        aliases, region = _aliases(call), call.world.settings.region
        return page(call, self._catalog.providers, key=_key, show=lambda one: one.show(region, aliases=aliases))

    async def get_in_subscription(self, call: Call) -> Response:
        """Get a provider, as a subscription has it."""
        the_subscription(call)
        provider = self._catalog.find(call.params["namespace"])
        return json.response(_show(call, provider, aliases=_aliases(call)))

    async def get_in_tenant(self, call: Call) -> Response:
        """Get a provider."""
        provider = self._catalog.find(call.params["namespace"])
        return json.response(provider.show(call.world.settings.region, aliases=_aliases(call)))

    async def list_types(self, call: Call) -> Response:
        """List a provider's resource types."""
        the_subscription(call)
        provider, region, aliases = (
            self._catalog.find(call.params["namespace"]),
            call.world.settings.region,
            _aliases(call),
        )
        return json.response({"value": [provider.show_type(one, region, aliases=aliases) for one in provider.types]})

    async def list_operations(self, call: Call) -> Response:
        """List what can be done with a provider's resources."""
        provider = self._catalog.find(call.params["namespace"])
        return page(
            call,
            provider.actions,
            key=lambda action: f"{action.name.lower()} {action.data}",
            show=lambda action: action.show(provider.namespace),
        )

    async def list_role_operations(self, call: Call) -> Response:
        """List every provider's actions, as roles name them."""
        types = _expands_types(call)
        return page(call, self._catalog.providers, key=_key, show=lambda one: one.show_operations(types=types))

    async def get_role_operations(self, call: Call) -> Response:
        """Get a provider's actions, as roles name them."""
        provider = self._catalog.find(call.params["namespace"])
        return json.response(provider.show_operations(types=_expands_types(call)))


def registering(provider: Provider) -> Callable[[Call], Awaitable[Response]]:
    """Make the handler that lets a subscription use a provider."""

    async def register(call: Call) -> Response:
        parent = the_subscription(call)

        async def change(tx: Transaction) -> None:
            await register_provider(tx, parent, provider.namespace)

        await call.commit(change, lambda _: {"resource": provider.namespace})
        return json.response(_show(call, provider))

    return register


def unregistering(provider: Provider) -> Callable[[Call], Awaitable[Response]]:
    """Make the handler that lets a subscription do without a provider, if it has nothing of it."""

    async def unregister(call: Call) -> Response:
        parent = the_subscription(call)

        async def change(tx: Transaction) -> None:
            await unregister_provider(tx, parent, provider.namespace, kinds=provider.kinds, now=call.now)

        await call.commit(change, lambda _: {"resource": provider.namespace})
        return json.response(_show(call, provider))

    return unregister


async def list_locations(call: Call) -> Response:
    """List the one region that this instance is."""
    parent, region = the_subscription(call), call.world.settings.region
    location = {
        "id": f"{parent.scope}/locations/{region}",
        "name": region,
        "type": "Region",
        "displayName": region,
        "regionalDisplayName": region,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended", "pairedRegion": []},
    }
    return json.response({"value": [location]})


def _show(call: Call, provider: Provider, *, aliases: bool = False) -> dict[str, object]:
    subscription = call.params["subscription"]
    return provider.show(
        call.world.settings.region,
        subscription=f"/subscriptions/{subscription.lower()}",
        registered=is_registered(call, subscription, provider.namespace),
        aliases=aliases,
    )


def _key(provider: Provider) -> str:
    return provider.namespace.lower()


def _expanded(call: Call) -> frozenset[str]:
    """
    Read `$expand`.

    Raises:
        Invalid: it names something that providers do not have.
    """
    asked = {word.strip().lower() for word in call.query.get("$expand", "").split(",")} - {""}
    if not asked <= {word.lower() for word in _EXPANSIONS}:
        raise Invalid(f"The value of $expand must be one of {', '.join(_EXPANSIONS)}.", code="InvalidQueryParameter")
    return frozenset(asked)


def _aliases(call: Call) -> bool:
    return "resourcetypes/aliases" in _expanded(call)


def _expands_types(call: Call) -> bool:
    return "resourcetypes" in _expanded(call)
