"""The named limits, and the tests that are about them."""

import ast
from pathlib import Path

import pytest

from strongroom.core import limits

ROOT = Path(__file__).resolve().parents[2]
LIMITS = [name for name in vars(limits) if name.isupper()]


def uses(folder: Path) -> set[str]:
    """
    Return the limits that the modules below *folder* use, as `limits.NAME` or by a name they imported.

    To import a name is not to use it, and what stands in a text is no use either.
    """
    found = set()
    for path in folder.rglob("*.py"):
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.ImportFrom(module="strongroom.core.limits", names=names):
                    imported |= {alias.name for alias in names}
                case ast.Attribute(value=ast.Name(id="limits"), attr=name):
                    found.add(name)
                case ast.Name(id=name) if name in imported:
                    found.add(name)
                case ast.Call(args=[ast.Name(id="limits"), ast.Constant(value=str() as name), *_]):
                    # monkeypatch.setattr(limits, "NAME", ...): a limit too large to be reached is made small.
                    found.add(name)
    return found


IN_THE_SOURCE, IN_TESTS = uses(ROOT / "src"), uses(ROOT / "tests")


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_holds_somewhere(name: str) -> None:
    """A limit that nothing in the source keeps to is none."""
    assert name in IN_THE_SOURCE


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_is_tested_by_its_name(name: str) -> None:
    """Each limit is named by a test, which goes to it and one past it: there is no exception."""
    assert name in IN_TESTS


def test_no_limit_is_made_up() -> None:
    """What is used under the name of a limit is one."""
    assert (IN_THE_SOURCE | IN_TESTS) - set(LIMITS) == set()
