"""Tables for people, JSON for programs, and progress for whoever waits at a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from strongroom.cli.outcome import Exit
from strongroom.cli.text import one_line

Row = Mapping[str, Any]
Column = str | Callable[[Row], object]
"""Where a column's value is: a path with dots, or a function of the row."""
Columns = Mapping[str, Column]
"""By their titles."""

_UNBOUNDED = 100_000
"""The width of a line that goes into a file or a pipe."""


def show(rows: Iterable[Row], columns: Columns, *, as_json: bool) -> int:
    """Print a list: a table with a line for each, or one JSON array of all that is known of them."""
    found = list(rows)
    if as_json:
        print_json(found)
        return Exit.OK
    table = _table(*columns)
    for row in found:
        table.add_row(*(_cell(_value(row, column)) for column in columns.values()))
    if found:
        _print(table)
    else:
        # A table of nothing would say nothing; whoever reads standard output by program reads no line.
        print("none", file=sys.stderr)
    return Exit.OK


def show_one(row: Row, columns: Columns, *, as_json: bool) -> int:
    """Print one thing: a line for each of its facts that there is, or one JSON object of all that is known."""
    if as_json:
        print_json(row)
        return Exit.OK
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for title, column in columns.items():
        if (value := _value(row, column)) not in (None, "", [], {}):
            grid.add_row(Text(title, style="bold"), _cell(value))
    _print(grid)
    return Exit.OK


def print_json(value: object) -> None:
    """Print JSON in ASCII: no character of it steers a terminal."""
    print(json.dumps(value, indent=2).replace("\x7f", "\\u007f"))


def say(text: str) -> None:
    """Tell whoever waits what was done; programs read standard output, so not there."""
    print(one_line(text), file=sys.stderr)


def done(sentence: str, *, as_json: bool, **facts: object) -> int:
    """Say what was done to whoever waits, or print its facts for programs."""
    if as_json:
        print_json(facts)
    else:
        say(sentence)
    return Exit.OK


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Show on a terminal's standard error how far long work is; the function is called after each step."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda: None
        return
    parts = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*(parts if total is not None else parts[:2]), console=console, transient=True) as shown:
        task = shown.add_task(Text(one_line(title)).markup, total=total)
        yield lambda: shown.advance(task)


def yes_or_no(value: object) -> str:
    """Say a truth in a table."""
    return "" if value is None else "yes" if value else "no"


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _print(table: Table) -> None:
    width = None if sys.stdout.isatty() else _UNBOUNDED
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    with console.capture() as captured:
        console.print(table)
    # Cells are padded to their column's width, which at the end of a line is for nothing.
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _value(row: Row, column: Column) -> object:
    if not isinstance(column, str):
        return column(row)
    value: Any = row
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        # Made by one who knows what is in it.
        return value
    if isinstance(value, bool):
        return Text(yes_or_no(value))
    if isinstance(value, str):
        return Text(one_line(value))
    if isinstance(value, Mapping):
        return Text(one_line(", ".join(f"{key}={one}" for key, one in value.items())))
    if isinstance(value, Sequence):
        return Text(one_line(", ".join(map(str, value))))
    return Text("" if value is None else one_line(str(value)))
