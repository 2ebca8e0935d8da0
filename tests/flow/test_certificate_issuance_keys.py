"""
The keys of certificates that are issued: used again or made anew, in tokens too, and destroyed with what needed them.

The job's own function is run, as `strongroom.app.jobs` runs it, under a clock that the tests move.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from strongroom.core.certificates import PendingStatus
from strongroom.core.doomed_keys import DoomedKey
from strongroom.core.errors import Unavailable
from strongroom.core.issuance import Refused, Waiting
from strongroom.core.records import INSTANCE
from strongroom.objects.doomed_keys import destroy_doomed_keys
from tests.flow.client import Client
from tests.flow.issuing import HOUR_S, ISSUE, a_time_of_its_own, look, pending, stand_in, vault, versions
from tests.flow.keys import MemoryToken
from tests.flow.vault_certificates import POLICY, create, loaded, made
from tests.world import Simulation

__all__ = ["a_time_of_its_own", "vault"]
pytestmark = pytest.mark.usefixtures("restored")


def test_a_key_is_used_again_where_the_policy_says_so(vault: Client, world: Simulation, name: str) -> None:
    """reuse_key: the next version has the key of the one before, unless it is to be another kind of key."""
    key = {"kty": "EC", "crv": "P-256", "reuse_key": True}
    first = made(vault, world, name, key_props=key)
    second = made(vault, world, name, key_props=key)
    assert first["id"] != second["id"]
    assert loaded(first).public_key() == loaded(second).public_key()
    other = made(vault, world, name, key_props=key | {"crv": "P-384"})
    assert loaded(other).public_key() != loaded(second).public_key()
    assert versions(vault, "keys", name) == 3


def test_a_key_that_could_not_leave_is_not_used_again_for_one_that_can(
    vault: Client, world: Simulation, name: str
) -> None:
    """SEC-KEY-13: reuse_key with a policy that became exportable does not hand out a key that was made to stay."""
    key = {"kty": "EC", "crv": "P-256", "reuse_key": True, "exportable": False}
    first = made(vault, world, name, key_props=key)
    vault.done("PATCH", f"/certificates/{name}/policy", body={"key_props": {"exportable": True}})
    second = made(vault, world, name, key_props=key | {"exportable": True})
    assert loaded(second).public_key() != loaded(first).public_key()
    private, leaf, _ = pkcs12.load_key_and_certificates(
        base64.b64decode(vault.done("GET", f"/secrets/{name}")["value"]), None
    )
    assert private is not None
    assert leaf == loaded(second)
    third = made(vault, world, name, key_props=key)
    assert loaded(third).public_key() == loaded(second).public_key()


def test_a_new_version_has_a_new_key_otherwise(vault: Client, world: Simulation, name: str) -> None:
    """Without a policy in the request the one that there is holds."""
    first = made(vault, world, name)
    assert vault.ask("POST", f"/certificates/{name}/create", body={}).status == 202
    second = vault.done("GET", f"/certificates/{name}")
    assert loaded(first).public_key() != loaded(second).public_key()
    assert second["policy"]["x509_props"]["subject"] == "CN=example.com"


@pytest.fixture
def token(world: Simulation) -> Iterator[MemoryToken]:
    """Put a token in its place, for a premium vault."""
    one = MemoryToken()
    world.world.protections.token = one
    world.set_vault(sku="premium")
    yield one
    world.world.protections.token = None


HSM = {"kty": "EC-HSM", "crv": "P-256"}


def test_a_key_in_a_token_never_leaves_it(vault: Client, world: Simulation, token: MemoryToken, name: str) -> None:
    """The certificate is signed there; its secret has the certificate and no key."""
    bundle = made(vault, world, name, key_props=HSM)
    assert (bundle["policy"]["key_props"]["kty"], bundle["policy"]["key_props"]["exportable"]) == ("EC-HSM", False)
    value = vault.done("GET", f"/secrets/{name}")["value"]
    found = pkcs12.load_pkcs12(base64.b64decode(value), None)
    assert found.key is None
    assert [one.certificate for one in found.additional_certs] == [loaded(bundle)]
    key = vault.done("GET", f"/keys/{name}")
    assert (key["key"]["kty"], len(token.held)) == ("EC-HSM", 1)


def test_a_key_in_a_token_needs_a_premium_vault(vault: Client, world: Simulation, name: str) -> None:
    """As any key does."""
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY | {"key_props": HSM}})
    assert answer.status == 400
    world.set_vault(sku="premium")


def destroy(world: Simulation, token: MemoryToken) -> int:
    """Have the token destroy what is doomed; how much it holds then."""
    world.run(destroy_doomed_keys(world.store, world.world.protections))
    assert world.run(world.store.records(DoomedKey, INSTANCE)) == []
    return len(token.held)


@pytest.mark.parametrize("end", ["forgotten", "replaced"])
def test_the_key_of_an_operation_that_comes_to_nothing_is_destroyed(
    vault: Client, world: Simulation, token: MemoryToken, name: str, end: str
) -> None:
    """Not when it fails, for what was issued can still be merged; when it is forgotten, or another one begins."""
    _, policy = stand_in(vault, world, Refused("No."))
    create(vault, name, key_props=HSM, **policy)
    world.settle()
    assert destroy(world, token) == 1
    if end == "forgotten":
        vault.done("DELETE", f"/certificates/{name}/pending")
        assert destroy(world, token) == 0
    else:
        made(vault, world, name, key_props=HSM)
        assert destroy(world, token) == 1


def test_a_key_that_a_version_has_is_not_destroyed_with_an_operation(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """With reuse_key the operation that fails had the key of the version that stays."""
    key = HSM | {"reuse_key": True}
    made(vault, world, name, key_props=key)
    _, policy = stand_in(vault, world, Refused("No."))
    create(vault, name, key_props=key, **policy)
    assert pending(vault, name)["status"] == "failed"
    vault.done("DELETE", f"/certificates/{name}/pending")
    assert destroy(world, token) == 1


def test_a_key_that_two_versions_have_is_destroyed_once(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """SEC-KEY-12: when both are purged, and not before."""
    key = HSM | {"reuse_key": True}
    first = made(vault, world, name, key_props=key)
    assert loaded(made(vault, world, name, key_props=key)).public_key() == loaded(first).public_key()
    assert destroy(world, token) == 1
    vault.done("DELETE", f"/certificates/{name}")
    assert destroy(world, token) == 1
    vault.done("DELETE", f"/deletedcertificates/{name}")
    assert len(world.run(world.store.records(DoomedKey, INSTANCE))) == 1
    assert destroy(world, token) == 0


def test_a_purged_certificate_takes_the_key_of_its_operation_with_it(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """The operation was cancelled by the deletion, and could have been merged until then."""
    create(vault, name, key_props=HSM, issuer={"name": "Unknown"})
    vault.done("DELETE", f"/certificates/{name}")
    assert destroy(world, token) == 1
    vault.done("DELETE", f"/deletedcertificates/{name}")
    assert destroy(world, token) == 0


def test_a_name_whose_retention_is_over_is_begun_anew(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """Before the clean-up has come by: what was left of the certificate before goes, with its keys in the token."""
    made(vault, world, name, key_props=HSM)
    create(vault, name, key_props=HSM, issuer={"name": "Unknown"})
    assert len(token.held) == 2
    vault.done("DELETE", f"/certificates/{name}")
    world.advance(91 * 86_400)
    bundle = made(vault, world, name, key_props=HSM)
    assert len(vault.walk(f"/certificates/{name}/versions")) == 1
    assert destroy(world, token) == 1
    assert vault.done("GET", f"/keys/{name}")["key"]["kid"] == bundle["kid"]


def test_a_creation_that_is_refused_leaves_no_key(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """The name is taken by a secret, which is seen only inside the change."""
    vault.put(name)
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY | {"key_props": HSM}})
    assert (answer.status, answer.error["code"]) == (409, "Conflict")
    assert token.held == {}


def test_a_token_that_is_away_is_waited_for(vault: Client, world: Simulation, token: MemoryToken, name: str) -> None:
    """The operation stands, counted, and goes on when the token is back."""
    _, policy = stand_in(vault, world, Waiting(b"", int(world.clock()) + HOUR_S), Unavailable("Away."), ISSUE)
    create(vault, name, key_props=HSM, **policy)
    world.settle()
    for pause in (HOUR_S, 60):
        world.advance(pause)
        look(world)
    assert pending(vault, name)["status"] == PendingStatus.COMPLETED
    assert len(token.held) == 1
