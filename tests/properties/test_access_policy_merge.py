"""Merging access policies: whatever the lists are, what was removed is not permitted, and what was added is."""

from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.access_policy import PERMISSIONS, PolicyIndex, permissions_of
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.vaults import AccessPolicy
from strongroom.resources.access_policies import PolicyOperation, merge

TENANT = "11111111-1111-4111-8111-111111111111"
PEOPLE = tuple(f"a0000000-0000-4000-8000-00000000000{number}" for number in range(3))
WORDS = {category: tuple(word.lower() for word in words) for category, words in PERMISSIONS.items()}


def words(category: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Draw words of a category, `all` among them."""
    return st.lists(st.sampled_from((*WORDS[category], "all")), max_size=4, unique=True).map(tuple)


entries = st.builds(
    AccessPolicy,
    tenant_id=st.just(TENANT),
    object_id=st.sampled_from(PEOPLE),
    application_id=st.none(),
    keys=words("keys"),
    secrets=words("secrets"),
    certificates=words("certificates"),
)
lists = st.lists(entries, max_size=6)


def given_to(policies: tuple[AccessPolicy, ...] | list[AccessPolicy], person: str) -> set[tuple[str, str]]:
    """Ask the evaluator itself for everything a person may do."""
    caller = Caller(
        tenant=TENANT,
        oid=person,
        appid="app",
        kind=PrincipalType.USER,
        issuer="",
        groups=frozenset(),
        credential="",
        token_id="",
    )
    index = PolicyIndex(policies)
    return {
        (category, word)
        for category, known in WORDS.items()
        for word in known
        if index.find(caller, category, word) is not None
    }


def named(policies: list[AccessPolicy], person: str) -> list[AccessPolicy]:
    """Pick a person's entries."""
    return [policy for policy in policies if policy.object_id == person]


@given(lists, lists)
def test_add(before: list[AccessPolicy], added: list[AccessPolicy]) -> None:
    """Adding gives exactly what was there and what was added."""
    after = merge(before, PolicyOperation.ADD, added)
    for person in PEOPLE:
        assert given_to(after, person) == given_to(before, person) | given_to(added, person)


@given(lists, lists)
def test_replace(before: list[AccessPolicy], put: list[AccessPolicy]) -> None:
    """Replacing gives the named exactly what was put, and leaves the others."""
    after = merge(before, PolicyOperation.REPLACE, put)
    for person in PEOPLE:
        assert given_to(after, person) == given_to(put if named(put, person) else before, person)


@given(lists, lists)
def test_remove(before: list[AccessPolicy], removed: list[AccessPolicy]) -> None:
    """Removing takes exactly what was named; an entry without words takes everything."""
    after = merge(before, PolicyOperation.REMOVE, removed)
    for person in PEOPLE:
        wordless = any(
            not any(permissions_of(entry, category) for category in PERMISSIONS) for entry in named(removed, person)
        )
        expected = set() if wordless else given_to(before, person) - given_to(removed, person)
        assert given_to(after, person) == expected
