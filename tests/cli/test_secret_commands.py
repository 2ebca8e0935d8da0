"""`strongroom secret`, as an operator types it at a real service: a value goes where it is asked for, nowhere else."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.operators import Operator, first_application


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run a service of these tests' own, since they say what is in the whole vault."""
    with first_application(tmp_path_factory.mktemp("secrets")) as found:
        yield found


@pytest.fixture(scope="module")
def vault(operator: Operator) -> str:
    """Name the first vault."""
    return operator.service.first["vaultName"]


def value_of(operator: Operator, vault: str, name: str, *more: str) -> str:
    """Read a value through a pipe."""
    return operator.done("secret", "show", vault, name, *more, "--value-only")


def test_a_secrets_life(operator: Operator, vault: str, canary: str) -> None:
    """Set twice, listed, shown, changed, deleted, recovered, deleted and purged."""
    one, two = canary, f"{canary}-two"
    made = operator.json("secret", "set", vault, "life", "--tag", "a=b", "--content-type", "text/plain", stdin=one)
    assert (made["tags"], made["contentType"], "value" in made) == ({"a": "b"}, "text/plain", False)
    operator.done("secret", "set", vault, "life", stdin=two)
    assert value_of(operator, vault, "life") == two
    old, new = sorted(operator.json("secret", "versions", vault, "life"), key=lambda one: one["id"] != made["id"])
    assert old["id"] == made["id"]
    assert value_of(operator, vault, "life", old["id"].rpartition("/")[2]) == one
    changed = operator.json("secret", "update", vault, "life", "--disabled", "--expires", "2040-01-01", "--no-tags")
    assert (changed["id"], changed["attributes"]["enabled"], changed["attributes"]["exp"]) == (
        new["id"], False, 2208988800,
    )  # fmt: skip
    assert "life" in operator.done("secret", "list", vault)
    assert "add --yes" in operator.fails(2, "secret", "delete", vault, "life")
    assert f"strongroom secret recover {vault} life" in operator.run("secret", "delete", vault, "life", "--yes").stderr
    assert "there is no secret called life" in operator.fails(1, "secret", "show", vault, "life")
    assert [one["id"].rpartition("/")[2] for one in operator.json("secret", "list-deleted", vault)] == ["life"]
    told = operator.fails(1, "secret", "set", vault, "life", stdin="x")
    assert f"strongroom secret recover {vault} life" in told
    operator.done("secret", "recover", vault, "life")
    operator.done("secret", "delete", vault, "life", "--yes")
    operator.done("secret", "purge", vault, "life", "--yes")
    assert operator.json("secret", "list-deleted", vault) == []
    assert "there is no deleted secret" in operator.fails(1, "secret", "recover", vault, "life")


def test_where_a_value_comes_from(operator: Operator, vault: str, tmp_path: Path, canary: str) -> None:
    """A file's is taken exactly, a pipe's less one line break, a terminal's as it was typed and never shown."""
    value = canary
    file = tmp_path / "value"
    file.write_text(f"{value}\n\n")
    operator.done("secret", "set", vault, "from-file", "--file", str(file))
    assert value_of(operator, vault, "from-file") == f"{value}\n\n"
    operator.done("secret", "set", vault, "from-file", "--file", "-", stdin=f"{value}\n")
    assert value_of(operator, vault, "from-file") == f"{value}\n"
    operator.done("secret", "set", vault, "from-pipe", stdin=f"{value}\n\n")
    assert value_of(operator, vault, "from-pipe") == f"{value}\n"
    code, shown = operator.at_terminal("secret", "set", vault, "typed", types={"Value of typed": value})
    assert code == 0, shown
    assert value not in shown
    assert value_of(operator, vault, "typed") == value
    assert "has no value" in operator.fails(2, "secret", "set", vault, "typed", stdin="")
    code, shown = operator.at_terminal("secret", "set", vault, "typed", types={"Value of typed": "\x04"})
    assert (code, "nothing was typed in" in shown) == (1, True)
    assert value_of(operator, vault, "typed") == value
    file.write_bytes(b"\xff\xfe")
    assert "not text in UTF-8" in operator.fails(1, "secret", "set", vault, "binary", "--file", str(file))
    assert "cannot be read" in operator.fails(1, "secret", "set", vault, "missing", "--file", str(tmp_path / "no"))
    assert operator.run("secret", "set", vault, "argument", "--value", "x").returncode == 2


def test_where_a_value_goes(operator: Operator, vault: str, canary: str) -> None:
    """Nowhere by default; to a terminal by one flag, and alone to a pipe by another, which a terminal refuses."""
    value = canary
    operator.done("secret", "set", vault, "shown", stdin=value)
    for words in (("show", vault, "shown"), ("show", vault, "shown", "--json"), ("list", vault, "--json")):
        assert value not in operator.done("secret", *words)
    assert value in operator.done("secret", "show", vault, "shown", "--show-value")
    assert operator.json("secret", "show", vault, "shown", "--show-value")["value"] == value
    code, shown = operator.at_terminal("secret", "show", vault, "shown", "--value-only", types={})
    assert (code, value in shown, "--show-value shows it" in shown) == (2, False, True)


def test_no_character_steers_a_terminal(operator: Operator, vault: str) -> None:
    """What others wrote is shown with its lines and without its escapes, in a table and in JSON."""
    value = "one\n\x1b]0;t\x07two\x9b\x7f"
    operator.done("secret", "set", vault, "steering", "--content-type", "a\x1b[31mb", stdin=value)
    shown = operator.done("secret", "show", vault, "steering", "--show-value")
    printed = operator.done("secret", "show", vault, "steering", "--show-value", "--json")
    for text in (shown, printed):
        assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert "two" in shown
    assert json.loads(printed)["value"] == value


def test_backup_and_restore(operator: Operator, vault: str, tmp_path: Path, canary: str) -> None:
    """All versions into a file of its owner alone, which nothing overwrites, and out of it again."""
    value = canary
    operator.done("secret", "set", vault, "backed", stdin=value)
    file = tmp_path / "backup"
    operator.done("secret", "backup", vault, "backed", "--file", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert value not in file.read_text()
    assert "is there already" in operator.fails(1, "secret", "backup", vault, "backed", "--file", str(file))
    assert operator.done("secret", "backup", vault, "backed", "--file", "-")
    operator.done("secret", "delete", vault, "backed", "--yes")
    operator.done("secret", "purge", vault, "backed", "--yes")
    operator.done("secret", "restore", vault, "--file", str(file))
    assert value_of(operator, vault, "backed") == value
    assert operator.fails(1, "secret", "restore", vault, "--file", "-", stdin="nothing")


def test_names_that_are_near(operator: Operator, vault: str) -> None:
    """Of a secret, of a vault; and a version that is not there is not the secret."""
    operator.done("secret", "set", vault, "database-password", stdin="x")
    assert "there is database-password" in operator.fails(1, "secret", "show", vault, "databse-password")
    assert f"there is {vault}" in operator.fails(1, "secret", "show", f"{vault}x", "database-password")
    told = operator.fails(1, "secret", "show", vault, "database-password", "0" * 32)
    assert "SecretNotFound" in told
    assert operator.fails(1, "secret", "versions", vault, "databse-password")


def test_a_backup_is_longer_than_any_value(operator: Operator, vault: str, tmp_path: Path) -> None:
    """It has all versions of a secret, so the service is the one that judges it."""
    file = tmp_path / "backup"
    file.write_text("A" * 2 * 1024 * 1024)
    told = operator.fails(1, "secret", "restore", vault, "--file", str(file))
    assert "400)" in told
    assert "is longer than" not in told
    assert "is longer than" in operator.fails(1, "secret", "set", vault, "long", "--file", str(file))
