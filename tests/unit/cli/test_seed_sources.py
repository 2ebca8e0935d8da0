"""Where values come from, and where those that are told once go to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strongroom.cli.outcome import Halt
from strongroom.cli.seed.credentials import Credentials
from strongroom.cli.seed.forms.sources import ALPHABET, LENGTH
from strongroom.cli.seed.sources import needs_value, read_value
from strongroom.core.limits import SECRET_VALUE_BYTES


def test_the_environment(tmp_path: Path) -> None:
    """A variable's value is taken; one that is not set, or empty, is no value."""
    assert read_value({"env": "A"}, tmp_path, {"A": "value"}) == "value"
    for environment in ({}, {"A": ""}):
        with pytest.raises(Halt, match="the environment variable A is not set"):
            read_value({"env": "A"}, tmp_path, environment)


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"a", "a"), (b"a\n", "a"), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b" a ", " a "), ("ü\n".encode(), "ü")],
)
def test_a_file(tmp_path: Path, content: bytes, value: str) -> None:
    """A file's content is taken, without the one line end that an editor puts there."""
    (tmp_path / "value").write_bytes(content)
    assert read_value({"file": "value"}, tmp_path, {}) == value
    assert read_value({"file": str(tmp_path / "value")}, Path("/elsewhere"), {}) == value


def test_files_that_are_none(tmp_path: Path) -> None:
    """What is missing, empty, too long or no text is refused, and nothing of it is repeated."""
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "longest").write_bytes(b"x" * SECRET_VALUE_BYTES)
    (tmp_path / "long").write_bytes(b"x" * (SECRET_VALUE_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"s3cret\xff")
    assert len(read_value({"file": "longest"}, tmp_path, {})) == SECRET_VALUE_BYTES
    for name in ("missing", "empty", "long", "binary"):
        with pytest.raises(Halt) as caught:
            read_value({"file": name}, tmp_path, {})
        assert name in str(caught.value)
        assert "s3cret" not in str(caught.value)


def test_made_values(tmp_path: Path) -> None:
    """A value is made of the characters that are asked for, another one each time."""
    made = {read_value({"generate": {}}, tmp_path, {}) for _ in range(8)}
    assert len(made) == 8
    assert all(len(one) == LENGTH and set(one) <= set(ALPHABET) for one in made)
    assert set(read_value({"generate": {"length": 200, "alphabet": "ab"}}, tmp_path, {})) == {"a", "b"}


def test_what_a_file_says_itself() -> None:
    """Only a value that the file says can differ from the one that is there."""
    assert [needs_value({one: True}) for one in ("env", "file", "literal", "generate", "keep")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_nothing_to_keep(tmp_path: Path) -> None:
    """Where there is no value, none is kept."""
    with pytest.raises(Halt, match="there is no value to keep"):
        read_value({"keep": True}, tmp_path, {})


def test_credentials_are_their_owners_alone(tmp_path: Path) -> None:
    """What is told once goes into a file that nobody else can read, one line each, and after what is there."""
    path = tmp_path / "new"
    kept = Credentials(path)
    kept.open()
    assert path.read_text(encoding="utf-8") == ""
    kept.write({"clientId": "a"})
    Credentials(path).write({"clientId": "b"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line)["clientId"] for line in path.read_text(encoding="utf-8").splitlines()] == ["a", "b"]
    assert kept.written == 1


def test_a_file_that_others_read_takes_no_credentials(tmp_path: Path) -> None:
    """A file that others may read, or a link to somewhere else, is refused before anything is made."""
    path = tmp_path / "open"
    path.write_text("")
    path.chmod(0o640)
    with pytest.raises(Halt, match="others than you may read"):
        Credentials(path).open()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(Halt, match="cannot be written"):
        Credentials(tmp_path / "link").open()
    assert not (tmp_path / "target").exists()


def test_without_a_place_nothing_is_told() -> None:
    """Where no file was named, a credential is not printed instead."""
    Credentials().open()
    with pytest.raises(Halt, match="--credentials FILE"):
        Credentials().write({"clientSecret": "a"})
