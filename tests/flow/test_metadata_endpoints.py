"""The endpoints in the form of IMDS, Arc and Cloud Shell, for one run: who may ask, and what comes out."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest

from strongroom.core.network import Link
from tests.plugins import canary
from tests.world import Answer, Simulation

RESOURCE = "https://vault.azure.net"
ORIGIN = "http://127.0.0.1:40342"
QUERY = f"api-version=2018-02-01&resource={RESOURCE}"
METADATA = {"Metadata": "true"}
IMDS, ARC, CLOUD_SHELL = "imds", "arc", "cloud-shell"
KINDS = (IMDS, ARC, CLOUD_SHELL)


def begin(world: Simulation) -> dict[str, Any]:
    """Begin a run of the default identity over the control socket."""
    answer = world.ask("POST", "http://control/run", body={}, link=Link.CONTROL, host="control")
    assert answer.status == 200, answer.body
    run: dict[str, Any] = answer.json
    canary.remember(run["identityHeader"])
    return run


@pytest.fixture
def run(world: Simulation) -> dict[str, Any]:
    """Begin a run; its secret is searched for in all that comes out."""
    return begin(world)


def ask(world: Simulation, run: dict[str, Any], kind: str, query: str | None = None, **how: Any) -> Answer:
    """Ask for a token as the kind's clients do, unless the test wants it otherwise."""
    secret = how.pop("secret", run["identityHeader"])
    headers = {**METADATA, **how.pop("headers", {})}
    if kind == ARC:
        path = f"/arc/{run['runId']}/metadata/identity/oauth2/token"
        query = query or QUERY.replace("2018-02-01", "2020-06-01")
        headers = {"Authorization": f"Basic {secret}"} | headers
    else:
        path = f"/mi/{secret}/" + ("oauth2/token" if kind == CLOUD_SHELL else "metadata/identity/oauth2/token")
        query = query if query is not None else QUERY
    if kind == CLOUD_SHELL:
        how = {"method": "POST", "raw": query.replace("api-version=2018-02-01&", "").encode()} | how
    url = f"{ORIGIN}{path}{how.pop('slash', '')}" + ("" if kind == CLOUD_SHELL else f"?{query}")
    headers = {name: value for name, value in headers.items() if value}
    peer, link = how.pop("peer", "127.0.0.1"), how.pop("link", Link.MANAGED_IDENTITY)
    return world.ask(how.pop("method", "GET"), url, headers=headers, peer=peer, link=link, **how)


def claims_of(token: str) -> dict[str, Any]:
    """Read a token's claims; that it verifies is shown by using it."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def description_of(answer: Answer, status: int = 400) -> str:
    """Check the metadata services' form of a refusal, and give its sentence."""
    assert answer.status == status, answer.body
    assert set(answer.json) == {"error", "error_description"}
    description: str = answer.json["error_description"]
    return description


class TestToken:
    """What a run gets."""

    @pytest.mark.parametrize(
        ("kind", "more"),
        [
            (IMDS, {"client_id", "ext_expires_in"}),
            (ARC, {"client_id", "ext_expires_in", "object_id", "msi_res_id"}),
            (CLOUD_SHELL, {"refresh_token"}),
        ],
    )
    def test_the_answer_is_the_kinds(self, world: Simulation, run: dict[str, Any], kind: str, more: set[str]) -> None:
        """Exactly these members, numbers as text, the resource as it was asked, and kept by nobody."""
        answer = ask(world, run, kind)

        assert answer.status == 200, answer.body
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json
        common = {"access_token", "expires_in", "expires_on", "not_before", "resource", "token_type"}
        assert set(body) | {"object_id", "msi_res_id"} == common | more | {"object_id", "msi_res_id"}
        claims = claims_of(body["access_token"])
        assert (body["token_type"], body["resource"]) == ("Bearer", RESOURCE)
        assert (body["expires_on"], body["not_before"]) == (str(claims["exp"]), str(claims["nbf"]))
        assert body["expires_in"].isdigit()

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_vault_takes_the_token(self, world: Simulation, run: dict[str, Any], kind: str) -> None:
        """The token is the managed identity's, with its resource, and ends with the run."""
        token = ask(world, run, kind).json["access_token"]
        claims = claims_of(token)
        assert (claims["appidacr"], claims["appid"], claims["oid"]) == ("2", run["clientId"], run["objectId"])
        assert claims["xms_mirid"].endswith("/userAssignedIdentities/default")
        url = f"{world.vault_url}/secrets?api-version=7.4"
        assert world.ask("GET", url, token=token).status == 200
        world.ask("DELETE", f"http://control/run/{run['runId']}", link=Link.CONTROL, host="control")
        assert world.ask("GET", url, token=token).status == 401

    @pytest.mark.parametrize("kind", [IMDS, ARC])
    def test_a_slash_at_the_end(self, world: Simulation, run: dict[str, Any], kind: str) -> None:
        """The JavaScript client asks with one (reference clients.md section 2)."""
        assert ask(world, run, kind, slash="/").status == 200

    def test_a_slash_in_between(self, world: Simulation, run: dict[str, Any]) -> None:
        """The Java client puts one between the prefix and the path, and asks for ever if that is 404."""
        url = f"{ORIGIN}/mi/{run['identityHeader']}//metadata/identity/oauth2/token?{QUERY}"
        assert world.ask("GET", url, headers=METADATA, link=Link.MANAGED_IDENTITY).status == 200

    @pytest.mark.parametrize("kind", [IMDS, ARC])
    @pytest.mark.parametrize("name", ["client_id=clientId", "object_id=objectId"])
    def test_the_identity_may_be_named(self, world: Simulation, run: dict[str, Any], kind: str, name: str) -> None:
        """Naming the identity that the run has changes nothing, and Arc's answer repeats the name."""
        parameter, _, member = name.partition("=")
        answer = ask(world, run, kind, f"api-version=2021-02-01&resource={RESOURCE}&{parameter}={run[member]}")
        assert answer.status == 200, answer.body
        if kind == ARC:
            assert answer.json[parameter] == run[member]

    @pytest.mark.parametrize("kind", [IMDS, ARC])
    @pytest.mark.parametrize("parameter", ["msi_res_id", "mi_res_id"])
    def test_the_identity_may_be_named_by_its_resource(
        self, world: Simulation, run: dict[str, Any], kind: str, parameter: str
    ) -> None:
        """Both spellings are taken, without case, and Arc's answer repeats it under the name that clients read."""
        resource = claims_of(ask(world, run, kind).json["access_token"])["xms_mirid"].upper()
        answer = ask(world, run, kind, f"api-version=2020-06-01&resource={RESOURCE}&{parameter}={resource}")
        assert answer.status == 200, answer.body
        if kind == ARC:
            assert answer.json["msi_res_id"] == resource


class TestRefusals:
    """Every way the endpoints refuse."""

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("value", ["", "false", "1", "True;x"])
    def test_without_the_metadata_header(self, world: Simulation, run: dict[str, Any], kind: str, value: str) -> None:
        """No web page can send it, and a client's probe takes the 400 for a yes: never 404 and never 403."""
        answer = ask(world, run, kind, headers={"Metadata": value})
        assert description_of(answer) == "Required metadata header not specified"

    def test_a_bare_probe(self, world: Simulation, run: dict[str, Any]) -> None:
        """The JavaScript client probes without query and header, and others with the whole query: 400."""
        for path in (f"/mi/{run['identityHeader']}", "/mi/x"):
            url = f"{ORIGIN}{path}/metadata/identity/oauth2/token"
            assert description_of(world.ask("GET", url, link=Link.MANAGED_IDENTITY))

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_header_in_another_case(self, world: Simulation, run: dict[str, Any], kind: str) -> None:
        """Some clients write `True`."""
        assert ask(world, run, kind, headers={"Metadata": "True"}).status == 200

    @pytest.mark.parametrize("kind", [IMDS, CLOUD_SHELL])
    @pytest.mark.parametrize("secret", ["x", "0" * 43, "%ff", "a%2Fb"])
    def test_another_secret(self, world: Simulation, run: dict[str, Any], kind: str, secret: str) -> None:
        """SEC-TOKEN-19: a wrong secret in the path is told what a machine without identities is told: 400."""
        answer = ask(world, run, kind, secret=secret)
        assert description_of(answer) in {"Identity not found", "The request path is not validly encoded."}

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"Authorization": "Bearer x"}])
    def test_without_the_key_files_content(
        self, world: Simulation, run: dict[str, Any], headers: dict[str, str]
    ) -> None:
        """Arc's challenge says where the file is, unquoted and without a sign of equality before it, as clients cut."""
        answer = ask(world, run, ARC, headers={"Authorization": "", **headers})
        assert description_of(answer, 401) == "The key file's content is missing or wrong."
        assert answer.headers["www-authenticate"] == (
            f"Basic realm=/var/opt/azcmagent/tokens/strongroom-{run['runId']}.key"
        )

    def test_the_key_files_content_is_shown_as_basic(self, world: Simulation, run: dict[str, Any]) -> None:
        """As clients of Arc show it; in another scheme it is none, though it be right."""
        secret = run["identityHeader"]
        assert ask(world, run, ARC, headers={"Authorization": f"basic {secret}"}).status == 200
        assert ask(world, run, ARC, headers={"Authorization": f"Bearer {secret}"}).status == 401

    @pytest.mark.parametrize("kind", [IMDS, ARC])
    @pytest.mark.parametrize("query", ["", "&resource="])
    def test_without_a_resource(self, world: Simulation, run: dict[str, Any], kind: str, query: str) -> None:
        """No token is for nothing in particular."""
        answer = ask(world, run, kind, f"api-version=2020-06-01{query}")
        assert description_of(answer) == "The query parameter 'resource' is required."

    def test_the_key_file_of_another_run(self, world: Simulation, run: dict[str, Any]) -> None:
        """SEC-TOKEN-19: a run's secret opens that run's endpoint alone."""
        other = begin(world)
        assert ask(world, run, ARC, secret=other["identityHeader"]).status == 401

    @pytest.mark.parametrize("run_id", ["x", "..", "a=b", "%0d%0aSet-Cookie", "%2e%2e%2fetc"])
    def test_what_is_no_runs_id_gets_no_file_named(self, world: Simulation, run_id: str) -> None:
        """Only a GUID becomes part of the path in the challenge."""
        url = f"{ORIGIN}/arc/{run_id}/metadata/identity/oauth2/token?{QUERY}"
        answer = world.ask("GET", url, headers=METADATA, link=Link.MANAGED_IDENTITY)
        assert description_of(answer)
        assert "www-authenticate" not in answer.headers

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("host", ["localhost:40342", "127.0.0.1", "evil.example:40342", ""])
    def test_another_host(self, world: Simulation, run: dict[str, Any], kind: str, host: str) -> None:
        """SEC-TOKEN-18: the exact Host is demanded: DNS rebinding reaches the port and not the endpoint."""
        assert ask(world, run, kind, host=host).status == 421

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via"])
    def test_forwarded(self, world: Simulation, run: dict[str, Any], kind: str, name: str) -> None:
        """SEC-TOKEN-18: forwarding headers are refused, whatever the secret."""
        assert description_of(ask(world, run, kind, headers={name: "10.0.0.1"}))

    @pytest.mark.parametrize("kind", [IMDS, ARC])
    @pytest.mark.parametrize(
        "query",
        [
            "x=y",
            f"resource={RESOURCE}",
            f"api-version=2017-01-01&resource={RESOURCE}",
            f"api-version=latest&resource={RESOURCE}",
            f"api-version=2018-02-01-preview&resource={RESOURCE}",
            "api-version=2020-06-01",
            "api-version=2020-06-01&resource=",
            "api-version=2020-06-01&resource=https://elsewhere.example",
        ],
    )
    def test_a_bad_question(self, world: Simulation, run: dict[str, Any], kind: str, query: str) -> None:
        """Unknown versions and resources are 400."""
        assert description_of(ask(world, run, kind, query))

    @pytest.mark.parametrize("kind", [IMDS, ARC])
    @pytest.mark.parametrize("name", ["client_id=x", "object_id=", "msi_res_id=/subscriptions/x"])
    def test_another_identity(self, world: Simulation, run: dict[str, Any], kind: str, name: str) -> None:
        """An identity that the run was not lent is 400, which lets a client go on to its next credential."""
        answer = ask(world, run, kind, f"api-version=2020-06-01&resource={RESOURCE}&{name}")
        assert description_of(answer) == "Identity not found"

    @pytest.mark.parametrize("raw", [b"", b"resource=", b"resource=%zz", b"resource=a&resource=b", b"{}"])
    def test_a_bad_form(self, world: Simulation, run: dict[str, Any], raw: bytes) -> None:
        """Cloud Shell's body is a form with a resource; anything else is 400."""
        assert description_of(ask(world, run, CLOUD_SHELL, raw=raw))

    @pytest.mark.parametrize("link", [Link.PUBLIC, Link.CONTROL])
    @pytest.mark.parametrize("kind", KINDS)
    def test_no_other_listener_answers(self, world: Simulation, run: dict[str, Any], kind: str, link: Link) -> None:
        """The endpoints are on their own listener and on no other."""
        assert ask(world, run, kind, link=link, host="127.0.0.1").status in {404, 421}

    def test_service_fabric(self, world: Simulation, run: dict[str, Any]) -> None:
        """The form that is left out is named in the refusal."""
        query = f"api-version=2019-07-01-preview&resource={RESOURCE}"
        answer = world.ask(
            "GET",
            f"{run['identityEndpoint']}?{query}",
            headers={"secret": run["identityHeader"]},
            link=Link.MANAGED_IDENTITY,
        )
        assert answer.status == 400
        assert "Service Fabric" in answer.json["message"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_journal_says_who_asked_and_never_with_what(world: Simulation, run: dict[str, Any], kind: str) -> None:
    """The record names the kind, the proof, the identity and the credential; neither secret nor token is in it."""
    token = ask(world, run, kind).json["access_token"]
    entry = world.entries()[-1]
    properties = entry["properties"]
    assert entry["operationName"].startswith("ManagedIdentityTokenIssue")
    assert (properties["endpoint"], properties["credentialId"]) == (kind, run["runId"])
    assert properties["proof"] == ("key file" if kind == ARC else "path")
    assert properties["objectId"] == run["objectId"]
    journal = json.dumps(world.entries())
    assert run["identityHeader"] not in journal
    assert token not in journal


@pytest.mark.parametrize("before", ["", "/", "//", "/x", "/metadata", "/%6di"])
@pytest.mark.parametrize("after", ["", "/", "/metadata/identity/oauth2/token", "/elsewhere"])
def test_a_secret_astray_in_a_path_is_not_recorded(
    world: Simulation, run: dict[str, Any], before: str, after: str
) -> None:
    """SEC-TOKEN-19: whatever is wrong with a path, the journal has of it no more than the words of the table."""
    world.ask("GET", f"{ORIGIN}{before}/mi/{run['identityHeader']}{after}", link=Link.MANAGED_IDENTITY)
    assert run["identityHeader"] not in json.dumps(world.entries())
