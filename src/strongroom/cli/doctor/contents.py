"""What the store and the journal say: whether they are as they were written, and who can still get in."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from strongroom.app.survey import Survey, TenantSurvey
from strongroom.cli.doctor.finding import Finding, ok, problem, unknown, warning
from strongroom.journal import Report
from strongroom.store.protocol import StoreTimeout, StoreTooNew, StoreTooOld

_DAY_S = 86_400
SECRET_WARNING_S = 7 * _DAY_S


def judge_store(survey: Survey, domain: str, data: Path) -> Finding:
    """Judge what an open store says of itself. Its seals were checked as it was opened."""
    check = "store"
    if survey.rollback is not None:
        return problem(
            check,
            survey.rollback,
            f"if you have restored a backup, say so once: strongroom serve --restored --data {_quoted(data)}",
        )
    if survey.domain != domain:
        return problem(
            check,
            f"the instance was made for {survey.domain}, and the settings say {domain}",
            f"set domain to {survey.domain} in {_quoted(data / 'config.toml')}",
        )
    return ok(check, "opens, and its seals are whole (`strongroom verify` checks every row)")


def store_fault(fault: Exception, data: Path) -> Finding:
    """Say why the store does not open."""
    if isinstance(fault, StoreTimeout):
        return unknown("store", str(fault), "try again when the service has less to do")
    if isinstance(fault, StoreTooOld):
        # As after every update. The data is whole: a backup in its place would lose what came after it.
        return unknown("store", str(fault), f"strongroom serve --data {_quoted(data)}")
    if isinstance(fault, StoreTooNew):
        return problem("store", str(fault), "use the newer Strongroom")
    return problem("store", str(fault), f"strongroom verify --data {_quoted(data)}, then restore a backup")


def judge_journal(report: Report, data: Path, *, begun: bool) -> Finding:
    """Judge the newest part of the journal. The first start of the service begins it."""
    if not report.nodes and not begun:
        return unknown("journal", "there is none yet: the service begins it as it starts")
    if report.problems:
        return problem("journal", report.problems[0], f"strongroom audit verify --data {_quoted(data)}")
    return ok("journal", "its newest file is as it was written (`strongroom audit verify` checks all of them)")


def judge_administrators(tenants: Sequence[TenantSurvey], data: Path) -> Finding:
    """Judge whether every tenant has somebody who can administer it."""
    check = "administrators"
    without = [one for one in tenants if one.administrators == 0]
    if without:
        names = ", ".join(one.domain for one in without)
        return problem(
            check,
            f"{names}: no enabled administrator has anything to sign in with",
            f"strongroom recover --tenant {without[0].domain} --data {_quoted(data)}",
        )
    fewest = min((one.administrators for one in tenants), default=0)
    return ok(check, f"every tenant has {fewest} or more that can sign in")


def judge_first_secret(client: str | None, ends: Sequence[int | None], now: float) -> Finding:
    """Judge whether programs that use the first application can go on: its first secret ends after 30 days."""
    check = "first application"
    if client is None:
        return ok(check, "it was deleted")
    fix = f"strongroom app credential add {client}"
    if not ends:
        return ok(check, "it has no secret")
    if None in ends:
        return ok(check, "it has a secret without an end")
    last = max(end for end in ends if end is not None)
    if last <= now:
        return warning(check, f"the last secret of {client} has ended", fix)
    left = last - now
    if left < SECRET_WARNING_S:
        return warning(check, f"the last secret of {client} ends in {_soon(left)}", fix)
    return ok(check, f"its secret is good for {int(left // _DAY_S)} more days")


def _soon(seconds: float) -> str:
    return f"{int(seconds // _DAY_S)} days" if seconds >= _DAY_S else f"{int(seconds // 3600)} hours"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
