"""Backups: what opens as one, besides what the flow tests seal and alter."""

from __future__ import annotations

import secrets

import msgspec
import pytest

from strongroom.core.errors import Invalid
from strongroom.core.vaults import Vault
from strongroom.crypto.software import ROOT_KEY_BYTES, SoftwareRootKey
from strongroom.objects.backups import Backups

KEYS = SoftwareRootKey(secrets.token_bytes(ROOT_KEY_BYTES))
VAULT = Vault("guid", "tenant", "subscription", "group", "kv-prod-1", "local", 0, b"")


class Thing(msgspec.Struct, frozen=True):
    """An object with all its versions."""

    format: int
    versions: list[str]


BACKUPS = Backups("thing", Thing, 2)


def test_a_backup_opens() -> None:
    """In the format that is written now, with a version at least."""
    made = Thing(2, ["v"])
    assert BACKUPS.open(KEYS, VAULT, BACKUPS.seal(KEYS, VAULT, made)) == made


@pytest.mark.parametrize("made", [Thing(1, ["v"]), Thing(3, ["v"]), Thing(2, [])])
def test_another_format_and_an_object_without_versions_are_none(made: Thing) -> None:
    """Though it was sealed here: what would be restored is not what is meant."""
    with pytest.raises(Invalid, match="not a backup of a thing of this subscription"):
        BACKUPS.open(KEYS, VAULT, BACKUPS.seal(KEYS, VAULT, made))


@pytest.mark.parametrize("sealed_by", [Backups("thing", Thing, 1), Backups("other", Thing, 2)])
def test_a_seal_is_for_one_kind_and_format(sealed_by: Backups[Thing]) -> None:
    """Whatever its content says."""
    with pytest.raises(Invalid):
        BACKUPS.open(KEYS, VAULT, sealed_by.seal(KEYS, VAULT, Thing(2, ["v"])))
