"""Secrets: through the vaults themselves, so the right to each and the firewall hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.seed.items import Hidden, Item, Key, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting, among, without_nothing
from strongroom.cli.seed.plan import Act, Change
from strongroom.cli.seed.reach import FORBIDDEN, Document, Reach
from strongroom.cli.seed.schema import Entry
from strongroom.cli.seed.sources import needs_value, read_value

_NOT_FOUND = 404
_ATTRIBUTES = {"enabled": "enabled", "notBefore": "nbf", "expires": "exp"}
_PLAIN = ("contentType", "enabled", "notBefore", "expires", "tags")


def _item(vault: str, name: str, values: Document, **more: Any) -> Item:
    aside = {"vault": vault, "name": name, **more.pop("aside", {})}
    return Item("secret", f"{vault}/{name}", values, aside, key_of("vault", vault), **more)


def _read_secret(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    values = {name: entry[name] for name in _PLAIN if name in entry}
    needs: frozenset[Key] = frozenset({parent.key})
    reach, source = wanting.reach, entry["value"]
    if needs_value(source):
        try:
            value = read_value(source, reach.folder, reach.environment)
        except Halt as fault:
            wanting.faults.add(source.line, "", str(fault))
            return None
        if _differs(reach, parent.name, entry["name"], value):
            values["value"] = Hidden(value)
    aside = {"source": source}
    return _item(parent.name, entry["name"], values, aside=aside, needs=needs, line=entry.line)


def _differs(reach: Reach, vault: str, name: str, value: str) -> bool:
    """
    Tell whether a secret has another value than the one that is wanted.

    One that is disabled cannot be read, by nobody: its value stays until it is enabled again. Where it may not be read,
    the vault is noted as closed.
    """
    if reach.look("vault", vault) is None:
        return True
    try:
        return bool(reach.session.vault(vault, "GET", f"/secrets/{name}")["value"] != value)
    except Refused as refused:
        if refused.status == _NOT_FOUND:
            return True
        if refused.inner == "SecretDisabled":
            return False
        if refused.status != FORBIDDEN:
            raise
        reach.closed.setdefault(vault.casefold(), refused)
        return True


def _found_secrets(reach: Reach, parents: Parents) -> Iterable[Item]:
    for vault, _ in among(reach, "vault", parents):
        for one in reach.look_into(vault, partial(reach.session.vault_pages, vault, "/secrets")):
            if one.get("managed"):
                # A certificate's: it goes with it.
                continue
            attributes = one["attributes"]
            values = without_nothing({
                "contentType": one.get("contentType"),
                "enabled": attributes["enabled"],
                "notBefore": attributes.get("nbf"),
                "expires": attributes.get("exp"),
                "tags": one.get("tags"),
            })  # fmt: skip
            yield _item(vault, one["id"].rpartition("/")[2], values, id=one["id"])


def _put_secret(reach: Reach, change: Change) -> None:
    item = change.item
    vault, path = item.aside["vault"], f"/secrets/{item.aside['name']}"
    if vault.casefold() in reach.closed and _is_there(reach, item):
        body = _body(item.values, frozenset(item.values))
        if body:
            reach.session.vault(vault, "PATCH", path, body)
        return
    if change.act is Act.CREATE or "value" in change.changed:
        body = _body(item.values, frozenset(_PLAIN))
        hidden = item.values.get("value")
        value = hidden.text if hidden is not None else read_value(item.aside["source"], reach.folder, reach.environment)
        reach.session.vault(vault, "PUT", path, {**body, "value": value})
    else:
        reach.session.vault(vault, "PATCH", path, _body(item.values, change.changed))


def _is_there(reach: Reach, item: Item) -> bool:
    """Tell of a secret that could not be looked at before whether it has the value that is wanted, or any to keep."""
    hidden = item.values.get("value")
    try:
        value = reach.session.vault(item.aside["vault"], "GET", f"/secrets/{item.aside['name']}")["value"]
    except Refused as refused:
        if refused.status == _NOT_FOUND:
            return False
        if refused.inner == "SecretDisabled":
            return True
        raise
    return hidden is None or bool(value == hidden.text)


def _body(values: Any, said: frozenset[str]) -> Document:
    body: Document = {name: values[name] for name in ("contentType", "tags") if name in values and name in said}
    attributes = {wire: values[name] for name, wire in _ATTRIBUTES.items() if name in values and name in said}
    return {**body, "attributes": attributes} if attributes else body


def _lacks_value(reach: Reach, item: Item) -> str | None:
    if item.aside["vault"].casefold() in reach.closed:
        # It may be there.
        return None
    if "keep" in item.aside["source"]:
        return "there is no value to keep: say where it comes from instead of `keep: true`"
    return None


def _drop_secret(reach: Reach, item: Item) -> None:
    reach.session.vault(item.aside["vault"], "DELETE", f"/secrets/{item.aside['name']}")


def _write_secret(item: Item) -> Document:
    values = dict(item.values)
    for name in ("notBefore", "expires"):
        if name in values:
            values[name] = datetime.fromtimestamp(values[name], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if values.get("enabled") is True:
        del values["enabled"]
    return {"name": item.aside["name"], "value": {"keep": True}, **without_nothing(values)}


def _reveal_value(reach: Reach, item: Item) -> Document:
    if item.values.get("enabled") is False:
        # Nobody can read it.
        return {"value": {"keep": True}}
    path = f"/secrets/{item.aside['name']}"
    read = reach.see(
        f"the value of secret {item.name}", lambda: [reach.session.vault(item.aside["vault"], "GET", path)]
    )
    return {"value": {"literal": read[0]["value"]} if read else {"keep": True}}


SECRETS = Kind(
    "secret",
    "secrets",
    _read_secret,
    _found_secrets,
    _put_secret,
    _drop_secret,
    _write_secret,
    parent="vault",
    declare=lambda entry, parent: f"{parent}/{entry['name']}",
    lacks=_lacks_value,
    reveal=_reveal_value,
)
