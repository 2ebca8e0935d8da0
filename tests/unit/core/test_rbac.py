"""Role assignments: what they grant, and what they do not."""

import pytest

from strongroom.core import builtin_roles as roles
from strongroom.core.action_patterns import ActionPattern
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.grants import GrantIndex
from strongroom.core.identity import PrincipalType
from strongroom.core.limits import GRANT_MEMO_ENTRIES
from strongroom.core.rbac import RoleAssignment, RoleDefinition
from strongroom.core.rulings import CompiledActions

TENANT = "11111111-1111-1111-1111-111111111111"
OTHER_TENANT = "22222222-2222-2222-2222-222222222222"
ALICE = "aaaaaaaa-0000-0000-0000-000000000001"
TEAM = "bbbbbbbb-0000-0000-0000-000000000001"
SUBSCRIPTION = "/subscriptions/5b000000-0000-0000-0000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv1"
SECRET = f"{VAULT}/secrets/s1"
DATA = "Microsoft.KeyVault/vaults/"


def assignment(
    role: str,
    scope: str,
    *,
    principal: str = ALICE,
    number: int = 1,
    tenant: str = TENANT,
    condition: str | None = None,
) -> RoleAssignment:
    """Make an assignment whose id says which one it is."""
    return RoleAssignment(
        id=f"{number:08}-0000-0000-0000-000000000000",
        tenant=tenant,
        scope=scope,
        role=role,
        principal=principal,
        principal_type=PrincipalType.USER,
        created=0,
        condition=condition,
        condition_version=None if condition is None else "2.0",
    )


def find(
    held: RoleAssignment | list[RoleAssignment],
    action: str,
    scope: str,
    *,
    data: bool = True,
    principals: frozenset[str] = frozenset({ALICE}),
    definitions: dict[str, RoleDefinition] | None = None,
) -> RoleAssignment | None:
    """Ask one question."""
    listed = [held] if isinstance(held, RoleAssignment) else held
    known = {**BUILTIN_ROLES, **(definitions or {})}
    return GrantIndex(TENANT, listed, known).find(principals, scope, action, data=data)


def allow(role: str, action: str, *, at: str = VAULT, scope: str = SECRET, data: bool = True) -> None:
    """State that the role, assigned at *at*, lets its holder do *action* at *scope*."""
    assert find(assignment(role, at), action, scope, data=data) is not None, (role, action, at, scope)


def deny(role: str, action: str, *, at: str = VAULT, scope: str = SECRET, data: bool = True) -> None:
    """State that it does not."""
    assert find(assignment(role, at), action, scope, data=data) is None, (role, action, at, scope)


GET, LIST, SET = (f"{DATA}secrets/{word}/action" for word in ("getSecret", "readMetadata", "setSecret"))


def test_data_roles_give_what_their_names_say() -> None:
    """Reference section 3.4, role by role."""
    for action in (GET, LIST, SET, f"{DATA}secrets/delete", f"{DATA}secrets/purge/action", f"{DATA}keys/read"):
        allow(roles.KEY_VAULT_ADMINISTRATOR, action)
    for action in (GET, LIST):
        allow(roles.KEY_VAULT_SECRETS_USER, action)
    for action in (SET, f"{DATA}secrets/delete", f"{DATA}secrets/backup/action", f"{DATA}keys/read"):
        deny(roles.KEY_VAULT_SECRETS_USER, action)
    for action in (GET, SET, f"{DATA}secrets/update/action", f"{DATA}secrets/purge/action", f"{DATA}secrets/delete"):
        allow(roles.KEY_VAULT_SECRETS_OFFICER, action)
    for action in (f"{DATA}keys/read", f"{DATA}certificates/read"):
        deny(roles.KEY_VAULT_SECRETS_OFFICER, action)
        allow(roles.KEY_VAULT_READER, action)
    allow(roles.KEY_VAULT_READER, LIST)
    deny(roles.KEY_VAULT_READER, GET)
    allow(roles.KEY_VAULT_CERTIFICATE_USER, GET)
    deny(roles.KEY_VAULT_CERTIFICATES_OFFICER, GET)
    allow(roles.KEY_VAULT_CERTIFICATES_OFFICER, f"{DATA}certificatecontacts/write")
    allow(roles.KEY_VAULT_CRYPTO_OFFICER, f"{DATA}keyrotationpolicies/write")
    deny(roles.KEY_VAULT_CRYPTO_USER, f"{DATA}keys/create/action")
    allow(roles.KEY_VAULT_CRYPTO_USER, f"{DATA}keys/unwrap/action")
    deny(roles.KEY_VAULT_PURGE_OPERATOR, f"{DATA}secrets/purge/action")


@pytest.mark.parametrize("role", [roles.OWNER, roles.CONTRIBUTOR, roles.READER, roles.KEY_VAULT_CONTRIBUTOR])
def test_management_roles_reach_no_secret(role: str) -> None:
    """Pitfall "`Actions` and `DataActions` merged: Owner gets data access": they have no data action."""
    for action in (GET, LIST, SET, f"{DATA}keys/read", f"{DATA}secrets/delete"):
        deny(role, action, at="/")
    assert BUILTIN_ROLES[role].data_actions == ()


def test_data_roles_reach_no_management() -> None:
    """Nor do data actions count on the management plane, whatever they match."""
    deny(roles.KEY_VAULT_ADMINISTRATOR, "Microsoft.KeyVault/vaults/write", data=False)
    deny(roles.KEY_VAULT_SECRETS_OFFICER, "Microsoft.KeyVault/vaults/secrets/write", data=False)


def test_management_roles_give_what_their_names_say() -> None:
    """The control actions that the tests of the management plane build on."""
    write, assign = "Microsoft.KeyVault/vaults/write", "Microsoft.Authorization/roleAssignments/write"
    purge = "Microsoft.KeyVault/locations/deletedVaults/purge/action"
    for action in (write, assign, purge):
        allow(roles.OWNER, action, at=SUBSCRIPTION, data=False)
    allow(roles.CONTRIBUTOR, write, at=SUBSCRIPTION, data=False)
    deny(roles.CONTRIBUTOR, assign, at=SUBSCRIPTION, data=False)
    deny(roles.CONTRIBUTOR, "Microsoft.Authorization/roleDefinitions/delete", at=SUBSCRIPTION, data=False)
    allow(roles.CONTRIBUTOR, "Microsoft.Authorization/roleAssignments/read", at=SUBSCRIPTION, data=False)
    allow(roles.KEY_VAULT_CONTRIBUTOR, write, at=SUBSCRIPTION, data=False)
    deny(roles.KEY_VAULT_CONTRIBUTOR, purge, at=SUBSCRIPTION, data=False)
    deny(roles.KEY_VAULT_CONTRIBUTOR, "Microsoft.KeyVault/managedHSMs/write", at=SUBSCRIPTION, data=False)
    allow(roles.KEY_VAULT_PURGE_OPERATOR, purge, at=SUBSCRIPTION, data=False)
    allow(roles.READER, "Microsoft.KeyVault/vaults/read", at=SUBSCRIPTION, data=False)
    deny(roles.READER, write, at=SUBSCRIPTION, data=False)
    allow(roles.USER_ACCESS_ADMINISTRATOR, assign, at=SUBSCRIPTION, data=False)
    deny(roles.USER_ACCESS_ADMINISTRATOR, write, at=SUBSCRIPTION, data=False)
    allow(roles.RBAC_ADMINISTRATOR, assign, at=SUBSCRIPTION, data=False)
    deny(roles.RBAC_ADMINISTRATOR, "Microsoft.Authorization/roleDefinitions/write", at=SUBSCRIPTION, data=False)


def test_a_scope_covers_what_is_below_it() -> None:
    """Root, subscription, group, vault and object cover the object; nothing narrower covers the wider."""
    for at in ("/", SUBSCRIPTION, GROUP, VAULT, SECRET):
        allow(roles.KEY_VAULT_SECRETS_USER, GET, at=at)
    deny(roles.KEY_VAULT_SECRETS_USER, GET, at=SECRET, scope=VAULT)
    deny(roles.KEY_VAULT_SECRETS_USER, GET, at=VAULT, scope=GROUP)


def test_a_scope_ends_at_a_segment() -> None:
    """Pitfall "a grant on vault A opens vault B": a name that begins like another one is not below it."""
    for at, scope in ((VAULT, f"{VAULT}2/secrets/s1"), (SECRET, f"{SECRET}0"), (GROUP, f"{GROUP}2/providers/x")):
        deny(roles.KEY_VAULT_SECRETS_USER, GET, at=at, scope=scope)
    deny(roles.KEY_VAULT_SECRETS_USER, GET, at=f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv2")


def test_scopes_and_actions_compare_without_case() -> None:
    """ARM ids and actions come in every case."""
    allow(roles.KEY_VAULT_SECRETS_USER, GET.upper(), at=VAULT.upper(), scope=SECRET.lower())
    allow(roles.KEY_VAULT_SECRETS_USER, GET.lower(), at=f"{VAULT}/", scope=f"{SECRET.upper()}/")


@pytest.mark.parametrize("scope", ["", "*", "subscriptions", SUBSCRIPTION[1:]])
def test_a_malformed_scope_covers_nothing(scope: str) -> None:
    """The empty scope is not the root, and nothing that does not begin with a slash is a scope."""
    deny(roles.KEY_VAULT_ADMINISTRATOR, GET, at=scope)
    deny(roles.KEY_VAULT_ADMINISTRATOR, GET, at="/", scope=scope)


def test_only_the_callers_principals_count() -> None:
    """A right of a group is its members'; a right of anyone else is not."""
    held = assignment(roles.KEY_VAULT_SECRETS_USER, VAULT, principal=TEAM.upper())
    assert find(held, GET, SECRET, principals=frozenset({ALICE, TEAM})) == held
    assert find(held, GET, SECRET, principals=frozenset({ALICE})) is None
    assert find(held, GET, SECRET, principals=frozenset()) is None


def test_what_cannot_be_decided_grants_nothing() -> None:
    """Pitfall "a condition that cannot be evaluated denies"; so does a role that is not known."""
    assert find(assignment(roles.KEY_VAULT_ADMINISTRATOR, VAULT, condition="(1 == 1)"), GET, SECRET) is None
    assert find(assignment(roles.KEY_VAULT_ADMINISTRATOR, VAULT, condition=""), GET, SECRET) is None
    assert find(assignment("00000000-0000-0000-0000-000000000000", VAULT), GET, SECRET) is None
    deny(
        roles.KEY_VAULT_DATA_ACCESS_ADMINISTRATOR,
        "Microsoft.Authorization/roleAssignments/write",
        at=SUBSCRIPTION,
        data=False,
    )


def test_another_tenants_records_grant_nothing() -> None:
    """An assignment or a custom role of another tenant has no effect, even if it gets among this one's."""
    assert find(assignment(roles.KEY_VAULT_ADMINISTRATOR, VAULT, tenant=OTHER_TENANT), GET, SECRET) is None
    foreign = RoleDefinition(id="f" * 8, tenant=OTHER_TENANT, name="foreign", data_actions=("*",))
    own = RoleDefinition(id="e" * 8, tenant=TENANT, name="own", data_actions=("*",))
    definitions = {foreign.id: foreign, own.id: own}
    assert find(assignment(foreign.id, VAULT), GET, SECRET, definitions=definitions) is None
    assert find(assignment(own.id, VAULT), GET, SECRET, definitions=definitions) is not None


def test_a_role_takes_back_only_what_itself_gave() -> None:
    """`notDataActions` narrow their own role; another role may give the same action."""
    narrowed = RoleDefinition(
        id="e" * 8,
        tenant=TENANT,
        name="narrowed",
        data_actions=(f"{DATA}secrets/*",),
        not_data_actions=(f"{DATA}*/purge/action",),
    )
    purge = f"{DATA}secrets/purge/action"
    definitions = {narrowed.id: narrowed}
    held = assignment(narrowed.id, VAULT)
    assert find(held, GET, SECRET, definitions=definitions) == held
    assert find(held, purge, SECRET, definitions=definitions) is None
    officer = assignment(roles.KEY_VAULT_SECRETS_OFFICER, VAULT, number=2)
    assert find([held, officer], purge, SECRET, definitions=definitions) == officer


def test_the_narrowest_assignment_is_the_evidence() -> None:
    """Of several that allow, the one nearest to the object is named, and at one scope the lowest id, in any order."""
    wide = assignment(roles.KEY_VAULT_ADMINISTRATOR, SUBSCRIPTION, number=1)
    near = assignment(roles.KEY_VAULT_SECRETS_USER, VAULT, number=9)
    twin = assignment(roles.KEY_VAULT_SECRETS_OFFICER, VAULT, number=8, principal=TEAM)
    everyone = frozenset({ALICE, TEAM})
    assert find([wide, near, twin], GET, SECRET, principals=everyone) == twin
    assert find([twin, near, wide], GET, SECRET, principals=everyone) == twin
    assert find([near, wide], GET, SECRET) == near


def test_management_groups_cover_the_subscriptions_below_them() -> None:
    """The tenant's root group covers every subscription, another group those that say so."""
    prefix = "/providers/Microsoft.Management/managementGroups/"
    above = {SUBSCRIPTION.lower(): ("platform",)}
    for name, covers in (("Platform", True), (TENANT, True), ("Other", False)):
        held = assignment(roles.KEY_VAULT_SECRETS_USER, prefix + name)
        index = GrantIndex(TENANT, [held], BUILTIN_ROLES, ancestors=above)
        assert (index.find(frozenset({ALICE}), SECRET, GET, data=True) == held) is covers
    other = SECRET.replace("0001", "0002", 1)
    held = assignment(roles.KEY_VAULT_SECRETS_USER, f"{prefix}Platform")
    index = GrantIndex(TENANT, [held], BUILTIN_ROLES, ancestors=above)
    assert index.find(frozenset({ALICE}), other, GET, data=True) is None
    assert index.find(frozenset({ALICE}), f"{prefix}platform", GET, data=True) == held


def test_what_is_kept_of_past_questions_is_bounded() -> None:
    """Questions by ever new sets of principals do not make the index grow without end, and answers stay right."""
    held = assignment(roles.KEY_VAULT_SECRETS_USER, VAULT)
    index = GrantIndex(TENANT, [held], BUILTIN_ROLES)
    for number in range(GRANT_MEMO_ENTRIES + 10):
        index.find(frozenset({ALICE, str(number)}), SECRET, GET, data=True)
    assert len(index._memo) <= GRANT_MEMO_ENTRIES
    assert index.find(frozenset({ALICE}), SECRET, GET, data=True) == held


PATTERNS = [
    ("*", "anything/at/all", True),
    ("*", "", True),
    ("", "", True),
    ("", "a", False),
    ("a/b", "A/B", True),
    ("a/b", "a/b/c", False),
    ("a/*", "a/", True),
    ("a/*", "a", False),
    ("a/*/read", "a/b/c/read", True),
    ("a/*/read", "a/read", False),
    ("*/read", "a/b/read", True),
    ("*/read", "read", False),
    ("a*a", "a", False),
    ("a*a", "aa", True),
    ("*ab*ab", "ab", False),
    ("*ab*ab", "abab", True),
    ("*ab*ab*", "xabyabz", True),
    ("a.c", "abc", False),
    ("a/[bc]", "a/b", False),
    ("a/?", "a/b", False),
    ("**", "x", True),
    ("a*b*c", "a-c-b", False),
    ("a/*", "a/b\nc", True),
]


@pytest.mark.parametrize(("pattern", "action", "expected"), PATTERNS)
def test_a_star_stands_for_any_characters_and_nothing_else_is_special(
    pattern: str,
    action: str,
    expected: bool,  # noqa: FBT001  a column of the table above
) -> None:
    """The matcher's table."""
    assert ActionPattern([pattern]).matches(action) is expected


def test_a_pattern_made_to_be_slow_is_not() -> None:
    """A custom role full of wildcards is decided in a number of steps proportional to its length."""
    assert not ActionPattern(["*a" * 200 + "b"]).matches("a" * 2000)


def test_the_table_of_roles_is_what_it_says() -> None:
    """Every built-in role is marked as one, belongs to no tenant, and is under its own id, which is a GUID."""
    assert len(BUILTIN_ROLES) == 19
    for role_id, role in BUILTIN_ROLES.items():
        assert role.id == role_id == role_id.lower()
        assert [len(part) for part in role_id.split("-")] == [8, 4, 4, 4, 12]
        assert role.built_in
        assert role.tenant == ""
        assert role.assignable_scopes == ("/",)
    assert len({role.name for role in BUILTIN_ROLES.values()}) == len(BUILTIN_ROLES)


def test_the_condition_of_the_data_access_administrator_names_eight_roles() -> None:
    """It limits writing and deleting assignments to these, and leaves out Certificate User and Release User."""
    role = BUILTIN_ROLES[roles.KEY_VAULT_DATA_ACCESS_ADMINISTRATOR]
    assert role.condition is not None
    assert role.condition_version == "2.0"
    named = {role_id for role_id in BUILTIN_ROLES if role.condition.count(role_id) == 2}
    assert named == {
        roles.KEY_VAULT_ADMINISTRATOR,
        roles.KEY_VAULT_CERTIFICATES_OFFICER,
        roles.KEY_VAULT_CRYPTO_OFFICER,
        roles.KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER,
        roles.KEY_VAULT_CRYPTO_USER,
        roles.KEY_VAULT_READER,
        roles.KEY_VAULT_SECRETS_OFFICER,
        roles.KEY_VAULT_SECRETS_USER,
    }
    assert not any(CompiledActions(role).cover(action, data=True) for action in (GET, LIST, SET))


def test_the_condition_is_azures_own_text() -> None:
    """Programs compare it: every character is the real role's."""
    listed = (
        "00482a5a-887f-4fb3-b363-3b7fe8e74483, a4417e6f-fecd-4de8-b567-7b0420556985,"
        " 14b46e9e-c2b7-41b4-b07b-48a6ebf60603, e147488a-f6f5-4113-8e2d-b22465e65bf6,"
        " 12338af0-0e69-4776-bea7-57ae8d297424, 21090545-7ca7-4776-b22c-e363652d74d2,"
        " b86a8fe4-44ce-4948-aee5-eccb2c155cd7, 4633458b-17de-408a-b874-0445c86b69e6"
    )
    assert BUILTIN_ROLES[roles.KEY_VAULT_DATA_ACCESS_ADMINISTRATOR].condition == (
        "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR"
        " (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals{"
        f"{listed}}})) AND ((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/delete'}})) OR"
        " (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals{"
        f"{listed}}}))"
    )
    assert [role.name for role in BUILTIN_ROLES.values() if role.condition is not None] == [
        "Key Vault Data Access Administrator"
    ]
