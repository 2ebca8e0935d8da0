from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.errors import Invalid, NotFound
from strongroom.directory import groups
from strongroom.store.transaction import SqlTransaction
from tests.unit.directory.conftest import NOW, Directory


def test_groups_nest(directory: Directory) -> None:
    """A member of an inner group is in the outer one too."""
    user, inner, outer = directory.add_user(), directory.add_group("inner"), directory.add_group("outer")
    directory.join(outer, inner.id)
    directory.join(inner, user.id)

    assert directory.view.groups_of(directory.tenant, user.id) == {inner.id, outer.id}


def test_two_groups_may_have_one_name(directory: Directory) -> None:
    """Display names are not unique, as in Entra."""
    assert directory.add_group("g").id != directory.add_group("g").id


def test_a_member_is_added_once(directory: Directory) -> None:
    """A second addition is refused in Graph's words."""
    user, group = directory.add_user(), directory.add_group()
    directory.join(group, user.id)

    with pytest.raises(Invalid, match="already exist"):
        directory.join(group, user.id)


def test_a_group_is_not_in_itself(directory: Directory) -> None:
    """A group cannot be its own member."""
    group = directory.add_group()

    with pytest.raises(Invalid, match="itself"):
        directory.join(group, group.id)


def test_a_circle_of_three_is_refused(directory: Directory) -> None:
    """A circle is refused however long it would be, and what was there stays."""
    one, two, three = (directory.add_group(name) for name in ("one", "two", "three"))
    directory.join(one, two.id)
    directory.join(two, three.id)

    with pytest.raises(Invalid, match="itself"):
        directory.join(three, one.id)
    assert directory.view.members_of(directory.tenant, three.id) == ()


def test_a_circle_through_a_deleted_group_is_refused(directory: Directory) -> None:
    """Or else restoring it would close the circle."""
    one, two, three = (directory.add_group(name) for name in ("one", "two", "three"))
    directory.join(one, two.id)
    directory.join(two, three.id)
    directory.commit(lambda tx: groups.delete_group(tx, two.tenant, two.id, now=directory.now))

    with pytest.raises(Invalid, match="itself"):
        directory.join(three, one.id)


def test_two_additions_at_once_make_no_circle(directory: Directory) -> None:
    """Each is harmless alone; the second one sees the first."""
    one, two = directory.add_group("one"), directory.add_group("two")

    async def both() -> list[object]:
        pairs = ((one, two), (two, one))
        return await asyncio.gather(
            *(
                directory.store.commit(
                    lambda tx, outer=outer, inner=inner: groups.add_member(  # type: ignore[misc]  # the defaults bind them
                        tx, directory.view, directory.tenant, outer.id, inner.id
                    )
                )
                for outer, inner in pairs
            ),
            return_exceptions=True,
        )

    assert sum(isinstance(one, Invalid) for one in directory.run(both())) == 1


def test_the_memberships_of_others_are_not_read(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is added to a group, what it costs does not grow with the tenant."""
    outer, inner = directory.add_group("outer"), directory.add_group("inner")
    monkeypatch.setattr(SqlTransaction, "records", None)
    directory.join(outer, inner.id)
    assert directory.view.members_of(directory.tenant, outer.id) == (inner.id,)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=20))
def test_no_sequence_of_additions_makes_a_circle(edges: list[tuple[int, int]]) -> None:
    """Whatever is added to what in whatever order, no group is ever inside itself."""
    directory = Directory()
    try:
        made = [directory.add_group(str(number)) for number in range(5)]
        for outer, inner in edges:
            try:
                directory.join(made[outer], made[inner].id)
            except Invalid:
                continue
        for group in made:
            assert group.id not in directory.view.groups_of(directory.tenant, group.id)
    finally:
        directory.close()


def test_a_member_is_of_the_same_tenant(directory: Directory) -> None:
    """SEC-TENANT-1: every query carries its tenant: another tenant's principal does not exist."""
    group = directory.add_group()
    stranger = directory.add_user("s", tenant=directory.other, domain="other.example")

    with pytest.raises(NotFound):
        directory.join(group, stranger.id)


def test_a_member_that_does_not_exist_is_refused(directory: Directory) -> None:
    """A membership is of somebody."""
    with pytest.raises(NotFound):
        directory.join(directory.add_group(), "11111111-1111-1111-1111-111111111111")


def test_only_a_member_can_be_removed(directory: Directory) -> None:
    """Removing a direct member works once."""
    user, group = directory.add_user(), directory.add_group()
    directory.join(group, user.id)
    directory.commit(lambda tx: groups.remove_member(tx, directory.tenant, group.id, user.id))

    assert directory.view.groups_of(directory.tenant, user.id) == frozenset()
    with pytest.raises(NotFound):
        directory.commit(lambda tx: groups.remove_member(tx, directory.tenant, group.id, user.id))


def test_a_deleted_group_passes_nothing_on(directory: Directory) -> None:
    """Neither to what was in it, nor from what it was in."""
    user, inner, outer = directory.add_user(), directory.add_group("inner"), directory.add_group("outer")
    directory.join(outer, inner.id)
    directory.join(inner, user.id)
    directory.commit(lambda tx: groups.delete_group(tx, directory.tenant, inner.id, now=NOW))

    assert directory.view.groups_of(directory.tenant, user.id) == frozenset()


def test_a_group_is_changed_in_its_own_tenant(directory: Directory) -> None:
    """From another tenant a group does not exist."""
    group = directory.add_group()
    change = groups.GroupChange(display_name="renamed", description="why")
    with pytest.raises(NotFound):
        directory.commit(lambda tx: groups.update_group(tx, directory.other, group.id, change))

    changed = directory.commit(lambda tx: groups.update_group(tx, directory.tenant, group.id, change))
    assert (changed.display_name, changed.description, changed.mail_nickname) == ("renamed", "why", "g")
