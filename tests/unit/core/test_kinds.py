"""Every record class in the core is a kind that is loaded."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import strongroom.core
from strongroom.core.kinds import KINDS
from strongroom.core.records import Record


def test_no_record_is_left_out() -> None:
    """A record class in any module of the core is among the kinds, without that module being imported for it."""
    known = set(KINDS.values())
    for module in pkgutil.iter_modules(strongroom.core.__path__):
        importlib.import_module(f"strongroom.core.{module.name}")
    found = {
        kind
        for kind in Record.__subclasses__()
        # Tests have records of their own. A slotted dataclass is made anew, and the class it was made from lingers.
        if kind.__module__.startswith("strongroom.core.")
        and getattr(sys.modules[kind.__module__], kind.__name__, None) is kind
    }
    assert found
    assert found <= known
