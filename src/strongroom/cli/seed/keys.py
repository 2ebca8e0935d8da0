"""
Keys: made by the vaults themselves where there are none, never brought in and never replaced.

A file says what a key is like and not what it is: no private part comes out of a vault, and none stands in a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from strongroom.cli.remote.refusals import Refused
from strongroom.cli.seed.items import Item, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting, among, pick, without_nothing
from strongroom.cli.seed.plan import Act, Change, Rules
from strongroom.cli.seed.reach import FORBIDDEN, Document, Reach
from strongroom.cli.seed.schema import Entry

_NOT_FOUND = 404
_ATTRIBUTES = {"enabled": "enabled", "notBefore": "nbf", "expires": "exp"}
_PLAIN = ("type", "size", "curve", "enabled", "notBefore", "expires", "tags")
_TRIGGERS = {
    "rotateAfter": ("Rotate", "timeAfterCreate"),
    "rotateBeforeExpiry": ("Rotate", "timeBeforeExpiry"),
    "notifyBeforeExpiry": ("Notify", "timeBeforeExpiry"),
}
_ALWAYS = {"notifyBeforeExpiry": "P30D"}
"""What a vault makes part of every rotation policy that does not say another."""


def _item(vault: str, name: str, values: Document, **more: Any) -> Item:
    return Item("key", f"{vault}/{name}", values, {"vault": vault, "name": name}, key_of("vault", vault), **more)


def _read_key(_: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    values = pick(entry, *_PLAIN)
    if "operations" in entry:
        values["operations"] = sorted(entry["operations"])
    if "rotationPolicy" in entry:
        values["rotationPolicy"] = _without_defaults(entry["rotationPolicy"])
    return _item(parent.name, entry["name"], values, needs=frozenset({parent.key}), line=entry.line)


def _found_keys(reach: Reach, parents: Parents) -> Iterable[Item]:
    for vault, _ in among(reach, "vault", parents):
        yield from reach.look_into(vault, partial(_keys_of, reach, vault), "the keys")


def _keys_of(reach: Reach, vault: str) -> Iterator[Item]:
    for one in reach.session.vault_pages(vault, "/keys"):
        if not one.get("managed"):
            # A certificate's goes with it.
            yield _look(reach, vault, one["kid"].rpartition("/")[2])


def _look(reach: Reach, vault: str, name: str) -> Item:
    bundle = reach.session.vault(vault, "GET", f"/keys/{name}")
    web_key, attributes = bundle["key"], bundle["attributes"]
    modulus = web_key.get("n")
    values = without_nothing({
        "type": web_key["kty"],
        # Base64url has six bits a character.
        "size": None if modulus is None else len(modulus) * 6 // 8 * 8,
        "curve": web_key.get("crv"),
        "enabled": attributes["enabled"],
        "notBefore": attributes.get("nbf"),
        "expires": attributes.get("exp"),
        "tags": bundle.get("tags"),
    })  # fmt: skip
    # None at all is something to say: a key of which nothing is said has its kind's.
    values["operations"] = sorted(web_key["key_ops"])
    try:
        policy = reach.session.vault(vault, "GET", f"/keys/{name}/rotationpolicy")
    except Refused as refused:
        if refused.status != FORBIDDEN:
            raise
    else:
        values["rotationPolicy"] = _without_defaults(_shown(policy))
    return _item(vault, name, values, id=web_key["kid"])


def _shown(policy: Mapping[str, Any]) -> Document:
    shown: Document = {}
    for one in policy.get("lifetimeActions") or ():
        for name, (action, trigger) in _TRIGGERS.items():
            if one["action"]["type"].lower() == action.lower() and one["trigger"].get(trigger):
                shown[name] = one["trigger"][trigger]
    expiry = (policy.get("attributes") or {}).get("expiryTime")
    return {**shown, "expiresAfter": expiry} if expiry else shown


def _without_defaults(policy: Mapping[str, Any]) -> Document:
    return {name: value for name, value in policy.items() if _ALWAYS.get(name) != value}


def _put_key(reach: Reach, change: Change) -> None:
    item, vault = change.item, change.item.aside["vault"]
    path = f"/keys/{item.aside['name']}"
    said = change.changed if change.act is Act.CHANGE else frozenset(item.values)
    if change.act is Act.CREATE and not _is_there(reach, item):
        shape = {
            "kty": item.values.get("type", "RSA"),
            "key_size": item.values.get("size"),
            "crv": item.values.get("curve"),
        }
        reach.session.vault(vault, "POST", f"{path}/create", {**without_nothing(shape), **_body(item.values, said)})
        if item.values.get("operations") == []:
            # No key is made without operations; an update takes them away.
            reach.session.vault(vault, "PATCH", path, {"key_ops": []})
    elif body := _body(item.values, said):
        reach.session.vault(vault, "PATCH", path, body)
    if "rotationPolicy" in said:
        reach.session.vault(vault, "PUT", f"{path}/rotationpolicy", _policy_body(item.values["rotationPolicy"]))


def _is_there(reach: Reach, item: Item) -> bool:
    """Tell of a key in a vault that could not be looked into before whether it is there: it is not made twice."""
    if item.aside["vault"].casefold() not in reach.closed:
        return False
    try:
        reach.session.vault(item.aside["vault"], "GET", f"/keys/{item.aside['name']}")
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise
        return False
    return True


def _body(values: Mapping[str, Any], said: frozenset[str]) -> Document:
    body: Document = {}
    if "operations" in said:
        body["key_ops"] = values["operations"]
    if "tags" in said:
        body["tags"] = values["tags"]
    attributes = {wire: values[name] for name, wire in _ATTRIBUTES.items() if name in said}
    return {**body, "attributes": attributes} if attributes else body


def _policy_body(policy: Mapping[str, Any]) -> Document:
    actions = [
        {"trigger": {trigger: policy[name]}, "action": {"type": action}}
        for name, (action, trigger) in _TRIGGERS.items()
        if name in policy
    ]
    return {"lifetimeActions": actions, "attributes": without_nothing({"expiryTime": policy.get("expiresAfter")})}


def _drop_key(reach: Reach, item: Item) -> None:
    reach.session.vault(item.aside["vault"], "DELETE", f"/keys/{item.aside['name']}")


def _write_key(item: Item) -> Document:
    values = dict(item.values)
    for name in ("notBefore", "expires"):
        if name in values:
            values[name] = datetime.fromtimestamp(values[name], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if values.get("enabled") is True:
        del values["enabled"]
    return {"name": item.aside["name"], **without_nothing(values), **pick(values, "operations")}


KEYS = Kind(
    "key",
    "keys",
    _read_key,
    _found_keys,
    _put_key,
    _drop_key,
    _write_key,
    parent="vault",
    declare=lambda entry, parent: f"{parent}/{entry['name']}",
    rules=Rules(fixed=frozenset({"type", "size", "curve"})),
)
