"""The lines of a hosts file."""

from hypothesis import given
from hypothesis import strategies as st

from strongroom.cli.hosts import host_lines, with_block

LINES = ["127.0.0.1 login.localhost mine.vault.localhost"]


def test_lines_hold_each_name_once_in_order() -> None:
    """A few names make the one line; more make more, since some resolvers cut long ones."""
    assert host_lines("127.0.0.1", ["login.localhost", "mine.vault.localhost", "login.localhost"]) == LINES
    names = [f"v{number}.vault.localhost" for number in range(9)]
    assert [line.split()[1:] for line in host_lines("127.0.0.1", names)] == [names[:8], names[8:]]


def test_a_block_is_added_at_the_end() -> None:
    """What is in the file stays."""
    assert with_block("127.0.0.1 localhost", "localhost", LINES).splitlines() == [
        "127.0.0.1 localhost",
        "# strongroom localhost: begin",
        *LINES,
        "# strongroom localhost: end",
    ]


def test_a_block_replaces_the_one_of_its_domain_only() -> None:
    """Names that are gone go, and another instance's block stays."""
    text = with_block(with_block("a\n", "one.test", ["127.0.0.1 old.one.test"]), "two.test", ["127.0.0.1 two.test"])
    changed = with_block(text + "z\n", "one.test", ["127.0.0.1 new.one.test"])
    assert "old.one.test" not in changed
    assert changed.splitlines()[0] == "a"
    assert changed.splitlines()[-1] == "z"
    assert "127.0.0.1 two.test" in changed


def test_a_block_without_its_end_takes_nothing_with_it() -> None:
    """Lines after a mark whose end somebody deleted may be somebody's own."""
    changed = with_block("# strongroom localhost: begin\n10.0.0.1 theirs\n", "localhost", LINES)
    assert "10.0.0.1 theirs" in changed


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="#"), max_size=60))
def test_writing_twice_is_writing_once(text: str) -> None:
    """The second call changes nothing, whatever the file holds."""
    once = with_block(text, "localhost", LINES)
    assert with_block(once, "localhost", LINES) == once
