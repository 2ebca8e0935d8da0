"""User-assigned identities on the management plane: their life, and what ends with them."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import CONTRIBUTOR, KEY_VAULT_SECRETS_USER, READER
from strongroom.core.identity import ServicePrincipal
from strongroom.core.network import Link
from strongroom.http.peer_owner import Owner
from tests.flow.arm import Arm
from tests.world import Answer, Simulation


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def control(world: Simulation, method: str, path: str, body: object = None) -> Answer:
    """Ask over the owner's socket."""
    return world.ask(method, f"http://control{path}", body=body, link=Link.CONTROL, host="control")


def token_of(world: Simulation, identity: str) -> tuple[dict[str, Any], str]:
    """Lend an identity to a run, and get a token as it."""
    run = control(world, "POST", "/run", {"identity": identity}).json
    answer = world.ask(
        "GET",
        f"{run['identityEndpoint']}?api-version=2019-08-01&resource=https://vault.azure.net",
        headers={"X-IDENTITY-HEADER": run["identityHeader"]},
        link=Link.MANAGED_IDENTITY,
        peer="127.0.0.1",
    )
    assert answer.status == 200, answer.body
    return run, answer.json["access_token"]


def list_secrets(world: Simulation, token: str) -> int:
    """Use a token at the first vault."""
    return world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status


class TestLife:
    """Made, shown, changed, removed."""

    def test_life(self, arm: Arm) -> None:
        """The members that azure-mgmt-msi and Terraform read; found in any case; 200 for what exists already."""
        arm.make_group()
        made = arm.ask("PUT", arm.identity, {"location": "Local", "tags": {"a": "b"}})
        assert made.status == 201
        body = made.json
        ids = body.pop("properties")
        assert body == {
            "id": arm.identity,
            "name": f"i-{arm.tag}",
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
            "location": "local",
            "tags": {"a": "b"},
        }
        assert set(ids) == {"tenantId", "principalId", "clientId"}
        assert ids["tenantId"] == arm.world.first.tenant_id
        again = arm.ask("PUT", arm.identity.replace("resourceGroups", "RESOURCEGROUPS"), {"location": "local"})
        assert (again.status, again.json["tags"], again.json["properties"]) == (200, {}, ids)
        patched = arm.do("PATCH", arm.identity, {"tags": {"c": "d"}})
        assert arm.do("GET", arm.identity) == patched == {**again.json, "tags": {"c": "d"}}
        assert arm.do("PATCH", arm.identity, {}) == patched

    @pytest.mark.parametrize("version", ["2018-11-30", "2023-01-31", "2024-11-30", "2025-01-31-preview"])
    def test_the_versions_that_clients_send(self, arm: Arm, version: str) -> None:
        """Every well-formed one is served."""
        arm.make_identity()
        assert arm.ask("GET", arm.identity, version=version).status == 200

    def test_its_principal_is_in_the_directory(self, arm: Arm) -> None:
        """A service principal of the kind ManagedIdentity, which knows its resource."""
        ids = arm.make_identity()["properties"]
        principal = arm.world.view.principal(ids["tenantId"], ids["principalId"])
        assert isinstance(principal, ServicePrincipal)
        assert (principal.app_id, principal.resource_id) == (ids["clientId"], arm.identity)

    def test_it_is_gone_with_its_principal(self, arm: Arm) -> None:
        """200 and then 204; nothing of it is left to sign in with."""
        ids = arm.make_identity()["properties"]
        assert arm.ask("DELETE", arm.identity).status == 200
        assert arm.ask("DELETE", arm.identity).status == 204
        assert arm.refused("GET", arm.identity)[:2] == (404, "ResourceNotFound")
        assert arm.world.view.principal(ids["tenantId"], ids["principalId"]) is None

    def test_lists_show_what_may_be_read(self, arm: Arm) -> None:
        """In the subscription and in the group, to whoever may read it, a page at a time."""
        made = arm.make_identity()
        of_group = arm.identity.rpartition("/")[0]
        everywhere = f"{arm.subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
        assert arm.do("GET", of_group)["value"] == [made]
        assert made in arm.do("GET", everywhere)["value"]
        reader = arm.as_(arm.world.principal())
        arm.world.grant(reader.who.oid, READER, arm.group)
        assert reader.do("GET", everywhere)["value"] == [made]
        assert len(arm.do("GET", f"{everywhere}?$top=1")["value"]) == 1


class TestTokens:
    """What a token of an identity is worth."""

    def test_it_has_the_rights_that_it_was_given(self, arm: Arm) -> None:
        """A new identity has none; a role at the vault opens it."""
        ids = arm.make_identity()["properties"]
        _, token = token_of(arm.world, arm.identity)
        assert list_secrets(arm.world, token) == 403
        arm.world.grant(ids["principalId"], KEY_VAULT_SECRETS_USER, arm.world.vault.scope)
        assert list_secrets(arm.world, token) == 200

    def test_a_deleted_identitys_token_ends(self, arm: Arm) -> None:
        """Its runs end with it, and so does every map to it; one of the same name is another one without its rights."""
        ids = arm.make_identity()["properties"]
        arm.world.grant(ids["principalId"], KEY_VAULT_SECRETS_USER, arm.world.vault.scope)
        run, token = token_of(arm.world, arm.identity)
        mapped = control(arm.world, "POST", "/identity-maps", {"identity": arm.identity, "user": 4711})
        assert mapped.status == 201
        arm.do("DELETE", arm.identity)
        assert list_secrets(arm.world, token) == 401
        assert control(arm.world, "DELETE", f"/run/{run['runId']}").status == 404
        arm.make_identity()
        maps = control(arm.world, "GET", "/identity-maps").json["value"]
        assert mapped.json["id"] not in [one["id"] for one in maps]
        arm.world.world.owner_of = lambda _peer, _ours: Owner(is_here=True, user=4711)
        asked = arm.world.ask(
            "GET",
            "http://127.0.0.1:40342/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net",
            headers={"Metadata": "true"},
            link=Link.MANAGED_IDENTITY,
            ends=(("127.0.0.1", 50000), ("127.0.0.1", 40342)),
        )
        assert asked.status == 400
        _, anew = token_of(arm.world, arm.identity)
        assert list_secrets(arm.world, anew) == 403

    def test_its_groups_deletion_ends_it_too(self, arm: Arm) -> None:
        """A group takes its identities with it."""
        ids = arm.make_identity()["properties"]
        _, token = token_of(arm.world, arm.identity)
        arm.world.grant(ids["principalId"], KEY_VAULT_SECRETS_USER, arm.world.vault.scope)
        assert list_secrets(arm.world, token) == 200
        arm.do("DELETE", arm.group)
        assert list_secrets(arm.world, token) == 401

    def test_roles_over_it_go_with_it(self, arm: Arm) -> None:
        """Who might manage the old one may not manage a new one of its name."""
        arm.make_identity()
        manager = arm.as_(arm.world.principal())
        arm.world.grant(manager.who.oid, CONTRIBUTOR, arm.identity)
        assert manager.ask("PATCH", arm.identity, {}).status == 200
        arm.do("DELETE", arm.identity)
        arm.make_identity()
        assert manager.ask("PATCH", arm.identity, {}).status == 403


class TestEscalation:
    """What making identities must not give."""

    def test_whoever_makes_one_gets_no_right(self, arm: Arm) -> None:
        """SEC-TENANT-4: a contributor makes an identity and can neither be it nor give it a role."""
        contributor = arm.as_(arm.world.principal())
        arm.make_group()
        arm.world.grant(contributor.who.oid, CONTRIBUTOR, arm.group)
        ids = contributor.do("PUT", arm.identity, {"location": "local"})["properties"]
        status, code, _ = contributor.refused("PUT", arm.assignment, arm.assignment_body(ids["principalId"]))
        assert (status, code) == (403, "AuthorizationFailed")
        secret = contributor.world.ask(
            "POST",
            f"{arm.world.graph_url}/v1.0/servicePrincipals/{ids['principalId']}/addPassword",
            token=arm.world.token(contributor.who, "https://graph.microsoft.com"),
            body={},
        )
        assert secret.status in {403, 404}

    def test_one_called_default_is_not_lent_in_the_firsts_place(self, arm: Arm) -> None:
        """SEC-TENANT-4: what `run` lends unless told otherwise is the first start's, whatever else is called so."""
        arm.make_group()
        usual = control(arm.world, "POST", "/run", {}).json["objectId"]
        rogue = f"{arm.identity.rpartition('/')[0]}/default"
        arm.do("PUT", rogue, {"location": "local"})
        try:
            assert control(arm.world, "POST", "/run", {}).json["objectId"] == usual
        finally:
            arm.do("DELETE", rogue)


class TestRefusals:
    """What is refused changes nothing."""

    @pytest.mark.parametrize("name", ["ab", "-abc", "a.b", "a b", "x" * 129])
    def test_a_bad_name(self, arm: Arm, name: str) -> None:
        """3 to 128 letters, digits, hyphens and underscores."""
        arm.make_group()
        path = f"{arm.identity.rpartition('/')[0]}/{name.replace(' ', '%20')}"
        assert arm.refused("PUT", path, {"location": "local"})[0] == 400

    @pytest.mark.parametrize(
        "body",
        [
            None,
            {},
            {"location": ""},
            {"location": 1},
            {"location": "local", "tags": {"a": 1}},
            {"location": "local", "tags": {f"t{number}": "" for number in range(limits.ARM_TAGS + 1)}},
        ],
    )
    def test_a_bad_body(self, arm: Arm, body: object) -> None:
        """A location is demanded, and tags have limits."""
        arm.make_group()
        assert arm.refused("PUT", arm.identity, body)[0] == 400

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_another_location(self, arm: Arm, method: str) -> None:
        """An identity does not move."""
        arm.make_identity()
        refusal = arm.refused(method, arm.identity, {"location": "elsewhere"})
        assert refusal[:2] == (409, "InvalidResourceLocation")

    def test_without_its_group(self, arm: Arm) -> None:
        """There is no identity without a group."""
        assert arm.refused("PUT", arm.identity, {"location": "local"})[:2] == (404, "ResourceGroupNotFound")
