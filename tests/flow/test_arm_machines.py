"""Machines outside Azure on the management plane, and the system-assigned identity that comes and goes with one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import CONTRIBUTOR, KEY_VAULT_SECRETS_USER, READER
from strongroom.core.identity import ServicePrincipal, ServicePrincipalType
from strongroom.http.peer_owner import Owner
from tests.flow.arm import Arm
from tests.flow.graph import Graph
from tests.flow.test_arm_identities import control, list_secrets, token_of
from tests.flow.test_identity_maps import ask
from tests.world import Simulation

HERE = Owner(is_here=True, user=4711)
SYSTEM = "/providers/Microsoft.ManagedIdentity/identities/default"
VM_ID = "0FDBF8C4-8A0C-4D55-A3B5-9B4D0D9E7C11"


@pytest.fixture
def arm(world: Simulation) -> Iterator[Arm]:
    """Give the administrator, with names of its own, and leave no identity map behind."""
    yield Arm(world, world.administrator)
    for one in control(world, "GET", "/identity-maps").json["value"]:
        control(world, "DELETE", f"/identity-maps/{one['id']}")


def client_id(arm: Arm) -> str:
    """Ask for the client id of the machine's identity."""
    found: str = arm.do("GET", arm.machine + SYSTEM)["properties"]["clientId"]
    return found


def map_to(arm: Arm, identity: str) -> None:
    """Map a Unix user to an identity."""
    made = control(arm.world, "POST", "/identity-maps", {"identity": identity, "user": 4711})
    assert made.status == 201, made.body


class TestLife:
    """Made, shown, changed, removed."""

    def test_life(self, arm: Arm) -> None:
        """The members that Azure's clients read; found in any case; tags are replaced, the identity stays."""
        arm.make_group()
        body = {"location": "West Europe", "tags": {"a": "b"}, "identity": {"type": "systemassigned"}}
        made = arm.do("PUT", arm.machine, body | {"properties": {"vmId": VM_ID, "osName": "linux"}})
        identity = made.pop("identity")
        assert made == {
            "id": arm.machine,
            "name": f"m-{arm.tag}",
            "type": "Microsoft.HybridCompute/machines",
            "location": "westeurope",
            "tags": {"a": "b"},
            "properties": {"vmId": VM_ID.lower(), "displayName": f"m-{arm.tag}", "provisioningState": "Succeeded"},
        }
        assert set(identity) == {"type", "principalId", "tenantId"}
        assert (identity["type"], identity["tenantId"]) == ("SystemAssigned", arm.world.first.tenant_id)
        again = arm.do("PUT", arm.machine.replace("/m-", "/M-"), {"location": "westeurope"})
        assert again == {**made, "tags": {}, "identity": identity}
        patched = arm.do("PATCH", arm.machine, {"tags": {"c": "d"}})
        assert arm.do("GET", arm.machine) == patched == {**again, "tags": {"c": "d"}}
        assert arm.do("PATCH", arm.machine, {}) == patched
        assert arm.ask("DELETE", arm.machine).status == 200
        assert arm.ask("DELETE", arm.machine).status == 204
        for method in ("GET", "PATCH"):
            assert arm.refused(method, arm.machine, {} if method == "PATCH" else None)[:2] == (404, "ResourceNotFound")

    @pytest.mark.parametrize("version", ["2019-12-12", "2022-12-27", "2024-07-10", "2025-01-13"])
    def test_the_versions_that_clients_send(self, arm: Arm, version: str) -> None:
        """Every well-formed one is served."""
        arm.make_machine()
        assert arm.ask("GET", arm.machine, version=version).status == 200

    def test_lists_show_what_may_be_read(self, arm: Arm) -> None:
        """In the subscription, in the group and among all resources, to whoever may read it."""
        made = arm.make_machine()
        of_group = arm.machine.rpartition("/")[0]
        everywhere = f"{arm.subscription}/providers/Microsoft.HybridCompute/machines"
        assert arm.do("GET", of_group)["value"] == [made]
        assert made in arm.do("GET", everywhere)["value"]
        kind = "?$filter=resourceType%20eq%20'Microsoft.HybridCompute/machines'"
        assert [one["id"] for one in arm.do("GET", f"{arm.group}/resources{kind}")["value"]] == [arm.machine]
        reader = arm.as_(arm.world.principal())
        assert reader.do("GET", everywhere)["value"] == []
        arm.world.grant(reader.who.oid, READER, arm.group)
        assert reader.do("GET", everywhere)["value"] == [made]
        arm.do("PUT", f"{of_group}/another", {"location": "local"})
        assert len(arm.do("GET", f"{of_group}?$top=1")["value"]) == 1

    def test_a_role_over_it(self, arm: Arm) -> None:
        """A machine is a scope, and what was given over it goes with it."""
        arm.make_machine()
        manager = arm.as_(arm.world.principal())
        path = f"{arm.machine}/providers/Microsoft.Authorization/roleAssignments/d0000000-0000-4000-8000-0001{arm.tag}"
        arm.do("PUT", path, arm.assignment_body(manager.who.oid, CONTRIBUTOR))
        assert manager.ask("PATCH", arm.machine, {}).status == 200
        arm.do("DELETE", arm.machine)
        arm.make_machine()
        assert manager.refused("PATCH", arm.machine, {})[:2] == (403, "AuthorizationFailed")


class TestIdentity:
    """Its identity."""

    def test_its_principal_is_in_the_directory(self, arm: Arm) -> None:
        """A managed identity named as the machine, which knows it and is no identity of its own."""
        made = arm.make_machine()["identity"]
        principal = arm.world.view.principal(made["tenantId"], made["principalId"])
        assert isinstance(principal, ServicePrincipal)
        assert (principal.type, principal.display_name) == (ServicePrincipalType.MANAGED_IDENTITY, f"m-{arm.tag}")
        assert principal.resource_id == arm.machine
        graph = Graph(arm.world, arm.world.administrator)
        shown = graph.get(f"servicePrincipals/{made['principalId']}")
        assert shown["alternativeNames"] == ["isExplicit=False", arm.machine]
        assert graph.ask("DELETE", f"servicePrincipals/{made['principalId']}").status == 400

    def test_by_its_scope(self, arm: Arm) -> None:
        """The client id, which the machine itself does not show (systemAssignedIdentities_GetByScope)."""
        made = arm.make_machine(tags={"a": "b"})["identity"]
        shown = arm.do("GET", arm.machine + SYSTEM)
        principal = arm.world.view.principal(made["tenantId"], made["principalId"])
        assert isinstance(principal, ServicePrincipal)
        assert shown == {
            "id": arm.machine + SYSTEM,
            "name": "default",
            "type": "Microsoft.ManagedIdentity/identities",
            "location": "local",
            "tags": {"a": "b"},
            "properties": {
                "tenantId": made["tenantId"],
                "principalId": made["principalId"],
                "clientId": principal.app_id,
            },
        }

    @pytest.mark.parametrize("where", ["group", "identity", "vault", "machine"])
    def test_where_there_is_none(self, arm: Arm, where: str) -> None:
        """What exists and has none is told so; what does not exist, as ever."""
        arm.make_vault()
        arm.make_identity()
        arm.make_machine("None")
        assert arm.refused("GET", getattr(arm, where) + SYSTEM)[:2] == (404, "NotFound")
        assert arm.refused("GET", f"{arm.machine}x{SYSTEM}")[:2] == (404, "ResourceNotFound")
        assert arm.refused("GET", f"{arm.subscription}/nowhere{SYSTEM}")[:2] == (400, "InvalidScope")

    def test_its_token(self, arm: Arm) -> None:
        """It carries the machine's ARM id, and opens what the identity was given, no more."""
        made = arm.make_machine()["identity"]
        _, token = token_of(arm.world, arm.machine)
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["oid"], claims["xms_mirid"]) == (made["principalId"], arm.machine)
        assert claims["appid"] == client_id(arm)
        assert list_secrets(arm.world, token) == 403
        arm.world.grant(made["principalId"], KEY_VAULT_SECRETS_USER, arm.world.vault.scope)
        assert list_secrets(arm.world, token) == 200

    @pytest.mark.parametrize("how", ["PATCH", "PUT", "DELETE", "the group"])
    def test_it_ends(self, arm: Arm, how: str) -> None:
        """Taken away, or gone with the machine: its tokens, runs, maps and rights end, and do not come back."""
        world = arm.world
        made = arm.make_machine()["identity"]
        world.grant(made["principalId"], KEY_VAULT_SECRETS_USER, world.vault.scope)
        _, token = token_of(world, arm.machine)
        map_to(arm, arm.machine)
        assert list_secrets(world, token) == 200
        match how:
            case "PATCH":
                arm.do("PATCH", arm.machine, {"identity": {"type": "None"}})
            case "PUT":
                arm.do("PUT", arm.machine, {"location": "local", "identity": {"type": "none"}})
            case "DELETE":
                arm.do("DELETE", arm.machine)
            case _:
                arm.do("DELETE", arm.group)
        assert list_secrets(world, token) == 401
        assert ask(world, HERE).status == 400
        assert world.view.principal(made["tenantId"], made["principalId"]) is None
        assert control(world, "POST", "/run", {"identity": arm.machine}).status == 404
        anew = arm.make_machine()["identity"]
        assert anew["principalId"] != made["principalId"]
        _, other = token_of(world, arm.machine)
        assert list_secrets(world, other) == 403

    def test_made_without_one(self, arm: Arm) -> None:
        """It says so by showing none, and gets one later."""
        assert "identity" not in arm.make_machine("None")
        assert control(arm.world, "POST", "/run", {"identity": f"m-{arm.tag}"}).status == 404
        given = arm.do("PATCH", arm.machine, {"identity": {"type": "SystemAssigned"}})["identity"]
        assert arm.do("PATCH", arm.machine, {"identity": {"type": "SystemAssigned"}})["identity"] == given


class TestEndpoints:
    """Which identity the metadata service gives."""

    def test_the_operator_names_it(self, arm: Arm) -> None:
        """By the machine's name, its ARM id or the client id, for a run and for a map."""
        made = arm.make_machine()["identity"]
        for name in (f"M-{arm.tag}", arm.machine.upper(), client_id(arm), client_id(arm).upper()):
            run = control(arm.world, "POST", "/run", {"identity": name})
            assert run.json["objectId"] == made["principalId"]
        map_to(arm, f"m-{arm.tag}")
        (mapped,) = control(arm.world, "GET", "/identity-maps").json["value"]
        assert mapped["resourceId"] == arm.machine

    def test_a_name_that_means_two(self, arm: Arm) -> None:
        """A machine and an identity of one name: the operator has to say which."""
        arm.make_machine()
        arm.do("PUT", f"{arm.identity.rpartition('/')[0]}/m-{arm.tag}", {"location": "local"})
        answer = control(arm.world, "POST", "/run", {"identity": f"m-{arm.tag}"})
        assert answer.status == 409
        assert arm.machine in answer.error["message"]

    def test_without_a_name_it_is_the_machines_own(self, arm: Arm) -> None:
        """As on a virtual machine, however many user-assigned ones there are beside it."""
        made = arm.make_machine()["identity"]
        arm.make_identity()
        for identity in (arm.identity, "default", arm.machine):
            map_to(arm, identity)
        claims = jwt.decode(ask(arm.world, HERE).json["access_token"], options={"verify_signature": False})
        assert claims["oid"] == made["principalId"]

    def test_two_machines_need_a_name(self, arm: Arm) -> None:
        """One user is mapped to two machines: neither is preferred."""
        other = arm.as_(arm.who)
        other.tag = f"{arm.tag}b"
        for one in (arm, other):
            one.make_machine()
            map_to(arm, one.machine)
        refusal = ask(arm.world, HERE)
        assert refusal.status == 400
        assert refusal.json["error_description"].startswith("Multiple user assigned identities exist")
        assert ask(arm.world, HERE, more=f"&msi_res_id={other.machine}").json["client_id"] == client_id(other)

    @pytest.mark.parametrize("parameter", ["client_id", "object_id", "msi_res_id", "mi_res_id"])
    @pytest.mark.parametrize("which", ["machine", "identity"])
    def test_by_each_name(self, arm: Arm, parameter: str, which: str) -> None:
        """A request that names an identity gets that one, the machine's or another."""
        machine, identity = arm.make_machine()["identity"], arm.make_identity()["properties"]
        for one in (arm.identity, arm.machine):
            map_to(arm, one)
        ids = {
            "machine": {"client_id": client_id(arm), "object_id": machine["principalId"]},
            "identity": {"client_id": identity["clientId"], "object_id": identity["principalId"]},
        }[which]
        value = ids.get(parameter, getattr(arm, which))
        assert ask(arm.world, HERE, more=f"&{parameter}={value}").json["client_id"] == ids["client_id"]


class TestEscalation:
    """What making machines must not give."""

    def test_whoever_makes_one_gets_no_right(self, arm: Arm) -> None:
        """SEC-TENANT-4: a contributor makes a machine with an identity, and can neither be it nor give it a role."""
        contributor = arm.as_(arm.world.principal())
        arm.make_group()
        arm.world.grant(contributor.who.oid, CONTRIBUTOR, arm.group)
        body = {"location": "local", "identity": {"type": "SystemAssigned"}}
        made = contributor.do("PUT", arm.machine, body)["identity"]
        refusal = contributor.refused("PUT", arm.assignment, arm.assignment_body(made["principalId"]))
        assert refusal[:2] == (403, "AuthorizationFailed")
        assert ask(arm.world, HERE).status == 400

    def test_another_machine_does_not_take_its_place(self, arm: Arm) -> None:
        """SEC-TENANT-4: what has another vmId gets neither the name nor the identity of the one that is there."""
        arm.make_machine(properties={"vmId": VM_ID})
        same = {"location": "local", "properties": {"vmId": VM_ID.lower()}}
        assert arm.ask("PUT", arm.machine, same).status == 200
        other = {"location": "local", "properties": {"vmId": VM_ID.replace("0", "1")}}
        assert arm.refused("PUT", arm.machine, other)[:2] == (409, "Conflict")

    def test_it_is_recorded(self, arm: Arm) -> None:
        """Whoever gave a machine an identity, and took it away, is in the journal with the principal."""
        made = arm.make_machine()["identity"]
        entry = arm.world.entries()[-1]
        assert (entry["operationName"], entry["properties"]["principalId"]) == ("MachinePut", made["principalId"])
        arm.do("DELETE", arm.machine)
        entry = arm.world.entries()[-1]
        assert (entry["operationName"], entry["properties"]["principalId"]) == ("MachineDelete", made["principalId"])


class TestRefusals:
    """What is refused changes nothing."""

    @pytest.mark.parametrize("name", ["a.", "a%20b", "a%3Cb", "x" * 55, "m%C3%BC"])
    def test_a_bad_name(self, arm: Arm, name: str) -> None:
        """1 to 54 letters, digits, hyphens, underscores and full stops; 54 are a name."""
        arm.make_group()
        of_group = arm.machine.rpartition("/")[0]
        assert arm.refused("PUT", f"{of_group}/{name}", {"location": "local"})[0] == 400
        assert arm.ask("PUT", f"{of_group}/{'x' * 54}", {"location": "local"}).status == 200

    @pytest.mark.parametrize(
        "body",
        [
            None,
            {},
            {"location": ""},
            {"location": 1},
            {"location": "local", "tags": {f"t{number}": "" for number in range(limits.ARM_TAGS + 1)}},
            {"location": "local", "identity": {}},
            {"location": "local", "identity": "SystemAssigned"},
            {"location": "local", "identity": {"type": "Mine"}},
            {"location": "local", "identity": {"type": "UserAssigned", "userAssignedIdentities": {}}},
            {"location": "local", "identity": {"type": "SystemAssigned,UserAssigned"}},
            {"location": "local", "properties": {"vmId": "x"}},
            {"location": "local", "properties": {"vmId": 1}},
            {"location": "local", "properties": []},
        ],
    )
    def test_a_bad_body(self, arm: Arm, body: Any) -> None:
        """For a new machine and for one that is there."""
        arm.make_group()
        assert arm.refused("PUT", arm.machine, body)[0] == 400
        arm.make_machine()
        assert arm.refused("PUT", arm.machine, body)[0] == 400
        if isinstance(body, dict) and ({"identity", "tags"} & body.keys()):
            assert arm.refused("PATCH", arm.machine, body)[0] == 400

    def test_the_type_that_is_refused(self, arm: Arm) -> None:
        """A word of Azure's is repeated, anything else is not."""
        arm.make_group()
        for kind, told in (("UserAssigned", "UserAssigned"), ("hunter2", "REDACTED")):
            body = {"location": "local", "identity": {"type": kind}}
            status, code, message = arm.refused("PUT", arm.machine, body)
            assert (status, code) == (400, "InvalidIdentityType")
            assert f"'{told}'" in message

    def test_another_location(self, arm: Arm) -> None:
        """A machine does not move."""
        arm.make_machine()
        refusal = arm.refused("PUT", arm.machine, {"location": "elsewhere"})
        assert refusal[:2] == (409, "InvalidResourceLocation")

    def test_without_its_group(self, arm: Arm) -> None:
        """There is no machine without a group."""
        assert arm.refused("PUT", arm.machine, {"location": "local"})[:2] == (404, "ResourceGroupNotFound")
