"""What may be asked for in a user's name, and what is said of the user."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.core.errors import Failure
from strongroom.core.limits import GROUPS_IN_TOKEN
from strongroom.core.names import Hosts, Surface
from strongroom.core.oauth import Lifetime, Resource, TokenFacts
from strongroom.core.user_tokens import UserFacts, parse_user_scope, user_claims, whole_resource

TENANT = "11111111-2222-3333-4444-555555555555"
HOSTS = Hosts("localhost", 8443)
VAULT = Resource(Surface.VAULT, "https://vault.azure.net")
FACTS = TokenFacts(TENANT, VAULT, "client", "0", Lifetime(1, 2, 1), "uti", "aio", "rh")
USER = UserFacts("oid", "a@a.example", "A", "sub", "1003000000000000", "sid", 1, ("pwd",))

SCOPES = [
    ("https://vault.azure.net/.default", "https://vault.azure.net", ("user_impersonation",)),
    ("https://vault.azure.net/user_impersonation openid", "https://vault.azure.net", ("user_impersonation",)),
    ("https://management.azure.com//.default", "https://management.azure.com/", ("user_impersonation",)),
    ("https://vault.localhost:8443/.default", "https://vault.localhost:8443", ("user_impersonation",)),
    ("User.Read", "https://graph.microsoft.com", ("User.Read",)),
    ("https://graph.microsoft.com/User.Read openid", "https://graph.microsoft.com", ("User.Read", "openid")),
    ("openid profile", "https://graph.microsoft.com", ("openid", "profile")),
]


@pytest.mark.parametrize(("scope", "audience", "permissions"), SCOPES)
def test_a_scope_names_one_resource_and_what_is_wanted_of_it(
    scope: str, audience: str, permissions: tuple[str, ...]
) -> None:
    """Exactly one slash stands between them; a name alone is Graph's."""
    read = parse_user_scope(scope, HOSTS, TENANT)
    assert (read.resource.audience, read.permissions) == (audience, permissions)


@pytest.mark.parametrize(
    ("scope", "number"),
    [
        (None, 900144),
        ("  ", 900144),
        ("https://vault.azure.net/.default https://management.azure.com/.default", 70011),
        ("https://vault.azure.net/.default https://vault.azure.net//.default", 70011),
        ("https://vault.azure.net/User.Read", 70011),
        ("Mail.Read", 70011),
        ("https://storage.azure.com/.default", 500011),
    ],
)
def test_what_cannot_be_asked_is_refused(scope: str | None, number: int) -> None:
    """Nothing, several resources, what a resource does not have, and no resource."""
    with pytest.raises(Failure) as refusal:
        parse_user_scope(scope, HOSTS, TENANT)
    assert refusal.value.number == number


@pytest.mark.parametrize(("scope", "_audience", "_permissions"), SCOPES)
def test_what_is_told_holds_what_was_asked(scope: str, _audience: str, _permissions: tuple[str, ...]) -> None:
    """RFC 6749 section 5.1: clients keep a token under the scope of its answer, and look for what they asked."""
    told = parse_user_scope(scope, HOSTS, TENANT).told.split()
    for asked in scope.split():
        assert asked in told or f"https://graph.microsoft.com/{asked}" in told


def test_a_resource_alone_means_all_of_it() -> None:
    """What the v1 endpoint is asked for."""
    assert whole_resource(VAULT).permissions == ("user_impersonation",)


def test_groups_are_named_up_to_the_limit_and_then_where_to_ask() -> None:
    """`GROUPS_IN_TOKEN` are named; one more is too many for a token (reference clients.md section 7)."""
    groups = tuple(f"g{number:04}" for number in range(GROUPS_IN_TOKEN))
    assert user_claims(FACTS, replace(USER, groups=groups), ())["groups"] == list(groups)
    said = user_claims(FACTS, replace(USER, groups=(*groups, "one more")), ())
    assert "groups" not in said
    assert said["_claim_names"] == {"groups": "src1"}
    endpoint = f"https://graph.windows.net/{TENANT}/users/oid/getMemberObjects"
    assert said["_claim_sources"] == {"src1": {"endpoint": endpoint}}
    assert "groups" not in user_claims(FACTS, USER, ())
