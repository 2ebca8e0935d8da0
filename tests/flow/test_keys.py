"""Creating, getting and updating keys (reference sections 4.1, 4.2 and 4.4)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.flow.client import Client
from tests.world import START, Simulation

pytestmark = pytest.mark.usefixtures("restored")

P256 = {"kty": "EC"}


def create(vault: Client, name: str, **members: Any) -> Any:
    """Create a key, P-256 unless *members* say otherwise."""
    return vault.done("POST", f"/keys/{name}/create", body=P256 | members)


def version_of(bundle: dict[str, Any]) -> str:
    """Give the version at the end of a key's id."""
    version: str = bundle["key"]["kid"].rpartition("/")[2]
    return version


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
            "hsmPlatform": "0",
        },
    }


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ({"kty": "RSA"}, {"n": 256, "e": 3}),
        ({"kty": "RSA", "key_size": 2048, "public_exponent": 3}, {"n": 256, "e": 1}),
        ({"kty": "EC", "crv": "P-384"}, {"x": 48, "y": 48}),
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
    """`key_ops` is never empty nor missing: ASP.NET Data Protection fails at such a key."""
    assert create(vault, name, **asked, **given)["key"]["key_ops"]


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
