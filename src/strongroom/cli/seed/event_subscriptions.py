"""
Event subscriptions of vaults: through Resource Manager.

The URL of a webhook may hold a secret, and so may the headers that deliveries get: both come from where values of
secrets come from, are compared by whoever may ask for them, and are shown to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.event_subscriptions import put_agreed
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.remote.session import segment
from strongroom.cli.seed.forms.events import EVENTS, filter_of
from strongroom.cli.seed.items import Hidden, Item, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting, among, pick, without_nothing
from strongroom.cli.seed.plan import Act, Change
from strongroom.cli.seed.reach import EVENT_GRID, Document, Reach, at
from strongroom.cli.seed.schema import Entry
from strongroom.cli.seed.sources import needs_value, read_value
from strongroom.core.event_filters import AdvancedFilter

_NOT_FOUND = 404
_SUBSCRIPTIONS = "providers/Microsoft.EventGrid/eventSubscriptions"
_AGREED = "Succeeded"
_REFUSED = "Failed"
_FILTER = {
    "subjectBeginsWith": "subjectBeginsWith",
    "subjectEndsWith": "subjectEndsWith",
    "subjectCaseSensitive": "isSubjectCaseSensitive",
    "filtersInArrays": "enableAdvancedFilteringOnArrays",
}
_RETRY = {"maxDeliveryAttempts": "maxDeliveryAttempts", "minutesToLive": "eventTimeToLiveInMinutes"}
_PLAIN = (*_FILTER, *_RETRY, "events", "schema", "expires", "labels")
_NEVER_TOLD = "there is none to keep: say where it comes from instead of `keep: true`"
_NAMES = {wire: word for word, wire in EVENTS.items()}

# ---- what a file wants ----------------------------------------------------------------------------------------------


def _item(vault: str, name: str, values: Mapping[str, Any], **more: Any) -> Item:
    aside = {"vault": vault, "name": name, **more.pop("aside", {})}
    return Item("eventSubscription", f"{vault}/{name}", values, aside, key_of("vault", vault), **more)


def _read_subscription(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    vault, name = parent.name, entry["name"]
    values: Document = {**pick(entry, *_PLAIN), "state": _AGREED}
    if "advancedFilters" in entry:
        values["advancedFilters"] = [_spelled(filter_of(one)) for one in entry["advancedFilters"]]
    if "deadLetters" in entry:
        values["deadLetters"] = _place(**entry["deadLetters"])
    told = _Told(wanting, vault, name)
    url = told.given(entry["endpoint"])
    if url is not None and url != told.url():
        values["endpoint"] = Hidden(url)
    if "deliveryAttributes" in entry:
        # Another endpoint is somebody else: it is told every value anew.
        known = {} if "endpoint" in values else told.headers(entry["deliveryAttributes"])
        values["deliveryAttributes"] = [_wanted_header(told, one, known) for one in entry["deliveryAttributes"]]
    needs = frozenset({parent.key, *wanting.needs})
    return _item(vault, name, values, needs=needs, line=entry.line)


class _Told:
    """What the service tells of a subscription to whoever may ask for it, and what a file says of the same."""

    def __init__(self, wanting: Wanting, vault: str, name: str) -> None:
        self._wanting, self._name = wanting, name
        self._vault = wanting.reach.look("vault", vault)

    def given(self, source: Entry) -> str | None:
        """Give the value that a file says itself; None if it is the one that is there, or there is a fault."""
        if "url" in source:
            return str(source["url"])
        if not needs_value(source):
            return None
        try:
            return read_value(source, self._wanting.reach.folder, self._wanting.reach.environment)
        except Halt as fault:
            self._wanting.faults.add(source.line, "", str(fault))
            return None

    def url(self) -> str | None:
        """Give the whole URL of the endpoint that is there."""
        found = self._ask("getFullUrl")
        return None if found is None else str(found["endpointUrl"])

    def headers(self, said: Iterable[Entry]) -> dict[str, str]:
        """Give the values of the headers that are there, by names in lower case, if a file says a secret one."""
        if not any("secret" in one and needs_value(one["secret"]) for one in said):
            return {}
        found = self._ask("getDeliveryAttributes") or {"value": ()}
        return {one["name"].lower(): str(one["properties"].get("value")) for one in found["value"]}

    def _ask(self, word: str) -> Any:
        if self._vault is None:
            return None
        path = f"{_path(self._vault[1], self._name)}/{word}"
        try:
            return self._wanting.reach.session.arm("POST", path, api_version=EVENT_GRID)
        except Refused as refused:
            if refused.status != _NOT_FOUND:
                raise
            return None


def _wanted_header(told: _Told, entry: Entry, known: Mapping[str, str]) -> Document:
    if "secret" not in entry:
        return dict(entry)
    value = told.given(entry["secret"])
    if value is None or known.get(entry["name"].lower()) == value:
        return {"name": entry["name"], "secret": True}
    return {"name": entry["name"], "secret": Hidden(value)}


def _lacks_value(_: Reach, item: Item) -> str | None:
    if "endpoint" not in item.values:
        return f"its endpoint: {_NEVER_TOLD}"
    if any(one.get("secret") is True for one in item.values.get("deliveryAttributes", ())):
        return f"a secret delivery attribute: {_NEVER_TOLD}"
    return None


# ---- what is there --------------------------------------------------------------------------------------------------


def _path(vault: Mapping[str, Any], name: str) -> str:
    return f"{at(vault['id'])}/{_SUBSCRIPTIONS}/{segment(name)}"


def _found_subscriptions(reach: Reach, parents: Parents) -> Iterable[Item]:
    for vault, one in among(reach, "vault", parents):
        listing = partial(reach.session.arm_pages, f"{at(one['id'])}/{_SUBSCRIPTIONS}", api_version=EVENT_GRID)
        for found in reach.see(f"the event subscriptions of vault {vault}", listing):
            yield _item(vault, found["name"], _shown(found["properties"]), id=_path(one, found["name"]))


def _shown(properties: Mapping[str, Any]) -> Document:
    said, retry = properties["filter"], properties["retryPolicy"]
    endpoint = properties["destination"]["properties"]
    expires, dead = properties.get("expirationTimeUtc"), properties.get("deadLetterDestination")
    return {
        **{word: said[wire] for word, wire in _FILTER.items()},
        **{word: retry[wire] for word, wire in _RETRY.items()},
        "events": [_NAMES.get(one, one) for one in said["includedEventTypes"]],
        "advancedFilters": [_found_filter(one) for one in said.get("advancedFilters") or ()],
        "schema": properties["eventDeliverySchema"],
        "expires": None if expires is None else int(datetime.fromisoformat(expires).timestamp()),
        "labels": properties["labels"],
        "deadLetters": None
        if dead is None
        else _place(dead["properties"]["resourceId"], dead["properties"]["blobContainerName"]),
        "deliveryAttributes": [_found_header(one) for one in endpoint["deliveryAttributeMappings"]],
        # What waits for somebody to open a URL is begun well enough.
        "state": _REFUSED if properties["provisioningState"] == _REFUSED else _AGREED,
    }


def _place(storageAccountId: str, container: str) -> Document:  # noqa: N803  as a file names it
    return {"storageAccountId": storageAccountId.lower(), "container": container}


def _found_filter(one: Mapping[str, Any]) -> Document:
    values = [one["value"]] if "value" in one else one.get("values", [])
    return without_nothing({"operator": one["operatorType"], "key": one["key"], "values": values})


def _spelled(one: AdvancedFilter) -> Document:
    """Write an advanced filter as it is found: ranges as lists."""
    values = [list(value) if isinstance(value, tuple) else value for value in one.values]
    return without_nothing({"operator": str(one.operator), "key": one.key, "values": values})


def _found_header(one: Mapping[str, Any]) -> Document:
    properties = one["properties"]
    if "sourceField" in properties:
        return {"name": one["name"], "sourceField": properties["sourceField"]}
    if properties["isSecret"]:
        return {"name": one["name"], "secret": True}
    return {"name": one["name"], "value": properties["value"]}


# ---- what is done ---------------------------------------------------------------------------------------------------


def _put_subscription(reach: Reach, change: Change) -> None:
    """
    Put a subscription, and wait until its endpoint has agreed.

    Raises:
        Halt: it did not.
    """
    item = change.item
    said = change.changed if change.act is Act.CHANGE else frozenset(item.values)
    body = _body(item, said)
    path = _path(reach.find("vault", item.aside["vault"]), item.aside["name"])
    if change.act is Act.CHANGE:
        put_agreed(reach.session.arm, "PATCH", path, body)
    else:
        put_agreed(reach.session.arm, "PUT", path, {"properties": body})


def _body(item: Item, said: frozenset[str]) -> Document:
    values = item.values
    body: Document = {}
    if {*_FILTER, "events", "advancedFilters"} & said:
        body["filter"] = _filter_body(values)
    if _RETRY.keys() & said:
        body["retryPolicy"] = {wire: values[word] for word, wire in _RETRY.items() if word in values}
    if "schema" in said:
        body["eventDeliverySchema"] = values["schema"]
    if "labels" in said:
        body["labels"] = values["labels"]
    if "expires" in said:
        body["expirationTimeUtc"] = _moment(values["expires"])
    if "deadLetters" in said:
        place = values["deadLetters"]
        properties = {"resourceId": place["storageAccountId"], "blobContainerName": place["container"]}
        body["deadLetterDestination"] = {"endpointType": "StorageBlob", "properties": properties}
    destination: Document = {}
    if "endpoint" in said:
        destination["endpointUrl"] = values["endpoint"].text
    if "deliveryAttributes" in said:
        destination["deliveryAttributeMappings"] = [_header_body(one) for one in values["deliveryAttributes"]]
    if destination:
        body["destination"] = {"endpointType": "WebHook", "properties": destination}
    return body


def _filter_body(values: Mapping[str, Any]) -> Document:
    """Write a filter, which is put as a whole."""
    body = {wire: values[word] for word, wire in _FILTER.items() if word in values}
    if not EVENTS.keys() <= set(values.get("events", EVENTS)):
        # All are those as well that a later release has.
        body["includedEventTypes"] = [EVENTS[one] for one in values["events"]]
    body["advancedFilters"] = [
        {"operatorType": one["operator"], "key": one["key"], "values": one.get("values")}
        for one in values.get("advancedFilters", ())
    ]
    return body


def _header_body(one: Mapping[str, Any]) -> Document:
    if "sourceField" in one:
        return {"name": one["name"], "type": "Dynamic", "properties": {"sourceField": one["sourceField"]}}
    secret = one.get("secret")
    properties: Document = {"value": one.get("value"), "isSecret": secret is not None}
    if isinstance(secret, Hidden):
        properties["value"] = secret.text
    return {"name": one["name"], "type": "Static", "properties": without_nothing(properties)}


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _drop_subscription(reach: Reach, item: Item) -> None:
    reach.session.arm("DELETE", item.id, api_version=EVENT_GRID)


# ---- how it is written ----------------------------------------------------------------------------------------------


def _write_subscription(item: Item) -> Document:
    values = {name: value for name, value in item.values.items() if name != "state" and value is not False}
    if EVENTS.keys() <= set(values["events"]):
        del values["events"]
    if values["expires"] is not None:
        values["expires"] = _moment(values["expires"])
    values["deliveryAttributes"] = [
        {**one, "secret": {"keep": True}} if "secret" in one else one for one in values["deliveryAttributes"]
    ]
    return {"name": item.aside["name"], "endpoint": {"keep": True}, **without_nothing(values)}


def _reveal_values(reach: Reach, item: Item) -> Document:
    what = f"the endpoint of event subscription {item.name}"
    ask = partial(reach.session.arm, "POST", api_version=EVENT_GRID)
    told = reach.see(what, lambda: [(ask(f"{item.id}/getFullUrl"), ask(f"{item.id}/getDeliveryAttributes"))])
    if not told:
        return {}
    (url, headers) = told[0]
    secrets = {one["name"]: one["properties"] for one in headers["value"] if one["properties"].get("isSecret")}
    attributes = [
        {**one, "secret": {"literal": secrets[one["name"]]["value"]}} if one["name"] in secrets else one
        for one in item.values["deliveryAttributes"]
    ]
    revealed: Document = {"endpoint": {"literal": url["endpointUrl"]}}
    return {**revealed, "deliveryAttributes": attributes} if attributes else revealed


EVENT_SUBSCRIPTIONS = Kind(
    "eventSubscription",
    "eventSubscriptions",
    _read_subscription,
    _found_subscriptions,
    _put_subscription,
    _drop_subscription,
    _write_subscription,
    parent="vault",
    lacks=_lacks_value,
    reveal=_reveal_values,
)
