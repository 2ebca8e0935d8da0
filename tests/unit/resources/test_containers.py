"""Subscriptions, resource groups, identities, and what every tracked resource has."""

from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import KEY_VAULT_READER
from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.identity import PrincipalType
from strongroom.core.rbac import RoleAssignment
from strongroom.core.records import Record, tenant_partition
from strongroom.core.resources import ResourceGroup, UserAssignedIdentity
from strongroom.resources.containers import delete_group, put_group
from strongroom.resources.identities import create_user_assigned_identity, identity_resource_id
from strongroom.resources.lookup import group_of, subscription_of, vault_of
from strongroom.resources.tracked import check_tags, parse_location
from strongroom.store.transaction import SqlTransaction
from tests.unit.resources.conftest import APP, NOW, OTHER_TENANT, SUBSCRIPTION, TENANT, Place


def put(
    place: Place, name: str, location: str = "local", tags: dict[str, str] | None = None
) -> tuple[ResourceGroup, bool]:
    """Put a group into the subscription."""
    return place.commit(
        lambda tx: put_group(
            tx, subscription=place.subscription, name=name, location=location, tags=tags or {}, now=NOW
        )
    )


def identify(place: Place, name: str) -> UserAssignedIdentity:
    """Make an identity in the first group."""
    return place.commit(
        lambda tx: create_user_assigned_identity(
            tx, group=place.group, name=name, location="local", client_id=APP, principal_id=APP, now=NOW
        )
    )


class TestGroups:
    """Resource groups."""

    def test_names_are_compared_without_case(self, place: Place) -> None:
        """A group's first spelling stays, and a second PUT changes its tags."""
        changed, made = put(place, "RG1", tags={"a": "b"})
        assert not made
        assert (changed.name, changed.tags) == ("Rg1", {"a": "b"})
        assert len(place.view.all(ResourceGroup)) == 1

    def test_does_not_move(self, place: Place) -> None:
        """A group stays in its location."""
        with pytest.raises(Conflict) as refused:
            put(place, "rg1", "elsewhere")
        assert refused.value.code == "InvalidResourceGroupLocation"

    @pytest.mark.parametrize("name", ["a", "Grp-1_(x).y", "g" * limits.RESOURCE_GROUP_NAME_CHARS, "größe"])
    def test_good_names(self, place: Place, name: str) -> None:
        """Letters of any alphabet, digits, and a few marks."""
        assert put(place, name)[0].name == name

    @pytest.mark.parametrize(
        "name", ["", "a.", "a/b", "a b", "a%", "g" * (limits.RESOURCE_GROUP_NAME_CHARS + 1), "a\n"]
    )
    def test_bad_names(self, place: Place, name: str) -> None:
        """Anything else is refused."""
        with pytest.raises(Invalid) as refused:
            put(place, name)
        assert refused.value.code == "InvalidResourceGroup"

    def test_removed_once(self, place: Place) -> None:
        """A group that is gone is not found."""
        place.commit(lambda tx: delete_group(tx, place.group, now=NOW))
        with pytest.raises(NotFound):
            place.commit(lambda tx: delete_group(tx, place.group, now=NOW))

    def test_the_roles_over_its_vaults_are_gone_through_once(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many vaults go with a group, what a tenant has of role assignments is read once, and theirs go."""
        vaults = [place.vault, *(place.new_vault(f"kv-{n}", f"c1000000-0000-4000-8000-00000000000{n}") for n in "12")]
        for number, one in enumerate(vaults):
            given = RoleAssignment(
                str(number), TENANT, one.scope, KEY_VAULT_READER, APP, PrincipalType.SERVICE_PRINCIPAL, NOW
            )
            place.commit(lambda tx, given=given: tx.put(given))  # type: ignore[misc]  # the default binds it
        read: list[type[Record]] = []
        records = SqlTransaction.records

        async def note(tx: SqlTransaction, kind: type[Any], *where: Any, **how: Any) -> list[Any]:
            read.append(kind)
            return await records(tx, kind, *where, **how)

        monkeypatch.setattr(SqlTransaction, "records", note)
        assert len(place.commit(lambda tx: delete_group(tx, place.group, now=NOW)).vaults) == 3
        assert place.view.all(RoleAssignment) == ()
        assert read.count(RoleAssignment) == 1

    def test_takes_identities_along(self, place: Place) -> None:
        """Identities go with their group, and the caller learns whose principals to remove; others stay."""
        mine = identify(place, "id-one")
        other = put(place, "rg2")[0]
        assert place.commit(lambda tx: delete_group(tx, other, now=NOW)).identities == ()
        assert place.commit(lambda tx: delete_group(tx, place.group, now=NOW)).identities == (mine,)
        assert place.view.all(UserAssignedIdentity) == ()


class TestLookup:
    """SEC-TENANT-1: every look-up is within the caller's tenant."""

    def test_found(self, place: Place) -> None:
        """Names are found in any case."""
        view = place.view
        assert subscription_of(view, TENANT, SUBSCRIPTION.upper()) == place.subscription
        assert group_of(view, TENANT, SUBSCRIPTION, "RG1") == place.group
        assert vault_of(view, TENANT, SUBSCRIPTION, "rG1", "KV-ONE") == place.vault

    @pytest.mark.parametrize("subscription", [SUBSCRIPTION, "59999999-0000-4000-8000-000000000001", "x", ""])
    def test_another_tenant(self, place: Place, subscription: str) -> None:
        """Another tenant's subscription is not found, as a random one is not."""
        with pytest.raises(NotFound) as refused:
            vault_of(place.view, OTHER_TENANT, subscription, "Rg1", "Kv-one")
        told = subscription if len(subscription) == 36 else "REDACTED"
        assert refused.value.message == f"The subscription '{told}' could not be found."
        assert refused.value.code == "SubscriptionNotFound"

    def test_vault_of_another_group(self, place: Place) -> None:
        """A vault is found in its own group alone."""
        put(place, "rg2")
        with pytest.raises(NotFound) as refused:
            vault_of(place.view, TENANT, SUBSCRIPTION, "rg2", "Kv-one")
        assert refused.value.code == "ResourceNotFound"


class TestIdentities:
    """User-assigned identities."""

    def test_made(self, place: Place) -> None:
        """An identity's resource has the id that its principal's tokens carry."""
        made = identify(place, "Id-One")
        assert made.scope == identity_resource_id(place.group, "Id-One")
        assert place.view.user_assigned_identity(SUBSCRIPTION, "rg1", "id-one") == made

    def test_once(self, place: Place) -> None:
        """A group has one identity of a name, compared without case."""
        identify(place, "id-one")
        with pytest.raises(Conflict):
            identify(place, "ID-ONE")

    @pytest.mark.parametrize("name", ["ab", "a" * 129, "-abc", "a.b.c", "a/bc", ""])
    def test_bad_names(self, place: Place, name: str) -> None:
        """A name that ARM would refuse is refused."""
        with pytest.raises(Invalid):
            identify(place, name)
        assert place.view.all(UserAssignedIdentity, tenant_partition(TENANT)) == ()


class TestTracked:
    """Locations and tags."""

    def test_location(self) -> None:
        """Locations are compared without case and spaces."""
        assert parse_location("West Europe 2") == "westeurope2"

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "LocationRequired"),
            (" ", "LocationRequired"),
            ("a-b", "LocationNotAvailableForResourceType"),
            ("x" * 41, "LocationNotAvailableForResourceType"),
        ],
    )
    def test_no_location(self, text: str, code: str) -> None:
        """A location is a word."""
        with pytest.raises(Invalid) as refused:
            parse_location(text)
        assert refused.value.code == code

    def test_limits(self) -> None:
        """50 tags with names of 512 and values of 256 characters are good."""
        tags = {f"{index:0512}": "v" * limits.ARM_TAG_VALUE_CHARS for index in range(limits.ARM_TAGS)}
        assert check_tags(tags) == tags

    @pytest.mark.parametrize(
        "tags",
        [
            {str(index): "" for index in range(limits.ARM_TAGS + 1)},
            {"n" * (limits.ARM_TAG_NAME_CHARS + 1): ""},
            {"n": "v" * (limits.ARM_TAG_VALUE_CHARS + 1)},
            {"": "v"},
            {"a/b": "v"},
            {"a<b": "v"},
            {"a\x00": "v"},
            {"a": "1", "A": "2"},
        ],
    )
    def test_bad_tags(self, tags: dict[str, str]) -> None:
        """One more, one character more, a reserved character, or names that differ in case alone are refused."""
        with pytest.raises(Invalid):
            check_tags(tags)
