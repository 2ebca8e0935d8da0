"""The rows of `Microsoft.Resources/tags`, and of the names of tags in a subscription."""

from __future__ import annotations

from strongroom.arm import tag_names, tags, wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import at, at_scope

_TYPE, _NAMES_TYPE = "Microsoft.Resources/tags", "Microsoft.Resources/subscriptions/tagNames"
_SUBSCRIPTION = "/subscriptions/{subscription}"
_NAME = f"{_SUBSCRIPTION}/tagNames/{{name}}"
_VALUE, _VALUES_TYPE = f"{_NAME}/tagValues/{{value}}", f"{_NAMES_TYPE}/tagValues"
_AT_SUBSCRIPTION = at(_SUBSCRIPTION)
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
        _NAMES_TYPE, action(f"{_NAMES_TYPE}/read"), tag_names.list_names, _AT_SUBSCRIPTION),
    row("TagNamePut", "PUT", _NAME,
        _NAMES_TYPE, action(f"{_NAMES_TYPE}/write"), tag_names.put_name, _AT_SUBSCRIPTION, success=201),
    row("TagNameDelete", "DELETE", _NAME,
        _NAMES_TYPE, action(f"{_NAMES_TYPE}/delete"), tag_names.delete_name, _AT_SUBSCRIPTION),
    row("TagValuePut", "PUT", _VALUE,
        _VALUES_TYPE, action(f"{_VALUES_TYPE}/write"), tag_names.put_value, _AT_SUBSCRIPTION, success=201),
    row("TagValueDelete", "DELETE", _VALUE,
        _VALUES_TYPE, action(f"{_VALUES_TYPE}/delete"), tag_names.delete_value, _AT_SUBSCRIPTION),
)  # fmt: skip

TAG_TYPES: tuple[str, ...] = (_TYPE, _NAMES_TYPE, _VALUES_TYPE)
"""The resource types that these rows serve."""
