"""SEC-KEY-10: the life of certificates, and of the key and the secret with each (reference sections 4.5 to 4.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.doomed_keys import DoomedKey
from strongroom.core.objects import Collection
from strongroom.objects import jobs
from strongroom.objects.doomed_keys import destroy_doomed_keys
from strongroom.objects.jobs import purge_due_objects
from strongroom.store import Transaction
from strongroom.store.transaction import SqlTransaction
from tests.flow.arm import Arm
from tests.flow.client import Client, version_of
from tests.flow.imported import in_pem, pem_of, self_signed
from tests.flow.keys import MemoryToken
from tests.flow.vault_certificates import create, made
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

DAY_S = 86_400
THREE = ("certificates", "keys", "secrets")


def statuses(vault: Client, name: str, prefix: str = "") -> list[int]:
    """Ask for the certificate, its key and its secret."""
    return [vault.ask("GET", f"/{prefix}{kind}/{name}").status for kind in THREE]


def error(vault: Client, method: str, path: str, **how: Any) -> tuple[int, str, str | None]:
    """Ask for something that is refused: status, code and inner code."""
    answer = vault.ask(method, path, **how)
    assert answer.status >= 400, answer.body
    return answer.status, answer.error["code"], answer.error.get("innererror", {}).get("code")


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world of its own in which time passes; its vault keeps what is deleted for seven days."""
    world = Simulation(tmp_path_factory.mktemp("passing"))
    world.set_vault(retention_days=7)
    yield world
    world.close()


# ---- lists ----------------------------------------------------------------------------------------------------------


def test_a_list_has_what_is_issued(vault: Client, world: Simulation, name: str) -> None:
    """Each certificate is in the list by its latest version, with its thumbprint and without one in its id."""
    bundle = made(vault, world, name)
    listed = {item["id"]: item for item in vault.walk("/certificates")}
    assert listed[f"{world.vault_url}/certificates/{name}"]["x5t"] == bundle["x5t"]


def test_a_list_has_what_is_pending_if_asked(vault: Client, world: Simulation, name: str) -> None:
    """A certificate that was never issued is left out, unless `includePending` says otherwise, on every page."""
    create(vault, name, issuer={"name": "Unknown"})
    made(vault, world, f"{name}-issued")
    identifier = f"{world.vault_url}/certificates/{name}"
    assert identifier not in {item["id"] for item in vault.walk("/certificates", "&maxresults=1")}
    assert identifier in {item["id"] for item in vault.walk("/certificates", "&maxresults=1&includePending=True")}


def test_a_pending_list_is_a_yes_or_no(vault: Client) -> None:
    """`includePending` is true or false."""
    assert error(vault, "GET", "/certificates", query="&includePending=1")[:2] == (400, "BadParameter")


def test_every_version_is_listed(vault: Client, world: Simulation, name: str) -> None:
    """A certificate's versions have its key's and its secret's versions' ids."""
    versions = {version_of(made(vault, world, name)) for _ in range(2)}
    for kind in THREE:
        items = vault.walk(f"/{kind}/{name}/versions")
        assert {(item.get("kid") if kind == "keys" else item["id"]).rpartition("/")[2] for item in items} == versions


def test_one_version_has_no_policy(vault: Client, world: Simulation, name: str) -> None:
    """Policy and operation are of all versions: one that is asked for has neither, a changed one no policy."""
    bundle = made(vault, world, name)
    path, shared = f"/certificates/{name}", {"policy", "pending"}
    latest = vault.done("GET", path)
    assert latest.keys() >= shared
    one = vault.done("GET", f"{path}/{version_of(bundle)}")
    assert one == {member: value for member, value in latest.items() if member not in shared}
    assert vault.done("PATCH", f"{path}/{version_of(bundle)}", body={"tags": {}}).keys() & shared == {"pending"}
    assert vault.done("PATCH", path, body={"tags": {}}).keys() >= shared


@pytest.mark.parametrize("kind", THREE)
def test_what_is_not_there_has_no_versions(vault: Client, name: str, kind: str) -> None:
    """The versions of what was never there are an empty list and no error, as in the real service."""
    answer = vault.ask("GET", f"/{kind}/{name}/versions")
    assert (answer.status, answer.json) == (200, {"value": [], "nextLink": None})


# ---- updates --------------------------------------------------------------------------------------------------------


def test_a_disabled_certificate_disables_its_key_and_secret(vault: Client, world: Simulation, name: str) -> None:
    """The certificate stays readable; its key signs no more and its secret is not given out, until it is enabled."""
    made(vault, world, name)
    body = vault.done("PATCH", f"/certificates/{name}", body={"attributes": {"enabled": False}, "tags": {"a": "b"}})
    assert (body["attributes"]["enabled"], body["tags"]) == (False, {"a": "b"})
    assert vault.done("GET", f"/certificates/{name}")["attributes"]["enabled"] is False
    key = vault.done("GET", f"/keys/{name}")
    assert (key["attributes"]["enabled"], key["tags"]) == (False, {"a": "b"})
    assert error(vault, "GET", f"/secrets/{name}") == (403, "Forbidden", "SecretDisabled")
    vault.done("PATCH", f"/certificates/{name}", body={"attributes": {"enabled": True}})
    assert vault.done("GET", f"/secrets/{name}")["tags"] == {"a": "b"}


def test_an_update_is_of_one_version(vault: Client, world: Simulation, name: str) -> None:
    """The version in the path is changed, and no other."""
    first = version_of(made(vault, world, name))
    made(vault, world, name)
    vault.done("PATCH", f"/certificates/{name}/{first}", body={"attributes": {"enabled": False}})
    assert vault.done("GET", f"/certificates/{name}")["attributes"]["enabled"] is True
    assert vault.done("GET", f"/keys/{name}/{first}")["attributes"]["enabled"] is False
    assert vault.done("GET", f"/secrets/{name}")["attributes"]["enabled"] is True


def test_what_is_not_issued_is_not_enabled(vault: Client, name: str) -> None:
    """A pending version keeps what an update says for when it is issued, and stays disabled."""
    create(vault, name, issuer={"name": "Unknown"})
    body = vault.done("PATCH", f"/certificates/{name}", body={"attributes": {"enabled": True}, "tags": {"a": "b"}})
    assert (body["attributes"]["enabled"], body["tags"]) == (False, {"a": "b"})


def test_an_update_changes_the_policy_of_all_versions(vault: Client, world: Simulation, name: str) -> None:
    """What the update's policy leaves out stays; an issuer that the vault does not have is refused."""
    bundle = made(vault, world, name)
    policy = {"x509_props": {"validity_months": 3}}
    changed = vault.done("PATCH", f"/certificates/{name}/{version_of(bundle)}", body={"policy": policy})["policy"]
    assert changed["x509_props"] == bundle["policy"]["x509_props"] | {"validity_months": 3}
    assert changed["issuer"] == {"name": "Self"}
    assert vault.done("GET", f"/certificates/{name}/policy")["x509_props"]["validity_months"] == 3
    unknown = {"policy": {"issuer": {"name": "nobody"}}}
    assert error(vault, "PATCH", f"/certificates/{name}", body=unknown)[:2] == (404, "CertificateIssuerNotFound")


def test_too_many_tags_are_refused(vault: Client, world: Simulation, name: str) -> None:
    """Fifteen tags are taken and sixteen are not."""
    made(vault, world, name)
    tags = {str(number): "" for number in range(limits.TAGS)}
    vault.done("PATCH", f"/certificates/{name}", body={"tags": tags})
    assert error(vault, "PATCH", f"/certificates/{name}", body={"tags": {**tags, "more": ""}})[:2] == (
        400,
        "BadParameter",
    )


# ---- deletion -------------------------------------------------------------------------------------------------------


def test_three_are_deleted_and_recovered_together(vault: Client, world: Simulation, name: str) -> None:
    """Key and secret are deleted with their certificate, from then until then, and come back with it."""
    before = made(vault, world, name)
    deleted = vault.done("DELETE", f"/certificates/{name}")
    assert statuses(vault, name) == [404, 404, 404]
    key, secret = (vault.done("GET", f"/deleted{kind}/{name}") for kind in THREE[1:])
    for one in (key, secret):
        assert (one["deletedDate"], one["scheduledPurgeDate"]) == (
            deleted["deletedDate"],
            deleted["scheduledPurgeDate"],
        )
    recovered = vault.done("POST", f"/deletedcertificates/{name}/recover")
    assert recovered == before
    assert statuses(vault, name) == [200, 200, 200]


def test_three_are_purged_together(vault: Client, world: Simulation, name: str) -> None:
    """Nothing is left of a purged certificate, and its name is free for a secret and a key."""
    made(vault, world, name)
    vault.done("DELETE", f"/certificates/{name}")
    assert vault.ask("DELETE", f"/deletedcertificates/{name}").status == 204
    assert statuses(vault, name, "deleted") == [404, 404, 404]
    vault.put(name)
    vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"})


def test_three_of_many_versions_are_gone_at_once(
    vault: Client, world: Simulation, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Purged, none of them is there for anybody, whenever the job removes their rows."""
    made(vault, world, name)
    made(vault, world, name)
    vault.done("DELETE", f"/certificates/{name}")
    monkeypatch.setattr(limits, "VERSIONS_REMOVED_AT_ONCE", 1)
    assert vault.ask("DELETE", f"/deletedcertificates/{name}").status == 204
    assert statuses(vault, name, "deleted") == [404, 404, 404]
    world.run(purge_due_objects(world.store, world.keys, world.world.now()))
    for kind in Collection:
        assert world.run(world.store.object(world.vault.id, kind, name)) is None
    assert world.run(world.store.verify()) == []


def test_a_certificate_does_not_take_all_its_keys_versions_with_it(
    vault: Client, world: Simulation, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The versions of its key and its secret go bit by bit before it, even where it is purged before they would be."""
    for _ in range(3):
        made(vault, world, name)
    vault.done("DELETE", f"/certificates/{name}")
    monkeypatch.setattr(limits, "VERSIONS_REMOVED_AT_ONCE", 1)
    assert vault.ask("DELETE", f"/deletedcertificates/{name}").status == 204
    monkeypatch.setattr(jobs, "_BATCH", 1)
    monkeypatch.setattr(jobs, "_VERSIONS_IN_BATCH", 1)
    remove, at_once = SqlTransaction.remove_object, []

    async def remove_object(tx: SqlTransaction, *what: Any) -> bool:
        at_once.append(len((await tx.versions(*what, after=0, limit=9)).rows))
        return await remove(tx, *what)

    monkeypatch.setattr(SqlTransaction, "remove_object", remove_object)
    world.run(purge_due_objects(world.store, world.keys, world.world.now()))
    assert at_once == [1, 1, 1]


def test_three_are_purged_when_their_time_is_over(passing: Simulation) -> None:
    """The clean-up removes a certificate with its key and its secret when the retention ends, and not before."""
    world, vault, name = passing, Client(passing), "a"
    made(vault, world, name)
    vault.done("DELETE", f"/certificates/{name}")
    world.advance(world.vault.retention_days * DAY_S - 1)
    assert world.run(purge_due_objects(world.store, world.keys, world.world.now())) == 0
    world.advance(1)
    assert world.run(purge_due_objects(world.store, world.keys, world.world.now())) >= 1
    for kind in Collection:
        assert world.run(world.store.object(world.vault.id, kind, name)) is None


def test_a_late_clean_up_takes_nothing_of_the_next_holder_of_a_name(passing: Simulation) -> None:
    """A key made under the name of a certificate whose retention is over stays when the certificate is removed."""
    world, vault, name = passing, Client(passing), "b"
    made(vault, world, name)
    vault.done("DELETE", f"/certificates/{name}")
    world.advance(world.vault.retention_days * DAY_S)
    vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"})
    world.run(purge_due_objects(world.store, world.keys, world.world.now()))
    assert statuses(vault, name) == [404, 200, 404]


def test_purge_protection_holds_for_certificates(vault: Client, world: Simulation, name: str) -> None:
    """In a vault with purge protection nobody purges a certificate."""
    made(vault, world, name)
    vault.done("DELETE", f"/certificates/{name}")
    world.set_vault(purge_protection=True)
    assert error(vault, "DELETE", f"/deletedcertificates/{name}")[:2] == (403, "Forbidden")


def test_a_pending_certificate_is_deleted_with_its_operation(vault: Client, world: Simulation, name: str) -> None:
    """Deletion cancels what is under way: recovered, the operation is cancelled and its key is gone."""
    create(vault, name, issuer={"name": "Unknown"})
    vault.done("DELETE", f"/certificates/{name}")
    assert error(vault, "PUT", f"/secrets/{name}", body={"value": ""}) == (
        409,
        "Conflict",
        "ObjectIsDeletedButRecoverable",
    )
    vault.done("POST", f"/deletedcertificates/{name}/recover")
    assert vault.done("GET", f"/certificates/{name}/pending")["status"] == "cancelled"


# ---- what only the certificate may do -------------------------------------------------------------------------------

SECRET_REFUSALS = {
    "set": ("PUT", "/secrets/{}", {"value": "x"}),
    "update": ("PATCH", "/secrets/{}", {"tags": {}}),
    "delete": ("DELETE", "/secrets/{}", None),
    "backup": ("POST", "/secrets/{}/backup", None),
}
KEY_REFUSALS = {
    "create": ("POST", "/keys/{}/create", {"kty": "EC"}),
    "rotate": ("POST", "/keys/{}/rotate", None),
    "policy": ("PUT", "/keys/{}/rotationpolicy", {"lifetimeActions": []}),
    "update": ("PATCH", "/keys/{}", {"tags": {}}),
    "delete": ("DELETE", "/keys/{}", None),
    "backup": ("POST", "/keys/{}/backup", None),
}
DELETED_REFUSALS = {
    "recover": ("POST", "/deleted{}/{}/recover"),
    "purge": ("DELETE", "/deleted{}/{}"),
}


@pytest.mark.parametrize("what", SECRET_REFUSALS)
def test_a_certificates_secret_is_managed(vault: Client, world: Simulation, name: str, what: str) -> None:
    """Nobody sets, updates, deletes or backs up a certificate's secret but by its certificate."""
    made(vault, world, name)
    method, path, body = SECRET_REFUSALS[what]
    assert error(vault, method, path.format(name), body=body) == (403, "Forbidden", "SecretManagedByKeyVault")
    assert statuses(vault, name) == [200, 200, 200]


@pytest.mark.parametrize("what", KEY_REFUSALS)
def test_a_certificates_key_is_managed(vault: Client, world: Simulation, name: str, what: str) -> None:
    """Nobody makes versions of, rotates, updates, deletes or backs up a certificate's key but by its certificate."""
    made(vault, world, name)
    method, path, body = KEY_REFUSALS[what]
    assert error(vault, method, path.format(name), body=body) == (403, "Forbidden", "KeyManagedByKeyVault")
    assert statuses(vault, name) == [200, 200, 200]


@pytest.mark.parametrize("what", DELETED_REFUSALS)
def test_a_deleted_certificates_key_and_secret_are_managed(
    vault: Client, world: Simulation, name: str, what: str
) -> None:
    """Neither is recovered or purged without its certificate."""
    made(vault, world, name)
    vault.done("DELETE", f"/certificates/{name}")
    method, path = DELETED_REFUSALS[what]
    assert error(vault, method, path.format("keys", name))[2] == "KeyManagedByKeyVault"
    assert error(vault, method, path.format("secrets", name))[2] == "SecretManagedByKeyVault"
    assert statuses(vault, name, "deleted") == [200, 200, 200]


@pytest.mark.parametrize("kind", ["keys", "secrets"])
def test_a_pending_certificates_name_is_taken(vault: Client, name: str, kind: str) -> None:
    """A certificate that is not issued yet has its name already: no key or secret gets it."""
    create(vault, name, issuer={"name": "Unknown"})
    made_as = {
        "keys": ("POST", f"/keys/{name}/create", {"kty": "EC"}),
        "secrets": ("PUT", f"/secrets/{name}", {"value": "x"}),
    }
    method, path, body = made_as[kind]
    assert error(vault, method, path, body=body)[:2] == (409, "Conflict")


@pytest.mark.parametrize("kind", ["keys", "secrets"])
def test_a_backup_is_not_restored_over_a_certificate(vault: Client, world: Simulation, name: str, kind: str) -> None:
    """A key or a secret of the name of a certificate is not restored, be it issued or pending."""
    vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"}) if kind == "keys" else vault.put(name)
    backup = vault.done("POST", f"/{kind}/{name}/backup")
    vault.done("DELETE", f"/{kind}/{name}")
    vault.done("DELETE", f"/deleted{kind}/{name}")
    create(vault, name, issuer={"name": "Unknown"})
    assert error(vault, "POST", f"/{kind}/restore", body=backup)[:2] == (409, "Conflict")
    vault.done("DELETE", f"/certificates/{name}")
    vault.done("DELETE", f"/deletedcertificates/{name}")
    made(vault, world, name)
    assert error(vault, "POST", f"/{kind}/restore", body=backup)[:2] == (409, "Conflict")


# ---- backups --------------------------------------------------------------------------------------------------------


def test_a_backup_brings_back_all_three(vault: Client, world: Simulation, name: str) -> None:
    """A restored certificate has its versions, its policy, its keys and its secrets as they were."""
    first, second = made(vault, world, name), made(vault, world, name)
    versions = [version_of(first), version_of(second)]
    paths = [f"/{kind}/{name}/{version}" for kind in THREE for version in versions]
    before = [vault.done("GET", path) for path in paths]
    backup = vault.done("POST", f"/certificates/{name}/backup")
    assert error(vault, "POST", "/certificates/restore", body=backup)[:2] == (409, "Conflict")
    vault.done("DELETE", f"/certificates/{name}")
    vault.done("DELETE", f"/deletedcertificates/{name}")
    restored = vault.done("POST", "/certificates/restore", body=backup)
    assert version_of(restored) == versions[1]
    after = [vault.done("GET", path) for path in paths]
    for one in before + after:
        # The operation that made the last version belongs to what was backed up.
        one.pop("pending", None)
    assert after == before
    digest = {"alg": "ES256", "value": "A" * 43}
    signed = vault.done("POST", f"/keys/{name}/{versions[0]}/sign", body=digest)
    verify = {"alg": "ES256", "digest": "A" * 43, "value": signed["value"]}
    assert vault.done("POST", f"/keys/{name}/{versions[0]}/verify", body=verify)["value"] is True


def test_what_is_not_issued_has_no_backup(vault: Client, name: str) -> None:
    """A certificate that is pending has nothing to back up."""
    create(vault, name, issuer={"name": "Unknown"})
    assert error(vault, "POST", f"/certificates/{name}/backup")[:2] == (409, "Conflict")


def test_a_backup_holds_500_versions(vault: Client, world: Simulation, name: str) -> None:
    """A certificate with 501 versions is refused, and with 500 is not (by what its row counts)."""
    made(vault, world, name)

    async def count(tx: Transaction, versions: int) -> None:
        stored = await tx.object(world.vault.id, Collection.CERTIFICATES, name)
        assert stored is not None
        await tx.put_object(replace(stored, versions=versions))

    world.commit(lambda tx: count(tx, limits.VERSIONS_IN_BACKUP))
    vault.done("POST", f"/certificates/{name}/backup")
    world.commit(lambda tx: count(tx, limits.VERSIONS_IN_BACKUP + 1))
    assert error(vault, "POST", f"/certificates/{name}/backup")[:2] == (400, "BadParameter")


@pytest.mark.parametrize("kind", ["keys", "secrets"])
def test_a_certificate_is_not_restored_over_a_key_or_a_secret(
    vault: Client, world: Simulation, name: str, kind: str
) -> None:
    """A certificate's backup needs all three names free."""
    made(vault, world, name)
    backup = vault.done("POST", f"/certificates/{name}/backup")
    vault.done("DELETE", f"/certificates/{name}")
    vault.done("DELETE", f"/deletedcertificates/{name}")
    vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"}) if kind == "keys" else vault.put(name)
    assert error(vault, "POST", "/certificates/restore", body=backup)[:2] == (409, "Conflict")
    assert vault.ask("GET", f"/certificates/{name}").status == 404


def test_the_journal_says_which_certificate_it_was(vault: Client, world: Simulation, name: str) -> None:
    """What is done to a certificate is recorded with its subject, its thumbprints and its dates."""
    bundle = made(vault, world, name)
    vault.done("PATCH", f"/certificates/{name}", body={"tags": {}})
    entry = world.entries()[-1]
    assert entry["operationName"] == "CertificateUpdate"
    said = entry["properties"]["certificateProperties"]
    assert said["subject"] == "CN=example.com"
    assert (len(said["sha1"]), len(said["sha256"])) == (40, 64)
    assert (said["nbf"], said["exp"]) == (bundle["attributes"]["nbf"], bundle["attributes"]["exp"])


# ---- the management plane -------------------------------------------------------------------------------------------


def test_the_management_plane_leaves_certificates_whole(vault: Client, world: Simulation, name: str) -> None:
    """A certificate's secret is not put or patched as a resource, its key is given as it is, and both are listed."""
    bundle = made(vault, world, name)
    arm = Arm(world, world.administrator)
    resource = world.vault.scope
    for method, body in (
        ("PUT", {"properties": {"value": "x"}}),
        ("PATCH", {"properties": {"value": "x"}}),
        ("PATCH", {"tags": {"a": "b"}}),
    ):
        assert arm.ask(method, f"{resource}/secrets/{name}", body).status == 403
    key = arm.do("PUT", f"{resource}/keys/{name}", {"properties": {"kty": "RSA"}})
    assert (key["properties"]["kty"], key["properties"]["keyUriWithVersion"]) == ("EC", bundle["kid"])
    assert "tags" not in vault.done("GET", f"/secrets/{name}")
    create(vault, f"{name}-pending", issuer={"name": "Unknown"})
    assert arm.ask("PUT", f"{resource}/secrets/{name}-pending", {"properties": {"value": "x"}}).status == 409
    assert arm.ask("PUT", f"{resource}/keys/{name}-pending", {"properties": {"kty": "EC"}}).status == 409


# ---- tokens ---------------------------------------------------------------------------------------------------------

IN_TOKEN = {"key_props": {"kty": "EC-HSM", "crv": "P-256"}}


@pytest.fixture
def token(world: Simulation) -> Iterator[MemoryToken]:
    """Give the service a token, and the vault the SKU that has keys in it."""
    held = MemoryToken()
    world.world.protections.token = held
    world.set_vault(sku="premium")
    yield held
    world.world.protections.token = None


def destroy(world: Simulation) -> int:
    """Let the job run that destroys in the token what was purged."""
    return world.run(destroy_doomed_keys(world.store, world.world.protections))


def test_an_imported_key_can_live_in_a_token(vault: Client, world: Simulation, token: MemoryToken, name: str) -> None:
    """If the policy says so, the key is brought into the token, and the secret has the certificate alone."""
    key, certificate = self_signed(world.clock())
    body = {"value": in_pem(key, certificate), "policy": IN_TOKEN}
    vault.done("POST", f"/certificates/{name}/import", body=body)
    assert vault.done("GET", f"/secrets/{name}")["value"] == pem_of(certificate)
    assert vault.done("GET", f"/keys/{name}")["key"]["kty"] == "EC-HSM"
    vault.done("POST", f"/keys/{name}//sign", body={"alg": "ES256", "value": "A" * 43})
    assert len(token.held) == 1


def test_a_refused_import_leaves_nothing_in_a_token(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """A key that was brought into the token for an import that comes to nothing is destroyed there."""
    vault.put(name)
    body = {"value": in_pem(*self_signed(world.clock())), "policy": IN_TOKEN}
    assert vault.ask("POST", f"/certificates/{name}/import", body=body).status == 409
    assert not token.held


def test_a_key_of_many_versions_leaves_its_token_once(
    vault: Client, world: Simulation, token: MemoryToken, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions of a renewed certificate that have one key, and go in several changes, doom it with the last of them."""
    for _ in range(4):
        made(vault, world, name, key_props=IN_TOKEN["key_props"] | {"reuse_key": True})
    assert len(token.held) == 1
    vault.done("DELETE", f"/certificates/{name}")
    monkeypatch.setattr(limits, "VERSIONS_REMOVED_AT_ONCE", 2)
    monkeypatch.setattr(jobs, "_VERSIONS_IN_BATCH", 2)
    vault.done("DELETE", f"/deletedcertificates/{name}")
    world.run(purge_due_objects(world.store, world.keys, world.world.now()))
    assert destroy(world) == 1
    assert not token.held
    assert world.run(world.store.records(DoomedKey)) == []


def test_a_certificates_keys_come_into_a_token_and_leave_it(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """A backup brings a key back into a token; a purged certificate's keys leave it, those of its operation as well."""
    made(vault, world, name, **IN_TOKEN)
    backup = vault.done("POST", f"/certificates/{name}/backup")
    create(vault, name, **IN_TOKEN, issuer={"name": "Unknown"})
    assert len(token.held) == 2
    vault.done("DELETE", f"/certificates/{name}")
    assert destroy(world) == 0
    vault.done("DELETE", f"/deletedcertificates/{name}")
    assert destroy(world) == 2
    assert not token.held
    vault.done("POST", "/certificates/restore", body=backup)
    vault.done("POST", f"/keys/{name}//sign", body={"alg": "ES256", "value": "A" * 43})
    assert len(token.held) == 1
