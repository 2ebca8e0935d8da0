"""Conditional access at the token endpoint: every grant asks, and what is refused names the policy."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import pytest

from strongroom.app.dispatch import SURFACE_NAMES, Surfaces
from strongroom.core.conditional_access import GRANT_TYPES, AccessPolicy, Flow, Outcome
from strongroom.core.first_party import RESOURCE_IDS
from strongroom.core.installation import Installation
from strongroom.core.limits import ACCESS_TOKEN_MAX_S, SIGN_IN_SKEW_S
from strongroom.core.network import Link
from strongroom.core.records import tenant_partition
from strongroom.core.sessions import TokenFamily
from strongroom.flow.access import attempt_of, needed_by_policy
from strongroom.sts.grants import GRANTS
from tests.flow import test_device_code as device_codes
from tests.flow.apps import ask_for_itself, offer, said
from tests.flow.graph import Graph
from tests.flow.policies import ARM, GRAPH, VAULT, Policies, named, policies
from tests.flow.test_managed_identity import ask as ask_identity
from tests.flow.test_managed_identity import begin
from tests.flow.test_sign_in_by_password import claims, reason, refused
from tests.flow.test_sign_in_page import redeem, signed_in
from tests.flow.users import AZURE_CLI, Person, allow_passwords, person, refresh, sign_in
from tests.plugins import canary
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, Principal, Simulation

__all__ = ["policies"]
ELSEWHERE = "198.51.100.7"
DAY_S = 86_400


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    allow_passwords(world)
    return person(world)


def ask_as(world: Simulation, principal: Principal, **form: str) -> Any:
    """Ask for a token by an application's secret."""
    return world.ask(
        "POST",
        f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token",
        form={
            "grant_type": "client_credentials",
            "client_id": principal.appid,
            "client_secret": principal.secret,
            "scope": "https://vault.azure.net/.default",
            **form,
        },
    )


def properties(world: Simulation) -> dict[str, Any]:
    """Give the properties of the last audit entry."""
    found: dict[str, Any] = world.entries()[-1]["properties"]
    return found


# ---- every grant asks ------------------------------------------------------------------------------------------------


def test_every_grant_is_in_the_table() -> None:
    """SEC-ACCESS-2: a grant that no policy could name would be a way round all of them."""
    assert set(GRANTS) <= set(GRANT_TYPES)
    assert set(GRANT_TYPES.values()) | {Flow.MANAGED_IDENTITY} == set(Flow)
    assert {Surfaces()[name].audience for name in SURFACE_NAMES} - {None} == set(RESOURCE_IDS)


def test_a_password_is_blocked(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-2: AADSTS53003, with the policy in `claims` and in the journal; others are let in."""
    policy = policies.about(someone, "block")
    told = refused(sign_in(world, someone), 53003)
    assert (named(told), told["suberror"]) == ([policy], "message_only")
    noted = properties(world)
    assert (noted["conditionalAccess"], noted["conditionalAccessPolicy"]) == ("blocked", policy)
    assert reason(world) == f"conditional access policy {policy}: blocked"
    assert sign_in(world, person(world)).status == 200


def test_a_code_is_blocked(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-2: whoever signed in before the policy was made redeems no code after it."""
    code = signed_in(world, someone)["code"]
    policy = policies.about(someone, "block")
    assert named(refused(redeem(world, code), 53003)) == [policy]
    policies.clear()
    assert redeem(world, code).status == 200, "what was refused has not used up the code"


def test_a_device_code_is_blocked(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-2: in Graph's own words for it; other ways in stay open."""
    device_codes.allow(world)
    flows = {"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}
    device = device_codes.Device(world, device_codes.ask(world).json)
    browser, page = device_codes.confirm_page(device, someone)
    browser.send(page, answer="yes")
    policy = policies.about(someone, "block", **flows)
    assert named(refused(device.poll(), 53003)) == [policy]
    # With the policy there before, the person is told on the page, and lets nothing in.
    other = device_codes.Device(world, device_codes.ask(world).json)
    _, page = device_codes.confirm_page(other, someone)
    assert (page.status, "AADSTS53003" in page.body.decode()) == (400, True)
    assert other.poll().json["error_codes"] == [70016]
    allow_passwords(world)
    assert sign_in(world, someone).status == 200


def test_a_refresh_is_judged_again(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-2: by the policies of today; and the family goes on, for when the policy is gone."""
    token = sign_in(world, someone).json["refresh_token"]
    policy = policies.about(someone, "block")
    assert named(refused(refresh(world, token), 53003)) == [policy]
    policies.clear()
    assert refresh(world, token).status == 200


def test_an_application_is_blocked(world: Simulation, policies: Policies) -> None:
    """SEC-ACCESS-2: client credentials, by the principal's id; and a policy for users does not reach it."""
    one, other = world.principal(), world.principal()
    policies.add("block", users={"includeUsers": ["All"]})
    assert ask_as(world, one).status == 200
    policy = policies.add("block", clientApplications={"includeServicePrincipals": [one.oid]})
    assert named(refused(ask_as(world, one), 53003)) == [policy]
    assert ask_as(world, other).status == 200


def test_a_managed_identity_is_blocked(world: Simulation, policies: Policies) -> None:
    """SEC-ACCESS-2: in the words of its own endpoint."""
    run = begin(world)
    assert ask_identity(world, run).status == 200
    policy = policies.add(
        "block",
        clientApplications={"includeServicePrincipals": ["ServicePrincipalsInMyOrganization"]},
        **{"@strongroom.grantTypes": ["managed_identity"]},
    )
    answer = ask_identity(world, run)
    assert (answer.status, answer.json["code"]) == (400, "invalid_grant")
    assert properties(world)["conditionalAccessPolicy"] == policy
    assert ask_as(world, world.principal()).status == 200, "the policy is about the other grant"


# ---- conditions ------------------------------------------------------------------------------------------------------


def test_a_policy_for_one_resource(world: Simulation, policies: Policies, someone: Person) -> None:
    """What the token is for decides, by the resource's application id."""
    policies.about(someone, "block", applications={"includeApplications": [ARM]})
    assert sign_in(world, someone).status == 200
    refused(sign_in(world, someone, scope=f"{ARM_AUDIENCE}/.default"), 53003)
    policies.clear()
    policies.about(
        someone, "block", applications={"includeApplications": ["All"], "excludeApplications": [VAULT, GRAPH]}
    )
    assert sign_in(world, someone).status == 200
    assert sign_in(world, someone, scope=f"{GRAPH_AUDIENCE}/.default").status == 200
    refused(sign_in(world, someone, scope=f"{ARM_AUDIENCE}/.default"), 53003)


def test_a_policy_for_a_registered_application(world: Simulation, policies: Policies) -> None:
    """As a resource, by its application id; and a token for it is none that we could end, so it is an ordinary one."""
    api, uri = offer(world)
    client = world.principal()
    token = said(ask_for_itself(world, client, uri, claims='{"access_token":{"xms_cc":{"values":["cp1"]}}}'))
    assert "xms_cc" not in token
    assert token["exp"] - world.clock() <= ACCESS_TOKEN_MAX_S
    every = {"includeServicePrincipals": ["ServicePrincipalsInMyOrganization"]}
    policies.add("block", clientApplications=every, applications={"includeApplications": [api.appid]})
    refused(ask_for_itself(world, client, uri), 53003)
    assert ask_as(world, client).status == 200


def test_a_policy_for_some_grants(world: Simulation, policies: Policies, someone: Person) -> None:
    """Grants are allowed by blocking the others."""
    policies.about(someone, "block", **{"@strongroom.grantTypes": ["password", "device_code"]})
    refused(sign_in(world, someone), 53003)
    assert redeem(world, signed_in(world, someone)["code"]).status == 200


def test_a_policy_for_one_client(world: Simulation, policies: Policies, someone: Person) -> None:
    """Which program asks decides, by its application id."""
    policies.about(someone, "block", **{"@strongroom.clientApplications": [AZURE_CLI]})
    refused(sign_in(world, someone), 53003)
    assert sign_in(world, someone, client_id="1950a258-227b-4e31-a9cf-717495945fc2").status == 200


def test_groups_and_roles(world: Simulation, policies: Policies, someone: Person) -> None:
    """Through whatever groups, and what the directory says now; whoever is excluded is, however included."""
    graph = Graph(world)
    outer, inner = graph.add_group()["id"], graph.add_group()["id"]
    graph.join(outer, inner)
    policies.add("block", users={"includeGroups": [outer]})
    assert sign_in(world, someone).status == 200
    graph.join(inner, someone.user.id)
    refused(sign_in(world, someone), 53003)
    policies.clear()
    reader = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
    policies.add("block", users={"includeRoles": [reader]})
    assert sign_in(world, someone).status == 200
    graph.give_role(someone.user.id, reader)
    refused(sign_in(world, someone), 53003)
    policies.clear()
    policies.add("block", users={"includeUsers": ["All"], "excludeGroups": [outer]})
    assert sign_in(world, someone).status == 200


def test_from_where(world: Simulation, policies: Policies, someone: Person) -> None:
    """From a named location, from anywhere but trusted ones, and in every spelling of an address."""
    place = policies.place("198.51.100.0/24", "2001:db8::/32")
    policies.about(someone, "block", locations={"includeLocations": [place]})
    assert sign_in(world, someone).status == 200
    for address in (ELSEWHERE, f"::ffff:{ELSEWHERE}", "2001:db8::1"):
        refused(sign_in(world, someone, peer=address), 53003)
    policies.clear()
    policies.place("203.0.113.0/24", trusted=True)
    policies.about(someone, "block", locations={"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]})
    assert sign_in(world, someone).status == 200
    refused(sign_in(world, someone, peer=ELSEWHERE), 53003)


def test_a_network_that_is_gone_opens_nothing(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-3: a policy that cannot be evaluated counts from everywhere."""
    place = policies.place("203.0.113.0/24")
    policy = policies.about(someone, "block", locations={"includeLocations": ["All"], "excludeLocations": [place]})
    assert sign_in(world, someone).status == 200
    partition = tenant_partition(world.first.tenant_id)
    found = world.view.get(AccessPolicy, partition, policy)
    assert found is not None
    world.commit(lambda tx: tx.put(replace(found, excluded_networks=("gone",))))
    refused(sign_in(world, someone), 53003)


# ---- second factors and the age of a sign-in -------------------------------------------------------------------------


def test_a_second_factor_is_needed(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-4: AADSTS50076, `interaction_required`, with the policy in `claims`."""
    policy = policies.about(someone, "mfa")
    told = refused(sign_in(world, someone), 50076, "interaction_required")
    assert (named(told), told["suberror"]) == ([policy], "basic_action")
    assert "you must use multi-factor authentication to access 'https://vault.azure.net'" in told["error_description"]
    assert properties(world)["conditionalAccess"] == "secondFactor"


def test_a_second_factor_is_enough(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-4: a family that began with one goes on; and blocking is graver than asking for one."""
    token = sign_in(world, someone).json["refresh_token"]
    policy = policies.about(someone, "mfa")
    refused(refresh(world, token), 50076, "interaction_required")
    made = next(one for one in world.view.all(TokenFamily) if one.user == someone.user.id)
    world.commit(lambda tx: tx.put(replace(made, amr=("pwd", "mfa"))))
    answer = refresh(world, token)
    assert answer.status == 200
    noted = properties(world)
    assert (noted["conditionalAccess"], noted["conditionalAccessPolicy"]) == ("allowed", policy)
    block = policies.about(someone, "block")
    assert named(refused(refresh(world, answer.json["refresh_token"]), 53003)) == [block]


@pytest.mark.parametrize(
    ("age", "most"),
    [
        ({"type": "hours", "value": 1}, 3600),
        ({"type": "days", "value": 2}, 2 * DAY_S),
        ({"frequencyInterval": "everyTime"}, SIGN_IN_SKEW_S),
    ],
)
def test_a_sign_in_grows_too_old(
    world: Simulation, policies: Policies, someone: Person, age: dict[str, object], most: int
) -> None:
    """SEC-ACCESS-4: AADSTS70043 for the refresh a second too late, and a fresh sign-in mends it."""
    token = sign_in(world, someone).json["refresh_token"]
    policy = policies.about(someone, age=age)
    world.advance(most)
    answer = refresh(world, token)
    assert answer.status == 200
    world.advance(1)
    told = refused(refresh(world, answer.json["refresh_token"]), 70043, "interaction_required")
    assert (named(told), told["suberror"]) == ([policy], "basic_action")
    assert sign_in(world, someone).status == 200


def test_a_code_of_an_older_sign_in(world: Simulation, policies: Policies, someone: Person) -> None:
    """Where no refresh token is at hand the number is 50078."""
    code = signed_in(world, someone)["code"]
    policies.about(someone, age={"frequencyInterval": "everyTime"})
    world.advance(SIGN_IN_SKEW_S + 1)
    refused(redeem(world, code), 50078, "interaction_required")


def test_what_a_page_has_to_ask_for(world: Simulation, policies: Policies, someone: Person) -> None:
    """`needed_by_policy` says what a sign-in will have to show, refuses nothing, and records nothing."""
    factor = policies.about(someone, "mfa")
    fresh = policies.about(someone, age={"type": "hours", "value": 1})
    asked = {
        "flow": Flow.AUTHORIZATION_CODE,
        "client": AZURE_CLI,
        "resource": VAULT,
        "address": ELSEWHERE,
        "now": int(world.clock()),
    }
    before = len(world.entries())
    empty = attempt_of(world.world, someone.user, **asked)
    verdict = needed_by_policy(world.world, world.first.tenant_id, empty)
    assert (verdict.second_factor, verdict.too_old) == ((factor,), (fresh,))
    shown = attempt_of(world.world, someone.user, **asked, authenticated=int(world.clock()), methods=("pwd", "mfa"))
    assert needed_by_policy(world.world, world.first.tenant_id, shown).outcome is Outcome.ALLOWED
    assert len(world.entries()) == before


# ---- whom no policy keeps out, and what only reports -----------------------------------------------------------------


def test_the_break_glass_account_is_kept_out_by_nothing(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-5: the journal says what would have kept it out."""
    (before,) = world.view.all(Installation)
    world.commit(lambda tx: tx.put(replace(before, break_glass=someone.user.id)))
    policy = policies.add("block", users={"includeUsers": ["All"]})
    try:
        assert sign_in(world, someone).status == 200
        assert properties(world)["conditionalAccessReports"] == [f"{policy} blocked"]
        refused(sign_in(world, person(world)), 53003)
    finally:
        world.commit(lambda tx: tx.put(before))


def test_a_recovered_administrator_gets_in(world: Simulation, policies: Policies) -> None:
    """SEC-ACCESS-5: it is taken out of the policies that reach it, and of no others' reach."""
    every = policies.add(
        "block", clientApplications={"includeServicePrincipals": ["ServicePrincipalsInMyOrganization"]}
    )
    policies.add("block", users={"includeUsers": ["All"]})
    refused(ask_as(world, world.administrator), 53003)
    answer = world.ask("POST", "http://control/recover", link=Link.CONTROL, host="control")
    assert answer.status == 200, answer.body
    assert properties(world)["conditionalAccessExemptions"] == [every]
    found = answer.json
    canary.remember(found["clientSecret"])
    recovered = Principal(found["objectId"], found["clientId"], "", found["clientSecret"])
    assert ask_as(world, recovered).status == 200
    refused(ask_as(world, world.principal()), 53003)


def test_a_policy_that_only_reports(world: Simulation, policies: Policies, someone: Person) -> None:
    """The journal has what it would have demanded, and nothing else comes of it."""
    policy = policies.about(someone, "mfa", state="enabledForReportingButNotEnforced")
    policies.about(someone, "block", state="disabled")
    assert sign_in(world, someone).status == 200
    noted = properties(world)
    assert noted["conditionalAccessReports"] == [f"{policy} secondFactor"]
    assert "conditionalAccess" not in noted


def test_another_tenants_policies_do_not_count(world: Simulation, policies: Policies) -> None:
    """SEC-TENANT-1: everybody in this tenant is blocked, and nobody in the other one."""
    allow_passwords(world)
    policies.add("block", users={"includeUsers": ["All"]})
    other = world.tenant(f"{secrets.token_hex(6)}.example")
    allow_passwords(world, other)
    assert sign_in(world, person(world, tenant=other), other).status == 200
    assert claims(ask_as(world, world.principal()).json["access_token"])["tid"] == world.first.tenant_id
