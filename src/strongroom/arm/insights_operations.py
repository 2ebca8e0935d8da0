"""The rows of `Microsoft.Insights`: diagnostic settings of vaults, and the activity log."""

from __future__ import annotations

from strongroom.arm import activity_log, diagnostic_settings
from strongroom.arm import insights_wire as wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import VAULT, at
from strongroom.core.permissions import Authenticated

_AT_TENANT, _AT_SUBSCRIPTION, _AT_VAULT = at("/"), at("/subscriptions/{subscription}"), at(VAULT)
_TYPE = "Microsoft.Insights/diagnosticSettings"
_SETTINGS = f"{VAULT}/providers/{_TYPE}"
_CATEGORY_TYPE = "Microsoft.Insights/diagnosticSettingsCategories"
_CATEGORIES = f"{VAULT}/providers/{_CATEGORY_TYPE}"
_READ_SETTINGS = action(f"{_TYPE}/read")

_SETTING_ROWS = (
    row("DiagnosticSettingList", "GET", _SETTINGS,
        _TYPE, _READ_SETTINGS, diagnostic_settings.list_settings, _AT_VAULT),
    row("DiagnosticSettingGet", "GET", f"{_SETTINGS}/{{setting}}",
        _TYPE, _READ_SETTINGS, diagnostic_settings.get_setting, _AT_VAULT),
    row("DiagnosticSettingPut", "PUT", f"{_SETTINGS}/{{setting}}",
        _TYPE, action(f"{_TYPE}/write"), diagnostic_settings.put_setting, _AT_VAULT,
        body=wire.DiagnosticSettingsResource),
    row("DiagnosticSettingDelete", "DELETE", f"{_SETTINGS}/{{setting}}",
        _TYPE, action(f"{_TYPE}/delete"), diagnostic_settings.delete_setting, _AT_VAULT),
    row("DiagnosticSettingCategoryList", "GET", _CATEGORIES,
        _CATEGORY_TYPE, _READ_SETTINGS, diagnostic_settings.list_categories, _AT_VAULT),
    row("DiagnosticSettingCategoryGet", "GET", f"{_CATEGORIES}/{{category}}",
        _CATEGORY_TYPE, _READ_SETTINGS, diagnostic_settings.get_category, _AT_VAULT),
)  # fmt: skip

_EVENT_TYPE = "Microsoft.Insights/eventtypes"
_EVENTS = f"/providers/{_EVENT_TYPE}/management/values"
_EVENT_ROWS = (
    row("ActivityLogList", "GET", f"/subscriptions/{{subscription}}{_EVENTS}",
        _EVENT_TYPE, action(activity_log.READ_EVENTS), activity_log.list_subscription_events, _AT_SUBSCRIPTION),
    row("TenantActivityLogList", "GET", _EVENTS,
        _EVENT_TYPE, Authenticated(), activity_log.list_tenant_events, _AT_TENANT),
    row("EventCategoryList", "GET", "/providers/Microsoft.Insights/eventcategories",
        "Microsoft.Insights/eventcategories", Authenticated(), activity_log.list_categories, _AT_TENANT),
)  # fmt: skip

INSIGHTS_ROWS = (*_SETTING_ROWS, *_EVENT_ROWS)

INSIGHTS_TYPES: tuple[str, ...] = (
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.Insights/diagnosticSettingsCategories",
    "Microsoft.Insights/eventcategories",
    "Microsoft.Insights/eventtypes",
)
"""The resource types that these rows serve."""
