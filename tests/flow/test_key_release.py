"""Secure key release: which keys can be released at all, and to whom (reference azure-key-vault.md section 5.2)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from strongroom.core import limits, release_limits
from strongroom.core.vaults import AccessPolicy
from strongroom.crypto.keys.protocol import KeyProtections
from strongroom.egress import Documents
from tests.assertions import b64url, ec_key, key_set, make_signer, rsa_key
from tests.flow.attesting import HASHES, Authority, StandIn, create, opened, part, public_jwk
from tests.flow.client import Client
from tests.flow.keys import ec_jwk
from tests.flow.test_federation import control
from tests.flow.test_federation_fetched import Network
from tests.world import Simulation

UNVERIFIED = "could not be verified"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world whose first vault is premium, with something in the place of a token."""
    simulation = Simulation(tmp_path_factory.mktemp("world"))
    places = simulation.world.protections
    simulation.world.protections = KeyProtections(places.software, StandIn(threads=1))
    simulation.set_vault(sku="premium")
    yield simulation
    simulation.close()


@pytest.fixture(scope="module")
def authority(world: Simulation) -> Authority:
    """Make an authority that is configured with its keys."""
    made = Authority(world, "https://attest.example")
    made.configure()
    return made


@pytest.fixture(scope="module")
def key(vault: Client, authority: Authority) -> str:
    """Make a key that may be released."""
    assert create(vault, "released", authority).status == 200
    return "released"


def private_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """Write the members of a P-256 key."""
    private = key.private_numbers()
    numbers = {"x": private.public_numbers.x, "y": private.public_numbers.y, "d": private.private_value}
    return {name: b64url(number.to_bytes(32, "big")) for name, number in numbers.items()}


def release(vault: Client, name: str, target: str | None, *, path: str = "", **members: Any) -> Any:
    """Ask for the release of a key."""
    return vault.ask("POST", f"/keys/{name}{path}/release", body={"target": target, **members})


def check(answer: Any, status: int, words: str) -> None:
    """Check a refusal, and that nothing of a key is in it."""
    assert answer.status == status, answer.body
    assert answer.error["code"] == ("BadParameter" if status == 400 else "Forbidden")
    assert words in answer.error["message"]
    assert b"attest.example" not in answer.body
    assert b"value" not in answer.json


# ---- which keys -----------------------------------------------------------------------------------------------------


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


class TestAttestationsThatProveNothing:
    """Each is refused, whatever the key."""

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            (None, "target"),
            ("", "target"),
            ("a.b", "JSON Web Token"),
            ("a" * release_limits.ATTESTATION_CHARS, "JSON Web Token"),
        ],
        ids=["none", "empty", "no token", "long"],
    )
    def test_what_is_no_token(self, vault: Client, key: str, target: str | None, words: str) -> None:
        """It is a bad parameter."""
        check(release(vault, key, target), 400, words)

    def test_who_signed_it(self, vault: Client, authority: Authority, key: str) -> None:
        """SEC-TENANT-15: another key, an unknown or no kid, no or a keyed signature: none is the authority's word."""
        check(release(vault, key, authority.token(key=rsa_key(1))), 403, UNVERIFIED)
        check(release(vault, key, authority.token(header={"kid": "k2"})), 403, UNVERIFIED)
        check(release(vault, key, authority.token(header={"kid": None})), 400, "names its key")
        for algorithm in ("none", "HS256", "RS512", "ES256"):
            header = {"alg": algorithm}
            text = authority.token().split(".")
            forged = ".".join([b64url(json.dumps({"kid": "k1", **header}).encode()), *text[1:]])
            check(release(vault, key, forged), 403, UNVERIFIED)
        head, payload, signature = authority.token().split(".")
        changed = b64url(json.dumps(authority.payload(debuggable=True)).encode())
        assert changed != payload
        check(release(vault, key, f"{head}.{changed}.{signature}"), 403, UNVERIFIED)

    def test_a_key_that_it_brings_along(self, vault: Client, authority: Authority, key: str) -> None:
        """`jwk`, `x5c` and `jku` of a token are nobody's word."""
        mine = rsa_key(1)
        header = {"jwk": public_jwk(mine), "x5c": [make_signer(mine, now=0).base64], "jku": "https://evil.example"}
        check(release(vault, key, authority.token(key=mine, header=header)), 403, UNVERIFIED)

    def test_its_times(self, world: Simulation, vault: Client, authority: Authority, key: str) -> None:
        """It counts from nbf to exp with a minute's leeway, and has to end."""
        now, leeway = int(world.clock()), limits.ATTESTATION_LEEWAY_S
        assert release(vault, key, authority.token(exp=now - leeway + 1)).status == 200
        assert release(vault, key, authority.token(nbf=now + leeway)).status == 200
        for changes in (
            {"exp": now - leeway}, {"nbf": now + leeway + 1}, {"iat": now + leeway + 1}, {"exp": None}, {"exp": "9"},
        ):  # fmt: skip
            check(release(vault, key, authority.token(**changes)), 403, UNVERIFIED)

    def test_another_authority(self, world: Simulation, vault: Client, authority: Authority, key: str) -> None:
        """One that the policy does not name does not count, nor one that it names and nobody configured."""
        other = Authority(world, "https://other.example")
        check(release(vault, key, other.token()), 403, "operator of this service has configured")
        assert create(vault, "unconfigured", other).status == 200
        check(release(vault, "unconfigured", other.token()), 403, "operator of this service has configured")
        other.configure()
        check(release(vault, key, other.token()), 403, UNVERIFIED)
        assert release(vault, "unconfigured", other.token()).status == 200
        check(release(vault, key, other.token(iss=authority.url, header={"kid": "k9"})), 403, UNVERIFIED)
        assert control(world, "POST", "/release-authorities/remove", other.name()).status == 204
        check(release(vault, "unconfigured", other.token()), 403, "operator of this service has configured")

    def test_an_authority_of_another_tenant(self, world: Simulation, vault: Client, name: str) -> None:
        """SEC-TENANT-15: an authority that another tenant has does not count in this one."""
        other = Authority(world, "https://theirs.example")
        assert other.configure(tenant=world.tenant())["tenantId"] != world.first.tenant_id
        create(vault, name, other)
        check(release(vault, name, other.token()), 403, "operator of this service has configured")

    @pytest.mark.parametrize(
        "changes", [{"tee": {"type": "SEVSNPVM"}}, {"tee": {}}, {"tee": None}, {"tee": "sevsnpvm"}, {"tee.type": "x"}]
    )
    def test_a_policy_that_is_not_satisfied(
        self, vault: Client, authority: Authority, key: str, changes: dict[str, Any]
    ) -> None:
        """A genuine attestation of something else."""
        changes = {"tee": None, **changes}
        check(release(vault, key, authority.token(**changes)), 403, "does not satisfy")

    @pytest.mark.parametrize(
        "keys",
        [
            None,
            [],
            "keys",
            [public_jwk(rsa_key(7), key_use="enc")],
            [public_jwk(rsa_key(7), kid="a")],
            [public_jwk(rsa_key(7), kid="a", key_use="sig")],
            [public_jwk(rsa_key(7), kid="a", key_use="enc") | {"e": "AQ"}],
            [public_jwk(rsa_key(7), kid="a", key_use="enc") | {"n": b64url(b"\xff" * 128)}],
            [{"kty": "EC", "kid": "a", "key_use": "enc"}],
        ],
        ids=["none", "no keys", "no list", "no kid", "no use", "for signatures", "exponent 1", "1024 bits", "no RSA"],
    )
    def test_no_key_to_release_to(self, vault: Client, authority: Authority, key: str, keys: Any) -> None:
        """Without an RSA key for encryption, of a sound size and with a kid, there is nobody to release to."""
        check(release(vault, key, authority.token(**{"x-ms-runtime": {"keys": keys}})), 403, "x-ms-runtime")

    def test_the_first_suitable_key(self, vault: Client, authority: Authority, key: str) -> None:
        """Others before it are passed over; `key_ops` with encrypt is as good as `key_use`."""
        keys = [
            public_jwk(rsa_key(1), kid="sign", key_use="sig"),
            public_jwk(rsa_key(7), kid="TpmEphemeralEncryptionKey", key_ops=["encrypt"]),
            public_jwk(rsa_key(2), kid="later", key_use="enc"),
        ]
        opened(release(vault, key, authority.token(**{"x-ms-runtime": {"keys": keys}})).json["value"])


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


class TestAuthorities:
    """What the operator configures, and keys that are fetched."""

    @pytest.fixture
    def network(self, world: Simulation) -> Iterator[Network]:
        """Put a network of the test's own in the place of the world's."""
        before, network = world.world.documents, Network()
        world.world.documents = Documents(network, world.clock)  # type: ignore[arg-type]  # what it needs of it
        yield network
        world.world.documents = before

    @pytest.fixture
    def remote(self, world: Simulation, vault: Client, network: Network) -> Authority:
        """Make an authority whose keys are fetched, with a key `remote` for it."""
        made = Authority(world, "https://remote.example/")
        assert made.configure(keys=None)["fetched"] is True
        create(vault, "remote", made)
        self.publish(network, [{"kid": "k1", "kty": "RSA", "x5c": [make_signer(rsa_key(), now=0).base64]}])
        return made

    @staticmethod
    def publish(network: Network, keys: list[Any], **metadata: Any) -> None:
        """Publish as Azure's authorities do: no issuer in the metadata, keys as certificates."""
        said = {"jwks_uri": "https://remote.example/certs", **metadata}
        network.documents["https://remote.example/.well-known/openid-configuration"] = json.dumps(said).encode()
        network.documents["https://remote.example/certs"] = json.dumps({"keys": keys}).encode()

    def test_keys_are_fetched(self, vault: Client, network: Network, remote: Authority) -> None:
        """By metadata, from the authority's host, once; a slash at the end of an issuer is no other authority."""
        for issuer in ("https://remote.example/", "https://remote.example"):
            assert release(vault, "remote", remote.token(iss=issuer)).status == 200
        assert network.asked == [
            "https://remote.example/.well-known/openid-configuration", "https://remote.example/certs",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "metadata",
        [
            {"jwks_uri": "https://other.example/certs"},
            {"jwks_uri": "https://remote.example:444/certs"},
            {"jwks_uri": "http://remote.example/certs"},
            {"jwks_uri": None},
            {"issuer": "https://other.example"},
            {"issuer": 1},
        ],
        ids=repr,
    )
    def test_metadata_that_is_wrong(
        self, vault: Client, network: Network, remote: Authority, metadata: dict[str, Any]
    ) -> None:
        """SEC-EGRESS-6: an authority's keys come from its own host alone; else it counts as not reached (1012)."""
        self.publish(network, [public_jwk(rsa_key(), kid="k1")], **metadata)
        answer = release(vault, "remote", remote.token())
        assert answer.status == 400
        assert answer.error["message"] == (
            "AKV.SKR.1012: The specified attestation service https://remote.example cannot be reached."
        )
        assert not any("other" in url or "444" in url or "http:" in url for url in network.asked)

    def test_what_is_mended(self, world: Simulation, vault: Client, network: Network, remote: Authority) -> None:
        """Rubbish in the place of metadata or of a key set is not kept: a minute after it is mended, it counts."""
        good = dict(network.documents)
        for url in good:
            network.documents[url] = b"<html>"
            world.advance(limits.DOCUMENT_FRESH_S)
            assert "AKV.SKR.1012" in release(vault, "remote", remote.token()).error["message"]
            network.documents.update(good)
            world.advance(limits.FETCH_PAUSE_S)
            assert release(vault, "remote", remote.token()).status == 200

    def test_an_unknown_kid_is_asked_for_again(
        self, world: Simulation, vault: Client, network: Network, remote: Authority
    ) -> None:
        """After a minute, and no sooner: strangers' tokens do not make this service ask."""
        remote.kid = "k2"
        for _ in range(3):
            check(release(vault, "remote", remote.token()), 403, UNVERIFIED)
        assert len(network.asked) == 2
        self.publish(network, [public_jwk(rsa_key(), kid="k2")])
        world.advance(limits.FETCH_PAUSE_S)
        assert release(vault, "remote", remote.token()).status == 200

    def test_nobody_is_asked_for_nothing(
        self, world: Simulation, vault: Client, network: Network, remote: Authority, key: str
    ) -> None:
        """SEC-EGRESS-6: a token of an authority that the policy does not name, or none configured, asks nobody."""
        release(vault, key, remote.token())
        release(vault, "remote", Authority(world, "https://stranger.example").token())
        assert network.asked == []

    def test_a_key_set_in_the_place_of_another(self, vault: Client, network: Network, remote: Authority) -> None:
        """Keys that the operator gives take the place of those that are fetched."""
        remote.configure(keys=key_set(rsa_key(1), "k1"))
        check(release(vault, "remote", remote.token()), 403, UNVERIFIED)
        assert release(vault, "remote", remote.token(key=rsa_key(1))).status == 200
        assert network.asked == []

    def test_what_is_no_authority(self, world: Simulation) -> None:
        """An authority is an https URL, and a key set has public keys alone."""
        secret, tenant = public_jwk(rsa_key(), kid="k1", d="AQ"), {"tenant": world.first.tenant_id}
        for body in (
            {"authority": "http://attest.example"},
            {"authority": "https://attest.example/?a"},
            {"authority": "https://attest.example", "keys": {"keys": [secret]}},
            {"authority": "https://attest.example", "keys": {"keys": []}},
        ):
            assert control(world, "POST", "/release-authorities", body | tenant).status == 400
        gone = {"authority": "https://a.b"} | tenant
        assert control(world, "POST", "/release-authorities/remove", gone).status == 404

    def test_how_many_there_may_be(self, world: Simulation) -> None:
        """A tenant has so many and no more; to say one again is not one more."""
        tenant = world.tenant()
        last = ""
        for number in range(release_limits.RELEASE_AUTHORITIES):
            last = f"https://a{number}.example"
            Authority(world, last).configure(tenant=tenant, keys=None)
        Authority(world, f"{last}/").configure(tenant=tenant, keys=None)
        answer = control(world, "POST", "/release-authorities", {"authority": "https://more.example", "tenant": tenant})
        assert answer.status == 400

    def test_the_list(self, world: Simulation, authority: Authority) -> None:
        """It shows every authority of every tenant, with its keys' ids and the certificate that signs releases."""
        listed = control(world, "GET", "/release-authorities").json["value"]
        (entry,) = (one for one in listed if one["authority"] == authority.url)
        assert (entry["keyIds"], entry["fetched"], entry["tenantId"]) == (["k1"], False, world.first.tenant_id)

    def test_a_key_that_is_not_only_ours_signs_nothing_more(
        self, world: Simulation, vault: Client, authority: Authority, key: str
    ) -> None:
        """Another signs from then on and is the only one shown; who has none to sign with is told so."""
        before = authority.configure()["signingCertificates"]
        tenant = {"tenant": world.first.tenant_id}
        assert control(world, "POST", "/release-authorities/revoke-key", tenant).status == 204
        entry = world.entries()[-1]
        assert (entry["operationName"], entry["properties"]["tenantId"]) == (
            "ReleaseSigningKeyRevoke",
            tenant["tenant"],
        )
        after = authority.configure()["signingCertificates"]
        assert len(after) == 1
        assert after != before
        assert part(release(vault, key, authority.token()).json["value"], 0)["x5c"] == after
        nobody = {"tenant": world.tenant()}
        assert control(world, "POST", "/release-authorities/revoke-key", nobody).status == 404


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
