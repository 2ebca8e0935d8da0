"""What has to happen so that what is there becomes what is wanted: pure, and in an order in which it can be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from strongroom.cli.seed.items import Item, Key, same


class Act(StrEnum):
    """What is to happen to a thing."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Difference:
    """A member that is to have another value; *name* is a path such as `networkAcls.ipRules`."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Change:
    """
    One step.

    Attributes:
        item: the thing as it is to be, with what is there already where the file says nothing; of what is to be
            deleted, as it is.
        found: the thing as it is; None if there is none yet.
        parting: whether who applies the file loses rights by it.
    """

    act: Act
    item: Item
    found: Item | None = None
    differences: tuple[Difference, ...] = ()
    parting: bool = False

    @property
    def changed(self) -> frozenset[str]:
        """The members that differ, by their first names."""
        return frozenset(one.name.partition(".")[0] for one in self.differences)


@dataclass(frozen=True, slots=True)
class Rules:
    """
    How things of a kind are compared.

    Attributes:
        fixed: members that a thing keeps for ever.
        partial: members that are mappings of which a file may say a part.
        forms: by what a member is compared of which different texts mean the same; by its path.
    """

    fixed: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    forms: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def same(self, path: str, first: Any, second: Any) -> bool:
        """Tell whether two values of a member mean the same."""
        form = self.forms.get(path)
        if form is None or not first or not second:
            return same(first, second)
        return same(form(first), form(second))


@dataclass(frozen=True, slots=True)
class Plan:
    """Every step in its order, how many things are as they are to be, and what cannot become as it is wanted."""

    changes: tuple[Change, ...]
    unchanged: int
    impossible: tuple[tuple[Item, str], ...] = ()


def make_plan(
    wanted: Sequence[Item],
    found: Iterable[Item],
    rules: Mapping[str, Rules],
    *,
    complete: frozenset[tuple[Key | None, str]] = frozenset(),
) -> Plan:
    """
    Compare two states.

    *rules* has every kind, in the order in which things are made; they are removed in the opposite one. *complete*
    says of which lists (a parent and a kind) what is not wanted has to go; without it nothing is removed.
    """
    there = {item.key: item for item in found}
    order = {kind: place for place, kind in enumerate(rules)}
    steps: list[Change] = []
    unchanged = 0
    impossible: list[tuple[Item, str]] = []
    for item in sorted(wanted, key=lambda one: order[one.kind]):
        now = there.pop(item.key, None)
        if now is None:
            steps.append(Change(Act.CREATE, item))
            continue
        differences = tuple(_compare(item, now, rules[item.kind]))
        fixed = [one for one in differences if one.name in rules[item.kind].fixed]
        if fixed:
            impossible += [(item, _say_fixed(one)) for one in fixed]
        elif differences:
            steps.append(Change(Act.CHANGE, _merge(item, now, rules[item.kind]), now, differences))
        else:
            unchanged += 1
    steps += _removals(there.values(), order, complete)
    return Plan(tuple(steps), unchanged, tuple(impossible))


def _compare(wanted: Item, found: Item, rules: Rules) -> Iterable[Difference]:
    for name, new in wanted.values.items():
        old = found.values.get(name)
        if name in rules.partial:
            inside = old or {}
            for part, value in new.items():
                if not rules.same(f"{name}.{part}", value, inside.get(part)):
                    yield Difference(f"{name}.{part}", inside.get(part), value)
        elif name in _TEXTS and isinstance(new, Mapping):
            # A tag without a value is one too.
            if new != (old or {}):
                yield Difference(name, old, new)
        elif not rules.same(name, new, old):
            yield Difference(name, old, new)


_TEXTS = frozenset({"tags"})
"""Mappings of texts to texts."""


def _merge(wanted: Item, found: Item, rules: Rules) -> Item:
    values = {**found.values, **wanted.values}
    for name in rules.partial & wanted.values.keys():
        values[name] = {**(found.values.get(name) or {}), **wanted.values[name]}
    return Item(
        found.kind, found.name, values, wanted.aside, wanted.parent, wanted.needs, wanted.line, found.id
    )  # fmt: skip


def _removals(
    left: Iterable[Item], order: Mapping[str, int], complete: frozenset[tuple[Key | None, str]]
) -> list[Change]:
    """Choose what has to go, what is inside something before that."""
    going: dict[Key, Item] = {}
    for item in sorted(left, key=lambda one: order[one.kind]):
        if not item.protected and ((item.parent, item.kind) in complete or item.parent in going):
            going[item.key] = item
    return [Change(Act.DELETE, item, item) for item in reversed(going.values())]


def _say_fixed(one: Difference) -> str:
    return f"{one.name} is {one.old} for ever and cannot become {one.new}: delete it first, or leave {one.name} out"
