"""What resources offer, and what is missing of it."""

from __future__ import annotations

import pytest

from strongroom.core.claims_v2 import version_2
from strongroom.core.consent import granted_words, missing_of
from strongroom.core.offers import APPLICATION, USER, Offer
from strongroom.core.registration import AppRole, PermissionScope, PreAuthorized, origin_of
from strongroom.core.relations import PermissionGrant

READ = PermissionScope("1", "read", "User", user_consent_display_name="Read it", admin_consent_display_name="Read all")
ALL = PermissionScope("2", "all", "Admin", user_consent_display_name="Yours", admin_consent_display_name="Everything")
OFF = PermissionScope("3", "off", enabled=False)
NAMELESS = PermissionScope("4", None)
OFFER = Offer(
    "app",
    "The API",
    (READ, ALL, OFF, NAMELESS),
    (
        AppRole("5", "people", "", "", member_types=("User",)),
        AppRole("6", "machines", "", "", member_types=("Application",)),
        AppRole("7", "both", "", "", member_types=("User", "Application")),
        AppRole("8", "gone", "", "", enabled=False),
        AppRole("9", None, "", ""),
    ),
    (PreAuthorized("CLIENT", ("1", "3")),),
)


def test_what_may_be_asked_for_is_enabled_and_has_a_word() -> None:
    """By word or by id."""
    assert OFFER.words == ("read", "all")
    assert OFFER.words_of(["2", "3", "4"]) == ("all",)
    assert (OFFER.scope("off"), OFFER.scope("read")) == (None, READ)


def test_a_client_is_spared_the_consent_to_what_is_named() -> None:
    """Its id is compared without case; what was disabled is not spared."""
    assert OFFER.pre_authorized_for("client") == ("read",)
    assert OFFER.pre_authorized_for("other") == ()


@pytest.mark.parametrize(("member", "roles"), [(USER, ("both", "people")), (APPLICATION, ("both", "machines"))])
def test_a_role_is_said_of_whom_it_is_for(member: str, roles: tuple[str, ...]) -> None:
    """Of all that are held, in the order of the alphabet."""
    assert OFFER.roles(frozenset("56789"), member) == roles
    assert OFFER.roles(frozenset(), member) == ()


def test_a_grant_is_for_its_user_or_for_all() -> None:
    """And for its resource."""
    grants = [
        PermissionGrant("g1", "t", "c", "u", "r", ("a", "b")),
        PermissionGrant("g2", "t", "c", None, "r", ("c",)),
        PermissionGrant("g3", "t", "c", "other", "r", ("d",)),
        PermissionGrant("g4", "t", "c", None, "another", ("e",)),
    ]
    assert granted_words(grants, "r", "u") == {"a", "b", "c"}
    assert granted_words(grants, None, "u") == frozenset()


def test_people_are_told_what_is_for_them() -> None:
    """Users in the words for users, administrators in theirs; of what is no longer offered, the word alone."""
    found = missing_of(OFFER, "sp", ("read", "all", "off"))
    assert [(one.display_name, one.admin_only) for one in found.permissions] == [
        ("Read it", False),
        ("Everything", True),
        ("off", True),
    ]
    assert found.words == ("read", "all", "off")


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://App.Example/a?b=c", "https://app.example"),
        ("https://app.example:443/", "https://app.example"),
        ("https://app.example:8443/", "https://app.example:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:8080/x", "http://localhost:8080"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
        ("msal123://auth", "msal123://auth"),
        ("http://[", ""),
    ],
)
def test_origins_are_as_browsers_write_them(uri: str, origin: str) -> None:
    """RFC 6454 section 6.2."""
    assert origin_of(uri) == origin


def test_version_2_says_the_same_in_other_words() -> None:
    """Reference clients.md section 7."""
    claims = {"aud": "api://x", "iss": "v1", "ver": "1.0", "appid": "c", "appidacr": "1", "upn": "a@b", "idp": "v1"}
    assert version_2({**claims, "oid": "o", "scp": "read"}, audience="app", issuer="v2") == {
        "aud": "app",
        "iss": "v2",
        "ver": "2.0",
        "azp": "c",
        "azpacr": "1",
        "preferred_username": "a@b",
        "oid": "o",
        "scp": "read",
    }
