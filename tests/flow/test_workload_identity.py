"""Workload identity: an assertion from a run's token file, shown to the token endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from strongroom.core import limits
from strongroom.core.identity import ServicePrincipal, SigningKey
from strongroom.core.network import Link
from strongroom.directory import signing_keys
from tests.plugins import canary
from tests.world import Answer, Simulation

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def control(world: Simulation, method: str, path: str, body: object = None) -> Answer:
    """Ask over the owner's socket."""
    return world.ask(method, f"http://control{path}", body=body, link=Link.CONTROL, host="control")


@pytest.fixture
def run(world: Simulation) -> dict[str, Any]:
    """Begin a run of the default identity."""
    run: dict[str, Any] = control(world, "POST", "/run", {}).json
    return run


def assertion_of(world: Simulation, run: dict[str, Any], **wanted: object) -> str:
    """Get what the run's token file has."""
    answer = control(world, "POST", f"/run/{run['runId']}/assertion", wanted)
    assert answer.status == 200, answer.body
    text: str = answer.json["assertion"]
    canary.remember(text)
    return text


def sign_in(world: Simulation, run: dict[str, Any], assertion: str, **more: str) -> Answer:
    """Show an assertion to the token endpoint, as the run's identity."""
    form = {
        "grant_type": "client_credentials",
        "client_id": run["clientId"],
        "client_assertion_type": JWT_BEARER,
        "client_assertion": assertion,
        "scope": "https://vault.azure.net/.default",
        **more,
    }
    url = f"{world.login_url}/{run['tenantId']}/oauth2/v2.0/token"
    return world.ask("POST", url, form={name: value for name, value in form.items() if value})


def refused(answer: Answer) -> int:
    """Give the AADSTS number of a refusal."""
    assert answer.status in {400, 401}, answer.body
    number: int = answer.json["error_codes"][0]
    return number


def forge(
    world: Simulation,
    assertion: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    kid: str | None = None,
    header: dict[str, Any] | None = None,
    key: rsa.RSAPrivateKey | None = None,
) -> str:
    """Change an assertion's claims and sign it again, with the key that signed it unless another is given."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415  for this alone

    genuine = jwt.get_unverified_header(assertion)
    signing: SigningKey | None = world.view.signing_key(kid or genuine["kid"])
    assert signing is not None
    # The service made the key. To check it once more takes longer than the test.
    private = key or load_der_private_key(
        signing_keys.open_private_key(world.keys, signing), password=None, unsafe_skip_rsa_key_validation=True
    )
    assert isinstance(private, rsa.RSAPrivateKey)
    claims = change(jwt.decode(assertion, options={"verify_signature": False}))
    named = {"kid": signing.id, "x5t": signing.id}
    return jwt.encode(claims, private, "RS256", headers={**named, **(header or {})})


class TestToken:
    """What an assertion gives."""

    @pytest.mark.parametrize("end", ["", "\n"])
    def test_the_vault_takes_the_token(self, world: Simulation, run: dict[str, Any], end: str) -> None:
        """It is a managed identity's for a run's time at most; a line's end in the file does no harm."""
        answer = sign_in(world, run, assertion_of(world, run) + end)
        assert answer.status == 200, answer.body
        claims = jwt.decode(answer.json["access_token"], options={"verify_signature": False})
        assert (claims["oid"], claims["appid"], claims["appidacr"]) == (run["objectId"], run["clientId"], "2")
        assert claims["xms_mirid"].endswith("/userAssignedIdentities/default")
        assert claims["exp"] <= run["expiresOn"]
        url = f"{world.vault_url}/secrets?api-version=7.4"
        assert world.ask("GET", url, token=answer.json["access_token"]).status == 200

    def test_it_ends_with_the_run(self, world: Simulation, run: dict[str, Any]) -> None:
        """SEC-BOOT-6: after the run neither the assertion nor a token that it gave opens anything."""
        assertion = assertion_of(world, run)
        token = sign_in(world, run, assertion).json["access_token"]
        control(world, "DELETE", f"/run/{run['runId']}")
        assert refused(sign_in(world, run, assertion)) == 700027
        assert world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status == 401
        assert control(world, "POST", f"/run/{run['runId']}/assertion", {}).status == 404

    def test_it_lasts_an_hour(self, world: Simulation, run: dict[str, Any]) -> None:
        """At its last second it is good, and at its end it is AADSTS700024."""
        assertion = assertion_of(world, run)
        world.advance(limits.ASSERTION_S - 1)
        assert sign_in(world, run, assertion).status == 200
        world.advance(1)
        assert refused(sign_in(world, run, assertion)) == 700024

    def test_it_never_outlives_the_run(self, world: Simulation) -> None:
        """However long it is asked to last, it ends with the credential."""
        short: dict[str, Any] = control(world, "POST", "/run", {"lifetimeSeconds": 120}).json
        answer = control(world, "POST", f"/run/{short['runId']}/assertion", {"lifetimeSeconds": limits.RUN_MAX_S})
        assert answer.json["expiresOn"] == short["expiresOn"]
        world.advance(120)
        assert control(world, "POST", f"/run/{short['runId']}/assertion", {}).status == 404

    @pytest.mark.parametrize("seconds", [59, limits.RUN_MAX_S + 1])
    def test_its_length_has_limits(self, world: Simulation, run: dict[str, Any], seconds: int) -> None:
        """A minute at least and a day at most."""
        path = f"/run/{run['runId']}/assertion"
        assert control(world, "POST", path, {"lifetimeSeconds": seconds}).status == 400


class TestRefusals:
    """What is no assertion of this identity's."""

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "https://vault.azure.net"},
            {"aud": ["api://AzureADTokenExchange"]},
            {"iss": "urn:strongroom:workload-identity:x"},
            {"sub": "another"},
            {"uti": "AAAAAAAAAAAAAAAAAAAAAAAAAAA"},
            {"uti": None},
            {"exp": None},
            {"exp": "9999999999"},
            {"nbf": None},
        ],
    )
    def test_other_claims_under_the_right_key(
        self, world: Simulation, run: dict[str, Any], claims: dict[str, object]
    ) -> None:
        """SEC-TOKEN-2: audience, issuer, subject, times and credential all have to be the identity's own."""
        forged = forge(world, assertion_of(world, run), lambda genuine: {**genuine, **claims})
        assert refused(sign_in(world, run, forged)) == 700027

    def test_not_yet(self, world: Simulation, run: dict[str, Any]) -> None:
        """An assertion of the future is out of its time."""
        forged = forge(world, assertion_of(world, run), lambda genuine: {**genuine, "nbf": genuine["nbf"] + 61})
        assert refused(sign_in(world, run, forged)) == 700024

    def test_another_key(self, world: Simulation, run: dict[str, Any]) -> None:
        """A key that is not the tenant's signs nothing, under whatever name; nor does no signature at all."""
        assertion = assertion_of(world, run)
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        forged = forge(world, assertion, dict, key=stranger)
        header, payload, _ = assertion.split(".")
        unsigned = jwt.encode({}, "", "none").split(".")[0]
        for text in (forged, f"{unsigned}.{payload}.AAAA"):
            assert refused(sign_in(world, run, text)) == 700027
        for text in (f"{header}.{payload}.", f"{unsigned}.{payload}.", "x", f"{header}.{payload}"):
            assert refused(sign_in(world, run, text)) in {50027, 5002710}

    def test_another_tenants_key(self, world: Simulation, run: dict[str, Any]) -> None:
        """SEC-TENANT-2: a key of another tenant does not vouch for this one's identities."""
        other = world.tenant()
        (key, *_) = world.view.signing_keys(other)
        forged = forge(world, assertion_of(world, run), dict, kid=key.id)
        assert refused(sign_in(world, run, forged)) == 700027

    def test_an_access_token_is_no_assertion(self, world: Simulation, run: dict[str, Any]) -> None:
        """What the identity got for a vault does not get it more: its issuer is none that the identity names."""
        token = sign_in(world, run, assertion_of(world, run)).json["access_token"]
        assert refused(sign_in(world, run, token)) == 700211

    def test_an_assertion_is_no_access_token(self, world: Simulation, run: dict[str, Any]) -> None:
        """No surface takes it as a bearer token."""
        assertion = assertion_of(world, run)
        for url in (
            f"{world.vault_url}/secrets?api-version=7.4",
            f"{world.arm_url}/subscriptions?api-version=2020-01-01",
            f"{world.graph_url}/v1.0/servicePrincipals",
        ):
            assert world.ask("GET", url, token=assertion).status == 401

    def test_an_assertion_is_one_identitys(self, world: Simulation, run: dict[str, Any]) -> None:
        """Shown for an application it is another issuer's."""
        answer = sign_in(world, run, assertion_of(world, run), client_id=world.administrator.appid)
        assert refused(answer) == 700021

    @pytest.mark.parametrize(
        ("kind", "number"),
        [("", 900144), ("urn:ietf:params:oauth:client-assertion-type:saml2-bearer", 9002313)],
    )
    def test_another_type_of_assertion(self, world: Simulation, run: dict[str, Any], kind: str, number: int) -> None:
        """The type is demanded, and there is one."""
        answer = sign_in(world, run, assertion_of(world, run), client_assertion_type=kind)
        assert refused(answer) == number

    def test_a_disabled_identity(self, world: Simulation, run: dict[str, Any]) -> None:
        """Nothing is issued to an identity that is disabled, and no assertion either."""
        assertion = assertion_of(world, run)
        principal = world.view.principal(run["tenantId"], run["objectId"])
        assert isinstance(principal, ServicePrincipal)
        world.commit(lambda tx: tx.put(replace(principal, enabled=False)))
        try:
            assert refused(sign_in(world, run, assertion)) == 7000112
            assert control(world, "POST", f"/run/{run['runId']}/assertion", {}).status == 404
        finally:
            world.commit(lambda tx: tx.put(principal))

    def test_a_revoked_signing_key(self, world: Simulation, run: dict[str, Any]) -> None:
        """SEC-TOKEN-3: what a key signed ends with it, assertions too."""
        assertion = assertion_of(world, run)
        kid = jwt.get_unverified_header(assertion)["kid"]
        assert control(world, "POST", f"/signing-keys/{kid}/revoke").status == 204
        assert refused(sign_in(world, run, assertion)) == 700027


def test_the_journal_has_ids_and_no_assertion(world: Simulation, run: dict[str, Any]) -> None:
    """Making an assertion and using it are recorded with the run's credential."""
    assertion = assertion_of(world, run)
    sign_in(world, run, assertion)
    made, used = world.entries()[-2:]
    assert (made["operationName"], made["properties"]["runId"]) == ("RunAssertionIssue", run["runId"])
    assert (used["operationName"], used["properties"]["credentialId"]) == ("TokenIssue", run["runId"])
    assert assertion not in json.dumps(world.entries())
