"""
Diagnostic settings of vaults (`Microsoft.Insights/diagnosticSettings`), and the categories that there are.

A setting sends copies of a vault's audit to sinks, which it names by ARM ids; what stands behind those only the
operator says. Besides the right over the vault it takes the right over each destination that Azure demands, where that
is in a subscription of the tenant, so that nobody sends an audit where he may not (security.md "escalation edges").
"""

from __future__ import annotations

from typing import Any

from strongroom.arm import insights_wire as wire
from strongroom.arm.rights import require_linked_right
from strongroom.arm.vaults import the_vault
from strongroom.core.diagnostics import (
    CATEGORY_GROUPS,
    LOG_CATEGORIES,
    METRIC_CATEGORIES,
    DiagnosticSetting,
    Flow,
    SinkKind,
    parse_category,
    parse_setting_name,
    parse_sink_id,
)
from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import diagnostic_settings
from strongroom.resources.audit_sinks import sink_of
from strongroom.resources.diagnostic_settings import SettingWish, setting_not_found
from strongroom.store import Transaction

_HERE = "providers/microsoft.insights"
_ANALYTICS_TYPES = ("AzureDiagnostics", "Dedicated")


async def list_settings(call: Call) -> Response:
    """List a vault's diagnostic settings."""
    vault = the_vault(call)
    found = diagnostic_settings.settings_of(call.world.view, vault)
    return json.response({"value": [show_setting(vault, one) for one in found]})


async def get_setting(call: Call) -> Response:
    """Get a diagnostic setting."""
    vault = the_vault(call)
    found = diagnostic_settings.find_setting(call.world.view, vault, call.params["setting"])
    if found is None:
        raise setting_not_found()
    return json.response(show_setting(vault, found))


async def put_setting(call: Call) -> Response:
    """Make a diagnostic setting, or put another in its place: from now on the sinks get what is to flow."""
    vault = the_vault(call)
    wish = _wish_of(call.params["setting"], (await call.body(wire.DiagnosticSettingsResource)).properties)
    _require_destinations(call, wish)
    call.properties["destinations"] = [resource for _, resource in wish.destinations]

    async def change(tx: Transaction) -> DiagnosticSetting:
        _require_destinations(call, wish)
        return await diagnostic_settings.put_setting(tx, vault, wish, now=call.now)

    return json.response(show_setting(vault, await call.commit(change)))


async def delete_setting(call: Call) -> Response:
    """Remove a diagnostic setting: nothing more goes to its sinks. Absent is 204."""
    vault = the_vault(call)
    there = await call.commit(
        lambda tx: diagnostic_settings.delete_setting(tx, vault, call.params["setting"]), status=_gone
    )
    return Response(_gone(there), content_type=None)


async def list_categories(call: Call) -> Response:
    """List the categories that a vault's settings may send."""
    vault = the_vault(call)
    logs = [_show_category(vault, name, "Logs") for name in LOG_CATEGORIES]
    return json.response({"value": [*logs, *(_show_category(vault, name, "Metrics") for name in METRIC_CATEGORIES)]})


async def get_category(call: Call) -> Response:
    """Get one of them."""
    vault, wanted = the_vault(call), call.params["category"].lower()
    for names, kind in ((LOG_CATEGORIES, "Logs"), (METRIC_CATEGORIES, "Metrics")):
        for name in names:
            if name.lower() == wanted:
                return json.response(_show_category(vault, name, kind))
    raise NotFound("This resource has no such category.", code="ResourceNotFound")


# ---- what was asked -------------------------------------------------------------------------------------------------


def _wish_of(name: str, said: wire.DiagnosticSettings) -> SettingWish:
    """
    Read a setting.

    Raises:
        Invalid: the name, a destination, a category; there is no destination, or a bus is one.
    """
    if said.service_bus_rule_id:
        raise Invalid("serviceBusRuleId is not supported: name an event hub's authorization rule.", code="BadRequest")
    given = (
        (SinkKind.STORAGE, said.storage_account_id),
        (SinkKind.EVENT_HUB, said.event_hub_authorization_rule_id),
        (SinkKind.WORKSPACE, said.workspace_id),
        (SinkKind.PARTNER, said.marketplace_partner_id),
    )
    destinations = tuple((kind, "/" + resource.strip().strip("/")) for kind, resource in given if resource)
    if not destinations:
        raise Invalid("At least one data sink needs to be specified.", code="BadRequest")
    for kind, resource in destinations:
        if parse_sink_id(resource).kind is not kind:
            raise Invalid(f"The value of properties.{kind.value} is the ARM id of something else.", code="BadRequest")
    if said.event_hub_name and not said.event_hub_authorization_rule_id:
        raise Invalid("eventHubName goes with eventHubAuthorizationRuleId.", code="BadRequest")
    return SettingWish(
        name=parse_setting_name(name),
        destinations=destinations,
        logs=_logs_of(said.logs or []),
        metrics=tuple(_metric_of(one) for one in said.metrics or []),
        event_hub_name=said.event_hub_name or "",
        log_analytics_type=_analytics_type(said.log_analytics_destination_type),
    )


def _analytics_type(text: str | None) -> str:
    if not text:
        return ""
    for name in _ANALYTICS_TYPES:
        if name.lower() == text.lower():
            return name
    raise Invalid(f"logAnalyticsDestinationType is one of: {', '.join(_ANALYTICS_TYPES)}.", code="BadRequest")


def _logs_of(said: list[wire.LogSettings]) -> tuple[Flow, ...]:
    if any(one.category for one in said) and any(one.category_group for one in said):
        raise Invalid("A diagnostic setting names categories or category groups, not both.", code="BadRequest")
    flows = tuple(_log_of(one) for one in said)
    _refuse_repeated([flow.category or flow.group for flow in flows])
    return flows


def _log_of(one: wire.LogSettings) -> Flow:
    if not one.category and not one.category_group:
        raise Invalid("Each of properties.logs has a category or a categoryGroup.", code="BadRequest")
    return _flow(
        one,
        category=parse_category(one.category, LOG_CATEGORIES) if one.category else "",
        group=parse_category(one.category_group, tuple(CATEGORY_GROUPS)) if one.category_group else "",
    )


def _metric_of(one: wire.MetricSettings) -> Flow:
    return _flow(one, category=parse_category(one.category or METRIC_CATEGORIES[0], METRIC_CATEGORIES))


def _flow(one: wire.LogSettings | wire.MetricSettings, *, category: str, group: str = "") -> Flow:
    kept = one.retention_policy
    return Flow(
        category=category,
        group=group,
        enabled=one.enabled,
        retention_enabled=kept.enabled if kept is not None else False,
        retention_days=kept.days if kept is not None else 0,
        has_retention=kept is not None,
    )


def _refuse_repeated(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise Invalid("A category is named more than once in properties.logs.", code="BadRequest")


def _require_destinations(call: Call, wish: SettingWish) -> None:
    for _, resource in wish.destinations:
        require_destination(call, resource)


def require_destination(call: Call, resource: str) -> None:
    """
    Refuse a destination over which the caller has no right, and then one that the operator has not mapped.

    Raises:
        Denied: `LinkedAuthorizationFailed`.
        Invalid: nothing stands behind it for this tenant; another tenant's is as unknown.
    """
    tenant, place = call.identity.tenant, parse_sink_id(resource)
    parent = call.world.view.subscription(place.subscription)
    if parent is not None and parent.tenant == tenant:
        require_linked_right(call, place.right, resource)
    if sink_of(call.world.view, tenant, place.resource) is None:
        raise Invalid(
            f"The resource '{shown(resource, RESOURCE_ID)}' is no audit sink of this service. Its operator says what"
            " stands behind it: strongroom audit-sinks add.",
            code="BadRequest",
        )


def _gone(there: bool) -> int:  # noqa: FBT001  it is what the commit gives
    return 200 if there else 204


# ---- answers --------------------------------------------------------------------------------------------------------


def show_setting(vault: Vault, one: DiagnosticSetting) -> dict[str, Any]:
    """Write a setting."""
    named = {destination.kind: destination.resource for destination in one.destinations}
    return {
        "id": f"{vault.scope.lower()}/{_HERE}/diagnosticSettings/{one.name}",
        "type": "Microsoft.Insights/diagnosticSettings",
        "name": one.name,
        "location": None,
        "kind": None,
        "tags": None,
        "properties": {
            **{kind.value: named.get(kind) for kind in SinkKind},
            "serviceBusRuleId": None,
            "eventHubName": one.event_hub_name or None,
            "metrics": [_show_flow(flow) for flow in one.metrics],
            "logs": [_show_flow(flow) for flow in one.logs],
            "logAnalyticsDestinationType": one.log_analytics_type or None,
        },
        "identity": None,
    }


def _show_flow(flow: Flow) -> dict[str, Any]:
    retention = {"enabled": flow.retention_enabled, "days": flow.retention_days} if flow.has_retention else None
    return {
        "category": flow.category or None,
        "categoryGroup": flow.group or None,
        "enabled": flow.enabled,
        "retentionPolicy": retention,
    }


def _show_category(vault: Vault, name: str, kind: str) -> dict[str, Any]:
    groups = [group for group, members in CATEGORY_GROUPS.items() if name in members]
    return {
        "id": f"{vault.scope.lower()}/{_HERE}/diagnosticSettingsCategories/{name}",
        "type": "Microsoft.Insights/diagnosticSettingsCategories",
        "name": name,
        "location": None,
        "kind": None,
        "tags": None,
        "properties": {"categoryType": kind, "categoryGroups": groups},
        "identity": None,
    }
