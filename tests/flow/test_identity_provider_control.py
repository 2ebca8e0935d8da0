"""The operator's hold on identity providers: what may be added, and what belongs to whom."""

from __future__ import annotations

import secrets as chance
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.identity_providers import IdentityProvider
from strongroom.directory.identity_providers import secret_of
from tests.flow.test_federation import control
from tests.flow.users import person
from tests.plugins import canary
from tests.world import Answer, Simulation

PLACE = "/identity-providers"
DOMAIN = "strongroom.localhost"


@pytest.fixture(autouse=True)
def _none_left(world: Simulation) -> Iterator[None]:
    yield
    for one in control(world, "GET", PLACE).json["value"]:
        assert control(world, "DELETE", f"{PLACE}/{one['id']}").status == 204


def add(world: Simulation, **changes: Any) -> Answer:
    """Ask for a provider to be added."""
    body = {
        "issuer": f"https://{chance.token_hex(6)}.example",
        "clientId": "strongroom",
        "clientSecret": canary.plant(),
        "displayName": "Example",
        "tenant": world.first.tenant_id,
        **changes,
    }
    return control(world, "POST", PLACE, {name: value for name, value in body.items() if value is not None})


def refused(answer: Answer, status: int, words: str) -> None:
    """Hold an answer to refuse with these words."""
    assert answer.status == status, answer.body
    assert words in answer.error["message"]


def test_there_is_none_by_default(world: Simulation) -> None:
    """Off until the operator says otherwise."""
    assert control(world, "GET", PLACE).json == {"value": []}


def test_a_provider_is_added(world: Simulation) -> None:
    """Its secret is sealed; what has to be registered there is told."""
    secret = canary.plant()
    made = add(world, clientSecret=secret, domains=[DOMAIN.upper()], scopes=["openid", "openid", "groups"])
    assert made.status == 201
    told = made.json
    assert told["redirectUri"] == f"{world.login_url}/{world.first.tenant_id}/oauth2/callback"
    assert (told["domains"], told["scopes"], told["trustedClaim"]) == ([DOMAIN], ["openid", "groups"], None)
    assert control(world, "GET", PLACE).json == {"value": [told]}
    (record,) = world.view.all(IdentityProvider)
    assert secret.encode() not in record.sealed_secret
    assert "sealed_secret" not in repr(record)
    assert secret_of(world.keys, record) == secret
    entry = next(one for one in reversed(world.entries()) if one["operationName"] == "IdentityProviderAdd")
    assert entry["properties"]["identityProviderId"] == told["id"]
    assert entry["properties"]["issuer"] == told["issuer"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "http://idp.example"}, "An issuer is an https URL"),
        ({"issuer": "https://idp.example?x"}, "An issuer is an https URL"),
        ({"clientId": ""}, "A client id has"),
        ({"clientId": "a b"}, "A client id has"),
        ({"clientSecret": ""}, "A client secret has"),
        ({"clientSecret": "a\nb"}, "A client secret has"),
        ({"displayName": " "}, "A display name has"),
        ({"displayName": "a\u202eb"}, "A display name has"),
        ({"scopes": []}, "must include openid"),
        ({"scopes": ["profile"]}, "must include openid"),
        ({"scopes": ["openid", "a b"]}, "each a word"),
        ({"domains": ["elsewhere.example"]}, "must be domains of the tenant"),
        ({"domains": [f"x.{DOMAIN}"]}, "must be domains of the tenant"),
        ({"trustedClaim": "preferred_username"}, "say which domains"),
        ({"trustedClaim": "oid", "domains": [DOMAIN]}, "is one of preferred_username, email, upn"),
    ],
)
def test_what_cannot_be_added(world: Simulation, changes: dict[str, Any], words: str) -> None:
    """Said in a sentence, and nothing is changed."""
    refused(add(world, **changes), 400, words)
    assert not world.view.all(IdentityProvider)


def test_whose_it_is(world: Simulation) -> None:
    """An issuer once in a tenant, a domain once; and a domain of one tenant is none of another."""
    other = world.tenant("provided.example")
    issuer = "https://shared.example"
    assert add(world, issuer=issuer, domains=[DOMAIN]).status == 201
    refused(add(world, issuer=issuer), 409, "Another identity provider has this issuer")
    refused(add(world, domains=[DOMAIN]), 409, "or one of these domains")
    refused(add(world, tenant=other, domains=[DOMAIN]), 400, "must be domains of the tenant")
    assert add(world, issuer=issuer, tenant=other, domains=["provided.example"]).status == 201
    refused(add(world, tenant="nobody.example"), 404, "There is no such tenant")
    refused(add(world, tenant=None), 409, "several tenants")


def test_how_many(world: Simulation) -> None:
    """`IDENTITY_PROVIDERS` of a tenant, `IDENTITY_PROVIDER_SCOPES` of one, and not one more."""
    most = ["openid", *(f"s{number}" for number in range(limits.IDENTITY_PROVIDER_SCOPES - 1))]
    for _ in range(limits.IDENTITY_PROVIDERS - 1):
        assert add(world).status == 201
    refused(add(world, scopes=[*most, "one-more"]), 400, "at most")
    assert add(world, scopes=most).status == 201
    refused(add(world), 409, f"at most {limits.IDENTITY_PROVIDERS} identity providers")
    assert add(world, tenant=world.tenant()).status == 201


def test_links(world: Simulation) -> None:
    """One user for a subject and one subject for a user, at each provider; users of the provider's tenant alone."""
    provider, another = add(world).json["id"], add(world).json["id"]
    first, second = person(world), person(world)

    def link(user: str, subject: str, place: str = provider) -> Answer:
        return control(world, "POST", f"{PLACE}/{place}/links", {"user": user, "subject": subject})

    made = link(first.name.upper(), "s1")
    assert (made.status, made.json["user"], made.json["userId"]) == (201, first.name, first.user.id)
    refused(link(second.name, "s1"), 409, "linked")
    refused(link(first.name, "s2"), 409, "linked")
    assert link(first.name, "s1", another).status == 201
    assert link(second.name, "S1").status == 201, "a subject is compared to the letter"
    refused(link(f"nobody@{DOMAIN}", "s3"), 404, "no such user")
    stranger = person(world, tenant=world.tenant())
    refused(link(stranger.name, "s3"), 404, "no such user")
    refused(link(second.name, "s\u00e4"), 400, "A subject has")
    refused(link(second.name, "s", "no-such-provider"), 404, "There is no such identity provider")
    listed = control(world, "GET", f"{PLACE}/{provider}/links").json["value"]
    assert {one["subject"] for one in listed} == {"s1", "S1"}
    one = made.json["id"]
    refused(control(world, "DELETE", f"{PLACE}/{another}/links/{one}"), 404, "no such link")
    assert control(world, "DELETE", f"{PLACE}/{provider}/links/{one}").status == 204
    refused(control(world, "DELETE", f"{PLACE}/{provider}/links/{one}"), 404, "no such link")
    assert link(second.name, "s1", another).status == 409
    assert link(first.name, "s1").status == 201


def test_a_subject_of_the_longest_form(world: Simulation) -> None:
    """`SUBJECT_CHARS`, and one past it."""
    provider, someone = add(world).json["id"], person(world)
    place = f"{PLACE}/{provider}/links"
    long = "s" * (limits.SUBJECT_CHARS + 1)
    assert control(world, "POST", place, {"user": someone.name, "subject": long}).status == 400
    assert control(world, "POST", place, {"user": someone.name, "subject": long[1:]}).status == 201
