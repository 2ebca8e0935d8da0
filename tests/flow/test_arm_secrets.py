"""A vault's secrets as resources: written and described on the management plane, read on the data plane alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from azure.mgmt.keyvault.models import Secret

from strongroom.arm import vault_secrets
from strongroom.core import limits
from strongroom.core.builtin_roles import CONTRIBUTOR, KEY_VAULT_ADMINISTRATOR, KEY_VAULT_CONTRIBUTOR, READER
from strongroom.core.network import Link
from tests.flow.arm import Arm
from tests.flow.arm_bodies import secret_body
from tests.flow.client import Client, version_of
from tests.plugins.canary import plant
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
    """Give the secret's name."""
    return arm.secret.rpartition("/")[2]


class TestLife:
    """Set, described, changed, listed."""

    def test_put(self, arm: Arm, inside: Client) -> None:
        """What is set here is a secret like any other; the answer has all but the value, and is 200 (recorded)."""
        value, now = plant(), int(arm.world.clock())
        body = {**secret_body(value, contentType="text/plain"), "tags": {"a": "b"}}
        body["properties"]["attributes"] = {"enabled": True, "nbf": now - DAY, "exp": now + DAY}
        answer = arm.ask("PUT", arm.secret, body)
        assert answer.status == 200
        assert value.encode() not in answer.body
        made, name = answer.json, name_of(arm)
        bundle = inside.done("GET", f"/secrets/{name}")
        attributes = {"enabled": True, "nbf": now - DAY, "exp": now + DAY, "created": now, "updated": now}
        assert made == {
            "id": arm.secret,
            "name": name,
            "type": "Microsoft.KeyVault/vaults/secrets",
            "location": "local",
            "tags": {"a": "b"},
            "properties": {
                "contentType": "text/plain",
                "attributes": attributes,
                "secretUri": f"{origin(arm)}/secrets/{name}",
                "secretUriWithVersion": bundle["id"],
            },
        }
        assert (bundle["value"], bundle["tags"], bundle["contentType"]) == (value, {"a": "b"}, "text/plain")
        assert arm.do("GET", arm.secret) == made
        assert Secret._deserialize(made, []).properties.attributes.expires is not None

    def test_put_again(self, arm: Arm, inside: Client) -> None:
        """To set a secret again makes a version that takes nothing over; without tags it has no such member."""
        first = arm.do("PUT", arm.secret, {**secret_body(contentType="x"), "tags": {"a": "b"}})
        value = plant()
        again = arm.ask("PUT", arm.secret, secret_body(value))
        assert (again.status, "tags" in again.json, "contentType" in again.json["properties"]) == (200, False, False)
        uris = [one["properties"]["secretUriWithVersion"] for one in (first, again.json)]
        assert uris[0] != uris[1]
        assert inside.done("GET", f"/secrets/{name_of(arm)}")["value"] == value
        assert sorted(one["id"] for one in inside.walk(f"/secrets/{name_of(arm)}/versions")) == sorted(uris)

    def test_patch(self, arm: Arm, inside: Client) -> None:
        """A change is to the newest version; what it leaves out stays, the value with it."""
        value = plant()
        made = arm.do("PUT", arm.secret, {**secret_body(value, contentType="x"), "tags": {"a": "b"}})
        arm.world.advance(5)
        changed = arm.do("PATCH", arm.secret, {"properties": {"attributes": {"enabled": False}}})
        assert changed["properties"]["secretUriWithVersion"] == made["properties"]["secretUriWithVersion"]
        assert (changed["tags"], changed["properties"]["contentType"]) == ({"a": "b"}, "x")
        assert changed["properties"]["attributes"]["enabled"] is False
        assert inside.ask("GET", f"/secrets/{name_of(arm)}").error["innererror"]["code"] == "SecretDisabled"
        arm.do("PATCH", arm.secret, {"properties": {"attributes": {"enabled": True}}, "tags": {}})
        bundle = inside.done("GET", f"/secrets/{name_of(arm)}")
        assert (bundle["value"], bundle["tags"]) == (value, {})

    def test_patch_with_a_value(self, arm: Arm, inside: Client) -> None:
        """With a value a change makes a new version out of the newest."""
        made = arm.do("PUT", arm.secret, {**secret_body(contentType="x"), "tags": {"a": "b"}})
        value = plant()
        answer = arm.ask("PATCH", arm.secret, {"properties": {"value": value}, "tags": {"c": "d"}})
        assert value.encode() not in answer.body
        assert answer.json["properties"]["secretUriWithVersion"] != made["properties"]["secretUriWithVersion"]
        bundle = inside.done("GET", f"/secrets/{name_of(arm)}")
        assert (bundle["value"], bundle["tags"], bundle["contentType"]) == (value, {"c": "d"}, "x")

    def test_list(self, arm: Arm, inside: Client) -> None:
        """A list has the newest versions of what is active, page by page, without values."""
        names = sorted(f"s-{number}" for number in range(5))
        for name in names:
            inside.put(name)
        inside.done("DELETE", f"/secrets/{names[0]}")
        first = arm.do("GET", f"{arm.vault}/secrets?$top=3")
        rest = arm.do("GET", first["nextLink"].removeprefix(arm.world.arm_url), version="")
        assert [one["name"] for one in first["value"]] == names[1:4]
        assert ([one["name"] for one in rest["value"]], "nextLink" in rest) == (names[4:], False)
        assert all("value" not in one["properties"] for one in first["value"])
        assert arm.do("GET", f"{arm.vault}/secrets/{names[1]}") == first["value"][0]

    def test_set_inside(self, arm: Arm, inside: Client) -> None:
        """What is set in the vault is shown here."""
        bundle = inside.put(name_of(arm))
        shown = arm.do("GET", arm.secret)
        assert shown["properties"]["secretUriWithVersion"].rpartition("/")[2] == version_of(bundle)


class TestRefused:
    """Bad input, names in use, and guardrails, in this plane's words."""

    @pytest.mark.parametrize("method", ["GET", "PATCH"])
    def test_absent(self, arm: Arm, method: str) -> None:
        """A secret that is not there is a resource that is not there."""
        status, code, message = arm.refused(method, arm.secret, {} if method == "PATCH" else None)
        assert (status, code) == (404, "ResourceNotFound")
        assert f"vaults/{arm.vault_name}/secrets/{name_of(arm)}'" in message

    def test_no_vault(self, arm: Arm) -> None:
        """So is one of a vault that is not there."""
        path = arm.secret.replace(arm.vault_name, "v-none")
        for method, body in (("GET", None), ("PUT", secret_body()), ("PATCH", {})):
            assert arm.refused(method, path, body)[:2] == (404, "ResourceNotFound")

    def test_deleted(self, arm: Arm, inside: Client) -> None:
        """The name of a deleted secret is in use until it is purged, and nothing shows it."""
        inside.put(name_of(arm))
        inside.done("DELETE", f"/secrets/{name_of(arm)}")
        status, code, message = arm.refused("PUT", arm.secret, secret_body())
        assert (status, code) == (409, "Conflict")
        assert name_of(arm) in message
        assert arm.refused("PATCH", arm.secret, {"properties": {"value": plant()}})[0] == 404
        assert arm.refused("GET", arm.secret)[0] == 404

    @pytest.mark.parametrize(
        "properties",
        [
            {},
            {"value": None},
            {"value": "\ud800"},
            {"contentType": "x" * (limits.CONTENT_TYPE_CHARS + 1)},
            {"attributes": {"exp": -1}},
            {"attributes": {"nbf": 10, "exp": 9}},
            {"attributes": {"exp": limits.INT_DATE_MAX + 1}},
        ],
    )
    def test_properties(self, arm: Arm, properties: dict[str, Any]) -> None:
        """What the data plane refuses is refused here."""
        value = {} if "value" in properties or not properties else {"value": plant()}
        assert arm.refused("PUT", arm.secret, {"properties": value | properties})[0] == 400

    def test_sizes(self, arm: Arm) -> None:
        """The limits are the data plane's, at them and one past them."""
        mark = plant()
        value = mark + "x" * (limits.SECRET_VALUE_BYTES - len(mark))
        arm.do("PUT", arm.secret, secret_body(value))
        assert arm.refused("PUT", arm.secret, secret_body(value + "x"))[0] == 400
        assert arm.refused("PATCH", arm.secret, {"properties": {"value": value + "x"}})[0] == 400
        tags = {str(number): "" for number in range(limits.TAGS)}
        arm.do("PUT", arm.secret, {**secret_body(), "tags": tags})
        assert arm.refused("PUT", arm.secret, {**secret_body(), "tags": {**tags, "more": ""}})[0] == 400

    @pytest.mark.parametrize("name", ["a.b", "a_b", "x" * 128])
    def test_names(self, arm: Arm, name: str) -> None:
        """A secret's name has its form."""
        assert arm.refused("PUT", f"{arm.vault}/secrets/{name}", secret_body())[0] == 400

    def test_body(self, arm: Arm) -> None:
        """A body without properties is none."""
        assert arm.refused("PUT", arm.secret, {})[0] == 400
        assert arm.refused("DELETE", arm.secret)[0] == 405

    @pytest.fixture
    def guardrail(self, world: Simulation) -> Iterator[None]:
        """Let secrets expire within thirty days."""
        text = '[[guardrail]]\nname = "expire"\nrule = "secret-expiry"\neffect = "deny"\nmax_days = 30\n'
        how: dict[str, Any] = {"link": Link.CONTROL, "host": "control"}
        world.ask("POST", "http://control/policy", body={"text": text}, **how)
        yield
        world.ask("DELETE", "http://control/policy", **how)

    @pytest.mark.usefixtures("guardrail")
    def test_guardrail(self, arm: Arm) -> None:
        """Guardrails hold whoever writes, wherever."""
        now = int(arm.world.clock())
        status, code, message = arm.refused("PUT", arm.secret, secret_body())
        assert (status, code) == (403, "RequestDisallowedByPolicy")
        assert "'expire: the secret must have an expiry date'" in message
        arm.do("PUT", arm.secret, secret_body(attributes={"exp": now + DAY}))
        far = {"attributes": {"exp": now + 40 * DAY}}
        for changed in (far, {**far, "value": plant()}):
            assert arm.refused("PATCH", arm.secret, {"properties": changed})[:2] == (403, "RequestDisallowedByPolicy")


class TestRights:
    """Who writes, who reads, and what neither sees."""

    @pytest.mark.parametrize("role", [CONTRIBUTOR, KEY_VAULT_CONTRIBUTOR])
    def test_contributors_write_and_do_not_read(self, arm: Arm, role: str) -> None:
        """SEC-TENANT-14: an administrator of resources sets values and never gets one, here or in the vault."""
        who = arm.world.principal()
        arm.world.grant(who.oid, role, arm.group)
        other, value = arm.as_(who), plant()
        for answer in (
            other.ask("PUT", arm.secret, secret_body(value)),
            other.ask("GET", arm.secret),
            other.ask("GET", f"{arm.vault}/secrets"),
            other.ask("PATCH", arm.secret, {"tags": {"a": "b"}}),
        ):
            assert answer.status in {200, 201}
            assert value.encode() not in answer.body
        assert Client(arm.world, who, origin=origin(arm)).ask("GET", f"/secrets/{name_of(arm)}").status == 403

    def test_readers_do_not_write(self, arm: Arm) -> None:
        """A reader of resources sees what there is and changes nothing."""
        arm.do("PUT", arm.secret, secret_body())
        reader = arm.as_(arm.world.principal())
        arm.world.grant(reader.who.oid, READER, arm.vault)
        assert reader.do("GET", arm.secret)["name"] == name_of(arm)
        for method in ("PUT", "PATCH"):
            assert reader.refused(method, arm.secret, secret_body())[:2] == (403, "AuthorizationFailed")

    def test_data_plane_rights_are_of_no_use(self, arm: Arm) -> None:
        """Whoever administers the secrets in the vault has nothing of it here."""
        keeper = arm.as_(arm.world.principal())
        arm.world.grant(keeper.who.oid, KEY_VAULT_ADMINISTRATOR, arm.secret)
        assert keeper.refused("PUT", arm.secret, secret_body())[:2] == (403, "AuthorizationFailed")

    def test_denied_secret(self, arm: Arm) -> None:
        """A denial at one secret takes it out of the list, and closes it here."""
        arm.do("PUT", arm.secret, secret_body())
        arm.do("PUT", f"{arm.vault}/secrets/open", secret_body())
        reader = arm.as_(arm.world.principal())
        arm.world.grant(reader.who.oid, CONTRIBUTOR, arm.vault)
        path = f"{arm.secret}/providers/Microsoft.Authorization/denyAssignments/de000000-0000-4000-8000-0000{arm.tag}"
        actions = [{"actions": ["Microsoft.KeyVault/vaults/secrets/*"]}]
        arm.do("PUT", path, arm.denial_body(reader.who.oid, permissions=actions))
        assert [one["name"] for one in reader.do("GET", f"{arm.vault}/secrets")["value"]] == ["open"]
        for method in ("GET", "PUT", "PATCH"):
            status, code, _ = reader.refused(method, arm.secret, None if method == "GET" else secret_body())
            assert (status, code) == (403, "DenyAssignmentAuthorizationFailed")

    def test_a_long_list_holds_nobody_up(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """However much is read for a page, in between others are served."""
        for number in range(4):
            arm.do("PUT", f"{arm.vault}/secrets/many-{number}", secret_body())
        monkeypatch.setattr(vault_secrets, "_READ_AT_ONCE", 1)
        gave_way, sleep = [], asyncio.sleep

        async def noted(delay: float) -> None:
            gave_way.append(delay)
            await sleep(delay)

        monkeypatch.setattr(asyncio, "sleep", noted)
        assert len(arm.do("GET", f"{arm.vault}/secrets")["value"]) >= 4
        assert gave_way.count(0) >= 4

    def test_firewall(self, arm: Arm) -> None:
        """The vault's firewall guards what comes out of it: whoever may write resources writes from anywhere."""
        arm.do("PATCH", arm.vault, {"properties": {"publicNetworkAccess": "Disabled"}})
        arm.do("PUT", arm.secret, secret_body())

    def test_audit(self, arm: Arm) -> None:
        """The journal has who wrote which version, in which vault, and no value."""
        value = plant()
        made = arm.do("PUT", arm.secret, secret_body(value))
        entry = arm.world.entries()[-1]
        assert (entry["operationName"], entry["resourceId"]) == ("VaultSecretPut", arm.secret.upper())
        assert entry["properties"]["id"] == made["properties"]["secretUriWithVersion"]
        assert entry["properties"]["httpStatusCode"] == 200
        assert value not in str(entry)
