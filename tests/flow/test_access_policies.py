"""/identity/conditionalAccess: what is kept is what was sent, and what cannot be enforced is refused."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import conditional_access, limits
from strongroom.core.conditional_access import AccessPolicy, NamedNetwork
from strongroom.core.directory_roles import DIRECTORY_ROLES
from strongroom.core.records import tenant_partition
from tests.flow.graph import MISSING, Graph, location_body, policy_body, refused, user_token
from tests.flow.policies import ARM, LOCATIONS, POLICIES, Policies, policies
from tests.flow.users import AZURE_CLI
from tests.world import Simulation

__all__ = ["policies"]
ROLES = {role.name: id_ for id_, role in DIRECTORY_ROLES.items()}
READER = ROLES["Global Reader"]
EVERY_SERVICE_PRINCIPAL = {"includeServicePrincipals": ["ServicePrincipalsInMyOrganization"]}


@pytest.fixture
def graph(policies: Policies) -> Graph:
    """See Graph as a Global Administrator, and leave no policy behind."""
    return policies.graph


def shown(graph: Graph, path: str) -> dict[str, Any]:
    """Get something without its context."""
    found: dict[str, Any] = graph.get(path)
    del found["@odata.context"]
    return found


# ---- policies --------------------------------------------------------------------------------------------------------


def test_a_policy_comes_back_as_it_was_sent(graph: Graph, policies: Policies) -> None:
    """Every condition and control that is enforced, in Graph's words."""
    user, group = graph.add_user()["id"], graph.add_group()["id"]
    place = policies.place()
    conditions = {
        "users": {
            "includeUsers": ["All"],
            "excludeUsers": [user],
            "includeGroups": [group],
            "excludeGroups": [],
            "includeRoles": [READER],
            "excludeRoles": [],
        },
        "applications": {"includeApplications": ["All"], "excludeApplications": [ARM]},
        "locations": {"includeLocations": ["All"], "excludeLocations": [place, "AllTrusted"]},
        "@strongroom.grantTypes": ["password", "refresh_token"],
        "@strongroom.clientApplications": [AZURE_CLI],
    }
    age = {"value": 3, "type": "days", "isEnabled": True, "frequencyInterval": "timeBased"}
    body = policy_body(
        conditions=conditions, controls=("mfa",), state="enabled", sessionControls={"signInFrequency": age}
    )
    made = graph.make(POLICIES, body)
    found = shown(graph, f"{POLICIES}/{made['id']}")
    assert (found["displayName"], found["state"]) == ("A policy", "enabled")
    for name, sent in conditions.items():
        got = found["conditions"][name]
        assert (got if isinstance(sent, list) else {key: got[key] for key in sent}) == sent
    assert found["conditions"]["clientAppTypes"] == ["all"]
    assert found["grantControls"]["builtInControls"] == ["mfa"]
    frequency = found["sessionControls"]["signInFrequency"]
    assert {name: frequency[name] for name in age} == age
    assert made["id"] in graph.ids(POLICIES)


def test_what_was_told_can_be_sent_again(graph: Graph) -> None:
    """The whole of an answer is a body that changes nothing."""
    for body in (
        policy_body(),
        policy_body(conditions={"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}),
        policy_body(
            conditions={"clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyOrganization"]}}
        ),
        policy_body(
            controls=(), sessionControls={"signInFrequency": {"isEnabled": True, "frequencyInterval": "everyTime"}}
        ),
    ):
        made = graph.make(POLICIES, body)
        before = shown(graph, f"{POLICIES}/{made['id']}")
        graph.do("PATCH", f"{POLICIES}/{made['id']}", before)
        assert shown(graph, f"{POLICIES}/{made['id']}") == before


def test_a_change_leaves_the_rest_as_it_is(graph: Graph) -> None:
    """Within conditions too, as Graph changes them; null takes one away."""
    user = graph.add_user()["id"]
    conditions = {"users": {"includeUsers": [user]}, "locations": {"includeLocations": ["AllTrusted"]}}
    made = graph.make(POLICIES, policy_body(conditions=conditions))
    path = f"{POLICIES}/{made['id']}"
    graph.do("PATCH", path, {"state": "enabled"})
    graph.do("PATCH", path, {"conditions": {"applications": {"includeApplications": [ARM]}, "locations": None}})
    graph.do("PATCH", path, {"grantControls": {"builtInControls": ["mfa"]}, "displayName": "Other"})
    found = shown(graph, path)
    assert (found["state"], found["displayName"]) == ("enabled", "Other")
    assert found["conditions"]["users"]["includeUsers"] == [user]
    assert found["conditions"]["applications"]["includeApplications"] == [ARM]
    assert found["conditions"]["locations"] is None
    assert found["grantControls"]["builtInControls"] == ["mfa"]
    graph.do("DELETE", path)
    refused(graph.ask("GET", path), 404, "Request_ResourceNotFound")


def test_policies_are_found_by_what_they_are_called(graph: Graph) -> None:
    """$filter on the name and the state."""
    made = graph.make(POLICIES, policy_body(displayName="Findable"))
    for text in ("displayName eq 'findable'", "startswith(displayName,'Find')", "state eq 'disabled'"):
        assert made["id"] in graph.ids(f"{POLICIES}?$filter={text.replace(' ', '%20')}")


NOT_ENFORCED: list[dict[str, object]] = [
    {"clientAppTypes": ["browser"]},
    {"clientAppTypes": ["exchangeActiveSync", "other"]},
    {"platforms": {"includePlatforms": ["android"]}},
    {"signInRiskLevels": ["high"]},
    {"userRiskLevels": ["high"]},
    {"servicePrincipalRiskLevels": ["high"]},
    {"insiderRiskLevels": "elevated"},
    {"devices": {"deviceFilter": {"mode": "include", "rule": "x"}}},
    {"authenticationFlows": {"transferMethods": "authenticationTransfer"}},
    {"authenticationFlows": {"transferMethods": "deviceCodeFlow,authenticationTransfer"}},
    {"applications": {"includeApplications": ["Office365"]}},
    {"applications": {"includeUserActions": ["urn:user:registersecurityinfo"]}},
    {"applications": {"includeAuthenticationContextClassReferences": ["c1"]}},
    {"applications": {"includeApplications": ["All"], "applicationFilter": {"mode": "include", "rule": "x"}}},
    {"users": {"includeUsers": ["GuestsOrExternalUsers"]}},
    {"users": {"includeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "internalGuest"}}},
    {"clientApplications": {"servicePrincipalFilter": {"mode": "include", "rule": "x"}}},
    {"@strongroom.grantTypes": ["implicit"]},
]


@pytest.mark.parametrize("conditions", NOT_ENFORCED, ids=str)
def test_a_condition_that_is_not_enforced_is_refused(graph: Graph, conditions: dict[str, object]) -> None:
    """SEC-ACCESS-9: kept and not enforced, it would be worse than none; and nothing is kept of it."""
    answer = graph.ask("POST", POLICIES, policy_body(conditions=conditions))
    assert answer.status == 400, answer.body
    assert graph.ids(POLICIES) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"grantControls": {"operator": "OR", "builtInControls": ["compliantDevice"]}},
        {"grantControls": {"operator": "OR", "builtInControls": ["mfa"], "termsOfUse": [MISSING]}},
        {"grantControls": {"operator": "OR", "authenticationStrength": {"id": MISSING}}},
        {"grantControls": {"operator": "OR", "builtInControls": ["block", "mfa"]}},
        {"sessionControls": {"persistentBrowser": {"isEnabled": True, "mode": "always"}}},
        {"sessionControls": {"cloudAppSecurity": {"isEnabled": True}}},
        {"sessionControls": {"disableResilienceDefaults": True}},
        {"grantControls": None},
        {"grantControls": None, "sessionControls": {"signInFrequency": {"isEnabled": False}}},
        {"state": "on"},
        {"state": None},
        {"displayName": ""},
        {"templateId": MISSING},
        {"unheard": True},
        {"conditions": {}, "grantControls": {"builtInControls": []}},
    ],
    ids=str,
)
def test_a_control_that_is_not_enforced_is_refused(graph: Graph, changes: dict[str, object]) -> None:
    """SEC-ACCESS-9: and so is a policy that says nothing."""
    answer = graph.ask("POST", POLICIES, policy_body(**changes))
    assert answer.status == 400, answer.body
    assert graph.ids(POLICIES) == set()


@pytest.mark.parametrize(
    "frequency",
    [
        {"type": "hours"},
        {"value": 1},
        {"type": "weeks", "value": 1},
        {"frequencyInterval": "everyTime", "type": "hours", "value": 1},
        {"type": "hours", "value": 1, "authenticationType": "secondaryAuthentication"},
        {"type": "hours", "value": 0},
        {"type": "hours", "value": limits.SIGN_IN_FREQUENCY_HOURS + 1},
        {"type": "days", "value": limits.SIGN_IN_FREQUENCY_DAYS + 1},
    ],
    ids=str,
)
def test_a_frequency_that_means_nothing_is_refused(graph: Graph, frequency: dict[str, object]) -> None:
    """One past the longest, none, or in other units."""
    session = {"signInFrequency": {"isEnabled": True, **frequency}}
    assert graph.ask("POST", POLICIES, policy_body(controls=(), sessionControls=session)).status == 400


@pytest.mark.parametrize(
    ("kind", "value"), [("hours", limits.SIGN_IN_FREQUENCY_HOURS), ("days", limits.SIGN_IN_FREQUENCY_DAYS)]
)
def test_the_longest_frequency(graph: Graph, kind: str, value: int) -> None:
    """At the limit it is taken."""
    session = {"signInFrequency": {"isEnabled": True, "type": kind, "value": value}}
    made = graph.make(POLICIES, policy_body(controls=(), sessionControls=session))
    assert made["sessionControls"]["signInFrequency"]["value"] == value


@pytest.mark.parametrize(
    "conditions",
    [
        {"users": {"includeUsers": [MISSING]}},
        {"users": {"includeGroups": [MISSING]}},
        {"users": {"includeRoles": [MISSING]}},
        {"users": {"excludeUsers": ["All"]}},
        {"users": {"includeUsers": ["All", MISSING]}},
        {"clientApplications": {"includeServicePrincipals": [MISSING]}},
        {"applications": {"includeApplications": [MISSING]}},
        {"locations": {"includeLocations": [MISSING]}},
        {"locations": {"excludeLocations": ["AllTrusted"]}},
        {"@strongroom.clientApplications": [MISSING]},
        {
            "@strongroom.grantTypes": ["password"],
            "authenticationFlows": {"transferMethods": "deviceCodeFlow"},
        },
        {
            "users": {"includeUsers": ["All"]},
            "clientApplications": EVERY_SERVICE_PRINCIPAL,
        },
    ],
    ids=str,
)
def test_what_is_named_has_to_be_there(graph: Graph, conditions: dict[str, object]) -> None:
    """A policy about something unknown would be a slip of the pen that opens a door."""
    refused(graph.ask("POST", POLICIES, policy_body(conditions=conditions)), 400, "BadRequest")


def test_service_principals_can_only_be_blocked(graph: Graph) -> None:
    """Nobody can ask a program for a second factor."""
    conditions = {"clientApplications": EVERY_SERVICE_PRINCIPAL}
    refused(graph.ask("POST", POLICIES, policy_body(conditions=conditions, controls=("mfa",))), 400, "BadRequest")


# ---- named locations -------------------------------------------------------------------------------------------------


def test_a_location_comes_back_in_its_normal_form(graph: Graph) -> None:
    """Host bits cut, IPv4 in IPv6 unmapped, twins once."""
    made = graph.make(LOCATIONS, location_body("10.1.2.3/8", "::ffff:192.0.2.0/120", "10.0.0.0/8", "2001:DB8::/32"))
    assert [one["cidrAddress"] for one in made["ipRanges"]] == ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"]
    assert [one["@odata.type"].removeprefix("#microsoft.graph.iPv")[0] for one in made["ipRanges"]] == ["4", "4", "6"]
    path = f"{LOCATIONS}/{made['id']}"
    graph.do("PATCH", path, {"@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": True})
    found = shown(graph, path)
    assert (found["isTrusted"], found["ipRanges"], found["displayName"]) == (True, made["ipRanges"], "A place")
    graph.do("PATCH", path, found)
    assert shown(graph, path) == found


@pytest.mark.parametrize(
    "changes",
    [
        {"@odata.type": "#microsoft.graph.countryNamedLocation"},
        {"@odata.type": None},
        {"ipRanges": []},
        {"ipRanges": None},
        {"ipRanges": [{"cidrAddress": "somewhere"}]},
        {"ipRanges": [{"cidrAddress": "10.0.0.0/33"}]},
        {"displayName": None},
        {"countriesAndRegions": ["DE"]},
    ],
    ids=str,
)
def test_a_location_that_is_none(graph: Graph, changes: dict[str, object]) -> None:
    """By country, without ranges, or without a name."""
    body = {name: value for name, value in {**location_body(), **changes}.items() if value is not None}
    assert graph.ask("POST", LOCATIONS, body).status == 400


def test_a_location_in_use_stays(graph: Graph, policies: Policies) -> None:
    """SEC-ACCESS-3: nobody could say what the policy means without it."""
    place = policies.place()
    for name in ("includeLocations", "excludeLocations"):
        locations = {"includeLocations": ["AllTrusted"], name: [place]}
        made = graph.make(POLICIES, policy_body(conditions={"locations": locations}))
        assert made["id"] in refused(graph.ask("DELETE", f"{LOCATIONS}/{place}"), 400, "BadRequest")
        graph.do("DELETE", f"{POLICIES}/{made['id']}")
    graph.do("DELETE", f"{LOCATIONS}/{place}")


# ---- who may ---------------------------------------------------------------------------------------------------------


def test_reading_takes_a_role(world: Simulation, graph: Graph) -> None:
    """SEC-ACCESS-10: what keeps people out is no more everybody's business than in Entra."""
    user = graph.add_user()["id"]
    somebody = Graph(world, token=user_token(world, user))
    assert somebody.ask("GET", "users").status == 200
    refused(somebody.ask("GET", POLICIES), 403, "Authorization_RequestDenied")
    for name, writes in (
        ("Global Reader", False),
        ("Security Reader", False),
        ("Conditional Access Administrator", True),
        ("Security Administrator", True),
    ):
        graph.give_role(user, ROLES[name])
        assert somebody.ask("GET", POLICIES).status == 200
        assert somebody.ask("POST", POLICIES, policy_body()).status == (201 if writes else 403)
        graph.do("DELETE", f"directoryRoles/{ROLES[name]}/members/{user}/$ref")


@pytest.mark.parametrize(
    ("permission", "writes"), [("Policy.Read.All", False), ("Policy.ReadWrite.ConditionalAccess", True)]
)
def test_applications_need_a_permission(world: Simulation, graph: Graph, permission: str, *, writes: bool) -> None:
    """By the names that they have in Graph."""
    application = world.principal()
    refused(Graph(world, application).ask("GET", POLICIES), 403, "Authorization_RequestDenied")
    graph.give_permission(application.oid, permission)
    seen = Graph(world, application)
    assert seen.ask("GET", LOCATIONS).status == 200
    assert seen.ask("POST", LOCATIONS, location_body()).status == (201 if writes else 403)


def test_the_journal_names_what_was_changed(world: Simulation, graph: Graph) -> None:
    """By its id."""
    policy, place = graph.make(POLICIES, policy_body())["id"], graph.make(LOCATIONS, location_body())["id"]
    for path, name, one in ((POLICIES, "conditionalAccessPolicy", policy), (LOCATIONS, "namedLocationId", place)):
        graph.do("PATCH", f"{path}/{one}", {"displayName": "Other"})
        assert world.entries()[-1]["properties"][name] == one
        graph.do("DELETE", f"{path}/{one}")
        assert world.entries()[-1]["properties"][name] == one


# ---- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        ("ACCESS_POLICIES_PER_TENANT", POLICIES, policy_body()),
        ("NAMED_NETWORKS", LOCATIONS, location_body()),
    ],
)
def test_how_many_a_tenant_has(
    graph: Graph, monkeypatch: pytest.MonkeyPatch, name: str, path: str, body: dict[str, object]
) -> None:
    """At the limit there is no more room."""
    assert (limits.ACCESS_POLICIES_PER_TENANT, limits.NAMED_NETWORKS) == (195, 195)
    monkeypatch.setattr(limits, name, 2)
    for _ in range(2):
        graph.make(path, body)
    refused(graph.ask("POST", path, body), 400, "BadRequest")


def test_how_many_ranges_a_location_has(world: Simulation, graph: Graph) -> None:
    """`NETWORK_RANGES`, and one more."""
    ranges = [f"10.{number // 256}.{number % 256}.0/24" for number in range(limits.NETWORK_RANGES + 1)]
    made = graph.make(LOCATIONS, location_body(*ranges[:-1]))
    found = world.view.get(NamedNetwork, tenant_partition(world.first.tenant_id), made["id"])
    assert found is not None
    assert len(found.ranges) == limits.NETWORK_RANGES
    assert graph.ask("POST", LOCATIONS, location_body(*ranges)).status == 400


def test_how_many_names_a_list_has(world: Simulation, graph: Graph) -> None:
    """`ACCESS_POLICY_NAMES`, and one more; what is named twice counts once."""
    user = graph.add_user()["id"]
    for count, status in ((limits.ACCESS_POLICY_NAMES, 201), (limits.ACCESS_POLICY_NAMES + 1, 400)):
        answer = graph.ask("POST", POLICIES, policy_body(conditions={"users": {"includeUsers": [user] * count}}))
        assert answer.status == status
    (found,) = world.view.all(AccessPolicy, tenant_partition(world.first.tenant_id))
    assert found.include.users == (user,)


def test_how_many_networks_are_kept_ready() -> None:
    """`NETWORKS_COMPILED`, and one more takes the place of the oldest."""
    for number in range(limits.NETWORKS_COMPILED + 1):
        conditional_access._compiled((f"10.{number // 256}.{number % 256}.0/24",))
    assert conditional_access._compiled.cache_info().currsize == limits.NETWORKS_COMPILED
