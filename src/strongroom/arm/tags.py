"""Tags as a resource of their own, at any scope that has some (inventory of azure-mgmt-resource)."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.arm import wire
from strongroom.arm.documents import Document
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.scopes import Scope, locate
from strongroom.resources.tags import Tagged, TagOperation, change_tags, tagged_at
from strongroom.resources.vault_settings import parse_word
from strongroom.store import Transaction


async def get_tags(call: Call) -> Response:
    """Get the tags at a scope."""
    return json.response(show_tags(tagged_at(_the_scope(call))))


async def put_tags(call: Call) -> Response:
    """Replace all the tags at a scope."""
    body = await call.body(wire.TagsResource)
    return await _change(call, TagOperation.REPLACE, body.properties.tags or {})


async def patch_tags(call: Call) -> Response:
    """Add tags, replace them, or remove some."""
    body = await call.body(wire.TagsPatch)
    operation = parse_word(TagOperation, body.operation, "operation")
    return await _change(call, operation, (body.properties.tags if body.properties is not None else None) or {})


async def delete_tags(call: Call) -> Response:
    """Remove all the tags at a scope."""
    await _change(call, TagOperation.REPLACE, {})
    return Response(200, content_type=None)


def show_tags(tagged: Tagged) -> Document:
    """Write the tags of something."""
    return {
        "id": f"{tagged.scope}/providers/Microsoft.Resources/tags/default",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": tagged.tags},
    }


async def _change(call: Call, operation: TagOperation, tags: Mapping[str, str]) -> Response:
    scope = _the_scope(call)
    tagged_at(scope)

    async def change(tx: Transaction) -> Tagged:
        return await change_tags(tx, scope, operation, tags, now=call.now, by=call.identity.oid)

    return json.response(show_tags(await call.commit(change, lambda tagged: {"scope": tagged.scope})))


def _the_scope(call: Call) -> Scope:
    return locate(call.world.view, call.identity.tenant, call.params["scope"])
