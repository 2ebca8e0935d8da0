"""
Certificates: made by their vaults where there are none, or brought in from a file, and never issued again by a change.

A file says how a certificate is made and not what it is: no private key comes out of a vault here. One that was never
issued, since its issuer refused or somebody put an end to it, is begun again.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.asking import decoded, read_bytes
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.remote.session import segment
from strongroom.cli.seed.certificate_issuers import refer_issuer
from strongroom.cli.seed.forms.certificates import whole_policy
from strongroom.cli.seed.items import UNSEEN, Item, Unseen, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting, among, pick, without_nothing
from strongroom.cli.seed.plan import Act, Change, Rules
from strongroom.cli.seed.reach import Document, Reach
from strongroom.cli.seed.schema import Entry
from strongroom.cli.seed.sources import read_value
from strongroom.core.api_versions import CERTIFICATE_NAMES_SINCE
from strongroom.core.certificates import PEM, SELF, UNKNOWN
from strongroom.core.errors import Invalid
from strongroom.core.private_authorities import PROVIDER as PRIVATE_CA
from strongroom.core.x500 import parse_name

_NOT_FOUND = 404
_PATIENCE_S = 60.0
"""So long one is waited for that is issued at once, as soon as its turn comes."""
_LOOK_S = 0.25
_ISSUED = "issued"
_IN_PROGRESS = "inProgress"
_PLACES = {
    "issuer": ("issuer", "name"),
    "certificateType": ("issuer", "cty"),
    "certificateTransparency": ("issuer", "cert_transparency"),
    "subject": ("x509_props", "subject"),
    "alternativeNames": ("x509_props", "sans"),
    "keyType": ("key_props", "kty"),
    "keySize": ("key_props", "key_size"),
    "curve": ("key_props", "crv"),
    "exportable": ("key_props", "exportable"),
    "reuseKey": ("key_props", "reuse_key"),
    "contentType": ("secret_props", "contentType"),
    "validityMonths": ("x509_props", "validity_months"),
    "keyUsage": ("x509_props", "key_usage"),
    "extendedKeyUsage": ("x509_props", "ekus"),
    "enabled": ("attributes", "enabled"),
}
"""Where the service has what a file says of a policy."""
_NAMES = {
    "dnsNames": "dns_names", "emails": "emails", "upns": "upns", "uris": "uris", "ipAddresses": "ipAddresses",
}  # fmt: skip
_TRIGGERS = {"atPercentage": "lifetime_percentage", "daysBeforeExpiry": "days_before_expiry"}
_SAID_EMPTY = frozenset({"keyUsage", "extendedKeyUsage", "lifetimeActions"})
"""What has a default that is not nothing, so that nothing has to be said."""

_VERSION = {"api-version": CERTIFICATE_NAMES_SINCE}
"""Before it, a policy has no URIs and no addresses."""


def _ask(reach: Reach, vault: str, method: str, path: str, body: Any = None) -> Any:
    return reach.session.vault(vault, method, path, body, query=_VERSION)


# ---- what a file wants ----------------------------------------------------------------------------------------------


def _item(vault: str, name: str, values: Mapping[str, Any], **more: Any) -> Item:
    aside = {"vault": vault, "name": name, **more.pop("aside", {})}
    return Item("certificate", f"{vault}/{name}", values, aside, key_of("vault", vault), **more)


def _read_certificate(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    vault, name = parent.name, entry["name"]
    for kind in ("secret", "key"):
        if key_of(kind, f"{vault}/{name}") in wanting.declared:
            wanting.faults.add(entry.line, "", f"{vault}/{name} is a {kind} of this file too, and a certificate has it")
    values = {**pick(entry, "enabled", "preserveOrder", "tags"), "state": _ISSUED}
    if "policy" in entry:
        values["policy"] = dict(entry["policy"])
        if "issuer" in entry["policy"]:
            refer_issuer(wanting, vault, entry["policy"]["issuer"], name, entry["policy"].line)
    needs = frozenset({parent.key, *wanting.needs})
    return _item(vault, name, values, aside=pick(entry, "import"), needs=needs, line=entry.line)


def _lacks_source(reach: Reach, item: Item) -> str | None:
    if item.aside["vault"].casefold() in reach.closed:
        # It may be there.
        return None
    if "import" in item.aside:
        try:
            _read_import(reach, item.aside["import"])
        except Halt as fault:
            return str(fault)
        return None
    if "policy" not in item.values:
        return "there is no such certificate: say the policy by which it is made, or what is imported"
    try:
        whole_policy(item.values["policy"])
    except Invalid as invalid:
        return f"it cannot be made by this policy: {invalid}"
    return None


def _read_import(reach: Reach, source: Entry) -> Document:
    """
    Read what is brought in.

    Raises:
        Halt: it cannot be read, or its password cannot.
    """
    path = Path(reach.folder) / source["file"]
    content = read_bytes(path)
    is_pem = b"-----BEGIN" in content
    read: Document = {"value": decoded(content, path) if is_pem else base64.b64encode(content).decode("ascii")}
    if is_pem:
        read["policy"] = {"secret_props": {"contentType": PEM}}
    if "password" in source:
        read["pwd"] = read_value(source["password"], reach.folder, reach.environment)
    return read


# ---- what is there --------------------------------------------------------------------------------------------------


def _found_certificates(reach: Reach, parents: Parents) -> Iterable[Item]:
    for vault, _ in among(reach, "vault", parents):
        yield from reach.look_into(vault, partial(_certificates_of, reach, vault), "the certificates")


def _certificates_of(reach: Reach, vault: str) -> Iterator[Item]:
    for one in reach.session.vault_pages(vault, "/certificates", query={**_VERSION, "includePending": "true"}):
        yield _look(reach, vault, str(one["id"]).rpartition("/")[2])


def _look(reach: Reach, vault: str, name: str) -> Item:
    bundle = _ask(reach, vault, "GET", f"/certificates/{segment(name)}")
    values: Document = {
        "policy": _shown(bundle["policy"]),
        "enabled": bundle["attributes"]["enabled"],
        "preserveOrder": bool(bundle.get("preserveCertOrder")),
        "tags": bundle.get("tags"),
        "state": _ISSUED,
    }
    if "cer" not in bundle:
        # What it will be like is told by nobody until then.
        state = _state_of(reach, vault, name)
        values |= {"enabled": UNSEEN, "preserveOrder": UNSEEN, "state": _ISSUED if state == _IN_PROGRESS else state}
    return _item(vault, name, without_nothing(values), id=bundle["id"])


def _state_of(reach: Reach, vault: str, name: str) -> str:
    """Say where the operation is that makes a certificate's first version."""
    try:
        return str(_ask(reach, vault, "GET", f"/certificates/{segment(name)}/pending")["status"])
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise
        return "not begun"


def _shown(policy: Mapping[str, Any]) -> Document:
    shown: Document = {}
    for word, (group, member) in _PLACES.items():
        shown[word] = (policy.get(group) or {}).get(member)
    shown["alternativeNames"] = without_nothing(
        {word: (shown["alternativeNames"] or {}).get(wire) for word, wire in _NAMES.items()}
    )
    shown["lifetimeActions"] = [
        {
            "action": one["action"]["action_type"],
            **{word: one["trigger"][wire] for word, wire in _TRIGGERS.items() if one["trigger"].get(wire)},
        }
        for one in policy.get("lifetime_actions") or ()
    ]
    if shown["curve"] is not None:
        # It is the curve's own.
        shown["keySize"] = None
    empty = {name: shown[name] or [] for name in _SAID_EMPTY}
    return {**without_nothing(shown), **empty}


# ---- what is done ---------------------------------------------------------------------------------------------------


def _put_certificate(reach: Reach, change: Change) -> None:
    item, vault = change.item, change.item.aside["vault"]
    path = f"/certificates/{segment(item.aside['name'])}"
    is_there = change.found is not None or (vault.casefold() in reach.closed and _is_there(reach, vault, path))
    if not is_there or "state" in change.changed:
        _begin(reach, item, path)
        return
    said = change.changed if change.act is Act.CHANGE else frozenset(item.values)
    policy = dict(item.values.get("policy", {}))
    if change.act is Act.CHANGE:
        parts = {one.name.partition(".")[2] for one in change.differences}
        policy = {name: value for name, value in policy.items() if name in parts}
    body = _body(item, said)
    if policy:
        body["policy"] = _policy_body(policy)
    if body:
        _ask(reach, vault, "PATCH", path, body)


def _is_there(reach: Reach, vault: str, path: str) -> bool:
    """Tell of a certificate in a vault that could not be looked into before whether it is there."""
    try:
        _ask(reach, vault, "GET", path)
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise
        return False
    return True


def _begin(reach: Reach, item: Item, path: str) -> None:
    """
    Bring a certificate in, or have one made, and wait for it if it is issued here.

    Raises:
        Halt: what is to be brought in cannot be read, or it is not issued.
        Refused: the vault refuses.
    """
    vault, body = item.aside["vault"], _body(item, frozenset(item.values))
    if not isinstance(order := item.values.get("preserveOrder", UNSEEN), Unseen):
        body["preserveCertOrder"] = order
    policy = _policy_body(item.values.get("policy", {}))
    if "import" in item.aside:
        read = _read_import(reach, item.aside["import"])
        merged = {**read.pop("policy", {}), **policy}
        _ask(reach, vault, "POST", f"{path}/import", {**body, **read, **({"policy": merged} if merged else {})})
        return
    operation = _ask(reach, vault, "POST", f"{path}/create", {**body, "policy": policy})
    _wait(reach, item, path, operation)


def _wait(reach: Reach, item: Item, path: str, operation: Document) -> None:
    """
    Wait for what is issued here; note of anything else what it waits for.

    Raises:
        Halt: it is not issued.
    """
    vault, name = item.aside["vault"], item.aside["name"]
    issuer = str(operation["issuer"]["name"])
    if issuer == UNKNOWN:
        reach.waiting[item.key] = (
            f"it waits to be signed elsewhere: strongroom certificate csr {vault} {name} writes its request, and merge"
            " brings in what was issued"
        )
        return
    deadline = time.monotonic() + (_PATIENCE_S if _issues_here(reach, vault, issuer) else 0)
    operation = _ask(reach, vault, "GET", f"{path}/pending")
    while operation["status"] == _IN_PROGRESS and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
        operation = _ask(reach, vault, "GET", f"{path}/pending")
    if operation["status"] == _IN_PROGRESS:
        reach.waiting[item.key] = (
            f"it waits for its issuer, {issuer}: strongroom certificate pending show {vault} {name}"
        )
    elif operation["status"] != "completed":
        error = operation.get("error") or {}
        raise Halt(f"it is not issued: {error.get('message') or operation['status']}")


def _issues_here(reach: Reach, vault: str, issuer: str) -> bool:
    """Tell whether an issuer answers as soon as it is asked: the certificate's own key, or a private CA."""
    if issuer == SELF:
        return True
    try:
        found = _ask(reach, vault, "GET", f"/certificates/issuers/{segment(issuer)}")
    except Refused:
        # Whoever may not see it need not wait for it.
        return False
    return bool(str(found["provider"]).casefold() == PRIVATE_CA.casefold())


def _body(item: Item, said: frozenset[str]) -> Document:
    body: Document = {}
    if "tags" in said:
        body["tags"] = item.values["tags"]
    enabled = item.values.get("enabled", UNSEEN)
    if "enabled" in said and not isinstance(enabled, Unseen):
        body["attributes"] = {"enabled": enabled}
    return body


def _policy_body(policy: Mapping[str, Any]) -> Document:
    """Write a policy as the service has it; what contradicts the kind of key is that of the policy before."""
    body: Document = {}
    kind = str(policy.get("keyType", "RSA" if "curve" not in policy else "EC"))
    ignored = {"curve" if kind.startswith("RSA") else "keySize"}
    if kind.endswith("-HSM") and policy.get("exportable") is True:
        ignored.add("exportable")
    for word, (group, member) in _PLACES.items():
        if word not in policy or word in ignored:
            continue
        value = policy[word]
        if word == "alternativeNames":
            value = {wire: value[name] for name, wire in _NAMES.items() if name in value}
        body.setdefault(group, {})[member] = value
    if "lifetimeActions" in policy:
        body["lifetime_actions"] = [
            {
                "trigger": {wire: one[word] for word, wire in _TRIGGERS.items() if word in one},
                "action": {"action_type": one["action"]},
            }
            for one in policy["lifetimeActions"]
        ]
    return body


def _drop_certificate(reach: Reach, item: Item) -> None:
    _ask(reach, item.aside["vault"], "DELETE", f"/certificates/{segment(item.aside['name'])}")


def _write_certificate(item: Item) -> Document:
    values = {name: value for name, value in item.values.items() if not isinstance(value, Unseen) and name != "state"}
    if values.get("enabled") is True:
        del values["enabled"]
    values["policy"] = {name: value for name, value in values["policy"].items() if (name, value) != ("enabled", True)}
    if values.get("preserveOrder") is False:
        del values["preserveOrder"]
    return {"name": item.aside["name"], **without_nothing(values)}


def _folded(names: Mapping[str, Any]) -> Document:
    """Give alternative names in one spelling: an imported certificate has its own."""
    return {
        kind: [str(ip_address(one)) if kind == "ipAddresses" else one.casefold() for one in found]
        for kind, found in names.items()
    }


CERTIFICATES = Kind(
    "certificate",
    "certificates",
    _read_certificate,
    _found_certificates,
    _put_certificate,
    _drop_certificate,
    _write_certificate,
    parent="vault",
    declare=lambda entry, parent: f"{parent}/{entry['name']}",
    lacks=_lacks_source,
    rules=Rules(
        fixed=frozenset({"preserveOrder"}),
        partial=frozenset({"policy"}),
        forms={
            "policy.issuer": str.casefold,
            "policy.subject": lambda text: repr(parse_name(text)),
            "policy.alternativeNames": _folded,
        },
    ),
)
