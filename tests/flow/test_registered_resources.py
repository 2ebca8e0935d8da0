"""Registered applications as resources: whose tokens they are for, in which version, and with which roles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.core.first_party import GRAPH
from strongroom.core.names import MANAGED_HSM_RESOURCE
from strongroom.directory import applications
from tests.flow.apps import (
    application,
    ask_for_itself,
    assign,
    change,
    change_principal,
    offer,
    refused,
    role,
    said,
)
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, Simulation

ISSUER_V1 = "https://sts.windows.net/{}/"


def test_a_token_of_version_1_is_for_what_was_asked(world: Simulation) -> None:
    """By its URI, in the registered spelling whatever case was asked, or by its application id."""
    api, uri = offer(world)
    client = world.principal()
    tenant = world.first.tenant_id
    for asked, audience in ((uri, uri), (uri.upper().replace("API:", "api:"), uri), (api.appid, api.appid)):
        token = said(ask_for_itself(world, client, asked))
        expected = {
            "aud": audience,
            "iss": ISSUER_V1.format(tenant),
            "ver": "1.0",
            "appid": client.appid,
            "appidacr": "1",
            "idtyp": "app",
            "oid": client.oid,
            "sub": client.oid,
            "tid": tenant,
        }
        assert token.items() >= expected.items()
        assert "roles" not in token
        assert "scp" not in token


def test_a_token_of_version_2_is_for_the_application(world: Simulation) -> None:
    """Reference clients.md section 7: `iss` of v2, `aud` the GUID, `azp` and `azpacr` in the place of v1's names."""
    api, uri = offer(world, version=2)
    client = world.principal()
    token = said(ask_for_itself(world, client, uri))
    tenant = world.first.tenant_id
    assert (token["aud"], token["iss"], token["ver"]) == (api.appid, f"{world.login_url}/{tenant}/v2.0", "2.0")
    assert (token["azp"], token["azpacr"], token["oid"], token["sub"]) == (client.appid, "1", client.oid, client.oid)
    assert not token.keys() & {"appid", "appidacr", "idp", "unique_name", "upn"}


def test_the_v1_endpoint_names_the_resource_itself(world: Simulation) -> None:
    """The version of the token is the resource's, whichever endpoint was asked."""
    api, uri = offer(world, version=2)
    form = {
        "grant_type": "client_credentials",
        "client_id": api.appid,
        "client_secret": api.secret,
        "resource": uri,
    }
    answer = world.ask("POST", f"{world.login_url}/{world.first.tenant_id}/oauth2/token", form=form)
    assert said(answer)["ver"] == "2.0"
    assert answer.json["resource"] == uri


@pytest.mark.parametrize("asked", ["api://nobody", "11111111-1111-1111-1111-111111111111", "hunter2"])
def test_what_nobody_registered_is_no_resource(world: Simulation, asked: str) -> None:
    """AADSTS500011."""
    refused(ask_for_itself(world, world.principal(), asked), 500011, "invalid_resource")


def test_an_application_without_a_principal_is_no_resource(world: Simulation) -> None:
    """SEC-TENANT-1: an application of another tenant neither, unless it has a principal here."""
    client, other = world.principal(), world.tenant()
    api, uri = offer(world, tenant=other)
    for asked in (uri, api.appid):
        refused(ask_for_itself(world, client, asked), 500011, "invalid_resource")
    foreign = change(world, api, lambda one: replace(one, sign_in_audience="AzureADMultipleOrgs"))
    world.commit(
        lambda tx: applications.create_service_principal(
            tx, world.first.tenant_id, foreign, now=int(world.clock()), entropy=world.world.entropy
        )
    )
    assert said(ask_for_itself(world, client, uri))["tid"] == world.first.tenant_id


def test_another_tenants_application_takes_no_name_of_ours(world: Simulation) -> None:
    """Both have the URI and a principal here: our own is meant. Of two foreign ones, neither is."""
    ours, uri = offer(world, version=2)
    client = world.principal()

    def foreign() -> None:
        api, _ = offer(world, tenant=world.tenant(), version=2)
        made = change(
            world, api, lambda one: replace(one, sign_in_audience="AzureADMultipleOrgs", identifier_uris=(uri,))
        )
        world.commit(
            lambda tx: applications.create_service_principal(
                tx, world.first.tenant_id, made, now=int(world.clock()), entropy=world.world.entropy
            )
        )

    foreign()
    assert said(ask_for_itself(world, client, uri))["aud"] == ours.appid
    change(world, ours, lambda one: replace(one, identifier_uris=()))
    assert said(ask_for_itself(world, client, uri))["aud"] != ours.appid
    foreign()
    refused(ask_for_itself(world, client, uri), 500011, "invalid_resource")


def test_a_name_of_the_service_is_its_own(world: Simulation) -> None:
    """Whoever registers Key Vault's name gets tokens for Key Vault as everybody does, and takes none of anybody's."""
    api, _ = offer(world, version=2)
    change(world, api, lambda one: replace(one, identifier_uris=("https://vault.azure.net",)))
    token = said(ask_for_itself(world, world.principal(), "https://vault.azure.net"))
    assert (token["aud"], token["ver"]) == ("https://vault.azure.net", "1.0")
    # The long s is an s where names are folded, and none where they are lowered.
    refused(ask_for_itself(world, api, "http\u017f://vault.azure.net"), 500011, "invalid_resource")


def test_a_token_for_an_application_opens_no_surface(world: Simulation) -> None:
    """SEC-FLOW-16: the audience is another one, however powerful the caller; and a v2 token is another issuer's."""
    for version in (1, 2):
        _, uri = offer(world, version=version)
        token = ask_for_itself(world, world.administrator, uri).json["access_token"]
        for url in (
            f"{world.vault_url}/secrets?api-version=7.4",
            f"{world.arm_url}/subscriptions?api-version=2022-12-01",
            f"{world.graph_url}/v1.0/applications",
        ):
            assert world.ask("GET", url, token=token).status == 401


def test_managed_hsm_is_a_resource(world: Simulation) -> None:
    """Tokens for it are v1, and no surface takes them yet."""
    token = ask_for_itself(world, world.administrator, MANAGED_HSM_RESOURCE).json["access_token"]
    assert said(ask_for_itself(world, world.administrator, MANAGED_HSM_RESOURCE))["aud"] == MANAGED_HSM_RESOURCE
    assert world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status == 401


# ---- roles ----------------------------------------------------------------------------------------------------------


def test_an_applications_token_says_its_roles(world: Simulation) -> None:
    """Enabled roles for applications that it was assigned, of this resource alone, as the registration says today."""
    read, write, people = role("Read"), role("Write"), role("People", "User")
    api, uri = offer(world, roles=(read, write, people))
    other, _ = offer(world, roles=(role("Elsewhere"),))
    client = world.principal()
    for one in (read, write):
        assign(world, api, client.oid, one.id)
    assign(world, other, client.oid, application(world, other).app_roles[0].id)
    assert said(ask_for_itself(world, client, uri))["roles"] == ["Read", "Write"]
    change(world, api, lambda one: replace(one, app_roles=(replace(read, enabled=False), write, people)))
    assert said(ask_for_itself(world, client, uri))["roles"] == ["Write"]
    change(world, api, lambda one: replace(one, app_roles=(read, replace(write, member_types=("User",)), people)))
    assert said(ask_for_itself(world, client, uri))["roles"] == ["Read"]


def test_a_resource_may_want_an_assignment(world: Simulation) -> None:
    """AADSTS501051 until the application has one, with or without a role."""
    api, uri = offer(world)
    change_principal(world, api, app_role_assignment_required=True)
    client = world.principal()
    refused(ask_for_itself(world, client, uri), 501051)
    assign(world, api, client.oid)
    assert "roles" not in said(ask_for_itself(world, client, uri))


def test_a_disabled_resource_gets_no_tokens(world: Simulation) -> None:
    """AADSTS500014."""
    api, uri = offer(world)
    change_principal(world, api, enabled=False)
    refused(ask_for_itself(world, world.principal(), uri), 500014, "invalid_resource")


def test_nobody_locks_a_tenant_out_of_its_directory(world: Simulation) -> None:
    """What the principals of Azure's own resources say is not held to: somebody has to be able to change it again."""
    found = world.view.service_principal_by_app_id(world.first.tenant_id, GRAPH)
    assert found is not None
    world.commit(lambda tx: tx.put(replace(found, enabled=False, app_role_assignment_required=True)))
    token = ask_for_itself(world, world.administrator, GRAPH_AUDIENCE).json["access_token"]
    change = {"accountEnabled": True, "appRoleAssignmentRequired": False}
    url = f"{world.graph_url}/v1.0/servicePrincipals/{found.id}"
    assert world.ask("PATCH", url, token=token, body=change).status == 204
    assert world.view.principal(found.tenant, found.id) == found


@pytest.mark.parametrize("resource", [ARM_AUDIENCE, GRAPH_AUDIENCE])
def test_the_surfaces_are_asked_for_as_before(world: Simulation, resource: str) -> None:
    """Without assignments or consent."""
    assert said(ask_for_itself(world, world.principal(), resource))["aud"] == resource
