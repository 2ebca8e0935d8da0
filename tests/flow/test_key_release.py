"""Secure key release: what is given to whom, of which keys (reference azure-key-vault.md section 5.2)."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from strongroom.core import release_limits
from tests.assertions import b64url
from tests.flow.attesting import HASHES, Authority, create, opened, part
from tests.flow.client import Client
from tests.flow.releasing import authority, check, key, release, world
from tests.world import Simulation

__all__ = ["authority", "key", "world"]


# ---- released -------------------------------------------------------------------------------------------------------


class TestReleased:
    """What an attested environment is given."""

    @pytest.mark.parametrize("method", HASHES)
    def test_each_way_of_wrapping(self, vault: Client, authority: Authority, key: str, method: str) -> None:
        """What was wrapped for the attested key is the private part of the key that the vault shows."""
        value = release(vault, key, authority.token(), enc=method).json["value"]
        public = opened(value).public_key().public_numbers()
        shown = vault.done("GET", f"/keys/{key}")["key"]
        assert b64url(public.x.to_bytes(32, "big")) == shown["x"]
        assert part(value, 1)["request"]["enc"] == method

    def test_the_statement(self, world: Simulation, vault: Client, authority: Authority, key: str) -> None:
        """Azure's form: what was asked, the bundle with `key_hsm`, signed by what the operator is shown."""
        entry = authority.configure()
        value = release(vault, key, authority.token(), nonce="N1").json["value"]
        header, payload = part(value, 0), part(value, 1)
        bundle = vault.done("GET", f"/keys/{key}")
        base = f"{world.vault_url}/keys/{key}"
        assert payload["request"] == {
            "api-version": "2026-04-01", "enc": "CKM_RSA_AES_KEY_WRAP", "kid": base, "nonce": "N1",
        }  # fmt: skip
        given = payload["response"]["key"]
        blob = given["key"].pop("key_hsm")
        assert json.loads(base64.urlsafe_b64decode(blob + "=="))["schema_version"] == "1.0"
        assert given == bundle
        assert (header["alg"], header["typ"], header["x5c"]) == ("RS256", "JWT", [entry["signingCertificate"]])
        assert entry["signingCertificates"] == [entry["signingCertificate"]]
        certificate = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
        assert (
            header["kid"] == hashlib.sha1(base64.b64decode(header["x5c"][0]), usedforsecurity=False).hexdigest().upper()
        )
        public = certificate.public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        signed, _, signature = value.rpartition(".")
        public.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode(), padding.PKCS1v15(), SHA256())

    def test_a_version(self, world: Simulation, vault: Client, authority: Authority, name: str) -> None:
        """Of an older version its own private part; `kid` is the path that was asked, empty versions are the latest."""
        old = create(vault, name, authority).json["key"]
        new = create(vault, name, authority).json["key"]
        version = old["kid"].rpartition("/")[2]
        for path, expected in ((f"/{version}", old), ("/", new), ("", new)):
            value = release(vault, name, authority.token(), path=path).json["value"]
            assert part(value, 1)["response"]["key"]["key"]["x"] == expected["x"]
        asked = part(release(vault, name, authority.token(), path=f"/{version}").json["value"], 1)["request"]["kid"]
        assert asked == old["kid"]

    def test_outside_its_dates(self, world: Simulation, vault: Client, authority: Authority, name: str) -> None:
        """Before `nbf` and after `exp` a key is released (section 4.2)."""
        now = int(world.clock())
        create(vault, name, authority, attributes={"exportable": True, "nbf": now + 9000, "exp": now + 9001})
        assert release(vault, name, authority.token()).status == 200

    def test_the_audit(self, world: Simulation, vault: Client, authority: Authority, key: str) -> None:
        """It has the key's version and the authority, and neither token nor key."""
        token = authority.token()
        value = release(vault, key, token).json["value"]
        entry = world.entries()[-1]
        assert entry["operationName"] == "KeyRelease"
        assert entry["properties"]["issuer"] == authority.url
        assert entry["properties"]["id"] == vault.done("GET", f"/keys/{key}")["key"]["kid"]
        text = json.dumps(entry)
        assert not any(piece in text for piece in (*token.split("."), *value.split(".")))

    def test_a_token_made_of_a_statement(self, vault: Client, authority: Authority, key: str) -> None:
        """SEC-TENANT-16: what is signed for a release opens nothing as a bearer token."""
        value = release(vault, key, authority.token()).json["value"]
        assert vault.ask("GET", f"/keys/{key}", token=value).status == 401


# ---- refused --------------------------------------------------------------------------------------------------------


class TestKeysThatAreNot:
    """What is asked of the key itself, before any attestation is looked at."""

    def test_keys_that_are_not_exportable(self, vault: Client, authority: Authority, name: str) -> None:
        """They leave in no way, in software or in a token."""
        for kty in ("EC", "EC-HSM"):
            vault.done("POST", f"/keys/{name}/create", body={"kty": kty})
            answer = release(vault, name, authority.token())
            check(answer, 403, "Operation release is not permitted on this key.")
            assert answer.error["innererror"] == {"code": "KeyOperationForbidden"}

    def test_keys_that_are_not_there(self, vault: Client, authority: Authority, key: str, name: str) -> None:
        """Unknown names and versions are 404, whatever the attestation."""
        assert release(vault, name, "a.b").status == 404
        assert release(vault, key, authority.token(), path=f"/{'0' * 32}").status == 404

    def test_a_disabled_key(self, vault: Client, authority: Authority, name: str) -> None:
        """It is not released."""
        create(vault, name, authority, attributes={"exportable": True, "enabled": False})
        assert release(vault, name, authority.token()).error["innererror"] == {"code": "KeyDisabled"}

    def test_the_policy_in_force(self, vault: Client, authority: Authority, name: str) -> None:
        """SEC-TENANT-16: a policy is the key's: an older version is released as the latest one's says."""
        old = create(vault, name, authority).json["key"]["kid"].rpartition("/")[2]
        create(vault, name, authority, release_policy=authority.policy({"claim": "other", "equals": 1}))
        check(release(vault, name, authority.token(), path=f"/{old}"), 403, "does not satisfy")
        value = release(vault, name, authority.token(other=1), path=f"/{old}").json["value"]
        shown = part(value, 1)["response"]["key"]["release_policy"]
        assert shown == vault.done("GET", f"/keys/{name}")["release_policy"]

    @pytest.mark.parametrize(
        "members", [{"enc": "RSA-OAEP"}, {"enc": ""}, {"nonce": "n" * (release_limits.RELEASE_NONCE_CHARS + 1)}]
    )
    def test_other_members(self, vault: Client, authority: Authority, key: str, members: dict[str, Any]) -> None:
        """An unknown way of wrapping and a long nonce are bad parameters; the longest nonce is not."""
        check(release(vault, key, authority.token(), **members), 400, "Property ")
        assert release(vault, key, authority.token(), nonce="n" * release_limits.RELEASE_NONCE_CHARS).status == 200

    def test_the_right_to_release(self, world: Simulation, authority: Authority, key: str) -> None:
        """Whoever may do everything else with keys may not release one."""
        user = world.principal("crypto-user")
        world.grant(user.oid, "12338af0-0e69-4776-bea7-57ae8d297424", world.vault.scope)
        assert Client(world, user).ask("GET", f"/keys/{key}").status == 200
        answer = release(Client(world, user), key, authority.token())
        assert answer.error["innererror"] == {"code": "ForbiddenByRbac"}
        world.grant(user.oid, "08bbd89e-9f13-488c-ac41-acfcb10c90ab", world.vault.scope)
        assert release(Client(world, user), key, authority.token()).status == 200


# ---- authorities ----------------------------------------------------------------------------------------------------


class TestKeyAttestation:
    """KeyAttestationGet."""

    def test_it_is_not_invented(self, vault: Client, key: str, name: str) -> None:
        """No token here attests where a key was made, so the key is answered without an attestation (ADR 0014)."""
        bundle = vault.done("GET", f"/keys/{key}")
        assert "attestation" not in bundle["attributes"]
        for path in (f"/keys/{key}/attestation", f"/keys/{key}//attestation"):
            assert vault.done("GET", path) == bundle
        assert vault.ask("GET", f"/keys/{name}/attestation").status == 404
        assert vault.ask("GET", f"/keys/{key}/attestation", version="7.5").status == 404
