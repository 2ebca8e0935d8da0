"""
What ends a right, where the token stays as good as it was: memberships, policies, rules, denials.

Each has a vault of its own, so that one's rules are not another's. See `bench.revocation` for how it is timed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from bench.administrator import Administrator, App
from bench.load import Site

Act = Callable[[], object]
EndAt = Callable[[Administrator], tuple[str, Act, Site]]
"""Gets a token that opens a vault, and gives it with what ends that and where the vault is."""

_KEY_VAULT = "2024-11-01"
_EVERY_SECRET_ACTION = "Microsoft.KeyVault/vaults/secrets/*"  # noqa: S105  the name of actions, not a secret


class _Place:
    """A vault of its own, and an application that may not open it yet."""

    def __init__(self, admin: Administrator, **properties: Any) -> None:
        self.admin = admin
        group = admin.instance.vault_id.rpartition("/")[0]
        name = f"kv-{secrets.token_hex(6)}"
        self.id = f"{group}/{name}"
        settings = {
            "tenantId": admin.instance.tenant,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
        }
        admin.arm("PUT", self.id, {"location": "local", "properties": settings | properties}, version=_KEY_VAULT)
        first = admin.instance.vault
        self.site = replace(first, name=f"{name}.{first.name.partition('.')[2]}")
        self.app = admin.add_app()

    def patch(self, **properties: Any) -> Act:
        """Change the vault's settings, when it is called."""
        return lambda: self.admin.arm("PATCH", self.id, {"properties": properties}, version=_KEY_VAULT)

    def assign(self, role: str | None = None, principal: str | None = None, kind: str = "ServicePrincipal") -> None:
        """Give a role at the vault."""
        self.admin.give_vault(principal or self.app.oid, kind, place=self.id, role=role)

    def held(self, act: Act) -> tuple[str, Act, Site]:
        """Give a token with what ends what it opens."""
        return _token(self.admin, self.app), act, self.site


def _token(admin: Administrator, app: App) -> str:
    form = {"grant_type": "client_credentials", "client_id": app.app_id, "client_secret": app.secret}
    token: str = admin.ask_token(**form)["access_token"]
    return token


def _membership(admin: Administrator) -> tuple[str, Act, Site]:
    place = _Place(admin)
    group = admin.add_group()
    admin.join(group, place.app.oid)
    place.assign(principal=group, kind="Group")
    return place.held(lambda: admin.graph("DELETE", f"groups/{group}/members/{place.app.oid}/$ref"))


def _access_policy(admin: Administrator) -> tuple[str, Act, Site]:
    place = _Place(admin, enableRbacAuthorization=False, accessPolicies=[])
    entry = {
        "tenantId": admin.instance.tenant,
        "objectId": place.app.oid,
        "permissions": {"secrets": ["list"]},
    }
    place.patch(accessPolicies=[entry])()
    return place.held(place.patch(accessPolicies=[]))


def _ip_rule(admin: Administrator) -> tuple[str, Act, Site]:
    place = _Place(admin)
    place.assign()
    place.patch(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "127.0.0.1"}]})()
    return place.held(place.patch(networkAcls={"ipRules": []}))


def _public_access(admin: Administrator) -> tuple[str, Act, Site]:
    place = _Place(admin)
    place.assign()
    return place.held(place.patch(publicNetworkAccess="Disabled"))


def _custom_role(admin: Administrator) -> tuple[str, Act, Site]:
    place = _Place(admin)
    subscription = "/".join(place.id.split("/")[:3])
    role = str(uuid4())
    path = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"

    def define(*data_actions: str) -> object:
        permission = {"actions": [], "notActions": [], "dataActions": list(data_actions), "notDataActions": []}
        properties = {
            "roleName": f"bench {role}",
            "type": "CustomRole",
            "description": "",
            "permissions": [permission],
            "assignableScopes": [subscription],
        }
        return admin.arm("PUT", path, {"properties": properties})

    define(_EVERY_SECRET_ACTION)
    place.assign(role=role)
    return place.held(lambda: define("Microsoft.KeyVault/vaults/secrets/delete"))


def _denial(admin: Administrator) -> tuple[str, Act, Site]:
    place = _Place(admin)
    place.assign()
    path = f"{place.id}/providers/Microsoft.Authorization/denyAssignments/{uuid4()}"
    permission = {"actions": [], "notActions": [], "dataActions": [_EVERY_SECRET_ACTION], "notDataActions": []}
    properties = {
        "denyAssignmentName": "bench",
        "permissions": [permission],
        "principals": [{"id": place.app.oid, "type": "ServicePrincipal"}],
    }
    return place.held(lambda: admin.arm("PUT", path, {"properties": properties}))


ENDS_OF_RIGHTS: dict[str, EndAt] = {
    "a member left its group": _membership,
    "an access policy was removed": _access_policy,
    "an IP rule was removed": _ip_rule,
    "public network access was disabled": _public_access,
    "a custom role lost an action": _custom_role,
    "a deny assignment was made": _denial,
}
