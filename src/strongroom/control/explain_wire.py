"""What the control surface reads about explanations."""

from __future__ import annotations

from typing import Annotated

import msgspec

from strongroom.core import limits

_Name = Annotated[str, msgspec.Meta(max_length=limits.PATH_BYTES)]
_Word = Annotated[str, msgspec.Meta(max_length=limits.OBJECT_NAME_CHARS)]


class WhoCanBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which operation, on which vault's object."""

    operation: _Word
    """The audit's name, or its words: `get-secret`."""
    url: _Name = ""
    """The object's URL, in the place of *vault* and *object*."""
    vault: _Word = ""
    object: _Word = ""
    after: _Word = ""
    """The object id that the page before ended with."""


class ExplainBody(WhoCanBody, rename="camel", forbid_unknown_fields=True):
    """Who would do it, and from where."""

    principal: _Name = ""
    address: _Word | None = None
    endpoint: _Name = ""
    client: _Word = ""
    api_version: _Word = ""
