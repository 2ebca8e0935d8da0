"""Creating, getting and updating keys (reference sections 4.1, 4.2 and 4.4)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.errors import Unavailable
from strongroom.core.objects import Collection
from strongroom.objects import key_rows
from strongroom.store import Transaction
from tests.flow.client import Client
from tests.flow.key_cases import private_jwk
from tests.flow.keys import MemoryToken, create, version_of
from tests.world import START, Simulation

pytestmark = pytest.mark.usefixtures("restored")

P256 = {"kty": "EC"}


def size_of(member: str) -> int:
    """Give the length of what a member spells, which has no padding."""
    assert "=" not in member
    return len(base64.urlsafe_b64decode(member + "=="))


# ---- create and get -------------------------------------------------------------------------------------------------


def test_create_answers_the_whole_bundle(world: Simulation, vault: Client, name: str) -> None:
    """A new key is answered with its id, its public part, its operations, attributes and tags, and nothing else."""
    now = int(world.clock())
    bundle = create(
        vault, name, key_ops=["verify", "sign"], attributes={"nbf": 1, "exp": 2, "enabled": True}, tags={"a": "b"}
    )
    key = bundle["key"]
    version = version_of(bundle)
    assert len(version) == 32
    assert key.keys() == {"kid", "kty", "key_ops", "crv", "x", "y"}
    assert key["kid"] == f"{world.vault_url}/keys/{name}/{version}"
    assert (key["kty"], key["crv"], key["key_ops"]) == ("EC", "P-256", ["verify", "sign"])
    assert size_of(key["x"]) == size_of(key["y"]) == 32
    assert bundle == {
        "key": key,
        "tags": {"a": "b"},
        "attributes": {
            "enabled": True,
            "nbf": 1,
            "exp": 2,
            "created": now,
            "updated": now,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
            "exportable": False,
            "hsmPlatform": "0",
        },
    }


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ({"kty": "RSA"}, {"n": 256, "e": 3}),
        ({"kty": "RSA", "key_size": 2048, "public_exponent": 3}, {"n": 256, "e": 1}),
        # So Java's clients say that they say nothing of it.
        ({"kty": "RSA", "public_exponent": 0}, {"n": 256, "e": 3}),
        ({"kty": "EC", "crv": "P-384", "public_exponent": 0}, {"x": 48, "y": 48}),
        ({"kty": "EC", "crv": "P-521", "key_size": 521}, {"x": 66, "y": 66}),
        ({"kty": "EC", "crv": "P-256K"}, {"x": 32, "y": 32}),
        ({"kty": "oct"}, {}),
        ({"kty": "oct", "key_size": 128}, {}),
    ],
)
def test_a_key_is_what_was_asked_for(vault: Client, name: str, asked: dict[str, Any], answered: dict[str, int]) -> None:
    """Public members have the length of the size or curve; a symmetric key has none, and no private one is answered."""
    key = create(vault, name, **asked)["key"]
    members = key.keys() - {"kid", "kty", "key_ops", "crv"}
    assert key["kty"] == asked["kty"]
    assert {member: size_of(key[member]) for member in members} == answered


BAD: dict[str, dict[str, Any]] = {
    "no type": {"kty": None},
    "an unknown type": {"kty": "DSA"},
    "a type in another case": {"kty": "ec"},
    "a size": {"kty": "RSA", "key_size": 1024},
    "a size one too many": {"kty": "RSA", "key_size": 4097},
    "a size of another curve": {"key_size": 384},
    "an unknown curve": {"crv": "P-224"},
    "a curve for RSA": {"kty": "RSA", "crv": "P-256"},
    "exponent 1": {"kty": "RSA", "public_exponent": 1},
    "an even exponent": {"kty": "RSA", "public_exponent": 65536},
    "an exponent for EC": {"public_exponent": 65537},
    "an unknown operation": {"key_ops": ["frobnicate"]},
    "an operation twice": {"key_ops": ["sign", "sign"]},
    "an operation of another type": {"key_ops": ["encrypt"]},
    "import with others": {"kty": "RSA", "key_ops": ["import", "decrypt"]},
    "sixteen tags": {"tags": {str(number): "" for number in range(16)}},
    "an end before the beginning": {"attributes": {"nbf": 7, "exp": 6}},
    "a date after the year 9999": {"attributes": {"exp": 253_402_300_800}},
    "a type for tokens, without one": {"kty": "EC-HSM"},
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_makes_no_key(vault: Client, name: str, what: str) -> None:
    """What cannot be is 400 `BadParameter`, and there is no key afterwards."""
    answer = vault.ask("POST", f"/keys/{name}/create", body=P256 | BAD[what])
    assert answer.status == 400
    assert answer.error["code"] == "BadParameter"
    assert vault.ask("GET", f"/keys/{name}").status == 404


@pytest.mark.parametrize("asked", [{"kty": "RSA"}, {"kty": "EC"}, {"kty": "oct"}])
@pytest.mark.parametrize("given", [{}, {"key_ops": []}, {"key_ops": None}])
def test_no_key_is_answered_without_operations(
    vault: Client, name: str, asked: dict[str, Any], given: dict[str, Any]
) -> None:
    """`key_ops` is never empty nor missing: ASP.NET Data Protection fails at such a key (SEC-KEY-7)."""
    assert create(vault, name, **asked, **given)["key"]["key_ops"]


def test_an_update_with_no_operations_takes_all_away(vault: Client, name: str) -> None:
    """As Azure answers the client for Java, which sends an empty list where its caller names none (recorded 2023)."""
    create(vault, name)
    assert vault.done("PATCH", f"/keys/{name}", body={"key_ops": []})["key"]["key_ops"] == []
    body = {"alg": "ES256", "value": "A" * 43}
    refused = vault.ask("POST", f"/keys/{name}/sign", body=body)
    assert (refused.status, refused.error["innererror"]) == (403, {"code": "KeyOperationForbidden"})
    assert vault.done("PATCH", f"/keys/{name}", body={"key_ops": ["sign"]})["key"]["key_ops"] == ["sign"]


def test_a_key_that_brings_in_others_stays_one(vault: Client, token: MemoryToken, name: str) -> None:
    """No operations at all would be a way to others: an empty list is 400 of such a key."""
    create(vault, name, kty="RSA-HSM", key_ops=["import"])
    answer = vault.ask("PATCH", f"/keys/{name}", body={"key_ops": []})
    assert (answer.status, answer.error["code"]) == (400, "BadParameter")
    assert vault.done("GET", f"/keys/{name}")["key"]["key_ops"] == ["import"]


def test_an_older_version_is_not_told_what_came_later(vault: Client, name: str) -> None:
    """`hsmPlatform` came with 7.5."""
    create(vault, name)
    assert "hsmPlatform" not in vault.done("GET", f"/keys/{name}", version="7.4")["attributes"]
    assert vault.done("GET", f"/keys/{name}", version="7.5")["attributes"]["hsmPlatform"] == "0"


def test_creating_again_makes_a_new_version(vault: Client, name: str) -> None:
    """A second create makes a new version, of any type, that takes nothing over; the old one stays."""
    first = create(vault, name, tags={"a": "b"})
    second = create(vault, name, kty="oct")
    assert "tags" not in second
    assert vault.done("GET", f"/keys/{name}") == second
    assert vault.done("GET", f"/keys/{name}/{version_of(first)}") == first


def test_a_disabled_key_can_be_read(vault: Client, name: str) -> None:
    """Disabled, not yet valid or expired, a key's public part and attributes are answered (security.md Corrections)."""
    bundle = create(vault, name, attributes={"enabled": False, "nbf": int(START) + 10**6})
    assert vault.done("GET", f"/keys/{name}") == bundle


def test_the_journal_says_what_a_key_is(world: Simulation, vault: Client, name: str) -> None:
    """Creating and getting a key are recorded with id, type, curve, operations and attributes."""
    bundle = create(vault, name, attributes={"exp": 2_000_000_000})
    vault.done("GET", f"/keys/{name}")
    for entry in world.entries()[-2:]:
        assert entry["properties"]["id"] == bundle["key"]["kid"]
        recorded = entry["properties"]["keyProperties"]
        assert (recorded["type"], recorded["curve"]) == ("EC", "P-256")
        assert recorded["operations"] == ["sign", "verify"]
        assert recorded["attributes"]["exp"] == 2_000_000_000


# ---- update, versions, lists ----------------------------------------------------------------------------------------


def test_an_update_changes_what_it_names(world: Simulation, vault: Client, name: str) -> None:
    """Operations, attributes and tags change with `updated`; the rest of it stays."""
    bundle = create(vault, name, tags={"a": "b"}, attributes={"nbf": 1, "exp": 9})
    world.advance(60)
    updated = vault.done(
        "PATCH", f"/keys/{name}/", body={"key_ops": ["verify"], "attributes": {"enabled": False}, "kty": "RSA"}
    )
    attributes = bundle["attributes"] | {"enabled": False, "updated": int(world.clock())}
    assert updated == bundle | {"key": bundle["key"] | {"key_ops": ["verify"]}, "attributes": attributes}
    assert vault.done("GET", f"/keys/{name}") == updated


def test_an_update_changes_one_version(vault: Client, name: str) -> None:
    """An update with a version in its path changes that version alone."""
    first, second = create(vault, name), create(vault, name)
    vault.done("PATCH", f"/keys/{name}/{version_of(first)}", body={"tags": {"old": "yes"}})
    assert vault.done("GET", f"/keys/{name}/{version_of(first)}")["tags"] == {"old": "yes"}
    assert vault.done("GET", f"/keys/{name}") == second


@pytest.mark.parametrize(
    "body",
    [{"key_ops": ["encrypt"]}, {"key_ops": ["sign", "sign"]}, {"attributes": {"exp": 4}}, {"tags": {"a": "b" * 513}}],
)
def test_a_wrong_update_changes_nothing(vault: Client, name: str, body: dict[str, Any]) -> None:
    """What does not fit the key, or does not fit what stays, is 400, and the key is as it was."""
    bundle = create(vault, name, attributes={"nbf": 5})
    answer = vault.ask("PATCH", f"/keys/{name}", body=body)
    assert answer.status == 400
    assert answer.error["code"] == "BadParameter"
    assert vault.done("GET", f"/keys/{name}") == bundle


@pytest.mark.parametrize("version", ["", "0" * 32])
def test_what_is_not_there_is_not_found(vault: Client, name: str, version: str) -> None:
    """A key or a version that is not there is 404 `KeyNotFound` in the reference's words."""
    if version:
        create(vault, name)
    for method, body in (("GET", None), ("PATCH", {"tags": {}})):
        answer = vault.ask(method, f"/keys/{name}/{version}", body=body)
        assert answer.status == 404
        assert answer.error["code"] == "KeyNotFound"
        assert f"A key with (name/id) {name}{'/' if version else ''}{version} was not" in answer.error["message"]


def test_lists_have_no_public_part(vault: Client, name: str) -> None:
    """Keys are listed by their latest version without naming it, versions with it; neither list has `key`."""
    first, second = create(vault, name, tags={"a": "b"}), create(vault, name, tags={"c": "d"})
    items = [item for item in vault.walk("/keys") if item["kid"].endswith(name)]
    assert items == [
        {
            "kid": second["key"]["kid"].rpartition("/")[0],
            "attributes": second["attributes"],
            "tags": {"c": "d"},
        }
    ]
    versions = vault.walk(f"/keys/{name}/versions", "&maxresults=1")
    assert {item["kid"]: item["tags"] for item in versions} == {
        first["key"]["kid"]: {"a": "b"},
        second["key"]["kid"]: {"c": "d"},
    }


def test_a_key_and_a_secret_may_have_one_name(vault: Client, name: str) -> None:
    """Keys and secrets have names of their own."""
    secret, key = vault.put(name), create(vault, name)
    assert vault.done("GET", f"/secrets/{name}") == secret
    assert vault.done("GET", f"/keys/{name}") == key
    vault.done("DELETE", f"/secrets/{name}")
    assert vault.done("GET", f"/keys/{name}") == key


# ---- certificates' keys, and keys in tokens -------------------------------------------------------------------------


def test_a_certificates_key_is_not_changed_by_others(world: Simulation, vault: Client, name: str) -> None:
    """A managed key says so, and is neither updated, made anew, backed up nor deleted: `KeyManagedByKeyVault`."""
    create(vault, name)

    async def manage(tx: Transaction) -> None:
        stored = await tx.object(world.vault.id, Collection.KEYS, name)
        assert stored is not None
        row = await tx.version(world.vault.id, Collection.KEYS, name, stored.latest)
        assert row is not None
        body = replace(key_rows.key_of(stored, row).body, managed=True)
        await tx.put_version(replace(row, body=key_rows.encode_body(body)))

    world.commit(manage)
    bundle = vault.done("GET", f"/keys/{name}")
    assert bundle["managed"] is True
    for method, path, body, word in (
        ("DELETE", "", None, "delete"),
        ("PATCH", "/", {"tags": {}}, "update"),
        ("POST", "/create", {"kty": "EC"}, "create"),
        ("PUT", "", {"key": private_jwk()}, "import"),
        ("POST", "/rotate", None, "rotate"),
        ("POST", "/backup", None, "backup"),
    ):
        answer = vault.ask(method, f"/keys/{name}{path}", body=body)
        assert answer.status == 403
        assert answer.error["innererror"] == {"code": "KeyManagedByKeyVault"}
        assert answer.error["message"] == (
            f'Operation "{word}" is not allowed as this object\'s lifetime is managed by Key Vault.'
        )
    assert vault.done("GET", f"/keys/{name}") == bundle


@pytest.fixture
def token(world: Simulation) -> Iterator[MemoryToken]:
    """Give the service a token, and the vault the SKU that has keys in it."""
    held = MemoryToken()
    world.world.protections.token = held
    world.set_vault(sku="premium")
    yield held
    world.world.protections.token = None


def test_a_key_in_a_token_is_made_there(vault: Client, token: MemoryToken, name: str) -> None:
    """A `-HSM` key of a premium vault is the token's, and says which platform holds it."""
    bundle = create(vault, name, kty="EC-HSM")
    assert len(token.held) == 1
    assert bundle["key"]["kty"] == "EC-HSM"
    assert bundle["attributes"]["hsmPlatform"] == "1"


def test_an_rsa_key_says_its_size(vault: Client, name: str) -> None:
    """In bundles and lists, as Azure's own client tests have recorded it since April 2026; other keys say none."""
    assert create(vault, name, kty="RSA")["attributes"]["key_size"] == 2048
    assert vault.walk(f"/keys/{name}/versions")[0]["attributes"]["key_size"] == 2048
    assert "key_size" not in vault.done("GET", f"/keys/{name}", version="7.2")["attributes"]
    assert "key_size" not in create(vault, name)["attributes"]


@pytest.mark.parametrize("kind", ["EC", "EC-HSM"])
def test_a_key_says_that_it_is_not_exportable(vault: Client, token: MemoryToken, name: str, kind: str) -> None:
    """As Azure's own client tests have recorded it since October 2022, in bundles and lists, at 7.3 and later."""
    assert create(vault, name, kty=kind)["attributes"]["exportable"] is False
    assert vault.walk(f"/keys/{name}/versions")[0]["attributes"]["exportable"] is False
    assert "exportable" not in vault.done("GET", f"/keys/{name}", version="7.2")["attributes"]


def test_a_refused_create_leaves_nothing_in_the_token(vault: Client, token: MemoryToken, name: str) -> None:
    """What was made for a key that did not come to be is destroyed."""
    create(vault, name)
    vault.done("DELETE", f"/keys/{name}")
    answer = vault.ask("POST", f"/keys/{name}/create", body={"kty": "EC-HSM"})
    assert answer.error["innererror"] == {"code": "ObjectIsDeletedButRecoverable"}
    assert token.held == {}


def test_a_token_that_goes_away_does_not_hide_a_refusal(
    vault: Client, token: MemoryToken, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is refused is told why, whether or not what was made could be destroyed at once."""
    create(vault, name)
    vault.done("DELETE", f"/keys/{name}")

    async def away(_material: bytes) -> None:
        raise Unavailable("The token does not answer.")

    monkeypatch.setattr(token, "destroy", away)
    assert vault.ask("POST", f"/keys/{name}/create", body={"kty": "EC-HSM"}).status == 409


def test_a_standard_vault_has_no_key_in_a_token(
    world: Simulation, vault: Client, token: MemoryToken, name: str
) -> None:
    """A `-HSM` type in a standard vault is 400, and nothing is made: never silently in software (SEC-KEY-2)."""
    world.set_vault(sku="standard")
    answer = vault.ask("POST", f"/keys/{name}/create", body={"kty": "RSA-HSM"})
    assert answer.status == 400
    assert answer.error["code"] == "BadParameter"
    assert token.held == {}


def test_a_token_that_is_away_makes_no_key(vault: Client, token: MemoryToken, name: str) -> None:
    """The answer is 503, and other keys are as they were."""
    token.away = True
    assert vault.ask("POST", f"/keys/{name}/create", body={"kty": "EC-HSM"}).status == 503
    create(vault, name)
