"""Access policies: whom an entry is for, and what it gives."""

from dataclasses import replace

import pytest

from strongroom.core.access_policy import (
    PERMISSIONS,
    PolicyIndex,
    check_policies,
    parse_permissions,
    permissions_of,
    spell_permissions,
)
from strongroom.core.errors import Invalid
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.limits import ACCESS_POLICIES
from strongroom.core.vaults import AccessPolicy

TENANT = "11111111-1111-1111-1111-111111111111"
USER = "aaaaaaaa-0000-0000-0000-000000000001"
TEAM = "bbbbbbbb-0000-0000-0000-000000000001"
APP = "cccccccc-0000-0000-0000-000000000001"
CALLER = Caller(
    tenant=TENANT,
    oid=USER,
    appid=APP,
    kind=PrincipalType.USER,
    issuer=f"https://sts.windows.net/{TENANT}/",
    groups=frozenset({TEAM}),
    credential="c",
    token_id="t",
    appidacr="1",
    idtyp="user",
)
GET = ("get",)


def allow(policy: AccessPolicy, category: str, word: str, caller: Caller = CALLER) -> None:
    """State that the entry gives the permission to the caller."""
    match = PolicyIndex([policy]).find(caller, category, word)
    assert match is not None
    assert (match.place, match.policy) == (0, policy)


def deny(policy: AccessPolicy, category: str, word: str, caller: Caller = CALLER) -> None:
    """State that it does not."""
    assert PolicyIndex([policy]).find(caller, category, word) is None


def test_an_entry_gives_its_words_and_no_others() -> None:
    """A word counts in its own category only, in any case."""
    policy = AccessPolicy(TENANT, USER, secrets=GET, keys=("unwrapkey",))
    allow(policy, "secrets", "get")
    allow(policy, "secrets", "GET")
    allow(policy, "keys", "unwrapKey")
    deny(policy, "secrets", "list")
    deny(policy, "keys", "get")
    deny(policy, "certificates", "get")


@pytest.mark.parametrize("category", PERMISSIONS)
def test_all_gives_every_word_of_its_category(category: str) -> None:
    """`all` is every word of the category, and no word of another or of none."""
    words = {name: ("all",) if name == category else () for name in PERMISSIONS}
    policy = AccessPolicy(TENANT, USER, **words)
    for name, vocabulary in PERMISSIONS.items():
        for word in vocabulary:
            (allow if name == category else deny)(policy, name, word)
    deny(policy, category, "everything")


def test_an_entry_is_for_its_object_and_its_tenant() -> None:
    """The caller itself or one of its groups, in the entry's tenant; never its application's id."""
    allow(AccessPolicy(TENANT, USER.upper(), secrets=GET), "secrets", "get")
    allow(AccessPolicy(TENANT.upper(), TEAM, secrets=GET), "secrets", "get")
    deny(AccessPolicy(TENANT, APP, secrets=GET), "secrets", "get")
    deny(AccessPolicy(TENANT.replace("1", "2"), USER, secrets=GET), "secrets", "get")
    deny(AccessPolicy(TENANT, TEAM, secrets=GET), "secrets", "get", replace(CALLER, groups=frozenset()))


def test_a_compound_entry_is_for_a_user_through_one_confidential_application() -> None:
    """SEC-TOKEN-16: "A compound access-policy entry matches only a confidential client (`appidacr` 1 or 2)"."""
    compound = AccessPolicy(TENANT, USER, APP, secrets=GET)
    for appidacr in ("1", "2"):
        allow(compound, "secrets", "get", replace(CALLER, appidacr=appidacr))
    for appidacr in ("0", "", "3", "11"):
        deny(compound, "secrets", "get", replace(CALLER, appidacr=appidacr))
    deny(compound, "secrets", "get", replace(CALLER, appid=TEAM))
    deny(compound, "secrets", "get", replace(CALLER, kind=PrincipalType.SERVICE_PRINCIPAL))
    deny(AccessPolicy(TENANT, TEAM, APP, secrets=GET), "secrets", "get")


def test_entries_add_up_and_the_first_that_allows_is_the_evidence() -> None:
    """There is no deny: any entry suffices, and the place of the first one is told."""
    policies = [
        AccessPolicy(TENANT, USER),
        AccessPolicy(TENANT, TEAM, secrets=GET),
        AccessPolicy(TENANT, USER, secrets=("get", "list")),
    ]
    for word, place in (("get", 1), ("list", 2)):
        match = PolicyIndex(policies).find(CALLER, "secrets", word)
        assert match is not None
        assert match.place == place
    assert PolicyIndex(policies).find(CALLER, "secrets", "set") is None
    assert PolicyIndex([]).find(CALLER, "secrets", "get") is None


def test_words_are_kept_in_lower_case_and_told_in_arms_spelling() -> None:
    """What comes in any case goes out as the table spells it, each word once, in the order in which it came."""
    kept = parse_permissions("keys", ["WRAPKEY", "get", "unwrapKey", "Get", "All"])
    assert kept == ("wrapkey", "get", "unwrapkey", "all")
    assert spell_permissions("keys", kept) == ("wrapKey", "get", "unwrapKey", "all")


@pytest.mark.parametrize(
    ("category", "word"), [("secrets", "sign"), ("keys", "set"), ("certificates", "y"), ("storage", "x")]
)
def test_unknown_words_are_refused_by_name(category: str, word: str) -> None:
    """A word of another category is as wrong as one of none, and the refusal says which it was."""
    with pytest.raises(Invalid, match=f"'{word}' is not a permission for {category}") as refusal:
        parse_permissions(category, ["get", word])
    assert refusal.value.code == "BadRequest"


def test_a_vault_has_1024_entries_and_not_1025() -> None:
    """The limit, at it and one past it."""
    check_policies([AccessPolicy(TENANT, USER)] * ACCESS_POLICIES, TENANT)
    with pytest.raises(Invalid, match="1024"):
        check_policies([AccessPolicy(TENANT, USER)] * (ACCESS_POLICIES + 1), TENANT)


@pytest.mark.parametrize(
    "policy",
    [
        AccessPolicy(TENANT, "alice"),
        AccessPolicy(TENANT, USER + "\n"),
        AccessPolicy(TENANT, USER, "app"),
        AccessPolicy(TENANT.replace("1", "2"), USER),
    ],
)
def test_entries_with_wrong_ids_are_refused(policy: AccessPolicy) -> None:
    """Ids are GUIDs, and the tenant is the vault's."""
    with pytest.raises(Invalid, match="accessPolicies"):
        check_policies([policy], TENANT)


def test_every_category_is_a_field_of_the_entry() -> None:
    """The table and the entry have the same categories."""
    policy = AccessPolicy(TENANT, USER)
    assert all(permissions_of(policy, category) == () for category in PERMISSIONS)
    with pytest.raises(ValueError, match="certs"):
        permissions_of(policy, "certs")
