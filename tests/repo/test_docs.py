"""What the pages say of the tree: links, commands, and the tests that the README names."""

import ast
import re
from pathlib import Path

import pytest

from strongroom.journal.properties import PROPERTIES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for folder in (ROOT, ROOT / "docs", ROOT / "examples")
    for page in (folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
    if not {"_build", "node_modules"} & set(page.parts)
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"```sh\n(.*?)```", flags=re.DOTALL)
MAKE = re.compile(r"^make ([a-z-]+)", flags=re.MULTILINE)


def names(path: Path) -> str:
    """Name *path* as its test's id."""
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_look_at() -> None:
    """The scans below find what they scan: pages, links, commands, examples, tests."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]

    assert len(PAGES) > 20
    assert sum(len(LINK.findall(text)) for text in texts) > 50
    assert any(MAKE.search(code) for text in texts for code in CODE.findall(text))
    assert list(ROOT.glob("examples/*.py"))
    assert list(ROOT.glob("examples/node/*.mjs"))
    assert len(re.findall(r"`tests/[\w./-]+", README)) > 20


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link in a page names a file of this tree."""
    text = page.read_text(encoding="utf-8")

    for target in LINK.findall(text):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_make_target_exists(page: Path) -> None:
    """A page names no make target that the Makefile does not have."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    code = "\n".join(CODE.findall(page.read_text(encoding="utf-8")))

    assert set(MAKE.findall(code)) <= targets


def test_the_readme_names_tests_that_exist() -> None:
    """Each test file, and each test in it, that the table names is there."""
    for file, test in re.findall(r"`(tests/[\w./-]+)(?:::(\w+))?`", README):
        assert (ROOT / file).exists(), file
        if test:
            assert re.search(rf"\bdef {test}\b", (ROOT / file).read_text(encoding="utf-8")), f"{file}::{test}"


def test_every_row_of_the_readme_is_proved() -> None:
    """No row of what works stands without a test, or a command, that proves it."""
    rows = [line for line in README.splitlines() if line.startswith("| ") and not line.startswith("| **")]

    assert len(rows) > 20
    for row in rows[1:]:
        assert re.search(r"\| (?:`(?:tests/[\w./:-]+\.py|make [a-z]+)`(?:, )?)+ \|$", row), row


def test_every_decision_is_in_the_index() -> None:
    """The records are numbered without gaps, and the index lists every one."""
    records = sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    index = (ROOT / "docs" / "adr" / "index.md").read_text(encoding="utf-8")

    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", index) == records


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")), ids=names)
def test_every_decision_says_what_was_rejected(path: Path) -> None:
    """A record has its four parts, in their order."""
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Context", "Decision", "Rejected", "Consequences"]


def test_examples_have_nothing_for_strongrooms_sake() -> None:
    """The example programs would run against Azure: they do not know this project, nor relax a check."""
    for path in [*ROOT.glob("examples/*.py"), *ROOT.glob("examples/node/*.mjs")]:
        text = path.read_text(encoding="utf-8").lower()
        assert ".vault.azure.net" in text, path
        for word in ("strongroom", "localhost", "verify=", "verify_", "rejectunauthorized", "disable"):
            assert word not in text, (path, word)


def noted() -> set[str]:
    """Return the properties of the audit that the code of signing in notes, as far as it writes them out."""
    source = ROOT / "src" / "strongroom"
    found = set()
    for path in (*source.glob("sts/**/*.py"), *source.glob("managed_identity/*.py"), source / "flow" / "access.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Attribute(attr="properties"), attr="update"), keywords=named
                ):
                    found |= {one.arg for one in named if one.arg is not None}
                case ast.Subscript(value=ast.Attribute(attr="properties"), slice=ast.Constant(value=str(name))):
                    found.add(name)
    return found


def test_what_the_entry_of_a_sign_in_says_is_documented() -> None:
    """The page of the audit has every member that signing in adds to an entry, and none that there is not."""
    page = (ROOT / "docs" / "operating" / "audit.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \|", page, flags=re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert len(noted()) > 15
    assert noted() <= told
    assert told <= set(PROPERTIES)
