"""
The anchor: how far the store had come, kept beside it, so that a whole store put back is noticed.

Inside the store every row is held by its seals, and an older copy of all of it is as good as it ever was. The anchor is
the number of the last commit that was known, under a tag. Whoever restores a backup says so (`serve --restored`), which
is recorded; whoever puts the anchor back as well is found by an outside copy of the journal's checkpoints alone.
"""

from __future__ import annotations

import hmac
import re

from strongroom.config import Settings
from strongroom.crypto.private_files import replace_private_file
from strongroom.crypto.protocol import RootKey

_PURPOSE = "store anchor"
_TEXT = re.compile(rb"([0-9]{1,19}) ([0-9a-f]{64})\n?")


def write_anchor(settings: Settings, keys: RootKey, sequence: int) -> None:
    """Note how far the store has come."""
    number = str(sequence).encode()
    replace_private_file(settings.anchor, b"%b %b\n" % (number, keys.tag(_PURPOSE, number).hex().encode()))


def find_rollback(settings: Settings, keys: RootKey, sequence: int) -> str | None:
    """Say what is wrong if the store, which has come to *sequence*, is not as new as it was; None if it is."""
    try:
        found = _TEXT.fullmatch(settings.anchor.read_bytes())
    except FileNotFoundError:
        return f"{settings.anchor.name}, which says how new the store must be, is missing"
    if found is None or not hmac.compare_digest(keys.tag(_PURPOSE, found[1]).hex().encode(), found[2]):
        return f"{settings.anchor.name}, which says how new the store must be, was altered"
    if sequence < int(found[1]):
        return f"the store ends at commit {sequence} and had come to {int(found[1])}: an older one was put back"
    return None
