"""What is deleted from a directory: out of reach at once, restorable for thirty days, then gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.identity import Credential, Membership
from strongroom.core.records import tenant_partition
from strongroom.core.relations import AppRoleAssignment, DeletedObject, Ownership, PermissionGrant
from strongroom.directory import deletion, roles
from strongroom.directory.relations import NO_ROLE
from tests.flow.graph import MISSING, Graph, filtered, refused, user_body, user_token
from tests.plugins.canary import remember
from tests.world import Principal, Simulation

KINDS = ("user", "group", "application", "servicePrincipal")


@pytest.fixture
def graph(world: Simulation) -> Graph:
    """See Graph as the first application, which is a Global Administrator."""
    return Graph(world)


def make(graph: Graph, kind: str) -> tuple[str, dict[str, Any]]:
    """Make an object of a kind, and say where it is."""
    if kind == "user":
        made = graph.add_user()
    elif kind == "group":
        made = graph.add_group()
    else:
        made = graph.add_application()
        if kind == "servicePrincipal":
            made = graph.make("servicePrincipals", {"appId": made["appId"]})
    return f"{kind}s/{made['id']}", made


@pytest.mark.parametrize("kind", KINDS)
def test_deleted_and_restored(graph: Graph, kind: str) -> None:
    """It is listed among the deleted of its kind alone, and nowhere else; restored, it is as it was."""
    path, made = make(graph, kind)
    graph.do("DELETE", path)
    refused(graph.ask("GET", path), 404, "Request_ResourceNotFound")
    refused(graph.ask("GET", f"directoryObjects/{made['id']}"), 404, "Request_ResourceNotFound")
    for other in KINDS:
        listed = graph.get(f"directory/deletedItems/microsoft.graph.{other}?$top=999")["value"]
        assert [one["deletedDateTime"] for one in listed if one["id"] == made["id"]] == (
            ["2026-09-21T14:13:20Z"] if other == kind else []
        )
    found = graph.get(f"directory/deletedItems/{made['id']}")
    assert (found["displayName"], found["@odata.type"]) == (made["displayName"], f"#microsoft.graph.{kind}")

    back = graph.ask("POST", f"directory/deletedItems/{made['id']}/restore")
    assert (back.status, back.json["id"], back.json.get("deletedDateTime")) == (200, made["id"], None)
    shown = graph.get(path)
    assert {name: shown[name] for name in made if name != "@odata.context"} == {
        name: value for name, value in made.items() if name != "@odata.context"
    }
    refused(graph.ask("GET", f"directory/deletedItems/{made['id']}"), 404, "Request_ResourceNotFound")


@pytest.mark.parametrize("kind", KINDS)
def test_deleted_for_good(graph: Graph, kind: str) -> None:
    """Deleted twice it cannot be restored."""
    path, made = make(graph, kind)
    graph.do("DELETE", path)
    graph.do("DELETE", f"directory/deletedItems/{made['id']}")
    for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/restore")):
        refused(graph.ask(method, f"directory/deletedItems/{made['id']}{rest}"), 404, "Request_ResourceNotFound")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world whose time this test may spend."""
    simulation = Simulation(tmp_path)
    yield simulation
    simulation.close()


def test_the_end_of_its_time(own: Simulation) -> None:
    """It can be restored for `DELETED_OBJECT_S` seconds and not one longer, whether or not the job has run."""
    graph, who = Graph(own), longlived(own)
    made = [make(graph, kind) for kind in KINDS]
    for path, _ in made:
        graph.do("DELETE", path)
    own.advance(limits.DELETED_OBJECT_S - 1)
    graph = Graph(own, who)
    for _, one in made:
        assert graph.get(f"directory/deletedItems/{one['id']}")["id"] == one["id"]
    assert own.run(deletion.purge_expired(own.store, own.view, int(own.clock()))) == 0
    own.advance(1)
    for kind, (_, one) in zip(KINDS, made, strict=True):
        refused(graph.ask("POST", f"directory/deletedItems/{one['id']}/restore"), 404, "Request_ResourceNotFound")
        assert graph.ids(f"directory/deletedItems/microsoft.graph.{kind}") == set()
    assert own.run(deletion.purge_expired(own.store, own.view, int(own.clock()))) == len(made)
    assert own.view.all(DeletedObject) == ()


def longlived(world: Simulation) -> Principal:
    """Make another administrator, since the first one's secret may be over."""
    who = world.principal("later", lifetime_s=90 * 86_400)
    tenant = world.first.tenant_id
    world.commit(lambda tx: roles.assign_role(tx, tenant, role=GLOBAL_ADMINISTRATOR, principal=who.oid))
    return who


def test_a_deleted_principal_has_no_access(world: Simulation, graph: Graph) -> None:
    """Neither its tokens nor its secret are good for anything; restored, both are again."""
    who = world.principal()
    world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    token, listing = world.token(who), f"{world.vault_url}/secrets?api-version=7.4"
    assert world.ask("GET", listing, token=token).status == 200
    graph.do("DELETE", f"servicePrincipals/{who.oid}")
    assert world.ask("GET", listing, token=token).status == 401
    form = {
        "grant_type": "client_credentials",
        "client_id": who.appid,
        "client_secret": who.secret,
        "scope": "https://vault.azure.net/.default",
    }
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
    assert world.ask("POST", url, form=form).json["error_codes"] == [700016]
    assert graph.ask("POST", f"directory/deletedItems/{who.oid}/restore").status == 200
    assert world.ask("GET", listing, token=token).status == 200


def test_a_deleted_application_signs_nobody_in(world: Simulation, graph: Graph) -> None:
    """Its principal is deleted with it, and each is restored by itself."""
    who = world.principal()
    graph.do("DELETE", f"applications/{who.application}")
    refused(graph.ask("GET", f"servicePrincipals/{who.oid}"), 404, "Request_ResourceNotFound")
    for one in (who.application, who.oid):
        assert graph.ask("POST", f"directory/deletedItems/{one}/restore").status == 200
    assert world.token(who)


def test_a_principals_own_secret_is_worth_nothing_without_its_application(world: Simulation, graph: Graph) -> None:
    """Restored alone, it does not sign in, and what it had from before does not count."""
    made = graph.add_application()
    oid = graph.make("servicePrincipals", {"appId": made["appId"]})["id"]
    text = graph.ask("POST", f"servicePrincipals/{oid}/addPassword", {}).json["secretText"]
    remember(text)
    own = Graph(world, Principal(oid, made["appId"], made["id"], text))
    assert own.ask("GET", f"servicePrincipals/{oid}").status == 200
    graph.do("DELETE", f"applications/{made['id']}")
    assert graph.ask("POST", f"directory/deletedItems/{oid}/restore").status == 200
    assert own.ask("GET", f"servicePrincipals/{oid}").status == 401


def test_a_deleted_users_tokens_end(world: Simulation, graph: Graph) -> None:
    """At once, and do not come back with the user, who signs in anew."""
    user = graph.add_user()["id"]
    token = user_token(world, user)
    assert graph.ask("GET", "me", token=token).status == 200
    graph.do("DELETE", f"users/{user}")
    assert graph.ask("GET", "me", token=token).status == 401
    assert graph.ask("POST", f"directory/deletedItems/{user}/restore").status == 200
    assert graph.ask("GET", "me", token=token).status == 401
    assert graph.ask("GET", "me", token=user_token(world, user)).status == 200


def test_a_deleted_group_passes_nothing_on(world: Simulation, graph: Graph) -> None:
    """Its rights do not count while it is deleted; restored, it has the members it had."""
    who, group = world.principal(), graph.add_group()["id"]
    assert graph.join(group, who.oid).status == 204
    world.grant(group, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    token, listing = world.token(who), f"{world.vault_url}/secrets?api-version=7.4"
    assert world.ask("GET", listing, token=token).status == 200
    graph.do("DELETE", f"groups/{group}")
    assert world.ask("GET", listing, token=token).status == 403
    assert graph.ids(f"servicePrincipals/{who.oid}/memberOf") == set()
    assert graph.ask("POST", f"directory/deletedItems/{group}/restore").status == 200
    assert world.ask("GET", listing, token=token).status == 200
    assert graph.ids(f"groups/{group}/members") == {who.oid}


def test_a_deleted_member_and_owner_is_not_listed(graph: Graph) -> None:
    """Nor can it be made one."""
    group, user = graph.add_group()["id"], graph.add_user()["id"]
    graph.join(group, user)
    graph.give_owner(f"groups/{group}", user)
    graph.do("DELETE", f"users/{user}")
    for path in ("members", "transitiveMembers", "owners"):
        assert graph.ids(f"groups/{group}/{path}") == set()
    refused(graph.join(graph.add_group()["id"], user), 404, "Request_ResourceNotFound")
    assert graph.ask("POST", f"directory/deletedItems/{user}/restore").status == 200
    assert graph.ids(f"groups/{group}/owners") == {user}


def test_roles_do_not_come_back(world: Simulation, graph: Graph) -> None:
    """SEC-TENANT-6: who restores an administrator makes none: directory roles and app roles are given anew."""
    who, tenant = world.principal(), world.first.tenant_id
    graph.give_role(who.oid, GLOBAL_ADMINISTRATOR)
    graph.give_permission(who.oid, "RoleManagement.ReadWrite.Directory")
    graph.do("DELETE", f"servicePrincipals/{who.oid}")
    assert graph.ask("POST", f"directory/deletedItems/{who.oid}/restore").status == 200
    assert world.view.directory_roles_of(tenant, who.oid) == frozenset()
    assert world.view.app_permissions_of(tenant, who.oid) == frozenset()


def test_a_name_that_was_taken(graph: Graph) -> None:
    """A deleted user's name is free; who has it by then keeps it, and the other stays deleted."""
    first = graph.add_user("taken-name")
    graph.do("DELETE", f"users/{first['id']}")
    second = graph.make("users", user_body("taken-name"))
    answer = graph.ask("POST", f"directory/deletedItems/{first['id']}/restore")
    refused(answer, 409, "Request_MultipleObjectsWithSameKeyValue")
    assert graph.ids(filtered("users", "userPrincipalName eq 'taken-name@strongroom.localhost'")) == {second["id"]}
    assert graph.get(f"directory/deletedItems/{first['id']}")["id"] == first["id"]


def test_a_bad_option_restores_nothing(graph: Graph) -> None:
    """What was changed is answered, whatever else was asked."""
    user = graph.add_user()["id"]
    graph.do("DELETE", f"users/{user}")
    answer = graph.ask("POST", f"directory/deletedItems/{user}/restore?$expand=x")
    assert (answer.status, graph.get(f"users/{user}")["id"]) == (200, user)


def test_nothing_of_it_is_left(world: Simulation, graph: Graph) -> None:
    """With an object go, for good, its credentials and every relation that it was on either side of."""
    user, group = graph.add_user()["id"], graph.add_group()["id"]
    app = graph.add_application()
    principal = graph.make("servicePrincipals", {"appId": app["appId"]})["id"]
    graph.ask("POST", f"applications/{app['id']}/addPassword", {})
    graph.join(group, user)
    for path in (f"applications/{app['id']}", f"servicePrincipals/{principal}", f"groups/{group}"):
        graph.give_owner(path, user)
    body = {"principalId": user, "resourceId": principal, "appRoleId": NO_ROLE}
    graph.make(f"users/{user}/appRoleAssignments", body)
    graph.make(
        "oauth2PermissionGrants",
        {
            "clientId": principal,
            "resourceId": principal,
            "consentType": "Principal",
            "principalId": user,
            "scope": "x",
        },
    )
    ids = (user, group, app["id"], principal)
    for path in (f"users/{user}", f"groups/{group}", f"applications/{app['id']}"):
        graph.do("DELETE", path)
    assert left(world, ids), "what stays while it can be restored is what is looked for below"
    for one in ids:
        graph.do("DELETE", f"directory/deletedItems/{one}")
    assert left(world, ids) == []


def left(world: Simulation, ids: tuple[str, ...]) -> list[str]:
    """Name the kinds of record that still say something of these objects."""
    partition = tenant_partition(world.first.tenant_id)
    kinds = (Credential, Membership, Ownership, AppRoleAssignment, PermissionGrant, DeletedObject)
    return [
        kind.KIND
        for kind in kinds
        for record in world.view.all(kind, partition)
        if any(one in repr(record) for one in ids)
    ]


@pytest.mark.parametrize("key", ["x", MISSING, "microsoft.graph.device"])
def test_what_was_never_there(graph: Graph, key: str) -> None:
    """An unknown id or kind is none."""
    refused(graph.ask("GET", f"directory/deletedItems/{key}"), 404, "Request_ResourceNotFound")
