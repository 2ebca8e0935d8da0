"""The names of tags in a subscription: those that are in use, and those that it suggests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from strongroom.arm.containers import READ_GROUP, the_subscription
from strongroom.arm.documents import TYPES, Document
from strongroom.arm.generic_lists import resources_of
from strongroom.arm.paging import page
from strongroom.arm.rights import can
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ResourceGroup, Subscription, TagName
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import tag_names
from strongroom.store import Transaction


class _Use:
    """How often values of one name are used, beside those that are suggested."""

    __slots__ = ("name", "values")

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[str, int] = {}


async def list_names(call: Call) -> Response:
    """List the names and values of tags, with how often each is used, as far as one may read what has them."""
    parent = the_subscription(call)
    uses = _uses(call, parent)
    return page(call, uses.values(), key=lambda use: use.name.lower(), show=lambda use: _show(parent, use))


async def put_name(call: Call) -> Response:
    """Suggest a name for tags."""
    parent, name = the_subscription(call), call.params["name"]

    async def change(tx: Transaction) -> bool:
        return (await tag_names.put_name(tx, parent, name, now=call.now))[1]

    made = await call.commit(change, status=_status)
    return json.response(_show(parent, _use_of(call, parent, name)), _status(made))


async def delete_name(call: Call) -> Response:
    """Suggest a name no longer: 200, or 204 if it was not suggested."""
    parent, name = the_subscription(call), call.params["name"]

    async def change(tx: Transaction) -> bool:
        if any(name.lower() == one.lower() for tags in _tags_in(call, parent, all_of=True) for one in tags):
            raise tag_names.in_use("The tag name is in use.")
        return await tag_names.remove_name(tx, parent, name)

    there = await call.commit(change, status=_gone)
    return Response(_gone(there), content_type=None)


async def put_value(call: Call) -> Response:
    """Suggest a value for a name."""
    parent, name, value = the_subscription(call), call.params["name"], call.params["value"]

    async def change(tx: Transaction) -> bool:
        return (await tag_names.put_value(tx, parent, name, value))[1]

    made = await call.commit(change, status=_status)
    use = _use_of(call, parent, name)
    use.values.setdefault(value, 0)
    shown = _show(parent, use)["values"]
    return json.response(next(one for one in shown if one["tagValue"] == value), _status(made))


async def delete_value(call: Call) -> Response:
    """Suggest a value no longer: 200, or 204 if it was not suggested."""
    parent, name, value = the_subscription(call), call.params["name"], call.params["value"]

    async def change(tx: Transaction) -> bool:
        tags = ((one, of) for found in _tags_in(call, parent, all_of=True) for one, of in found.items())
        if any(name.lower() == one.lower() and value == of for one, of in tags):
            raise tag_names.in_use("The tag value is in use.")
        return await tag_names.remove_value(tx, parent, name, value)

    there = await call.commit(change, status=_gone)
    return Response(_gone(there), content_type=None)


def _uses(call: Call, parent: Subscription) -> dict[str, _Use]:
    """Count the values of each name, by its lower-case spelling; what is only suggested is used by nobody."""
    uses: dict[str, _Use] = {}
    for suggested in call.world.view.all(TagName, tenant_partition(parent.tenant)):
        if suggested.subscription == parent.id:
            use = uses[suggested.name.lower()] = _Use(suggested.name)
            use.values = dict.fromkeys(suggested.values, 0)
    for tags in _tags_in(call, parent):
        for name, value in tags.items():
            use = uses.setdefault(name.lower(), _Use(name))
            use.values[value] = use.values.get(value, 0) + 1
    return uses


def _use_of(call: Call, parent: Subscription, name: str) -> _Use:
    """Count the values of a name that was suggested a moment ago: it may be so no longer."""
    return _uses(call, parent).get(name.lower()) or _Use(name)


def _tags_in(call: Call, parent: Subscription, *, all_of: bool = False) -> Iterator[Mapping[str, str]]:
    """Give the tags of everything in a subscription that the caller may read, or of everything."""
    yield parent.tags
    for group in call.world.view.all(ResourceGroup, tenant_partition(parent.tenant)):
        if group.subscription == parent.id and (all_of or can(call, READ_GROUP, group.scope)):
            yield group.tags
    for resource in resources_of(call, parent):
        if all_of or can(call, f"{TYPES[type(resource)]}/read", resource.scope):
            yield resource.tags


def _show(parent: Subscription, use: _Use) -> Document:
    place = f"{parent.scope}/tagNames/{use.name}"
    return {
        "id": place,
        "tagName": use.name,
        "count": {"type": "Total", "value": sum(use.values.values())},
        "values": [
            {"id": f"{place}/tagValues/{value}", "tagValue": value, "count": {"type": "Total", "value": count}}
            for value, count in sorted(use.values.items())
        ],
    }


def _status(made: bool) -> int:  # noqa: FBT001  what `Call.commit` hands it
    return 201 if made else 200


def _gone(there: bool) -> int:  # noqa: FBT001  likewise
    return 200 if there else 204
