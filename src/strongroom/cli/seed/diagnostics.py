"""Diagnostic settings of vaults: through Resource Manager."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from strongroom.cli.remote.session import segment
from strongroom.cli.seed.items import Item, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting, among, pick, without_nothing
from strongroom.cli.seed.plan import Change
from strongroom.cli.seed.reach import INSIGHTS, Document, Reach, at
from strongroom.cli.seed.schema import Entry

_SETTINGS = "providers/Microsoft.Insights/diagnosticSettings"
_SINKS = ("storageAccountId", "eventHubAuthorizationRuleId", "workspaceId", "marketplacePartnerId")
_PLAIN = ("eventHubName", "logAnalyticsDestinationType")
_FLOWS = {"logs": ("logs", "category"), "logGroups": ("logs", "categoryGroup"), "metrics": ("metrics", "category")}
"""What a file says of what flows: in which list of the service, and under which name."""


def _setting(vault: str, name: str, values: Mapping[str, Any], **more: Any) -> Item:
    aside = {"vault": vault, "name": name}
    return Item("diagnosticSetting", f"{vault}/{name}", values, aside, key_of("vault", vault), **more)


def _read_setting(_: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    # A setting is put as a whole: what is not said of it is not in it.
    values = {name: entry.get(name, "") for name in _PLAIN}
    values |= {name: entry.get(name, "").lower() for name in _SINKS}
    values |= {name: list(entry.get(name, ())) for name in _FLOWS}
    return _setting(parent.name, entry["name"], values, needs=frozenset({parent.key}), line=entry.line)


def _found_settings(reach: Reach, parents: Parents) -> Iterable[Item]:
    for vault, one in among(reach, "vault", parents):
        path = f"{at(one['id'])}/{_SETTINGS}"
        listing = partial(reach.session.arm_pages, path, api_version=INSIGHTS)
        for setting in reach.see(f"the diagnostic settings of vault {vault}", listing):
            properties = setting["properties"]
            values = pick(properties, *_PLAIN)
            values |= {name: (properties[name] or "").lower() for name in _SINKS}
            values |= {
                name: [flow[word] for flow in properties[place] if flow["enabled"] and flow.get(word)]
                for name, (place, word) in _FLOWS.items()
            }
            yield _setting(vault, setting["name"], values, id=f"{path}/{segment(setting['name'])}")


def _put_setting(reach: Reach, change: Change) -> None:
    item = change.item
    properties: Document = {name: item.values[name] or None for name in (*_PLAIN, *_SINKS)}
    for name, (place, word) in _FLOWS.items():
        properties.setdefault(place, []).extend({word: one, "enabled": True} for one in item.values[name])
    vault = at(reach.find("vault", item.aside["vault"])["id"])
    path = f"{vault}/{_SETTINGS}/{segment(item.aside['name'])}"
    reach.session.arm("PUT", path, {"properties": properties}, api_version=INSIGHTS)


def _drop_setting(reach: Reach, item: Item) -> None:
    reach.session.arm("DELETE", item.id, api_version=INSIGHTS)


def _write_setting(item: Item) -> Document:
    return {"name": item.aside["name"], **without_nothing(item.values)}


DIAGNOSTIC_SETTINGS = Kind(
    "diagnosticSetting",
    "diagnosticSettings",
    _read_setting,
    _found_settings,
    _put_setting,
    _drop_setting,
    _write_setting,
    parent="vault",
)
