"""Diagnostic settings: who may make them, what they may name, and that none takes anything from the service's audit."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import audit_limits
from strongroom.core.builtin_roles import CONTRIBUTOR
from strongroom.core.diagnostics import AuditSink, DiagnosticSetting, SinkKind
from strongroom.core.rbac import RoleAssignment
from strongroom.core.records import tenant_partition
from tests.flow.arm import Arm
from tests.flow.client import make_tenant
from tests.world import Simulation

EVENT_HUB = "providers/Microsoft.EventHub/namespaces/n/authorizationRules/RootManageSharedAccessKey"
WORKSPACE = "providers/Microsoft.OperationalInsights/workspaces/w"
PARTNER = "providers/Microsoft.Datadog/monitors/m"


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with a vault and a sink."""
    arm = Arm(world, world.administrator)
    arm.make_vault()
    arm.make_sink()
    return arm


def put(arm: Arm, name: str = "", **properties: Any) -> Any:
    """Make a setting."""
    return arm.do("PUT", f"{arm.setting}{name}", arm.setting_body(**properties))


def kept(arm: Arm) -> list[DiagnosticSetting]:
    """Give the records of the vault's settings."""
    vault = arm.world.view.vault_by_name(arm.vault_name)
    assert vault is not None
    found = arm.world.view.all(DiagnosticSetting, tenant_partition(arm.world.first.tenant_id))
    return [one for one in found if one.vault == vault.id]


def test_one_is_made_read_listed_and_deleted(arm: Arm) -> None:
    """In the shape that azure-cli's `monitor diagnostic-settings` reads."""
    retention = {"enabled": True, "days": 30}
    made = put(
        arm,
        logs=[{"category": "auditevent", "enabled": True, "retentionPolicy": retention}],
        metrics=[{"category": "AllMetrics", "enabled": False, "timeGrain": "PT1M"}],
    )
    assert made["type"] == "Microsoft.Insights/diagnosticSettings"
    assert made["id"].lower() == arm.setting.lower()
    assert made["properties"] == {
        "storageAccountId": arm.storage,
        "eventHubAuthorizationRuleId": None,
        "workspaceId": None,
        "marketplacePartnerId": None,
        "serviceBusRuleId": None,
        "eventHubName": None,
        "metrics": [{"category": "AllMetrics", "categoryGroup": None, "enabled": False, "retentionPolicy": None}],
        "logs": [{"category": "AuditEvent", "categoryGroup": None, "enabled": True, "retentionPolicy": retention}],
        "logAnalyticsDestinationType": None,
    }
    assert arm.do("GET", arm.setting.upper().replace("/SUBSCRIPTIONS", "/subscriptions")) == made
    assert arm.do("GET", arm.setting.rpartition("/")[0]) == {"value": [made]}
    assert arm.ask("DELETE", arm.setting).status == 200
    assert arm.ask("DELETE", arm.setting).status == 204
    assert arm.refused("GET", arm.setting)[:2] == (404, "ResourceNotFound")


def test_every_kind_of_destination(arm: Arm) -> None:
    """A storage account, an event hub, a workspace, a partner, all in one setting."""
    ids = {
        SinkKind.STORAGE: arm.storage,
        SinkKind.EVENT_HUB: f"{arm.group}/{EVENT_HUB}",
        SinkKind.WORKSPACE: f"{arm.group}/{WORKSPACE}",
        SinkKind.PARTNER: f"{arm.group}/{PARTNER}",
    }
    for place, (kind, resource) in enumerate(ids.items()):
        if kind is not SinkKind.STORAGE:
            arm.make_sink(id=f"{kind}-{arm.tag}", resource=resource.lower(), kind=kind, folder=f"/f/{place}{arm.tag}")
    more = {kind.value: resource for kind, resource in ids.items()}
    made = put(arm, **more, eventHubName="hub", logAnalyticsDestinationType="dedicated")["properties"]
    assert {kind.value: made[kind.value] for kind in SinkKind} == more
    assert (made["eventHubName"], made["logAnalyticsDestinationType"]) == ("hub", "Dedicated")


def test_groups_stand_for_their_categories(arm: Arm) -> None:
    """`audit` and `allLogs`, as the portal and policies send them."""
    made = put(arm, logs=[{"categoryGroup": "allLogs", "enabled": True}, {"categoryGroup": "AUDIT", "enabled": False}])
    assert [one.get("categoryGroup") for one in made["properties"]["logs"]] == ["allLogs", "audit"]
    assert kept(arm)[0].categories == {"AuditEvent", "AzurePolicyEvaluationDetails"}


def test_the_categories_are_told(arm: Arm) -> None:
    """As azure-cli's `monitor diagnostic-settings categories` reads them."""
    path = f"{arm.vault}/providers/microsoft.insights/diagnosticSettingsCategories"
    found = {one["name"]: one["properties"] for one in arm.do("GET", path)["value"]}
    assert {name: one["categoryType"] for name, one in found.items()} == {
        "AuditEvent": "Logs",
        "AzurePolicyEvaluationDetails": "Logs",
        "AllMetrics": "Metrics",
    }
    assert found["AuditEvent"]["categoryGroups"] == ["audit", "allLogs"]
    assert arm.do("GET", f"{path}/auditevent")["name"] == "AuditEvent"
    assert arm.refused("GET", f"{path}/Nothing")[:2] == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"storageAccountId": None}, "At least one data sink"),
        ({"storageAccountId": "/nothing"}, "is not the ARM id of"),
        ({"storageAccountId": "/etc/passwd"}, "is not the ARM id of"),
        ({"storageAccountId": "https://example.com/hook"}, "is not the ARM id of"),
        ({"serviceBusRuleId": "/x"}, "serviceBusRuleId is not supported"),
        ({"eventHubName": "hub"}, "eventHubName goes with"),
        ({"logs": [{"category": "Nothing", "enabled": True}]}, "Category 'Nothing' is not supported"),
        ({"logs": [{"categoryGroup": "none", "enabled": True}]}, "Category 'none' is not supported"),
        ({"logs": [{"enabled": True}]}, "has a category or a categoryGroup"),
        ({"logs": [{"category": "AuditEvent"}]}, "enabled"),
        ({"logs": [{"category": "AuditEvent", "enabled": True}] * 2}, "more than once"),
        (
            {"logs": [{"category": "AuditEvent", "enabled": True}, {"categoryGroup": "audit", "enabled": True}]},
            "not both",
        ),
        ({"metrics": [{"category": "Some", "enabled": True}]}, "Category 'Some' is not supported"),
        ({"logAnalyticsDestinationType": "Other"}, "logAnalyticsDestinationType is one of"),
        ({"logs": [{"category": "AuditEvent", "enabled": True, "retentionPolicy": {"days": -1}}]}, "days"),
    ],
)
def test_what_cannot_be_is_refused(arm: Arm, properties: dict[str, Any], told: str) -> None:
    """With what is wrong, and nothing changed."""
    status, _, message = arm.refused("PUT", arm.setting, arm.setting_body(**properties))
    assert status == 400
    assert told in message


def test_the_id_of_another_kind_is_refused(arm: Arm) -> None:
    """A workspace is no storage account."""
    body = arm.setting_body(storageAccountId=f"{arm.group}/{WORKSPACE}")
    assert "something else" in arm.refused("PUT", arm.setting, body)[2]


def test_what_the_operator_has_not_mapped_is_refused(world: Simulation, arm: Arm) -> None:
    """SEC-AUDIT-8: nobody chooses a place through ARM; the refusal says what the operator is to do."""
    elsewhere = f"{arm.group}/providers/Microsoft.Storage/storageAccounts/other"
    status, code, message = arm.refused("PUT", arm.setting, arm.setting_body(storageAccountId=elsewhere))
    assert (status, code) == (400, "BadRequest")
    assert "strongroom audit-sinks add" in message
    alien = make_tenant(world)
    arm.make_sink(id=f"a-{arm.tag}", tenant=alien.id, resource=elsewhere.lower(), folder=f"/alien/{arm.tag}")
    assert arm.refused("PUT", arm.setting, arm.setting_body(storageAccountId=elsewhere)) == (status, code, message)


def test_it_takes_a_right_over_the_destination(world: Simulation, arm: Arm) -> None:
    """SEC-TENANT-11: with a right over the vault alone nobody sends its audit to somebody's storage account."""
    someone = arm.as_(world.principal("someone"))
    world.grant(someone.who.oid, CONTRIBUTOR, arm.vault)
    status, code, message = someone.refused("PUT", arm.setting, arm.setting_body())
    assert (status, code) == (403, "LinkedAuthorizationFailed")
    assert "Microsoft.Storage/storageAccounts/listKeys/action" in message
    unmapped = f"{arm.group}/providers/Microsoft.Storage/storageAccounts/other"
    assert someone.refused("PUT", arm.setting, arm.setting_body(storageAccountId=unmapped))[:2] == (status, code)
    world.grant(someone.who.oid, CONTRIBUTOR, arm.storage)
    assert someone.ask("PUT", arm.setting, arm.setting_body()).status == 200


def test_what_goes_while_it_is_made_is_not_used(world: Simulation, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-FLOW-7: a right over the destination that is taken, or a sink that is removed, just before the commit."""
    someone, tenant = arm.as_(world.principal()), tenant_partition(world.first.tenant_id)
    world.grant(someone.who.oid, CONTRIBUTOR, arm.vault)
    world.grant(someone.who.oid, CONTRIBUTOR, arm.storage)
    right = next(one for one in world.view.all(RoleAssignment, tenant) if one.scope == arm.storage)
    sink = next(one for one in world.view.all(AuditSink) if one.resource == arm.storage.lower())
    commit = type(world.store).commit
    for who, gone, status in ((someone, right, 403), (arm, sink, 400)):

        async def late(self: Any, change: Any, gone: Any = gone, **how: Any) -> Any:
            monkeypatch.undo()
            await commit(self, lambda tx: tx.remove(gone))
            return await commit(self, change, **how)

        monkeypatch.setattr(type(world.store), "commit", late)
        assert who.ask("PUT", arm.setting, arm.setting_body()).status == status
    assert kept(arm) == []


def test_of_an_id_of_no_subscription_here_the_operator_alone_decides(arm: Arm) -> None:
    """There is no scope to have a right at; the operator's map says which tenant may name it."""
    foreign = arm.storage.replace(arm.world.first.subscription_id, "5bbbbbbb-0000-4000-8000-000000000001")
    arm.make_sink(id=f"f-{arm.tag}", resource=foreign.lower(), folder=f"/foreign/{arm.tag}")
    assert put(arm, storageAccountId=foreign)["properties"]["storageAccountId"] == foreign


def test_a_vault_has_so_many_and_no_more(arm: Arm) -> None:
    """At the limit one can still be changed; one past it is refused."""
    for place in range(audit_limits.DIAGNOSTIC_SETTINGS):
        resource = f"{arm.group}/providers/Microsoft.Storage/storageAccounts/n{place}"
        arm.make_sink(id=f"{place}-{arm.tag}", resource=resource.lower(), folder=f"/n/{place}{arm.tag}")
        put(arm, str(place), storageAccountId=resource)
    assert arm.refused("PUT", f"{arm.setting}-more", arm.setting_body())[:2] == (409, "Conflict")
    assert arm.ask("PUT", f"{arm.setting}0", arm.setting_body()).status == 200


def test_a_category_goes_to_a_sink_once(arm: Arm) -> None:
    """Two settings do not send the same to the same place; a category each they may."""
    put(arm, logs=[{"categoryGroup": "audit", "enabled": True}])
    status, code, message = arm.refused("PUT", f"{arm.setting}-2", arm.setting_body())
    assert (status, code) == (409, "Conflict")
    assert "category 'AuditEvent' to the same data sink" in message
    put(arm, "-2", logs=[{"category": "AzurePolicyEvaluationDetails", "enabled": True}])


@pytest.mark.parametrize("count", [audit_limits.DIAGNOSTIC_NAME_CHARS, audit_limits.DIAGNOSTIC_NAME_CHARS + 1])
def test_a_name_has_a_length(arm: Arm, count: int) -> None:
    """At the limit it is taken, one past it not."""
    path = f"{arm.setting.rpartition('/')[0]}/{'n' * count}"
    assert arm.ask("PUT", path, arm.setting_body()).status == (
        200 if count == audit_limits.DIAGNOSTIC_NAME_CHARS else 400
    )


@pytest.mark.parametrize("name", ["a%2Ab", "a%3Ab", "%2E%2E%5Cx", "a%0Ab"])
def test_a_name_has_no_signs_that_azures_may_not_have(arm: Arm, name: str) -> None:
    """Nor what could be something else in a path."""
    assert arm.refused("PUT", f"{arm.setting.rpartition('/')[0]}/{name}", arm.setting_body())[0] == 400


@pytest.mark.parametrize("count", [audit_limits.DIAGNOSTIC_FLOWS, audit_limits.DIAGNOSTIC_FLOWS + 1])
def test_a_setting_lists_so_much_and_no_more(arm: Arm, count: int) -> None:
    """At the limit the list is read, and found to repeat itself; one past it it is not read."""
    logs = [{"category": "AuditEvent", "enabled": True}] * count
    told = arm.refused("PUT", arm.setting, arm.setting_body(logs=logs))[2]
    assert ("more than once" in told) == (count == audit_limits.DIAGNOSTIC_FLOWS)


@pytest.mark.parametrize("days", [audit_limits.DIAGNOSTIC_RETENTION_DAYS, audit_limits.DIAGNOSTIC_RETENTION_DAYS + 1])
def test_retention_has_a_limit(arm: Arm, days: int) -> None:
    """At the limit it is kept, one past it refused."""
    logs = [{"category": "AuditEvent", "enabled": True, "retentionPolicy": {"enabled": True, "days": days}}]
    answer = arm.ask("PUT", arm.setting, arm.setting_body(logs=logs))
    assert answer.status == (200 if days == audit_limits.DIAGNOSTIC_RETENTION_DAYS else 400)


def test_it_stays_with_a_deleted_vault_and_goes_with_a_purged_one(arm: Arm) -> None:
    """A vault of the same name that comes later has none of its settings."""
    put(arm)
    arm.do("DELETE", arm.vault)
    assert len(kept(arm)) == 1
    assert arm.refused("GET", arm.setting)[0] == 404
    arm.do("PUT", arm.vault, arm.vault_body(createMode="recover"))
    assert arm.ask("GET", arm.setting).status == 200
    arm.do("DELETE", arm.vault)
    arm.do("POST", f"{arm.deleted_vault}/purge")
    arm.do("PUT", arm.vault, arm.vault_body())
    assert arm.do("GET", arm.setting.rpartition("/")[0]) == {"value": []}
    tenant = tenant_partition(arm.world.first.tenant_id)
    assert not [one for one in arm.world.view.all(DiagnosticSetting, tenant) if one.name == f"d-{arm.tag}"]


def test_a_sink_that_was_named_before_goes_on(arm: Arm) -> None:
    """A change of a setting takes nothing from a sink that lags; one that is new begins now."""
    put(arm)
    first = kept(arm)[0].destinations[0].since
    arm.world.advance(60)
    workspace = f"{arm.group}/{WORKSPACE}"
    arm.make_sink(id=f"w-{arm.tag}", resource=workspace.lower(), kind=SinkKind.WORKSPACE, folder=f"/w/{arm.tag}")
    put(arm, workspaceId=workspace)
    assert [one.since for one in kept(arm)[0].destinations] == [first, first + 60]
    put(arm, logs=[{"category": "AuditEvent", "enabled": False}])
    arm.world.advance(60)
    put(arm)
    assert [one.since for one in kept(arm)[0].destinations] == [first + 120]


def test_nothing_of_it_is_in_the_way_of_the_services_own_audit(arm: Arm) -> None:
    """SEC-AUDIT-5: with a setting that sends nothing, everything is in the journal as before."""
    put(arm, logs=[{"categoryGroup": "allLogs", "enabled": False}])
    before = len(arm.world.entries())
    arm.do("GET", arm.vault)
    (entry,) = arm.world.entries()[before:][-1:]
    assert entry["operationName"] == "VaultGet"


@pytest.mark.parametrize("scope", ["", "/resourceGroups/default"])
def test_nothing_but_a_vault_has_settings(arm: Arm, scope: str) -> None:
    """A subscription's settings, which would copy the activity log, are told as not served."""
    path = f"{arm.subscription}{scope}/providers/Microsoft.Insights/diagnosticSettings"
    status, code, message = arm.refused("GET", path)
    assert (status, code) == (404, "InvalidResourceType")
    assert (
        "'diagnosticSettings' is served at other scopes than this one, in the namespace 'Microsoft.Insights'" in message
    )
    assert arm.refused("PUT", f"{path}/x", {"properties": {}})[:2] == (404, "InvalidResourceType")
