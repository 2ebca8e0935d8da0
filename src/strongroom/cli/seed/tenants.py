"""Tenants of the instance: through the control socket, since they are its operator's."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from strongroom.cli.seed.items import Item
from strongroom.cli.seed.kind import Kind, Parents, Wanting, pick, without_nothing
from strongroom.cli.seed.plan import Act, Change
from strongroom.cli.seed.reach import Reach
from strongroom.cli.seed.schema import Entry


def _read_tenant(_: Wanting, entry: Entry, __: Item | None) -> Item:
    aside = {"administrator": entry.get("administrator", "admin"), "subscription": entry.get("subscription", False)}
    return Item("tenant", entry["domain"], pick(entry, "displayName"), aside, line=entry.line)


def _found_tenants(reach: Reach, _: Parents) -> Iterable[Item]:
    for one in reach.asked_control("GET", "/tenants")["value"]:
        # Never removed by what a file does not say: it is everything that somebody has.
        values = {"displayName": one["displayName"]}
        yield Item("tenant", one["domains"][0], values, id=one["tenantId"], protected=True)


def _put_tenant(reach: Reach, change: Change) -> None:
    item = change.item
    if change.act is Act.CHANGE:
        path = f"/tenants/{quote(item.id, safe='')}"
        reach.asked_control("PATCH", path, {"displayName": item.values["displayName"]})
        return
    made = reach.asked_control("POST", "/tenants", {
        "domain": item.name,
        "displayName": item.values.get("displayName", item.name),
        "userName": item.aside["administrator"],
        "subscription": item.aside["subscription"],
    })  # fmt: skip
    reach.credentials.write({
        "tenant": made["domain"], "userPrincipalName": made["userName"], "password": made["userPassword"],
    })  # fmt: skip


def _lacks_place(reach: Reach, _: Item) -> str | None:
    if reach.credentials.path is None:
        return "its administrator's password is told once: say --credentials FILE"
    return None


def _drop_tenant(_: Reach, item: Item) -> None:
    raise AssertionError(f"{item.name} is a tenant, which no file removes")


TENANTS = Kind(
    "tenant",
    "tenants",
    _read_tenant,
    _found_tenants,
    _put_tenant,
    _drop_tenant,
    lambda item: {"domain": item.name, **without_nothing(item.values)},
    declare=lambda entry, _: str(entry["domain"]),
    lacks=_lacks_place,
)
