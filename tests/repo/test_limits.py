"""The named limits, and the tests that are about them."""

import ast
import functools
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path.stem for path in (ROOT / "src" / "strongroom" / "core").glob("*limits.py") if path.stem != "service_limits"
)
"""Where limits are named. Azure's own of its service are a table, with tests of their own."""
LIMITS = [
    name for module in MODULES for name in vars(importlib.import_module(f"strongroom.core.{module}")) if name.isupper()
]
_PLACES = {f"strongroom.core.{module}" for module in MODULES}


@functools.cache
def uses(folder: str) -> set[str]:
    """
    Return the limits that the modules below *folder* use, as `limits.NAME` or by a name they imported.

    To import a name is not to use it, and what stands in a text is no use either.
    """
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        # What does not have the module's name uses none of it.
        if "limits" not in text:
            continue
        imported: set[str] = set()
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.ImportFrom(module=str() as module, names=names) if module in _PLACES:
                    imported |= {alias.name for alias in names}
                case ast.Attribute(value=ast.Name(id=module), attr=name) if module in MODULES:
                    found.add(name)
                case ast.Name(id=name) if name in imported:
                    found.add(name)
                case ast.Call(args=[ast.Name(id=module), ast.Constant(value=str() as name), *_]) if module in MODULES:
                    # monkeypatch.setattr(limits, "NAME", ...): a limit too large to be reached is made small.
                    found.add(name)
    return found


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_holds_somewhere(name: str) -> None:
    """A limit that nothing in the source keeps to is none."""
    assert name in uses("src")


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_is_tested_by_its_name(name: str) -> None:
    """Each limit is named by a test, which goes to it and one past it: there is no exception."""
    assert name in uses("tests")


def test_no_limit_is_made_up() -> None:
    """What is used under the name of a limit is one."""
    assert (uses("src") | uses("tests")) - set(LIMITS) == set()
