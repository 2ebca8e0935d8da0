"""Who issues a vault's certificates, and who is told of them: through the vaults themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.remote.session import segment
from strongroom.cli.seed.items import Hidden, Item, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting, among, pick, without_nothing
from strongroom.cli.seed.plan import Change
from strongroom.cli.seed.reach import FORBIDDEN, Document, Reach
from strongroom.cli.seed.schema import Entry
from strongroom.cli.seed.sources import read_value
from strongroom.core.certificate_issuers import RESERVED

_NOT_FOUND = 404
_ISSUERS = "/certificates/issuers"
_CONTACTS = "/certificates/contacts"
_PLAIN = ("provider", "accountId", "organization", "administrators", "enabled")
_ADMINISTRATOR = {"firstName": "first_name", "lastName": "last_name", "email": "email", "phone": "phone"}

# ---- issuers --------------------------------------------------------------------------------------------------------


def refer_issuer(wanting: Wanting, vault: str, name: str, certificate: str, line: int) -> None:
    """
    Take a certificate's reference to an issuer of its vault, or note that there is none.

    An issuer can be deleted whose certificates stay: of them a file, such as an export, says what is so already.
    """
    if name.casefold() in RESERVED:
        return
    key = key_of("certificateIssuer", f"{vault}/{name}")
    wanting.meant.setdefault(key, line)
    if key in wanting.declared:
        wanting.needs.add(key)
    elif wanting.reach.look("vault", vault) is None or not (
        _may_be_there(wanting.reach, vault, name) or _names_it(wanting.reach, vault, certificate, name)
    ):
        wanting.faults.add(
            line, "", f"there is no certificate issuer {name} in {vault}, neither there nor in this file"
        )


def _may_be_there(reach: Reach, vault: str, name: str) -> bool:
    try:
        reach.session.vault(vault, "GET", f"{_ISSUERS}/{segment(name)}")
    except Refused as refused:
        if refused.status not in {_NOT_FOUND, FORBIDDEN}:
            raise
        return refused.status == FORBIDDEN
    return True


def _names_it(reach: Reach, vault: str, certificate: str, issuer: str) -> bool:
    """Tell whether a certificate that is there has its versions from an issuer of this name."""
    try:
        policy = reach.session.vault(vault, "GET", f"/certificates/{segment(certificate)}/policy")
    except Refused as refused:
        if refused.status not in {_NOT_FOUND, FORBIDDEN}:
            raise
        return False
    return str(policy["issuer"]["name"]).casefold() == issuer.casefold()


def _issuer(vault: str, name: str, values: Mapping[str, Any], **more: Any) -> Item:
    aside = {"vault": vault, "name": name, **more.pop("aside", {})}
    return Item("certificateIssuer", f"{vault}/{name}", values, aside, key_of("vault", vault), **more)


def _read_issuer(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    aside: Document = {}
    if "password" in entry:
        try:
            aside["password"] = Hidden(read_value(entry["password"], wanting.reach.folder, wanting.reach.environment))
        except Halt as fault:
            wanting.faults.add(entry["password"].line, "", str(fault))
            return None
    values = pick(entry, *_PLAIN)
    return _issuer(parent.name, entry["name"], values, aside=aside, needs=frozenset({parent.key}), line=entry.line)


def _found_issuers(reach: Reach, parents: Parents) -> Iterable[Item]:
    for vault, _ in among(reach, "vault", parents):
        yield from reach.look_into(vault, partial(_issuers_of, reach, vault), "the certificate issuers")


def _issuers_of(reach: Reach, vault: str) -> Iterator[Item]:
    for listed in reach.session.vault_pages(vault, _ISSUERS):
        name = str(listed["id"]).rpartition("/")[2]
        one = reach.session.vault(vault, "GET", f"{_ISSUERS}/{segment(name)}")
        organization = one.get("org_details") or {}
        values = {
            "provider": one["provider"],
            "accountId": (one.get("credentials") or {}).get("account_id"),
            "organization": organization.get("id"),
            "administrators": [
                without_nothing({word: who.get(wire) for word, wire in _ADMINISTRATOR.items()})
                for who in organization.get("admin_details") or ()
            ],
            "enabled": one["attributes"]["enabled"],
        }
        yield _issuer(vault, name, without_nothing(values), id=one["id"])


def _put_issuer(reach: Reach, change: Change) -> None:
    item, vault = change.item, change.item.aside["vault"]
    path = f"{_ISSUERS}/{segment(item.aside['name'])}"
    is_there = change.found is not None or (vault.casefold() in reach.closed and _is_there(reach, vault, path))
    said = change.changed if change.found is not None else frozenset(item.values)
    body = pick(item.values, "provider") if "provider" in said else {}
    credentials = {"account_id": item.values["accountId"]} if "accountId" in said else {}
    if not is_there and "password" in item.aside:
        credentials["pwd"] = item.aside["password"].text
    if credentials:
        body["credentials"] = credentials
    if {"organization", "administrators"} & said:
        # It is replaced as a whole.
        people = [{wire: who.get(word) for word, wire in _ADMINISTRATOR.items()} for who in _people(item)]
        body["org_details"] = {"id": item.values.get("organization"), "admin_details": people}
    if "enabled" in said:
        body["attributes"] = {"enabled": item.values["enabled"]}
    reach.session.vault(vault, "PATCH" if is_there else "PUT", path, body)


def _people(item: Item) -> Iterable[Mapping[str, Any]]:
    found: Iterable[Mapping[str, Any]] = item.values.get("administrators", ())
    return found


def _is_there(reach: Reach, vault: str, path: str) -> bool:
    """Tell of an issuer in a vault that could not be looked into before whether it is there."""
    try:
        reach.session.vault(vault, "GET", path)
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise
        return False
    return True


def _drop_issuer(reach: Reach, item: Item) -> None:
    reach.session.vault(item.aside["vault"], "DELETE", f"{_ISSUERS}/{segment(item.aside['name'])}")


def _write_issuer(item: Item) -> Document:
    values = dict(item.values)
    if values.get("enabled") is True:
        del values["enabled"]
    return {"name": item.aside["name"], **without_nothing(values)}


CERTIFICATE_ISSUERS = Kind(
    "certificateIssuer",
    "certificateIssuers",
    _read_issuer,
    _found_issuers,
    _put_issuer,
    _drop_issuer,
    _write_issuer,
    parent="vault",
    declare=lambda entry, parent: f"{parent}/{entry['name']}",
)

# ---- contacts -------------------------------------------------------------------------------------------------------


def _contacts(vault: str, contacts: Iterable[Mapping[str, Any]], **more: Any) -> Item:
    values = {"certificateContacts": [without_nothing(pick(one, "email", "name", "phone")) for one in contacts]}
    return Item("certificateContacts", vault, values, parent=key_of("vault", vault), **more)


def _read_contacts(_: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    return _contacts(parent.name, entry["certificateContacts"], needs=frozenset({parent.key}), line=entry.line)


def _found_contacts(reach: Reach, parents: Parents) -> Iterable[Item]:
    for vault, _ in among(reach, "vault", parents):
        yield from reach.look_into(vault, partial(_contacts_of, reach, vault), "the certificate contacts")


def _contacts_of(reach: Reach, vault: str) -> Iterator[Item]:
    try:
        found = reach.session.vault(vault, "GET", _CONTACTS)["contacts"]
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise
        found = []
    yield _contacts(vault, found, protected=True)


def _put_contacts(reach: Reach, change: Change) -> None:
    wanted = change.item.values["certificateContacts"]
    if wanted:
        reach.session.vault(change.item.name, "PUT", _CONTACTS, {"contacts": wanted})
        return
    try:
        reach.session.vault(change.item.name, "DELETE", _CONTACTS)
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise


def _keep_contacts(_: Reach, item: Item) -> None:
    raise AssertionError(f"the certificate contacts of {item.name} go with it")


CERTIFICATE_CONTACTS = Kind(
    "certificateContacts",
    "certificateContacts",
    _read_contacts,
    _found_contacts,
    _put_contacts,
    _keep_contacts,
    lambda item: without_nothing(item.values),
    parent="vault",
    merges=True,
)
