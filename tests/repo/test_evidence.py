"""Evidence is made by the step that it is evidence of, and by nobody else."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
MAKERS = {
    "Permit": "strongroom/flow/authorization.py",
    "Caller": "strongroom/flow/authentication.py",
}


def makers_of(name: str) -> set[str]:
    """List the modules of the service that make a *name*, under whatever name they import it."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        # What does not have the name makes none, not even under another one.
        if name not in text:
            continue
        tree = ast.parse(text)
        names = {name} | {
            alias.asname
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name == name and alias.asname
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func
                spelled = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
                if spelled in names:
                    found.add(path.relative_to(SOURCE).as_posix())
    return found


@pytest.mark.parametrize(("name", "maker"), MAKERS.items())
def test_one_module_makes_it(name: str, maker: str) -> None:
    """A handler that holds a permit or a caller cannot have got it but by the decision: nothing else makes one."""
    assert makers_of(name) == {maker}
