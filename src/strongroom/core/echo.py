"""
What a refusal repeats of a request: input that has the form it should have, and nothing else (ADR 14).

A client's mistake can put a secret in any place: a password as the tenant, a token as the scope. A refusal goes into
the journal here and into logs there, so input is repeated only where the reference's text repeats it, and only through
`shown`, with the form of what belongs in that place. The forms are narrow: of what people use as secrets little fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from strongroom.core.guids import GUID_PATTERN
from strongroom.core.limits import OBJECT_NAME_CHARS, REPEATED_CHARS, RESOURCE_GROUP_NAME_CHARS

REDACTED = "REDACTED"
"""What stands in a refusal, or in the journal, for input that is not repeated."""

Form = re.Pattern[str]


def shown(text: str, form: Form) -> str:
    """Give *text* as a refusal may repeat it: itself if it has the form, otherwise `REDACTED`."""
    return text if len(text) <= REPEATED_CHARS and form.fullmatch(text) is not None else REDACTED


def one_of(words: Iterable[str]) -> Form:
    """Make the form of a closed list of words, in any case."""
    return re.compile("|".join(map(re.escape, words)), re.ASCII | re.IGNORECASE)


def _form(pattern: str) -> Form:
    return re.compile(pattern, re.ASCII)


# ---- the forms ------------------------------------------------------------------------------------------------------

_GUID = GUID_PATTERN
# Lower case alone, which tokens with full stops in them are not.
_DOMAIN = r"(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}"
# A host and perhaps a port, and a path of words; no query, no fragment, no user, no encoded text.
_RESOURCE = (
    rf"(?:(?:https|api)://(?:{_DOMAIN}|{_GUID})(?::[0-9]{{1,5}})?(?:/(?:{_GUID}|[A-Za-z._-]{{0,32}})){{0,4}}"
    rf"|{_GUID}(?:/\.default)?)"
)
_ASKED = rf"(?:{_RESOURCE}|openid|profile|offline_access|email)"

API_VERSION = _form(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-(?:preview|alpha|beta|privatepreview))?"
    r"|[0-9]{1,2}\.[0-9]{1,2}(?:-preview(?:\.[0-9]{1,2})?)?"
)
"""`7.4`, `7.6-preview.2`, `2025-07-01`, `2025-06-01-preview`."""
GUID = _form(_GUID)
TENANT = _form(rf"{_GUID}|{_DOMAIN}|common|organizations|consumers|adfs")
"""A GUID, a domain of two labels or more, or one of the words."""
RESOURCE = _form(_RESOURCE)
"""An application id URI (`https`, `api`) or a GUID."""
SCOPE = _form(rf"{_ASKED}(?: {_ASKED}){{0,7}}")
"""Some resources, each with what is asked of it after a slash, and the scopes for users."""
USER_NAME = _form(rf"{_GUID}|[A-Za-z0-9._+'-]{{1,64}}@{_DOMAIN}")
"""What a path of Graph names an object by: an id, or a user principal name."""
VAULT_NAME = _form(r"(?=.{3,24}\Z)[A-Za-z](?:-?[0-9A-Za-z])*")
"""The rule itself, which `names` goes by: reference section 4.1."""
NAME_GIVEN = _form(rf"[\w.~ -]{{1,{OBJECT_NAME_CHARS}}}")
"""What was meant to be an object's name or version, in a path that the journal has whole anyway."""
RESOURCE_NAME = _form(rf"[0-9A-Za-z_.()-]{{1,{RESOURCE_GROUP_NAME_CHARS}}}")
"""The name of a resource group or of a resource in one."""
RESOURCE_ID = _form(rf"/|(?:/[0-9A-Za-z_.()-]{{1,{OBJECT_NAME_CHARS}}}){{1,16}}/?")
"""An ARM id, or what stands in its place in a path."""
RESOURCE_TYPE = _form(r"[A-Za-z]{1,40}(?:[./][A-Za-z]{1,40}){0,6}")
"""`Microsoft.KeyVault`, `vaults/secrets`."""
ACTION_PATTERN = _form(r"(?:\*|[A-Za-z]{1,40}(?:\.[A-Za-z*]{1,40}){0,4})(?:/(?:[A-Za-z]{1,64}|\*)){0,8}")
"""`Microsoft.KeyVault/vaults/*/read`: the provider and words below it, each perhaps a wildcard."""
LOCATION = _form(r"[a-z]{1,30}[0-9]{0,2}")
"""`westeurope`, `eastus2`."""
WORD = _form(r"[$@]?[A-Za-z]{1,40}(?:[.@][A-Za-z]{1,40}){0,2}")
"""A word of an interface, such as the name of a property or of a query option: letters alone."""
ADDRESS = _form(r"(?=[^.:]*[.:])[0-9A-Fa-f.:]{2,45}(?:/[0-9]{1,3})?")
"""What was meant to be an IP address or a range: digits, and at least one full stop or colon."""
METHOD = one_of(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
"""An HTTP method."""
