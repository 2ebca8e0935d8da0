"""The view's answers, and that there are none before it is loaded."""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import replace

import pytest

from strongroom.core.access_policy import PolicyIndex
from strongroom.core.builtin_roles import BUILTIN_ROLES, KEY_VAULT_ADMINISTRATOR
from strongroom.core.changes import ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.conditional_access import NamedNetwork
from strongroom.core.errors import Unavailable
from strongroom.core.first_party import GRAPH
from strongroom.core.identity import Group, User
from strongroom.core.network import Connection, DefaultAction, Link, NetworkAcls, Passage
from strongroom.core.networks import ALONE
from strongroom.core.objects import Collection
from strongroom.core.rbac import EVERYONE, DenyAssignment
from strongroom.core.records import Record, tenant_partition
from strongroom.core.registration import SignIn
from strongroom.core.relations import PermissionGrant
from strongroom.core.resources import ManagementGroup, Subscription
from strongroom.view import View, ViewNotLoaded
from tests.unit.view.records import (
    T1,
    T2,
    app_role,
    application,
    assignment,
    credential,
    directory_role,
    group,
    identity,
    machine,
    member,
    owner,
    resource_group,
    role,
    service_principal,
    signing_key,
    subscription,
    tenant,
    user,
    vault,
)

SCOPE = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/contoso"
GET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"


def view_of(*records: Record) -> View:
    """Make a view of some records."""
    view = View()
    view.load(records)
    return view


def removed(record: Record) -> RecordRemoved:
    """Say that a record is gone."""
    return RecordRemoved(record.KIND, record.partition, record.id)


async def _pieces(view: View) -> list[object]:
    return [piece async for piece in view.pieces(User)]


QUESTIONS: dict[str, Callable[[View], object]] = {
    "get": lambda view: view.get(User, "p", "x"),
    "all": lambda view: view.all(User),
    "each": lambda view: view.each(User),
    "pieces": lambda view: asyncio.run(_pieces(view)),
    "tenant": lambda view: view.tenant(T1),
    "tenants": lambda view: view.tenants(),
    "principal": lambda view: view.principal(T1, "x"),
    "application_by_app_id": lambda view: view.application_by_app_id("x"),
    "applications_by_uri": lambda view: view.applications_by_uri("x"),
    "applications_by_origin": lambda view: view.applications_by_origin("x"),
    "permission_grants_of": lambda view: view.permission_grants_of(T1, "x"),
    "service_principal_by_app_id": lambda view: view.service_principal_by_app_id(T1, "x"),
    "user_by_upn": lambda view: view.user_by_upn("x"),
    "credentials_of": lambda view: view.credentials_of("x"),
    "second_factors_of": lambda view: view.second_factors_of(T1, "x"),
    "second_factor": lambda view: view.second_factor("x"),
    "certificates_of": lambda view: view.certificates_of("x"),
    "federated_credentials_of": lambda view: view.federated_credentials_of("x"),
    "trusted_issuer": lambda view: view.trusted_issuer("x"),
    "identity_link": lambda view: view.identity_link("x", "y"),
    "credential": lambda view: view.credential("x"),
    "groups_of": lambda view: view.groups_of(T1, "x"),
    "direct_groups_of": lambda view: view.direct_groups_of(T1, "x"),
    "groups_around": lambda view: view.groups_around(T1, "x"),
    "members_of": lambda view: view.members_of(T1, "x"),
    "owners_of": lambda view: view.owners_of(T1, "x"),
    "owned_by": lambda view: view.owned_by(T1, "x"),
    "app_roles_held_by": lambda view: view.app_roles_held_by(T1, "x"),
    "app_roles_given_on": lambda view: view.app_roles_given_on(T1, "x"),
    "app_permissions_of": lambda view: view.app_permissions_of(T1, "x"),
    "directory_roles_of": lambda view: view.directory_roles_of(T1, "x"),
    "conditional_access": lambda view: view.conditional_access(T1),
    "signing_key": lambda view: view.signing_key("x"),
    "signing_keys": lambda view: view.signing_keys(T1),
    "subscription": lambda view: view.subscription("x"),
    "resource_group": lambda view: view.resource_group("x", "y"),
    "machine": lambda view: view.machine("x", "y", "z"),
    "user_assigned_identity": lambda view: view.user_assigned_identity("x", "y", "z"),
    "private_endpoint": lambda view: view.private_endpoint(T1, "x"),
    "private_endpoints_in": lambda view: view.private_endpoints_in(T1, "x"),
    "connection_between": lambda view: view.connection_between("x", "y"),
    "vault_by_name": lambda view: view.vault_by_name("x"),
    "vault": lambda view: view.vault("x"),
    "vaults": lambda view: view.vaults(),
    "grants": lambda view: view.grants(T1),
    "endpoint_connections": lambda view: view.endpoint_connections("v"),
    "trusted_service": lambda view: view.trusted_service(T1, "x"),
    "surroundings": lambda view: view.surroundings(vault("v", "contoso")),
    "firewall": lambda view: view.firewall(vault("v", "contoso")),
    "policies": lambda view: view.policies(vault("v", "contoso")),
}
"""Every question, asked so that an empty view would answer it."""


def test_every_question_is_listed() -> None:
    """The tests below ask every question there is."""
    methods = {name for name, _ in inspect.getmembers(View, inspect.isfunction) if not name.startswith("_")}
    assert set(QUESTIONS) == methods - {"load", "apply"}


@pytest.mark.parametrize("question", QUESTIONS)
def test_nothing_is_answered_before_loading(question: str) -> None:
    """Pitfalls.md: "Fails open until configuration is first loaded". Every question is refused until then."""
    with pytest.raises(ViewNotLoaded):
        QUESTIONS[question](View())


@pytest.mark.parametrize("question", QUESTIONS)
def test_nothing_is_answered_after_a_change_that_does_not_apply(question: str) -> None:
    """A view that could not follow a change is not whole, and answers nothing until it is loaded again."""
    known = vault("v", "contoso")
    view = view_of(known)
    view.firewall(known)
    view.policies(known)
    with pytest.raises(AttributeError):
        view.apply([RecordPut(None)])  # type: ignore[arg-type]  # what no store sends
    with pytest.raises(ViewNotLoaded):
        QUESTIONS[question](view)
    view.load([])
    QUESTIONS[question](view)


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_empty_view_knows_nobody_and_nothing(question: str) -> None:
    """With no records there is no tenant, no principal, no right."""
    if question not in {"grants", "surroundings", "firewall", "policies"}:
        assert not QUESTIONS[question](view_of())
    assert view_of().surroundings(vault("v", "contoso")) == ALONE
    assert view_of().grants(T1).find(frozenset({"x"}), SCOPE, GET, data=True) is None


def test_policies_are_compiled_again_when_one_of_them_changes() -> None:
    """And not when anything else does; networks are among them, and another tenant's are not."""
    network = NamedNetwork("n", T1, "Here", ("10.0.0.0/8",), False, 0, 0)
    view = view_of(network)
    first = view.conditional_access(T1)
    view.apply([RecordPut(user("u")), RecordPut(replace(network, tenant=T2))])
    assert view.conditional_access(T1) is first
    view.apply([RecordPut(replace(network, trusted=True))])
    second = view.conditional_access(T1)
    assert second is not first
    view.apply([removed(network)])
    assert view.conditional_access(T1) is not second


def test_not_being_loaded_is_the_services_fault() -> None:
    """The refusal is a 503, not a 403 or a 404: nothing was decided."""
    assert issubclass(ViewNotLoaded, Unavailable)
    assert ViewNotLoaded().headers == (("Retry-After", "1"),)


def test_changes_that_come_before_the_load_are_applied_on_top_of_it() -> None:
    """A commit between subscribing and loading is not lost, although the records were read before it."""
    view = View()
    view.apply([RecordPut(user("u1", "new@contoso.test")), removed(user("u2"))])
    view.load([user("u1", "old@contoso.test"), user("u2"), user("u3")])
    found = view.user_by_upn("new@contoso.test")
    assert found is not None
    assert found.id == "u1"
    assert view.user_by_upn("old@contoso.test") is None
    assert [one.id for one in view.all(User)] == ["u1", "u3"]


def test_loading_again_replaces_everything() -> None:
    """A second load leaves nothing of the first."""
    view = view_of(user("u1"), group("g"), member("g", "u1"))
    view.load([user("u2")])
    assert view.principal(T1, "u1") is None
    assert view.groups_of(T1, "u1") == frozenset()
    assert view.principal(T1, "u2") == user("u2")


# ---- lookups --------------------------------------------------------------------------------------------------------


def test_a_tenant_is_found_by_its_id_and_its_domains_without_case() -> None:
    """A tenant's id and domains name it in any case."""
    one, other = tenant(T1, "Contoso.test", "contoso.example"), tenant(T2, "fabrikam.test")
    view = view_of(one, other)
    assert view.tenant(T1.upper()) == view.tenant("CONTOSO.TEST") == view.tenant("contoso.example") == one
    assert view.tenants() == (one, other)


def test_a_tenant_cannot_take_anothers_id_as_its_domain() -> None:
    """An id names its own tenant, whatever domains another one has."""
    view = view_of(tenant(T1), tenant(T2, T1))
    assert view.tenant(T1) == tenant(T1)


def test_a_principal_is_found_in_its_own_tenant_only() -> None:
    """SEC-TENANT-1: an object id of tenant A is unknown in tenant B."""
    view = view_of(user("u1"), service_principal("sp1", "a1"), group("g1"), user("u2", of=T2))
    assert view.principal(T1, "u1") == user("u1")
    assert view.principal(T1, "sp1") == service_principal("sp1", "a1")
    assert view.principal(T1, "g1") == group("g1")
    assert view.principal(T2, "u1") is None
    assert view.principal(T1, "u2") is None
    assert view.service_principal_by_app_id(T2, "a1") is None


def test_an_application_is_no_principal() -> None:
    """An application's object id is not its service principal's (reference section 1.1)."""
    view = view_of(application("app1", "a1"), service_principal("sp1", "a1"))
    assert view.principal(T1, "app1") is None
    assert view.application_by_app_id("a1") == application("app1", "a1")
    assert view.service_principal_by_app_id(T1, "a1") == service_principal("sp1", "a1")


def test_a_user_is_found_by_name_without_case() -> None:
    """User principal names are compared as the store claims them: case-folded."""
    view = view_of(user("u1", "Straße@Contoso.test"))
    assert view.user_by_upn("STRASSE@contoso.TEST") == user("u1", "Straße@Contoso.test")


def test_a_vault_is_found_by_name_without_case_while_it_is_deleted_too() -> None:
    """A soft-deleted vault holds its name; whoever asks sees that it is deleted."""
    deleted = vault("v1", "Contoso", deleted=5)
    view = view_of(deleted)
    assert view.vault_by_name("CONTOSO") is view.vault("v1") is deleted
    view.apply([removed(deleted)])
    assert view.vault_by_name("contoso") is None


def test_resources_are_found_as_arm_paths_spell_them() -> None:
    """Subscriptions, groups, identities and machines are found in any case."""
    view = view_of(
        subscription("ab"), resource_group("ab", "Rg"), identity("ab", "Rg", "Robot"), machine("ab", "Rg", "Host")
    )
    assert view.subscription("AB") == subscription("ab")
    assert view.resource_group("AB", "RG") == resource_group("ab", "Rg")
    assert view.user_assigned_identity("Ab", "rG", "ROBOT") == identity("ab", "Rg", "Robot")
    assert view.machine("Ab", "rG", "HOST") == machine("ab", "Rg", "Host")


def test_credentials_are_found_by_id_and_by_owner() -> None:
    """An owner's credentials come in the order of their ids, and removing one leaves the others."""
    view = view_of(credential("k2", "app1"), credential("k1", "app1"), credential("k3", "app2"))
    assert view.credentials_of("app1") == (credential("k1", "app1"), credential("k2", "app1"))
    assert view.credential("k3") == credential("k3", "app2")
    view.apply([removed(credential("k1", "app1"))])
    assert view.credentials_of("app1") == (credential("k2", "app1"),)
    assert view.credential("k1") is None
    assert view.credentials_of("app9") == ()


def test_a_key_that_two_records_claim_finds_neither() -> None:
    """What is ambiguous is refused: a second credential of the same id in another tenant gives access to nobody."""
    view = view_of(credential("k1", "app1"), credential("k1", "app2", of=T2))
    assert view.credential("k1") is None
    view.apply([removed(credential("k1", "app2", of=T2))])
    assert view.credential("k1") == credential("k1", "app1")


@pytest.mark.parametrize("turned", [False, True])
def test_a_name_that_moves_within_a_commit_is_found_whatever_the_order(turned: bool) -> None:  # noqa: FBT001  both ways
    """Two users that swap names in one commit are found under their new names."""
    view = view_of(user("u1", "a@x"), user("u2", "b@x"))
    swap = [RecordPut(user("u1", "b@x")), RecordPut(user("u2", "a@x"))]
    view.apply(swap[::-1] if turned else swap)
    assert view.user_by_upn("a@x") == user("u2", "a@x")
    assert view.user_by_upn("b@x") == user("u1", "b@x")


def test_signing_keys_are_a_tenants_own() -> None:
    """SEC-TOKEN-1: a tenant's keys are listed for it alone."""
    view = view_of(signing_key("k1"), signing_key("k2", of=T2))
    assert view.signing_keys(T1) == (signing_key("k1"),)
    assert view.signing_key("k2") == signing_key("k2", of=T2)


def test_all_lists_in_the_order_of_the_store_and_follows_changes() -> None:
    """Listing is in the order of partition and id, of one partition or of all."""
    view = view_of(user("u2"), user("u1", of=T2), user("u3"), user("u1"))
    everyone = (user("u1"), user("u2"), user("u3"), user("u1", of=T2))
    assert view.all(User) == everyone
    assert view.all(User, tenant_partition(T1)) == everyone[:3]
    view.apply([removed(user("u2"))])
    assert view.all(User) == (everyone[0], *everyone[2:])
    assert view.all(User, tenant_partition(T1)) == (everyone[0], everyone[2])
    assert view.get(User, tenant_partition(T1), "u2") is None


# ---- groups ---------------------------------------------------------------------------------------------------------


def test_groups_are_transitive() -> None:
    """A member of a group is in every group that the group is in."""
    view = view_of(group("a"), group("b"), group("c"), member("a", "u"), member("b", "a"), member("c", "b"))
    assert view.groups_of(T1, "u") == {"a", "b", "c"}
    assert view.members_of(T1, "b") == ("a",)


def test_groups_in_a_circle_end() -> None:
    """Groups that contain each other give each other and come to an end."""
    view = view_of(group("a"), group("b"), member("a", "b"), member("b", "a"), member("a", "u"), member("a", "a"))
    assert view.groups_of(T1, "u") == {"a", "b"}
    assert view.groups_of(T1, "a") == {"b"}


def test_a_chain_of_thousands_of_groups_is_followed() -> None:
    """Depth is no limit: nothing recurses."""
    view = view_of(*(group(f"g{n}") for n in range(5000)), *(member(f"g{n + 1}", f"g{n}") for n in range(4999)))
    assert len(view.groups_of(T1, "g0")) == 4999


def test_removing_a_membership_in_the_middle_is_seen_at_once() -> None:
    """A right that came through a group ends with the membership that gave it, and returns with it."""
    middle = member("b", "a")
    view = view_of(group("a"), group("b"), group("c"), member("a", "u"), middle, member("c", "b"))
    assert view.groups_of(T1, "u") == {"a", "b", "c"}
    view.apply([removed(middle)])
    assert view.groups_of(T1, "u") == {"a"}
    view.apply([RecordPut(middle)])
    assert view.groups_of(T1, "u") == {"a", "b", "c"}


def test_a_removed_group_gives_nothing_and_passes_nothing_on() -> None:
    """Memberships that outlive their group give no rights."""
    view = view_of(group("a"), group("b"), member("a", "u"), member("b", "a"))
    view.apply([removed(group("a"))])
    assert view.groups_of(T1, "u") == frozenset()
    view.apply([RecordPut(group("a"))])
    assert view.groups_of(T1, "u") == {"a", "b"}


def test_groups_stay_within_their_tenant() -> None:
    """SEC-TENANT-1: a membership of tenant B in a group of tenant A's id gives nothing in either."""
    view = view_of(group("g"), member("g", "u", of=T2))
    assert view.groups_of(T1, "u") == frozenset()
    assert view.groups_of(T2, "u") == frozenset()


def test_directory_roles_are_held_directly() -> None:
    """A role that a group holds is not its members': editing a group makes no administrator."""
    view = view_of(group("g"), member("g", "u"), directory_role("admin", "g"), directory_role("reader", "u"))
    assert view.directory_roles_of(T1, "u") == {"reader"}
    assert view.directory_roles_of(T2, "u") == frozenset()
    view.apply([removed(directory_role("reader", "u"))])
    assert view.directory_roles_of(T1, "u") == frozenset()


# ---- what is compiled -----------------------------------------------------------------------------------------------


def test_rights_follow_assignments_and_roles() -> None:
    """A grant counts from the commit that made it to the commit that removed it, and so does a change of its role."""
    view = view_of(role("r1", "Microsoft.KeyVault/vaults/keys/read"), assignment("a1", "r1", "u", SCOPE))

    def allowed() -> bool:
        return view.grants(T1).find(frozenset({"u"}), SCOPE, GET, data=True) is not None

    assert not allowed()
    view.apply([RecordPut(role("r1", GET))])
    assert allowed()
    view.apply([removed(assignment("a1", "r1", "u", SCOPE))])
    assert not allowed()
    view.apply([RecordPut(assignment("a2", KEY_VAULT_ADMINISTRATOR, "u", SCOPE))])
    assert allowed()


def test_rights_follow_denials_and_management_groups() -> None:
    """So does a deny assignment, and where a subscription hangs; a circle of groups ends."""
    upper = ManagementGroup("upper", T1, "Upper", "Upper", 0, "lower")
    lower = ManagementGroup("lower", T1, "Lower", "Lower", 0, "upper")
    place = Subscription(SCOPE.split("/")[2], T1, "s", 0, "lower")
    held = assignment("a1", KEY_VAULT_ADMINISTRATOR, "u", upper.scope)
    taken = DenyAssignment("d1", T1, lower.scope, "no", 0, data_actions=("*",), principals=(EVERYONE,))
    view = view_of(held)

    def allowed() -> bool:
        return view.grants(T1).find(frozenset({"u"}), SCOPE, GET, data=True) is not None

    assert not allowed()
    view.apply([RecordPut(upper), RecordPut(lower), RecordPut(place)])
    assert allowed()
    view.apply([RecordPut(taken)])
    assert not allowed()
    view.apply([removed(taken)])
    assert allowed()
    view.apply([RecordPut(replace(lower, parent="missing"))])
    assert not allowed()
    view.apply([RecordPut(lower), RecordPut(replace(taken, tenant=T2))])
    assert allowed()
    view.apply([removed(place)])
    assert not allowed()


def test_rights_are_compiled_once_for_a_tenant() -> None:
    """Changes elsewhere leave a tenant's compiled rights as they are; its own make others."""
    view = view_of(assignment("a1", KEY_VAULT_ADMINISTRATOR, "u", SCOPE))
    before = view.grants(T1)
    view.apply([RecordPut(assignment("a2", KEY_VAULT_ADMINISTRATOR, "u", SCOPE, of=T2)), RecordPut(user("u9"))])
    assert view.grants(T1) is before
    view.apply([RecordPut(assignment("a3", KEY_VAULT_ADMINISTRATOR, "w", SCOPE))])
    assert view.grants(T1) is not before


def test_rights_of_one_tenant_are_none_in_another() -> None:
    """SEC-TENANT-1: an assignment in tenant A gives nothing in tenant B."""
    view = view_of(assignment("a1", KEY_VAULT_ADMINISTRATOR, "u", SCOPE))
    assert view.grants(T2).find(frozenset({"u"}), SCOPE, GET, data=True) is None


def test_a_stored_role_cannot_take_a_built_in_ones_place() -> None:
    """A row with the id of a built-in role does not change what that role grants."""
    reader = next(one.id for one in BUILTIN_ROLES.values() if one.name == "Reader")
    view = view_of(role(reader, "*"), assignment("a1", reader, "u", SCOPE))
    assert view.grants(T1).find(frozenset({"u"}), SCOPE, GET, data=True) is None


def test_a_firewall_is_compiled_once_and_follows_its_vault() -> None:
    """The same vault record gives the same firewall; a changed vault another one, at once."""
    before = vault("v1", "contoso")
    view = view_of(before)
    caller = Connection(address="203.0.113.7", link=Link.PUBLIC, request_id="r")
    assert view.firewall(before) is view.firewall(before)
    assert view.firewall(before).judge(caller).passage is Passage.ADMITTED
    closed = vault("v1", "contoso", network_acls=NetworkAcls(default_action=DefaultAction.DENY))
    view.apply([RecordPut(closed)])
    assert view.firewall(closed).judge(caller).passage is Passage.ONLY_IF_TRUSTED


def test_policies_are_compiled_once_and_follow_their_vault() -> None:
    """The same vault record gives the same index of policies; a changed vault another one."""
    before, after = vault("v1", "contoso", rbac=False), vault("v1", "contoso", rbac=None)
    view = view_of(before)
    assert isinstance(view.policies(before), PolicyIndex)
    assert view.policies(before) is view.policies(before)
    view.apply([RecordPut(after)])
    assert view.policies(after) is not view.policies(before)


# ---- generations ----------------------------------------------------------------------------------------------------


def test_the_generation_grows_with_every_change_of_a_record() -> None:
    """What was worked out from records can be kept for as long as the generation stands."""
    view = View()
    seen = [view.generation]
    view.load([])
    seen.append(view.generation)
    for change in (RecordPut(user("u1")), RecordPut(user("u1")), removed(user("u1"))):
        view.apply([change])
        seen.append(view.generation)
    assert seen == sorted(set(seen))


def test_a_change_of_an_object_alone_leaves_the_generation() -> None:
    """Writing secrets does not make every caller be looked up again."""
    view = view_of(user("u1"))
    before = view.generation
    view.apply([ObjectChanged("v1", Collection.SECRETS, "a")])
    assert view.generation == before


def test_a_group_is_a_principal_of_its_kind() -> None:
    """What is found under an object id is a record of its own kind, for the caller to tell apart."""
    assert isinstance(view_of(group("g")).principal(T1, "g"), Group)


def test_owners_on_both_sides() -> None:
    """SEC-TENANT-1: who owns what, in its own tenant, until it is taken away."""
    view = view_of(owner("app", "u"), owner("app", "sp"), owner("g", "u"), owner("app", "u", T2))
    assert view.owners_of(T1, "app") == ("sp", "u")
    assert view.owned_by(T1, "u") == ("app", "g")
    view.apply([removed(owner("app", "u"))])
    assert (view.owners_of(T1, "app"), view.owned_by(T1, "u")) == (("sp",), ("g",))
    assert view.owners_of(T2, "app") == ("u",)


def test_app_roles_on_both_sides() -> None:
    """SEC-TENANT-1: assignments by principal and by resource; Graph's own count as permissions, others do not."""
    graph = service_principal("graph", GRAPH)
    of_graph, of_other = app_role("1", "sp", "graph", "r"), app_role("2", "sp", "other", "r2")
    view = view_of(graph, service_principal("other", "x"), of_graph, of_other, app_role("3", "sp", "graph", "r3", T2))
    assert view.app_roles_held_by(T1, "sp") == (of_graph, of_other)
    assert view.app_roles_given_on(T1, "graph") == (of_graph,)
    assert view.app_permissions_of(T1, "sp") == {"r"}
    assert view.app_permissions_of(T2, "sp") == frozenset()
    view.apply([removed(graph)])
    assert view.app_permissions_of(T1, "sp") == frozenset()


def test_direct_groups_are_there() -> None:
    """Of the groups that something is in directly, only those that exist."""
    view = view_of(group("a"), group("b"), member("a", "u"), member("b", "a"), member("gone", "u"))
    assert view.direct_groups_of(T1, "u") == {"a"}
    assert view.direct_groups_of(T2, "u") == frozenset()


def test_applications_by_what_they_are_called_and_where_their_pages_are() -> None:
    """Several may share a URI or an origin, in several tenants; each goes with its application."""
    pages = SignIn(spa=("https://App.Example:443/a", "https://app.example/b", "http://localhost:3000/"))
    one = replace(application("a", "id-a"), identifier_uris=("api://X", "api://y"), sign_in=pages)
    other = replace(application("b", "id-b", T2), identifier_uris=("api://x",))
    view = view_of(one, other)
    assert view.applications_by_uri("API://x") == (one, other)
    assert view.applications_by_uri("api://y") == (one,)
    assert view.applications_by_origin("https://app.example") == (one,)
    assert view.applications_by_origin("http://localhost:3000") == (one,)
    assert view.applications_by_origin("http://localhost") == ()
    view.apply([removed(one)])
    assert (view.applications_by_uri("api://x"), view.applications_by_origin("https://app.example")) == ((other,), ())


def test_grants_of_a_client_stay_within_their_tenant() -> None:
    """SEC-TENANT-1: consent in one tenant is none in another."""
    here, there = (PermissionGrant(f"g-{of}", of, "client", None, "graph", ("User.Read",)) for of in (T1, T2))
    view = view_of(here, there)
    assert view.permission_grants_of(T1, "client") == (here,)
    view.apply([removed(here)])
    assert view.permission_grants_of(T1, "client") == ()
