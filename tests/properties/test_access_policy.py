"""Access policies against a second evaluator, written from reference section 3.2."""

from hypothesis import event, given
from hypothesis import strategies as st

from strongroom.core.access_policy import PERMISSIONS, PolicyIndex
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.vaults import AccessPolicy

IDS = ("alice", "app", "team")
TENANTS = ("t-1", "t-1", "t-1", "t-2")


def matches(entry: AccessPolicy, caller: Caller) -> bool:
    """Whom an entry is for: a user or application alone, a group's members, or a user through one application."""
    if entry.tenant_id != caller.tenant:
        return False
    if entry.application_id is not None:
        is_user = caller.kind is PrincipalType.USER
        return (
            is_user
            and (entry.object_id, entry.application_id) == (caller.oid, caller.appid)
            and caller.appidacr in ("1", "2")
        )
    return entry.object_id == caller.oid or entry.object_id in caller.groups


entries = st.builds(
    AccessPolicy,
    tenant_id=st.sampled_from(TENANTS),
    object_id=st.sampled_from(IDS),
    application_id=st.one_of(st.none(), st.sampled_from(IDS)),
    keys=st.frozensets(st.sampled_from(["get", "wrapkey", "all"])),
    secrets=st.frozensets(st.sampled_from(["get", "list", "set", "all"]), min_size=1),
)
callers = st.builds(
    Caller,
    tenant=st.sampled_from(TENANTS),
    oid=st.sampled_from(IDS),
    appid=st.sampled_from(IDS),
    kind=st.sampled_from([PrincipalType.USER, PrincipalType.SERVICE_PRINCIPAL]),
    issuer=st.just("i"),
    groups=st.frozensets(st.sampled_from(IDS)),
    credential=st.just("c"),
    token_id=st.just("u"),
    appidacr=st.sampled_from(["0", "1", "2"]),
)
questions = st.one_of(
    st.sampled_from([("secrets", word) for word in ("get", "list", "set")]),
    st.sampled_from(
        [(category, word) for category in PERMISSIONS for word in ("get", "wrapKey", "list", "set", "all")]
    ),
)


@given(st.lists(entries, max_size=4), callers, questions)
def test_the_index_agrees_with_looking_at_every_entry(
    policies: list[AccessPolicy], caller: Caller, question: tuple[str, str]
) -> None:
    """Allowed by one means allowed by the other, and the first entry that allows is named."""
    category, word = question
    places = []
    for place, entry in enumerate(policies):
        words = {"keys": entry.keys, "secrets": entry.secrets}.get(category, frozenset())
        known = word in PERMISSIONS[category] or word == "all"
        if matches(entry, caller) and (word.lower() in words or (known and "all" in words)):
            places.append(place)
    match = PolicyIndex(policies).find(caller, category, word)
    event("allowed" if places else "denied")
    assert (None if match is None else match.place) == min(places, default=None)
    assert match is None or match.policy is policies[match.place]
