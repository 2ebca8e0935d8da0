"""The control surface on the owner-only Unix socket: what a run is lent, and how the instance says it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from strongroom.app.clockwork import Clockwork, Job
from strongroom.core import limits
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.identity import (
    Application,
    Credential,
    CredentialKind,
    DirectoryRoleAssignment,
)
from strongroom.core.network import Link
from strongroom.core.rbac import RoleAssignment
from strongroom.core.resources import UserAssignedIdentity
from strongroom.directory import applications, client_secrets
from strongroom.resources import identities
from strongroom.store import Transaction
from tests.plugins.canary import remember
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, VAULT_AUDIENCE, Answer, Principal, Simulation


def ask(world: Simulation, method: str, path: str, body: object = None, *, link: Link = Link.CONTROL) -> Answer:
    """Ask the control surface, as the command line does."""
    return world.ask(method, f"http://control{path}", body=body, link=link, host="control")


def begin(world: Simulation, **wanted: object) -> dict[str, Any]:
    """Begin a run."""
    answer = ask(world, "POST", "/run", wanted)
    assert answer.status == 200, answer.body
    run: dict[str, Any] = answer.json
    return run


def add_identity(world: Simulation, name: str) -> UserAssignedIdentity:
    """Make a user-assigned identity beside the default one."""
    group = world.view.resource_group(world.first.subscription_id, world.first.resource_group)
    assert group is not None
    now, entropy = int(world.clock()), world.world.entropy

    async def make(tx: Transaction) -> UserAssignedIdentity:
        resource_id = f"{group.scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        principal = await applications.create_identity_principal(
            tx, group.tenant, display_name=name, resource_id=resource_id, now=now, entropy=entropy
        )
        return await identities.create_user_assigned_identity(
            tx, group=group, name=name, location="local", client_id=principal.app_id, principal_id=principal.id, now=now
        )

    return world.commit(make)


def fill(world: Simulation, app_id: str) -> Application:
    """Give an application with one secret all that it may have."""
    application = world.view.application_by_app_id(app_id)
    assert application is not None
    now = int(world.clock())
    for _ in range(limits.CLIENT_SECRETS_PER_APPLICATION - 1):
        made = client_secrets.make_client_secret(
            world.keys, application, expires=now + 60, now=now, entropy=world.world.entropy
        )
        world.commit(lambda tx, made=made: client_secrets.add_password(tx, made.credential))
    return application


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world for one test alone."""
    simulation = Simulation(tmp_path)
    yield simulation
    simulation.close()


class TestBegin:
    """POST /run."""

    def test_what_a_run_is_told(self, world: Simulation) -> None:
        """Everything that `run` needs: the endpoint, its secret, the names, the first vault."""
        run = begin(world)
        vault = world.vault.name

        assert run["identityEndpoint"] == "http://127.0.0.1:40342/msi/token"
        assert len(run["identityHeader"]) >= 50
        assert run["tenantId"] == world.first.tenant_id
        assert (run["vaultName"], run["vaultUri"]) == (vault, f"https://{vault}.vault.localhost:8443/")
        assert (run["authority"], run["domain"], run["port"]) == ("https://login.localhost:8443", "localhost", 8443)
        assert f"{vault}.vault.azure.net" in run["azureHosts"]
        assert "login.microsoftonline.com" in run["azureHosts"]
        assert run["ownHosts"] == [
            "login.localhost:8443",
            "management.localhost:8443",
            "graph.localhost:8443",
            f"{vault}.vault.localhost:8443",
        ]
        assert run["expiresOn"] == int(world.clock()) + limits.RUN_S
        assert run["servicePrincipal"] is None

    def test_an_empty_body_is_the_default(self, world: Simulation) -> None:
        """Nothing asked means the default identity and nothing more."""
        assert ask(world, "POST", "/run").json["objectId"] == begin(world)["objectId"]

    def test_each_run_has_a_secret_of_its_own(self, world: Simulation) -> None:
        """SEC-TOKEN-19: header secrets are one per child."""
        runs = [begin(world) for _ in range(5)]
        assert len({run["identityHeader"] for run in runs}) == 5
        assert len({run["runId"] for run in runs}) == 5

    def test_another_identity_by_name_and_by_id(self, world: Simulation) -> None:
        """`--identity NAME` picks a user-assigned identity, without case, or by its ARM id."""
        other = add_identity(world, "other")
        for name in ("other", "OTHER", other.scope, other.scope.upper()):
            assert begin(world, identity=name)["objectId"] == other.principal_id

    def test_an_unknown_identity(self, world: Simulation) -> None:
        """It is refused, and the answer says which there are."""
        answer = ask(world, "POST", "/run", {"identity": "nobody"})
        assert answer.status == 404
        assert "default" in answer.error["message"]

    def test_a_service_principal(self, world: Simulation) -> None:
        """A client secret of the first application, for this run: it signs in, and ends with the run."""
        run = begin(world, servicePrincipal=True)
        lent = run["servicePrincipal"]
        assert (lent["tenantId"], lent["clientId"]) == (world.first.tenant_id, world.first.client_id)
        principal = Principal("", lent["clientId"], "", lent["clientSecret"])
        token = world.token(principal, VAULT_AUDIENCE)
        url = f"{world.vault_url}/secrets?api-version=7.4"
        assert world.ask("GET", url, token=token).status == 200

        assert ask(world, "DELETE", f"/run/{run['runId']}").status == 204
        assert world.ask("GET", url, token=token).status == 401
        form = {
            "grant_type": "client_credentials",
            "client_id": lent["clientId"],
            "client_secret": lent["clientSecret"],
            "scope": "https://vault.azure.net/.default",
        }
        answer = world.ask("POST", f"{world.login_url}/adfs/oauth2/v2.0/token", form=form)
        assert answer.json["error_codes"] == [7000215]
        assert world.token(world.administrator)

    def test_a_named_application(self, world: Simulation) -> None:
        """Another application by its name or app id; an unknown one, or one without a principal, is refused."""
        made = world.principal("a-service")
        for name in ("A-Service", made.appid):
            assert begin(world, servicePrincipal=True, application=name)["servicePrincipal"]["clientId"] == made.appid
        assert ask(world, "POST", "/run", {"servicePrincipal": True, "application": "none"}).status == 404
        world.principal("a-service")
        assert ask(world, "POST", "/run", {"servicePrincipal": True, "application": "a-service"}).status == 409

    @pytest.mark.parametrize(
        "body",
        [
            {"lifetimeSeconds": limits.RUN_MAX_S + 1},
            {"lifetimeSeconds": 59},
            {"lifetimeSeconds": "3600"},
            {"identity": 1},
            {"servicePrincipal": "yes"},
            {"unknown": True},
            [],
            "x",
        ],
    )
    def test_a_bad_body(self, world: Simulation, body: object) -> None:
        """Nothing is lent for more than a day, and nothing that is not understood is ignored."""
        before = len(world.view.credentials_of(begin(world)["objectId"]))
        assert ask(world, "POST", "/run", body).status == 400
        assert len(world.view.credentials_of(begin(world)["objectId"])) == before + 1

    def test_what_is_over_is_cleared_away(self, world: Simulation) -> None:
        """Credentials that a killed `run` left behind go with the next run's beginning."""
        old = begin(world, lifetimeSeconds=60, servicePrincipal=True)
        world.advance(60)
        begin(world)

        assert world.view.credential(old["runId"]) is None
        names = {one.display_name for one in world.view.credentials_of(world.first.installation.application)}
        assert f"run {old['runId']}" not in names

    def test_the_journal_says_what_was_lent_and_never_the_secrets(self, world: Simulation) -> None:
        """SEC-BOOT-6: a run's credential is audited: its id, its identity; never its secret."""
        run = begin(world, servicePrincipal=True)
        entry = world.entries()[-1]

        assert entry["operationName"] == "RunStart"
        assert entry["properties"]["runId"] == run["runId"]
        assert entry["properties"]["objectId"] == run["objectId"]
        assert "omitted" not in entry["properties"]
        journal = json.dumps(world.entries())
        assert run["identityHeader"] not in journal
        assert run["servicePrincipal"]["clientSecret"] not in journal


class TestEnd:
    """DELETE /run/{id}."""

    def test_a_run_ends_once(self, world: Simulation) -> None:
        """The second time there is nothing to end; both are recorded."""
        run = begin(world)
        assert ask(world, "DELETE", f"/run/{run['runId']}").status == 204
        assert world.entries()[-1]["operationName"] == "RunEnd"
        assert ask(world, "DELETE", f"/run/{run['runId']}").status == 404

    def test_only_a_run_is_ended(self, world: Simulation) -> None:
        """The id of another credential is no run's, and nothing happens to it."""
        application = world.first.installation.application
        (secret,) = [
            one
            for one in world.view.credentials_of(application)
            if one.kind is CredentialKind.SECRET and one.display_name == "first start"
        ]
        for run_id in (secret.id, "x", "11111111-1111-1111-1111-111111111111"):
            assert ask(world, "DELETE", f"/run/{run_id}").status == 404
        assert world.view.credential(secret.id) == secret


class TestStatus:
    """GET /status."""

    def test_how_the_instance_is(self, world: Simulation) -> None:
        """SEC-BOOT-9: who runs, where, under which protection, by which names; nothing in it is a secret."""
        answer = ask(world, "GET", "/status").json

        assert answer["ready"] is True
        assert answer["recording"] is True
        assert answer["pid"] > 0
        assert answer["keyProtection"] == world.keys.description
        assert answer["managedIdentity"] == "http://127.0.0.1:40342"
        assert answer["ownHosts"] == begin(world)["ownHosts"]
        assert world.first.client_secret not in json.dumps(answer)

    @pytest.mark.parametrize("url", ["http://pki.strongroom.test:8081", ""])
    def test_where_to_ask_about_certificates(
        self, world: Simulation, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        """The host that certificates of private CAs name has to be found as the others are, if it is ours."""
        domain = world.world.hosts.domain
        monkeypatch.setattr(world.world.instance, "pki_url", url.replace("strongroom.test", domain))
        usual = begin(world)["ownHosts"]
        assert ask(world, "GET", "/status").json["ownHosts"] == [*usual, *([f"pki.{domain}:8081"] if url else [])]
        monkeypatch.setattr(world.world.instance, "pki_url", "http://pki.example.org")
        assert ask(world, "GET", "/status").json["ownHosts"] == usual


def kids(world: Simulation, tenant: str | None = None) -> dict[str, list[str]]:
    """List a tenant's signing keys by what they do."""
    found: dict[str, list[str]] = {"next": [], "signs": [], "trusted": []}
    for key in ask(world, "GET", "/signing-keys").json["value"]:
        if key["tenantId"] == (tenant or world.first.tenant_id):
            found[key["state"]].append(key["kid"])
    return found


def status_with(world: Simulation, token: str) -> int:
    """Use a token."""
    return world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status


class TestSigningKeys:
    """GET /signing-keys, POST /signing-keys/roll, POST /signing-keys/{kid}/revoke."""

    def test_the_next_key_takes_over_and_old_tokens_stay_good(self, world: Simulation) -> None:
        """SEC-TOKEN-3: after a roll-over the next key signs, the old one is trusted, and a new next one waits."""
        before, old = kids(world), world.token(world.administrator)
        answer = ask(world, "POST", "/signing-keys/roll")
        after = kids(world)

        assert answer.status == 200
        assert [key["kid"] for key in answer.json["value"]] == after["trusted"] + after["signs"] + after["next"]
        assert (after["trusted"], after["signs"]) == (before["trusted"] + before["signs"], before["next"])
        assert len(after["next"]) == 1
        assert jwt.get_unverified_header(world.token(world.administrator))["kid"] == after["signs"][0]
        assert status_with(world, old) == 200

    def test_a_roll_over_is_recorded(self, world: Simulation) -> None:
        """SEC-BOOT-7: the operator's acts are in the journal as themselves, with the tenant."""
        ask(world, "POST", "/signing-keys/roll")
        entry = world.entries()[-1]
        assert (entry["operationName"], entry["properties"]["tenantId"]) == ("SigningKeyRoll", world.first.tenant_id)

    def test_a_revoked_key_ends_its_tokens_and_the_next_signs(self, world: Simulation) -> None:
        """SEC-TOKEN-3: every token that it signed is refused at once; there is a key that signs and a next one."""
        before, old = kids(world), world.token(world.administrator)
        assert ask(world, "POST", f"/signing-keys/{before['signs'][0]}/revoke").status == 204

        after = kids(world)
        assert (after["trusted"], after["signs"], len(after["next"])) == (before["trusted"], before["next"], 1)
        assert status_with(world, old) == 401
        assert status_with(world, world.token(world.administrator)) == 200

    def test_a_tenant_is_named_where_there_are_several(self, own: Simulation) -> None:
        """Nothing happens to a tenant that was not meant: which one is asked, by id or domain."""
        world = own
        other = world.tenant("other.example")
        before = kids(world)
        assert ask(world, "POST", "/signing-keys/roll").status == 409
        assert ask(world, "POST", "/signing-keys/roll", {"tenant": "nobody.example"}).status == 404
        for name in (other, "other.example"):
            assert ask(world, "POST", "/signing-keys/roll", {"tenant": name}).status == 200
        assert len(kids(world, other)["trusted"]) == 2
        assert kids(world) == before


def recovered(world: Simulation, **wanted: object) -> tuple[dict[str, Any], Principal]:
    """Recover an administrator."""
    answer = ask(world, "POST", "/recover", wanted)
    assert answer.status == 200, answer.body
    made: dict[str, Any] = answer.json
    remember(made["clientSecret"])
    return made, Principal(made["objectId"], made["clientId"], "", made["clientSecret"])


def can(world: Simulation, principal: Principal) -> tuple[int, int, int]:
    """Try the directory, the resources and a vault's contents, each with what only an administrator may."""
    graph = world.ask(
        "POST",
        f"{world.graph_url}/v1.0/applications",
        token=world.token(principal, GRAPH_AUDIENCE),
        body={"displayName": "made"},
    )
    group = f"{world.arm_url}/subscriptions/{world.first.subscription_id}/resourcegroups/made?api-version=2021-04-01"
    arm = world.ask("PUT", group, token=world.token(principal, ARM_AUDIENCE), body={"location": "local"})
    return graph.status, arm.status, status_with(world, world.token(principal))


def take_role(world: Simulation, principal: str) -> None:
    """Take the directory role of a principal away, past the directory's interface."""
    (held,) = [one for one in world.view.all(DirectoryRoleAssignment) if one.principal == principal]
    world.commit(lambda tx: tx.remove(held))


ADMINISTERS = (201, 201, 200)


class TestRecovery:
    """POST /recover."""

    def test_the_first_application_gets_a_fresh_secret(self, own: Simulation) -> None:
        """SEC-BOOT-4, SEC-BOOT-3: whose secret has ended but is still administrator gets one for 30 days more."""
        own.advance(limits.CLIENT_SECRET_DEFAULT_S)
        made, administrator = recovered(own)

        assert (made["clientId"], made["objectId"]) == (own.first.client_id, own.first.object_id)
        assert made["expiresOn"] == int(own.clock()) + limits.CLIENT_SECRET_DEFAULT_S
        assert (made["tenantId"], made["subscriptionIds"]) == (own.first.tenant_id, [own.first.subscription_id])
        assert can(own, administrator) == ADMINISTERS

    def test_a_full_subscription_keeps_nobody_out(self, own: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
        """SEC-BOOT-4: whoever filled a subscription with assignments does not thereby keep its owner out."""
        for given in own.view.all(RoleAssignment):
            own.commit(lambda tx, given=given: tx.remove(given))
        monkeypatch.setattr(limits, "ROLE_ASSIGNMENTS_PER_SUBSCRIPTION", 0)
        assert can(own, recovered(own)[1]) == ADMINISTERS

    def test_rights_over_resources_that_were_lost_come_back(self, own: Simulation) -> None:
        """SEC-BOOT-4: a Global Administrator without a role at the subscription is Owner of it again."""
        for given in own.view.all(RoleAssignment):
            own.commit(lambda tx, given=given: tx.remove(given))
        assert can(own, recovered(own)[1]) == ADMINISTERS

    @pytest.mark.parametrize("lost", ["deleted", "disabled", "without its role", "full"])
    def test_another_application_is_made_where_the_first_is_none(self, own: Simulation, lost: str) -> None:
        """SEC-BOOT-4: what was taken from the first application stays taken, and another one administers."""
        tenant, first = own.first.tenant_id, own.administrator
        match lost:
            case "deleted":
                own.commit(
                    lambda tx: applications.delete_application(tx, tenant, first.application, now=int(own.clock()))
                )
            case "disabled":
                change = applications.ServicePrincipalChange(enabled=False)
                own.commit(lambda tx: applications.update_service_principal(tx, tenant, first.oid, change))
            case "without its role":
                take_role(own, first.oid)
            case _:
                fill(own, first.appid)
        roles = own.view.directory_roles_of(tenant, first.oid)
        made, administrator = recovered(own)

        assert made["clientId"] != first.appid
        assert can(own, administrator) == ADMINISTERS
        assert own.view.directory_roles_of(tenant, first.oid) == roles

    def test_another_tenant_gets_its_own(self, own: Simulation) -> None:
        """With several tenants one is named, and what is made there has no rights in another (SEC-BOOT-4)."""
        other = own.tenant("other.example")
        before = len(own.view.all(Credential))
        assert ask(own, "POST", "/recover").status == 409
        assert ask(own, "POST", "/recover", {"tenant": "nobody.example"}).status == 404
        assert len(own.view.all(Credential)) == before

        made, _ = recovered(own, tenant="other.example")
        assert (made["tenantId"], made["subscriptionIds"]) == (other, [])
        assert own.view.directory_roles_of(other, made["objectId"]) == {GLOBAL_ADMINISTRATOR}
        assert own.view.principal(own.first.tenant_id, made["objectId"]) is None

    def test_it_is_recorded_as_itself(self, own: Simulation) -> None:
        """SEC-BOOT-4: the journal says who became an administrator by which credential, and never its secret."""
        made, _ = recovered(own)
        entry = own.entries()[-1]
        properties = entry["properties"]

        assert entry["operationName"] == "AdministratorRecover"
        assert (properties["tenantId"], properties["appId"]) == (own.first.tenant_id, made["clientId"])
        assert properties["objectId"] == made["objectId"]
        credential = own.view.credential(properties["credentialId"])
        assert credential is not None
        assert credential.display_name == "recovery"
        assert "omitted" not in properties
        assert made["clientSecret"] not in json.dumps(own.entries())

    @pytest.mark.parametrize("body", [{"tenant": 1}, {"unknown": True}, []])
    def test_a_bad_body_makes_nothing(self, own: Simulation, body: object) -> None:
        """What is not understood is refused."""
        before = own.view.all(Credential)
        assert ask(own, "POST", "/recover", body).status == 400
        assert own.view.all(Credential) == before


class TestJobs:
    """GET /jobs, POST /jobs/{job}/run."""

    async def _turn(self) -> int:
        """Do something."""
        return 4

    def test_before_the_jobs_have_begun(self, own: Simulation) -> None:
        """There is nothing to tell yet."""
        assert ask(own, "GET", "/jobs").status == 503
        assert ask(own, "GET", "/status").json["failingJobs"] == []

    def test_jobs_are_told_of_and_run(self, own: Simulation) -> None:
        """How each is doing, and one of them now, recorded by its name; a name that is none is not."""
        jobs = [Job("count", 60.0, TestJobs._turn)]
        own.world.jobs = clockwork = Clockwork(own.world, "node", self, jobs)
        own.run(clockwork.turn("count"))
        told = ask(own, "GET", "/jobs").json
        assert told["node"] == "node"
        (job,) = told["value"]
        assert (job["name"], job["about"], job["outcome"], job["done"]) == ("count", "Do something.", "ok", 4)
        assert (job["leaseHolder"], job["shared"], job["waiting"]) == ("node", True, None)
        assert ask(own, "POST", "/jobs/none/run").status == 404
        assert "job" not in own.entries()[-1]["properties"]


class TestReach:
    """Who can ask at all."""

    @pytest.mark.parametrize(("link", "status"), [(Link.PUBLIC, 421), (Link.MANAGED_IDENTITY, 404)])
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/run"),
            ("DELETE", "/run/x"),
            ("GET", "/status"),
            ("POST", "/recover"),
            ("POST", "/signing-keys/roll"),
            ("GET", "/jobs"),
            ("POST", "/jobs/upkeep/run"),
        ],
    )
    def test_no_other_listener_answers(
        self, world: Simulation, link: Link, status: int, method: str, path: str
    ) -> None:
        """SEC-BOOT-7: the operator's rights are used through the local control socket and nowhere else."""
        assert ask(world, method, path, link=link).status == status

    @pytest.mark.parametrize(
        ("host", "status"),
        [("login.localhost", 404), ("control.localhost", 421), ("control:8443", 421), ("management.azure.com", 404)],
    )
    def test_no_other_host_answers(self, world: Simulation, host: str, status: int) -> None:
        """What the relay forwards for its child cannot name the control surface's host by accident."""
        answer = world.ask("POST", f"https://{host}/run", link=Link.CONTROL, host=host, body={})
        assert answer.status == status
        assert b"identityHeader" not in answer.body


def test_the_client_secret_of_a_run_counts_against_the_limit(world: Simulation) -> None:
    """An application that has all the secrets it may have lends none, and no half of a run is left."""
    application = fill(world, world.principal("full").appid)
    identity = begin(world)["objectId"]
    before = len(world.view.credentials_of(identity))
    answer = ask(world, "POST", "/run", {"servicePrincipal": True, "application": application.app_id})

    assert answer.status == 400
    assert len(world.view.credentials_of(identity)) == before
