"""
OData as Graph speaks it: what a collection and an entity look like, and the query options that ask for them.

`$filter` and `$search` are read in `filters`. What is not understood is refused: an option that was silently ignored
would answer with everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from strongroom.core import limits
from strongroom.core.echo import WORD, shown
from strongroom.core.errors import Invalid
from strongroom.flow.call import Call
from strongroom.flow.paging import PLACE, next_link, open_place
from strongroom.graph.filters import (
    Filterable,
    Test,
    compile_filter,
    is_advanced,
    parse_filter,
    parse_search,
    select,
    unsupported,
)
from strongroom.graph.render import DEFAULT_USER
from strongroom.http import json
from strongroom.http.message import Response


class Listed(Protocol):
    """What a collection is made of: each has an id, in whose order it is listed."""

    @property
    def id(self) -> str:
        """Unique within the collection."""
        ...


R = TypeVar("R", bound=Listed)

COUNT = "/$count"
"""How a path ends that asks for the number of a collection, by the collection's own handler."""

_KINDS = {
    "applications": "application",
    "directoryObjects": "directoryObject",
    "groups": "group",
    "servicePrincipals": "servicePrincipal",
    "users": "user",
}
"""The types of what collections of directory objects are made of; one of any kind says its own itself."""
_USER = "#microsoft.graph.user"
_OF_ENTITIES = frozenset({"$select"})
_OF_COUNTS = frozenset({"$filter", "$search"})
_OF_COLLECTIONS = frozenset({"$filter", "$search", "$select", "$top", "$count", PLACE})


def context(call: Call, suffix: str) -> str:
    """Make the `@odata.context` of an answer."""
    return f"{call.base}/{call.params['version']}/$metadata#{suffix}"


def reference(call: Call, object_id: str) -> str:
    """Make the reference to a directory object that a client may send back."""
    return f"{call.base}/{call.params['version']}/directoryObjects/{object_id}"


def entity(call: Call, collection: str, properties: dict[str, Any], *, status: int = 200) -> Response:
    """
    Answer with one object; if it was just made, say where it is.

    Raises:
        Invalid: a query option is not understood, where nothing was changed.
    """
    if call.op.method == "GET":
        require_options_of_entities(call)
    body = {"@odata.context": context(call, f"{collection}/$entity"), **show(call, collection, properties)}
    headers = []
    if status == 201:
        place = f"{call.base}/{call.params['version']}/{collection}/{properties['id']}"
        headers.append((b"location", place.encode("latin-1", "replace")))
    return json.response(body, status, headers)


def collection(
    call: Call,
    name: str,
    records: Iterable[R],
    table: Mapping[str, Filterable[R]],
    resource: str,
    render: Callable[[R], dict[str, Any]],
) -> Response:
    """
    Answer with the page of *records* that the query asks for, in the order of their ids; or how many, at `/$count`.

    Raises:
        Invalid: a query option is malformed or not understood.
    """
    counted = call.op.path.endswith(COUNT)
    _require_options(call, _OF_COUNTS if counted else _OF_COLLECTIONS)
    chosen = select(records, _tests(call, table, resource))
    if counted:
        return Response(200, str(len(chosen)).encode("ascii"), content_type=b"text/plain")
    chosen.sort(key=lambda record: record.id)
    size, bound = _page_size(call), _bound(call)
    after = open_place(call, *bound, code="Directory_ExpiredPageToken")
    rest = [record for record in chosen if record.id > after] if after is not None else chosen
    page = rest[:size]
    body: dict[str, Any] = {"@odata.context": context(call, name)}
    if _counts(call):
        body["@odata.count"] = len(chosen)
    if len(rest) > size:
        body["@odata.nextLink"] = next_link(call, page[-1].id, *bound, carried=_carried(call))
    body["value"] = [show(call, name, render(record)) for record in page]
    return json.response(body)


def require_options_of_entities(call: Call) -> None:
    """
    Demand that a question about one object has no options but those that have a meaning for one.

    Raises:
        Invalid: it has another.
    """
    _require_options(call, _OF_ENTITIES)


def _require_options(call: Call, known: frozenset[str]) -> None:
    for option in call.query:
        if option.startswith("$") and option not in known:
            raise unsupported(f"The query option '{shown(option, WORD)}' is not supported.")


def _tests(call: Call, table: Mapping[str, Filterable[R]], resource: str) -> list[Test[R]]:
    """Read what records must fulfil. Graph answers some questions only if its index, which lags, is good enough."""
    tests: list[Test[R]] = []
    eventual = (call.request.header(b"consistencylevel") or "").strip().lower() == "eventual"
    text = call.query.get("$filter", "")
    if text.strip():
        node = parse_filter(text)
        test = compile_filter(node, table, resource)
        if is_advanced(node) and not (eventual and _counts(call)):
            raise unsupported(
                "The operator is only supported with the header 'ConsistencyLevel: eventual' and $count=true."
            )
        tests.append(test)
    if "$search" in call.query:
        if not eventual:
            raise unsupported(
                "Request with $search query parameter only works through MSGraph with a special request header:"
                " 'ConsistencyLevel: eventual'"
            )
        tests.append(parse_search(call.query["$search"], table, resource))
    return tests


def _counts(call: Call) -> bool:
    if call.op.path.endswith(COUNT):
        return True
    text = call.query.get("$count", "false")
    if text not in {"true", "false"}:
        raise Invalid("Invalid value for the query option $count.")
    return text == "true"


def _page_size(call: Call) -> int:
    text = call.query.get("$top")
    if text is None:
        return limits.GRAPH_PAGE_DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= limits.GRAPH_PAGE_MAX):
        raise Invalid(f"Invalid page size specified. Must be between 1 and {limits.GRAPH_PAGE_MAX} inclusive.")
    return int(text)


def _carried(call: Call) -> list[str]:
    return [name for name in call.query if name != PLACE]


def _bound(call: Call) -> tuple[str, str, str]:
    return call.request.path.decode("latin-1"), call.query.get("$filter", ""), call.query.get("$search", "")


def show(call: Call, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """
    Show one of a collection: what `$select` names, and with `odata.metadata=full` its type and the reference to it.

    A client that is to make somebody a member or an owner asks so (OData JSON Format section 3.1.2).
    """
    kind = _KINDS.get(name)
    shown = _project(call, properties, is_user=_USER in (f"#microsoft.graph.{kind}", properties.get("@odata.type")))
    if kind is None or "odata.metadata=full" not in (call.request.header(b"accept") or "").lower():
        return shown
    return {"@odata.type": f"#microsoft.graph.{kind}", "@odata.id": reference(call, properties["id"]), **shown}


def selects(call: Call, name: str) -> bool:
    """Tell whether `$select` names a property."""
    return name in {one.strip() for one in call.query.get("$select", "").split(",")}


def _project(call: Call, properties: dict[str, Any], *, is_user: bool) -> dict[str, Any]:
    """
    Keep what `$select` names, and annotations; without `$select`, everything, but of a user its default properties.

    So it is of v1.0 alone (Graph's "user resource type"; recorded by Azure's own client tests of 2022 to 2025). When
    a deleted user was deleted is told as well.
    """
    text = call.query.get("$select")
    if text:
        wanted = frozenset(name.strip() for name in text.split(","))
    elif is_user and call.params["version"] == "v1.0":
        wanted = DEFAULT_USER if properties.get("deletedDateTime") is None else DEFAULT_USER | {"deletedDateTime"}
    else:
        return properties
    return {name: value for name, value in properties.items() if name in wanted or name.startswith("@")}
