"""Importing keys as JSON Web Keys (reference section 4.4)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.core.keys import Curve
from strongroom.core.limits import KEY_MEMBER_BYTES
from tests.flow.client import Client, dump
from tests.flow.keys import Jwk, MemoryToken, ec_jwk, oct_jwk, rsa_jwk, version_of
from tests.plugins.canary import search
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")
PUBLIC = {"n", "e", "x", "y", "crv"}


@pytest.fixture(scope="module")
def rsa() -> Jwk:
    """Make an RSA key for the module."""
    return rsa_jwk()


@pytest.fixture
def token(world: Simulation) -> Iterator[MemoryToken]:
    """Give the service a token, and the vault the SKU that has keys in it."""
    held = MemoryToken()
    world.world.protections.token = held
    world.set_vault(sku="premium")
    yield held
    world.world.protections.token = None


def bring_in(vault: Client, name: str, key: Jwk, **members: Any) -> Any:
    """Import a key."""
    return vault.done("PUT", f"/keys/{name}", body={"key": key, "attributes": {}, **members})


def decoded(text: str) -> bytes:
    """Read base64url."""
    return base64.urlsafe_b64decode(text + "==")


def test_an_imported_key_is_answered_by_its_public_part(vault: Client, name: str, rsa: Jwk) -> None:
    """Every type is taken in; what comes back is its public members, and never a private one."""
    for key in (rsa, oct_jwk(), oct_jwk(16), *(ec_jwk(curve) for curve in Curve)):
        bundle = bring_in(vault, name, key)
        assert bundle["key"]["kty"] == key["kty"]
        assert {part: bundle["key"][part] for part in PUBLIC & key.keys()} == {
            part: key[part] for part in PUBLIC & key.keys()
        }
        assert bundle["key"].keys() == {"kid", "kty", "key_ops"} | (PUBLIC & key.keys())
        assert vault.done("GET", f"/keys/{name}/{version_of(bundle)}") == bundle


def test_an_imported_key_has_what_the_request_says(vault: Client, name: str) -> None:
    """Operations, attributes and tags are those of the request; importing again makes a new version."""
    key = ec_jwk()
    first = bring_in(
        vault, name, key | {"key_ops": ["verify"]}, attributes={"enabled": False, "exp": 9}, tags={"a": ""}
    )
    assert first["key"]["key_ops"] == ["verify"]
    assert first["attributes"]["enabled"] is False
    assert first["attributes"]["exp"] == 9
    assert first["tags"] == {"a": ""}
    second = bring_in(vault, name, key | {"key_ops": []})
    assert second["key"]["key_ops"] == ["sign", "verify"]
    assert len(vault.walk(f"/keys/{name}/versions")) == 2


def test_the_store_holds_no_imported_key_in_the_clear(world: Simulation, vault: Client, name: str) -> None:
    """Whoever reads the database finds no private part (SEC-BOOT-14, SEC-KEY-1)."""
    for key, member in ((ec_jwk(), "d"), (oct_jwk(), "k")):
        bring_in(vault, name, key)
        assert decoded(key[member]) not in dump(world)
    assert search(dump(world)) == []


@pytest.mark.parametrize("how", ["Hsm", "hsm", "kty"])
def test_a_key_is_brought_into_the_token(vault: Client, token: MemoryToken, name: str, how: str) -> None:
    """`Hsm` in either spelling, or a `-HSM` type, each by itself makes it the token's."""
    key = ec_jwk() | ({"kty": "EC-HSM"} if how == "kty" else {})
    bundle = bring_in(vault, name, key, **({} if how == "kty" else {how: True}))
    assert bundle["key"]["kty"] == "EC-HSM"
    assert len(token.held) == 1


@pytest.mark.parametrize("members", [{"Hsm": True}, {"hsm": True}, {"kty": "EC-HSM"}])
def test_without_a_token_no_key_is_brought_in_silently(vault: Client, name: str, members: Jwk) -> None:
    """What is to be in a token is refused where there is none, and is not in software instead (SEC-KEY-2)."""
    kty = members.pop("kty", "EC")
    answer = vault.ask("PUT", f"/keys/{name}", body={"key": ec_jwk() | {"kty": kty}, **members})
    assert answer.status == 400
    assert vault.ask("GET", f"/keys/{name}").status == 404


def bad_keys(rsa: Jwk) -> dict[str, Any]:
    """Spoil keys; that each equation of a key is asked for is tests/unit/crypto/test_key_material.py's matter."""
    good, other = ec_jwk(), ec_jwk()
    modulus = bytearray(decoded(rsa["n"]))
    modulus[-1] ^= 1
    even = base64.urlsafe_b64encode(modulus).rstrip(b"=").decode()
    return {
        "no key": None,
        "an empty key": {},
        "no type": {name: value for name, value in good.items() if name != "kty"},
        "another type": good | {"kty": "oct"},
        "exponent 1": rsa | {"e": "AQ"},
        "an even modulus": rsa | {"n": even},
        "no private part": {name: value for name, value in good.items() if name != "d"},
        "a mismatched d": good | {"d": other["d"]},
        "an RSA key's mismatched d": rsa | {"d": rsa["n"]},
        "a point off the curve": good | {"y": good["x"]},
        "another curve": good | {"crv": "P-256K"},
        "an unknown curve": good | {"crv": "P-192"},
        "a curve for RSA": rsa | {"crv": "P-256"},
        "no curve": {name: value for name, value in good.items() if name != "crv"},
        "a member of another type": good | {"k": "AAAA"},
        "a short symmetric key": oct_jwk(15),
        "a long symmetric key": oct_jwk(64),
        "an empty member": good | {"d": ""},
        "padding inside": good | {"d": good["d"][:8] + "==" + good["d"][8:]},
        "another alphabet": {"kty": "oct", "k": "AAA+" * 8},
        "no ASCII": good | {"d": "é" + good["d"][1:]},
        "a number": good | {"d": 5},
        "an enormous member": rsa | {"d": "A" * (KEY_MEMBER_BYTES * 4 // 3 + 8)},
        "an operation of another type": good | {"key_ops": ["encrypt"]},
    }


def test_a_malformed_key_is_refused_and_not_repeated(vault: Client, name: str, rsa: Jwk) -> None:
    """Each is 400 `BadParameter`, its answer has nothing of the key, and there is no key afterwards (SEC-KEY-5)."""
    for what, key in bad_keys(rsa).items():
        answer = vault.ask("PUT", f"/keys/{name}", body={"key": key})
        assert answer.status == 400, what
        assert answer.error["code"] == "BadParameter", what
        for member in ("d", "k", "p", "q", "n"):
            value = (key or {}).get(member)
            assert not isinstance(value, str) or len(value) < 8 or value not in answer.error["message"], what
    assert vault.ask("GET", f"/keys/{name}").status == 404


def test_padding_is_neither_wanted_nor_refused(vault: Client, name: str) -> None:
    """Base64url with its padding is read as that without."""
    key = oct_jwk(16)
    for value in (key["k"], key["k"] + "=="):
        assert bring_in(vault, name, {"kty": "oct", "k": value})["key"]["kty"] == "oct"
    assert bring_in(vault, name, {"kty": "oct", "k": "AAA-" * 8})["key"]["kty"] == "oct"


def test_a_refused_import_leaves_nothing_in_the_token(vault: Client, token: MemoryToken, name: str) -> None:
    """What was brought in under a name that is not free is destroyed."""
    bring_in(vault, name, ec_jwk())
    vault.done("DELETE", f"/keys/{name}")
    answer = vault.ask("PUT", f"/keys/{name}", body={"key": ec_jwk() | {"kty": "EC-HSM"}})
    assert answer.status == 409
    assert token.held == {}
