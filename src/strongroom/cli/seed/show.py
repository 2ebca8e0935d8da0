"""How a plan and its outcome look: for people line by line, for programs as JSON; values of secrets in neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from strongroom.cli.seed.apply import Outcome
from strongroom.cli.seed.items import Hidden, Item
from strongroom.cli.seed.kind import say_principal, say_scope
from strongroom.cli.seed.plan import Act, Change, Difference, Plan
from strongroom.cli.seed.reach import spell
from strongroom.cli.text import one_line

_SIGNS = {Act.CREATE: "+", Act.CHANGE: "~", Act.DELETE: "-"}
_DONE = {Act.CREATE: "created", Act.CHANGE: "changed", Act.DELETE: "deleted"}
_LONGEST = 200


def plan_lines(plan: Plan) -> Iterator[str]:
    """Write a plan for people."""
    for change in plan.changes:
        yield f"{_SIGNS[change.act]} {call(change.item)}"
        if change.act is Act.CREATE:
            yield from _values(change.item)
        for one in change.differences:
            yield f"    {one.name}: {_difference(one)}"
    for item, fault in plan.impossible:
        yield one_line(f"! {call(item)}: {fault} (line {item.line})")


def _values(item: Item) -> Iterator[str]:
    for name, value in item.values.items():
        if not isinstance(value, Hidden) and name not in _IN_NAMES.get(item.kind, ()) and _says(value):
            yield f"    {name}: {say(value, name)}"
    if item.kind == "secret":
        yield "    value: set"
    elif item.kind == "eventSubscription":
        yield "    endpoint: set"


_IN_NAMES = {
    "applicationPassword": {"displayName"},
    "appRoleAssignment": {"principal", "application", "role"},
    "certificate": {"state"},
    "denyAssignment": {"name", "scope"},
    "directoryRole": {"principal", "role"},
    "eventSubscription": {"state"},
    "lock": {"name", "scope"},
    "roleAssignment": {"principal", "role", "scope"},
}
"""Members that the name of a thing says already, or that go without saying."""


def plan_counts(plan: Plan) -> str:
    """Say in one line what a plan is."""
    counts = {act: sum(change.act is act for change in plan.changes) for act in Act}
    parts = [f"{counts[act]} to {act.value}" for act in Act if counts[act]]
    return f"{', '.join(parts) or 'nothing to do'}; {plan.unchanged} as wanted"


def outcome_lines(outcome: Outcome) -> Iterator[str]:
    """Write for people what became of a plan."""
    for change in outcome.done:
        yield f"{_DONE[change.act]}  {call(change.item)}"
        if change.item.key in outcome.waiting:
            yield one_line(f"    {outcome.waiting[change.item.key]}")
    for failure in outcome.failed:
        yield f"FAILED   {call(failure.change.item)}{_line(failure.change)}"
        yield from (f"    {one_line(line)}" for line in failure.message.splitlines())
    for change in outcome.untried:
        yield f"not tried  {call(change.item)}"


def _line(change: Change) -> str:
    return f" (line {change.item.line})" if change.item.line else ""


def as_json(plan: Plan, outcome: Outcome | None, *, dry_run: bool) -> dict[str, Any]:
    """Give a plan and what became of it for programs."""
    state: dict[int, tuple[str, str | None]] = {}
    if outcome is not None:
        state |= {id(change): ("done", None) for change in outcome.done}
        state |= {id(one.change): ("failed", one.message) for one in outcome.failed}
        state |= {id(change): ("not tried", None) for change in outcome.untried}
    steps = []
    for change in plan.changes:
        status, message = state.get(id(change), ("planned", None))
        step: dict[str, Any] = {
            "action": change.act.value,
            "kind": change.item.kind,
            "name": change.item.name,
            "status": status,
        }
        if change.act is Act.CREATE:
            step["values"] = _plain(change.item.values)
        if change.differences:
            step["changes"] = [
                {"member": one.name, "old": _plain(one.old), "new": _plain(one.new)} for one in change.differences
            ]
        if change.item.line:
            step["line"] = change.item.line
        if message is not None:
            step["message"] = message
        if outcome is not None and status == "done" and change.item.key in outcome.waiting:
            step["waits"] = outcome.waiting[change.item.key]
        steps.append(step)
    impossible = [
        {"kind": item.kind, "name": item.name, "line": item.line, "message": fault} for item, fault in plan.impossible
    ]
    return {"dryRun": dry_run, "unchanged": plan.unchanged, "steps": steps, "impossible": impossible}


def call(item: Item) -> str:
    """Name a thing."""
    return one_line(f"{_KINDS.get(item.kind) or spell(item.kind)} {item.name}")


_KINDS = {
    "appRoleAssignment": "app role",
    "applicationFederation": "federated credential",
    "applicationPassword": "client secret",
    "certificateContacts": "certificate contacts of vault",
    "certificateIssuer": "certificate issuer",
    "denyAssignment": "deny assignment",
    "diagnosticSetting": "diagnostic setting",
    "directoryRole": "directory role",
    "endpointListener": "endpoint listener",
    "eventSubscription": "event subscription",
    "group members": "members of group",
    "group owners": "owners of group",
    "application owners": "owners of application",
    "identityFederation": "federated credential",
    "networkMap": "network map",
    "role": "role definition",
    "roleAssignment": "role",
}


def say(value: Any, name: str = "") -> str:
    """Write a value on one line; a reference as it is read aloud."""
    if name in _TIMES and isinstance(value, int):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if not _says(value):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return _short(", ".join(map(say, value)))
    if isinstance(value, Mapping):
        return _short(_mapping(value))
    return _short(one_line(str(value)))


_TIMES = ("notBefore", "expires")
_PRINCIPALS = ("user", "group", "application", "identity", "objectId", "everyone")
_SCOPES = ("subscription", "resourceGroup", "vault", "virtualNetwork", "privateEndpoint", "managementGroup", "id")


def _mapping(value: Mapping[str, Any]) -> str:
    if len(value) == 1 and next(iter(value)) in _PRINCIPALS:
        return one_line(say_principal(value))
    if value.keys() <= {*_SCOPES, "secret"}:
        return one_line(say_scope(value))
    return one_line(" ".join(f"{name}={say(one)}" for name, one in value.items()))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _difference(one: Difference) -> str:
    if isinstance(one.new, Hidden):
        return "changed"
    return f"{say(one.old, one.name)} -> {say(one.new, one.name)}"


def _says(value: Any) -> bool:
    return value not in (None, "", [], {})


def _plain(value: Any) -> Any:
    if isinstance(value, Hidden):
        return "(hidden)"
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
