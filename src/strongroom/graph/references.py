"""
References to directory objects, as `@odata.id` and `@odata.bind` carry them, and lists of what they lead to.

Whoever is a member or an owner is listed as an object, or with `/$ref` as a reference alone, which is also how one of
them is asked for: the Terraform provider looks so whether there is one to take away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Any

from strongroom.core.errors import Invalid
from strongroom.core.identity import Application, Group, ServicePrincipal, User
from strongroom.core.permissions import DirectoryPermission
from strongroom.directory.principals import no_such_object
from strongroom.flow.authorization import may_in_directory
from strongroom.flow.call import Call
from strongroom.flow.operation import Handler
from strongroom.graph import render, rights
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_object
from strongroom.graph.odata import collection, context, reference, require_options_of_entities
from strongroom.http import json
from strongroom.http.message import Response

DirectoryObject = User | Group | ServicePrincipal | Application
_EQ = frozenset({Operator.EQ})
_TO_READ: Mapping[type[DirectoryObject], DirectoryPermission] = {
    User: rights.READ_USERS,
    Group: rights.READ_GROUPS,
    ServicePrincipal: rights.READ_APPLICATIONS,
    Application: rights.READ_APPLICATIONS,
}
_ALWAYS = frozenset({"@odata.type", "id"})
_OF_REFERENCES: Mapping[str, Filterable[DirectoryObject]] = {"id": Filterable(lambda one: one.id, _EQ)}
"""A reference says no more than the id, so nothing else is asked of it."""
# The host is whatever the client calls Graph; the object is looked up in the caller's tenant and nowhere else.
_REFERENCE = re.compile(
    r"https://[^/?#]+/(?:v1\.0|beta)/(?:[0-9a-fA-F-]{36}/)?(?:directoryObjects|users|groups|servicePrincipals)"
    r"/(?P<id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/?",
    re.ASCII | re.IGNORECASE,
)


def parse_reference(text: str) -> str:
    """
    Read the object id out of a reference such as `https://graph.microsoft.com/v1.0/directoryObjects/{id}`.

    Raises:
        Invalid: it is not one.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise Invalid("Invalid URL format specified in the @odata.id payload.")
    return match["id"].lower()


def objects(
    call: Call,
    ids: Iterable[str],
    kinds: tuple[type[DirectoryObject], ...] = (User, Group, ServicePrincipal, Application),
) -> Response:
    """
    Answer with the objects of the caller's tenant that these ids lead to; what is deleted leads nowhere.

    Of one that the caller could not read by itself there is the id and nothing else, as in Graph: who may see that
    somebody is in a group need not see who that is.
    """

    @cache
    def may(right: DirectoryPermission) -> bool:
        return may_in_directory(call.world, call.identity, right)

    def shown(one: DirectoryObject) -> dict[str, Any]:
        whole = render.directory_object(call.world.view, one)
        if may(_TO_READ[type(one)]):
            return whole
        names = _ALWAYS | render.BASIC_USER if isinstance(one, User) and may(rights.READ_BASIC_USERS) else _ALWAYS
        return {name: value if name in names else None for name, value in whole.items()}

    filters: Mapping[str, Filterable[DirectoryObject]] = {
        "id": Filterable(lambda one: one.id, _EQ),
        "displayName": Filterable(lambda one: shown(one)["displayName"], _EQ | {Operator.STARTS_WITH}),
    }
    found = (find_object(call, one) for one in ids)
    return collection(
        call, "directoryObjects", [one for one in found if isinstance(one, kinds)], filters, "DirectoryObject", shown
    )


def reference_handlers(related: Callable[[Call], Collection[str]]) -> tuple[Handler, Handler]:
    """Make the handlers that list references to the objects that a path leads to, and that get the one it names."""

    async def list_references(call: Call) -> Response:
        found = (find_object(call, one) for one in related(call))
        records = [one for one in found if one is not None]
        return collection(
            call, "Collection($ref)", records, _OF_REFERENCES, "DirectoryObject", lambda one: _reference(call, one)
        )

    async def get_reference(call: Call) -> Response:
        require_options_of_entities(call)
        wanted = call.params["member"].lower()
        found = find_object(call, wanted) if wanted in related(call) else None
        if found is None:
            raise no_such_object(wanted)
        return json.response({"@odata.context": context(call, "$ref"), **_reference(call, found)})

    return list_references, get_reference


def _reference(call: Call, record: DirectoryObject) -> dict[str, str]:
    return {"@odata.id": reference(call, record.id)}
