"""What a plan must not take away: what the file names elsewhere, and, before the end, what its author works with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from strongroom.cli.seed.items import Item, Key, key_of
from strongroom.cli.seed.kind import show_principal
from strongroom.cli.seed.plan import Act, Change, Plan
from strongroom.cli.seed.reach import TYPES, Reach, spell
from strongroom.cli.seed.resources import group_of
from strongroom.cli.seed.schema import Faults

_OPENING = frozenset({
    "denyAssignment", "directoryRole", "endpointListener", "group members", "networkMap", "role", "roleAssignment",
    "vault", "virtualNetwork",
})  # fmt: skip
"""What can open a vault to whoever applies the file."""


def check_open(plan: Plan, reach: Reach) -> None:
    """
    See that vaults that could not be looked into may be open when their turn comes, since something before opens them.

    Raises:
        Refused: nothing does.
    """
    if reach.closed and not any(one.item.kind in _OPENING for one in plan.changes if one.act is not Act.DELETE):
        raise next(iter(reach.closed.values()))


def check_meant(plan: Plan, meant: Mapping[Key, int], reach: Reach) -> None:
    """
    See that nothing is deleted that the file names somewhere else.

    Raises:
        Invalid: something would be, with the line that names it.
    """
    going = {change.item.key: change.item for change in plan.changes if change.act is Act.DELETE}
    faults = Faults()
    for key, line in meant.items():
        for one in _with_what_it_is_in(key, reach):
            if one in going:
                faults.add(
                    line,
                    "",
                    f"{spell(going[one].kind)} {going[one].name} is needed here, and --prune would delete it, since its"
                    " list does not name it",
                )
                break
    faults.check()


def _with_what_it_is_in(key: Key, reach: Reach) -> Iterator[Key]:
    yield key
    if key.kind in TYPES:
        yield key_of("resourceGroup", group_of(key.name))
    elif key.kind == "vault" and (known := reach.look("vault", key.name)) is not None:
        yield key_of("resourceGroup", str(known[1]["id"]).split("/")[4])


def author_last(plan: Plan, reach: Reach) -> Plan:
    """Put last what its author loses rights by: what comes after it could be refused, and never be mended by him."""
    own = str(reach.session.claims.get("oid", ""))
    if not own:
        return plan
    changes = [replace(one, parting=True) if _parts(one, own, reach) else one for one in plan.changes]
    return replace(plan, changes=tuple(sorted(changes, key=lambda one: one.parting)))


def _parts(change: Change, own: str, reach: Reach) -> bool:
    if change.act is not Act.CHANGE or change.found is None:
        return False
    if change.item.kind in {"user", "servicePrincipal"}:
        return change.item.id == own and change.item.values.get("accountEnabled") is False
    if change.item.kind in _MEMBERS:
        author = show_principal(reach, own)
        member = _MEMBERS[change.item.kind]
        return _names(change.found, member, author) and not _names(change.item, member, author)
    return False


_MEMBERS = {"group members": "members", "group owners": "owners", "application owners": "owners"}


def _names(item: Item, member: str, who: Mapping[str, Any]) -> bool:
    return who in item.values.get(member, ())
