from __future__ import annotations

import pytest

from strongroom.core.errors import NotFound
from strongroom.core.identity import Application, Credential, CredentialKind
from strongroom.crypto.secret_texts import WrongSecret
from strongroom.directory import applications
from strongroom.directory.client_secrets import add_password, make_client_secret
from strongroom.directory.clients import authenticate_by_secret
from strongroom.directory.runs import (
    NewRun,
    begin_run,
    end_run,
    expired_runs,
    forget_runs,
    make_run,
    require_run,
    run_credential_id,
)
from tests.unit.directory.conftest import NOW, Directory


def start(directory: Directory, *, with_client: bool = False, over: tuple[str, ...] = ()) -> NewRun:
    """Begin a run of a new identity for an hour."""
    identity = directory.add_identity()
    application = directory.add_application() if with_client else None
    if application is not None:
        directory.add_principal(application)
    run = make_run(directory.keys, identity, application, lifetime_s=3600, now=NOW, entropy=directory.entropy)
    directory.commit(lambda tx: begin_run(tx, directory.keys, run, over=over))
    return run


def find(directory: Directory, secret: str, now: int = NOW) -> Credential:
    """Find the run of a header secret, as the endpoint does."""
    found = directory.view.credential(run_credential_id(directory.keys, secret))
    return require_run(directory.keys, found, secret, now)


def test_the_header_secret_leads_to_its_run(directory: Directory) -> None:
    """SEC-TOKEN-19: a header secret is found by keyed hash, and only its own run's credential comes back."""
    one, other = start(directory), start(directory)

    assert find(directory, one.header.text).id == one.id
    assert find(directory, other.header.text).id == other.id
    assert one.id != other.id


def test_nothing_stored_or_shown_tells_the_secret(directory: Directory) -> None:
    """SEC-BOOT-19: the credential keeps a keyed hash; neither it nor the run shows the secret."""
    run = start(directory, with_client=True)
    assert run.client is not None
    for made in (run.header, run.client):
        shown = f"{run!r}{made!r}{made.credential!r}"
        assert made.text not in shown
        assert made.text.encode() not in made.credential.verifier


@pytest.mark.parametrize("secret", ["", "wrong", "A" * 43, "\udcff"])
def test_a_wrong_header_secret_leads_nowhere(directory: Directory, secret: str) -> None:
    """What is no run's secret is refused."""
    start(directory)
    with pytest.raises(WrongSecret):
        find(directory, secret)


def test_what_is_left_of_a_run_that_is_over_is_forgotten(directory: Directory) -> None:
    """Its header and the client secret that was made for it; whatever else has expired is its owner's to remove."""
    run, other = start(directory, with_client=True), start(directory)
    application = directory.add_application()
    old = make_client_secret(directory.keys, application, expires=NOW + 10, now=NOW, entropy=directory.entropy)
    directory.commit(lambda tx: add_password(tx, old.credential))
    assert run.client is not None
    assert expired_runs(directory.view, directory.keys, NOW + 3599) == []
    over = expired_runs(directory.view, directory.keys, NOW + 3600)
    assert {one.id for one in over} == {run.id, run.client.credential.id, other.id}
    directory.commit(lambda tx: forget_runs(tx, over))
    left = {one.id for one in directory.view.all(Credential)}
    assert left.isdisjoint(one.id for one in over)
    assert old.credential.id in left
    assert expired_runs(directory.view, directory.keys, NOW + 3600) == []


def test_a_run_ends_by_itself(directory: Directory) -> None:
    """SEC-BOOT-6: a run's credential is short-lived: it counts to its last second and not after."""
    run = start(directory)
    assert find(directory, run.header.text, NOW + 3599)
    with pytest.raises(WrongSecret):
        find(directory, run.header.text, NOW + 3600)


def test_ending_a_run_removes_what_it_was_lent(directory: Directory) -> None:
    """SEC-BOOT-6: a run's credentials are revoked when the child exits, the client secret too."""
    run = start(directory, with_client=True)
    assert run.client is not None
    directory.commit(lambda tx: end_run(tx, directory.keys, directory.tenant, run.id))

    assert directory.view.credential(run.id) is None
    assert directory.view.credential(run.client.credential.id) is None
    with pytest.raises(WrongSecret):
        find(directory, run.header.text)
    with pytest.raises(NotFound):
        directory.commit(lambda tx: end_run(tx, directory.keys, directory.tenant, run.id))


def test_the_client_secret_signs_its_application_in(directory: Directory) -> None:
    """A run may be lent a service principal: an ordinary secret that ends with the run."""
    run = start(directory, with_client=True)
    assert run.client is not None
    owner = directory.view.get(Application, run.client.credential.partition, run.client.credential.owner)
    assert owner is not None
    client = authenticate_by_secret(
        directory.keys,
        directory.view,
        tenant=directory.tenant,
        client_id=owner.app_id,
        secret=run.client.text,
        now=NOW,
    )
    assert client.credential.id == run.client.credential.id
    assert client.credential.expires == run.header.credential.expires


def test_a_new_run_clears_away_those_that_are_over(directory: Directory) -> None:
    """What a killed `run` left behind does not gather."""
    old = start(directory, with_client=True)
    assert old.client is not None
    start(directory, over=(old.id,))

    assert directory.view.credential(old.id) is None
    assert directory.view.credential(old.client.credential.id) is None


def test_no_other_credential_is_ended_as_a_run(directory: Directory) -> None:
    """The id of a client secret or of a password is no run's id."""
    run = start(directory, with_client=True)
    assert run.client is not None
    client = run.client.credential
    assert client.kind is CredentialKind.SECRET
    with pytest.raises(NotFound):
        directory.commit(lambda tx: end_run(tx, directory.keys, directory.tenant, client.id))
    with pytest.raises(WrongSecret):
        require_run(directory.keys, client, run.client.text, NOW)


def test_a_deleted_identity_is_lent_to_nobody(directory: Directory) -> None:
    """A run does not begin with an identity that went away meanwhile."""
    identity = directory.add_identity()
    run = make_run(directory.keys, identity, None, lifetime_s=60, now=NOW, entropy=directory.entropy)
    directory.commit(lambda tx: applications.delete_identity_principal(tx, directory.tenant, identity.id))

    with pytest.raises(NotFound):
        directory.commit(lambda tx: begin_run(tx, directory.keys, run))
    assert directory.view.credential(run.id) is None
