"""What tokens for users were obtained with, and whether all of it still stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.core.changes import RecordPut
from strongroom.core.client_certificates import ClientCertificate
from strongroom.core.federation import FederatedCredential, TrustedIssuer
from strongroom.core.identity import CredentialKind
from strongroom.core.records import Record
from strongroom.core.sessions import TokenFamily
from strongroom.view import View
from strongroom.view.standing import family_stands, proofs_of_family
from tests.unit.view.records import T1, T2, application, credential, service_principal, user
from tests.unit.view.test_view import removed, view_of

CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
PERSON, APP, PRINCIPAL = user("u"), application("a", "client"), service_principal("sp", "client")
PASSWORD = replace(credential("password", "u"), kind=CredentialKind.PASSWORD)
SECRET, OTHER = credential("secret", "a"), credential("other", "a")
EVERYTHING: tuple[Record, ...] = (PERSON, APP, PRINCIPAL, PASSWORD, SECRET, OTHER)


def family(
    identifier: str = "f", app_id: str = "client", client_credential: str | None = "secret", **more: object
) -> TokenFamily:
    """Make a family of the user."""
    made = TokenFamily(identifier, T1, "u", app_id, "password", 1, ("pwd",), 10, client_credential=client_credential)
    return replace(made, **more)  # type: ignore[arg-type]


def stands(view: View, one: TokenFamily) -> bool:
    """Put a family into a view, and ask."""
    view.apply([RecordPut(one)])
    return family_stands(view, one)


def test_a_family_has_a_proof_for_each_credential_of_its_client() -> None:
    """So that removing one ends what was obtained with it; it goes on with the one that was shown last."""
    view = view_of(*EVERYTHING)
    assert {one.id for one in proofs_of_family(view, family())} == {"f/secret", "f/other"}
    view.apply([removed(SECRET)])
    assert {one.id for one in proofs_of_family(view, family())} == {"f/other"}
    assert not stands(view, family())
    assert stands(view, family(client_credential="other"))


@pytest.mark.parametrize("gone", [PERSON, APP, PRINCIPAL, PASSWORD])
def test_what_is_gone_ends_it(gone: Record) -> None:
    """SEC-FLOW-17: the user's credential, and the client as an application and in the tenant."""
    for one in (family(), family(client_credential=None)):
        view = view_of(*EVERYTHING)
        assert stands(view, one)
        view.apply([removed(gone)])
        # Whoever asks has looked the user up already.
        assert stands(view, one) is (gone is PERSON)


def test_a_disabled_client_ends_it() -> None:
    """For as long as it is disabled."""
    view = view_of(*EVERYTHING, replace(PRINCIPAL, enabled=False))
    assert not stands(view, family())
    assert not stands(view, family(client_credential=None))


def test_another_tenants_client_is_none_here() -> None:
    """SEC-TENANT-1: nor is another user's credential this one's."""
    elsewhere = service_principal("sp", "client", T2)
    assert not stands(view_of(PERSON, APP, elsewhere, PASSWORD, SECRET), family())
    assert not stands(view_of(PERSON, APP, PRINCIPAL, replace(PASSWORD, owner="x"), SECRET), family())


def test_a_well_known_client_has_shown_nothing() -> None:
    """Nobody registered it, and nothing is asked of the directory."""
    view = view_of(PERSON, PASSWORD)
    assert stands(view, family(app_id=CLI, client_credential=None))
    assert not stands(view, family(app_id=CLI, client_credential="secret"))


def test_trust_in_an_issuer_and_a_certificate_count_too() -> None:
    """Whatever an application proves itself by."""
    certificate = ClientCertificate("certificate", T1, "a", "key", b"", 1, 0, 10)
    federated = FederatedCredential("federated", T1, "a", "f", "name", "https://issuer", "subject", ("x",), 1)
    issuer = TrustedIssuer("https://issuer", 1)
    view = view_of(PERSON, APP, PRINCIPAL, PASSWORD, certificate, federated, issuer)
    assert stands(view, family(client_credential="certificate"))
    assert stands(view, family(client_credential="federated"))
    view.apply([removed(issuer), removed(certificate)])
    assert not stands(view, family(client_credential="certificate"))
    assert not stands(view, family(client_credential="federated"))


def test_a_family_ends_with_the_one_it_was_begun_on_behalf_of() -> None:
    """Along the whole chain, and never on behalf of another user."""
    first, second, third = family("1"), family("2", parent="1"), family("3", parent="2")
    view = view_of(*EVERYTHING, first, second, third)
    assert family_stands(view, third)
    view.apply([RecordPut(replace(first, ended=True))])
    assert not family_stands(view, third)
    view.apply([removed(first)])
    assert not family_stands(view, second)
    view.apply(
        [RecordPut(replace(first, user="another", credential="theirs")), RecordPut(credential("theirs", "another"))]
    )
    assert family_stands(view, replace(first, user="another", credential="theirs"))
    assert not family_stands(view, second)
