"""Token families: what may begin one, what takes it further, and how its tokens and codes are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from strongroom.core.errors import Failure
from strongroom.core.identity import User
from strongroom.core.limits import FORM_VALUE_CHARS
from strongroom.core.sessions import TokenFamily
from strongroom.directory import codes, sessions
from tests.flow.users import AZURE_CLI
from tests.plugins import canary
from tests.unit.directory.conftest import NOW, Directory

SEALED_OVERHEAD = 1 + 16 + 12 + 16
"""What a seal adds to its content: a number, a salt, a nonce and a tag."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Text(msgspec.Struct, array_like=True, frozen=True):
    """Something that a browser carries."""

    text: str


def family_for(directory: Directory, user: User, name: str = "f", **known: Any) -> TokenFamily:
    """Describe a family of a user's that has not begun."""
    (password,) = directory.view.credentials_of(user.id)
    return TokenFamily(name, user.tenant, user.id, AZURE_CLI, password.id, NOW, ("pwd",), NOW + 60, **known)


def begin(directory: Directory, family: TokenFamily) -> bool:
    """Begin a family."""
    return directory.commit(lambda tx: sessions.begin_family(tx, family))


def spellings(token: str) -> list[str]:
    """Write a sealed text in every way that lenient decoders take for the same bytes."""
    middle = len(token) // 2
    inserted = [token[:middle] + mark + token[middle:] for mark in ("!", " ", "\n", "=")]
    return [*inserted, token + "=", token + "====", *(token[:-1] + last for last in ALPHABET if last != token[-1])]


def test_a_refresh_token_is_read_in_one_spelling(directory: Directory) -> None:
    """PIT: "Paths, handles, parsing": only the very characters that were issued."""
    user = directory.add_user()
    token = sessions.make_refresh_token(directory.keys, family_for(directory, user))
    canary.remember(token)
    assert sessions.read_refresh_token(directory.keys, token).family == "f"
    for text in spellings(token):
        with pytest.RaisesExc(Failure, check=lambda refused: refused.number == 70000):
            sessions.read_refresh_token(directory.keys, text)


def test_a_code_is_read_in_one_spelling(directory: Directory) -> None:
    """And so is whatever else a browser carries for us; for another purpose it is nothing."""
    made = codes.seal(directory.keys, "p", Text("a"))
    assert codes.unseal(directory.keys, "p", Text, made) == Text("a")
    assert codes.unseal(directory.keys, "q", Text, made) is None
    assert [text for text in spellings(made) if codes.unseal(directory.keys, "p", Text, text) is not None] == []


def test_the_longest_code(directory: Directory) -> None:
    """FORM_VALUE_CHARS: at the limit it is read, one byte more is not."""
    longest = FORM_VALUE_CHARS * 3 // 4 - SEALED_OVERHEAD - len(msgspec.msgpack.encode(Text("x" * 300))) + 300
    made = codes.seal(directory.keys, "p", Text("x" * longest))
    assert len(made) == FORM_VALUE_CHARS
    assert codes.unseal(directory.keys, "p", Text, made) == Text("x" * longest)
    assert codes.unseal(directory.keys, "p", Text, codes.seal(directory.keys, "p", Text("x" * (longest + 1)))) is None


def _with(directory: Directory, record: Any, family: TokenFamily) -> TokenFamily:
    directory.commit(lambda tx: tx.put(record))
    return family


def _without(directory: Directory, record: Any, family: TokenFamily) -> TokenFamily:
    directory.commit(lambda tx: tx.remove(record))
    return family


GONE: dict[str, Callable[[Directory, User, TokenFamily], TokenFamily]] = {
    "the user is gone": _without,
    "the user is disabled": lambda directory, user, family: _with(directory, replace(user, enabled=False), family),
    "the password is gone": lambda directory, _user, family: _without(
        directory, directory.view.credential(family.credential), family
    ),
    "signed out of everything since": lambda directory, user, family: _with(
        directory, replace(user, sessions_valid_from=NOW + 1), family
    ),
    "the parent is gone": lambda _directory, _user, family: replace(family, parent="p"),
    "the parent was ended": lambda directory, _user, family: _with(
        directory, replace(family, id="p", ended=True), replace(family, parent="p")
    ),
}


@pytest.mark.parametrize("what", GONE)
def test_none_begins_without_what_it_stands_on(directory: Directory, what: str) -> None:
    """SEC-FLOW-7: what goes away between the sign-in and the first token is asked for when the family is written."""
    user = directory.add_user()
    family = GONE[what](directory, user, family_for(directory, user))
    with pytest.RaisesExc(Failure, check=lambda refused: refused.number == 50173):
        begin(directory, family)
    assert directory.view.get(TokenFamily, family.partition, family.id) is None


def test_one_begins_at_the_moment_of_signing_out_of_everything(directory: Directory) -> None:
    """The second itself still counts, for every refresh too, and so does a parent that goes on."""
    user = directory.add_user()
    directory.commit(lambda tx: tx.put(replace(user, sessions_valid_from=NOW)))
    assert begin(directory, family_for(directory, user, "p"))
    family = family_for(directory, user, parent="p")
    assert begin(directory, family)
    assert refresh(directory, family) is not None


def test_a_parent_that_is_not_there_keeps_nothing(directory: Directory) -> None:
    """A family whose parent was cleaned up before is listed by its own time."""
    user = directory.add_user()
    family = family_for(directory, user, parent="p")
    directory.commit(lambda tx: tx.put(family))
    assert sessions.expired_families(directory.view, NOW + 59) == []
    assert sessions.expired_families(directory.view, NOW + 60) == [family]


OVER: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "it was ended": ({"ended": True}, {}, 50173),
    "another client's": ({}, {"app_id": "another"}, 70000),
    "a page's, at its end": ({"until": NOW + 1}, {"now": NOW + 1}, 700084),
    "at its end": ({}, {"now": NOW + 60}, 700082),
}


def refresh(directory: Directory, family: TokenFamily, **asked: Any) -> TokenFamily | None:
    """Take a family further by its newest token."""
    token = sessions.RefreshToken(family.tenant, family.id, family.generation)
    given = {"app_id": family.app_id, "client_credential": None, "expires": NOW + 120, "now": NOW, **asked}
    return directory.commit(lambda tx: sessions.refresh_family(tx, token, **given))


@pytest.mark.parametrize("what", OVER)
def test_what_is_over_is_taken_no_further(directory: Directory, what: str) -> None:
    """SEC-FLOW-7: asked when the next generation is written, whatever the flow asked before."""
    known, asked, number = OVER[what]
    family = replace(family_for(directory, directory.add_user()), **known)
    directory.commit(lambda tx: tx.put(family))
    with pytest.RaisesExc(Failure, check=lambda refused: refused.number == number):
        refresh(directory, family, **asked)
    assert directory.view.get(TokenFamily, family.partition, family.id) == family


@pytest.mark.parametrize("what", ["the user is gone", "signed out of everything since"])
def test_a_family_goes_no_further_without_its_user(directory: Directory, what: str) -> None:
    """SEC-FLOW-7: and neither does one whose user was signed out of everything since."""
    user = directory.add_user()
    family = family_for(directory, user)
    assert begin(directory, family)
    GONE[what](directory, user, family)
    with pytest.RaisesExc(Failure, check=lambda refused: refused.number == 50173):
        refresh(directory, family)


def test_a_family_that_was_cleaned_up_is_over(directory: Directory) -> None:
    """Its token names nothing: refused like one that was ended."""
    family = family_for(directory, directory.add_user())
    assert sessions.family_of(directory.view, family.tenant, family.id) is None
    with pytest.RaisesExc(Failure, check=lambda refused: refused.number == 50173):
        refresh(directory, family)


def test_a_page_refreshes_until_its_end(directory: Directory) -> None:
    """The second before its end; the next token of its family lasts no longer for that."""
    family = replace(family_for(directory, directory.add_user()), until=NOW + 2)
    directory.commit(lambda tx: tx.put(family))
    refreshed = refresh(directory, family, now=NOW + 1)
    assert refreshed is not None
    assert (refreshed.generation, refreshed.until) == (1, NOW + 2)


def test_a_family_that_was_refreshed_since_is_not_cleaned_up(directory: Directory) -> None:
    """SEC-FLOW-7: what the clean-up looked at is not what is there now."""
    family = family_for(directory, directory.add_user())
    assert begin(directory, family)
    refreshed = refresh(directory, family)
    directory.commit(lambda tx: sessions.end_families(tx, [family]))
    assert directory.view.get(TokenFamily, family.partition, family.id) == refreshed
