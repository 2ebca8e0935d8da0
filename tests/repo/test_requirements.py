"""The locked dependencies (ADR 13)."""

import ast
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FILES = sorted((ROOT / "requirements").glob("*.txt"))


def locked(path: Path) -> dict[str, Requirement]:
    """Return the pinned requirements of *path* by their canonical names."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [re.sub(r"--hash=\S+", "", line).strip() for line in text.splitlines() if not line.startswith("#")]
    pins = [Requirement(line) for line in lines if line]
    return {canonicalize_name(pin.name): pin for pin in pins}


def group(name: str) -> list[Requirement]:
    """Return the requirements of the dependency group *name*, with the groups it includes."""
    found = []
    for entry in PROJECT["dependency-groups"][name]:
        found += group(entry["include-group"]) if isinstance(entry, dict) else [Requirement(entry)]
    return found


def imported(folder: Path) -> set[str]:
    """Return the top-level names that the modules below *folder* import, whether at once or later."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_holds_an_address(path: Path) -> None:
    """An installer asks the index it is configured for: no line names one, or a place on some machine."""
    assert not re.search(r"://|index-url|find-links|file:", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_requirement_is_pinned_with_hashes(path: Path) -> None:
    """Each requirement names one version, and each is followed by the hashes of its files."""
    entries = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()

    for entry in entries:
        if not entry.startswith("#"):
            assert re.match(r"^[A-Za-z0-9._\[\],-]+==[^ ;]+ .*--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("runtime", group("build")), ("dev", group("dev")), ("docs", group("docs"))],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_locked_files_are_what_the_project_asks_for(name: str, wanted: list[Requirement]) -> None:
    """Whoever adds a dependency also locks it: every one is pinned, to a version that its range allows."""
    pins = locked(ROOT / "requirements" / f"{name}.txt")
    project = [Requirement(line) for line in PROJECT["project"]["dependencies"]]

    for requirement in project + wanted:
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(str(pin.specifier).removeprefix("==")), requirement


def test_one_environment_can_hold_all_of_them() -> None:
    """The files agree on the version of everything they share; Azure CLI has an environment of its own."""
    versions: dict[str, str] = {}
    for path in FILES:
        if path.stem == "azure-cli":
            continue
        for name, pin in locked(path).items():
            assert versions.setdefault(name, str(pin.specifier)) == str(pin.specifier), name


def test_every_dependency_is_imported() -> None:
    """What runs beside the secrets is there because the source imports it, and for no other reason."""
    providers = packages_distributions()
    needed = {canonicalize_name(name) for module in imported(ROOT / "src") for name in providers.get(module, ())}
    wanted = [Requirement(line) for line in PROJECT["project"]["dependencies"]]

    here = {canonicalize_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate()}
    assert here - needed == set()
