"""`strongroom network-rule`: a vault's firewall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.output import Columns, say, show
from strongroom.cli.remote.session import Session, open_session
from strongroom.cli.remote.vaults import change_vault, find_vault

_COLUMNS: Columns = {"kind": "kind", "value": "value"}


@dataclass(frozen=True, slots=True)
class Rules:
    """What is to be let in or no longer, and the settings around it."""

    addresses: Sequence[str] = ()
    subnets: Sequence[str] = ()
    ignore_missing_endpoint: bool = False
    default_action: str | None = None
    bypass: str | None = None
    public_network_access: str | None = None


def list_rules(at: At, name: str, *, as_json: bool) -> int:
    """
    Print a vault's firewall: its settings first, then whom it lets in.

    Raises:
        Halt: there is no such vault, or the service refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        return _show(find_vault(session, name, at.group), as_json=as_json)


def add_rules(at: At, name: str, rules: Rules, *, as_json: bool) -> int:
    """
    Let addresses and subnets in, and change the settings that are given.

    Raises:
        Halt: there is no such vault, nothing is said, or the service refuses.
    """
    _require_something(rules)
    with open_session(at.data, subscription=at.subscription) as session:
        vault = find_vault(session, name, at.group)
        present = _acls(vault)
        addresses = [rule["value"] for rule in present.get("ipRules") or ()]
        subnets = list(present.get("virtualNetworkRules") or ())
        known = {rule["id"].lower() for rule in subnets}
        subnets += [
            {"id": one, "ignoreMissingVnetServiceEndpoint": rules.ignore_missing_endpoint}
            for one in rules.subnets
            if one.lower() not in known
        ]
        addresses += [one for one in rules.addresses if one not in addresses]
        changed = _write(session, vault, addresses, subnets, rules)
        if (rules.addresses or rules.subnets) and _acls(changed).get("defaultAction") == "Allow":
            say("everybody is let in as it is, by the default action: --default-action Deny leaves these alone")
        return _show(changed, as_json=as_json)


def remove_rules(at: At, name: str, rules: Rules, *, as_json: bool) -> int:
    """
    Let addresses and subnets in no longer.

    Raises:
        Halt: there is no such vault or no such rule, nothing is said, or the service refuses.
    """
    _require_something(rules)
    with open_session(at.data, subscription=at.subscription) as session:
        vault = find_vault(session, name, at.group)
        present = _acls(vault)
        addresses = [rule["value"] for rule in present.get("ipRules") or ()]
        subnets = list(present.get("virtualNetworkRules") or ())
        # Azure writes a single address with or without its length.
        _require_known("address", rules.addresses, (_address(one) for one in addresses), _address)
        _require_known("subnet", rules.subnets, (rule["id"].lower() for rule in subnets), str.lower)
        gone, gone_subnets = {_address(one) for one in rules.addresses}, {one.lower() for one in rules.subnets}
        addresses = [one for one in addresses if _address(one) not in gone]
        subnets = [rule for rule in subnets if rule["id"].lower() not in gone_subnets]
        return _show(_write(session, vault, addresses, subnets, rules), as_json=as_json)


def _require_something(rules: Rules) -> None:
    if rules == Rules():
        raise Halt("say which rules: --ip, --subnet, or a setting", Exit.USAGE)


def _require_known(what: str, wanted: Sequence[str], known: Iterable[str], form: Any) -> None:
    there = set(known)
    for one in wanted:
        if form(one) not in there:
            raise Halt(f"there is no rule for the {what} {one}: strongroom network-rule list shows which there are")


def _address(text: str) -> str:
    return text.lower().removesuffix("/32")


def _acls(vault: Mapping[str, Any]) -> dict[str, Any]:
    return dict(vault["properties"].get("networkAcls") or {})


def _write(
    session: Session, vault: Mapping[str, Any], addresses: Sequence[str], subnets: Sequence[Mapping[str, Any]],
    rules: Rules,
) -> dict[str, Any]:  # fmt: skip
    present = _acls(vault)
    acls = {
        "defaultAction": rules.default_action or present.get("defaultAction", "Allow"),
        "bypass": rules.bypass or present.get("bypass", "AzureServices"),
        "ipRules": [{"value": one} for one in addresses],
        "virtualNetworkRules": list(subnets),
    }
    access = {} if rules.public_network_access is None else {"publicNetworkAccess": rules.public_network_access}
    return change_vault(session, vault, {"networkAcls": acls, **access})


def _show(vault: Mapping[str, Any], *, as_json: bool) -> int:
    acls = _acls(vault)
    if as_json:
        return show([{**acls, "publicNetworkAccess": vault["properties"].get("publicNetworkAccess")}], {}, as_json=True)
    rows = [
        {"kind": "public network access", "value": vault["properties"].get("publicNetworkAccess")},
        {"kind": "default action", "value": acls.get("defaultAction", "Allow")},
        {"kind": "bypass", "value": acls.get("bypass", "AzureServices")},
        *({"kind": "address", "value": rule["value"]} for rule in acls.get("ipRules") or ()),
        *({"kind": "subnet", "value": rule["id"]} for rule in acls.get("virtualNetworkRules") or ()),
    ]
    return show(rows, _COLUMNS, as_json=False)
