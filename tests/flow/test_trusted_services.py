"""Trusted services: service principals that the operator made so, for named operations, and never by a name alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.limits import TRUSTED_OPERATIONS
from strongroom.core.network import Bypass, DefaultAction, Link, NetworkAcls, PublicNetworkAccess
from strongroom.core.networks import PerimeterMode, TrustedService
from strongroom.core.trusted_services import SERVICES
from tests.flow import journal
from tests.flow.arm import Arm
from tests.flow.client import ADMINISTRATOR, Client, client_of, make_tenant
from tests.flow.graph import Graph
from tests.flow.networks import association, perimeter, put, reads, remove
from tests.world import Answer, Principal, Simulation

BACKUP, TEMPLATES = "Azure Backup", "Azure Resource Manager template deployment"
OPEN_TO_TRUSTED = NetworkAcls(DefaultAction.DENY, Bypass.AZURE_SERVICES)

pytestmark = pytest.mark.usefixtures("restored", "cleared")


def control(world: Simulation, method: str, path: str = "", body: object = None) -> Answer:
    """Ask over the owner's socket."""
    return world.ask(method, f"http://control/trusted-services{path}", body=body, link=Link.CONTROL, host="control")


def trust(world: Simulation, principal: str, service: str = BACKUP, *operations: str) -> dict[str, Any]:
    """Make a service principal a trusted service."""
    wanted = {"principal": principal, "service": service, "operations": operations or ("SecretList",)}
    # Other tests leave tenants behind.
    answer = control(world, "POST", body={**wanted, "tenant": world.first.tenant_id})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


@pytest.fixture
def cleared(world: Simulation) -> Iterator[None]:
    """Leave no trusted service behind, since the tests share a world."""
    yield
    for one in control(world, "GET").json["value"]:
        assert control(world, "DELETE", f"/{one['id']}").status == 204


@pytest.fixture
def app(world: Simulation) -> Principal:
    """Make an application that may do everything in the first vault."""
    principal = world.principal("backup")
    world.grant(principal.oid, ADMINISTRATOR, world.vault.scope)
    return principal


def ask(world: Simulation, app: Principal, path: str = "/secrets") -> Answer:
    """Ask for something in the vault as an application."""
    return Client(world, app).ask("GET", path)


@pytest.mark.parametrize("access", [PublicNetworkAccess.ENABLED, PublicNetworkAccess.DISABLED])
def test_it_passes_the_bypass(world: Simulation, app: Principal, access: PublicNetworkAccess) -> None:
    """Reference section 2: the "bypass survives Disabled"; the journal says which service it was."""
    world.set_vault(network_acls=OPEN_TO_TRUSTED, public_network_access=access)
    assert not reads(ask(world, app))
    made = trust(world, app.oid)
    assert made["service"] == BACKUP
    assert reads(ask(world, app))
    told = journal.last(world)["properties"]
    assert (told["addrAuthType"], told["trustedService"]) == ("bypass AzureServices", BACKUP)
    assert control(world, "DELETE", f"/{made['id']}").status == 204
    assert not reads(ask(world, app))
    assert "trustedService" not in journal.last(world)["properties"]


def test_nobody_passes_without_the_bypass(world: Simulation, app: Principal) -> None:
    """With bypass None, in a perimeter, or left to one, a trusted service is as any other caller."""
    trust(world, app.oid)
    closed = replace(OPEN_TO_TRUSTED, bypass=Bypass.NONE)
    for access in (PublicNetworkAccess.ENABLED, PublicNetworkAccess.DISABLED):
        world.set_vault(network_acls=closed, public_network_access=access)
        assert not reads(ask(world, app))
    world.set_vault(network_acls=OPEN_TO_TRUSTED, public_network_access=PublicNetworkAccess.SECURED_BY_PERIMETER)
    assert not reads(ask(world, app))
    around = perimeter(world)
    inside = association(around, world.vault, PerimeterMode.ENFORCED)
    put(world, around, inside)
    try:
        world.set_vault(network_acls=OPEN_TO_TRUSTED, public_network_access=PublicNetworkAccess.ENABLED)
        assert not reads(ask(world, app))
    finally:
        remove(world, around, inside)


def test_it_is_trusted_for_what_was_named_and_nothing_else(world: Simulation, app: Principal) -> None:
    """SEC-FLOW-14: another operation is refused as anybody's would be."""
    world.set_vault(network_acls=OPEN_TO_TRUSTED)
    trust(world, app.oid, BACKUP, "SecretList", "SecretBackup")
    assert reads(ask(world, app))
    answer = ask(world, app, "/deletedsecrets")
    assert answer.error["innererror"]["code"] == "ForbiddenByFirewall"
    assert answer.error["message"].startswith("Client address is not authorized and caller is not a trusted service.")


def test_an_application_id_alone_is_no_trusted_service(world: Simulation) -> None:
    """SEC-FLOW-14: an app id names nobody, and an object id counts in its own tenant alone."""
    alien = make_tenant(world)
    put(world, TrustedService("t-1", world.first.tenant_id, alien.principal.oid, BACKUP, ("SecretList",), 0))
    put(world, replace(alien.vault, network_acls=OPEN_TO_TRUSTED))
    assert not reads(client_of(world, alien).ask("GET", "/secrets"))
    put(world, TrustedService("t-2", alien.id, alien.principal.appid, BACKUP, ("SecretList",), 0))
    assert not reads(client_of(world, alien).ask("GET", "/secrets"))
    put(world, TrustedService("t-3", alien.id, alien.principal.oid, BACKUP, ("SecretList",), 0))
    assert reads(client_of(world, alien).ask("GET", "/secrets"))


def test_it_needs_token_and_right_as_ever(world: Simulation) -> None:
    """Reference section 2: "Trusted service still needs a token and permission"."""
    world.set_vault(network_acls=OPEN_TO_TRUSTED)
    nobody = world.principal("nobody")
    trust(world, nobody.oid)
    answer = ask(world, nobody)
    assert (answer.status, answer.error["innererror"]["code"]) == (403, "ForbiddenByRbac")
    assert journal.last(world)["properties"]["trustedService"] == BACKUP
    url = f"{world.vault_url}/secrets?api-version=7.4"
    assert world.ask("GET", url).status == 401
    broken = world.ask("GET", url, token=f"{world.token(nobody)}x")
    assert (broken.status, broken.error["innererror"]["code"]) == (403, "ForbiddenByFirewall")
    assert "Caller" not in broken.error["message"]


@pytest.mark.parametrize(
    ("service", "flag", "label"),
    [
        (TEMPLATES, "enabled_for_template_deployment", "ARM"),
        ("Azure Virtual Machines deployment", "enabled_for_deployment", None),
        ("Azure Disk Encryption", "enabled_for_disk_encryption", None),
    ],
)
def test_a_scenario_needs_its_flag(
    world: Simulation, app: Principal, service: str, flag: str, label: str | None
) -> None:
    """Reference section 2: `AccessDenied`, until the vault has the setting that the scenario is about."""
    flags = dict.fromkeys(
        ("enabled_for_template_deployment", "enabled_for_deployment", "enabled_for_disk_encryption"), True
    )
    world.set_vault(network_acls=OPEN_TO_TRUSTED, **{**flags, flag: False})
    trust(world, app.oid, service)
    answer = ask(world, app)
    tenant = world.first.tenant_id
    assert answer.status == 403
    assert answer.error == {
        "code": "Forbidden",
        "message": (
            "Access denied to first party service.\r\n"
            f"Caller: name={label or service};tid={tenant};appid={app.appid};oid={app.oid};"
            f"iss=https://sts.windows.net/{tenant}/\r\n"
            f"Vault: {world.vault.name};location={world.vault.location}"
        ),
        "innererror": {"code": "AccessDenied"},
    }
    told = journal.last(world)["properties"]
    assert (told["trustedService"], told["errorCode"]) == (service, "AccessDenied")
    # An operation it is not trusted for is refused as anybody's, flag or not.
    assert ask(world, app, "/deletedsecrets").error["innererror"]["code"] == "ForbiddenByFirewall"
    world.set_vault(**{flag: True})
    assert reads(ask(world, app))
    world.set_vault(
        network_acls=NetworkAcls(DefaultAction.DENY, Bypass.AZURE_SERVICES, ("0.0.0.0/0",)), **{flag: False}
    )
    assert reads(ask(world, app))
    assert "trustedService" not in journal.last(world)["properties"]


def test_it_ends_with_the_principal(world: Simulation, app: Principal) -> None:
    """SEC-FLOW-14: trust is not restored with a principal that was deleted."""
    trust(world, app.oid)
    graph = Graph(world)
    graph.do("DELETE", f"servicePrincipals/{app.oid}")
    assert control(world, "GET").json["value"] == []
    assert graph.ask("POST", f"directory/deletedItems/{app.oid}/restore", {}).status == 200
    assert control(world, "GET").json["value"] == []
    world.set_vault(network_acls=OPEN_TO_TRUSTED)
    assert not reads(ask(world, app))


def test_a_managed_identity_is_named_by_its_arm_id(world: Simulation) -> None:
    """By object id, app id or ARM id: what is kept is the object id. It ends with the identity."""
    arm = Arm(world, world.administrator)
    arm.make_identity()
    made = trust(world, arm.identity.upper(), "azure backup")
    assert made["service"] == BACKUP
    principal = world.view.principal(world.first.tenant_id, made["objectId"])
    assert principal is not None
    arm.do("DELETE", arm.identity)
    assert control(world, "GET").json["value"] == []


def test_what_is_told_of_it(world: Simulation, app: Principal) -> None:
    """The list says who, what and for which operations, and the journal who was made one."""
    made = trust(world, app.appid, TEMPLATES, "SecretGet", "SecretList", "SecretGet")
    entry = journal.last(world)
    assert entry["operationName"] == "TrustedServiceAdd"
    told = {name: entry["properties"][name] for name in ("tenantId", "objectId", "trustedService")}
    assert told == {"tenantId": world.first.tenant_id, "objectId": app.oid, "trustedService": TEMPLATES}
    assert entry["properties"]["trustedServiceOperations"] == ["SecretGet", "SecretList"]
    assert control(world, "GET").json["value"] == [made]
    assert made == {
        "id": made["id"],
        "tenantId": world.first.tenant_id,
        "objectId": app.oid,
        "displayName": "backup",
        "service": TEMPLATES,
        "operations": ["SecretGet", "SecretList"],
        "flag": "enabledForTemplateDeployment",
        "created": int(world.clock()),
    }


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ({"principal": "00000000-0000-0000-0000-000000000000"}, 404, "no service principal"),
        ({"principal": ""}, 404, "no service principal"),
        ({"service": "Azure DevOps"}, 400, "none of the trusted services"),
        ({"operations": []}, 400, "named operations"),
        ({"operations": ["SecretGet", "VaultHealth"]}, 400, "named operations"),
        ({"operations": ["*"]}, 400, "named operations"),
        ({"operations": ["secretget"]}, 400, "named operations"),
        ({"flag": None}, 400, "flag"),
        ({"tenant": "nowhere.example"}, 404, "no such tenant"),
    ],
)
def test_what_cannot_be_one_is_refused(
    world: Simulation, app: Principal, wrong: dict[str, object], status: int, words: str
) -> None:
    """SEC-BOOT-7: what the operator cannot mean is told in a clear sentence, and nothing changes."""
    body = {"principal": app.oid, "service": BACKUP, "operations": ["SecretGet"], "tenant": world.first.tenant_id}
    answer = control(world, "POST", body={**body, **wrong})
    assert answer.status == status
    assert words in answer.error["message"]
    assert control(world, "GET").json["value"] == []


def test_a_principal_is_one_service(world: Simulation, app: Principal) -> None:
    """Two records about one principal would have to agree: the second is refused."""
    made = trust(world, app.oid)
    body = {"principal": app.oid, "service": TEMPLATES, "operations": ["SecretGet"], "tenant": world.first.tenant_id}
    answer = control(world, "POST", body=body)
    assert (answer.status, "already" in answer.error["message"]) == (409, True)
    assert control(world, "GET").json["value"] == [made]


def test_operations_are_limited(world: Simulation, app: Principal) -> None:
    """At the limit and one past it."""
    trust(world, app.oid, BACKUP, *["SecretGet"] * TRUSTED_OPERATIONS)
    body = {"principal": app.oid, "service": BACKUP, "operations": ["SecretGet"] * (TRUSTED_OPERATIONS + 1)}
    assert control(world, "POST", body=body).status == 400


def test_the_list_is_the_references() -> None:
    """Reference section 2 names who is on the list and who is not."""
    assert {"Azure DevOps", "Azure Container Apps", "Azure Functions"}.isdisjoint(SERVICES)
    assert sum(scenario.flag is not None for scenario in SERVICES.values()) == 3
