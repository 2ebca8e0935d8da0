"""A vault's keys as resources: made once and described on the management plane, used in the vault alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.mgmt.keyvault.models import Key

from strongroom.arm import vault_keys
from strongroom.core import limits
from strongroom.core.builtin_roles import CONTRIBUTOR, KEY_VAULT_ADMINISTRATOR, KEY_VAULT_CONTRIBUTOR, READER
from strongroom.core.network import Link
from strongroom.crypto.keys.protocol import KeyProtections
from tests.flow.arm import Arm
from tests.flow.arm_bodies import key_body
from tests.flow.attesting import Authority, StandIn
from tests.flow.client import Client
from tests.flow.deploying import deploy, deployment, template, vault
from tests.world import Simulation

DAY = 86_400


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with a vault of its own."""
    arm = Arm(world, world.administrator)
    arm.make_vault(enableRbacAuthorization=True)
    return arm


@pytest.fixture
def inside(arm: Arm) -> Client:
    """Ask that vault itself, as one who may do everything in it."""
    who = arm.world.principal("inside")
    arm.world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, arm.vault)
    return Client(arm.world, who, origin=origin(arm))


def origin(arm: Arm) -> str:
    """Give the origin of the vault."""
    return f"https://{arm.vault_name}.vault.localhost:8443"


def name_of(arm: Arm) -> str:
    """Give the key's name."""
    return arm.key.rpartition("/")[2]


def version_of(made: Any) -> str:
    """Give the version that an answer is about."""
    uri: str = made["properties"]["keyUriWithVersion"]
    return uri.rpartition("/")[2]


class TestLife:
    """Made, described, listed."""

    def test_put(self, arm: Arm, inside: Client) -> None:
        """What is made here is a key like any other, and the answer says all that may be said of it."""
        now, name = int(arm.world.clock()), name_of(arm)
        given = {"enabled": True, "nbf": now - DAY, "exp": now + DAY}
        body = {**key_body(keyOps=["verify", "sign"], attributes=given), "tags": {"a": "b"}}
        answer = arm.ask("PUT", arm.key, body)
        assert answer.status == 200
        bundle = inside.done("GET", f"/keys/{name}")
        assert answer.json == {
            "id": arm.key,
            "name": name,
            "type": "Microsoft.KeyVault/vaults/keys",
            "location": "local",
            "tags": {"a": "b"},
            "properties": {
                "attributes": {
                    **given,
                    "created": now,
                    "updated": now,
                    "recoveryLevel": "Recoverable+Purgeable",
                },
                "kty": "EC",
                "keyOps": ["verify", "sign"],
                "curveName": "P-256",
                "keyUri": f"{origin(arm)}/keys/{name}",
                "keyUriWithVersion": bundle["key"]["kid"],
            },
        }
        assert (bundle["key"]["key_ops"], bundle["tags"]) == (["verify", "sign"], {"a": "b"})
        assert arm.do("GET", arm.key) == answer.json
        assert Key._deserialize(answer.json, []).properties.attributes.expires is not None

    def test_put_again(self, arm: Arm, inside: Client) -> None:
        """A key that is there stays as it is, whatever the body asks for, and is the answer."""
        made = arm.do("PUT", arm.key, key_body())
        again = arm.ask("PUT", arm.key, {"properties": {"kty": "oct", "keySize": 128}, "tags": {"a": "b"}})
        assert (again.status, again.json) == (200, made)
        assert len(inside.walk(f"/keys/{name_of(arm)}/versions")) == 1

    def test_two_at_once(self, arm: Arm, inside: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of two that find no key, one makes it, and the other gets that one."""
        made, looked, real = [], [], vault_keys._there

        async def late(*given: Any) -> Any:
            looked.append(given)
            return None if len(looked) == 1 else await real(*given)

        made.append(arm.do("PUT", arm.key, key_body()))
        monkeypatch.setattr(vault_keys, "_there", late)
        assert arm.do("PUT", arm.key, key_body()) == made[0]
        assert len(looked) == 2
        assert len(inside.walk(f"/keys/{name_of(arm)}/versions")) == 1

    def test_kinds(self, arm: Arm) -> None:
        """Sizes and curves are shown by the member of their kind, with the defaults of the data plane."""
        oct_key = arm.do("PUT", f"{arm.vault}/keys/oct", {"properties": {"kty": "oct"}})["properties"]
        assert (oct_key["keySize"], "curveName" in oct_key) == (256, False)
        curve = arm.do("PUT", f"{arm.vault}/keys/curve", {"properties": {"kty": "EC"}})["properties"]
        assert (curve["curveName"], "keySize" in curve) == ("P-256", False)

    def test_versions(self, arm: Arm, inside: Client) -> None:
        """Versions come from the vault; here they are listed page by page, and each is described."""
        arm.do("PUT", arm.key, key_body())
        for _ in range(3):
            inside.done("POST", f"/keys/{name_of(arm)}/create", body={"kty": "EC"})
        first = arm.do("GET", f"{arm.key}/versions?$top=3")
        rest = arm.do("GET", first["nextLink"].removeprefix(arm.world.arm_url), version="")
        listed = first["value"] + rest["value"]
        assert (len(first["value"]), len(listed), "nextLink" in rest) == (3, 4, False)
        kids = {one["kid"] for one in inside.walk(f"/keys/{name_of(arm)}/versions")}
        assert {one["properties"]["keyUriWithVersion"] for one in listed} == kids
        for one in listed:
            assert (one["id"], one["type"]) == (
                f"{arm.key}/versions/{one['name']}",
                "Microsoft.KeyVault/vaults/keys/versions",
            )
            assert arm.do("GET", one["id"]) == one
        assert version_of(arm.do("GET", arm.key)) == listed[-1]["name"]

    def test_list(self, arm: Arm, inside: Client) -> None:
        """A list has the newest versions of what is active, page by page."""
        names = sorted(f"k-{number}" for number in range(5))
        for name in names:
            arm.do("PUT", f"{arm.vault}/keys/{name}", key_body())
        inside.done("DELETE", f"/keys/{names[0]}")
        first = arm.do("GET", f"{arm.vault}/keys?$top=3")
        rest = arm.do("GET", first["nextLink"].removeprefix(arm.world.arm_url), version="")
        assert [one["name"] for one in first["value"]] == names[1:4]
        assert ([one["name"] for one in rest["value"]], "nextLink" in rest) == (names[4:], False)
        assert arm.do("GET", f"{arm.vault}/keys/{names[1]}") == first["value"][0]

    def test_rotation_policy(self, arm: Arm, inside: Client) -> None:
        """A key is made with its rotation policy, which the vault then follows."""
        policy = {
            "attributes": {"expiryTime": "P1Y"},
            "lifetimeActions": [
                # As templates write it that come from the portal.
                {"trigger": {"timeAfterCreate": "", "timeBeforeExpiry": "P60D"}, "action": {"type": "rotate"}},
            ],
        }
        now = int(arm.world.clock())
        made = arm.do("PUT", arm.key, key_body(rotationPolicy=policy))["properties"]["rotationPolicy"]
        assert made == {
            "attributes": {"expiryTime": "P1Y", "created": now, "updated": now},
            "lifetimeActions": [
                {"trigger": {"timeBeforeExpiry": "P60D"}, "action": {"type": "rotate"}},
                {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "notify"}},
            ],
        }
        kept = inside.done("GET", f"/keys/{name_of(arm)}/rotationpolicy")
        assert kept["attributes"]["expiryTime"] == "P1Y"
        assert arm.do("GET", arm.key)["properties"]["rotationPolicy"] == made

    def test_release_policy(self, arm: Arm, inside: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """An exportable key lives in a token and is made with its release policy, in the form the vault keeps it in."""
        places = arm.world.world.protections
        monkeypatch.setattr(arm.world.world, "protections", KeyProtections(places.software, StandIn(threads=1)))
        arm.do("PATCH", arm.vault, {"properties": {"sku": {"family": "A", "name": "premium"}}})
        policy = Authority(arm.world, "https://attest.example").policy()
        properties = {"kty": "EC-HSM", "attributes": {"exportable": True}}
        assert "AKV.SKR.1004" in arm.refused("PUT", arm.key, {"properties": properties})[2]
        made = arm.do("PUT", arm.key, {"properties": {**properties, "release_policy": policy}})["properties"]
        assert made["attributes"]["exportable"] is True
        assert made["release_policy"]["data"] == inside.done("GET", f"/keys/{name_of(arm)}")["release_policy"]["data"]

    def test_deployment(self, arm: Arm) -> None:
        """A template makes a key in a vault that it makes, and deployed again changes nothing."""
        name = f"{arm.vault_name}/{name_of(arm)}"
        key = {
            "type": "Microsoft.KeyVault/vaults/keys",
            "apiVersion": "2023-07-01",
            "name": name,
            "dependsOn": [arm.vault_name],
            "properties": {"kty": "EC", "curveName": "P-521"},
        }
        outputs = {"uri": {"type": "string", "value": f"[reference('{arm.key}').keyUriWithVersion]"}}
        content = deployment(template(vault(arm), key, outputs=outputs))
        first, second = deploy(arm, content), deploy(arm, content)
        assert first["provisioningState"] == second["provisioningState"] == "Succeeded", (first, second)
        uri = arm.do("GET", arm.key)["properties"]["keyUriWithVersion"]
        assert first["outputs"] == second["outputs"] == {"uri": {"type": "String", "value": uri}}

    def test_not_among_resources(self, arm: Arm) -> None:
        """As with secrets, a list of resources does not have what is in a vault."""
        arm.do("PUT", arm.key, key_body())
        listed = [one["id"] for one in arm.do("GET", f"{arm.group}/resources")["value"]]
        assert arm.vault in listed
        assert arm.key not in listed


class TestRefused:
    """Bad input, names in use, and guardrails, in this plane's words."""

    def test_absent(self, arm: Arm) -> None:
        """A key, or a version of one, that is not there is a resource that is not there."""
        for path in (arm.key, f"{arm.key}/versions", arm.key_version):
            status, code, message = arm.refused("GET", path)
            assert (status, code) == (404, "ResourceNotFound")
            assert f"vaults/{arm.vault_name}/keys/{name_of(arm)}" in message
        arm.do("PUT", arm.key, key_body())
        assert arm.refused("GET", f"{arm.key}/versions/{'0' * 32}")[:2] == (404, "ResourceNotFound")

    def test_no_vault(self, arm: Arm) -> None:
        """So is one of a vault that is not there."""
        path = arm.key.replace(arm.vault_name, "v-none")
        for method, body in (("GET", None), ("PUT", key_body())):
            assert arm.refused(method, path, body)[:2] == (404, "ResourceNotFound")

    def test_deleted(self, arm: Arm, inside: Client) -> None:
        """The name of a deleted key is in use until it is purged, and nothing shows it."""
        arm.do("PUT", arm.key, key_body())
        inside.done("DELETE", f"/keys/{name_of(arm)}")
        status, code, message = arm.refused("PUT", arm.key, key_body())
        assert (status, code) == (409, "Conflict")
        assert name_of(arm) in message
        assert arm.refused("GET", arm.key)[0] == 404

    @pytest.mark.parametrize(
        "properties",
        [
            {},
            {"kty": None},
            {"kty": "ec"},
            {"kty": "EC", "curveName": "P-192"},
            {"kty": "EC", "keySize": 384},
            {"kty": "RSA", "keySize": 1024},
            {"kty": "RSA", "curveName": "P-256"},
            {"kty": "EC-HSM"},
            {"kty": "EC", "keyOps": ["encrypt"]},
            {"kty": "EC", "keyOps": ["sign", "sign"]},
            {"kty": "EC", "attributes": {"exp": -1}},
            {"kty": "EC", "attributes": {"nbf": 10, "exp": 9}},
            {"kty": "EC", "rotationPolicy": {"attributes": {"expiryTime": "P1D"}}},
            {"kty": "EC", "rotationPolicy": {"lifetimeActions": [{"action": {"type": "rotate"}}]}},
            {"kty": "EC", "release_policy": {"data": "*"}},
            {"kty": "EC", "release_policy": {"data": "e30"}},
            {"kty": "EC", "attributes": {"exportable": True}, "release_policy": {"data": "e30"}},
        ],
    )
    def test_properties(self, arm: Arm, properties: dict[str, Any]) -> None:
        """What the data plane refuses is refused here, and makes nothing."""
        assert arm.refused("PUT", arm.key, {"properties": properties})[0] == 400
        assert arm.refused("GET", arm.key)[0] == 404

    def test_tags(self, arm: Arm) -> None:
        """The limit of tags is the data plane's, at it and one past it."""
        tags = {str(number): "" for number in range(limits.TAGS)}
        arm.do("PUT", arm.key, {**key_body(), "tags": tags})
        other = f"{arm.vault}/keys/other"
        assert arm.refused("PUT", other, {**key_body(), "tags": {**tags, "more": ""}})[0] == 400

    def test_form(self, arm: Arm) -> None:
        """A name has its form, a body has properties, and there is no other method."""
        assert arm.refused("PUT", f"{arm.vault}/keys/a.b", key_body())[0] == 400
        assert arm.refused("PUT", arm.key, {})[0] == 400
        for method in ("PATCH", "DELETE"):
            assert arm.refused(method, arm.key, {})[0] == 405

    @pytest.fixture
    def guardrail(self, world: Simulation) -> Iterator[None]:
        """Let keys be RSA keys or of P-384, and expire within thirty days."""
        text = (
            '[[guardrail]]\nname = "expire"\nrule = "key-expiry"\neffect = "deny"\nmax_days = 30\n'
            '[[guardrail]]\nname = "curves"\nrule = "key-types"\neffect = "audit"\ncurves = ["P-384"]\n'
        )
        how: dict[str, Any] = {"link": Link.CONTROL, "host": "control"}
        world.ask("POST", "http://control/policy", body={"text": text}, **how)
        yield
        world.ask("DELETE", "http://control/policy", **how)

    @pytest.mark.usefixtures("guardrail")
    def test_guardrail(self, arm: Arm) -> None:
        """Guardrails hold whoever makes a key, wherever; and say beforehand, and afterwards, what goes against them."""
        now = int(arm.world.clock())
        status, code, message = arm.refused("PUT", arm.key, key_body())
        assert (status, code) == (403, "RequestDisallowedByPolicy")
        assert "'expire: the key must have an expiry date'" in message
        arm.do("PUT", arm.key, key_body(attributes={"exp": now + DAY}))
        assert arm.world.entries()[-1]["properties"]["policyAudits"] == ["curves: the key's curve must be one of P-384"]
        insights = f"{arm.group}/providers/Microsoft.PolicyInsights"
        content = {"type": vault_keys.KEY_TYPE, "name": f"{arm.vault_name}/x", **key_body()}
        asked = {"resourceDetails": {"resourceContent": content}, "includeAuditEffect": True}
        found = arm.do("POST", f"{insights}/checkPolicyRestrictions", asked, version="2024-10-01")
        told = [
            one["policyInfo"]["policyAssignmentId"].rpartition("/")[2]
            for one in found["contentEvaluationResult"]["policyEvaluations"]
        ]
        assert told == ["expire", "curves"]
        states = arm.do("POST", f"{insights}/policyStates/latest/queryResults", version="2024-10-01")["value"]
        assert {
            (one["policyAssignmentName"], one["isCompliant"]) for one in states if one["resourceId"] == arm.key
        } == {
            ("expire", True),
            ("curves", False),
        }


class TestRights:
    """Who makes, who reads, and what neither does."""

    @pytest.mark.parametrize("role", [CONTRIBUTOR, KEY_VAULT_CONTRIBUTOR])
    def test_contributors_make_and_do_not_use(self, arm: Arm, role: str) -> None:
        """SEC-TENANT-14: an administrator of resources makes keys and uses none, here or in the vault."""
        who = arm.world.principal()
        arm.world.grant(who.oid, role, arm.group)
        other = arm.as_(who)
        other.do("PUT", arm.key, key_body())
        for path in (arm.key, f"{arm.vault}/keys", arm.key_version, f"{arm.key}/versions"):
            other.do("GET", path)
        client = Client(arm.world, who, origin=origin(arm))
        body = {"alg": "ES256", "value": "A" * 43}
        assert client.ask("GET", f"/keys/{name_of(arm)}").status == 403
        assert client.ask("POST", f"/keys/{name_of(arm)}//sign", body=body).status == 403

    def test_readers_do_not_make(self, arm: Arm) -> None:
        """A reader of resources sees what there is and makes nothing, not even what is there."""
        arm.do("PUT", arm.key, key_body())
        reader = arm.as_(arm.world.principal())
        arm.world.grant(reader.who.oid, READER, arm.vault)
        assert reader.do("GET", arm.key)["name"] == name_of(arm)
        assert reader.refused("PUT", arm.key, key_body())[:2] == (403, "AuthorizationFailed")

    def test_data_plane_rights_are_of_no_use(self, arm: Arm) -> None:
        """Whoever administers the keys in the vault has nothing of it here."""
        keeper = arm.as_(arm.world.principal())
        arm.world.grant(keeper.who.oid, KEY_VAULT_ADMINISTRATOR, arm.key)
        assert keeper.refused("PUT", arm.key, key_body())[:2] == (403, "AuthorizationFailed")

    def test_denied_key(self, arm: Arm) -> None:
        """A denial at one key takes it out of the list, and closes it and its versions here."""
        arm.do("PUT", arm.key, key_body())
        arm.do("PUT", f"{arm.vault}/keys/open", key_body())
        reader = arm.as_(arm.world.principal())
        arm.world.grant(reader.who.oid, CONTRIBUTOR, arm.vault)
        path = f"{arm.key}/providers/Microsoft.Authorization/denyAssignments/de000000-0000-4000-8000-0000{arm.tag}"
        actions = [{"actions": ["Microsoft.KeyVault/vaults/keys/*"]}]
        arm.do("PUT", path, arm.denial_body(reader.who.oid, permissions=actions))
        assert [one["name"] for one in reader.do("GET", f"{arm.vault}/keys")["value"]] == ["open"]
        for method, where in (("GET", arm.key), ("PUT", arm.key), ("GET", arm.key_version)):
            status, code, _ = reader.refused(method, where, None if method == "GET" else key_body())
            assert (status, code) == (403, "DenyAssignmentAuthorizationFailed")

    def test_firewall(self, arm: Arm) -> None:
        """The vault's firewall guards what comes out of it: whoever may write resources makes keys from anywhere."""
        arm.do("PATCH", arm.vault, {"properties": {"publicNetworkAccess": "Disabled"}})
        arm.do("PUT", arm.key, key_body())

    def test_audit(self, arm: Arm) -> None:
        """The journal has who made which version, in which vault."""
        made = arm.do("PUT", arm.key, key_body())
        entry = arm.world.entries()[-1]
        assert (entry["operationName"], entry["resourceId"]) == ("VaultKeyPut", arm.key.upper())
        assert entry["properties"]["id"] == made["properties"]["keyUriWithVersion"]
        assert entry["properties"]["httpStatusCode"] == 200
