"""Names and other texts of a file, and the members that most things have."""

from __future__ import annotations

from strongroom.cli.seed.schema import ListOf, Member, Text, Texts

_GUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
# Each is a segment of a path: `..` would lead out of it.
_NAME = r"(?!\.{1,2}(?:/|$))[^/\x00-\x1f\x7f]{1,256}"

NAME = Text(_NAME, "a name", "name")
LINE = Text(r"[^\x00-\x1f\x7f]{1,1024}", "a text of one line")
TEXT = Text()
ANY_TEXT = Text(r"(?s).*")
GUID = Text(_GUID, "a GUID", "GUID")
IN_GROUP = Text(rf"{_NAME}/{_NAME}", "resource group/name", "group/name")
# The operator's token goes where an id says: nothing may stand in it that ends the path, or the host before it.
_ARM_ID = r"(?:/(?!\.{1,2}(?:/|$))[^/?#%\\\x00-\x1f\x7f]{1,256}){1,32}"
ARM_ID = Text(rf"/|{_ARM_ID}", "an ARM id, as /subscriptions/...", "ARM id")
SUBNET = Text(
    rf"{_NAME}/{_NAME}/{_NAME}|(?i:(?=/subscriptions/){_ARM_ID})",
    "resource group/network/subnet",
    "group/network/subnet, or an ARM id",
)
VAULT = Text(r"[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]", "the name of a vault", "name of a vault")
OBJECT = Text(r"[A-Za-z0-9-]{1,127}", "a name of at most 127 letters, digits and hyphens", "name of an object")
TEXTS = ListOf(TEXT)
LOCATION = Member(
    LINE, "The region, that of its resource group if it is not said; a label, since the instance is where it is."
)
TAGS = Member(Texts(), "All its tags: those that the file leaves out go.")
