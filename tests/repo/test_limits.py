"""The named limits, and the tests that are about them."""

import ast
import functools
from pathlib import Path

import pytest

from strongroom.core import acme_limits, certificate_limits, limits

ROOT = Path(__file__).resolve().parents[2]
LIMITS = [name for module in (limits, certificate_limits, acme_limits) for name in vars(module) if name.isupper()]


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
                case ast.ImportFrom(module="strongroom.core.limits", names=names):
                    imported |= {alias.name for alias in names}
                case ast.Attribute(value=ast.Name(id="limits" | "acme_limits"), attr=name):
                    found.add(name)
                case ast.Name(id=name) if name in imported:
                    found.add(name)
                case ast.Call(args=[ast.Name(id="limits"), ast.Constant(value=str() as name), *_]):
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
