"""Applications that prove themselves by tokens of outside issuers, whose keys the operator gave."""

from __future__ import annotations

import secrets as chance
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import OWNER
from strongroom.core.network import Link
from tests.assertions import ASSERTION_TYPE, b64url, ec_key, key_set, rsa_key, sign
from tests.flow.graph import MISSING, Graph
from tests.flow.test_sts_token import check_refusal, claims_of
from tests.world import START, Answer, Principal, Simulation

NOW = int(START)
EXCHANGE = "api://AzureADTokenExchange"


def control(world: Simulation, method: str, path: str, body: object = None, **how: Any) -> Answer:
    """Ask the control surface, as the instance's operator."""
    how.setdefault("link", Link.CONTROL)
    return world.ask(method, f"http://control{path}", body=body, host="control", **how)


class Workload:
    """An application that a workload elsewhere is, and its issuer."""

    def __init__(
        self,
        world: Simulation,
        graph: Graph,
        issuer: str | None = None,
        subject: str = "system:serviceaccount:default:Pod",
    ) -> None:
        self.world, self.graph = world, graph
        self.app: Principal = world.principal()
        self.issuer = issuer or f"https://{chance.token_hex(6)}.example/"
        self.subject = subject
        self.path = f"applications/{self.app.application}/federatedIdentityCredentials"
        self.trust()
        self.made = graph.make(self.path, self.body())

    def trust(self, *kids: str) -> None:
        """Have the operator trust the issuer by a key of these names."""
        answer = control(
            self.world, "POST", "/issuers", {"issuer": self.issuer, "keys": key_set(rsa_key(), *(kids or ("k1",)))}
        )
        assert answer.status == 200, answer.body

    def body(self, **changes: Any) -> dict[str, Any]:
        """Give the federated credential as az sends it."""
        return {
            "name": f"n{chance.token_hex(4)}",
            "issuer": self.issuer,
            "subject": self.subject,
            "audiences": [EXCHANGE],
            "description": "a pod",
            **changes,
        }

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Give the claims of a projected service account token, with some changed or left out where None."""
        now = int(self.world.clock())
        claims = {
            "aud": [EXCHANGE],
            "iss": self.issuer,
            "sub": self.subject,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "kubernetes.io": {"namespace": "default"},
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def assertion(self, *, kid: str | None = "k1", **changes: Any) -> str:
        """Make the issuer's token."""
        header = {"alg": "RS256", **({} if kid is None else {"kid": kid})}
        return sign(rsa_key(), header, self.claims(**changes))

    def ask(self, assertion: str | None = None, **changes: str) -> Answer:
        """Ask for a token with an assertion: a good one unless it is given."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.app.appid,
            "client_assertion": self.assertion() if assertion is None else assertion,
            "client_assertion_type": ASSERTION_TYPE,
            "scope": "https://vault.azure.net/.default",
            **changes,
        }
        url = f"{self.world.login_url}/{self.world.first.tenant_id}/oauth2/v2.0/token"
        return self.world.ask("POST", url, form=form)

    def token(self) -> str:
        """Sign in."""
        answer = self.ask()
        assert answer.status == 200, answer.body
        token: str = answer.json["access_token"]
        return token

    def opens(self, token: str) -> bool:
        """Tell whether a token identifies anybody at the vault."""
        return self.world.ask("GET", f"{self.world.vault_url}/secrets?api-version=7.4", token=token).status == 403


@pytest.fixture(scope="module")
def graph(world: Simulation) -> Graph:
    """Graph, as the Global Administrator has it."""
    return Graph(world, world.administrator)


@pytest.fixture
def workload(world: Simulation, graph: Graph) -> Workload:
    """Make an application with a federated credential."""
    return Workload(world, graph)


class TestSigningIn:
    """A token of an outside issuer in the place of a secret."""

    def test_the_token(self, world: Simulation, workload: Workload) -> None:
        """It is the application's own, `appidacr` 2; the journal names the federated credential."""
        token = workload.token()
        entry = world.entries()[-1]
        claims = claims_of(world, token)
        assert (claims["appid"], claims["oid"], claims["appidacr"]) == (workload.app.appid, workload.app.oid, "2")
        assert entry["properties"]["credentialId"] == workload.made["id"]
        assert workload.opens(token)

    def test_nothing_of_the_outside_token_counts(self, world: Simulation, workload: Workload, graph: Graph) -> None:
        """SEC-TOKEN-14: its oid, appid, groups, roles and tenant name nobody here, whoever they are copied from."""
        group, admin = graph.add_group()["id"], world.administrator
        foreign = {
            "oid": admin.oid,
            "appid": admin.appid,
            "azp": admin.appid,
            "tid": world.tenant(),
            "groups": [group],
            "wids": ["62e90394-69f5-4237-9190-012177145e10"],
            "roles": ["all"],
            "scp": "all",
        }
        answer = workload.ask(workload.assertion(**foreign))
        claims = claims_of(world, answer.json["access_token"])
        assert (claims["oid"], claims["appid"], claims["tid"]) == (
            workload.app.oid,
            workload.app.appid,
            world.first.tenant_id,
        )
        assert not {"groups", "wids", "roles", "scp"} & claims.keys()

    def test_one_audience_as_text_or_in_a_list(self, workload: Workload) -> None:
        """GitHub writes a text, Kubernetes a list of one; a list of two could be sent on by the other."""
        assert workload.ask(workload.assertion(aud=EXCHANGE)).status == 200
        assert workload.ask(workload.assertion(aud=[EXCHANGE])).status == 200
        check_refusal(workload.ask(workload.assertion(aud=[EXCHANGE, "other"])), 50027, "invalid_request", 400)


class TestRefusals:
    """Exact, case-sensitive, and pinned (pitfalls "Federation pins issuer, audience, subject and algorithm")."""

    @pytest.mark.parametrize(
        ("changes", "number"),
        [
            ({"sub": "system:serviceaccount:default:pod"}, 700213),
            ({"sub": "system:serviceaccount:default:Pod "}, 700213),
            ({"sub": None}, 700213),
            ({"sub": ["system:serviceaccount:default:Pod"]}, 700213),
            ({"aud": "api://azureadtokenexchange"}, 700212),
            ({"aud": f"{EXCHANGE}/"}, 700212),
            ({"aud": "https://vault.azure.net"}, 700212),
            ({"exp": NOW - limits.ASSERTION_LEEWAY_S}, 700024),
            ({"nbf": NOW + limits.ASSERTION_LEEWAY_S + 1}, 700024),
        ],
    )
    def test_claims(self, workload: Workload, changes: dict[str, Any], number: int) -> None:
        """Subject, audience and times, each with its number."""
        check_refusal(workload.ask(workload.assertion(**changes)), number, "invalid_client", 401)

    def test_no_end(self, workload: Workload) -> None:
        """Pitfalls "A token without exp never expires": it is malformed."""
        check_refusal(workload.ask(workload.assertion(exp=None)), 50027, "invalid_request", 400)

    @pytest.mark.parametrize(
        "change",
        [str.upper, lambda text: text.rstrip("/"), lambda text: text + "x"],
        ids=["case", "no slash", "longer path"],
    )
    def test_the_issuer(self, workload: Workload, change: Any) -> None:
        """Another case, no slash at its end, a longer path: another issuer."""
        issuer = change(workload.issuer).replace("HTTPS", "https")
        check_refusal(workload.ask(workload.assertion(iss=issuer)), 700211, "invalid_client", 401)

    @pytest.mark.parametrize(("alg", "key"), [("PS256", rsa_key()), ("none", rsa_key()), ("ES256", ec_key())])
    def test_algorithms(self, workload: Workload, alg: str, key: Any) -> None:
        """RS256 is the one algorithm, as in Entra."""
        text = sign(key, {"alg": alg, "kid": "k1"}, workload.claims())
        check_refusal(workload.ask(text), 5002730, "invalid_client", 401)

    def test_keys(self, workload: Workload) -> None:
        """An unknown kid, none at all, and a key that is not the issuer's."""
        for text in (
            workload.assertion(kid="k2"),
            workload.assertion(kid=None),
            sign(rsa_key(1), {"alg": "RS256", "kid": "k1"}, workload.claims()),
            sign(rsa_key(1), {"alg": "RS256", "kid": "k1", "jku": "https://x.example"}, workload.claims()),
        ):
            check_refusal(workload.ask(text), 700027, "invalid_client", 401)

    def test_which_subjects_there_are_is_not_told(self, workload: Workload) -> None:
        """Without the issuer's signature a right subject is refused as a wrong one."""
        answers = [
            workload.ask(sign(rsa_key(1), {"alg": "RS256", "kid": "k1"}, workload.claims(sub=subject))).json
            for subject in (workload.subject, "another")
        ]
        assert answers[0]["error_codes"] == answers[1]["error_codes"] == [700027]

    def test_an_issuer_that_the_operator_does_not_trust(self, world: Simulation, workload: Workload) -> None:
        """SEC-TENANT-5: to write a federated credential is not to have the instance trust its issuer."""
        issuer = "https://nobody-trusts.example"
        workload.graph.make(workload.path, workload.body(issuer=issuer))
        answer = workload.ask(workload.assertion(iss=issuer))
        check_refusal(answer, 700211, "invalid_client", 401)
        assert "does not trust" in world.entries()[-1]["properties"]["reason"]

    def test_an_application_without_any(self, world: Simulation, workload: Workload, graph: Graph) -> None:
        """A trusted issuer's subject is only the application that says so."""
        other = world.principal()
        check_refusal(workload.ask(client_id=other.appid), 700211, "invalid_client", 401)
        check_refusal(workload.ask(client_id=MISSING), 700016, "unauthorized_client", 400)

    def test_a_disabled_principal(self, workload: Workload) -> None:
        """It is said once the token is good."""
        workload.graph.do("PATCH", f"servicePrincipals/{workload.app.oid}", {"accountEnabled": False})
        check_refusal(workload.ask(), 7000112, "unauthorized_client", 400)
        check_refusal(workload.ask(workload.assertion(sub="x")), 700213, "invalid_client", 401)


class TestEnding:
    """What ends tokens."""

    def test_deleting_the_credential(self, world: Simulation, workload: Workload) -> None:
        """SEC-FLOW-17: its tokens end, and those of the application's secret stay."""
        token, by_secret = workload.token(), world.token(workload.app)
        workload.graph.do("DELETE", f"{workload.path}/{workload.made['id']}")
        assert (workload.opens(token), workload.opens(by_secret)) == (False, True)
        check_refusal(workload.ask(), 700211, "invalid_client", 401)

    def test_changing_who_is_meant(self, workload: Workload) -> None:
        """Whoever is not meant any more keeps no token, also if it is meant again later; a description ends nothing."""
        token, path = workload.token(), f"{workload.path}/{workload.made['name']}"
        workload.graph.do("PATCH", path, {"description": "another"})
        assert workload.opens(token)
        workload.graph.do("PATCH", path, {"subject": "another"})
        assert not workload.opens(token)
        check_refusal(workload.ask(), 700213, "invalid_client", 401)
        workload.graph.do("PATCH", path, {"subject": workload.subject})
        assert not workload.opens(token)
        assert workload.opens(workload.token())
        assert workload.graph.get(path)["id"] == workload.made["id"]

    def test_distrusting_the_issuer(self, world: Simulation, workload: Workload) -> None:
        """SEC-FLOW-16: what an issuer vouched for ends with the trust in it, at once."""
        token = workload.token()
        assert control(world, "POST", "/issuers/remove", {"issuer": workload.issuer}).status == 204
        assert world.entries()[-1]["properties"]["issuer"] == workload.issuer
        assert not workload.opens(token)
        check_refusal(workload.ask(), 700211, "invalid_client", 401)
        workload.trust()
        assert not workload.opens(token)
        assert workload.opens(workload.token())

    def test_other_keys_in_the_place_of_the_old(self, workload: Workload) -> None:
        """The operator gives other keys by trusting again: the old ones verify nothing, and what they gave ends."""
        token = workload.token()
        workload.trust("k1", "k2")
        kept = workload.opens(token)
        workload.trust("k2", "k3")
        assert (kept, workload.opens(token)) == (True, False)
        check_refusal(workload.ask(), 700027, "invalid_client", 401)
        assert workload.ask(workload.assertion(kid="k3")).status == 200

    def test_deleting_the_application(self, world: Simulation, workload: Workload) -> None:
        """Its federated credentials let nobody in, and go with it for good."""
        workload.graph.do("DELETE", f"applications/{workload.app.application}")
        check_refusal(workload.ask(), 700016, "unauthorized_client", 400)
        workload.graph.do("DELETE", f"directory/deletedItems/{workload.app.application}")
        assert world.view.federated_credentials_of(workload.app.application) == ()


class TestCredentials:
    """Graph's federatedIdentityCredentials."""

    def refused(self, workload: Workload, status: int, **changes: Any) -> str:
        """Try to make one that cannot be, and give the sentence; nothing has changed."""
        before = workload.graph.get(workload.path)["value"]
        answer = workload.graph.ask("POST", workload.path, workload.body(**changes))
        assert answer.status == status, answer.body
        assert workload.graph.get(workload.path)["value"] == before
        message: str = answer.error["message"]
        return message

    def test_what_is_shown(self, workload: Workload) -> None:
        """Exactly the members that were given, with an id; by id and by name, and in the list."""
        shown = {name: value for name, value in workload.made.items() if not name.startswith("@")}
        assert shown == {**workload.body(name=workload.made["name"]), "id": workload.made["id"]}
        for key in (workload.made["id"], workload.made["id"].upper(), workload.made["name"]):
            assert workload.graph.get(f"{workload.path}/{key}")["name"] == workload.made["name"]
        assert [one["id"] for one in workload.graph.get(workload.path)["value"]] == [workload.made["id"]]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"name": "ab"}, "3 to 120"),
            ({"name": "-abc"}, "3 to 120"),
            ({"name": "a b c"}, "3 to 120"),
            ({"name": "a" * 121}, "3 to 120"),
            ({"issuer": "http://issuer.example"}, "https URL"),
            ({"issuer": "https://user@issuer.example"}, "https URL"),
            ({"issuer": "https://issuer.example?x"}, "https URL"),
            ({"issuer": "https://issuer.example#x"}, "https URL"),
            ({"issuer": "https://issuer.example:99999"}, "https URL"),
            ({"issuer": "https://"}, "https URL"),
            ({"issuer": "https://issuer.exa mple"}, "https URL"),
            ({"subject": ""}, "Subject and audience"),
            ({"subject": " x"}, "Subject and audience"),
            ({"audiences": []}, "exactly one audience"),
            ({"audiences": ["a", "b"]}, "exactly one audience"),
            ({"name": None}, "A value is required for property 'name'"),
            ({"issuer": None}, "A value is required for property 'issuer'"),
            ({"subject": None}, "A value is required for property 'subject'"),
            ({"audiences": None}, "exactly one audience"),
        ],
    )
    def test_malformed(self, workload: Workload, changes: dict[str, Any], said: str) -> None:
        """Each with a sentence that says why."""
        assert said in self.refused(workload, 400, **changes)

    @pytest.mark.parametrize(
        "audience",
        [
            "https://vault.azure.net",
            "https://vault.azure.net/",
            "HTTPS://VAULT.AZURE.NET",
            "https://managedhsm.azure.net",
            "https://management.azure.com/",
            "https://graph.microsoft.com",
            "https://vault.localhost:8443",
            "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
        ],
    )
    def test_the_audience_of_a_service(self, workload: Workload, audience: str) -> None:
        """SEC-TOKEN-15: a token for a service is never a client's proof: whoever is shown it could use it there."""
        assert "must not be that of a service" in self.refused(workload, 400, subject="x", audiences=[audience])
        answer = workload.graph.ask("PATCH", f"{workload.path}/{workload.made['id']}", {"audiences": [audience]})
        assert answer.status == 400

    def test_what_is_taken(self, workload: Workload) -> None:
        """Names, and issuer with subject, are unique within the application and nowhere else."""
        assert "same name" in self.refused(workload, 409, name=workload.made["name"].upper(), subject="x")
        assert "same issuer and subject" in self.refused(workload, 409)
        other = workload.graph.make(workload.path, workload.body(subject="x"))
        answer = workload.graph.ask("PATCH", f"{workload.path}/{other['id']}", {"subject": workload.subject})
        assert (answer.status, answer.error["code"]) == (409, "Request_MultipleObjectsWithSameKeyValue")
        elsewhere = workload.graph.add_application()["id"]
        body = workload.body(name=workload.made["name"])
        workload.graph.make(f"applications/{elsewhere}/federatedIdentityCredentials", body)

    def test_the_name_stays(self, workload: Workload) -> None:
        """A name cannot be changed; to send the same one is no change."""
        path = f"{workload.path}/{workload.made['id']}"
        assert workload.graph.ask("PATCH", path, {"name": "another"}).status == 400
        workload.graph.do("PATCH", path, {"name": workload.made["name"], "description": None})
        assert workload.graph.get(path)["description"] is None

    def test_so_many_and_no_more(self, workload: Workload) -> None:
        """Twenty, as in Graph."""
        for number in range(limits.FEDERATED_CREDENTIALS_PER_APPLICATION - 1):
            workload.graph.make(workload.path, workload.body(subject=f"s{number}"))
        assert "at most 20" in self.refused(workload, 400, subject="one more")

    def test_what_is_not_there(self, workload: Workload) -> None:
        """Another application's credential is not there, by id or by name."""
        other = workload.graph.add_application()["id"]
        for key in (workload.made["id"], workload.made["name"], MISSING, "x"):
            for method in ("GET", "PATCH", "DELETE"):
                path = f"applications/{other}/federatedIdentityCredentials/{key}"
                answer = workload.graph.ask(method, path, {} if method == "PATCH" else None)
                assert (answer.status, answer.error["code"]) == (404, "Request_ResourceNotFound")

    def test_who_may(self, world: Simulation, workload: Workload) -> None:
        """SEC-TENANT-5: neither an owner of everything in Azure's resources, nor the application itself, writes one."""
        owner = world.principal()
        world.grant(owner.oid, OWNER, f"/subscriptions/{world.first.subscription_id}")
        for who in (owner, workload.app):
            own = Graph(world, who)
            for application in (workload.app.application, world.first.installation.application, who.application):
                path = f"applications/{application}/federatedIdentityCredentials"
                answer = own.ask("POST", path, workload.body(subject="mine"))
                assert (answer.status, answer.error["code"]) == (403, "Authorization_RequestDenied")
        assert world.view.federated_credentials_of(world.first.installation.application) == ()


class TestIssuers:
    """The control surface: which issuers are trusted."""

    def test_only_through_the_owners_socket(self, world: Simulation) -> None:
        """SEC-BOOT-7: no other listener reaches it."""
        body = {"issuer": "https://issuer.example"}
        for method, path in (("GET", "/issuers"), ("POST", "/issuers"), ("POST", "/issuers/remove")):
            assert control(world, method, path, body, link=Link.PUBLIC).status in {404, 421}

    def test_what_is_listed(self, world: Simulation, workload: Workload) -> None:
        """The issuer, the ids of its keys, and whether they are fetched; no key."""
        found = {one["issuer"]: one for one in control(world, "GET", "/issuers").json["value"]}
        assert found[workload.issuer] == {
            "issuer": workload.issuer,
            "keyIds": ["k1"],
            "fetched": False,
            "created": NOW,
        }

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"issuer": ""},
            {"issuer": "http://issuer.example"},
            {"issuer": "https://issuer.example", "keys": []},
            {"issuer": "https://issuer.example", "keys": {}},
            {"issuer": "https://issuer.example", "keys": {"keys": []}},
            {"issuer": "https://issuer.example", "keys": {"keys": ["x"]}},
            {"issuer": "https://issuer.example", "more": 1},
            {"issuer": f"https://issuer.example/{'x' * 600}"},
        ],
    )
    def test_a_bad_body(self, world: Simulation, body: object) -> None:
        """It is refused, and nothing is trusted."""
        assert control(world, "POST", "/issuers", body).status == 400
        assert world.view.trusted_issuer("https://issuer.example") is None

    def test_so_many_and_no_more(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """A hundred issuers; the 101st is refused, and one that is known may be given again."""
        world = Simulation(tmp_path_factory.mktemp("own"))
        for number in range(limits.TRUSTED_ISSUERS):
            assert control(world, "POST", "/issuers", {"issuer": f"https://{number}.example"}).status == 200
        assert control(world, "POST", "/issuers", {"issuer": "https://more.example"}).status == 400
        assert control(world, "POST", "/issuers", {"issuer": "https://7.example"}).status == 200
        world.close()


def test_a_key_set_as_issuers_have_them() -> None:
    """Keys for other algorithms and uses are passed over; a private key, two of a name and none at all are refused."""
    from strongroom.crypto.jwk import BadKeySet, parse_key_set, read_key_set  # noqa: PLC0415  slow to import

    (good,) = key_set(rsa_key(), "a")["keys"]
    others = [
        {"kty": "EC", "crv": "P-256", "kid": "ec"},
        {**good, "kid": "enc", "use": "enc"},
        {**good, "kid": "rs512", "alg": "RS512"},
        {**good, "kid": "bad", "n": "AQAB"},
        {**good, "kid": "worse", "n": 5},
        {**good, "kid": "even", "e": "Ag"},
        {**good, "kid": 1},
        {name: value for name, value in good.items() if name != "kid"},
    ]
    assert [key.kid for key in read_key_set({"keys": [*others, good]})] == ["a"]
    bare = {name: value for name, value in good.items() if name not in {"use", "alg"}}
    assert [key.kid for key in read_key_set({"keys": [bare]})] == ["a"]
    for keys in ([good, good], [{**good, "d": b64url(b"x")}], [{"kty": "oct", "k": "AAAA"}], others, []):
        with pytest.raises(BadKeySet):
            read_key_set({"keys": keys})
    many = key_set(rsa_key(), *(str(number) for number in range(limits.ISSUER_KEYS + 1)))["keys"]
    assert len(read_key_set({"keys": many[: limits.ISSUER_KEYS]})) == limits.ISSUER_KEYS
    with pytest.raises(BadKeySet, match="at most 50"):
        read_key_set({"keys": many})
    for document in (b"", b"[]", b'{"keys":1}', b'{"keys":[],"keys":[]}'):
        with pytest.raises(BadKeySet):
            parse_key_set(document)
