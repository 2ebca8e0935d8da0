"""The App Service endpoint on the loopback listener: who may ask, for what, and what comes out."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from strongroom.core import limits
from strongroom.core.network import Link
from strongroom.directory import applications
from tests.flow.apps import assign, change_principal, offer, role
from tests.world import Answer, Simulation

RESOURCE = "https://vault.azure.net"


def begin(world: Simulation, **wanted: object) -> dict[str, Any]:
    """Begin a run over the control socket."""
    answer = world.ask("POST", "http://control/run", body=wanted, link=Link.CONTROL, host="control")
    assert answer.status == 200, answer.body
    run: dict[str, Any] = answer.json
    return run


@pytest.fixture
def run(world: Simulation) -> dict[str, Any]:
    """Begin a run of the default identity."""
    return begin(world)


def ask(
    world: Simulation,
    run: dict[str, Any],
    query: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    **how: Any,
) -> Answer:
    """Ask for a token as a program under `run` does, unless the test wants it otherwise."""
    query = query if query is not None else f"api-version=2019-08-01&resource={RESOURCE}"
    sent = {"X-IDENTITY-HEADER": run["identityHeader"]} if headers is None else headers
    return world.ask(
        how.pop("method", "GET"),
        f"{run['identityEndpoint']}?{query}",
        headers=sent,
        peer="127.0.0.1",
        link=how.pop("link", Link.MANAGED_IDENTITY),
        **how,
    )


def claims_of(token: str) -> dict[str, Any]:
    """Read a token's claims; that it verifies is shown by using it."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def message_of(answer: Answer, status: int) -> str:
    """Check App Service's form of a refusal, and give its message."""
    assert answer.status == status, answer.body
    assert answer.json["statusCode"] == status
    message: str = answer.json["message"]
    return message


class TestToken:
    """What a run gets."""

    def test_the_answer_is_app_services(self, world: Simulation, run: dict[str, Any]) -> None:
        """Exactly these members, numbers as text, the resource as it was asked."""
        answer = ask(world, run)

        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json
        assert set(body) == {"access_token", "client_id", "expires_on", "not_before", "resource", "token_type"}
        assert (body["token_type"], body["resource"], body["client_id"]) == ("Bearer", RESOURCE, run["clientId"])
        assert body["expires_on"] == str(claims_of(body["access_token"])["exp"])

    def test_the_claims_of_a_managed_identity(self, world: Simulation, run: dict[str, Any]) -> None:
        """A service principal's claims with the resource it stands for (reference clients.md section 7)."""
        claims = claims_of(ask(world, run).json["access_token"])

        assert (claims["oid"], claims["sub"], claims["appid"]) == (run["objectId"], run["objectId"], run["clientId"])
        assert (claims["appidacr"], claims["idtyp"], claims["ver"]) == ("2", "app", "1.0")
        assert claims["xms_mirid"].endswith("/providers/Microsoft.ManagedIdentity/userAssignedIdentities/default")
        assert claims["xms_mirid"].startswith(f"/subscriptions/{run['subscriptionId']}/")

    def test_the_vault_takes_the_token(self, world: Simulation, run: dict[str, Any]) -> None:
        """The first identity administers the first vault, so a program under `run` works at once."""
        token = ask(world, run).json["access_token"]
        url = f"{world.vault_url}/secrets/from-run?api-version=7.4"
        assert world.ask("PUT", url, token=token, body={"value": "v"}).status == 200

    def test_the_older_version(self, world: Simulation, run: dict[str, Any]) -> None:
        """2017-09-01 has its secret in `secret` and calls the identity `clientid`; times are epoch seconds."""
        query = f"api-version=2017-09-01&resource={RESOURCE}&clientid={run['clientId']}"
        answer = ask(world, run, query, headers={"secret": run["identityHeader"]})

        assert answer.status == 200
        assert answer.json["expires_on"].isdigit()

    @pytest.mark.parametrize("parameter", ["client_id=clientId", "object_id=objectId", "principal_id=objectId"])
    def test_the_identity_may_be_named(self, world: Simulation, run: dict[str, Any], parameter: str) -> None:
        """Naming the identity that the run has changes nothing; a GUID's case does not matter."""
        name, _, member = parameter.partition("=")
        base = f"api-version=2019-08-01&resource={RESOURCE}"
        assert ask(world, run, f"{base}&{name}={run[member].upper()}").status == 200

    def test_the_identity_may_be_named_by_its_resource(self, world: Simulation, run: dict[str, Any]) -> None:
        """mi_res_id compares as ARM ids do, without case."""
        resource = claims_of(ask(world, run).json["access_token"])["xms_mirid"]
        query = f"api-version=2019-08-01&resource={RESOURCE}&mi_res_id={resource.upper()}"
        assert ask(world, run, query).status == 200

    @pytest.mark.parametrize("resource", ["https://management.core.windows.net/", "https://graph.microsoft.com"])
    def test_other_resources(self, world: Simulation, run: dict[str, Any], resource: str) -> None:
        """An identity gets tokens for every surface."""
        answer = ask(world, run, f"api-version=2019-08-01&resource={resource}")
        assert claims_of(answer.json["access_token"])["aud"] == resource


class TestLife:
    """How long what a run was lent is worth something."""

    def works(self, world: Simulation, token: str) -> bool:
        """Tell whether the vault takes a token."""
        return world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status == 200

    def test_a_token_does_not_outlive_its_run(self, world: Simulation) -> None:
        """SEC-BOOT-6: a token lives a day or as long as its run's credential, whichever is less."""
        for lifetime_s in (60, limits.RUN_S, limits.RUN_MAX_S):
            run = begin(world, lifetimeSeconds=lifetime_s)
            assert run["expiresOn"] == int(world.clock()) + lifetime_s
            assert claims_of(ask(world, run).json["access_token"])["exp"] == run["expiresOn"]

    def test_a_token_ends_with_its_run_and_no_other_does(self, world: Simulation) -> None:
        """SEC-FLOW-17: ending a run ends its tokens and nobody else's, and its header secret is worth nothing."""
        mine, theirs = begin(world), begin(world)
        tokens = [ask(world, one).json["access_token"] for one in (mine, theirs)]
        assert all(self.works(world, token) for token in tokens)
        ended = world.ask("DELETE", f"http://control/run/{mine['runId']}", link=Link.CONTROL, host="control")
        assert ended.status == 204

        assert [self.works(world, token) for token in tokens] == [False, True]
        assert ask(world, mine).status == 401
        assert ask(world, theirs).status == 200

    def test_a_run_that_is_over_gets_no_token(self, world: Simulation) -> None:
        """The header's secret works in its last second and not after."""
        run = begin(world, lifetimeSeconds=100)
        world.advance(99)
        assert ask(world, run).status == 200
        world.advance(1)
        assert ask(world, run).status == 401

    def test_a_disabled_identity_gets_no_token(self, world: Simulation, run: dict[str, Any]) -> None:
        """Disabling the identity's principal stops its runs, and enabling it lets them go on."""
        for enabled in (False, True):
            change = applications.ServicePrincipalChange(enabled=enabled)
            world.commit(
                lambda tx, change=change: applications.update_service_principal(
                    tx, world.first.tenant_id, run["objectId"], change
                )
            )
            assert ask(world, run).status == (200 if enabled else 400)


class TestRefusals:
    """Every way the endpoint refuses."""

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"X-IDENTITY-HEADER": ""},
            {"X-IDENTITY-HEADER": "wrong"},
            {"X-IDENTITY-HEADER": "\xff"},
            {"secret": "wrong"},
            {"Metadata": "true"},
            {"Authorization": "Bearer x"},
        ],
    )
    def test_without_the_secret(self, world: Simulation, run: dict[str, Any], headers: dict[str, str]) -> None:
        """SEC-TOKEN-19: reaching the listener is no proof: a missing or wrong secret is 401, and says nothing else."""
        assert message_of(ask(world, run, headers=headers), 401) == "The identity header is missing or wrong."

    def test_the_secret_stands_in_its_versions_header(self, world: Simulation, run: dict[str, Any]) -> None:
        """The newer version's secret is not read from the older one's header, nor the other way round."""
        older = f"api-version=2017-09-01&resource={RESOURCE}"
        assert ask(world, run, headers={"secret": run["identityHeader"]}).status == 401
        assert ask(world, run, older).status == 401

    @pytest.mark.parametrize(
        "host",
        [
            "localhost:40342",
            "127.0.0.1",
            "127.0.0.1:40343",
            "evil.example",
            "evil.example:40342",
            "127.0.0.1.evil.example:40342",
            "[::1]:40342",
            "",
        ],
    )
    def test_another_host(self, world: Simulation, run: dict[str, Any], host: str) -> None:
        """SEC-TOKEN-18: the exact Host is demanded: DNS rebinding reaches the port and not the endpoint."""
        assert ask(world, run, host=host).status == 421

    @pytest.mark.parametrize(
        "name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto"]
    )
    def test_forwarded(self, world: Simulation, run: dict[str, Any], name: str) -> None:
        """SEC-TOKEN-18: forwarding headers are refused, whatever the secret."""
        headers = {"X-IDENTITY-HEADER": run["identityHeader"], name: "10.0.0.1"}
        assert ask(world, run, headers=headers).status == 400

    @pytest.mark.parametrize(
        "query",
        [
            "",
            f"resource={RESOURCE}",
            f"api-version=2018-02-01&resource={RESOURCE}",
            "api-version=2019-08-01",
            "api-version=2019-08-01&resource=",
            "api-version=2019-08-01&resource=https://elsewhere.example",
            f"api-version=2019-08-01&resource={RESOURCE}&client_id=11111111-1111-1111-1111-111111111111",
            f"api-version=2019-08-01&resource={RESOURCE}&object_id=x",
            f"api-version=2019-08-01&resource={RESOURCE}&mi_res_id=/subscriptions/x",
            f"api-version=2019-08-01&resource={RESOURCE}&client_id=",
            f"api-version=2019-08-01&resource={RESOURCE}&resource={RESOURCE}",
        ],
    )
    def test_a_bad_question(self, world: Simulation, run: dict[str, Any], query: str) -> None:
        """Unknown versions, resources and identities are 400: a 404 would make clients try again (pitfalls "IMDS")."""
        assert message_of(ask(world, run, query), 400)

    def test_a_refusal_of_the_token_service_keeps_its_number(self, world: Simulation, run: dict[str, Any]) -> None:
        """Programs print what the endpoint says, and people look it up by the number."""
        answer = ask(world, run, "api-version=2019-08-01&resource=https://elsewhere.example")
        told = message_of(answer, 400)
        assert told.startswith("AADSTS500011: The resource principal named https://elsewhere.example was not found")
        answer = ask(world, run, "api-version=2019-08-01")
        assert message_of(answer, 400) == "The query parameter 'resource' is required."

    def test_an_identity_named_twice(self, world: Simulation, run: dict[str, Any]) -> None:
        """Two names are refused even if both are right."""
        query = f"api-version=2019-08-01&resource={RESOURCE}&client_id={run['clientId']}&object_id={run['objectId']}"
        assert "At most one" in message_of(ask(world, run, query), 400)

    @pytest.mark.parametrize("link", [Link.PUBLIC, Link.CONTROL])
    def test_no_other_listener_answers(self, world: Simulation, run: dict[str, Any], link: Link) -> None:
        """The endpoint is on its own listener and on no other."""
        assert ask(world, run, link=link).status == 404

    def test_only_get(self, world: Simulation, run: dict[str, Any]) -> None:
        """App Service's endpoint is read with GET."""
        assert ask(world, run, method="POST").status == 405


def test_the_journal_says_who_asked_and_never_with_what(world: Simulation) -> None:
    """An issued token is recorded with its run's credential; neither header nor token is."""
    run = begin(world)
    token = ask(world, run).json["access_token"]
    entry = world.entries()[-1]

    assert entry["operationName"] == "ManagedIdentityTokenIssue"
    assert entry["properties"]["credentialId"] == run["runId"]
    assert entry["properties"]["objectId"] == run["objectId"]
    journal = json.dumps(world.entries())
    assert run["identityHeader"] not in journal
    assert token not in journal


def test_a_registered_application_is_a_resource(world: Simulation, run: dict[str, Any]) -> None:
    """With the roles that the identity was assigned; AADSTS500011 and 501051 as for any client."""
    wanted = role("Read")
    api, uri = offer(world, roles=(wanted,), version=2)
    change_principal(world, api, app_role_assignment_required=True)
    query = f"api-version=2019-08-01&resource={quote(uri, safe='')}"
    assert message_of(ask(world, run, query), 400).startswith("AADSTS501051: ")
    identity = claims_of(ask(world, run).json["access_token"])["oid"]
    assign(world, api, identity, wanted.id)
    token = claims_of(ask(world, run, query).json["access_token"])
    assert token["iss"] == f"{world.login_url}/{world.first.tenant_id}/v2.0"
    assert token.items() >= {"aud": api.appid, "oid": identity, "roles": ["Read"], "azpacr": "2", "ver": "2.0"}.items()
    message_of(ask(world, run, "api-version=2019-08-01&resource=api%3A%2F%2Fnobody"), 400)
