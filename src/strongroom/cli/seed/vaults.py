"""Vaults, with all their settings: through Resource Manager."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.cli.seed.items import Item, key_of
from strongroom.cli.seed.kind import Kind, Parents, Wanting, pick, principal_id, show_principal, without_nothing
from strongroom.cli.seed.networks import ranges_of, refer_subnet, subnet_id, subnet_name
from strongroom.cli.seed.plan import Act, Change, Rules
from strongroom.cli.seed.reach import KEY_VAULT, Document, Reach, at
from strongroom.cli.seed.resources import located, tracked
from strongroom.cli.seed.schema import Entry
from strongroom.core import limits
from strongroom.core.guids import parse_guid

_SETTINGS = (
    "enableRbacAuthorization", "enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment",
    "softDeleteRetentionInDays", "enablePurgeProtection", "publicNetworkAccess",
)  # fmt: skip
_UNSAID: Document = {
    "enableRbacAuthorization": False, "enabledForDiskEncryption": False, "enabledForTemplateDeployment": False,
    "softDeleteRetentionInDays": limits.RETENTION_MAX_DAYS,
}  # fmt: skip
"""What the settings are that Resource Manager leaves out where nobody said them."""
_OPEN: Document = {"defaultAction": "Allow", "bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": []}
"""The firewall that it leaves out."""


def _read_vault(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    values = {**tracked(entry), **pick(entry, "sku", *_SETTINGS), "resourceGroup": parent.name}
    if "networkAcls" in entry:
        values["networkAcls"] = _read_acls(wanting, entry["networkAcls"])
    if "accessPolicies" in entry:
        values["accessPolicies"] = [_read_policy(wanting, one) for one in entry["accessPolicies"]]
    needs = frozenset({parent.key, *wanting.needs})
    return Item("vault", entry["name"], values, parent=parent.key, needs=needs, line=entry.line)


def _read_acls(wanting: Wanting, entry: Entry) -> Document:
    acls: Document = dict(entry)
    if "ipRules" in acls:
        acls["ipRules"] = ranges_of(acls["ipRules"])
    if "virtualNetworkRules" in acls:
        acls["virtualNetworkRules"] = [
            {
                "ignoreMissingVnetServiceEndpoint": False,
                **rule,
                "subnet": refer_subnet(wanting, rule["subnet"], rule.line),
            }
            for rule in acls["virtualNetworkRules"]
        ]
    return acls


def _read_policy(wanting: Wanting, entry: Entry) -> Document:
    policy: Document = {"principal": wanting.principal(entry["principal"])}
    if "application" in entry:
        # One of another tenant has no name here.
        by_id = parse_guid(entry["application"])
        policy["application"] = by_id or wanting.refer("application", entry["application"], entry.line)
    policy["permissions"] = _words(entry["permissions"])
    return policy


def _words(permissions: Mapping[str, Any]) -> Document:
    """Write the words of a policy in one case: nothing lies in it."""
    return without_nothing({name: sorted({word.lower() for word in words}) for name, words in permissions.items()})


def _found_vaults(reach: Reach, _: Parents) -> Iterable[Item]:
    for name, one in reach.listed("vault"):
        properties = one["properties"]
        group = one["id"].split("/")[4]
        values = {
            **pick(one, "location", "tags"),
            "sku": properties["sku"]["name"],
            **_UNSAID,
            **pick(properties, *_SETTINGS),
            "resourceGroup": group,
            "accessPolicies": sorted((_show_policy(reach, one) for one in properties["accessPolicies"]), key=repr),
            "networkAcls": _show_acls(reach, properties.get("networkAcls", _OPEN)),
        }
        yield Item("vault", name, values, parent=key_of("resourceGroup", group), id=one["id"])


def _show_acls(reach: Reach, acls: Document) -> Document:
    return {
        "defaultAction": acls["defaultAction"],
        "bypass": acls["bypass"],
        "ipRules": [rule["value"] for rule in acls["ipRules"]],
        "virtualNetworkRules": [
            {
                "subnet": subnet_name(reach, rule["id"]),
                "ignoreMissingVnetServiceEndpoint": rule.get("ignoreMissingVnetServiceEndpoint", False),
            }
            for rule in acls["virtualNetworkRules"]
        ],
    }


def _show_policy(reach: Reach, policy: Document) -> Document:
    shown: Document = {"principal": show_principal(reach, policy["objectId"])}
    if "applicationId" in policy:
        # A policy for an application of another tenant has no name here: it is told by its id.
        shown["application"] = reach.name_of("application", policy["applicationId"]) or policy["applicationId"]
    return {**shown, "permissions": _words(policy["permissions"])}


def _put_vault(reach: Reach, change: Change) -> None:
    item = change.item
    wanted = change.changed if change.act is Act.CHANGE else frozenset(item.values)
    properties: Document = {name: item.values[name] for name in _SETTINGS if name in wanted}
    if "sku" in wanted or change.act is Act.CREATE:
        properties["sku"] = {"family": "A", "name": item.values.get("sku", "standard")}
    if "networkAcls" in wanted:
        properties["networkAcls"] = _acls_body(reach, item.values["networkAcls"])
    if "accessPolicies" in wanted:
        properties["accessPolicies"] = [_policy_body(reach, one) for one in item.values["accessPolicies"]]
    body: Document = {"properties": properties}
    if "tags" in wanted:
        body["tags"] = item.values["tags"]
    path = at(item.id)
    if change.act is Act.CREATE:
        group = item.values["resourceGroup"]
        body["location"] = located(reach, group, dict(item.values))
        properties |= {"tenantId": reach.session.tenant, "accessPolicies": properties.get("accessPolicies", [])}
        path = f"{at(reach.group(group))}/providers/Microsoft.KeyVault/vaults/{item.name}"
    method = "PUT" if change.act is Act.CREATE else "PATCH"
    reach.learn("vault", reach.session.arm(method, path, body, api_version=KEY_VAULT))


def _acls_body(reach: Reach, acls: Mapping[str, Any]) -> Document:
    body: Document = pick(acls, "defaultAction", "bypass")
    if "ipRules" in acls:
        body["ipRules"] = [{"value": value} for value in acls["ipRules"]]
    if "virtualNetworkRules" in acls:
        body["virtualNetworkRules"] = [
            {
                "id": subnet_id(reach, rule["subnet"]),
                "ignoreMissingVnetServiceEndpoint": rule["ignoreMissingVnetServiceEndpoint"],
            }
            for rule in acls["virtualNetworkRules"]
        ]
    return body


def _policy_body(reach: Reach, policy: Mapping[str, Any]) -> Document:
    body: Document = {
        "tenantId": reach.session.tenant,
        "objectId": principal_id(reach, policy["principal"]),
        "permissions": {"keys": [], "secrets": [], "certificates": [], **policy["permissions"]},
    }
    if "application" in policy:
        found = reach.look("application", policy["application"])
        body["applicationId"] = policy["application"] if found is None else found[1]["appId"]
    return body


def _drop_vault(reach: Reach, item: Item) -> None:
    reach.session.arm("DELETE", at(item.id), api_version=KEY_VAULT)
    reach.forget("vault", item.name)


def _write_vault(item: Item) -> Document:
    values = {name: value for name, value in item.values.items() if name != "resourceGroup"}
    return {"name": item.name, **without_nothing(values)}


VAULTS = Kind(
    "vault",
    "vaults",
    _read_vault,
    _found_vaults,
    _put_vault,
    _drop_vault,
    _write_vault,
    parent="resourceGroup",
    declare=lambda entry, _: str(entry["name"]),
    rules=Rules(
        fixed=frozenset({"location", "resourceGroup", "softDeleteRetentionInDays"}),
        partial=frozenset({"networkAcls"}),
        forms={"resourceGroup": str.casefold},
    ),
)
