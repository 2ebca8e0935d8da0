"""Management locks: through Resource Manager, after everything that they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.cli.remote.session import segment
from strongroom.cli.seed.items import Item
from strongroom.cli.seed.kind import Kind, Parents, Wanting, pick, say_scope, scope_id, show_scope, without_nothing
from strongroom.cli.seed.plan import Change
from strongroom.cli.seed.reach import LOCKS as VERSION
from strongroom.cli.seed.reach import Document, Reach, at
from strongroom.cli.seed.schema import Entry
from strongroom.core.guids import parse_guid

_LOCKS = "providers/Microsoft.Authorization/locks"


def _lock(name: str, scope: Document, values: Mapping[str, Any], **more: Any) -> Item:
    return Item("lock", f"{name} at {say_scope(scope)}", {"name": name, "scope": scope, **values}, **more)


def _read_lock(wanting: Wanting, entry: Entry, _: Item | None) -> Item:
    scope = wanting.scope(entry["scope"])
    values = pick(entry, "level", "notes")
    if "owners" in entry:
        values["owners"] = [parse_guid(one) or wanting.refer("application", one, entry.line) for one in entry["owners"]]
    return _lock(entry["name"], scope, values, needs=frozenset(wanting.needs), line=entry.line)


def _found_locks(reach: Reach, _: Parents) -> Iterable[Item]:
    for one in reach.session.arm_pages(f"{reach.subscription}/{_LOCKS}", api_version=VERSION):
        properties = one["properties"]
        values = pick(properties, "level", "notes")
        values["owners"] = [
            reach.name_of("application", owner["applicationId"]) or owner["applicationId"]
            for owner in properties.get("owners", ())
        ]
        scope = one["id"][: one["id"].lower().rindex(f"/{_LOCKS.lower()}/")]
        # Its name may have characters that end a path, and stands in its id as it is.
        path = f"{at(scope)}/{_LOCKS}/{segment(one['name'])}"
        yield _lock(one["name"], show_scope(reach, scope), values, id=path)


def _put_lock(reach: Reach, change: Change) -> None:
    values = change.item.values
    path = change.item.id or f"{at(scope_id(reach, values['scope']))}/{_LOCKS}/{segment(values['name'])}"
    owners = [{"applicationId": _application_id(reach, one)} for one in values.get("owners", ())]
    properties = {"level": values["level"], "notes": values.get("notes", ""), "owners": owners}
    reach.session.arm("PUT", path, {"properties": properties}, api_version=VERSION)


def _application_id(reach: Reach, name: str) -> str:
    return parse_guid(name) or str(reach.find("application", name)["appId"])


def _drop_lock(reach: Reach, item: Item) -> None:
    reach.session.arm("DELETE", item.id, api_version=VERSION)


LOCKS = Kind(
    "lock", "locks", _read_lock, _found_locks, _put_lock, _drop_lock, lambda item: without_nothing(item.values)
)
