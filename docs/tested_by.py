"""
Write the "tested by" column of the threat model from the requirements that tests cite.

    python docs/tested_by.py           say what is out of date, and fail if anything is
    python docs/tested_by.py --write   bring the page up to date

A test cites a requirement by its id, as `SEC-FLOW-1`, in a docstring or a comment. The column names the files that do,
so that nobody has to keep a list by hand and the list cannot be wrong.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "threat-model.md"
TESTS = ROOT / "tests"

ID = re.compile(r"\bSEC-[A-Z]+-\d+\b")
ROW = re.compile(r"^\| (?P<id>SEC-[A-Z]+-\d+) \| (?P<requirement>.+?) \|(?P<tested>[^|]*)\|(?P<status>[^|]*)\|$")
OPEN = "**open**"


def citations() -> dict[str, list[str]]:
    """Return the test files that cite each requirement, by its id."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("*.py")):
        for requirement in ID.findall(path.read_text(encoding="utf-8")):
            found[requirement].add(path.relative_to(ROOT).as_posix())
    return {requirement: sorted(files) for requirement, files in found.items()}


def requirements(page: str) -> dict[str, str]:
    """Return what *page* says of each requirement in its last column, by its id."""
    rows = (ROW.match(line) for line in page.splitlines())
    return {row["id"]: row["status"].strip() for row in rows if row}


def with_citations(page: str, cited: dict[str, list[str]]) -> str:
    """
    Return *page* with its "tested by" column written from *cited*.

    A requirement that is tested is no longer open; one that has neither a test nor a word of its own is.
    """
    lines = []
    for line in page.splitlines():
        row = ROW.match(line)
        if row:
            files = "<br>".join(f"`{name}`" for name in cited.get(row["id"], []))
            status = row["status"].strip().replace(OPEN, "")
            if not files and not status:
                status = OPEN
            columns = [row["id"], row["requirement"], files, status]
            lines.append("|" + "|".join(f" {column} " if column else " " for column in columns) + "|")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the column, or say that it needs writing."""
    page = PAGE.read_text(encoding="utf-8")
    cited = citations()
    unknown = sorted(set(cited) - set(requirements(page)))
    if unknown:
        print(f"tests cite requirements that {PAGE.name} does not have: {', '.join(unknown)}", file=sys.stderr)
        return 1
    written = with_citations(page, cited)
    if "--write" in sys.argv[1:]:
        PAGE.write_text(written, encoding="utf-8")
        return 0
    if written != page:
        print(f"{PAGE.name} is out of date: run python docs/tested_by.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
