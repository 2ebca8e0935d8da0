from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import msgspec
import pytest

from strongroom.core.changes import ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.identity import Application, Credential, CredentialKind, PrincipalType, Tenant, User
from strongroom.core.network import DefaultAction, NetworkAcls, VirtualNetworkRule
from strongroom.core.objects import Collection
from strongroom.core.rbac import RoleAssignment
from strongroom.core.records import INSTANCE, KINDS, Record
from strongroom.core.registration import Api, AppRole, PermissionScope, PreAuthorized, ResourceAccess, SignIn
from strongroom.core.relations import AppRoleAssignment, DeletedObject, Ownership, PermissionGrant
from strongroom.core.vaults import AccessPolicy, Vault
from strongroom.store.codec import (
    UnknownKind,
    decode_as,
    decode_changes,
    decode_entries,
    decode_record,
    encode_changes,
    encode_entries,
    encode_record,
)

VAULT = Vault(
    id="v",
    tenant="t",
    subscription="s",
    resource_group="g",
    name="Name",
    location="local",
    created=1,
    wrapped_key=b"\0\xff",
    rbac=None,
    access_policies=(AccessPolicy("t", "o", None, secrets=("list", "get")),),
    network_acls=NetworkAcls(
        DefaultAction.DENY, ip_rules=("10.0.0.0/8",), virtual_network_rules=(VirtualNetworkRule("/subnets/a", True),)
    ),
    tags={"a": "b"},
)


APPLICATION = Application(
    "o",
    "t",
    "a",
    "A",
    1,
    sign_in=SignIn(web=("https://a.example/",), is_fallback_public_client=True),
    api=Api((PermissionScope("s", "user_impersonation"),), ("k",), (PreAuthorized("a", ("s",)),), 2),
    app_roles=(AppRole("r", None, "R", "", member_types=("User", "Application")),),
    required_resource_access=(ResourceAccess("x", ("s",), ("r",), ("r", "s")),),
    tags=("t",),
)


@pytest.mark.parametrize(
    "record",
    [
        VAULT,
        Tenant("t", "T", ("a.example", "b.example"), 1),
        Credential("c", "t", "o", CredentialKind.SECRET, b"\0\1", 1, 2, None, hint="abc"),
        RoleAssignment("a", "t", "/", "role", "p", PrincipalType.GROUP, 1),
        User("u", "t", "u@a.example", "U", 1, profile=(("jobTitle", "Plumber"),)),
        APPLICATION,
        Ownership("o/u", "t", "o", "u"),
        AppRoleAssignment("a", "t", "r", "p", PrincipalType.USER, "s", 1),
        PermissionGrant("g", "t", "c", None, "r", ("openid",)),
        DeletedObject("o", "t", 1, application=APPLICATION),
    ],
    ids=lambda record: record.KIND,
)
def test_a_record_survives_as_an_equal_one(record: Record) -> None:
    """Words, bytes, numbers, None, tuples, sets, maps and nested values come back as the types they were."""
    back = decode_record(record.KIND, encode_record(record))
    assert back == record
    assert type(back) is type(record)


def test_every_kind_has_a_decoder() -> None:
    """No registered record has a field that cannot be read back."""
    for cls in KINDS.values():
        msgspec.msgpack.Decoder(cls)


@dataclass(frozen=True, slots=True)
class Old(Record):
    """A record of an older release."""

    KIND: ClassVar[str] = "old"
    id: str

    @property
    def partition(self) -> str:
        """Say where it stands."""
        return INSTANCE


@dataclass(frozen=True, slots=True)
class New(Record):
    """The same record of a newer release."""

    KIND: ClassVar[str] = "old"
    id: str
    added: tuple[str, ...] = ("default",)
    more: dict[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """Say where it stands."""
        return INSTANCE


def test_a_field_added_since_takes_its_default() -> None:
    """PIT: "A stored database that a newer version cannot read"."""
    assert decode_as(New, encode_record(Old("a"))) == New("a")


def test_a_field_that_is_not_known_is_passed_over() -> None:
    """A roll-back to an older release reads the rows of the newer one."""
    assert decode_as(Old, encode_record(New("a", ("x",)))) == Old("a")


def test_a_field_that_is_missing_without_a_default_is_refused() -> None:
    """A body of another shape does not become a record."""
    with pytest.raises(msgspec.ValidationError):
        decode_as(Tenant, encode_record(Old("a")))


def test_an_unknown_kind_is_refused() -> None:
    """The message names it."""
    with pytest.raises(UnknownKind, match="nonsense"):
        decode_record("nonsense", b"\x80")


def test_the_feed_keeps_places() -> None:
    """Of a record that was put only where it is, never what it held."""
    tenant = Tenant("t", "canary", (), 1)
    changes = (RecordPut(tenant), RecordRemoved("user", "p", "u"), ObjectChanged("v", Collection.KEYS, "k"))
    body = encode_changes(changes)
    assert b"canary" not in body
    assert decode_changes(body) == (("tenant", INSTANCE, "t"), changes[1], changes[2])


def test_what_is_stored_is_what_was_always_stored() -> None:
    """Bytes written by the first release: they must be read for ever."""
    assert encode_record(Old("a")).hex() == "81a26964a161"
    assert encode_changes((ObjectChanged("v", Collection.KEYS, "k"),)).hex() == "9194a66f626a656374a176a46b657973a16b"
    assert encode_changes((RecordRemoved("k", "p", "i"),)).hex() == "9194a772656d6f766564a16ba170a169"
    assert encode_entries((b"{}",)).hex() == "91c4027b7d"


def test_entries_survive() -> None:
    """In their order."""
    assert decode_entries(encode_entries((b"a", b"", b"\0"))) == (b"a", b"", b"\0")
