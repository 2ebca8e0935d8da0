"""
Rights against the second evaluator in `oracle/`, on random worlds.

They have assignments, deny assignments, conditions, custom and built-in roles, and management groups.

50,000 cases here, a million in `make soak`, and a seed that brings a mismatch back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from random import Random
from typing import NamedTuple

import pytest

from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.facts import Facts
from strongroom.core.grants import GrantIndex
from strongroom.core.identity import PrincipalType
from strongroom.core.rbac import DenyAssignment, RoleAssignment, RoleDefinition
from tests.properties.oracle import worlds
from tests.properties.oracle.asking import CASES, ENOUGH, SLICES, TIME_S, chance_of, origin, same_chance
from tests.properties.oracle.rights import Decision, Question, World, decide
from tests.properties.oracle.roles import BUILT_IN, Role

QUESTIONS = 50
"""How many are asked of one world."""
EXPLAINED = 8
"""Of how many questions one is asked to be explained too."""
_VERSION = "2.0"


class Said(NamedTuple):
    """
    What the product says to one question.

    Attributes:
        assignment: which one lets the caller in.
        denial: which deny assignment keeps it out.
        considered: all of both that count, as the explanation has them; None if it was not asked for one.
        refused_ahead: whether it was refused already before most attributes were known.
    """

    assignment: str | None
    denial: str | None
    considered: frozenset[str] | None = None
    refused_ahead: bool = False


Ask = Callable[[Question], Said]


# ---- the product ----------------------------------------------------------------------------------------------------


def _definition(name: str, role: Role) -> RoleDefinition:
    return RoleDefinition(
        id=name, tenant=role.tenant, name="custom", actions=role.actions, not_actions=role.not_actions,
        data_actions=role.data_actions, not_data_actions=role.not_data_actions, condition=role.condition,
        condition_version=_VERSION if role.condition is not None else None,
    )  # fmt: skip


def _ancestors(world: World) -> dict[str, tuple[str, ...]]:
    """List the groups above each subscription and group, the nearest first."""

    def above(at: str) -> Iterator[str]:
        parent = world.parents.get(at)
        if parent is not None:
            yield parent
            yield from above(f"group:{parent}")

    found = {}
    for name in worlds.SUBSCRIPTIONS:
        found[f"/subscriptions/{name}"] = tuple(above(f"subscription:{name}"))
    for name in worlds.GROUPS:
        found[f"/providers/microsoft.management/managementgroups/{name}"] = tuple(above(f"group:{name}"))
    return found


def product(world: World) -> Ask:
    """Compile a world as the product does. The built-in roles are its own, not the second evaluator's."""
    assignments = [
        RoleAssignment(
            id=grant.id, tenant=grant.tenant, scope=grant.scope, role=grant.role, principal=grant.principal,
            principal_type=PrincipalType.USER, created=0, condition=grant.condition,
            condition_version=_VERSION if grant.condition is not None else None,
        )
        for grant in world.grants
    ]  # fmt: skip
    denials = [
        DenyAssignment(
            id=denial.id, tenant=denial.tenant, scope=denial.scope, name="denial", created=0,
            actions=denial.what.actions, not_actions=denial.what.not_actions,
            data_actions=denial.what.data_actions, not_data_actions=denial.what.not_data_actions,
            principals=denial.principals, exclude_principals=denial.excluded, only_here=denial.only_here,
            condition=denial.condition, condition_version=_VERSION if denial.condition is not None else None,
        )
        for denial in world.denials
    ]  # fmt: skip
    customs = {name: _definition(name, role) for name, role in world.roles.items() if name not in BUILT_IN}
    index = GrantIndex(
        world.tenant, assignments, {**BUILTIN_ROLES, **customs}, denials=denials, ancestors=_ancestors(world)
    )

    numbers = count()

    def ask(question: Question) -> Said:
        resource, request, environment = (
            {name: value for (where, name), value in question.attributes.items() if where == source}
            for source in ("resource", "request", "environment")
        )
        facts = Facts(resource, request, environment)
        asked = (question.principals, question.scope, question.action)
        ahead = index.rule_ahead(*asked, data=question.data, facts=Facts(environment=environment))
        ruling = index.rule(*asked, data=question.data, facts=facts)
        considered = None
        if next(numbers) % EXPLAINED == 0:
            listed = [one for one in index.consider(*asked, data=question.data, facts=facts) if one.counts]
            considered = frozenset(found.id for one in listed for found in (one.assignment, one.denial) if found)
        return Said(
            None if ruling.assignment is None else ruling.assignment.id,
            None if ruling.denial is None else ruling.denial.id,
            considered,
            ahead.assignment is None or ahead.denial is not None,
        )

    return ask


# ---- comparing ------------------------------------------------------------------------------------------------------


def disagreement(expected: Decision, said: Said) -> str | None:
    """Say what is wrong with the product's answer, if anything is: the answer itself, or the evidence for it."""
    assignment, denial = said.assignment, said.denial
    allowed = assignment is not None and denial is None
    if allowed != expected.allowed:
        return f"the product {'allows' if allowed else 'refuses'}, {said}"
    if allowed and assignment not in expected.granted_by:
        return f"the product says that {assignment} allows it"
    if denial is not None and denial not in expected.denied_by:
        return f"the product says that {denial} refuses it"
    if expected.granted_by and expected.denied_by and denial is None:
        return "the product names no deny assignment"
    if said.considered is not None and said.considered != expected.granted_by | expected.denied_by:
        return f"the product's explanation has {sorted(said.considered)}"
    if allowed and said.refused_ahead:
        return "the product refuses it before it knows the attributes"
    return None


def told(world: World, question: Question, expected: Decision) -> str:
    """Write a case out, with no more of the world than may have to do with it."""
    mine = [grant for grant in world.grants if grant.principal in question.principals]
    roles = {grant.role: world.roles.get(grant.role) for grant in mine if grant.role not in BUILT_IN}
    lines = [f"expected {expected}", str(question), *map(str, mine), *map(str, world.denials), str(roles)]
    return "\n  ".join([*lines, str(world.parents)])


def questions(chance: Random, world: World) -> Iterator[Question]:
    """Ask a world, and ask some of it again with one thing changed, or the very same."""
    asked: list[Question] = []
    while len(asked) < QUESTIONS:
        if asked and chance.random() < 0.2:
            again = chance.choice(asked)
            question = again if chance.random() < 0.2 else worlds.rephrased(chance, again)
        else:
            question = worlds.question(chance, world)
        asked.append(question)
        yield question


def compare(chance: Random, cases: int, make: Callable[[World], Ask] = product) -> tuple[list[str], Counter[str]]:
    """Compare *cases* answers, and give the first mismatches and how often each kind of answer was expected."""
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    while seen.total() < cases and len(wrong) < 3:
        world = worlds.world(chance)
        ask = make(world)
        for question in questions(chance, world):
            expected = decide(world, question)
            granted, denied = bool(expected.granted_by), bool(expected.denied_by)
            seen["allowed" if expected.allowed else "taken back" if granted and denied else "refused"] += 1
            fault = disagreement(expected, ask(question))
            if fault is not None:
                wrong.append(f"{fault}\n  {told(world, question, expected)}")
    return wrong, seen


@pytest.mark.timeout(TIME_S)
@pytest.mark.parametrize("place", range(SLICES))
def test_the_product_decides_as_the_second_evaluator(place: int) -> None:
    """SEC-FLOW-18 among others: allowed by one is allowed by the other, and what is named as the reason is one."""
    wrong, seen = compare(chance_of("rights", place), CASES // SLICES)

    assert not wrong, "\n\n".join([origin("rights", place), *wrong])
    # The worlds are worth asking: every kind of answer is frequent.
    if seen.total() >= ENOUGH:
        assert seen["allowed"] > seen.total() // 5, seen
        assert seen["taken back"] > seen.total() // 200, seen


# ---- that a mistake would be seen -----------------------------------------------------------------------------------


def _without(world: World) -> dict[str, World]:
    """Give the world as evaluators with one hole each would see it, by what they overlook."""
    roles = world.roles
    return {
        "deny assignments": replace(world, denials=()),
        "conditions of assignments": replace(world, grants=tuple(replace(one, condition=None) for one in world.grants)),
        "conditions of roles": replace(world, roles={n: replace(r, condition=None) for n, r in roles.items()}),
        "conditions of deny assignments": replace(
            world, denials=tuple(replace(one, condition=None) for one in world.denials)
        ),
        "deny assignments with a condition": replace(
            world, denials=tuple(one for one in world.denials if one.condition is None)
        ),
        "notActions": replace(world, roles={n: replace(r, not_actions=()) for n, r in roles.items()}),
        "notDataActions": replace(world, roles={n: replace(r, not_data_actions=()) for n, r in roles.items()}),
        "excluded principals": replace(world, denials=tuple(replace(one, excluded=()) for one in world.denials)),
        "doNotApplyToChildScopes": replace(world, denials=tuple(replace(d, only_here=False) for d in world.denials)),
        "the tenant of assignments": replace(
            world, grants=tuple(replace(one, tenant=world.tenant) for one in world.grants)
        ),
        "the tenant of roles": replace(world, roles={n: replace(r, tenant="") for n, r in roles.items()}),
        "management groups": replace(world, parents={}),
        "groups above the nearest": replace(
            world, parents={at: to for at, to in world.parents.items() if at.startswith("subscription:")}
        ),
        "the difference between actions and dataActions": replace(
            world,
            roles={
                n: replace(r, actions=r.actions + r.data_actions, data_actions=r.actions + r.data_actions)
                for n, r in roles.items()
            },
        ),
    }


OVERLOOKED = tuple(_without(World("", {}, (), (), {})))


@pytest.mark.parametrize("overlooked", OVERLOOKED)
def test_an_evaluator_that_overlooks_something_is_found_out(overlooked: str) -> None:
    """The product itself, told all but one thing, disagrees with the second evaluator soon."""
    wrong, _ = compare(
        same_chance(f"overlooked {overlooked}"), 20_000, lambda world: product(_without(world)[overlooked])
    )

    assert wrong


def _as_prefix(ask: Ask, question: Question) -> Said:
    """Take a scope for a text: what is granted at `/vaults/a` is granted at `/vaults/ab`."""
    said = ask(question)
    return said if said.assignment else ask(replace(question, scope=question.scope[:-1]))


def _remembering(ask: Ask) -> Ask:
    """Remember an answer without what its condition asked about."""
    known: dict[tuple[object, ...], Said] = {}
    return lambda question: known.setdefault(
        (question.principals, question.scope, question.action, question.data), ask(question)
    )


MISTAKEN: dict[str, Callable[[Ask], Ask]] = {
    "the opposite answer": lambda ask: lambda question: Said(None if ask(question).assignment else "any", None),
    "scopes as texts": lambda ask: lambda question: _as_prefix(ask, question),
    "scopes with their case": lambda ask: lambda question: (
        ask(question) if question.scope == question.scope.lower() else Said(None, None)
    ),
    "decoded scopes": lambda ask: lambda question: ask(replace(question, scope=question.scope.replace("%61", "a"))),
    "a scope without a slash before it": lambda ask: lambda question: ask(
        replace(question, scope="/" + question.scope.lstrip("/"))
    ),
    "scopes without their empty names": lambda ask: lambda question: ask(
        replace(question, scope=question.scope.replace("//", "/"))
    ),
    "only the caller's first principal": lambda ask: lambda question: ask(
        replace(question, principals=frozenset(sorted(question.principals)[:1]))
    ),
    "answers kept too long": _remembering,
    "another reason": lambda ask: lambda question: ask(question)._replace(assignment="any"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKEN)
def test_a_mistaken_evaluator_is_found_out(mistake: str) -> None:
    """The product with a mistake put around it disagrees with the second evaluator soon."""
    wrong, _ = compare(same_chance(f"mistaken {mistake}"), 20_000, lambda world: MISTAKEN[mistake](product(world)))

    assert wrong
