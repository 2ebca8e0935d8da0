from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.errors import Tampered
from strongroom.store.seals import Root, Seal, Tags, read_root, read_seal


def tagger(purpose: str, message: bytes) -> bytes:
    """Make tags under a key of zeros."""
    return hmac.digest(bytes(32), purpose.encode() + b"\0" + message, "sha256")


TAGS = Tags(tagger)
VALUES = st.one_of(st.none(), st.text(max_size=3), st.binary(max_size=3), st.integers(-5, 300))
ROWS = st.lists(VALUES, max_size=4).map(tuple)


@given(ROWS, ROWS)
def test_two_rows_that_differ_have_two_tags(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    """Moving a character from one column to the next, or text to bytes, makes another row."""
    same = one == other and [type(value) for value in one] == [type(value) for value in other]
    assert (TAGS.row("records", one) == TAGS.row("records", other)) == same


def test_the_same_row_of_another_table_has_another_tag() -> None:
    """A row cannot be moved between tables of the same shape."""
    assert TAGS.row("records", ("a",)) != TAGS.row("objects", ("a",))


def test_a_tag_is_what_it_always_was() -> None:
    """The tag of the first release, from an independent calculation over the documented bytes."""
    packed = bytes([0x92, 0xA6]) + b"leases" + bytes([0x93, 0xA3]) + b"job" + bytes([0xA2]) + b"me" + bytes([0x09])
    assert TAGS.row("leases", ("job", "me", 9)) == tagger("store-row", packed)


def test_a_row_is_checked_against_its_own_columns() -> None:
    """The right tag passes; a wrong one, a missing one, or a changed column does not."""
    row = ("job", "me", 9)
    tag = TAGS.row("leases", row)
    assert TAGS.check("leases", (*row, tag)) == tag
    for wrong in ((*row, bytes(32)), (*row, None), (*row, tag[:-1]), ("job", "they", 9, tag), ("job", "me", "9", tag)):
        with pytest.raises(Tampered):
            TAGS.check("leases", wrong)


def test_the_message_of_a_wrong_tag_names_the_place_and_nothing_it_holds() -> None:
    """SEC: secrets never in errors."""
    with pytest.raises(Tampered, match=r"row of records .*: user p u$") as refused:
        TAGS.check("records", ("user", "p", "u", b"canary", bytes(32)))
    assert "canary" not in str(refused.value)


def test_the_message_of_a_wrong_tag_is_one_line() -> None:
    """Whoever altered the row chose what it is named by, and writes no lines of their own into the log."""
    with pytest.raises(Tampered) as refused:
        TAGS.check("records", ("user", "p", "u\nERROR \x1b[2Jall is well\u2028", b"", bytes(32)))
    assert str(refused.value).endswith(r": user p u\nERROR \x1b[2Jall is well\u2028")


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=6), st.randoms())
def test_a_digest_depends_on_the_rows_and_not_on_their_order(tags: list[bytes], chance: object) -> None:
    """Adding and taking away in any order comes to the same; taking all away comes to nothing."""
    seal = Seal("k", "p")
    for tag in tags:
        seal = seal.add(TAGS.share(tag))
    shuffled = list(tags)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    again = Seal("k", "p")
    for tag in shuffled:
        again = again.add(TAGS.share(tag))
    assert again == seal
    for tag in tags:
        again = again.add(-TAGS.share(tag), -1)
    assert again == Seal("k", "p")


def test_shares_cannot_be_computed_from_tags_alone() -> None:
    """Under another root key the same tag has another share."""
    other = Tags(lambda purpose, message: hmac.digest(b"x" * 32, purpose.encode() + message, "sha256"))
    assert TAGS.share(bytes(32)) != other.share(bytes(32))


def test_a_seal_survives_its_row_one_generation_on() -> None:
    """The generation counts how often it was written."""
    columns = Seal("k", "p", 4, 2, 77).columns()
    seal, share = read_seal(TAGS, (*columns, TAGS.row("seals", columns)))
    assert seal == Seal("k", "p", 5, 2, 77)
    assert share == TAGS.share(TAGS.row("seals", columns))


def test_a_root_survives_its_row() -> None:
    """With everything that it says of the whole."""
    root = Root(7, 3, 1, 2, 5, 4, 1 << 255)
    assert read_root(TAGS, [root.row(TAGS, 7, b"\x90", None, 3)]) == root


def test_a_database_without_a_commit_has_lost_it() -> None:
    """An empty table is not an empty database."""
    with pytest.raises(Tampered, match="lost"):
        read_root(TAGS, [])
