"""Carrying out a plan: what can be done is done, what failed is told with the reason, and the rest is left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.seed.items import Key
from strongroom.cli.seed.kinds import BY_NAME
from strongroom.cli.seed.plan import Act, Change, Plan
from strongroom.cli.seed.reach import Reach, Unclear

_UNAUTHORIZED = 401
_INTERRUPTED = "interrupted: it may have been done, which applying the file again finds out"
_RECOVERABLE = "ObjectIsDeletedButRecoverable"


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed, and why; the words are the service's."""

    change: Change
    message: str
    code: Exit


@dataclass(slots=True)
class Outcome:
    """What became of a plan."""

    done: list[Change] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    untried: list[Change] = field(default_factory=list)
    waiting: Mapping[Key, str] = field(default_factory=dict)
    """What was done and is not over, with what it waits for."""

    @property
    def code(self) -> Exit:
        """How the command ends."""
        codes = {one.code for one in self.failed}
        if not codes:
            return Exit.OK
        return Exit.REFUSED if codes == {Exit.REFUSED} else Exit.FAILED


def carry_out(plan: Plan, reach: Reach, step: Callable[[], None] = lambda: None) -> Outcome:
    """
    Do every step that can be done, in the plan's order.

    What needs a thing that failed is not tried, and nothing is removed once something failed: what a file no longer
    names may be what still holds up the rest, and whoever applies it needs his own rights to mend it. When the service
    cannot be asked any more, nothing further is tried.
    """
    outcome = Outcome(waiting=reach.waiting)
    lost: set[Key] = set()
    stopped = False
    for change in plan.changes:
        item = change.item
        if stopped or lost & item.needs or (outcome.failed and (change.act is Act.DELETE or change.parting)):
            outcome.untried.append(change)
            lost.add(item.key)
            continue
        try:
            _do(change, reach)
        except (Halt, Unclear) as fault:
            code = fault.exit_code if isinstance(fault, Halt) else Exit.FAILED
            outcome.failed.append(Failure(change, _explain(fault), code))
            lost.add(item.key)
            stopped = code is Exit.NOT_RUNNING or (isinstance(fault, Refused) and fault.status == _UNAUTHORIZED)
        except KeyboardInterrupt:
            # What was done is still told: whoever ended it wants to know most of all.
            outcome.failed.append(Failure(change, _INTERRUPTED, Exit.FAILED))
            stopped = True
        else:
            outcome.done.append(change)
        step()
    return outcome


def _do(change: Change, reach: Reach) -> None:
    kind = BY_NAME[change.item.kind]
    if change.act is Act.DELETE:
        kind.drop(reach, change.item)
    else:
        kind.put(reach, change)


def _explain(fault: Exception) -> str:
    if isinstance(fault, Refused):
        for word, fix in _FIXES.items():
            if word in {fault.inner, fault.code}:
                return f"{fault}\n  {fix}"
    return str(fault)


_FIXES = {
    _RECOVERABLE: "it was deleted and keeps its name: recover it or purge it (strongroom secret, key or"
    " certificate), and apply again",
    "ForbiddenByPolicy": "the vault decides by access policies: give yourself one among its accessPolicies",
    "ForbiddenByRbac": "give yourself a role on the vault among the roleAssignments, as Key Vault Administrator",
    "ScopeLocked": "take the lock away, by hand or with `locks` without it and --prune, and apply again",
    "VaultAlreadyExists": "choose another name: a vault's name is taken on the whole instance",
}
"""What helps, where the file itself can say it."""
