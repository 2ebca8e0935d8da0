from __future__ import annotations

import pytest

from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.identity import Credential, User
from strongroom.core.sessions import SignInSettings, TokenFamily
from strongroom.directory import users
from strongroom.directory.sessions import begin_family, family_of
from strongroom.directory.user_passwords import change_password, password_of, revoke_sessions, set_password
from tests.flow.users import AZURE_CLI
from tests.unit.directory.conftest import NOW, Directory

DAY_S = 86_400


def password(directory: Directory, user: User) -> Credential:
    """Give a user's password, which is the only one."""
    (held,) = directory.view.credentials_of(user.id)
    assert password_of(directory.view, user) == held
    return held


def set_new(directory: Directory, user: User, *, tenant: str | None = None, must_change: bool = False) -> Credential:
    """Set a password, as an administrator."""
    return directory.commit(
        lambda tx: set_password(
            tx,
            tenant or directory.tenant,
            user.id,
            verifier=b"new",
            must_change=must_change,
            now=NOW + 5,
            entropy=directory.entropy,
        )
    )


def expire_after(directory: Directory, days: int | None) -> None:
    """Let the tenant's passwords last so long."""
    settings = SignInSettings(directory.tenant, directory.tenant, password_days=days)
    directory.commit(lambda tx: tx.put(settings))


class TestSetPassword:
    """What an administrator sets."""

    def test_it_is_another_credential(self, directory: Directory) -> None:
        """SEC-FLOW-17: tokens end with the credential they came from: a changed password is a new one."""
        made = directory.add_user()
        before = password(directory, made)
        set_new(directory, made)
        after = password(directory, made)
        assert (after.verifier, after.expires) == (b"new", None)
        assert after.id != before.id

    def test_one_to_be_changed_has_expired(self, directory: Directory) -> None:
        """It is good for nothing but choosing another, however long the tenant's last."""
        expire_after(directory, 90)
        assert set_new(directory, directory.add_user(), must_change=True).expires == NOW + 5

    def test_another_tenants_user_is_not_there(self, directory: Directory) -> None:
        """A password is set in the user's own tenant alone."""
        made = directory.add_user()
        before = password(directory, made)
        with pytest.raises(NotFound):
            set_new(directory, made, tenant=directory.other)
        assert password(directory, made) == before


class TestChangePassword:
    """What a user changes."""

    def test_the_one_that_was_proved_is_replaced(self, directory: Directory) -> None:
        """And it lasts as long as the tenant says."""
        made = directory.add_user()
        expire_after(directory, 30)
        proved = password(directory, made)
        directory.commit(
            lambda tx: change_password(tx, proved, verifier=b"mine", now=NOW + 9, entropy=directory.entropy)
        )
        assert password(directory, made).verifier == b"mine"
        assert password(directory, made).expires == NOW + 9 + 30 * DAY_S

    def test_one_that_was_replaced_meanwhile_changes_nothing(self, directory: Directory) -> None:
        """Whoever proved the old password has not proved the new."""
        made = directory.add_user()
        proved = password(directory, made)
        set_new(directory, made)
        with pytest.raises(Conflict):
            directory.commit(
                lambda tx: change_password(tx, proved, verifier=b"mine", now=NOW, entropy=directory.entropy)
            )
        assert password(directory, made).verifier == b"new"


class TestExpiry:
    """How long passwords last."""

    def test_a_new_user(self, directory: Directory) -> None:
        """A user's first password lasts as long as any; without a setting, for ever."""
        assert password(directory, directory.add_user("a")).expires is None
        expire_after(directory, 30)
        assert password(directory, directory.add_user("b")).expires == NOW + 30 * DAY_S

    def test_an_exempt_user(self, directory: Directory) -> None:
        """Exempting a user counts for the password that there is, and so does the end of it."""
        expire_after(directory, 30)
        made = directory.add_user()
        for exempt, expires in ((True, None), (False, NOW + 30 * DAY_S)):
            change = users.UserChange(password_never_expires=exempt)
            directory.commit(
                lambda tx, change=change: users.update_user(tx, directory.tenant, made.id, change, now=NOW)
            )
            assert password(directory, made).expires == expires

    def test_one_to_be_changed_stays_so(self, directory: Directory) -> None:
        """An exemption does not make good what an administrator gave to be changed."""
        made = directory.add_user()
        set_new(directory, made, must_change=True)
        change = users.UserChange(password_never_expires=True)
        directory.commit(lambda tx: users.update_user(tx, directory.tenant, made.id, change, now=NOW))
        assert password(directory, made).expires == NOW + 5


def test_revoked_sessions_end(directory: Directory) -> None:
    """Every family of the user's, and nobody else's; another tenant does not find the user."""
    mine, other = directory.add_user("a"), directory.add_user("b")
    families = []
    for number, who in enumerate((mine, mine, other)):
        held = password(directory, who).id
        families.append(TokenFamily(str(number), directory.tenant, who.id, AZURE_CLI, held, NOW, ("pwd",), NOW + 60))
        directory.commit(lambda tx: tx.put(families[-1]))
    with pytest.raises(NotFound):
        directory.commit(lambda tx: revoke_sessions(tx, directory.other, mine.id, now=NOW + 1))
    directory.commit(lambda tx: revoke_sessions(tx, directory.tenant, mine.id, now=NOW + 1))
    stand = [family_of(directory.view, directory.tenant, one.id) is not None for one in families]
    assert stand == [False, False, True]


def test_a_code_from_before_is_no_way_back(directory: Directory) -> None:
    """What the user signed in to before the sessions were revoked begins no family; a sign-in after it does."""
    user = directory.add_user()
    held = password(directory, user)
    directory.commit(lambda tx: revoke_sessions(tx, directory.tenant, user.id, now=NOW + 10))
    for authenticated, begins in ((NOW + 9, False), (NOW + 10, False), (NOW + 11, True)):
        family = TokenFamily(
            str(authenticated), directory.tenant, user.id, "app", held.id, authenticated, ("pwd",), NOW + 60
        )
        if begins:
            assert directory.commit(lambda tx, family=family: begin_family(tx, family))
        else:
            with pytest.raises(Invalid) as refused:
                directory.commit(lambda tx, family=family: begin_family(tx, family))
            assert refused.value.number == 50173
