"""The activity log: what was changed through the management plane, by whom, and who may read of it."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from strongroom.arm import activity_log
from strongroom.arm.activity_events import changes_among
from strongroom.arm.activity_filters import SELECTABLE
from strongroom.arm.operations import OPERATIONS
from strongroom.core import audit_limits
from strongroom.core.builtin_roles import CONTRIBUTOR, READER
from strongroom.core.errors import Throttled
from strongroom.flow.operation import Op
from strongroom.journal import Entry, Identity, encode
from tests.flow.arm import Arm
from tests.flow.client import make_tenant
from tests.world import ARM_AUDIENCE, Answer, Simulation

VALUES = "/providers/Microsoft.Insights/eventtypes/management/values"
DAY_S = 86_400


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, a second later than anything before."""
    world.advance(1)
    return Arm(world, world.administrator)


def iso(at: float) -> str:
    """Write a time as azure-cli does."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()


def ask(arm: Arm, more: str = "", *, since: float | None = None, at: str | None = None, select: str = "") -> Answer:
    """Ask for the events since a time, of the subscription if nothing else is said."""
    begin = arm.world.clock() if since is None else since
    wanted = f"eventTimestamp ge {iso(begin)}{f' and {more}' if more else ''}"
    query = f"?$filter={quote(wanted)}" + (f"&$select={quote(select)}" if select else "")
    return arm.ask("GET", f"{arm.subscription if at is None else at}{VALUES}{query}", version="2015-04-01")


def events(arm: Arm, more: str = "", **how: Any) -> list[dict[str, Any]]:
    """Give every event, over all pages."""
    answer = ask(arm, more, **how)
    found: list[dict[str, Any]] = []
    while True:
        assert answer.status == 200, answer.body
        found += answer.json["value"]
        if "nextLink" not in answer.json:
            return found
        answer = arm.world.ask("GET", answer.json["nextLink"], token=arm.world.token(arm.who, ARM_AUDIENCE))


def actions(found: list[dict[str, Any]]) -> list[str]:
    """Give what was done."""
    return [one["operationName"]["value"] for one in found]


def test_a_change_is_told_as_azure_tells_it(arm: Arm) -> None:
    """Every member that azure-mgmt-monitor's EventData has, of the last step of a change."""
    arm.make_vault()
    group = f"g-{arm.tag}"
    (event,) = events(arm, f"resourceUri eq '{arm.vault}'")
    who = arm.world.administrator
    identifier = event["eventDataId"]
    assert event["authorization"] == {"action": "Microsoft.KeyVault/vaults/write", "scope": arm.vault}
    assert event["caller"] == who.oid
    assert event["claims"]["appid"] == who.appid
    assert event["category"]["value"] == "Administrative"
    assert event["eventName"]["value"] == "EndRequest"
    assert event["id"].startswith(f"{arm.vault}/events/{identifier}/ticks/")
    assert event["level"] == "Informational"
    assert event["operationName"]["value"] == "Microsoft.KeyVault/vaults/write"
    assert (event["resourceGroupName"], event["resourceId"]) == (group, arm.vault)
    assert event["resourceProviderName"]["value"] == "Microsoft.KeyVault"
    assert event["resourceType"]["value"] == "Microsoft.KeyVault/vaults"
    assert event["status"]["value"] == "Succeeded"
    assert event["subStatus"] == {"value": "OK", "localizedValue": "OK (HTTP Status Code: 200)"}
    assert (event["subscriptionId"], event["tenantId"]) == (
        arm.world.first.subscription_id,
        arm.world.first.tenant_id,
    )
    assert event["httpRequest"]["method"] == "PUT"
    assert set(event) == set(SELECTABLE)
    seconds = (int(event["id"].rpartition("/")[2]) - 621_355_968_000_000_000) / 10_000_000
    assert seconds == pytest.approx(arm.world.clock(), abs=1e-3)
    assert events(arm, f"resourceUri eq '{arm.vault}'")[0]["eventDataId"] == identifier


def test_reads_are_not_told_and_the_newest_comes_first(arm: Arm) -> None:
    """Changes alone, in the order of their times."""
    since = arm.world.clock()
    for step in (arm.make_group, arm.make_vault, lambda: arm.do("GET", arm.vault), lambda: arm.do("DELETE", arm.vault)):
        arm.world.advance(1)
        step()
    found = events(arm, f"resourceGroupName eq 'G-{arm.tag}'", since=since)
    assert actions(found) == [
        "Microsoft.KeyVault/vaults/delete",
        "Microsoft.KeyVault/vaults/write",
        "Microsoft.Resources/subscriptions/resourceGroups/write",
        "Microsoft.Resources/subscriptions/resourceGroups/write",
    ]
    assert [one["eventTimestamp"] for one in found] == sorted((one["eventTimestamp"] for one in found), reverse=True)


def test_what_was_refused_is_told_as_failed(arm: Arm) -> None:
    """With the status and the sentence that the caller was given."""
    arm.make_vault()
    someone = arm.as_(arm.world.principal("someone"))
    message = someone.refused("DELETE", arm.vault)[2]
    (event,) = events(arm, f"resourceUri eq '{arm.vault}' and status eq 'Failed'")
    assert (event["caller"], event["level"]) == (someone.who.oid, "Warning")
    assert event["subStatus"]["value"] == "Forbidden"
    assert event["properties"]["statusMessage"] == message
    assert events(arm, f"resourceUri eq '{arm.vault}' and levels eq 'Critical,Warning'") == [event]


def test_what_hangs_on_a_scope_is_told_by_its_own_id(arm: Arm) -> None:
    """A role assignment at a vault, and an action on one that was deleted, without the action's word."""
    arm.make_assignment()
    (event,) = events(arm, f"resourceUri eq '{arm.assignment}'")
    assert event["resourceType"]["value"] == "Microsoft.Authorization/roleAssignments"
    arm.do("DELETE", arm.vault)
    arm.do("POST", f"{arm.deleted_vault}/purge")
    (event,) = events(arm, f"resourceUri eq '{arm.deleted_vault}'")
    assert event["authorization"]["action"] == "Microsoft.KeyVault/locations/deletedVaults/purge/action"


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ("resourceProvider eq 'microsoft.keyvault' and resourceGroupName eq 'g-{tag}'", 1),
        ("resourceProvider eq 'Microsoft.Network' and resourceGroupName eq 'g-{tag}'", 0),
        ("correlationId eq 'mine-{tag}'", 1),
        ("correlationId eq 'other'", 0),
        ("caller eq '{oid}' and resourceGroupName eq 'g-{tag}'", 2),
        ("caller eq '{appid}' and resourceGroupName eq 'g-{tag}'", 2),
        ("caller eq 'nobody' and resourceGroupName eq 'g-{tag}'", 0),
        ("resourceId eq '{group}'", 2),
        ("eventTimestamp le {later} and resourceGroupName eq 'g-{tag}'", 2),
        ("eventTimestamp le '{now}' and correlationId eq 'mine-{tag}'", 1),
    ],
)
def test_a_filter_has_azures_terms(arm: Arm, more: str, count: int) -> None:
    """Of the reference's patterns each, as azure-cli writes them."""
    arm.make_group()
    how = {"headers": {"x-ms-client-request-id": f"mine-{arm.tag}"}}
    assert arm.ask("PUT", arm.vault, arm.vault_body(), **how).status in {200, 201}
    now = arm.world.clock()
    words = {"tag": arm.tag, "oid": arm.who.oid, "appid": arm.who.appid, "group": arm.group}
    found = events(arm, more.format(**words, now=iso(now), later=iso(now + 60)), since=now)
    assert len(found) == count


def test_only_the_asked_members_are_given(arm: Arm) -> None:
    """`$select`, as azure-cli writes it."""
    arm.make_group()
    (event,) = events(arm, f"resourceUri eq '{arm.group}'", select="eventTimestamp , Status")
    assert set(event) == {"eventTimestamp", "status"}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "$filter=",
        "$filter=eventTimestamp",
        "$filter=eventTimestamp eq '2026-01-01'",
        "$filter=eventTimestamp le '2026-11-28'",
        "$filter=eventTimestamp ge 'yesterday'",
        "$filter=eventTimestamp ge '{now}' and",
        "$filter=eventTimestamp ge '{now}' or caller eq 'x'",
        "$filter=eventTimestamp ge '{now}' and secret eq 'x'",
        "$filter=eventTimestamp ge '{now}' and caller eq 'x' and caller eq 'y'",
        "$filter=eventTimestamp ge '{now}' and eventTimestamp le '{before}'",
        "$filter=eventTimestamp ge '{now}'&$select=secret",
        "$filter=eventTimestamp ge '{now}'&$skiptoken=none",
        "$filter=eventTimestamp ge '99999-01-01'",
    ],
)
def test_what_is_not_understood_is_refused(arm: Arm, query: str) -> None:
    """Answering without it would show more than was asked for."""
    now = arm.world.clock()
    asked = quote(query.format(now=iso(now), before=iso(now - 60)), safe="$=&")
    assert (
        arm.refused("GET", f"{arm.subscription}{VALUES}{'?' if asked else ''}{asked}", version="2015-04-01")[0] == 400
    )


def test_it_goes_back_so_far_and_no_further(arm: Arm) -> None:
    """At the limit it answers, one second past it it refuses."""
    limit = arm.world.clock() - audit_limits.ACTIVITY_DAYS * DAY_S
    assert ask(arm, since=limit).status == 200
    assert "90 days" in ask(arm, since=limit - 1).error["message"]


def test_it_comes_in_pages(arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is full at its limit; one more event is on the next, and nobody else can ask for that."""
    assert audit_limits.ACTIVITY_PAGE == 200
    monkeypatch.setattr(audit_limits, "ACTIVITY_PAGE", 3)
    for place in range(4):
        arm.world.advance(1)
        arm.do("PUT", f"{arm.group}-{place}", {"location": "local"})
    since = arm.world.clock() - 3
    answer = ask(arm, since=since)
    assert len(answer.json["value"]) == 3
    rest = arm.world.ask("GET", answer.json["nextLink"], token=arm.world.token(arm.who, ARM_AUDIENCE)).json
    assert [one["resourceId"] for one in (*answer.json["value"], *rest["value"])] == [
        f"{arm.group}-{place}" for place in (3, 2, 1, 0)
    ]
    other = arm.world.principal("other")
    arm.world.grant(other.oid, READER, arm.subscription)
    stolen = arm.world.ask("GET", answer.json["nextLink"], token=arm.world.token(other, ARM_AUDIENCE))
    assert (stolen.status, stolen.error["code"]) == (400, "InvalidSkipToken")


def test_one_request_reads_so_much_and_no_more(arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-AUDIT-10: a long journal of other things is read a piece at a time; every page says where to go on."""
    assert audit_limits.ACTIVITY_READ_BYTES == 8 * 1024 * 1024
    arm.make_group()
    since = arm.world.clock()
    for _ in range(50):
        arm.do("GET", arm.group)
    monkeypatch.setattr(audit_limits, "ACTIVITY_READ_BYTES", 20_000)
    first = ask(arm, since=since).json
    assert first["value"] == []
    assert "nextLink" in first
    assert actions(events(arm, f"resourceUri eq '{arm.group}'", since=since)) == [
        "Microsoft.Resources/subscriptions/resourceGroups/write"
    ]


def test_a_few_are_read_at_a_time(world: Simulation) -> None:
    """SEC-AUDIT-10: as many as there are threads and places to wait; one more is told to come later."""

    async def fill() -> int:
        places = audit_limits.ACTIVITY_READS_AT_ONCE + audit_limits.ACTIVITY_READS_WAITING
        gate = threading.Event()
        waiting = [asyncio.ensure_future(world.world.activity_reads.run(gate.wait)) for _ in range(places)]
        await asyncio.sleep(0)
        try:
            request = asyncio.ensure_future(world.world.activity_reads.run(lambda: 0))
            with pytest.raises(Throttled, match="Too many requests"):
                await request
        finally:
            gate.set()
            await asyncio.gather(*waiting)
        return await world.world.activity_reads.run(lambda: places)

    assert world.run(fill()) == 10


def test_a_reader_sees_it_and_nobody_else(arm: Arm) -> None:
    """The right is `Microsoft.Insights/eventtypes/values/read` at the subscription, which Reader has."""
    arm.make_group()
    someone = arm.as_(arm.world.principal("someone"))
    refused = ask(someone)
    assert (refused.status, refused.error["code"]) == (403, "AuthorizationFailed")
    arm.world.grant(someone.who.oid, READER, arm.subscription)
    assert actions(events(someone, f"resourceUri eq '{arm.group}'"))


def test_what_one_may_not_read_of_is_left_out(arm: Arm) -> None:
    """SEC-AUDIT-10: a denial at a vault takes its events out of the subscription's log."""
    arm.make_vault()
    someone = arm.as_(arm.world.principal("someone"))
    arm.world.grant(someone.who.oid, READER, arm.subscription)
    assert events(someone, f"resourceUri eq '{arm.vault}'")
    permissions = [{"actions": [activity_log.READ_EVENTS]}]
    arm.do("PUT", arm.denial, arm.denial_body(someone.who.oid, permissions=permissions))
    assert events(someone, f"resourceUri eq '{arm.vault}'") == []
    assert events(someone, f"resourceUri eq '{arm.group}'")


def test_another_tenants_people_are_not_told_of(world: Simulation, arm: Arm) -> None:
    """SEC-AUDIT-10: what a stranger tried here is in our journal, and not in the tenant's log."""
    arm.make_vault()
    alien = make_tenant(world)
    token = world.token(alien.principal, ARM_AUDIENCE, tenant=alien.id)
    assert arm.ask("DELETE", arm.vault, token=token).status in {403, 404}
    assert world.entries()[-1]["resourceId"] == arm.vault.upper()
    assert [one["caller"] for one in events(arm, f"resourceUri eq '{arm.vault}'")] == [arm.who.oid]
    path = f"{arm.subscription}{VALUES}?$filter={arm.since_yesterday}"
    theirs = arm.ask("GET", path, token=token, version="2015-04-01")
    assert theirs.status in {403, 404}


def test_the_tenants_own_log_has_what_is_in_no_subscription(world: Simulation, arm: Arm) -> None:
    """Management groups, of this tenant alone, for whom they are readable."""
    arm.make_management_group()
    alien = make_tenant(world)
    theirs = Arm(world, alien.principal)
    path = f"{VALUES}?$filter={arm.since_yesterday}"
    found = [one for one in events(arm, at="") if one["resourceId"] == arm.management_group]
    assert actions(found) == ["Microsoft.Management/managementGroups/write"]
    assert found[0]["subscriptionId"] == ""
    token = world.token(theirs.who, ARM_AUDIENCE, tenant=alien.id)
    assert arm.ask("GET", path, token=token, version="2015-04-01").json["value"] == []
    nobody = arm.as_(world.principal("nobody"))
    assert nobody.ask("GET", path, version="2015-04-01").json["value"] == []


def test_the_categories_are_told(arm: Arm) -> None:
    """As azure-cli's `monitor activity-log list-categories` reads them."""
    found = arm.do("GET", "/providers/microsoft.insights/eventcategories", version="2015-04-01")["value"]
    assert {"value": "Administrative", "localizedValue": "Administrative"} in found


def test_no_other_surface_calls_something_as_a_change_here_is_called() -> None:
    """Events are found by the audit's names of operations, so a name of two surfaces would be two things."""
    from strongroom.control.operations import OPERATIONS as CONTROL  # noqa: PLC0415
    from strongroom.graph.operations import OPERATIONS as GRAPH  # noqa: PLC0415
    from strongroom.managed_identity.operations import OPERATIONS as IDENTITY  # noqa: PLC0415
    from strongroom.sts.operations import OPERATIONS as LOGIN  # noqa: PLC0415
    from strongroom.vault.operations import OPERATIONS as VAULT  # noqa: PLC0415

    elsewhere: list[Op] = [*CONTROL, *GRAPH, *IDENTITY, *LOGIN, *VAULT]
    assert not changes_among(OPERATIONS).keys() & {op.name for op in elsewhere}


def test_an_entry_of_before_the_subscription_is_not_its(arm: Arm) -> None:
    """A subscription's log begins with it, whatever the journal has of an id like it."""
    who = Identity(oid=arm.who.oid, tid=arm.world.first.tenant_id)
    for at in (arm.world.clock() - DAY_S, arm.world.clock()):
        entry = Entry(
            time=at,
            operation="VaultPut",
            status=200,
            resource_id=f"{arm.vault}",
            request_uri=f"https://management.localhost:8443{arm.vault}?api-version=2026-02-01",
            identity=who,
        )
        arm.world.journal.append(encode(entry))
    assert len(events(arm, f"resourceUri eq '{arm.vault}'", since=arm.world.clock() - 2 * DAY_S)) == 1


def test_contributors_of_one_group_do_not_read_the_subscriptions_log(arm: Arm) -> None:
    """The right is asked for where the log is."""
    arm.make_group()
    someone = arm.as_(arm.world.principal("someone"))
    arm.world.grant(someone.who.oid, CONTRIBUTOR, arm.group)
    assert ask(someone).status == 403
