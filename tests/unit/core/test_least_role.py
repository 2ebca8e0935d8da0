"""The least role that grants an action."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.core.builtin_roles import BUILTIN_ROLES, KEY_VAULT_SECRETS_USER
from strongroom.core.least_role import roles_by_reach
from strongroom.core.rbac import RoleDefinition

PREFIX = "Microsoft.KeyVault/vaults/"
ACTIONS = tuple(
    f"{PREFIX}{one}"
    for one in (
        "secrets/getSecret/action",
        "secrets/setSecret/action",
        "secrets/readMetadata/action",
        "secrets/delete",
        "keys/read",
        "keys/create/action",
        "keys/sign/action",
        "keys/wrap/action",
        "certificates/read",
        "certificates/create/action",
    )
)
SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"


def least(action: str, roles: tuple[RoleDefinition, ...] = (), scope: str = SCOPE) -> list[str]:
    """Give the names of the roles that grant an action, the least first."""
    return [role.name for role in roles_by_reach((*BUILTIN_ROLES.values(), *roles), PREFIX + action, ACTIONS, scope)]


def custom(*data_actions: str, scopes: tuple[str, ...] = ("/",), condition: str | None = None) -> RoleDefinition:
    """Make a custom role."""
    return RoleDefinition("c", "t", "mine", data_actions=data_actions, assignable_scopes=scopes, condition=condition)


@pytest.mark.parametrize(
    ("action", "first"),
    [
        ("secrets/getSecret/action", "Key Vault Secrets User"),
        ("secrets/readMetadata/action", "Key Vault Reader"),
        ("keys/read", "Key Vault Reader"),
        ("secrets/setSecret/action", "Key Vault Secrets Officer"),
        ("keys/wrap/action", "Key Vault Crypto Service Encryption User"),
        ("keys/sign/action", "Key Vault Crypto User"),
        ("keys/create/action", "Key Vault Crypto Officer"),
        ("keys/release/action", "Key Vault Crypto Service Release User"),
        ("certificates/create/action", "Key Vault Certificates Officer"),
    ],
)
def test_the_first(action: str, first: str) -> None:
    """It is the narrowest there is; an administrator is the last."""
    found = least(action)
    assert found[0] == first
    assert found[-1] == "Key Vault Administrator"


def test_showing_is_less_than_giving() -> None:
    """A role that reads whatever may be listed is less than one that gives a value, of however little it gives one."""
    shows = custom(f"{PREFIX}secrets/readMetadata/action")
    assert least("secrets/readMetadata/action", (shows,))[:2] == ["mine", "Key Vault Reader"]
    gives = custom(f"{PREFIX}secrets/readMetadata/action", f"{PREFIX}secrets/getSecret/action")
    found = least("secrets/readMetadata/action", (gives,))
    assert found[0] == "Key Vault Reader"
    assert "mine" in found


def test_owner_grants_no_data() -> None:
    """Owner and Contributor are not among them: they have no data action."""
    assert not {"Owner", "Contributor"} & set(least("secrets/getSecret/action"))


def test_a_narrower_custom_role_comes_first() -> None:
    """A custom role is one of them where it may be assigned, and what it gives decides its place."""
    one = custom(f"{PREFIX}secrets/getSecret/action")
    assert least("secrets/getSecret/action", (one,))[0] == "mine"
    assert least("secrets/getSecret/action", (custom("*"),)).index("mine") > 2


@pytest.mark.parametrize(
    ("scopes", "may"),
    [(("/",), True), (("/subscriptions/s",), True), (("/subscriptions/S/",), True), ((SCOPE,), True),
     (("/subscriptions/sx",), False), ((SCOPE + "w",), False), ((SCOPE[:-3],), False), ((), False)],
)  # fmt: skip
def test_where_it_may_be_assigned(scopes: tuple[str, ...], *, may: bool) -> None:
    """A role that may not be assigned there is left out; scopes that only look like prefixes are none."""
    one = custom(f"{PREFIX}secrets/getSecret/action", scopes=scopes)
    assert ("mine" in least("secrets/getSecret/action", (one,))) == may


def test_a_role_under_a_condition_is_left_out() -> None:
    """Whether it grants is not the role's alone."""
    one = custom(f"{PREFIX}secrets/getSecret/action", condition="x")
    assert "mine" not in least("secrets/getSecret/action", (one,))


def test_the_order_of_the_roles_changes_nothing() -> None:
    """The same roles give the same answer, however they are handed over."""
    twin = replace(BUILTIN_ROLES[KEY_VAULT_SECRETS_USER], id="z")
    roles = (*BUILTIN_ROLES.values(), twin)
    action = f"{PREFIX}secrets/getSecret/action"
    first = roles_by_reach(roles, action, ACTIONS, SCOPE)
    assert first == roles_by_reach(tuple(reversed(roles)), action, reversed(ACTIONS), SCOPE)
