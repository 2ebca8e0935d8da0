"""Several tenants in one service: made by the operator over the control socket, and nothing to each other."""

from __future__ import annotations

import secrets as chance
from typing import Any

import jwt
import pytest

from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.first_party import FIRST_PARTY
from strongroom.core.identity import User
from strongroom.core.kinds import KINDS
from strongroom.core.network import Link
from strongroom.core.records import tenant_partition
from tests.flow.graph import Graph, filtered, user_body
from tests.flow.test_control import ask
from tests.flow.users import Person, allow_passwords, sign_in
from tests.plugins import canary
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, VAULT_AUDIENCE, Simulation


def domain() -> str:
    """Make a domain that no other test uses."""
    return f"t{chance.token_hex(5)}.example"


def create(world: Simulation, **wanted: object) -> dict[str, Any]:
    """Have the operator make a tenant."""
    answer = ask(world, "POST", "/tenants", {"displayName": "Second", "domain": domain(), **wanted})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    canary.remember(made["userPassword"])
    return made


def first_user(world: Simulation, made: dict[str, Any]) -> Person:
    """Give a tenant's first administrator."""
    found = world.view.principal(made["tenantId"], made["objectId"])
    assert isinstance(found, User)
    return Person(found, made["userPassword"])


def token_of(world: Simulation, made: dict[str, Any], audience: str = GRAPH_AUDIENCE) -> str:
    """Sign in as a tenant's first administrator, in that tenant."""
    allow_passwords(world, made["tenantId"])
    answer = sign_in(world, first_user(world, made), made["tenantId"], scope=f"{audience}/.default")
    assert answer.status == 200, answer.body
    token: str = answer.json["access_token"]
    return token


class TestCreate:
    """A new tenant."""

    def test_it_can_be_used(self, world: Simulation) -> None:
        """Its administrator signs in with the password that was told once, and is Global Administrator of it alone."""
        made = create(world)
        token = token_of(world, made)
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["tid"], claims["wids"]) == (made["tenantId"], [GLOBAL_ADMINISTRATOR])
        graph = Graph(world, token=token)
        (organization,) = graph.get("organization")["value"]
        assert (organization["id"], organization["displayName"]) == (made["tenantId"], "Second")
        assert [one["id"] for one in graph.get("domains")["value"]] == [made["domain"]]
        assert graph.ids("users") == {made["objectId"]}
        graph.make("users", user_body("b", userPrincipalName=f"b@{made['domain']}"))
        assert {one["appId"] for one in graph.get("servicePrincipals")["value"]} == set(FIRST_PARTY)

    def test_its_keys_are_its_own(self, world: Simulation) -> None:
        """SEC-TOKEN-1: no key signs for two tenants."""
        made = create(world)
        own = {key.id for key in world.view.signing_keys(made["tenantId"])}
        assert len(own) == 2
        assert own.isdisjoint(key.id for key in world.view.signing_keys(world.first.tenant_id))
        assert jwt.get_unverified_header(token_of(world, made))["kid"] in own

    def test_with_a_subscription(self, world: Simulation) -> None:
        """The first administrator owns it; without asking for one there is none."""
        made = create(world, subscription=True)
        url = f"{world.arm_url}/subscriptions?api-version=2022-12-01"
        listed = world.ask("GET", url, token=token_of(world, made, ARM_AUDIENCE)).json["value"]
        assert [one["subscriptionId"] for one in listed] == [made["subscriptionId"]]
        without = create(world)
        assert without["subscriptionId"] is None
        assert world.ask("GET", url, token=token_of(world, without, ARM_AUDIENCE)).json["value"] == []

    def test_it_is_nothing_to_another(self, world: Simulation) -> None:
        """SEC-TENANT-2: its administrator reaches no vault, no resource and no object of the first tenant."""
        made = create(world, subscription=True)
        vault = world.ask(
            "GET", f"{world.vault_url}/secrets?api-version=7.4", token=token_of(world, made, VAULT_AUDIENCE)
        )
        assert vault.status == 401
        arm = f"{world.arm_url}/subscriptions/{world.first.subscription_id}?api-version=2022-12-01"
        assert world.ask("GET", arm, token=token_of(world, made, ARM_AUDIENCE)).status == 403
        graph = Graph(world, token=token_of(world, made))
        assert graph.ask("GET", f"users/{world.first.installation.break_glass}").status == 404
        assert graph.get(filtered("users", f"userPrincipalName eq '{world.first.user_name}'"))["value"] == []
        answer = sign_in(world, first_user(world, made), world.first.tenant_id)
        assert answer.status == 400

    def test_a_domain_is_one_tenants(self, world: Simulation) -> None:
        """SEC-TENANT-1: one that is taken, or is no domain name, makes nothing."""
        made, before = create(world), len(world.view.tenants())
        for taken in (made["domain"], made["domain"].upper(), "strongroom.localhost"):
            answer = ask(world, "POST", "/tenants", {"displayName": "Third", "domain": taken})
            assert answer.status == 409
        for bad in ({"domain": "localhost"}, {"domain": "a b.example"}, {"userName": "a b"}, {"displayName": "a\n"}):
            answer = ask(world, "POST", "/tenants", {"displayName": "Third", "domain": domain(), **bad})
            assert answer.status == 400
        assert len(world.view.tenants()) == before

    def test_it_is_recorded_without_its_password(self, world: Simulation) -> None:
        """SEC-BOOT-7: who administers it is in the journal, and the password is in no line of it."""
        made = create(world, subscription=True)
        entry = world.entries()[-1]
        assert entry["operationName"] == "TenantCreate"
        assert entry["properties"]["tenantId"] == made["tenantId"]
        assert entry["properties"]["userId"] == made["objectId"]
        assert made["userPassword"] not in str(world.entries())


class TestChange:
    """What a tenant is called."""

    def test_names(self, world: Simulation) -> None:
        """Its display name, a domain more, and one less; it is named by any of its domains, and listed so."""
        made, more = create(world), domain()
        path = f"/tenants/{made['domain']}"
        assert ask(world, "PATCH", path, {"displayName": "Renamed"}).json["displayName"] == "Renamed"
        assert ask(world, "PATCH", path, {"addDomain": more}).json["domains"] == [made["domain"], more]
        graph = Graph(world, token=token_of(world, made))
        graph.do("PATCH", f"users/{made['objectId']}", {"userPrincipalName": f"admin@{more}"})
        assert ask(world, "PATCH", f"/tenants/{more}", {"removeDomain": made["domain"]}).json["domains"] == [more]
        (entry,) = (one for one in ask(world, "GET", "/tenants").json["value"] if one["tenantId"] == made["tenantId"])
        assert (entry["displayName"], entry["domains"]) == ("Renamed", [more])
        assert world.entries()[-2]["operationName"] == "TenantChange"

    def test_what_cannot_be(self, world: Simulation) -> None:
        """A domain in use, the last one, another tenant's; two changes at once or none; a tenant that is not there."""
        made = create(world)
        path, more = f"/tenants/{made['tenantId']}", domain()
        for body, status in (
            ({"removeDomain": made["domain"]}, 409),
            ({"addDomain": "strongroom.localhost"}, 409),
            ({"removeDomain": "strongroom.localhost"}, 404),
            ({"addDomain": "no domain"}, 400),
            ({"addDomain": more, "displayName": "x"}, 400),
            ({}, 400),
        ):
            assert ask(world, "PATCH", path, body).status == status, body
        assert ask(world, "PATCH", path, {"addDomain": more}).status == 200
        assert ask(world, "PATCH", path, {"removeDomain": made["domain"]}).status == 409
        assert ask(world, "PATCH", f"/tenants/{domain()}", {"displayName": "x"}).status == 404


class TestRemove:
    """The end of a tenant."""

    def test_an_empty_one_goes_whole(self, world: Simulation) -> None:
        """With its keys, its last user and every token; nothing of it is left, and its domain is free."""
        made = create(world)
        token = token_of(world, made)
        assert Graph(world, token=token).ask("GET", "me").status == 200
        assert ask(world, "DELETE", f"/tenants/{made['domain']}").status == 204
        assert Graph(world, token=token).ask("GET", "me").status == 401
        assert world.view.tenant(made["domain"]) is None
        assert world.view.signing_keys(made["tenantId"]) == ()
        partition = tenant_partition(made["tenantId"])
        assert [kind for kind in KINDS.values() if world.view.all(kind, partition)] == []
        assert [kind for kind in KINDS.values() if world.run(world.store.records(kind, partition))] == []
        assert create(world, domain=made["domain"])["tenantId"] != made["tenantId"]

    def test_one_that_has_something_stays(self, world: Simulation) -> None:
        """What it has is said: a subscription, an application, a group, another user, something that was deleted."""
        made = create(world, subscription=True)
        graph = Graph(world, token=token_of(world, made))
        graph.add_application()
        graph.add_group()
        other = graph.make("users", user_body("b", userPrincipalName=f"b@{made['domain']}"))
        graph.do("DELETE", f"users/{other['id']}")
        graph.make("users", user_body("c", userPrincipalName=f"c@{made['domain']}"))
        answer = ask(world, "DELETE", f"/tenants/{made['tenantId']}")
        assert answer.status == 409
        for word in ("1 subscriptions", "1 applications", "1 groups", "1 deleted objects", "1 users beside the last"):
            assert word in answer.error["message"]
        assert graph.ask("GET", "me").status == 200

    def test_the_first_stays(self, world: Simulation) -> None:
        """The instance's own names stand for it."""
        answer = ask(world, "DELETE", f"/tenants/{world.first.tenant_id}")
        assert (answer.status, "first tenant" in answer.error["message"]) == (409, True)
        assert ask(world, "DELETE", f"/tenants/{domain()}").status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_only_the_operator_is_answered(world: Simulation, method: str) -> None:
    """SEC-BOOT-7: through no other listener, whatever the host header says."""
    path = "/tenants" if method in {"GET", "POST"} else f"/tenants/{world.first.tenant_id}"
    body = {"displayName": "x", "domain": domain()} if method == "POST" else {"displayName": "x"}
    before = world.view.tenants()
    assert ask(world, method, path, body, link=Link.PUBLIC).status in {404, 421}
    assert world.view.tenants() == before
