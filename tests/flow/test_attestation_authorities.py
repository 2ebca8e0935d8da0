"""Secure key release: authorities that attest, and attestations that prove nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.core import limits, release_limits
from strongroom.egress import Documents
from tests.assertions import b64url, key_set, make_signer, rsa_key
from tests.flow.attesting import Authority, create, opened, part, public_jwk
from tests.flow.client import Client
from tests.flow.releasing import authority, check, key, release, world
from tests.flow.test_federation import control
from tests.flow.test_federation_fetched import Network
from tests.world import Simulation

__all__ = ["authority", "key", "world"]
UNVERIFIED = "could not be verified"


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
