"""Federated identity credentials of user-assigned identities: through ARM, and what signing in by one gives."""

from __future__ import annotations

import secrets as chance
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import CONTRIBUTOR, KEY_VAULT_SECRETS_USER, READER
from strongroom.core.guids import new_guid
from strongroom.core.identity import ServicePrincipal
from strongroom.core.rbac import RoleDefinition
from tests.assertions import ASSERTION_TYPE, key_set, rsa_key, sign
from tests.flow.arm import Arm
from tests.flow.graph import MISSING
from tests.flow.test_federation import control
from tests.flow.test_sts_token import check_refusal, claims_of
from tests.world import Answer, Simulation

EXCHANGE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:default:pod"
_WRITE = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write"


class Pod:
    """An identity that a workload elsewhere is, and the workload's issuer, which the operator trusts."""

    def __init__(self, world: Simulation) -> None:
        self.world, self.arm = world, Arm(world, world.administrator)
        self.issuer = f"https://{chance.token_hex(6)}.example/"
        trusted = control(world, "POST", "/issuers", {"issuer": self.issuer, "keys": key_set(rsa_key(), "k1")})
        assert trusted.status == 200, trusted.body
        self.ids: dict[str, str] = self.arm.make_identity()["properties"]
        self.made = self.put()

    def put(self, **changes: Any) -> Any:
        """Write the credential."""
        return self.arm.do("PUT", self.arm.federation, self.body(**changes))

    def body(self, **changes: Any) -> dict[str, Any]:
        """Give the body of PUT."""
        return self.arm.federation_body(**{"issuer": self.issuer, "subject": SUBJECT, **changes})

    def ask(self, client_id: str | None = None, *, tenant: str | None = None, **changes: Any) -> Answer:
        """Sign in with a token of the issuer's, in the first tenant unless another is named."""
        now = int(self.world.clock())
        claims = {"aud": EXCHANGE, "iss": self.issuer, "sub": SUBJECT, "iat": now, "nbf": now, "exp": now + 600}
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id or self.ids["clientId"],
            "client_assertion": sign(rsa_key(), {"alg": "RS256", "kid": "k1"}, {**claims, **changes}),
            "client_assertion_type": ASSERTION_TYPE,
            "scope": "https://vault.azure.net/.default",
        }
        return self.world.ask(
            "POST", f"{self.world.login_url}/{tenant or self.world.first.tenant_id}/oauth2/v2.0/token", form=form
        )

    def token(self) -> str:
        """Sign in."""
        answer = self.ask()
        assert answer.status == 200, answer.body
        token: str = answer.json["access_token"]
        return token

    def opens(self, token: str) -> bool:
        """Tell whether a token identifies anybody at the vault."""
        return self.world.ask("GET", f"{self.world.vault_url}/secrets?api-version=7.4", token=token).status == 403


@pytest.fixture
def pod(world: Simulation) -> Pod:
    """Make an identity with a federated credential."""
    return Pod(world)


class TestSigningIn:
    """A token of an outside issuer, for the identity that names it."""

    def test_the_token(self, world: Simulation, pod: Pod) -> None:
        """It is the identity's, with its ARM id, and opens what the identity may; the journal has the credential."""
        token = pod.token()
        entry = world.entries()[-1]["properties"]
        claims = claims_of(world, token)
        assert (claims["appid"], claims["oid"], claims["appidacr"]) == (
            pod.ids["clientId"],
            pod.ids["principalId"],
            "2",
        )
        assert claims["xms_mirid"] == pod.arm.identity
        assert claims["exp"] - world.clock() == limits.MANAGED_IDENTITY_TOKEN_S
        (held,) = world.view.federated_credentials_of(pod.ids["principalId"])
        assert entry["credentialId"] == held.credential_id
        assert pod.opens(token)
        world.grant(pod.ids["principalId"], KEY_VAULT_SECRETS_USER, world.vault.scope)
        assert world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status == 200

    @pytest.mark.parametrize(
        ("changes", "number"),
        [
            ({"sub": "system:serviceaccount:default:Pod"}, 700213),
            ({"aud": "api://other"}, 700212),
            ({"iss": "https://nobody.example/"}, 700211),
        ],
    )
    def test_what_is_not_meant(self, pod: Pod, changes: dict[str, Any], number: int) -> None:
        """Issuer, subject and audience are compared exactly."""
        check_refusal(pod.ask(**changes), number, "invalid_client", 401)

    def test_another_identity(self, pod: Pod, world: Simulation) -> None:
        """A subject is the identity that names it and no other one."""
        other = Arm(world, world.administrator).make_identity()["properties"]["clientId"]
        check_refusal(pod.ask(client_id=other), 700211, "invalid_client", 401)

    def test_another_tenant(self, pod: Pod, world: Simulation) -> None:
        """SEC-TENANT-2: in another tenant the identity is one that nobody has, whatever vouches for it."""
        answers = [pod.ask(client_id=one, tenant=world.tenant()) for one in (pod.ids["clientId"], MISSING)]
        for answer in answers:
            check_refusal(answer, 700016, "unauthorized_client", 400)

    def test_an_issuer_that_is_not_trusted(self, pod: Pod, world: Simulation) -> None:
        """SEC-TENANT-5: whoever may write a federated credential cannot have the instance trust its issuer."""
        token = pod.token()
        assert control(world, "POST", "/issuers/remove", {"issuer": pod.issuer}).status == 204
        assert not pod.opens(token)
        check_refusal(pod.ask(), 700211, "invalid_client", 401)

    def test_a_disabled_identity(self, pod: Pod, world: Simulation) -> None:
        """It is said once the token is good."""
        principal = world.view.principal(pod.ids["tenantId"], pod.ids["principalId"])
        assert isinstance(principal, ServicePrincipal)
        world.commit(lambda tx: tx.put(replace(principal, enabled=False)))
        check_refusal(pod.ask(), 7000112, "unauthorized_client", 400)


class TestEnds:
    """What ends the tokens."""

    def test_another_subject(self, pod: Pod) -> None:
        """Who is meant no longer has nothing left; to say the same again ends nothing."""
        token = pod.token()
        pod.put()
        assert pod.opens(token)
        pod.put(subject="another")
        assert not pod.opens(token)
        check_refusal(pod.ask(), 700213, "invalid_client", 401)

    def test_removal(self, pod: Pod) -> None:
        """SEC-FLOW-17: its own tokens end, and those by another credential do not."""
        token = pod.token()
        other = f"{pod.arm.identity}/federatedIdentityCredentials/other"
        pod.arm.do("PUT", other, pod.body(subject="another"))
        kept = pod.ask(sub="another").json["access_token"]
        assert pod.arm.ask("DELETE", pod.arm.federation).status == 200
        assert (pod.opens(token), pod.opens(kept)) == (False, True)
        assert pod.arm.ask("DELETE", pod.arm.federation).status == 204

    @pytest.mark.parametrize("what", ["identity", "group"])
    def test_the_identity_goes(self, pod: Pod, world: Simulation, what: str) -> None:
        """With the identity its credentials are gone, and a new one of its name has none."""
        token = pod.token()
        pod.arm.do("DELETE", getattr(pod.arm, what))
        assert not pod.opens(token)
        assert world.view.federated_credentials_of(pod.ids["principalId"]) == ()
        anew = pod.arm.make_identity()["properties"]["clientId"]
        check_refusal(pod.ask(client_id=anew), 700211, "invalid_client", 401)
        assert pod.arm.do("GET", pod.arm.federation.rpartition("/")[0]) == {"value": []}


class TestResource:
    """The resource in ARM."""

    def test_life(self, pod: Pod) -> None:
        """The members that azure-mgmt-msi and Terraform read; 201 and then 200; found in any case."""
        assert pod.made == {
            "id": pod.arm.federation,
            "name": f"f-{pod.arm.tag}",
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
            "properties": {"issuer": pod.issuer, "subject": SUBJECT, "audiences": [EXCHANGE]},
        }
        path = pod.arm.federation.replace("/f-", "/F-")
        assert pod.arm.do("GET", path) == pod.made
        again = pod.arm.ask("PUT", path, pod.body(subject="x"))
        assert (again.status, again.json["id"]) == (200, pod.arm.federation)
        other = pod.arm.ask("PUT", f"{pod.arm.identity}/federatedIdentityCredentials/a-1", pod.body())
        assert other.status == 201
        listed = pod.arm.do("GET", pod.arm.federation.rpartition("/")[0])["value"]
        assert listed == [other.json, again.json]

    def test_pages(self, pod: Pod) -> None:
        """`$top` and the link to what follows."""
        for number in range(3):
            pod.arm.do(
                "PUT", f"{pod.arm.identity}/federatedIdentityCredentials/a-{number}", pod.body(subject=f"{number}")
            )
        answer = pod.arm.do("GET", f"{pod.arm.federation.rpartition('/')[0]}?$top=3")
        assert [one["name"] for one in answer["value"]] == ["a-0", "a-1", "a-2"]
        assert "skiptoken" in answer["nextLink"].lower()

    @pytest.mark.parametrize("version", ["2022-01-31-preview", "2023-01-31", "2024-11-30", "2025-01-31-preview"])
    def test_the_versions_that_clients_send(self, pod: Pod, version: str) -> None:
        """Every well-formed one is served."""
        assert pod.arm.ask("GET", pod.arm.federation, version=version).status == 200

    @pytest.mark.parametrize("name", ["ab", "-abc", "a.b", "a%20b", "x" * 121])
    def test_a_bad_name(self, pod: Pod, name: str) -> None:
        """3 to 120 letters, digits, hyphens and underscores."""
        path = f"{pod.arm.identity}/federatedIdentityCredentials/{name}"
        status, _, message = pod.arm.refused("PUT", path, pod.body(subject="x"))
        assert (status, "3 to 120" in message) == (400, True)

    @pytest.mark.parametrize(
        "changes",
        [
            {"issuer": "http://issuer.example"},
            {"issuer": None},
            {"issuer": 1},
            {"subject": ""},
            {"subject": None},
            {"subject": " x"},
            {"subject": "x" * 601},
            {"audiences": []},
            {"audiences": None},
            {"audiences": ["a", "b"]},
            {"audiences": ["https://vault.azure.net"]},
            {"claimsMatchingExpression": {"value": "claims['sub'] matches 'x'", "languageVersion": 1}},
        ],
    )
    def test_a_bad_body(self, pod: Pod, changes: dict[str, Any]) -> None:
        """Refused for a new one and for one that is there, and nothing changes."""
        for path in (pod.arm.federation, f"{pod.arm.identity}/federatedIdentityCredentials/another"):
            assert pod.arm.refused("PUT", path, pod.body(**changes))[0] == 400

    @pytest.mark.parametrize("body", [None, {}, {"properties": None}, {"properties": []}])
    def test_no_properties(self, pod: Pod, body: object) -> None:
        """They are needed."""
        assert pod.arm.refused("PUT", pod.arm.federation, body)[0] == 400

    def test_what_is_taken(self, pod: Pod, world: Simulation) -> None:
        """Issuer with subject is unique within the identity, and nowhere else."""
        other = f"{pod.arm.identity}/federatedIdentityCredentials/other"
        assert pod.arm.refused("PUT", other, pod.body())[:2] == (409, "Conflict")
        pod.arm.do("PUT", other, pod.body(subject="x"))
        assert pod.arm.refused("PUT", other, pod.body())[:2] == (409, "Conflict")
        elsewhere = Arm(world, world.administrator)
        elsewhere.make_identity()
        elsewhere.do("PUT", elsewhere.federation, pod.body())

    def test_so_many_and_no_more(self, pod: Pod) -> None:
        """Twenty, as in Azure; one that is there can still be changed."""
        for number in range(limits.FEDERATED_CREDENTIALS_PER_APPLICATION - 1):
            pod.arm.do(
                "PUT", f"{pod.arm.identity}/federatedIdentityCredentials/n-{number}", pod.body(subject=f"{number}")
            )
        path = f"{pod.arm.identity}/federatedIdentityCredentials/one-more"
        assert "at most 20" in pod.arm.refused("PUT", path, pod.body(subject="one more"))[2]
        pod.put(subject="changed")

    def test_what_is_not_there(self, pod: Pod) -> None:
        """No such credential, and no such identity."""
        missing = f"{pod.arm.identity}/federatedIdentityCredentials/none"
        assert pod.arm.refused("GET", missing)[:2] == (404, "NotFound")
        nobody = pod.arm.identity + "x/federatedIdentityCredentials"
        for method, path in (
            ("GET", nobody),
            ("GET", f"{nobody}/abc"),
            ("PUT", f"{nobody}/abc"),
            ("DELETE", f"{nobody}/abc"),
        ):
            body = pod.body() if method == "PUT" else None
            assert pod.arm.refused(method, path, body)[:2] == (404, "ResourceNotFound")


class TestEscalation:
    """SEC-TENANT-5: whoever writes one can be the identity."""

    def role(self, pod: Pod, *, without: tuple[str, ...]) -> Arm:
        """Make a caller with a contributor's rights over the group, but for those."""
        world, tenant = pod.world, pod.world.first.tenant_id
        role = RoleDefinition(
            id=new_guid(chance.token_bytes),
            tenant=tenant,
            name=f"r-{chance.token_hex(4)}",
            description="",
            actions=("*",),
            not_actions=("Microsoft.Authorization/*/write", *without),
            data_actions=(),
            not_data_actions=(),
            assignable_scopes=("/",),
        )
        world.commit(lambda tx: tx.put(role))
        caller = pod.arm.as_(world.principal())
        world.grant(caller.who.oid, role.id, pod.arm.group)
        return caller

    def test_a_contributor_without_that_right(self, pod: Pod) -> None:
        """SEC-TENANT-5: to write the identity itself is not to write who is it."""
        caller = self.role(pod, without=(_WRITE,))
        assert caller.ask("PATCH", pod.arm.identity, {"tags": {}}).status == 200
        for path in (pod.arm.federation, f"{pod.arm.identity}/federatedIdentityCredentials/mine"):
            refusal = caller.refused("PUT", path, pod.body(subject="mine"))
            assert refusal[:2] == (403, "AuthorizationFailed")
            assert _WRITE in refusal[2]
        assert pod.opens(pod.token())

    def test_a_reader_reads(self, pod: Pod) -> None:
        """SEC-TENANT-5: to read is no more than that."""
        reader = pod.arm.as_(pod.world.principal())
        pod.world.grant(reader.who.oid, READER, pod.arm.group)
        assert reader.do("GET", pod.arm.federation) == pod.made
        for method, body in (("PUT", pod.body()), ("DELETE", None)):
            assert reader.refused(method, pod.arm.federation, body)[:2] == (403, "AuthorizationFailed")

    def test_it_is_recorded(self, pod: Pod) -> None:
        """SEC-TENANT-5: a contributor has the right, as in Azure, and the journal says who used it, for whom."""
        contributor = pod.arm.as_(pod.world.principal())
        pod.world.grant(contributor.who.oid, CONTRIBUTOR, pod.arm.group)
        contributor.do("PUT", pod.arm.federation, pod.body(subject="mine"))
        entry = pod.world.entries()[-1]
        assert entry["operationName"] == "FederatedIdentityCredentialPut"
        assert contributor.who.oid in str(entry["identity"])
        assert entry["properties"]["principalId"] == pod.ids["principalId"]
        assert entry["properties"]["issuer"] == pod.issuer
