from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.identity import ServicePrincipal, ServicePrincipalType
from strongroom.directory import applications, client_secrets, clients
from tests.unit.directory.conftest import NOW, Directory


def test_an_application_is_no_principal(directory: Directory) -> None:
    """The application's object id is never a principal's (reference azure-key-vault.md section 1.1)."""
    made = directory.add_application()

    assert directory.view.principal(directory.tenant, made.id) is None
    assert directory.add_principal(made).id != made.id


def test_identifier_uris_are_unique_in_a_tenant(directory: Directory) -> None:
    """Two applications of a tenant do not share an identifier URI, whatever its case."""
    directory.add_application(uris=("api://one",))

    with pytest.raises(Invalid, match="identifierUris"):
        directory.add_application(uris=("API://ONE",))


def test_an_application_has_one_principal_in_a_tenant(directory: Directory) -> None:
    """A second one is a conflict, in Graph's words."""
    made = directory.add_application()
    directory.add_principal(made)

    with pytest.raises(Conflict, match="already in use"):
        directory.add_principal(made)


def test_an_application_for_its_own_tenant_stays_there(directory: Directory) -> None:
    """A single-tenant application gets no principal elsewhere, and the answer is that of one that does not exist."""
    made = directory.add_application()

    with pytest.raises(Invalid, match="does not reference a valid application object"):
        directory.add_principal(made, tenant=directory.other)


def test_an_application_for_several_tenants_gets_a_principal_in_each(directory: Directory) -> None:
    """A multi-tenant application is another principal in each tenant."""
    made = directory.add_application(audience="AzureADMultipleOrgs")
    here, there = directory.add_principal(made), directory.add_principal(made, tenant=directory.other)

    assert (here.app_id, here.tenant) == (made.app_id, directory.tenant)
    assert (there.app_id, there.tenant) == (made.app_id, directory.other)
    assert here.id != there.id


def test_an_unknown_audience_is_refused(directory: Directory) -> None:
    """An audience is one of Graph's words."""
    with pytest.raises(Invalid, match="signInAudience"):
        directory.add_application(audience="Everyone")


def test_an_application_takes_its_secrets_and_its_principal_along(directory: Directory) -> None:
    """Deleting an application leaves nothing that could sign in."""
    made = directory.add_application()
    principal = directory.add_principal(made)
    secret = client_secrets.make_client_secret(
        directory.keys, made, expires=NOW + 60, now=NOW, entropy=directory.entropy
    )
    directory.commit(lambda tx: client_secrets.add_password(tx, secret.credential))
    directory.commit(lambda tx: applications.delete_application(tx, directory.tenant, made.id, now=NOW))

    assert directory.view.application_by_app_id(made.app_id) is None
    assert directory.view.principal(directory.tenant, principal.id) is None
    with pytest.raises(Invalid):
        clients.authenticate_by_secret(
            directory.keys,
            directory.view,
            tenant=directory.tenant,
            client_id=made.app_id,
            secret=secret.text,
            now=NOW,
        )


def test_another_tenants_application_is_not_there(directory: Directory) -> None:
    """SEC-TENANT-1: every query carries its tenant."""
    made = directory.add_application()

    with pytest.raises(NotFound):
        directory.commit(lambda tx: applications.delete_application(tx, directory.other, made.id, now=NOW))
    with pytest.raises(NotFound):
        directory.commit(
            lambda tx: applications.update_application(
                tx, directory.other, made.id, lambda found: replace(found, display_name="taken over")
            )
        )


def test_a_principal_is_disabled(directory: Directory) -> None:
    """The switch is the principal's own, and nothing else of it changes."""
    principal = directory.add_principal(directory.add_application())
    change = applications.ServicePrincipalChange(enabled=False)
    directory.commit(lambda tx: applications.update_service_principal(tx, directory.tenant, principal.id, change))

    found = directory.view.principal(directory.tenant, principal.id)
    assert isinstance(found, ServicePrincipal)
    assert not found.enabled
    assert found.display_name == principal.display_name


def test_a_managed_identitys_principal_goes_with_its_resource_alone(directory: Directory) -> None:
    """It cannot be deleted as a service principal, only as an identity; an application's the other way round."""
    identity = directory.add_identity()
    assert identity.type is ServicePrincipalType.MANAGED_IDENTITY
    with pytest.raises(Invalid, match="managed identities"):
        directory.commit(lambda tx: applications.delete_service_principal(tx, directory.tenant, identity.id, now=NOW))
    directory.commit(lambda tx: applications.delete_identity_principal(tx, directory.tenant, identity.id))
    assert directory.view.principal(directory.tenant, identity.id) is None

    principal = directory.add_principal(directory.add_application())
    with pytest.raises(NotFound):
        directory.commit(lambda tx: applications.delete_identity_principal(tx, directory.tenant, principal.id))
