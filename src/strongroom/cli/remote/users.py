"""`strongroom user`: the people of the operator's tenant."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import confirm, read_secret_line
from strongroom.cli.remote.directory import USER, find, listed, name_of
from strongroom.cli.remote.handing_over import hand_over, place_for_secret
from strongroom.cli.remote.output import Columns, done, show, show_one
from strongroom.cli.remote.session import Session, open_session

_LIST: Columns = {
    "User": "userPrincipalName",
    "Name": "displayName",
    "Object id": "id",
    "Enabled": "accountEnabled",
}
_ONE: Columns = {
    **_LIST,
    "Made": "createdDateTime",
    "Given name": "givenName",
    "Surname": "surname",
    "Mail": "mail",
    "Department": "department",
}


def show_all(data: Path | None, name: str | None, *, as_json: bool) -> int:
    """
    Print every user, or those whose name begins with *name*.

    Raises:
        Halt: the service refuses, or cannot be asked.
    """
    with open_session(data) as session:
        return show(listed(session, USER, name), _LIST, as_json=as_json)


def show_user(data: Path | None, text: str, *, as_json: bool) -> int:
    """
    Print one user.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data) as session:
        return show_one(find(session, USER, text), _ONE, as_json=as_json)


def create(data: Path | None, user: str, *, name: str | None, password: Password, as_json: bool) -> int:
    """
    Make a user with a password, which is made and told once unless it comes from a file.

    Without a domain, the tenant's default one is taken.

    Raises:
        Halt: the domain is none of the tenant's, the service refuses, or nobody takes the password.
    """
    with open_session(data) as session, place_for_secret(password.into):
        local, full_name = _full_name(session, user)
        text = password.text()
        wanted = {
            "accountEnabled": True,
            "userPrincipalName": full_name,
            "displayName": name or local,
            "mailNickname": local,
            "passwordProfile": password.profile(text),
        }
        made = session.graph("POST", "/users", wanted)
        facts = {"userName": made["userPrincipalName"], "name": made["displayName"], "objectId": made["id"]}
        return password.tell(facts, text, as_json=as_json)


def reset_password(data: Path | None, text: str, *, password: Password, yes: bool, as_json: bool) -> int:
    """
    Give a user another password; whatever was signed in with the old one ends.

    Raises:
        Halt: there is none, nobody confirms it, the service refuses, or nobody takes the password.
    """
    with open_session(data) as session:
        found = find(session, USER, text)
        confirm(f"Give {name_of(found)} another password, ending the sign-ins with the present one?", yes=yes)
        with place_for_secret(password.into):
            chosen = password.text()
            session.graph("PATCH", f"/users/{found['id']}", {"passwordProfile": password.profile(chosen)})
            facts = {"userName": found["userPrincipalName"], "objectId": found["id"]}
            return password.tell(facts, chosen, as_json=as_json)


def delete(data: Path | None, text: str, *, yes: bool, as_json: bool) -> int:
    """
    Remove a user; for 30 days it can be restored.

    Raises:
        Halt: there is none, nobody confirms it, or the service refuses.
    """
    with open_session(data) as session:
        found = find(session, USER, text)
        confirm(f"Delete the user {name_of(found)} ({found['id']}), ending its sign-ins?", yes=yes)
        session.graph("DELETE", f"/users/{found['id']}")
        return done(f"deleted {name_of(found)} ({found['id']})", as_json=as_json, id=found["id"], deleted=True)


def enable(data: Path | None, text: str, *, enabled: bool, as_json: bool) -> int:
    """
    Let a user sign in, or not; what a disabled one is signed in to ends at once.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data) as session:
        found = find(session, USER, text)
        session.graph("PATCH", f"/users/{found['id']}", {"accountEnabled": enabled})
        sentence = f"{'enabled' if enabled else 'disabled'} {name_of(found)} ({found['id']})"
        return done(sentence, as_json=as_json, id=found["id"], accountEnabled=enabled)


def _full_name(session: Session, user: str) -> tuple[str, str]:
    """Give the part of a user principal name before the @, and all of it."""
    local, at, domain = user.partition("@")
    domains = {str(one["id"]): bool(one["isDefault"]) for one in session.graph_pages("/domains")}
    if not local or (at and domain.lower() not in domains):
        names = ", ".join(domains)
        raise Halt(f"{user!r} cannot be a user principal name: NAME@DOMAIN, with one of these domains: {names}")
    if at:
        return local, user
    return local, f"{local}@{next(name for name, is_default in domains.items() if is_default)}"


class Password:
    """Where a user's new password comes from, and where it goes."""

    def __init__(self, source: Path | None, into: Path | None, *, must_change: bool) -> None:
        """
        Take the file that has it, or the file that one is to be made into.

        Raises:
            Halt: it is to be both.
        """
        if source is not None and into is not None:
            raise Halt("--password-file has the password, --secret-file gets one that is made: not both", Exit.USAGE)
        self._source = source
        self.into = into
        self._must_change = must_change

    def text(self) -> str:
        """
        Read the password, or make one.

        Raises:
            Halt: it cannot be read.
        """
        if self._source is not None:
            return read_secret_line("New password", self._source)
        from strongroom.crypto.secret_texts import new_password  # noqa: PLC0415  most commands need none

        return new_password(os.urandom)

    def profile(self, text: str) -> dict[str, Any]:
        """Write it as Graph takes it."""
        return {"password": text, "forceChangePasswordNextSignIn": self._must_change}

    def tell(self, facts: dict[str, Any], text: str, *, as_json: bool) -> int:
        """Print who it was for, and the password if it was made here."""
        if self._source is not None:
            titles = {"userName": "User", "name": "Name", "objectId": "Object id"}
            return show_one(facts, {titles[fact]: fact for fact in facts}, as_json=as_json)
        otherwise = f"the password is lost; strongroom user reset-password {facts['userName']} sets another"
        return hand_over(
            {**facts, "userPassword": text}, once="userPassword", file=self.into, as_json=as_json, otherwise=otherwise
        )
