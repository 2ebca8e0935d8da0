"""`strongroom apply` and `strongroom export`."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from strongroom.cli import control
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.output import print_json, progress
from strongroom.cli.remote.session import Session, open_session
from strongroom.cli.seed import show
from strongroom.cli.seed.apply import carry_out
from strongroom.cli.seed.credentials import MODE, Credentials
from strongroom.cli.seed.document import read_document
from strongroom.cli.seed.export import make_export, write_yaml
from strongroom.cli.seed.plan import Plan
from strongroom.cli.seed.reach import RESOURCES, Control, Document, Reach
from strongroom.cli.seed.reading import Invalid
from strongroom.cli.seed.schema import Entry
from strongroom.cli.seed.state import compare, missing, read_wanted
from strongroom.cli.text import one_line
from strongroom.core import limits
from strongroom.core.guids import parse_guid

_STANDARD_INPUT = Path("-")


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is applied."""

    dry_run: bool = False
    detailed_exit_code: bool = False
    prune: bool = False
    yes: bool = False
    allow_literals: bool = False
    credentials: Path | None = None
    as_json: bool = False


def apply(data: Path | None, path: Path, options: Options) -> int:
    """
    Make an instance what a file says.

    Raises:
        Halt: the file is not valid, the instance cannot be read, or nobody says yes.
    """
    document = _read(path)
    _check_literals(document, allowed=options.allow_literals)
    with _open(data, document.get("tenant"), document.get("subscription")) as (session, asks):
        folder = Path() if path == _STANDARD_INPUT else path.parent
        credentials = Credentials(options.credentials)
        reach = Reach(session, asks, folder, os.environ, credentials)
        plan = _plan(document, path, reach, options)
        if options.dry_run or plan.impossible or not plan.changes:
            return _only_show(plan, options)
        if not options.as_json:
            _print_plan(plan)
        if not options.yes:
            _confirm(plan, options)
            # Somebody took the time to read it, and others may have changed something since.
            reach = Reach(session, asks, folder, os.environ, credentials)
            plan = _still(plan, _plan(document, path, reach, options))
        credentials.open()
        with progress("applying", len(plan.changes)) as step:
            outcome = carry_out(plan, reach, step)
    if options.as_json:
        print_json(show.as_json(plan, outcome, dry_run=False))
    else:
        print(*show.outcome_lines(outcome), sep="\n")
    if credentials.written:
        print(f"new credentials are in {options.credentials}: keep them and remove the file", file=sys.stderr)
    if outcome.failed:
        failed, untried = len(outcome.failed), len(outcome.untried)
        print(f"{failed} failed, {untried} not tried: mend it and apply again, it goes on from here", file=sys.stderr)
    return outcome.code


def export(
    data: Path | None, output: Path | None, *, tenant: str | None, subscription: str | None, values: bool, as_json: bool
) -> int:
    """
    Write what an instance is as a file.

    Raises:
        Halt: it cannot be read, or the file cannot be written.
    """
    if values and output is None:
        raise Halt("values of secrets are written to a file alone: say --output FILE", Exit.USAGE)
    with _open(data, tenant, subscription) as (session, asks):
        reach = Reach(session, asks)
        made = make_export(reach, values=values)
    for one in made.left_out:
        print(f"left out: {one_line(one)}", file=sys.stderr)
    if output is None and as_json:
        print_json(made.document)
    elif output is None:
        print(write_yaml(made.document), end="")
    else:
        _write(output, _json(made.document) if as_json else write_yaml(made.document, values=values))
        print(f"{output} is written, for you alone to read", file=sys.stderr)
    return Exit.REFUSED if made.left_out else Exit.OK


# ---- the file -------------------------------------------------------------------------------------------------------


def _read(path: Path) -> Entry:
    try:
        if path == _STANDARD_INPUT:
            content = sys.stdin.buffer.read(limits.SEED_FILE_BYTES + 1)
        else:
            with path.open("rb") as file:
                content = file.read(limits.SEED_FILE_BYTES + 1)
    except OSError as error:
        raise Halt(f"{path} cannot be read: {error.strerror}", Exit.USAGE) from None
    try:
        return read_document(content)
    except Invalid as invalid:
        raise _not_valid(path, invalid) from None


def _not_valid(path: Path, invalid: Invalid) -> Halt:
    faults = "\n".join(f"  {fault}" for fault in invalid.faults)
    return Halt(f"{path} is not valid, and nothing was changed:\n{faults}", Exit.USAGE)


def _check_literals(document: Entry, *, allowed: bool) -> None:
    """
    Refuse values that stand in the file itself, unless they were asked for.

    Raises:
        Halt: there is one.
    """
    lines = sorted(set(_literals(document)))
    if not lines:
        return
    where = f"line {', '.join(map(str, lines))}"
    if not allowed:
        raise Halt(
            f"{where}: the value of a secret stands in the file itself. Take it from the environment (env), from a file"
            " of its own (file) or have it made (generate); --allow-literals takes it as it is",
            Exit.USAGE,
        )
    print(f"WARNING: {where}: whoever reads this file knows these secrets", file=sys.stderr)


def _literals(value: Any) -> Iterator[int]:
    if isinstance(value, Entry):
        if "literal" in value:
            yield value.line
        for one in value.values():
            yield from _literals(one)
    elif isinstance(value, list):
        for one in value:
            yield from _literals(one)


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                raise Halt(f"{path} is no file of yours: name another one")
            # Nothing of what was there is left, and nobody else may read what comes.
            os.fchmod(descriptor, MODE)
            os.ftruncate(descriptor, 0)
            file.write(text)
    except OSError as error:
        raise Halt(f"{path} cannot be written: {error.strerror}") from None


def _json(document: Document) -> str:
    import json  # noqa: PLC0415  for one of two forms

    return json.dumps(document, indent=2) + "\n"


# ---- the instance ---------------------------------------------------------------------------------------------------


@contextmanager
def _open(data: Path | None, tenant: str | None, subscription: str | None) -> Iterator[tuple[Session, Control | None]]:
    """Give the operator's session, and the control socket where the instance is one of here and the operator's own."""
    # Accounts are known by the ids of their tenants; a domain is looked at when somebody is signed in.
    named = tenant if tenant is None or parse_guid(tenant) else None
    with open_session(data, tenant=named, subscription=subscription) as session:
        _check_tenant(session, tenant)
        yield session, _control(session)


def _control(session: Session) -> Control | None:
    directory = session.endpoints.data
    if directory is None:
        return None
    instance = find_instance(directory)
    if not os.access(instance.control_socket, os.W_OK):
        return None
    return lambda method, path, body: control.ask(instance, method, path, body)


def _check_tenant(session: Session, wanted: str | None) -> None:
    """
    See that the operator is signed in to the tenant that is meant.

    Raises:
        Halt: it is another one.
    """
    if wanted is None or wanted.lower() == session.tenant:
        return
    here = next(
        (one for one in session.arm_pages("/tenants", api_version=RESOURCES) if one["tenantId"] == session.tenant), {}
    )
    if wanted.lower() not in here.get("domains", ()):
        own = here.get("defaultDomain") or session.tenant
        raise Halt(
            f"this is about the tenant {wanted}, and you are signed in to {own}: strongroom login --tenant {wanted}",
            Exit.REFUSED,
        )


# ---- the plan -------------------------------------------------------------------------------------------------------


def _plan(document: Entry, path: Path, reach: Reach, options: Options) -> Plan:
    try:
        with progress("reading"):
            plan = compare(read_wanted(document, reach), reach, prune=options.prune)
    except Invalid as invalid:
        raise _not_valid(path, invalid) from None
    lacking = missing(plan, reach)
    if lacking:
        raise _not_valid(path, Invalid(lacking))
    return plan


def _only_show(plan: Plan, options: Options) -> int:
    if options.as_json:
        print_json(show.as_json(plan, None, dry_run=options.dry_run))
    else:
        _print_plan(plan)
    if plan.impossible:
        return Exit.FAILED
    return Exit.WOULD_CHANGE if options.detailed_exit_code and plan.changes else Exit.OK


def _print_plan(plan: Plan, file: TextIO | None = None) -> None:
    for line in show.plan_lines(plan):
        print(line, file=file)
    print(show.plan_counts(plan), file=file)


def _still(shown: Plan, now: Plan) -> Plan:
    """
    Give the plan as it is now, if that is what was shown and agreed to.

    Raises:
        Halt: it is another one.
    """
    first, second = ([*show.plan_lines(one), *(change.item.id for change in one.changes)] for one in (shown, now))
    if first != second:
        raise Halt("something changed in the meantime, and nothing was done: apply it again to see what there is to do")
    return now


def _confirm(plan: Plan, options: Options) -> None:
    """
    Ask whoever is at the terminal.

    Raises:
        Halt: nobody is, or the answer is no.
    """
    if not sys.stdin.isatty():
        raise Halt("nobody can be asked: say --yes to apply it, or --dry-run to see it", Exit.USAGE)
    if options.as_json:
        # What is printed for programs comes at the end: nobody agrees to what he has not seen.
        _print_plan(plan, sys.stderr)
    print("Apply this? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Halt("nothing was changed")
