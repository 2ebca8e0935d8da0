"""`strongroom certificate issuer` and `contacts`: who issues for a vault, and who is told, by the data plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import confirm, read_secret_line
from strongroom.cli.remote.objects import asking
from strongroom.cli.remote.output import Columns, done, show, show_one
from strongroom.cli.remote.session import segment


def _name_of(row: Mapping[str, Any]) -> str:
    return str(row["id"]).rpartition("/")[2]


_ISSUERS: Columns = {"name": _name_of, "provider": "provider"}
_ISSUER: Columns = {
    "name": _name_of,
    "provider": "provider",
    "account": "credentials.account_id",
    "organization": "org_details.id",
    "enabled": "attributes.enabled",
}
_CONTACTS: Columns = {"email": "email", "name": "name", "phone": "phone"}


@dataclass(frozen=True, slots=True)
class Issuer:
    """What is said of an issuer; what is None is not said."""

    provider: str | None = None
    account: str | None = None
    password_file: Path | None = None
    organization: str | None = None
    enabled: bool | None = None

    def body(self) -> dict[str, Any]:
        """
        Give it as a vault calls it.

        Raises:
            Halt: the password cannot be read.
        """
        password = read_secret_line("Password", self.password_file) if self.password_file is not None else None
        credentials = {"account_id": self.account, "pwd": password}
        said: dict[str, Any] = {
            "provider": self.provider,
            "credentials": {name: value for name, value in credentials.items() if value is not None} or None,
            "org_details": {"id": self.organization} if self.organization is not None else None,
            "attributes": {"enabled": self.enabled} if self.enabled is not None else None,
        }
        return {name: value for name, value in said.items() if value is not None}


def list_issuers(at: At, vault: str, *, as_json: bool) -> int:
    """
    Print a vault's issuers.

    Raises:
        Halt: the vault cannot be asked, or refuses.
    """
    with asking(at, vault) as session:
        return show(session.vault_pages(vault, "/certificates/issuers"), _ISSUERS, as_json=as_json)


def show_issuer(at: At, vault: str, name: str, *, as_json: bool) -> int:
    """
    Print an issuer. Its password does not come out.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with asking(at, vault) as session:
        return show_one(session.vault(vault, "GET", _path(name)), _ISSUER, as_json=as_json)


def set_issuer(at: At, vault: str, name: str, issuer: Issuer, *, as_json: bool) -> int:
    """
    Have an issuer in a vault, in the place of one of that name.

    Raises:
        Halt: the password cannot be read, or the vault refuses.
    """
    body = issuer.body()
    with asking(at, vault) as session:
        return show_one(session.vault(vault, "PUT", _path(name), body), _ISSUER, as_json=as_json)


def update_issuer(at: At, vault: str, name: str, issuer: Issuer, *, as_json: bool) -> int:
    """
    Change an issuer of a vault.

    Raises:
        Halt: nothing is said, there is none of that name, or the vault refuses.
    """
    body = issuer.body()
    if not body:
        raise Halt("say what is to be changed: strongroom certificate issuer update --help lists it", Exit.USAGE)
    with asking(at, vault) as session:
        return show_one(session.vault(vault, "PATCH", _path(name), body), _ISSUER, as_json=as_json)


def delete_issuer(at: At, vault: str, name: str, *, yes: bool, as_json: bool) -> int:
    """
    Remove an issuer from a vault; what it issued stays.

    Raises:
        Halt: it is not confirmed, there is none of that name, or the vault refuses.
    """
    confirm(f"Remove the issuer {name} from {vault}?", yes=yes)
    with asking(at, vault) as session:
        removed = session.vault(vault, "DELETE", _path(name))
    return done(f"{name} is no issuer of {vault} any more", as_json=as_json, **removed)


def show_contacts(at: At, vault: str, *, as_json: bool) -> int:
    """
    Print who is told about a vault's certificates.

    Raises:
        Halt: nobody is, or the vault refuses.
    """
    with asking(at, vault) as session:
        found = session.vault(vault, "GET", "/certificates/contacts")
    return show(found.get("contacts") or (), _CONTACTS, as_json=as_json)


def set_contacts(at: At, vault: str, emails: Sequence[str], *, as_json: bool) -> int:
    """
    Say who is told about a vault's certificates, in the place of whoever was.

    Raises:
        Halt: the vault refuses.
    """
    body = {"contacts": [_contact(one) for one in emails]}
    with asking(at, vault) as session:
        found = session.vault(vault, "PUT", "/certificates/contacts", body)
    return show(found.get("contacts") or (), _CONTACTS, as_json=as_json)


def delete_contacts(at: At, vault: str, *, yes: bool, as_json: bool) -> int:
    """
    Tell nobody about a vault's certificates any more.

    Raises:
        Halt: it is not confirmed, nobody is told as it is, or the vault refuses.
    """
    confirm(f"Tell nobody about the certificates of {vault} any more?", yes=yes)
    with asking(at, vault) as session:
        removed = session.vault(vault, "DELETE", "/certificates/contacts")
    return done(f"nobody is told about the certificates of {vault}", as_json=as_json, **removed)


def _contact(text: str) -> dict[str, str]:
    """Read a contact: an address, or `Name <address>`."""
    name, bracket, address = text.partition("<")
    if not bracket:
        return {"email": text.strip()}
    return {"email": address.rstrip("> "), "name": name.strip()}


def _path(name: str) -> str:
    return f"/certificates/issuers/{segment(name)}"
