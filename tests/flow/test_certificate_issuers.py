"""A vault's issuers and contacts (reference azure-key-vault.md section 4.5)."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import certificate_limits as limits
from strongroom.core.certificate_issuers import CertificateContacts, CertificateIssuer
from strongroom.core.records import vault_partition
from strongroom.core.vaults import AccessPolicy
from strongroom.resources.vaults import delete_vault, purge_vault
from tests.flow.client import Client, client_of, make_tenant
from tests.flow.vault_certificates import POLICY
from tests.plugins.canary import plant
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")


def put(vault: Client, name: str, **members: Any) -> Any:
    """Set an issuer; its bundle."""
    return vault.done("PUT", f"/certificates/issuers/{name}", body={"provider": "DigiCert"} | members)


def test_an_issuer_is_answered_as_it_was_set(world: Simulation, vault: Client, name: str) -> None:
    """All members come back, under an id below the vault's issuers, but for the password."""
    people = [{"first_name": "Ada", "last_name": "L", "email": "ada@example.com", "phone": "+44"}]
    made = put(
        vault,
        name,
        credentials={"account_id": "4711", "pwd": plant()},
        org_details={"id": "42", "admin_details": people},
        attributes={"enabled": False},
    )
    now = int(world.clock())
    assert made == {
        "id": f"{world.vault_url}/certificates/issuers/{name}",
        "provider": "DigiCert",
        "credentials": {"account_id": "4711"},
        "org_details": {"id": "42", "admin_details": people},
        "attributes": {"enabled": False, "created": now, "updated": now},
    }
    assert vault.done("GET", f"/certificates/issuers/{name}") == made


def test_a_password_is_sealed_at_rest(world: Simulation, vault: Client, name: str) -> None:
    """SEC-PKI-7: what is stored of a password is sealed for this issuer alone; without one nothing is."""
    password = plant()
    put(vault, name, credentials={"pwd": password})
    (stored,) = (one for one in world.view.all(CertificateIssuer) if one.name == name)
    assert stored.sealed_password is not None
    assert password.encode() not in stored.sealed_password
    assert password not in repr(stored)
    put(vault, name)
    (stored,) = (one for one in world.view.all(CertificateIssuer) if one.name == name)
    assert stored.sealed_password is None


def test_an_update_keeps_what_it_does_not_have(world: Simulation, vault: Client, name: str) -> None:
    """PATCH changes the members it has, and those alone; the password stays."""
    made = put(vault, name, credentials={"account_id": "4711", "pwd": plant()}, org_details={"id": "42"})
    (before,) = (one for one in world.view.all(CertificateIssuer) if one.name == name)
    world.advance(5)
    changed = vault.done(
        "PATCH",
        f"/certificates/issuers/{name}",
        body={"credentials": {"account_id": "4712"}, "attributes": {"enabled": False}},
    )
    (after,) = (one for one in world.view.all(CertificateIssuer) if one.name == name)
    assert after.sealed_password == before.sealed_password
    assert changed == made | {
        "credentials": {"account_id": "4712"},
        "attributes": {"enabled": False, "created": before.created, "updated": before.created + 5},
    }


def test_an_update_replaces_the_organisation_as_a_whole(vault: Client, name: str) -> None:
    """An organisation that is given leaves nothing of the one before it."""
    put(vault, name, org_details={"id": "42", "admin_details": [{"email": "ada@example.com"}]})
    changed = vault.done("PATCH", f"/certificates/issuers/{name}", body={"org_details": {"id": "43"}})
    assert changed["org_details"] == {"id": "43"}


def test_a_name_means_one_issuer_in_any_case(vault: Client, name: str) -> None:
    """An issuer is found whatever the case of its name, and a second one of another case takes its place."""
    put(vault, name)
    again = put(vault, name.upper(), provider="GlobalSign")
    assert vault.done("GET", f"/certificates/issuers/{name}") == again


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_issuer_that_is_not_there(vault: Client, name: str, method: str) -> None:
    """The refusal is the reference's."""
    body = {} if method == "PATCH" else None
    answer = vault.ask(method, f"/certificates/issuers/{name}", body=body)
    assert (answer.status, answer.error["code"], answer.error["message"]) == (
        404,
        "CertificateIssuerNotFound",
        "Issuer not found",
    )


def test_a_deleted_issuer_is_gone(vault: Client, name: str) -> None:
    """DELETE answers with what was there, and there is no way back."""
    made = put(vault, name)
    assert vault.done("DELETE", f"/certificates/issuers/{name}") == made
    assert vault.ask("GET", f"/certificates/issuers/{name}").status == 404


@pytest.mark.parametrize("reserved", ["Self", "unknown"])
def test_names_that_policies_have_for_no_issuer(vault: Client, reserved: str) -> None:
    """No issuer can be called what means something else in a policy."""
    answer = vault.ask("PUT", f"/certificates/issuers/{reserved}", body={"provider": "DigiCert"})
    assert (answer.status, answer.error["code"]) == (400, "BadParameter")


@pytest.mark.parametrize("reserved", ["contacts", "Issuers"])
def test_names_that_no_certificate_can_have(vault: Client, reserved: str) -> None:
    """A certificate of such a name could not be asked for."""
    answer = vault.ask("POST", f"/certificates/{reserved}/create", body={"policy": POLICY})
    assert (answer.status, answer.error["code"]) == (400, "BadParameter")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"provider": ""},
        {"provider": "a\nb"},
        {"provider": "x", "org_details": {"admin_details": [{"email": "no address"}]}},
    ],
    ids=["nothing", "empty provider", "line feed", "no address"],
)
def test_what_no_issuer_is(vault: Client, name: str, body: object) -> None:
    """Bad input is refused, and changes nothing."""
    answer = vault.ask("PUT", f"/certificates/issuers/{name}", body=body)
    assert (answer.status, answer.error["code"]) == (400, "BadParameter")
    assert vault.ask("GET", f"/certificates/issuers/{name}").status == 404


def people(count: int) -> dict[str, object]:
    """Give an organisation of so many."""
    return {"org_details": {"admin_details": [{"first_name": "A"}] * count}}


@pytest.mark.parametrize(
    ("member", "limit"),
    [
        (lambda size: {"credentials": {"account_id": "a" * size}}, limits.ISSUER_TEXT_CHARS),
        (lambda size: {"credentials": {"pwd": plant().ljust(size, "a")[:size]}}, limits.ISSUER_TEXT_CHARS),
        (people, limits.ISSUER_ADMINISTRATORS),
    ],
    ids=["account_id", "pwd", "administrators"],
)
def test_limits_of_an_issuer(vault: Client, name: str, member: Any, limit: int) -> None:
    """What is as long as it may be is taken, and one more is not."""
    path = f"/certificates/issuers/{name}"
    assert vault.ask("PUT", path, body={"provider": "x"} | member(limit)).status == 200
    assert vault.ask("PUT", path, body={"provider": "x"} | member(limit + 1)).status == 400


def test_a_vault_has_so_many_issuers(
    world: Simulation, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one that there may be is taken, one more is refused, and one that is there can be set again."""
    there = len(world.view.all(CertificateIssuer, vault_partition(world.vault.id)))
    monkeypatch.setattr(limits, "ISSUERS", there + 1)
    put(vault, name)
    assert vault.ask("PUT", f"/certificates/issuers/{name}-2", body={"provider": "x"}).status == 400
    put(vault, name)


def test_a_list_is_paged(world: Simulation) -> None:
    """Every issuer is on one page, in the order of the names, with its provider and no more."""
    client = client_of(world, make_tenant(world))
    for one in ("b", "a", "C"):
        put(client, one)
    pages = client.pages("/certificates/issuers", "&maxresults=2")
    assert [[one["id"].rpartition("/")[2] for one in page] for page in pages] == [["a", "b"], ["C"]]
    assert pages[0][0] == {"id": f"{client.origin}/certificates/issuers/a", "provider": "DigiCert"}


def test_the_right_to_manage_issuers_is_enough(world: Simulation, vault: Client, name: str) -> None:
    """Each operation on issuers takes its own word of access policies, or `manageissuers`."""
    who = world.principal()
    words = {"certificates": frozenset({"manageissuers"})}
    world.set_vault(rbac=False, access_policies=(AccessPolicy(world.first.tenant_id, who.oid, **words),))
    client = Client(world, who)
    put(client, name)
    for method, path in (("GET", f"/{name}"), ("GET", ""), ("DELETE", f"/{name}")):
        client.done(method, f"/certificates/issuers{path}")
    assert client.ask("GET", "/certificates/contacts").status == 403


# ---- what certificates make of them ---------------------------------------------------------------------------------


def test_a_certificate_of_an_issuer_that_is_not_there(vault: Client, name: str) -> None:
    """A policy that names an issuer which the vault does not have begins nothing."""
    policy = POLICY | {"issuer": {"name": f"{name}-x"}}
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": policy})
    assert (answer.status, answer.error["code"]) == (404, "CertificateIssuerNotFound")
    assert vault.ask("GET", f"/certificates/{name}").status == 404


@pytest.mark.parametrize("provider", ["DigiCert", "GlobalSign"])
def test_a_provider_without_an_account(world: Simulation, vault: Client, name: str, provider: str) -> None:
    """The operation fails, and says that no account can be reached."""
    put(vault, name, provider=provider)
    policy = POLICY | {"issuer": {"name": name}}
    assert vault.ask("POST", f"/certificates/{name}/create", body={"policy": policy}).status == 202
    world.settle()
    pending = vault.done("GET", f"/certificates/{name}/pending")
    assert pending["status"] == "failed"
    assert pending["error"]["code"] == "Certificate issuer error"
    assert pending["error"]["message"].startswith(f"No account of the provider {provider} can be reached")


def test_a_disabled_issuer_issues_nothing(world: Simulation, vault: Client, name: str) -> None:
    """The operation fails, and says why."""
    put(vault, name, attributes={"enabled": False})
    policy = POLICY | {"issuer": {"name": name}}
    assert vault.ask("POST", f"/certificates/{name}/create", body={"policy": policy}).status == 202
    world.settle()
    pending = vault.done("GET", f"/certificates/{name}/pending")
    assert pending["error"]["message"] == f"The issuer {name} is disabled."


# ---- contacts -------------------------------------------------------------------------------------------------------


def test_contacts_are_set_as_a_whole(world: Simulation, vault: Client) -> None:
    """What is set replaces what was; it can be got, and deleted, and is then not there."""
    first = [{"email": "a@example.com", "name": "A", "phone": "1"}, {"email": "b@example.com"}]
    for contacts in (first, first[1:]):
        made = vault.done("PUT", "/certificates/contacts", body={"contacts": contacts})
        assert made == {"id": f"{world.vault_url}/certificates/contacts", "contacts": contacts}
        assert vault.done("GET", "/certificates/contacts") == made
    assert vault.done("DELETE", "/certificates/contacts") == made
    for method in ("GET", "DELETE"):
        answer = vault.ask(method, "/certificates/contacts")
        assert (answer.status, answer.error["code"], answer.error["message"]) == (
            404,
            "ContactsNotFound",
            "Contacts not found",
        )


@pytest.mark.parametrize(
    "contacts",
    [[], [{}], [{"name": "A"}], [{"email": "a"}], [{"email": "a@b\r\nBcc: c@d"}]],
    ids=["none", "empty", "no address", "half an address", "a header"],
)
def test_what_no_contacts_are(vault: Client, contacts: object) -> None:
    """Every contact has an e-mail address, which cannot be mistaken for anything else."""
    answer = vault.ask("PUT", "/certificates/contacts", body={"contacts": contacts})
    assert (answer.status, answer.error["code"]) == (400, "BadParameter")


def test_limits_of_contacts(vault: Client) -> None:
    """As many contacts as there may be, with as long an address, and one more of either."""
    longest = f"a@{'b' * (limits.EMAIL_CHARS - 2)}"
    many = [{"email": longest}] * limits.CONTACTS
    assert vault.ask("PUT", "/certificates/contacts", body={"contacts": many}).status == 200
    assert vault.ask("PUT", "/certificates/contacts", body={"contacts": [*many, many[0]]}).status == 400
    assert vault.ask("PUT", "/certificates/contacts", body={"contacts": [{"email": f"{longest}b"}]}).status == 400


def test_a_purged_vault_leaves_neither(world: Simulation) -> None:
    """Issuers and contacts go with their vault."""
    tenant = make_tenant(world)
    client = client_of(world, tenant)
    put(client, "a")
    client.done("PUT", "/certificates/contacts", body={"contacts": [{"email": "a@example.com"}]})
    now, partition = int(world.clock()), vault_partition(tenant.vault.id)
    deleted = world.commit(lambda tx: delete_vault(tx, tenant.vault, now=now))
    assert len(world.view.all(CertificateIssuer, partition)) == 1
    world.commit(lambda tx: purge_vault(tx, deleted, now=now))
    assert not world.view.all(CertificateIssuer, partition)
    assert not world.view.all(CertificateContacts, partition)
