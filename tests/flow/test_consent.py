"""Consent: what a registered application may ask for in whose name."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from strongroom.core import limits
from strongroom.core.consent import Missing
from strongroom.core.errors import Invalid
from strongroom.core.first_party import FIRST_PARTY, GRAPH, KEY_VAULT
from strongroom.core.registration import Api, PreAuthorized, ResourceAccess
from strongroom.core.relations import PermissionGrant
from strongroom.core.user_tokens import parse_user_scope
from strongroom.directory import groups as directory_groups
from strongroom.directory import relations
from strongroom.directory.apis import finder
from strongroom.directory.consent import missing_consent, offered_to
from strongroom.store import Transaction
from tests.flow.apps import (
    application,
    assign,
    azure,
    change,
    change_principal,
    consent,
    graph,
    offer,
    refused,
    role,
    said,
    scope,
)
from tests.flow.users import AZURE_CLI, Person, allow_passwords, person, sign_in
from tests.world import VAULT_AUDIENCE, Answer, Principal, Simulation


@pytest.fixture(autouse=True)
def _allowed(world: Simulation) -> None:
    allow_passwords(world)


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    return person(world)


def ask(world: Simulation, who: Person, client: Principal, asked: str) -> Answer:
    """Ask in a user's name, as a confidential client that sees the password."""
    return sign_in(world, who, client_id=client.appid, client_secret=client.secret, scope=asked)


def missing(world: Simulation, who: Person, client: Principal, asked: str) -> Missing | None:
    """Ask what a client lacks, as the authorization page does."""
    view, tenant = world.view, world.first.tenant_id
    read = parse_user_scope(asked, world.world.hosts, tenant, finder(view, tenant), offered_to(view, client.appid))
    return missing_consent(view, tenant, client.oid, client.appid, who.user.id, read)


def lacking(found: Missing | None) -> dict[str, tuple[str, ...]]:
    """Give the words that are missing, by resource."""
    return {one.app_id: one.words for one in found.resources} if found is not None else {}


# ---- grants ---------------------------------------------------------------------------------------------------------


def test_nothing_is_given_without_consent(world: Simulation, someone: Person) -> None:
    """AADSTS65001 with the suberror that clients act upon, for another API as for Azure's own resources."""
    _, uri = offer(world, scope("read"))
    client = world.principal()
    for asked in (f"{uri}/read", f"{uri}/.default", f"{VAULT_AUDIENCE}/.default", "User.Read", "openid"):
        assert refused(ask(world, someone, client, asked), 65001)["suberror"] == "consent_required"


def test_a_user_consents_for_itself(world: Simulation, someone: Person) -> None:
    """And for nobody else, and for nothing else."""
    api, uri = offer(world, scope("read"), scope("write"))
    client = world.principal()
    consent(world, client.oid, api.oid, "read", user=someone.user.id)
    token = said(ask(world, someone, client, f"{uri}/read"))
    expected = {"aud": uri, "scp": "read", "appid": client.appid, "appidacr": "1", "oid": someone.user.id}
    assert token.items() >= expected.items()
    refused(ask(world, someone, client, f"{uri}/write"), 65001)
    refused(ask(world, someone, client, f"{uri}/read {uri}/write"), 65001)
    refused(ask(world, person(world), client, f"{uri}/read"), 65001)
    refused(ask(world, someone, world.principal(), f"{uri}/read"), 65001)


def test_an_administrator_consents_for_everybody(world: Simulation, someone: Person) -> None:
    """Until the grant is taken back, at once."""
    api, uri = offer(world, scope("read"))
    client = world.principal()
    grant = consent(world, client.oid, api.oid, "read")
    for who in (someone, person(world)):
        assert said(ask(world, who, client, f"{uri}/read"))["scp"] == "read"
    world.commit(lambda tx: relations.revoke_grant(tx, world.first.tenant_id, grant))
    refused(ask(world, someone, client, f"{uri}/read"), 65001)


def test_a_consent_in_another_tenant_is_none_here(world: Simulation, someone: Person) -> None:
    """SEC-TENANT-1: however the ids agree."""
    api, uri = offer(world, scope("read"))
    client, other = world.principal(), world.tenant()
    world.commit(lambda tx: tx.put(PermissionGrant("stray", other, client.oid, None, api.oid, ("read",))))
    refused(ask(world, someone, client, f"{uri}/read"), 65001)


def test_default_means_what_was_granted(world: Simulation, someone: Person) -> None:
    """By the user and by an administrator together, as far as the resource still offers it."""
    read, write, more = scope("read"), scope("write"), scope("more")
    api, uri = offer(world, read, write, more)
    client = world.principal()
    consent(world, client.oid, api.oid, "write", "gone")
    consent(world, client.oid, api.oid, "read", user=someone.user.id)
    answer = ask(world, someone, client, f"{uri}/.default")
    assert said(answer)["scp"] == "read write"
    assert set(answer.json["scope"].split()) == {f"{uri}/read", f"{uri}/write", f"{uri}/.default"}
    change(world, api, lambda one: replace(one, api=Api(scopes=(replace(read, enabled=False), write, more))))
    assert said(ask(world, someone, client, f"{uri}/.default"))["scp"] == "write"


def test_what_a_resource_does_not_offer_cannot_be_asked_for(world: Simulation, someone: Person) -> None:
    """AADSTS70011, also for what was granted when it did, and for the words of OpenID Connect as another's."""
    api, uri = offer(world, scope("read"), scope("off", enabled=False))
    client = world.principal()
    consent(world, client.oid, api.oid, "read", "off", "openid")
    for word in ("off", "nothing", "openid"):
        refused(ask(world, someone, client, f"{uri}/{word}"), 70011, "invalid_scope")


def test_a_word_of_openid_is_no_consent_to_a_permission_of_its_name(world: Simulation, someone: Person) -> None:
    """An API may call a permission `profile`: it is asked for by its resource, and granted like any other."""
    api, uri = offer(world, scope("read"), scope("profile"))
    client = world.principal()
    consent(world, client.oid, api.oid, "read")
    assert said(ask(world, someone, client, f"{uri}/read profile openid"))["scp"] == "read"
    refused(ask(world, someone, client, f"{uri}/profile"), 65001)


def test_the_words_of_openid_come_with_the_first_consent(world: Simulation, someone: Person) -> None:
    """Alone they are permissions of Graph, which somebody has to grant; beside anything granted they are granted."""
    api, uri = offer(world, scope("read"))
    client = world.principal()
    words = "openid profile offline_access"
    assert lacking(missing(world, someone, client, words)) == {GRAPH: ("offline_access", "openid", "profile")}
    consent(world, client.oid, graph(world), *words.split(), user=someone.user.id)
    answer = ask(world, someone, client, words)
    assert {"id_token", "refresh_token"} <= answer.json.keys()
    assert said(answer)["scp"] == "openid profile"
    other = world.principal()
    consent(world, other.oid, api.oid, "read")
    assert {"id_token", "refresh_token"} <= ask(world, someone, other, f"{uri}/read {words}").json.keys()


def test_a_permission_of_azures_is_granted_like_any_other(world: Simulation, someone: Person) -> None:
    """A registered application asks for a vault in a user's name, once somebody consented."""
    client = world.principal()
    consent(world, client.oid, azure(world, KEY_VAULT), "user_impersonation", user=someone.user.id)
    token = said(ask(world, someone, client, f"{VAULT_AUDIENCE}/.default"))
    assert (token["aud"], token["scp"], token["appidacr"]) == (VAULT_AUDIENCE, "user_impersonation", "1")


# ---- pre-authorised and well-known clients --------------------------------------------------------------------------


def pre_authorize(world: Simulation, api: Principal, client: str, *words: str) -> None:
    """Have a resource say that a client needs no consent for some of its permissions."""
    ids = tuple(one.id for one in application(world, api).api.scopes if one.value in words)
    change(world, api, lambda one: replace(one, api=replace(one.api, pre_authorized=(PreAuthorized(client, ids),))))


def test_a_resource_may_spare_a_client_the_consent(world: Simulation, someone: Person) -> None:
    """For the permissions that it names, and with them the words of OpenID Connect."""
    api, uri = offer(world, scope("read"), scope("write"))
    client = world.principal()
    pre_authorize(world, api, client.appid, "read")
    assert said(ask(world, someone, client, f"{uri}/.default openid"))["scp"] == "read"
    refused(ask(world, someone, client, f"{uri}/write"), 65001)
    refused(ask(world, someone, world.principal(), f"{uri}/read"), 65001)


def test_a_well_known_client_needs_it_for_what_others_registered(world: Simulation, someone: Person) -> None:
    """Azure CLI asks for Azure's own resources as ever; another API has to let it."""
    api, uri = offer(world, scope("read"))
    assert sign_in(world, someone).status == 200
    refused(sign_in(world, someone, scope=f"{uri}/.default"), 65001)
    pre_authorize(world, api, AZURE_CLI, "read")
    token = said(sign_in(world, someone, scope=f"{uri}/.default offline_access openid profile"))
    assert (token["aud"], token["scp"], token["appid"]) == (uri, "read", AZURE_CLI)


# ---- what is missing ------------------------------------------------------------------------------------------------


def test_what_is_missing_is_said_in_words_for_people(world: Simulation, someone: Person) -> None:
    """By resource, with what was registered for people to read, and whether an administrator is needed."""
    plain, admin = scope("read"), scope("all", "Admin")
    shown = replace(plain, user_consent_display_name="Read for you", user_consent_description="Your things")
    api, uri = offer(world, shown, admin)
    client = world.principal()
    found = missing(world, someone, client, f"{uri}/read")
    assert found is not None
    (resource,) = found.resources
    (one,) = resource.permissions
    assert (resource.app_id, resource.principal) == (api.appid, api.oid)
    assert resource.display_name == application(world, api).display_name
    assert (one.display_name, one.description, found.admin_only) == ("Read for you", "Your things", False)
    found = missing(world, someone, client, f"{uri}/read {uri}/all")
    assert found is not None
    assert found.admin_only
    assert found.resources[0].permissions[1].display_name == "May all"
    consent(world, client.oid, api.oid, "read", "all")
    assert missing(world, someone, client, f"{uri}/read {uri}/all openid") is None


def test_default_asks_for_what_the_registration_says(world: Simulation, someone: Person) -> None:
    """Of every resource in it, where nothing was granted yet; AADSTS650057 if the resource is not in it."""
    read, write = scope("read"), scope("write")
    api, uri = offer(world, read, write)
    _, other = offer(world, scope("x"))
    client = world.principal()
    user_read = next(one for one in FIRST_PARTY[GRAPH].scopes if one.value == "User.Read")
    wanted = (ResourceAccess(api.appid, (read.id,)), ResourceAccess(GRAPH, (user_read.id,)))
    change(world, client, lambda one: replace(one, required_resource_access=wanted))
    asked = f"{uri}/.default openid"
    assert lacking(missing(world, someone, client, asked)) == {api.appid: ("read",), GRAPH: ("User.Read", "openid")}
    with pytest.raises(Invalid) as refusal:
        missing(world, someone, client, f"{other}/.default")
    assert refusal.value.number == 650057
    consent(world, client.oid, api.oid, "read", user=someone.user.id)
    assert missing(world, someone, client, asked) is None


def test_a_well_known_client_lacks_nothing_of_azures(world: Simulation, someone: Person) -> None:
    """What it lacks of another API is all of that."""
    api, uri = offer(world, scope("read"), scope("write"))
    cli = Principal("", AZURE_CLI, "", "")
    assert missing(world, someone, cli, f"{VAULT_AUDIENCE}/.default openid") is None
    assert lacking(missing(world, someone, cli, f"{uri}/.default"))[api.appid] == ("read", "write")


def test_consent_is_recorded_beside_what_was_granted(world: Simulation, someone: Person) -> None:
    """One grant for each client, user and resource, which grows, up to what a grant can say."""
    api, _ = offer(world, scope("read"), scope("write"))
    client, tenant = world.principal(), world.first.tenant_id

    def extend(*words: str) -> PermissionGrant:
        return world.commit(
            lambda tx: relations.extend_grant(
                tx,
                tenant,
                client=client.oid,
                principal=someone.user.id,
                resource=api.oid,
                scopes=words,
                entropy=secrets.token_bytes,
            )
        )

    first, second = extend("read"), extend("write", "read")
    assert (first.id, second.scopes) == (second.id, ("read", "write"))
    long = "x" * (limits.GRANT_SCOPE_CHARS - len("read write "))
    assert len(" ".join(extend(long).scopes)) == limits.GRANT_SCOPE_CHARS
    with pytest.raises(Invalid):
        extend("y")
    assert len(world.view.permission_grants_of(tenant, client.oid)) == 1


# ---- who may have it ------------------------------------------------------------------------------------------------


def test_a_users_token_says_its_roles(world: Simulation, someone: Person) -> None:
    """Assigned to the user or to a group it is directly in; roles for applications are none of a user's."""
    own, group_role, machine = role("Own", "User"), role("Group", "User"), role("Machine")
    api, uri = offer(world, scope("read"), roles=(own, group_role, machine))
    client, tenant = world.principal(), world.first.tenant_id
    consent(world, client.oid, api.oid, "read")
    assert "roles" not in said(ask(world, someone, client, f"{uri}/read"))
    group, inner = groups(world, someone)
    assign(world, api, someone.user.id, own.id)
    assign(world, api, group, group_role.id)
    assert said(ask(world, someone, client, f"{uri}/read"))["roles"] == ["Group", "Own"]
    nested = person(world)
    join(world, inner, nested.user.id)
    assert world.view.groups_of(tenant, nested.user.id) >= {group, inner}
    assert "roles" not in said(ask(world, nested, client, f"{uri}/read")), "as in Entra, not through a nested group"


@pytest.mark.parametrize("whose", ["resource", "client"])
def test_users_may_need_an_assignment(world: Simulation, someone: Person, whose: str) -> None:
    """AADSTS50105, whether the resource or the client wants one; a group's is its members'."""
    api, uri = offer(world, scope("read"))
    client = world.principal()
    consent(world, client.oid, api.oid, "read")
    wanting = api if whose == "resource" else client
    change_principal(world, wanting, app_role_assignment_required=True)
    refused(ask(world, someone, client, f"{uri}/read"), 50105)
    group, _ = groups(world, someone)
    assign(world, wanting, group)
    assert said(ask(world, someone, client, f"{uri}/read"))["scp"] == "read"
    refused(ask(world, person(world), client, f"{uri}/read"), 50105)


def test_a_users_token_of_version_2(world: Simulation, someone: Person) -> None:
    """Reference clients.md section 7: the user by `preferred_username` and `name`, the client as `azp`."""
    api, uri = offer(world, scope("read"), version=2)
    client = world.principal()
    consent(world, client.oid, api.oid, "read")
    answer = ask(world, someone, client, f"{uri}/read")
    token = said(answer)
    expected = {
        "aud": api.appid,
        "iss": f"{world.login_url}/{world.first.tenant_id}/v2.0",
        "ver": "2.0",
        "azp": client.appid,
        "azpacr": "1",
        "scp": "read",
        "oid": someone.user.id,
        "preferred_username": someone.name,
        "name": "A person",
    }
    assert token.items() >= expected.items()
    assert not token.keys() & {"upn", "unique_name", "appid", "appidacr", "idp", "family_name", "ipaddr"}
    assert token["sub"] != someone.user.id
    assert answer.json["scope"] == f"{uri}/read"


def groups(world: Simulation, who: Person) -> tuple[str, str]:
    """Make a group that a user is in, and one that is in that; give both."""
    tenant, now = world.first.tenant_id, int(world.clock())

    async def make(tx: Transaction) -> tuple[str, str]:
        made = [
            await directory_groups.create_group(
                tx,
                tenant,
                display_name="g",
                mail_nickname="g",
                description=None,
                now=now,
                entropy=secrets.token_bytes,
            )
            for _ in range(2)
        ]
        return made[0].id, made[1].id

    outer, inner = world.commit(make)
    join(world, outer, who.user.id)
    join(world, outer, inner)
    return outer, inner


def join(world: Simulation, group: str, member: str) -> None:
    """Put a principal into a group."""
    world.commit(lambda tx: directory_groups.add_member(tx, world.view, world.first.tenant_id, group, member))
