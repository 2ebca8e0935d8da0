"""What a file wants and what an instance has, both as items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from strongroom.cli.seed.guards import author_last, check_meant, check_open
from strongroom.cli.seed.items import Item, Key, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting
from strongroom.cli.seed.kinds import CONTROLLED, KINDS, RULES
from strongroom.cli.seed.plan import Act, Plan, make_plan
from strongroom.cli.seed.reach import LISTINGS, NO_CONTROL, Reach, Unclear
from strongroom.cli.seed.reading import Fault
from strongroom.cli.seed.schema import Entry, Faults

Section = tuple[Key | None, str]
"""A list of a file: in which thing it stands, and of which kind its entries are."""


@dataclass(slots=True)
class Wanted:
    """What a file wants."""

    items: list[Item] = field(default_factory=list)
    sections: set[Section] = field(default_factory=set)
    meant: dict[Key, int] = field(default_factory=dict)
    """What it refers to, with the line."""

    def parents(self, kind: str) -> Parents:
        """Give what things of a kind are in, as far as the file says anything of them; None for those in nothing."""
        found = {parent for parent, one in self.sections if one == kind}
        return None if None in found else frozenset(one for one in found if one is not None)


def read_wanted(document: Entry, reach: Reach) -> Wanted:
    """
    Make items of a file's entries.

    Raises:
        Invalid: a name means nothing, or the same thing stands there twice.
        Halt: what is needed of the instance, the environment or a file cannot be read.
    """
    faults = Faults()
    declared: dict[Key, str] = {}
    for kind, entry, parent in _entries(document):
        if kind.declare is not None:
            name = kind.declare(entry, parent)
            declared[key_of(kind.name, name)] = name
    wanted = Wanted()
    made: dict[int, Item] = {}
    for kind in KINDS:
        for entry, inside in _places(kind, document, made):
            if kind.member not in entry:
                continue
            wanted.sections.add((None if inside is None else inside.key, kind.name))
            if kind.name in CONTROLLED and reach.control is None:
                faults.add(entry.line, kind.member, NO_CONTROL)
                continue
            for one in _listed(kind, entry):
                item = kind.read(Wanting(reach, faults, declared, meant=wanted.meant), one, inside)
                if item is not None:
                    # What is said by members of another thing's entry is in that thing, and does not take its place.
                    made.setdefault(id(one), item)
                    wanted.items.append(item)
    _check_clear(wanted.items, reach, faults)
    faults.check()
    return wanted


def read_found(reach: Reach, wanted: Wanted | None = None) -> Iterator[Item]:
    """List what is there: everything, or what bears on what is wanted, since an operator need not see the rest."""
    for kind in KINDS:
        if kind.name in CONTROLLED and reach.control is None:
            continue
        if wanted is None:
            yield from reach.see(kind.member, partial(kind.found, reach, None))
        elif any(name == kind.name for _, name in wanted.sections):
            yield from kind.found(reach, wanted.parents(kind.name))


def compare(wanted: Wanted, reach: Reach, *, prune: bool) -> Plan:
    """
    Make the plan by which an instance becomes what a file wants; with *prune* its lists are complete.

    Raises:
        Invalid: something would be deleted that the file needs.
        Halt: what is there cannot be read.
    """
    complete = frozenset(wanted.sections) if prune else frozenset()
    kept = {_stored(item) for item in wanted.items}
    found = [replace(one, protected=one.protected or one.key in kept) for one in read_found(reach, wanted)]
    plan = make_plan(wanted.items, found, RULES, complete=complete)
    check_open(plan, reach)
    check_meant(plan, wanted.meant, reach)
    return author_last(plan, reach)


def _stored(item: Item) -> Key | None:
    """Give the secret that a client secret is put into: the file names it there, and not in its vault's list."""
    store = item.aside.get("store")
    return None if store is None else key_of("secret", f"{store['vault']}/{store['secret']}")


def missing(plan: Plan, reach: Reach) -> list[Fault]:
    """Tell what the file does not give of what has to be made."""
    kinds = {kind.name: kind for kind in KINDS}
    steps = (change.item for change in plan.changes if change.act is Act.CREATE)
    lacking = ((item, kinds[item.kind].lacks(reach, item)) for item in steps)
    return [Fault(item.line, item.name, fault) for item, fault in lacking if fault is not None]


def _entries(document: Entry) -> Iterator[tuple[Kind, Entry, str]]:
    """Give every entry with its kind and the name of what it is in."""
    names: dict[int, str] = {}
    for kind in KINDS:
        for entry, parent in _raw(kind, document, names):
            for one in _listed(kind, entry):
                if kind.declare is not None:
                    names.setdefault(id(one), kind.declare(one, parent))
                yield kind, one, parent


def _raw(kind: Kind, document: Entry, names: Mapping[int, str]) -> Iterator[tuple[Entry, str]]:
    if not kind.parent:
        yield document, ""
        return
    for entry in _all(kind.parent, document):
        yield entry, names.get(id(entry), "")


def _places(kind: Kind, document: Entry, made: Mapping[int, Item]) -> Iterator[tuple[Entry, Item | None]]:
    """Give the entries in which things of a kind stand, with the items that they are."""
    if not kind.parent:
        yield document, None
        return
    for entry in _all(kind.parent, document):
        if id(entry) in made:
            yield entry, made[id(entry)]


def _all(name: str, document: Entry) -> Iterable[Entry]:
    """Give every entry of a kind."""
    kind = next(one for one in KINDS if one.name == name)
    above = [document] if not kind.parent else _all(kind.parent, document)
    return [one for entry in above for one in entry.get(kind.member, ())]


def _listed(kind: Kind, entry: Entry) -> Iterable[Any]:
    if kind.member not in entry:
        return ()
    return [entry] if kind.merges else entry[kind.member]


def _check_clear(items: Iterable[Item], reach: Reach, faults: Faults) -> None:
    """See that each thing stands in the file once, and that it is clear which one of the instance it is."""
    seen: dict[Key, int] = {}
    for item in items:
        if item.key in seen:
            faults.add(item.line, "", f"{item.name} stands here twice; it was in line {seen[item.key]}")
        seen[item.key] = item.line
        if item.kind in _NAMED:
            try:
                reach.look(item.kind, item.name)
            except Unclear as unclear:
                faults.add(item.line, "", str(unclear))


_NAMED = frozenset(LISTINGS) - {"servicePrincipal"}
"""What is called in lists as files call it."""
