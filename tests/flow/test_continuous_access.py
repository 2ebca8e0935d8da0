"""Continuous access evaluation: the `claims` parameter, tokens that live long, and the challenge when one has ended."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.identity import Credential, User
from strongroom.core.limits import (
    ACCESS_TOKEN_MAX_S,
    ACCESS_TOKEN_MIN_S,
    CONTINUOUS_TOKEN_MAX_S,
    CONTINUOUS_TOKEN_MIN_S,
)
from strongroom.core.network import Bypass, DefaultAction, NetworkAcls
from strongroom.core.sessions import TokenFamily
from strongroom.directory.sessions import expired_families
from tests.flow.graph import Graph
from tests.flow.policies import ARM, VAULT, Policies, challenged, policies
from tests.flow.test_conditional_access import ELSEWHERE, ask_as
from tests.flow.test_sign_in_by_password import claims, reason, refused
from tests.flow.users import Person, allow_passwords, person, refresh, sign_in
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, Answer, Principal, Simulation

__all__ = ["policies"]
PYTHON = '{"access_token": {"xms_cc": {"values": ["CP1"]}}}'
JAVASCRIPT = (
    '{"id_token":{"signin_state":{"values":["kmsi"]},"login_hint":{"essential":true}},'
    '"access_token":{"xms_cc":{"values":["cp1"]}}}'
)


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password who may read the first vault's secrets."""
    allow_passwords(world)
    made = person(world)
    world.grant(made.user.id, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    return made


@pytest.fixture
def application(world: Simulation) -> Principal:
    """Make an application that may read the first vault's secrets, with a secret that lives for a month."""
    made = world.principal(lifetime_s=30 * 86_400)
    world.grant(made.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    return made


def read(world: Simulation, token: str, **how: Any) -> Answer:
    """List the first vault's secrets."""
    return world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token, **how)


def of_user(world: Simulation, who: Person, asked: str | None = PYTHON, **form: str | None) -> str:
    """Sign in, and give the access token."""
    token: str = sign_in(world, who, claims=asked, **form).json["access_token"]
    return token


def of_application(world: Simulation, who: Principal, asked: str = PYTHON) -> str:
    """Sign an application in, and give the access token."""
    token: str = ask_as(world, who, claims=asked).json["access_token"]
    return token


def wanted(answer: Answer) -> int:
    """Give the moment that a challenge names."""
    told = challenged(answer)
    assert told is not None, "there is no claims challenge"
    (asked,) = told["access_token"].items()
    assert (asked[0], asked[1]["essential"], set(told)) == ("nbf", True, {"access_token"})
    return int(asked[1]["value"])


def newer(moment: int) -> str:
    """Make the claims that a client sends after a challenge, with its capability merged in."""
    nbf = {"essential": True, "value": str(moment)}
    return json.dumps({"access_token": {"nbf": nbf, "xms_cc": {"values": ["cp1"]}}})


# ---- what is asked, and what comes of it -----------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [PYTHON, JAVASCRIPT])
def test_a_client_that_understands_gets_a_token_that_says_so(
    world: Simulation, someone: Person, application: Principal, asked: str
) -> None:
    """Both spellings of official clients; the token lives 20 to 28 hours, and so does the answer say."""
    for answer in (sign_in(world, someone, claims=asked), ask_as(world, application, claims=asked)):
        found = claims(answer.json["access_token"])
        assert (found["xms_cc"], found["xms_ssm"]) == (["cp1"], "1")
        assert CONTINUOUS_TOKEN_MIN_S <= found["exp"] - world.clock() <= CONTINUOUS_TOKEN_MAX_S
        assert answer.json["expires_in"] == found["exp"] - world.clock() - 1
        assert read(world, answer.json["access_token"]).status == 200


@pytest.mark.parametrize(
    "asked",
    [
        None,
        "{}",
        '{"access_token":null}',
        '{"id_token":{"xms_cc":{"values":["cp1"]}}}',
        '{"access_token":{"xms_cc":{"values":["cp2"]},"acrs":{"essential":true,"value":"c1"},"unheard":null}}',
        '{"access_token":{"xms_cc":["cp1"],"nbf":{"value":"9"},"capolids":{"essential":true,"values":["x"]}}}',
        '{"access_token":{"nbf":{"essential":true,"value":"soon"},"xms_cc":null}}',
    ],
)
def test_other_clients_get_what_they_got(world: Simulation, someone: Person, asked: str | None) -> None:
    """What is not known, or has not its form, is passed over (OpenID Connect Core section 5.5.1)."""
    found = claims(of_user(world, someone, asked))
    assert {"xms_cc", "xms_ssm"}.isdisjoint(found)
    assert ACCESS_TOKEN_MIN_S <= found["exp"] - world.clock() <= ACCESS_TOKEN_MAX_S
    assert found["nbf"] == world.clock() - 300


def test_a_refresh_asks_for_itself(world: Simulation, someone: Person) -> None:
    """The capability is the request's, not the family's."""
    first = sign_in(world, someone, claims=PYTHON).json
    second = refresh(world, first["refresh_token"]).json
    assert "xms_cc" not in claims(second["access_token"])
    assert "xms_cc" in claims(refresh(world, second["refresh_token"], claims=PYTHON).json["access_token"])


def test_no_token_outlives_the_secret_that_got_it(world: Simulation) -> None:
    """PIT: with an hour left of the secret, the token has an hour."""
    soon = world.principal(lifetime_s=3600)
    assert claims(of_application(world, soon))["exp"] == world.clock() + 3600


def test_a_token_without_a_refresh_token_lives_its_whole_life(world: Simulation, someone: Person) -> None:
    """Its family is kept as long."""
    token = of_user(world, someone, scope="https://vault.azure.net/.default")
    world.advance(CONTINUOUS_TOKEN_MIN_S - 1)
    assert claims(token)["sid"] not in {one.id for one in expired_families(world.view, int(world.clock()))}
    assert read(world, token).status == 200
    world.advance(CONTINUOUS_TOKEN_MAX_S - CONTINUOUS_TOKEN_MIN_S + 1)
    assert challenged(read(world, token)) is None, "it has ended by itself: nothing was revoked"


def test_a_bounded_sign_in_bounds_the_token(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-4: where a policy bounds the age of a sign-in, no token carries it a day further."""
    policies.about(someone, age={"type": "hours", "value": 4})
    found = claims(of_user(world, someone))
    assert found["xms_cc"] == ["cp1"]
    assert found["exp"] - world.clock() <= ACCESS_TOKEN_MAX_S


def test_a_token_that_must_be_newer_says_so(world: Simulation, someone: Person) -> None:
    """`nbf`: the token's dates are no earlier than what is demanded; the future cannot be had."""
    now = int(world.clock())
    found = claims(of_user(world, someone, newer(now)))
    assert (found["nbf"], found["iat"]) == (now, now)
    assert claims(of_user(world, someone, newer(now - 1000)))["nbf"] == now - 300
    refused(sign_in(world, someone, claims=newer(now + 1)), 9000410, "invalid_request")
    assert reason(world) == "claims demand a token of the future"


# ---- the challenge ---------------------------------------------------------------------------------------------------


def test_a_session_that_has_ended(world: Simulation, someone: Person) -> None:
    """SEC-ACCESS-6: the client is told to ask anew, and learns at the token endpoint that it is over (50173)."""
    answer = sign_in(world, someone, claims=PYTHON).json
    assert read(world, answer["access_token"]).status == 200
    session = claims(answer["access_token"])["sid"]
    (family,) = (one for one in world.view.all(TokenFamily) if one.id == session)
    world.commit(lambda tx: tx.put(replace(family, ended=True)))
    moment = wanted(read(world, answer["access_token"]))
    assert moment == world.clock()
    refused(refresh(world, answer["refresh_token"], claims=newer(moment)), 50173)
    again = of_user(world, someone, newer(moment))
    assert claims(again)["nbf"] >= moment
    assert read(world, again).status == 200


def test_a_password_that_was_reset(world: Simulation, someone: Person) -> None:
    """SEC-ACCESS-6: through Graph, as an administrator revokes somebody's sessions."""
    answer = sign_in(world, someone, claims=PYTHON).json
    profile = {"passwordProfile": {"password": "An-invented-password-2", "forceChangePasswordNextSignIn": False}}
    Graph(world).do("PATCH", f"users/{someone.user.id}", profile)
    wanted(read(world, answer["access_token"]))
    refused(refresh(world, answer["refresh_token"]), 50173)


def test_a_user_who_is_disabled(world: Simulation, someone: Person) -> None:
    """SEC-ACCESS-6: every surface says it, and lets the token in again once the user is enabled."""
    tokens = {
        "vault": of_user(world, someone),
        "arm": of_user(world, someone, scope=f"{ARM_AUDIENCE}/.default"),
        "graph": of_user(world, someone, scope=f"{GRAPH_AUDIENCE}/.default"),
    }

    def ask() -> list[Answer]:
        return [
            read(world, tokens["vault"]),
            world.ask("GET", f"{world.arm_url}/subscriptions?api-version=2022-12-01", token=tokens["arm"]),
            world.ask("GET", f"{world.graph_url}/v1.0/me", token=tokens["graph"]),
        ]

    found = world.view.principal(world.first.tenant_id, someone.user.id)
    assert isinstance(found, User)
    world.commit(lambda tx: tx.put(replace(found, enabled=False)))
    for answer in ask():
        assert wanted(answer) == world.clock()
    world.commit(lambda tx: tx.put(found))
    assert [answer.status for answer in ask()] == [200, 200, 200]


def test_a_secret_that_was_removed(world: Simulation, application: Principal) -> None:
    """SEC-ACCESS-6: an application is told too, and its other secret's tokens go on."""
    token = of_application(world, application)
    credential = world.view.credential(application.key_id)
    assert isinstance(credential, Credential)
    world.commit(lambda tx: tx.remove(credential))
    moment = wanted(read(world, token))
    answer = ask_as(world, application, claims=newer(moment))
    assert (answer.status, answer.json["error_codes"]) == (401, [7000215])


def test_a_client_that_does_not_understand_gets_the_usual_answer(world: Simulation, someone: Person) -> None:
    """Without the capability a claims challenge would mean nothing."""
    token = of_user(world, someone, None)
    found = world.view.principal(world.first.tenant_id, someone.user.id)
    assert isinstance(found, User)
    world.commit(lambda tx: tx.put(replace(found, enabled=False)))
    assert challenged(read(world, token)) is None


def test_a_token_that_never_was_good_learns_nothing(world: Simulation, someone: Person) -> None:
    """SEC-ACCESS-7: a forged or foreign token, or one for another resource, gets the plain challenge."""
    token = of_user(world, someone)
    head, body, signature = token.split(".")
    for bad in (f"{head}.{body}.{signature[::-1]}", of_user(world, someone, scope=f"{ARM_AUDIENCE}/.default")):
        assert challenged(read(world, bad)) is None


# ---- policies, on every request --------------------------------------------------------------------------------------


def test_from_elsewhere_the_token_is_worth_nothing(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-8: where a policy blocks an address, a token from elsewhere cannot be used from there either."""
    token, plain = of_user(world, someone), of_user(world, someone, None)
    place = policies.place("203.0.113.0/24")
    policy = policies.about(someone, "block", locations={"includeLocations": ["All"], "excludeLocations": [place]})
    for _ in range(2):
        # Twice: once decided, once remembered.
        assert read(world, token).status == 200
        assert wanted(read(world, token, peer=ELSEWHERE)) == world.clock()
    assert reason(world) == f"blocked by conditional access policy {policy}"
    assert read(world, plain, peer=ELSEWHERE).status == 200, "it ends by itself, within the hour"
    refused(sign_in(world, someone, peer=ELSEWHERE, claims=newer(int(world.clock()))), 53003)


def test_a_change_counts_for_the_next_request(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-8: of the policy, or of the network that it names."""
    token, elsewhere = of_user(world, someone), "198.51.100.0/24"
    place = policies.place("192.0.2.0/24")
    policies.about(someone, "block", locations={"includeLocations": [place]})
    assert read(world, token).status == 200
    ranges = [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.0/24"}]
    policies.graph.do("PATCH", f"identity/conditionalAccess/namedLocations/{place}", {"ipRanges": ranges})
    wanted(read(world, token))
    ranges[0]["cidrAddress"] = elsewhere
    policies.graph.do("PATCH", f"identity/conditionalAccess/namedLocations/{place}", {"ipRanges": ranges})
    assert read(world, token).status == 200


def test_only_what_blocks_the_use_counts(world: Simulation, policies: Policies, someone: Person) -> None:
    """Second factors, other resources, and policies about some grants are for the token endpoint."""
    token = of_user(world, someone)
    policies.about(someone, "mfa")
    policies.about(someone, "block", **{"@strongroom.grantTypes": ["password"]})
    policies.about(someone, "block", applications={"includeApplications": [ARM]})
    policies.about(someone, "block", state="enabledForReportingButNotEnforced")
    assert read(world, token).status == 200
    policies.about(someone, "block", applications={"includeApplications": [VAULT]})
    wanted(read(world, token))


@pytest.mark.usefixtures("restored")
def test_the_firewall_speaks_first(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-FLOW-1: an address that the vault does not admit is told that, whatever a policy says of it."""
    token = of_user(world, someone)
    policies.about(someone, "block")
    wanted(read(world, token))
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE))
    answer = read(world, token)
    assert (answer.status, answer.error["innererror"]["code"]) == (403, "ForbiddenByFirewall")
