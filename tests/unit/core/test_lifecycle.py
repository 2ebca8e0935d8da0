"""The life of an object: states, refusals and their words."""

import pytest

from strongroom.core import lifecycle
from strongroom.core.errors import Conflict, Forbidden, Invalid, NotFound
from strongroom.core.lifecycle import Recovery, State, recovery, require_usable
from strongroom.core.limits import VERSIONS_IN_BACKUP
from strongroom.core.objects import Collection, StoredObject

NOW = 1_800_000_000
SECRETS = Collection.SECRETS
VERSION = "0123456789abcdef0123456789abcdef"
ACTIVE = StoredObject("vault", SECRETS, "s1", "guid", created=NOW - 10, latest=VERSION)
DELETED = StoredObject(
    "vault", SECRETS, "s1", "guid", created=NOW - 10, latest=VERSION, deleted=NOW - 5, purge_at=NOW + 1
)
DUE = StoredObject("vault", SECRETS, "s1", "guid", created=NOW - 10, latest=VERSION, deleted=NOW - 5, purge_at=NOW)


@pytest.mark.parametrize(
    ("days", "protected", "version", "expected"),
    [
        (90, False, "7.4", Recovery("Recoverable+Purgeable", 90)),
        (90, True, "7.4", Recovery("Recoverable", 90)),
        (7, False, "7.4", Recovery("CustomizedRecoverable+Purgeable", 7)),
        (89, True, "2026-04-01", Recovery("CustomizedRecoverable", 89)),
        (7, False, "7.0", Recovery("CustomizedRecoverable+Purgeable", None)),
        (90, True, "2016-10-01", Recovery("Recoverable", None)),
        (90, False, "2015-06-01", Recovery(None, None)),
    ],
)
def test_the_recovery_level_follows_from_the_vault(
    days: int,
    protected: bool,  # noqa: FBT001  a column of the table above
    version: str,
    expected: Recovery,
) -> None:
    """Ninety days have the plain words, fewer the customised ones, and older versions know less."""
    assert recovery(retention_days=days, purge_protection=protected, version=version) == expected


def test_purge_comes_after_the_retention() -> None:
    """The date of the purge is the deletion plus the retention, to the second."""
    assert lifecycle.purge_time(NOW, 7) == NOW + 7 * 24 * 60 * 60


@pytest.mark.parametrize(
    ("stored", "state"), [(None, State.ABSENT), (ACTIVE, State.ACTIVE), (DELETED, State.DELETED), (DUE, State.ABSENT)]
)
def test_an_object_is_gone_when_its_date_has_come(stored: StoredObject | None, state: State) -> None:
    """The promised date decides, whether or not the row was removed by then."""
    assert lifecycle.state_of(stored, NOW) is state


NOT_FOUND = (
    "A secret with (name/id) s1 was not found in this key vault. If you recently deleted this secret you may be able "
    "to recover it using the correct recovery command. For help resolving this issue, please see "
    "https://go.microsoft.com/fwlink/?linkid=2125182"
)
RECOVERABLE = (
    "Secret s1 is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the "
    "secret can only be recovered or purged."
)


@pytest.mark.parametrize("stored", [None, DELETED, DUE])
def test_what_is_absent_or_deleted_is_not_found(stored: StoredObject | None) -> None:
    """A read says the same of an absent and of a deleted secret."""
    with pytest.raises(NotFound) as refusal:
        lifecycle.require_active(stored, SECRETS, "s1", NOW)
    assert (refusal.value.code, refusal.value.inner, refusal.value.message) == ("SecretNotFound", None, NOT_FOUND)


def test_an_active_object_is_given_back() -> None:
    """What is active can be read."""
    assert lifecycle.require_active(ACTIVE, SECRETS, "s1", NOW) is ACTIVE


@pytest.mark.parametrize("stored", [None, ACTIVE, DUE])
def test_what_is_not_deleted_cannot_be_purged(stored: StoredObject | None) -> None:
    """A purge wants a deleted secret."""
    with pytest.raises(NotFound) as refusal:
        lifecycle.require_deleted(stored, SECRETS, "s1", NOW)
    assert (refusal.value.code, refusal.value.message) == ("SecretNotFound", "Deleted Secret not found: s1")


@pytest.mark.parametrize("stored", [None, ACTIVE, DUE])
def test_what_is_not_deleted_cannot_be_recovered(stored: StoredObject | None) -> None:
    """A recovery wants a deleted secret, and is refused in the words for an active one."""
    with pytest.raises(NotFound) as refusal:
        lifecycle.require_recoverable(stored, SECRETS, "s1", NOW)
    assert (refusal.value.code, refusal.value.message) == ("SecretNotFound", NOT_FOUND)


def test_a_deleted_object_is_given_back() -> None:
    """What is deleted can be recovered or purged."""
    assert lifecycle.require_deleted(DELETED, SECRETS, "s1", NOW) is DELETED
    assert lifecycle.require_recoverable(DELETED, SECRETS, "s1", NOW) is DELETED


def test_the_name_of_a_deleted_object_cannot_be_used() -> None:
    """Set and restore meet a conflict that tools recognise by its inner word."""
    for refuse in (
        lambda: lifecycle.require_name_free(DELETED, SECRETS, "s1", NOW),
        lambda: lifecycle.require_restorable(DELETED, SECRETS, "s1", "https://kv1/secrets/s1", NOW),
    ):
        with pytest.raises(Conflict) as refusal:
            refuse()
        assert (refusal.value.code, refusal.value.inner) == ("Conflict", "ObjectIsDeletedButRecoverable")
        assert refusal.value.message == RECOVERABLE


@pytest.mark.parametrize("stored", [None, ACTIVE, DUE])
def test_other_names_are_free(stored: StoredObject | None) -> None:
    """A new version of an active secret, a first one, and one after the purge date are fine."""
    lifecycle.require_name_free(stored, SECRETS, "s1", NOW)


def test_a_restore_does_not_overwrite() -> None:
    """Restoring over an active secret is a conflict that names it."""
    with pytest.raises(Conflict) as refusal:
        lifecycle.require_restorable(ACTIVE, SECRETS, "s1", "https://kv1.vault.localhost/secrets/s1", NOW)
    assert refusal.value.message == (
        "There was a conflict restoring the secret 'https://kv1.vault.localhost/secrets/s1'. This can happen if either:"
        " a second secret with the same name was created after the first secret was deleted; thus trying to restore a"
        " secret whose name is already in use. To fix this, rename the second secret to something else so that the"
        " restore works. The second probable cause of this exception is when multiple operations are performed in"
        " parallel against the secret. To avoid this error, perform operations against a secret in a sequential manner."
    )
    lifecycle.require_restorable(None, SECRETS, "s1", "https://kv1.vault.localhost/secrets/s1", NOW)


def test_purge_protection_refuses_everyone() -> None:
    """Purge under protection is a 403 without an inner word, naming the vault and its place."""
    with pytest.raises(Forbidden) as refusal:
        lifecycle.require_purgeable(purge_protection=True, vault="kv1", location="local")
    assert (refusal.value.code, refusal.value.inner) == ("Forbidden", None)
    assert refusal.value.message == (
        'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service will '
        "automatically purge it after the retention period has passed. Vault: kv1;location=local"
    )
    lifecycle.require_purgeable(purge_protection=False, vault="kv1", location="local")


def test_a_backup_holds_500_versions_and_not_501() -> None:
    """The limit of a backup, at it and one past it."""
    lifecycle.require_backup_fits(VERSIONS_IN_BACKUP, SECRETS)
    with pytest.raises(Invalid):
        lifecycle.require_backup_fits(VERSIONS_IN_BACKUP + 1, SECRETS)


def allow(
    collection: Collection, operation: str, *, enabled: bool = True, nbf: int | None = None, exp: int | None = None
) -> None:
    """State that the operation is allowed with these attributes."""
    require_usable(collection, operation, enabled=enabled, nbf=nbf, exp=exp, now=NOW)


def deny(
    inner: str,
    collection: Collection,
    operation: str,
    *,
    enabled: bool = True,
    nbf: int | None = None,
    exp: int | None = None,
) -> None:
    """State that the operation is refused with this inner word."""
    with pytest.raises(Forbidden) as refusal:
        require_usable(collection, operation, enabled=enabled, nbf=nbf, exp=exp, now=NOW)
    assert (refusal.value.code, refusal.value.inner) == ("Forbidden", inner)


def test_attributes_forbid_what_the_table_says() -> None:
    """Reference section 4.2, line by line."""
    keys, certificates = Collection.KEYS, Collection.CERTIFICATES
    deny("SecretDisabled", SECRETS, "get", enabled=False)
    allow(SECRETS, "get", nbf=NOW + 1)
    allow(SECRETS, "get", exp=NOW)
    allow(SECRETS, "update", enabled=False)
    for operation in ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"):
        deny("KeyDisabled", keys, operation, enabled=False)
    for operation in ("encrypt", "wrapKey", "sign"):
        deny("KeyNotYetValid", keys, operation, nbf=NOW + 1)
        deny("KeyExpired", keys, operation, exp=NOW)
        allow(keys, operation, nbf=NOW, exp=NOW + 1)
    for operation in ("decrypt", "unwrapKey", "verify", "release"):
        allow(keys, operation, nbf=NOW + 1)
        allow(keys, operation, exp=NOW)
    allow(keys, "get", enabled=False)
    allow(certificates, "get", enabled=False, exp=NOW)


def test_a_disabled_secret_says_so() -> None:
    """The words of the refusal."""
    with pytest.raises(Forbidden, match=r"^Operation get is not allowed on a disabled secret\.$"):
        require_usable(SECRETS, "get", enabled=False, nbf=None, exp=None, now=NOW)


def test_each_kind_of_object_has_its_own_words() -> None:
    """Each noun is in its article's sentence, with a code of its own; what is deleted is named after a colon."""
    key = lifecycle.not_found(Collection.KEYS, "k1", VERSION)
    assert key.code == "KeyNotFound"
    assert key.message.startswith(f"A key with (name/id) k1/{VERSION} was not found in this key vault.")
    certificate = lifecycle.not_found(Collection.CERTIFICATES, "c1")
    assert certificate.code == "CertificateNotFound"
    assert certificate.message == (
        "A certificate with (name/id) c1 was not found in this key vault. If you recently deleted this certificate you"
        " may be able to recover it using the correct recovery command. For help resolving this issue, please see"
        " https://go.microsoft.com/fwlink/?linkid=2125182"
    )
    assert lifecycle.deleted_not_found(Collection.KEYS, "k1").message == "Deleted Key not found: k1"
