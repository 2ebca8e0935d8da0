"""The functions that make ids (Azure's documentation, "Template functions: resource" and "scope")."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from strongroom.core.guids import parse_guid
from strongroom.core.templates.evaluation import Evaluator, Own, Scope, misused
from strongroom.core.templates.faults import TemplateFault
from strongroom.core.templates.scopes import Place, ScopeKind, resource_id
from strongroom.core.templates.text_functions import text

_MANAGEMENT_GROUPS = "/providers/Microsoft.Management/managementGroups/"
LIST_NAMES = ("list", "listkeys", "listsecrets", "listaccountsas", "listservicesas", "listcredentials")


def id_functions(place: Place) -> Mapping[str, Own]:
    """Make the functions whose answer depends on where the deployment is."""

    def at(make: Callable[[Place, list[str], str, str], str]) -> Own:
        return lambda _evaluator, _scope, values: make(place, *_divided(values))

    return {
        "resourceid": at(_of_resource),
        "subscriptionresourceid": at(_of_subscription),
        "tenantresourceid": at(_of_tenant),
        "managementgroupresourceid": at(_of_management_group),
        "extensionresourceid": _of_extension,
    }


def _of_resource(place: Place, before: list[str], kind: str, names: str) -> str:
    if len(before) > 2:
        raise misused("a subscription and a resource group are all that comes before the type")
    subscription, group = place.subscription, place.group
    if len(before) == 2:
        subscription, group = before
    elif before:
        # One alone is a subscription's GUID, or a group of this subscription.
        is_guid = parse_guid(before[0]) is not None
        subscription, group = (before[0], group) if is_guid else (subscription, before[0])
    if not before and place.kind in (ScopeKind.TENANT, ScopeKind.MANAGEMENT_GROUP):
        return resource_id("", kind, names)
    if not subscription:
        raise misused("this deployment is in no subscription")
    scope = f"/subscriptions/{subscription}"
    is_group = kind.lower() == "microsoft.resources/resourcegroups"
    return resource_id(f"{scope}/resourceGroups/{group}" if group and not is_group else scope, kind, names)


def _of_subscription(place: Place, before: list[str], kind: str, names: str) -> str:
    subscription = before[0] if before else place.subscription
    if len(before) > 1 or not subscription:
        raise misused("a subscription is all that comes before the type")
    return resource_id(f"/subscriptions/{subscription}", kind, names)


def _of_tenant(_place: Place, before: list[str], kind: str, names: str) -> str:
    if before:
        raise misused("nothing comes before the type")
    return resource_id("", kind, names)


def _of_management_group(place: Place, before: list[str], kind: str, names: str) -> str:
    group = before[0] if before else place.management_group
    if len(before) > 1 or not group:
        raise misused("a management group is all that comes before the type")
    return resource_id(f"{_MANAGEMENT_GROUPS}{group}", kind, names)


def _of_extension(_evaluator: Evaluator, _scope: Scope, values: Sequence[Any]) -> str:
    if len(values) < 3:
        raise misused("a scope, a type and names are expected")
    return resource_id(text(values[0]).rstrip("/"), text(values[1]), "/".join(text(one) for one in values[2:]))


def _divided(values: Sequence[Any]) -> tuple[list[str], str, str]:
    """Divide arguments at the resource type, which is the first with a slash."""
    given = [text(one) for one in values]
    at = next((place for place, one in enumerate(given) if "/" in one), None)
    if at is None or at + 1 >= len(given):
        raise misused("a resource type and names are expected")
    return given[:at], given[at], "/".join(given[at + 1 :])


def refuse_listing(name: str) -> Own:
    """Make the function that says of another that it is not served."""

    def refuse(_evaluator: Evaluator, _scope: Scope, _values: Sequence[Any]) -> Any:
        raise TemplateFault(
            f"The template function '{name}' is not served: no resource type of this service has such an operation"
        )

    return refuse


def constant(value: Any) -> Own:
    """Make a function without arguments that gives a value."""

    def give(_evaluator: Evaluator, _scope: Scope, values: Sequence[Any]) -> Any:
        if values:
            raise misused("no arguments are expected")
        return value

    return give
