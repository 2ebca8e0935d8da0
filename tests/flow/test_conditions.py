"""Conditions and deny assignments, asked as a client asks, through every step of the flow."""

from __future__ import annotations

import secrets as chance
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.core.builtin_roles import (
    KEY_VAULT_ADMINISTRATOR,
    KEY_VAULT_CONTRIBUTOR,
    KEY_VAULT_DATA_ACCESS_ADMINISTRATOR,
    KEY_VAULT_SECRETS_OFFICER,
    OWNER,
    READER,
)
from strongroom.core.guids import new_guid
from strongroom.core.identity import Group, Membership
from strongroom.core.network import Bypass, DefaultAction, NetworkAcls, VirtualNetworkRule
from strongroom.core.permissions import Permit
from strongroom.core.rbac import EVERYONE, DenyAssignment, RoleAssignment
from strongroom.core.resources import ManagementGroup
from strongroom.flow import authorization
from tests.flow.arm import Arm
from tests.flow.client import Client
from tests.flow.guarded import PROPAGATION
from tests.flow.networks import (
    connection,
    network_map,
    private_endpoint,
    put,
    remove,
    subnet_of,
    through,
    virtual_network,
)
from tests.world import Answer, Simulation

SECRETS = "Microsoft.KeyVault/vaults/secrets"
OF_THE_RESOURCE, OF_THE_REQUEST = f"@Resource[{SECRETS}:name]", f"@Request[{SECRETS}:name]"
APP_ONLY = f"{OF_THE_RESOURCE} StringStartsWith 'app-'"
APP_READ = f"(!(ActionMatches{{'{SECRETS}/getSecret/action'}}) OR ({APP_ONLY}))"
APP_WRITE = (
    f"((!(ActionMatches{{'{SECRETS}/setSecret/action', '{SECRETS}/restore/action'}}))"
    f" OR ({OF_THE_REQUEST} StringStartsWith 'app-'))"
)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world of the test's own, for what would change others' answers."""
    simulation = Simulation(tmp_path)
    yield simulation
    simulation.close()


def grant(
    world: Simulation,
    condition: str | None,
    role: str = KEY_VAULT_SECRETS_OFFICER,
    version: str | None = "2.0",
    scope: str | None = None,
) -> tuple[Client, RoleAssignment]:
    """Make a principal with a role under a condition, and a client of its."""
    principal = world.principal()
    held = world.grant(principal.oid, role, scope or world.vault.scope)
    limited = replace(held, condition=condition, condition_version=version)
    put(world, limited)
    return Client(world, principal), limited


def denial(world: Simulation, *principals: str, **how: object) -> DenyAssignment:
    """Deny principals every data action in the first vault."""
    made = DenyAssignment(
        new_guid(chance.token_bytes),
        world.first.tenant_id,
        world.vault.scope,
        "Nobody reads",
        int(world.clock()),
        data_actions=("*",),
        principals=principals,
    )
    return replace(made, **how)  # type: ignore[arg-type]  # the caller names fields


def secret_names() -> tuple[str, str]:
    """Give two names that no other test uses, one with the prefix and one without."""
    word = chance.token_hex(6)
    return f"app-{word}", f"web-{word}"


def refused(answer: Answer) -> list[str]:
    """Give the lines of a refusal by roles."""
    assert answer.status == 403, answer.body
    assert answer.error["innererror"] == {"code": "ForbiddenByRbac"}
    lines: list[str] = answer.error["message"].split("\r\n")
    return lines


class TestNames:
    """Conditions on the name of a secret."""

    def test_reading(self, world: Simulation, vault: Client) -> None:
        """Reference section 3.6: the one may be read, in every version, and the other not."""
        app, web = secret_names()
        version = vault.put(app)["id"].rpartition("/")[2]
        vault.put(app)
        other = vault.put(web)["id"].rpartition("/")[2]
        client, held = grant(world, APP_READ)
        answer = client.ask("GET", f"/secrets/{app}")
        assert answer.status == 200
        assert answer.headers["x-ms-keyvault-rbac-assignment-id"] == held.id
        client.done("GET", f"/secrets/{app}/{version}")
        assert refused(client.ask("GET", f"/secrets/{web}"))[3:8] == [
            f"Action: '{SECRETS}/getSecret/action'",
            f"Resource: '{world.vault.scope.lower()}/secrets/{web}'",
            "Assignment: (not found)",
            "DenyAssignmentId: null",
            "DecisionReason: 'DeniedWithNoValidRBAC' ",
        ]
        reason = world.entries()[-1]["properties"]["reason"]
        assert reason == f"no role assignment whose condition holds: {held.arm_id}"
        refused(client.ask("GET", f"/secrets/{web}/{other}"))
        # What the condition does not name, the role gives whole.
        client.done("GET", "/secrets")
        client.done("GET", f"/secrets/{web}/versions")

    def test_spelling(self, world: Simulation, vault: Client) -> None:
        """A secret's name has no case, so another spelling opens nothing that a condition keeps shut."""
        app, web = secret_names()
        vault.put(app)
        vault.put(web)
        client, _ = grant(world, f"NOT {OF_THE_RESOURCE} StringStartsWith 'web-'")
        client.done("GET", f"/secrets/{app}")
        client.done("GET", f"/secrets/{app.upper()}")
        for spelling in (web, web.upper(), web.capitalize(), web.replace("w", "%57"), web.replace("-", "%2D")):
            refused(client.ask("GET", f"/secrets/{spelling}"))

    def test_lists(self, world: Simulation, vault: Client) -> None:
        """A list names no secret, so a condition on the name makes every one of them a refusal (section 3.6)."""
        app, web = secret_names()
        vault.put(app)
        vault.put(web)
        client, _ = grant(world, APP_ONLY)
        refused(client.ask("GET", "/secrets"))
        refused(client.ask("GET", "/deletedsecrets"))
        client.done("GET", f"/secrets/{app}/versions")
        refused(client.ask("GET", f"/secrets/{web}/versions"))

    def test_writing(self, world: Simulation, vault: Client) -> None:
        """What is set may not be there yet, so its name is the request's."""
        app, web = secret_names()
        client, _ = grant(world, APP_WRITE)
        client.put(app)
        client.put(app)
        refused(client.ask("PUT", f"/secrets/{web}", body={"value": "x"}))
        assert vault.ask("GET", f"/secrets/{web}").status == 404
        of_the_resource, _ = grant(world, APP_ONLY)
        refused(of_the_resource.ask("PUT", f"/secrets/{app}", body={"value": "x"}))
        of_the_resource.done("PATCH", f"/secrets/{app}", body={"tags": {"a": "b"}})

    def test_deletion(self, world: Simulation, vault: Client) -> None:
        """Delete, what is deleted, recover and purge are each asked by the secret's name."""
        app, web = secret_names()
        vault.put(app)
        vault.put(web)
        client, _ = grant(world, APP_ONLY)
        refused(client.ask("DELETE", f"/secrets/{web}"))
        vault.done("DELETE", f"/secrets/{web}")
        client.done("DELETE", f"/secrets/{app}")
        client.done("GET", f"/deletedsecrets/{app}")
        client.done("POST", f"/deletedsecrets/{app}/recover")
        for method, path in (("GET", ""), ("POST", "/recover"), ("DELETE", "")):
            refused(client.ask(method, f"/deletedsecrets/{web}{path}"))
        client.done("DELETE", f"/secrets/{app}")
        client.done("DELETE", f"/deletedsecrets/{app}")

    def test_backups(self, world: Simulation, vault: Client) -> None:
        """A restore is asked by the name within the backup, once it is opened, and makes nothing if refused."""
        app, web = secret_names()
        blobs = {}
        for name in (app, web):
            vault.put(name)
            blobs[name] = vault.done("POST", f"/secrets/{name}/backup")["value"]
            vault.done("DELETE", f"/secrets/{name}")
            vault.done("DELETE", f"/deletedsecrets/{name}")
        client, held = grant(world, APP_WRITE)
        assert client.ask("POST", "/secrets/restore", body={"value": blobs[app]}).status == 200
        assert world.entries()[-1]["properties"]["appliedAssignmentId"] == held.arm_id
        lines = refused(client.ask("POST", "/secrets/restore", body={"value": blobs[web]}))
        assert lines[3] == f"Action: '{SECRETS}/restore/action'"
        entry = world.entries()[-1]["properties"]
        assert (entry["isRbacAuthorized"], entry.get("appliedAssignmentId")) == (False, None)
        assert vault.ask("GET", f"/secrets/{web}").status == 404
        assert vault.ask("GET", f"/secrets/{app}").status == 200
        # What is certain to be refused is refused before the body is read.
        never, _ = grant(world, "1 NumericEquals 2")
        refused(never.ask("POST", "/secrets/restore", body={"value": "no backup"}))

    def test_the_vaults_name(self, world: Simulation, vault: Client) -> None:
        """One role over many vaults, limited to some by their names."""
        app, _ = secret_names()
        vault.put(app)
        attribute = "@Resource[Microsoft.KeyVault/vaults:name]"
        here, _ = grant(world, f"{attribute} StringEquals '{world.vault.name}'", scope="/")
        here.done("GET", f"/secrets/{app}")
        here.done("GET", "/secrets")
        elsewhere, _ = grant(world, f"{attribute} StringNotEquals '{world.vault.name}'", scope="/")
        refused(elsewhere.ask("GET", f"/secrets/{app}"))


class TestTheWay:
    """Conditions on how and when a request came."""

    def test_private_links(self, own: Simulation) -> None:
        """A private endpoint is one where its connection let the request in, and by its own id."""
        network = virtual_network(own, service_endpoints=())
        endpoint = private_endpoint(network)
        put(own, network, endpoint, network_map(network, ["10.1.0.0/16"]), connection(own.vault, endpoint))
        Client(own).put("a")
        any_link, _ = grant(own, "@Environment[isPrivateLink] BoolEquals true")
        no_link, _ = grant(own, "@Environment[isPrivateLink] BoolEquals false")
        this_one, _ = grant(
            own, f"@Environment[Microsoft.Network/privateEndpoints] StringEqualsIgnoreCase '{endpoint.scope}'"
        )
        other, _ = grant(
            own, f"@Environment[Microsoft.Network/privateEndpoints] StringNotEqualsIgnoreCase '{endpoint.scope}'"
        )
        inside = {"peer": "10.1.0.5", **through(endpoint)}
        assert any_link.ask("GET", "/secrets/a", **inside).status == 200
        assert this_one.ask("GET", "/secrets/a", **inside).status == 200
        refused(no_link.ask("GET", "/secrets/a", **inside))
        refused(other.ask("GET", "/secrets/a", **inside))
        for client in (any_link, this_one, other):
            refused(client.ask("GET", "/secrets/a"))
            refused(client.ask("GET", "/secrets/a", peer="10.1.0.5"))
        no_link.done("GET", "/secrets/a")
        # What was decided for one way is not remembered for the other.
        assert any_link.ask("GET", "/secrets/a", **inside).status == 200
        refused(any_link.ask("GET", "/secrets/a"))

    def test_subnets(self, own: Simulation) -> None:
        """A subnet is the one whose rule let the request in; from elsewhere it is unknown, which grants nothing."""
        network = virtual_network(own)
        rule = VirtualNetworkRule(subnet_of(network).lower())
        put(own, network, network_map(network, ["10.1.0.0/16"]))
        Client(own).put("a")
        subnet = "@Environment[Microsoft.Network/virtualNetworks/subnets]"
        client, _ = grant(own, f"{subnet} StringEqualsIgnoreCase '{subnet_of(network)}'")
        unlike, _ = grant(own, f"{subnet} StringNotEqualsIgnoreCase '{subnet_of(network)}'")
        acls = NetworkAcls(DefaultAction.DENY, Bypass.NONE, ("203.0.113.0/24",), (rule,))
        own.set_vault(network_acls=acls)
        assert client.ask("GET", "/secrets/a", peer="10.1.0.5").status == 200
        refused(client.ask("GET", "/secrets/a"))
        refused(unlike.ask("GET", "/secrets/a", peer="10.1.0.5"))
        refused(unlike.ask("GET", "/secrets/a"))

    def test_the_time(self, own: Simulation) -> None:
        """A permit under a condition on the time is not remembered: when it is over, the next request is refused."""
        Client(own).put("a")
        ends = own.clock() + 100
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
        client, _ = grant(own, f"@Environment[UtcNow] DateTimeLessThan '{until}'")
        steady, _ = grant(own, APP_ONLY)
        for _ in range(2):
            client.done("GET", "/secrets/a")
        assert len(own.world.decisions) == 0
        Client(own).put("app-a")
        steady.done("GET", "/secrets/app-a")
        assert len(own.world.decisions) > 0
        own.advance(99)
        client.done("GET", "/secrets/a")
        own.advance(2)
        refused(client.ask("GET", "/secrets/a"))


class TestWhatIsStored:
    """Conditions that got into the store without being read."""

    @pytest.mark.parametrize(
        ("condition", "version"),
        [("garbage", "2.0"), ("", "2.0"), ("1 NumericEquals 1", "1.0"), ("(" * 5000, "2.0"), ("NOT garbage", None)],
    )
    def test_garbage_grants_nothing(self, world: Simulation, condition: str, version: str | None) -> None:
        """Pitfall "conditions dropped": what cannot be evaluated grants nothing, on the data plane and the other."""
        client, held = grant(world, condition, KEY_VAULT_ADMINISTRATOR, version)
        refused(client.ask("GET", "/secrets/a"))
        refused(client.ask("GET", "/secrets"))
        put(world, replace(held, role=OWNER, id=new_guid(chance.token_bytes)))
        arm = Arm(world, client.principal)
        assert arm.refused("GET", world.vault.scope)[:2] == (403, "AuthorizationFailed")

    def test_garbage_denies(self, own: Simulation) -> None:
        """SEC-FLOW-18: a deny assignment whose condition cannot be read denies."""
        client, _ = grant(own, None, KEY_VAULT_ADMINISTRATOR, None)
        client.put("a")
        taken = denial(own, client.principal.oid, condition="garbage")
        put(own, taken)
        refused(client.ask("GET", "/secrets/a"))
        put(own, replace(taken, condition="1 NumericEquals 2"))
        client.done("GET", "/secrets/a")

    def test_revocation(self, world: Simulation, vault: Client) -> None:
        """A condition that is changed, and an assignment that is removed, hold from the next request."""
        app, _ = secret_names()
        vault.put(app)
        client, held = grant(world, APP_READ)
        client.done("GET", f"/secrets/{app}")
        put(world, replace(held, condition=APP_READ.replace("app-", "web-")))
        refused(client.ask("GET", f"/secrets/{app}"))
        put(world, held)
        client.done("GET", f"/secrets/{app}")
        remove(world, held)
        assert world.entries()[-1]["properties"]["httpStatusCode"] == 200
        refused(client.ask("GET", f"/secrets/{app}"))
        assert world.entries()[-1]["properties"]["reason"] == "no role assignment"


class TestDenials:
    """Deny assignments."""

    def test_beat_every_role(self, own: Simulation) -> None:
        """Reference section 3.5: they win over Key Vault Administrator, from the next request on, and say so."""
        client, _ = grant(own, None, KEY_VAULT_ADMINISTRATOR, None)
        client.put("a")
        client.done("GET", "/secrets/a")
        taken = denial(own, client.principal.oid)
        put(own, taken)
        who = client.principal
        answer = client.ask("GET", "/secrets/a")
        assert answer.status == 403
        assert answer.error == {
            "code": "Forbidden",
            "message": "\r\n".join(
                (
                    "Caller is not authorized to perform action on resource.",
                    PROPAGATION,
                    f"Caller: appid={who.appid};oid={who.oid};iss=https://sts.windows.net/{own.first.tenant_id}/",
                    f"Action: '{SECRETS}/getSecret/action'",
                    f"Resource: '{own.vault.scope.lower()}/secrets/a'",
                    "Assignment: (not found)",
                    f"DenyAssignmentId: '{taken.id}'",
                    "DecisionReason: 'DeniedByDenyAssignment' ",
                    f"Vault: {own.vault.name};location={own.vault.location}",
                    "",
                )
            ),
            "innererror": {"code": "ForbiddenByRbac"},
        }
        entry = own.entries()[-1]["properties"]
        assert entry["reason"] == f"deny assignment {taken.arm_id}"
        assert entry["isRbacAuthorized"] is False
        remove(own, taken)
        client.done("GET", "/secrets/a")

    def test_everyone_but(self, own: Simulation) -> None:
        """Who is in an excluded group is spared, and nobody else."""
        group = Group(new_guid(chance.token_bytes), own.first.tenant_id, "spared", int(own.clock()))
        spared, _ = grant(own, None, KEY_VAULT_ADMINISTRATOR, None)
        other, _ = grant(own, None, KEY_VAULT_ADMINISTRATOR, None)
        spared.put("a")
        member = Membership(f"{group.id}/{spared.principal.oid}", own.first.tenant_id, group.id, spared.principal.oid)
        put(own, group, member, denial(own, EVERYONE, exclude_principals=(group.id,)))
        spared.done("GET", "/secrets/a")
        refused(other.ask("GET", "/secrets/a"))
        remove(own, member)
        refused(spared.ask("GET", "/secrets/a"))

    def test_of_one_object(self, own: Simulation) -> None:
        """What asks for the object is refused, and the list, which is asked of the vault, leaves it out."""
        client, _ = grant(own, None, KEY_VAULT_ADMINISTRATOR, None)
        client.put("a", "hidden")
        client.put("b")
        taken = denial(own, client.principal.oid, scope=f"{own.vault.scope}/secrets/A")
        put(own, taken)
        for path in ("/secrets/a", "/secrets/A/", "/secrets/a/versions"):
            refused(client.ask("GET", path))
        refused(client.ask("DELETE", "/secrets/a"))
        client.done("GET", "/secrets/b")
        listed = client.done("GET", "/secrets")["value"]
        names = {one["id"].rpartition("/")[2] for one in listed}
        assert ("a" in names, "b" in names) == (False, True)
        put(own, denial(own, client.principal.oid))
        refused(client.ask("GET", "/secrets"))

    def test_conditions(self, own: Simulation) -> None:
        """A denial under a condition takes some secrets, and what names none, since it may be any."""
        client, _ = grant(own, None, KEY_VAULT_ADMINISTRATOR, None)
        client.put("app-1")
        client.put("web-1")
        put(own, denial(own, EVERYONE, condition=APP_ONLY))
        refused(client.ask("GET", "/secrets/app-1"))
        refused(client.ask("GET", "/secrets/APP-1"))
        refused(client.ask("GET", "/secrets"))
        client.done("GET", "/secrets/web-1")

    def test_management(self, own: Simulation) -> None:
        """ARM's own words for it; who has no right there is told what who has none is told."""
        arm, stranger = Arm(own, own.principal()), Arm(own, own.principal())
        own.grant(arm.who.oid, OWNER, own.vault.scope)
        action = "Microsoft.KeyVault/vaults/read"
        taken = denial(own, EVERYONE, data_actions=(), actions=(action,), scope=f"{own.vault.scope}")
        put(own, taken)
        status, code, message = arm.refused("GET", own.vault.scope)
        assert (status, code) == (403, "DenyAssignmentAuthorizationFailed")
        assert message == (
            f"The client '{arm.who.appid}' with object id '{arm.who.oid}' has permission to perform action '{action}'"
            f" on scope '{own.vault.scope}'; however, the access is denied because of the deny assignment with name"
            f" 'Nobody reads' and Id '{taken.id.replace('-', '')}' at scope '{own.vault.scope}'."
        )
        assert own.entries()[-1]["properties"]["reason"] == f"deny assignment {taken.arm_id}"
        assert stranger.refused("GET", own.vault.scope)[:2] == (403, "AuthorizationFailed")
        # What a list shows goes by the same right.
        subscription = f"/subscriptions/{own.first.installation.subscription}"
        own.grant(arm.who.oid, READER, subscription)
        listed = arm.do("GET", f"{subscription}/providers/Microsoft.KeyVault/vaults")
        assert listed["value"] == []
        remove(own, taken)
        assert len(arm.do("GET", f"{subscription}/providers/Microsoft.KeyVault/vaults")["value"]) == 1

    def test_management_groups(self, own: Simulation) -> None:
        """Rights and denials at a group reach the subscriptions in it and in the groups within it, at once."""
        tenant, now = own.first.tenant_id, int(own.clock())
        upper = ManagementGroup("upper", tenant, "Upper", "Upper", now)
        lower = ManagementGroup("lower", tenant, "Lower", "Lower", now, "upper")
        client = Client(own, own.principal())
        own.grant(client.principal.oid, KEY_VAULT_ADMINISTRATOR, upper.scope)
        put(own, upper, lower)
        refused(client.ask("GET", "/secrets"))
        subscription = own.view.subscription(own.first.installation.subscription)
        assert subscription is not None
        put(own, replace(subscription, management_group="Lower"))
        client.done("GET", "/secrets")
        taken = denial(own, client.principal.oid, scope=lower.scope.upper())
        put(own, taken)
        refused(client.ask("GET", "/secrets"))
        remove(own, taken)
        client.done("GET", "/secrets")
        put(own, replace(lower, parent=""))
        refused(client.ask("GET", "/secrets"))
        # A circle of groups ends somewhere, and gives nothing that is not in it.
        put(own, replace(lower, parent="upper"), replace(upper, parent="lower"))
        client.done("GET", "/secrets")


class TestDelegation:
    """Rights to give roles that are under a condition."""

    def test_no_condition_is_enough_to_choose_the_model(self, world: Simulation) -> None:
        """SEC-TENANT-3: not even one that holds: the right has to be unrestricted."""
        arm = Arm(world, world.principal())
        arm_owner = Arm(world, world.administrator)
        arm_owner.make_vault()
        world.grant(arm.who.oid, KEY_VAULT_CONTRIBUTOR, arm_owner.vault)
        body = {"properties": {"enableRbacAuthorization": False}}
        delegated = world.grant(arm.who.oid, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR, arm_owner.vault)
        owner = world.grant(arm.who.oid, OWNER, arm_owner.vault)
        put(world, replace(owner, condition="1 NumericEquals 1", condition_version="2.0"))
        assert arm.refused("PATCH", arm_owner.vault, body)[:2] == (403, "AuthorizationFailed")
        remove(world, delegated)
        assert arm.refused("PATCH", arm_owner.vault, body)[:2] == (403, "AuthorizationFailed")
        put(world, owner)
        arm.do("PATCH", arm_owner.vault, body)

    def test_a_handler_that_does_not_decide_commits_nothing(
        self, world: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A row that leaves the decision to its handler is no hole where that one does not take it."""
        app, _ = secret_names()
        vault.put(app)
        blob = vault.done("POST", f"/secrets/{app}/backup")["value"]
        vault.done("DELETE", f"/secrets/{app}")
        vault.done("DELETE", f"/deletedsecrets/{app}")
        client, _ = grant(world, APP_WRITE)
        undecided = Permit(f"{SECRETS}/restore/action", "rbac", settled=False)
        monkeypatch.setattr(authorization, "require_data", lambda *_: undecided)
        assert client.ask("POST", "/secrets/restore", body={"value": blob}).status == 500
        assert vault.ask("GET", f"/secrets/{app}").status == 404
