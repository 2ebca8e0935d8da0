"""What has to happen so that what is there becomes what is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.cli.seed import show
from strongroom.cli.seed.items import UNSEEN, Hidden, Item, canonical, key_of, same
from strongroom.cli.seed.plan import Act, Plan, Rules, make_plan

RULES = {
    "group": Rules(),
    "vault": Rules(fixed=frozenset({"location"}), partial=frozenset({"acls"})),
    "secret": Rules(),
}
PROD = key_of("group", "prod")


def group(name: str = "prod", **values: Any) -> Item:
    """Make a group."""
    return Item("group", name, values)


def vault(name: str, parent: str = "prod", **values: Any) -> Item:
    """Make a vault in a group."""
    return Item("vault", name, values, parent=key_of("group", parent))


def steps(plan: Plan) -> list[tuple[str, str]]:
    """Give what is done, in its order."""
    return [(change.act.value, change.item.name) for change in plan.changes]


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ([1, 2], [2, 1], True),
        ([1, 1], [1], True),
        (None, "", True),
        (None, [], True),
        ({}, None, True),
        ({"a": None}, {}, True),
        ({"a": ""}, {"b": []}, True),
        (False, None, False),
        (False, 0, False),
        (True, 1, False),
        ([{"a": [1, 2]}, {"b": 3}], [{"b": 3}, {"a": [2, 1]}], True),
        ("a", "A", False),
    ],
)
def test_what_means_the_same(first: object, second: object, *, equal: bool) -> None:
    """Lists are sets, and nothing is nothing; a flag is no number."""
    assert same(first, second) is equal
    assert same(second, first) is equal


def test_a_hidden_value_is_equal_to_nothing() -> None:
    """A value that is set is told as set, and what it is stands nowhere."""
    value = Hidden("hunter2-hunter2")
    assert "hunter2" not in repr(value)
    assert not same(value, "hunter2-hunter2")
    assert "hunter2" not in repr(canonical({"value": value}))


def test_nothing_to_do() -> None:
    """What is as it is wanted is counted and left alone, whatever else is there."""
    plan = make_plan([vault("a", tags={"x": "y"})], [vault("A", tags={"x": "y"}, sku="standard"), vault("b")], RULES)
    assert (plan.changes, plan.unchanged) == ((), 1)


def test_order() -> None:
    """Things are made in the order of their kinds, and in that of the file within one."""
    plan = make_plan([vault("b"), vault("a"), group()], [], RULES)
    assert steps(plan) == [("create", "prod"), ("create", "b"), ("create", "a")]


def test_a_change_keeps_what_the_file_does_not_say() -> None:
    """Members that are not said stay; of a partial one, so do its parts."""
    found = vault("a", sku="premium", tags={"x": "1"}, acls={"action": "Deny", "rules": ["1", "2"]})
    (change,) = make_plan([vault("a", tags={"y": "2"}, acls={"rules": ["2"]})], [found], RULES).changes
    assert change.act is Act.CHANGE
    assert change.item.values == {"sku": "premium", "tags": {"y": "2"}, "acls": {"action": "Deny", "rules": ["2"]}}
    assert [(one.name, one.old, one.new) for one in change.differences] == [
        ("tags", {"x": "1"}, {"y": "2"}),
        ("acls.rules", ["1", "2"], ["2"]),
    ]
    assert change.changed == {"tags", "acls"}


def test_what_is_fixed_is_told_before_anything_happens() -> None:
    """A member that is kept for ever cannot become another, and no step says that it will."""
    plan = make_plan([vault("a", location="north", tags={"x": "y"})], [vault("a", location="south")], RULES)
    assert plan.changes == ()
    ((item, fault),) = plan.impossible
    assert item.name == "a"
    assert fault == "location is south for ever and cannot become north: delete it first, or leave location out"


def test_nothing_is_removed_without_being_asked() -> None:
    """What a file does not name stays, unless its list is said to be complete."""
    assert make_plan([], [group(), vault("a")], RULES).changes == ()


def test_prune() -> None:
    """Of a list that is complete, what is not named goes; other lists stay as they are."""
    found = [group("prod"), group("test"), vault("a"), vault("b"), vault("c", "test")]
    plan = make_plan([vault("a")], found, RULES, complete=frozenset({(PROD, "vault")}))
    assert steps(plan) == [("delete", "b")]


def test_what_is_inside_goes_first() -> None:
    """What is in something that goes is removed before it, in the opposite order of making."""
    inside = Item("secret", "a/s", {}, parent=key_of("vault", "a"))
    plan = make_plan([], [group(), vault("a"), inside], RULES, complete=frozenset({(None, "group")}))
    assert steps(plan) == [("delete", "a/s"), ("delete", "a"), ("delete", "prod")]


def test_what_is_protected_stays() -> None:
    """Nobody removes himself by a line that is missing."""
    own = Item("group", "own", {}, protected=True)
    assert make_plan([], [own], RULES, complete=frozenset({(None, "group")})).changes == ()


def test_a_plan_for_people() -> None:
    """A plan names what is made, what changes from what to what, and what goes; a value is only set or changed."""
    wanted = [
        Item("resourceGroup", "prod", {"location": "north", "tags": {"team": "shop"}}),
        Item("secret", "kv/a", {"value": Hidden("hunter2-hunter2"), "expires": 0}),
        Item("secret", "kv/b", {"value": Hidden("hunter2-hunter2"), "contentType": "text\x1b[2J"}),
    ]
    found = [Item("secret", "kv/b", {"contentType": "password"}), Item("secret", "kv/c", {})]
    rules = {"resourceGroup": Rules(), "secret": Rules()}
    plan = make_plan(wanted, found, rules, complete=frozenset({(None, "secret")}))
    lines = list(show.plan_lines(plan))
    assert lines == [
        "+ resource group prod",
        "    location: north",
        "    tags: team=shop",
        "+ secret kv/a",
        "    expires: 1970-01-01T00:00:00Z",
        "    value: set",
        "~ secret kv/b",
        "    value: changed",
        "    contentType: password -> text\N{REPLACEMENT CHARACTER}[2J",
        "- secret kv/c",
    ]
    assert show.plan_counts(plan) == "2 to create, 1 to change, 1 to delete; 0 as wanted"
    assert "hunter2" not in repr(show.as_json(plan, None, dry_run=True))


def test_what_nobody_can_see_yet_is_no_difference() -> None:
    """It is taken for whatever is wanted, and only the rest is compared."""
    found = vault("kv", enabled=UNSEEN, tags={"a": "1"})
    plan = make_plan([vault("kv", enabled=False, tags={"a": "2"})], [found], RULES)
    assert [one.name for one in plan.changes[0].differences] == ["tags"]


def test_texts_that_mean_the_same_are_no_difference() -> None:
    """A member with a form is compared by it, inside a mapping as well; nothing is something else than a text."""
    rules = {"group": Rules(), "vault": Rules(partial=frozenset({"policy"}), forms={"policy.issuer": str.casefold})}
    found = vault("kv", policy={"issuer": "Self", "subject": "a"})
    assert make_plan([vault("kv", policy={"issuer": "SELF"})], [found], rules).changes == ()
    (change,) = make_plan([vault("kv", policy={"issuer": "", "subject": "A"})], [found], rules).changes
    assert [one.name for one in change.differences] == ["policy.issuer", "policy.subject"]
