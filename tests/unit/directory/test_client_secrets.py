from __future__ import annotations

import pytest

from strongroom.core import limits
from strongroom.core.errors import Failure, Invalid, NotFound
from strongroom.core.identity import Application
from strongroom.directory import applications, client_secrets
from strongroom.directory.client_secrets import NewSecret
from strongroom.directory.clients import Client, authenticate_by_secret, require_client
from tests.unit.directory.conftest import NOW, Directory


def add_secret(directory: Directory, application: Application, **wanted: int) -> NewSecret:
    """Add a secret, for an hour unless the test wants otherwise."""
    expires = wanted.pop("expires", NOW + 3600)
    made = client_secrets.make_client_secret(
        directory.keys, application, expires=expires, now=NOW, entropy=directory.entropy, **wanted
    )
    directory.commit(lambda tx: client_secrets.add_password(tx, made.credential))
    return made


def authenticate(
    directory: Directory, client_id: str, secret: str, *, now: int = NOW, tenant: str | None = None
) -> Client:
    """Authenticate in the first tenant unless the test wants another."""
    return authenticate_by_secret(
        directory.keys,
        directory.view,
        tenant=tenant or directory.tenant,
        client_id=client_id,
        secret=secret,
        now=now,
    )


class TestKeeping:
    """What becomes of a secret."""

    def test_a_secret_is_kept_as_a_hash_and_shown_once(self, directory: Directory) -> None:
        """SEC-BOOT-19: client secrets are kept as keyed hashes: the text is in no record and in no representation."""
        made = add_secret(directory, directory.add_application())

        stored = directory.view.credential(made.credential.id)
        assert stored is not None
        assert made.text.encode() not in stored.verifier
        assert made.text not in repr(made)
        assert made.text not in repr(stored)
        assert stored.hint == made.text[:3]

    @pytest.mark.parametrize(("begins", "ends"), [(NOW, NOW), (NOW + 10, NOW + 5), (NOW - 20, NOW - 10)])
    def test_a_secret_that_never_counts_is_refused(self, directory: Directory, begins: int, ends: int) -> None:
        """It ends after it begins, and after the present."""
        application = directory.add_application()
        with pytest.raises(Invalid, match="end date"):
            client_secrets.make_client_secret(
                directory.keys, application, not_before=begins, expires=ends, now=NOW, entropy=directory.entropy
            )

    def test_an_application_has_so_many_secrets_and_no_more(self, directory: Directory) -> None:
        """The limit is named once: at it works, one past it does not."""
        application = directory.add_application()
        for _ in range(limits.CLIENT_SECRETS_PER_APPLICATION):
            add_secret(directory, application)

        with pytest.raises(Invalid, match=str(limits.CLIENT_SECRETS_PER_APPLICATION)):
            add_secret(directory, application)
        assert len(directory.view.credentials_of(application.id)) == limits.CLIENT_SECRETS_PER_APPLICATION

    def test_a_secret_is_removed_from_its_own_application_alone(self, directory: Directory) -> None:
        """A key id of another application or tenant is unknown."""
        mine, theirs = directory.add_application("mine"), directory.add_application("theirs")
        secret = add_secret(directory, theirs).credential

        for tenant, application in ((directory.tenant, mine.id), (directory.other, theirs.id)):
            with pytest.raises(NotFound):
                directory.commit(
                    lambda tx, tenant=tenant, application=application: client_secrets.remove_password(
                        tx, tenant, application, secret.id
                    )
                )
        directory.commit(lambda tx: client_secrets.remove_password(tx, directory.tenant, theirs.id, secret.id))
        assert directory.view.credentials_of(theirs.id) == ()

    def test_a_secret_for_a_deleted_application_does_not_count(self, directory: Directory) -> None:
        """Whoever deletes an application while a secret is being made for it leaves no secret behind."""
        application = directory.add_application()
        made = client_secrets.make_client_secret(
            directory.keys, application, expires=NOW + 60, now=NOW, entropy=directory.entropy
        )
        directory.commit(lambda tx: applications.delete_application(tx, directory.tenant, application.id, now=NOW))

        with pytest.raises(NotFound):
            directory.commit(lambda tx: client_secrets.add_password(tx, made.credential))
        assert directory.view.credential(made.credential.id) is None


class TestAuthenticating:
    """Whether a secret proves its application."""

    def test_each_secret_proves_its_application(self, directory: Directory) -> None:
        """Of several secrets each works, and is known to be the one that was used."""
        application = directory.add_application()
        principal = directory.add_principal(application)
        for made in [add_secret(directory, application) for _ in range(3)]:
            client = authenticate(directory, application.app_id, made.text)
            assert client.principal == principal
            assert client.credential.id == made.credential.id
            assert client.appidacr == "1"

    def test_the_client_id_compares_without_case(self, directory: Directory) -> None:
        """A GUID is the same in capitals."""
        application = directory.add_application()
        directory.add_principal(application)
        secret = add_secret(directory, application)

        assert authenticate(directory, application.app_id.upper(), secret.text).application == application

    def test_a_secret_compares_exactly(self, directory: Directory) -> None:
        """Not in another case, not with a blank, not a part of it."""
        application = directory.add_application()
        directory.add_principal(application)
        text = add_secret(directory, application).text

        for wrong in (text.swapcase(), f"{text} ", text[:-1], text[1:], "", f"{text}\0"):
            assert refusal(directory, application.app_id, wrong) == 7000215

    def test_another_applications_secret_is_wrong(self, directory: Directory) -> None:
        """A secret proves its own application and no other."""
        mine, theirs = directory.add_application("mine"), directory.add_application("theirs")
        for application in (mine, theirs):
            directory.add_principal(application)
        add_secret(directory, mine)
        secret = add_secret(directory, theirs)

        assert refusal(directory, mine.app_id, secret.text) == 7000215

    def test_an_unknown_client_is_unknown(self, directory: Directory) -> None:
        """AADSTS700016, whether the application is unknown, has no principal, or is another tenant's."""
        application = directory.add_application()
        secret = add_secret(directory, application)
        assert refusal(directory, "11111111-1111-1111-1111-111111111111", secret.text) == 700016
        assert refusal(directory, application.app_id, secret.text) == 700016
        directory.add_principal(application)
        assert refusal(directory, application.app_id, secret.text, tenant=directory.other) == 700016

    def test_an_expired_secret_has_expired(self, directory: Directory) -> None:
        """AADSTS7000222 from its last second on; before it works."""
        application = directory.add_application()
        directory.add_principal(application)
        secret = add_secret(directory, application, expires=NOW + 100)

        assert authenticate(directory, application.app_id, secret.text, now=NOW + 99)
        assert refusal(directory, application.app_id, secret.text, now=NOW + 100) == 7000222

    def test_a_secret_does_not_count_before_its_time(self, directory: Directory) -> None:
        """A secret with a start date is refused before it."""
        application = directory.add_application()
        directory.add_principal(application)
        secret = add_secret(directory, application, not_before=NOW + 50, expires=NOW + 100)

        assert refusal(directory, application.app_id, secret.text, now=NOW + 49) == 7000222
        assert authenticate(directory, application.app_id, secret.text, now=NOW + 50)

    def test_that_a_client_is_disabled_is_told_to_itself_alone(self, directory: Directory) -> None:
        """AADSTS7000112 with the right secret; with a wrong one the answer is that of an enabled client."""
        application = directory.add_application()
        principal = directory.add_principal(application)
        secret = add_secret(directory, application)
        change = applications.ServicePrincipalChange(enabled=False)
        directory.commit(lambda tx: applications.update_service_principal(tx, directory.tenant, principal.id, change))

        assert refusal(directory, application.app_id, secret.text) == 7000112
        assert refusal(directory, application.app_id, "wrong") == 7000215

    def test_an_unknown_client_costs_as_many_hashes_as_a_known_one(
        self, directory: Directory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Pitfalls "Timing": equal work for a known and an unknown client."""
        application = directory.add_application()
        directory.add_principal(application)
        add_secret(directory, application)
        purposes: list[str] = []
        tag = type(directory.keys).tag

        def counting(self: object, purpose: str, message: bytes) -> bytes:
            purposes.append(purpose)
            return tag(directory.keys, purpose, message)

        monkeypatch.setattr(type(directory.keys), "tag", counting)
        refusal(directory, application.app_id, "wrong")
        known = list(purposes)
        purposes.clear()
        refusal(directory, "11111111-1111-1111-1111-111111111111", "wrong")

        assert purposes == known
        assert known

    def test_no_refusal_repeats_the_secret(self, directory: Directory) -> None:
        """SEC-AUDIT-7: a secret is never in an error or in what the audit gets."""
        application = directory.add_application()
        directory.add_principal(application)
        with pytest.raises(Failure) as refused:
            authenticate(directory, application.app_id, "canary-secret")

        assert "canary-secret" not in f"{refused.value.message}{refused.value.reason}"

    def test_a_client_without_proof_is_named_or_unknown(self, directory: Directory) -> None:
        """A request without a secret still says whether its client exists, as Entra does."""
        application = directory.add_application()
        with pytest.raises(Invalid):
            require_client(directory.view, tenant=directory.tenant, client_id=application.app_id)
        principal = directory.add_principal(application)
        found = require_client(directory.view, tenant=directory.tenant, client_id=application.app_id)
        assert found == (application, principal)


def refusal(
    directory: Directory, client_id: str, secret: str, *, now: int = NOW, tenant: str | None = None
) -> int | None:
    """Give the AADSTS number that a secret is refused with."""
    with pytest.raises(Failure) as refused:
        authenticate(directory, client_id, secret, now=now, tenant=tenant)
    return refused.value.number
