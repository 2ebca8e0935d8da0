"""What every tracked resource has: a location and tags (ARM's common resource fields)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from strongroom.core import limits
from strongroom.core.echo import LOCATION, shown
from strongroom.core.errors import Conflict, Invalid

_LOCATION = re.compile(r"[a-z0-9]{1,40}", re.ASCII)
_RESERVED_IN_TAG_NAMES = frozenset("<>%&\\?/")


def parse_location(text: str) -> str:
    """
    Read a location as ARM compares locations: `West Europe` is `westeurope`.

    Any word is a location here: where a vault is kept is the operator's business, the name is a label. What a body does
    not say is empty, and refused in ARM's own words.

    Raises:
        Invalid: `LocationRequired`, `LocationNotAvailableForResourceType`.
    """
    location = text.replace(" ", "").lower()
    if not location:
        raise Invalid("The location property is required for this definition.", code="LocationRequired")
    if _LOCATION.fullmatch(location) is None:
        raise Invalid(
            "The provided location is not available: a location is made of at most 40 letters and digits.",
            code="LocationNotAvailableForResourceType",
        )
    return location


def require_place(name: str, current: str, location: str | None) -> None:
    """
    Refuse to move a resource; a request that names no location, or its own, does not ask for that.

    Raises:
        Conflict: it is in another location than the one given.
        Invalid: the location is none.
    """
    if location is not None and parse_location(location) != current:
        raise Conflict(
            f"The resource '{name}' already exists in location '{current}'. A resource with the same name cannot be"
            f" created in location '{shown(parse_location(location), LOCATION)}'.",
            code="InvalidResourceLocation",
        )


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """
    Check the tags of a resource. Their names differ in more than case.

    Raises:
        Invalid: too many, a name or value too long, or a name with a reserved character.
    """
    if len(tags) > limits.ARM_TAGS:
        raise Invalid(
            f"Too many tags on the requested resource. The count of {len(tags)} tags is over the limit of"
            f" {limits.ARM_TAGS}.",
            code="InvalidTagCount",
        )
    folded: set[str] = set()
    for name, value in tags.items():
        if not name or len(name) > limits.ARM_TAG_NAME_CHARS:
            raise Invalid(
                f"A tag name has 1 to {limits.ARM_TAG_NAME_CHARS} characters.",
                code="InvalidTagNameSize",
            )
        if not _RESERVED_IN_TAG_NAMES.isdisjoint(name) or not name.isprintable():
            raise Invalid(
                "The tag names have reserved characters '<,>,%,&,\\,?,/' or control characters.",
                code="InvalidTagNameCharacters",
            )
        if len(value) > limits.ARM_TAG_VALUE_CHARS:
            raise Invalid(
                f"The value of a tag is longer than {limits.ARM_TAG_VALUE_CHARS} characters.",
                code="InvalidTagValueSize",
            )
        folded.add(name.casefold())
    if len(folded) != len(tags):
        raise Invalid("Two tag names differ only in case.", code="InvalidTagNames")
    return dict(tags)
