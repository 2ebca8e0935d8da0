"""Renewing a user's tokens as a client with a certificate: pitfalls "renewal with another certificate"."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.first_party import KEY_VAULT
from tests.assertions import DAY, b64url, make_signer, rsa_key
from tests.flow.apps import azure, consent, refused, said
from tests.flow.apps_users import ALL, REDIRECT, VERIFIER, code
from tests.flow.certificates import Client, credential
from tests.flow.graph import Graph
from tests.flow.users import Person, person
from tests.world import START, VAULT_AUDIENCE, Answer, Simulation

NOW = int(START)
SCOPE = f"{VAULT_AUDIENCE}/.default {ALL}"


def client_of(world: Simulation, number: int, **dates: int) -> Client:
    """Register a client with a certificate of its own, that everybody lets use vaults for them."""
    made = Client(world, make_signer(rsa_key(number), now=NOW, **dates), Graph(world, world.administrator))
    consent(world, made.app.oid, azure(world, KEY_VAULT), "user_impersonation")
    return made


@pytest.fixture
def client(world: Simulation) -> Client:
    """Make the client."""
    return client_of(world, 0)


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user who may do everything in the vault."""
    who = person(world)
    world.grant(who.user.id, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    return who


def sign_in(world: Simulation, client: Client, who: Person) -> Answer:
    """Sign a user in to the client, which shows its certificate."""
    answer = client.ask(
        grant_type="authorization_code",
        code=code(world, who, client.app.appid),
        code_verifier=VERIFIER,
        redirect_uri=REDIRECT,
        scope=SCOPE,
    )
    assert said(answer).items() >= {"appidacr": "2", "oid": who.user.id}.items()
    return answer


def renew(client: Client, given: Answer, assertion: str | None = None, **changes: str | None) -> Answer:
    """Renew: with the client's certificate unless another assertion is shown."""
    members: dict[str, Any] = {
        "grant_type": "refresh_token",
        "refresh_token": given.json["refresh_token"],
        "scope": SCOPE,
        **changes,
    }
    return client.ask(assertion, **members)


def works(world: Simulation, answer: Answer) -> bool:
    """Tell whether an access token opens the vault."""
    status = world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=answer.json["access_token"]).status
    assert status in {200, 401}
    return status == 200


def test_another_clients_certificate_renews_nothing(world: Simulation, client: Client, someone: Person) -> None:
    """Neither in its own name nor in this one's, by whatever name of the certificate; and the family goes on."""
    given, other = sign_in(world, client, someone), client_of(world, 1)
    refused(renew(other, given), 70000)
    shown = other.signer.assertion(client.claims())
    refused(renew(client, given, shown), 700027, "invalid_client", 401)
    lying = other.signer.assertion(client.claims(), header={"x5t": b64url(client.signer.sha1)})
    refused(renew(client, given, lying), 700027, "invalid_client", 401)
    refused(renew(client, given, other.signer.assertion(other.claims())), 700021, "invalid_client", 401)
    assert works(world, given)
    assert works(world, renew(client, given))


def test_nor_does_a_certificate_that_the_client_never_registered(
    world: Simulation, client: Client, someone: Person
) -> None:
    """Nor no certificate at all."""
    given = sign_in(world, client, someone)
    stranger = make_signer(rsa_key(2), now=NOW)
    refused(renew(client, given, stranger.assertion(client.claims())), 700027, "invalid_client", 401)
    bare: dict[str, str | None] = {"client_assertion": None, "client_assertion_type": None}
    refused(renew(client, given, **bare), 7000218, "invalid_client", 401)
    assert works(world, renew(client, given))


def test_the_clients_own_second_certificate_takes_the_family_over(
    world: Simulation, client: Client, someone: Person
) -> None:
    """ADR 0014, so that it can be rotated: what the first got ends with the first, and what came later does not."""
    given = sign_in(world, client, someone)
    first, second = client.signer, make_signer(rsa_key(2), now=NOW)
    path = f"applications/{client.app.application}"
    client.graph.do("PATCH", path, {"keyCredentials": [{"keyId": client.key_id}, credential(second)]})
    client.signer = second
    renewed = renew(client, given)
    assert works(world, renewed)
    keep = next(one["keyId"] for one in client.credentials() if one["keyId"] != client.key_id)
    client.graph.do("PATCH", path, {"keyCredentials": [{"keyId": keep}]})
    assert (works(world, given), works(world, renewed)) == (False, True)
    assert works(world, renew(client, renewed))
    refused(renew(client, renewed, first.assertion(client.claims())), 700027, "invalid_client", 401)


def test_an_expired_certificate_renews_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever is left of the refresh token's ninety days."""
    world = Simulation(tmp_path_factory.mktemp("own"))
    client, who = client_of(world, 0, ends=DAY), person(world)
    given = sign_in(world, client, who)
    world.advance(DAY)
    refused(renew(client, given), 700027, "invalid_client", 401)
    world.close()
