"""Run the measures, print one table and write one file."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import (
    certificates,
    clock,
    decisions,
    grants,
    keys,
    large_directory,
    revocation,
    served,
    start_up,
    store_write,
    token_issue,
)
from bench.instance import make_instance
from bench.limits import has_nginx
from bench.measure import Measure, table, write_results

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """Measure, tell, write. Whether a target was reached is told too, and fails nothing: speed is not a test."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=list(_PARTS), action="append", help="run this part; can be given repeatedly")
    parser.add_argument(
        "--scratch",
        type=Path,
        help="where to work, on a real disk: one in memory flushes nothing (default: the system's)",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write (default: %(default)s)")
    options = parser.parse_args()
    measures: list[Measure] = []
    for part, measure in _PARTS.items():
        if options.only is None or part in options.only:
            print(f"measuring: {part} ...", flush=True)
            with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.scratch) as directory:
                measures += measure(Path(directory))
    print(f"\n{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}\n")
    print(table(measures))
    write_results(measures, options.results)
    print(f"\nAll this, for programs: {options.results}")


def _requests(directory: Path) -> list[Measure]:
    if not has_nginx():
        print("nginx is not installed: a request is compared with the bare handler alone.")
    instance = make_instance(directory)
    with instance.serving(directory / "strongroom.log") as server:
        served.prepare(instance)
        return [
            *served.measure_get(instance, server, directory),
            *served.measure_list(instance, server, directory),
            *served.measure_cold(instance, server, directory),
            *served.measure_set(instance, directory),
        ]


def _tokens(directory: Path) -> list[Measure]:
    instance = make_instance(directory)
    measures = token_issue.measure_issue(instance)
    with instance.serving(directory / "strongroom.log") as server:
        measures += token_issue.measure_endpoint(instance, server)
        instance.allow_passwords()
        return [*measures, *grants.measure_grants(instance, server)]


def _start(directory: Path) -> list[Measure]:
    return start_up.measure_starts(make_instance(directory), directory)


_PARTS: dict[str, Callable[[Path], list[Measure]]] = {
    "requests": _requests,
    "keys": keys.measure_keys,
    "store": store_write.measure_write,
    "tokens": _tokens,
    "start": _start,
    "revocation": revocation.measure_revocation,
    "directory": large_directory.measure_large_directory,
    "decisions": decisions.measure_decisions,
    "certificates": certificates.measure_certificates,
    "clock": clock.measure_clock,
}

if __name__ == "__main__":
    main()
