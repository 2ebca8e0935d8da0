"""Applications for several tenants: one registration, a principal in each, and each tenant's word over its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.identity import DirectoryRoleAssignment
from tests.flow.client import Tenant, make_tenant
from tests.flow.graph import MISSING, Graph, refused
from tests.plugins import canary
from tests.world import GRAPH_AUDIENCE, VAULT_AUDIENCE, Answer, Simulation

SEVERAL, ONE = "AzureADMultipleOrgs", "AzureADMyOrg"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


@dataclass(frozen=True, slots=True)
class App:
    """An application of the first tenant with a secret, and its principal there."""

    id: str
    app_id: str
    oid: str
    secret: str


@pytest.fixture(scope="module")
def other(world: Simulation) -> Tenant:
    """Make the second tenant, whose application is its Global Administrator."""
    tenant = make_tenant(world)
    oid = tenant.principal.oid
    role = f"{GLOBAL_ADMINISTRATOR}/{oid}"

    world.commit(lambda tx: tx.put(DirectoryRoleAssignment(role, tenant.id, GLOBAL_ADMINISTRATOR, oid)))
    return tenant


@pytest.fixture
def home(world: Simulation) -> Graph:
    """See Graph as the first tenant's administrator."""
    return Graph(world)


@pytest.fixture
def away(world: Simulation, other: Tenant) -> Graph:
    """See Graph as the second tenant's administrator."""
    return Graph(world, token=world.token(other.principal, GRAPH_AUDIENCE, other.id))


@pytest.fixture
def app(world: Simulation, home: Graph) -> App:
    """Register an application for several tenants."""
    made = home.add_application(signInAudience=SEVERAL)
    oid = home.make("servicePrincipals", {"appId": made["appId"]})["id"]
    secret = home.ask("POST", f"applications/{made['id']}/addPassword", {}).json["secretText"]
    canary.remember(secret)
    return App(made["id"], made["appId"], oid, secret)


def sign_in(world: Simulation, app: App, tenant: str, audience: str = VAULT_AUDIENCE, **form: str) -> Answer:
    """Ask for the application's own token at a tenant's authority."""
    asked = {
        "grant_type": "client_credentials",
        "client_id": app.app_id,
        "client_secret": app.secret,
        "scope": f"{audience}/.default",
        **form,
    }
    return world.ask("POST", f"{world.login_url}/{tenant}/oauth2/v2.0/token", form=asked)


def token(world: Simulation, app: App, tenant: str, audience: str = VAULT_AUDIENCE) -> str:
    """Sign in, where that works."""
    answer = sign_in(world, app, tenant, audience)
    assert answer.status == 200, answer.body
    text: str = answer.json["access_token"]
    return text


def claims(text: str) -> dict[str, Any]:
    """Read a token without checking it."""
    found: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    return found


def secrets_status(world: Simulation, other: Tenant, text: str) -> int:
    """List the secrets of the second tenant's vault."""
    url = f"https://{other.vault.name}.vault.localhost:8443/secrets?api-version=7.4"
    return world.ask("GET", url, token=text).status


class TestPresence:
    """Being in another tenant."""

    def test_a_principal_there_signs_in_there(self, world: Simulation, other: Tenant, away: Graph, app: App) -> None:
        """With the application's own secret, by the tenant's own key, as its principal there; before, it is unknown."""
        assert sign_in(world, app, other.id).json["error_codes"] == [700016]
        made = away.make("servicePrincipals", {"appId": app.app_id})
        assert (made["appOwnerOrganizationId"], made["signInAudience"]) == (world.first.tenant_id, SEVERAL)
        there, here = (claims(token(world, app, tenant)) for tenant in (other.id, world.first.tenant_id))
        assert (there["tid"], there["oid"]) == (other.id, made["id"])
        assert (here["tid"], here["oid"]) == (world.first.tenant_id, app.oid)
        assert there["iss"] != here["iss"]

    def test_its_rights_there_are_given_there(self, world: Simulation, other: Tenant, away: Graph, app: App) -> None:
        """SEC-TENANT-2: nothing that it may at home counts, and a role there counts there alone."""
        world.grant(app.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
        oid = away.make("servicePrincipals", {"appId": app.app_id})["id"]
        text = token(world, app, other.id)
        home_url = f"{world.vault_url}/secrets?api-version=7.4"
        assert secrets_status(world, other, text) == 403
        assert world.ask("GET", home_url, token=text).status == 401
        world.grant(oid, KEY_VAULT_ADMINISTRATOR, other.vault.scope, other.id)
        assert secrets_status(world, other, text) == 200
        assert world.ask("GET", home_url, token=text).status == 401
        assert secrets_status(world, other, token(world, app, world.first.tenant_id)) == 401

    def test_one_for_its_own_tenant_is_not_there(self, home: Graph, away: Graph) -> None:
        """Refused as one that does not exist, so nobody learns which applications another tenant has."""
        own = home.add_application()
        answers = [away.ask("POST", "servicePrincipals", {"appId": app_id}) for app_id in (own["appId"], MISSING)]
        told = [
            refused(answer, 400, "Request_BadRequest").replace(app_id, "ID")
            for answer, app_id in zip(answers, (own["appId"], MISSING), strict=True)
        ]
        assert told[0] == told[1]

    def test_its_credentials_are_its_own_tenants(self, away: Graph, app: App) -> None:
        """SEC-TENANT-2: nothing of them is read or changed from elsewhere, and the application is not found there."""
        oid = away.make("servicePrincipals", {"appId": app.app_id})["id"]
        shown = away.get(f"servicePrincipals/{oid}")
        assert (shown["passwordCredentials"], shown["keyCredentials"]) == ([], [])
        for path in (f"applications/{app.id}", f"applications(appId='{app.app_id}')", f"servicePrincipals/{app.oid}"):
            refused(away.ask("GET", path), 404, "Request_ResourceNotFound")
            refused(away.ask("POST", f"{path}/addPassword", {}), 404, "Request_ResourceNotFound")


class TestEnds:
    """When it is over there."""

    @pytest.fixture
    def present(self, world: Simulation, other: Tenant, away: Graph, app: App) -> dict[str, str]:
        """Let the application be there with a role, and give its principal and a token of each tenant."""
        oid = away.make("servicePrincipals", {"appId": app.app_id})["id"]
        world.grant(oid, KEY_VAULT_ADMINISTRATOR, other.vault.scope, other.id)
        world.grant(app.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
        there, here = token(world, app, other.id), token(world, app, world.first.tenant_id)
        return {"oid": oid, "there": there, "here": here}

    def statuses(self, world: Simulation, other: Tenant, app: App, present: dict[str, str]) -> tuple[int, ...]:
        """Use both tokens and sign in to both tenants: there, here, there, here."""
        url = f"{world.vault_url}/secrets?api-version=7.4"
        return (
            secrets_status(world, other, present["there"]),
            world.ask("GET", url, token=present["here"]).status,
            sign_in(world, app, other.id).status,
            sign_in(world, app, world.first.tenant_id).status,
        )

    def test_its_principal_there_is_disabled(
        self, world: Simulation, other: Tenant, away: Graph, app: App, present: dict[str, str]
    ) -> None:
        """There alone, and until it is enabled."""
        assert self.statuses(world, other, app, present) == (200, 200, 200, 200)
        away.do("PATCH", f"servicePrincipals/{present['oid']}", {"accountEnabled": False})
        assert self.statuses(world, other, app, present) == (401, 200, 400, 200)
        away.do("PATCH", f"servicePrincipals/{present['oid']}", {"accountEnabled": True})
        assert self.statuses(world, other, app, present) == (200, 200, 200, 200)

    def test_its_principal_there_is_deleted(
        self, world: Simulation, other: Tenant, away: Graph, app: App, present: dict[str, str]
    ) -> None:
        """There alone: nothing is left of it for whoever asks there."""
        away.do("DELETE", f"servicePrincipals/{present['oid']}")
        assert self.statuses(world, other, app, present) == (401, 200, 400, 200)
        assert sign_in(world, app, other.id).json["error_codes"] == [700016]

    def test_its_principal_at_home_is_disabled(
        self, world: Simulation, other: Tenant, home: Graph, app: App, present: dict[str, str]
    ) -> None:
        """At home alone: each tenant says so of its own."""
        home.do("PATCH", f"servicePrincipals/{app.oid}", {"accountEnabled": False})
        assert self.statuses(world, other, app, present) == (200, 401, 200, 400)

    def test_its_audience_is_its_own_tenant_again(
        self, world: Simulation, other: Tenant, home: Graph, app: App, present: dict[str, str]
    ) -> None:
        """Elsewhere its tokens end, and it is unknown there until it is for several again."""
        home.do("PATCH", f"applications/{app.id}", {"signInAudience": ONE})
        assert self.statuses(world, other, app, present) == (401, 200, 400, 200)
        assert sign_in(world, app, other.id).json["error_codes"] == [700016]
        home.do("PATCH", f"applications/{app.id}", {"signInAudience": SEVERAL})
        assert self.statuses(world, other, app, present) == (200, 200, 200, 200)

    def test_a_secret_of_the_principal_there_is_no_way_round(
        self, world: Simulation, other: Tenant, home: Graph, away: Graph, app: App, present: dict[str, str]
    ) -> None:
        """The application's own tenant says whom it is for, whatever secret the other tenant gave its principal."""
        secret = away.ask("POST", f"servicePrincipals/{present['oid']}/addPassword", {}).json["secretText"]
        canary.remember(secret)
        text = sign_in(world, app, other.id, client_secret=secret).json["access_token"]
        assert secrets_status(world, other, text) == 200
        assert sign_in(world, app, world.first.tenant_id, client_secret=secret).status == 401
        home.do("PATCH", f"applications/{app.id}", {"signInAudience": ONE})
        assert secrets_status(world, other, text) == 401
        assert sign_in(world, app, other.id, client_secret=secret).status == 400

    def test_its_secret_is_removed(
        self, world: Simulation, other: Tenant, home: Graph, app: App, present: dict[str, str]
    ) -> None:
        """SEC-FLOW-17: in every tenant at once: it is one credential."""
        (key,) = home.get(f"applications/{app.id}")["passwordCredentials"]
        home.do("POST", f"applications/{app.id}/removePassword", {"keyId": key["keyId"]})
        assert self.statuses(world, other, app, present) == (401, 401, 401, 401)

    def test_the_application_is_deleted(
        self, world: Simulation, other: Tenant, home: Graph, away: Graph, app: App, present: dict[str, str]
    ) -> None:
        """Its principal elsewhere stays, and is good for nothing."""
        home.do("DELETE", f"applications/{app.id}")
        assert self.statuses(world, other, app, present) == (401, 401, 400, 400)
        assert away.get(f"servicePrincipals/{present['oid']}")["appId"] == app.app_id
