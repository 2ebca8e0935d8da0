"""The rows of `Microsoft.Resources/tags`, and of the names of tags in a subscription."""

from __future__ import annotations

from strongroom.arm import generic_lists, tags, wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import at, at_scope

_TYPE, _NAMES_TYPE = "Microsoft.Resources/tags", "Microsoft.Resources/subscriptions/tagNames"
_SUBSCRIPTION = "/subscriptions/{subscription}"
_TAGS = f"{{scope*}}/providers/{_TYPE}/default"
TAG_ROWS = (
    row("TagsGet", "GET", _TAGS,
        _TYPE, action(f"{_TYPE}/read"), tags.get_tags, at_scope),
    row("TagsPut", "PUT", _TAGS,
        _TYPE, action(f"{_TYPE}/write"), tags.put_tags, at_scope, body=wire.TagsResource),
    row("TagsPatch", "PATCH", _TAGS,
        _TYPE, action(f"{_TYPE}/write"), tags.patch_tags, at_scope, body=wire.TagsPatch),
    row("TagsDelete", "DELETE", _TAGS,
        _TYPE, action(f"{_TYPE}/delete"), tags.delete_tags, at_scope),
    row("TagNameList", "GET", f"{_SUBSCRIPTION}/tagNames",
        _NAMES_TYPE, action(f"{_NAMES_TYPE}/read"), generic_lists.list_tag_names, at(_SUBSCRIPTION)),
)  # fmt: skip

TAG_TYPES: tuple[str, ...] = (_TYPE, _NAMES_TYPE)
"""The resource types that these rows serve."""
