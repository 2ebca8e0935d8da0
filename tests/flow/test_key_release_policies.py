"""Secure key release: which keys can be released at all (reference azure-key-vault.md section 5.2)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.core import release_limits
from strongroom.core.vaults import AccessPolicy
from tests.assertions import b64url, ec_key
from tests.flow.attesting import Authority, create, opened
from tests.flow.client import Client
from tests.flow.keys import ec_jwk
from tests.flow.releasing import authority, check, release, world
from tests.world import Simulation

__all__ = ["authority", "world"]


def private_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """Write the members of a P-256 key."""
    private = key.private_numbers()
    numbers = {"x": private.public_numbers.x, "y": private.public_numbers.y, "d": private.private_value}
    return {name: b64url(number.to_bytes(32, "big")) for name, number in numbers.items()}


class TestKeysThatCanBeReleased:
    """What a create, an import and an update may say of it."""

    def test_the_bundle(self, vault: Client, authority: Authority, name: str) -> None:
        """An exportable key has its policy in the form it is kept in, and both since 7.3 alone."""
        bundle = create(vault, name, authority).json
        policy = bundle["release_policy"]
        assert bundle["attributes"]["exportable"] is True
        assert policy["contentType"] == "application/json; charset=utf-8"
        assert policy["immutable"] is False
        assert list(json.loads(base64.urlsafe_b64decode(policy["data"] + "=="))) == ["version", "anyOf"]
        old = vault.done("GET", f"/keys/{name}/", version="7.2")
        assert "release_policy" not in old
        assert "exportable" not in old["attributes"]

    @pytest.mark.parametrize(
        ("number", "members", "version"),
        [
            (1001, {}, "7.2"),
            (1004, {"release_policy": None}, "7.3"),
            (1005, {"attributes": {"exportable": False}}, "7.3"),
            (1005, {"attributes": {}}, "7.4"),
            (1006, {"kty": "EC"}, "7.3"),
        ],
    )
    def test_keys_that_cannot(
        self, vault: Client, authority: Authority, name: str, number: int, members: dict[str, Any], version: str
    ) -> None:
        """Azure's codes for what contradicts itself; nothing is made."""
        body = {"kty": "EC-HSM", "attributes": {"exportable": True}, "release_policy": authority.policy()} | members
        answer = vault.ask("POST", f"/keys/{name}/create", body=body, version=version)
        check(answer, 400, f"AKV.SKR.{number}: ")
        assert vault.ask("GET", f"/keys/{name}").status == 404

    def test_before_there_were_policies(self, vault: Client, authority: Authority, name: str) -> None:
        """What a version does not know is as if it were not there; but nothing is made exportable by it."""
        wrong = {"release_policy": {"data": "*"}, "attributes": {"exportable": False}}
        for members in ({"kty": "EC-HSM"} | wrong, {"kty": "EC", "release_policy": authority.policy()}):
            answer = vault.ask("POST", f"/keys/{name}/create", body=members, version="7.2")
            assert answer.status == 200, answer.body
        imported = {"key": ec_jwk(), **wrong}
        assert vault.ask("PUT", f"/keys/{name}-in", body=imported, version="7.2").status == 200
        create(vault, f"{name}-out", authority)
        changed = vault.ask("PATCH", f"/keys/{name}-out", body={"tags": {"a": "b"}} | wrong, version="7.2")
        assert (changed.status, changed.json["tags"]) == (200, {"a": "b"})
        assert vault.done("GET", f"/keys/{name}-out")["attributes"]["exportable"] is True
        for method, place in (("POST", f"{name}/create"), ("PATCH", name), ("PUT", f"{name}-in")):
            body = {"kty": "EC-HSM", "attributes": {"exportable": True}, "key": ec_jwk()}
            check(vault.ask(method, f"/keys/{place}", body=body, version="7.2"), 400, "AKV.SKR.1001: ")

    def test_a_standard_vault(self, world: Simulation, vault: Client, authority: Authority, name: str) -> None:
        """1001: a vault without a token has no exportable keys, in software neither."""
        world.set_vault(sku="standard")
        for kty in ("EC", "EC-HSM"):
            check(create(vault, name, authority, kty=kty), 400, "AKV.SKR.1001: ")
        world.set_vault(sku="premium")

    @pytest.mark.parametrize(
        "policy",
        [
            {"data": None},
            {"data": "*"},
            {"data": b64url(b"{}")},
            {"data": b64url(b"x" * (release_limits.RELEASE_POLICY_BYTES + 1))},
            {"contentType": "text/plain"},
        ],
        ids=["none", "not base64url", "no policy", "too large", "another type"],
    )
    def test_policies_that_are_none(
        self, vault: Client, authority: Authority, name: str, policy: dict[str, Any]
    ) -> None:
        """They are refused when they are set."""
        answer = create(vault, name, authority, release_policy=authority.policy() | policy)
        check(answer, 400, "policy")

    def test_a_new_version_keeps_what_the_key_has(self, vault: Client, authority: Authority, name: str) -> None:
        """1003: `exportable` is the key's for ever; what a new version does not say it has from the one before."""
        first = create(vault, name, authority).json
        again = create(vault, name, authority, attributes={}, release_policy=None).json
        assert again["attributes"]["exportable"] is True
        assert again["release_policy"] == first["release_policy"]
        check(create(vault, name, authority, attributes={"exportable": False}, release_policy=None), 400, "1003")

    def test_an_immutable_policy(self, vault: Client, authority: Authority, name: str) -> None:
        """1020: no new version changes it, or takes back that it is immutable; to say the same again is no change."""
        policy = authority.policy(immutable=True)
        assert create(vault, name, authority, release_policy=policy).status == 200
        assert create(vault, name, authority, release_policy=policy).status == 200
        for other in (authority.policy(), authority.policy({"claim": "a", "equals": 1}, immutable=True)):
            check(create(vault, name, authority, release_policy=other), 400, "AKV.SKR.1020: Immutable Key Release")

    def test_an_update(self, vault: Client, authority: Authority, name: str) -> None:
        """A policy is changed at the key, not at a version (1016); `exportable` is never changed (1003)."""
        first = create(vault, name, authority).json
        version = first["key"]["kid"].rpartition("/")[2]
        other = authority.policy({"claim": "other", "equals": 1})
        check(self.change(vault, name, version, {"release_policy": other}), 400, "AKV.SKR.1016: Key Release Policy")
        check(self.change(vault, name, "", {"attributes": {"exportable": False}}), 400, "AKV.SKR.1003: ")
        check(self.change(vault, name, "", {"release_policy": authority.policy(contentType="a/b")}), 400, "content")
        same = self.change(vault, name, version, {"attributes": {"exportable": True}, "tags": {"a": "b"}}).json
        assert same["release_policy"] == first["release_policy"]
        changed = self.change(vault, name, "", {"release_policy": other}).json["release_policy"]
        assert changed != first["release_policy"]
        assert vault.done("GET", f"/keys/{name}")["release_policy"] == changed

    def test_an_update_of_an_immutable_policy(self, vault: Client, authority: Authority, name: str) -> None:
        """1020: once it is immutable nothing changes it; until then it can become so."""
        create(vault, name, authority)
        immutable = authority.policy(immutable=True)
        assert self.change(vault, name, "", {"release_policy": immutable}).json["release_policy"]["immutable"] is True
        assert self.change(vault, name, "", {"release_policy": immutable}).status == 200
        for other in (
            authority.policy(),
            authority.policy({"claim": "a", "equals": 1}, immutable=True),
            {"data": "e30"},
        ):
            check(self.change(vault, name, "", {"release_policy": other}), 400, "AKV.SKR.1020: ")

    def test_an_update_of_another_key(self, vault: Client, authority: Authority, name: str) -> None:
        """1003 and 1005: a key that was not exportable never becomes so, and has no policy."""
        vault.done("POST", f"/keys/{name}/create", body={"kty": "EC-HSM"})
        check(self.change(vault, name, "", {"release_policy": authority.policy()}), 400, "AKV.SKR.1005: ")
        check(self.change(vault, name, "", {"attributes": {"exportable": True}}), 400, "AKV.SKR.1003: ")

    def test_who_may_only_make_versions(
        self, world: Simulation, vault: Client, authority: Authority, name: str
    ) -> None:
        """SEC-TENANT-16: another policy lets go of older versions, too, so it takes the right to update the key."""
        old = create(vault, name, authority).json["key"]["kid"].rpartition("/")[2]
        maker, other = (
            world.principal(),
            {"release_policy": authority.policy({"claim": "iss", "equals": authority.url})},
        )
        theirs, before = Client(world, maker), world.vault
        key = {"key": {"kty": "EC-HSM", "crv": "P-256", **private_jwk(ec_key())}}
        for words in ({"create", "import", "release"}, {"create", "import", "release", "update"}):
            policy = AccessPolicy(world.first.tenant_id, maker.oid, keys=tuple(words))
            world.set_vault(rbac=False, access_policies=(policy,))
            made, brought = (
                create(theirs, name, authority, **other),
                theirs.ask("PUT", f"/keys/{name}", body=key | other),
            )
            released = release(theirs, name, authority.token(tee={"type": "another"}), path=f"/{old}")
            unchanged = create(theirs, name, authority, release_policy=None), create(theirs, f"{name}-a", authority)
            world.commit(lambda tx: tx.put(before))
            assert [one.status for one in unchanged] == [200, 200]
            if "update" in words:
                assert (made.status, brought.status, released.status) == (200, 200, 200)
                continue
            check(released, 403, "does not satisfy")
            for refused in (made, brought):
                assert (refused.status, refused.error["innererror"]) == (403, {"code": "ForbiddenByPolicy"})

    def test_an_import(self, world: Simulation, vault: Client, authority: Authority, name: str) -> None:
        """The same rules hold for a key that is brought in."""
        key = {"kty": "EC-HSM", "crv": "P-256", **private_jwk(ec_key())}
        exportable = {"attributes": {"exportable": True}}
        check(vault.ask("PUT", f"/keys/{name}", body={"key": key, **exportable}), 400, "AKV.SKR.1004: ")
        body = {"key": key, **exportable, "release_policy": authority.policy(immutable=True)}
        check(vault.ask("PUT", f"/keys/{name}", body=body | {"key": key | {"kty": "EC"}}), 400, "AKV.SKR.1006: ")
        assert vault.ask("PUT", f"/keys/{name}", body=body).status == 200
        check(vault.ask("PUT", f"/keys/{name}", body=body | {"release_policy": authority.policy()}), 400, "1020")
        value = release(vault, name, authority.token()).json["value"]
        assert opened(value).private_numbers() == ec_key().private_numbers()

    @staticmethod
    def change(vault: Client, name: str, version: str, body: dict[str, Any]) -> Any:
        """Update a key."""
        return vault.ask("PATCH", f"/keys/{name}/{version}", body=body)
