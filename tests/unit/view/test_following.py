"""Following changes: after any of them the view answers as one that was loaded afresh."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.changes import Change, ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.identity import Membership
from strongroom.core.objects import Collection
from strongroom.core.records import KINDS, Record
from strongroom.view import View
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

TENANTS = (T1, T2)
IDS = ("a", "b", "c", "d")
GET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
SCOPES = ("/", "/subscriptions/a", "/subscriptions/a/resourceGroups/b")

one_tenant = st.sampled_from(TENANTS)
one_id = st.sampled_from(IDS)
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(tenant, one_tenant, one_id),
    st.builds(user, one_id, one_id, one_tenant),
    st.builds(group, one_id, one_tenant),
    st.builds(member, one_id, one_id, one_tenant),
    st.builds(member, one_id, one_id, one_tenant),
    st.builds(application, one_id, one_id, one_tenant),
    st.builds(service_principal, one_id, one_id, one_tenant),
    st.builds(credential, one_id, one_id, one_tenant),
    st.builds(directory_role, one_id, one_id, one_tenant),
    st.builds(owner, one_id, one_id, one_tenant),
    st.builds(app_role, one_id, one_id, one_id, one_id, one_tenant),
    st.builds(signing_key, one_id, one_tenant),
    st.builds(role, one_id, st.sampled_from((GET, "*/read")), of=one_tenant),
    st.builds(
        assignment,
        one_id,
        st.sampled_from((*IDS, KEY_VAULT_ADMINISTRATOR)),
        one_id,
        st.sampled_from(SCOPES),
        one_tenant,
    ),
    st.builds(subscription, one_id, one_tenant),
    st.builds(resource_group, one_id, st.sampled_from("aAbB"), one_tenant),
    st.builds(identity, one_id, one_id, st.sampled_from("aAbB"), one_tenant),
    st.builds(vault, one_id, st.sampled_from("aAbB"), one_tenant, purge_protection=st.booleans()),
)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(RecordPut, records),
    st.builds(RecordPut, records),
    records.map(lambda record: RecordRemoved(record.KIND, record.partition, record.id)),
    st.builds(ObjectChanged, one_id, st.sampled_from(Collection), one_id),
)
commits = st.lists(st.lists(changes, max_size=12), max_size=12)


def follow(known: dict[tuple[str, str, str], Record], commit: list[Change]) -> None:
    """Do with a dictionary what the view should have done."""
    for change in commit:
        match change:
            case RecordPut(record):
                known[record.KIND, record.partition, record.id] = record
            case RecordRemoved(kind, partition, record_id):
                known.pop((kind, partition, record_id), None)


def answers(view: View) -> dict[str, object]:
    """Ask every question about every id there can be."""
    found: dict[str, object] = {kind: view.all(cls) for kind, cls in KINDS.items()}
    for one in IDS:
        found |= {
            f"tenant {one}": view.tenant(one),
            f"application {one}": view.application_by_app_id(one),
            f"upn {one}": view.user_by_upn(one),
            f"owned {one}": view.credentials_of(one),
            f"credential {one}": view.credential(one),
            f"signing {one}": view.signing_key(one),
            f"subscription {one}": view.subscription(one),
            f"vault {one}": view.vault(one),
            f"vault name {one}": view.vault_by_name(one),
        }
    for of, one in product(TENANTS, IDS):
        found |= {
            f"principal {of} {one}": view.principal(of, one),
            f"service principal {of} {one}": view.service_principal_by_app_id(of, one),
            f"groups {of} {one}": view.groups_of(of, one),
            f"members {of} {one}": view.members_of(of, one),
            f"direct groups {of} {one}": view.direct_groups_of(of, one),
            f"roles {of} {one}": view.directory_roles_of(of, one),
            f"owners {of} {one}": view.owners_of(of, one),
            f"owned by {of} {one}": view.owned_by(of, one),
            f"app roles held {of} {one}": view.app_roles_held_by(of, one),
            f"app roles given {of} {one}": view.app_roles_given_on(of, one),
        }
        for scope in SCOPES:
            found[f"grant {of} {one} {scope}"] = view.grants(of).find(frozenset({one}), scope, GET, data=True)
    for one, other in product(IDS, IDS):
        found[f"group {one} {other}"] = view.resource_group(one, other)
        for third in IDS:
            found[f"identity {one} {other} {third}"] = view.user_assigned_identity(one, other, third)
    for of in TENANTS:
        found |= {f"tenant {of}": view.tenant(of), f"keys {of}": view.signing_keys(of)}
    return found


@settings(max_examples=150)
@given(st.lists(records, max_size=20), commits, st.data())
def test_following_is_the_same_as_loading_afresh(
    first: list[Record], later: list[list[Change]], data: st.DataObject
) -> None:
    """After any commits, in whatever pieces they came, every answer is that of a view loaded with what is left."""
    known: dict[tuple[str, str, str], Record] = {}
    follow(known, [RecordPut(record) for record in first])
    view = View()
    view.load(first)
    for commit in later:
        view.apply(commit)
        follow(known, commit)
        if data.draw(st.booleans()):
            # Asking fills what is kept; what is kept must not outlive the next change.
            answers(view)
    fresh = View()
    fresh.load(data.draw(st.permutations(list(known.values()))))
    assert answers(view) == answers(fresh)


@settings(max_examples=150)
@given(st.lists(st.one_of(st.builds(group, one_id), st.builds(member, one_id, one_id)), max_size=40))
def test_transitive_groups_are_the_closure_of_direct_ones(given_records: list[Record]) -> None:
    """The groups of a principal are what repeated joining of the direct memberships gives."""
    view = View()
    view.load(given_records)
    exists = {record.id for record in given_records if record.KIND == "group"}
    pairs = {
        (record.member, record.group)
        for record in given_records
        if isinstance(record, Membership) and record.group in exists
    }
    closure = set(pairs)
    while grown := {(a, d) for a, b in closure for c, d in pairs if b == c} - closure:
        closure |= grown
    for one in IDS:
        assert view.groups_of(T1, one) == {above for below, above in closure if below == one} - {one}
