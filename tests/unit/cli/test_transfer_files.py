"""Secrets in files: `.env` and JSON, read and written."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.cli.transfer.files import DotenvFile, FileFault, JsonFile, read_dotenv, read_json
from strongroom.cli.transfer.histories import Version
from strongroom.cli.transfer.transfer import SecretFault, TransferEnded


def test_a_dotenv_file_is_read_as_programs_read_it(tmp_path: Path) -> None:
    """Quotes, comments, `export`, empty values; variables in values stay as they are; what has no value is told."""
    file = tmp_path / ".env"
    file.write_text("# note\nexport API_KEY='a b'\nURL=\"x\\ny\"\nEMPTY=\nREF=${API_KEY}\nNOTHING\nplain=1 # tail\n")
    source = read_dotenv(file)
    named, unusable = source.listed()

    assert {one.original: one.name for one in named} == {
        "API_KEY": "API-KEY",
        "URL": "URL",
        "EMPTY": "EMPTY",
        "REF": "REF",
        "plain": "plain",
    }
    assert [one.original for one in unusable] == ["line 6"]
    [key] = source.read("API_KEY").versions
    assert (key.value, key.tags) == ("a b", {"original-name": "API_KEY"})
    assert [source.read(name).versions[0].value for name in ("URL", "EMPTY", "REF", "plain")] == [
        "x\ny",
        "",
        "${API_KEY}",
        "1",
    ]


def test_a_value_of_several_lines_without_quotes_is_nobodys_name(tmp_path: Path) -> None:
    """Its lines are told by their numbers and nothing of them is a name, in a report or in a vault."""
    file = tmp_path / ".env"
    key = ["KEY=-----BEGIN KEY-----", "MIIEvQIBADAN", "BKcwggSjAg/Ab==", "-----END KEY-----"]
    lines = ["A=1", *key, "'x", "B=2", "C="]
    file.write_text("\n".join(lines))
    named, unusable = read_dotenv(file).listed()

    assert [one.original for one in named] == ["A", "KEY", "B", "C"]
    assert [one.original for one in unusable] == ["line 3", "line 4", "line 5", "line 6"]


def test_a_file_in_no_encoding_is_refused(tmp_path: Path) -> None:
    """It is not guessed at."""
    file = tmp_path / ".env"
    file.write_bytes(b"A=\xff\n")

    with pytest.raises(FileFault, match="UTF-8"):
        read_dotenv(file)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30))
def test_a_value_comes_back_from_a_dotenv_file_or_is_refused(value: str) -> None:
    """No value changes on its way through a file; one that such a file cannot say is a fault of that secret."""
    import tempfile  # noqa: PLC0415  a fixture would be shared by all examples

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "out.env"
        destination = DotenvFile(file)
        try:
            destination.write("api-key", Version(value))
        except SecretFault:
            return
        destination.finish()
        assert read_dotenv(file).read("API_KEY").versions[0].value == value


@pytest.mark.parametrize("value", ["it's", "'; touch ran; '", "a b", "#x", "$(touch ran)", "'"])
def test_a_shell_reads_the_same(tmp_path: Path, value: str) -> None:
    """Whoever sources such a file, which is no shell's, gets the value, and runs nothing of it."""
    file = tmp_path / "out.env"
    destination = DotenvFile(file)
    destination.write("x", Version(value, tags={"original-name": "$(touch${IFS}ran)"}))
    destination.finish()
    script = '. ./out.env && printf %s "$X"'
    told = subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout == value
    assert not (tmp_path / "ran").exists()
    assert read_dotenv(file).read("X").versions[0].value == value


def test_two_secrets_are_not_one_variable(tmp_path: Path) -> None:
    """One would take the other's place in silence."""
    destination = DotenvFile(tmp_path / "out.env")
    destination.write("a-b", Version("1"))

    with pytest.raises(SecretFault, match="A_B"):
        destination.write("x", Version("2", tags={"original-name": "A_B"}))


def test_a_json_file_has_everything_and_is_its_owners(tmp_path: Path) -> None:
    """Versions in order, with every attribute, mode 0600."""
    file = tmp_path / "vault.json"
    versions = (Version("1", "t", {"k": "v"}, enabled=True, not_before=1, expires=2), Version("2", enabled=False))
    destination = JsonFile(file)
    for version in versions:
        destination.write("db", version)
    destination.finish()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_json(file).read("db").versions == versions
    assert [path.name for path in tmp_path.iterdir()] == ["vault.json"]


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Even if it came to be since the transfer began."""
    file = tmp_path / "vault.json"
    destination = JsonFile(file)
    destination.write("db", Version("1"))
    file.write_text("mine")

    with pytest.raises(TransferEnded, match="cannot be written"):
        destination.finish()
    assert file.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["vault.json"]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("no", "has no list of secrets"),
        ({"secrets": [{}]}, r"secrets\[0\] has no name"),
        ({"secrets": [{"name": "a"}]}, r"secrets\[0\] has no list of versions"),
        ({"secrets": [{"name": "a", "versions": [{}]}]}, r"versions\[0\] has no value"),
        ({"secrets": [{"name": "a", "versions": [{"value": 1}]}]}, r"versions\[0\]\.value: it is a text"),
        ({"secrets": [{"name": "a", "versions": [{"value": "", "expires": "x"}]}]}, r"\.expires: it is a number"),
        ({"secrets": [{"name": "a", "versions": [{"value": "", "other": 1}]}]}, "something unknown"),
        ({"secrets": [{"name": "a", "versions": []}, {"name": "a", "versions": []}]}, "a name that another has"),
    ],
)
def test_a_json_file_of_another_form_is_refused(tmp_path: Path, document: object, told: str) -> None:
    """The message says where, and holds no value."""
    file = tmp_path / "vault.json"
    file.write_text(json.dumps(document))

    with pytest.raises(FileFault, match=told):
        read_json(file)
