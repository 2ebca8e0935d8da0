"""Refresh tokens: rotation, reuse, and what they are bound to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.identity import User
from strongroom.core.limits import REFRESH_GRACE_S
from strongroom.core.sessions import TokenFamily
from strongroom.directory.sessions import end_families, expired_families
from strongroom.http.message import Request
from strongroom.sts.grants import user
from tests.flow.test_sign_in_by_password import claims, reason, refused
from tests.flow.users import Person, allow_passwords, partition, person, refresh, sign_in
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, Simulation


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    allow_passwords(world)
    return person(world)


@pytest.fixture
def first(world: Simulation, someone: Person) -> str:
    """Sign the user in, and give the first refresh token."""
    token: str = sign_in(world, someone).json["refresh_token"]
    return token


def alive(world: Simulation, token: str) -> bool:
    """Tell whether an access token for the management plane is taken."""
    return world.ask("GET", f"{world.arm_url}/subscriptions?api-version=2022-12-01", token=token).status == 200


def arm(world: Simulation, token: str) -> Any:
    """Refresh for the management plane."""
    return refresh(world, token, scope=f"{ARM_AUDIENCE}/.default offline_access openid profile")


def test_one_refresh_token_is_for_every_resource(world: Simulation, first: str) -> None:
    """`az` uses one for Resource Manager, Graph and Key Vault (reference clients.md section 1.2)."""
    for audience in (ARM_AUDIENCE, GRAPH_AUDIENCE, "https://vault.azure.net"):
        answer = refresh(world, first, scope=f"{audience}/.default offline_access openid profile").json
        assert claims(answer["access_token"])["aud"] == audience
        first = answer["refresh_token"]


def test_each_refresh_gives_a_new_token_of_one_family(world: Simulation, first: str) -> None:
    """They share `sid`, and none is like another."""
    seen, sessions = {first}, set()
    for _ in range(3):
        answer = arm(world, first).json
        first = answer["refresh_token"]
        seen.add(first)
        sessions.add(claims(answer["access_token"])["sid"])
    assert (len(seen), len(sessions)) == (4, 1)


def test_a_token_used_again_ends_its_family(world: Simulation, first: str) -> None:
    """PIT: somebody has a copy, so every token of the family ends, access tokens too, whoever holds them."""
    second = arm(world, first).json
    third = arm(world, second["refresh_token"]).json
    assert alive(world, third["access_token"])
    refused(arm(world, first), 50173)
    assert reason(world) == "refresh token was used before: its family has ended"
    assert not alive(world, third["access_token"])
    refused(arm(world, third["refresh_token"]), 50173)


def test_the_token_before_the_newest_is_good_for_a_moment(world: Simulation, first: str) -> None:
    """Programs that share a cache refresh at the same time; `REFRESH_GRACE_S` later it counts as a copy."""
    newest = arm(world, first).json
    world.advance(REFRESH_GRACE_S)
    again = arm(world, first)
    assert again.status == 200
    assert arm(world, newest["refresh_token"]).status == 200
    assert arm(world, again.json["refresh_token"]).status == 200, "both lead to one generation"

    newest = arm(world, sign_in(world, person(world)).json["refresh_token"]).json
    earlier = newest["refresh_token"]
    newest = arm(world, earlier).json
    world.advance(REFRESH_GRACE_S + 1)
    refused(arm(world, earlier), 50173)
    assert not alive(world, newest["access_token"])


def test_eight_at_once_make_one_line_of_tokens(world: Simulation, first: str) -> None:
    """PIT: "a code redeemed by 8 clients at once": all get the same generation, so no second line begins."""
    requests: list[Request] = []
    handle = world.dispatcher.handle

    def held(request: Request) -> Any:
        requests.append(request)
        return handle(request)

    world.dispatcher.handle = held  # type: ignore[method-assign]  # to send the same request again
    try:
        generation = _family(world).generation
        arm(world, first)
    finally:
        world.dispatcher.handle = handle  # type: ignore[method-assign]

    async def at_once() -> list[int]:
        return [answer.status for answer in await asyncio.gather(*(handle(requests[0]) for _ in range(8)))]

    assert world.run(at_once()) == [200] * 8
    assert _family(world).generation == generation + 1


def _family(world: Simulation) -> TokenFamily:
    return max(world.view.all(TokenFamily, partition(world)), key=lambda one: one.authenticated)


NO_TOKENS: dict[str, Callable[[str], str]] = {
    "altered": lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
    "without its prefix": lambda text: text.removeprefix("1."),
    "too long": lambda text: text + "A" * 5000,
    "no ASCII": lambda text: text + "é",
    "empty": lambda text: text[:2],
}


@pytest.mark.parametrize("kind", NO_TOKENS)
def test_what_is_no_refresh_token_is_refused(world: Simulation, first: str, kind: str) -> None:
    """PIT: "An unknown authorization code or refresh token yields some default user's token": 70000 for every one."""
    assert refused(arm(world, NO_TOKENS[kind](first)), 70000)["suberror"] == "bad_token"
    assert reason(world) == "not a refresh token of this instance"
    assert arm(world, first).status == 200


def test_a_refresh_token_is_its_clients_alone(world: Simulation, first: str) -> None:
    """Another client's request changes nothing."""
    other = refresh(world, first, client_id="1950a258-227b-4e31-a9cf-717495945fc2")
    refused(other, 70000)
    assert arm(world, first).status == 200


def test_a_refresh_token_is_its_tenants_alone(world: Simulation, first: str) -> None:
    """SEC-TENANT-2: in another tenant it is none; at `organizations` it finds its own."""
    refused(refresh(world, first, world.tenant()), 70000)
    answer = refresh(world, first, "organizations")
    assert claims(answer.json["access_token"])["tid"] == world.first.tenant_id


def test_a_refresh_token_that_is_not_used_expires(
    world: Simulation, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`REFRESH_TOKEN_S` after the last use, to the second; use makes it last longer."""
    assert limits.REFRESH_TOKEN_S == 90 * 86_400
    # An hour here: nobody makes new signing keys in a world where three months pass at once.
    monkeypatch.setattr(user, "REFRESH_TOKEN_S", 3600)
    first = sign_in(world, someone).json["refresh_token"]
    world.advance(3599)
    second = arm(world, first).json["refresh_token"]
    world.advance(3599)
    third = arm(world, second).json["refresh_token"]
    world.advance(3600)
    refused(arm(world, third), 700082)


def test_a_disabled_user_gets_nothing_more(world: Simulation, someone: Person, first: str) -> None:
    """And what was issued ends on the next request."""
    token = arm(world, first).json
    assert alive(world, token["access_token"])

    async def disable(tx: Any) -> None:
        found = await tx.record(User, partition(world), someone.user.id)
        await tx.put(replace(found, enabled=False))

    world.commit(disable)
    assert not alive(world, token["access_token"])
    refused(arm(world, token["refresh_token"]), 50173)


def test_a_family_that_is_ended_takes_its_tokens_along(world: Simulation, someone: Person, first: str) -> None:
    """SEC-FLOW-17: its own, and those of the user's other families stay."""
    token = arm(world, first).json
    other = arm(world, sign_in(world, someone).json["refresh_token"]).json
    family = world.view.get(TokenFamily, partition(world), claims(token["access_token"])["sid"])
    assert family is not None
    world.commit(lambda tx: end_families(tx, [family]))
    assert not alive(world, token["access_token"])
    assert alive(world, other["access_token"])


def test_families_that_are_over_are_found(world: Simulation, someone: Person) -> None:
    """The clean-up takes those past their time, and leaves the others."""
    short = sign_in(world, someone, scope="https://vault.azure.net/.default").json
    long = sign_in(world, someone).json
    world.advance(86_400)
    over = {one.id for one in expired_families(world.view, int(world.clock()))}
    assert claims(short["access_token"])["sid"] in over
    assert claims(long["access_token"])["sid"] not in over
